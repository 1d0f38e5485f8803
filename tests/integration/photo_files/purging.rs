//! `PurgePhoto`: for good, and only what nothing uses.

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::{Code, Status};

use super::{files_below, jpeg_of, new_photo, rest, start};
use crate::newsroom::{Newsroom, article, reason, upload};

async fn delete(desk: &mut Desk, name: &str) {
    let delete = pb::DeletePhotoRequest { name: name.into(), ..Default::default() };
    desk.photos.delete_photo(delete).await.expect("a deletion");
}

async fn purge(desk: &mut Desk, name: &str) -> Result<(), Status> {
    let purge = pb::PurgePhotoRequest { name: name.into(), ..Default::default() };
    desk.photos.purge_photo(purge).await.map(|_| ())
}

/// Makes an article that uses a photo.
async fn illustrated(desk: &mut Desk, photo: &str) -> pb::Article {
    let used = pb::PhotoUse { photo: photo.into(), ..Default::default() };
    let article = pb::Article { photos: vec![used], ..article("有图") };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    desk.articles.create_article(create).await.expect("an article").into_inner()
}

#[tokio::test]
async fn a_purged_photo_is_gone_with_its_file_and_all_that_was_on_its_way() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Publisher).await;
    let (photo, other) = (new_photo(&mut desk).await, new_photo(&mut desk).await);
    let bytes = jpeg_of(20_000, 300);
    for name in [&photo.name, &other.name] {
        desk.photos.upload_photo(upload(name, bytes.clone())).await.expect("an upload");
    }
    let begun = start(&mut desk, &photo.name, &bytes).await;
    let half = futures::stream::iter(rest(&begun.name, 0, &bytes[..10]));
    desk.photos.upload_photo(half).await.expect_err("it is not whole");

    let status = purge(&mut desk, &photo.name).await.expect_err("it is not deleted");
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "RESOURCE_NOT_DELETED".into()));
    delete(&mut desk, &photo.name).await;
    let rehearse =
        pb::PurgePhotoRequest { name: photo.name.clone(), validate_only: true, ..Default::default() };
    desk.photos.purge_photo(rehearse).await.expect("a rehearsal");
    let stale =
        pb::PurgePhotoRequest { name: photo.name.clone(), etag: "\"1\"".into(), ..Default::default() };
    let status = desk.photos.purge_photo(stale).await.expect_err("it has changed");
    assert_eq!((status.code(), reason(&status)), (Code::Aborted, "ETAG_MISMATCH".into()));
    purge(&mut desk, &photo.name).await.expect("a purge");
    let get = pb::GetPhotoRequest { name: photo.name.clone() };
    assert_eq!(desk.photos.get_photo(get).await.expect_err("it is gone").code(), Code::NotFound);
    assert_eq!(purge(&mut desk, &photo.name).await.expect_err("it is gone").code(), Code::NotFound);

    assert_eq!(files_below(&room.photo_folder().join("sha256")).len(), 1, "the other photo has the file");
    delete(&mut desk, &other.name).await;
    purge(&mut desk, &other.name).await.expect("a purge");
    assert!(files_below(&room.photo_folder()).is_empty(), "something is left behind");
    room.close().await;
}

#[tokio::test]
async fn what_a_working_copy_or_a_publication_uses_is_not_purged() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut desk = room.desk(Role::Publisher).await;
    let drafted = new_photo(&mut desk).await;
    let article = illustrated(&mut desk, &drafted.name).await;
    // An article can come back from deletion, and its photo with it.
    let gone = pb::DeleteArticleRequest { name: article.name.clone(), ..Default::default() };
    desk.articles.delete_article(gone).await.expect("a deletion");
    delete(&mut desk, &drafted.name).await;
    let status = purge(&mut desk, &drafted.name).await.expect_err("it is used");
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "RESOURCE_IN_USE".into()));
    assert!(status.message().contains(&article.name), "{status:?}");

    let printed = room.photo("头版").await;
    let mut reporter = room.desk(Role::Reporter).await;
    let article = illustrated(&mut reporter, &printed.name).await;
    let issue = room.issue(1, &[&room.review(&article).await]).await;
    room.publish(&room.review_issue(&issue).await).await;
    let now = desk.articles.get_article(pb::GetArticleRequest { name: article.name });
    let bare = pb::Article { photos: Vec::new(), ..now.await.expect("the article").into_inner() };
    let update = pb::UpdateArticleRequest {
        article: Some(bare),
        update_mask: crate::newsroom::mask(&["photos"]),
        ..Default::default()
    };
    desk.articles.update_article(update).await.expect("an update");
    delete(&mut desk, &printed.name).await;
    let status = purge(&mut desk, &printed.name).await.expect_err("it is published");
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "RESOURCE_IN_USE".into()));
    assert!(status.message().contains("publications/1"), "{status:?}");
    room.close().await;
}
