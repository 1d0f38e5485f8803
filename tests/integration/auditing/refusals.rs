//! What was refused stands in the audit too.

use futures::{StreamExt, stream};
use masthead::{
    admin::Role,
    config::{AccessSettings, ServiceSettings},
    pb,
};
use tonic::Code;

use super::{events, events_once};
use crate::{
    newsroom::{Newsroom, PAPER, upload},
    raw::Line,
};

#[tokio::test]
async fn every_kind_of_refused_mutation_leaves_a_row() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let article = newsroom.article("开渔").await;
    let nowhere = "articles/00000000-0000-7000-8000-000000000000";
    let mut stranger = crate::credentials::desk(&newsroom.address(), "masthead_no-such-token").await;
    let mut other = newsroom.desk_of("外人", Role::Reporter).await;
    let mut editor = newsroom.desk_of("编辑", Role::Editor).await;
    let update = |name: &str, etag: &str| pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: name.into(),
            etag: etag.into(),
            headline: "改".into(),
            body: vec![crate::newsroom::paragraph("改")],
            ..Default::default()
        }),
        ..Default::default()
    };
    let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
    stranger.articles.publish_article(publish.clone()).await.expect_err("no credential");
    editor.articles.publish_article(publish).await.expect_err("no publisher");
    other.articles.update_article(update(&article.name, "*")).await.expect_err("not their own");
    editor.articles.update_article(update(&article.name, "\"99\"")).await.expect_err("stale");
    editor.articles.update_article(update(nowhere, "*")).await.expect_err("nothing there");
    editor.articles.update_article(update(&article.name, "")).await.expect_err("no etag");
    let ret = pb::ReviewArticleRequest {
        name: article.name.clone(),
        etag: "*".into(),
        stage: 3,
        ..Default::default()
    };
    editor.articles.review_article(ret).await.expect_err("not the next stage");
    let photo = pb::CreatePhotoRequest::default();
    let photo = editor.photos.create_photo(photo).await.expect("a photo").into_inner().name;
    editor.photos.upload_photo(upload(&photo, b"no picture".to_vec())).await.expect_err("no picture");
    // A refused read is none of it.
    let get = pb::GetArticleRequest { name: nowhere.into() };
    editor.articles.get_article(get).await.expect_err("nothing there");

    let rows = events_once(&newsroom, "code != OK", 8).await;
    let rows: Vec<_> = rows.iter().rev().collect();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            assert_eq!((row.peer.as_str(), row.call_id.len()), ("127.0.0.1", 36), "{row:?}");
            let parts = [&row.person, &row.method, &row.resource, &row.code, &row.reason];
            parts.map(String::as_str)
        })
        .collect();
    let name = article.name.as_str();
    let expected = [
        ["", "PublishArticle", "", "UNAUTHENTICATED", "UNAUTHENTICATED"],
        ["编辑", "PublishArticle", "", "PERMISSION_DENIED", "ROLE_NOT_ALLOWED"],
        ["外人", "UpdateArticle", name, "PERMISSION_DENIED", "NOT_OWN_WORK"],
        ["编辑", "UpdateArticle", name, "ABORTED", "ETAG_MISMATCH"],
        ["编辑", "UpdateArticle", nowhere, "NOT_FOUND", "RESOURCE_NOT_FOUND"],
        ["编辑", "UpdateArticle", name, "INVALID_ARGUMENT", "INVALID_FIELD"],
        ["编辑", "ReviewArticle", name, "FAILED_PRECONDITION", "WRONG_REVIEW_STAGE"],
        ["编辑", "UploadPhoto", &photo, "INVALID_ARGUMENT", "INVALID_PHOTO_FILE"],
    ];
    assert_eq!(seen, expected);
    newsroom.close().await;
}

#[tokio::test]
async fn a_flood_of_refused_calls_is_in_the_audit_to_the_last_one_when_the_server_has_stopped() {
    const CALLS: usize = 5_000;
    // Within what one person may ask: of what is past it, not every call is written down.
    let access = AccessSettings { requests_burst_max: CALLS as u32 + 100, ..AccessSettings::default() };
    let newsroom = Newsroom::with_settings(ServiceSettings { access, ..Default::default() }).await;
    newsroom.newspaper(1).await;
    let reader = Line::of(&newsroom, "leser", Role::Reader).await;
    let calls = stream::iter(0..CALLS).map(|_| reader.send("IssueService/PublishIssue", vec![Vec::new()]));
    let codes: Vec<Code> =
        calls.buffer_unordered(64).map(|answer| answer.expect_err("a refusal").code()).collect().await;
    assert!(codes.iter().all(|code| *code == Code::PermissionDenied));
    // Others are served meanwhile and afterwards.
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    newsroom.desk(Role::Editor).await.newspapers.get_newspaper(get).await.expect("an answer");
    let newsroom = newsroom.closed_while(async {}).await;
    let mut connection = newsroom.database.connect().await;
    let sql = "select count(*) from audit_events where person = 'leser' and method = 'PublishIssue' and code <> 'OK'";
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a count");
    assert_eq!(rows, CALLS as i64);
    newsroom.close().await;
}

#[tokio::test]
async fn whoever_asks_too_often_cannot_fill_the_audit() {
    const CALLS: usize = 1_000;
    let access =
        AccessSettings { requests_per_second_max: 1, requests_burst_max: 1, ..AccessSettings::default() };
    let newsroom = Newsroom::with_settings(ServiceSettings { access, ..Default::default() }).await;
    let line = Line::of(&newsroom, "甲", Role::Publisher).await;
    let other = Line::of(&newsroom, "乙", Role::Publisher).await;
    let begun = std::time::Instant::now();
    let calls = stream::iter(0..CALLS).map(|_| line.send("IssueService/PublishIssue", vec![Vec::new()]));
    let codes: Vec<Code> =
        calls.buffer_unordered(64).map(|answer| answer.expect_err("a refusal").code()).collect().await;
    let seconds = begun.elapsed().as_secs() as usize + 2;
    let too_many = codes.iter().filter(|code| **code == Code::ResourceExhausted).count();
    assert!(too_many > CALLS / 2, "{too_many} calls were too many");
    // Of others each has their own.
    for _ in 0..2 {
        other.send("IssueService/PublishIssue", vec![Vec::new()]).await.expect_err("nothing is in it");
    }
    let newsroom = newsroom.closed_while(async {}).await;
    let mut connection = newsroom.database.connect().await;
    let mut rows_of = async |person: &str| -> usize {
        let sql = "select count(*) from audit_events where code = 'RESOURCE_EXHAUSTED' and person = $1";
        let rows = sqlx::query_scalar::<_, i64>(sql).bind(person).fetch_one(&mut connection).await;
        rows.expect("a count") as usize
    };
    let rows = rows_of("甲").await;
    let max = seconds * masthead::config::AUDIT_EXHAUSTED_PER_PERSON_PER_SECOND as usize;
    assert!((1..=max.min(too_many - 1)).contains(&rows), "{rows} rows of {too_many} in {seconds} s");
    assert_eq!(rows_of("乙").await, 1);
    newsroom.close().await;
}

#[tokio::test]
async fn strangers_cannot_fill_the_audit() {
    let newsroom = Newsroom::open().await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    let begun = std::time::Instant::now();
    let calls = stream::iter(0..2_000).map(|_| stranger.send("IssueService/PublishIssue", vec![Vec::new()]));
    let refused =
        calls.buffer_unordered(64).filter(|answer| std::future::ready(answer.is_err())).count().await;
    assert_eq!(refused, 2_000);
    let seconds = begun.elapsed().as_secs() as usize + 2;
    let newsroom = newsroom.closed_while(async {}).await;
    let rows = events(&newsroom, "code = UNAUTHENTICATED", "").await.len();
    let max = seconds * masthead::config::AUDIT_STRANGERS_PER_SECOND as usize;
    assert!((100..=max.min(500)).contains(&rows), "{rows} rows in {seconds} s");
    newsroom.close().await;
}
