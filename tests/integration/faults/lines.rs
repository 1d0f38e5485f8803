//! The line to the database is slow, swallows everything, or comes back without
//! remembering what went over it.

use std::time::{Duration, Instant};

use masthead::{admin::Role, pb};

use super::{
    open,
    shift::Shift,
    update,
    writers::{RECOVERY_TIME_MAX, until_recovered},
};
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
async fn who_works_over_a_new_line_is_not_given_up_with_the_dead_ones() {
    let (room, proxy) = open().await;
    let reporter = room.desk(Role::Reporter).await;
    let mut articles = Vec::new();
    for _ in 0..8 {
        articles.push(room.article("一次演练").await);
    }
    // Over before it is noticed, at different places of a look at the lines.
    for fault in [300, 500, 700].map(Duration::from_millis) {
        proxy.swallow();
        tokio::time::sleep(fault).await;
        proxy.clear_up(true);
        let work = articles.iter().map(|article| {
            let (mut desk, article) = (reporter.clone(), article.clone());
            tokio::spawn(async move {
                until_recovered(&mut desk, &article).await;
                let recovered = Instant::now();
                while recovered.elapsed() < RECOVERY_TIME_MAX {
                    let save = update(&pb::Article { etag: "*".into(), ..article.clone() }, "还好");
                    let saved = desk.articles.update_article(save).await;
                    assert!(saved.is_ok(), "{:?} after it had recovered: {saved:?}", recovered.elapsed());
                }
            })
        });
        for worker in work.collect::<Vec<_>>() {
            worker.await.expect("work that is not held up again");
        }
    }
    drop(reporter);
    room.close().await;
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
