//! `IssueService`.

mod message;
mod work;

use std::collections::BTreeSet;

use chrono::{NaiveDate, Utc};
use tonic::{Request, Response};

use crate::{
    config,
    db::Db,
    error::Error,
    issue::{self, KIND, missing, missing_page, store},
    newspaper,
    pb::{self, servers::issue_service_server::IssueService},
    photo::files::Files,
    publication::{self, IssueOrder, check::waivable, preflight},
    wire::{self, Answer, Check, mask, mask::Writable, name::IssueName, operation, page::Page},
    workflow,
};

const WRITABLE: Writable = Writable {
    message: "Issue",
    fields: &["number", "publish_date", "weather", "price_note", "planned_page_count"],
};

const WRITABLE_OF_PAGE: Writable = Writable { message: "Page", fields: &["section", "editor", "placements"] };

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
    files: Files,
}

impl Service {
    /// The service on this database; publishing looks for photos in `files`.
    pub fn new(db: Db, files: Files) -> Service {
        Service { db, files }
    }
}

/// Reads the checks that a publisher waives.
fn waived(check: &mut Check, acknowledge: Vec<String>) -> BTreeSet<String> {
    for (index, code) in acknowledge.iter().enumerate() {
        if !waivable().contains(&code.as_str()) {
            let rule = format!("cannot be waived; what can: {}", waivable().join(", "));
            check.add(format!("acknowledge[{index}]"), rule);
        }
    }
    acknowledge.into_iter().collect()
}

#[tonic::async_trait]
impl IssueService for Service {
    async fn create_issue(&self, request: Request<pb::CreateIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CreateIssue", message);
        let newspaper = check.newspaper("parent", &message.parent);
        let id = IssueName { newspaper, issue: check.issue_id(message.issue_id) };
        let given = check.required("issue", message.issue);
        let facts = message::facts(&mut check, given);
        check.finish()?;
        let created = self.db.write(operation, move |transaction| {
            let (id, facts) = (id.clone(), facts.clone());
            Box::pin(work::create(transaction, id, facts, Vec::new()))
        });
        Ok(Response::new(created.await?))
    }

    async fn get_issue(&self, request: Request<pb::GetIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.issue("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let issue = store::find(&mut connection, &id).await?.ok_or_else(|| missing(&id))?;
        Ok(Response::new(issue.into()))
    }

    async fn list_issues(&self, request: Request<pb::ListIssuesRequest>) -> Answer<pb::ListIssuesResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let parent = check.newspaper("parent", &message.parent);
        let show_deleted = message.show_deleted.to_string();
        let arguments = [parent.as_str(), show_deleted.as_str(), &message.filter, &message.order_by];
        let page: Page<(NaiveDate, String)> =
            Page::open(&mut check, "ListIssues", &arguments, message.page_size, &message.page_token)?;
        let filter = check.filter(&message.filter, &issue::FIELDS);
        let order = check.order_by(&message.order_by, &issue::ORDERS, issue::ORDER);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let question = store::list::Question {
            newspaper: &parent,
            filter: &filter,
            descending: order.descending,
            after: page.after.as_ref(),
            show_deleted: message.show_deleted,
            rows_max: page.size + 1,
        };
        let mut issues = store::list::find(&mut connection, &question).await?;
        if issues.is_empty() && !store::newspaper_exists(&mut connection, &parent).await? {
            return Err(newspaper::missing(&parent).into());
        }
        let next_page_token =
            page.close(&mut issues, |issue| (issue.facts.publish_date, issue.id.issue.clone()))?;
        let issues = issues.into_iter().map(pb::Issue::from).collect();
        Ok(Response::new(pb::ListIssuesResponse { issues, next_page_token }))
    }

    async fn update_issue(&self, request: Request<pb::UpdateIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdateIssue", message);
        let given = check.required("issue", message.issue);
        let id = check.issue("issue.name", &given.name);
        let etag = check.required_etag("issue.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (id, given, etag, chosen) = (id.clone(), given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let issue = work::lock_own(transaction, &id).await?;
                etag.meet(&issue.name(), issue.version)?;
                work::update(transaction, issue, &given, &chosen).await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_issue(&self, request: Request<pb::DeleteIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeleteIssue", message);
        let id = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let (id, etag) = (id.clone(), etag.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), &id).await?;
                let issue = found.ok_or_else(|| missing(&id))?;
                if issue.delete_time.is_some() {
                    return if message.allow_missing { Ok(issue.into()) } else { Err(missing(&id)) };
                }
                etag.meet(&issue.name(), issue.version)?;
                work::delete(transaction, issue).await
            })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn undelete_issue(&self, request: Request<pb::UndeleteIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UndeleteIssue", message);
        let id = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let (id, etag) = (id.clone(), etag.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), &id).await?;
                let issue = found.ok_or_else(|| missing(&id))?;
                if issue.delete_time.is_none() {
                    return Err(Error::NotDeleted { kind: KIND, name: issue.name() });
                }
                etag.meet(&issue.name(), issue.version)?;
                work::undelete(transaction, issue).await
            })
        });
        Ok(Response::new(undeleted.await?))
    }

    async fn clone_issue(&self, request: Request<pb::CloneIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CloneIssue", message);
        let from = check.issue("name", &message.name);
        let issue_id = match message.issue_id.as_str() {
            "" => String::new(),
            _ => check.issue_id(message.issue_id),
        };
        let publish_date = check.date("publish_date", message.publish_date);
        check.finish()?;
        let cloned = self.db.write(operation, move |transaction| {
            let (from, issue_id) = (from.clone(), issue_id.clone());
            Box::pin(async move { work::clone(transaction, &from, issue_id, publish_date).await })
        });
        Ok(Response::new(cloned.await?))
    }

    async fn list_pages(&self, request: Request<pb::ListPagesRequest>) -> Answer<pb::ListPagesResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.issue("parent", &message.parent);
        let arguments = [message.parent.as_str()];
        let page: Page<i32> =
            Page::open(&mut check, "ListPages", &arguments, message.page_size, &message.page_token)?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let numbers = page.after.unwrap_or(0).saturating_add(1)..=config::PAGES_MAX;
        let mut pages = store::pages(&mut connection, &id, numbers, page.size + 1).await?;
        if pages.is_empty() {
            store::find(&mut connection, &id).await?.ok_or_else(|| missing(&id))?;
        }
        let next_page_token = page.close(&mut pages, |page| page.number)?;
        let pages = pages.into_iter().map(|page| pb::Page::from((&id, page))).collect();
        Ok(Response::new(pb::ListPagesResponse { pages, next_page_token }))
    }

    async fn get_page(&self, request: Request<pb::GetPageRequest>) -> Answer<pb::Page> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let name = check.page("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let page = store::page(&mut connection, &name.issue, name.page).await?;
        let page = page.ok_or_else(|| missing_page(&name.issue, name.page))?;
        Ok(Response::new((&name.issue, page).into()))
    }

    async fn update_page(&self, request: Request<pb::UpdatePageRequest>) -> Answer<pb::Page> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdatePage", message);
        let given = check.required("page", message.page);
        let name = check.page("page.name", &given.name);
        let allow_missing = message.allow_missing;
        // Whether the page is there, and so needs an etag, is seen later.
        if allow_missing {
            check.etag("page.etag", &given.etag);
        } else {
            check.required_etag("page.etag", &given.etag);
        }
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE_OF_PAGE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (name, given, chosen) = (name.clone(), given.clone(), chosen.clone());
            Box::pin(async move { work::put_page(transaction, &name, &given, &chosen, allow_missing).await })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_page(&self, request: Request<pb::DeletePageRequest>) -> Answer<()> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeletePage", message);
        let name = check.page("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let (name, etag) = (name.clone(), etag.clone());
            Box::pin(async move { work::delete_page(transaction, &name, &etag).await })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn check_issue(&self, request: Request<pb::CheckIssueRequest>) -> Answer<pb::CheckIssueResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let question = preflight::Question {
            name: check.issue("name", &message.name),
            publish_time: check.time("publish_time", message.publish_time).unwrap_or_else(Utc::now),
            note: check.lines("note", message.note, config::REMARK_CHARS_MAX),
            acknowledge: waived(&mut check, message.acknowledge),
        };
        check.finish()?;
        let acknowledge = question.acknowledge.clone();
        let answer = preflight::issue(&self.db, self.files.clone(), question).await?;
        Ok(Response::new(message::preflight(answer, &acknowledge)))
    }

    async fn review_issue(&self, request: Request<pb::ReviewIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReviewIssue", message);
        let id = check.issue("name", &message.name);
        let etag = check.required_etag("etag", &message.etag);
        let stage = check.number("stage", message.stage, 1, newspaper::REVIEW_STAGES_MAX);
        let remark = check.lines("remark", message.remark, config::REMARK_CHARS_MAX);
        check.finish()?;
        let reviewed = self.db.write(operation, move |transaction| {
            let (id, etag, remark) = (id.clone(), etag.clone(), remark.clone());
            Box::pin(async move {
                let issue = work::lock_as_read(transaction, &id, &etag).await?;
                work::review(transaction, issue, stage, remark).await
            })
        });
        Ok(Response::new(reviewed.await?))
    }

    async fn return_issue(&self, request: Request<pb::ReturnIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReturnIssue", message);
        let id = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let returned = self.db.write(operation, move |transaction| {
            let (id, etag, reason) = (id.clone(), etag.clone(), reason.clone());
            Box::pin(async move {
                let issue = work::lock_as_read(transaction, &id, &etag).await?;
                work::send_back(transaction, issue, reason).await
            })
        });
        Ok(Response::new(returned.await?))
    }

    async fn list_issue_reviews(
        &self,
        request: Request<pb::ListIssueReviewsRequest>,
    ) -> Answer<pb::ListIssueReviewsResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.issue("parent", &message.parent);
        let arguments = [message.parent.as_str()];
        let method = "ListIssueReviews";
        let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
        check.finish()?;
        let issue = store::find(&mut *self.db.read().await?, &id).await?.ok_or_else(|| missing(&id))?;
        let (reviews, next_page_token) = workflow::rpc::list_reviews(&self.db, issue.uid, &page).await?;
        Ok(Response::new(pb::ListIssueReviewsResponse { reviews, next_page_token }))
    }

    async fn publish_issue(&self, request: Request<pb::PublishIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "PublishIssue", message);
        let name = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let note = check.lines("note", message.note, config::REMARK_CHARS_MAX);
        let acknowledge = waived(&mut check, message.acknowledge);
        let publish_time = check.time("publish_time", message.publish_time);
        check.finish()?;
        let order = IssueOrder { name, etag, note, acknowledge, publish_time };
        let files = self.files.clone();
        let published = self.db.write(operation, move |transaction| {
            let (order, files) = (order.clone(), files.clone());
            Box::pin(async move {
                match order.publish_time {
                    Some(time) => publication::schedule::issue(transaction, &files, &order, time).await?,
                    None => publication::publish::issue(transaction, &files, &order).await?,
                }
                work::find(transaction, &order.name).await
            })
        });
        Ok(Response::new(published.await?))
    }

    async fn cancel_issue_schedule(
        &self,
        request: Request<pb::CancelIssueScheduleRequest>,
    ) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CancelIssueSchedule", message);
        let name = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let cancelled = self.db.write(operation, move |transaction| {
            let (name, etag) = (name.clone(), etag.clone());
            Box::pin(async move {
                publication::schedule::cancel_issue(transaction, &name, &etag).await?;
                work::find(transaction, &name).await
            })
        });
        Ok(Response::new(cancelled.await?))
    }

    async fn withdraw_issue(&self, request: Request<pb::WithdrawIssueRequest>) -> Answer<pb::Issue> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "WithdrawIssue", message);
        let name = check.issue("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let withdrawn = self.db.write(operation, move |transaction| {
            let (name, etag, reason) = (name.clone(), etag.clone(), reason.clone());
            Box::pin(async move {
                publication::withdraw::issue(transaction, &name, &etag, &reason).await?;
                work::find(transaction, &name).await
            })
        });
        Ok(Response::new(withdrawn.await?))
    }
}
