//! People at work when something breaks: writers, each on an article of their own, a
//! publisher amid issue after issue, and a reader beside them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use masthead::{admin::Role, import::desk::Desk, pb};

use super::{
    publishers::Publisher,
    reviewed_issue,
    writers::{Writers, until_recovered},
};
use crate::newsroom::Newsroom;

/// More issues than are published before a fault.
const ISSUES: i32 = 5;

const WRITERS: usize = 4;

/// Those who work in a newsroom.
pub struct Shift<'a> {
    room: &'a Newsroom,
    reporter: Desk,
    publisher: Desk,
    writers: Vec<Desk>,
    /// What the reporter reads and saves.
    own: pb::Article,
    /// Issues so far.
    issues: i32,
}

impl Shift<'_> {
    /// Sends them to their desks.
    pub async fn begin(room: &Newsroom) -> Shift<'_> {
        let (reporter, publisher) = (room.desk(Role::Reporter).await, room.desk(Role::Publisher).await);
        let own = room.article("一次演练").await;
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            writers.push(room.desk_of(&format!("writer-{writer}"), Role::Reporter).await);
        }
        Shift { room, reporter, publisher, writers, own, issues: 0 }
    }

    /// They work on through a fault, which is over when its future is; then all go on in
    /// time, and nothing that was acknowledged is lost. What the future answers.
    pub async fn work_through<T>(&mut self, what: &str, fault: impl Future<Output = T>) -> T {
        let before = self.issues;
        self.issues += ISSUES;
        let mut issues = Vec::new();
        for number in before + 1..=self.issues {
            issues.push(reviewed_issue(self.room, number).await);
        }
        let writers = Writers::start(self.writers.clone()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut publisher = Publisher::start(self.publisher.clone(), issues);
        publisher.until_published(2).await;
        let answer = fault.await;
        let fault_end = Instant::now();
        let recovered = until_recovered(&mut self.reporter, &self.own).await;
        let all_save = writers.until_all_save(fault_end).await;
        let mut beside = self.room.database.connect().await;
        let published = publisher.finish(&mut beside, before.into(), fault_end).await;
        let (saves, refusals) = writers.finish(&mut self.reporter).await;
        println!(
            "after {what}: a call went through in {recovered:?}, all writers saved in {all_save:?}, an issue was \
             published in {published:?}; {saves} saves, told {refusals} times to try again"
        );
        assert!(saves > WRITERS, "{saves}: they worked before and after the fault");
        answer
    }
}
