//! Dates, numbers, enums, codes, etags, request ids and page tokens.

use masthead::pb;
use pb::{block::Kind, google::r#type::Date};
use prost::Message as _;

use super::{
    Ask, Case, Stage, archive::listed, ask, case, create_article, create_block, create_issue,
    create_newspaper, create_photo, update_page,
};
use crate::{
    newsroom::{PAPER, article, date},
    raw::{Message, methods},
};

#[tokio::test]
async fn a_date_is_a_day_that_exists() {
    let stage = Stage::open().await;
    let wrong = [
        date(2023, 2, 30),
        date(2023, 2, 29),
        date(1900, 2, 29),
        date(2023, 13, 1),
        date(2023, 0, 1),
        date(2023, 4, 31),
        date(2023, 4, 0),
        date(2023, 4, -1),
        date(2023, -1, 1),
        date(0, 4, 21),
        date(-2023, 4, 21),
        date(1899, 12, 31),
        date(2101, 1, 1),
        date(2023, 4, i32::MAX),
        date(i32::MAX, 4, 21),
        date(i32::MIN, i32::MIN, i32::MIN),
        date(0, 0, 0),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for day in wrong {
        for (field, ask) in dated(&stage, Some(day)) {
            cases.push(case(format!("{day:?}"), ask, &[field]));
        }
    }
    cases.push(case("no date", create_issue(pb::Issue::default()), &["issue.publish_date"]));
    stage.refuses(cases).await;
    let right = [date(1900, 1, 1), date(2000, 2, 29), date(2024, 2, 29), date(2100, 12, 31)];
    for day in right {
        // Nothing was published on these days, so the read side is left out.
        let asks =
            dated(&stage, Some(day)).into_iter().filter(|(_, ask)| !ask.method.starts_with("Publication"));
        stage.takes(asks.map(|(field, ask)| (format!("{field} {day:?}"), ask)).collect()).await;
    }
    stage.close().await;
}

/// Every request that holds a date, with this one.
fn dated(stage: &Stage, day: Option<Date>) -> Vec<(&'static str, Ask)> {
    let clone = pb::CloneIssueRequest {
        name: stage.issue.clone(),
        issue_id: "next".into(),
        publish_date: day,
        ..Default::default()
    };
    let get =
        pb::GetPublishedIssueRequest { newspaper: PAPER.into(), publish_date: day, ..Default::default() };
    let issue =
        pb::Issue { name: stage.issue.clone(), etag: "*".into(), publish_date: day, ..Default::default() };
    let update = pb::UpdateIssueRequest { issue: Some(issue.clone()), ..Default::default() };
    vec![
        ("issue.publish_date", create_issue(issue)),
        ("issue.publish_date", ask("IssueService/UpdateIssue", &update)),
        ("article.event_date", create_article(pb::Article { event_date: day, ..article("题") })),
        ("photo.rights.license_start_date", licensed(day, None)),
        ("photo.rights.license_end_date", licensed(None, day)),
        ("photo.rights.print.license_start_date", for_print(day, None)),
        ("photo.rights.print.license_end_date", for_print(None, day)),
        ("photo.rights.digital.license_start_date", for_digital(day, None)),
        ("photo.rights.digital.license_end_date", for_digital(None, day)),
        ("captured_from", search(pb::SearchPhotosRequest { captured_from: day, ..Default::default() })),
        ("captured_until", search(pb::SearchPhotosRequest { captured_until: day, ..Default::default() })),
        ("granted_date", search(pb::SearchPhotosRequest { granted_date: day, ..Default::default() })),
        ("from_date", published(pb::SearchPublishedArticlesRequest { from_date: day, ..Default::default() })),
        (
            "until_date",
            published(pb::SearchPublishedArticlesRequest { until_date: day, ..Default::default() }),
        ),
        ("publish_date", ask("IssueService/CloneIssue", &clone)),
        ("publish_date", ask("PublicationService/GetPublishedIssue", &get)),
        ("from_date", listed(pb::ListPublishedIssuesRequest { from_date: day, ..Default::default() })),
        ("until_date", listed(pb::ListPublishedIssuesRequest { until_date: day, ..Default::default() })),
    ]
}

/// Creates a photo whose rights are granted for some days.
fn licensed(license_start_date: Option<Date>, license_end_date: Option<Date>) -> Ask {
    granted(pb::Rights { license_start_date, license_end_date, ..Default::default() })
}

fn for_print(license_start_date: Option<Date>, license_end_date: Option<Date>) -> Ask {
    let print = Some(pb::ChannelRights { license_start_date, license_end_date, excluded: false });
    granted(pb::Rights { print, ..Default::default() })
}

fn for_digital(license_start_date: Option<Date>, license_end_date: Option<Date>) -> Ask {
    let digital = Some(pb::ChannelRights { license_start_date, license_end_date, excluded: false });
    granted(pb::Rights { digital, ..Default::default() })
}

fn granted(rights: pb::Rights) -> Ask {
    create_photo(pb::Photo { rights: Some(rights), ..Default::default() })
}

fn search(request: pb::SearchPhotosRequest) -> Ask {
    ask("PhotoService/SearchPhotos", &request)
}

fn published(request: pb::SearchPublishedArticlesRequest) -> Ask {
    let query = "龙舟".into();
    ask(
        "PublicationService/SearchPublishedArticles",
        &pb::SearchPublishedArticlesRequest { query, ..request },
    )
}

#[tokio::test]
async fn a_licence_does_not_end_before_it_starts() {
    let stage = Stage::open().await;
    let day = |day| Some(date(2026, 11, day));
    type Days = fn(Option<Date>, Option<Date>) -> Ask;
    let licences: [(&str, Days); 3] = [
        ("photo.rights.license_end_date", licensed),
        ("photo.rights.print.license_end_date", for_print),
        ("photo.rights.digital.license_end_date", for_digital),
    ];
    for (field, days) in licences {
        stage.refuses(vec![case("ends before it starts", days(day(2), day(1)), &[field])]).await;
        let right = [("a day", days(day(2), day(2))), ("two days", days(day(2), day(3)))];
        stage.takes(right.map(|(what, ask)| (what.into(), ask)).into()).await;
    }
    stage.close().await;
}

#[tokio::test]
async fn a_search_by_days_and_rights_says_what_can_be_met() {
    let stage = Stage::open().await;
    let captured = |from, until| {
        let (captured_from, captured_until) = (Some(date(2026, 11, from)), Some(date(2026, 11, until)));
        search(pb::SearchPhotosRequest { captured_from, captured_until, ..Default::default() })
    };
    let channel = |granted_date, granted_channel| {
        search(pb::SearchPhotosRequest { granted_date, granted_channel, ..Default::default() })
    };
    let clearance = |value| search(pb::SearchPhotosRequest { clearance: Some(value), ..Default::default() });
    stage
        .refuses(vec![
            case("ends before it begins", captured(2, 1), &["captured_until"]),
            case("a channel of no day", channel(None, 1), &["granted_channel"]),
            case("no channel", channel(Some(date(2026, 11, 1)), 3), &["granted_channel"]),
            case("no clearance", clearance(3), &["clearance"]),
        ])
        .await;
    let mut right = vec![("a day".to_owned(), captured(1, 1))];
    right.extend((0..3).map(|value| (format!("{value}"), channel(Some(date(2026, 11, 1)), value))));
    right.extend((0..3).map(|value| (format!("{value}"), clearance(value))));
    stage.takes(right).await;
    stage.close().await;
}

#[tokio::test]
async fn reporters_are_looked_for_by_what_names_are_made_of_in_an_order_that_is_known() {
    let stage = Stage::open().await;
    let search = |query: &str, order_by: &str| {
        let (query, order_by) = (query.into(), order_by.into());
        let request = pb::SearchReportersRequest { query, order_by, ..Default::default() };
        ask("ReporterService/SearchReporters", &request)
    };
    let mut cases = Vec::new();
    for query in ["·", "，。", "——", "%", "'", "😀", "\u{200D}"] {
        cases.push(case(format!("{query:?}"), search(query, ""), &["query"]));
    }
    for order in ["Pinyin", "pinyin desc", "pinyin,display_name", " ", "create_time", "拼音"] {
        cases.push(case(format!("by {order:?}"), search("", order), &["order_by"]));
    }
    cases.push(case("both", search("·", "desk"), &["order_by", "query"]));
    stage.refuses(cases).await;
    let right = [("", ""), (" ", "pinyin"), ("\n", "display_name"), ("·a", ""), ("1", ""), ("\u{E000}", "")];
    let right = right.map(|(query, order)| (format!("{query:?} {order}"), search(query, order)));
    stage.takes(right.into()).await;
    stage.close().await;
}

#[tokio::test]
async fn a_statistics_is_of_months_that_are_not_too_many() {
    let stage = Stage::open().await;
    let months = |from: Option<Date>, until: Option<Date>| {
        let request = pb::GetReporterStatisticsRequest { name: stage.reporter.clone(), from, until };
        ask("ReporterService/GetReporterStatistics", &request)
    };
    let month = |year, month| Some(date(year, month, 0));
    let mut cases = Vec::new();
    for wrong in [
        date(2026, 11, 1),
        date(2026, 11, -1),
        date(2026, 13, 0),
        date(2026, 0, 0),
        date(2026, -1, 0),
        date(0, 11, 0),
        date(1899, 12, 0),
        date(2101, 1, 0),
        date(i32::MAX, i32::MAX, 0),
        date(0, 0, 0),
    ] {
        cases.push(case(format!("from {wrong:?}"), months(Some(wrong), None), &["from"]));
        cases.push(case(format!("until {wrong:?}"), months(None, Some(wrong)), &["until"]));
    }
    cases.push(case("backwards", months(month(2026, 11), month(2026, 10)), &["until"]));
    cases.push(case("in the future", months(month(2100, 12), None), &["until"]));
    cases.push(case("601 months", months(month(1950, 1), month(2000, 1)), &["from"]));
    stage.refuses(cases).await;
    let right = [
        (None, None),
        (month(2026, 11), month(2026, 11)),
        (month(1950, 1), month(1999, 12)),
        (None, month(1900, 1)),
        (None, month(2100, 12)),
    ];
    let right = right.map(|(from, until)| (format!("{from:?} to {until:?}"), months(from, until)));
    stage.takes(right.into()).await;
    stage.close().await;
}

#[tokio::test]
async fn a_reporter_is_merged_into_another_one() {
    let stage = Stage::open().await;
    let merge = |name: &str, etag: &str, into: &str| {
        let (name, etag, into) = (name.into(), etag.into(), into.into());
        ask(
            "ReporterService/MergeReporters",
            &pb::MergeReportersRequest { name, etag, into, ..Default::default() },
        )
    };
    let (own, other) = (stage.reporter.as_str(), "reporters/00000000-0000-7000-8000-000000000000");
    stage
        .refuses(vec![
            case("into nothing", merge(own, "*", ""), &["into"]),
            case("into no reporter", merge(own, "*", &stage.article), &["into"]),
            case("into itself", merge(own, "*", own), &["into"]),
            case("without an etag", merge(own, "", other), &["etag"]),
            case("with no etag", merge(own, "2", other), &["etag"]),
            case("nothing", merge("", "", ""), &["name", "etag", "into"]),
        ])
        .await;
    stage.close().await;
}

#[tokio::test]
async fn a_time_to_check_for_is_a_time() {
    let stage = Stage::open().await;
    let at = |seconds, nanos| {
        let publish_time = Some(prost_types::Timestamp { seconds, nanos });
        let check = pb::CheckIssueRequest { name: stage.issue.clone(), publish_time, ..Default::default() };
        ask("IssueService/CheckIssue", &check)
    };
    let wrong = [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0), (1 << 40, 0), (-(1 << 40), 0)];
    let cases = wrong.map(|(seconds, nanos)| {
        case(format!("{seconds} s {nanos} ns"), at(seconds, nanos), &["publish_time"])
    });
    stage.refuses(cases.into()).await;
    let right = [(0, 0), (1_900_000_000, 999_999_999), (-1_900_000_000, 0)];
    stage.takes(right.map(|(seconds, nanos)| (format!("{seconds} s"), at(seconds, nanos))).into()).await;
    stage.close().await;
}

#[tokio::test]
async fn a_published_issue_is_asked_for_in_one_way_at_a_time() {
    let stage = Stage::open().await;
    let get = |name: &str, newspaper: &str, publish_date| {
        let (name, newspaper) = (name.into(), newspaper.into());
        ask(
            "PublicationService/GetPublishedIssue",
            &pb::GetPublishedIssueRequest { name, newspaper, publish_date, ..Default::default() },
        )
    };
    let numbered = |name: &str, newspaper: &str, number| {
        let (name, newspaper) = (name.into(), newspaper.into());
        // The request of the other method is alike.
        ask(
            "PublicationService/StreamPublishedIssue",
            &pb::GetPublishedIssueRequest { name, newspaper, number, ..Default::default() },
        )
    };
    let day = Some(date(2026, 11, 1));
    stage
        .refuses(vec![
            case("nothing", get("", "", None), &["name"]),
            case("name and newspaper", get(&stage.issue, PAPER, None), &["newspaper"]),
            case("name and date", get(&stage.issue, "", day), &["publish_date"]),
            case("only a date", get("", "", day), &["name", "publish_date"]),
            case("a newspaper that is none", get("", "papers/x", None), &["newspaper"]),
            case("name and number", numbered(&stage.issue, "", 4150), &["number"]),
            case("only a number", numbered("", "", 4150), &["name", "number"]),
            case("name, newspaper and number", numbered(&stage.issue, PAPER, 4150), &["newspaper"]),
            case("a negative number", numbered("", PAPER, -1), &["number"]),
            case("the least number", numbered("", PAPER, i32::MIN), &["number"]),
            case("too high a number", numbered("", PAPER, 1_000_000), &["number"]),
        ])
        .await;
    stage.close().await;
}

#[tokio::test]
async fn a_number_is_within_its_bounds() {
    let stage = Stage::open().await;
    let issue = |given: pb::Issue| create_issue(pb::Issue { publish_date: Some(date(2026, 11, 1)), ..given });
    let weather = |low_celsius, high_celsius| {
        let weather = pb::Weather { low_celsius, high_celsius, ..Default::default() };
        issue(pb::Issue { weather: Some(weather), ..Default::default() })
    };
    let (low, high) = ("issue.weather.low_celsius", "issue.weather.high_celsius");
    let level = |level| create_block(Kind::Heading(pb::Heading { text: "题".into(), level }));
    let mut wrong = vec![
        case("low -91", weather(Some(-91), None), &[low]),
        case("high 61", weather(None, Some(61)), &[high]),
        case("low over high", weather(Some(5), Some(4)), &[high]),
        case("all at once", weather(Some(i32::MAX), Some(i32::MIN)), &[high, low, high]),
    ];
    for number in [-1, i32::MIN, 1_000_000, i32::MAX] {
        let given = pb::Issue { number, ..Default::default() };
        wrong.push(case(format!("number {number}"), issue(given), &["issue.number"]));
    }
    for planned_page_count in [-1, 1000, i32::MAX] {
        let given = pb::Issue { planned_page_count, ..Default::default() };
        wrong.push(case(format!("{planned_page_count} pages"), issue(given), &["issue.planned_page_count"]));
    }
    for review_stages in [-1, 4, i32::MAX, i32::MIN] {
        let given = pb::Newspaper { review_stages, ..Default::default() };
        wrong.push(case(
            format!("{review_stages} stages"),
            create_newspaper(given),
            &["newspaper.review_stages"],
        ));
    }
    for wrong_level in [-1, 4, i32::MAX] {
        let field = "article.body[0].heading.level";
        wrong.push(case(format!("level {wrong_level}"), level(wrong_level), &[field]));
    }
    for stage_number in [i32::MIN, -1, 0, 4, i32::MAX] {
        for (method, review) in reviews(&stage, stage_number) {
            wrong.push(case(format!("stage {stage_number}"), Ask { method, message: review }, &["stage"]));
        }
    }
    for (offset, length, fields) in
        [(-1, 0, &["offset"][..]), (0, -1, &["length"]), (i64::MIN, i64::MIN, &["offset", "length"])]
    {
        let download =
            pb::DownloadPhotoRequest { name: stage.photo.clone(), offset, length, ..Default::default() };
        for method in ["PhotoService/DownloadPhoto", "PublicationService/DownloadPublishedPhoto"] {
            wrong.push(case(format!("{offset} {length}"), ask(method, &download), fields));
        }
    }
    stage.refuses(wrong).await;
    let edge = pb::Issue { number: 999_999, planned_page_count: 999, ..Default::default() };
    stage
        .takes(vec![
            ("coldest and hottest".into(), weather(Some(-90), Some(60))),
            ("one temperature".into(), weather(Some(0), Some(0))),
            ("the last number".into(), issue(edge)),
            ("level 0".into(), level(0)),
            ("level 3".into(), level(3)),
        ])
        .await;
    stage.close().await;
}

/// A review of this stage of everything that is reviewed.
fn reviews(stage: &Stage, number: i32) -> Vec<(&'static str, Vec<u8>)> {
    let review = |name: &String| {
        // The requests of all three methods are alike.
        let (name, etag) = (name.clone(), "*".into());
        pb::ReviewArticleRequest { name, etag, stage: number, ..Default::default() }.encode_to_vec()
    };
    vec![
        ("ArticleService/ReviewArticle", review(&stage.article)),
        ("IssueService/ReviewIssue", review(&stage.issue)),
        ("PhotoService/ReviewPhoto", review(&stage.photo)),
    ]
}

#[tokio::test]
async fn an_enum_has_the_values_of_the_proto_only() {
    let stage = Stage::open().await;
    let mut wrong = Vec::new();
    for number in [-1, 6, 99, i32::MAX, i32::MIN] {
        let bylines = vec![pb::Byline { role: number, printed_name: "名".into(), ..Default::default() }];
        let on_article = create_article(pb::Article { bylines: bylines.clone(), ..article("题") });
        let on_photo = create_photo(pb::Photo { bylines, ..Default::default() });
        let rights = Some(pb::Rights { clearance: number, ..Default::default() });
        let clearing = create_photo(pb::Photo { rights, ..Default::default() });
        let placement = pb::Placement { article: stage.article.clone(), role: number, ..Default::default() };
        let placing = update_page(pb::Page {
            name: stage.name("Page"),
            placements: vec![placement],
            ..Default::default()
        });
        wrong.push(case(format!("{number}"), on_article, &["article.bylines[0].role"]));
        wrong.push(case(format!("{number}"), on_photo, &["photo.bylines[0].role"]));
        wrong.push(case(format!("{number}"), clearing, &["photo.rights.clearance"]));
        wrong.push(case(format!("{number}"), placing, &["page.placements[0].role"]));
    }
    stage.refuses(wrong).await;
    stage.close().await;
}

#[tokio::test]
async fn codes_from_outside_are_of_their_lists() {
    let stage = Stage::open().await;
    let mut wrong = Vec::new();
    for zone in ["Mars/Olympus", "asia/shanghai ", "UTC+8", "+08:00", "\0", "../../etc/localtime"] {
        let given = pb::Newspaper { time_zone: zone.into(), ..Default::default() };
        wrong.push(case(zone, create_newspaper(given), &["newspaper.time_zone"]));
    }
    for code in ["!!", "zh_Hans", "zh-", "-zh", "zh--Hans", "1zh", "zh-abcdefghi", "中文"] {
        let of_newspaper = pb::Newspaper { language_code: code.into(), ..Default::default() };
        wrong.push(case(code, create_newspaper(of_newspaper), &["newspaper.language_code"]));
        let of_article = pb::Article { language_code: code.into(), ..article("题") };
        wrong.push(case(code, create_article(of_article), &["article.language_code"]));
    }
    let long = "zh-abcdefgh-abcdefgh-abcdefgh-abcdefgh";
    let given = pb::Article { language_code: long.into(), ..article("题") };
    wrong.push(case(long, create_article(given), &["article.language_code"]));
    for waived in ["NOT_REVIEWED", "PHOTO_NOT_CLEARED", "PUBLISH_CHECK_PAGE_COUNT", "page_count", "", "\0"] {
        let acknowledge = vec!["PAGE_COUNT".into(), waived.into(), "RUNNING_NUMBER".into()];
        let publish =
            pb::PublishIssueRequest { name: stage.issue.clone(), acknowledge, ..Default::default() };
        let check = pb::CheckIssueRequest {
            name: stage.issue.clone(),
            acknowledge: publish.acknowledge.clone(),
            ..Default::default()
        };
        wrong.push(case(waived, ask("IssueService/PublishIssue", &publish), &["acknowledge[1]"]));
        wrong.push(case(waived, ask("IssueService/CheckIssue", &check), &["acknowledge[1]"]));
    }
    stage.refuses(wrong).await;
    stage.close().await;
}

/// Every method that has this field in its request, with a request that is right
/// but for what else the method needs.
fn with_field(stage: &Stage, field: &str) -> Vec<(String, Message)> {
    let asked = methods().into_iter().filter_map(|(name, method)| {
        let request = Message::about(method, |kind| stage.name(kind));
        request.knows(field).then_some((name, request))
    });
    asked.collect()
}

#[tokio::test]
async fn a_request_id_is_a_uuid_that_is_not_nil() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    let methods = with_field(&stage, "request_id");
    assert!(methods.len() > 25, "{}", methods.len());
    for (method, request) in methods {
        for id in [
            "x",
            " ",
            "1",
            "00000000-0000-0000-0000-000000000000",
            "0192f1f0-0000-7000-8000-00000000000g",
            "\0",
        ] {
            let status = stage
                .line_for(&method)
                .send(&method, vec![request.clone().with("request_id", id).encode()])
                .await;
            let status = status.expect_err("a refusal");
            let named = crate::newsroom::fields(&status);
            assert!(named.contains(&"request_id".to_owned()), "{method} with {id:?}: {status:?}");
        }
    }
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn an_etag_has_its_quotes() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    for (method, request) in with_field(&stage, "etag") {
        for etag in ["1", "\"", "\"1", "1\"", "W/\"1\"", "**", "'1'", "\0"] {
            let status = stage
                .line_for(&method)
                .send(&method, vec![request.clone().with("etag", etag).encode()])
                .await;
            let status = status.expect_err("a refusal");
            let named = crate::newsroom::fields(&status);
            assert!(named.contains(&"etag".to_owned()), "{method} with {etag:?}: {status:?}");
        }
    }
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn every_list_refuses_a_token_or_a_size_that_is_none() {
    let stage = Stage::open().await;
    let lists = with_field(&stage, "page_token");
    assert!(lists.len() >= 9, "{}", lists.len());
    for (method, request) in lists {
        // What else these need.
        let request = if request.knows("query") { request.with("query", "龙舟") } else { request };
        let day = Message::new("Date").numbered("month", 4).numbered("day", 21);
        let request = if request.knows("date") { request.holding("date", &day) } else { request };
        for token in ["x", "%%%", "AAAAAAAAAAAxMjM", "\0", "报", &"A".repeat(100_000)] {
            let request = request.clone().with("page_token", token).encode();
            let status = stage.line_for(&method).send(&method, vec![request]).await.expect_err("a refusal");
            assert_eq!(crate::newsroom::reason(&status), "INVALID_PAGE_TOKEN", "{method} with {token:.20?}");
            assert_eq!(crate::newsroom::fields(&status), ["page_token"], "{method}");
        }
        let request = request.numbered("page_size", -1).encode();
        let status = stage.line_for(&method).send(&method, vec![request]).await.expect_err("a refusal");
        assert_eq!(crate::newsroom::fields(&status), ["page_size"], "{method}");
    }
    stage.close().await;
}
