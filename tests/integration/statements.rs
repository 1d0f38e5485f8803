//! How many statements a call sends to the database, counted on the wire: as many for
//! much as for little, so that nowhere is a query asked for each row.

use masthead::{admin::Role, auth::table::METHODS, import::desk::Desk, pb};

use crate::{
    newsroom::{Database, Newsroom, PAPER, date, mask},
    proxy::Proxy,
};

/// How often a call is made. What the server sends by itself meanwhile, every half second
/// and more seldom, does not meet all of them.
const CALLS: usize = 6;

/// Rows there are of everything.
const ROWS: usize = 12;

/// Statements of a call by method, the opening and the end of its transaction among them.
/// Raise a number only for something that callers get for it.
const STATEMENTS: &[(&str, u64)] = &[
    ("ArticleService/GetArticle", 1),
    ("ArticleService/BatchGetArticles", 2),
    ("ArticleService/ListArticles", 5),
    ("ArticleService/SearchArticles", 6),
    ("ArticleService/ListArticleReviews", 2),
    ("ArticleService/ListArticleRevisions", 1),
    ("IssueService/GetIssue", 2),
    ("IssueService/ListIssues", 3),
    ("IssueService/ListPages", 1),
    ("IssueService/ListIssueReviews", 3),
    ("NewspaperService/ListNewspapers", 1),
    ("PhotoService/GetPhoto", 2),
    ("PhotoService/BatchGetPhotos", 2),
    ("PhotoService/ListPhotos", 5),
    ("PhotoService/SearchPhotos", 4),
    ("PhotoService/ListPhotoReviews", 3),
    ("PhotoService/ListPhotoUsages", 3),
    ("ReporterService/ListReporters", 4),
    ("ReporterService/SearchReporters", 3),
    ("PublicationService/GetPublishedIssue", 0),
    ("PublicationService/GetPublishedArticle", 0),
    ("PublicationService/ListPublishedIssues", 1),
    ("PublicationService/ListIssuesOnThisDay", 1),
    ("PublicationService/SearchPublishedArticles", 5),
    ("PublicationService/ListPublications", 1),
    ("ActivityService/ListChanges", 3),
    ("AdminService/ListAccessTokens", 4),
    ("AdminService/ListAuditEvents", 1),
    ("ArticleService/UpdateArticle", 8),
    ("IssueService/PublishIssue", 32),
];

/// What was counted: by method, of a call for one row and of one for many.
type Counted = Vec<(&'static str, [u64; 2])>;

/// The statements of a call, counted when nothing else was sent meanwhile.
async fn statements<T>(count: impl Fn() -> u64, mut call: impl AsyncFnMut() -> T) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..CALLS {
        let before = count();
        call().await;
        least = least.min(count() - before);
    }
    least
}

/// A newsroom behind a proxy, with some rows of everything.
async fn open() -> (Newsroom, Proxy, Stock) {
    let proxy = Proxy::start().await;
    let database = Database::create().await;
    let options = proxy.options(&database);
    let room = Newsroom::on(database, options).await;
    room.newspaper(1).await;
    let stock = Stock::fill(&room).await;
    (room, proxy, stock)
}

/// What there is.
struct Stock {
    articles: Vec<String>,
    photos: Vec<String>,
    /// Published, with all articles on its page.
    issue: String,
}

impl Stock {
    async fn fill(room: &Newsroom) -> Stock {
        let mut articles = Vec::new();
        let mut photos = Vec::new();
        for number in 0..ROWS {
            let article = room.article(&format!("河上第{number}座桥")).await;
            articles.push(room.review(&article).await);
            photos.push(room.photo(&format!("河上第{number}座桥")).await.name);
        }
        let all: Vec<&pb::Article> = articles.iter().collect();
        let issue = room.issue(1, &all).await;
        let issue = room.publish(&room.review_issue(&issue).await).await;
        for number in 0..ROWS {
            let (other, _) = room.reviewed_issue(number as i32 + 2).await;
            room.publish(&other).await;
        }
        let mut editor = room.desk(Role::Editor).await;
        for number in 0..ROWS {
            let reporter = pb::Reporter { display_name: format!("第{number}人"), ..Default::default() };
            let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
            editor.reporters.create_reporter(create).await.expect("a reporter");
        }
        Stock {
            articles: articles.into_iter().map(|article| article.name).collect(),
            photos,
            issue: issue.name,
        }
    }
}

/// Counts a method for one row and for many: `$ask` makes the request for so many.
macro_rules! count {
    ($counted:ident, $proxy:expr, $name:literal, $client:expr, $method:ident, $ask:expr) => {{
        let mut both = [0; 2];
        for (of, rows) in both.iter_mut().zip([1, ROWS]) {
            *of = statements(
                || $proxy.statements(),
                async || {
                    $client.clone().$method($ask(rows)).await.expect($name);
                },
            )
            .await;
        }
        $counted.push(($name, both));
    }};
}

async fn articles(proxy: &Proxy, desk: &Desk, stock: &Stock, counted: &mut Counted) {
    let article = || stock.articles[0].clone();
    let size = |rows: usize| rows as i32;
    let desk = &desk.articles;
    count!(counted, proxy, "ArticleService/GetArticle", desk, get_article, |_| pb::GetArticleRequest {
        name: article()
    });
    count!(counted, proxy, "ArticleService/BatchGetArticles", desk, batch_get_articles, |rows: usize| {
        pb::BatchGetArticlesRequest { names: stock.articles[..rows].to_vec() }
    });
    count!(counted, proxy, "ArticleService/ListArticles", desk, list_articles, |rows| {
        pb::ListArticlesRequest { page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "ArticleService/SearchArticles", desk, search_articles, |rows| {
        pb::SearchArticlesRequest { query: "河上".into(), page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "ArticleService/ListArticleReviews", desk, list_article_reviews, |rows| {
        pb::ListArticleReviewsRequest { parent: article(), page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "ArticleService/ListArticleRevisions", desk, list_article_revisions, |rows| {
        pb::ListArticleRevisionsRequest { parent: article(), page_size: size(rows), ..Default::default() }
    });
}

async fn issues(proxy: &Proxy, desk: &Desk, stock: &Stock, counted: &mut Counted) {
    let size = |rows: usize| rows as i32;
    let (newspapers, desk) = (&desk.newspapers, &desk.issues);
    count!(counted, proxy, "IssueService/GetIssue", desk, get_issue, |_| pb::GetIssueRequest {
        name: stock.issue.clone()
    });
    count!(counted, proxy, "IssueService/ListIssues", desk, list_issues, |rows| pb::ListIssuesRequest {
        parent: PAPER.into(),
        page_size: size(rows),
        ..Default::default()
    });
    count!(counted, proxy, "IssueService/ListPages", desk, list_pages, |rows| pb::ListPagesRequest {
        parent: stock.issue.clone(),
        page_size: size(rows),
        ..Default::default()
    });
    count!(counted, proxy, "IssueService/ListIssueReviews", desk, list_issue_reviews, |rows| {
        pb::ListIssueReviewsRequest {
            parent: stock.issue.clone(),
            page_size: size(rows),
            ..Default::default()
        }
    });
    count!(counted, proxy, "NewspaperService/ListNewspapers", newspapers, list_newspapers, |rows| {
        pb::ListNewspapersRequest { page_size: size(rows), ..Default::default() }
    });
}

async fn photos(proxy: &Proxy, desk: &Desk, stock: &Stock, counted: &mut Counted) {
    let photo = || stock.photos[0].clone();
    let size = |rows: usize| rows as i32;
    let desk = &desk.photos;
    count!(counted, proxy, "PhotoService/GetPhoto", desk, get_photo, |_| pb::GetPhotoRequest {
        name: photo()
    });
    count!(counted, proxy, "PhotoService/BatchGetPhotos", desk, batch_get_photos, |rows: usize| {
        pb::BatchGetPhotosRequest { names: stock.photos[..rows].to_vec() }
    });
    count!(counted, proxy, "PhotoService/ListPhotos", desk, list_photos, |rows| pb::ListPhotosRequest {
        page_size: size(rows),
        ..Default::default()
    });
    count!(counted, proxy, "PhotoService/SearchPhotos", desk, search_photos, |rows| {
        pb::SearchPhotosRequest { query: "河上".into(), page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "PhotoService/ListPhotoReviews", desk, list_photo_reviews, |rows| {
        pb::ListPhotoReviewsRequest { parent: photo(), page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "PhotoService/ListPhotoUsages", desk, list_photo_usages, |rows| {
        pb::ListPhotoUsagesRequest { parent: photo(), page_size: size(rows), ..Default::default() }
    });
}

async fn reporters(proxy: &Proxy, desk: &Desk, counted: &mut Counted) {
    let size = |rows: usize| rows as i32;
    let desk = &desk.reporters;
    count!(counted, proxy, "ReporterService/ListReporters", desk, list_reporters, |rows| {
        pb::ListReportersRequest { page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "ReporterService/SearchReporters", desk, search_reporters, |rows| {
        pb::SearchReportersRequest { query: "人".into(), page_size: size(rows), ..Default::default() }
    });
}

async fn published(proxy: &Proxy, desk: &Desk, stock: &Stock, counted: &mut Counted) {
    let size = |rows: usize| rows as i32;
    let desk = &desk.publications;
    count!(counted, proxy, "PublicationService/GetPublishedIssue", desk, get_published_issue, |_| {
        pb::GetPublishedIssueRequest { name: stock.issue.clone(), ..Default::default() }
    });
    count!(counted, proxy, "PublicationService/GetPublishedArticle", desk, get_published_article, |_| {
        pb::GetPublishedArticleRequest { name: stock.articles[0].clone(), ..Default::default() }
    });
    count!(counted, proxy, "PublicationService/ListPublishedIssues", desk, list_published_issues, |rows| {
        pb::ListPublishedIssuesRequest { parent: PAPER.into(), page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "PublicationService/ListIssuesOnThisDay", desk, list_issues_on_this_day, |rows| {
        pb::ListIssuesOnThisDayRequest {
            parent: PAPER.into(),
            date: Some(date(2027, 11, 2)),
            page_size: size(rows),
            ..Default::default()
        }
    });
    count!(
        counted,
        proxy,
        "PublicationService/SearchPublishedArticles",
        desk,
        search_published_articles,
        |rows| pb::SearchPublishedArticlesRequest {
            query: "河上".into(),
            page_size: size(rows),
            ..Default::default()
        }
    );
    count!(counted, proxy, "PublicationService/ListPublications", desk, list_publications, |rows| {
        pb::ListPublicationsRequest { page_size: size(rows), ..Default::default() }
    });
}

async fn administration(proxy: &Proxy, editor: &Desk, operator: &Desk, counted: &mut Counted) {
    let size = |rows: usize| rows as i32;
    let (activity, admin) = (&editor.activity, &operator.admin);
    count!(counted, proxy, "ActivityService/ListChanges", activity, list_changes, |rows| {
        pb::ListChangesRequest { page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "AdminService/ListAccessTokens", admin, list_access_tokens, |rows| {
        pb::ListAccessTokensRequest { page_size: size(rows), ..Default::default() }
    });
    count!(counted, proxy, "AdminService/ListAuditEvents", admin, list_audit_events, |rows| {
        pb::ListAuditEventsRequest { page_size: size(rows), ..Default::default() }
    });
}

/// A save of one field with all that belongs to it, and a publication of issues with one
/// article and with many. Of these only what is in their transaction is counted: whenever
/// something is committed, the feeds look at it at once.
async fn writes(proxy: &Proxy, room: &Newsroom, reporter: &Desk, counted: &mut Counted) {
    let mut desk = reporter.articles.clone();
    let mut current = room.article("一次演练").await;
    let mut times = 0;
    let save = statements(
        || proxy.transacted(),
        async || {
            times += 1;
            current.headline = format!("第{times}次演练");
            let update = pb::UpdateArticleRequest {
                article: Some(current.clone()),
                update_mask: mask(&["headline"]),
                ..Default::default()
            };
            current = desk.update_article(update).await.expect("a save").into_inner();
        },
    );
    let save = save.await;
    counted.push(("ArticleService/UpdateArticle", [save, save]));
    let mut publisher = room.desk(Role::Publisher).await.issues;
    let mut both = [u64::MAX; 2];
    // Numbers run on after those of the stock.
    let mut number = ROWS as i32 + 1;
    for (least, rows) in both.iter_mut().zip([1, ROWS]) {
        for _ in 0..CALLS / 2 {
            number += 1;
            let mut articles = Vec::new();
            for row in 0..rows {
                articles.push(room.review(&room.article(&format!("第{number}期第{row}篇")).await).await);
            }
            let issue = room.issue(number, &articles.iter().collect::<Vec<_>>()).await;
            let issue = room.review_issue(&issue).await;
            let publish = pb::PublishIssueRequest { name: issue.name, ..Default::default() };
            let before = proxy.transacted();
            publisher.publish_issue(publish).await.expect("a publication");
            *least = (*least).min(proxy.transacted() - before);
        }
    }
    counted.push(("IssueService/PublishIssue", both));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_send_as_many_statements_for_many_rows_as_for_one() {
    let (room, proxy, stock) = open().await;
    let (editor, operator) = (room.desk(Role::Editor).await, room.desk(Role::Operator).await);
    let reporter = room.desk(Role::Reporter).await;
    let mut counted = Counted::new();
    let counted_in = &mut counted;
    articles(&proxy, &editor, &stock, counted_in).await;
    issues(&proxy, &editor, &stock, counted_in).await;
    photos(&proxy, &editor, &stock, counted_in).await;
    reporters(&proxy, &editor, counted_in).await;
    published(&proxy, &editor, &stock, counted_in).await;
    administration(&proxy, &editor, &operator, counted_in).await;
    writes(&proxy, &room, &reporter, counted_in).await;
    let as_held: Counted = STATEMENTS.iter().map(|(name, held)| (*name, [*held, *held])).collect();
    assert_eq!(counted, as_held, "counted, and held in the table");
    for (method, ..) in METHODS {
        let verb = method.split_once('/').expect("a service and a method").1;
        let is_of_many = ["BatchGet", "List", "Search"].iter().any(|kind| verb.starts_with(kind));
        let is_counted = STATEMENTS.iter().any(|(name, _)| name == method);
        assert!(!is_of_many || is_counted, "{method} is not counted");
    }
    room.close().await;
}
