//! Withdrawn issues are no part of the archive.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Press, shown};
use crate::newsroom::{PAPER, date, reason};

/// Refused because this publication withdrew it.
fn withdrawn_by(answer: Result<impl std::fmt::Debug, Status>) -> String {
    let refused = answer.expect_err("withdrawn");
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "WITHDRAWN".to_owned()));
    let details = refused.get_error_details();
    let metadata = &details.error_info().expect("error info").metadata;
    assert_eq!(metadata["withdraw_reason"], "误发");
    metadata["publication"].clone()
}

#[tokio::test]
async fn a_withdrawn_issue_is_no_issue_of_its_day_until_it_is_published_again() {
    let mut press = Press::open().await;
    let first = press.print(PAPER, "1", 1, (2022, 4, 21)).await;
    let second = press.print(PAPER, "2", 2, (2023, 4, 21)).await;
    let extra = press.print(PAPER, "2-extra", 2, (2023, 4, 21)).await;
    press.print(PAPER, "3", 3, (2023, 4, 22)).await;
    let last = press.print(PAPER, "4", 4, (2024, 4, 21)).await;
    let whole = ["1", "2", "2-extra", "3", "4"];
    assert_eq!(press.all(PAPER).await, whole);

    // The ledger has the two stories, and then the five issues.
    press.withdraw(&second).await;
    assert_eq!(press.all(PAPER).await, ["1", "2-extra", "3", "4"]);
    assert_eq!(press.neighbours(&first).await.expect("neighbours"), (String::new(), "2-extra".into()));
    assert_eq!(press.neighbours(&extra).await.expect("neighbours"), ("1".into(), "3".into()));
    assert_eq!(withdrawn_by(press.neighbours(&second).await), "publications/8");
    assert_eq!(press.by_number(PAPER, 2, None).await.expect("the other one"), "2-extra");
    assert_eq!(press.on_this_day(PAPER, (0, 4, 21), 0).await, ["4", "2-extra", "1"]);
    let calendar = press.calendar(PAPER, 2023, 4).await;
    assert_eq!(shown(&calendar), [(21, vec!["2-extra".to_owned()]), (22, vec!["3".to_owned()])]);
    assert_eq!(calendar.days[0].issue_count, 1);

    press.withdraw(&extra).await;
    // Of several that are withdrawn, the same one comes first.
    assert_eq!(withdrawn_by(press.by_number(PAPER, 2, Some((2023, 4, 21))).await), "publications/8");
    press.withdraw(&first).await;
    press.withdraw(&last).await;
    let calendar = press.calendar(PAPER, 2023, 4).await;
    assert_eq!(shown(&calendar), [(22, vec!["3".to_owned()])]);
    assert_eq!(calendar.earliest_date, Some(date(2023, 4, 22)));
    assert_eq!(calendar.latest_date, Some(date(2023, 4, 22)));
    assert!(press.on_this_day(PAPER, (0, 4, 21), 0).await.is_empty());
    let alone = press.neighbours(&format!("{PAPER}/issues/3")).await.expect("neighbours");
    assert_eq!(alone, (String::new(), String::new()));

    let back = masthead::pb::ReturnIssueRequest {
        name: second.clone(),
        etag: "*".into(),
        reason: "重发".into(),
        ..Default::default()
    };
    press.editor.issues.return_issue(back).await.expect("a return");
    assert_eq!(press.all(PAPER).await, ["3"], "a draft of it is nothing for readers");
    press.send_out(&second, "重新发布").await;
    assert_eq!(press.all(PAPER).await, ["2", "3"]);
    assert_eq!(press.neighbours(&second).await.expect("neighbours"), (String::new(), "3".into()));
    assert_eq!(press.by_number(PAPER, 2, None).await.expect("an issue"), "2");
    press.close().await;
}
