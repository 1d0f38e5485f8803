//! What a watch stream costs, and how it ends.

use masthead::{admin::Role, config::FeedSettings, pb::watch_changes_response::Event};
use tonic::Code;
use tonic_types::StatusExt;

use super::{LedgerWatch, Watch, append, from, from_now, now, open, told, write};
use crate::newsroom::{Newsroom, reason};

#[tokio::test]
async fn a_hundred_watchers_take_one_connection_of_the_database() {
    let (newsroom, _) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let mut watches = Vec::new();
    // A connection takes two hundred streams at most.
    let editor = newsroom.desk(Role::Editor).await;
    for _ in 0..50 {
        watches.push(Watch::open(&editor, from_now()).await.expect("a watch"));
    }
    let reader = newsroom.desk(Role::Reader).await;
    let mut ledgers = Vec::new();
    for _ in 0..50 {
        ledgers.push(LedgerWatch::from(&reader, "").await.expect("a watch"));
    }
    for watch in &mut watches {
        while !matches!(watch.event().await.expect("a message"), Event::Checkpoint(_)) {}
    }
    for watch in &mut ledgers {
        watch.until_checkpoint().await;
    }
    let name = write(&mut reporter, "一篇").await;
    for watch in &mut watches {
        // What was made just before may come first.
        while watch.change().await.resource != name {}
    }
    let own = "select count(*) from pg_stat_activity
               where application_name = 'masthead feed' and datname = current_database()";
    let count: i64 =
        sqlx::query_scalar(own).fetch_one(&mut newsroom.database.connect().await).await.expect("a count");
    assert_eq!(count, 1);
    newsroom.close().await;
}

#[tokio::test]
async fn a_reader_that_is_slow_holds_up_nobody_and_gets_everything_in_the_end() {
    // More than the connection and the ring hold.
    const CHANGES: usize = 10_000;
    let (newsroom, editor) = open().await;
    let mut slow = Watch::open(&editor, from("")).await.expect("a watch");
    // On a connection of its own, as the flow control of both streams has one window in common.
    let quick_desk = newsroom.desk(Role::Editor).await;
    let mut quick = Watch::open(&quick_desk, from("")).await.expect("a watch");
    let mut beside = newsroom.database.connect().await;
    let before = super::table(&mut beside).await.len();
    for _ in 0..CHANGES / 500 {
        append(&mut beside, "newspapers/morning-post", 500).await;
        // As they come, so that the ring moves on while the other one stands.
        quick.changes(500).await;
    }
    quick.changes(before).await;
    let got: Vec<_> = slow.changes(before + CHANGES).await.iter().map(told).collect();
    assert!(got == super::table(&mut beside).await, "everything in order");
    newsroom.close().await;
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_and_says_that_it_stops() {
    let (newsroom, editor) = open().await;
    let mut changes = now(&editor).await;
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    ledger.event().await.expect("a checkpoint");
    let stopping = tokio::spawn(newsroom.close());
    for status in [changes.end().await, ledger.end().await] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CALL_ENDED"));
        let details = status.get_error_details();
        assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()), "{status:?}");
    }
    stopping.await.expect("a stopped server");
}

#[tokio::test]
async fn a_server_has_so_many_streams_open_and_no_more() {
    let settings = FeedSettings { watch_streams_max: 3, ..Default::default() };
    let newsroom = Newsroom::with_feeds(settings).await;
    let editor = newsroom.desk(Role::Editor).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(Watch::open(&editor, from_now()).await.expect("a watch"));
    }
    let ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    let status = Watch::open(&editor, from_now()).await.map(drop).expect_err("one too many");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LIMIT_EXCEEDED"));
    let status = LedgerWatch::from(&editor, "").await.map(drop).expect_err("one too many");
    assert_eq!(reason(&status), "LIMIT_EXCEEDED");
    drop(ledger);
    // The server hears a moment later that the stream was given up.
    loop {
        match Watch::open(&editor, from_now()).await {
            Ok(_) => break,
            Err(status) => assert_eq!(reason(&status), "LIMIT_EXCEEDED"),
        }
    }
    newsroom.close().await;
}
