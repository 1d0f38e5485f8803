//! What the database holds that operators ask about.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::error::Result;

/// What the database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version of Postgres, as `18.1`.
    pub postgres_version: String,
    /// The number of the last publication; 0 if there is none.
    pub ledger_sequence: i64,
    /// When the last publication was made.
    pub ledger_time: Option<DateTime<Utc>>,
    /// Issues that wait to be published at their time.
    pub issues_waiting: i64,
    /// Articles that wait to be published at their time.
    pub articles_waiting: i64,
    /// The next time of any of them.
    pub next_due: Option<DateTime<Utc>>,
}

/// Looks at it, by indexes alone.
pub async fn stored(connection: &mut PgConnection) -> Result<Stored> {
    let stored = sqlx::query_as!(
        Stored,
        r#"select current_setting('server_version') as "postgres_version!",
                  coalesce((select sequence from ledger_head), 0) as "ledger_sequence!",
                  (select publish_time from publications order by sequence desc limit 1) as ledger_time,
                  (select count(*) from issues where publish_due is not null) as "issues_waiting!",
                  (select count(*) from articles where publish_due is not null) as "articles_waiting!",
                  least((select min(publish_due) from issues where publish_due is not null),
                        (select min(publish_due) from articles where publish_due is not null)) as next_due"#
    );
    Ok(stored.fetch_one(connection).await?)
}

/// Orders to publish issues and articles that failed and stand as such.
pub async fn failed_orders(connection: &mut PgConnection) -> Result<[i64; 2]> {
    let failed = sqlx::query!(
        r#"select (select count(*) from issues
                   where schedule is not null and publish_due is null) as "issues!",
                  (select count(*) from articles
                   where schedule is not null and publish_due is null) as "articles!""#
    );
    let failed = failed.fetch_one(connection).await?;
    Ok([failed.issues, failed.articles])
}

/// The number of the newest migration that the database has had; 0 if none.
pub async fn schema_version(connection: &mut PgConnection) -> Result<i64> {
    // The migrator's own table, which no migration makes.
    let version = sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success");
    Ok(version.fetch_one(connection).await?)
}
