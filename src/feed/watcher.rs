//! One open watch stream. It moves only when its client takes a message (HTTP/2
//! flow control reaches through to here), so that it needs no task and no queue
//! of its own.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

use crate::{
    config,
    error::{Error, Result},
    feed::{
        Channel, Entry, Filter, Place,
        ring::{Ring, Step},
    },
};

/// How long a watcher that is behind waits when the database is away.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// A watcher at its place.
pub struct Watcher {
    channel: Channel,
    ring: watch::Receiver<Ring>,
    filter: Filter,
    /// Behind the last entry that was taken. All up to here has been sent or
    /// filtered out once `ready` is empty, and only then stands in a checkpoint.
    at: Place,
    /// The history that `at` was found in.
    history: u64,
    /// Everything committed before was in the feed up to `at`.
    checked: DateTime<Utc>,
    /// Taken and wanted, but not sent yet.
    ready: VecDeque<Arc<Entry>>,
    /// Entries that were filtered out since the last message.
    passed: usize,
    /// Whether the client has been told that it has caught up.
    live: bool,
    /// When the next checkpoint is due.
    due: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    pub(super) fn new(
        channel: Channel,
        ring: watch::Receiver<Ring>,
        filter: Filter,
        at: Place,
        history: u64,
        checked: DateTime<Utc>,
        permit: OwnedSemaphorePermit,
    ) -> Watcher {
        let due = Instant::now() + channel.limits.checkpoint_period;
        Watcher {
            channel,
            ring,
            filter,
            at,
            history,
            checked,
            ready: VecDeque::new(),
            passed: 0,
            live: false,
            due,
            _permit: permit,
        }
    }

    /// The messages, until the first error.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        stream::unfold(Some(self), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(message) => Some((Ok(message), Some(watcher))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Bytes> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(self.sent(entry.message.clone()));
            }
            if self.passed >= config::CHECKPOINT_ENTRIES || Instant::now() >= self.due {
                return Ok(self.checkpoint());
            }
            let (step, history) = self.look();
            match step {
                Step::Ended => return Err(self.stopping()),
                Step::Entries(entries) => self.take(entries),
                Step::CaughtUp(checked) => {
                    self.checked = self.checked.max(checked);
                    if !self.live {
                        self.live = true;
                        return Ok(self.checkpoint());
                    }
                    self.wait_until(self.due).await;
                }
                Step::Resting => {
                    self.channel.limits.call.notify_one();
                    self.wait_until(self.due).await;
                }
                // On the heap only while it runs: most streams wait, and keep room
                // for the largest of what they may do.
                Step::Behind => Box::pin(self.catch_up(history)).await?,
            }
        }
    }

    fn look(&mut self) -> (Step, u64) {
        let ring = self.ring.borrow_and_update();
        (ring.step(self.at, self.history), ring.history())
    }

    /// Takes entries that follow its place.
    fn take(&mut self, entries: Vec<Arc<Entry>>) {
        self.at = entries.last().map_or(self.at, |last| last.place);
        for entry in entries {
            if self.filter.lets_through(&entry.subject) {
                self.ready.push_back(entry);
            } else {
                self.passed += 1;
            }
        }
    }

    /// Reads what follows its place from the database, which finds that place
    /// again or refuses it.
    async fn catch_up(&mut self, history: u64) -> Result<()> {
        match self.read().await {
            Ok(entries) if entries.is_empty() && self.history == history => {
                // What is at hand is ahead of the database, which was rolled back:
                // the hub will see it when it looks again.
                self.wait_until(self.due.min(Instant::now() + config::FEED_POLL_PERIOD)).await;
            }
            Ok(entries) => {
                self.history = history;
                self.take(entries);
            }
            Err(Error::DatabaseUnavailable(_)) => {
                self.wait_until(self.due.min(Instant::now() + DATABASE_PAUSE)).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn read(&self) -> Result<Vec<Arc<Entry>>> {
        let _permit = self.channel.limits.reading.acquire().await.map_err(|_| self.stopping())?;
        let read = async {
            let mut connection = self.channel.db.read().await?;
            self.channel.source.read(&mut connection, self.at, config::WATCHER_ROWS).await
        };
        let batch = self.channel.db.on_line(read).await?;
        Ok(batch.entries.into_iter().map(Arc::new).collect())
    }

    /// Waits for the ring to change, or for a time.
    async fn wait_until(&mut self, time: Instant) {
        tokio::select! {
            // The sender is in `channel`, so that it is there.
            _ = self.ring.changed() => {}
            () = sleep_until(time) => {}
        }
    }

    /// Tells the client where it goes on; what it was not told yet has been sent.
    fn stopping(&self) -> Error {
        Error::Stopping { cursor: Some(self.channel.source.cursor(self.at)) }
    }

    fn checkpoint(&mut self) -> Bytes {
        let message = self.channel.source.checkpoint(self.at, self.checked);
        self.sent(message)
    }

    fn sent(&mut self, message: Bytes) -> Bytes {
        self.passed = 0;
        self.due = Instant::now() + self.channel.limits.checkpoint_period;
        message
    }
}
