//! What readers ask of the archive: days, months and orders.

use masthead::pb;
use pb::google::r#type::Date;

use super::{Ask, Stage, ask, case};
use crate::newsroom::{PAPER, date};

/// Lists published issues.
pub fn listed(request: pb::ListPublishedIssuesRequest) -> Ask {
    let parent = PAPER.into();
    ask("PublicationService/ListPublishedIssues", &pb::ListPublishedIssuesRequest { parent, ..request })
}

#[tokio::test]
async fn an_archive_is_asked_for_days_and_months_that_exist() {
    let stage = Stage::open().await;
    let on_day = |day: Option<Date>| {
        let list = pb::ListIssuesOnThisDayRequest { parent: PAPER.into(), date: day, ..Default::default() };
        ask("PublicationService/ListIssuesOnThisDay", &list)
    };
    let month = |year, month| {
        let get = pb::GetIssueCalendarRequest { parent: PAPER.into(), year, month };
        ask("PublicationService/GetIssueCalendar", &get)
    };
    let between = |from, until| {
        let (from_date, until_date) = (Some(from), Some(until));
        listed(pb::ListPublishedIssuesRequest { from_date, until_date, ..Default::default() })
    };
    let ordered = |order_by: &str| {
        listed(pb::ListPublishedIssuesRequest { order_by: order_by.into(), ..Default::default() })
    };
    let mut wrong = vec![
        case("no day", on_day(None), &["date"]),
        case("neither year nor month", month(0, 0), &["year", "month"]),
        case("ends before it begins", between(date(2026, 11, 2), date(2026, 11, 1)), &["until_date"]),
        case("a first day that is none", between(date(2026, 2, 30), date(1950, 1, 1)), &["from_date"]),
    ];
    for day in [
        date(0, 0, 0),
        date(0, 2, 30),
        date(0, 4, 0),
        date(0, 4, 31),
        date(0, 13, 1),
        date(0, -1, 1),
        date(0, i32::MAX, i32::MIN),
        date(2023, 2, 29),
        date(2026, 4, 0),
        date(1899, 4, 21),
        date(2101, 4, 21),
        date(-1, 4, 21),
    ] {
        wrong.push(case(format!("{day:?}"), on_day(Some(day)), &["date"]));
    }
    for year in [0, 1899, 2101, -2026, i32::MAX, i32::MIN] {
        wrong.push(case(format!("year {year}"), month(year, 1), &["year"]));
    }
    for number in [0, 13, -1, i32::MAX, i32::MIN] {
        wrong.push(case(format!("month {number}"), month(2026, number), &["month"]));
    }
    for order in [
        "number",
        "desc",
        "publish_date asc",
        "publish_date desc desc",
        "publish_date, number",
        "publish_date,",
        "PUBLISH_DATE",
        "publish_date desc; drop table issues",
        "\0",
        &"publish_date ".repeat(10_000),
    ] {
        wrong.push(case(format!("{order:.30}"), ordered(order), &["order_by"]));
    }
    stage.refuses(wrong).await;
    stage
        .takes(vec![
            ("29 February of no year".into(), on_day(Some(date(0, 2, 29)))),
            ("29 February of a leap year".into(), on_day(Some(date(2024, 2, 29)))),
            ("the first month".into(), month(1900, 1)),
            ("the last month".into(), month(2100, 12)),
            ("a day".into(), between(date(2026, 11, 1), date(2026, 11, 1))),
            ("all days".into(), between(date(1900, 1, 1), date(2100, 12, 31))),
            ("oldest first".into(), ordered("publish_date")),
            ("newest first".into(), ordered("\tpublish_date\n desc ")),
        ])
        .await;
    stage.close().await;
}
