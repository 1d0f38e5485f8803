//! The promises of the feed, kept by the ledger under publishers who work at
//! once and watchers that are cut.

use masthead::{admin::Role, import::desk::Desk, pb};

use super::LedgerWatch;
use crate::newsroom::Newsroom;

/// Follows the ledger up to entry `last`, cut off behind every few messages.
async fn follow(desk: Desk, last: i64, messages_max: usize) -> Vec<pb::Publication> {
    let mut all: Vec<pb::Publication> = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut watch = LedgerWatch::from(&desk, &cursor).await.expect("a watch");
        for _ in 0..messages_max {
            all.push(watch.publication().await);
            cursor = watch.cursor.clone();
            if all.last().is_some_and(|entry| entry.sequence == last) {
                // Then nothing comes but that it has caught up.
                assert_eq!(watch.until_checkpoint().await, []);
                return all;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_that_are_cut_see_every_publication_of_many_publishers_once_in_one_order() {
    const PUBLISHERS: i32 = 4;
    const ISSUES: i32 = 4;
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut publishers = Vec::new();
    for publisher in 0..PUBLISHERS {
        let mut issues = Vec::new();
        for issue in 0..ISSUES {
            issues.push(newsroom.reviewed_issue(1 + publisher * ISSUES + issue).await.0);
        }
        publishers.push((newsroom.desk(Role::Publisher).await, issues));
    }
    let last = i64::from(PUBLISHERS * ISSUES);
    let mut watchers = Vec::new();
    for messages_max in [1, 2, 3, 5, usize::MAX] {
        let desk = newsroom.desk(Role::Reader).await;
        watchers.push(tokio::spawn(follow(desk, last, messages_max)));
    }
    let publishing = publishers.into_iter().map(|(mut desk, issues)| async move {
        for issue in issues {
            let publish = pb::PublishIssueRequest {
                name: issue.name,
                // They come as they come.
                acknowledge: vec!["RUNNING_NUMBER".into()],
                ..Default::default()
            };
            desk.issues.publish_issue(publish).await.expect("a publication");
        }
    });
    futures::future::join_all(publishing).await;
    let mut reader = newsroom.desk(Role::Reader).await;
    let ledger = reader.publications.list_publications(pb::ListPublicationsRequest::default()).await;
    let ledger = ledger.expect("the ledger").into_inner().publications;
    assert_eq!(ledger.len() as i64, last);
    for watcher in watchers {
        assert_eq!(watcher.await.expect("a watcher"), ledger);
    }
    newsroom.close().await;
}
