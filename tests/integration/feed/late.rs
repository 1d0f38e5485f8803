//! A transaction that commits late is not skipped, and nothing runs ahead of it.

use std::time::{SystemTime, UNIX_EPOCH};

use masthead::{admin::Role, config::FeedSettings, pb};

use super::{Watch, append, from, now, told, write};
use crate::newsroom::Newsroom;

const LATE: &str = "newspapers/late-post";

fn seconds(time: &prost_types::Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanos) / 1e9
}

fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64()
}

#[tokio::test]
async fn a_late_commit_comes_in_its_place_and_no_checkpoint_runs_ahead_of_it() {
    let newsroom =
        Newsroom::with_feeds(FeedSettings { watch_checkpoint_seconds: 1, ..Default::default() }).await;
    newsroom.newspaper(1).await;
    let editor = newsroom.desk(Role::Editor).await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let mut watch = now(&editor).await;

    let mut beside = newsroom.database.connect().await;
    sqlx::raw_sql("begin").execute(&mut beside).await.expect("a transaction");
    append(&mut beside, LATE, 1).await;
    let written = write(&mut reporter, "先提交的后开始").await;
    let committed = clock();
    // Two checkpoints later, nothing has come, and none says that nothing is there.
    for _ in 0..2 {
        let checkpoint = watch.checkpoint().await;
        assert!(seconds(&checkpoint.check_time.expect("a time")) < committed);
    }
    let listed =
        super::list(&editor, pb::ListChangesRequest { cursor: watch.cursor.clone(), ..Default::default() });
    assert_eq!(listed.await.changes, [], "a list does not run ahead either");
    let cursor = watch.cursor.clone();

    sqlx::raw_sql("commit").execute(&mut beside).await.expect("a commit");
    let mut resumed = Watch::open(&editor, from(&cursor)).await.expect("a watch");
    for watch in [&mut watch, &mut resumed] {
        let resources: Vec<String> = watch.changes(2).await.iter().map(|change| told(change).0).collect();
        assert_eq!(resources, [LATE, written.as_str()]);
    }
    loop {
        let checkpoint = watch.checkpoint().await;
        if seconds(&checkpoint.check_time.expect("a time")) > committed {
            break;
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_late_rollback_holds_up_nothing_any_more() {
    let (newsroom, editor) = super::open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let mut watch = now(&editor).await;
    let mut beside = newsroom.database.connect().await;
    sqlx::raw_sql("begin").execute(&mut beside).await.expect("a transaction");
    append(&mut beside, LATE, 1).await;
    let written = write(&mut reporter, "一篇").await;
    sqlx::raw_sql("rollback").execute(&mut beside).await.expect("a rollback");
    assert_eq!(watch.change().await.resource, written);
    newsroom.close().await;
}
