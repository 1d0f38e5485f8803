//! Who is calling, and whether they may: bearer token -> principal, and one
//! table method -> roles. What is not in the table cannot be called. Permission
//! is decided before a message is read, and so before anything is looked up.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response, header::AUTHORIZATION};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::{
    admin::{self, Role},
    db::Db,
    error::{Error, Result, complete},
};

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person that the token stands for.
    pub name: String,
    /// What the token allows.
    pub role: Role,
}

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

/// Every method of `masthead.v1` and who may call it.
pub const METHODS: &[(&str, &[Role])] = &[
    ("NewspaperService/CreateNewspaper", KEEPERS),
    ("NewspaperService/GetNewspaper", NEWSROOM),
    ("NewspaperService/ListNewspapers", NEWSROOM),
    ("NewspaperService/UpdateNewspaper", KEEPERS),
    ("NewspaperService/DeleteNewspaper", KEEPERS),
    ("NewspaperService/UndeleteNewspaper", KEEPERS),
    ("IssueService/CreateIssue", WRITERS),
    ("IssueService/GetIssue", NEWSROOM),
    ("IssueService/ListIssues", NEWSROOM),
    ("IssueService/UpdateIssue", WRITERS),
    ("IssueService/DeleteIssue", EDITORS),
    ("IssueService/UndeleteIssue", EDITORS),
    ("IssueService/CloneIssue", WRITERS),
    ("IssueService/ListPages", NEWSROOM),
    ("IssueService/GetPage", NEWSROOM),
    ("IssueService/UpdatePage", WRITERS),
    ("IssueService/DeletePage", WRITERS),
    ("IssueService/CheckIssue", NEWSROOM),
    ("IssueService/ReviewIssue", EDITORS),
    ("IssueService/ReturnIssue", EDITORS),
    ("IssueService/ListIssueReviews", NEWSROOM),
    ("IssueService/PublishIssue", PUBLISHERS),
    ("IssueService/CancelIssueSchedule", PUBLISHERS),
    ("IssueService/WithdrawIssue", PUBLISHERS),
    ("ArticleService/CreateArticle", WRITERS),
    ("ArticleService/GetArticle", NEWSROOM),
    ("ArticleService/BatchGetArticles", NEWSROOM),
    ("ArticleService/ListArticles", NEWSROOM),
    ("ArticleService/SearchArticles", NEWSROOM),
    ("ArticleService/UpdateArticle", WRITERS),
    ("ArticleService/DeleteArticle", WRITERS),
    ("ArticleService/UndeleteArticle", WRITERS),
    ("ArticleService/ReviewArticle", EDITORS),
    ("ArticleService/ReturnArticle", EDITORS),
    ("ArticleService/ListArticleReviews", NEWSROOM),
    ("ArticleService/PublishArticle", PUBLISHERS),
    ("ArticleService/CancelArticleSchedule", PUBLISHERS),
    ("ArticleService/WithdrawArticle", PUBLISHERS),
    ("ArticleService/OweCorrection", EDITORS),
    ("ArticleService/CancelOwedCorrection", EDITORS),
    ("ArticleService/ListArticleRevisions", NEWSROOM),
    ("ArticleService/GetArticleRevision", NEWSROOM),
    ("ArticleService/CompareArticleRevisions", NEWSROOM),
    ("ArticleService/RollbackArticle", WRITERS),
    ("ReporterService/CreateReporter", WRITERS),
    ("ReporterService/GetReporter", NEWSROOM),
    ("ReporterService/ListReporters", NEWSROOM),
    ("ReporterService/UpdateReporter", EDITORS),
    ("ReporterService/DeleteReporter", EDITORS),
    ("ReporterService/UndeleteReporter", EDITORS),
    ("ReporterService/SearchReporters", NEWSROOM),
    ("ReporterService/MergeReporters", EDITORS),
    ("ReporterService/GetReporterStatistics", NEWSROOM),
    ("PhotoService/CreatePhoto", WRITERS),
    ("PhotoService/GetPhoto", NEWSROOM),
    ("PhotoService/BatchGetPhotos", NEWSROOM),
    ("PhotoService/ListPhotos", NEWSROOM),
    ("PhotoService/UpdatePhoto", WRITERS),
    ("PhotoService/DeletePhoto", WRITERS),
    ("PhotoService/UndeletePhoto", WRITERS),
    ("PhotoService/GetPhotoMetadata", NEWSROOM),
    ("PhotoService/StartPhotoUpload", WRITERS),
    ("PhotoService/GetPhotoUpload", NEWSROOM),
    ("PhotoService/CancelPhotoUpload", WRITERS),
    ("PhotoService/UploadPhoto", WRITERS),
    ("PhotoService/DownloadPhoto", NEWSROOM),
    ("PhotoService/PurgePhoto", KEEPERS),
    ("PhotoService/ReviewPhoto", EDITORS),
    ("PhotoService/ReturnPhoto", EDITORS),
    ("PhotoService/ListPhotoReviews", NEWSROOM),
    ("PhotoService/SearchPhotos", NEWSROOM),
    ("PhotoService/ListPhotoUsages", NEWSROOM),
    ("PublicationService/GetPublishedIssue", ANYONE),
    ("PublicationService/StreamPublishedIssue", ANYONE),
    ("PublicationService/VerifyPublications", KEEPERS),
    ("PublicationService/ListPublishedIssues", ANYONE),
    ("PublicationService/GetIssueCalendar", ANYONE),
    ("PublicationService/GetAdjacentIssues", ANYONE),
    ("PublicationService/ListIssuesOnThisDay", ANYONE),
    ("PublicationService/GetPublishedArticle", ANYONE),
    ("PublicationService/SearchPublishedArticles", ANYONE),
    ("PublicationService/DownloadPublishedPhoto", ANYONE),
    ("PublicationService/ListPublications", ANYONE),
    ("PublicationService/GetPublication", ANYONE),
    ("PublicationService/WatchPublications", ANYONE),
    ("ActivityService/WatchChanges", NEWSROOM),
    ("ActivityService/ListChanges", NEWSROOM),
    ("AdminService/VerifyPhotos", OPERATORS),
    ("AdminService/RebuildSearchIndex", OPERATORS),
];

/// Services that anyone may call without a token: they tell how to call the
/// others, and whether it is worth it.
const OPEN_SERVICES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// The roles that may call a method, given as `Service/Method`.
pub fn roles_for(method: &str) -> Option<&'static [Role]> {
    METHODS.iter().find(|(name, _)| *name == method).map(|(_, roles)| *roles)
}

/// Lets through whom the table allows.
#[derive(Clone, Debug)]
pub struct Gate {
    db: Db,
}

impl Gate {
    /// A gate that knows the tokens in this database.
    pub fn new(db: Db) -> Gate {
        Gate { db }
    }

    /// The caller of a request for this path; `None` for an open service.
    async fn admit(&self, path: &str, headers: &http::HeaderMap) -> Result<Option<Principal>, Status> {
        if OPEN_SERVICES.iter().any(|service| path.starts_with(service)) {
            return Ok(None);
        }
        let method = path.strip_prefix("/masthead.v1.").unwrap_or_default();
        let Some(roles) = roles_for(method) else {
            return Err(complete(Status::new(Code::Unimplemented, "the server has no such method")));
        };
        let (name, role) = self.identify(headers).await?;
        if !roles.contains(&role) {
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            let method = method.to_owned();
            return Err(Error::RoleNotAllowed { method, role: role.as_str(), roles: roles.join(",") }.into());
        }
        Ok(Some(Principal { name, role }))
    }

    async fn identify(&self, headers: &http::HeaderMap) -> Result<(String, Role)> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        // The scheme's name has no case (RFC 9110 section 11.1).
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return Err(Error::Unauthenticated);
        }
        let digest = admin::token_digest(token.trim());
        let mut connection = self.db.read().await?;
        admin::store::find_token(&mut connection, digest).await?.ok_or(Error::Unauthenticated)
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: Arc::new(self.clone()), inner }
    }
}

/// A service behind the gate.
#[derive(Clone, Debug)]
pub struct Gated<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let gate = self.gate.clone();
        // The service that was polled ready is the one to call.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            match gate.admit(request.uri().path(), request.headers()).await {
                Ok(None) => inner.call(request).await,
                Ok(Some(caller)) => {
                    tracing::Span::current().record("person", caller.name.as_str());
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.into_http()),
            }
        })
    }
}
