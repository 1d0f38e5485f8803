//! How a server stops: in order, by its deadline, and losing nothing that it has
//! acknowledged.

mod amid_work;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use masthead::{
    admin::Role,
    config::{ServiceSettings, StopSettings},
    pb,
};
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::frames::{DATA, GOAWAY, Raw, WATCH, call, headers, message};
use crate::{
    feed::{LedgerWatch, Watch, append, from, now, write},
    newsroom::{Newsroom, PAPER, picture, reason, upload},
};

/// A newsroom that stops like this, with a newspaper.
async fn open(drain_pause_seconds: u32, drain_seconds: u32) -> Newsroom {
    let stop = StopSettings { drain_pause_seconds: Some(drain_pause_seconds), drain_seconds };
    let newsroom = Newsroom::with_settings(ServiceSettings { stop, ..Default::default() }).await;
    newsroom.newspaper(1).await;
    newsroom
}

fn address(newsroom: &Newsroom) -> SocketAddr {
    newsroom.address().parse().expect("an address")
}

/// `SERVING` and `NOT_SERVING` of grpc.health.v1, in the message of an answer.
const WELL: &[u8] = &[8, 1];
const NOT_WELL: &[u8] = &[8, 2];

#[tokio::test]
async fn a_server_says_first_that_it_leaves_and_serves_on_for_a_while() {
    // Nothing here waits for the deadline.
    let newsroom = open(3, 60).await;
    let address = address(&newsroom);
    let (mut balancer, _) = Raw::open(address).await;
    balancer.send(&call(1, WATCH)).await.expect("a call");
    balancer.until(|frame| frame.kind == DATA && frame.payload.ends_with(WELL)).await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let stopping = tokio::spawn(newsroom.closed_while(async {}));
    balancer.until(|frame| frame.kind == DATA && frame.payload.ends_with(NOT_WELL)).await;
    write(&mut reporter, "最后一篇").await;
    let (mut late, _) = Raw::open(address).await;
    assert!(late.is_served(1).await, "new connections are taken until balancers have turned away");
    let frames = balancer.rest().await;
    assert!(frames.iter().any(|frame| frame.kind == GOAWAY), "then it says that no calls are taken");
    assert!(frames.iter().any(|frame| frame.ends(1)), "and ends what has no end of its own");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    stopping.await.expect("a stopped server").close().await;
}

#[tokio::test]
async fn a_watch_ends_with_the_cursor_of_all_that_it_has_sent() {
    let newsroom = open(0, 5).await;
    let editor = newsroom.desk(Role::Editor).await;
    let mut changes = now(&editor).await;
    let mut ledger = LedgerWatch::from(&editor, "").await.expect("a watch");
    ledger.until_checkpoint().await;
    let first = write(&mut newsroom.desk(Role::Reporter).await, "一篇").await;
    while changes.change().await.resource != first {}
    let cursor_of = |status: &Status| {
        assert_eq!((status.code(), reason(status).as_str()), (Code::Unavailable, "CALL_ENDED"));
        let details = status.get_error_details();
        details.error_info().and_then(|info| info.metadata.get("cursor").cloned()).expect("a cursor")
    };
    let stopping = tokio::spawn(newsroom.closed_while(async {}));
    let (of_changes, of_ledger) = (cursor_of(&changes.end().await), cursor_of(&ledger.end().await));
    let newsroom = stopping.await.expect("a stopped server");
    assert_eq!(of_ledger, ledger.cursor);
    let name = write(&mut newsroom.desk(Role::Reporter).await, "又一篇").await;
    let editor = newsroom.desk(Role::Editor).await;
    let mut resumed = Watch::open(&editor, from(&of_changes)).await.expect("a watch");
    let mut after = Vec::new();
    while after.last() != Some(&name) {
        after.push(resumed.change().await.resource);
    }
    assert!(!after.contains(&first), "what was sent before comes again: {after:?}");
    newsroom.close().await;
}

/// An upload whose client pauses in its middle, and what becomes of it.
async fn paused_upload(newsroom: &Newsroom) -> tokio::task::JoinHandle<Status> {
    let mut desk = newsroom.desk(Role::Reporter).await;
    let create = pb::CreatePhotoRequest { photo: Some(pb::Photo::default()), ..Default::default() };
    let photo = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let parts = upload(&photo.name, picture()).take(1).chain(stream::pending());
    let (begun, begins) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let parts = parts.inspect(move |_| {
        if let Some(begun) = begun.take() {
            begun.send(()).expect("a waiting test");
        }
    });
    let call = tokio::spawn(async move { desk.photos.upload_photo(parts).await.expect_err("no answer") });
    begins.await.expect("a beginning");
    call
}

#[tokio::test]
async fn a_call_that_does_not_end_is_ended_at_the_deadline_and_told_why() {
    let newsroom = open(0, 3).await;
    let call = paused_upload(&newsroom).await;
    let start = Instant::now();
    let newsroom = newsroom.closed_while(async {}).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let status = call.await.expect("an end");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CALL_ENDED"));
    newsroom.close().await;
}

#[tokio::test]
async fn a_client_that_is_frozen_does_not_hold_up_the_end() {
    let newsroom = open(0, 60).await;
    let address = address(&newsroom);
    let mut beside = newsroom.database.connect().await;
    for _ in 0..10 {
        append(&mut beside, PAPER, 1_000).await;
    }
    let token = newsroom.token("editor", Role::Editor).await;
    let bearer = format!("Bearer {token}");
    let (mut frozen, _) = Raw::open(address).await;
    // A watch from the beginning: more than the windows take, which stay as they are
    // (RFC 9113 section 6.9.2).
    let ask = headers(1, "/masthead.v1.ActivityService/WatchChanges", &[("authorization", &bearer)]);
    frozen.send(&[ask, message(1, b"")].concat()).await.expect("a call");
    let mut got = 0;
    while got < 65_535 {
        got += frozen.until(|frame| frame.kind == DATA).await.payload.len();
    }
    let (idle, _) = Raw::open(address).await;
    let start = Instant::now();
    let newsroom = newsroom.closed_while(async {}).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    drop((frozen, idle));
    newsroom.close().await;
}
