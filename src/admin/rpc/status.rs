//! `GetServiceStatus`.

use chrono::TimeDelta;

use crate::{
    config::{self, Setting},
    error::Result,
    pb,
    vitals::{Feed, Vitals},
    wire,
};

/// The lag of a feed from which on it is a problem: a few periods of polling.
const LAG_MAX: TimeDelta = TimeDelta::seconds(10);

/// How the server is.
pub(super) async fn get(vitals: &Vitals) -> Result<pb::ServiceStatus> {
    let stored = vitals.stored().await?;
    let [issues_failed, articles_failed] = vitals.failed_orders().await?;
    let search_index_current = vitals.is_search_current().await?;
    let (schema, known) = vitals.schema_versions().await?;
    let (state, connections) = (vitals.state(), vitals.connections());
    let database = pb::service_status::Database {
        // It has just answered; the probe may be a moment behind.
        reachable: true,
        version: stored.postgres_version,
        schema_version: schema,
        known_schema_version: known,
        open_connections: count(connections.open),
        idle_connections: count(connections.idle),
        max_connections: count(connections.max),
    };
    let ledger = pb::service_status::Ledger {
        sequence: stored.ledger_sequence,
        publish_time: stored.ledger_time.map(wire::timestamp),
    };
    let schedule = pb::service_status::Schedule {
        issues_waiting: stored.issues_waiting,
        articles_waiting: stored.articles_waiting,
        next_publish_time: stored.next_due.map(wire::timestamp),
        issues_failed,
        articles_failed,
    };
    let photo_store = pb::service_status::PhotoStore {
        kind: vitals.photo_store().to_owned(),
        reachable: state.has_photo_store,
    };
    let mut status = pb::ServiceStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: Some(wire::timestamp(vitals.start_time())),
        database: Some(database),
        ledger: Some(ledger),
        feeds: vitals.feeds().map(feed).into(),
        schedule: Some(schedule),
        search_index_current,
        photo_store: Some(photo_store),
        settings: vitals.settings().iter().map(setting).collect(),
        ..Default::default()
    };
    status.problems = problems(&status, &vitals.feeds());
    status.healthy = status.problems.is_empty();
    Ok(status)
}

/// What an operator should look at.
fn problems(status: &pb::ServiceStatus, feeds: &[Feed]) -> Vec<String> {
    let mut problems = Vec::new();
    let (database, schedule) =
        (status.database.clone().unwrap_or_default(), status.schedule.unwrap_or_default());
    if database.schema_version < database.known_schema_version {
        problems.push("the schema is older than this server; run masthead migrate".to_owned());
    }
    if database.idle_connections == 0 && database.open_connections == database.max_connections {
        problems.push("all database connections are in use; see --database-connections-max".to_owned());
    }
    if !status.photo_store.as_ref().is_some_and(|store| store.reachable) {
        problems.push("the photo store is not there, or cannot be written".to_owned());
    }
    if !status.search_index_current {
        problems.push("the search indexes are being made anew; not everything is found yet".to_owned());
    }
    for feed in feeds.iter().filter(|feed| feed.lag.is_some_and(|lag| lag > LAG_MAX)) {
        problems.push(format!("the feed of {} is behind; a transaction may be stuck", feed.name));
    }
    let failed = schedule.issues_failed + schedule.articles_failed;
    if failed > 0 {
        problems.push(format!("{failed} scheduled publications failed; `schedule.failure` of each says why"));
    }
    problems
}

fn feed(feed: Feed) -> pb::service_status::Feed {
    let lag =
        feed.lag.map(|lag| prost_types::Duration { seconds: lag.num_seconds(), nanos: lag.subsec_nanos() });
    // No more than the limit, which is far less.
    let watchers = i32::try_from(feed.watchers).unwrap_or(i32::MAX);
    pb::service_status::Feed { feed: feed.name.to_owned(), watchers, lag }
}

fn setting(setting: &Setting) -> pb::service_status::Setting {
    let config::Setting { flag, value, is_given } = setting.clone();
    pb::service_status::Setting { flag, value, given: is_given }
}

/// At most a thousand, by the settings.
fn count(connections: u32) -> i32 {
    i32::try_from(connections).unwrap_or(i32::MAX)
}
