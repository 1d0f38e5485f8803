//! The act of publishing, in one transaction: lock, check, freeze, append. Here
//! alone the slices meet: an issue is locked and read through the stores of all
//! that stands in it, always in the same order (issue, articles by id, photos by
//! id, ledger), so that two publishers wait for each other and never deadlock.

use std::collections::{BTreeSet, HashMap};

use prost::Message;
use uuid::Uuid;

use crate::{
    article::{self, Article},
    byline,
    db::{Change, Transaction},
    digest::Digest,
    error::{Error, Result},
    issue, newspaper,
    photo::{self, files::Files},
    publication::{
        ArticleOrder, IssueOrder, Kind, Publication,
        check::{self, Candidate, Material},
        seal, store,
    },
    workflow::{State, illegal_move},
};

/// Publishes an issue, for the first time or corrected.
///
/// # Errors
/// The issue is missing, deleted, changed since, or published as it stands; or
/// checks fail, all of which are named.
pub async fn issue(transaction: &mut Transaction, files: &Files, order: &IssueOrder) -> Result<()> {
    let mut candidate = lock_issue(transaction, files, order).await?;
    let mut entry = draft_issue_entry(transaction, &candidate, &order.note).await?;
    // Read behind the lock on the ledger, so that no other issue comes between.
    candidate.newest_number = store::newest_number(transaction.connection(), &order.name).await?;
    refuse_unchanged(transaction, &candidate, &entry).await?;
    let issue = &candidate.issue;
    let found = check::check_issue(&candidate, &order.note)?;
    let (standing, acknowledged) = check::waive(found, &order.acknowledge);
    if !standing.is_empty() {
        return Err(Error::NotPublishable { name: issue.name(), obstacles: standing });
    }
    entry.acknowledged = acknowledged;
    let frozen = seal::issue(&candidate, &entry);
    let entry = append(transaction, entry, &frozen.encode_to_vec()).await?;
    let connection = transaction.connection();
    store::set_published_issue(connection, issue, candidate.pages.len() as i32, entry.sequence).await?;
    for (id, sealed) in seal::articles_of(&frozen) {
        store::set_published_article(connection, id, entry.sequence, &sealed.encode_to_vec()).await?;
    }
    publish_material(transaction, &candidate.material, entry.sequence).await?;
    publish_articles(transaction, candidate.articles.values(), entry.sequence).await?;
    let now = transaction.now();
    issue::store::set_published(transaction.connection(), issue.uid, entry.sequence, now).await?;
    record(transaction, issue.name(), issue.content_digest);
    Ok(())
}

/// Publishes an article by itself, for the first time or corrected.
///
/// # Errors
/// As for an issue.
pub async fn article(transaction: &mut Transaction, files: &Files, order: &ArticleOrder) -> Result<()> {
    let found = article::store::lock(transaction.connection(), order.id).await?;
    let article = found.ok_or_else(|| article::missing(order.id))?;
    article.live()?;
    order.etag.meet(&article.name(), article.version)?;
    if matches!(article.state, State::Published | State::Withdrawn) {
        return Err(illegal_move(&article.name(), article.state, "published"));
    }
    let material = lock_material(transaction, files, [&article]).await?;
    let stages = article::store::hold_newspaper(transaction.connection(), &article.newspaper).await?;
    let stages = stages.ok_or_else(|| newspaper::missing(&article.newspaper))?;
    let obstacles = check::check_lone_article(&article, stages, &material, &order.note)?;
    if !obstacles.is_empty() {
        return Err(Error::NotPublishable { name: article.name(), obstacles });
    }
    let kind =
        if article.latest_publication.is_some() { Kind::ArticleCorrected } else { Kind::ArticlePublished };
    let name = article.name();
    let mut entry =
        draft_entry(transaction, kind, name, &article.newspaper, article.revision, &order.note).await?;
    entry.supersedes = article.latest_publication;
    let bytes = seal::lone_article(&article, &material, &entry).encode_to_vec();
    let entry = append(transaction, entry, &bytes).await?;
    store::set_published_article(transaction.connection(), article.id, entry.sequence, &bytes).await?;
    publish_material(transaction, &material, entry.sequence).await?;
    publish_articles(transaction, [&article], entry.sequence).await?;
    Ok(())
}

/// Locks an issue and all that stands in it.
async fn lock_issue(transaction: &mut Transaction, files: &Files, order: &IssueOrder) -> Result<Candidate> {
    let connection = transaction.connection();
    let issue = issue::store::lock(connection, &order.name).await?;
    let issue = issue.ok_or_else(|| issue::missing(&order.name))?;
    issue.live()?;
    order.etag.meet(&issue.name(), issue.version)?;
    let newspaper = newspaper::store::hold(connection, &order.name.newspaper).await?;
    let newspaper = newspaper.ok_or_else(|| newspaper::missing(&order.name.newspaper))?;
    let pages = issue::store::all_pages(connection, &order.name).await?;
    let placements = pages.iter().flat_map(|page| &page.layout.placements);
    let ids: BTreeSet<Uuid> = placements.map(|placement| placement.article).collect();
    let articles = article::store::lock_all(connection, &Vec::from_iter(ids)).await?;
    let material = lock_material(transaction, files, &articles).await?;
    let articles: HashMap<Uuid, Article> =
        articles.into_iter().map(|article| (article.id, article)).collect();
    Ok(Candidate { newspaper, issue, pages, articles, material, newest_number: None })
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
        byline::store::hold_reporters(transaction.connection(), &Vec::from_iter(reporters)).await?;
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

/// The next entry of the ledger for an issue; locks the head of the ledger.
async fn draft_issue_entry(
    transaction: &mut Transaction,
    candidate: &Candidate,
    note: &str,
) -> Result<Publication> {
    let issue = &candidate.issue;
    let kind = if issue.latest_publication.is_some() { Kind::IssueCorrected } else { Kind::IssuePublished };
    let (name, revision) = (issue.name(), issue.publication_count + 1);
    let mut entry = draft_entry(transaction, kind, name, &candidate.newspaper.id, revision, note).await?;
    entry.supersedes = issue.latest_publication;
    Ok(entry)
}

/// A published issue can be published again only if that would say something
/// else: an article or photo in it may have been corrected.
async fn refuse_unchanged(
    transaction: &mut Transaction,
    candidate: &Candidate,
    entry: &Publication,
) -> Result<()> {
    let issue = &candidate.issue;
    let published = matches!(issue.state, State::Published | State::Withdrawn);
    let Some(latest) = issue.latest_publication.filter(|_| published) else { return Ok(()) };
    let sealed = store::snapshot(transaction.connection(), latest).await?.unwrap_or_default();
    if seal::is_same(&seal::issue(candidate, entry), &sealed) {
        return Err(illegal_move(&issue.name(), issue.state, "published"));
    }
    Ok(())
}

/// The next entry of the ledger, as far as it is known before sealing. Locks the
/// head of the ledger.
async fn draft_entry(
    transaction: &mut Transaction,
    kind: Kind,
    resource: String,
    newspaper: &str,
    revision: i64,
    note: &str,
) -> Result<Publication> {
    let (sequence, previous_hash) = store::lock_head(transaction.connection()).await?;
    Ok(Publication {
        sequence: sequence + 1,
        kind,
        resource,
        newspaper: newspaper.to_owned(),
        revision,
        size_bytes: 0,
        sha256: Digest::ZERO,
        previous_hash,
        hash: Digest::ZERO,
        publisher: transaction.caller().name.clone(),
        publish_time: transaction.now(),
        note: note.to_owned(),
        supersedes: None,
        acknowledged: Vec::new(),
    })
}

/// Completes an entry with what covers the sealed bytes, and appends both.
async fn append(transaction: &mut Transaction, entry: Publication, bytes: &[u8]) -> Result<Publication> {
    let mut entry = Publication { size_bytes: bytes.len() as i64, sha256: Digest::of(bytes), ..entry };
    entry.hash = entry.compute_hash();
    store::append(transaction.connection(), &entry, bytes).await?;
    Ok(entry)
}

async fn publish_material(transaction: &mut Transaction, material: &Material, sequence: i64) -> Result<()> {
    let now = transaction.now();
    for photo in material.photos.values() {
        store::set_published_photo(transaction.connection(), photo, sequence).await?;
    }
    let newly: Vec<&photo::Photo> =
        material.photos.values().filter(|photo| photo.state != State::Published).collect();
    let ids: Vec<Uuid> = newly.iter().map(|photo| photo.id).collect();
    photo::store::set_published(transaction.connection(), &ids, now).await?;
    for photo in newly {
        record(transaction, photo.name(), photo.content_digest);
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
        record(transaction, article.name(), article.content_digest);
    }
    Ok(())
}

fn record(transaction: &mut Transaction, resource: String, digest: Digest) {
    let change = Change { resource, kind: "published", before: Some(digest), after: Some(digest) };
    transaction.record(change);
}
