//! The ledger in Postgres, and what its checks must know.

pub mod archive;
pub mod search;
pub mod served;
pub mod withdrawal;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    article::correction::Printed,
    config,
    digest::Digest,
    error::{Error, Result},
    feed::{Batch, Place},
    publication::{Kind, Publication, chain::Chain, check::Unpublished, place, seal},
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

/// The newest entry by the head of the ledger, and the highest number that an
/// entry has, of one moment.
pub async fn head(connection: &mut PgConnection) -> Result<(Chain, i64)> {
    let head = sqlx::query!(
        r#"select sequence, hash, (select coalesce(max(sequence), 0) from publications) as "last!"
           from ledger_head"#
    )
    .fetch_one(connection)
    .await?;
    Ok((Chain { sequence: head.sequence, hash: digest(&head.hash)? }, head.last))
}

/// The first of some entries that is filed under another newspaper than its
/// issue or article has: what the hash does not cover.
pub async fn misfiled(connection: &mut PgConnection, after: i64, entries_max: i64) -> Result<Option<i64>> {
    let found = sqlx::query_scalar!(
        "select sequence from publications
         where sequence > $1 and sequence <= $1 + $2 and newspaper is distinct from
             case split_part(resource, '/', 1)
                 when 'newspapers' then split_part(resource, '/', 2)
                 else (select a.newspaper from articles a where 'articles/' || a.id = resource)
             end
         order by sequence limit 1",
        after,
        entries_max
    );
    Ok(found.fetch_optional(connection).await?)
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

/// Some issues of the days before one, of its newspaper, that were never
/// published; newest first.
pub async fn unpublished_before(
    connection: &mut PgConnection,
    issue: &IssueName,
    publish_date: NaiveDate,
) -> Result<Vec<Unpublished>> {
    let rows = sqlx::query!(
        "select id, publish_date from issues
         where newspaper = $1 and publish_date < $2 and latest_publication is null and delete_time is null
         order by publish_date desc, id desc limit $3",
        issue.newspaper,
        publish_date,
        config::UNPUBLISHED_ISSUES_MAX
    )
    .fetch_all(connection)
    .await?;
    let newspaper = &issue.newspaper;
    let unpublished = rows.into_iter().map(|row| Unpublished {
        id: IssueName { newspaper: newspaper.clone(), issue: row.id },
        publish_date: row.publish_date,
    });
    Ok(unpublished.collect())
}

/// Where articles were last printed: in the newest publication of an issue that
/// contains them, withdrawn since or not.
pub async fn printed(connection: &mut PgConnection, articles: &[Uuid]) -> Result<HashMap<Uuid, Printed>> {
    let rows = sqlx::query!(
        "select distinct on (a.article) a.article, s.bytes
         from publication_articles a
         join publications p on p.sequence = a.publication
         join snapshots s on s.publication = a.publication
         where a.article = any($1) and p.kind in ('issue_published', 'issue_corrected')
         order by a.article, a.publication desc",
        articles
    )
    .fetch_all(connection)
    .await?;
    let printed =
        rows.into_iter().filter_map(|row| Some((row.article, seal::printed(&row.bytes, row.article)?)));
    Ok(printed.collect())
}

/// Those of these reporters who have retired.
pub async fn retired(connection: &mut PgConnection, reporters: &[Uuid]) -> Result<HashSet<Uuid>> {
    let retired = sqlx::query_scalar!("select id from reporters where id = any($1) and retired", reporters);
    Ok(retired.fetch_all(connection).await?.into_iter().collect())
}

/// The bytes of a publication as they were sealed, whatever was withdrawn since.
pub async fn snapshot(connection: &mut PgConnection, sequence: i64) -> Result<Option<Vec<u8>>> {
    let bytes = sqlx::query_scalar!("select bytes from snapshots where publication = $1", sequence);
    Ok(bytes.fetch_optional(connection).await?)
}

/// Entries of the ledger by sequence number, those behind `after`, of these newspapers
/// only if there are any. A damaged time
/// is brought into the years that the API can tell: reading another one panics in
/// sqlx 0.9.0, and like this the hash of the entry gives it away.
pub async fn list(
    connection: &mut PgConnection,
    newspapers: &[String],
    after: Option<i64>,
    rows_max: i64,
) -> Result<Vec<Publication>> {
    let rows = sqlx::query!(
        r#"select sequence, kind::text as "kind!", resource, newspaper, revision, size_bytes, sha256,
                  previous_hash, hash, publisher,
                  greatest('0001-01-01Z', least('9999-12-31Z', publish_time)) as "publish_time!",
                  note, supersedes, acknowledged,
                  (select min(n.sequence) from publications n
                   where n.resource = p.resource and n.sequence > p.sequence) as superseded_by
           from publications p
           where sequence > $1 and (cardinality($3::text[]) = 0 or newspaper = any($3))
           order by sequence limit $2"#,
        after.unwrap_or(0),
        rows_max,
        newspapers
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
                superseded_by: row.superseded_by,
            })
        })
        .collect()
}

/// One entry of the ledger.
pub async fn find(connection: &mut PgConnection, sequence: i64) -> Result<Option<Publication>> {
    let found = list(connection, &[], Some(sequence - 1), 1).await?.pop();
    Ok(found.filter(|entry| entry.sequence == sequence))
}

/// Entries of the ledger behind a place, which must be of this ledger.
pub async fn follow(
    connection: &mut PgConnection,
    after: Place,
    rows_max: i64,
) -> Result<Batch<Publication>> {
    // From the entry of the place itself, to find it as it was.
    let mut entries = list(connection, &[], Some(after.number - 1), rows_max + 1).await?;
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
