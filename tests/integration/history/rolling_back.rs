//! Going back to an earlier revision (aip.dev/162).

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use super::{get, retitle, revision_name, save, sign};
use crate::newsroom::{Newsroom, fields, paragraph, reason};

fn to(article: &pb::Article, revision: i64) -> pb::RollbackArticleRequest {
    pb::RollbackArticleRequest {
        name: article.name.clone(),
        revision,
        etag: article.etag.clone(),
        ..Default::default()
    }
}

async fn roll_back(desk: &mut Desk, request: pb::RollbackArticleRequest) -> Result<pb::Article, Status> {
    desk.articles.rollback_article(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_rollback_is_a_new_revision_with_the_old_content() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第一稿").await;
    let second = pb::Article { body: vec![paragraph("另一段")], place: "城南".into(), ..first.clone() };
    let second = save(&room, second, &["body", "place"]).await;
    let third = retitle(&room, &second, "第三稿").await;
    let mut deputy = room.desk_of("deputy", Role::Editor).await;
    let back = roll_back(&mut deputy, to(&third, 1)).await.expect("a rollback");
    assert_eq!((back.revision, &back.content_digest), (4, &first.content_digest));
    assert_eq!((&back.headline, &back.body, &back.place), (&first.headline, &first.body, &first.place));
    assert_eq!(get(&mut deputy, &first).await, back);
    let revision = pb::GetArticleRevisionRequest { name: revision_name(&first, 4) };
    let revision = deputy.articles.get_article_revision(revision).await.expect("it").into_inner();
    assert_eq!(revision.author, "deputy");
    assert_eq!(revision.snapshot.expect("the content").body, first.body);
    // What came between is history like the rest, and can be had again.
    let again = roll_back(&mut deputy, to(&back, 3)).await.expect("a rollback");
    assert_eq!((again.revision, again.content_digest), (5, third.content_digest));
    room.close().await;
}

#[tokio::test]
async fn a_rollback_is_an_edit_by_the_caller() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let first = room.article("第一稿").await;
    let second = retitle(&room, &first, "第二稿").await;
    let mut deputy = room.desk_of("deputy", Role::Editor).await;
    for stages in 1..=2 {
        let mut signed = get(&mut deputy, &second).await;
        for stage in 1..=stages {
            signed = sign(&room, &format!("reviewer-{stage}"), &second, stage).await;
        }
        let back = roll_back(&mut deputy, to(&signed, i64::from(stages))).await.expect("a rollback");
        assert_eq!((back.state(), back.reviews.len()), (pb::State::Draft, 0));
    }
    // Who has written any of it signs none of it, now or before.
    for author in ["deputy", "reporter"] {
        let review = pb::ReviewArticleRequest {
            name: first.name.clone(),
            etag: "*".into(),
            stage: 1,
            ..Default::default()
        };
        let mut author = room.desk_of(author, Role::Editor).await;
        let refused = author.articles.review_article(review).await.expect_err("an author");
        assert_eq!(reason(&refused), "REVIEWER_NOT_INDEPENDENT");
    }
    room.close().await;
}

#[tokio::test]
async fn a_rollback_to_what_it_says_already_changes_nothing() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第一稿").await;
    let second = retitle(&room, &first, "第二稿").await;
    retitle(&room, &second, "第一稿").await;
    let signed = sign(&room, "editor", &first, 1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let before = room.contents().await;
    for revision in [1, 3] {
        assert_eq!(roll_back(&mut reporter, to(&signed, revision)).await.expect("no change"), signed);
    }
    assert_eq!(room.contents().await, before);
    room.close().await;
}

#[tokio::test]
async fn a_rollback_needs_the_current_etag_and_a_revision_that_is_there() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第一稿").await;
    let second = retitle(&room, &first, "第二稿").await;
    let mut reporter = room.desk(Role::Reporter).await;
    let before = room.contents().await;
    let stale = pb::RollbackArticleRequest { etag: first.etag.clone(), ..to(&second, 1) };
    let stale = roll_back(&mut reporter, stale).await.expect_err("a stale etag");
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".into()));
    let blind = pb::RollbackArticleRequest { etag: String::new(), ..to(&second, 0) };
    let blind = roll_back(&mut reporter, blind).await.expect_err("neither");
    assert_eq!(fields(&blind), ["revision", "etag"]);
    let negative = roll_back(&mut reporter, to(&second, -1)).await.expect_err("no number");
    assert_eq!(fields(&negative), ["revision"]);
    let missing = roll_back(&mut reporter, to(&second, 3)).await.expect_err("no such revision");
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    let details = missing.get_error_details();
    assert_eq!(details.resource_info().expect("what").resource_name, revision_name(&first, 3));
    assert_eq!(room.contents().await, before);

    // A request that is repeated is done once; one that only asks, not at all.
    let request = pb::RollbackArticleRequest { request_id: Uuid::now_v7().to_string(), ..to(&second, 1) };
    let asked = pb::RollbackArticleRequest { validate_only: true, ..request.clone() };
    assert_eq!(roll_back(&mut reporter, asked).await.expect("an answer").revision, 3);
    assert_eq!(room.contents().await, before);
    let done = roll_back(&mut reporter, request.clone()).await.expect("a rollback");
    assert_eq!(roll_back(&mut reporter, request).await.expect("the same"), done);
    assert_eq!(get(&mut reporter, &first).await, done);

    let delete = pb::DeleteArticleRequest { name: first.name.clone(), ..Default::default() };
    let deleted = reporter.articles.delete_article(delete).await.expect("a deletion").into_inner();
    let refused = roll_back(&mut reporter, to(&deleted, 2)).await.expect_err("it is deleted");
    assert_eq!(reason(&refused), "RESOURCE_DELETED");
    room.close().await;
}

#[tokio::test]
async fn what_an_old_revision_refers_to_must_still_be_there() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let person = pb::Reporter { display_name: "林知秋".into(), ..Default::default() };
    let person = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    let person = reporter.reporters.create_reporter(person).await.expect("a reporter").into_inner();
    let photo = reporter.photos.create_photo(pb::CreatePhotoRequest::default()).await;
    let photo = photo.expect("a photo").into_inner();
    let bylines = vec![pb::Byline { reporter: person.name.clone(), ..Default::default() }];
    let photos = vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }];
    let first = pb::Article { bylines, photos, ..room.article("第一稿").await };
    let first = save(&room, first, &["bylines", "photos"]).await;
    let bare = pb::Article { bylines: Vec::new(), photos: Vec::new(), ..first.clone() };
    let bare = save(&room, bare, &["bylines", "photos"]).await;

    let delete = pb::DeleteReporterRequest { name: person.name.clone(), ..Default::default() };
    let mut editor = room.desk(Role::Editor).await;
    editor.reporters.delete_reporter(delete).await.expect("a deletion");
    let refused = roll_back(&mut reporter, to(&bare, 2)).await.expect_err("nobody of that name");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["revision"]);
    let said = refused.message();
    assert!(said.contains("bylines[0].reporter of revision 2") && said.contains(&person.name), "{said}");
    let undelete = pb::UndeleteReporterRequest { name: person.name.clone(), ..Default::default() };
    editor.reporters.undelete_reporter(undelete).await.expect("an undeletion");

    let delete = pb::DeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    reporter.photos.delete_photo(delete).await.expect("a deletion");
    let refused = roll_back(&mut reporter, to(&bare, 2)).await.expect_err("no picture");
    assert_eq!(fields(&refused), ["revision"]);
    let said = refused.message();
    assert!(said.contains("photos of revision 2") && said.contains(&photo.name), "{said}");
    let undelete = pb::UndeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    reporter.photos.undelete_photo(undelete).await.expect("an undeletion");

    // And it is held again: neither can go while the article refers to it.
    let back = roll_back(&mut reporter, to(&bare, 2)).await.expect("a rollback");
    assert_eq!((&back.bylines, &back.photos), (&first.bylines, &first.photos));
    let delete = pb::DeletePhotoRequest { name: photo.name, ..Default::default() };
    let refused = reporter.photos.delete_photo(delete).await.expect_err("it is used");
    assert_eq!(reason(&refused), "RESOURCE_IN_USE");
    room.close().await;
}

#[tokio::test]
async fn rolling_a_published_article_back_makes_a_draft_and_takes_nothing_from_readers() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第一稿").await;
    let second = retitle(&room, &first, "第二稿").await;
    let second = sign(&room, "editor", &second, 1).await;
    let publish = pb::PublishArticleRequest { name: second.name.clone(), ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    let published = publisher.articles.publish_article(publish).await.expect("a publication").into_inner();
    let back = roll_back(&mut publisher, to(&published, 1)).await.expect("a rollback");
    assert_eq!((back.state(), back.headline.as_str()), (pb::State::Draft, "第一稿"));
    let read = pb::GetPublishedArticleRequest { name: first.name.clone(), ..Default::default() };
    let read = publisher.publications.get_published_article(read).await.expect("it").into_inner();
    assert_eq!(read.article.expect("the article").headline, "第二稿");
    room.close().await;
}
