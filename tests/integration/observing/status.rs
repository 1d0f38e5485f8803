//! `GetServiceStatus`: one call that says whether all is well.

use masthead::{admin::Role, pb};
use sqlx::ConnectOptions;

use super::{Process, eventually};

async fn status(process: &Process) -> pb::ServiceStatus {
    let mut operator = process.desk("operator", Role::Operator).await;
    let answer = operator.admin.get_service_status(pb::GetServiceStatusRequest {}).await;
    answer.expect("a status").into_inner()
}

#[tokio::test]
async fn one_call_says_that_all_is_well_and_with_which_settings() {
    let process = Process::start(&["--watch-streams-max", "77"], &[("MASTHEAD_UPLOADS_MAX", "9")]).await;
    let status = eventually("a search index that is up to date", async || {
        let status = status(&process).await;
        status.search_index_current.then_some(status)
    })
    .await;
    assert_eq!((status.healthy, status.problems.as_slice()), (true, [].as_slice()));
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert!(status.start_time.is_some());
    let database = status.database.expect("a database");
    assert!(database.reachable && database.version.starts_with(char::is_numeric), "{database:?}");
    assert!(database.schema_version > 20, "{database:?}");
    assert_eq!(database.schema_version, database.known_schema_version);
    assert!(database.open_connections >= 1 && database.max_connections == 16, "{database:?}");
    assert_eq!(status.ledger.expect("a ledger").sequence, 0);
    let feeds: Vec<&str> = status.feeds.iter().map(|feed| feed.feed.as_str()).collect();
    assert_eq!(feeds, ["publications", "changes"]);
    let store = status.photo_store.expect("a photo store");
    assert_eq!((store.kind.as_str(), store.reachable), ("folder", true));
    let setting = |flag: &str| {
        let found = status.settings.iter().find(|setting| setting.flag == flag);
        let found = found.unwrap_or_else(|| panic!("no {flag} in {:?}", status.settings));
        (found.value.as_str(), found.given)
    };
    assert_eq!(setting("--watch-streams-max"), ("77", true));
    assert_eq!(setting("--uploads-max"), ("9", true));
    assert_eq!(setting("--change-retention-days"), ("90", false));
    assert_eq!(setting("--database-url"), ("(hidden)", true));
    let password = process.database.options().to_url_lossy().password().expect("a password").to_owned();
    assert!(!format!("{:?}", status.settings).contains(&password));
    process.terminate();
}

#[tokio::test]
async fn what_is_not_well_is_said_in_words() {
    let process = Process::start(&[], &[]).await;
    let photos = process.data.path().join("photos");
    std::fs::rename(&photos, process.data.path().join("elsewhere")).expect("a missing folder");
    let mut connection = process.database.connect().await;
    let past_the_api = "update _sqlx_migrations set version = version - 100000
                        where version = (select max(version) from _sqlx_migrations)";
    sqlx::raw_sql(past_the_api).execute(&mut connection).await.expect("a statement");
    let problems = eventually("two problems", async || {
        let status = status(&process).await;
        assert_eq!(status.healthy, status.problems.is_empty());
        (status.problems.len() >= 2 && status.search_index_current).then_some(status.problems)
    })
    .await;
    assert!(problems[0].contains("masthead migrate"), "{problems:?}");
    assert!(problems[1].contains("photo store"), "{problems:?}");
    process.terminate();
}

#[tokio::test]
async fn a_watched_feed_shows_its_watchers_and_is_not_behind() {
    let process = Process::start(&[], &[]).await;
    let mut reader = process.desk("reader", Role::Reader).await;
    let watch = pb::WatchPublicationsRequest::default();
    let mut watching = reader.publications.watch_publications(watch).await.expect("a watch").into_inner();
    watching.message().await.expect("a checkpoint");
    let feeds = status(&process).await.feeds;
    assert_eq!((feeds[0].watchers, feeds[1].watchers), (1, 0));
    let lag = feeds[0].lag.expect("a lag");
    assert!(lag.seconds < 10, "{lag:?}");
    assert!(feeds[1].lag.is_none());
    process.terminate();
}
