//! Whom bylines refer to, in Postgres.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// The display names of reporters whom a byline is about to refer to, with a
/// lock that keeps them from being deleted; those that are there and live.
pub async fn hold_reporters(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!(
        "select id, display_name from reporters where id = any($1) and delete_time is null order by id for share",
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.display_name)).collect())
}
