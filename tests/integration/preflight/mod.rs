//! Preflight: what CheckIssue finds, that PublishIssue goes by the same, and
//! what a publisher may waive.

mod answer;
pub mod errors;
mod licences;
mod table;
mod warnings;

use std::collections::BTreeSet;

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::PgConnection;

use crate::newsroom::{Newsroom, PAPER, article, codes, date, mask};

/// A newsroom of one person who may do everything but sign, and another who
/// signs. All issues appear on one day, so that none is earlier than another.
pub struct Stage {
    pub room: Newsroom,
    pub desk: Desk,
    signer: Desk,
    issues: i32,
}

/// The day of all issues; a Friday.
const DAY: (i32, i32, i32) = (2026, 11, 20);

impl Stage {
    pub async fn open() -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        let desk = room.desk(Role::Publisher).await;
        let signer = room.desk_of("signer", Role::Editor).await;
        Stage { room, desk, signer, issues: 0 }
    }

    pub async fn close(self) {
        self.room.close().await;
    }

    /// A connection past the service.
    pub async fn connect(&self) -> PgConnection {
        self.room.database.connect().await
    }

    pub async fn write(&mut self, article: pb::Article) -> pb::Article {
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        self.desk.articles.create_article(create).await.expect("an article").into_inner()
    }

    pub async fn sign(&mut self, article: &pb::Article) {
        let review = pb::ReviewArticleRequest {
            name: article.name.clone(),
            etag: "*".into(),
            stage: 1,
            ..Default::default()
        };
        self.signer.articles.review_article(review).await.expect("a sign-off");
    }

    /// An article that is ready for print.
    pub async fn good_article(&mut self) -> pb::Article {
        self.signed(article("全市举行防汛演练")).await
    }

    /// This article, signed.
    pub async fn signed(&mut self, article: pb::Article) -> pb::Article {
        let article = self.write(article).await;
        self.sign(&article).await;
        article
    }

    /// An issue of the day, without pages.
    pub async fn empty_issue(&mut self, pages: i32) -> pb::Issue {
        self.issues += 1;
        let id = format!("day-{}", self.issues);
        self.named_issue(&id, 0, DAY, pages).await
    }

    pub async fn named_issue(
        &mut self,
        issue_id: &str,
        number: i32,
        (year, month, day): (i32, i32, i32),
        pages: i32,
    ) -> pb::Issue {
        let issue = pb::Issue {
            number,
            publish_date: Some(date(year, month, day)),
            planned_page_count: pages,
            ..Default::default()
        };
        let create = pb::CreateIssueRequest {
            parent: PAPER.into(),
            issue: Some(issue),
            issue_id: issue_id.into(),
            ..Default::default()
        };
        self.desk.issues.create_issue(create).await.expect("an issue").into_inner()
    }

    /// Puts placements on a page.
    pub async fn place(&mut self, issue: &pb::Issue, number: i32, placements: Vec<pb::Placement>) {
        let page = pb::Page { name: page(issue, number), placements, etag: "*".into(), ..Default::default() };
        let update = pb::UpdatePageRequest {
            page: Some(page),
            update_mask: mask(&["placements"]),
            allow_missing: true,
            ..Default::default()
        };
        self.desk.issues.update_page(update).await.expect("a page");
    }

    pub async fn sign_issue(&mut self, issue: &pb::Issue) {
        let review = pb::ReviewIssueRequest {
            name: issue.name.clone(),
            etag: "*".into(),
            stage: 1,
            ..Default::default()
        };
        self.signer.issues.review_issue(review).await.expect("a sign-off");
    }

    /// A signed issue of one page that these articles fill, the first as its lead.
    pub async fn issue_of(&mut self, articles: &[&pb::Article]) -> pb::Issue {
        let issue = self.empty_issue(1).await;
        self.place(&issue, 1, led(articles)).await;
        self.sign_issue(&issue).await;
        issue
    }

    pub async fn ask(&mut self, check: pb::CheckIssueRequest) -> pb::CheckIssueResponse {
        self.desk.issues.check_issue(check).await.expect("findings").into_inner()
    }

    /// What preflight finds in an issue: code and resource, in order. Publishing
    /// it would be refused for the errors among it and for nothing else.
    pub async fn findings(&mut self, issue: &pb::Issue) -> Vec<(String, String)> {
        let answer = self.ask(check(issue)).await;
        let errors: BTreeSet<String> =
            answer.findings.iter().filter(|found| is_error(found)).map(code).collect();
        assert_eq!(answer.publishable, errors.is_empty(), "{answer:?}");
        let order =
            pb::PublishIssueRequest { name: issue.name.clone(), validate_only: true, ..Default::default() };
        let refused = match self.desk.issues.publish_issue(order).await {
            Ok(_) => BTreeSet::new(),
            Err(refusal) => codes(&refusal).into_iter().collect(),
        };
        assert_eq!(refused, errors, "publishing goes by the same checks");
        assert!(answer.findings.iter().all(|found| !found.description.is_empty()), "{answer:?}");
        answer.findings.iter().map(|found| (code(found), found.resource.clone())).collect()
    }

    /// Asserts that an issue has this finding and no other.
    pub async fn finds(&mut self, issue: &pb::Issue, code: &str, resource: &str) {
        assert_eq!(self.findings(issue).await, [(code.to_owned(), resource.to_owned())]);
    }
}

/// The request to check an issue as it is.
pub fn check(issue: &pb::Issue) -> pb::CheckIssueRequest {
    pb::CheckIssueRequest { name: issue.name.clone(), ..Default::default() }
}

/// A code without its prefix.
pub fn code(found: &pb::Finding) -> String {
    found.code().as_str_name().trim_start_matches("PUBLISH_CHECK_").to_owned()
}

pub fn is_error(found: &pb::Finding) -> bool {
    found.severity() == pb::finding::Severity::Error
}

/// The name of a page.
pub fn page(issue: &pb::Issue, number: i32) -> String {
    format!("{}/pages/{number}", issue.name)
}

/// Placements of articles, the first as the lead.
pub fn led(articles: &[&pb::Article]) -> Vec<pb::Placement> {
    let roles =
        std::iter::once(pb::placement::Role::Lead).chain(std::iter::repeat(pb::placement::Role::Secondary));
    articles.iter().zip(roles).map(|(article, role)| placement(article, role)).collect()
}

pub fn placement(article: &pb::Article, role: pb::placement::Role) -> pb::Placement {
    pb::Placement { article: article.name.clone(), role: role.into(), ..Default::default() }
}

/// Runs a statement past the service.
pub async fn statement(connection: &mut PgConnection, sql: &str, name: &str) {
    let id = name.rsplit_once('/').map_or(name, |(_, id)| id);
    let done = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).bind(id).execute(connection).await;
    assert_eq!(done.expect("a statement").rows_affected(), 1, "{sql}");
}
