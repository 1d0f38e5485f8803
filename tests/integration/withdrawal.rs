//! 撤回: what is withdrawn is gone from everything that readers can ask, while
//! the ledger stays whole.

use std::collections::{BTreeMap, BTreeSet};

use masthead::{admin::Role, pb};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    newsroom::{Newsroom, PAPER, article, date, paragraph, reason, upload},
    publishing::{
        entry, get_article, get_issue, intact_ledger, lay_out, publish_article, published_issue, reporter,
        retitled, signs, update_article,
    },
    raw::{Line, methods},
};

/// Stands in every text of the article that is withdrawn.
const MARK: &str = "赤狐";

/// What the public is told.
const REASON: &str = "本报道失实，特此撤回。";

/// Asks everything that readers can ask about one story, its issue and its photo.
struct Reader {
    line: Line,
    story: String,
    issue: String,
    photo: String,
}

impl Reader {
    async fn of(room: &Newsroom, story: &str, issue: &str, photo: &str) -> Reader {
        let line = Line::of(room, "reader", Role::Reader).await;
        Reader { line, story: story.into(), issue: issue.into(), photo: photo.into() }
    }

    /// Every question, by the method that it asks.
    async fn questions(&self) -> Vec<(&'static str, Vec<u8>)> {
        let list = pb::ListPublicationsRequest { page_size: 500, ..Default::default() };
        let ledger = self.line.call("PublicationService/ListPublications", list.encode_to_vec()).await;
        let ledger = pb::ListPublicationsResponse::decode(ledger.expect("the ledger")).expect("a list");
        let by_day = ledger.publications.iter().map(|entry| entry.name.clone());
        let (story, issue) = (self.story.clone(), self.issue.clone());
        let mut questions = vec![
            ("GetPublishedIssue", of_issue(|ask| ask.name = issue.clone())),
            ("GetPublishedIssue", of_issue(|ask| ask.newspaper = PAPER.into())),
            ("StreamPublishedIssue", of_issue(|ask| ask.name = issue.clone())),
            ("GetPublishedArticle", of_article(&story, "")),
            (
                "DownloadPublishedPhoto",
                pb::DownloadPublishedPhotoRequest { name: self.photo.clone(), ..Default::default() }
                    .encode_to_vec(),
            ),
            (
                "ListPublishedIssues",
                pb::ListPublishedIssuesRequest { parent: PAPER.into(), ..Default::default() }.encode_to_vec(),
            ),
            (
                "SearchPublishedArticles",
                pb::SearchPublishedArticlesRequest { query: MARK.into(), ..Default::default() }
                    .encode_to_vec(),
            ),
            (
                "GetIssueCalendar",
                pb::GetIssueCalendarRequest { parent: PAPER.into(), year: 2026, month: 11 }.encode_to_vec(),
            ),
            ("GetAdjacentIssues", pb::GetAdjacentIssuesRequest { name: issue.clone() }.encode_to_vec()),
            (
                "ListIssuesOnThisDay",
                pb::ListIssuesOnThisDayRequest {
                    parent: PAPER.into(),
                    date: Some(date(0, 11, 2)),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            ("ListPublications", list.encode_to_vec()),
        ];
        for publication in by_day {
            questions.push(("GetPublishedIssue", of_issue(|ask| ask.publication = publication.clone())));
            questions.push(("StreamPublishedIssue", of_issue(|ask| ask.publication = publication.clone())));
            questions.push(("GetPublishedArticle", of_article(&story, &publication)));
            questions.push((
                "GetPublication",
                pb::GetPublicationRequest { name: publication.clone() }.encode_to_vec(),
            ));
        }
        questions
    }

    /// How many answers of each method hold the mark or the picture.
    async fn sightings(&self, picture: &[u8]) -> BTreeMap<&'static str, usize> {
        let mut seen = BTreeMap::from([("WatchPublications", 0)]);
        for (method, question) in self.questions().await {
            let answer = self.line.send(&format!("PublicationService/{method}"), vec![question]).await;
            let bytes = match &answer {
                Ok(messages) => messages.concat(),
                Err(status) => [status.message().as_bytes(), status.details()].concat(),
            };
            *seen.entry(method).or_default() += usize::from(shows(&bytes, picture));
        }
        for message in self.replay().await {
            *seen.entry("WatchPublications").or_default() += usize::from(shows(&message, picture));
        }
        seen
    }

    /// The feed from its beginning to the present, message by message.
    async fn replay(&self) -> Vec<bytes::Bytes> {
        let (mut messages, mut cursor) = (Vec::new(), String::new());
        loop {
            let watch = pb::WatchPublicationsRequest { cursor, ..Default::default() };
            let message = self.ask("WatchPublications", watch.encode_to_vec()).await.expect("a message");
            let read = pb::WatchPublicationsResponse::decode(message.clone()).expect("a message");
            messages.push(message);
            if matches!(read.event, Some(pb::watch_publications_response::Event::Checkpoint(_))) {
                return messages;
            }
            cursor = read.cursor;
        }
    }

    async fn ask(&self, method: &str, question: Vec<u8>) -> Result<bytes::Bytes, Status> {
        self.line.call(&format!("PublicationService/{method}"), question).await
    }
}

/// Whether an answer holds the mark or the picture.
fn shows(bytes: &[u8], picture: &[u8]) -> bool {
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    holds(MARK.as_bytes()) || holds(picture)
}

fn of_issue(fill: impl FnOnce(&mut pb::GetPublishedIssueRequest)) -> Vec<u8> {
    let mut ask = pb::GetPublishedIssueRequest::default();
    fill(&mut ask);
    ask.encode_to_vec()
}

fn of_article(name: &str, publication: &str) -> Vec<u8> {
    let (name, publication) = (name.to_owned(), publication.to_owned());
    pb::GetPublishedArticleRequest { name, publication }.encode_to_vec()
}

/// The metadata of a refusal to serve what was withdrawn.
fn withdrawal_of(status: &Status) -> BTreeMap<String, String> {
    assert_eq!((status.code(), reason(status)), (Code::NotFound, "WITHDRAWN".to_owned()), "{status:?}");
    let details = status.get_error_details();
    details.error_info().expect("error info").metadata.clone().into_iter().collect()
}

async fn withdraw_article(room: &Newsroom, name: &str) -> Result<pb::Article, Status> {
    let withdraw =
        pb::WithdrawArticleRequest { name: name.into(), reason: REASON.into(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    Ok(publisher.articles.withdraw_article(withdraw).await?.into_inner())
}

async fn withdraw_issue(room: &Newsroom, name: &str) -> Result<pb::Issue, Status> {
    let withdraw =
        pb::WithdrawIssueRequest { name: name.into(), reason: REASON.into(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    Ok(publisher.issues.withdraw_issue(withdraw).await?.into_inner())
}

async fn correct(room: &Newsroom, issue: &str) -> pb::Issue {
    let issue = room.review_issue(&get_issue(room, issue).await).await;
    let publish =
        pb::PublishIssueRequest { name: issue.name, note: "更正版面。".into(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.issues.publish_issue(publish).await.expect("a correction").into_inner()
}

/// A story full of marks, published by itself and then in an issue of two
/// articles that was corrected once.
struct Stock {
    story: pb::Article,
    other: pb::Article,
    issue: pb::Issue,
    photo: pb::Photo,
    picture: Vec<u8>,
}

async fn stock(room: &Newsroom) -> Stock {
    room.newspaper(1).await;
    let photo = room.photo(&format!("{MARK}在林间")).await;
    // Bytes that no other photo has.
    let picture = masthead::demo::picture::stand_in(80, 50).expect("a picture");
    let mut desk = room.desk(Role::Reporter).await;
    desk.photos.upload_photo(upload(&photo.name, picture.clone())).await.expect("an upload");
    let photo = sign_photo(room, &photo.name).await;
    let witness = reporter(room, &format!("{MARK}目击者")).await;
    let story = pb::Article {
        kicker: format!("{MARK}引题"),
        bylines: signs(&witness, pb::byline::Role::Reporter),
        keywords: vec![format!("{MARK}关键词")],
        body: vec![paragraph(&format!("昨天有人看见了{MARK}。"))],
        photos: vec![pb::PhotoUse {
            photo: photo.name.clone(),
            caption: format!("{MARK}图说"),
            ..Default::default()
        }],
        ..article(&format!("{MARK}现身城郊"))
    };
    let create = pb::CreateArticleRequest { article: Some(story), ..Default::default() };
    let story = desk.articles.create_article(create).await.expect("an article").into_inner();
    let story = publish_article(room, &room.review(&story).await, "").await;
    let other = room.review(&room.article("另一条消息").await).await;
    let issue = room.issue(1, &[&story, &other]).await;
    overprint(room, &issue, &story, &other).await;
    let issue = room.review_issue(&get_issue(room, &issue.name).await).await;
    room.publish(&issue).await;
    lay_out(room, &issue.name, 1, "社会", &[&story, &other]).await;
    overprint(room, &issue, &story, &other).await;
    let issue = correct(room, &issue.name).await;
    Stock { story, other, issue, photo, picture }
}

async fn sign_photo(room: &Newsroom, name: &str) -> pb::Photo {
    let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
    let photo = pb::Photo { name: name.into(), etag: "*".into(), rights: Some(rights), ..Default::default() };
    let update = pb::UpdatePhotoRequest { photo: Some(photo), ..Default::default() };
    room.desk(Role::Editor).await.photos.update_photo(update).await.expect("a clearance");
    let review =
        pb::ReviewPhotoRequest { name: name.into(), etag: "*".into(), stage: 1, ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.photos.review_photo(review).await.expect("a sign-off").into_inner()
}

/// Prints the story under a headline of the page's own.
async fn overprint(room: &Newsroom, issue: &pb::Issue, story: &pb::Article, other: &pb::Article) {
    let own = pb::Placement {
        article: story.name.clone(),
        headline: format!("{MARK}版面标题"),
        byline: format!("{MARK}版面署名"),
        role: pb::placement::Role::Lead.into(),
        ..Default::default()
    };
    let page = pb::Page {
        name: format!("{}/pages/1", issue.name),
        etag: "*".into(),
        placements: vec![own, pb::Placement { article: other.name.clone(), ..Default::default() }],
        ..Default::default()
    };
    let update = pb::UpdatePageRequest { page: Some(page), ..Default::default() };
    room.desk(Role::Reporter).await.issues.update_page(update).await.expect("a page");
}

#[tokio::test]
async fn a_withdrawn_article_is_gone_for_every_method_of_the_read_side() {
    let room = Newsroom::open().await;
    let Stock { story, other, issue, photo, picture } = stock(&room).await;
    let reader = Reader::of(&room, &story.name, &issue.name, &photo.name).await;
    let mut desk = room.desk(Role::Reader).await;

    let before = reader.sightings(&picture).await;
    let asked: BTreeSet<&str> = before.keys().copied().collect();
    let read_side: Vec<String> = methods().into_iter().map(|(name, _)| name).collect();
    // Only keepers may prove the ledger, and no text comes of it.
    let read_side = read_side.iter().filter_map(|name| name.strip_prefix("PublicationService/"));
    let read_side = read_side.filter(|method| *method != "VerifyPublications");
    assert_eq!(asked, read_side.collect(), "every method of the read side is asked");
    for (method, shown) in [
        ("GetPublishedIssue", 4),
        ("StreamPublishedIssue", 3),
        ("GetPublishedArticle", 4),
        ("DownloadPublishedPhoto", 1),
    ] {
        assert_eq!(before[method], shown, "{method} shows the story while it is published");
    }

    let withdrawn = withdraw_article(&room, &story.name).await.expect("a withdrawal");
    assert_eq!(withdrawn.state(), pb::State::Withdrawn);
    assert_eq!(withdrawn.latest_publication, "publications/4");
    assert!(withdrawn.reviews.is_empty(), "nothing goes out again without new signatures");
    let after = reader.sightings(&picture).await;
    assert_eq!(after.values().sum::<usize>(), 0, "{after:?}");

    // Readers are told what happened, by every path that led to it.
    let asked = [
        ("GetPublishedArticle", of_article(&story.name, "")),
        ("GetPublishedArticle", of_article(&story.name, "publications/1")),
        ("GetPublishedArticle", of_article(&story.name, "publications/2")),
        (
            "DownloadPublishedPhoto",
            pb::DownloadPublishedPhotoRequest { name: photo.name.clone(), ..Default::default() }
                .encode_to_vec(),
        ),
    ];
    for (method, question) in asked {
        let told = withdrawal_of(&reader.ask(method, question).await.expect_err("a refusal"));
        assert_eq!(told["publication"], "publications/4", "{method}");
        assert_eq!(told["withdraw_reason"], REASON, "{method}");
        assert!(told["withdraw_time"].starts_with("20"), "{method}");
    }

    // The issue stands, with a notice in the story's place, in both publications.
    for publication in ["publications/2", "publications/3"] {
        let ask = of_issue(|ask| ask.publication = publication.into());
        let shown = reader.ask("GetPublishedIssue", ask).await.expect("the issue");
        let shown = pb::PublishedIssue::decode(shown).expect("an issue");
        let [gone, left] = shown.pages[0].placements.as_slice() else { panic!("two placements") };
        let notice = gone.withdrawal.as_ref().expect("a notice");
        assert_eq!((notice.publication.as_str(), notice.reason.as_str()), ("publications/4", REASON));
        let place = gone.placement.as_ref().expect("a placement");
        assert_eq!((&place.article, place.role()), (&story.name, pb::placement::Role::Lead));
        assert_eq!(gone.article, Some(pb::Article { name: story.name.clone(), ..Default::default() }));
        let left = left.article.as_ref().expect("an article");
        assert_eq!((&left.name, left.headline.as_str()), (&other.name, "另一条消息"));
        assert!(!left.body.is_empty());
        assert!(shown.photos.is_empty() && shown.reporters.is_empty(), "nothing that only the story brought");
    }

    // The ledger is whole, and has the tombstone.
    let ledger = intact_ledger(&mut desk).await;
    let tombstone = &ledger[3];
    assert_eq!(tombstone.kind(), pb::publication::Kind::ArticleWithdrawn);
    assert_eq!((tombstone.resource.as_str(), tombstone.note.as_str()), (story.name.as_str(), REASON));
    assert_eq!((tombstone.size_bytes, tombstone.revision), (0, 1));
    let sealed: bool = sqlx::query_scalar(
        "select bool_and(sha256(s.bytes) = p.sha256 and length(s.bytes) = p.size_bytes)
         from publications p join snapshots s on s.publication = p.sequence",
    )
    .fetch_one(&mut room.database.connect().await)
    .await
    .expect("the sealed bytes");
    assert!(sealed, "the sealed bytes are as they were");
    room.close().await;
}

#[tokio::test]
async fn a_withdrawn_issue_takes_its_articles_and_photos_with_it() {
    let room = Newsroom::open().await;
    let Stock { story, other, issue, photo, picture } = stock(&room).await;
    let reader = Reader::of(&room, &story.name, &issue.name, &photo.name).await;
    let (second, _) = room.reviewed_issue(2).await;
    room.publish(&second).await;

    let withdrawn = withdraw_issue(&room, &issue.name).await.expect("a withdrawal");
    assert_eq!(withdrawn.state(), pb::State::Withdrawn);
    assert_eq!(withdrawn.latest_publication, "publications/5");
    let after = reader.sightings(&picture).await;
    assert_eq!(after.values().sum::<usize>(), 0, "{after:?}");
    let asked = [
        of_issue(|ask| ask.name = issue.name.clone()),
        of_issue(|ask| ask.publication = "publications/2".into()),
        of_issue(|ask| ask.publication = "publications/5".into()),
        of_issue(|ask| (ask.newspaper, ask.publish_date) = (PAPER.into(), issue.publish_date)),
    ];
    for question in asked {
        let told = withdrawal_of(&reader.ask("GetPublishedIssue", question).await.expect_err("a refusal"));
        assert_eq!(told["publication"], "publications/5");
    }
    for article in [&story, &other] {
        let question = of_article(&article.name, "");
        withdrawal_of(&reader.ask("GetPublishedArticle", question).await.expect_err("a refusal"));
        assert_eq!(get_article(&room, &article.name).await.state(), pb::State::Withdrawn);
    }
    let latest = reader.ask("GetPublishedIssue", of_issue(|ask| ask.newspaper = PAPER.into())).await;
    let latest = pb::PublishedIssue::decode(latest.expect("an issue")).expect("an issue");
    assert_eq!(latest.name, second.name, "the latest is one that stands");

    // The ledger tells followers of each article too.
    let ledger = intact_ledger(&mut room.desk(Role::Reader).await).await;
    let told: BTreeSet<(pb::publication::Kind, String)> =
        ledger[4..].iter().map(|entry| (entry.kind(), entry.resource.clone())).collect();
    let expected = [
        (pb::publication::Kind::IssueWithdrawn, issue.name.clone()),
        (pb::publication::Kind::ArticleWithdrawn, story.name.clone()),
        (pb::publication::Kind::ArticleWithdrawn, other.name.clone()),
    ];
    assert_eq!(told, expected.into());
    // Its number stays taken.
    let again =
        pb::PublishIssueRequest { name: issue.name.clone(), note: "重出。".into(), ..Default::default() };
    let refused = room.desk(Role::Publisher).await.issues.publish_issue(again).await;
    assert_eq!(reason(&refused.expect_err("withdrawn")), "ILLEGAL_MOVE");
    room.close().await;
}

#[tokio::test]
async fn an_article_that_stands_in_another_issue_outlives_the_withdrawal_of_one() {
    let room = Newsroom::open().await;
    let Stock { story, other, issue, photo, .. } = stock(&room).await;
    let second = room.review_issue(&room.issue(2, &[&story]).await).await;
    room.publish(&second).await;
    // The newest publication of the story is the one that is withdrawn.
    withdraw_issue(&room, &second.name).await.expect("a withdrawal");
    let reader = Reader::of(&room, &story.name, &issue.name, &photo.name).await;
    let served = reader.ask("GetPublishedArticle", of_article(&story.name, "")).await.expect("the story");
    let served = pb::PublishedArticle::decode(served).expect("an article");
    assert_eq!(served.page, format!("{}/pages/1", issue.name));
    assert_eq!(served.publication.expect("an entry").name, "publications/3");
    let kept = get_article(&room, &story.name).await;
    assert_eq!((kept.state(), kept.latest_publication.as_str()), (pb::State::Published, "publications/3"));
    let file = pb::DownloadPublishedPhotoRequest { name: photo.name, ..Default::default() };
    reader.ask("DownloadPublishedPhoto", file.encode_to_vec()).await.expect("its photo");
    let question = of_article(&story.name, "publications/4");
    withdrawal_of(&reader.ask("GetPublishedArticle", question).await.expect_err("not out of that issue"));
    let first = published_issue(&mut room.desk(Role::Reader).await, &issue.name).await;
    assert!(first.pages[0].placements.iter().all(|placed| placed.withdrawal.is_none()), "{other:?}");

    // A later text that only the withdrawn issue brought is out no more.
    let later = room.review(&update_article(&room, retitled(&story, "后来的标题")).await).await;
    let third = room.review_issue(&room.issue(3, &[&later]).await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.issues.publish_issue(waiving_number(&third)).await.expect("a publication");
    withdraw_issue(&room, &third.name).await.expect("a withdrawal");
    let kept = get_article(&room, &story.name).await;
    assert_eq!((kept.state(), kept.latest_publication.as_str()), (pb::State::Reviewed, "publications/3"));
    let served = reader.ask("GetPublishedArticle", of_article(&story.name, "")).await.expect("the story");
    let served = pb::PublishedArticle::decode(served).expect("an article");
    assert_eq!(served.article.expect("an article").headline, story.headline);
    room.close().await;
}

fn waiving_number(issue: &pb::Issue) -> pb::PublishIssueRequest {
    pb::PublishIssueRequest {
        name: issue.name.clone(),
        acknowledge: vec!["RUNNING_NUMBER".into()],
        ..Default::default()
    }
}

#[tokio::test]
async fn a_photo_stays_published_while_another_article_shows_it() {
    let room = Newsroom::open().await;
    let Stock { story, photo, .. } = stock(&room).await;
    let shows = pb::Article {
        photos: vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }],
        ..article("图片新闻")
    };
    let create = pb::CreateArticleRequest { article: Some(shows), ..Default::default() };
    let mut desk = room.desk(Role::Reporter).await;
    let shows = desk.articles.create_article(create).await.expect("an article").into_inner();
    let shows = publish_article(&room, &room.review(&shows).await, "").await;

    let mut reader = room.desk(Role::Reader).await;
    let file = || pb::DownloadPublishedPhotoRequest { name: photo.name.clone(), ..Default::default() };
    let get = || pb::GetPhotoRequest { name: photo.name.clone() };
    withdraw_article(&room, &story.name).await.expect("a withdrawal");
    reader.publications.download_published_photo(file()).await.expect("the file");
    let kept = desk.photos.get_photo(get()).await.expect("the photo").into_inner();
    assert_eq!(kept.state(), pb::State::Published);

    withdraw_article(&room, &shows.name).await.expect("a withdrawal");
    let refused = reader.publications.download_published_photo(file()).await.map(|_| ());
    withdrawal_of(&refused.expect_err("no article shows it"));
    let kept = desk.photos.get_photo(get()).await.expect("the photo").into_inner();
    assert_eq!(kept.state(), pb::State::Reviewed, "free for other articles, with its sign-off");
    assert_eq!(kept.reviews.len(), 1);
    room.close().await;
}

#[tokio::test]
async fn a_withdrawn_article_comes_back_only_through_review_and_with_a_note() {
    let room = Newsroom::open().await;
    let Stock { story, issue, .. } = stock(&room).await;
    withdraw_article(&room, &story.name).await.expect("a withdrawal");
    let mut publisher = room.desk(Role::Publisher).await;
    let publish =
        pb::PublishArticleRequest {
            name: story.name.clone(), note: "恢复。".into(), ..Default::default()
        };
    let refused = publisher.articles.publish_article(publish.clone()).await.expect_err("withdrawn");
    assert_eq!(reason(&refused), "ILLEGAL_MOVE");
    let moves = refused.get_error_details().error_info().expect("error info").metadata["open_moves"].clone();
    assert_eq!(moves, "Update,Return");

    // Withdrawn by mistake: sent back, signed and published as it was.
    let back = pb::ReturnArticleRequest {
        name: story.name.clone(),
        reason: "误撤，重新送审".into(),
        ..Default::default()
    };
    let back = publisher.articles.return_article(back).await.expect("a return").into_inner();
    assert_eq!(back.state(), pb::State::Draft);
    room.review(&back).await;
    let out = publisher.articles.publish_article(publish).await.expect("a publication").into_inner();
    assert_eq!(out.latest_publication, "publications/5");
    let mut reader = room.desk(Role::Reader).await;
    let newest = entry(&mut reader, "publications/5").await;
    assert_eq!(newest.kind(), pb::publication::Kind::ArticleCorrected);
    assert_eq!(newest.supersedes, "publications/4");
    let get = pb::GetPublishedArticleRequest { name: story.name.clone(), ..Default::default() };
    let served = reader.publications.get_published_article(get).await.expect("the story").into_inner();
    assert!(served.article.expect("an article").headline.contains(MARK));
    // What was taken back stays taken back.
    let old =
        pb::GetPublishedArticleRequest { name: story.name.clone(), publication: "publications/1".into() };
    withdrawal_of(&reader.publications.get_published_article(old).await.expect_err("a refusal"));
    let shown = published_issue(&mut reader, &issue.name).await;
    assert!(shown.pages[0].placements[0].withdrawal.is_some());
    room.close().await;
}

#[tokio::test]
async fn only_what_is_published_can_be_withdrawn_and_only_once() {
    let room = Newsroom::open().await;
    let Stock { story, issue, .. } = stock(&room).await;
    let draft = room.article("草稿").await;
    let refused = withdraw_article(&room, &draft.name).await.expect_err("never published");
    assert_eq!(reason(&refused), "ILLEGAL_MOVE");
    let unpublished = room.issue(7, &[&draft]).await;
    let refused = withdraw_issue(&room, &unpublished.name).await.expect_err("never published");
    assert_eq!(reason(&refused), "ILLEGAL_MOVE");

    let mut publisher = room.desk(Role::Publisher).await;
    let silent = pb::WithdrawArticleRequest { name: story.name.clone(), ..Default::default() };
    let refused = publisher.articles.withdraw_article(silent).await.expect_err("no reason");
    assert_eq!(crate::newsroom::fields(&refused), ["reason"]);

    let before = room.contents().await;
    let tried = pb::WithdrawIssueRequest {
        name: issue.name.clone(),
        reason: REASON.into(),
        validate_only: true,
        ..Default::default()
    };
    let shown = publisher.issues.withdraw_issue(tried).await.expect("a rehearsal").into_inner();
    assert_eq!(shown.state(), pb::State::Withdrawn);
    assert!(room.contents().await == before, "a rehearsal changes nothing");

    // The working copy has moved on: what readers see is withdrawn all the same.
    let moved = update_article(&room, retitled(&story, "改过的标题")).await;
    assert_eq!(moved.state(), pb::State::Draft);
    let request_id = "0198a000-0000-7000-8000-0000000000aa".to_owned();
    let withdraw = pb::WithdrawArticleRequest {
        name: story.name.clone(),
        etag: moved.etag.clone(),
        reason: REASON.into(),
        request_id,
        ..Default::default()
    };
    let first =
        publisher.articles.withdraw_article(withdraw.clone()).await.expect("a withdrawal").into_inner();
    let again = publisher.articles.withdraw_article(withdraw).await.expect("the first answer").into_inner();
    assert_eq!(first, again);
    let refused = withdraw_article(&room, &story.name).await.expect_err("withdrawn already");
    assert_eq!(reason(&refused), "ILLEGAL_MOVE");
    let ledger = intact_ledger(&mut room.desk(Role::Reader).await).await;
    assert_eq!(ledger.last().expect("an entry").revision, 1, "the revision that was published");
    room.close().await;
}

#[tokio::test]
async fn a_superseded_publication_is_found_by_its_number_and_says_what_replaced_it() {
    let room = Newsroom::open().await;
    let Stock { story, issue, .. } = stock(&room).await;
    let story = room.review(&update_article(&room, retitled(&story, "更正后的标题")).await).await;
    publish_article(&room, &story, "更正标题。").await;
    let mut reader = room.desk(Role::Reader).await;

    // The issue was corrected; the article was published alone, in the issue
    // twice, and corrected alone.
    let superseded_by = ["publications/4", "publications/3", "", ""];
    for (index, superseded_by) in superseded_by.into_iter().enumerate() {
        let entry = entry(&mut reader, &format!("publications/{}", index + 1)).await;
        assert_eq!(entry.superseded_by, superseded_by, "{}", entry.name);
    }
    let old = pb::GetPublishedIssueRequest { publication: "publications/2".into(), ..Default::default() };
    let old = reader.publications.get_published_issue(old).await.expect("the old issue").into_inner();
    assert_eq!(old.pages[0].page.as_ref().expect("a page").section, "要闻");
    let new = published_issue(&mut reader, &issue.name).await;
    assert_eq!(new.pages[0].page.as_ref().expect("a page").section, "社会");
    for (publication, headline) in [
        ("publications/1", "赤狐现身城郊"),
        ("publications/3", "赤狐现身城郊"),
        ("publications/4", "更正后的标题"),
    ] {
        let get =
            pb::GetPublishedArticleRequest { name: story.name.clone(), publication: publication.into() };
        let served = reader.publications.get_published_article(get).await.expect("an article").into_inner();
        assert_eq!(served.article.expect("an article").headline, headline, "{publication}");
    }
    let wrong = pb::GetPublishedIssueRequest { publication: "publications/4".into(), ..Default::default() };
    let refused = reader.publications.get_published_issue(wrong).await.expect_err("an article's");
    assert_eq!(crate::newsroom::fields(&refused), ["publication"]);
    let none = pb::GetPublishedIssueRequest { publication: "publications/99".into(), ..Default::default() };
    let refused = reader.publications.get_published_issue(none).await.expect_err("none");
    assert_eq!(refused.code(), Code::NotFound);
    room.close().await;
}

#[tokio::test]
async fn withdrawals_and_publications_at_once_leave_nothing_standing_that_was_withdrawn() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut articles = Vec::new();
    for number in 0..6 {
        let article = room.review(&room.article(&format!("{MARK}{number}")).await).await;
        articles.push(publish_article(&room, &article, "").await);
    }
    let issues = [[0, 1, 2], [2, 3, 4], [4, 5, 0]];
    let mut names = Vec::new();
    for (index, placed) in issues.iter().enumerate() {
        let placed: Vec<&pb::Article> = placed.iter().map(|index| &articles[*index]).collect();
        names.push(room.review_issue(&room.issue(index as i32 + 1, &placed).await).await.name);
    }
    let publishing = names.iter().map(|name| async {
        let publish = pb::PublishIssueRequest {
            name: name.clone(),
            acknowledge: vec!["RUNNING_NUMBER".into()],
            ..Default::default()
        };
        room.desk(Role::Publisher).await.issues.publish_issue(publish).await.map(|_| ()).err()
    });
    let withdrawing = articles[..4]
        .iter()
        .map(|article| async { withdraw_article(&room, &article.name).await.map(|_| ()).err() });
    let (published, withdrawn) =
        tokio::join!(futures::future::join_all(publishing), futures::future::join_all(withdrawing));
    assert!(withdrawn.iter().all(Option::is_none), "{withdrawn:?}");
    for refused in published.into_iter().flatten() {
        assert_eq!(reason(&refused), "NOT_PUBLISHABLE", "{refused:?}");
    }
    let mut reader = room.desk(Role::Reader).await;
    let ledger = intact_ledger(&mut reader).await;
    for entry in ledger.iter().filter(|entry| entry.resource.starts_with("newspapers/")) {
        let shown = published_issue(&mut reader, &entry.resource).await;
        for placed in shown.pages.iter().flat_map(|page| &page.placements) {
            let name = &placed.placement.as_ref().expect("a placement").article;
            let is_withdrawn = articles[..4].iter().any(|article| article.name == *name);
            assert_eq!(placed.withdrawal.is_some(), is_withdrawn, "{name} in {}", entry.resource);
        }
    }
    room.close().await;
}
