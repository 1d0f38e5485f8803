//! Which revisions are kept.

use masthead::{admin::Role, config::DataSettings, import::desk::Desk, installation::Installation, pb};
use sqlx::ConnectOptions;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{retitle, revision_name, save_by, sign};
use crate::newsroom::{Database, Newsroom, reason};

/// The numbers of the revisions that are kept, oldest first, listed page by page.
async fn kept(desk: &mut Desk, article: &pb::Article) -> Vec<i64> {
    let (mut numbers, mut page_token) = (Vec::new(), String::new());
    loop {
        let parent = article.name.clone();
        let list = pb::ListArticleRevisionsRequest { parent, page_size: 2, page_token };
        let page = desk.articles.list_article_revisions(list).await.expect("a page").into_inner();
        let snapshots = page.article_revisions.into_iter().filter_map(|revision| revision.snapshot);
        numbers.extend(snapshots.map(|snapshot| snapshot.revision));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            numbers.reverse();
            return numbers;
        }
    }
}

async fn get(desk: &mut Desk, article: &pb::Article, number: i64) -> Result<pb::ArticleRevision, Status> {
    let get = pb::GetArticleRevisionRequest { name: revision_name(article, number) };
    desk.articles.get_article_revision(get).await.map(tonic::Response::into_inner)
}

/// Saves an article until it has so many revisions.
async fn save_until(room: &Newsroom, article: &pb::Article, revisions: i64) -> pb::Article {
    let mut saved = article.clone();
    while saved.revision < revisions {
        saved = retitle(room, &saved, &format!("第{}稿", saved.revision + 1)).await;
    }
    saved
}

#[tokio::test]
async fn of_revisions_that_nobody_has_signed_the_newest_are_kept() {
    let room = Newsroom::keeping_revisions(3).await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let article = room.article("第一稿").await;
    let other = save_until(&room, &room.article("另一篇").await, 3).await;
    for (revisions, expected) in [(3, vec![1, 2, 3]), (4, vec![2, 3, 4]), (8, vec![6, 7, 8])] {
        save_until(&room, &article, revisions).await;
        assert_eq!(kept(&mut reporter, &article).await, expected);
    }
    assert_eq!(kept(&mut reporter, &other).await, [1, 2, 3], "each article has its own");

    let gone = get(&mut reporter, &article, 5).await.expect_err("not kept");
    assert_eq!((gone.code(), reason(&gone)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    assert!(gone.message().contains("not kept any more"), "{gone:?}");
    let details = gone.get_error_details();
    assert_eq!(details.resource_info().expect("what").resource_name, revision_name(&article, 5));
    let never = get(&mut reporter, &article, 9).await.expect_err("not yet");
    assert!(never.message().contains("does not exist"), "{never:?}");
    for number in 6..=8 {
        get(&mut reporter, &article, number).await.expect("a kept revision");
    }
    room.close().await;
}

#[tokio::test]
async fn a_signed_revision_is_kept_whether_its_sign_off_is_void_or_not() {
    let room = Newsroom::keeping_revisions(2).await;
    room.newspaper(2).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let first = room.article("第一稿").await;
    sign(&room, "editor", &first, 1).await;
    let third = save_until(&room, &first, 3).await;
    let third = sign(&room, "editor", &third, 1).await;
    sign(&room, "second-editor", &third, 2).await;
    let fifth = save_until(&room, &third, 5).await;
    // A return is no sign-off.
    let send_back =
        pb::ReturnArticleRequest { name: first.name.clone(), reason: "太长".into(), ..Default::default() };
    let mut editor = room.desk(Role::Editor).await;
    editor.articles.return_article(send_back).await.expect("a return");
    let eighth = save_until(&room, &fifth, 8).await;
    assert_eq!(kept(&mut reporter, &first).await, [1, 3, 7, 8]);

    // The one before is the one before that is kept.
    let name = first.name.clone();
    let compare = |revision, since_my_review| pb::CompareArticleRevisionsRequest {
        name: name.clone(),
        revision,
        since_my_review,
        ..Default::default()
    };
    for (request, base) in [(compare(7, false), 3), (compare(3, false), 1), (compare(0, true), 3)] {
        let diff = editor.articles.compare_article_revisions(request).await.expect("it").into_inner();
        assert_eq!(diff.base_revision, revision_name(&first, base));
    }
    let gone = editor.articles.compare_article_revisions(compare(2, false)).await.expect_err("gone");
    assert!(gone.message().contains("not kept any more"), "{gone:?}");
    let rollback = |revision| pb::RollbackArticleRequest {
        name: name.clone(),
        revision,
        etag: eighth.etag.clone(),
        ..Default::default()
    };
    let gone = reporter.articles.rollback_article(rollback(5)).await.expect_err("gone");
    assert_eq!((gone.code(), reason(&gone)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    let back = reporter.articles.rollback_article(rollback(1)).await.expect("a rollback").into_inner();
    assert_eq!((back.revision, back.headline.as_str()), (9, "第一稿"));
    assert_eq!(kept(&mut reporter, &first).await, [1, 3, 8, 9]);
    room.close().await;
}

#[tokio::test]
async fn equal_content_in_other_revisions_is_not_what_was_signed() {
    let room = Newsroom::keeping_revisions(1).await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let mut article = room.article("甲").await;
    sign(&room, "editor", &article, 1).await;
    for headline in ["乙", "甲", "乙", "甲", "乙"] {
        article = retitle(&room, &article, headline).await;
    }
    assert_eq!(kept(&mut reporter, &article).await, [1, 6]);
    room.close().await;
}

#[tokio::test]
async fn the_newest_revision_is_always_kept_and_an_idle_save_forgets_none() {
    let room = Newsroom::keeping_revisions(1).await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let article = save_until(&room, &room.article("第一稿").await, 4).await;
    assert_eq!(kept(&mut reporter, &article).await, [4]);
    let before = room.contents().await;
    save_by(&mut reporter, article, &["headline"]).await;
    assert_eq!(room.contents().await, before);
    room.close().await;
}

#[tokio::test]
async fn how_many_are_kept_is_a_setting_of_the_server() {
    let database = Database::create().await;
    let folder = TempDir::new().expect("a folder");
    let settings = DataSettings {
        photo_store: None,
        data_dir: Some(folder.path().to_owned()),
        database_url: Some(database.options().to_url_lossy().to_string()),
        database: masthead::config::DatabaseSettings::with_connections(8),
        revisions_kept: 2,
    };
    let installation = Installation::open(&settings).await.expect("an installation");
    installation.prepare(false).await.expect("a schema");
    let room = Newsroom::serving(database, installation.db.clone()).await;
    room.newspaper(1).await;
    let article = save_until(&room, &room.article("第一稿").await, 4).await;
    assert_eq!(kept(&mut room.desk(Role::Reporter).await, &article).await, [3, 4]);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_revisions_are_forgotten_with_one_save() {
    const SAVED: i64 = 12_000;
    let room = Newsroom::keeping_revisions(3).await;
    room.newspaper(1).await;
    let article = room.article("一次演练").await;
    let mut beside = room.database.connect().await;
    // As after more was kept, with what Postgres knew of the table when it was small.
    let id = article.name.trim_start_matches("articles/");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "analyze article_revisions, reviews, publication_articles;
         insert into article_revisions (article, revision, content, content_digest, author, create_time)
         select article, n, content, content_digest, author, create_time
         from article_revisions, generate_series(2, {SAVED}) n where article = '{id}';
         update articles set revision = {SAVED} where id = '{id}'"
    )))
    .execute(&mut beside)
    .await
    .expect("the revisions");
    assert_eq!(retitle(&room, &article, "最后一稿").await.revision, SAVED + 1);
    let kept: Vec<i64> = sqlx::query_scalar("select revision from article_revisions order by revision")
        .fetch_all(&mut beside)
        .await
        .expect("the revisions");
    assert_eq!(kept, [SAVED - 1, SAVED, SAVED + 1]);
    room.close().await;
}
