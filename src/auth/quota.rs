//! How much one person may ask of a server, whatever credentials and connections they
//! come by: calls by a token bucket, watches and uploads by how many are open.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

use crate::{
    config::{self, AccessSettings},
    error::{Error, Result},
};

type Bucket =
    RateLimiter<String, HashMapStateStore<String>, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

/// What everyone has asked.
#[derive(Clone)]
pub struct Quotas {
    calls: Arc<Bucket>,
    /// Calls so far.
    asked: Arc<AtomicU64>,
    open: Arc<Mutex<HashMap<(String, Stream), u32>>>,
    settings: AccessSettings,
}

/// What stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A feed.
    Watch,
    /// A file that comes.
    Upload,
}

/// One open stream of a person; given back when dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<Mutex<HashMap<(String, Stream), u32>>>,
    key: (String, Stream),
}

impl Quotas {
    /// Nobody has asked anything yet.
    pub fn new(settings: AccessSettings) -> Quotas {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(settings.requests_per_second_max))
            .allow_burst(at_least_one(settings.requests_burst_max));
        let calls = RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock);
        Quotas { calls: Arc::new(calls), asked: Arc::default(), open: Arc::default(), settings }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// The person has asked too often; when to come back.
    pub fn call(&self, person: &str) -> Result<()> {
        // A look at each call would cost it a lock.
        let has_come = self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(config::PEOPLE_LOOK_CALLS);
        if has_come && self.calls.len() >= config::PEOPLE_COUNTED_MAX {
            self.calls.retain_recent();
        }
        self.calls.check_key(&person.to_owned()).map_err(|refused| Error::TooManyRequests {
            limit: format!(
                "{} calls in a second, {} at once",
                self.settings.requests_per_second_max, self.settings.requests_burst_max
            ),
            wait: refused.wait_time_from(MonotonicClock.now()).max(WAIT_MIN),
        })
    }

    /// Counts a stream until what is returned is dropped.
    ///
    /// # Errors
    /// The person has as many open as one may have.
    pub fn open(&self, person: &str, stream: Stream) -> Result<Place> {
        let (count_max, what) = match stream {
            Stream::Watch => (self.settings.watches_per_person_max, "open watches"),
            Stream::Upload => (self.settings.uploads_per_person_max, "running uploads"),
        };
        let key = (person.to_owned(), stream);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.clone()).or_default();
        if *count >= count_max {
            return Err(Error::TooManyRequests {
                limit: format!("{count_max} {what}"),
                wait: WAIT_FOR_PLACE,
            });
        }
        *count += 1;
        Ok(Place { open: self.open.clone(), key })
    }
}

/// Clients that wait for less would rather spin.
const WAIT_MIN: Duration = Duration::from_millis(10);

/// Nobody knows when a stream ends.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(1);

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}
