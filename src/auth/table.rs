//! Who may call what: one table, method x role. What is not in it cannot be called.

use std::{collections::HashMap, sync::LazyLock};

use crate::admin::Role;

use Role::{Editor, Operator, Publisher, Reader, Reporter};

/// Published things: everyone who has a token.
const ANYONE: &[Role] = &[Reader, Reporter, Editor, Publisher, Operator];
/// Reading working copies.
const NEWSROOM: &[Role] = &[Reporter, Editor, Publisher, Operator];
/// Making drafts.
const WRITERS: &[Role] = &[Reporter, Editor, Publisher];
/// Signing, returning, and what cannot be undone by its author.
const EDITORS: &[Role] = &[Editor, Publisher];
/// Publishing.
const PUBLISHERS: &[Role] = &[Publisher];
/// Keeping newspapers, proving the ledger, and removing for good.
const KEEPERS: &[Role] = &[Publisher, Operator];

/// Running the service.
const OPERATORS: &[Role] = &[Operator];

/// What a method does to what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Reads,
    /// It may change something, so that a refusal stands in the audit.
    Writes,
}

/// What a method is about, and so whose credential reaches it. The rules are asked
/// where the thing is in hand; that they are is tested against this column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// What belongs to a newspaper: only within the scope of the credential. Lists and
    /// feeds show what is within it.
    OfNewspaper,
    /// The same, and a reporter changes only what they made, wrote in or sign.
    Own,
    /// What belongs to no newspaper: reporters and photos, for every scope.
    Shared,
    /// The same, and a reporter changes only what they made, wrote in or sign.
    OwnShared,
    /// What concerns all newspapers: only with a credential for all.
    Everything,
}

use Effect::{Reads, Writes};
use Object::{Everything, OfNewspaper, Own, OwnShared, Shared};

/// What holds for one method.
pub type Rule = (&'static [Role], Effect, Object);

/// Every method of `masthead.v1`, who may call it, what it does, and to what.
pub const METHODS: &[(&str, &[Role], Effect, Object)] = &[
    ("NewspaperService/CreateNewspaper", KEEPERS, Writes, OfNewspaper),
    ("NewspaperService/GetNewspaper", NEWSROOM, Reads, OfNewspaper),
    ("NewspaperService/ListNewspapers", NEWSROOM, Reads, OfNewspaper),
    ("NewspaperService/UpdateNewspaper", KEEPERS, Writes, OfNewspaper),
    ("NewspaperService/DeleteNewspaper", KEEPERS, Writes, OfNewspaper),
    ("NewspaperService/UndeleteNewspaper", KEEPERS, Writes, OfNewspaper),
    ("IssueService/CreateIssue", WRITERS, Writes, OfNewspaper),
    ("IssueService/GetIssue", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/ListIssues", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/UpdateIssue", WRITERS, Writes, Own),
    ("IssueService/DeleteIssue", EDITORS, Writes, OfNewspaper),
    ("IssueService/UndeleteIssue", EDITORS, Writes, OfNewspaper),
    ("IssueService/CloneIssue", WRITERS, Writes, OfNewspaper),
    ("IssueService/ListPages", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/GetPage", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/UpdatePage", WRITERS, Writes, Own),
    ("IssueService/DeletePage", WRITERS, Writes, Own),
    ("IssueService/CheckIssue", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/ReviewIssue", EDITORS, Writes, OfNewspaper),
    ("IssueService/ReturnIssue", EDITORS, Writes, OfNewspaper),
    ("IssueService/ListIssueReviews", NEWSROOM, Reads, OfNewspaper),
    ("IssueService/PublishIssue", PUBLISHERS, Writes, OfNewspaper),
    ("IssueService/CancelIssueSchedule", PUBLISHERS, Writes, OfNewspaper),
    ("IssueService/WithdrawIssue", PUBLISHERS, Writes, OfNewspaper),
    ("ArticleService/CreateArticle", WRITERS, Writes, OfNewspaper),
    ("ArticleService/GetArticle", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/BatchGetArticles", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/ListArticles", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/SearchArticles", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/UpdateArticle", WRITERS, Writes, Own),
    ("ArticleService/DeleteArticle", WRITERS, Writes, Own),
    ("ArticleService/UndeleteArticle", WRITERS, Writes, Own),
    ("ArticleService/ReviewArticle", EDITORS, Writes, OfNewspaper),
    ("ArticleService/ReturnArticle", EDITORS, Writes, OfNewspaper),
    ("ArticleService/ListArticleReviews", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/PublishArticle", PUBLISHERS, Writes, OfNewspaper),
    ("ArticleService/CancelArticleSchedule", PUBLISHERS, Writes, OfNewspaper),
    ("ArticleService/WithdrawArticle", PUBLISHERS, Writes, OfNewspaper),
    ("ArticleService/OweCorrection", EDITORS, Writes, OfNewspaper),
    ("ArticleService/CancelOwedCorrection", EDITORS, Writes, OfNewspaper),
    ("ArticleService/ListArticleRevisions", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/GetArticleRevision", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/CompareArticleRevisions", NEWSROOM, Reads, OfNewspaper),
    ("ArticleService/RollbackArticle", WRITERS, Writes, Own),
    ("ReporterService/CreateReporter", WRITERS, Writes, Shared),
    ("ReporterService/GetReporter", NEWSROOM, Reads, Shared),
    ("ReporterService/ListReporters", NEWSROOM, Reads, Shared),
    ("ReporterService/UpdateReporter", EDITORS, Writes, Shared),
    ("ReporterService/DeleteReporter", EDITORS, Writes, Shared),
    ("ReporterService/UndeleteReporter", EDITORS, Writes, Shared),
    ("ReporterService/SearchReporters", NEWSROOM, Reads, Shared),
    ("ReporterService/MergeReporters", EDITORS, Writes, Everything),
    ("ReporterService/GetReporterStatistics", NEWSROOM, Reads, Shared),
    ("PhotoService/CreatePhoto", WRITERS, Writes, Shared),
    ("PhotoService/GetPhoto", NEWSROOM, Reads, Shared),
    ("PhotoService/BatchGetPhotos", NEWSROOM, Reads, Shared),
    ("PhotoService/ListPhotos", NEWSROOM, Reads, Shared),
    ("PhotoService/UpdatePhoto", WRITERS, Writes, OwnShared),
    ("PhotoService/DeletePhoto", WRITERS, Writes, OwnShared),
    ("PhotoService/UndeletePhoto", WRITERS, Writes, OwnShared),
    ("PhotoService/GetPhotoMetadata", NEWSROOM, Reads, Shared),
    ("PhotoService/StartPhotoUpload", WRITERS, Writes, OwnShared),
    ("PhotoService/GetPhotoUpload", NEWSROOM, Reads, Shared),
    ("PhotoService/CancelPhotoUpload", WRITERS, Writes, OwnShared),
    ("PhotoService/UploadPhoto", WRITERS, Writes, OwnShared),
    ("PhotoService/DownloadPhoto", NEWSROOM, Reads, Shared),
    ("PhotoService/PurgePhoto", KEEPERS, Writes, Shared),
    ("PhotoService/ReviewPhoto", EDITORS, Writes, Shared),
    ("PhotoService/ReturnPhoto", EDITORS, Writes, Shared),
    ("PhotoService/ListPhotoReviews", NEWSROOM, Reads, Shared),
    ("PhotoService/SearchPhotos", NEWSROOM, Reads, Shared),
    ("PhotoService/ListPhotoUsages", NEWSROOM, Reads, Shared),
    ("PublicationService/GetPublishedIssue", ANYONE, Reads, OfNewspaper),
    ("PublicationService/StreamPublishedIssue", ANYONE, Reads, OfNewspaper),
    ("PublicationService/VerifyPublications", KEEPERS, Reads, Everything),
    ("PublicationService/ListPublishedIssues", ANYONE, Reads, OfNewspaper),
    ("PublicationService/GetIssueCalendar", ANYONE, Reads, OfNewspaper),
    ("PublicationService/GetAdjacentIssues", ANYONE, Reads, OfNewspaper),
    ("PublicationService/ListIssuesOnThisDay", ANYONE, Reads, OfNewspaper),
    ("PublicationService/GetPublishedArticle", ANYONE, Reads, OfNewspaper),
    ("PublicationService/SearchPublishedArticles", ANYONE, Reads, OfNewspaper),
    ("PublicationService/DownloadPublishedPhoto", ANYONE, Reads, OfNewspaper),
    ("PublicationService/ListPublications", ANYONE, Reads, OfNewspaper),
    ("PublicationService/GetPublication", ANYONE, Reads, OfNewspaper),
    ("PublicationService/WatchPublications", ANYONE, Reads, OfNewspaper),
    ("ActivityService/WatchChanges", NEWSROOM, Reads, OfNewspaper),
    ("ActivityService/ListChanges", NEWSROOM, Reads, OfNewspaper),
    ("AdminService/CreateAccessToken", OPERATORS, Writes, Everything),
    ("AdminService/GetAccessToken", OPERATORS, Reads, Everything),
    ("AdminService/ListAccessTokens", OPERATORS, Reads, Everything),
    ("AdminService/RevokeAccessToken", OPERATORS, Writes, Everything),
    ("AdminService/ListAuditEvents", OPERATORS, Reads, Everything),
    ("AdminService/GetServiceStatus", OPERATORS, Reads, Everything),
    ("AdminService/VerifyPhotos", OPERATORS, Writes, Everything),
    ("AdminService/RebuildSearchIndex", OPERATORS, Writes, Everything),
];

/// What holds for a method, given as `Service/Method`.
pub fn rule_for(method: &str) -> Option<Rule> {
    static RULES: LazyLock<HashMap<&str, Rule>> = LazyLock::new(|| {
        METHODS.iter().map(|(name, roles, effect, object)| (*name, (*roles, *effect, *object))).collect()
    });
    RULES.get(method).copied()
}
