//! The gauges for Prometheus of what can only be looked at. They are brought up to
//! date from time to time and not when they are scraped, so that no scraper, nor many
//! of them, can ask the database for anything.

use metrics::Unit;
use tokio::time::sleep;

use super::{Stored, Vitals};
use crate::config::telemetry::{GAUGE_PERIOD, STORED_GAUGE_PERIOD};

const DATABASE_UP: &str = "masthead_database_up";
const PHOTO_STORE_UP: &str = "masthead_photo_store_up";
const CONNECTIONS: &str = "masthead_database_connections";
const CONNECTIONS_MAX: &str = "masthead_database_connections_max";
const WATCHERS: &str = "masthead_watchers";
const FEED_LAG: &str = "masthead_feed_lag_seconds";
const LEDGER_HEAD: &str = "masthead_ledger_head";
const LEDGER_TIME: &str = "masthead_ledger_last_publication_timestamp_seconds";
const WAITING: &str = "masthead_scheduled_waiting";

/// Keeps the gauges up to date, until it is aborted.
pub async fn run(vitals: Vitals) {
    describe();
    tokio::join!(look(&vitals), ask(&vitals));
}

fn describe() {
    metrics::describe_gauge!(DATABASE_UP, "1 while the database answers, else 0");
    metrics::describe_gauge!(PHOTO_STORE_UP, "1 while the photo store is there, else 0");
    metrics::describe_gauge!(CONNECTIONS, "Connections to the database that are open, by state");
    metrics::describe_gauge!(CONNECTIONS_MAX, "Connections to the database that may be open");
    metrics::describe_gauge!(WATCHERS, "Watch streams that are open, by feed");
    metrics::describe_gauge!(
        FEED_LAG,
        Unit::Seconds,
        "Since a feed was last found complete, by feed; 0 while nobody watches it"
    );
    metrics::describe_gauge!(LEDGER_HEAD, "The number of the last publication; 0 before the first");
    metrics::describe_gauge!(LEDGER_TIME, Unit::Seconds, "When the last publication was made, since 1970");
    metrics::describe_gauge!(WAITING, "Publications that wait for their time, by kind");
}

/// Shows what costs nothing to see.
async fn look(vitals: &Vitals) {
    loop {
        let state = vitals.state();
        metrics::gauge!(DATABASE_UP).set(f64::from(u8::from(state.has_database)));
        metrics::gauge!(PHOTO_STORE_UP).set(f64::from(u8::from(state.has_photo_store)));
        let connections = vitals.connections();
        metrics::gauge!(CONNECTIONS, "state" => "idle").set(f64::from(connections.idle));
        metrics::gauge!(CONNECTIONS, "state" => "in_use").set(f64::from(connections.in_use()));
        metrics::gauge!(CONNECTIONS_MAX).set(f64::from(connections.max));
        for feed in vitals.feeds() {
            metrics::gauge!(WATCHERS, "feed" => feed.name).set(feed.watchers as f64);
            let lag = feed.lag.unwrap_or_default();
            metrics::gauge!(FEED_LAG, "feed" => feed.name).set(lag.as_seconds_f64());
        }
        sleep(GAUGE_PERIOD).await;
    }
}

/// Shows what the database knows; what was known last while it is away.
async fn ask(vitals: &Vitals) {
    loop {
        // That the database is away is said elsewhere.
        if let Ok(Stored { ledger_sequence, ledger_time, issues_waiting, articles_waiting, .. }) =
            vitals.stored().await
        {
            metrics::gauge!(LEDGER_HEAD).set(ledger_sequence as f64);
            let seconds = ledger_time.map_or(0.0, |time| time.timestamp_millis() as f64 / 1e3);
            metrics::gauge!(LEDGER_TIME).set(seconds);
            metrics::gauge!(WAITING, "kind" => "issue").set(issues_waiting as f64);
            metrics::gauge!(WAITING, "kind" => "article").set(articles_waiting as f64);
        }
        sleep(STORED_GAUGE_PERIOD).await;
    }
}
