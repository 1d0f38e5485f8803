//! Sign-offs and authors in Postgres, by the uid of their subject.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    workflow::Review,
};

/// The sign-offs in force of several subjects, each subject's by stage.
pub async fn reviews(connection: &mut PgConnection, subjects: &[Uuid]) -> Result<HashMap<Uuid, Vec<Review>>> {
    let rows = sqlx::query!(
        "select subject, stage, reviewer, content_digest, remark, create_time
         from reviews where subject = any($1) and void_time is null order by subject, stage",
        subjects
    )
    .fetch_all(connection)
    .await?;
    let mut reviews: HashMap<Uuid, Vec<Review>> = HashMap::new();
    for row in rows {
        let review = Review {
            stage: row.stage.into(),
            reviewer: row.reviewer,
            content_digest: digest(&row.content_digest)?,
            remark: row.remark,
            create_time: row.create_time,
        };
        reviews.entry(row.subject).or_default().push(review);
    }
    Ok(reviews)
}

/// The sign-offs in force of one subject, by stage.
pub async fn reviews_of(connection: &mut PgConnection, subject: Uuid) -> Result<Vec<Review>> {
    Ok(reviews(connection, &[subject]).await?.remove(&subject).unwrap_or_default())
}

/// Adds a sign-off.
pub async fn sign(connection: &mut PgConnection, subject: Uuid, review: &Review) -> Result<()> {
    sqlx::query!(
        "insert into reviews (id, subject, stage, reviewer, content_digest, remark, create_time)
         values ($1, $2, $3, $4, $5, $6, $7)",
        Uuid::now_v7(),
        subject,
        review.stage as i16,
        review.reviewer,
        review.content_digest.as_bytes(),
        review.remark,
        review.create_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Voids every sign-off in force of a subject; they stay as history.
pub async fn void(connection: &mut PgConnection, subject: Uuid, now: DateTime<Utc>) -> Result<()> {
    void_all(connection, &[subject], now).await
}

/// Voids every sign-off in force of several subjects.
pub async fn void_all(connection: &mut PgConnection, subjects: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update reviews set void_time = $2 where subject = any($1) and void_time is null",
        subjects,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Everyone who wrote any of the content.
pub async fn authors(connection: &mut PgConnection, subject: Uuid) -> Result<Vec<String>> {
    let authors = sqlx::query_scalar!("select person from authors where subject = $1", subject);
    Ok(authors.fetch_all(connection).await?)
}

/// Notes that someone wrote some of the content.
pub async fn add_author(connection: &mut PgConnection, subject: Uuid, person: &str) -> Result<()> {
    sqlx::query!(
        "insert into authors (subject, person) values ($1, $2) on conflict do nothing",
        subject,
        person
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A digest as the database has it.
pub fn digest(bytes: &[u8]) -> Result<Digest> {
    Digest::from_bytes(bytes).ok_or_else(|| Error::Internal("a stored digest is not 32 bytes".to_owned()))
}
