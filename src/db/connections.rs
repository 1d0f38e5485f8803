//! How many connections to the database there are, and how long callers wait for one.

use std::time::Instant;

use metrics::Unit;

use super::Db;
use crate::error::{Error, Result};

/// How long callers waited for a connection, in seconds.
const WAIT: &str = "masthead_database_connection_wait_seconds";

/// The counter of callers who waited in vain.
const TIMEOUTS: &str = "masthead_database_connection_timeouts_total";

/// The connections of a server to its database that calls share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Those that are open.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// As many may be open.
    pub max: u32,
}

impl Connections {
    /// Those that somebody uses.
    pub fn in_use(&self) -> u32 {
        self.open.saturating_sub(self.idle)
    }
}

impl Db {
    /// How many connections there are now.
    pub fn connections(&self) -> Connections {
        let pool = self.pools.calls();
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Connections { open: pool.size(), idle, max: pool.options().get_max_connections() }
    }
}

/// Describes the metrics of waiting.
pub(super) fn describe_metrics() {
    metrics::describe_histogram!(WAIT, Unit::Seconds, "How long was waited for a connection to the database");
    metrics::describe_counter!(TIMEOUTS, "How often a connection to the database was waited for in vain");
    metrics::counter!(TIMEOUTS).increment(0);
}

/// Waits for a connection, and counts how long.
pub(super) async fn waited<T>(acquiring: impl Future<Output = Result<T>>) -> Result<T> {
    let begun = Instant::now();
    let acquired = acquiring.await;
    metrics::histogram!(WAIT).record(begun.elapsed());
    if matches!(acquired, Err(Error::DatabaseUnavailable(sqlx::Error::PoolTimedOut))) {
        metrics::counter!(TIMEOUTS).increment(1);
    }
    acquired
}
