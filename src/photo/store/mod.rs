//! Photos in Postgres: everything but their files.

pub mod files;
pub mod uploads;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    byline::Byline,
    error::Result,
    photo::{
        Clearance, File, License, Photo, Words,
        metadata::Embedded,
        rendition::{Crop, FocalPoint},
    },
    workflow::{self, Review, State, store::digest},
};

struct Row {
    id: Uuid,
    creator: String,
    caption: String,
    bylines: Json<Vec<Byline>>,
    credit_line: String,
    copyright_notice: String,
    usage_terms: String,
    clearance: String,
    license_start_date: Option<NaiveDate>,
    license_end_date: Option<NaiveDate>,
    crop: Option<Json<Crop>>,
    focal_point: Option<Json<FocalPoint>>,
    cleared_by: String,
    file_sha256: Option<Vec<u8>>,
    file_content_type: Option<String>,
    file_size_bytes: Option<i64>,
    file_width_px: Option<i32>,
    file_height_px: Option<i32>,
    file_orientation: Option<i16>,
    embedded: Option<Json<Embedded>>,
    state: String,
    content_digest: Vec<u8>,
    return_reason: String,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    delete_time: Option<DateTime<Utc>>,
}

impl Row {
    /// The file's facts; a constraint of the table sets all of them or none.
    fn file(&self) -> Result<Option<File>> {
        let Some(sha256) = &self.file_sha256 else { return Ok(None) };
        Ok(Some(File {
            sha256: digest(sha256)?,
            content_type: self.file_content_type.clone().unwrap_or_default(),
            size_bytes: self.file_size_bytes.unwrap_or_default(),
            width_px: self.file_width_px.unwrap_or_default(),
            height_px: self.file_height_px.unwrap_or_default(),
            // A constraint of the table keeps it from 1 to 8.
            orientation: self.file_orientation.and_then(|value| value.try_into().ok()).unwrap_or(1),
        }))
    }

    fn photo(self, reviews: Vec<Review>) -> Result<Photo> {
        Ok(Photo {
            id: self.id,
            file: self.file()?,
            embedded: self.embedded.map(|embedded| embedded.0),
            creator: self.creator,
            words: Words {
                caption: self.caption,
                bylines: self.bylines.0,
                credit_line: self.credit_line,
                copyright_notice: self.copyright_notice,
                usage_terms: self.usage_terms,
                clearance: Clearance::parse(&self.clearance)?,
                license: License { start_date: self.license_start_date, end_date: self.license_end_date },
                crop: self.crop.map(|crop| crop.0),
                focal_point: self.focal_point.map(|point| point.0),
            },
            cleared_by: self.cleared_by,
            state: State::parse(&self.state)?,
            reviews,
            content_digest: digest(&self.content_digest)?,
            return_reason: self.return_reason,
            version: self.version,
            create_time: self.create_time,
            update_time: self.update_time,
            delete_time: self.delete_time,
        })
    }
}

/// Adds the sign-offs in force, with one query for all rows.
async fn with_reviews(connection: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Photo>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut reviews = workflow::store::reviews(connection, &ids).await?;
    let photos = rows.into_iter().map(|row| {
        let own = reviews.remove(&row.id).unwrap_or_default();
        row.photo(own)
    });
    photos.collect()
}

/// Several photos, deleted or not, in no order; those that are there.
pub async fn find_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Photo>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id, p.creator, p.caption, bylines as "bylines: Json<Vec<Byline>>", credit_line, copyright_notice,
                  usage_terms, clearance::text as "clearance!", license_start_date, license_end_date, cleared_by,
                  crop as "crop: Json<Crop>", focal_point as "focal_point: Json<FocalPoint>",
                  file_sha256, file_content_type,
                  file_size_bytes, file_width_px, file_height_px,
                  (select f.orientation from photo_files f where f.sha256 = p.file_sha256) as file_orientation,
                  (select f.embedded from photo_files f where f.sha256 = p.file_sha256)
                      as "embedded: Json<Embedded>",
                  state::text as "state!", content_digest,
                  return_reason, version, p.create_time, update_time, delete_time
           from photos p
           where p.id = any($1)"#,
        ids
    )
    .fetch_all(&mut *connection)
    .await?;
    with_reviews(connection, rows).await
}

/// One photo, deleted or not.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Photo>> {
    Ok(find_all(connection, &[id]).await?.pop())
}

/// One photo, locked against other changes until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Photo>> {
    Ok(lock_all(connection, &[id]).await?.pop())
}

/// Several photos, locked in the order of their ids; those that are there.
pub async fn lock_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Photo>> {
    sqlx::query!("select id from photos where id = any($1) order by id for update", ids)
        .fetch_all(&mut *connection)
        .await?;
    find_all(connection, ids).await
}

/// Photos by id, those behind `after`.
pub async fn list(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    show_deleted: bool,
    rows_max: i64,
) -> Result<Vec<Photo>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id, p.creator, p.caption, bylines as "bylines: Json<Vec<Byline>>", credit_line, copyright_notice,
                  usage_terms, clearance::text as "clearance!", license_start_date, license_end_date, cleared_by,
                  crop as "crop: Json<Crop>", focal_point as "focal_point: Json<FocalPoint>",
                  file_sha256, file_content_type,
                  file_size_bytes, file_width_px, file_height_px,
                  (select f.orientation from photo_files f where f.sha256 = p.file_sha256) as file_orientation,
                  (select f.embedded from photo_files f where f.sha256 = p.file_sha256)
                      as "embedded: Json<Embedded>",
                  state::text as "state!", content_digest,
                  return_reason, version, p.create_time, update_time, delete_time
           from photos p
           where ($1::uuid is null or p.id > $1) and ($2 or p.delete_time is null)
           order by p.id limit $3"#,
        after,
        show_deleted,
        rows_max
    )
    .fetch_all(&mut *connection)
    .await?;
    with_reviews(connection, rows).await
}

/// Adds a photo, which has no file yet.
pub async fn insert(connection: &mut PgConnection, photo: &Photo) -> Result<()> {
    let words = &photo.words;
    sqlx::query!(
        "insert into photos (id, creator, caption, bylines, credit_line, copyright_notice, usage_terms,
                             clearance, cleared_by, state, content_digest, version, create_time, update_time,
                             license_start_date, license_end_date, crop, focal_point)
         values ($1, $2, $3, $4, $5, $6, $7, $8::text::clearance, $9, $10::text::review_state, $11, $12, $13,
                 $14, $15, $16, $17, $18)",
        photo.id,
        photo.creator,
        words.caption,
        Json(&words.bylines) as _,
        words.credit_line,
        words.copyright_notice,
        words.usage_terms,
        words.clearance.as_str(),
        photo.cleared_by,
        photo.state.as_str(),
        photo.content_digest.as_bytes(),
        photo.version,
        photo.create_time,
        photo.update_time,
        words.license.start_date,
        words.license.end_date,
        words.crop.map(Json) as _,
        words.focal_point.map(Json) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a changed photo, times and version included.
pub async fn update(connection: &mut PgConnection, photo: &Photo) -> Result<()> {
    let words = &photo.words;
    let file = photo.file.as_ref();
    sqlx::query!(
        "update photos set caption = $2, bylines = $3, credit_line = $4, copyright_notice = $5,
                usage_terms = $6, clearance = $7::text::clearance, cleared_by = $8, file_sha256 = $9,
                file_content_type = $10, file_size_bytes = $11, file_width_px = $12, file_height_px = $13,
                state = $14::text::review_state, content_digest = $15, return_reason = $16, version = $17,
                update_time = $18, delete_time = $19, license_start_date = $20, license_end_date = $21,
                crop = $22, focal_point = $23
         where id = $1",
        photo.id,
        words.caption,
        Json(&words.bylines) as _,
        words.credit_line,
        words.copyright_notice,
        words.usage_terms,
        words.clearance.as_str(),
        photo.cleared_by,
        file.map(|file| file.sha256.as_bytes()),
        file.map(|file| file.content_type.as_str()),
        file.map(|file| file.size_bytes),
        file.map(|file| file.width_px),
        file.map(|file| file.height_px),
        photo.state.as_str(),
        photo.content_digest.as_bytes(),
        photo.return_reason,
        photo.version,
        photo.update_time,
        photo.delete_time,
        words.license.start_date,
        words.license.end_date,
        words.crop.map(Json) as _,
        words.focal_point.map(Json) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that these photos, as they are now, stand in a publication.
pub async fn set_published(connection: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update photos set state = 'published', version = version + 1, update_time = $2 where id = any($1)",
        ids,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that these published photos stand in no publication any more.
pub async fn set_reviewed(connection: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update photos set state = 'reviewed', version = version + 1, update_time = $2 where id = any($1)",
        ids,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps which reporters the bylines refer to, instead of what was kept before.
pub async fn set_reporters(connection: &mut PgConnection, id: Uuid, reporters: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from photo_reporters where photo = $1 and reporter <> all($2))
         insert into photo_reporters (photo, reporter) select $1, unnest($2::uuid[]) on conflict do nothing",
        id,
        reporters
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The names of some live articles that use a photo.
pub async fn users(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select 'articles/' || a.id as "name!"
           from article_photos p join articles a on a.id = p.article
           where p.photo = $1 and a.delete_time is null order by a.id limit 5"#,
        id
    );
    Ok(names.fetch_all(connection).await?)
}

/// The names of some articles, deleted ones too, and publications that use a
/// photo.
pub async fn all_users(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"(select 'articles/' || article as "name!" from article_photos where photo = $1 order by article limit 5)
           union all
           (select distinct 'publications/' || publication from publication_photos where photo = $1 limit 5)
           limit 5"#,
        id
    );
    Ok(names.fetch_all(connection).await?)
}

/// Removes a photo for good, with the uploads that were on their way to it.
pub async fn purge(connection: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("delete from photo_reporters where photo = $1", id).execute(&mut *connection).await?;
    sqlx::query!("delete from photos where id = $1", id).execute(connection).await?;
    Ok(())
}
