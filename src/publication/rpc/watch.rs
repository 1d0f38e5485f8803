//! The ledger as a feed.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use prost::Message;

use crate::{
    db::Connection,
    error::Result,
    feed::{Batch, Entry, Feed, Filter, Place, Source, Subject},
    pb::{self, watch_publications_response::Event},
    publication::{Publication, store},
    wire::{
        self, Check, cursor,
        name::{issue, with_uuid},
    },
};

/// Every act of publishing, in ledger order. The ledger keeps everything.
#[derive(Clone, Copy, Debug)]
pub struct Ledger;

impl Source for Ledger {
    fn prepare<'c>(&'c self, _: &'c mut Connection) -> BoxFuture<'c, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn oldest<'c>(&'c self, _: &'c mut Connection) -> BoxFuture<'c, Result<Place>> {
        Box::pin(async { Ok(Place::START) })
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
        cursor::write(Feed::Publications, at)
    }

    fn checkpoint(&self, at: Place, time: DateTime<Utc>) -> Bytes {
        encode(at, Event::Checkpoint(pb::Checkpoint { check_time: Some(wire::timestamp(time)) }))
    }
}

fn entry(publication: Publication) -> Entry {
    let place = publication.place();
    let newspaper = Some(publication.newspaper.clone());
    // What replaces it comes later in the feed.
    let publication = pb::Publication { superseded_by: String::new(), ..publication.into() };
    let subject = Subject { newspaper, kind: publication.kind, resource: publication.resource.clone() };
    Entry { place, subject, message: encode(place, Event::Publication(publication)) }
}

fn encode(at: Place, event: Event) -> Bytes {
    let cursor = Ledger.cursor(at);
    pb::WatchPublicationsResponse { cursor, event: Some(event) }.encode_to_vec().into()
}

/// Reads the filters of a request.
pub fn filter(check: &mut Check, request: &pb::WatchPublicationsRequest) -> Filter {
    let name = &request.resource;
    let fits = issue(name).is_some() || with_uuid(name, "articles").is_some();
    Filter {
        newspaper: check.newspaper_filter(&request.newspaper),
        kinds: check.kinds::<pb::publication::Kind>(&request.kinds),
        resource: check.resource_filter(name, "an issue or an article", fits),
    }
}
