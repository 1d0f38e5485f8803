//! The wall clock of a server is stepped, an hour forth and back, while people work: by
//! an administrator, or by a time service that comes late. libfaketime does so to the
//! server's process alone.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use masthead::{admin::Role, import::desk::Desk, pb};
use pb::watch_changes_response::Event;
use tokio::time::sleep;

use crate::{
    newsroom::{PAPER, article},
    observing::Process,
};

/// How long each time holds.
const STEP: Duration = Duration::from_millis(1_500);

/// How soon everything must go on when the clock is right again.
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(5);

/// Where libfaketime is. Where everything must hold, it has to be somewhere.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok).map(|folder| folder.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|file| file.exists());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "libfaketime is not here");
    if found.is_none() {
        eprintln!("SKIPPED: libfaketime is not here; .ci/run installs it");
    }
    found
}

/// Sets the server's clock so far from the right time.
fn step(clock: &Path, offset: &str) {
    // At one go: it is read with every look at the clock.
    let new = clock.with_extension("new");
    fs::write(&new, format!("{offset}\n")).expect("a written file");
    fs::rename(&new, clock).expect("a moved file");
}

async fn newspaper(publisher: &mut Desk) {
    let newspaper = pb::Newspaper { title: "晨讯报".into(), review_stages: 1, ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(newspaper),
        newspaper_id: PAPER.trim_start_matches("newspapers/").into(),
        ..Default::default()
    };
    publisher.newspapers.create_newspaper(create).await.expect("a newspaper");
}

async fn create(desk: &mut Desk, headline: &str) -> pb::Article {
    let create = pb::CreateArticleRequest { article: Some(article(headline)), ..Default::default() };
    desk.articles.create_article(create).await.expect("an article").into_inner()
}

async fn get(desk: &mut Desk, name: &str) -> pb::Article {
    let get = pb::GetArticleRequest { name: name.to_owned() };
    desk.articles.get_article(get).await.expect("an article").into_inner()
}

/// Writes one headline after the other until it is told to stop; how many were
/// acknowledged, all of which must be.
async fn write(mut desk: Desk, name: String, stop: Arc<AtomicBool>) -> usize {
    let mut written = 0;
    while !stop.load(Ordering::SeqCst) {
        let article = pb::Article {
            name: name.clone(),
            etag: "*".into(),
            headline: format!("第{}稿", written + 1),
            ..Default::default()
        };
        let update = pb::UpdateArticleRequest {
            article: Some(article),
            update_mask: Some(prost_types::FieldMask { paths: vec!["headline".into()] }),
            ..Default::default()
        };
        desk.articles.update_article(update).await.expect("a save, whatever the time is");
        written += 1;
        sleep(Duration::from_millis(20)).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_stepped_loses_nothing_and_publishes_once() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    step(&clock, "+0");
    let settings = [
        ("LD_PRELOAD", library.to_str().expect("a path")),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("a path")),
        ("FAKETIME_NO_CACHE", "1"),
        // Of the system's clocks only that of the wall is stepped, as by an administrator.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let process = Process::start(&[], &settings).await;
    let mut publisher = process.desk("publisher", Role::Publisher).await;
    let mut reporter = process.desk("reporter", Role::Reporter).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    newspaper(&mut publisher).await;
    let mut names = Vec::new();
    for number in 0..4 {
        names.push(create(&mut reporter, &format!("第{number}篇")).await.name);
    }
    let ordered = create(&mut reporter, "定时").await;
    let review = pb::ReviewArticleRequest {
        name: ordered.name.clone(),
        etag: ordered.etag,
        stage: 1,
        ..Default::default()
    };
    editor.articles.review_article(review).await.expect("a review");
    let due = Utc::now() + chrono::Duration::minutes(30);
    let publish = pb::PublishArticleRequest {
        name: ordered.name.clone(),
        publish_time: Some(prost_types::Timestamp { seconds: due.timestamp(), nanos: 0 }),
        ..Default::default()
    };
    publisher.articles.publish_article(publish).await.expect("an order");
    let watch = pb::WatchChangesRequest { newspaper: PAPER.into(), ..Default::default() };
    let mut watched = reporter.activity.watch_changes(watch).await.expect("a watch").into_inner();

    let stop = Arc::new(AtomicBool::new(false));
    let writers = names.iter().map(|name| tokio::spawn(write(reporter.clone(), name.clone(), stop.clone())));
    let writers: Vec<_> = writers.collect();
    let is_published = async |desk: &mut Desk| get(desk, &ordered.name).await.state() == pb::State::Published;
    sleep(STEP).await;
    step(&clock, "-1h");
    sleep(STEP).await;
    assert!(!is_published(&mut editor).await, "its time has not come");
    step(&clock, "+1h");
    let since = Instant::now();
    while !is_published(&mut editor).await {
        assert!(since.elapsed() < RECOVERY_TIME_MAX, "its time has come by the server's clock");
        sleep(Duration::from_millis(50)).await;
    }
    sleep(STEP).await;
    step(&clock, "+0");
    let right = Instant::now();
    assert_eq!(get(&mut editor, &ordered.name).await.state(), pb::State::Published);
    let later = create(&mut reporter, "钟已拨正").await;
    assert!(right.elapsed() < RECOVERY_TIME_MAX, "everything goes on");
    sleep(STEP).await;
    stop.store(true, Ordering::SeqCst);

    let mut acknowledged = HashMap::new();
    for (name, writer) in names.iter().zip(writers) {
        let written = writer.await.expect("a writer");
        assert!(written > 10, "{written} saves");
        assert_eq!(get(&mut editor, name).await.headline, format!("第{written}稿"), "the last save stands");
        acknowledged.insert(name.clone(), written);
    }
    let last = create(&mut reporter, "末篇").await.name;
    let mut seen: HashMap<String, usize> = HashMap::new();
    while !seen.contains_key(&last) {
        let message =
            tokio::time::timeout(RECOVERY_TIME_MAX, watched.message()).await.expect("a change in time");
        if let Some(Event::Change(change)) = message.expect("a watch").expect("more").event {
            *seen.entry(change.resource).or_default() += 1;
        }
    }
    for (name, written) in acknowledged {
        assert_eq!(seen.get(&name), Some(&(written + 1)), "each change of {name} once");
    }
    assert_eq!(seen.get(&later.name), Some(&1));
    let list = pb::ListPublicationsRequest::default();
    let ledger = publisher.publications.list_publications(list).await.expect("the ledger").into_inner();
    assert_eq!(ledger.publications.len(), 1, "{:?}", ledger.publications);
    let log = process.terminate();
    let broken = log.iter().find(|line| line.contains("panicked") || line.contains("ERROR"));
    assert_eq!(broken, None);
}
