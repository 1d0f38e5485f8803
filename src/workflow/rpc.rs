//! What the handlers of articles, issues and photos do alike.

use uuid::Uuid;

use crate::{
    db::Db,
    error::Result,
    pb,
    wire::page::Page,
    workflow::store::{self, Place},
};

/// One page of the reviews of a subject, newest first, and the token of the next.
pub async fn list_reviews(db: &Db, subject: Uuid, page: &Page<Place>) -> Result<(Vec<pb::Review>, String)> {
    let mut connection = db.read().await?;
    let mut reviews = store::history(&mut connection, subject, page.after, page.size + 1).await?;
    let next_page_token = page.close(&mut reviews, |(place, _)| *place)?;
    Ok((reviews.into_iter().map(|(_, review)| review.into()).collect(), next_page_token))
}
