//! Published issues by number, and from one to the next.

use futures::TryStreamExt;
use masthead::pb;
use tonic::{Code, Status};

use super::{EVENING, Press};
use crate::newsroom::{PAPER, date, mask, reason};

fn not_published(answer: Result<impl std::fmt::Debug, Status>) {
    let refused = answer.expect_err("not published");
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "NOT_PUBLISHED".to_owned()));
}

#[tokio::test]
async fn an_issue_is_found_by_its_number_and_whole_or_in_parts() {
    let mut press = Press::open().await;
    press.print(PAPER, "4150", 4150, (2023, 4, 21)).await;
    press.print(PAPER, "quake", 0, (2023, 4, 22)).await;
    press.print(EVENING, "4151", 4151, (2023, 4, 22)).await;
    press.draft(PAPER, "4151", 4151, (2023, 4, 22)).await;
    assert_eq!(press.by_number(PAPER, 4150, None).await.expect("an issue"), "4150");
    assert_eq!(press.by_number(PAPER, 4150, Some((2023, 4, 21))).await.expect("an issue"), "4150");
    assert_eq!(press.by_number(EVENING, 4151, None).await.expect("an issue"), "4151");
    not_published(press.by_number(PAPER, 4151, None).await);
    not_published(press.by_number(PAPER, 4150, Some((2023, 4, 22))).await);
    not_published(press.by_number(EVENING, 4150, None).await);

    let get = pb::GetPublishedIssueRequest { newspaper: PAPER.into(), number: 4150, ..Default::default() };
    let whole = press.reader.publications.get_published_issue(get).await.expect("an issue").into_inner();
    let stream =
        pb::StreamPublishedIssueRequest { newspaper: PAPER.into(), number: 4150, ..Default::default() };
    let parts = press.reader.publications.stream_published_issue(stream).await.expect("parts").into_inner();
    let parts: Vec<pb::PublishedIssue> = parts.try_collect().await.expect("parts");
    let bytes: Vec<u8> = parts.iter().flat_map(prost::Message::encode_to_vec).collect();
    assert_eq!(prost::Message::encode_to_vec(&whole), bytes);
    press.close().await;
}

#[tokio::test]
async fn of_several_with_one_number_the_one_so_named_comes_first_then_the_latest() {
    let mut press = Press::open().await;
    press.print(PAPER, "150", 150, (2023, 4, 1)).await;
    press.print(PAPER, "150-extra", 150, (2023, 4, 2)).await;
    assert_eq!(press.by_number(PAPER, 150, None).await.expect("an issue"), "150");
    assert_eq!(press.by_number(PAPER, 150, Some((2023, 4, 2))).await.expect("an issue"), "150-extra");

    // Published in another order than that of their days.
    press.print(PAPER, "again-c", 151, (2023, 4, 5)).await;
    press.print(PAPER, "again-b", 151, (2023, 4, 5)).await;
    press.print(PAPER, "again-a", 151, (2023, 4, 4)).await;
    assert_eq!(press.by_number(PAPER, 151, None).await.expect("an issue"), "again-b");
    assert_eq!(press.by_number(PAPER, 151, Some((2023, 4, 4))).await.expect("an issue"), "again-a");
    press.close().await;
}

#[tokio::test]
async fn an_issue_that_was_renumbered_is_found_by_its_new_number() {
    let mut press = Press::open().await;
    let name = press.print(PAPER, "152", 152, (2023, 4, 1)).await;
    press.print(PAPER, "154", 154, (2023, 4, 3)).await;
    let issue = pb::Issue {
        name: name.clone(),
        etag: "*".into(),
        number: 153,
        publish_date: Some(date(2023, 4, 4)),
        ..Default::default()
    };
    let update = pb::UpdateIssueRequest {
        issue: Some(issue),
        update_mask: mask(&["number", "publish_date"]),
        ..Default::default()
    };
    press.reporter.issues.update_issue(update).await.expect("an issue");
    assert_eq!(press.by_number(PAPER, 152, None).await.expect("as published"), "152");
    assert_eq!(press.all(PAPER).await, ["152", "154"]);
    press.send_out(&name, "期号有误").await;
    not_published(press.by_number(PAPER, 152, None).await);
    assert_eq!(press.by_number(PAPER, 153, None).await.expect("an issue"), "152");
    assert_eq!(press.all(PAPER).await, ["154", "152"], "it moved to its new day");
    assert_eq!(press.on_this_day(PAPER, (0, 4, 4), 0).await, ["152"]);
    assert!(press.on_this_day(PAPER, (0, 4, 1), 0).await.is_empty());
    press.close().await;
}

#[tokio::test]
async fn neighbours_lead_through_all_issues_and_back() {
    let mut press = Press::open().await;
    for (id, number, day) in [
        ("10", 10, (2023, 12, 30)),
        ("11", 11, (2023, 12, 31)),
        ("12", 12, (2023, 12, 31)),
        ("storm-2", 0, (2023, 12, 31)),
        ("storm-1", 0, (2023, 12, 31)),
        ("13", 13, (2024, 1, 1)),
    ] {
        press.print(PAPER, id, number, day).await;
    }
    press.print(EVENING, "5", 5, (2023, 12, 31)).await;
    let draft = press.draft(PAPER, "14", 14, (2024, 1, 2)).await;
    let expected = ["", "10", "11", "12", "storm-1", "storm-2", "13", ""];
    assert_eq!(press.all(PAPER).await, expected[1..7]);
    for three in expected.windows(3) {
        let found = press.neighbours(&format!("{PAPER}/issues/{}", three[1])).await.expect("neighbours");
        assert_eq!(found, (three[0].to_owned(), three[2].to_owned()), "of {}", three[1]);
    }
    let alone = press.neighbours(&format!("{EVENING}/issues/5")).await.expect("neighbours");
    assert_eq!(alone, (String::new(), String::new()));
    for name in [draft, format!("{PAPER}/issues/99"), format!("{EVENING}/issues/10")] {
        not_published(press.neighbours(&name).await);
    }
    press.close().await;
}
