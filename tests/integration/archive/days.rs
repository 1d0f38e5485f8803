//! The calendar of a month, and the same day in other years.

use masthead::pb;

use super::{EVENING, Press, shown};
use crate::newsroom::{PAPER, date};

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn a_calendar_shows_each_day_with_its_issues_and_the_days_that_all_span() {
    let mut press = Press::open().await;
    for (id, number, day) in [
        ("90", 90, (2023, 12, 31)),
        ("91", 91, (2024, 2, 1)),
        ("92", 92, (2024, 2, 29)),
        ("storm", 0, (2024, 2, 29)),
        ("flood", 0, (2024, 2, 29)),
        ("93", 93, (2024, 3, 1)),
    ] {
        press.print(PAPER, id, number, day).await;
    }
    press.print(EVENING, "1", 1, (2024, 2, 2)).await;
    press.draft(PAPER, "94", 94, (2024, 2, 3)).await;

    let calendar = press.calendar(PAPER, 2024, 2).await;
    assert_eq!(shown(&calendar), [(1, ids(&["91"])), (29, ids(&["92", "flood", "storm"]))]);
    assert_eq!(calendar.earliest_date, Some(date(2023, 12, 31)));
    assert_eq!(calendar.latest_date, Some(date(2024, 3, 1)));
    let leap_day = &calendar.days[1];
    assert_eq!((leap_day.date, leap_day.weekday.as_str()), (Some(date(2024, 2, 29)), "星期四"));
    assert_eq!(leap_day.issue_count, 3);
    let list = pb::ListPublishedIssuesRequest {
        parent: PAPER.into(),
        from_date: Some(date(2024, 2, 29)),
        until_date: Some(date(2024, 2, 29)),
        order_by: "publish_date".into(),
        ..Default::default()
    };
    let listed = press.reader.publications.list_published_issues(list).await.expect("a list").into_inner();
    assert_eq!(leap_day.published_issues, listed.published_issues, "as they are listed");
    assert_eq!((listed.published_issues[0].number, listed.published_issues[0].page_count), (92, 1));

    // December ends with the year.
    assert_eq!(shown(&press.calendar(PAPER, 2023, 12).await), [(31, ids(&["90"]))]);
    let evening = press.calendar(EVENING, 2024, 2).await;
    assert_eq!(shown(&evening), [(2, ids(&["1"]))]);
    assert_eq!(evening.earliest_date, evening.latest_date);
    assert_eq!(evening.latest_date, Some(date(2024, 2, 2)));
    press.close().await;
}

#[tokio::test]
async fn a_month_without_issues_is_empty_and_a_paper_without_issues_spans_nothing() {
    let mut press = Press::open().await;
    press.print(PAPER, "1", 1, (2024, 2, 1)).await;
    for (year, month) in [(2024, 1), (2024, 3), (2023, 2), (1900, 1), (2100, 12)] {
        let calendar = press.calendar(PAPER, year, month).await;
        assert!(calendar.days.is_empty(), "{year}-{month}");
        assert_eq!(calendar.earliest_date, Some(date(2024, 2, 1)));
        assert_eq!(calendar.latest_date, Some(date(2024, 2, 1)));
    }
    press.draft(EVENING, "1", 1, (2024, 2, 1)).await;
    for paper in [EVENING, "newspapers/no-such-paper"] {
        assert_eq!(press.calendar(paper, 2024, 2).await, pb::IssueCalendar::default(), "{paper}");
    }
    press.close().await;
}

#[tokio::test]
async fn a_day_of_very_many_extras_shows_twenty_and_counts_them_all() {
    let mut press = Press::open().await;
    press.print(PAPER, "1", 1, (2024, 2, 1)).await;
    press.print(PAPER, "2", 2, (2024, 2, 2)).await;
    // Past the service: publishing as many would take too long.
    sqlx::raw_sql(
        "insert into published_issues (newspaper, id, publication, number, publish_date, page_count)
         select newspaper, 'extra-' || n, publication, 0, publish_date, 1
         from published_issues, generate_series(10, 33) n where id = '1'",
    )
    .execute(&mut press.room.database.connect().await)
    .await
    .expect("extras");
    let calendar = press.calendar(PAPER, 2024, 2).await;
    let counts: Vec<_> =
        calendar.days.iter().map(|day| (day.published_issues.len(), day.issue_count)).collect();
    assert_eq!(counts, [(20, 25), (1, 1)]);
    assert_eq!(shown(&calendar)[0].1[..3], ["1", "extra-10", "extra-11"]);
    press.close().await;
}

#[tokio::test]
async fn issues_of_the_same_day_are_found_in_other_years_newest_first() {
    let mut press = Press::open().await;
    for (id, number, day) in [
        ("1", 1, (2019, 4, 21)),
        ("2", 2, (2021, 4, 21)),
        ("extra", 0, (2021, 4, 21)),
        ("3", 3, (2022, 4, 20)),
        ("4", 4, (2022, 12, 4)),
        ("5", 5, (2023, 4, 21)),
        ("6", 6, (2023, 5, 21)),
    ] {
        press.print(PAPER, id, number, day).await;
    }
    press.print(EVENING, "9", 9, (2020, 4, 21)).await;
    press.draft(PAPER, "7", 7, (2018, 4, 21)).await;
    for page_size in [0, 1, 2, 4] {
        let any = press.on_this_day(PAPER, (0, 4, 21), page_size).await;
        assert_eq!(any, ["5", "extra", "2", "1"], "by {page_size}");
        let other = press.on_this_day(PAPER, (2021, 4, 21), page_size).await;
        assert_eq!(other, ["5", "1"], "by {page_size}");
        let future = press.on_this_day(PAPER, (2030, 4, 21), page_size).await;
        assert_eq!(future, any, "by {page_size}");
    }
    assert_eq!(press.on_this_day(PAPER, (2023, 4, 22), 0).await, Vec::<String>::new());
    assert_eq!(press.on_this_day(PAPER, (0, 12, 4), 0).await, ["4"]);
    assert_eq!(press.on_this_day(EVENING, (2021, 4, 21), 0).await, ["9"]);
    press.close().await;
}

#[tokio::test]
async fn the_29th_of_february_has_issues_of_leap_years_only() {
    let mut press = Press::open().await;
    for (id, number, day) in [
        ("1", 1, (2020, 2, 28)),
        ("2", 2, (2020, 2, 29)),
        ("3", 3, (2023, 2, 28)),
        ("4", 4, (2023, 3, 1)),
        ("5", 5, (2024, 2, 29)),
    ] {
        press.print(PAPER, id, number, day).await;
    }
    assert_eq!(press.on_this_day(PAPER, (0, 2, 29), 0).await, ["5", "2"]);
    assert_eq!(press.on_this_day(PAPER, (2024, 2, 29), 0).await, ["2"]);
    assert_eq!(press.on_this_day(PAPER, (2025, 2, 28), 0).await, ["3", "1"]);
    assert_eq!(press.on_this_day(PAPER, (2025, 3, 1), 0).await, ["4"]);
    press.close().await;
}
