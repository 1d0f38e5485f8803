//! The line to the database is slow, swallows everything, or comes back without
//! remembering what went over it.

use std::time::{Duration, Instant};

use masthead::admin::Role;

use super::{
    open,
    publishers::Publisher,
    reviewed_issue,
    writers::{Writers, until_recovered},
};
use crate::proxy::Proxy;

/// How long a fault lasts: longer than it takes to tell that lines are dead, and not as
/// long.
const FAULTS: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(500)];

/// More issues than are published before a fault.
const ISSUES: i32 = 5;

/// Work goes on while something happens to the line: publications, and writers
/// beside them.
async fn work_through(begin: impl Fn(&Proxy), end: impl Fn(&Proxy)) {
    let (room, proxy) = open().await;
    let (mut reporter, publisher) = (room.desk(Role::Reporter).await, room.desk(Role::Publisher).await);
    let own = room.article("一次演练").await;
    let mut desks = Vec::new();
    for writer in 0..4 {
        desks.push(room.desk_of(&format!("writer-{writer}"), Role::Reporter).await);
    }
    let mut beside = room.database.connect().await;
    for (round, fault) in (0..).zip(FAULTS) {
        let mut issues = Vec::new();
        for number in 1..=ISSUES {
            issues.push(reviewed_issue(&room, round * ISSUES + number).await);
        }
        let writers = Writers::start(desks.clone()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut publisher = Publisher::start(publisher.clone(), issues);
        publisher.until_published(2).await;
        begin(&proxy);
        tokio::time::sleep(fault).await;
        end(&proxy);
        let fault_end = Instant::now();
        let recovered = until_recovered(&mut reporter, &own).await;
        let all_save = writers.until_all_save(fault_end).await;
        let published = publisher.finish(&mut beside, (round * ISSUES).into(), fault_end).await;
        let (saves, refusals) = writers.finish(&mut reporter).await;
        println!(
            "after a fault of {fault:?}: a call went through in {recovered:?}, all writers saved in {all_save:?}, \
             an issue was published in {published:?}; {saves} saves, told {refusals} times to try again"
        );
        assert!(saves > 4, "{saves}: they worked before and after the fault");
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_lines_have_just_gone_dead_can_be_closed() {
    let (room, proxy) = open().await;
    proxy.swallow();
    let closing = tokio::time::timeout(Duration::from_secs(10), room.close());
    closing.await.expect("an end, though the database says nothing");
}
