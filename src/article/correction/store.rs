//! Owed corrections in Postgres. A row is closed once, and never removed.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{article::correction::OwedCorrection, error::Result};

/// Records a correction that is owed; the article must be locked and owe none.
pub async fn insert(connection: &mut PgConnection, owed: &OwedCorrection) -> Result<()> {
    sqlx::query!(
        "insert into owed_corrections (id, article, newspaper, issue, publish_date, page, reason, person,
                                       create_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        owed.id,
        owed.article,
        owed.newspaper,
        owed.issue,
        owed.publish_date,
        owed.page,
        owed.reason,
        owed.person,
        owed.create_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Closes an owed correction that will not come.
pub async fn cancel(
    connection: &mut PgConnection,
    id: Uuid,
    reason: &str,
    person: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update owed_corrections set cancel_reason = $2, cancel_person = $3, cancel_time = $4
         where id = $1 and cancel_time is null and settled_by is null",
        id,
        reason,
        person,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What a newspaper owes for issues of the days before one, oldest first.
pub async fn open_before(
    connection: &mut PgConnection,
    newspaper: &str,
    publish_date: NaiveDate,
) -> Result<Vec<OwedCorrection>> {
    let rows = sqlx::query_scalar!(
        r#"select to_jsonb(o) as "owed!: Json<OwedCorrection>" from owed_corrections o
           where newspaper = $1 and publish_date < $2 and cancel_time is null and settled_by is null
           order by publish_date, id"#,
        newspaper,
        publish_date
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| row.0).collect())
}

/// Closes owed corrections that this publication has brought; the articles
/// whose corrections they are. One that was closed meanwhile stays as it is.
pub async fn settle(connection: &mut PgConnection, ids: &[Uuid], publication: i64) -> Result<Vec<Uuid>> {
    let articles = sqlx::query_scalar!(
        "update owed_corrections set settled_by = $2
         where id = any($1) and cancel_time is null and settled_by is null returning article",
        ids,
        publication
    );
    Ok(articles.fetch_all(connection).await?)
}
