//! What readers are served, kept in memory, so that the morning's issue is read from the
//! database once and not once for each reader.
//!
//! What is served changes only with the ledger. So everything is kept under the state of
//! the ledger that the server knows: a change by this process is known before it is
//! acknowledged, those of others by asking every
//! [`config::PUBLISHED_POLL_PERIOD`](crate::config::PUBLISHED_POLL_PERIOD). What is kept is
//! trusted for [`config::PUBLISHED_TRUST_TIME_MAX`](crate::config::PUBLISHED_TRUST_TIME_MAX)
//! since the server last began to ask; when it cannot ask, each reader is served from
//! the database again, or told that it is away. So a withdrawal holds on every server
//! within a second, whether or not anything tells of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono::NaiveDate;
use quick_cache::{OptionsBuilder, Weighter, sync::Cache};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    config::{self, ReadingSettings},
    db::Db,
    error::Result,
    feed::Place,
    publication::{Served, store},
    telemetry::metrics,
    wire::name::IssueName,
};

/// Parts that are locked apart. What is larger than one of them is not kept.
const SHARDS: usize = 4;

/// What an entry costs beside its message, in bytes.
const ENTRY_BYTES: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An article: as it was last published, or as a certain publication has it.
    Article(Uuid, Option<i64>),
    /// An issue.
    Issue(ChosenIssue),
}

/// What a published issue is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChosenIssue {
    /// The newest publication of an issue.
    Newest(IssueName),
    /// The newest issue of a newspaper, of one day or of the latest.
    OfDay(String, Option<NaiveDate>),
    /// The issue of a newspaper with a running number, of one day or of any.
    OfNumber(String, i32, Option<NaiveDate>),
    /// A certain publication.
    Publication(i64),
}

/// What readers get, if it was ever published.
#[derive(Clone, Debug)]
pub struct Found {
    /// The id of the newspaper; none if nothing is known of what was asked for.
    pub newspaper: Option<Arc<str>>,
    /// What it is, in words or as a name.
    pub what: Arc<str>,
    /// What is served; none if it was never published.
    pub served: Option<Served>,
}

/// What readers are served, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Published {
    db: Db,
    /// By the state of the ledger that it was read in.
    kept: Option<Arc<Kept>>,
    standing: Arc<Mutex<Standing>>,
}

type Kept = Cache<(State, Key), Found, Weight>;

/// How often this process has changed the ledger, and how often it was seen to have
/// changed.
type State = (u64, u64);

/// What the server knows of the ledger.
#[derive(Debug, Default)]
struct Standing {
    head: Option<Place>,
    /// How often the head was another one.
    moves: u64,
    trusted_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<(State, Key), Found> for Weight {
    fn weight(&self, _: &(State, Key), found: &Found) -> u64 {
        let message = match &found.served {
            Some(Served::Message(message)) => message.size_bytes(),
            Some(Served::Nothing(tombstone)) => tombstone.reason.len(),
            None => 0,
        };
        (ENTRY_BYTES + message) as u64
    }
}

impl Published {
    /// What readers are served from this database.
    pub fn new(db: Db, settings: ReadingSettings) -> Published {
        let bytes = u64::from(settings.published_cache_mib) * 1024 * 1024;
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            // An article and what comes with it; a guess that only sizes tables.
            .estimated_items_capacity((bytes / 4096) as usize)
            .weight_capacity(bytes)
            .build()
            .ok();
        let kept = options.filter(|_| bytes > 0).map(|options| {
            Arc::new(Cache::with_options(options, Weight, Default::default(), Default::default()))
        });
        Published { db, kept, standing: Arc::default() }
    }

    /// What is asked for, from memory or by `fetch`. Of several who ask for the same at
    /// once, one fetches it; if it fails or goes away, another one does.
    ///
    /// # Errors
    /// Those of `fetch`.
    pub async fn get<F>(&self, key: Key, fetch: impl FnOnce() -> F) -> Result<Found>
    where
        F: Future<Output = Result<Found>>,
    {
        let (Some(kept), Some(state)) = (&self.kept, self.state()) else {
            return Box::pin(fetch()).await;
        };
        let key = (state, key);
        if let Some(found) = kept.get(&key) {
            metrics::Cache::Published.count(true);
            return Ok(found);
        }
        // Apart, as it would make calls that are answered from memory as large.
        Box::pin(self.get_by_one(kept, key, fetch())).await
    }

    /// What is not kept yet, unless somebody fetches it already.
    async fn get_by_one(
        &self,
        kept: &Kept,
        key: (State, Key),
        fetch: impl Future<Output = Result<Found>>,
    ) -> Result<Found> {
        let waited = timeout(config::PUBLISHED_FLIGHT_TIME_MAX, kept.get_value_or_guard_async(&key)).await;
        metrics::Cache::Published.count(matches!(waited, Ok(Ok(_))));
        match waited {
            Ok(Ok(found)) if self.state() == Some(key.0) => Ok(found),
            // Waiting took until the ledger had moved, and whoever fetched it may have read
            // it before.
            Ok(Ok(_)) => fetch.await,
            Ok(Err(place)) => {
                let found = fetch.await?;
                // Whether there is room for it changes nothing of the answer.
                let _ = place.insert(found.clone());
                Ok(found)
            }
            // Whoever fetches it is slow.
            Err(_) => fetch.await,
        }
    }

    /// Keeps track of the ledger, until it is aborted.
    pub async fn run(self) {
        let Some(kept) = self.kept.clone() else { return };
        let mut is_away = false;
        loop {
            match self.look(&kept).await {
                Ok(()) => is_away = false,
                Err(error) if is_away => tracing::debug!(%error, "the ledger still cannot be followed"),
                Err(error) => {
                    is_away = true;
                    tracing::warn!(%error, "the ledger cannot be followed; readers are served from the database");
                }
            }
            tokio::time::sleep(config::PUBLISHED_POLL_PERIOD).await;
        }
    }

    async fn look(&self, kept: &Kept) -> Result<()> {
        let begun = Instant::now();
        let head = self.db.on_line(async { store::newest(&mut *self.db.read().await?).await }).await?;
        let has_moved = {
            let mut standing = self.standing();
            standing.trusted_until = Some(begun + config::PUBLISHED_TRUST_TIME_MAX);
            let has_moved = standing.head != Some(head);
            standing.moves += u64::from(has_moved);
            standing.head = Some(head);
            has_moved
        };
        if has_moved {
            // Nobody asks for these again.
            kept.clear();
        }
        metrics::published_kept(kept.weight());
        Ok(())
    }

    /// The state of the ledger; none while it cannot be told.
    fn state(&self) -> Option<State> {
        let own = self.db.publications();
        let standing = self.standing();
        standing.trusted_until.filter(|end| *end > Instant::now()).map(|_| (own, standing.moves))
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Nothing in there is half done when a thread panics.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, task::yield_now};

    use super::*;

    fn found(what: &str) -> Found {
        Found { newspaper: None, what: what.into(), served: None }
    }

    /// A cache that trusts what it keeps, on a database that nobody asks.
    fn trusting() -> Published {
        let options = crate::db::options("postgres://nobody@127.0.0.1:1/none").expect("a URL");
        let published = Published::new(Db::open(options, 1), ReadingSettings::default());
        published.standing().trusted_until = Some(Instant::now() + Duration::from_secs(3600));
        published
    }

    const KEY: Key = Key::Article(Uuid::nil(), None);

    #[tokio::test]
    async fn what_another_one_has_fetched_is_not_served_when_the_ledger_has_moved_meanwhile() {
        for moves in [0, 1] {
            let published = trusting();
            let (read, is_read) = oneshot::channel();
            let ask = |published: Published, what: &'static str, begin: Option<oneshot::Receiver<()>>| {
                tokio::spawn(async move {
                    let fetch = async {
                        if let Some(begin) = begin {
                            begin.await.expect("a sign");
                        }
                        Ok(found(what))
                    };
                    published.get(KEY, || fetch).await.expect("an answer").what
                })
            };
            let first = ask(published.clone(), "read before", Some(is_read));
            yield_now().await;
            let second = ask(published.clone(), "read after", None);
            yield_now().await;
            published.standing().moves += moves;
            read.send(()).expect("a reader");
            assert_eq!(&*first.await.expect("a task"), "read before");
            let expected = if moves == 0 { "read before" } else { "read after" };
            assert_eq!(&*second.await.expect("a task"), expected, "{moves} moves");
        }
    }
}
