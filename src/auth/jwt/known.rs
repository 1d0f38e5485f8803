//! The keys that a server knows of an issuer, and how they are kept new: fetched every
//! so often, and at once when a token comes with a key that is not among them, but
//! never more often than a pause allows, whatever comes.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{Refused, keys::KeySet, source::Source};
use crate::config::IdentitySettings;

/// Counts fetches of keys by outcome.
const FETCHES: &str = "masthead_oidc_key_fetches_total";

/// The keys that are known of an issuer.
#[derive(Debug)]
pub(super) struct Known {
    source: Source,
    state: watch::Sender<State>,
    wanted: Notify,
    period: Duration,
    pause: Duration,
    age_max: Duration,
    /// A fetch and its waiting takes no longer.
    fetch_time_max: Duration,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// Counts fetches that have ended, well or not.
    fetches: u64,
    /// When the last one ended.
    last: Option<Instant>,
    /// The keys, and when they were fetched.
    keys: Option<(Arc<KeySet>, Instant)>,
}

impl Known {
    /// Knows nothing yet.
    pub(super) fn new(source: Source, settings: &IdentitySettings) -> Known {
        describe_metrics();
        let seconds = |count: u32| Duration::from_secs(count.into());
        Known {
            source,
            state: watch::Sender::default(),
            wanted: Notify::new(),
            period: seconds(settings.oidc_refresh_seconds),
            pause: seconds(settings.oidc_refresh_pause_seconds),
            age_max: seconds(settings.oidc_keys_age_seconds_max),
            // Two documents.
            fetch_time_max: seconds(settings.oidc_fetch_seconds_max) * 2 + Duration::from_secs(1),
        }
    }

    /// The keys.
    ///
    /// # Errors
    /// There are none, or they are too old.
    pub(super) fn keys(&self) -> Result<Arc<KeySet>, Refused> {
        let state = self.state.borrow();
        let (keys, fetched) = state.keys.as_ref().ok_or(Refused::KeysAway)?;
        if fetched.elapsed() > self.age_max { Err(Refused::KeysAway) } else { Ok(keys.clone()) }
    }

    /// Has the keys fetched, and waits for that; whether it was done. It is not if the
    /// last time is too short ago.
    pub(super) async fn wait_for_newer(&self) -> bool {
        let mut state = self.state.subscribe();
        let fetches = {
            let state = state.borrow();
            if state.last.is_some_and(|last| last.elapsed() < self.pause) {
                return false;
            }
            state.fetches
        };
        self.wanted.notify_one();
        let newer = state.wait_for(|state| state.fetches != fetches);
        tokio::time::timeout(self.fetch_time_max, newer).await.is_ok()
    }

    /// Keeps the keys new. Fetching is its own task, so that a caller who hangs up stops
    /// nothing and all who wait are served by one fetch.
    pub(super) async fn follow(&self) {
        let mut was_away = false;
        loop {
            let fetched = self.source.fetch().await;
            // Who wanted keys while they were being fetched has them now.
            let _ = self.wanted.notified().now_or_never();
            let now = Instant::now();
            let is_away = fetched.is_err();
            report(&fetched, was_away, self.state.borrow().fetches == 0);
            self.state.send_modify(|state| {
                state.fetches += 1;
                state.last = Some(now);
                if let Ok(keys) = fetched {
                    state.keys = Some((Arc::new(keys), now));
                }
            });
            was_away = is_away;
            tokio::time::sleep(self.pause).await;
            if !is_away {
                tokio::select! {
                    () = tokio::time::sleep_until(now + self.period) => {}
                    () = self.wanted.notified() => {}
                }
            }
        }
    }
}

/// Says once that the issuer is away, and once that it is back.
fn report(fetched: &Result<KeySet, String>, was_away: bool, is_first: bool) {
    let outcome = if fetched.is_ok() { "done" } else { "failed" };
    metrics::counter!(FETCHES, "outcome" => outcome).increment(1);
    match fetched {
        Ok(keys) if was_away || is_first => {
            tracing::info!(keys = keys.len(), others = keys.others, "fetched the keys of the OIDC issuer");
        }
        Ok(keys) => tracing::debug!(keys = keys.len(), others = keys.others, "fetched the issuer's keys"),
        Err(error) if was_away => tracing::debug!(%error, "the issuer's keys still cannot be fetched"),
        Err(error) => {
            tracing::warn!(%error, "the keys of the OIDC issuer cannot be fetched; known ones go on being used");
        }
    }
}

fn describe_metrics() {
    metrics::describe_counter!(FETCHES, "Fetches of the OIDC issuer's keys, by outcome");
    for outcome in ["done", "failed"] {
        metrics::counter!(FETCHES, "outcome" => outcome).increment(0);
    }
}
