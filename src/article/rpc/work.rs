//! What the handlers do inside a transaction.

use uuid::Uuid;

use super::content;
use crate::{
    article::{self, Article, Content, missing, store},
    byline::{self, Byline},
    db::{Change, Transaction},
    digest::Digest,
    error::{Error, Result, Violation},
    newspaper, pb, photo, publication, search,
    wire::{self, Check},
    workflow::{self, Outcome, Review, State, Subject},
};

/// Makes sure that everything that new content of a locked article refers to is there
/// and stays, and fills in printed names. What a live article refers to already
/// (`standing`) stays by that.
pub async fn resolve(
    transaction: &mut Transaction,
    article: Uuid,
    newspaper: &str,
    standing: Option<&Content>,
    content: &mut Content,
) -> Result<()> {
    let stands = |byline: &Byline| standing.is_some_and(|standing| standing.bylines.contains(byline));
    let asked: Vec<Byline> = content.bylines.iter().filter(|byline| !stands(byline)).cloned().collect();
    let reporters =
        byline::store::hold_reporters(transaction.connection(), &byline::reporters(&asked)).await?;
    wire::byline::complete("article.bylines", &mut content.bylines, &reporters, stands)?;
    let used = standing.map(Content::photos).unwrap_or_default();
    let photos: Vec<Uuid> = content.photos().into_iter().filter(|photo| !used.contains(photo)).collect();
    let live = store::hold_photos(transaction.connection(), &photos).await?;
    let mut check = Check::default();
    for gone in photos.iter().filter(|photo| !live.contains(*photo)) {
        check.add("article.photos", format!("{} does not exist or is deleted", photo::name(*gone)));
    }
    let corrects = standing.and_then(|standing| standing.corrects);
    if let Some(corrected) = content.corrects.filter(|corrected| corrects != Some(*corrected)) {
        let own = store::hold_corrected(transaction.connection(), corrected).await?;
        let name = article::name(corrected);
        match own {
            _ if corrected == article => check.add("article.corrects", "is the article itself"),
            Some(own) if own == newspaper => {}
            Some(other) => {
                check.add("article.corrects", format!("{name} belongs to {}", newspaper::name(&other)))
            }
            None => check.add("article.corrects", format!("{name} does not exist or is deleted")),
        }
    }
    check.finish()
}

/// Writes the change of a locked article, and notes it.
pub async fn save(
    transaction: &mut Transaction,
    mut article: Article,
    kind: &'static str,
    before: Option<Digest>,
) -> Result<pb::Article> {
    article.version += 1;
    article.update_time = transaction.now();
    store::update(transaction.connection(), &article).await?;
    let after = Some(article.content_digest);
    transaction.record(Change { resource: article.name(), kind, before, after });
    Ok(article.into())
}

/// Writes new content of a locked article: a revision, a draft, no sign-offs.
pub async fn save_content(
    transaction: &mut Transaction,
    mut article: Article,
    content: Content,
) -> Result<pb::Article> {
    let (author, now) = (transaction.caller().name.clone(), transaction.now());
    let kept = i64::from(transaction.revisions_kept());
    let before = std::mem::replace(&mut article.content_digest, content.digest()?);
    let replaced = std::mem::replace(&mut article.content, content);
    let signed = std::mem::take(&mut article.reviews);
    article.revision += 1;
    article.version += 1;
    article.state = State::Draft;
    article.return_reason.clear();
    article.update_time = now;
    let (content, connection) = (&article.content, transaction.connection());
    store::revisions::save(connection, &article, &author).await?;
    if content.reporters() != replaced.reporters() || content.photos() != replaced.photos() {
        store::revisions::refer(connection, &article).await?;
    }
    if article.revision > kept {
        store::revisions::forget(connection, article.id, kept).await?;
    }
    search::store::rewrite(connection, &article.search_document()).await?;
    if !signed.is_empty() {
        workflow::store::void(connection, article.id, now).await?;
    }
    let after = Some(article.content_digest);
    transaction.record(Change { resource: article.name(), kind: "updated", before: Some(before), after });
    Ok(article.into())
}

/// An article after its publication or withdrawal, as callers see it.
pub async fn find(transaction: &mut Transaction, id: Uuid) -> Result<pb::Article> {
    let article = store::find(transaction.connection(), id).await?;
    Ok(article.ok_or_else(|| missing(id))?.into())
}

/// Locks an article that the caller's credential is for, deleted or not.
async fn lock_reached(transaction: &mut Transaction, id: Uuid) -> Result<Article> {
    let article = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    transaction.caller().must_reach(&article.newspaper)?;
    Ok(article)
}

/// Locks an article that the caller may write in: a reporter only in their own.
pub async fn lock_own(transaction: &mut Transaction, id: Uuid) -> Result<Article> {
    let article = lock_reached(transaction, id).await?;
    workflow::own::must_own(transaction, &article.name(), id, &article.content.bylines).await?;
    Ok(article)
}

/// Finds a live article to write in, locked, if the caller knows its etag.
pub async fn lock_to_write(
    transaction: &mut Transaction,
    id: Uuid,
    etag: &wire::Expected,
) -> Result<Article> {
    let article = lock_own(transaction, id).await?;
    article.live()?;
    etag.meet(&article.name(), article.version)?;
    Ok(article)
}

/// Finds a live article to work on, locked, if the caller knows its etag.
pub async fn lock(transaction: &mut Transaction, id: Uuid, etag: &wire::Expected) -> Result<Article> {
    let article = lock_reached(transaction, id).await?;
    article.live()?;
    etag.meet(&article.name(), article.version)?;
    Ok(article)
}

pub async fn create(
    transaction: &mut Transaction,
    newspaper: String,
    mut content: Content,
) -> Result<pb::Article> {
    if store::hold_newspaper(transaction.connection(), &newspaper).await?.is_none() {
        let gone = format!("{} does not exist or is deleted", newspaper::name(&newspaper));
        return Err(Error::invalid("article.newspaper", gone));
    }
    let id = Uuid::now_v7();
    resolve(transaction, id, &newspaper, None, &mut content).await?;
    let creator = transaction.caller().name.clone();
    let now = transaction.now();
    let article = Article {
        id,
        newspaper,
        creator,
        content_digest: content.digest()?,
        content,
        revision: 1,
        state: State::Draft,
        reviews: Vec::new(),
        return_reason: String::new(),
        schedule: None,
        latest_publication: None,
        owed: None,
        version: 1,
        create_time: now,
        update_time: now,
        delete_time: None,
    };
    let connection = transaction.connection();
    store::insert(connection, &article).await?;
    store::revisions::keep_first(connection, &article).await?;
    search::store::write(connection, &[article.search_document()]).await?;
    let after = Some(article.content_digest);
    transaction.record(Change { resource: article.name(), kind: "created", before: None, after });
    Ok(article.into())
}

pub async fn update(
    transaction: &mut Transaction,
    article: Article,
    merged: pb::Article,
) -> Result<pb::Article> {
    let mut check = Check::default();
    if merged.newspaper != newspaper::name(&article.newspaper) {
        check.add("article.newspaper", "is immutable");
    }
    let mut content = content::read(&mut check, merged);
    check.finish()?;
    resolve(transaction, article.id, &article.newspaper, Some(&article.content), &mut content).await?;
    if content == article.content {
        return Ok(article.into());
    }
    save_content(transaction, article, content).await
}

/// Gives a locked article the content of an earlier revision again, as an edit
/// by the caller.
pub async fn roll_back(transaction: &mut Transaction, article: Article, number: i64) -> Result<pb::Article> {
    let mut content = store::revisions::kept(transaction.connection(), article.id, number).await?.content;
    resolve(transaction, article.id, &article.newspaper, Some(&article.content), &mut content)
        .await
        .map_err(|error| of_revision(error, number))?;
    if content == article.content {
        return Ok(article.into());
    }
    save_content(transaction, article, content).await
}

/// What is wrong with the content of a revision is wrong with the choice of it.
fn of_revision(error: Error, number: i64) -> Error {
    let Error::Invalid(violations) = error else { return error };
    let violations = violations.into_iter().map(|Violation { field, description }| Violation {
        field: "revision".to_owned(),
        description: format!("{} of revision {number}: {description}", field.replace("article.", "")),
    });
    Error::Invalid(violations.collect())
}

pub async fn review(
    transaction: &mut Transaction,
    mut article: Article,
    stage: i32,
    remark: String,
) -> Result<pb::Article> {
    let stages = store::hold_newspaper(transaction.connection(), &article.newspaper).await?;
    let stages = stages.ok_or_else(|| newspaper::missing(&article.newspaper))?;
    let authors = workflow::store::authors(transaction.connection(), article.id).await?;
    let name = article.name();
    let subject =
        Subject { name: &name, state: article.state, stages, reviews: &article.reviews, authors: &authors };
    let reviewer = transaction.caller().name.clone();
    article.state = subject.sign(&reviewer, stage)?;
    article.return_reason.clear();
    let content_digest = article.content_digest;
    let review = Review {
        stage,
        outcome: Outcome::Signed,
        reviewer,
        content_digest,
        revision: Some(article.revision),
        remark,
        create_time: transaction.now(),
        void_time: None,
    };
    workflow::store::add(transaction.connection(), article.id, &review).await?;
    article.reviews.push(review);
    save(transaction, article, "reviewed", Some(content_digest)).await
}

pub async fn send_back(
    transaction: &mut Transaction,
    mut article: Article,
    reason: String,
) -> Result<pb::Article> {
    let name = article.name();
    let (state, reviews) = (article.state, &article.reviews);
    let stage = Subject { name: &name, state, stages: 1, reviews, authors: &[] }.send_back()?;
    let now = transaction.now();
    let review = Review {
        stage,
        outcome: Outcome::Returned,
        reviewer: transaction.caller().name.clone(),
        content_digest: article.content_digest,
        revision: Some(article.revision),
        remark: reason.clone(),
        create_time: now,
        void_time: Some(now),
    };
    workflow::store::void(transaction.connection(), article.id, now).await?;
    workflow::store::add(transaction.connection(), article.id, &review).await?;
    article.state = State::Draft;
    article.reviews.clear();
    article.return_reason = reason;
    let digest = article.content_digest;
    save(transaction, article, "returned", Some(digest)).await
}

/// Why an article cannot be deleted: the names of what still refers to it.
pub async fn users(transaction: &mut Transaction, article: &Article) -> Result<Vec<String>> {
    let mut by = store::pages_with(transaction.connection(), article.id).await?;
    by.extend(store::corrections_of(transaction.connection(), article.id).await?);
    by.extend(article.latest_publication.map(publication::name));
    Ok(by)
}
