//! How word of a commit gets round, and what happens when it does not.

use masthead::{
    admin::Role,
    db::Db,
    import::desk::Desk,
    photo::files::{Files, Location},
    server,
};
use sqlx::postgres::PgListener;

use super::{LedgerWatch, PATIENCE, append, now, open, write};
use crate::{
    newsroom::{Database, Newsroom},
    proxy::Proxy,
};

/// Appends an entry to the ledger past the service, as if another process had.
const LEDGER_ENTRY: &str = "
    with entry as (
        insert into publications (sequence, kind, resource, newspaper, revision, size_bytes, sha256,
                                  previous_hash, hash, publisher, publish_time, note, acknowledged)
        select sequence + 1, 'issue_published', 'newspapers/morning-post/issues/1', 'morning-post', 1, 0, hash,
               hash, sha256(hash), 'nobody', now(), '', '{}' from ledger_head
        returning sequence, hash
    )
    update ledger_head set sequence = entry.sequence, hash = entry.hash from entry";

#[tokio::test]
async fn two_servers_on_one_database_wake_each_other() {
    let (newsroom, _) = open().await;
    let db = Db::open(newsroom.database.options(), 3);
    let files = Files::open(Location::Folder(newsroom.photo_folder())).await.expect("a photo store");
    let other = server::start(([127, 0, 0, 1], 0).into(), db.clone(), files).await.expect("a server");
    let token = newsroom.token("林知秋", Role::Reporter).await;
    let mut here = newsroom.desk(Role::Reporter).await;
    let mut there = Desk::connect(&format!("http://{}", other.address()), &token).await.expect("a desk");
    let mut watch_here = now(&here).await;
    let mut watch_there = now(&there).await;
    // Polling alone would take about a second for each round.
    let rounds = async {
        for _ in 0..100 {
            let name = write(&mut here, "从这里来").await;
            assert_eq!(watch_there.change().await.resource, name);
            assert_eq!(watch_here.change().await.resource, name);
            let name = write(&mut there, "从那里来").await;
            assert_eq!(watch_here.change().await.resource, name);
            assert_eq!(watch_there.change().await.resource, name);
        }
    };
    tokio::time::timeout(PATIENCE, rounds).await.expect("word gets round by notifications");
    other.stop().await.expect("a clean stop");
    db.close().await;
    newsroom.close().await;
}

#[tokio::test]
async fn what_nobody_was_told_of_is_found_all_the_same() {
    let (newsroom, editor) = open().await;
    let mut changes = now(&editor).await;
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    ledger.event().await.expect("a checkpoint");
    let mut beside = newsroom.database.connect().await;
    append(&mut beside, "newspapers/quiet-post", 2).await;
    for change in changes.changes(2).await {
        assert_eq!(
            (change.resource.as_str(), change.newspaper.as_str()),
            ("newspapers/quiet-post", "newspapers/quiet-post")
        );
    }
    sqlx::query(LEDGER_ENTRY).execute(&mut beside).await.expect("an entry");
    assert_eq!(ledger.publication().await.sequence, 1);
    newsroom.close().await;
}

#[tokio::test]
async fn many_commits_at_once_share_their_notifications() {
    let (newsroom, _) = open().await;
    let mut listener = PgListener::connect_with(
        &sqlx::PgPool::connect_with(newsroom.database.options()).await.expect("a pool"),
    )
    .await
    .expect("a connection");
    listener.listen("masthead").await.expect("a channel");
    let mut beside = newsroom.database.connect().await;
    let mut writers = Vec::new();
    for _ in 0..8 {
        let mut desk = newsroom.desk(Role::Reporter).await;
        writers.push(tokio::spawn(async move {
            for _ in 0..10 {
                write(&mut desk, "一篇").await;
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    // Whatever has been told by now comes before this.
    sqlx::query("select pg_notify('masthead', 'end')").execute(&mut beside).await.expect("a notification");
    let mut told = 0;
    while listener.recv().await.expect("a notification").payload() != "end" {
        told += 1;
    }
    assert!((1..88).contains(&told), "{told} notifications of 88 commits");
    drop(listener);
    newsroom.close().await;
}

#[tokio::test]
async fn watchers_sit_out_a_database_that_is_away() {
    let proxy = Proxy::start().await;
    let database = Database::create().await;
    let options = proxy.options(&database);
    let newsroom = Newsroom::on(database, options).await;
    newsroom.newspaper(1).await;
    let editor = newsroom.desk(Role::Editor).await;
    let mut changes = now(&editor).await;
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    ledger.event().await.expect("a checkpoint");
    let mut beside = newsroom.database.connect().await;
    for round in 1..=3 {
        proxy.break_down();
        append(&mut beside, "newspapers/far-post", 3).await;
        sqlx::query(LEDGER_ENTRY).execute(&mut beside).await.expect("an entry");
        proxy.heal();
        for change in changes.changes(3).await {
            assert_eq!(change.resource, "newspapers/far-post");
        }
        assert_eq!(ledger.publication().await.sequence, round);
    }
    newsroom.close().await;
}
