//! What reporters are found and sorted by, in Postgres.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::{
    error::Result,
    reporter::{
        Details,
        search::{Entry, Order, Place, Query, entry},
    },
};

/// Behind every key that begins alike: no text may hold this noncharacter.
const LAST: char = '\u{10FFFF}';

/// Keeps what reporters are found and sorted by, instead of what was kept before; of
/// those that are still in the version that it was made of.
pub async fn write(connection: &mut PgConnection, entries: &[Entry]) -> Result<()> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.reporter).collect();
    let versions: Vec<i64> = entries.iter().map(|entry| entry.version).collect();
    let orders: Vec<&str> = entries.iter().map(|entry| entry.pinyin_order.as_str()).collect();
    let pairs =
        || entries.iter().flat_map(|entry| entry.keys.iter().map(|key| (entry.reporter, key.as_str())));
    let (owners, keys): (Vec<Uuid>, Vec<&str>) = pairs().unzip();
    sqlx::query!(
        "with given as (
             select * from unnest($1::uuid[], $2::bigint[], $3::text[]) g (id, version, pinyin_order)
         ), current as (
             update reporters r set pinyin_order = g.pinyin_order, search_version = g.version
             from given g where r.id = g.id and r.version = g.version
             returning r.id
         ), wanted as (
             select w.reporter, w.key from unnest($4::uuid[], $5::text[]) w (reporter, key)
             join current c on c.id = w.reporter
         ), gone as (
             delete from reporter_keys k using current c
             where k.reporter = c.id
               and not exists (select from wanted w where w.reporter = k.reporter and w.key = k.key)
         )
         insert into reporter_keys (reporter, key) select reporter, key from wanted on conflict do nothing",
        &ids,
        &versions,
        &orders as &[&str],
        &owners,
        &keys as &[&str]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What some reporters should be found by of whom that is not kept, or of an earlier
/// version.
pub async fn missing(connection: &mut PgConnection, rows_max: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query!(
        "select id, version, display_name, pen_names from reporters where search_version <> version
         order by id limit $1",
        rows_max
    )
    .fetch_all(connection)
    .await?;
    let entries = rows.into_iter().map(|row| {
        let names =
            Details { display_name: row.display_name, pen_names: row.pen_names, ..Details::default() };
        entry(row.id, row.version, &names)
    });
    Ok(entries.collect())
}

/// Where the reporters stand who meet a query, in its order, those behind `after`.
pub async fn find(
    connection: &mut PgConnection,
    query: &Query,
    after: Option<&Place>,
    rows_max: i64,
) -> Result<Vec<Place>> {
    let mut sql = QueryBuilder::new("select r.pinyin_order, r.display_name, r.id");
    push_conditions(&mut sql, query, after);
    match query.order {
        Order::Pinyin => sql.push(" order by r.pinyin_order, r.display_name collate \"C\", r.id"),
        Order::DisplayName => sql.push(" order by r.display_name collate \"C\", r.id"),
    };
    sql.push(" limit ").push_bind(rows_max);
    let rows = sql.build().fetch_all(connection).await?;
    rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

/// How many reporters meet a query; counted up to `count_max`.
pub async fn count(connection: &mut PgConnection, query: &Query, count_max: i64) -> Result<i64> {
    let mut sql = QueryBuilder::new("select count(*) from (select r.id");
    push_conditions(&mut sql, query, None);
    if query.key.is_empty() {
        // By an index, however many have to be passed over.
        sql.push(" order by r.id");
    }
    sql.push(" limit ").push_bind(count_max).push(") found");
    Ok(sql.build_query_scalar().fetch_one(connection).await?)
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, query: &Query, after: Option<&Place>) {
    if query.key.is_empty() {
        sql.push(" from reporters r where true");
        push_filters(sql, query, after);
        return;
    }
    // Each reporter is looked up once by its id, behind fences over which the planner
    // would else come to read all of them.
    sql.push(" from (select distinct reporter from reporter_keys where key >= ");
    sql.push_bind(query.key.clone()).push(" and key < ").push_bind(format!("{}{LAST}", query.key));
    sql.push(" offset 0) k cross join lateral (select id, pinyin_order, display_name from reporters r");
    sql.push(" where r.id = k.reporter");
    push_filters(sql, query, after);
    sql.push(" offset 0) r");
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &Query, after: Option<&Place>) {
    if !query.show_deleted {
        sql.push(" and r.delete_time is null");
    }
    if !query.show_retired {
        sql.push(" and not r.retired");
    }
    let Some((pinyin_order, display_name, id)) = after else { return };
    match query.order {
        Order::Pinyin => {
            sql.push(" and (r.pinyin_order, r.display_name collate \"C\", r.id) > (");
            sql.push_bind(pinyin_order.clone()).push(", ");
        }
        Order::DisplayName => {
            sql.push(" and (r.display_name collate \"C\", r.id) > (");
        }
    }
    sql.push_bind(display_name.clone()).push(", ").push_bind(*id).push(")");
}
