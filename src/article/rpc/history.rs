//! Reading the history of an article: its revisions and its reviews.

use crate::{
    article::{Revision, missing, name, revision_name, store},
    db::Db,
    error::Result,
    newspaper, pb,
    wire::{self, Check, page::Page},
    workflow,
};

impl From<Revision> for pb::ArticleRevision {
    fn from(revision: Revision) -> pb::ArticleRevision {
        let snapshot = pb::Article {
            name: name(revision.article),
            uid: revision.article.to_string(),
            newspaper: newspaper::name(&revision.newspaper),
            revision: revision.number,
            content_digest: revision.content_digest.to_string(),
            ..pb::Article::from(revision.content)
        };
        pb::ArticleRevision {
            name: revision_name(revision.article, revision.number),
            snapshot: Some(snapshot),
            author: revision.author,
            create_time: Some(wire::timestamp(revision.create_time)),
        }
    }
}

pub async fn list(
    db: &Db,
    message: pb::ListArticleRevisionsRequest,
) -> Result<pb::ListArticleRevisionsResponse> {
    let mut check = Check::default();
    let id = check.article("parent", &message.parent);
    let arguments = [message.parent.as_str()];
    let method = "ListArticleRevisions";
    let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    let mut revisions = store::revisions(&mut connection, id, page.after, page.size + 1).await?;
    // Every article keeps its newest revision, so that none means no article.
    if revisions.is_empty() && page.after.is_none() {
        return Err(missing(id));
    }
    let next_page_token = page.close(&mut revisions, |revision| revision.number)?;
    let article_revisions = revisions.into_iter().map(pb::ArticleRevision::from).collect();
    Ok(pb::ListArticleRevisionsResponse { article_revisions, next_page_token })
}

pub async fn get(db: &Db, message: pb::GetArticleRevisionRequest) -> Result<pb::ArticleRevision> {
    let mut check = Check::default();
    let (id, number) = check.revision("name", &message.name);
    check.finish()?;
    Ok(store::kept_revision(&mut *db.read().await?, id, number).await?.into())
}

pub async fn list_reviews(
    db: &Db,
    message: pb::ListArticleReviewsRequest,
) -> Result<pb::ListArticleReviewsResponse> {
    let mut check = Check::default();
    let id = check.article("parent", &message.parent);
    let arguments = [message.parent.as_str()];
    let method = "ListArticleReviews";
    let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
    check.finish()?;
    store::newest_revision(&mut *db.read().await?, id).await?.ok_or_else(|| missing(id))?;
    let (reviews, next_page_token) = workflow::rpc::list_reviews(db, id, &page).await?;
    Ok(pb::ListArticleReviewsResponse { reviews, next_page_token })
}
