//! The line to the database is slow, swallows everything, or comes back without
//! remembering what went over it.

use std::time::Duration;

use super::{open, shift::Shift};
use crate::proxy::Proxy;

/// How long a fault lasts: longer than it takes to tell that lines are dead, and not as
/// long.
const FAULTS: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(500)];

/// Work goes on while something happens to the line.
async fn work_through(begin: impl Fn(&Proxy), end: impl Fn(&Proxy)) {
    let (room, proxy) = open().await;
    let mut shift = Shift::begin(&room).await;
    for fault in FAULTS {
        let happening = async {
            begin(&proxy);
            tokio::time::sleep(fault).await;
            end(&proxy);
        };
        shift.work_through(&format!("a fault of {fault:?}"), happening).await;
    }
    drop(shift);
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
