//! Photos in Postgres: everything but their files.

pub mod files;
pub mod list;
pub mod search;
pub mod uploads;
pub mod usages;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    byline::Byline,
    error::Result,
    photo::{
        Channel, ChannelRights, Clearance, File, License, Photo, Rights, Words,
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
    print_excluded: bool,
    print_start_date: Option<NaiveDate>,
    print_end_date: Option<NaiveDate>,
    digital_excluded: bool,
    digital_start_date: Option<NaiveDate>,
    digital_end_date: Option<NaiveDate>,
    keywords: Vec<String>,
    place: String,
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

    fn rights(&self) -> Result<Rights> {
        let (start_date, end_date) = (self.print_start_date, self.print_end_date);
        let print =
            ChannelRights { excluded: self.print_excluded, license: License { start_date, end_date } };
        let (start_date, end_date) = (self.digital_start_date, self.digital_end_date);
        let digital =
            ChannelRights { excluded: self.digital_excluded, license: License { start_date, end_date } };
        let license = License { start_date: self.license_start_date, end_date: self.license_end_date };
        Ok(Rights { clearance: Clearance::parse(&self.clearance)?, license, print, digital })
    }

    fn photo(self, reviews: Vec<Review>) -> Result<Photo> {
        let (file, rights) = (self.file()?, self.rights()?);
        Ok(Photo {
            id: self.id,
            file,
            embedded: self.embedded.map(|embedded| embedded.0),
            creator: self.creator,
            words: Words {
                caption: self.caption,
                bylines: self.bylines.0,
                credit_line: self.credit_line,
                copyright_notice: self.copyright_notice,
                usage_terms: self.usage_terms,
                rights,
                crop: self.crop.map(|crop| crop.0),
                focal_point: self.focal_point.map(|point| point.0),
                keywords: self.keywords,
                place: self.place,
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
                  print_excluded, print_start_date, print_end_date,
                  digital_excluded, digital_start_date, digital_end_date, keywords, place,
                  crop as "crop: Json<Crop>", focal_point as "focal_point: Json<FocalPoint>",
                  file_sha256, file_content_type,
                  file_size_bytes, file_width_px, file_height_px,
                  (select f.orientation from photo_files f where f.sha256 = p.file_sha256) as file_orientation,
                  (select f.embedded from photo_files f where f.sha256 = p.file_sha256)
                      as "embedded: Json<Embedded>",
                  state::text as "state!", content_digest,
                  return_reason, version, p.create_time, update_time, delete_time
           from photos p
           where p.id = any((select $1::uuid[])::uuid[])"#,
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

/// Adds a photo, which has no file yet.
pub async fn insert(connection: &mut PgConnection, photo: &Photo) -> Result<()> {
    let words = &photo.words;
    sqlx::query!(
        "insert into photos (id, creator, caption, bylines, credit_line, copyright_notice, usage_terms,
                             clearance, cleared_by, state, content_digest, version, create_time, update_time,
                             license_start_date, license_end_date, print_excluded, print_start_date,
                             print_end_date, digital_excluded, digital_start_date, digital_end_date,
                             keywords, place, crop, focal_point)
         values ($1, $2, $3, $4, $5, $6, $7, $8::text::clearance, $9, $10::text::review_state, $11, $12, $13,
                 $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)",
        photo.id,
        photo.creator,
        words.caption,
        Json(&words.bylines) as _,
        words.credit_line,
        words.copyright_notice,
        words.usage_terms,
        words.rights.clearance.as_str(),
        photo.cleared_by,
        photo.state.as_str(),
        photo.content_digest.as_bytes(),
        photo.version,
        photo.create_time,
        photo.update_time,
        words.rights.license.start_date,
        words.rights.license.end_date,
        words.rights.print.excluded,
        words.rights.print.license.start_date,
        words.rights.print.license.end_date,
        words.rights.digital.excluded,
        words.rights.digital.license.start_date,
        words.rights.digital.license.end_date,
        &words.keywords,
        words.place,
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
                print_excluded = $22, print_start_date = $23, print_end_date = $24,
                digital_excluded = $25, digital_start_date = $26, digital_end_date = $27,
                keywords = $28, place = $29, crop = $30, focal_point = $31
         where id = $1",
        photo.id,
        words.caption,
        Json(&words.bylines) as _,
        words.credit_line,
        words.copyright_notice,
        words.usage_terms,
        words.rights.clearance.as_str(),
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
        words.rights.license.start_date,
        words.rights.license.end_date,
        words.rights.print.excluded,
        words.rights.print.license.start_date,
        words.rights.print.license.end_date,
        words.rights.digital.excluded,
        words.rights.digital.license.start_date,
        words.rights.digital.license.end_date,
        &words.keywords,
        words.place,
        words.crop.map(Json) as _,
        words.focal_point.map(Json) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets readers have the file of a photo wherever it is published on the days
/// that the photo's rights grant now. A publication with another file keeps the
/// days that it has.
pub async fn set_published_days(connection: &mut PgConnection, photo: &Photo) -> Result<()> {
    let Some(file) = &photo.file else { return Ok(()) };
    let days = photo.words.rights.days(Channel::Digital);
    let license = days.unwrap_or_default();
    sqlx::query!(
        "update publication_photos
         set digital_start_date = $3, digital_end_date = $4, digital_withheld = $5
         where photo = $1 and sha256 = $2",
        photo.id,
        file.sha256.as_bytes(),
        license.start_date,
        license.end_date,
        days.is_none()
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
