//! What was ever decided about a piece, in its history.

use masthead::{admin::Role, import::desk::Desk, pb};
use pb::review::Outcome;
use tonic::{Code, Status};

use super::{
    ALL, Article, Issue, Kind, Photo, Piece, Work, assert_refused, draft, reviewer, signed, stages_of,
};
use crate::newsroom::{Newsroom, reason};

/// One page of the history of a piece, and the token of the next.
async fn page(
    desk: &mut Desk,
    piece: &Piece,
    page_size: i32,
    page_token: String,
) -> Result<(Vec<pb::Review>, String), Status> {
    let parent = piece.name.clone();
    macro_rules! list {
        ($client:ident, $method:ident, $request:ident) => {{
            let answer = desk.$client.$method(pb::$request { parent, page_size, page_token }).await?;
            let answer = answer.into_inner();
            Ok((answer.reviews, answer.next_page_token))
        }};
    }
    match piece.kind {
        Article => list!(articles, list_article_reviews, ListArticleReviewsRequest),
        Issue => list!(issues, list_issue_reviews, ListIssueReviewsRequest),
        Photo => list!(photos, list_photo_reviews, ListPhotoReviewsRequest),
    }
}

/// The whole history of a piece, newest first.
async fn history(desk: &mut Desk, piece: &Piece) -> Vec<pb::Review> {
    let (all, token) = page(desk, piece, 0, String::new()).await.expect("a history");
    assert!(token.is_empty());
    all
}

/// What a history tells of a review: outcome, stage, person, remark, whether it is
/// in force.
type Told<'a> = (Outcome, i32, &'a str, &'a str, bool);

fn told(review: &pb::Review) -> Told<'_> {
    let in_force = review.outcome() == Outcome::Signed && review.void_time.is_none();
    (review.outcome(), review.stage, &review.reviewer, &review.remark, in_force)
}

fn signs(stages: i32, in_force: bool) -> Vec<Told<'static>> {
    let each = [
        (Outcome::Signed, 1, "reviewer-1", "第1审通过", in_force),
        (Outcome::Signed, 2, "reviewer-2", "第2审通过", in_force),
        (Outcome::Signed, 3, "reviewer-3", "第3审通过", in_force),
    ];
    each[..stages as usize].to_vec()
}

#[tokio::test]
async fn every_sign_off_and_every_return_stays_in_the_history_with_its_words() {
    for stages in 1..=3 {
        let room = Newsroom::open().await;
        room.newspaper(stages).await;
        let mut editor = room.desk(Role::Editor).await;
        let mut reporter = room.desk(Role::Reporter).await;
        for kind in ALL {
            let last = stages_of(kind, stages);
            let first = draft(&room, kind).await;
            assert!(history(&mut reporter, &first).await.is_empty(), "{kind:?}");
            let reviewed = signed(&room, first.clone(), last).await;
            let changed = reporter.change(&reviewed, "改了一稿").await.expect("a change");
            let begun = signed(&room, changed.clone(), 1).await;
            let returned = editor.send_back(&begun, "导语太长").await.expect("a return");
            let returned = editor.send_back(&returned, "还是太长").await.expect("a return");
            let current = signed(&room, returned, last).await;

            let newest_first = history(&mut reporter, &current).await;
            let reviews: Vec<&pb::Review> = newest_first.iter().rev().collect();
            // It came back from the second stage, or after the only one.
            let from = if last > 1 { 2 } else { 0 };
            let expected = [
                signs(last, false),
                signs(1, false),
                vec![(Outcome::Returned, from, "editor", "导语太长", false)],
                vec![(Outcome::Returned, 1, "editor", "还是太长", false)],
                signs(last, true),
            ];
            let all: Vec<Told<'_>> = reviews.iter().map(|review| told(review)).collect();
            assert_eq!(all, expected.concat(), "{kind:?} of {stages}");
            let times: Vec<_> = reviews.iter().map(|review| review.create_time.expect("a time")).collect();
            assert!(times.is_sorted_by_key(|time| (time.seconds, time.nanos)), "{times:?}");

            let before_the_change = last as usize;
            for (index, review) in reviews.iter().enumerate() {
                let about = if index < before_the_change { &first } else { &changed };
                assert_eq!(review.content_digest, about.digest, "{kind:?} {index}");
                let revision = if index < before_the_change { 1 } else { 2 };
                assert_eq!(review.revision, if kind == Article { revision } else { 0 }, "{kind:?}");
                let is_void = index <= before_the_change;
                assert_eq!(review.void_time.is_some(), is_void, "{kind:?} {index}");
            }
            // What is in force is what the piece carries.
            let in_force = reviews.into_iter().filter(|review| told(review).4).cloned();
            assert_eq!(in_force.collect::<Vec<_>>(), current.reviews, "{kind:?}");
            assert_pages(&mut reporter, &current, &newest_first).await;
        }
        room.close().await;
    }
}

/// The same page by page, also while the history grows.
async fn assert_pages(desk: &mut Desk, piece: &Piece, all: &[pb::Review]) {
    for size in [1, 2, all.len() as i32] {
        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let (reviews, next) = page(desk, piece, size, token).await.expect("a page");
            assert!(!reviews.is_empty() && reviews.len() <= size as usize);
            paged.extend(reviews);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all);
    }
}

#[tokio::test]
async fn a_history_goes_on_while_its_piece_is_deleted_and_there_is_none_of_nothing() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut editor = room.desk(Role::Editor).await;
    let nothing = [
        (Article, "articles/00000000-0000-7000-8000-000000000000"),
        (Issue, "newspapers/morning-post/issues/no-such-issue"),
        (Photo, "photos/00000000-0000-7000-8000-000000000000"),
    ];
    for (kind, name) in nothing {
        let current = signed(&room, draft(&room, kind).await, 1).await;
        let before = history(&mut editor, &current).await;
        let name_of = current.name.clone();
        match kind {
            Article => {
                let delete = pb::DeleteArticleRequest { name: name_of, ..Default::default() };
                editor.articles.delete_article(delete).await.expect("a deletion");
            }
            Issue => {
                let delete = pb::DeleteIssueRequest { name: name_of, ..Default::default() };
                editor.issues.delete_issue(delete).await.expect("a deletion");
            }
            Photo => {
                let delete = pb::DeletePhotoRequest { name: name_of, ..Default::default() };
                editor.photos.delete_photo(delete).await.expect("a deletion");
            }
        }
        assert_eq!(history(&mut editor, &current).await, before, "{kind:?}");
        let nowhere = Piece { name: name.into(), ..current };
        let missing = page(&mut editor, &nowhere, 0, String::new()).await.expect_err("nothing there");
        assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    }
    room.close().await;
}

#[tokio::test]
async fn at_every_stage_authors_and_earlier_signers_are_refused_and_an_idle_save_voids_nothing() {
    for stages in 1..=3 {
        let room = Newsroom::open().await;
        room.newspaper(stages).await;
        let mut author = room.desk_of("reporter", Role::Editor).await;
        let mut second_author = room.desk_of("second-author", Role::Editor).await;
        for kind in ALL {
            let created = draft(&room, kind).await;
            let mut current = second_author.change(&created, "又一人改过").await.expect("a change");
            for stage in 1..=stages_of(kind, stages) {
                for desk in [&mut author, &mut second_author] {
                    let refused = desk.review(&current, stage).await.expect_err("their own text");
                    assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
                }
                for earlier in 1..stage {
                    let mut earlier = reviewer(&room, earlier).await;
                    let refused = earlier.review(&current, stage).await.expect_err("a second stage");
                    assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
                }
                current = reviewer(&room, stage).await.review(&current, stage).await.expect("a sign-off");
                let kept = history(&mut author, &current).await;
                assert_eq!(author.save_unchanged(&current).await.expect("nothing to save"), current);
                assert_eq!(history(&mut author, &current).await, kept, "{kind:?}, stage {stage}");
                assert_eq!(current.reviews.len(), stage as usize);
            }
            assert_eq!(current.state, pb::State::Reviewed, "{kind:?} of {stages}");
            let changed = author.change(&current, "再改一稿").await.expect("a change");
            assert!(changed.reviews.is_empty(), "{kind:?} of {stages}");
            let void = history(&mut author, &changed).await;
            assert_eq!(void.len(), stages_of(kind, stages) as usize);
            assert!(void.iter().all(|review| review.void_time.is_some()), "{void:?}");
        }
        room.close().await;
    }
}

#[tokio::test]
async fn a_refused_or_validated_decision_leaves_no_trace() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let current = signed(&room, draft(&room, Kind::Article).await, 1).await;
    let mut editor = room.desk(Role::Editor).await;
    let before = room.contents().await;
    editor.review(&current, 1).await.expect_err("it is signed");
    editor.send_back(&current, "").await.expect_err("no reason");
    let asked = pb::ReturnArticleRequest {
        name: current.name.clone(),
        reason: "太长".into(),
        validate_only: true,
        ..Default::default()
    };
    editor.articles.return_article(asked).await.expect("an answer");
    assert_eq!(room.contents().await, before);
    room.close().await;
}
