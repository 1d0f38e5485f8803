//! Another number of review stages for pieces that are on their way.

use masthead::{admin::Role, pb};

use super::{Article, Issue, Photo, Piece, Work, ask_for_stages, assert_refused, draft, reviewer, signed};
use crate::newsroom::{Database, Newsroom, PAPER, codes};

#[tokio::test]
async fn fewer_stages_make_reviewed_what_enough_people_have_signed() {
    let room = Newsroom::open().await;
    room.newspaper(3).await;
    for kind in [Article, Issue] {
        ask_for_stages(&room, 3).await;
        let mut pieces = Vec::new();
        for stages in 0..=3 {
            pieces.push(signed(&room, draft(&room, kind).await, stages).await);
        }
        ask_for_stages(&room, 2).await;
        let mut publisher = room.desk(Role::Publisher).await;
        for (stages, before) in pieces.iter().enumerate() {
            let now = publisher.get(before).await;
            if stages == 2 {
                assert_eq!(now.state, pb::State::Reviewed, "{kind:?}");
                assert_ne!(now.etag, before.etag);
                assert_eq!((&now.reviews, &now.digest), (&before.reviews, &before.digest));
                let published = publisher.publish(&now).await.expect("a publication");
                assert_eq!(published.state, pb::State::Published);
            } else {
                assert_eq!(now, *before, "{kind:?} with {stages} sign-offs");
            }
        }
    }
    room.close().await;
}

#[tokio::test]
async fn more_stages_make_a_draft_of_what_too_few_have_signed_with_the_next_stage_open() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(7).await;
    let lone = signed(&room, room.article("单独发表").await.into(), 1).await;
    let photo = signed(&room, draft(&room, Photo).await, 1).await;
    ask_for_stages(&room, 2).await;
    let mut publisher = room.desk(Role::Publisher).await;
    // Photos belong to no newspaper.
    assert_eq!(publisher.get(&photo).await, photo);
    let mut drafts = Vec::new();
    for before in [Piece::from(placed), issue.into(), lone] {
        let now = publisher.get(&before).await;
        assert_eq!(now.state, pb::State::Draft, "{now:?}");
        assert_ne!(now.etag, before.etag);
        assert_eq!((&now.reviews, &now.digest), (&before.reviews, &before.digest), "what is signed stays so");
        drafts.push(now);
    }
    let refused = publisher.publish(&drafts[1]).await.expect_err("one stage of two");
    assert_eq!(codes(&refused), ["ARTICLE_NOT_REVIEWED", "NOT_REVIEWED"]);
    let refused = publisher.publish(&drafts[2]).await.expect_err("one stage of two");
    assert_eq!(codes(&refused), ["NOT_REVIEWED"]);

    let mut second = reviewer(&room, 2).await;
    for piece in &drafts {
        let first = piece.reviews[0].reviewer.clone();
        let mut first = room.desk_of(&first, Role::Editor).await;
        let refused = first.review(piece, 2).await.expect_err("who signed the first stage");
        assert_refused(&refused, "REVIEWER_NOT_INDEPENDENT");
        let reviewed = second.review(piece, 2).await.expect("the second stage");
        assert_eq!((reviewed.state, reviewed.reviews.len()), (pb::State::Reviewed, 2));
    }
    for piece in &drafts[1..] {
        publisher.publish(piece).await.expect("a publication");
    }
    room.close().await;
}

#[tokio::test]
async fn what_is_published_or_of_another_newspaper_follows_no_change_of_stages() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, placed) = room.reviewed_issue(7).await;
    room.publish(&issue).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let evening = pb::CreateNewspaperRequest {
        newspaper: Some(pb::Newspaper { title: "晚讯报".into(), ..Default::default() }),
        newspaper_id: "evening-post".into(),
        ..Default::default()
    };
    let evening = publisher.newspapers.create_newspaper(evening).await.expect("a newspaper").into_inner();
    let elsewhere = pb::Article { newspaper: evening.name, ..crate::newsroom::article("晚报稿") };
    let create = pb::CreateArticleRequest { article: Some(elsewhere), ..Default::default() };
    let mut reporter = room.desk(Role::Reporter).await;
    let elsewhere = reporter.articles.create_article(create).await.expect("an article").into_inner();
    let elsewhere = signed(&room, elsewhere.into(), 1).await;
    let mut before = Vec::new();
    for piece in [Piece::from(issue), placed.into(), elsewhere] {
        before.push(publisher.get(&piece).await);
    }
    for stages in [3, 1] {
        ask_for_stages(&room, stages).await;
        for piece in &before {
            assert_eq!(publisher.get(piece).await, *piece);
        }
    }
    room.close().await;
}

#[tokio::test]
async fn a_piece_that_followed_is_told_of_as_changed_and_others_are_not() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let one = signed(&room, draft(&room, Article).await, 1).await;
    let two = signed(&room, draft(&room, Article).await, 2).await;
    let told = async |since: i64| -> Vec<(String, String, String)> {
        let mut beside = room.database.connect().await;
        let sql = "select resource, kind, person from changes
                   where id > $1 and resource like any (array['articles/%', 'newspapers/%']) order by id";
        sqlx::query_as(sql).bind(since).fetch_all(&mut beside).await.expect("the changes")
    };
    let newest = async || -> i64 {
        let newest = sqlx::query_scalar("select max(id) from changes");
        newest.fetch_one(&mut room.database.connect().await).await.expect("a change")
    };
    for (stages, followed, kind) in [(1, &one, "reviewed"), (3, &two, "updated"), (2, &two, "reviewed")] {
        let since = newest().await;
        ask_for_stages(&room, stages).await;
        let mut expected = vec![(followed.name.clone(), kind.to_owned(), "publisher".to_owned())];
        if stages == 3 {
            // What one had signed was reviewed until now, too.
            expected.push((one.name.clone(), kind.to_owned(), "publisher".to_owned()));
            expected.sort();
        }
        expected.push((PAPER.to_owned(), "updated".to_owned(), "publisher".to_owned()));
        assert_eq!(told(since).await, expected, "{stages} stages");
    }
    room.close().await;
}

#[tokio::test]
async fn a_deleted_piece_comes_back_in_the_state_that_the_stages_ask_for() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let reviewed = signed(&room, draft(&room, Article).await, 1).await;
    let mut editor = room.desk(Role::Editor).await;
    let delete = pb::DeleteArticleRequest { name: reviewed.name.clone(), ..Default::default() };
    editor.articles.delete_article(delete).await.expect("a deletion");
    ask_for_stages(&room, 2).await;
    let undelete = pb::UndeleteArticleRequest { name: reviewed.name.clone(), ..Default::default() };
    let back = editor.articles.undelete_article(undelete).await.expect("an undeletion").into_inner();
    assert_eq!((back.state(), back.reviews.len()), (pb::State::Draft, 1));
    let again = reviewer(&room, 2).await.review(&back.into(), 2).await.expect("the second stage");
    assert_eq!(again.state, pb::State::Reviewed);
    room.close().await;
}

#[tokio::test]
async fn only_a_change_of_the_stages_that_is_made_moves_anything() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let reviewed = signed(&room, draft(&room, Article).await, 1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let named = |newspaper| pb::Newspaper { name: PAPER.into(), etag: "*".into(), ..newspaper };
    let other = named(pb::Newspaper { hotline: "000-1".into(), ..Default::default() });
    let more = named(pb::Newspaper { review_stages: 3, ..Default::default() });
    for (newspaper, validate_only) in [(other, false), (more, true)] {
        let newspaper = Some(newspaper);
        let update = pb::UpdateNewspaperRequest { newspaper, validate_only, ..Default::default() };
        publisher.newspapers.update_newspaper(update).await.expect("an answer");
        assert_eq!(publisher.get(&reviewed).await, reviewed);
    }
    room.close().await;
}

#[tokio::test]
async fn however_stages_sign_offs_and_edits_meet_a_state_says_what_is_signed() {
    // Who changes stages and who signs lock in another order; one of them then
    // runs again, and should not have to wait for that.
    let database = Database::create().await;
    let options = database.options().options([("deadlock_timeout", "20ms")]);
    let room = Newsroom::on(database, options).await;
    room.newspaper(1).await;
    let mut pieces = Vec::new();
    for _ in 0..6 {
        pieces.push(draft(&room, Article).await);
    }
    for round in 0..4 {
        let work = pieces.iter().enumerate().map(|(index, piece)| {
            let room = &room;
            let piece = Piece { etag: "*".into(), ..piece.clone() };
            async move {
                let mut first = reviewer(room, 1).await;
                let mut second = reviewer(room, 2).await;
                let mut reporter = room.desk(Role::Reporter).await;
                // Refusals are expected: what a stage finds depends on who was first.
                let _ = first.review(&piece, 1).await;
                if index % 2 == 0 {
                    let _ = second.review(&piece, 2).await;
                } else {
                    reporter.change(&piece, &format!("第{round}轮")).await.expect("a change");
                }
                let _ = first.review(&piece, 1).await;
            }
        });
        let stages = async {
            ask_for_stages(&room, 2).await;
            ask_for_stages(&room, 1).await;
            ask_for_stages(&room, 2 - round % 2).await;
        };
        futures::future::join(futures::future::join_all(work), stages).await;
        let sql = "select count(*) from articles a join newspapers n on n.id = a.newspaper
                   where (a.state = 'reviewed') <> (n.review_stages <=
                       (select count(*) from reviews r where r.subject = a.id and r.void_time is null))";
        let wrong: i64 =
            sqlx::query_scalar(sql).fetch_one(&mut room.database.connect().await).await.expect("a count");
        assert_eq!(wrong, 0, "round {round}");
    }
    room.close().await;
}
