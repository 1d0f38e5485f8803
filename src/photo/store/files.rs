//! What is known of the files in the photo store, and who refers to them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use crate::{
    digest::Digest,
    error::Result,
    photo::{File, metadata::Metadata},
    workflow::store::digest,
};

/// What must be known of a file to prove it.
#[derive(Clone, Debug)]
pub struct Known {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size_bytes: i64,
    /// Whether a photo or a publication refers to it.
    pub used: bool,
}

/// Keeps the facts of a file, and holds it until the transaction ends, so that
/// nobody removes it.
pub async fn hold(
    connection: &mut PgConnection,
    file: &File,
    metadata: &Metadata,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into photo_files (sha256, content_type, size_bytes, width_px, height_px, orientation,
                                  create_time, embedded, metadata)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (sha256) do update
         set content_type = $2, size_bytes = $3, width_px = $4, height_px = $5, orientation = $6,
             embedded = $8, metadata = $9",
        file.sha256.as_bytes(),
        file.content_type,
        file.size_bytes,
        file.width_px,
        file.height_px,
        i16::from(file.orientation),
        now,
        Json(&metadata.embedded) as _,
        Json(metadata) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a file into this transaction alone, known or not, so that nobody begins
/// to refer to it; whether somebody does.
pub async fn seize(connection: &mut PgConnection, sha256: Digest, now: DateTime<Utc>) -> Result<bool> {
    // A row that is being added by another transaction is waited for.
    sqlx::query!(
        "insert into photo_files (sha256, content_type, size_bytes, width_px, height_px, create_time)
         values ($1, '', 1, 0, 0, $2) on conflict (sha256) do update set sha256 = excluded.sha256",
        sha256.as_bytes(),
        now
    )
    .execute(&mut *connection)
    .await?;
    let used = sqlx::query_scalar!(
        r#"select exists (select from photos where file_sha256 = $1)
               or exists (select from publication_photos where sha256 = $1) as "used!""#,
        sha256.as_bytes()
    );
    Ok(used.fetch_one(connection).await?)
}

/// Forgets a file that was seized and is removed.
pub async fn delete(connection: &mut PgConnection, sha256: Digest) -> Result<()> {
    sqlx::query!("delete from photo_files where sha256 = $1", sha256.as_bytes()).execute(connection).await?;
    Ok(())
}

/// All that a file says of itself; none if nobody has read it.
pub async fn metadata(connection: &mut PgConnection, sha256: Digest) -> Result<Option<Metadata>> {
    let metadata = sqlx::query_scalar!(
        r#"select metadata as "metadata: Json<Metadata>" from photo_files where sha256 = $1"#,
        sha256.as_bytes()
    );
    Ok(metadata.fetch_optional(connection).await?.flatten().map(|metadata| metadata.0))
}

/// How many files are known.
pub async fn count(connection: &mut PgConnection) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from photo_files"#);
    Ok(count.fetch_one(connection).await?)
}

/// Known files in the order of their digests, those behind `after`.
pub async fn list(connection: &mut PgConnection, after: Option<Digest>, rows_max: i64) -> Result<Vec<Known>> {
    let after = after.as_ref().map(|after| after.as_bytes());
    let rows = sqlx::query!(
        r#"select f.sha256, f.size_bytes,
                  exists (select from photos p where p.file_sha256 = f.sha256)
                  or exists (select from publication_photos p where p.sha256 = f.sha256) as "used!"
           from photo_files f
           where $1::bytea is null or f.sha256 > $1 order by f.sha256 limit $2"#,
        after,
        rows_max
    );
    let rows = rows.fetch_all(connection).await?.into_iter();
    rows.map(|row| Ok(Known { sha256: digest(&row.sha256)?, size_bytes: row.size_bytes, used: row.used }))
        .collect()
}

/// Which of these files a photo or a publication refers to.
pub async fn used(connection: &mut PgConnection, files: &[Digest]) -> Result<Vec<Digest>> {
    let files: Vec<&[u8]> = files.iter().map(|file| file.as_bytes()).collect();
    let used = sqlx::query_scalar!(
        r#"select f as "sha256!" from unnest($1::bytea[]) f
           where exists (select from photos p where p.file_sha256 = f)
              or exists (select from publication_photos p where p.sha256 = f)"#,
        &files as &[&[u8]]
    );
    used.fetch_all(connection).await?.iter().map(|sha256| digest(sha256)).collect()
}

/// The names of some photos and publications that refer to a file.
pub async fn users(connection: &mut PgConnection, sha256: Digest, rows_max: i64) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"(select 'photos/' || id as "name!" from photos where file_sha256 = $1 order by id limit $2)
           union all
           (select distinct 'publications/' || publication from publication_photos where sha256 = $1 limit $2)
           limit $2"#,
        sha256.as_bytes(),
        rows_max
    );
    Ok(names.fetch_all(connection).await?)
}
