//! Ordering a publication for a time to come, and taking the order back. All is
//! checked when it is ordered, so that the publisher learns at once what is
//! wrong, and again when its time comes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    article, config,
    db::Transaction,
    digest::Digest,
    error::{Error, Result},
    issue,
    photo::files::Files,
    publication::{
        ArticleOrder, IssueOrder,
        check::{self, Code},
        preflight,
        publish::{self, record},
        store,
    },
    wire::{Expected, name::IssueName},
    workflow::{Failure, Schedule},
};

/// What may be wrong now and right by then, as issues are published in between.
const RIGHT_BY_THEN: Code = Code::RunningNumber;

/// Orders an issue to be published later.
///
/// # Errors
/// The time is not to come, or what stands against publishing the issue.
pub async fn issue(
    transaction: &mut Transaction,
    files: &Files,
    order: &IssueOrder,
    publish_time: DateTime<Utc>,
) -> Result<()> {
    check_time(transaction, publish_time)?;
    let mut candidate = publish::lock_issue(transaction, files, &order.name, &order.etag).await?;
    candidate.publish_time = publish_time;
    candidate.newest_number = store::newest_number(transaction.connection(), &order.name).await?;
    let mut found = preflight::check(&candidate, &order.note)?;
    found.retain(|finding| finding.code != RIGHT_BY_THEN);
    let mut issue = candidate.issue;
    publish::settle(issue.name(), found, &order.acknowledge)?;
    let zone = candidate.newspaper.facts.time_zone;
    let schedule = draft(transaction, publish_time, zone, &order.note, order.acknowledge.clone());
    issue.schedule = Some(schedule);
    save_issue(transaction, issue, "scheduled").await
}

/// Orders an article to be published later by itself.
///
/// # Errors
/// As for an issue.
pub async fn article(
    transaction: &mut Transaction,
    files: &Files,
    order: &ArticleOrder,
    publish_time: DateTime<Utc>,
) -> Result<()> {
    check_time(transaction, publish_time)?;
    let (mut article, newspaper, material) = publish::lock_article(transaction, files, order).await?;
    let found = check::check_lone_article(&article, &newspaper, &material, publish_time, &order.note)?;
    publish::settle(article.name(), found, &BTreeSet::new())?;
    let zone = newspaper.facts.time_zone;
    article.schedule = Some(draft(transaction, publish_time, zone, &order.note, BTreeSet::new()));
    save_article(transaction, article, "scheduled").await
}

/// Takes back the order to publish an issue.
///
/// # Errors
/// The issue is missing, changed since, or not scheduled.
pub async fn cancel_issue(transaction: &mut Transaction, id: &IssueName, etag: &Expected) -> Result<()> {
    let issue = issue::store::lock(transaction.connection(), id).await?;
    let mut issue = issue.ok_or_else(|| issue::missing(id))?;
    issue.live()?;
    etag.meet(&issue.name(), issue.version)?;
    issue.schedule.take().ok_or_else(|| Error::NotScheduled { name: issue.name() })?;
    save_issue(transaction, issue, "schedule_cancelled").await
}

/// Takes back the order to publish an article.
///
/// # Errors
/// The article is missing, changed since, or not scheduled.
pub async fn cancel_article(transaction: &mut Transaction, id: Uuid, etag: &Expected) -> Result<()> {
    let article = article::store::lock(transaction.connection(), id).await?;
    let mut article = article.ok_or_else(|| article::missing(id))?;
    transaction.caller().must_reach(&article.newspaper)?;
    article.live()?;
    etag.meet(&article.name(), article.version)?;
    article.schedule.take().ok_or_else(|| Error::NotScheduled { name: article.name() })?;
    save_article(transaction, article, "schedule_cancelled").await
}

/// Notes on an issue why an order for it was not carried out; whether it still
/// stands, so that there is something to note.
pub async fn fail_issue(
    transaction: &mut Transaction,
    id: &IssueName,
    order: &Schedule,
    failure: Failure,
) -> Result<bool> {
    let issue = issue::store::lock(transaction.connection(), id).await?;
    let Some(mut issue) = issue.filter(|issue| issue.schedule.as_ref() == Some(order)) else {
        return Ok(false);
    };
    issue.schedule = Some(Schedule { failure: Some(failure), ..order.clone() });
    save_issue(transaction, issue, "schedule_failed").await?;
    Ok(true)
}

/// As [`fail_issue`], on an article.
pub async fn fail_article(
    transaction: &mut Transaction,
    id: Uuid,
    order: &Schedule,
    failure: Failure,
) -> Result<bool> {
    let article = article::store::lock(transaction.connection(), id).await?;
    let Some(mut article) = article.filter(|article| article.schedule.as_ref() == Some(order)) else {
        return Ok(false);
    };
    article.schedule = Some(Schedule { failure: Some(failure), ..order.clone() });
    save_article(transaction, article, "schedule_failed").await?;
    Ok(true)
}

/// Looked at here and not when the call is read, so that a repeated call gets
/// its first answer also when the time has come since.
fn check_time(transaction: &Transaction, publish_time: DateTime<Utc>) -> Result<()> {
    let now = transaction.now();
    if publish_time <= now {
        return Err(Error::invalid("publish_time", "is not in the future; leave it out to publish at once"));
    }
    if publish_time > now + config::SCHEDULE_AHEAD_MAX {
        let days = config::SCHEDULE_AHEAD_MAX.as_secs() / 86_400;
        return Err(Error::invalid("publish_time", format!("is more than {days} days ahead")));
    }
    Ok(())
}

fn draft(
    transaction: &Transaction,
    publish_time: DateTime<Utc>,
    time_zone: String,
    note: &str,
    acknowledge: BTreeSet<String>,
) -> Schedule {
    Schedule {
        publish_time,
        time_zone,
        scheduler: transaction.caller().name.clone(),
        schedule_time: transaction.now(),
        note: note.to_owned(),
        acknowledge,
        failure: None,
    }
}

async fn save_issue(
    transaction: &mut Transaction,
    mut issue: issue::Issue,
    kind: &'static str,
) -> Result<()> {
    issue.version += 1;
    issue.update_time = transaction.now();
    issue::store::update(transaction.connection(), &issue).await?;
    let digest: Digest = issue.content_digest;
    record(transaction, issue.name(), kind, digest);
    Ok(())
}

async fn save_article(
    transaction: &mut Transaction,
    mut article: article::Article,
    kind: &'static str,
) -> Result<()> {
    article.version += 1;
    article.update_time = transaction.now();
    article::store::update(transaction.connection(), &article).await?;
    let digest: Digest = article.content_digest;
    record(transaction, article.name(), kind, digest);
    Ok(())
}
