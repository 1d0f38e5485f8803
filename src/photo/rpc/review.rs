//! Signing photos, and sending them back.

use crate::{
    db::Transaction,
    error::{Error, Result},
    pb,
    photo::{Photo, REVIEW_STAGES},
    workflow::{self, Outcome, Review, State, Subject},
};

/// Signs a locked photo.
pub async fn sign(
    transaction: &mut Transaction,
    mut photo: Photo,
    stage: i32,
    remark: String,
) -> Result<pb::Photo> {
    let name = photo.name();
    if photo.file.is_none() {
        return Err(Error::PhotoWithoutFile { name });
    }
    let authors = workflow::store::authors(transaction.connection(), photo.id).await?;
    let (state, reviews) = (photo.state, &photo.reviews);
    let subject = Subject { name: &name, state, stages: REVIEW_STAGES, reviews, authors: &authors };
    let reviewer = transaction.caller().name.clone();
    photo.state = subject.sign(&reviewer, stage)?;
    photo.return_reason.clear();
    let content_digest = photo.content_digest;
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
    workflow::store::add(transaction.connection(), photo.id, &review).await?;
    photo.reviews.push(review);
    super::save(transaction, photo, "reviewed", content_digest).await
}

/// Sends a locked photo back to its authors.
pub async fn send_back(transaction: &mut Transaction, mut photo: Photo, reason: String) -> Result<pb::Photo> {
    let name = photo.name();
    let (state, reviews) = (photo.state, &photo.reviews);
    let stage = Subject { name: &name, state, stages: REVIEW_STAGES, reviews, authors: &[] }.send_back()?;
    let now = transaction.now();
    let review = Review {
        stage,
        outcome: Outcome::Returned,
        reviewer: transaction.caller().name.clone(),
        content_digest: photo.content_digest,
        revision: None,
        remark: reason.clone(),
        create_time: now,
        void_time: Some(now),
    };
    workflow::store::void(transaction.connection(), photo.id, now).await?;
    workflow::store::add(transaction.connection(), photo.id, &review).await?;
    photo.state = State::Draft;
    photo.reviews.clear();
    photo.return_reason = reason;
    let digest = photo.content_digest;
    super::save(transaction, photo, "returned", digest).await
}
