//! What is done to an issue or a page, inside its transaction. Whoever changes
//! either locks the issue first, so that the digest that a review signs always
//! covers all of it.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::{
    article, config,
    db::{Change, Transaction},
    digest::Digest,
    error::{Error, Result},
    issue::{
        Facts, Issue, Layout, Page, Placement, content_digest, missing, missing_page, page_name,
        rpc::message, store,
    },
    newspaper, pb, publication,
    wire::{
        self, Check, Expected, mask,
        name::{IssueName, PageName},
    },
    workflow::{self, Outcome, Review, State, Subject, own},
};

/// Finds a live issue to work on, locked.
pub async fn lock(transaction: &mut Transaction, id: &IssueName) -> Result<Issue> {
    let issue = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    issue.live()?;
    Ok(issue)
}

/// As [`lock`], for who may change it: a reporter only their own, with all its pages.
pub async fn lock_own(transaction: &mut Transaction, id: &IssueName) -> Result<Issue> {
    let issue = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    // Nobody signs an issue by a byline.
    own::must_own(transaction, &issue.name(), issue.uid, &[]).await?;
    issue.live()?;
    Ok(issue)
}

/// An issue after its publication or withdrawal, as callers see it.
pub async fn find(transaction: &mut Transaction, id: &IssueName) -> Result<pb::Issue> {
    let issue = store::find(transaction.connection(), id).await?;
    Ok(issue.ok_or_else(|| missing(id))?.into())
}

/// As [`lock`], if the caller knows its etag.
pub async fn lock_as_read(transaction: &mut Transaction, id: &IssueName, etag: &Expected) -> Result<Issue> {
    let issue = lock(transaction, id).await?;
    etag.meet(&issue.name(), issue.version)?;
    Ok(issue)
}

/// Writes the change of a locked issue, and notes it.
pub async fn save(
    transaction: &mut Transaction,
    mut issue: Issue,
    kind: &'static str,
    before: Digest,
) -> Result<pb::Issue> {
    let change =
        Change { resource: issue.name(), kind, before: Some(before), after: Some(issue.content_digest) };
    write(transaction, &mut issue, change).await?;
    Ok(issue.into())
}

async fn write(transaction: &mut Transaction, issue: &mut Issue, change: Change) -> Result<()> {
    issue.version += 1;
    issue.update_time = transaction.now();
    store::update(transaction.connection(), issue).await?;
    transaction.record(change);
    Ok(())
}

/// Makes a locked issue whose facts or pages have changed a draft without
/// sign-offs, with the caller among its authors. Its digest before the change.
async fn reopen(transaction: &mut Transaction, issue: &mut Issue) -> Result<Digest> {
    let before = issue.content_digest;
    let now = transaction.now();
    let author = transaction.caller().name.clone();
    let connection = transaction.connection();
    let pages = store::all_pages(connection, &issue.id).await?;
    issue.content_digest = content_digest(&issue.facts, &pages)?;
    issue.state = State::Draft;
    issue.reviews.clear();
    issue.return_reason.clear();
    workflow::store::void(connection, issue.uid, now).await?;
    workflow::store::add_author(connection, issue.uid, &author).await?;
    Ok(before)
}

/// Adds an issue with these pages, which have no placements yet.
pub async fn create(
    transaction: &mut Transaction,
    id: IssueName,
    facts: Facts,
    pages: Vec<Page>,
) -> Result<pb::Issue> {
    store::hold_newspaper(transaction.connection(), &id.newspaper).await?;
    let now = transaction.now();
    let creator = transaction.caller().name.clone();
    let issue = Issue {
        uid: Uuid::now_v7(),
        id,
        content_digest: content_digest(&facts, &pages)?,
        creator: creator.clone(),
        facts,
        state: State::Draft,
        reviews: Vec::new(),
        return_reason: String::new(),
        schedule: None,
        latest_publication: None,
        publication_count: 0,
        version: 1,
        create_time: now,
        update_time: now,
        delete_time: None,
    };
    let connection = transaction.connection();
    store::insert(connection, &issue).await?;
    store::insert_pages(connection, issue.uid, &pages).await?;
    workflow::store::add_author(connection, issue.uid, &creator).await?;
    let after = Some(issue.content_digest);
    transaction.record(Change { resource: issue.name(), kind: "created", before: None, after });
    Ok(issue.into())
}

/// Adds the issue that follows another one. Without an id it is named by its
/// running number, without a date it appears the next day.
pub async fn clone(
    transaction: &mut Transaction,
    from: &IssueName,
    issue_id: String,
    publish_date: Option<NaiveDate>,
) -> Result<pb::Issue> {
    let from = lock(transaction, from).await?;
    let mut check = Check::default();
    let next_day = || from.facts.publish_date.succ_opt().map(wire::date);
    let publish_date = publish_date.unwrap_or_else(|| check.required_date("publish_date", next_day()));
    let facts = from.facts.following(publish_date);
    if facts.number > config::ISSUE_NUMBER_MAX {
        check.add("name", "has the highest running number; create the next issue by itself");
    }
    let issue = match issue_id.as_str() {
        "" if facts.number == 0 => check.issue_id(issue_id),
        "" => facts.number.to_string(),
        _ => issue_id,
    };
    check.finish()?;
    let now = transaction.now();
    let pages = store::all_pages(transaction.connection(), &from.id).await?;
    let pages = pages.into_iter().map(|page| Page {
        number: page.number,
        layout: Layout { placements: Vec::new(), ..page.layout },
        version: 1,
        create_time: now,
        update_time: now,
    });
    create(transaction, IssueName { newspaper: from.id.newspaper, issue }, facts, pages.collect()).await
}

/// Merges the chosen fields into a locked issue.
pub async fn update(
    transaction: &mut Transaction,
    mut issue: Issue,
    given: &pb::Issue,
    chosen: &[u32],
) -> Result<pb::Issue> {
    let merged = mask::merge(&pb::Issue::from(issue.clone()), given, chosen)?;
    let mut check = Check::default();
    let facts = message::facts(&mut check, merged);
    check.finish()?;
    if facts == issue.facts {
        return Ok(issue.into());
    }
    issue.facts = facts;
    let before = reopen(transaction, &mut issue).await?;
    save(transaction, issue, "updated", before).await
}

/// Deletes a locked issue, unless it was ever published: its name then stands
/// in the ledger for good.
pub async fn delete(transaction: &mut Transaction, mut issue: Issue) -> Result<pb::Issue> {
    if let Some(sequence) = issue.latest_publication {
        return Err(Error::InUse { name: issue.name(), by: vec![publication::name(sequence)] });
    }
    issue.delete_time = Some(transaction.now());
    issue.schedule = None;
    let digest = issue.content_digest;
    save(transaction, issue, "deleted", digest).await
}

/// Brings a locked issue back, if its newspaper is still there.
pub async fn undelete(transaction: &mut Transaction, mut issue: Issue) -> Result<pb::Issue> {
    store::hold_newspaper(transaction.connection(), &issue.id.newspaper).await?;
    issue.delete_time = None;
    let digest = issue.content_digest;
    save(transaction, issue, "undeleted", digest).await
}

/// Signs a stage of a locked issue.
pub async fn review(
    transaction: &mut Transaction,
    mut issue: Issue,
    stage: i32,
    remark: String,
) -> Result<pb::Issue> {
    let stages = store::hold_newspaper(transaction.connection(), &issue.id.newspaper).await?;
    let authors = workflow::store::authors(transaction.connection(), issue.uid).await?;
    let reviewer = transaction.caller().name.clone();
    let name = issue.name();
    let subject =
        Subject { name: &name, state: issue.state, stages, reviews: &issue.reviews, authors: &authors };
    issue.state = subject.sign(&reviewer, stage)?;
    issue.return_reason.clear();
    let content_digest = issue.content_digest;
    let review = Review {
        stage,
        outcome: Outcome::Signed,
        reviewer,
        content_digest,
        revision: None,
        remark,
        create_time: transaction.now(),
        void_time: None,
    };
    workflow::store::add(transaction.connection(), issue.uid, &review).await?;
    issue.reviews.push(review);
    save(transaction, issue, "reviewed", content_digest).await
}

/// Sends a locked issue back to its authors.
pub async fn send_back(transaction: &mut Transaction, mut issue: Issue, reason: String) -> Result<pb::Issue> {
    let name = issue.name();
    let (state, reviews) = (issue.state, &issue.reviews);
    let stage = Subject { name: &name, state, stages: 1, reviews, authors: &[] }.send_back()?;
    let now = transaction.now();
    let review = Review {
        stage,
        outcome: Outcome::Returned,
        reviewer: transaction.caller().name.clone(),
        content_digest: issue.content_digest,
        revision: None,
        remark: reason.clone(),
        create_time: now,
        void_time: Some(now),
    };
    workflow::store::void(transaction.connection(), issue.uid, now).await?;
    workflow::store::add(transaction.connection(), issue.uid, &review).await?;
    issue.state = State::Draft;
    issue.reviews.clear();
    issue.return_reason = reason;
    let digest = issue.content_digest;
    save(transaction, issue, "returned", digest).await
}

/// Lays out a page, or makes it if there is none and that is allowed.
pub async fn put_page(
    transaction: &mut Transaction,
    name: &PageName,
    given: &pb::Page,
    chosen: &[u32],
    allow_missing: bool,
) -> Result<pb::Page> {
    let mut issue = lock_own(transaction, &name.issue).await?;
    let found = store::page(transaction.connection(), &issue.id, name.page).await?;
    let mut check = Check::default();
    let current = match &found {
        Some(page) => {
            let etag = check.required_etag("page.etag", &given.etag);
            etag.meet(&given.name, page.version)?;
            pb::Page::from((&issue.id, page.clone()))
        }
        // Whoever names an etag has read the page, which someone took out since.
        None if !allow_missing || given.etag.starts_with('"') => {
            return Err(missing_page(&issue.id, name.page));
        }
        None => pb::Page::default(),
    };
    let layout = message::layout(&mut check, mask::merge(&current, given, chosen)?);
    check.finish()?;
    if found.as_ref().is_some_and(|page| page.layout == layout) {
        return Ok(current);
    }
    hold_articles(transaction, &issue, &layout.placements).await?;
    let now = transaction.now();
    let (kind, create_time) = found.map_or(("created", now), |page| ("updated", page.create_time));
    let page = Page { number: name.page, layout, version: issue.version + 1, create_time, update_time: now };
    store::put_page(transaction.connection(), issue.uid, &page).await?;
    save_with_page(transaction, &mut issue, page.number, kind).await?;
    Ok((&issue.id, page).into())
}

/// Makes sure that the articles of a page are there, of this newspaper, and
/// stay.
async fn hold_articles(transaction: &mut Transaction, issue: &Issue, placements: &[Placement]) -> Result<()> {
    let articles: Vec<Uuid> = placements.iter().map(|placement| placement.article).collect();
    let newspapers = store::hold_articles(transaction.connection(), &articles).await?;
    let mut check = Check::default();
    for (index, id) in articles.iter().enumerate() {
        let field = format!("page.placements[{index}].article");
        let name = article::name(*id);
        match newspapers.get(id) {
            Some(own) if *own == issue.id.newspaper => {}
            Some(other) => check.add(field, format!("{name} belongs to {}", newspaper::name(other))),
            None => check.add(field, format!("{name} does not exist or is deleted")),
        }
    }
    check.finish()
}

/// Takes a page out.
pub async fn delete_page(transaction: &mut Transaction, name: &PageName, etag: &Expected) -> Result<()> {
    let mut issue = lock_own(transaction, &name.issue).await?;
    let found = store::page(transaction.connection(), &issue.id, name.page).await?;
    let page = found.ok_or_else(|| missing_page(&issue.id, name.page))?;
    etag.meet(&page_name(&issue.id, page.number), page.version)?;
    store::delete_page(transaction.connection(), issue.uid, page.number).await?;
    save_with_page(transaction, &mut issue, page.number, "deleted").await
}

/// Writes what the change of a page does to its locked issue, and notes it as
/// a change of the page.
async fn save_with_page(
    transaction: &mut Transaction,
    issue: &mut Issue,
    number: i32,
    kind: &'static str,
) -> Result<()> {
    let before = reopen(transaction, issue).await?;
    let change = Change {
        resource: page_name(&issue.id, number),
        kind,
        before: Some(before),
        after: Some(issue.content_digest),
    };
    write(transaction, issue, change).await
}
