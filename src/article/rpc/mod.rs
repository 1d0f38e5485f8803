//! `ArticleService`.

mod content;
mod correction;
mod find;
mod history;
mod kept;
mod work;

use std::collections::HashMap;

use kept::WorkingCopies;
use tonic::{Request, Response};
use uuid::Uuid;

use crate::{
    article::{Article, KIND, missing, store},
    config::{self, ReadingSettings},
    db::Db,
    error::{Error, Result},
    newspaper,
    pb::{self, servers::article_service_server::ArticleService},
    photo,
    publication::{self, ArticleOrder},
    search,
    wire::{self, Answer, Check, mask, mask::Writable, operation, ready},
};

const WRITABLE: Writable = Writable {
    message: "Article",
    fields: &[
        "newspaper",
        "kicker",
        "headline",
        "subheadline",
        "column",
        "dateline",
        "bylines",
        "source_credit",
        "body",
        "photos",
        "keywords",
        "language_code",
        "place",
        "event_date",
        "embargo_time",
        "corrects",
    ],
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
    files: photo::files::Files,
    copies: WorkingCopies,
}

impl Service {
    /// The service on this database; publishing looks for photos in `files`.
    pub fn new(db: Db, files: photo::files::Files, settings: ReadingSettings) -> Service {
        let copies = WorkingCopies::new(db.clone(), settings);
        Service { db, files, copies }
    }
}

impl From<Article> for pb::Article {
    fn from(article: Article) -> pb::Article {
        pb::Article {
            name: article.name(),
            uid: article.id.to_string(),
            newspaper: newspaper::name(&article.newspaper),
            creator: article.creator,
            state: pb::State::from(article.state).into(),
            revision: article.revision,
            content_digest: article.content_digest.to_string(),
            reviews: article.reviews.into_iter().map(pb::Review::from).collect(),
            latest_publication: article.latest_publication.map(publication::name).unwrap_or_default(),
            create_time: Some(wire::timestamp(article.create_time)),
            update_time: Some(wire::timestamp(article.update_time)),
            delete_time: article.delete_time.map(wire::timestamp),
            etag: wire::etag(article.version),
            return_reason: article.return_reason,
            schedule: article.schedule.map(pb::Schedule::from),
            owed_correction: article.owed.map(pb::OwedCorrection::from),
            ..pb::Article::from(article.content)
        }
    }
}

#[tonic::async_trait]
impl ArticleService for Service {
    async fn create_article(&self, request: Request<pb::CreateArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CreateArticle", message);
        let given = check.required("article", message.article);
        let newspaper = check.newspaper("article.newspaper", &given.newspaper);
        let content = content::read(&mut check, given);
        check.finish()?;
        let created = self.db.write(operation, move |transaction| {
            let (newspaper, content) = (newspaper.clone(), content.clone());
            Box::pin(work::create(transaction, newspaper, content))
        });
        Ok(Response::new(created.await?))
    }

    async fn get_article(&self, request: Request<pb::GetArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.article("name", &message.name);
        check.finish()?;
        let copy = self.copies.get(id).await?.ok_or_else(|| missing(id))?;
        caller.must_reach(&copy.newspaper)?;
        Ok(ready::answer(copy.message))
    }

    async fn batch_get_articles(
        &self,
        request: Request<pb::BatchGetArticlesRequest>,
    ) -> Answer<pb::BatchGetArticlesResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let ids = check.batch(message.names, Check::article);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let found = store::find_all(&mut connection, &ids).await?;
        for article in &found {
            caller.must_reach(&article.newspaper)?;
        }
        let found: HashMap<Uuid, Article> = found.into_iter().map(|article| (article.id, article)).collect();
        let in_order = ids.into_iter().map(|id| found.get(&id).cloned().ok_or_else(|| missing(id)));
        let articles = in_order.map(|article| article.map(pb::Article::from)).collect::<Result<_>>()?;
        Ok(Response::new(pb::BatchGetArticlesResponse { articles }))
    }

    async fn list_articles(
        &self,
        request: Request<pb::ListArticlesRequest>,
    ) -> Answer<pb::ListArticlesResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(find::list(&self.db, &caller, message).await?))
    }

    async fn search_articles(
        &self,
        request: Request<pb::SearchArticlesRequest>,
    ) -> Answer<pb::SearchArticlesResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(find::search(&self.db, &caller, message).await?))
    }

    async fn update_article(&self, request: Request<pb::UpdateArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdateArticle", message);
        let given = check.required("article", message.article);
        let id = check.article("article.name", &given.name);
        let etag = check.required_etag("article.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (given, etag, chosen) = (given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let article = work::lock_to_write(transaction, id, &etag).await?;
                let merged = mask::merge(&pb::Article::from(article.clone()), &given, &chosen)?;
                work::update(transaction, article, merged).await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_article(&self, request: Request<pb::DeleteArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeleteArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let mut article = work::lock_own(transaction, id).await?;
                if article.delete_time.is_some() {
                    return if message.allow_missing { Ok(article.into()) } else { Err(missing(id)) };
                }
                etag.meet(&article.name(), article.version)?;
                let by = work::users(transaction, &article).await?;
                if !by.is_empty() {
                    return Err(Error::InUse { name: article.name(), by });
                }
                article.delete_time = Some(transaction.now());
                article.schedule = None;
                search::store::remove(transaction.connection(), &[id]).await?;
                let digest = article.content_digest;
                work::save(transaction, article, "deleted", Some(digest)).await
            })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn undelete_article(&self, request: Request<pb::UndeleteArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UndeleteArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let mut article = work::lock_own(transaction, id).await?;
                if article.delete_time.is_none() {
                    return Err(Error::NotDeleted { kind: KIND, name: article.name() });
                }
                etag.meet(&article.name(), article.version)?;
                // What it refers to may have been deleted in the meantime.
                let mut content = article.content.clone();
                work::resolve(transaction, id, &article.newspaper, None, &mut content).await?;
                article.delete_time = None;
                search::store::write(transaction.connection(), &[article.search_document()]).await?;
                let digest = article.content_digest;
                work::save(transaction, article, "undeleted", Some(digest)).await
            })
        });
        Ok(Response::new(undeleted.await?))
    }

    async fn review_article(&self, request: Request<pb::ReviewArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReviewArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.required_etag("etag", &message.etag);
        let stage = check.number("stage", message.stage, 1, newspaper::REVIEW_STAGES_MAX);
        let remark = check.lines("remark", message.remark, config::REMARK_CHARS_MAX);
        check.finish()?;
        let reviewed = self.db.write(operation, move |transaction| {
            let (etag, remark) = (etag.clone(), remark.clone());
            Box::pin(async move {
                let article = work::lock(transaction, id, &etag).await?;
                work::review(transaction, article, stage, remark).await
            })
        });
        Ok(Response::new(reviewed.await?))
    }

    async fn return_article(&self, request: Request<pb::ReturnArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReturnArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let returned = self.db.write(operation, move |transaction| {
            let (etag, reason) = (etag.clone(), reason.clone());
            Box::pin(async move {
                let article = work::lock(transaction, id, &etag).await?;
                work::send_back(transaction, article, reason).await
            })
        });
        Ok(Response::new(returned.await?))
    }

    async fn publish_article(&self, request: Request<pb::PublishArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "PublishArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let note = check.lines("note", message.note, config::REMARK_CHARS_MAX);
        let publish_time = check.time("publish_time", message.publish_time);
        check.finish()?;
        let order = ArticleOrder { id, etag, note, publish_time };
        let files = self.files.clone();
        let published = self.db.write(operation, move |transaction| {
            let (order, files) = (order.clone(), files.clone());
            Box::pin(async move {
                match order.publish_time {
                    Some(time) => publication::schedule::article(transaction, &files, &order, time).await?,
                    None => publication::publish::article(transaction, &files, &order).await?,
                }
                work::find(transaction, id).await
            })
        });
        Ok(Response::new(published.await?))
    }

    async fn cancel_article_schedule(
        &self,
        request: Request<pb::CancelArticleScheduleRequest>,
    ) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CancelArticleSchedule", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let cancelled = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                publication::schedule::cancel_article(transaction, id, &etag).await?;
                work::find(transaction, id).await
            })
        });
        Ok(Response::new(cancelled.await?))
    }

    async fn withdraw_article(&self, request: Request<pb::WithdrawArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "WithdrawArticle", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let withdrawn = self.db.write(operation, move |transaction| {
            let (etag, reason) = (etag.clone(), reason.clone());
            Box::pin(async move {
                publication::withdraw::article(transaction, id, &etag, &reason).await?;
                work::find(transaction, id).await
            })
        });
        Ok(Response::new(withdrawn.await?))
    }

    async fn owe_correction(&self, request: Request<pb::OweCorrectionRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "OweCorrection", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let owing = self.db.write(operation, move |transaction| {
            let (etag, reason) = (etag.clone(), reason.clone());
            Box::pin(async move {
                let article = work::lock(transaction, id, &etag).await?;
                correction::owe(transaction, article, reason).await
            })
        });
        Ok(Response::new(owing.await?))
    }

    async fn cancel_owed_correction(
        &self,
        request: Request<pb::CancelOwedCorrectionRequest>,
    ) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CancelOwedCorrection", message);
        let id = check.article("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let cancelled = self.db.write(operation, move |transaction| {
            let (etag, reason) = (etag.clone(), reason.clone());
            Box::pin(async move {
                let article = work::lock(transaction, id, &etag).await?;
                correction::cancel(transaction, article, reason).await
            })
        });
        Ok(Response::new(cancelled.await?))
    }

    async fn list_article_reviews(
        &self,
        request: Request<pb::ListArticleReviewsRequest>,
    ) -> Answer<pb::ListArticleReviewsResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(history::list_reviews(&self.db, &caller, message).await?))
    }

    async fn list_article_revisions(
        &self,
        request: Request<pb::ListArticleRevisionsRequest>,
    ) -> Answer<pb::ListArticleRevisionsResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(history::list(&self.db, &caller, message).await?))
    }

    async fn get_article_revision(
        &self,
        request: Request<pb::GetArticleRevisionRequest>,
    ) -> Answer<pb::ArticleRevision> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(history::get(&self.db, &caller, message).await?))
    }

    async fn compare_article_revisions(
        &self,
        request: Request<pb::CompareArticleRevisionsRequest>,
    ) -> Answer<pb::CompareArticleRevisionsResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(history::compare_revisions(&self.db, &caller, message).await?))
    }

    async fn rollback_article(&self, request: Request<pb::RollbackArticleRequest>) -> Answer<pb::Article> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "RollbackArticle", message);
        let id = check.article("name", &message.name);
        let number = check.required_revision_number("revision", message.revision);
        let etag = check.required_etag("etag", &message.etag);
        check.finish()?;
        let rolled_back = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let article = work::lock_to_write(transaction, id, &etag).await?;
                work::roll_back(transaction, article, number).await
            })
        });
        Ok(Response::new(rolled_back.await?))
    }
}
