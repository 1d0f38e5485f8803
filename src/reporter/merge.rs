//! 合并: a duplicate gives way to the reporter that it turned out to be, in all
//! working copies at once. Only whom their bylines mean changes, not a word that is
//! printed: so nobody becomes an author by it, states stay, and sign-offs are carried
//! over to the new digest. What is published is not touched.

use uuid::Uuid;

use crate::{
    article::{self, Article},
    byline, config,
    db::{Change, Transaction},
    error::{Error, Result},
    photo::{self, Photo},
    reporter::{Reporter, missing, name, store},
    wire,
    workflow::{self, Review},
};

/// A merge, as its caller asked for it.
#[derive(Clone, Debug)]
pub struct Order {
    /// The reporter who is somebody else.
    pub duplicate: Uuid,
    /// That one.
    pub real: Uuid,
    /// What the caller knows of the duplicate.
    pub etag: wire::Expected,
}

/// Merges a duplicate into another reporter; that one.
///
/// # Errors
/// One of them is not there, deleted or merged already; the etag is stale; the
/// duplicate stands in too many working copies or has too many names.
pub async fn merge(transaction: &mut Transaction, order: &Order) -> Result<Reporter> {
    let connection = transaction.connection();
    // In the order in which those lock who save a byline: first what has it, and then
    // whom it refers to.
    store::merge::lock_copies(connection, order.duplicate).await?;
    let (mut duplicate, mut real) = lock(transaction, order).await?;
    // Some may have come while the locks were waited for; no more can come now.
    let copies = store::merge::lock_copies(transaction.connection(), order.duplicate).await?;
    if copies.articles.len() + copies.photos.len() > config::MERGE_COPIES_MAX {
        let (name, count_max) = (duplicate.name(), config::MERGE_COPIES_MAX);
        let why = format!("{name} stands in more than {count_max} articles and photos");
        return Err(Error::LimitExceeded(why));
    }
    real.take_names_of(&duplicate)?;
    for ids in copies.articles.chunks(config::MERGE_COPIES_AT_A_TIME) {
        replace_in_articles(transaction, ids, order).await?;
    }
    for ids in copies.photos.chunks(config::MERGE_COPIES_AT_A_TIME) {
        replace_in_photos(transaction, ids, order).await?;
    }
    let now = transaction.now();
    let connection = transaction.connection();
    store::merge::move_references(connection, order.duplicate, order.real).await?;
    let redirected = store::merge::redirect(connection, order.duplicate, order.real, now).await?;
    for id in redirected {
        record(transaction, name(id), "updated");
    }
    duplicate.merged_into = Some(order.real);
    duplicate.delete_time = Some(now);
    save(transaction, &mut duplicate, "deleted").await?;
    save(transaction, &mut real, "updated").await?;
    Ok(real)
}

/// Locks the duplicate and the real one, if they can be merged.
async fn lock(transaction: &mut Transaction, order: &Order) -> Result<(Reporter, Reporter)> {
    let both = [order.duplicate, order.real];
    let mut found = store::lock_all(transaction.connection(), &both).await?;
    let mut take = |id| {
        let at = found.iter().position(|reporter| reporter.id == id);
        at.map(|at| found.swap_remove(at)).ok_or_else(|| missing(id))
    };
    let (duplicate, real) = (take(order.duplicate)?, take(order.real)?);
    duplicate.live()?;
    order.etag.meet(&duplicate.name(), duplicate.version)?;
    real.live()?;
    Ok((duplicate, real))
}

async fn replace_in_articles(transaction: &mut Transaction, ids: &[Uuid], order: &Order) -> Result<()> {
    let (now, author) = (transaction.now(), transaction.caller().name.clone());
    let mut articles = article::store::find_all(transaction.connection(), ids).await?;
    articles.retain_mut(|article| byline::replace(&mut article.content.bylines, order.duplicate, order.real));
    articles.sort_by_key(|article| article.id);
    let mut carried = Vec::new();
    for article in &mut articles {
        let before = article.content_digest;
        article.content_digest = article.content.digest()?;
        article.revision += 1;
        let Article { content_digest, revision, .. } = *article;
        let reviews = std::mem::take(&mut article.reviews).into_iter();
        carried.extend(
            reviews.map(|review| (article.id, Review { content_digest, revision: Some(revision), ..review })),
        );
        let (before, after) = (Some(before), Some(content_digest));
        transaction.record(Change { resource: article.name(), kind: "updated", before, after });
    }
    let connection = transaction.connection();
    store::merge::write_articles(connection, &articles, &author, now).await?;
    workflow::store::carry_over(connection, &carried, now).await
}

async fn replace_in_photos(transaction: &mut Transaction, ids: &[Uuid], order: &Order) -> Result<()> {
    let now = transaction.now();
    let mut photos = photo::store::find_all(transaction.connection(), ids).await?;
    photos.retain_mut(|photo| byline::replace(&mut photo.words.bylines, order.duplicate, order.real));
    photos.sort_by_key(|photo| photo.id);
    let mut carried = Vec::new();
    for photo in &mut photos {
        let before = photo.content_digest;
        photo.content_digest = photo::content_digest(&photo.words, photo.file.as_ref())?;
        let Photo { content_digest, .. } = *photo;
        let reviews = std::mem::take(&mut photo.reviews).into_iter();
        carried.extend(reviews.map(|review| (photo.id, Review { content_digest, ..review })));
        let (before, after) = (Some(before), Some(content_digest));
        transaction.record(Change { resource: photo.name(), kind: "updated", before, after });
    }
    let connection = transaction.connection();
    store::merge::write_photos(connection, &photos, now).await?;
    workflow::store::carry_over(connection, &carried, now).await
}

async fn save(transaction: &mut Transaction, reporter: &mut Reporter, kind: &'static str) -> Result<()> {
    reporter.version += 1;
    reporter.update_time = transaction.now();
    store::update(transaction.connection(), reporter).await?;
    record(transaction, reporter.name(), kind);
    Ok(())
}

fn record(transaction: &mut Transaction, resource: String, kind: &'static str) {
    transaction.record(Change { resource, kind, before: None, after: None });
}
