//! 更正: what print owes, and how an issue settles it.

use masthead::{
    admin::Role,
    article::Content,
    import::desk::Desk,
    pb,
    photo::{self, Words},
};
use sqlx::PgConnection;
use tonic::{Code, Status};

use crate::{
    newsroom::{PAPER, article, fields, mask, reason},
    preflight::{Stage, check, code, led, page, placement},
};

type Refusal = (Code, String);

fn refusal(status: &Status) -> Refusal {
    (status.code(), reason(status))
}

fn not_owed() -> Refusal {
    (Code::FailedPrecondition, "CORRECTION_NOT_OWED".to_owned())
}

fn owe(article: &pb::Article, reason: &str) -> pb::OweCorrectionRequest {
    pb::OweCorrectionRequest { name: article.name.clone(), reason: reason.into(), ..Default::default() }
}

fn cancel(article: &pb::Article, reason: &str) -> pb::CancelOwedCorrectionRequest {
    pb::CancelOwedCorrectionRequest {
        name: article.name.clone(),
        reason: reason.into(),
        ..Default::default()
    }
}

async fn get(stage: &mut Stage, article: &pb::Article) -> pb::Article {
    let get = pb::GetArticleRequest { name: article.name.clone() };
    stage.desk.articles.get_article(get).await.expect("the article").into_inner()
}

/// A signed issue of a day in November whose pages each carry one article.
async fn issue(stage: &mut Stage, day: i32, articles: &[&pb::Article]) -> pb::Issue {
    let issue = stage.named_issue(&format!("day-{day}"), 0, (2026, 11, day), articles.len() as i32).await;
    for (article, number) in articles.iter().zip(1..) {
        stage.place(&issue, number, led(&[article])).await;
    }
    stage.sign_issue(&issue).await;
    issue
}

/// Articles on the pages of a published issue.
async fn printed(stage: &mut Stage, day: i32, count: usize) -> (pb::Issue, Vec<pb::Article>) {
    let mut articles = Vec::new();
    for _ in 0..count {
        articles.push(stage.good_article().await);
    }
    let issue = issue(stage, day, &articles.iter().collect::<Vec<_>>()).await;
    stage.room.publish(&issue).await;
    (issue, articles)
}

/// A signed article that corrects another one.
async fn correction_of(stage: &mut Stage, corrected: &pb::Article) -> pb::Article {
    stage.signed(pb::Article { corrects: corrected.name.clone(), ..article("更正") }).await
}

async fn owes(stage: &mut Stage, article: &pb::Article, reason: &str) -> pb::Article {
    stage.desk.articles.owe_correction(owe(article, reason)).await.expect("an owed correction").into_inner()
}

/// What preflight says of owed corrections: the resource of each.
async fn reminders(stage: &mut Stage, issue: &pb::Issue) -> Vec<String> {
    let answer = stage.desk.issues.check_issue(check(issue)).await.expect("findings").into_inner();
    let owed = answer.findings.into_iter().filter(|found| code(found) == "CORRECTION_OWED");
    owed.map(|found| found.resource).collect()
}

/// The kinds of the changes of a resource, oldest first.
async fn changes(past: &mut PgConnection, name: &str) -> Vec<String> {
    let sql = "select kind from changes where resource = $1 order by id";
    sqlx::query_scalar(sql).bind(name).fetch_all(past).await.expect("changes")
}

/// What is kept of an article's owed corrections, oldest first: the reason, why
/// it was cancelled, the publication that settled it.
async fn history(past: &mut PgConnection, name: &str) -> Vec<(String, Option<String>, Option<i64>)> {
    let sql = "select reason, cancel_reason, settled_by from owed_corrections
               where 'articles/' || article = $1 order by id";
    sqlx::query_as(sql).bind(name).fetch_all(past).await.expect("history")
}

#[tokio::test]
async fn preflight_reminds_until_a_later_issue_brings_the_correction() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;
    let (first, articles) = printed(&mut stage, 10, 2).await;
    let wrong = &articles[1];
    let before = get(&mut stage, wrong).await;
    let owing = owes(&mut stage, wrong, "第二段人名有误").await;
    let owed = owing.owed_correction.clone().expect("what is owed");
    assert_eq!((owed.reason.as_str(), owed.person.as_str()), ("第二段人名有误", "publisher"));
    assert_eq!((&owed.issue, &owed.page), (&first.name, &page(&first, 2)));
    assert!(owed.create_time.is_some());
    assert_ne!(owing.etag, before.etag);
    assert_eq!((owing.state(), &owing.content_digest), (before.state(), &before.content_digest));
    assert_eq!(get(&mut stage, wrong).await, owing);

    let good = stage.good_article().await;
    let earlier = issue(&mut stage, 9, &[&good]).await;
    let same_day = stage.named_issue("same-day", 0, (2026, 11, 10), 0).await;
    let next = issue(&mut stage, 11, &[&good]).await;
    for silent in [&earlier, &same_day, &first] {
        assert_eq!(reminders(&mut stage, silent).await, Vec::<String>::new());
    }
    assert_eq!(reminders(&mut stage, &next).await, [wrong.name.as_str()]);
    // It is a warning: the next issue may go out without.
    stage.room.publish(&next).await;
    assert_eq!(get(&mut stage, wrong).await.owed_correction, Some(owed));

    let correction = correction_of(&mut stage, wrong).await;
    let filler = stage.good_article().await;
    let after = issue(&mut stage, 12, &[&filler, &correction]).await;
    assert_eq!(reminders(&mut stage, &after).await, Vec::<String>::new());
    let published = stage.room.publish(&after).await;
    let settled = get(&mut stage, wrong).await;
    assert_eq!(settled.owed_correction, None);
    assert_ne!(settled.etag, owing.etag);
    let by = published.latest_publication.trim_start_matches("publications/").parse().ok();
    assert_eq!(history(&mut past, &wrong.name).await, [("第二段人名有误".to_owned(), None, by)]);
    let kinds = changes(&mut past, &wrong.name).await;
    assert_eq!(kinds[kinds.len() - 2..], ["correction_owed", "correction_settled"]);
    let late = issue(&mut stage, 13, &[&good]).await;
    assert_eq!(reminders(&mut stage, &late).await, Vec::<String>::new());
    stage.close().await;
}

#[tokio::test]
async fn a_correction_on_another_page_is_pointed_out_and_settles_all_the_same() {
    let mut stage = Stage::open().await;
    let (_, articles) = printed(&mut stage, 10, 2).await;
    owes(&mut stage, &articles[1], "配图有误").await;
    let correction = correction_of(&mut stage, &articles[1]).await;
    let issue = issue(&mut stage, 11, &[&correction]).await;
    assert_eq!(reminders(&mut stage, &issue).await, [page(&issue, 1)]);
    stage.room.publish(&issue).await;
    assert_eq!(get(&mut stage, &articles[1]).await.owed_correction, None);
    stage.close().await;
}

#[tokio::test]
async fn only_what_was_printed_in_an_issue_can_owe() {
    let mut stage = Stage::open().await;
    let draft = stage.write(article("未刊")).await;
    let online = stage.good_article().await;
    let publish = pb::PublishArticleRequest { name: online.name.clone(), ..Default::default() };
    stage.desk.articles.publish_article(publish).await.expect("a publication");
    let placed = stage.good_article().await;
    issue(&mut stage, 10, &[&placed]).await;
    for unprinted in [&draft, &online, &placed] {
        let refused =
            stage.desk.articles.owe_correction(owe(unprinted, "有误")).await.expect_err("not printed");
        assert_eq!(refusal(&refused), not_owed());
        let refused = stage
            .desk
            .articles
            .cancel_owed_correction(cancel(unprinted, "无误"))
            .await
            .expect_err("not owed");
        assert_eq!(refusal(&refused), not_owed());
    }
    stage.close().await;
}

#[tokio::test]
async fn what_was_corrected_by_itself_since_still_owes_for_its_page() {
    let mut stage = Stage::open().await;
    let (first, articles) = printed(&mut stage, 10, 1).await;
    for place in ["海口", "福清"] {
        let words = pb::Article {
            name: articles[0].name.clone(),
            etag: "*".into(),
            place: place.into(),
            ..Default::default()
        };
        let update = pb::UpdateArticleRequest { article: Some(words), ..Default::default() };
        let changed = stage.desk.articles.update_article(update).await.expect("a change").into_inner();
        stage.sign(&changed).await;
        let publish = pb::PublishArticleRequest {
            name: changed.name.clone(),
            note: "更正".into(),
            ..Default::default()
        };
        stage.desk.articles.publish_article(publish).await.expect("a correction online");
    }
    let owing = owes(&mut stage, &articles[0], "地名有误").await;
    assert_eq!(owing.owed_correction.expect("what is owed").page, page(&first, 1));
    stage.close().await;
}

#[tokio::test]
async fn a_correction_that_appears_online_only_settles_nothing() {
    let mut stage = Stage::open().await;
    let (_, articles) = printed(&mut stage, 10, 1).await;
    owes(&mut stage, &articles[0], "有误").await;
    let correction = correction_of(&mut stage, &articles[0]).await;
    let publish = pb::PublishArticleRequest { name: correction.name.clone(), ..Default::default() };
    stage.desk.articles.publish_article(publish).await.expect("a publication");
    assert!(get(&mut stage, &articles[0]).await.owed_correction.is_some());
    // In print it does, as it stands.
    let issue = issue(&mut stage, 11, &[&correction]).await;
    assert_eq!(reminders(&mut stage, &issue).await, Vec::<String>::new());
    stage.room.publish(&issue).await;
    assert_eq!(get(&mut stage, &articles[0]).await.owed_correction, None);
    stage.close().await;
}

#[tokio::test]
async fn what_is_in_print_already_does_not_correct_what_is_found_later() {
    let mut stage = Stage::open().await;
    let (_, articles) = printed(&mut stage, 10, 1).await;
    let wrong = &articles[0];
    owes(&mut stage, wrong, "人名有误").await;
    let correction = correction_of(&mut stage, wrong).await;
    let second = issue(&mut stage, 11, &[&correction]).await;
    stage.room.publish(&second).await;

    owes(&mut stage, wrong, "地名也有误").await;
    // The issue that brought the first correction is published again.
    stage.place(&second, 1, vec![placement(&correction, pb::placement::Role::PhotoStory)]).await;
    stage.sign_issue(&second).await;
    assert_eq!(reminders(&mut stage, &second).await, [wrong.name.as_str()]);
    let again =
        pb::PublishIssueRequest { name: second.name.clone(), note: "重排".into(), ..Default::default() };
    stage.desk.issues.publish_issue(again.clone()).await.expect("a correction of the issue");
    assert!(get(&mut stage, wrong).await.owed_correction.is_some());

    // Once it says more, it settles that too.
    let words = pb::Article {
        name: correction.name.clone(),
        etag: "*".into(),
        place: "海口".into(),
        ..Default::default()
    };
    let update = pb::UpdateArticleRequest { article: Some(words), ..Default::default() };
    stage.desk.articles.update_article(update).await.expect("more words");
    stage.sign(&correction).await;
    stage.desk.issues.publish_issue(again).await.expect("another correction of the issue");
    assert_eq!(get(&mut stage, wrong).await.owed_correction, None);
    stage.close().await;
}

#[tokio::test]
async fn what_is_recorded_anew_or_cancelled_stays_in_history() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;
    let (_, articles) = printed(&mut stage, 10, 1).await;
    let wrong = &articles[0];
    owes(&mut stage, wrong, "人名有误").await;
    let second = owes(&mut stage, wrong, "人名、地名有误").await;
    assert_eq!(second.owed_correction.expect("what is owed").reason, "人名、地名有误");
    let cancelled = stage.desk.articles.cancel_owed_correction(cancel(wrong, "查无此误")).await;
    let cancelled = cancelled.expect("a cancellation").into_inner();
    assert_eq!(cancelled.owed_correction, None);
    assert_eq!(get(&mut stage, wrong).await, cancelled);
    let refused =
        stage.desk.articles.cancel_owed_correction(cancel(wrong, "再次")).await.expect_err("not owed");
    assert_eq!(refusal(&refused), not_owed());
    let good = stage.good_article().await;
    let next = issue(&mut stage, 11, &[&good]).await;
    assert_eq!(reminders(&mut stage, &next).await, Vec::<String>::new());
    assert_eq!(
        history(&mut past, &wrong.name).await,
        [
            ("人名有误".to_owned(), Some("recorded anew".to_owned()), None),
            ("人名、地名有误".to_owned(), Some("查无此误".to_owned()), None),
        ]
    );
    let kinds = changes(&mut past, &wrong.name).await;
    assert_eq!(kinds[kinds.len() - 3..], ["correction_owed", "correction_owed", "correction_cancelled"]);
    stage.close().await;
}

#[tokio::test]
async fn recording_and_cancelling_need_a_reason_and_the_current_etag() {
    let mut stage = Stage::open().await;
    let (_, articles) = printed(&mut stage, 10, 1).await;
    let before = get(&mut stage, &articles[0]).await;
    let full = "误".repeat(1_000);
    for wrong in ["", " ", &format!("{full}误"), "前\0后"] {
        let refused = stage.desk.articles.owe_correction(owe(&before, wrong)).await.expect_err("no reason");
        assert_eq!(fields(&refused), ["reason"]);
        let asked = stage.desk.articles.cancel_owed_correction(cancel(&before, wrong)).await;
        assert_eq!(fields(&asked.expect_err("no reason")), ["reason"]);
    }
    let owing = owes(&mut stage, &before, &full).await;
    let stale = pb::OweCorrectionRequest { etag: before.etag.clone(), ..owe(&before, "有误") };
    let refused = stage.desk.articles.owe_correction(stale).await.expect_err("a stale etag");
    assert_eq!(refusal(&refused), (Code::Aborted, "ETAG_MISMATCH".into()));
    let stale = pb::CancelOwedCorrectionRequest { etag: before.etag, ..cancel(&owing, "无误") };
    let refused = stage.desk.articles.cancel_owed_correction(stale).await.expect_err("a stale etag");
    assert_eq!(refusal(&refused), (Code::Aborted, "ETAG_MISMATCH".into()));
    let current = pb::CancelOwedCorrectionRequest { etag: owing.etag.clone(), ..cancel(&owing, "无误") };
    stage.desk.articles.cancel_owed_correction(current).await.expect("a cancellation");
    stage.close().await;
}

#[tokio::test]
async fn only_checking_or_repeating_records_nothing_more() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;
    let (_, articles) = printed(&mut stage, 10, 1).await;
    let before = stage.room.contents().await;
    let asked = pb::OweCorrectionRequest { validate_only: true, ..owe(&articles[0], "有误") };
    let asked = stage.desk.articles.owe_correction(asked).await.expect("an answer").into_inner();
    assert_eq!(asked.owed_correction.expect("what would be owed").reason, "有误");
    assert_eq!(stage.room.contents().await, before);
    let request_id = "0192f1f0-0000-7000-8000-000000000001".to_owned();
    let request = pb::OweCorrectionRequest { request_id, ..owe(&articles[0], "有误") };
    let first = stage.desk.articles.owe_correction(request.clone()).await.expect("an answer").into_inner();
    let again = stage.desk.articles.owe_correction(request).await.expect("an answer").into_inner();
    assert_eq!(first, again);
    assert_eq!(history(&mut past, &articles[0].name).await.len(), 1);
    stage.close().await;
}

#[tokio::test]
async fn a_reader_sees_what_corrects_and_never_what_is_owed() {
    let mut stage = Stage::open().await;
    let (first, articles) = printed(&mut stage, 10, 1).await;
    owes(&mut stage, &articles[0], "有误").await;
    // Owing changes nothing of what is published.
    let again =
        pb::PublishIssueRequest { name: first.name.clone(), note: "重排".into(), ..Default::default() };
    let refused = stage.desk.issues.publish_issue(again).await.expect_err("nothing has changed");
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "ILLEGAL_MOVE".into()));
    let correction = correction_of(&mut stage, &articles[0]).await;
    // The article that owes is printed again, beside its correction.
    let second = issue(&mut stage, 11, &[&correction, &articles[0]]).await;
    let mut desk: Desk = stage.room.desk(Role::Reader).await;
    stage.room.publish(&second).await;
    let get = pb::GetPublishedIssueRequest { name: second.name, ..Default::default() };
    let issue = desk.publications.get_published_issue(get).await.expect("the issue").into_inner();
    let shown: Vec<pb::Article> = issue
        .pages
        .into_iter()
        .flat_map(|page| page.placements)
        .filter_map(|placed| placed.article)
        .collect();
    assert_eq!(shown[0].corrects, articles[0].name);
    assert!(shown.iter().all(|article| article.owed_correction.is_none()));
    stage.close().await;
}

#[tokio::test]
async fn an_article_corrects_another_one_of_its_newspaper_that_stays() {
    let mut stage = Stage::open().await;
    let newspaper = pb::Newspaper { title: "晚讯报".into(), ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(newspaper),
        newspaper_id: "evening-post".into(),
        ..Default::default()
    };
    stage.desk.newspapers.create_newspaper(create).await.expect("a newspaper");
    let foreign = pb::Article { newspaper: "newspapers/evening-post".into(), ..article("外报") };
    let foreign = stage.write(foreign).await;
    let own = stage.write(article("本报")).await;
    let deleted = stage.write(article("已删")).await;
    let delete =
        |article: &pb::Article| pb::DeleteArticleRequest { name: article.name.clone(), ..Default::default() };
    stage.desk.articles.delete_article(delete(&deleted)).await.expect("no article");
    let nowhere = "articles/00000000-0000-7000-8000-000000000000";
    for wrong in [foreign.name.as_str(), &deleted.name, nowhere, "articles/x", PAPER] {
        let wrong = pb::Article { corrects: wrong.into(), ..article("更正") };
        let create = pb::CreateArticleRequest { article: Some(wrong), ..Default::default() };
        let refused = stage.desk.articles.create_article(create).await.expect_err("no such article");
        assert_eq!(fields(&refused), ["article.corrects"]);
    }
    let pointing = |from: &pb::Article, to: &str| pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: from.name.clone(),
            etag: "*".into(),
            corrects: to.into(),
            ..Default::default()
        }),
        update_mask: mask(&["corrects"]),
        ..Default::default()
    };
    let itself = stage.desk.articles.update_article(pointing(&own, &own.name)).await.expect_err("itself");
    assert_eq!(fields(&itself), ["article.corrects"]);

    let correction = stage.write(pb::Article { corrects: own.name.clone(), ..article("更正") }).await;
    assert_eq!(correction.corrects, own.name);
    let refused = stage.desk.articles.delete_article(delete(&own)).await.expect_err("in use");
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "RESOURCE_IN_USE".into()));
    let freed = stage.desk.articles.update_article(pointing(&correction, "")).await.expect("a change");
    let freed = freed.into_inner();
    assert_eq!((freed.corrects.as_str(), freed.revision), ("", 2));
    assert_ne!(freed.content_digest, correction.content_digest);
    stage.desk.articles.delete_article(delete(&own)).await.expect("no article");
    stage.close().await;
}

#[test]
fn content_from_before_has_the_digest_that_it_was_signed_with() {
    // As computed over the JSON that was stored before these fields were.
    let article = "39ad47def51d6af71182d5c8616d4626c5809a0410c5e15ec544e14f2a6acba2";
    assert_eq!(Content::default().digest().expect("a digest").to_string(), article);
    let photo = "1900a6abf173a5a3da403c7fe7046e283eb7b71330206010b1e6916ea8aae823";
    assert_eq!(photo::content_digest(&Words::default(), None).expect("a digest").to_string(), photo);
}
