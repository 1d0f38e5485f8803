//! The line to the database is slow, swallows everything, or comes back without
//! remembering what went over it.

use std::time::Duration;

use masthead::{admin::Role, config::DatabaseSettings, db::Db, pb};
use uuid::Uuid;

use super::{
    assert_published, assert_try_again, reviewed_issue,
    writers::{Writers, until_recovered},
};
use crate::{
    newsroom::{Database, Newsroom},
    proxy::Proxy,
};

/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(5);

async fn open() -> (Newsroom, Proxy) {
    let proxy = Proxy::start().await;
    let database = Database::create().await;
    // Sessions that were cut off let go of what they hold after this.
    let settings =
        DatabaseSettings { transaction_pause_seconds_max: 2, ..DatabaseSettings::with_connections(12) };
    let db = Db::with(proxy.options(&database), &settings);
    let room = Newsroom::serving(database, db).await;
    room.newspaper(1).await;
    (room, proxy)
}

/// Work goes on while something happens to the line: a publication, and writers
/// beside it.
async fn work_through(begin: impl FnOnce(&Proxy), end: impl FnOnce(&Proxy)) {
    let (room, proxy) = open().await;
    let issue = reviewed_issue(&room, 1).await;
    let (mut reporter, mut publisher) = (room.desk(Role::Reporter).await, room.desk(Role::Publisher).await);
    let own = room.article("一次演练").await;
    let mut desks = Vec::new();
    for writer in 0..4 {
        desks.push(room.desk_of(&format!("writer-{writer}"), Role::Reporter).await);
    }
    let writers = Writers::start(desks).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    begin(&proxy);
    let publish = pb::PublishIssueRequest {
        name: issue.name.clone(),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    let publishing = tokio::spawn(async move {
        while let Err(status) = publisher.issues.publish_issue(publish.clone()).await {
            assert_try_again(&status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    tokio::time::sleep(FAULT).await;
    end(&proxy);
    let took = until_recovered(&mut reporter, &own).await;
    publishing.await.expect("a publication");
    let mut beside = room.database.connect().await;
    assert_published(&mut beside, &issue, 1).await;
    let (saves, refusals) = writers.finish(&mut reporter).await;
    println!("recovered {took:?} after the fault; {saves} saves, told {refusals} times to try again");
    assert!(saves > 4, "{saves}: they worked before and after the fault");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_holds_work_up_and_loses_none() {
    work_through(|proxy| proxy.slow_down(Duration::from_millis(40)), |proxy| proxy.clear_up(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_swallows_everything_for_a_while_loses_no_work() {
    work_through(Proxy::swallow, |proxy| proxy.clear_up(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_stay_dead_without_a_word_are_given_up_for_new_ones() {
    work_through(Proxy::swallow, |proxy| proxy.clear_up(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_and_comes_back_loses_no_work() {
    work_through(Proxy::break_down, Proxy::heal).await;
}
