//! Published issues by days, in either order.

use masthead::pb;
use tonic::Code;

use super::{Day, EVENING, Press};
use crate::newsroom::{PAPER, date, fields, reason};

/// Five issues of the morning paper in their order, three of one day; and one of
/// the evening paper of that day.
async fn print_some(press: &mut Press) {
    for (id, number, day) in [
        ("102", 102, (2025, 11, 2)),
        ("extra-1", 0, (2025, 11, 2)),
        ("104", 104, (2025, 11, 5)),
        ("101", 101, (2025, 11, 1)),
        ("103", 103, (2025, 11, 2)),
    ] {
        press.print(PAPER, id, number, day).await;
    }
    press.print(EVENING, "7", 7, (2025, 11, 2)).await;
    press.draft(PAPER, "105", 105, (2025, 11, 3)).await;
}

fn between(from: Option<Day>, until: Option<Day>) -> pb::ListPublishedIssuesRequest {
    let day = |(year, month, day)| date(year, month, day);
    pb::ListPublishedIssuesRequest {
        parent: PAPER.into(),
        from_date: from.map(day),
        until_date: until.map(day),
        ..Default::default()
    }
}

#[tokio::test]
async fn issues_are_listed_by_day_then_number_then_extras_in_either_order() {
    let mut press = Press::open().await;
    print_some(&mut press).await;
    let mut expected = ["101", "102", "103", "extra-1", "104"];
    for page_size in [0, 1, 2, 4, 5] {
        for order_by in ["publish_date", " publish_date "] {
            let order_by = order_by.to_owned();
            let list = pb::ListPublishedIssuesRequest { order_by, page_size, ..between(None, None) };
            assert_eq!(press.list(list).await, expected, "by {page_size}");
        }
    }
    expected.reverse();
    for page_size in [0, 1, 2, 4, 5] {
        for order_by in ["", "publish_date desc", "publish_date  desc"] {
            let order_by = order_by.to_owned();
            let list = pb::ListPublishedIssuesRequest { order_by, page_size, ..between(None, None) };
            assert_eq!(press.list(list).await, expected, "by {page_size}");
        }
    }
    assert_eq!(press.all(EVENING).await, ["7"]);
    assert!(press.all("newspapers/no-such-paper").await.is_empty());
    press.close().await;
}

#[tokio::test]
async fn issues_are_listed_from_one_day_to_another_both_included() {
    let mut press = Press::open().await;
    print_some(&mut press).await;
    let (first, second, third, fourth, fifth) =
        ((2025, 11, 1), (2025, 11, 2), (2025, 11, 3), (2025, 11, 4), (2025, 11, 5));
    for (from, until, expected) in [
        (Some(second), Some(second), vec!["102", "103", "extra-1"]),
        (Some(first), Some(second), vec!["101", "102", "103", "extra-1"]),
        (Some(second), None, vec!["102", "103", "extra-1", "104"]),
        (Some(fifth), None, vec!["104"]),
        (None, Some(first), vec!["101"]),
        (None, Some(fourth), vec!["101", "102", "103", "extra-1"]),
        (Some(third), Some(fourth), vec![]),
        (None, Some((2025, 10, 31)), vec![]),
        (Some((2025, 11, 6)), None, vec![]),
        (Some((1900, 1, 1)), Some((2100, 12, 31)), vec!["101", "102", "103", "extra-1", "104"]),
    ] {
        for page_size in [0, 1] {
            let list = pb::ListPublishedIssuesRequest { page_size, ..between(from, until) };
            let oldest_first =
                pb::ListPublishedIssuesRequest { order_by: "publish_date".into(), ..list.clone() };
            assert_eq!(press.list(oldest_first).await, expected, "{from:?} to {until:?}");
            let newest_first: Vec<&str> = expected.iter().rev().copied().collect();
            assert_eq!(press.list(list).await, newest_first, "{from:?} to {until:?}");
        }
    }
    press.close().await;
}

#[tokio::test]
async fn a_page_goes_on_only_in_the_list_that_it_is_of() {
    let mut press = Press::open().await;
    print_some(&mut press).await;
    let list =
        pb::ListPublishedIssuesRequest { page_size: 1, ..between(Some((2025, 11, 1)), Some((2025, 11, 5))) };
    let page = press.reader.publications.list_published_issues(list.clone()).await.expect("a page");
    let page_token = page.into_inner().next_page_token;
    let list = pb::ListPublishedIssuesRequest { page_token, ..list };
    let same = pb::ListPublishedIssuesRequest { order_by: "publish_date desc".into(), ..list.clone() };
    press.reader.publications.list_published_issues(same).await.expect("the same list in other words");
    for other in [
        pb::ListPublishedIssuesRequest { order_by: "publish_date".into(), ..list.clone() },
        pb::ListPublishedIssuesRequest { from_date: Some(date(2025, 11, 2)), ..list.clone() },
        pb::ListPublishedIssuesRequest { until_date: Some(date(2025, 11, 4)), ..list.clone() },
        pb::ListPublishedIssuesRequest { parent: EVENING.into(), ..list.clone() },
    ] {
        let refused = press.reader.publications.list_published_issues(other).await.expect_err("another list");
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::InvalidArgument, "INVALID_PAGE_TOKEN".to_owned())
        );
        assert_eq!(fields(&refused), ["page_token"]);
    }
    press.close().await;
}
