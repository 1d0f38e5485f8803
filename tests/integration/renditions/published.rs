//! Readers get renditions of what was published, as it was published.

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::Status;

use super::{QUARTERS, ask, assert_color, change, in_quarters, png, quarters};
use crate::newsroom::{Newsroom, article, fields, reason};

/// Asks as a reader: what is said first, and the bytes.
async fn pull(
    desk: &mut Desk,
    name: &str,
    rendition: &str,
) -> Result<(pb::PhotoDownloadInfo, Vec<u8>), Status> {
    use pb::download_published_photo_response::Part;
    let request = pb::DownloadPublishedPhotoRequest {
        name: name.into(),
        rendition: rendition.into(),
        ..Default::default()
    };
    let mut parts = desk.publications.download_published_photo(request).await?.into_inner();
    let (mut info, mut bytes) = (None, Vec::new());
    while let Some(message) = parts.message().await? {
        match message.part.expect("a part") {
            Part::Info(first) => info = Some(first),
            Part::Chunk(chunk) => bytes.extend_from_slice(&chunk),
        }
    }
    Ok((info.expect("an info"), bytes))
}

/// The lower right quarter.
fn corner() -> pb::Crop {
    pb::Crop { left: 0.5, top: 0.5, width: 0.5, height: 0.5 }
}

/// Publishes an article by itself that uses a photo; its name.
async fn publish_with(newsroom: &Newsroom, photo: &pb::Photo) -> String {
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let used = pb::PhotoUse { photo: photo.name.clone(), ..Default::default() };
    let article = pb::Article { photos: vec![used], ..article("渡轮复航") };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let article = reporter.articles.create_article(create).await.expect("an article").into_inner();
    let article = newsroom.review(&article).await;
    let publish = pb::PublishArticleRequest { name: article.name, ..Default::default() };
    let mut publisher = newsroom.desk(Role::Publisher).await;
    publisher.articles.publish_article(publish).await.expect("a publication").into_inner().name
}

/// A photo of [`quarters`] in its lower right corner, cleared and signed.
async fn cropped(newsroom: &Newsroom) -> pb::Photo {
    let photo = newsroom.photo("渡轮").await;
    let mut editor = newsroom.desk(Role::Editor).await;
    let parts = crate::newsroom::upload(&photo.name, png(&quarters(400, 400)));
    editor.photos.upload_photo(parts).await.expect("an upload");
    let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
    let point = pb::FocalPoint { x: 0.75, y: 0.75 };
    let words = pb::Photo { rights: Some(rights), crop: Some(corner()), focal_point: Some(point), ..photo };
    let photo = change(&mut editor, words, &["rights", "crop", "focal_point"]).await;
    let review =
        pb::ReviewPhotoRequest { name: photo.name, etag: photo.etag, stage: 1, ..Default::default() };
    let mut publisher = newsroom.desk(Role::Publisher).await;
    publisher.photos.review_photo(review).await.expect("a review").into_inner()
}

#[tokio::test]
async fn readers_get_the_crop_as_published_after_an_editor_changes_it() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let photo = cropped(&newsroom).await;
    let article = publish_with(&newsroom, &photo).await;
    let mut reader = newsroom.desk(Role::Reader).await;
    let (first, bytes) = pull(&mut reader, &photo.name, "w320").await.expect("a rendition");
    assert_eq!((first.width_px, first.height_px), (200, 200));
    let picture = image::load_from_memory(&bytes).expect("a picture").into_rgb8();
    assert_color(picture.get_pixel(100, 100).0, QUARTERS[3]);

    let mut editor = newsroom.desk(Role::Editor).await;
    let whole = pb::Photo { crop: None, caption: "整幅".into(), ..photo.clone() };
    change(&mut editor, whole, &["crop", "caption"]).await;
    let (after, same) = pull(&mut reader, &photo.name, "w320").await.expect("a rendition");
    assert_eq!((after, same), (first.clone(), bytes));
    let (later, _) = pull(&mut reader, &photo.name, "thumbnail").await.expect("a rendition");
    assert_eq!((later.width_px, later.height_px), (200, 200), "made later, cut as published");
    let draft = ask(&mut editor, &photo.name, "w320").await.expect("a rendition");
    for (color, expected) in in_quarters(&draft.picture()).into_iter().zip(QUARTERS) {
        assert_color(color, expected);
    }

    let get = pb::GetPublishedArticleRequest { name: article, ..Default::default() };
    let sealed = reader.publications.get_published_article(get).await.expect("an article").into_inner();
    let sealed = &sealed.photos[0];
    assert_eq!((sealed.crop, sealed.focal_point), (Some(corner()), photo.focal_point));
    let (original, _) = pull(&mut reader, &photo.name, "").await.expect("the original");
    assert_eq!((original.width_px, original.height_px), (400, 400));
    newsroom.close().await;
}

#[tokio::test]
async fn readers_get_the_words_as_published() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let photo = newsroom.photo("渡轮复航首日").await;
    publish_with(&newsroom, &photo).await;
    let mut editor = newsroom.desk(Role::Editor).await;
    change(&mut editor, pb::Photo { caption: "不得外传".into(), ..photo.clone() }, &["caption"]).await;
    let mut reader = newsroom.desk(Role::Reader).await;
    let (_, bytes) = pull(&mut reader, &photo.name, "web").await.expect("a rendition");
    let said = String::from_utf8_lossy(&bytes).into_owned();
    assert!(said.contains("渡轮复航首日") && !said.contains("不得外传"));
    newsroom.close().await;
}

#[tokio::test]
async fn readers_get_no_rendition_of_what_is_not_published() {
    let newsroom = Newsroom::open().await;
    let photo = newsroom.photo("渡轮").await;
    let mut reader = newsroom.desk(Role::Reader).await;
    let refusal = pull(&mut reader, &photo.name, "w320").await.expect_err("a refusal");
    assert_eq!(reason(&refusal), "NOT_PUBLISHED");
    let refusal = pull(&mut reader, &photo.name, "poster").await.expect_err("a refusal");
    assert_eq!(fields(&refusal), ["rendition"]);
    newsroom.close().await;
}
