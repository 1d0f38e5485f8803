//! Issues that are published through a fault, one after the other.

use std::time::{Duration, Instant};

use masthead::{import::desk::Desk, pb};
use sqlx::PgConnection;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use super::{
    assert_published,
    writers::{PAUSE, RECOVERY_TIME_MAX, assert_passing},
};

/// A publisher at work.
pub struct Publisher {
    issues: Vec<pb::Issue>,
    published: watch::Receiver<usize>,
    work: JoinHandle<Vec<Instant>>,
}

impl Publisher {
    /// Has somebody publish these issues, each until it is acknowledged.
    pub fn start(mut desk: Desk, issues: Vec<pb::Issue>) -> Publisher {
        let names: Vec<_> = issues.iter().map(|issue| issue.name.clone()).collect();
        let (count, published) = watch::channel(0);
        let work = tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for name in names {
                let request_id = Uuid::now_v7().to_string();
                let publish = pb::PublishIssueRequest { name, request_id, ..Default::default() };
                while let Err(status) = desk.issues.publish_issue(publish.clone()).await {
                    assert_passing(&status);
                    tokio::time::sleep(PAUSE).await;
                }
                acknowledged.push(Instant::now());
                count.send_replace(acknowledged.len());
            }
            acknowledged
        });
        Publisher { issues, published, work }
    }

    /// Waits until so many are published; the publisher is at the next then.
    pub async fn until_published(&mut self, count: usize) {
        self.published.wait_for(|published| *published >= count).await.expect("a publisher");
    }

    /// Waits until all are published: each wholly and once, in this order, as the next
    /// entries of the ledger after `sequence`. How long after the end of the fault the
    /// first was that the fault had held up.
    pub async fn finish(self, connection: &mut PgConnection, sequence: i64, fault_end: Instant) -> Duration {
        let acknowledged = self.work.await.expect("a publisher");
        for (sequence, issue) in (sequence + 1..).zip(&self.issues) {
            assert_published(connection, issue, sequence).await;
        }
        let entries: i64 = sqlx::query_scalar("select count(*) from publications")
            .fetch_one(connection)
            .await
            .expect("the ledger");
        assert_eq!(entries, sequence + self.issues.len() as i64, "nothing else was published");
        let held_up = acknowledged.iter().find(|at| **at > fault_end).expect("the fault came in between");
        let took = *held_up - fault_end;
        assert!(took < RECOVERY_TIME_MAX, "published {took:?} after the fault");
        took
    }
}
