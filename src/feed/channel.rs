//! One feed of a process, as its hub fills it and its watchers read it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;
use tokio::sync::{Notify, Semaphore, watch};

use crate::{
    config::{self, FeedSettings},
    db::{Connection, Db},
    error::{Error, Result},
    feed::{Filter, Place, Source, Start, ring::Ring, watcher::Watcher},
};

/// What the feeds of a process share.
#[derive(Debug)]
pub struct Limits {
    /// One permit for each open stream.
    streams: Arc<Semaphore>,
    streams_max: u32,
    /// One permit for each watcher that reads from the database.
    pub(super) reading: Semaphore,
    /// Quiet after which a watcher gets a checkpoint.
    pub(super) checkpoint_period: Duration,
    /// Calls a hub that rests.
    pub(super) call: Notify,
}

impl Limits {
    /// The limits that the settings ask for.
    pub fn new(settings: &FeedSettings) -> Arc<Limits> {
        Arc::new(Limits {
            streams: Arc::new(Semaphore::new(settings.watch_streams_max as usize)),
            streams_max: settings.watch_streams_max,
            reading: Semaphore::new(config::WATCHERS_READING_MAX),
            checkpoint_period: Duration::from_secs(settings.watch_checkpoint_seconds.into()),
            call: Notify::new(),
        })
    }
}

/// One feed.
#[derive(Clone)]
pub struct Channel {
    pub(super) db: Db,
    pub(super) source: Arc<dyn Source>,
    pub(super) ring: watch::Sender<Ring>,
    pub(super) limits: Arc<Limits>,
}

impl Channel {
    /// A feed of what is in this database.
    pub fn new(db: Db, source: impl Source + 'static, limits: Arc<Limits>) -> Channel {
        Channel { db, source: Arc::new(source), ring: watch::Sender::default(), limits }
    }

    /// Watches from a start: the messages, without an end. The stream holds no
    /// more than [`config::WATCHER_ROWS`] entries, whatever its reader does.
    ///
    /// # Errors
    /// Too many streams are open, the place is foreign or too old, or the
    /// database is not available.
    pub async fn watch(
        &self,
        start: Start,
        filter: Filter,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let permit = self.limits.streams.clone().try_acquire_owned();
        let permit = permit.map_err(|_| {
            let max = self.limits.streams_max;
            Error::LimitExceeded(format!(
                "{max} watch streams are open, as many as this server takes; try later"
            ))
        })?;
        let mut ring = self.ring.subscribe();
        // Seen before the place is found: a history that breaks off in between
        // has the watcher look again.
        let history = ring.borrow_and_update().history();
        let checked = Utc::now();
        let at = self.find(start).await?;
        Ok(Watcher::new(self.clone(), ring, filter, at, history, checked, permit).into_stream())
    }

    async fn find(&self, start: Start) -> Result<Place> {
        if let Start::After(place) = start
            && self.ring.borrow().knows(place)
        {
            return Ok(place);
        }
        let mut connection = self.db.read().await?;
        match start {
            Start::Beginning => self.source.oldest(&mut connection).await,
            Start::Now => self.source.newest(&mut connection).await,
            Start::After(place) => self.source.read(&mut connection, place, 0).await.map(|_| place),
        }
    }

    /// How many streams are open.
    pub fn watchers(&self) -> usize {
        self.ring.receiver_count()
    }

    /// The time until which everything that was committed is at hand for watchers;
    /// none while nobody watches.
    pub fn complete_until(&self) -> Option<DateTime<Utc>> {
        self.ring.borrow().checked()
    }

    /// Ends all streams, as the server does.
    pub fn end(&self) {
        self.ring.send_modify(Ring::end);
    }

    /// Brings the ring up to date; whether more is committed that cannot be read
    /// yet. While nobody watches it does nothing.
    pub(super) async fn advance(&self, connection: &mut Connection) -> Result<bool> {
        if self.ring.receiver_count() == 0 {
            self.ring.send_if_modified(|ring| {
                ring.rest();
                false
            });
            return Ok(false);
        }
        loop {
            let checked = Utc::now();
            let Some(tail) = self.ring.borrow().tail() else {
                let newest = self.source.newest(connection).await?;
                self.ring.send_modify(|ring| ring.begin(newest, checked));
                continue;
            };
            let batch = match self.source.read(connection, tail, config::FEED_ROWS).await {
                Err(Error::CursorForeign | Error::CursorTooOld) => {
                    tracing::warn!("the database was rolled back; watchers that are ahead of it are ended");
                    self.ring.send_modify(Ring::break_off);
                    continue;
                }
                batch => batch?,
            };
            let more = batch.entries.len() as i64 == config::FEED_ROWS;
            let checked = (!more && !batch.pending).then_some(checked);
            self.ring.send_if_modified(|ring| ring.push(batch.entries, checked));
            if !more {
                return Ok(batch.pending);
            }
        }
    }
}
