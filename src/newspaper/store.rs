//! Newspapers in Postgres.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Error, Result, breaks},
    newspaper::{Facts, KIND, Newspaper},
};

struct Row {
    id: String,
    uid: Uuid,
    title: String,
    serial_code: String,
    supervising_body: String,
    publishing_body: String,
    chief_editor: String,
    hotline: String,
    website: String,
    email: String,
    time_zone: String,
    language_code: String,
    price_note: String,
    review_stages: i16,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    delete_time: Option<DateTime<Utc>>,
}

impl From<Row> for Newspaper {
    fn from(row: Row) -> Newspaper {
        Newspaper {
            id: row.id,
            uid: row.uid,
            facts: Facts {
                title: row.title,
                serial_code: row.serial_code,
                supervising_body: row.supervising_body,
                publishing_body: row.publishing_body,
                chief_editor: row.chief_editor,
                hotline: row.hotline,
                website: row.website,
                email: row.email,
                time_zone: row.time_zone,
                language_code: row.language_code,
                price_note: row.price_note,
                review_stages: row.review_stages.into(),
            },
            version: row.version,
            create_time: row.create_time,
            update_time: row.update_time,
            delete_time: row.delete_time,
        }
    }
}

/// One newspaper, deleted or not.
pub async fn find(connection: &mut PgConnection, id: &str) -> Result<Option<Newspaper>> {
    let row = sqlx::query_as!(
        Row,
        "select id, uid, title, serial_code, supervising_body, publishing_body, chief_editor, hotline,
                website, email, time_zone, language_code, price_note, review_stages, version,
                create_time, update_time, delete_time
         from newspapers where id = $1",
        id
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Newspaper::from))
}

/// One newspaper, locked against other changes until the transaction ends. The
/// lock also waits for issues and articles of it that are being made.
pub async fn lock(connection: &mut PgConnection, id: &str) -> Result<Option<Newspaper>> {
    sqlx::query!("select id from newspapers where id = $1 for update", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// One live newspaper, with a lock that keeps it from being changed or deleted;
/// none if it is deleted.
pub async fn hold(connection: &mut PgConnection, id: &str) -> Result<Option<Newspaper>> {
    sqlx::query!("select id from newspapers where id = $1 for share", id)
        .fetch_optional(&mut *connection)
        .await?;
    Ok(find(connection, id).await?.filter(|newspaper| newspaper.delete_time.is_none()))
}

/// Newspapers by id, those behind `after`; of these ids only, if there are any.
pub async fn list(
    connection: &mut PgConnection,
    within: &[String],
    after: Option<String>,
    show_deleted: bool,
    rows_max: i64,
) -> Result<Vec<Newspaper>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, uid, title, serial_code, supervising_body, publishing_body, chief_editor, hotline,
                website, email, time_zone, language_code, price_note, review_stages, version,
                create_time, update_time, delete_time
         from newspapers
         where ($1::text is null or id > $1) and ($2 or delete_time is null)
           and (cardinality($4::text[]) = 0 or id = any($4))
         order by id limit $3",
        after,
        show_deleted,
        rows_max,
        within
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Newspaper::from).collect())
}

/// Adds a newspaper.
///
/// # Errors
/// [`Error::Exists`] if the id is taken, maybe by a deleted one.
pub async fn insert(connection: &mut PgConnection, newspaper: &Newspaper) -> Result<()> {
    let facts = &newspaper.facts;
    let inserted = sqlx::query!(
        "insert into newspapers (id, uid, title, serial_code, supervising_body, publishing_body, chief_editor,
                                 hotline, website, email, time_zone, language_code, price_note, review_stages,
                                 version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        newspaper.id,
        newspaper.uid,
        facts.title,
        facts.serial_code,
        facts.supervising_body,
        facts.publishing_body,
        facts.chief_editor,
        facts.hotline,
        facts.website,
        facts.email,
        facts.time_zone,
        facts.language_code,
        facts.price_note,
        facts.review_stages as i16,
        newspaper.version,
        newspaper.create_time,
        newspaper.update_time
    )
    .execute(connection)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if breaks(&error, "newspapers_pkey") => {
            Err(Error::Exists { kind: KIND, name: newspaper.name() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a changed newspaper, times and version included.
pub async fn update(connection: &mut PgConnection, newspaper: &Newspaper) -> Result<()> {
    let facts = &newspaper.facts;
    sqlx::query!(
        "update newspapers set title = $2, serial_code = $3, supervising_body = $4, publishing_body = $5,
                chief_editor = $6, hotline = $7, website = $8, email = $9, time_zone = $10,
                language_code = $11, price_note = $12, review_stages = $13, version = $14,
                update_time = $15, delete_time = $16
         where id = $1",
        newspaper.id,
        facts.title,
        facts.serial_code,
        facts.supervising_body,
        facts.publishing_body,
        facts.chief_editor,
        facts.hotline,
        facts.website,
        facts.email,
        facts.time_zone,
        facts.language_code,
        facts.price_note,
        facts.review_stages as i16,
        newspaper.version,
        newspaper.update_time,
        newspaper.delete_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The names of some issues and articles that a newspaper still has.
pub async fn users(connection: &mut PgConnection, id: &str) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select name as "name!" from (
             (select 'newspapers/' || newspaper || '/issues/' || id as name
              from issues where newspaper = $1 and delete_time is null limit 5)
             union all
             (select 'articles/' || id from articles where newspaper = $1 and delete_time is null limit 5)
         ) as users limit 5"#,
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(names)
}
