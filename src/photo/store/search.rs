//! What photos are found by, in Postgres.

use chrono::NaiveDate;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    error::Result,
    photo::{
        Channel,
        search::{Entry, Query},
    },
};

/// Keeps what photos are found by, instead of what was kept before.
pub async fn write(connection: &mut PgConnection, entries: &[(Uuid, Entry)]) -> Result<()> {
    // As rows of JSON: they hold lists of any length.
    let rows = serde_json::to_value(entries)?;
    sqlx::query!(
        "insert into photo_search (photo, folded, grams, creators, places, keywords, capture_date)
         select (row ->> 0)::uuid, e.folded, e.grams, e.creators, e.places, e.keywords, e.capture_date
         from jsonb_array_elements($1) as row,
              jsonb_to_record(row -> 1) as e (folded text, grams text[], creators text, places text,
                                              keywords text[], capture_date date)
         on conflict (photo) do update
         set folded = excluded.folded, grams = excluded.grams, creators = excluded.creators,
             places = excluded.places, keywords = excluded.keywords, capture_date = excluded.capture_date",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The photos that meet a query, newest first, those behind `after`.
pub async fn find(
    connection: &mut PgConnection,
    query: &Query,
    after: Option<Uuid>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    let mut sql = QueryBuilder::new("select s.photo");
    push_conditions(&mut sql, query);
    if let Some(after) = after {
        sql.push(" and s.photo < ").push_bind(after);
    }
    sql.push(" order by s.photo desc limit ").push_bind(rows_max);
    // Not kept prepared: which index is the better one depends on the words.
    Ok(sql.build_query_scalar().persistent(false).fetch_all(connection).await?)
}

/// How many photos meet a query; counted up to `count_max`.
pub async fn count(connection: &mut PgConnection, query: &Query, count_max: i64) -> Result<i64> {
    let mut sql = QueryBuilder::new("select count(*) from (select");
    push_conditions(&mut sql, query);
    sql.push(" limit ").push_bind(count_max).push(") found");
    Ok(sql.build_query_scalar().persistent(false).fetch_one(connection).await?)
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, query: &Query) {
    sql.push(" from photo_search s join photos p on p.id = s.photo where true");
    let grams = query.grams();
    if !grams.is_empty() {
        sql.push(" and s.grams @> ").push_bind(grams);
    }
    // The grams of a word may stand apart from each other.
    push_words(sql, "s.folded", &query.words);
    push_words(sql, "s.creators", &query.creator);
    push_words(sql, "s.places", &query.place);
    if !query.keyword.is_empty() {
        sql.push(" and ").push_bind(query.keyword.clone()).push(" = any(s.keywords)");
    }
    if let Some(day) = query.captured_from {
        sql.push(" and s.capture_date >= ").push_bind(day);
    }
    if let Some(day) = query.captured_until {
        sql.push(" and s.capture_date <= ").push_bind(day);
    }
    if let Some(clearance) = query.clearance {
        sql.push(" and p.clearance = ").push_bind(clearance.as_str()).push("::text::clearance");
    }
    push_grant(sql, query);
    if !query.show_deleted {
        sql.push(" and p.delete_time is null");
    }
}

fn push_words(sql: &mut QueryBuilder<Postgres>, column: &'static str, words: &[String]) {
    for word in words {
        sql.push(" and strpos(").push(column).push(", ").push_bind(word.clone()).push(") > 0");
    }
}

fn push_grant(sql: &mut QueryBuilder<Postgres>, query: &Query) {
    let Some((day, channels)) = &query.granted else { return };
    sql.push(" and p.clearance = 'cleared'");
    push_days(sql, "license", *day);
    for channel in channels {
        let prefix = match channel {
            Channel::Print => "print",
            Channel::Digital => "digital",
        };
        sql.push(" and not p.").push(prefix).push("_excluded");
        push_days(sql, prefix, *day);
    }
}

fn push_days(sql: &mut QueryBuilder<Postgres>, prefix: &'static str, day: NaiveDate) {
    sql.push(" and coalesce(p.").push(prefix).push("_start_date <= ").push_bind(day).push(", true)");
    sql.push(" and coalesce(p.").push(prefix).push("_end_date >= ").push_bind(day).push(", true)");
}
