//! 出版: what is published is a sealed whole, checked at once, chained into the
//! ledger, and never changes.

use bytes::{Buf, BufMut, Bytes};
use chrono::{DateTime, SecondsFormat};
use masthead::{admin::Role, import::desk::Desk, pb};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Endpoint,
};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::newsroom::{
    Newsroom, PAPER, article, codes, date, fields, mask, paragraph, picture, reason, upload,
};

/// Takes messages as the bytes that they are on the wire.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A reader who looks at bytes.
struct RawReader {
    client: Grpc<tonic::transport::Channel>,
    token: String,
}

impl RawReader {
    async fn of(room: &Newsroom) -> RawReader {
        let token = room.token("archive", Role::Reader).await;
        let endpoint = Endpoint::from_shared(format!("http://{}", room.address())).expect("an address");
        RawReader { client: Grpc::new(endpoint.connect().await.expect("a channel")), token }
    }

    async fn call(&mut self, method: &'static str, message: impl Message) -> Bytes {
        let mut request = Request::new(message.encode_to_vec());
        let token = format!("Bearer {}", self.token).parse().expect("a header");
        request.metadata_mut().insert("authorization", token);
        self.client.ready().await.expect("a ready channel");
        let path = http::uri::PathAndQuery::from_static(method);
        self.client.unary(request, path, Raw).await.expect("a message").into_inner()
    }

    async fn issue(&mut self, name: &str) -> Bytes {
        let get = pb::GetPublishedIssueRequest { name: name.to_owned(), ..Default::default() };
        self.call("/masthead.v1.PublicationService/GetPublishedIssue", get).await
    }

    async fn article(&mut self, name: &str) -> Bytes {
        let get = pb::GetPublishedArticleRequest { name: name.to_owned(), ..Default::default() };
        self.call("/masthead.v1.PublicationService/GetPublishedArticle", get).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash of a ledger entry by the rule that the API documents, written from
/// its words and not from the server's code.
fn documented_hash(entry: &pb::Publication) -> String {
    let time = entry.publish_time.expect("a time");
    let time = DateTime::from_timestamp(time.seconds, time.nanos as u32).expect("a time");
    let mut fields = vec![
        entry.previous_hash.clone(),
        entry.sequence.to_string(),
        entry.kind().as_str_name().to_owned(),
        entry.resource.clone(),
        entry.revision.to_string(),
        entry.size_bytes.to_string(),
        entry.sha256.clone(),
        entry.publisher.clone(),
        time.to_rfc3339_opts(SecondsFormat::Micros, true),
        entry.note.clone(),
        entry.supersedes.clone(),
    ];
    fields.extend(entry.acknowledged.iter().cloned());
    let mut hashed = Vec::new();
    for field in fields {
        hashed.extend((field.len() as u64).to_be_bytes());
        hashed.extend(field.as_bytes());
    }
    sha256(&hashed)
}

/// The whole ledger, after making sure that it is a chain without a gap.
pub async fn intact_ledger(reader: &mut Desk) -> Vec<pb::Publication> {
    let list = pb::ListPublicationsRequest { page_size: 500, ..Default::default() };
    let listed = reader.publications.list_publications(list).await.expect("the ledger").into_inner();
    assert!(listed.next_page_token.is_empty(), "all on one page");
    let mut previous = "0".repeat(64);
    for (index, entry) in listed.publications.iter().enumerate() {
        assert_eq!(entry.sequence, index as i64 + 1, "no gap");
        assert_eq!(entry.name, format!("publications/{}", entry.sequence));
        assert_eq!(entry.previous_hash, previous, "{entry:?}");
        assert_eq!(entry.hash, documented_hash(entry), "{entry:?}");
        previous.clone_from(&entry.hash);
    }
    listed.publications
}

pub async fn entry(desk: &mut Desk, name: &str) -> pb::Publication {
    let get = pb::GetPublicationRequest { name: name.to_owned() };
    desk.publications.get_publication(get).await.expect("an entry").into_inner()
}

pub async fn published_issue(desk: &mut Desk, name: &str) -> pb::PublishedIssue {
    let get = pb::GetPublishedIssueRequest { name: name.to_owned(), ..Default::default() };
    desk.publications.get_published_issue(get).await.expect("a published issue").into_inner()
}

async fn published_article(desk: &mut Desk, name: &str) -> pb::PublishedArticle {
    let get = pb::GetPublishedArticleRequest { name: name.to_owned(), ..Default::default() };
    desk.publications.get_published_article(get).await.expect("a published article").into_inner()
}

/// The published file of a photo.
async fn published_file(desk: &mut Desk, name: &str) -> Vec<u8> {
    use pb::download_published_photo_response::Part;
    let get = pb::DownloadPublishedPhotoRequest { name: name.to_owned(), ..Default::default() };
    let mut parts = desk.publications.download_published_photo(get).await.expect("a file").into_inner();
    let mut file = Vec::new();
    while let Some(message) = parts.message().await.expect("a part") {
        if let Some(Part::Chunk(chunk)) = message.part {
            file.extend_from_slice(&chunk);
        }
    }
    file
}

async fn write(room: &Newsroom, article: pb::Article) -> pb::Article {
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let mut reporter = room.desk(Role::Reporter).await;
    reporter.articles.create_article(create).await.expect("an article").into_inner()
}

fn uses(photo: &pb::Photo) -> pb::PhotoUse {
    pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }
}

pub async fn get_issue(room: &Newsroom, name: &str) -> pb::Issue {
    let get = pb::GetIssueRequest { name: name.to_owned() };
    room.desk(Role::Reporter).await.issues.get_issue(get).await.expect("the issue").into_inner()
}

pub async fn get_article(room: &Newsroom, name: &str) -> pb::Article {
    let get = pb::GetArticleRequest { name: name.to_owned() };
    room.desk(Role::Reporter).await.articles.get_article(get).await.expect("the article").into_inner()
}

async fn get_photo(room: &Newsroom, name: &str) -> pb::Photo {
    let get = pb::GetPhotoRequest { name: name.to_owned() };
    room.desk(Role::Reporter).await.photos.get_photo(get).await.expect("the photo").into_inner()
}

/// Puts articles on a page, as the page stands or as a new one.
pub async fn lay_out(room: &Newsroom, issue: &str, page: i32, section: &str, articles: &[&pb::Article]) {
    let placements =
        articles.iter().map(|article| pb::Placement { article: article.name.clone(), ..Default::default() });
    let page = pb::Page {
        name: format!("{issue}/pages/{page}"),
        section: section.into(),
        placements: placements.collect(),
        etag: "*".into(),
        ..Default::default()
    };
    let update = pb::UpdatePageRequest {
        page: Some(page),
        update_mask: mask(&["section", "placements"]),
        allow_missing: true,
        ..Default::default()
    };
    room.desk(Role::Reporter).await.issues.update_page(update).await.expect("a page");
}

async fn update_issue(room: &Newsroom, issue: pb::Issue, paths: &[&str]) -> pb::Issue {
    let issue = pb::Issue { etag: "*".into(), ..issue };
    let update =
        pb::UpdateIssueRequest { issue: Some(issue), update_mask: mask(paths), ..Default::default() };
    room.desk(Role::Reporter).await.issues.update_issue(update).await.expect("an issue").into_inner()
}

pub async fn update_article(room: &Newsroom, article: pb::Article) -> pb::Article {
    let update = pb::UpdateArticleRequest { article: Some(article), ..Default::default() };
    room.desk(Role::Reporter).await.articles.update_article(update).await.expect("an article").into_inner()
}

async fn update_newspaper(room: &Newsroom, newspaper: pb::Newspaper, paths: &[&str]) {
    let newspaper = pb::Newspaper { name: PAPER.into(), etag: "*".into(), ..newspaper };
    let update = pb::UpdateNewspaperRequest {
        newspaper: Some(newspaper),
        update_mask: mask(paths),
        ..Default::default()
    };
    room.desk(Role::Publisher).await.newspapers.update_newspaper(update).await.expect("a newspaper");
}

/// A change of an article's headline.
pub fn retitled(article: &pb::Article, headline: &str) -> pb::Article {
    pb::Article {
        name: article.name.clone(),
        etag: "*".into(),
        headline: headline.into(),
        ..Default::default()
    }
}

fn order(issue: &pb::Issue) -> pb::PublishIssueRequest {
    pb::PublishIssueRequest { name: issue.name.clone(), ..Default::default() }
}

pub async fn publish_article(room: &Newsroom, article: &pb::Article, note: &str) -> pb::Article {
    let publish =
        pb::PublishArticleRequest { name: article.name.clone(), note: note.into(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.articles.publish_article(publish).await.expect("a publication").into_inner()
}

/// The failed checks of a refusal: code and subject, sorted.
fn failed_checks(refusal: &Status) -> Vec<(String, String)> {
    assert_eq!(refusal.code(), Code::FailedPrecondition, "{refusal:?}");
    assert_eq!(reason(refusal), "NOT_PUBLISHABLE", "{refusal:?}");
    let details = refusal.get_error_details();
    let violations = details.precondition_failure().expect("the failed checks").violations.clone();
    assert!(violations.iter().all(|violation| !violation.description.is_empty()), "each says what to do");
    let mut failed: Vec<(String, String)> =
        violations.into_iter().map(|violation| (violation.r#type, violation.subject)).collect();
    failed.sort();
    failed
}

fn assert_illegal(refusal: &Status, state: &str) {
    assert_eq!((refusal.code(), reason(refusal)), (Code::FailedPrecondition, "ILLEGAL_MOVE".to_owned()));
    let details = refusal.get_error_details();
    assert_eq!(details.error_info().expect("error info").metadata["state"], state);
}

/// An issue of two pages, two articles, a photo used twice and two reporters.
struct Front {
    issue: pb::Issue,
    lead: pb::Article,
    second: pb::Article,
    photo: pb::Photo,
    writer: pb::Reporter,
    photographer: pb::Reporter,
}

pub async fn reporter(room: &Newsroom, display_name: &str) -> pb::Reporter {
    let reporter = pb::Reporter {
        display_name: display_name.into(),
        phone: "0591-00000001".into(),
        press_card_number: "B35000000000001".into(),
        ..Default::default()
    };
    let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
    let mut desk = room.desk(Role::Reporter).await;
    desk.reporters.create_reporter(create).await.expect("a reporter").into_inner()
}

pub fn signs(reporter: &pb::Reporter, role: pb::byline::Role) -> Vec<pb::Byline> {
    vec![pb::Byline { reporter: reporter.name.clone(), role: role.into(), ..Default::default() }]
}

async fn signed_photo(room: &Newsroom, photographer: &pb::Reporter) -> pb::Photo {
    let mut desk = room.desk(Role::Reporter).await;
    let photo = pb::Photo {
        caption: "演练现场".into(),
        credit_line: "晨讯报 供图".into(),
        copyright_notice: "© 晨讯报".into(),
        bylines: signs(photographer, pb::byline::Role::Photographer),
        ..Default::default()
    };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    let photo = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    desk.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    clear_and_sign(room, &photo.name).await
}

async fn clear_and_sign(room: &Newsroom, name: &str) -> pb::Photo {
    set_clearance(room, name, pb::rights::Clearance::Cleared).await;
    let review =
        pb::ReviewPhotoRequest { name: name.into(), etag: "*".into(), stage: 1, ..Default::default() };
    let mut reviewer = room.desk_of("picture-reviewer", Role::Editor).await;
    reviewer.photos.review_photo(review).await.expect("a sign-off").into_inner()
}

async fn set_clearance(room: &Newsroom, name: &str, clearance: pb::rights::Clearance) {
    let rights = pb::Rights { clearance: clearance.into(), ..Default::default() };
    let photo = pb::Photo { name: name.into(), etag: "*".into(), rights: Some(rights), ..Default::default() };
    let update = pb::UpdatePhotoRequest { photo: Some(photo), ..Default::default() };
    let mut clearer = room.desk_of("picture-editor", Role::Editor).await;
    clearer.photos.update_photo(update).await.expect("a clearance");
}

/// A reviewed front page and a reviewed second page.
async fn front(room: &Newsroom) -> Front {
    room.newspaper(1).await;
    let writer = reporter(room, "陈岚").await;
    let photographer = reporter(room, "林舟").await;
    let photo = signed_photo(room, &photographer).await;
    let lead = pb::Article {
        kicker: "防汛一线".into(),
        bylines: signs(&writer, pb::byline::Role::Reporter),
        photos: vec![uses(&photo)],
        ..article("全市举行防汛演练")
    };
    let lead = room.review(&write(room, lead).await).await;
    let second = pb::Article {
        bylines: signs(&writer, pb::byline::Role::Reporter),
        body: vec![
            paragraph("新增三条线路。"),
            pb::Block { kind: Some(pb::block::Kind::Photo(uses(&photo))) },
        ],
        ..article("公交线路调整")
    };
    let second = room.review(&write(room, second).await).await;
    let issue = room.issue(4150, &[&lead]).await;
    lay_out(room, &issue.name, 2, "综合", &[&second]).await;
    let weather =
        pb::Weather { condition: "多云转阴".into(), low_celsius: Some(-2), ..Default::default() };
    let facts = pb::Issue { planned_page_count: 2, weather: Some(weather), ..issue };
    let issue = update_issue(room, facts, &["planned_page_count", "weather"]).await;
    let issue = room.review_issue(&issue).await;
    Front { issue, lead, second, photo, writer, photographer }
}

#[tokio::test]
async fn a_published_issue_is_complete_in_itself_and_shows_nothing_of_the_newsroom() {
    let room = Newsroom::open().await;
    let Front { issue, lead, second, photo, writer, photographer } = front(&room).await;
    let answer = room.publish(&issue).await;
    assert_eq!(
        (answer.state(), answer.latest_publication.as_str()),
        (pb::State::Published, "publications/1")
    );
    assert_eq!(get_issue(&room, &issue.name).await, answer);
    for article in [&lead, &second] {
        let article = get_article(&room, &article.name).await;
        assert_eq!(
            (article.state(), article.latest_publication.as_str()),
            (pb::State::Published, "publications/1")
        );
    }
    assert_eq!(get_photo(&room, &photo.name).await.state(), pb::State::Published);

    let mut reader = room.desk(Role::Reader).await;
    let sealed = published_issue(&mut reader, &issue.name).await;
    assert_eq!(sealed.name, issue.name);
    let newspaper = sealed.newspaper.expect("the masthead");
    assert_eq!((newspaper.title.as_str(), newspaper.chief_editor.as_str()), ("晨讯报", "甘一鸣"));
    assert_eq!((newspaper.etag.as_str(), newspaper.create_time), ("", None));
    let facts = sealed.issue.expect("the facts");
    assert_eq!(
        (facts.number, facts.publish_date, &facts.weather),
        (4150, issue.publish_date, &issue.weather)
    );
    assert_eq!((&facts.weekday, &facts.lunar_date), (&issue.weekday, &issue.lunar_date));
    assert!(
        facts.creator.is_empty() && facts.reviews.is_empty() && facts.etag.is_empty() && facts.state == 0
    );

    let pages: Vec<_> = sealed.pages.iter().map(|page| page.page.clone().expect("a page")).collect();
    let names: Vec<_> = pages.iter().map(|page| (page.name.clone(), page.section.as_str())).collect();
    let expected = [(format!("{}/pages/1", issue.name), "要闻"), (format!("{}/pages/2", issue.name), "综合")];
    assert_eq!(names, expected);
    for (page, article) in sealed.pages.iter().zip([&lead, &second]) {
        let [placed] = page.placements.as_slice() else { panic!("one placement in {page:?}") };
        assert_eq!(placed.placement.as_ref().expect("a placement").article, article.name);
        // Everything that was signed, and nothing of how it was.
        let public = pb::Article {
            creator: String::new(),
            reviews: Vec::new(),
            state: 0,
            etag: String::new(),
            create_time: None,
            update_time: None,
            ..(*article).clone()
        };
        assert_eq!(placed.article.as_ref(), Some(&public));
    }
    let mut named = vec![
        pb::PublishedReporter { name: writer.name, display_name: "陈岚".into() },
        pb::PublishedReporter { name: photographer.name, display_name: "林舟".into() },
    ];
    named.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(sealed.reporters, named, "each once, and no telephone number");
    let [printed] = sealed.photos.as_slice() else { panic!("one photo, used twice: {:?}", sealed.photos) };
    assert_eq!((&printed.name, &printed.file), (&photo.name, &photo.file));
    assert_eq!((&printed.caption, &printed.credit_line), (&photo.caption, &photo.credit_line));
    assert_eq!(printed.bylines[0].printed_name, "林舟");
    let known = sealed.publication.expect("the entry");
    let whole = entry(&mut reader, "publications/1").await;
    let unknown = pb::Publication { size_bytes: 0, sha256: String::new(), hash: String::new(), ..whole };
    assert_eq!(known, unknown, "what covers the message cannot stand in it");
    assert_eq!(
        (known.kind(), known.publisher.as_str()),
        (pb::publication::Kind::IssuePublished, "publisher")
    );
    assert_eq!((known.resource.as_str(), known.revision), (issue.name.as_str(), 1));

    let alone = published_article(&mut reader, &second.name).await;
    assert_eq!(alone.page, format!("{}/pages/2", issue.name));
    assert_eq!((alone.photos, alone.publication), (vec![printed.clone()], Some(known)));
    assert_eq!(published_file(&mut reader, &photo.name).await, picture());
    room.close().await;
}

#[tokio::test]
async fn readers_get_the_bytes_of_the_ledger_whatever_is_edited_later() {
    let room = Newsroom::open().await;
    let Front { issue, lead, second, photo, writer, .. } = front(&room).await;
    let lone = room.review(&room.article("单独发表").await).await;
    publish_article(&room, &lone, "").await;
    room.publish(&issue).await;

    let mut raw = RawReader::of(&room).await;
    let mut reader = room.desk(Role::Reader).await;
    let issue_bytes = raw.issue(&issue.name).await;
    let article_bytes = [raw.article(&lone.name).await, raw.article(&lead.name).await];
    for (bytes, name) in [(&article_bytes[0], "publications/1"), (&issue_bytes, "publications/2")] {
        let entry = entry(&mut reader, name).await;
        assert_eq!((entry.sha256, entry.size_bytes), (sha256(bytes), bytes.len() as i64), "{name}");
    }
    let decoded = pb::PublishedIssue::decode(issue_bytes.clone()).expect("a published issue");
    assert_eq!(decoded.encode_to_vec(), issue_bytes, "in field order, so that a client can check it too");

    // Edit everything that stands in it, and put it back through review.
    update_newspaper(
        &room,
        pb::Newspaper { title: "晚讯报".into(), chief_editor: "乙一鸣".into(), ..Default::default() },
        &["title", "chief_editor"],
    )
    .await;
    let mut editor = room.desk(Role::Editor).await;
    let renamed = pb::Reporter { display_name: "陈岚岚".into(), etag: "*".into(), ..writer };
    let update = pb::UpdateReporterRequest { reporter: Some(renamed), ..Default::default() };
    editor.reporters.update_reporter(update).await.expect("a reporter");
    for article in [&lead, &second, &lone] {
        room.review(&update_article(&room, retitled(article, "换了标题")).await).await;
    }
    let recaptioned = pb::Photo {
        name: photo.name.clone(),
        etag: "*".into(),
        caption: "换了说明".into(),
        ..Default::default()
    };
    let update = pb::UpdatePhotoRequest { photo: Some(recaptioned), ..Default::default() };
    let mut reporter = room.desk(Role::Reporter).await;
    reporter.photos.update_photo(update).await.expect("a photo");
    let other = masthead::demo::picture::stand_in(64, 64).expect("a picture");
    reporter.photos.upload_photo(upload(&photo.name, other)).await.expect("an upload");
    set_clearance(&room, &photo.name, pb::rights::Clearance::DoNotUse).await;
    lay_out(&room, &issue.name, 1, "头版", &[&second]).await;
    update_issue(&room, pb::Issue { number: 4199, ..issue.clone() }, &["number"]).await;

    assert_eq!(raw.issue(&issue.name).await, issue_bytes);
    assert_eq!(raw.issue(&issue.name).await, issue_bytes, "and again");
    assert_eq!([raw.article(&lone.name).await, raw.article(&lead.name).await], article_bytes);
    assert_eq!(published_file(&mut reader, &photo.name).await, picture(), "the file as it was published");
    assert_eq!(intact_ledger(&mut reader).await.len(), 2);
    room.close().await;
}

/// The checks that fail when nothing is ready.
const FIRST_PUBLICATION: [&str; 13] = [
    "ARTICLE_NOT_REVIEWED",
    "ARTICLE_PLACED_TWICE",
    "ARTICLE_WITHOUT_BODY",
    "MASTHEAD_FACT",
    "NOT_REVIEWED",
    "PAGE_COUNT",
    "PAGE_EMPTY",
    "PHOTO_FILE_LOST",
    "PHOTO_NOT_CLEARED",
    "PHOTO_NOT_REVIEWED",
    "PHOTO_WITHOUT_FILE",
    "PRICE_NOTE",
    "RUNNING_NUMBER",
];

/// What can be deleted under an issue while the issue itself is deleted.
const AFTER_DELETIONS: [&str; 2] = ["ARTICLE_DELETED", "PHOTO_DELETED"];

/// What only a correction must have.
const CORRECTION: [&str; 1] = ["CORRECTION_NOTE"];

#[tokio::test]
async fn every_check_that_fails_is_named_in_one_refusal() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (first, _) = room.reviewed_issue(1).await;
    room.publish(&first).await;
    update_newspaper(&room, pb::Newspaper::default(), &["serial_code", "price_note"]).await;

    let mut desk = room.desk(Role::Reporter).await;
    let create = pb::CreatePhotoRequest::default();
    let without_file = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let lost = room.photo("原件丢失").await;
    let forbidden = room.photo("不得使用").await;
    set_clearance(&room, &forbidden.name, pb::rights::Clearance::DoNotUse).await;
    let file = &lost.file.as_ref().expect("a file").sha256;
    // Two photos have the same bytes, so that both are lost.
    let place = room.photo_folder().join("sha256").join(&file[..2]).join(&file[2..]);
    std::fs::remove_file(place).expect("a file to lose");

    let without_body = write(&room, pb::Article { body: Vec::new(), ..article("只有标题") }).await;
    let illustrated = pb::Article {
        photos: vec![uses(&without_file), uses(&lost), uses(&forbidden), uses(&lost)],
        ..article("三张照片")
    };
    let illustrated = write(&room, illustrated).await;
    let good = room.review(&room.article("没有问题").await).await;
    let issue = room.issue(3, &[&without_body, &illustrated, &good]).await;
    lay_out(&room, &issue.name, 2, "综合", &[&good]).await;
    lay_out(&room, &issue.name, 3, "副刊", &[]).await;

    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.issues.publish_issue(order(&issue)).await.expect_err("nothing is ready");
    let page = |number: i32| format!("{}/pages/{number}", issue.name);
    let mut expected = vec![
        ("ARTICLE_NOT_REVIEWED", without_body.name.clone()),
        ("ARTICLE_NOT_REVIEWED", illustrated.name.clone()),
        ("ARTICLE_PLACED_TWICE", page(2)),
        ("ARTICLE_WITHOUT_BODY", without_body.name.clone()),
        ("MASTHEAD_FACT", PAPER.to_owned()),
        ("NOT_REVIEWED", issue.name.clone()),
        ("PAGE_COUNT", issue.name.clone()),
        ("PAGE_EMPTY", page(3)),
        ("PHOTO_FILE_LOST", lost.name.clone()),
        ("PHOTO_FILE_LOST", forbidden.name.clone()),
        ("PHOTO_NOT_CLEARED", without_file.name.clone()),
        ("PHOTO_NOT_CLEARED", forbidden.name.clone()),
        ("PHOTO_NOT_REVIEWED", without_file.name.clone()),
        ("PHOTO_NOT_REVIEWED", forbidden.name.clone()),
        ("PHOTO_WITHOUT_FILE", without_file.name.clone()),
        ("PRICE_NOTE", issue.name.clone()),
        ("RUNNING_NUMBER", issue.name.clone()),
    ];
    expected.sort();
    let failed = failed_checks(&refused);
    let failed: Vec<(&str, String)> =
        failed.iter().map(|(code, subject)| (code.as_str(), subject.clone())).collect();
    assert_eq!(failed, expected);
    assert_eq!(codes(&refused), FIRST_PUBLICATION);

    // Mending all of it lets it through: no check fails for good.
    update_newspaper(
        &room,
        pb::Newspaper {
            serial_code: "CN-99(Q)第0099号".into(),
            price_note: "免费阅读".into(),
            ..Default::default()
        },
        &["serial_code", "price_note"],
    )
    .await;
    for photo in [&without_file, &lost, &forbidden] {
        desk.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    }
    for photo in [&without_file, &forbidden] {
        clear_and_sign(&room, &photo.name).await;
    }
    let body = vec![paragraph("有了正文。")];
    let with_body =
        pb::Article { name: without_body.name.clone(), etag: "*".into(), body, ..Default::default() };
    room.review(&update_article(&room, with_body).await).await;
    room.review(&illustrated).await;
    lay_out(&room, &issue.name, 2, "综合", &[&good]).await;
    lay_out(&room, &issue.name, 1, "要闻", &[&illustrated, &without_body]).await;
    let delete = pb::DeletePageRequest { name: page(3), ..Default::default() };
    desk.issues.delete_page(delete).await.expect("no third page");
    let facts = pb::Issue { planned_page_count: 2, number: 2, ..issue };
    let issue = update_issue(&room, facts, &["planned_page_count", "number"]).await;
    let issue = room.review_issue(&issue).await;
    assert_eq!(room.publish(&issue).await.latest_publication, "publications/2");
    room.close().await;
}

#[tokio::test]
async fn an_issue_that_came_back_without_its_articles_is_not_published() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let photo = room.photo("演练现场").await;
    let placed = write(&room, pb::Article { photos: vec![uses(&photo)], ..article("头条") }).await;
    let placed = room.review(&placed).await;
    let issue = room.review_issue(&room.issue(1, &[&placed]).await).await;
    let mut editor = room.desk(Role::Editor).await;
    // What a deleted issue places is free to be deleted as well.
    let delete = pb::DeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    editor.issues.delete_issue(delete).await.expect("no issue");
    let delete = pb::DeleteArticleRequest { name: placed.name.clone(), ..Default::default() };
    editor.articles.delete_article(delete).await.expect("no article");
    let delete = pb::DeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    editor.photos.delete_photo(delete).await.expect("no photo");
    let undelete = pb::UndeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    editor.issues.undelete_issue(undelete).await.expect("the issue");

    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.issues.publish_issue(order(&issue)).await.expect_err("what it places is deleted");
    let expected = [
        ("ARTICLE_DELETED".to_owned(), placed.name.clone()),
        ("PHOTO_DELETED".to_owned(), photo.name.clone()),
    ];
    assert_eq!(failed_checks(&refused), expected);
    assert_eq!(codes(&refused), AFTER_DELETIONS);

    let undelete = pb::UndeletePhotoRequest { name: photo.name, ..Default::default() };
    editor.photos.undelete_photo(undelete).await.expect("the photo");
    let undelete = pb::UndeleteArticleRequest { name: placed.name, ..Default::default() };
    editor.articles.undelete_article(undelete).await.expect("the article");
    room.publish(&issue).await;
    room.close().await;
}

#[tokio::test]
async fn a_page_that_readers_could_not_receive_is_not_published() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let long = || pb::Article {
        body: (0..10).map(|_| paragraph(&"长".repeat(19_900))).collect(),
        ..article("超长文章")
    };
    let mut articles = Vec::new();
    for _ in 0..6 {
        articles.push(room.review(&write(&room, long()).await).await);
    }
    let issue = room.issue(1, &articles.iter().collect::<Vec<_>>()).await;
    let issue = room.review_issue(&issue).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.issues.publish_issue(order(&issue)).await.expect_err("too large a page");
    let page = format!("{}/pages/1", issue.name);
    assert_eq!(failed_checks(&refused), [("PAGE_TOO_LARGE".to_owned(), page)]);
    // On two pages they fit.
    let (front, back) = articles.split_at(3);
    lay_out(&room, &issue.name, 1, "要闻", &front.iter().collect::<Vec<_>>()).await;
    lay_out(&room, &issue.name, 2, "要闻", &back.iter().collect::<Vec<_>>()).await;
    let planned = pb::Issue { planned_page_count: 2, ..issue };
    let issue = room.review_issue(&update_issue(&room, planned, &["planned_page_count"]).await).await;
    room.publish(&issue).await;
    room.close().await;
}

#[tokio::test]
async fn an_issue_without_any_page_is_not_published() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let issue = pb::Issue { publish_date: Some(date(2026, 11, 2)), ..Default::default() };
    let create = pb::CreateIssueRequest {
        parent: PAPER.into(),
        issue: Some(issue),
        issue_id: "extra".into(),
        ..Default::default()
    };
    let mut reporter = room.desk(Role::Reporter).await;
    let issue = reporter.issues.create_issue(create).await.expect("an issue").into_inner();
    let issue = room.review_issue(&issue).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.issues.publish_issue(order(&issue)).await.expect_err("no page");
    assert_eq!(failed_checks(&refused), [("PAGE_EMPTY".to_owned(), issue.name)]);
    room.close().await;
}

#[tokio::test]
async fn only_what_the_table_says_is_waived_and_only_for_this_publication() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (first, _) = room.reviewed_issue(1).await;
    room.publish(&first).await;
    let placed = room.review(&room.article("头条").await).await;
    let issue = room.issue(9, &[&placed]).await;
    let issue =
        update_issue(&room, pb::Issue { planned_page_count: 4, ..issue }, &["planned_page_count"]).await;
    let issue = room.review_issue(&issue).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let acknowledging = |waived: &[&str]| pb::PublishIssueRequest {
        acknowledge: waived.iter().map(|code| (*code).to_owned()).collect(),
        note: "更正".into(),
        ..order(&issue)
    };

    let all =
        [&FIRST_PUBLICATION[..], &AFTER_DELETIONS, &CORRECTION, &["ANYTHING", "page_count", ""]].concat();
    let never: Vec<&str> = all
        .into_iter()
        .filter(|code| !matches!(*code, "PAGE_COUNT" | "PRICE_NOTE" | "RUNNING_NUMBER"))
        .collect();
    assert_eq!(never.len(), 13 + 3);
    let refused = publisher.issues.publish_issue(acknowledging(&never)).await.expect_err("not to be waived");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let each: Vec<String> = (0..never.len()).map(|index| format!("acknowledge[{index}]")).collect();
    assert_eq!(fields(&refused), each);

    for (waived, standing) in [
        (vec![], vec!["PAGE_COUNT", "RUNNING_NUMBER"]),
        (vec!["PAGE_COUNT"], vec!["RUNNING_NUMBER"]),
        (vec!["RUNNING_NUMBER"], vec!["PAGE_COUNT"]),
    ] {
        let refused = publisher.issues.publish_issue(acknowledging(&waived)).await.expect_err("one stands");
        assert_eq!(codes(&refused), standing);
    }
    let both = ["RUNNING_NUMBER", "PAGE_COUNT", "RUNNING_NUMBER"];
    let published = publisher.issues.publish_issue(acknowledging(&both)).await.expect("a publication");
    assert_eq!(published.into_inner().latest_publication, "publications/2");
    let mut reader = room.desk(Role::Reader).await;
    let recorded = entry(&mut reader, "publications/2").await;
    assert_eq!(recorded.acknowledged, ["PAGE_COUNT", "RUNNING_NUMBER"], "sorted, each once");
    let sealed = published_issue(&mut reader, &issue.name).await.publication.expect("the entry");
    assert_eq!(sealed.acknowledged, recorded.acknowledged);

    // The next publication of the same issue starts anew.
    let changed =
        update_issue(&room, pb::Issue { price_note: "一元".into(), ..issue.clone() }, &["price_note"]).await;
    room.review_issue(&changed).await;
    let refused = publisher.issues.publish_issue(acknowledging(&[])).await.expect_err("the pages are as few");
    assert_eq!(codes(&refused), ["PAGE_COUNT"], "a correction keeps its number");
    publisher.issues.publish_issue(acknowledging(&both)).await.expect("a correction");
    let recorded = entry(&mut reader, "publications/3").await;
    assert_eq!(recorded.acknowledged, ["PAGE_COUNT"], "only what mattered");
    assert_eq!(intact_ledger(&mut reader).await.len(), 3);
    room.close().await;
}

#[tokio::test]
async fn an_issue_without_a_running_number_neither_fails_that_check_nor_counts_for_it() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (first, _) = room.reviewed_issue(7).await;
    room.publish(&first).await;
    let placed = room.review(&room.article("号外").await).await;
    let extra = room.review_issue(&room.issue(0, &[&placed]).await).await;
    room.publish(&extra).await;
    let (next, _) = room.reviewed_issue(8).await;
    room.publish(&next).await;
    room.close().await;
}

#[tokio::test]
async fn the_ledger_is_a_chain_by_the_documented_rule() {
    let room = Newsroom::open().await;
    let Front { issue, lead, .. } = front(&room).await;
    let lone = room.review(&room.article("单独发表").await).await;
    publish_article(&room, &lone, "先发一步").await;
    room.publish(&issue).await;
    let lone = room.review(&update_article(&room, retitled(&lone, "单独更正")).await).await;
    publish_article(&room, &lone, "标题有误，特此更正。").await;
    room.review(&update_article(&room, retitled(&lead, "头条更正")).await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let correct =
        pb::PublishIssueRequest { note: "头条有误，\n特此更正。".into(), ..order(&issue) };
    publisher.issues.publish_issue(correct).await.expect("a correction");

    let mut reader = room.desk(Role::Reader).await;
    let ledger = intact_ledger(&mut reader).await;
    use pb::publication::Kind::{ArticleCorrected, ArticlePublished, IssueCorrected, IssuePublished};
    let kinds: Vec<_> = ledger.iter().map(pb::Publication::kind).collect();
    assert_eq!(kinds, [ArticlePublished, IssuePublished, ArticleCorrected, IssueCorrected]);
    let superseded: Vec<_> = ledger.iter().map(|entry| entry.supersedes.as_str()).collect();
    assert_eq!(superseded, ["", "", "publications/1", "publications/2"]);
    let revisions: Vec<_> = ledger.iter().map(|entry| entry.revision).collect();
    assert_eq!(revisions, [1, 1, 2, 2], "an article's revision; how often an issue is published");
    assert!(ledger.is_sorted_by_key(|entry| entry.publish_time.map(|time| (time.seconds, time.nanos))));
    for listed in &ledger {
        assert_eq!(entry(&mut reader, &listed.name).await, *listed);
    }
    // The head is what the next entry will follow.
    let head: (i64, Vec<u8>) = sqlx::query_as("select sequence, hash from ledger_head")
        .fetch_one(&mut room.database.connect().await)
        .await
        .expect("the head");
    assert_eq!((head.0, hex(&head.1)), (4, ledger[3].hash.clone()));
    // Every snapshot ever sealed is still what its entry says.
    let sealed: Vec<(i64, Vec<u8>)> = sqlx::query_as("select publication, bytes from snapshots order by 1")
        .fetch_all(&mut room.database.connect().await)
        .await
        .expect("the snapshots");
    for ((sequence, bytes), entry) in sealed.iter().zip(&ledger) {
        let found = (*sequence, sha256(bytes), bytes.len() as i64);
        assert_eq!(found, (entry.sequence, entry.sha256.clone(), entry.size_bytes));
    }
    assert_eq!(sealed.len(), ledger.len());
    let get = pb::GetPublicationRequest { name: "publications/5".into() };
    let missing = reader.publications.get_publication(get).await.expect_err("no fifth");
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    room.close().await;
}

#[tokio::test]
async fn a_correction_needs_a_note_and_takes_the_place_of_what_it_corrects() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    // A corrected article is enough: the issue itself has not changed.
    room.review(&update_article(&room, retitled(&placed, "更正后的头条")).await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    for silence in ["", "  \n"] {
        let silent = pb::PublishIssueRequest { note: silence.into(), ..order(&issue) };
        let refused = publisher.issues.publish_issue(silent).await.expect_err("no note");
        assert_eq!(failed_checks(&refused), [("CORRECTION_NOTE".to_owned(), issue.name.clone())]);
        assert_eq!(codes(&refused), CORRECTION);
    }
    let mut reader = room.desk(Role::Reader).await;
    let before = published_issue(&mut reader, &issue.name).await;
    let correct = pb::PublishIssueRequest { note: "标题有误".into(), ..order(&issue) };
    let corrected = publisher.issues.publish_issue(correct).await.expect("a correction").into_inner();
    assert_eq!(
        (corrected.state(), corrected.latest_publication.as_str()),
        (pb::State::Published, "publications/2")
    );
    let entry = entry(&mut reader, "publications/2").await;
    assert_eq!(entry.kind(), pb::publication::Kind::IssueCorrected);
    assert_eq!((entry.supersedes.as_str(), entry.note.as_str()), ("publications/1", "标题有误"));
    let after = published_issue(&mut reader, &issue.name).await;
    let headline = |sealed: &pb::PublishedIssue| {
        sealed.pages[0].placements[0].article.as_ref().expect("an article").headline.clone()
    };
    assert_eq!((headline(&before), headline(&after)), ("第1期头条".into(), "更正后的头条".into()));
    assert_eq!(published_article(&mut reader, &placed.name).await.publication.expect("it").sequence, 2);
    intact_ledger(&mut reader).await;
    room.close().await;
}

#[tokio::test]
async fn an_article_by_itself_needs_a_note_only_when_it_is_a_correction() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let lone = room.review(&room.article("单独发表").await).await;
    let published = publish_article(&room, &lone, "").await;
    assert_eq!(
        (published.state(), published.latest_publication.as_str()),
        (pb::State::Published, "publications/1")
    );
    let corrected = room.review(&update_article(&room, retitled(&lone, "更正")).await).await;
    let publish = pb::PublishArticleRequest { name: lone.name.clone(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.articles.publish_article(publish).await.expect_err("no note");
    assert_eq!(failed_checks(&refused), [("CORRECTION_NOTE".to_owned(), lone.name.clone())]);
    publish_article(&room, &corrected, "标题有误").await;
    let mut reader = room.desk(Role::Reader).await;
    let entry = entry(&mut reader, "publications/2").await;
    assert_eq!((entry.kind(), entry.revision), (pb::publication::Kind::ArticleCorrected, 2));
    assert_eq!(entry.supersedes, "publications/1");
    room.close().await;
}

#[tokio::test]
async fn an_article_published_ahead_goes_into_an_issue_as_it_is() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let ahead = room.review(&room.article("抢先发表").await).await;
    publish_article(&room, &ahead, "").await;
    let mut reader = room.desk(Role::Reader).await;
    let alone = published_article(&mut reader, &ahead.name).await;
    assert_eq!((alone.page.as_str(), alone.article.expect("it").headline.as_str()), ("", "抢先发表"));

    let issue = room.review_issue(&room.issue(1, &[&ahead]).await).await;
    room.publish(&issue).await;
    let printed = published_article(&mut reader, &ahead.name).await;
    assert_eq!(printed.page, format!("{}/pages/1", issue.name));
    assert_eq!(printed.publication.expect("the entry").sequence, 2);
    assert_eq!(get_article(&room, &ahead.name).await.latest_publication, "publications/2");
    let entry = entry(&mut reader, "publications/2").await;
    assert_eq!(entry.kind(), pb::publication::Kind::IssuePublished);
    assert_eq!((entry.supersedes.as_str(), entry.note.as_str()), ("", ""), "new as an issue");
    room.close().await;
}

#[tokio::test]
async fn an_article_by_itself_is_checked_with_its_photos() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo =
        desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo").into_inner();
    let lone = write(&room, pb::Article { photos: vec![uses(&photo)], ..article("单独发表") }).await;
    let publish = pb::PublishArticleRequest { name: lone.name.clone(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.articles.publish_article(publish).await.expect_err("nothing is ready");
    let expected = ["NOT_REVIEWED", "PHOTO_NOT_CLEARED", "PHOTO_NOT_REVIEWED", "PHOTO_WITHOUT_FILE"];
    assert_eq!(codes(&refused), expected);
    desk.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    clear_and_sign(&room, &photo.name).await;
    publish_article(&room, &room.review(&lone).await, "").await;
    let mut reader = room.desk(Role::Reader).await;
    assert_eq!(published_file(&mut reader, &photo.name).await, picture());
    assert_eq!(get_photo(&room, &photo.name).await.state(), pb::State::Published);
    room.close().await;
}

#[tokio::test]
async fn what_is_published_as_it_stands_is_not_published_again() {
    let room = Newsroom::open().await;
    let Front { issue, lead, .. } = front(&room).await;
    room.publish(&issue).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let again = pb::PublishIssueRequest { note: "再来".into(), ..order(&issue) };
    assert_illegal(&publisher.issues.publish_issue(again).await.expect_err("as it stands"), "PUBLISHED");
    let again = pb::PublishArticleRequest { name: lead.name, note: "再来".into(), ..Default::default() };
    assert_illegal(&publisher.articles.publish_article(again).await.expect_err("as it stands"), "PUBLISHED");
    let mut reader = room.desk(Role::Reader).await;
    assert_eq!(intact_ledger(&mut reader).await.len(), 1);
    room.close().await;
}

#[tokio::test]
async fn an_issue_whose_photo_was_corrected_can_be_published_again() {
    let room = Newsroom::open().await;
    let Front { issue, photo, .. } = front(&room).await;
    room.publish(&issue).await;
    // The caption named the wrong place; no article and no page has to change.
    let caption = "演练现场（更正）".to_owned();
    let corrected = pb::Photo { name: photo.name.clone(), etag: "*".into(), caption, ..Default::default() };
    let update = pb::UpdatePhotoRequest { photo: Some(corrected), ..Default::default() };
    room.desk(Role::Reporter).await.photos.update_photo(update).await.expect("a photo");
    clear_and_sign(&room, &photo.name).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let correct = pb::PublishIssueRequest { note: "图片说明有误".into(), ..order(&issue) };
    publisher.issues.publish_issue(correct).await.expect("a correction");
    let mut reader = room.desk(Role::Reader).await;
    assert_eq!(published_issue(&mut reader, &issue.name).await.photos[0].caption, "演练现场（更正）");
    room.close().await;
}

#[tokio::test]
async fn an_issue_follows_an_article_that_was_corrected_by_itself() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    let corrected = room.review(&update_article(&room, retitled(&placed, "更正后的头条")).await).await;
    publish_article(&room, &corrected, "标题有误").await;
    let mut publisher = room.desk(Role::Publisher).await;
    let follow = pb::PublishIssueRequest { note: "头条已更正".into(), ..order(&issue) };
    publisher.issues.publish_issue(follow).await.expect("a correction");
    let mut reader = room.desk(Role::Reader).await;
    let sealed = published_issue(&mut reader, &issue.name).await;
    let printed = sealed.pages[0].placements[0].article.as_ref().expect("an article");
    assert_eq!(printed.headline, "更正后的头条");
    room.close().await;
}

#[tokio::test]
async fn a_published_issue_is_found_by_name_by_day_and_as_the_latest() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut reader = room.desk(Role::Reader).await;
    let by_day = |day| pb::GetPublishedIssueRequest {
        newspaper: PAPER.into(),
        publish_date: day,
        ..Default::default()
    };
    let nothing = reader.publications.get_published_issue(by_day(None)).await.expect_err("none yet");
    assert_eq!((nothing.code(), reason(&nothing)), (Code::NotFound, "NOT_PUBLISHED".into()));

    // November 3rd and 2nd, in this order, and a second one on the 2nd.
    let (later, _) = room.reviewed_issue(2).await;
    let (earlier, _) = room.reviewed_issue(1).await;
    let (same_day, placed) = room.reviewed_issue(29).await;
    let unpublished = room.reviewed_issue(3).await.0;
    let mut publisher = room.desk(Role::Publisher).await;
    for issue in [&later, &earlier, &same_day] {
        let publish = pb::PublishIssueRequest { acknowledge: vec!["RUNNING_NUMBER".into()], ..order(issue) };
        publisher.issues.publish_issue(publish).await.expect("a publication");
    }
    let found = [
        (by_day(None), &later),
        (by_day(Some(date(2026, 11, 3))), &later),
        // Of several that day, the one published last.
        (by_day(Some(date(2026, 11, 2))), &same_day),
        (pb::GetPublishedIssueRequest { name: earlier.name.clone(), ..Default::default() }, &earlier),
    ];
    for (get, issue) in found {
        let sealed = reader.publications.get_published_issue(get).await.expect("an issue").into_inner();
        assert_eq!(sealed.name, issue.name);
    }
    // A correction of the other one of that day makes it the last.
    let changed =
        update_issue(&room, pb::Issue { price_note: "一元".into(), ..earlier.clone() }, &["price_note"])
            .await;
    let correct =
        pb::PublishIssueRequest { note: "更正".into(), ..order(&room.review_issue(&changed).await) };
    publisher.issues.publish_issue(correct).await.expect("a correction");
    let get = by_day(Some(date(2026, 11, 2)));
    let sealed = reader.publications.get_published_issue(get).await.expect("an issue").into_inner();
    assert_eq!(sealed.name, earlier.name);

    for get in [
        by_day(Some(date(2026, 11, 4))),
        pb::GetPublishedIssueRequest { name: unpublished.name, ..Default::default() },
        pb::GetPublishedIssueRequest { newspaper: "newspapers/no-such".into(), ..Default::default() },
    ] {
        let missing = reader.publications.get_published_issue(get).await.expect_err("not published");
        assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "NOT_PUBLISHED".into()));
    }
    let get =
        pb::GetPublishedArticleRequest { name: room.article("未发表").await.name, ..Default::default() };
    let missing = reader.publications.get_published_article(get).await.expect_err("not published");
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "NOT_PUBLISHED".into()));
    assert_eq!(published_article(&mut reader, &placed.name).await.name, placed.name);

    let both = pb::GetPublishedIssueRequest { name: later.name.clone(), ..by_day(None) };
    let refused = reader.publications.get_published_issue(both).await.expect_err("one or the other");
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["newspaper".into()]));
    let day = Some(date(2026, 11, 3));
    let dated = pb::GetPublishedIssueRequest { name: later.name, publish_date: day, ..Default::default() };
    let refused = reader.publications.get_published_issue(dated).await.expect_err("a name has its day");
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["publish_date".into()]));
    let neither = pb::GetPublishedIssueRequest::default();
    let refused = reader.publications.get_published_issue(neither).await.expect_err("neither");
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["name".into()]));
    room.close().await;
}

#[tokio::test]
async fn published_issues_and_the_ledger_are_listed_page_by_page() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut issues = Vec::new();
    for number in 1..=5 {
        let (issue, _) = room.reviewed_issue(number).await;
        room.publish(&issue).await;
        issues.push(issue);
    }
    let mut reader = room.desk(Role::Reader).await;
    let ledger = intact_ledger(&mut reader).await;
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let list = pb::ListPublicationsRequest { page_size: 2, page_token: token };
        let page = reader.publications.list_publications(list).await.expect("a page").into_inner();
        assert!(page.publications.len() <= 2);
        entries.extend(page.publications);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(entries, ledger, "oldest first");

    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let list = pb::ListPublishedIssuesRequest {
            parent: PAPER.into(),
            page_size: 2,
            page_token: token,
            ..Default::default()
        };
        let page = reader.publications.list_published_issues(list).await.expect("a page").into_inner();
        assert!(page.published_issues.len() <= 2);
        listed.extend(page.published_issues);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    issues.reverse();
    assert_eq!(listed.len(), issues.len());
    assert_eq!(listed[0].weekday, "星期五", "of 6 November 2026");
    for ((summary, issue), entry) in listed.iter().zip(&issues).zip(ledger.iter().rev()) {
        let expected = pb::PublishedIssueSummary {
            name: issue.name.clone(),
            number: issue.number,
            publish_date: issue.publish_date,
            weekday: issue.weekday.clone(),
            page_count: 1,
            size_bytes: entry.size_bytes,
            sha256: entry.sha256.clone(),
            publication: entry.name.clone(),
            publish_time: entry.publish_time,
        };
        assert_eq!(*summary, expected, "newest first");
    }
    room.close().await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_rewrite_the_ledger_and_its_snapshots() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    let mut raw = RawReader::of(&room).await;
    let bytes = raw.issue(&issue.name).await;
    // As the owner of the tables, past the service.
    let mut beside = room.database.connect().await;
    for statement in [
        "update publications set note = 'rewritten'",
        "update publications set note = note where false",
        "delete from publications",
        "truncate publications cascade",
        "update snapshots set bytes = ''",
        "delete from snapshots",
        "truncate snapshots",
        "insert into publications select 2 * sequence, kind, resource, newspaper, revision, size_bytes, sha256,
             previous_hash, hash, publisher, publish_time, note, supersedes, acknowledged from publications
             where false; delete from publications where sequence = 1",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut beside).await.expect_err(statement);
        let refused = refused.to_string();
        assert!(refused.contains("are never changed or removed"), "{statement}: {refused}");
    }
    assert_eq!(raw.issue(&issue.name).await, bytes);
    let mut reader = room.desk(Role::Reader).await;
    assert_eq!(intact_ledger(&mut reader).await.len(), 1);
    room.close().await;
}

/// How many rows there are that a publication adds to or changes.
async fn traces(room: &Newsroom) -> (i64, i64, i64, i64, i64) {
    sqlx::query_as(
        "select (select count(*) from publications), (select count(*) from snapshots),
                (select count(*) from published_articles), (select count(*) from changes),
                (select count(*) from requests)",
    )
    .fetch_one(&mut room.database.connect().await)
    .await
    .expect("the counts")
}

#[tokio::test]
async fn a_publication_that_is_only_validated_leaves_nothing() {
    let room = Newsroom::open().await;
    let Front { issue, lead, .. } = front(&room).await;
    let lone = room.review(&room.article("单独发表").await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let before = traces(&room).await;
    let request_id = Uuid::now_v7().to_string();
    let validate =
        pb::PublishIssueRequest { validate_only: true, request_id: request_id.clone(), ..order(&issue) };
    let answer = publisher.issues.publish_issue(validate).await.expect("what it would be").into_inner();
    assert_eq!(
        (answer.state(), answer.latest_publication.as_str()),
        (pb::State::Published, "publications/1")
    );
    let validate = pb::PublishArticleRequest { name: lone.name, validate_only: true, ..Default::default() };
    publisher.articles.publish_article(validate).await.expect("what it would be");

    assert_eq!(traces(&room).await, before);
    assert_eq!(get_issue(&room, &issue.name).await, issue);
    assert_eq!(get_article(&room, &lead.name).await, lead);
    let mut reader = room.desk(Role::Reader).await;
    assert!(intact_ledger(&mut reader).await.is_empty());
    let get = pb::GetPublishedIssueRequest { name: issue.name.clone(), ..Default::default() };
    reader.publications.get_published_issue(get).await.expect_err("not published");
    // A request id that was only validated is still free.
    let publish = pb::PublishIssueRequest { request_id, ..order(&issue) };
    let published = publisher.issues.publish_issue(publish).await.expect("a publication").into_inner();
    assert_eq!(published.latest_publication, "publications/1");
    room.close().await;
}

#[tokio::test]
async fn a_publication_asked_for_twice_with_one_request_id_happens_once() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    let lone = room.review(&room.article("单独发表").await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let publish = pb::PublishIssueRequest { request_id: Uuid::now_v7().to_string(), ..order(&issue) };
    let publish_lone = pb::PublishArticleRequest {
        name: lone.name.clone(),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    let first = publisher.issues.publish_issue(publish.clone()).await.expect("a publication").into_inner();
    let first_lone =
        publisher.articles.publish_article(publish_lone.clone()).await.expect("a publication").into_inner();
    let before = traces(&room).await;
    // Even when the working copies have moved on since.
    update_article(&room, retitled(&lone, "改了标题")).await;
    update_issue(&room, pb::Issue { price_note: "一元".into(), ..issue }, &["price_note"]).await;
    for _ in 0..3 {
        let again =
            publisher.issues.publish_issue(publish.clone()).await.expect("the first answer").into_inner();
        assert_eq!(again, first);
        let again = publisher.articles.publish_article(publish_lone.clone()).await.expect("it").into_inner();
        assert_eq!(again, first_lone);
    }
    let after = traces(&room).await;
    assert_eq!((after.0, after.1, after.2, after.4), (before.0, before.1, before.2, before.4));
    // Another message under the same id is a mistake of the caller.
    let other = pb::PublishIssueRequest { note: "另一个请求".into(), ..publish };
    let refused = publisher.issues.publish_issue(other).await.expect_err("another message");
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
    room.close().await;
}

#[tokio::test]
async fn an_issue_that_has_changed_since_the_publisher_read_it_is_not_published() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    let returned =
        pb::ReturnIssueRequest { name: issue.name.clone(), reason: "等一下".into(), ..Default::default() };
    let mut editor = room.desk_of("another-editor", Role::Editor).await;
    let newer = editor.issues.return_issue(returned).await.expect("a return").into_inner();
    room.review_issue(&newer).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let stale = pb::PublishIssueRequest { etag: issue.etag.clone(), ..order(&issue) };
    let refused = publisher.issues.publish_issue(stale).await.expect_err("a stale etag");
    assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "ETAG_MISMATCH".into()));
    let current = get_issue(&room, &issue.name).await.etag;
    let details = refused.get_error_details();
    assert_eq!(details.error_info().expect("error info").metadata["etag"], current);
    let publish = pb::PublishIssueRequest { etag: current, ..order(&issue) };
    publisher.issues.publish_issue(publish).await.expect("a publication");
    room.close().await;
}
