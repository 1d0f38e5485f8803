//! 三审: the way of an article, an issue and a photo from draft to published.
//! The three keep the same rules, so each rule is tried on all of them.

mod reviews;
mod stages;

use std::sync::atomic::{AtomicI32, Ordering};

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::newsroom::{Newsroom, PAPER, article, codes, fields, mask, paragraph, picture, reason, upload};

/// What the workflow is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Article,
    Issue,
    Photo,
}

use Kind::{Article, Issue, Photo};

const ALL: [Kind; 3] = [Article, Issue, Photo];

/// What the workflow shows of an article, an issue or a photo.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    kind: Kind,
    name: String,
    etag: String,
    state: pb::State,
    reviews: Vec<pb::Review>,
    digest: String,
    return_reason: String,
}

macro_rules! piece_from {
    ($message:ty, $kind:expr) => {
        impl From<$message> for Piece {
            fn from(message: $message) -> Piece {
                Piece {
                    kind: $kind,
                    state: message.state(),
                    name: message.name,
                    etag: message.etag,
                    reviews: message.reviews,
                    digest: message.content_digest,
                    return_reason: message.return_reason,
                }
            }
        }
    };
}

piece_from!(pb::Article, Article);
piece_from!(pb::Issue, Issue);
piece_from!(pb::Photo, Photo);

fn piece<M: Into<Piece>>(answer: Result<tonic::Response<M>, Status>) -> Result<Piece, Status> {
    answer.map(|answer| answer.into_inner().into())
}

/// What a person does with pieces.
trait Work {
    async fn get(&mut self, piece: &Piece) -> Piece;
    async fn review(&mut self, piece: &Piece, stage: i32) -> Result<Piece, Status>;
    async fn send_back(&mut self, piece: &Piece, reason: &str) -> Result<Piece, Status>;
    /// Changes its content, so that it is different after each text.
    async fn change(&mut self, piece: &Piece, text: &str) -> Result<Piece, Status>;
    /// Saves it as it is, all fields.
    async fn save_unchanged(&mut self, piece: &Piece) -> Result<Piece, Status>;
    /// Tries to write a state and sign-offs.
    async fn write_state(&mut self, piece: &Piece, named: bool) -> Result<Piece, Status>;
    async fn publish(&mut self, piece: &Piece) -> Result<Piece, Status>;
}

impl Work for Desk {
    async fn get(&mut self, to: &Piece) -> Piece {
        let name = to.name.clone();
        let got = match to.kind {
            Article => piece(self.articles.get_article(pb::GetArticleRequest { name }).await),
            Issue => piece(self.issues.get_issue(pb::GetIssueRequest { name }).await),
            Photo => piece(self.photos.get_photo(pb::GetPhotoRequest { name }).await),
        };
        got.expect("the piece")
    }

    async fn review(&mut self, to: &Piece, stage: i32) -> Result<Piece, Status> {
        let (name, etag, remark) = (to.name.clone(), to.etag.clone(), format!("第{stage}审通过"));
        macro_rules! request {
            ($request:ident) => {
                pb::$request { name, etag, stage, remark, ..Default::default() }
            };
        }
        match to.kind {
            Article => piece(self.articles.review_article(request!(ReviewArticleRequest)).await),
            Issue => piece(self.issues.review_issue(request!(ReviewIssueRequest)).await),
            Photo => piece(self.photos.review_photo(request!(ReviewPhotoRequest)).await),
        }
    }

    async fn send_back(&mut self, to: &Piece, reason: &str) -> Result<Piece, Status> {
        let (name, etag, reason) = (to.name.clone(), to.etag.clone(), reason.to_owned());
        macro_rules! request {
            ($request:ident) => {
                pb::$request { name, etag, reason, ..Default::default() }
            };
        }
        match to.kind {
            Article => piece(self.articles.return_article(request!(ReturnArticleRequest)).await),
            Issue => piece(self.issues.return_issue(request!(ReturnIssueRequest)).await),
            Photo => piece(self.photos.return_photo(request!(ReturnPhotoRequest)).await),
        }
    }

    async fn change(&mut self, to: &Piece, text: &str) -> Result<Piece, Status> {
        let (name, etag, text) = (to.name.clone(), to.etag.clone(), text.to_owned());
        match to.kind {
            Article => {
                let article = pb::Article { name, etag, subheadline: text, ..Default::default() };
                let article = Some(article);
                let update = pb::UpdateArticleRequest { article, ..Default::default() };
                piece(self.articles.update_article(update).await)
            }
            Issue => {
                let issue = pb::Issue { name, etag, price_note: text, ..Default::default() };
                let update = pb::UpdateIssueRequest { issue: Some(issue), ..Default::default() };
                piece(self.issues.update_issue(update).await)
            }
            Photo => {
                let photo = pb::Photo { name, etag, caption: text, ..Default::default() };
                let update = pb::UpdatePhotoRequest { photo: Some(photo), ..Default::default() };
                piece(self.photos.update_photo(update).await)
            }
        }
    }

    async fn save_unchanged(&mut self, to: &Piece) -> Result<Piece, Status> {
        let (name, update_mask) = (to.name.clone(), mask(&["*"]));
        match to.kind {
            Article => {
                let got = self.articles.get_article(pb::GetArticleRequest { name }).await?.into_inner();
                let article = Some(got);
                let update = pb::UpdateArticleRequest { article, update_mask, ..Default::default() };
                piece(self.articles.update_article(update).await)
            }
            Issue => {
                let got = self.issues.get_issue(pb::GetIssueRequest { name }).await?.into_inner();
                let update = pb::UpdateIssueRequest { issue: Some(got), update_mask, ..Default::default() };
                piece(self.issues.update_issue(update).await)
            }
            Photo => {
                let got = self.photos.get_photo(pb::GetPhotoRequest { name }).await?.into_inner();
                let update = pb::UpdatePhotoRequest { photo: Some(got), update_mask, ..Default::default() };
                piece(self.photos.update_photo(update).await)
            }
        }
    }

    async fn write_state(&mut self, to: &Piece, named: bool) -> Result<Piece, Status> {
        let (name, etag, state) = (to.name.clone(), to.etag.clone(), pb::State::Published.into());
        let reviews = vec![pb::Review { stage: 1, reviewer: "editor".into(), ..Default::default() }];
        let update_mask = if named { mask(&["state", "reviews"]) } else { None };
        match to.kind {
            Article => {
                let article = Some(pb::Article { name, etag, state, reviews, ..Default::default() });
                let update = pb::UpdateArticleRequest { article, update_mask, ..Default::default() };
                piece(self.articles.update_article(update).await)
            }
            Issue => {
                let issue = Some(pb::Issue { name, etag, state, reviews, ..Default::default() });
                let update = pb::UpdateIssueRequest { issue, update_mask, ..Default::default() };
                piece(self.issues.update_issue(update).await)
            }
            Photo => {
                let photo = Some(pb::Photo { name, etag, state, reviews, ..Default::default() });
                let update = pb::UpdatePhotoRequest { photo, update_mask, ..Default::default() };
                piece(self.photos.update_photo(update).await)
            }
        }
    }

    async fn publish(&mut self, to: &Piece) -> Result<Piece, Status> {
        let (name, note) = (to.name.clone(), "更正".to_owned());
        match to.kind {
            Article => {
                let publish = pb::PublishArticleRequest { name, note, ..Default::default() };
                piece(self.articles.publish_article(publish).await)
            }
            Issue => {
                // The numbers of these issues are not what is tried.
                let acknowledge = vec!["RUNNING_NUMBER".to_owned()];
                let publish = pb::PublishIssueRequest { name, note, acknowledge, ..Default::default() };
                piece(self.issues.publish_issue(publish).await)
            }
            Photo => panic!("a photo is published with what it stands in"),
        }
    }
}

/// A draft by the reporter, with what it takes to be published.
async fn draft(room: &Newsroom, kind: Kind) -> Piece {
    match kind {
        Article => room.article("一次演练").await.into(),
        Issue => {
            let stages = stages(room).await;
            let placed = signed(room, room.article("头条").await.into(), stages).await;
            let mut reporter = room.desk(Role::Reporter).await;
            let get = pb::GetArticleRequest { name: placed.name };
            let article = reporter.articles.get_article(get).await.expect("the article").into_inner();
            static NUMBER: AtomicI32 = AtomicI32::new(1);
            room.issue(NUMBER.fetch_add(1, Ordering::Relaxed), &[&article]).await.into()
        }
        Photo => cleared_photo(room).await.into(),
    }
}

async fn stages(room: &Newsroom) -> i32 {
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    let mut reporter = room.desk(Role::Reporter).await;
    reporter.newspapers.get_newspaper(get).await.expect("the newspaper").into_inner().review_stages
}

/// A photo with a file that may be printed, not signed yet; by the reporter and,
/// as to the rights, by the picture editor.
async fn cleared_photo(room: &Newsroom) -> pb::Photo {
    let mut reporter = room.desk(Role::Reporter).await;
    let create = pb::CreatePhotoRequest::default();
    let photo = reporter.photos.create_photo(create).await.expect("a photo").into_inner();
    let photo = reporter.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
    let cleared = pb::Photo { rights: Some(rights), ..photo.into_inner() };
    let update =
        pb::UpdatePhotoRequest { photo: Some(cleared), update_mask: mask(&["rights"]), ..Default::default() };
    let mut picture_editor = room.desk_of("picture-editor", Role::Editor).await;
    picture_editor.photos.update_photo(update).await.expect("a clearance").into_inner()
}

async fn reviewer(room: &Newsroom, stage: i32) -> Desk {
    room.desk_of(&format!("reviewer-{stage}"), Role::Editor).await
}

/// The piece after so many stages.
async fn signed(room: &Newsroom, mut piece: Piece, stages: i32) -> Piece {
    for stage in 1..=stages {
        piece = reviewer(room, stage).await.review(&piece, stage).await.expect("a sign-off");
    }
    piece
}

/// How many stages sign such a piece in a newspaper that asks for this many.
fn stages_of(kind: Kind, stages: i32) -> i32 {
    if kind == Photo { 1 } else { stages }
}

/// A reviewed piece of a newspaper with one stage.
async fn reviewed(room: &Newsroom, kind: Kind) -> Piece {
    let piece = signed(room, draft(room, kind).await, 1).await;
    assert_eq!(piece.state, pb::State::Reviewed, "{kind:?}");
    piece
}

/// A published piece of a newspaper with one stage.
async fn published(room: &Newsroom, kind: Kind) -> Piece {
    let piece = reviewed(room, kind).await;
    let mut publisher = room.desk(Role::Publisher).await;
    if kind == Photo {
        let mut reporter = room.desk(Role::Reporter).await;
        let used = pb::PhotoUse { photo: piece.name.clone(), ..Default::default() };
        let article = pb::Article { photos: vec![used], ..article("图片新闻") };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let article = reporter.articles.create_article(create).await.expect("an article").into_inner();
        let article = signed(room, article.into(), 1).await;
        publisher.publish(&article).await.expect("a publication");
    } else {
        publisher.publish(&piece).await.expect("a publication");
    }
    let piece = publisher.get(&piece).await;
    assert_eq!(piece.state, pb::State::Published, "{kind:?}");
    piece
}

/// A withdrawn piece.
async fn withdrawn(room: &Newsroom, kind: Kind) -> Piece {
    let piece = published(room, kind).await;
    let (name, reason) = (piece.name.clone(), "有误".to_owned());
    let mut publisher = room.desk(Role::Publisher).await;
    match kind {
        Article => {
            let withdraw = pb::WithdrawArticleRequest { name, reason, ..Default::default() };
            publisher.articles.withdraw_article(withdraw).await.expect("a withdrawal");
        }
        Issue => {
            let withdraw = pb::WithdrawIssueRequest { name, reason, ..Default::default() };
            publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
        }
        // No method withdraws one by itself; the state is in the contract, so the rules of
        // what follows it are.
        Photo => {
            let withdraw = sqlx::query("update photos set state = 'withdrawn' where 'photos/' || id = $1");
            let mut connection = room.database.connect().await;
            withdraw.bind(name).execute(&mut connection).await.expect("a withdrawal");
        }
    }
    let piece = room.desk(Role::Reporter).await.get(&piece).await;
    assert_eq!(piece.state, pb::State::Withdrawn, "{kind:?}");
    piece
}

fn metadata(status: &Status, key: &str) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("error info");
    info.metadata.get(key).unwrap_or_else(|| panic!("no {key} in {info:?}")).clone()
}

fn assert_illegal(status: &Status, state: &str, open: &[&str]) {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert_eq!(reason(status), "ILLEGAL_MOVE", "{status:?}");
    assert_eq!(metadata(status, "state"), state);
    assert_eq!(metadata(status, "open_moves").split(',').collect::<Vec<_>>(), open);
}

fn assert_refused(status: &Status, refusal: &str) {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert_eq!(reason(status), refusal, "{status:?}");
}

#[tokio::test]
async fn a_piece_is_reviewed_when_every_stage_of_its_newspaper_has_signed_in_order() {
    for stages in 1..=3 {
        let room = Newsroom::open().await;
        room.newspaper(stages).await;
        for kind in ALL {
            let last = stages_of(kind, stages);
            let mut current = draft(&room, kind).await;
            assert_eq!((current.state, current.reviews.len()), (pb::State::Draft, 0), "{kind:?}");
            for stage in 1..=last {
                let mut reviewer = reviewer(&room, stage).await;
                for other in (1..=last).filter(|other| *other != stage) {
                    let refused = reviewer.review(&current, other).await.expect_err("another stage");
                    assert_refused(&refused, "WRONG_REVIEW_STAGE");
                    assert_eq!(metadata(&refused, "next_stage"), stage.to_string(), "{kind:?}");
                }
                assert_eq!(reviewer.get(&current).await, current, "a refusal changes nothing");
                let before = current;
                current = reviewer.review(&before, stage).await.expect("a sign-off");
                let expected = if stage == last { pb::State::Reviewed } else { pb::State::Draft };
                assert_eq!(current.state, expected, "{kind:?}, stage {stage} of {last}");
                assert_eq!(current.digest, before.digest, "a sign-off is no change of content");
                assert_ne!(current.etag, before.etag);
                let review = current.reviews.last().expect("the sign-off");
                assert_eq!(
                    (review.stage, review.reviewer.as_str()),
                    (stage, format!("reviewer-{stage}").as_str())
                );
                assert_eq!(review.content_digest, current.digest, "{kind:?}");
                assert_eq!(review.remark, format!("第{stage}审通过"));
                assert!(review.create_time.is_some_and(|time| time.seconds > 0), "{kind:?}");
                assert_eq!(current.reviews[..current.reviews.len() - 1], before.reviews[..]);
                assert_eq!(reviewer.get(&current).await, current, "the answer is what is stored");
            }
        }
        room.close().await;
    }
}

#[tokio::test]
async fn a_sign_off_needs_the_etag_of_what_was_read() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut editor = room.desk(Role::Editor).await;
    for kind in ALL {
        let read = draft(&room, kind).await;
        let mut reporter = room.desk(Role::Reporter).await;
        let newer = reporter.change(&read, "之后又改").await.expect("a change");
        let stale = editor.review(&read, 1).await.expect_err("another text than the one read");
        assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".into()), "{kind:?}");
        let blind = Piece { etag: String::new(), ..newer.clone() };
        let blind = editor.review(&blind, 1).await.expect_err("no etag");
        assert_eq!((blind.code(), fields(&blind)), (Code::InvalidArgument, vec!["etag".into()]), "{kind:?}");
        assert_eq!(editor.get(&newer).await, newer);
    }
    room.close().await;
}

#[tokio::test]
async fn nobody_signs_two_stages() {
    let room = Newsroom::open().await;
    room.newspaper(3).await;
    for kind in [Article, Issue] {
        let once = signed(&room, draft(&room, kind).await, 1).await;
        let mut first = reviewer(&room, 1).await;
        assert_refused(&first.review(&once, 2).await.expect_err("the same"), "REVIEWER_NOT_INDEPENDENT");
        let mut second = reviewer(&room, 2).await;
        let twice = second.review(&once, 2).await.expect("another person");
        for mut earlier in [first, second] {
            let refused = earlier.review(&twice, 3).await.expect_err("the same");
            assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
        }
        // A person is not the token: a new one does not make a new person.
        let mut again = room.desk_of("reviewer-1", Role::Publisher).await;
        let refused = again.review(&twice, 3).await.expect_err("the same");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
        assert_eq!(again.get(&twice).await, twice, "{kind:?}");
    }
    room.close().await;
}

#[tokio::test]
async fn whoever_has_written_any_of_it_does_not_sign_it() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    for kind in ALL {
        let created = draft(&room, kind).await;
        // The reporter of `draft`, now with the rights of an editor.
        let mut creator = room.desk_of("reporter", Role::Editor).await;
        let refused = creator.review(&created, 1).await.expect_err("the creator");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");

        let mut editor = room.desk(Role::Editor).await;
        let edited = editor.change(&created, "编辑加的").await.expect("a change");
        let refused = editor.review(&edited, 1).await.expect_err("who has edited it");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");

        // Nothing of the editor's own is left in the text, but they have had a
        // hand in it.
        let mut reporter = room.desk(Role::Reporter).await;
        let edited = reporter.change(&edited, "记者重写的").await.expect("a change");
        let refused = editor.review(&edited, 1).await.expect_err("who has edited a version");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
        assert_eq!(editor.get(&edited).await, edited);

        // Saving what is there anyway makes no author.
        let mut reader = reviewer(&room, 1).await;
        let saved = reader.save_unchanged(&edited).await.expect("nothing to save");
        assert_eq!(reader.review(&saved, 1).await.expect("no author").state, pb::State::Reviewed);
    }
    room.close().await;
}

#[tokio::test]
async fn whoever_has_laid_out_a_page_does_not_sign_the_issue() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let issue = draft(&room, Issue).await;
    let mut maker = room.desk_of("page-maker", Role::Editor).await;
    let page = format!("{}/pages/1", issue.name);
    let update = pb::UpdatePageRequest {
        page: Some(pb::Page { name: page, section: "综合".into(), etag: "*".into(), ..Default::default() }),
        ..Default::default()
    };
    maker.issues.update_page(update).await.expect("a page");
    let mut second_maker = room.desk_of("second-page-maker", Role::Editor).await;
    let page = format!("{}/pages/2", issue.name);
    let update = pb::UpdatePageRequest {
        page: Some(pb::Page { name: page.clone(), section: "副刊".into(), ..Default::default() }),
        allow_missing: true,
        ..Default::default()
    };
    second_maker.issues.update_page(update).await.expect("a page");
    let mut remover = room.desk_of("page-remover", Role::Editor).await;
    let delete = pb::DeletePageRequest { name: page, ..Default::default() };
    remover.issues.delete_page(delete).await.expect("no page");
    for mut desk in [maker, second_maker, remover] {
        let issue = desk.get(&issue).await;
        let refused = desk.review(&issue, 1).await.expect_err("a maker of the issue");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
    }
    let mut editor = room.desk(Role::Editor).await;
    let issue = editor.get(&issue).await;
    assert_eq!(editor.review(&issue, 1).await.expect("a sign-off").state, pb::State::Reviewed);
    room.close().await;
}

#[tokio::test]
async fn whoever_has_uploaded_or_cleared_a_photo_does_not_sign_it() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let photo = cleared_photo(&room).await;
    let mut clearer = room.desk_of("picture-editor", Role::Editor).await;
    let refused = clearer.review(&photo.clone().into(), 1).await.expect_err("who has cleared it");
    assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
    let mut uploader = room.desk_of("uploader", Role::Editor).await;
    let larger = masthead::demo::picture::stand_in(64, 64).expect("a picture");
    let photo =
        uploader.photos.upload_photo(upload(&photo.name, larger)).await.expect("an upload").into_inner();
    let refused = uploader.review(&photo.clone().into(), 1).await.expect_err("who has uploaded it");
    assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
    let mut editor = room.desk(Role::Editor).await;
    let reviewed = editor.review(&photo.into(), 1).await.expect("a sign-off");
    assert_eq!(reviewed.state, pb::State::Reviewed);
    room.close().await;
}

#[tokio::test]
async fn a_photo_is_signed_with_its_file_or_not_at_all() {
    let room = Newsroom::open().await;
    let mut reporter = room.desk(Role::Reporter).await;
    let mut editor = room.desk(Role::Editor).await;
    let create = pb::CreatePhotoRequest::default();
    let photo = reporter.photos.create_photo(create).await.expect("a photo").into_inner();
    let refused = editor.review(&photo.clone().into(), 1).await.expect_err("no file");
    assert_refused(&refused, "PHOTO_WITHOUT_FILE");
    let photo = reporter.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    let photo = editor.review(&photo.into_inner().into(), 1).await.expect("a sign-off");
    // The same bytes are the same file; others are not what was signed.
    let again = reporter.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    assert_eq!(Piece::from(again.into_inner()), photo);
    let other = masthead::demo::picture::stand_in(64, 64).expect("a picture");
    let changed = reporter.photos.upload_photo(upload(&photo.name, other)).await.expect("an upload");
    let changed = Piece::from(changed.into_inner());
    assert_eq!((changed.state, changed.reviews.len()), (pb::State::Draft, 0));
    assert_ne!(changed.digest, photo.digest);
    room.close().await;
}

/// A piece in each state in which it can be changed.
async fn in_each_state(room: &Newsroom, kind: Kind) -> [Piece; 4] {
    [
        draft(room, kind).await,
        reviewed(room, kind).await,
        published(room, kind).await,
        withdrawn(room, kind).await,
    ]
}

#[tokio::test]
async fn a_change_of_content_makes_a_draft_of_it_and_voids_the_sign_offs() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    for kind in ALL {
        for before in in_each_state(&room, kind).await {
            let changed = reporter.change(&before, "改了一稿").await.expect("a change");
            assert_eq!((changed.state, changed.reviews.len()), (pb::State::Draft, 0), "{before:?}");
            assert_ne!(changed.digest, before.digest, "{kind:?}");
            assert_ne!(changed.etag, before.etag, "{kind:?}");
            assert_eq!(reporter.get(&changed).await, changed);
        }
    }
    room.close().await;
}

#[tokio::test]
async fn a_change_voids_the_sign_offs_of_the_stages_so_far_and_review_begins_anew() {
    let room = Newsroom::open().await;
    room.newspaper(3).await;
    for kind in [Article, Issue] {
        let halfway = signed(&room, draft(&room, kind).await, 2).await;
        let mut reporter = room.desk(Role::Reporter).await;
        let changed = reporter.change(&halfway, "改了一稿").await.expect("a change");
        assert!(changed.reviews.is_empty(), "{kind:?}");
        let refused = reviewer(&room, 3).await.review(&changed, 3).await.expect_err("the third first");
        assert_eq!(metadata(&refused, "next_stage"), "1");
        assert_eq!(signed(&room, changed, 3).await.state, pb::State::Reviewed, "{kind:?}");
    }
    // What was void is history, not gone.
    let (void, in_force): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where void_time is not null), count(*) filter (where void_time is null)
         from reviews where subject in (select id from articles where content->>'headline' = '一次演练')",
    )
    .fetch_one(&mut room.database.connect().await)
    .await
    .expect("the sign-offs");
    assert_eq!((void, in_force), (2, 3));
    room.close().await;
}

#[tokio::test]
async fn saving_what_is_there_already_changes_nothing_and_voids_nothing() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    for kind in ALL {
        for current in in_each_state(&room, kind).await {
            let saved = reporter.save_unchanged(&current).await.expect("nothing to save");
            assert_eq!(saved, current);
            assert_eq!(reporter.get(&current).await, current);
        }
    }
    room.close().await;
}

#[tokio::test]
async fn laying_out_a_page_as_it_is_voids_nothing() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let issue = reviewed(&room, Issue).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let get = pb::GetPageRequest { name: format!("{}/pages/1", issue.name) };
    let page = reporter.issues.get_page(get).await.expect("the page").into_inner();
    let update =
        pb::UpdatePageRequest { page: Some(page.clone()), update_mask: mask(&["*"]), ..Default::default() };
    assert_eq!(reporter.issues.update_page(update).await.expect("nothing to save").into_inner(), page);
    assert_eq!(reporter.get(&issue).await, issue);
    room.close().await;
}

#[tokio::test]
async fn a_return_takes_a_reason_and_voids_the_sign_offs() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let mut editor = room.desk(Role::Editor).await;
    for kind in ALL {
        for stages in 0..=stages_of(kind, 2) {
            let current = signed(&room, draft(&room, kind).await, stages).await;
            for nothing in ["", " ", "\n"] {
                let refused = editor.send_back(&current, nothing).await.expect_err("no reason");
                assert_eq!(refused.code(), Code::InvalidArgument, "{kind:?}");
                assert_eq!(fields(&refused), ["reason"]);
            }
            assert_eq!(editor.get(&current).await, current);
            let returned = editor.send_back(&current, "导语太长").await.expect("a return");
            assert_eq!((returned.state, returned.reviews.len()), (pb::State::Draft, 0), "{kind:?} {stages}");
            assert_eq!(returned.return_reason, "导语太长");
            assert_eq!(returned.digest, current.digest, "a return changes no content");
            assert_eq!(editor.get(&returned).await, returned);

            // The same content can be signed after all, by the same people.
            let mut first = reviewer(&room, 1).await;
            let signed = first.review(&returned, 1).await.expect("a sign-off");
            assert_eq!((signed.reviews.len(), signed.return_reason.as_str()), (1, ""));
            let returned = editor.send_back(&signed, "还是太长").await.expect("a return");
            let mut reporter = room.desk(Role::Reporter).await;
            let changed = reporter.change(&returned, "改短了").await.expect("a change");
            assert_eq!(changed.return_reason, "", "it is answered by the change");
        }
    }
    room.close().await;
}

#[tokio::test]
async fn a_move_that_is_not_open_is_refused_with_the_state_and_the_moves_that_are() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut publisher = room.desk_of("another-publisher", Role::Publisher).await;
    for kind in ALL {
        let [draft, reviewed, published, withdrawn] = in_each_state(&room, kind).await;
        let open_when_reviewed = ["Update", "Return", "Publish"];
        let refused = publisher.review(&reviewed, 1).await.expect_err("all stages have signed");
        assert_illegal(&refused, "REVIEWED", &open_when_reviewed);
        let ended = [
            (&published, "PUBLISHED", ["Update", "Withdraw"]),
            (&withdrawn, "WITHDRAWN", ["Update", "Return"]),
        ];
        for (current, state, open) in ended {
            let refused = publisher.review(current, 1).await.expect_err("a review");
            assert_illegal(&refused, state, &open);
            if kind != Photo {
                let refused = publisher.publish(current).await.expect_err("a publication");
                assert_illegal(&refused, state, &open);
            }
        }
        let refused = publisher.send_back(&published, "晚了").await.expect_err("a return");
        assert_illegal(&refused, "PUBLISHED", &["Update", "Withdraw"]);
        if kind != Photo {
            // Among everything else that may be wrong, which is said at once.
            let refused = publisher.publish(&draft).await.expect_err("a publication");
            assert_refused(&refused, "NOT_PUBLISHABLE");
            assert_eq!(codes(&refused), ["NOT_REVIEWED"]);
        }
        for current in [draft, reviewed, published, withdrawn] {
            assert_eq!(publisher.get(&current).await, current, "a refusal changes nothing");
        }
    }
    room.close().await;
}

#[tokio::test]
async fn no_update_writes_a_state_or_a_sign_off() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    for kind in ALL {
        let current = draft(&room, kind).await;
        for named in [true, false] {
            // Fields that callers do not write are ignored (aip.dev/203).
            let saved = publisher.write_state(&current, named).await.expect("nothing to save");
            assert_eq!(saved, current, "{kind:?}");
            assert_eq!(publisher.get(&current).await, current, "{kind:?}");
        }
    }
    // Nor does a creation.
    let written = pb::Article { state: pb::State::Published.into(), ..article("一步登天") };
    let create = pb::CreateArticleRequest { article: Some(written), ..Default::default() };
    let created = publisher.articles.create_article(create).await.expect("an article").into_inner();
    assert_eq!(created.state(), pb::State::Draft);
    room.close().await;
}

#[tokio::test]
async fn another_headline_on_the_page_voids_the_sign_offs_of_the_issue_but_of_no_article() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(7).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let get = pb::GetPageRequest { name: format!("{}/pages/1", issue.name) };
    let mut page = reporter.issues.get_page(get).await.expect("the page").into_inner();
    page.placements[0].headline = "版面上的标题".into();
    let update = pb::UpdatePageRequest { page: Some(page), ..Default::default() };
    reporter.issues.update_page(update).await.expect("a page");
    let before = Piece::from(issue);
    let after = reporter.get(&before).await;
    assert_eq!((after.state, after.reviews.len()), (pb::State::Draft, 0));
    assert_ne!((&after.digest, &after.etag), (&before.digest, &before.etag));
    let placed = Piece::from(placed);
    assert_eq!(reporter.get(&placed).await, placed);
    room.close().await;
}

#[tokio::test]
async fn readers_keep_what_is_published_while_the_working_copy_moves_on() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(7).await;
    room.publish(&issue).await;
    let mut reader = room.desk(Role::Reader).await;
    let of_article = || pb::GetPublishedArticleRequest { name: placed.name.clone(), ..Default::default() };
    let of_issue = || pb::GetPublishedIssueRequest { name: issue.name.clone(), ..Default::default() };
    let article_read =
        reader.publications.get_published_article(of_article()).await.expect("it").into_inner();
    let issue_read = reader.publications.get_published_issue(of_issue()).await.expect("it").into_inner();

    let mut reporter = room.desk(Role::Reporter).await;
    for working_copy in [Piece::from(placed.clone()), Piece::from(issue.clone())] {
        let published = reporter.get(&working_copy).await;
        assert_eq!(published.state, pb::State::Published);
        assert_eq!(published.digest, working_copy.digest);
        assert_eq!(published.reviews, working_copy.reviews, "what was signed is what is published");
        let changed = reporter.change(&published, "更正").await.expect("a change");
        assert_eq!(changed.state, pb::State::Draft);
        let reviewed = signed(&room, changed, 1).await;
        assert_eq!(reviewed.state, pb::State::Reviewed);
        let article = reader.publications.get_published_article(of_article()).await.expect("it").into_inner();
        let issue = reader.publications.get_published_issue(of_issue()).await.expect("it").into_inner();
        assert_eq!((&article, &issue), (&article_read, &issue_read));
    }
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.publish(&Piece::from(issue.clone())).await.expect("a correction");
    let corrected = reader.publications.get_published_issue(of_issue()).await.expect("it").into_inner();
    assert_eq!(corrected.issue.expect("an issue").price_note, "更正");
    room.close().await;
}

#[tokio::test]
async fn each_change_of_an_article_is_a_revision_that_never_changes() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("一次演练").await;
    let mut editor = room.desk(Role::Editor).await;
    let mut saved = vec![first.clone()];
    for text in ["第二稿", "第三稿", "昨天，本市举行了一次演练。"] {
        let newest = saved.last().expect("a version").clone();
        let changed = pb::Article { body: vec![paragraph(text)], ..newest };
        let update = pb::UpdateArticleRequest { article: Some(changed), ..Default::default() };
        saved.push(editor.articles.update_article(update).await.expect("a change").into_inner());
    }
    let revisions: Vec<i64> = saved.iter().map(|article| article.revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
    assert_eq!(saved[3].content_digest, first.content_digest, "equal content has an equal digest");
    assert_ne!(saved[1].content_digest, first.content_digest);

    // Neither an idle save nor a move of the workflow is a revision.
    let current = Piece::from(saved[3].clone());
    editor.save_unchanged(&current).await.expect("nothing to save");
    let current = signed(&room, current, 1).await;
    let current = editor.send_back(&current, "再看看").await.expect("a return");
    let current = signed(&room, current, 1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.publish(&current).await.expect("a publication");

    let list = |page_size, page_token| pb::ListArticleRevisionsRequest {
        parent: first.name.clone(),
        page_size,
        page_token,
    };
    let all =
        editor.articles.list_article_revisions(list(0, String::new())).await.expect("a list").into_inner();
    assert!(all.next_page_token.is_empty());
    let all = all.article_revisions;
    let names: Vec<&str> = all.iter().map(|revision| revision.name.as_str()).collect();
    let newest_first: Vec<String> =
        (1..=4).rev().map(|number| format!("{}/revisions/{number}", first.name)).collect();
    assert_eq!(names, newest_first);
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = editor.articles.list_article_revisions(list(3, token)).await.expect("a page").into_inner();
        assert!(page.article_revisions.len() <= 3);
        paged.extend(page.article_revisions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);

    for (revision, saved) in all.iter().rev().zip(&saved) {
        let get = pb::GetArticleRevisionRequest { name: revision.name.clone() };
        let got = editor.articles.get_article_revision(get).await.expect("a revision").into_inner();
        assert_eq!(got, *revision);
        assert_eq!(revision.author, if saved.revision == 1 { "reporter" } else { "editor" });
        let kept = revision.snapshot.as_ref().expect("the article as it was");
        assert_eq!((&kept.body, &kept.headline), (&saved.body, &saved.headline));
        assert_eq!((kept.revision, &kept.content_digest), (saved.revision, &saved.content_digest));
        assert_eq!((kept.state, kept.etag.as_str(), kept.reviews.len()), (0, "", 0), "not content");
    }
    let name = format!("{}/revisions/5", first.name);
    let get = pb::GetArticleRevisionRequest { name };
    let missing = editor.articles.get_article_revision(get).await.expect_err("no fifth one");
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));

    // The database keeps them, whoever asks.
    let mut beside = room.database.connect().await;
    let id: Uuid = first.uid.parse().expect("a uid");
    let rewrite = sqlx::query("update article_revisions set author = 'nobody' where article = $1").bind(id);
    rewrite.execute(&mut beside).await.expect_err("a revision is never rewritten");
    sqlx::query("truncate article_revisions")
        .execute(&mut beside)
        .await
        .expect_err("nor removed with all others");
    room.close().await;
}

async fn ask_for_stages(room: &Newsroom, review_stages: i32) {
    let newspaper =
        pb::Newspaper { name: PAPER.into(), etag: "*".into(), review_stages, ..Default::default() };
    let update = pb::UpdateNewspaperRequest { newspaper: Some(newspaper), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.newspapers.update_newspaper(update).await.expect("a newspaper");
}

#[tokio::test]
async fn a_published_article_does_not_block_a_correction_when_more_stages_are_asked_for() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(7).await;
    room.publish(&issue).await;
    ask_for_stages(&room, 2).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let issue = reporter.get(&issue.into()).await;
    let changed = reporter.change(&issue, "更正").await.expect("a change");
    let reviewed = signed(&room, changed, 2).await;
    // No move but a change of its text is open to the article, which is right as
    // it is: it was signed by all who had to sign when it was published.
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.publish(&reviewed).await.expect("a correction");
    room.close().await;
}
