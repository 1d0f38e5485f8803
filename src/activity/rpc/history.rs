//! The changes as a feed.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use prost::Message;

use crate::{
    activity::{Change, store},
    db::Connection,
    error::Result,
    feed::{Batch, Entry, Feed, Filter, Place, Source, Subject},
    newspaper,
    pb::{self, change::Kind, watch_changes_response::Event},
    wire::{self, Check, cursor, name},
};

/// Every change of a working copy, in the order of the transactions.
#[derive(Clone, Copy, Debug)]
pub struct History;

impl Source for History {
    fn prepare<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<()>> {
        Box::pin(async move {
            let mended = store::put_in_order(connection).await?;
            if mended > 0 {
                tracing::warn!(mended, "put changes in order that came from another database cluster");
            }
            Ok(())
        })
    }

    fn oldest<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<Place>> {
        Box::pin(store::oldest(connection))
    }

    fn newest<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<Place>> {
        Box::pin(store::newest(connection))
    }

    fn read<'c>(
        &'c self,
        connection: &'c mut Connection,
        after: Place,
        rows_max: i64,
    ) -> BoxFuture<'c, Result<Batch<Entry>>> {
        Box::pin(async move {
            let Batch { entries, pending } = store::follow(connection, after, rows_max).await?;
            Ok(Batch { entries: entries.into_iter().map(entry).collect(), pending })
        })
    }

    fn cursor(&self, at: Place) -> String {
        cursor::write(Feed::Changes, at)
    }

    fn checkpoint(&self, at: Place, time: DateTime<Utc>) -> Bytes {
        encode(at, Event::Checkpoint(pb::Checkpoint { check_time: Some(wire::timestamp(time)) }))
    }
}

impl From<Change> for pb::Change {
    fn from(change: Change) -> pb::Change {
        pb::Change {
            kind: kind(&change).into(),
            resource: change.resource,
            person: change.person,
            change_time: Some(wire::timestamp(change.change_time)),
            newspaper: change.newspaper.map(|id| newspaper::name(&id)).unwrap_or_default(),
        }
    }
}

/// What filters look at.
pub fn subject(change: &Change) -> Subject {
    Subject {
        newspaper: change.newspaper.clone(),
        kind: kind(change).into(),
        resource: change.resource.clone(),
    }
}

/// The kind as the API has it. A newer server may have written one that is not
/// known here.
fn kind(change: &Change) -> Kind {
    Kind::from_str_name(&format!("KIND_{}", change.kind.to_ascii_uppercase())).unwrap_or_default()
}

fn entry(change: Change) -> Entry {
    let (place, subject) = (change.place(), subject(&change));
    Entry { place, subject, message: encode(place, Event::Change(change.into())) }
}

fn encode(at: Place, event: Event) -> Bytes {
    let cursor = cursor::write(Feed::Changes, at);
    pb::WatchChangesResponse { cursor, event: Some(event) }.encode_to_vec().into()
}

/// Reads the filters of a request.
pub fn filter(check: &mut Check, newspaper: &str, kinds: &[i32], resource: &str) -> Filter {
    let with_uuid = ["articles", "reporters", "photos", "accessTokens"];
    let fits = name::newspaper(resource).is_some()
        || name::issue(resource).is_some()
        || name::page(resource).is_some()
        || with_uuid.iter().any(|collection| name::with_uuid(resource, collection).is_some());
    Filter {
        newspaper: check.newspaper_filter(newspaper),
        kinds: check.kinds::<Kind>(kinds),
        resource: check.resource_filter(resource, "anything that changes", fits),
    }
}
