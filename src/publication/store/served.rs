//! What readers are served, in Postgres: published issues, articles and files,
//! and the tombstones of what was withdrawn.

use bytes::Bytes;
use chrono::NaiveDate;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    error::Result,
    issue::Issue,
    photo::{
        Channel, File, License, Photo,
        rendition::{Crop, FocalPoint, Look},
    },
    publication::{Served, Tombstone, digital::PublishedPhoto},
    wire::{name::IssueName, ready::Ready},
    workflow::store::digest,
};

/// The articles that readers are served from a publication, as they are served.
pub async fn articles_served(connection: &mut PgConnection, sequence: i64) -> Result<Vec<(Uuid, Vec<u8>)>> {
    let rows = sqlx::query!("select article, bytes from published_articles where publication = $1", sequence);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.article, row.bytes)).collect())
}

/// Lets readers find this publication of an issue.
pub async fn set_published_issue(
    connection: &mut PgConnection,
    issue: &Issue,
    page_count: i32,
    publication: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into published_issues (newspaper, id, publication, number, publish_date, page_count)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (newspaper, id) do update
         set publication = $3, number = $4, publish_date = $5, page_count = $6, withdrawn = false",
        issue.id.newspaper,
        issue.id.issue,
        publication,
        issue.facts.number,
        issue.facts.publish_date,
        page_count
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An article in a publication.
#[derive(Debug)]
pub struct Placed {
    /// The article.
    pub article: Uuid,
    /// The revision that is published.
    pub revision: i64,
    /// The page that it is printed on, in an issue.
    pub page: Option<i32>,
    /// What readers get of it.
    pub bytes: Vec<u8>,
}

/// Records which articles stand in a publication, and lets readers find them.
pub async fn set_published_articles(
    connection: &mut PgConnection,
    publication: i64,
    placed: &[Placed],
) -> Result<()> {
    let articles: Vec<Uuid> = placed.iter().map(|placed| placed.article).collect();
    let revisions: Vec<i64> = placed.iter().map(|placed| placed.revision).collect();
    let pages: Vec<Option<i32>> = placed.iter().map(|placed| placed.page).collect();
    let bytes: Vec<&[u8]> = placed.iter().map(|placed| placed.bytes.as_slice()).collect();
    sqlx::query!(
        "with placed as (
             insert into publication_articles (publication, article, revision, page)
             select $1, * from unnest($2::uuid[], $3::bigint[], $4::integer[])
         )
         insert into published_articles (publication, article, bytes)
         select $1, * from unnest($2::uuid[], $5::bytea[])
         on conflict (article) do update set publication = excluded.publication, bytes = excluded.bytes",
        publication,
        &articles,
        &revisions,
        &pages as &[Option<i32>],
        &bytes as &[&[u8]]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records which photos the articles of a publication use, with their files, what
/// renditions need and the days of their digital rights as published, under which
/// readers find them; a photo without a file is not published.
pub async fn add_published_photos(
    connection: &mut PgConnection,
    publication: i64,
    uses: &[(Uuid, &Photo)],
) -> Result<()> {
    let with_file: Vec<(Uuid, &Photo, &File)> =
        uses.iter().filter_map(|(article, photo)| Some((*article, *photo, photo.file.as_ref()?))).collect();
    let articles: Vec<Uuid> = with_file.iter().map(|used| used.0).collect();
    let photos: Vec<Uuid> = with_file.iter().map(|used| used.1.id).collect();
    let words = || with_file.iter().map(|used| &used.1.words);
    let crops: Vec<Option<Json<Crop>>> = words().map(|words| words.crop.map(Json)).collect();
    let points: Vec<Option<Json<FocalPoint>>> = words().map(|words| words.focal_point.map(Json)).collect();
    let captions: Vec<&str> = words().map(|words| words.caption.as_str()).collect();
    let credits: Vec<&str> = words().map(|words| words.credit_line.as_str()).collect();
    let notices: Vec<&str> = words().map(|words| words.copyright_notice.as_str()).collect();
    let days = || with_file.iter().map(|used| used.1.words.rights.days(Channel::Digital));
    let starts: Vec<Option<NaiveDate>> = days().map(|days| days?.start_date).collect();
    let ends: Vec<Option<NaiveDate>> = days().map(|days| days?.end_date).collect();
    let withheld: Vec<bool> = days().map(|days| days.is_none()).collect();
    let files = || with_file.iter().map(|used| used.2);
    let digests: Vec<&[u8]> = files().map(|file| file.sha256.as_bytes()).collect();
    let types: Vec<&str> = files().map(|file| file.content_type.as_str()).collect();
    let sizes: Vec<i64> = files().map(|file| file.size_bytes).collect();
    let widths: Vec<i32> = files().map(|file| file.width_px).collect();
    let heights: Vec<i32> = files().map(|file| file.height_px).collect();
    sqlx::query!(
        "insert into publication_photos
             (publication, article, photo, sha256, content_type, size_bytes, width_px, height_px,
              crop, focal_point, caption, credit_line, copyright_notice,
              digital_start_date, digital_end_date, digital_withheld)
         select $1, * from unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::bigint[],
                                  $7::integer[], $8::integer[], $9::jsonb[], $10::jsonb[],
                                  $11::text[], $12::text[], $13::text[],
                                  $14::date[], $15::date[], $16::boolean[])",
        publication,
        &articles,
        &photos,
        &digests as &[&[u8]],
        &types as &[&str],
        &sizes,
        &widths,
        &heights,
        &crops as _,
        &points as _,
        &captions as &[&str],
        &credits as &[&str],
        &notices as &[&str],
        &starts as &[Option<NaiveDate>],
        &ends as &[Option<NaiveDate>],
        &withheld
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What readers are served of a publication; empty if all of it was withdrawn.
pub async fn served(connection: &mut PgConnection, sequence: i64) -> Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!(
        r#"select coalesce(r.bytes, s.bytes) as "bytes!"
           from snapshots s left join redactions r using (publication) where s.publication = $1"#,
        sequence
    );
    Ok(bytes.fetch_optional(connection).await?.map(Bytes::from))
}

/// What readers are served of an issue, as it was last published.
pub async fn sealed_issue(connection: &mut PgConnection, issue: &IssueName) -> Result<Option<Served>> {
    let newest = sqlx::query_scalar!(
        "select publication from published_issues where newspaper = $1 and id = $2",
        issue.newspaper,
        issue.issue
    );
    match newest.fetch_optional(&mut *connection).await? {
        Some(sequence) => served_or_tombstone(connection, sequence).await,
        None => Ok(None),
    }
}

/// What readers are served of the issue that was published last of a day, or of
/// the latest day; a withdrawn one only if there is no other.
pub async fn sealed_issue_of_day(
    connection: &mut PgConnection,
    newspaper: &str,
    day: Option<NaiveDate>,
) -> Result<Option<Served>> {
    for withdrawn in [false, true] {
        let newest = sqlx::query_scalar!(
            "select publication from published_issues
             where newspaper = $1 and ($2::date is null or publish_date = $2) and withdrawn = $3
             order by publish_date desc, publication desc limit 1",
            newspaper,
            day,
            withdrawn
        );
        if let Some(sequence) = newest.fetch_optional(&mut *connection).await? {
            return served_or_tombstone(connection, sequence).await;
        }
    }
    Ok(None)
}

/// What readers are served of the issue with a running number, of one day or of
/// any. A number may have been given twice: the issue that has it as its id comes
/// first, and of others that of the latest day, published last; a withdrawn one
/// only if there is no other.
pub async fn sealed_issue_of_number(
    connection: &mut PgConnection,
    newspaper: &str,
    number: i32,
    day: Option<NaiveDate>,
) -> Result<Option<Served>> {
    let found = sqlx::query_scalar!(
        "select publication from published_issues
         where newspaper = $1 and number = $2 and ($3::date is null or publish_date = $3)
         order by withdrawn, id = $2::text desc, publish_date desc, publication desc limit 1",
        newspaper,
        number,
        day
    );
    match found.fetch_optional(&mut *connection).await? {
        Some(sequence) => served_or_tombstone(connection, sequence).await,
        None => Ok(None),
    }
}

/// What readers are served of a publication, or the tombstone that took it back.
pub async fn served_or_tombstone(connection: &mut PgConnection, sequence: i64) -> Result<Option<Served>> {
    let Some(bytes) = served(connection, sequence).await? else { return Ok(None) };
    if !bytes.is_empty() {
        return Ok(Some(Served::Message(Ready::of(&bytes))));
    }
    let tombstone = sqlx::query!(
        "select t.sequence, t.note, t.publish_time from publications p join publications t using (resource)
         where p.sequence = $1 and t.sequence >= p.sequence and t.kind in ('issue_withdrawn', 'article_withdrawn')
         order by t.sequence limit 1",
        sequence
    )
    .fetch_one(connection)
    .await?;
    Ok(Some(Served::Nothing(Tombstone {
        publication: tombstone.sequence,
        reason: tombstone.note,
        time: tombstone.publish_time,
    })))
}

/// The sealed bytes of an article, as it was last published.
pub async fn sealed_article(connection: &mut PgConnection, article: Uuid) -> Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!("select bytes from published_articles where article = $1", article);
    Ok(bytes.fetch_optional(connection).await?.map(Bytes::from))
}

/// The entry that withdrew an article last: out of one publication, or out of
/// any.
pub async fn tombstone_of_article(
    connection: &mut PgConnection,
    article: Uuid,
    publication: Option<i64>,
) -> Result<Option<Tombstone>> {
    let row = sqlx::query!(
        "select t.sequence, t.note, t.publish_time
         from publication_articles a join publications t on t.sequence = a.withdrawn_by
         where a.article = $1 and ($2::bigint is null or a.publication = $2)
         order by t.sequence desc limit 1",
        article,
        publication
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Tombstone { publication: row.sequence, reason: row.note, time: row.publish_time }))
}

/// A photo, as it was last published in something that was not withdrawn, with the
/// days on which readers are served it.
pub async fn published_photo(connection: &mut PgConnection, photo: Uuid) -> Result<Option<PublishedPhoto>> {
    let row = sqlx::query!(
        r#"select f.sha256, f.content_type, f.size_bytes, f.width_px, f.height_px,
                  f.crop as "crop: Json<Crop>", f.focal_point as "focal_point: Json<FocalPoint>",
                  f.caption, f.credit_line, f.copyright_notice,
                  (select o.orientation from photo_files o where o.sha256 = f.sha256) as orientation,
                  f.digital_start_date, f.digital_end_date, f.digital_withheld, n.time_zone
           from publication_photos f
           join publication_articles a using (publication, article)
           join publications p on p.sequence = f.publication
           join newspapers n on n.id = p.newspaper
           where f.photo = $1 and a.withdrawn_by is null
           order by f.publication desc limit 1"#,
        photo
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let days = License { start_date: row.digital_start_date, end_date: row.digital_end_date };
        let file = File {
            sha256: digest(&row.sha256)?,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
            width_px: row.width_px,
            height_px: row.height_px,
            orientation: row.orientation.and_then(|value| value.try_into().ok()).unwrap_or(1),
        };
        let look = Look {
            crop: row.crop.map(|crop| crop.0),
            focal_point: row.focal_point.map(|point| point.0),
            caption: row.caption,
            credit_line: row.credit_line,
            copyright_notice: row.copyright_notice,
        };
        let days = (!row.digital_withheld).then_some(days);
        Ok(PublishedPhoto { file, look, days, time_zone: row.time_zone })
    })
    .transpose()
}

/// The entry that withdrew the last article that used a photo.
pub async fn tombstone_of_photo(connection: &mut PgConnection, photo: Uuid) -> Result<Option<Tombstone>> {
    let row = sqlx::query!(
        "select t.sequence, t.note, t.publish_time
         from publication_photos f
         join publication_articles a using (publication, article)
         join publications t on t.sequence = a.withdrawn_by
         where f.photo = $1
         order by t.sequence desc limit 1",
        photo
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Tombstone { publication: row.sequence, reason: row.note, time: row.publish_time }))
}

/// The id of the newspaper of an article, published or not.
pub async fn newspaper_of_article(connection: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    let newspaper = sqlx::query_scalar!("select newspaper from articles where id = $1", id);
    Ok(newspaper.fetch_optional(connection).await?)
}

/// The ids of the newspapers that have published a photo.
pub async fn newspapers_of_photo(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let newspapers = sqlx::query_scalar!(
        "select distinct p.newspaper from publication_photos u join publications p on p.sequence = u.publication
         where u.photo = $1 order by 1",
        id
    );
    Ok(newspapers.fetch_all(connection).await?)
}
