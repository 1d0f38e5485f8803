//! Readers find what is published, and only that.

use masthead::{admin::Role, pb};

use super::Stage;
use crate::newsroom::{date, fields, mask};

async fn ask(
    stage: &Stage,
    request: pb::SearchPublishedArticlesRequest,
) -> Result<pb::SearchPublishedArticlesResponse, tonic::Status> {
    let mut reader = stage.room.desk(Role::Reader).await;
    Ok(reader.publications.search_published_articles(request).await?.into_inner())
}

fn words(query: &str) -> pb::SearchPublishedArticlesRequest {
    pb::SearchPublishedArticlesRequest { query: query.into(), ..Default::default() }
}

async fn finds(stage: &Stage, request: pb::SearchPublishedArticlesRequest) -> Vec<String> {
    let answer = ask(stage, request).await.expect("results");
    assert_eq!(answer.total_size as usize, answer.results.len());
    answer.results.into_iter().map(|result| result.article.expect("an article").headline).collect()
}

#[tokio::test]
async fn readers_find_what_was_published_until_it_is_withdrawn() {
    let mut stage = Stage::open().await;
    let draft = stage.headed("龙舟开赛").await;
    assert_eq!(finds(&stage, words("龙舟")).await, Vec::<String>::new());
    let reviewed = stage.room.review(&draft).await;
    assert_eq!(finds(&stage, words("龙舟")).await, Vec::<String>::new());
    let issue = stage.room.issue(4150, &[&reviewed]).await;
    let issue = stage.room.review_issue(&issue).await;
    let issue = stage.room.publish(&issue).await;
    let answer = ask(&stage, words("龙舟")).await.expect("results");
    let found = answer.results[0].article.clone().expect("an article");
    assert_eq!((found.name.as_str(), found.headline.as_str()), (draft.name.as_str(), "龙舟开赛"));
    assert_eq!(found.page, format!("{}/pages/1", issue.name));
    assert_eq!(found.publication, issue.latest_publication);
    assert_eq!(found.day, issue.publish_date);
    assert_eq!(answer.results[0].snippets[0].field, "headline");
    // The working copy moves on, and readers keep what is published.
    let update = pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: draft.name.clone(),
            headline: "灯会开幕".into(),
            etag: "*".into(),
            ..Default::default()
        }),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    stage.editor.articles.update_article(update).await.expect("an update");
    assert_eq!(finds(&stage, words("龙舟")).await, ["龙舟开赛"]);
    assert_eq!(finds(&stage, words("灯会")).await, Vec::<String>::new());
    assert_eq!(stage.finds("灯会").await, ["灯会开幕"]);
    let withdraw =
        pb::WithdrawIssueRequest { name: issue.name, reason: "有误".into(), ..Default::default() };
    let mut publisher = stage.room.desk(Role::Publisher).await;
    publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    assert_eq!(finds(&stage, words("龙舟")).await, Vec::<String>::new());
    stage.close().await;
}

#[tokio::test]
async fn an_article_that_stands_in_an_earlier_issue_too_is_found_as_it_stands_there() {
    let mut stage = Stage::open().await;
    let first = stage.headed("龙舟开赛").await;
    let first = stage.room.review(&first).await;
    let issue = stage.room.issue(1, &[&first]).await;
    let issue = stage.room.review_issue(&issue).await;
    stage.room.publish(&issue).await;
    let update = pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: first.name.clone(),
            headline: "龙舟收桨".into(),
            etag: "*".into(),
            ..Default::default()
        }),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    let second = stage.editor.articles.update_article(update).await.expect("an update").into_inner();
    let second = stage.room.review(&second).await;
    let issue = stage.room.issue(2, &[&second]).await;
    let issue = stage.room.review_issue(&issue).await;
    let issue = stage.room.publish(&issue).await;
    assert_eq!(finds(&stage, words("龙舟")).await, ["龙舟收桨"]);
    let withdraw =
        pb::WithdrawIssueRequest { name: issue.name, reason: "有误".into(), ..Default::default() };
    let mut publisher = stage.room.desk(Role::Publisher).await;
    publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    assert_eq!(finds(&stage, words("龙舟")).await, ["龙舟开赛"]);
    stage.close().await;
}

#[tokio::test]
async fn readers_choose_newspaper_and_days() {
    let mut stage = Stage::open().await;
    for (number, headline) in [(1, "龙舟一"), (2, "龙舟二")] {
        let article = stage.headed(headline).await;
        let article = stage.room.review(&article).await;
        let issue = stage.room.issue(number, &[&article]).await;
        let issue = stage.room.review_issue(&issue).await;
        stage.room.publish(&issue).await;
    }
    let all = ask(&stage, words("龙舟")).await.expect("results").results;
    let [newest, oldest] = &all[..] else { panic!("{all:?}") };
    let day = |result: &pb::search_published_articles_response::Result| {
        result.article.as_ref().and_then(|article| article.day)
    };
    let (new, old) = (day(newest), day(oldest));
    let newspaper = newest.article.clone().expect("an article").newspaper;
    let from = pb::SearchPublishedArticlesRequest { from_date: new, ..words("龙舟") };
    let until = pb::SearchPublishedArticlesRequest { until_date: old, ..words("龙舟") };
    if new == old {
        assert_eq!((finds(&stage, from).await.len(), finds(&stage, until).await.len()), (2, 2));
    } else {
        assert_eq!(finds(&stage, from).await, ["龙舟二"]);
        assert_eq!(finds(&stage, until).await, ["龙舟一"]);
    }
    let before = pb::SearchPublishedArticlesRequest { until_date: Some(date(1999, 1, 1)), ..words("龙舟") };
    assert_eq!(finds(&stage, before).await, Vec::<String>::new());
    for (newspaper, count) in [(newspaper, 2), ("newspapers/other".into(), 0)] {
        let of = pb::SearchPublishedArticlesRequest { newspaper, ..words("龙舟") };
        assert_eq!(finds(&stage, of).await.len(), count);
    }
    let wrong = pb::SearchPublishedArticlesRequest {
        from_date: Some(date(2026, 2, 1)),
        until_date: Some(date(2026, 1, 1)),
        newspaper: "articles/1".into(),
        ..words("\"")
    };
    let refused = ask(&stage, wrong).await.expect_err("a refusal");
    assert_eq!(fields(&refused), ["newspaper", "until_date", "query"]);
    stage.close().await;
}
