//! The ledger, and what readers are served from, in Postgres.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    feed::{Batch, Place},
    issue::Issue,
    photo::{File, Photo},
    publication::{Kind, Publication, place},
    wire::name::IssueName,
    workflow::store::digest,
};

/// The sequence number and hash of the newest entry, locked until the
/// transaction ends, so that entries are appended one at a time.
pub async fn lock_head(connection: &mut PgConnection) -> Result<(i64, Digest)> {
    let head =
        sqlx::query!("select sequence, hash from ledger_head for update").fetch_one(connection).await?;
    Ok((head.sequence, digest(&head.hash)?))
}

/// Appends an entry and its sealed bytes; the head must be locked.
pub async fn append(connection: &mut PgConnection, entry: &Publication, bytes: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into publications (sequence, kind, resource, newspaper, revision, size_bytes, sha256,
                                   previous_hash, hash, publisher, publish_time, note, supersedes, acknowledged)
         values ($1, $2::text::publication_kind, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        entry.sequence,
        entry.kind.as_str(),
        entry.resource,
        entry.newspaper,
        entry.revision,
        entry.size_bytes,
        entry.sha256.as_bytes(),
        entry.previous_hash.as_bytes(),
        entry.hash.as_bytes(),
        entry.publisher,
        entry.publish_time,
        entry.note,
        entry.supersedes,
        &entry.acknowledged
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("insert into snapshots (publication, bytes) values ($1, $2)", entry.sequence, bytes)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("update ledger_head set sequence = $1, hash = $2", entry.sequence, entry.hash.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// The highest running number among the published issues of a newspaper, other
/// than this issue's.
pub async fn newest_number(connection: &mut PgConnection, issue: &IssueName) -> Result<Option<i32>> {
    let newest = sqlx::query_scalar!(
        "select max(number) from published_issues where newspaper = $1 and id <> $2 and number > 0",
        issue.newspaper,
        issue.issue
    );
    Ok(newest.fetch_one(connection).await?)
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
         set publication = $3, number = $4, publish_date = $5, page_count = $6",
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

/// Lets readers find this publication of an article.
pub async fn set_published_article(
    connection: &mut PgConnection,
    article: Uuid,
    publication: i64,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query!(
        "insert into published_articles (article, publication, bytes) values ($1, $2, $3)
         on conflict (article) do update set publication = $2, bytes = $3",
        article,
        publication,
        bytes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets readers find the file of a photo as it is published; a photo without a
/// file is not published.
pub async fn set_published_photo(
    connection: &mut PgConnection,
    photo: &Photo,
    publication: i64,
) -> Result<()> {
    let Some(file) = &photo.file else { return Ok(()) };
    sqlx::query!(
        "insert into published_photos (photo, publication, sha256, content_type, size_bytes, width_px, height_px)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (photo) do update
         set publication = $2, sha256 = $3, content_type = $4, size_bytes = $5, width_px = $6, height_px = $7",
        photo.id,
        publication,
        file.sha256.as_bytes(),
        file.content_type,
        file.size_bytes,
        file.width_px,
        file.height_px
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The sealed bytes of a publication.
pub async fn snapshot(connection: &mut PgConnection, sequence: i64) -> Result<Option<Vec<u8>>> {
    let bytes = sqlx::query_scalar!("select bytes from snapshots where publication = $1", sequence);
    Ok(bytes.fetch_optional(connection).await?)
}

/// The sealed bytes of an issue, as it was last published.
pub async fn sealed_issue(connection: &mut PgConnection, issue: &IssueName) -> Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!(
        "select s.bytes from published_issues i join snapshots s using (publication)
         where i.newspaper = $1 and i.id = $2",
        issue.newspaper,
        issue.issue
    );
    Ok(bytes.fetch_optional(connection).await?.map(Bytes::from))
}

/// The sealed bytes of the newest publication of a day, or of the latest day.
pub async fn sealed_issue_of_day(
    connection: &mut PgConnection,
    newspaper: &str,
    day: Option<NaiveDate>,
) -> Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!(
        "select s.bytes from snapshots s where s.publication = (
             select i.publication from published_issues i
             where i.newspaper = $1 and ($2::date is null or i.publish_date = $2)
             order by i.publish_date desc, i.publication desc limit 1
         )",
        newspaper,
        day
    );
    Ok(bytes.fetch_optional(connection).await?.map(Bytes::from))
}

/// The sealed bytes of an article, as it was last published.
pub async fn sealed_article(connection: &mut PgConnection, article: Uuid) -> Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!("select bytes from published_articles where article = $1", article);
    Ok(bytes.fetch_optional(connection).await?.map(Bytes::from))
}

/// The file of a photo, as it was last published.
pub async fn published_file(connection: &mut PgConnection, photo: Uuid) -> Result<Option<File>> {
    let row = sqlx::query!(
        "select sha256, content_type, size_bytes, width_px, height_px from published_photos where photo = $1",
        photo
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(File {
            sha256: digest(&row.sha256)?,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
            width_px: row.width_px,
            height_px: row.height_px,
        })
    })
    .transpose()
}

/// Where a page of a list of published issues ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueKey {
    /// The day of the last row.
    pub publish_date: NaiveDate,
    /// The issue's id in the last row.
    pub id: String,
}

/// A published issue in a list.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The ids in the name.
    pub id: IssueName,
    /// The running number.
    pub number: i32,
    /// The day it appeared.
    pub publish_date: NaiveDate,
    /// How many pages it has.
    pub page_count: i32,
    /// The newest publication of it.
    pub publication: i64,
    /// The length of its sealed bytes.
    pub size_bytes: i64,
    /// The digest of its sealed bytes.
    pub sha256: Digest,
    /// When it was published.
    pub publish_time: DateTime<Utc>,
}

/// The published issues of a newspaper by date, newest first, those behind
/// `after`.
pub async fn list_issues(
    connection: &mut PgConnection,
    newspaper: &str,
    after: Option<IssueKey>,
    rows_max: i64,
) -> Result<Vec<Summary>> {
    let (day, id) = after.map(|key| (key.publish_date, key.id)).unzip();
    let rows = sqlx::query!(
        "select i.newspaper, i.id, i.number, i.publish_date, i.page_count, i.publication,
                p.size_bytes, p.sha256, p.publish_time
         from published_issues i join publications p on p.sequence = i.publication
         where i.newspaper = $1 and ($2::date is null or (i.publish_date, i.id) < ($2, $3::text))
         order by i.publish_date desc, i.id desc limit $4",
        newspaper,
        day,
        id,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Summary {
                id: IssueName { newspaper: row.newspaper, issue: row.id },
                number: row.number,
                publish_date: row.publish_date,
                page_count: row.page_count,
                publication: row.publication,
                size_bytes: row.size_bytes,
                sha256: digest(&row.sha256)?,
                publish_time: row.publish_time,
            })
        })
        .collect()
}

/// Entries of the ledger by sequence number, those behind `after`.
pub async fn list(
    connection: &mut PgConnection,
    after: Option<i64>,
    rows_max: i64,
) -> Result<Vec<Publication>> {
    let rows = sqlx::query!(
        r#"select sequence, kind::text as "kind!", resource, newspaper, revision, size_bytes, sha256,
                  previous_hash, hash, publisher, publish_time, note, supersedes, acknowledged
           from publications where sequence > $1 order by sequence limit $2"#,
        after.unwrap_or(0),
        rows_max
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Publication {
                sequence: row.sequence,
                kind: Kind::parse(&row.kind)?,
                resource: row.resource,
                newspaper: row.newspaper,
                revision: row.revision,
                size_bytes: row.size_bytes,
                sha256: digest(&row.sha256)?,
                previous_hash: digest(&row.previous_hash)?,
                hash: digest(&row.hash)?,
                publisher: row.publisher,
                publish_time: row.publish_time,
                note: row.note,
                supersedes: row.supersedes,
                acknowledged: row.acknowledged,
            })
        })
        .collect()
}

/// One entry of the ledger.
pub async fn find(connection: &mut PgConnection, sequence: i64) -> Result<Option<Publication>> {
    let found = list(connection, Some(sequence - 1), 1).await?.pop();
    Ok(found.filter(|entry| entry.sequence == sequence))
}

/// Entries of the ledger behind a place, which must be of this ledger.
pub async fn follow(
    connection: &mut PgConnection,
    after: Place,
    rows_max: i64,
) -> Result<Batch<Publication>> {
    // From the entry of the place itself, to find it as it was.
    let mut entries = list(connection, Some(after.number - 1), rows_max + 1).await?;
    if after == Place::START {
        entries.truncate(rows_max as usize);
    } else if entries.first().map(Publication::place) == Some(after) {
        entries.remove(0);
    } else {
        return Err(Error::CursorForeign);
    }
    Ok(Batch { entries, pending: false })
}

/// The place behind the newest entry.
pub async fn newest(connection: &mut PgConnection) -> Result<Place> {
    let head = sqlx::query!("select sequence, hash from ledger_head").fetch_one(connection).await?;
    Ok(place(head.sequence, digest(&head.hash)?))
}
