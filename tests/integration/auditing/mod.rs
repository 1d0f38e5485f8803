//! The audit: every mutation and every refused one, and nobody can take a row away.

mod every_method;
mod keeping;
mod refusals;

use masthead::{admin::Role, pb};

use crate::newsroom::Newsroom;

/// Rows of the audit that meet a filter, the newest first, as an operator lists them.
async fn events(newsroom: &Newsroom, filter: &str, resource: &str) -> Vec<pb::AuditEvent> {
    let mut operator = newsroom.desk(Role::Operator).await;
    let (filter, resource) = (filter.to_owned(), resource.to_owned());
    let list = pb::ListAuditEventsRequest { page_size: 500, filter, resource, ..Default::default() };
    operator.admin.list_audit_events(list).await.expect("the audit").into_inner().audit_events
}

/// The same, once there are so many: refusals are written a moment later.
async fn events_once(newsroom: &Newsroom, filter: &str, count: usize) -> Vec<pb::AuditEvent> {
    let found = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let found = events(newsroom, filter, "").await;
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    found.await.expect("the rows come")
}
