//! The act of publishing, in one transaction: lock, check, freeze, append.

use std::collections::BTreeSet;

use prost::Message;
use uuid::Uuid;

use crate::{
    article::{
        self, Article,
        correction::{self, Printed},
    },
    db::{Change, Connection, Transaction},
    digest::Digest,
    error::{Error, Result},
    issue::{self, Issue},
    newspaper::{self, Newspaper},
    photo::{self, Photo, files::Files},
    publication::{
        ArticleOrder, IssueOrder, Kind, Publication,
        check::{self, Candidate, Finding, Material},
        gather::{self, Access},
        ledger::{self, Subject},
        preflight, seal,
        store::{self, served::Placed},
    },
    search,
    wire::{Expected, name::IssueName},
    workflow::{State, illegal_move},
};

/// Publishes an issue, for the first time or corrected.
///
/// # Errors
/// The issue is missing, deleted, changed since, or published as it stands; or
/// checks fail, all of which are named.
pub async fn issue(transaction: &mut Transaction, files: &Files, order: &IssueOrder) -> Result<()> {
    let mut candidate = lock_issue(transaction, files, &order.name, &order.etag).await?;
    let mut entry = ledger::draft(transaction, issue_entry(&candidate, &order.note)).await?;
    // Read behind the lock on the ledger, so that no other issue comes between.
    candidate.newest_number = store::newest_number(transaction.connection(), &order.name).await?;
    refuse_unchanged(transaction, &candidate, &entry).await?;
    let found = preflight::check(&candidate, &order.note)?;
    entry.acknowledged = settle(candidate.issue.name(), found, &order.acknowledge)?;
    transaction.waive(&entry.acknowledged);
    let frozen = seal::issue(&candidate, &entry);
    let entry = ledger::append(transaction, entry, &frozen.encode_to_vec()).await?;
    let (issue, material) = (&candidate.issue, &candidate.material);
    let connection = transaction.connection();
    store::served::set_published_issue(connection, issue, candidate.pages.len() as i32, entry.sequence)
        .await?;
    let placed = seal::articles_of(&frozen).into_iter().filter_map(|sealed| {
        Some(Placed {
            page: sealed.page,
            bytes: sealed.message.encode_to_vec(),
            ..placed(candidate.articles.get(&sealed.article)?)
        })
    });
    store::served::set_published_articles(connection, entry.sequence, &Vec::from_iter(placed)).await?;
    publish_material(transaction, candidate.articles.values(), material, entry.sequence).await?;
    publish_articles(transaction, candidate.articles.values(), entry.sequence).await?;
    settle_corrections(transaction, &candidate, entry.sequence).await?;
    let now = transaction.now();
    issue::store::set_published(transaction.connection(), issue.uid, entry.sequence, now).await?;
    record(transaction, issue.name(), "published", issue.content_digest);
    Ok(())
}

/// Publishes an article by itself, for the first time or corrected.
///
/// # Errors
/// As for an issue.
pub async fn article(transaction: &mut Transaction, files: &Files, order: &ArticleOrder) -> Result<()> {
    let (article, newspaper, material) = lock_article(transaction, files, order).await?;
    let now = transaction.now();
    let found = check::check_lone_article(&article, &newspaper, &material, now, &order.note)?;
    settle(article.name(), found, &BTreeSet::new())?;
    let kind =
        if article.latest_publication.is_some() { Kind::ArticleCorrected } else { Kind::ArticlePublished };
    let subject = Subject {
        kind,
        resource: article.name(),
        newspaper: article.newspaper.clone(),
        revision: article.revision,
        note: order.note.clone(),
        supersedes: article.latest_publication,
    };
    let entry = ledger::draft(transaction, subject).await?;
    let frozen = seal::lone_article(&article, &material, &entry);
    if article.state == State::Published {
        let served =
            store::served::sealed_article(transaction.connection(), article.id).await?.unwrap_or_default();
        if seal::is_same_article(&frozen, &served) {
            return Err(illegal_move(&article.name(), article.state, "published"));
        }
    }
    let bytes = frozen.encode_to_vec();
    let entry = ledger::append(transaction, entry, &bytes).await?;
    let placed = Placed { bytes, ..placed(&article) };
    store::served::set_published_articles(transaction.connection(), entry.sequence, &[placed]).await?;
    publish_material(transaction, [&article], &material, entry.sequence).await?;
    publish_articles(transaction, [&article], entry.sequence).await
}

/// Locks an article that is to be published, and all that it uses.
pub(super) async fn lock_article(
    transaction: &mut Transaction,
    files: &Files,
    order: &ArticleOrder,
) -> Result<(Article, Newspaper, Material)> {
    let article = article::store::lock(transaction.connection(), order.id).await?;
    let article = article.ok_or_else(|| article::missing(order.id))?;
    transaction.caller().must_reach(&article.newspaper)?;
    let connection = transaction.connection();
    article.live()?;
    order.etag.meet(&article.name(), article.version)?;
    if article.state == State::Withdrawn {
        return Err(illegal_move(&article.name(), article.state, "published"));
    }
    let material = gather::material(connection, files, [&article], Access::Lock).await?;
    let newspaper = newspaper::store::hold(connection, &article.newspaper).await?;
    let newspaper = newspaper.ok_or_else(|| newspaper::missing(&article.newspaper))?;
    Ok((article, newspaper, material))
}

/// Locks an issue that is to be published, and all that stands in it.
pub(super) async fn lock_issue(
    transaction: &mut Transaction,
    files: &Files,
    name: &IssueName,
    etag: &Expected,
) -> Result<Candidate> {
    let now = transaction.now();
    let candidate = gather::issue(transaction.connection(), files, name, Access::Lock, now).await?;
    etag.meet(&candidate.issue.name(), candidate.issue.version)?;
    Ok(candidate)
}

/// The codes that were waived, sorted, if nothing else stands against it.
pub(super) fn settle(
    name: String,
    found: Vec<Finding>,
    acknowledge: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let (standing, waived) = check::waive(found, acknowledge);
    if standing.is_empty() { Ok(waived) } else { Err(Error::NotPublishable { name, obstacles: standing }) }
}

/// Where an article was last printed; none if it never was.
///
/// # Errors
/// Only those of the database.
pub async fn printed(connection: &mut Connection, article: Uuid) -> Result<Option<Printed>> {
    Ok(store::printed(connection, &[article]).await?.remove(&article))
}

fn issue_entry(candidate: &Candidate, note: &str) -> Subject {
    let issue: &Issue = &candidate.issue;
    Subject {
        kind: if issue.latest_publication.is_some() { Kind::IssueCorrected } else { Kind::IssuePublished },
        resource: issue.name(),
        newspaper: issue.id.newspaper.clone(),
        revision: issue.publication_count + 1,
        note: note.to_owned(),
        supersedes: issue.latest_publication,
    }
}

/// A published issue can be published again only if that would say something
/// else: an article or photo in it may have been corrected.
async fn refuse_unchanged(
    transaction: &mut Transaction,
    candidate: &Candidate,
    entry: &Publication,
) -> Result<()> {
    let issue = &candidate.issue;
    if issue.state == State::Withdrawn {
        return Err(illegal_move(&issue.name(), issue.state, "published"));
    }
    let published = issue.state == State::Published;
    let Some(latest) = issue.latest_publication.filter(|_| published) else { return Ok(()) };
    let sealed = store::snapshot(transaction.connection(), latest).await?.unwrap_or_default();
    if seal::is_same(&seal::issue(candidate, entry), &sealed) {
        return Err(illegal_move(&issue.name(), issue.state, "published"));
    }
    Ok(())
}

/// What is kept of an article in a publication, apart from its sealed bytes.
fn placed(article: &Article) -> Placed {
    Placed { article: article.id, revision: article.revision, page: None, bytes: Vec::new() }
}

async fn publish_material<'a>(
    transaction: &mut Transaction,
    articles: impl IntoIterator<Item = &'a Article>,
    material: &Material,
    sequence: i64,
) -> Result<()> {
    let uses = articles.into_iter().flat_map(|article| {
        article
            .content
            .photos()
            .into_iter()
            .filter_map(|photo| Some((article.id, material.photos.get(&photo)?)))
    });
    let uses: Vec<(Uuid, &Photo)> = uses.collect();
    store::served::add_published_photos(transaction.connection(), sequence, &uses).await?;
    let now = transaction.now();
    let newly: Vec<&Photo> =
        material.photos.values().filter(|photo| photo.state != State::Published).collect();
    let ids: Vec<Uuid> = newly.iter().map(|photo| photo.id).collect();
    photo::store::set_published(transaction.connection(), &ids, now).await?;
    for photo in newly {
        record(transaction, photo.name(), "published", photo.content_digest);
    }
    Ok(())
}

async fn publish_articles<'a>(
    transaction: &mut Transaction,
    articles: impl IntoIterator<Item = &'a Article>,
    sequence: i64,
) -> Result<()> {
    let now = transaction.now();
    let articles: Vec<&Article> = articles.into_iter().collect();
    let ids: Vec<Uuid> = articles.iter().map(|article| article.id).collect();
    article::store::set_published(transaction.connection(), &ids, sequence, now).await?;
    search::store::publish(transaction.connection(), &ids).await?;
    for article in articles {
        record(transaction, article.name(), "published", article.content_digest);
    }
    Ok(())
}

/// Closes what was owed and this issue brings, and notes it of the articles that
/// owed it.
async fn settle_corrections(
    transaction: &mut Transaction,
    candidate: &Candidate,
    sequence: i64,
) -> Result<()> {
    let ids: Vec<Uuid> = check::corrections::settled(candidate).map(|owed| owed.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let now = transaction.now();
    let articles = correction::store::settle(transaction.connection(), &ids, sequence).await?;
    for (id, digest) in article::store::touch(transaction.connection(), &articles, now).await? {
        record(transaction, article::name(id), "correction_settled", digest);
    }
    Ok(())
}

/// Notes an act that leaves the content as it is.
pub(super) fn record(transaction: &mut Transaction, resource: String, kind: &'static str, digest: Digest) {
    let change = Change { resource, kind, before: Some(digest), after: Some(digest) };
    transaction.record(change);
}
