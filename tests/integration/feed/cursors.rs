//! What a cursor is good for, and how one that is good for nothing is refused.

use data_encoding::BASE64URL_NOPAD;
use masthead::{admin::Role, digest::Digest, pb};
use tonic::{Code, Status};

use super::{LedgerWatch, Watch, from, list, now, open, write};
use crate::newsroom::{Newsroom, fields, reason};

#[track_caller]
fn refused<T>(what: &str, answer: Result<T, Status>, code: Code, why: &str) -> Status {
    let Err(status) = answer else { panic!("{what} was taken") };
    assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{what}: {status:?}");
    status
}

async fn watch_error(desk: &masthead::import::desk::Desk, request: pb::WatchChangesRequest) -> Status {
    match Watch::open(desk, request).await {
        Ok(mut watch) => watch.end().await,
        Err(status) => status,
    }
}

#[tokio::test]
async fn each_message_has_a_cursor_from_which_the_rest_comes() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    for number in 0..5 {
        write(&mut reporter, &format!("第{number}篇")).await;
    }
    let mut watch = Watch::open(&editor, from("")).await.expect("a watch");
    let mut cursors = vec![String::new()];
    let mut all = Vec::new();
    for _ in super::table(&mut newsroom.database.connect().await).await {
        all.push(watch.change().await);
        cursors.push(watch.cursor.clone());
    }
    let end = watch.cursor.clone();
    for (passed, cursor) in cursors.iter().enumerate() {
        let mut watch = Watch::open(&editor, from(cursor)).await.expect("a watch");
        assert_eq!(watch.until(&end).await, all[passed..], "behind {passed}");
        let listed =
            list(&editor, pb::ListChangesRequest { cursor: cursor.clone(), ..Default::default() }).await;
        assert_eq!(listed.changes, all[passed..], "listed behind {passed}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn from_now_begins_with_a_cursor_and_then_brings_what_is_new() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    write(&mut reporter, "旧闻").await;
    let mut watch = now(&editor).await;
    let mut missed = Watch::open(&editor, from(&watch.cursor)).await.expect("a watch");
    let new = write(&mut reporter, "新闻").await;
    assert_eq!(watch.change().await.resource, new);
    assert_eq!(missed.change().await.resource, new);
    newsroom.close().await;
}

#[tokio::test]
async fn the_beginning_of_nothing_is_a_place_too() {
    let newsroom = Newsroom::open().await;
    let reader = newsroom.desk(Role::Reader).await;
    let mut watch = LedgerWatch::from(&reader, "").await.expect("a watch");
    assert_eq!(watch.until_checkpoint().await, []);
    newsroom.newspaper(1).await;
    let (issue, _) = newsroom.reviewed_issue(1).await;
    newsroom.publish(&issue).await;
    let mut resumed = LedgerWatch::from(&reader, &watch.cursor).await.expect("a watch");
    assert_eq!(resumed.publication().await, watch.publication().await);
    newsroom.close().await;
}

/// A cursor of a place, whether there can be one or not, sealed as a true one is.
fn forged(feed: u8, transaction: i64, number: i64) -> String {
    let place = [transaction.to_be_bytes(), number.to_be_bytes(), [0; 8]].concat();
    let bytes = [&[1, feed], &place[..]].concat();
    let seal = Digest::of_parts([b"cursor".as_slice(), &bytes]);
    BASE64URL_NOPAD.encode(&[&bytes[..], &seal.as_bytes()[..4]].concat())
}

#[tokio::test]
async fn what_is_no_cursor_is_refused_with_everything_else_that_is_wrong() {
    let (newsroom, editor) = open().await;
    let watch = now(&editor).await;
    let good = watch.cursor;
    let mut garbage = vec!["x".to_owned(), "%%%".into(), "报".into(), "A".repeat(100_000)];
    garbage.push(good[..good.len() - 1].to_owned());
    garbage.push(format!("{good}A"));
    for feed in *b"cp" {
        garbage.extend([forged(feed, 0, i64::MIN), forged(feed, i64::MIN, 0), forged(feed, -1, -1)]);
    }
    garbage.push(good.replacen(&good[10..11], if &good[10..11] == "A" { "B" } else { "A" }, 1));
    for cursor in garbage {
        let status = watch_error(&editor, from(&cursor)).await;
        let what = format!("{cursor:.60}");
        refused::<()>(&what, Err(status.clone()), Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), ["cursor"], "{what}");
        let listing = pb::ListChangesRequest { cursor: cursor.clone(), ..Default::default() };
        let listed = editor.clone().activity.list_changes(listing).await;
        assert_eq!(fields(&refused(&what, listed, Code::InvalidArgument, "INVALID_FIELD")), ["cursor"]);
        let ledger = LedgerWatch::from(&editor, &cursor).await.map(drop);
        assert_eq!(fields(&refused(&what, ledger, Code::InvalidArgument, "INVALID_FIELD")), ["cursor"]);
    }
    let everything = pb::WatchChangesRequest {
        cursor: "x".into(),
        from_now: true,
        newspaper: "papers/x".into(),
        kinds: vec![1, 0, 99],
        resource: "articles/1".into(),
    };
    let status = watch_error(&editor, everything).await;
    assert_eq!(fields(&status), ["from_now", "cursor", "newspaper", "kinds[1]", "kinds[2]", "resource"]);
    let many = pb::ListChangesRequest { kinds: vec![1; 51], page_size: -1, ..Default::default() };
    let status = editor.clone().activity.list_changes(many).await.expect_err("a refusal");
    assert_eq!(fields(&status), ["kinds", "page_size"]);
    newsroom.close().await;
}

#[tokio::test]
async fn a_cursor_of_one_feed_is_none_of_the_other() {
    let (newsroom, editor) = open().await;
    let changes = now(&editor).await;
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    ledger.event().await.expect("a checkpoint");
    let status = watch_error(&editor, from(&ledger.cursor)).await;
    assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["cursor".to_owned()]));
    let crossed = LedgerWatch::from(&editor, &changes.cursor).await.map(drop);
    refused("a cursor of changes", crossed, Code::InvalidArgument, "INVALID_FIELD");
    newsroom.close().await;
}

#[tokio::test]
async fn a_cursor_of_another_database_is_foreign() {
    let (one, editor) = open().await;
    let (other, stranger) = open().await;
    for room in [&one, &other] {
        for number in 1..=2 {
            let (issue, _) = room.reviewed_issue(number).await;
            room.publish(&issue).await;
        }
    }
    let mut changes = Watch::open(&editor, from("")).await.expect("a watch");
    changes.change().await;
    refused::<()>(
        "a cursor of the other's changes",
        Err(watch_error(&stranger, from(&changes.cursor)).await),
        Code::OutOfRange,
        "CURSOR_FOREIGN",
    );
    let listing = pb::ListChangesRequest { cursor: changes.cursor, ..Default::default() };
    let listed = stranger.clone().activity.list_changes(listing).await;
    refused("a list", listed, Code::OutOfRange, "CURSOR_FOREIGN");
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    // Both ledgers have this number.
    ledger.publication().await;
    let crossed = LedgerWatch::from(&stranger, &ledger.cursor).await.map(drop);
    refused("a cursor of the other's ledger", crossed, Code::OutOfRange, "CURSOR_FOREIGN");
    one.close().await;
    other.close().await;
}
