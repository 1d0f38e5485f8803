//! The answer as a whole, and what it stands for when it comes to publishing.

use masthead::pb;
use sqlx::Connection;
use tonic::Code;

use super::{Stage, check, code, is_error, led, placement};
use crate::newsroom::{PAPER, article, codes, mask, reason};

#[tokio::test]
async fn a_clean_issue_has_no_findings_and_is_published() {
    let mut stage = Stage::open().await;
    let lead = stage.good_article().await;
    let second = stage.good_article().await;
    let issue = stage.issue_of(&[&lead, &second]).await;
    let answer = stage.ask(check(&issue)).await;
    let clean = pb::CheckIssueResponse { publishable: true, ..Default::default() };
    assert_eq!(answer, clean);
    stage.room.publish(&issue).await;
    stage.close().await;
}

#[tokio::test]
async fn checking_leaves_nothing_and_waits_for_nobody() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let issue = stage.issue_of(&[&good]).await;
    let before = stage.room.contents().await;
    // Someone who works on all of it at this moment.
    let mut past = stage.connect().await;
    let mut busy = past.begin().await.expect("a transaction");
    for table in ["newspapers", "issues", "pages", "articles", "placements"] {
        let sql = sqlx::AssertSqlSafe(format!("select from {table} for update"));
        sqlx::query(sql).execute(&mut *busy).await.expect("a lock");
    }
    let patience = std::time::Duration::from_secs(20);
    let answer = tokio::time::timeout(patience, stage.ask(check(&issue))).await.expect("no waiting");
    assert!(answer.publishable);
    busy.rollback().await.expect("an end");
    assert_eq!(stage.room.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn errors_come_before_warnings_and_each_says_what_it_is() {
    let mut stage = Stage::open().await;
    let draft = stage.write(article("认真学习 and 落实会议精神")).await;
    let issue = stage.empty_issue(2).await;
    stage.place(&issue, 1, vec![placement(&draft, pb::placement::Role::Brief)]).await;
    let answer = stage.ask(check(&issue)).await;
    let found: Vec<(String, bool, bool)> =
        answer.findings.iter().map(|found| (code(found), is_error(found), found.waivable)).collect();
    let expected = [
        ("NOT_REVIEWED", true, false),
        ("PAGE_COUNT", true, true),
        ("ARTICLE_NOT_REVIEWED", true, false),
        ("PAGE_WITHOUT_LEAD", false, false),
        ("COPY", false, false),
    ];
    assert_eq!(found, expected.map(|(code, error, waivable)| (code.to_owned(), error, waivable)));
    assert_eq!(answer.total_size, 5);
    assert!(!answer.publishable);
    stage.close().await;
}

#[tokio::test]
async fn the_findings_of_a_hopeless_issue_are_cut_but_counted() {
    let mut stage = Stage::open().await;
    let body = (0..30).map(|_| crate::newsroom::paragraph("认真学习 and 落实会议精神。")).collect();
    let faulty = stage.write(pb::Article { body, ..article("头条") }).await;
    let mut articles = vec![faulty.clone()];
    for _ in 0..60 {
        articles.push(stage.write(faulty.clone()).await);
    }
    let issue = stage.issue_of(&articles.iter().collect::<Vec<_>>()).await;
    let answer = stage.ask(check(&issue)).await;
    // Not signed, and at most 20 faults each.
    assert_eq!((answer.total_size, answer.findings.len()), (61 * 21, 1_000));
    assert_eq!(answer.findings.iter().filter(|found| is_error(found)).count(), 61, "all errors");
    stage.close().await;
}

/// An issue that fails every check that can be waived, and no other.
async fn lax_issue(stage: &mut Stage) -> pb::Issue {
    let good = stage.good_article().await;
    let first = stage.named_issue("1", 1, super::DAY, 1).await;
    stage.place(&first, 1, led(&[&good])).await;
    stage.sign_issue(&first).await;
    stage.room.publish(&first).await;
    let newspaper = pb::Newspaper { name: PAPER.into(), etag: "*".into(), ..Default::default() };
    let update = pb::UpdateNewspaperRequest {
        newspaper: Some(newspaper),
        update_mask: mask(&["price_note"]),
        ..Default::default()
    };
    stage.desk.newspapers.update_newspaper(update).await.expect("no price note");
    let issue = stage.named_issue("3", 3, super::DAY, 4).await;
    stage.place(&issue, 1, led(&[&good])).await;
    stage.sign_issue(&issue).await;
    issue
}

#[tokio::test]
async fn what_is_waived_is_told_and_stands_in_publication_and_audit() {
    let mut stage = Stage::open().await;
    let issue = lax_issue(&mut stage).await;
    let all = ["PAGE_COUNT", "PRICE_NOTE", "RUNNING_NUMBER"];
    for waived in [&all[..0], &all[..1], &all[1..], &all[..]] {
        let acknowledge: Vec<String> = waived.iter().map(|code| (*code).to_owned()).collect();
        let asked = pb::CheckIssueRequest { acknowledge: acknowledge.clone(), ..check(&issue) };
        let answer = stage.ask(asked).await;
        let mut told: Vec<(String, bool)> =
            answer.findings.iter().map(|found| (code(found), found.waived)).collect();
        told.sort();
        assert_eq!(told, all.map(|code| (code.to_owned(), waived.contains(&code))));
        let order = pb::PublishIssueRequest {
            name: issue.name.clone(),
            acknowledge,
            validate_only: true,
            ..Default::default()
        };
        let published = stage.desk.issues.publish_issue(order).await;
        assert_eq!(answer.publishable, published.is_ok());
        assert_eq!(answer.publishable, waived.len() == all.len());
    }

    let acknowledge = all.iter().rev().chain(&all[..1]).map(|code| (*code).to_owned()).collect();
    let order = pb::PublishIssueRequest { name: issue.name.clone(), acknowledge, ..Default::default() };
    let published = stage.desk.issues.publish_issue(order).await.expect("a publication").into_inner();
    let get = pb::GetPublicationRequest { name: published.latest_publication };
    let entry = stage.desk.publications.get_publication(get).await.expect("an entry").into_inner();
    assert_eq!(entry.acknowledged, all);
    let sql = "select waived from audit_events where method = 'PublishIssue' and resource = $1";
    let mut past = stage.connect().await;
    let waived: Vec<Vec<String>> =
        sqlx::query_scalar(sql).bind(&issue.name).fetch_all(&mut past).await.expect("the audit");
    assert_eq!(waived, [all.map(str::to_owned)]);
    let sql = "select count(*) from audit_events where method <> 'PublishIssue' and waived <> '{}'";
    let others: i64 = sqlx::query_scalar(sql).fetch_one(&mut past).await.expect("the audit");
    assert_eq!(others, 0);
    stage.close().await;
}

#[tokio::test]
async fn a_waiver_of_what_did_not_fail_is_not_recorded() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let issue = stage.issue_of(&[&good]).await;
    let acknowledge = vec!["PAGE_COUNT".to_owned()];
    let order = pb::PublishIssueRequest { name: issue.name, acknowledge, ..Default::default() };
    stage.desk.issues.publish_issue(order).await.expect("a publication");
    let mut past = stage.connect().await;
    let sql = "select count(*) from audit_events where waived <> '{}'";
    let waived: i64 = sqlx::query_scalar(sql).fetch_one(&mut past).await.expect("the audit");
    assert_eq!(waived, 0);
    stage.close().await;
}

#[tokio::test]
async fn a_check_made_before_proves_nothing_when_it_comes_to_publishing() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let issue = stage.issue_of(&[&good]).await;
    assert!(stage.ask(check(&issue)).await.publishable);
    let words =
        pb::Article {
            name: good.name.clone(), etag: "*".into(), place: "海口".into(), ..Default::default()
        };
    let update = pb::UpdateArticleRequest { article: Some(words), ..Default::default() };
    stage.desk.articles.update_article(update).await.expect("a change");
    let order = pb::PublishIssueRequest { name: issue.name, ..Default::default() };
    let refused = stage.desk.issues.publish_issue(order).await.expect_err("a changed article");
    assert_eq!(codes(&refused), ["ARTICLE_NOT_REVIEWED"]);
    stage.close().await;
}

#[tokio::test]
async fn a_correction_is_checked_with_its_note() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let issue = stage.issue_of(&[&good]).await;
    stage.room.publish(&issue).await;
    let noted = pb::CheckIssueRequest { note: "更正".into(), ..check(&issue) };
    assert!(stage.ask(noted).await.publishable);
    let bare = stage.ask(check(&issue)).await;
    assert_eq!(bare.findings.iter().map(code).collect::<Vec<_>>(), ["CORRECTION_NOTE"]);
    stage.close().await;
}

#[tokio::test]
async fn what_is_not_there_or_deleted_is_not_checked() {
    let mut stage = Stage::open().await;
    let missing = pb::CheckIssueRequest { name: format!("{PAPER}/issues/none"), ..Default::default() };
    let refused = stage.desk.issues.check_issue(missing).await.expect_err("no issue");
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    let issue = stage.empty_issue(1).await;
    let delete = pb::DeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    stage.desk.issues.delete_issue(delete).await.expect("no issue");
    let refused = stage.desk.issues.check_issue(check(&issue)).await.expect_err("a deleted issue");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "RESOURCE_DELETED".into()));
    stage.close().await;
}
