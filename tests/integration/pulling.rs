//! Pulling published issues: of any size, whole or page by page, with or without
//! bodies.

use std::collections::BTreeMap;

use masthead::{admin::Role, pb};
use prost::Message as _;
use sha2::{Digest, Sha256};
use tonic::{Code, Request, metadata::MetadataValue};
use tonic_types::StatusExt;

use crate::{
    newsroom::{Newsroom, PAPER, article, paragraph, reason},
    publishing::{entry, lay_out},
    raw::Line,
};

/// Publishes an issue of three pages with as many long articles each.
async fn publish_issue(room: &Newsroom, articles: usize, paragraphs: usize) -> pb::Issue {
    room.newspaper(1).await;
    let mut desk = room.desk(Role::Reporter).await;
    let mut pages = Vec::new();
    for page in 1..=3 {
        let mut placed = Vec::new();
        for number in 0..articles {
            let body = (0..paragraphs).map(|_| paragraph(&"长".repeat(19_000))).collect();
            let long = pb::Article { body, ..article(&format!("第{page}版第{number}条")) };
            let create = pb::CreateArticleRequest { article: Some(long), ..Default::default() };
            let long = desk.articles.create_article(create).await.expect("an article").into_inner();
            placed.push(room.review(&long).await);
        }
        pages.push(placed);
    }
    let issue = room.issue(1, &pages[0].iter().collect::<Vec<_>>()).await;
    for (page, placed) in (1..).zip(&pages) {
        lay_out(room, &issue.name, page, "要闻", &placed.iter().collect::<Vec<_>>()).await;
    }
    let planned = pb::Issue { planned_page_count: 3, etag: "*".into(), ..issue };
    let update = pb::UpdateIssueRequest { issue: Some(planned), ..Default::default() };
    let issue = desk.issues.update_issue(update).await.expect("an issue").into_inner();
    room.publish(&room.review_issue(&issue).await).await
}

async fn ask(line: &Line, method: &str, message: Vec<u8>) -> Vec<bytes::Bytes> {
    line.send(&format!("PublicationService/{method}"), vec![message]).await.expect("an answer")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_issue_too_large_for_one_message_is_streamed_page_by_page_from_the_sealed_bytes() {
    let room = Newsroom::open().await;
    let issue = publish_issue(&room, 4, 10).await;
    let mut reader = room.desk(Role::Reader).await;
    let sealed = entry(&mut reader, "publications/1").await;
    assert!(sealed.size_bytes > 4 * 1024 * 1024, "{} bytes", sealed.size_bytes);

    let get = pb::GetPublishedIssueRequest { name: issue.name.clone(), ..Default::default() };
    let refused = reader.publications.get_published_issue(get.clone()).await.expect_err("too large");
    assert_eq!((refused.code(), reason(&refused)), (Code::OutOfRange, "SNAPSHOT_TOO_LARGE".to_owned()));
    assert!(refused.message().contains("StreamPublishedIssue"), "{}", refused.message());
    let details = refused.get_error_details();
    let told: BTreeMap<&str, &str> = details
        .error_info()
        .map(|info| info.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
        .expect("error info");
    let size = sealed.size_bytes.to_string();
    assert_eq!((told["size_bytes"], told["limit_bytes"]), (size.as_str(), "3145728"));

    // The bytes of the messages are the sealed bytes.
    let line = Line::of(&room, "archive", Role::Reader).await;
    let ways = [
        pb::StreamPublishedIssueRequest { name: issue.name.clone(), ..Default::default() },
        pb::StreamPublishedIssueRequest { newspaper: PAPER.into(), ..Default::default() },
        pb::StreamPublishedIssueRequest { publication: sealed.name.clone(), ..Default::default() },
    ];
    for way in ways {
        let parts = ask(&line, "StreamPublishedIssue", way.encode_to_vec()).await;
        assert_eq!(sha256(&parts.concat()), sealed.sha256, "{way:?}");
        let pages =
            parts.iter().map(|part| pb::PublishedIssue::decode(part.clone()).expect("a part").pages.len());
        assert_eq!(pages.collect::<Vec<_>>(), [0, 1, 1, 1, 0], "page by page");
    }

    // A client as it comes, with its limit of 4 MiB, receives and merges them.
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", room.address()));
    let channel = channel.expect("an address").connect().await.expect("a channel");
    let mut client = pb::publication_service_client::PublicationServiceClient::new(channel);
    let stream = pb::StreamPublishedIssueRequest { name: issue.name.clone(), ..Default::default() };
    let mut request = Request::new(stream);
    let token = format!("Bearer {}", room.token("app", Role::Reader).await);
    request.metadata_mut().insert("authorization", MetadataValue::try_from(token).expect("a header"));
    let mut parts = client.stream_published_issue(request).await.expect("a stream").into_inner();
    let mut merged = pb::PublishedIssue::default();
    while let Some(part) = parts.message().await.expect("a part within the limit") {
        merged.merge(part.encode_to_vec().as_slice()).expect("a part");
    }
    assert_eq!(merged.pages.len(), 3);
    assert_eq!(sha256(&merged.encode_to_vec()), sealed.sha256);

    // Without bodies it fits into one message.
    let basic = pb::GetPublishedIssueRequest { view: pb::PublishedIssueView::Basic.into(), ..get };
    let basic = reader.publications.get_published_issue(basic).await.expect("a small message").into_inner();
    for placed in merged.pages.iter_mut().flat_map(|page| &mut page.placements) {
        placed.article.as_mut().expect("an article").body.clear();
    }
    assert_eq!(basic, merged, "all but the bodies");
    room.close().await;
}

#[tokio::test]
async fn a_small_issue_is_the_same_whole_and_in_parts_in_either_view() {
    let room = Newsroom::open().await;
    let issue = publish_issue(&room, 1, 1).await;
    let line = Line::of(&room, "archive", Role::Reader).await;
    for view in [0, 1, 2] {
        let name = issue.name.clone();
        let get = pb::GetPublishedIssueRequest { name: name.clone(), view, ..Default::default() };
        let whole = ask(&line, "GetPublishedIssue", get.encode_to_vec()).await;
        let stream = pb::StreamPublishedIssueRequest { name, view, ..Default::default() };
        let parts = ask(&line, "StreamPublishedIssue", stream.encode_to_vec()).await;
        assert_eq!(parts.concat(), whole.concat(), "view {view}");
        let shown = pb::PublishedIssue::decode(whole[0].clone()).expect("an issue");
        let articles = shown.pages.iter().flat_map(|page| &page.placements);
        let with_bodies =
            articles.filter(|placed| !placed.article.as_ref().expect("an article").body.is_empty());
        assert_eq!(with_bodies.count(), if view == 1 { 0 } else { 3 }, "view {view}");
    }
    let get = pb::GetPublishedIssueRequest { name: issue.name, view: 9, ..Default::default() };
    let refused = room.desk(Role::Reader).await.publications.get_published_issue(get).await;
    assert_eq!(crate::newsroom::fields(&refused.expect_err("no such view")), ["view"]);
    room.close().await;
}

#[tokio::test]
async fn what_is_large_and_fits_into_one_message_is_sent_as_the_sealed_bytes() {
    let room = Newsroom::open().await;
    let issue = publish_issue(&room, 1, 1).await;
    let mut reader = room.desk(Role::Reader).await;
    let sealed = entry(&mut reader, "publications/1").await;
    assert!(sealed.size_bytes > 100_000, "{} bytes", sealed.size_bytes);

    let line = Line::of(&room, "archive", Role::Reader).await;
    let get = pb::GetPublishedIssueRequest { name: issue.name.clone(), ..Default::default() };
    let messages = ask(&line, "GetPublishedIssue", get.encode_to_vec()).await;
    assert_eq!(messages.iter().map(|message| sha256(message)).collect::<Vec<_>>(), [sealed.sha256]);

    let whole = pb::PublishedIssue::decode(messages[0].clone()).expect("an issue");
    for placed in whole.pages.iter().flat_map(|page| &page.placements) {
        let printed = placed.article.as_ref().expect("an article");
        let get = pb::GetPublishedArticleRequest { name: printed.name.clone(), ..Default::default() };
        let article = reader.publications.get_published_article(get).await.expect("it").into_inner();
        assert!(article.encoded_len() > 50_000, "{} bytes", article.encoded_len());
        assert_eq!(article.article.expect("an article").body, printed.body);
    }
    room.close().await;
}
