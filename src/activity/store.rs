//! The feed of changes in Postgres. The door for writes appends to it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    activity::{Change, place},
    error::{Error, Result},
    feed::{Batch, Place},
};

struct Row {
    transaction: i64,
    settled: bool,
    id: i64,
    resource: String,
    newspaper: Option<String>,
    kind: String,
    person: String,
    change_time: DateTime<Utc>,
}

impl From<Row> for Change {
    fn from(row: Row) -> Change {
        Change {
            transaction: row.transaction,
            id: row.id,
            resource: row.resource,
            newspaper: row.newspaper,
            kind: row.kind,
            person: row.person,
            change_time: row.change_time,
        }
    }
}

/// Changes behind a place, which must be of this history.
pub async fn follow(connection: &mut PgConnection, after: Place, rows_max: i64) -> Result<Batch<Change>> {
    // From the change of the place itself, to find it as it was. What is settled
    // or not is seen by the same snapshot as the rows are.
    let mut rows = sqlx::query_as!(
        Row,
        r#"select transaction::text::bigint as "transaction!",
                  transaction < pg_snapshot_xmin(pg_current_snapshot()) as "settled!",
                  id, resource, newspaper, kind, person, change_time
           from changes where (transaction, id) >= ($1::bigint::text::xid8, $2)
           order by changes.transaction, id limit $3"#,
        after.transaction,
        after.number,
        rows_max + 1
    )
    .fetch_all(&mut *connection)
    .await?;
    let found = rows.first().is_some_and(|row| place(row.transaction, row.id, row.change_time) == after);
    if found {
        rows.remove(0);
    } else {
        expect_boundary(connection, after).await?;
        rows.truncate(rows_max as usize);
    }
    let settled = rows.iter().take_while(|row| row.settled).count();
    let pending = settled < rows.len();
    rows.truncate(settled);
    Ok(Batch { entries: rows.into_iter().map(Change::from).collect(), pending })
}

/// A place whose change is not there can only be the one that was removed last:
/// nothing is missing behind it.
async fn expect_boundary(connection: &mut PgConnection, after: Place) -> Result<()> {
    let boundary = oldest(connection).await?;
    if after == boundary {
        Ok(())
    } else if after.key() < boundary.key() {
        Err(Error::CursorTooOld)
    } else {
        Err(Error::CursorForeign)
    }
}

/// The place before the first change that is retained.
pub async fn oldest(connection: &mut PgConnection) -> Result<Place> {
    let row = sqlx::query!(
        r#"select transaction::text::bigint as "transaction!", id, change_time from change_retention"#
    )
    .fetch_one(connection)
    .await?;
    Ok(place(row.transaction, row.id, row.change_time))
}

/// The place behind the newest change that can be read.
pub async fn newest(connection: &mut PgConnection) -> Result<Place> {
    let row = sqlx::query!(
        r#"select transaction::text::bigint as "transaction!", id, change_time from changes
           where transaction < pg_snapshot_xmin(pg_current_snapshot())
           order by changes.transaction desc, id desc limit 1"#
    )
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) => Ok(place(row.transaction, row.id, row.change_time)),
        None => oldest(connection).await,
    }
}

/// Puts changes in order that were brought here from another cluster, as by a
/// dump; how many.
///
/// Transaction ids belong to a cluster. Rows from another one may have ids that
/// are not reached here for years, and would hold up every reader until then: a
/// row that can be seen was committed, so one of a transaction at or above
/// `xmax` is not from here. As their ids do not compare with ours, all rows that
/// are there get the lowest id and follow the order of their numbers. The place
/// of each becomes another one: cursors from before are refused rather than
/// misread.
pub async fn put_in_order(connection: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "with strange as (
             select from changes where transaction >= pg_snapshot_xmax(pg_current_snapshot()) limit 1
         ), boundary as (
             update change_retention
             set transaction = '0', id = (select min(id) - 1 from changes), change_time = 'epoch'
             where exists (select from strange)
         )
         update changes set transaction = '0'
         where transaction <> '0' and exists (select from strange)"
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the oldest changes as far as they are from before a time, at most so
/// many; how many. What remains is the end of the order without a gap.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>, rows_max: i64) -> Result<i64> {
    let gone = sqlx::query_scalar!(
        r#"with oldest as (
               select transaction, id, change_time from changes
               where transaction < pg_snapshot_xmin(pg_current_snapshot())
               order by transaction, id limit $2
           ), judged as (
               select id, bool_and(change_time < $1) over (order by transaction, id) as expired from oldest
           ), gone as (
               delete from changes c using judged j where c.id = j.id and j.expired
               returning c.transaction, c.id, c.change_time
           ), last as (
               select * from gone order by transaction desc, id desc limit 1
           ), boundary as (
               update change_retention r
               set transaction = last.transaction, id = last.id, change_time = last.change_time
               from last where (r.transaction, r.id) < (last.transaction, last.id)
           )
           select count(*) as "count!" from gone"#,
        before,
        rows_max
    );
    Ok(gone.fetch_one(connection).await?)
}
