//! Files on their way, in Postgres: who sends what, and how far it has come.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    photo::{
        files::Progress,
        upload::{Declared, Upload},
    },
    workflow::store::digest,
};

struct Row {
    id: Uuid,
    photo: Uuid,
    uploader: String,
    resumable: bool,
    size_bytes: Option<i64>,
    sha256: Option<Vec<u8>>,
    content_type: String,
    writer: Uuid,
    received_bytes: i64,
    hasher: Vec<u8>,
    multipart: Option<String>,
    parts: Vec<String>,
    tail_bytes: i64,
    store_time: Option<DateTime<Utc>>,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    expire_time: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<(Upload, Progress)> {
        let received_bytes = unsigned(self.received_bytes)?;
        let upload = Upload {
            id: self.id,
            photo: self.photo,
            uploader: self.uploader,
            resumable: self.resumable,
            declared: Declared {
                size_bytes: self.size_bytes.map(unsigned).transpose()?,
                sha256: self.sha256.as_deref().map(digest).transpose()?,
                content_type: self.content_type,
            },
            received_bytes,
            store_time: self.store_time,
            create_time: self.create_time,
            update_time: self.update_time,
            expire_time: self.expire_time,
        };
        let progress = Progress {
            writer: self.writer,
            received_bytes,
            hasher: self.hasher,
            multipart: self.multipart,
            parts: self.parts,
            tail_bytes: unsigned(self.tail_bytes)?,
        };
        Ok((upload, progress))
    }
}

/// Keeps an upload that begins.
pub async fn insert(connection: &mut PgConnection, upload: &Upload, progress: &Progress) -> Result<()> {
    let declared = &upload.declared;
    sqlx::query!(
        "insert into photo_uploads (id, photo, uploader, resumable, size_bytes, sha256, content_type, writer,
                                    received_bytes, hasher, multipart, parts, tail_bytes,
                                    create_time, update_time, expire_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        upload.id,
        upload.photo,
        upload.uploader,
        upload.resumable,
        declared.size_bytes.map(signed).transpose()?,
        declared.sha256.as_ref().map(|sha256| sha256.as_bytes()),
        declared.content_type,
        progress.writer,
        signed(progress.received_bytes)?,
        progress.hasher,
        progress.multipart,
        &progress.parts,
        signed(progress.tail_bytes)?,
        upload.create_time,
        upload.update_time,
        upload.expire_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An upload, and how far it has come.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<(Upload, Progress)>> {
    let row = sqlx::query_as!(Row, "select * from photo_uploads where id = $1", id);
    row.fetch_optional(connection).await?.map(Row::read).transpose()
}

/// How many uploads a person has open, to be continued.
pub async fn count_open(connection: &mut PgConnection, uploader: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from photo_uploads
           where uploader = $1 and resumable and store_time is null"#,
        uploader
    );
    Ok(count.fetch_one(connection).await?)
}

/// Makes another call the writer of an upload that stands as it was read; whether
/// it does.
pub async fn take_over(
    connection: &mut PgConnection,
    id: Uuid,
    stood: &Progress,
    writer: Uuid,
    expire_time: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update photo_uploads set writer = $4, expire_time = $5
         where id = $1 and writer = $2 and received_bytes = $3",
        id,
        stood.writer,
        signed(stood.received_bytes)?,
        writer,
        expire_time
    );
    Ok(done.execute(connection).await?.rows_affected() == 1)
}

/// Keeps how far an upload has come, if its writer still is the writer; whether
/// it is.
pub async fn save(
    connection: &mut PgConnection,
    id: Uuid,
    progress: &Progress,
    now: DateTime<Utc>,
    expire_time: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update photo_uploads
         set received_bytes = $3, hasher = $4, multipart = $5, parts = $6, tail_bytes = $7,
             update_time = $8, expire_time = $9
         where id = $1 and writer = $2",
        id,
        progress.writer,
        signed(progress.received_bytes)?,
        progress.hasher,
        progress.multipart,
        &progress.parts,
        signed(progress.tail_bytes)?,
        now,
        expire_time
    );
    Ok(done.execute(connection).await?.rows_affected() == 1)
}

/// Notes that the photo has got the file, if the writer still is the writer and
/// nobody has noted it before; whether that is so. What cannot be asked for again
/// is forgotten.
pub async fn set_stored(
    connection: &mut PgConnection,
    upload: &Upload,
    writer: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    if !upload.resumable {
        let done = sqlx::query!("delete from photo_uploads where id = $1 and writer = $2", upload.id, writer);
        return Ok(done.execute(connection).await?.rows_affected() == 1);
    }
    let done = sqlx::query!(
        "update photo_uploads set store_time = $3, received_bytes = size_bytes
         where id = $1 and writer = $2 and store_time is null",
        upload.id,
        writer,
        now
    );
    Ok(done.execute(connection).await?.rows_affected() == 1)
}

/// Forgets an upload.
pub async fn delete(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("delete from photo_uploads where id = $1", id).execute(connection).await?;
    Ok(())
}

/// Some uploads that were given up before a time, with the service's id of a
/// multipart upload.
pub async fn expired(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    rows_max: i64,
) -> Result<Vec<(Uuid, Option<String>)>> {
    let rows = sqlx::query!(
        "select id, multipart from photo_uploads where expire_time < $1 order by expire_time limit $2",
        before,
        rows_max
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.multipart)).collect())
}

/// The uploads on their way to a photo, with the service's id of a multipart upload.
pub async fn of_photo(connection: &mut PgConnection, photo: Uuid) -> Result<Vec<(Uuid, Option<String>)>> {
    let rows = sqlx::query!("select id, multipart from photo_uploads where photo = $1", photo);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.multipart)).collect())
}

/// Which of these uploads are known.
pub async fn known(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!("select id from photo_uploads where id = any($1)", ids);
    Ok(ids.fetch_all(connection).await?)
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| Error::Internal("an upload has a negative size".to_owned()))
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::Internal("an upload is too large to be counted".to_owned()))
}
