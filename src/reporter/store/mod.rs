//! Reporters in Postgres.

pub mod list;
pub mod merge;
pub mod search;
pub mod statistics;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    reporter::{self, Details, Reporter},
};

struct Row {
    id: Uuid,
    display_name: String,
    pen_names: Vec<String>,
    press_card_number: String,
    desk: String,
    email: String,
    phone: String,
    retired: bool,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    delete_time: Option<DateTime<Utc>>,
    merged_into: Option<Uuid>,
}

impl From<Row> for Reporter {
    fn from(row: Row) -> Reporter {
        Reporter {
            id: row.id,
            details: Details {
                display_name: row.display_name,
                pen_names: row.pen_names,
                press_card_number: row.press_card_number,
                desk: row.desk,
                email: row.email,
                phone: row.phone,
                retired: row.retired,
            },
            version: row.version,
            create_time: row.create_time,
            update_time: row.update_time,
            delete_time: row.delete_time,
            merged_into: row.merged_into,
        }
    }
}

/// Several reporters, deleted or not, in no order; those that are there.
pub async fn find_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Reporter>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, display_name, pen_names, press_card_number, desk, email, phone, retired, version,
                create_time, update_time, delete_time, merged_into
         from reporters where id = any((select $1::uuid[])::uuid[])",
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Reporter::from).collect())
}

/// One reporter, deleted or not.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Reporter>> {
    Ok(find_all(connection, &[id]).await?.pop())
}

/// One reporter, locked against other changes until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Reporter>> {
    Ok(lock_all(connection, &[id]).await?.pop())
}

/// Several reporters, locked in the order of their ids; those that are there.
pub async fn lock_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Reporter>> {
    sqlx::query!("select id from reporters where id = any($1) order by id for update", ids)
        .fetch_all(&mut *connection)
        .await?;
    find_all(connection, ids).await
}

/// Adds a reporter, with what it is found by.
pub async fn insert(connection: &mut PgConnection, reporter: &Reporter) -> Result<()> {
    let details = &reporter.details;
    sqlx::query!(
        "insert into reporters (id, display_name, pen_names, press_card_number, desk, email, phone, pinyin,
                                retired, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        reporter.id,
        details.display_name,
        &details.pen_names,
        details.press_card_number,
        details.desk,
        details.email,
        details.phone,
        &reporter.pinyin(),
        details.retired,
        reporter.version,
        reporter.create_time,
        reporter.update_time
    )
    .execute(&mut *connection)
    .await?;
    search::write(connection, &[reporter::search::entry(reporter.id, reporter.version, details)]).await
}

/// Writes a changed reporter, times and version included, with what it is found by.
pub async fn update(connection: &mut PgConnection, reporter: &Reporter) -> Result<()> {
    let details = &reporter.details;
    sqlx::query!(
        "update reporters set display_name = $2, pen_names = $3, press_card_number = $4, desk = $5, email = $6,
                phone = $7, pinyin = $8, retired = $9, version = $10, update_time = $11, delete_time = $12,
                merged_into = $13
         where id = $1",
        reporter.id,
        details.display_name,
        &details.pen_names,
        details.press_card_number,
        details.desk,
        details.email,
        details.phone,
        &reporter.pinyin(),
        details.retired,
        reporter.version,
        reporter.update_time,
        reporter.delete_time,
        reporter.merged_into
    )
    .execute(&mut *connection)
    .await?;
    search::write(connection, &[reporter::search::entry(reporter.id, reporter.version, details)]).await
}

/// The names of some articles and photos whose bylines refer to a reporter.
pub async fn users(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select name as "name!" from (
             (select 'articles/' || r.article as name from article_reporters r
              join articles a on a.id = r.article where r.reporter = $1 and a.delete_time is null limit 5)
             union all
             (select 'photos/' || r.photo from photo_reporters r
              join photos p on p.id = r.photo where r.reporter = $1 and p.delete_time is null limit 5)
         ) as users"#,
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(names)
}
