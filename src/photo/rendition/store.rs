//! Which renditions have been made, in Postgres.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    digest::Digest,
    error::Result,
    photo::{File, rendition::CONTENT_TYPE},
    workflow::store::digest,
};

/// The facts of a rendition that has been made.
pub async fn find(connection: &mut PgConnection, key: Digest) -> Result<Option<File>> {
    let row = sqlx::query!(
        "select sha256, size_bytes, width_px, height_px from renditions where key = $1",
        key.as_bytes()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(File {
            sha256: digest(&row.sha256)?,
            content_type: CONTENT_TYPE.to_owned(),
            size_bytes: row.size_bytes,
            width_px: row.width_px,
            height_px: row.height_px,
            orientation: 1,
        })
    })
    .transpose()
}

/// Notes the facts of a rendition, instead of those that were noted before.
pub async fn keep(
    connection: &mut PgConnection,
    key: Digest,
    original: Digest,
    made: &File,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into renditions (key, original_sha256, sha256, size_bytes, width_px, height_px, create_time)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (key) do update
         set sha256 = $3, size_bytes = $4, width_px = $5, height_px = $6, create_time = $7",
        key.as_bytes(),
        original.as_bytes(),
        made.sha256.as_bytes(),
        made.size_bytes,
        made.width_px,
        made.height_px,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the renditions of an original; their keys.
pub async fn forget(connection: &mut PgConnection, original: Digest) -> Result<Vec<Digest>> {
    let keys = sqlx::query_scalar!(
        "delete from renditions where original_sha256 = $1 returning key",
        original.as_bytes()
    );
    keys.fetch_all(connection).await?.iter().map(|key| digest(key)).collect()
}

/// Which of these renditions are noted.
pub async fn known(connection: &mut PgConnection, keys: &[Digest]) -> Result<Vec<Digest>> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let known = sqlx::query_scalar!("select key from renditions where key = any($1)", &keys as &[&[u8]]);
    known.fetch_all(connection).await?.iter().map(|key| digest(key)).collect()
}
