//! 撤回: taking back what was published. A tombstone with a public reason goes
//! into the ledger, and from then on readers get nothing of what was withdrawn,
//! in whatever publication it stood: a publication that held more is served
//! with a notice in its place. The sealed bytes stay, so that the ledger can be
//! verified for ever.

use uuid::Uuid;

use crate::{
    article::{self, Article},
    db::Transaction,
    error::{Error, Result},
    issue,
    photo::{self, Photo},
    publication::{
        Kind, Publication,
        ledger::{self, Subject},
        name,
        publish::record,
        seal, store,
        store::withdrawal::{self, Standing},
    },
    search,
    wire::{Expected, name::IssueName},
    workflow::{self, State, illegal_move},
};

/// Withdraws an article from every publication that holds it.
///
/// # Errors
/// The article is missing, deleted or changed since, or stands in no
/// publication.
pub async fn article(transaction: &mut Transaction, id: Uuid, etag: &Expected, reason: &str) -> Result<()> {
    let article = article::store::lock(transaction.connection(), id).await?;
    let article = article.ok_or_else(|| article::missing(id))?;
    transaction.caller().must_reach(&article.newspaper)?;
    article.live()?;
    etag.meet(&article.name(), article.version)?;
    let standing = withdrawal::standing(transaction.connection(), &[id]).await?;
    if standing.is_empty() {
        return Err(illegal_move(&article.name(), article.state, "withdrawn"));
    }
    let photos = lock_photos(transaction, &[id]).await?;
    take_back(transaction, &[article], &standing, reason).await?;
    release(transaction, photos).await
}

/// Withdraws an issue in all its publications, and the articles in it, except
/// those that stand in another published issue.
///
/// # Errors
/// The issue is missing, deleted or changed since, or not published.
pub async fn issue(
    transaction: &mut Transaction,
    id: &IssueName,
    etag: &Expected,
    reason: &str,
) -> Result<()> {
    let issue = issue::store::lock(transaction.connection(), id).await?;
    let issue = issue.ok_or_else(|| issue::missing(id))?;
    issue.live()?;
    etag.meet(&issue.name(), issue.version)?;
    let is_out = withdrawal::is_published(transaction.connection(), id).await?;
    if !is_out {
        return Err(illegal_move(&issue.name(), issue.state, "withdrawn"));
    }
    let resource = issue.name();
    let ids = withdrawal::articles_in(transaction.connection(), &resource).await?;
    let articles = article::store::lock_all(transaction.connection(), &ids).await?;
    let photos = lock_photos(transaction, &ids).await?;
    let subject = Subject {
        kind: Kind::IssueWithdrawn,
        resource: resource.clone(),
        newspaper: id.newspaper.clone(),
        revision: issue.publication_count,
        note: reason.to_owned(),
        supersedes: issue.latest_publication,
    };
    let tombstone = ledger::bury(transaction, subject).await?.sequence;
    // Read behind the locks on the articles and the ledger.
    let standing = withdrawal::standing(transaction.connection(), &ids).await?;
    withdrawal::take_back_issue(transaction.connection(), id, &resource, tombstone).await?;
    let standing: Vec<Standing> = standing.into_iter().filter(|place| place.resource != resource).collect();
    let is_elsewhere = |id| standing.iter().any(|place| place.article == id && place.is_in_issue());
    let (elsewhere, gone): (Vec<_>, Vec<_>) =
        articles.into_iter().partition(|article| is_elsewhere(article.id));
    take_back(transaction, &gone, &standing, reason).await?;
    for article in elsewhere {
        restore(transaction, &article, &standing).await?;
    }
    release(transaction, photos).await?;
    let now = transaction.now();
    let connection = transaction.connection();
    workflow::store::void(connection, issue.uid, now).await?;
    issue::store::set_withdrawn(connection, issue.uid, tombstone, now).await?;
    record(transaction, resource, "withdrawn", issue.content_digest);
    Ok(())
}

/// Takes locked articles out of all publications, each with a tombstone of its
/// own.
async fn take_back(
    transaction: &mut Transaction,
    articles: &[Article],
    standing: &[Standing],
    reason: &str,
) -> Result<()> {
    let mut tombstones = Vec::with_capacity(articles.len());
    for article in articles {
        let places: Vec<&Standing> = standing.iter().filter(|place| place.article == article.id).collect();
        let subject = Subject {
            kind: Kind::ArticleWithdrawn,
            resource: article.name(),
            newspaper: article.newspaper.clone(),
            revision: places.first().map_or(article.revision, |newest| newest.revision),
            note: reason.to_owned(),
            supersedes: article.latest_publication,
        };
        let tombstone = ledger::bury(transaction, subject).await?;
        for place in places {
            redact(transaction, place, &tombstone).await?;
        }
        tombstones.push(tombstone.sequence);
    }
    let ids: Vec<Uuid> = articles.iter().map(|article| article.id).collect();
    let now = transaction.now();
    let connection = transaction.connection();
    withdrawal::take_back(connection, &ids, &tombstones).await?;
    search::store::set_days(connection, &ids).await?;
    workflow::store::void_all(connection, &ids, now).await?;
    article::store::set_withdrawn(connection, &ids, &tombstones, now).await?;
    for article in articles {
        record(transaction, article.name(), "withdrawn", article.content_digest);
    }
    Ok(())
}

/// Sees to it that readers of a publication get nothing of an article in it.
async fn redact(transaction: &mut Transaction, place: &Standing, tombstone: &Publication) -> Result<()> {
    let connection = transaction.connection();
    let bytes = if place.is_in_issue() {
        let served = store::served::served(connection, place.publication).await?;
        seal::without_article(&served.unwrap_or_default(), &article::name(place.article), &tombstone.into())?
    } else {
        Vec::new()
    };
    withdrawal::redact(connection, place.publication, &bytes).await
}

/// Lets readers find an article as it stands in its newest other publication.
async fn restore(transaction: &mut Transaction, article: &Article, standing: &[Standing]) -> Result<()> {
    let now = transaction.now();
    let connection = transaction.connection();
    let Some(place) = standing.iter().find(|place| place.article == article.id) else { return Ok(()) };
    let served = store::served::served(connection, place.publication).await?.unwrap_or_default();
    let bytes = if place.is_in_issue() {
        let missing = || format!("{} lacks {}", name(place.publication), article.name());
        seal::article_in(&served, article.id)?.ok_or_else(|| Error::Internal(missing()))?
    } else {
        served.to_vec()
    };
    withdrawal::restore_article(connection, article.id, place.publication, &bytes).await?;
    let published = article::store::revisions::kept(connection, article.id, place.revision).await?;
    let (newspaper, entry) = (article.newspaper.clone(), published.content.search_entry());
    let document = search::Document { article: article.id, newspaper, entry };
    search::store::write_published(connection, &[document]).await?;
    search::store::set_days(connection, &[article.id]).await?;
    // A later revision that only the withdrawn issue brought is out no more.
    let is_out =
        article::store::revisions::say_the_same(connection, article.id, place.revision, article.revision)
            .await?;
    let state = if article.state == State::Published && !is_out { State::Reviewed } else { article.state };
    article::store::set_restored(connection, article.id, place.publication, state, now).await?;
    record(transaction, article.name(), "withdrawn", article.content_digest);
    Ok(())
}

/// Locks the photos that articles brought into publications. As publishing does
/// it: before the ledger.
async fn lock_photos(transaction: &mut Transaction, articles: &[Uuid]) -> Result<Vec<Photo>> {
    let ids = withdrawal::photos_of(transaction.connection(), articles).await?;
    photo::store::lock_all(transaction.connection(), &ids).await
}

/// Notes of locked photos that stand in no publication any more that they are
/// reviewed as before, and so free for other articles.
async fn release(transaction: &mut Transaction, photos: Vec<Photo>) -> Result<()> {
    let published = photos.into_iter().filter(|photo| photo.state == State::Published);
    let published: Vec<Photo> = published.collect();
    let ids: Vec<Uuid> = published.iter().map(|photo| photo.id).collect();
    let standing = withdrawal::photos_standing(transaction.connection(), &ids).await?;
    let released: Vec<Photo> = published.into_iter().filter(|photo| !standing.contains(&photo.id)).collect();
    let ids: Vec<Uuid> = released.iter().map(|photo| photo.id).collect();
    let now = transaction.now();
    photo::store::set_reviewed(transaction.connection(), &ids, now).await?;
    for photo in released {
        record(transaction, photo.name(), "withdrawn", photo.content_digest);
    }
    Ok(())
}
