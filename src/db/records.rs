//! What a mutation leaves behind: rows of the change feed and of the audit, in its own
//! transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Operation;
use crate::{digest::Digest, error::Result};

/// What a mutation did to one resource, for the change feed and the audit.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource's full name.
    pub resource: String,
    /// What happened, as a past participle: `created`.
    pub kind: &'static str,
    /// The content digest before, where the resource has one.
    pub before: Option<Digest>,
    /// The content digest after.
    pub after: Option<Digest>,
}

/// What a mutation did to something that the change feed does not tell of, as nobody works
/// on it: an upload on its way, a file, an index.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its full name, or where it lies in the photo store.
    pub resource: String,
    /// The digest of its content before, if it had one.
    pub before: Option<Digest>,
    /// The digest of its content after.
    pub after: Option<Digest>,
}

/// What a mutation has noted.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// For the change feed and the audit.
    pub(super) changes: Vec<Change>,
    /// For the audit alone.
    pub(super) traces: Vec<Trace>,
    /// The codes of the checks that the caller has waived.
    pub(super) waived: Vec<String>,
}

/// Appends the rows of the change feed and of the audit, in one statement. The
/// newspaper of a change stands in its name, or with the article, which this
/// transaction has just had in its hands.
pub(super) async fn append(
    connection: &mut PgConnection,
    operation: &Operation,
    now: DateTime<Utc>,
    records: &Records,
) -> Result<()> {
    let Records { changes, traces, waived } = records;
    if changes.is_empty() && traces.is_empty() {
        return Ok(());
    }
    let changed = changes.iter().map(|change| {
        (
            change.resource.as_str(),
            Some(change.kind),
            digest_bytes(&change.before),
            digest_bytes(&change.after),
        )
    });
    let traced = traces.iter().map(|trace| {
        (trace.resource.as_str(), None, digest_bytes(&trace.before), digest_bytes(&trace.after))
    });
    let (mut resources, mut kinds, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (resource, kind, digest_before, digest_after) in changed.chain(traced) {
        resources.push(resource);
        kinds.push(kind);
        before.push(digest_before);
        after.push(digest_after);
    }
    sqlx::query!(
        "with new as (
             select * from unnest((select $1::text[]), (select $2::text[]), (select $3::bytea[]),
                                  (select $4::bytea[]))
                 as n (resource, kind, before, after)
         ), feed as (
             insert into changes (resource, newspaper, kind, person, change_time)
             select resource,
                    case split_part(resource, '/', 1)
                        when 'newspapers' then split_part(resource, '/', 2)
                        when 'articles' then
                            (select a.newspaper from articles a where a.id = split_part(resource, '/', 2)::uuid)
                    end,
                    kind, $5, $6
             from new where kind is not null
         )
         insert into audit_events
             (event_time, person, role, method, resource, request_id, digest_before, digest_after, waived,
              call_id, peer)
         select $6, $5, $7::text::role, $8, resource, $9, before, after, $10, $11, $12 from new",
        &resources as &[&str],
        &kinds as &[Option<&str>],
        &before as &[Option<&[u8]>],
        &after as &[Option<&[u8]>],
        operation.caller.name,
        now,
        operation.caller.role.as_str(),
        operation.method,
        operation.request.map(|request| request.id),
        waived.as_slice(),
        operation.caller.call.id,
        operation.caller.call.peer.map(|peer| peer.to_string()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn digest_bytes(digest: &Option<Digest>) -> Option<&[u8]> {
    digest.as_ref().map(Digest::as_bytes)
}
