//! The act of publishing, in one transaction: lock, check, freeze, append. Here
//! the slices meet: an issue is locked and read through the stores of all that
//! stands in it, always in the same order (issue, newspaper, articles by id,
//! photos by id, ledger), so that two publishers wait for each other and never
//! deadlock.

use std::collections::{BTreeSet, HashMap};

use prost::Message;
use uuid::Uuid;

use crate::{
    article::{self, Article},
    config,
    db::{Change, Transaction},
    digest::Digest,
    error::{Error, Obstacle, Result},
    issue::{self, Issue},
    newspaper,
    photo::{self, Photo, files::Files},
    publication::{
        ArticleOrder, IssueOrder, Kind, Publication,
        check::{self, Candidate, Material},
        ledger::{self, Subject},
        seal,
        store::{self, Placed},
    },
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
    let found = check_issue(&candidate, &order.note)?;
    entry.acknowledged = settle(candidate.issue.name(), found, &order.acknowledge)?;
    let frozen = seal::issue(&candidate, &entry);
    let entry = ledger::append(transaction, entry, &frozen.encode_to_vec()).await?;
    let (issue, material) = (&candidate.issue, &candidate.material);
    let connection = transaction.connection();
    store::set_published_issue(connection, issue, candidate.pages.len() as i32, entry.sequence).await?;
    let placed = seal::articles_of(&frozen).into_iter().filter_map(|sealed| {
        Some(Placed {
            page: sealed.page,
            bytes: sealed.message.encode_to_vec(),
            ..placed(candidate.articles.get(&sealed.article)?)
        })
    });
    store::set_published_articles(connection, entry.sequence, &Vec::from_iter(placed)).await?;
    publish_material(transaction, candidate.articles.values(), material, entry.sequence).await?;
    publish_articles(transaction, candidate.articles.values(), entry.sequence).await?;
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
    let (article, material) = lock_article(transaction, files, order).await?;
    let found = check_article(transaction, &article, &material, order).await?;
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
        let served = store::sealed_article(transaction.connection(), article.id).await?.unwrap_or_default();
        if seal::is_same_article(&frozen, &served) {
            return Err(illegal_move(&article.name(), article.state, "published"));
        }
    }
    let bytes = frozen.encode_to_vec();
    let entry = ledger::append(transaction, entry, &bytes).await?;
    let placed = Placed { bytes, ..placed(&article) };
    store::set_published_articles(transaction.connection(), entry.sequence, &[placed]).await?;
    publish_material(transaction, [&article], &material, entry.sequence).await?;
    publish_articles(transaction, [&article], entry.sequence).await
}

/// Every check of an issue that fails.
pub(super) fn check_issue(candidate: &Candidate, note: &str) -> Result<Vec<Obstacle>> {
    let mut found = check::check_issue(candidate, note)?;
    let most = config::PAGE_BYTES_MAX;
    found.extend(seal::pages_over(candidate, most).into_iter().map(|(page, size)| Obstacle {
        code: "PAGE_TOO_LARGE",
        subject: issue::page_name(&candidate.issue.id, page),
        description: format!("has {size} bytes when sealed, more than {most}; move articles to another page"),
    }));
    Ok(found)
}

/// Locks an article that is to be published, and all that it uses.
pub(super) async fn lock_article(
    transaction: &mut Transaction,
    files: &Files,
    order: &ArticleOrder,
) -> Result<(Article, Material)> {
    let found = article::store::lock(transaction.connection(), order.id).await?;
    let article = found.ok_or_else(|| article::missing(order.id))?;
    article.live()?;
    order.etag.meet(&article.name(), article.version)?;
    if article.state == State::Withdrawn {
        return Err(illegal_move(&article.name(), article.state, "published"));
    }
    let material = lock_material(transaction, files, [&article]).await?;
    Ok((article, material))
}

/// Every check of a locked article that fails when it is published by itself.
pub(super) async fn check_article(
    transaction: &mut Transaction,
    article: &Article,
    material: &Material,
    order: &ArticleOrder,
) -> Result<Vec<Obstacle>> {
    let stages = article::store::hold_newspaper(transaction.connection(), &article.newspaper).await?;
    let stages = stages.ok_or_else(|| newspaper::missing(&article.newspaper))?;
    let publish_time = order.publish_time.unwrap_or(transaction.now());
    check::check_lone_article(article, stages, material, &order.note, publish_time)
}

/// The codes that were waived, sorted, if nothing else stands against it.
pub(super) fn settle(
    name: String,
    found: Vec<Obstacle>,
    acknowledge: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let (standing, waived) = check::waive(found, acknowledge);
    if standing.is_empty() { Ok(waived) } else { Err(Error::NotPublishable { name, obstacles: standing }) }
}

/// Locks an issue and all that stands in it.
pub(super) async fn lock_issue(
    transaction: &mut Transaction,
    files: &Files,
    name: &IssueName,
    etag: &Expected,
) -> Result<Candidate> {
    let publish_time = transaction.now();
    let connection = transaction.connection();
    let issue = issue::store::lock(connection, name).await?;
    let issue = issue.ok_or_else(|| issue::missing(name))?;
    issue.live()?;
    etag.meet(&issue.name(), issue.version)?;
    let newspaper = newspaper::store::hold(connection, &name.newspaper).await?;
    let newspaper = newspaper.ok_or_else(|| newspaper::missing(&name.newspaper))?;
    let pages = issue::store::all_pages(connection, name).await?;
    let placements = pages.iter().flat_map(|page| &page.layout.placements);
    let ids: BTreeSet<Uuid> = placements.map(|placement| placement.article).collect();
    let articles = article::store::lock_all(connection, &Vec::from_iter(ids)).await?;
    let material = lock_material(transaction, files, &articles).await?;
    let articles: HashMap<Uuid, Article> =
        articles.into_iter().map(|article| (article.id, article)).collect();
    Ok(Candidate { newspaper, issue, pages, articles, material, newest_number: None, publish_time })
}

/// Locks the photos that articles use, and reads who signs articles and photos.
async fn lock_material<'a>(
    transaction: &mut Transaction,
    files: &Files,
    articles: impl IntoIterator<Item = &'a Article>,
) -> Result<Material> {
    let mut photos = BTreeSet::new();
    let mut reporters = BTreeSet::new();
    for article in articles {
        photos.extend(article.content.photos());
        reporters.extend(article.content.reporters());
    }
    let photos = photo::store::lock_all(transaction.connection(), &Vec::from_iter(photos)).await?;
    reporters
        .extend(photos.iter().flat_map(|photo| &photo.words.bylines).filter_map(|byline| byline.reporter));
    let reporters =
        article::store::hold_reporters(transaction.connection(), &Vec::from_iter(reporters)).await?;
    let mut material = Material { reporters: reporters.into_iter().collect(), ..Material::default() };
    for photo in photos {
        if let Some(file) = &photo.file
            && !files.has(file).await?
        {
            material.lost_files.insert(photo.id);
        }
        material.photos.insert(photo.id, photo);
    }
    Ok(material)
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
    store::add_published_photos(transaction.connection(), sequence, &uses).await?;
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
    for article in articles {
        record(transaction, article.name(), "published", article.content_digest);
    }
    Ok(())
}

/// Notes an act that leaves the content as it is.
pub(super) fn record(transaction: &mut Transaction, resource: String, kind: &'static str, digest: Digest) {
    let change = Change { resource, kind, before: Some(digest), after: Some(digest) };
    transaction.record(change);
}
