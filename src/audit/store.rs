//! The audit in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, QueryBuilder, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    admin::Role,
    audit::{Event, Refusal},
    db::list::{self, Sql},
    digest::Digest,
    error::Result,
    filter::{Comparison, Filter},
};

/// Appends refusals.
pub async fn append(connection: &mut PgConnection, refusals: &[Refusal]) -> Result<()> {
    let times: Vec<DateTime<Utc>> = refusals.iter().map(|refusal| refusal.time).collect();
    let by = || refusals.iter().map(|refusal| refusal.by.as_ref());
    let people: Vec<Option<&str>> = by().map(|by| by.map(|(person, _)| person.as_str())).collect();
    let roles: Vec<Option<&str>> = by().map(|by| Some(by?.1?.as_str())).collect();
    let methods: Vec<&str> = refusals.iter().map(|refusal| refusal.method.as_str()).collect();
    let resources: Vec<&str> = refusals.iter().map(|refusal| refusal.resource.as_str()).collect();
    let peers: Vec<Option<&str>> = refusals.iter().map(|refusal| refusal.peer.as_deref()).collect();
    let calls: Vec<Uuid> = refusals.iter().map(|refusal| refusal.call).collect();
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code).collect();
    let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    sqlx::query!(
        "insert into audit_events (event_time, person, role, method, resource, peer, call_id, code, reason)
         select time, person, role::role, method, resource, peer, call_id, code, reason
         from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::uuid[], $8::text[], $9::text[])
             as n (time, person, role, method, resource, peer, call_id, code, reason)",
        &times,
        &people as &[Option<&str>],
        &roles as &[Option<&str>],
        &methods as &[&str],
        &resources as &[&str],
        &peers as &[Option<&str>],
        &calls,
        &codes as &[&str],
        &reasons as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which rows.
#[derive(Debug)]
pub struct Question<'a> {
    /// What they must meet.
    pub filter: &'a Filter,
    /// The name of a resource; of what is under it too.
    pub resource: Option<&'a str>,
    /// Older ones than this number.
    pub before: Option<i64>,
    /// How many at most.
    pub rows_max: i64,
}

/// Rows of the audit, the newest first.
pub async fn list(connection: &mut PgConnection, question: &Question<'_>) -> Result<Vec<Event>> {
    let mut sql: Sql = QueryBuilder::new(
        "select id, event_time, person, role::text as role, method, resource, peer, call_id, request_id,
                code, reason, digest_before, digest_after, waived
         from audit_events e where ",
    );
    list::push_filter(&mut sql, question.filter, &push_comparison);
    if let Some(resource) = question.resource {
        sql.push(" and (e.resource = ").push_bind(resource.to_owned());
        // No name has a character that `like` would take for a pattern but `_` and `%`,
        // which no name may hold.
        sql.push(" or e.resource like ").push_bind(format!("{resource}/%")).push(")");
    }
    if let Some(before) = question.before {
        sql.push(" and e.id < ").push_bind(before);
    }
    sql.push(" order by e.id desc limit ").push_bind(question.rows_max);
    let rows = sql.build().persistent(false).fetch_all(connection).await?;
    rows.iter().map(event).collect()
}

fn event(row: &PgRow) -> Result<Event> {
    let digest = |column| -> Result<Option<Digest>> {
        let bytes: Option<Vec<u8>> = row.try_get(column)?;
        Ok(bytes.and_then(|bytes| Digest::from_bytes(&bytes)))
    };
    let (person, role): (Option<String>, Option<String>) = (row.try_get("person")?, row.try_get("role")?);
    let role = role.map(|role| Role::parse(&role)).transpose()?;
    Ok(Event {
        id: row.try_get("id")?,
        time: row.try_get("event_time")?,
        by: person.map(|person| (person, role)),
        method: row.try_get("method")?,
        resource: row.try_get("resource")?,
        peer: row.try_get("peer")?,
        call: row.try_get("call_id")?,
        request: row.try_get("request_id")?,
        code: row.try_get("code")?,
        reason: row.try_get("reason")?,
        before: digest("digest_before")?,
        after: digest("digest_after")?,
        waived: row.try_get("waived")?,
    })
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let column = match comparison.field {
        "role" => return list::push_named(sql, "e.role", comparison, "::role"),
        "person" => "e.person",
        "method" => "e.method",
        "peer" => "e.peer",
        "call_id" => "e.call_id::text",
        "request_id" => "e.request_id::text",
        "code" => "e.code",
        "reason" => "e.reason",
        "event_time" => "e.event_time",
        // Every field of the table of fields stands above, as a test shows.
        _ => "null",
    };
    list::push_comparison(sql, column, comparison);
}

/// Removes some of the rows from before a time; how many. Young ones the database does
/// not let go.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>, rows_max: i64) -> Result<i64> {
    let removed = sqlx::query_scalar!(
        r#"with gone as (
               delete from audit_events where id in (
                   select id from audit_events where event_time < $1 order by event_time limit $2
               ) returning 1
           )
           select count(*) as "count!" from gone"#,
        before,
        rows_max
    );
    Ok(removed.fetch_one(connection).await?)
}
