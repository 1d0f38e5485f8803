//! `ActivityService`: the feed of changes, live and in pages.

mod history;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use crate::{
    activity::store,
    config,
    db::Db,
    error::Result,
    feed::{Batch, Channel, Feed, Filter, Place, Start},
    pb::{self, servers::activity_service_server::ActivityService},
    wire::{self, Answer, Check, codec::Sealed, cursor},
};
pub use history::History;

/// The service.
#[derive(Clone)]
pub struct Service {
    db: Db,
    feed: Channel,
}

impl Service {
    /// The service on this database, with the feed of its changes.
    pub fn new(db: Db, feed: Channel) -> Service {
        Service { db, feed }
    }

    /// Collects up to `size` changes from behind a place: with them the place
    /// that was reached, and whether nothing more is committed.
    async fn collect(
        &self,
        start: Start,
        filter: &Filter,
        size: usize,
    ) -> Result<(Vec<pb::Change>, Place, bool)> {
        let mut connection = self.db.read().await?;
        let mut at = match start {
            Start::After(place) => place,
            Start::Beginning | Start::Now => store::oldest(&mut connection).await?,
        };
        let mut changes = Vec::new();
        let mut passed = 0;
        while passed < config::LIST_CHANGES_ROWS_MAX {
            let Batch { entries, pending } = store::follow(&mut connection, at, config::FEED_ROWS).await?;
            let ends = (entries.len() as i64) < config::FEED_ROWS;
            for change in entries {
                if changes.len() == size {
                    return Ok((changes, at, false));
                }
                (at, passed) = (change.place(), passed + 1);
                let subject = history::subject(&change);
                if filter.lets_through(&subject) {
                    changes.push(change.into());
                }
            }
            if ends {
                return Ok((changes, at, !pending));
            }
        }
        Ok((changes, at, false))
    }
}

#[tonic::async_trait]
impl ActivityService for Service {
    type WatchChangesStream = BoxStream<'static, Result<Sealed, Status>>;

    async fn watch_changes(
        &self,
        request: Request<pb::WatchChangesRequest>,
    ) -> Answer<Self::WatchChangesStream> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let start = cursor::start(&mut check, Feed::Changes, &message.cursor, message.from_now);
        let filter = history::filter(&mut check, &message.newspaper, &message.kinds, &message.resource);
        check.finish()?;
        let messages = self.feed.watch(start, filter).await?;
        Ok(Response::new(messages.map(|message| Ok(Sealed(message?))).boxed()))
    }

    async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> Answer<pb::ListChangesResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let start = cursor::start(&mut check, Feed::Changes, &message.cursor, false);
        let filter = history::filter(&mut check, &message.newspaper, &message.kinds, &message.resource);
        let size = check.page_size(message.page_size);
        check.finish()?;
        let (changes, at, caught_up) = self.collect(start, &filter, size as usize).await?;
        let next_cursor = cursor::write(Feed::Changes, at);
        Ok(Response::new(pb::ListChangesResponse { changes, next_cursor, caught_up }))
    }
}
