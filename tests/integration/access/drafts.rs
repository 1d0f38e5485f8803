//! Drafts do not leak: a reader asks for everything in a newsroom full of things
//! in every state, and looks for the marks of what is not for readers.

use std::fmt::Debug;

use masthead::{admin::Role, pb};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::stock::{CORRECTED, INNER, PRINTED, PRINTED_PX, Seen, Stock, UNPRINTED, picture, stock};
use crate::{
    newsroom::{Newsroom, PAPER, date, reason},
    raw::Line,
};

/// A reader, who looks for marks in everything that arrives.
struct Reader {
    line: Line,
}

impl Reader {
    async fn ask(
        &self,
        method: &str,
        request: &(impl prost::Message + Debug),
    ) -> Result<Vec<bytes::Bytes>, Status> {
        let answer =
            self.line.send(&format!("PublicationService/{method}"), vec![request.encode_to_vec()]).await;
        let bytes = match &answer {
            Ok(messages) => messages.concat(),
            Err(status) => [status.message().as_bytes(), status.details()].concat(),
        };
        let text = String::from_utf8_lossy(&bytes);
        for mark in [INNER, UNPRINTED, CORRECTED] {
            assert!(!text.contains(mark), "{method} {request:?} shows {mark}: {text}");
        }
        answer
    }

    async fn expect(
        &self,
        method: &str,
        request: &(impl prost::Message + Debug),
        seen: Seen,
    ) -> Vec<bytes::Bytes> {
        match (self.ask(method, request).await, seen) {
            (Ok(answer), Seen::Published) => answer,
            (Err(status), Seen::Nothing) => {
                let refusal = (status.code(), reason(&status));
                assert_eq!(refusal, (Code::NotFound, "NOT_PUBLISHED".into()), "{method} {request:?}");
                Vec::new()
            }
            (answer, _) => panic!("{method} {request:?} is {seen:?}, but: {answer:?}"),
        }
    }
}

impl Reader {
    /// How a request by name is refused, with the name cut out.
    async fn refusal(&self, method: &str, name: &str) -> (Code, String, Vec<String>) {
        // All requests by name have it in their first field.
        let request = pb::GetPublishedArticleRequest { name: name.to_owned(), ..Default::default() };
        let status = self.ask(method, &request).await.expect_err("a refusal");
        let details = status.get_error_details();
        let resource = details
            .resource_info()
            .map(|info| [&info.resource_type, &info.description].map(|text| text.replace(name, "")));
        let mut texts = vec![reason(&status)];
        texts.extend(resource.into_iter().flatten());
        (status.code(), status.message().replace(name, ""), texts)
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_reader_sees_what_is_published_and_nothing_of_what_is_not() {
    let newsroom = Newsroom::open().await;
    let stock = stock(&newsroom).await;
    let reader = Reader { line: Line::of(&newsroom, "reader", Role::Reader).await };
    reads_the_newest_published_text(&reader, &stock).await;
    gets_the_file_that_was_published(&reader, &stock).await;
    finds_in_the_ledger_what_was_published(&reader).await;
    is_told_of_what_was_published_and_of_nothing_else(&reader).await;
    sees_no_difference_between_a_draft_and_nothing(&reader, &stock).await;
    newsroom.close().await;
}

async fn reads_the_newest_published_text(reader: &Reader, stock: &Stock) {
    for (name, day, seen) in &stock.issues {
        let by_name = pb::GetPublishedIssueRequest { name: name.clone(), ..Default::default() };
        let by_day = pb::GetPublishedIssueRequest {
            newspaper: PAPER.into(),
            publish_date: Some(*day),
            ..Default::default()
        };
        let named = reader.expect("GetPublishedIssue", &by_name, *seen).await;
        let dated = reader.expect("GetPublishedIssue", &by_day, *seen).await;
        assert_eq!(named, dated, "{name}");
        if let [issue] = named.as_slice() {
            assert!(holds(issue, PRINTED), "{name}");
            let issue = pb::PublishedIssue::decode(issue.clone()).expect("an issue");
            assert_eq!(issue.issue.expect("its facts").publish_date, Some(*day), "{name}");
        }
    }
    // Where the working copies of published issues have moved to.
    let moved = pb::GetPublishedIssueRequest {
        newspaper: PAPER.into(),
        publish_date: Some(date(2026, 12, 24)),
        ..Default::default()
    };
    reader.expect("GetPublishedIssue", &moved, Seen::Nothing).await;
    let latest = pb::GetPublishedIssueRequest { newspaper: PAPER.into(), ..Default::default() };
    let latest = reader.expect("GetPublishedIssue", &latest, Seen::Published).await;
    let latest = pb::PublishedIssue::decode(latest[0].clone()).expect("an issue");
    assert_eq!(latest.name, format!("{PAPER}/issues/102"));

    let list = pb::ListPublishedIssuesRequest { parent: PAPER.into(), ..Default::default() };
    let list = reader.expect("ListPublishedIssues", &list, Seen::Published).await;
    let list = pb::ListPublishedIssuesResponse::decode(list[0].clone()).expect("a list");
    let listed: Vec<_> =
        list.published_issues.into_iter().map(|issue| (issue.name, issue.publish_date)).collect();
    let expected = [(102, 2), (101, 1)];
    let expected =
        expected.map(|(number, day)| (format!("{PAPER}/issues/{number}"), Some(date(2026, 11, day))));
    assert_eq!(listed, expected);
    reads_the_archive_as_published(reader, stock).await;

    for (name, seen) in &stock.articles {
        let request = pb::GetPublishedArticleRequest { name: name.clone(), ..Default::default() };
        let answer = reader.expect("GetPublishedArticle", &request, *seen).await;
        assert!(answer.iter().all(|article| holds(article, PRINTED)), "{name}");
    }
}

async fn reads_the_archive_as_published(reader: &Reader, stock: &Stock) {
    for (month, days) in [(11, vec![1, 2]), (12, vec![])] {
        let calendar = pb::GetIssueCalendarRequest { parent: PAPER.into(), year: 2026, month };
        let calendar = reader.expect("GetIssueCalendar", &calendar, Seen::Published).await;
        let calendar = pb::IssueCalendar::decode(calendar[0].clone()).expect("a calendar");
        let shown: Vec<i32> = calendar.days.iter().map(|day| day.date.expect("a date").day).collect();
        assert_eq!(shown, days, "month {month}");
        assert_eq!(calendar.latest_date, Some(date(2026, 11, 2)));
    }
    for (name, day, seen) in &stock.issues {
        let near = pb::GetAdjacentIssuesRequest { name: name.clone() };
        reader.expect("GetAdjacentIssues", &near, *seen).await;
        let date = Some(date(0, day.month, day.day));
        let list = pb::ListIssuesOnThisDayRequest { parent: PAPER.into(), date, ..Default::default() };
        let list = reader.expect("ListIssuesOnThisDay", &list, Seen::Published).await;
        let list = pb::ListIssuesOnThisDayResponse::decode(list[0].clone()).expect("a list");
        let listed: Vec<&String> = list.published_issues.iter().map(|issue| &issue.name).collect();
        let expected = if *seen == Seen::Published { vec![name] } else { Vec::new() };
        assert_eq!(listed, expected, "{day:?}");
        let number = name.rsplit('/').next().and_then(|id| id.parse().ok()).expect("a number");
        let by_number =
            pb::GetPublishedIssueRequest { newspaper: PAPER.into(), number, ..Default::default() };
        let found = reader.expect("GetPublishedIssue", &by_number, *seen).await;
        assert!(found.iter().all(|issue| holds(issue, PRINTED)), "{name}");
    }
}

async fn gets_the_file_that_was_published(reader: &Reader, stock: &Stock) {
    for (name, seen) in &stock.photos {
        let request = pb::DownloadPublishedPhotoRequest { name: name.clone(), ..Default::default() };
        let answer = reader.expect("DownloadPublishedPhoto", &request, *seen).await;
        let parts = answer
            .into_iter()
            .filter_map(|message| pb::DownloadPublishedPhotoResponse::decode(message).expect("a part").part);
        let bytes: Vec<u8> = parts
            .filter_map(|part| match part {
                pb::download_published_photo_response::Part::Chunk(bytes) => Some(bytes),
                pb::download_published_photo_response::Part::Info(_) => None,
            })
            .flatten()
            .collect();
        let expected = if *seen == Seen::Published { picture(PRINTED_PX) } else { Vec::new() };
        assert!(bytes == expected, "{name}: {} bytes, expected are {}", bytes.len(), expected.len());
    }
}

async fn finds_in_the_ledger_what_was_published(reader: &Reader) {
    let ledger =
        reader.ask("ListPublications", &pb::ListPublicationsRequest::default()).await.expect("the ledger");
    let ledger = pb::ListPublicationsResponse::decode(ledger[0].clone()).expect("a list").publications;
    // Two articles by themselves, one of them corrected; two issues, one of them corrected.
    assert_eq!(ledger.len(), 6);
    for entry in ledger {
        let get = pb::GetPublicationRequest { name: entry.name.clone() };
        let got = reader.ask("GetPublication", &get).await.expect("an entry");
        assert_eq!(pb::Publication::decode(got[0].clone()).expect("an entry"), entry);
    }
    let next = pb::GetPublicationRequest { name: "publications/7".into() };
    assert_eq!(reader.ask("GetPublication", &next).await.expect_err("no entry").code(), Code::NotFound);
}

async fn is_told_of_what_was_published_and_of_nothing_else(reader: &Reader) {
    let list = reader.ask("ListPublications", &pb::ListPublicationsRequest::default()).await;
    let list = pb::ListPublicationsResponse::decode(list.expect("the ledger")[0].clone()).expect("a list");
    let mut cursor = String::new();
    for entry in list.publications {
        let watch = pb::WatchPublicationsRequest { cursor, ..Default::default() };
        let first = reader.ask("WatchPublications", &watch).await.expect("a message");
        let first = pb::WatchPublicationsResponse::decode(first[0].clone()).expect("a message");
        // The feed tells of what replaces an entry when it comes to that.
        let entry = pb::Publication { superseded_by: String::new(), ..entry };
        assert_eq!(first.event, Some(pb::watch_publications_response::Event::Publication(entry)));
        cursor = first.cursor;
    }
}

async fn sees_no_difference_between_a_draft_and_nothing(reader: &Reader, stock: &Stock) {
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let issues: Vec<_> = stock.issues.iter().map(|(name, _, seen)| (name.clone(), *seen)).collect();
    let kinds = [
        ("GetPublishedIssue", issues.clone(), format!("{PAPER}/issues/999")),
        ("GetAdjacentIssues", issues, format!("{PAPER}/issues/999")),
        ("GetPublishedArticle", stock.articles.clone(), format!("articles/{nowhere}")),
        ("DownloadPublishedPhoto", stock.photos.clone(), format!("photos/{nowhere}")),
    ];
    for (method, things, never) in kinds {
        let expected = reader.refusal(method, &never).await;
        for (name, _) in things.iter().filter(|(_, seen)| *seen == Seen::Nothing) {
            assert_eq!(reader.refusal(method, name).await, expected, "{method} {name}");
        }
    }
}
