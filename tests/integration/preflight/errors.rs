//! What blocks publishing, each by itself.

use masthead::{article::Content, pb};
use sqlx::types::Json;

use super::{Stage, led, page, placement, statement};
use crate::newsroom::{PAPER, article, mask, upload};

pub const OF_ARTICLES: [&str; 6] = [
    "ARTICLE_DELETED",
    "ARTICLE_NOT_REVIEWED",
    "ARTICLE_PLACED_TWICE",
    "ARTICLE_WITHDRAWN",
    "ARTICLE_WITHOUT_BODY",
    "ARTICLE_WITHOUT_HEADLINE",
];

pub const OF_PHOTOS: [&str; 5] =
    ["PHOTO_DELETED", "PHOTO_FILE_LOST", "PHOTO_NOT_CLEARED", "PHOTO_NOT_REVIEWED", "PHOTO_WITHOUT_FILE"];

pub const OF_ISSUES: [&str; 7] = [
    "CORRECTION_NOTE",
    "MASTHEAD_FACT",
    "NOT_REVIEWED",
    "PAGE_COUNT",
    "PAGE_EMPTY",
    "PRICE_NOTE",
    "RUNNING_NUMBER",
];

#[tokio::test]
async fn each_error_of_an_article_is_found_alone() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;

    let draft = stage.write(article("未审")).await;
    let issue = stage.issue_of(&[&draft]).await;
    stage.finds(&issue, "ARTICLE_NOT_REVIEWED", &draft.name).await;

    let changed = stage.good_article().await;
    let issue = stage.issue_of(&[&changed]).await;
    let words = pb::Article {
        etag: "*".into(),
        name: changed.name.clone(),
        place: "海口".into(),
        ..Default::default()
    };
    let update = pb::UpdateArticleRequest { article: Some(words), ..Default::default() };
    stage.desk.articles.update_article(update).await.expect("a change");
    stage.finds(&issue, "ARTICLE_NOT_REVIEWED", &changed.name).await;

    let twice = stage.good_article().await;
    let issue = stage.issue_of(&[&twice, &twice]).await;
    stage.finds(&issue, "ARTICLE_PLACED_TWICE", &page(&issue, 1)).await;

    let hollow = stage.signed(pb::Article { body: Vec::new(), ..article("只有标题") }).await;
    let issue = stage.issue_of(&[&hollow]).await;
    stage.finds(&issue, "ARTICLE_WITHOUT_BODY", &hollow.name).await;

    // The service takes no article without a headline.
    let headless = stage.good_article().await;
    let issue = stage.issue_of(&[&headless]).await;
    take_headline(&mut past, &headless).await;
    stage.finds(&issue, "ARTICLE_WITHOUT_HEADLINE", &headless.name).await;

    let withdrawn = stage.good_article().await;
    let issue = stage.issue_of(&[&withdrawn]).await;
    statement(&mut past, "update articles set state = 'withdrawn' where id::text = $1", &withdrawn.name)
        .await;
    stage.finds(&issue, "ARTICLE_WITHDRAWN", &withdrawn.name).await;

    // What a deleted issue places is free to be deleted as well.
    let deleted = stage.good_article().await;
    let issue = stage.issue_of(&[&deleted]).await;
    let delete = pb::DeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    stage.desk.issues.delete_issue(delete).await.expect("no issue");
    let delete = pb::DeleteArticleRequest { name: deleted.name.clone(), ..Default::default() };
    stage.desk.articles.delete_article(delete).await.expect("no article");
    let undelete = pb::UndeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    stage.desk.issues.undelete_issue(undelete).await.expect("the issue");
    stage.finds(&issue, "ARTICLE_DELETED", &deleted.name).await;
    stage.close().await;
}

/// Leaves an article without a headline, and its sign-offs as if for that.
async fn take_headline(past: &mut sqlx::PgConnection, article: &pb::Article) {
    let id = article.name.trim_start_matches("articles/");
    let sql = "update articles set content = content || '{\"headline\": \" \"}' where id::text = $1
               returning content";
    let Json(content): Json<Content> =
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut *past).await.expect("content");
    let digest = content.digest().expect("a digest");
    let sql = "update reviews set content_digest = $2 where subject::text = $1";
    sqlx::query(sql).bind(id).bind(digest.as_bytes()).execute(past).await.expect("a sign-off");
}

/// An article with a photo, and an issue with the article.
pub async fn illustrated(stage: &mut Stage, photo: &pb::Photo) -> pb::Issue {
    let photos = vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }];
    let article = stage.signed(pb::Article { photos, ..article("图文并茂") }).await;
    stage.issue_of(&[&article]).await
}

/// A photo with these rights and, if it is more than 0 pixels wide, a file.
pub async fn photo(stage: &mut Stage, rights: pb::Rights, width_px: u32) -> pb::Photo {
    let photo = pb::Photo { caption: "演练现场".into(), rights: Some(rights), ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    let photo = stage.desk.photos.create_photo(create).await.expect("a photo").into_inner();
    if width_px == 0 {
        return photo;
    }
    let file = masthead::demo::picture::stand_in(width_px, 24).expect("a picture");
    stage.desk.photos.upload_photo(upload(&photo.name, file)).await.expect("an upload").into_inner()
}

pub async fn signed_photo(stage: &mut Stage, rights: pb::Rights, width_px: u32) -> pb::Photo {
    let photo = photo(stage, rights, width_px).await;
    let review =
        pb::ReviewPhotoRequest { name: photo.name, etag: "*".into(), stage: 1, ..Default::default() };
    stage.signer.photos.review_photo(review).await.expect("a sign-off").into_inner()
}

pub fn cleared() -> pb::Rights {
    pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() }
}

#[tokio::test]
async fn each_error_of_a_photo_is_found_alone() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;

    let unsigned = photo(&mut stage, cleared(), 30).await;
    let issue = illustrated(&mut stage, &unsigned).await;
    stage.finds(&issue, "PHOTO_NOT_REVIEWED", &unsigned.name).await;

    let unknown = signed_photo(&mut stage, pb::Rights::default(), 30).await;
    let issue = illustrated(&mut stage, &unknown).await;
    stage.finds(&issue, "PHOTO_NOT_CLEARED", &unknown.name).await;

    let forbidden = pb::Rights { clearance: pb::rights::Clearance::DoNotUse.into(), ..Default::default() };
    let forbidden = signed_photo(&mut stage, forbidden, 30).await;
    let issue = illustrated(&mut stage, &forbidden).await;
    stage.finds(&issue, "PHOTO_NOT_CLEARED", &forbidden.name).await;

    // A file that nobody else has.
    let lost = signed_photo(&mut stage, cleared(), 31).await;
    let issue = illustrated(&mut stage, &lost).await;
    let sha256 = &lost.file.as_ref().expect("a file").sha256;
    let place = stage.room.photo_folder().join("sha256").join(&sha256[..2]).join(&sha256[2..]);
    std::fs::remove_file(place).expect("a file to lose");
    stage.finds(&issue, "PHOTO_FILE_LOST", &lost.name).await;

    let deleted = signed_photo(&mut stage, cleared(), 30).await;
    let issue = illustrated(&mut stage, &deleted).await;
    statement(&mut past, "update photos set delete_time = now() where id::text = $1", &deleted.name).await;
    stage.finds(&issue, "PHOTO_DELETED", &deleted.name).await;

    // What has no file cannot have been signed.
    let bare = photo(&mut stage, cleared(), 0).await;
    let issue = illustrated(&mut stage, &bare).await;
    let both = ["PHOTO_WITHOUT_FILE", "PHOTO_NOT_REVIEWED"].map(|code| (code.to_owned(), bare.name.clone()));
    assert_eq!(stage.findings(&issue).await, both);
    stage.close().await;
}

pub async fn set_newspaper(stage: &mut Stage, newspaper: pb::Newspaper, path: &str) {
    let newspaper = pb::Newspaper { name: PAPER.into(), etag: "*".into(), ..newspaper };
    let update = pb::UpdateNewspaperRequest {
        newspaper: Some(newspaper),
        update_mask: mask(&[path]),
        ..Default::default()
    };
    stage.desk.newspapers.update_newspaper(update).await.expect("a newspaper");
}

#[tokio::test]
async fn each_error_of_the_masthead_is_found_alone() {
    let mut stage = Stage::open().await;
    let article = stage.good_article().await;
    let issue = stage.issue_of(&[&article]).await;
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    let full = stage.desk.newspapers.get_newspaper(get).await.expect("the newspaper").into_inner();
    for path in ["serial_code", "supervising_body", "publishing_body", "chief_editor", "price_note"] {
        set_newspaper(&mut stage, pb::Newspaper::default(), path).await;
        match path {
            "price_note" => stage.finds(&issue, "PRICE_NOTE", &issue.name).await,
            _ => stage.finds(&issue, "MASTHEAD_FACT", PAPER).await,
        }
        set_newspaper(&mut stage, full.clone(), path).await;
    }
    // The issue's own price note is enough.
    set_newspaper(&mut stage, pb::Newspaper::default(), "price_note").await;
    let priced = pb::Issue { etag: "*".into(), price_note: "零售一元".into(), ..issue.clone() };
    let update = pb::UpdateIssueRequest {
        issue: Some(priced),
        update_mask: mask(&["price_note"]),
        ..Default::default()
    };
    stage.desk.issues.update_issue(update).await.expect("a price");
    stage.sign_issue(&issue).await;
    assert_eq!(stage.findings(&issue).await, []);
    stage.close().await;
}

#[tokio::test]
async fn only_an_extra_has_no_running_number() {
    let mut stage = Stage::open().await;
    let article = stage.good_article().await;
    for (id, number, is_right) in
        [("4150", 0, false), ("4151", 4151, true), ("extra", 0, true), ("x1", 1, true)]
    {
        let issue = stage.named_issue(id, number, super::DAY, 1).await;
        stage.place(&issue, 1, led(&[&article])).await;
        stage.sign_issue(&issue).await;
        let missing = [("MASTHEAD_FACT".to_owned(), issue.name.clone())];
        let expected = if is_right { &missing[..0] } else { &missing[..] };
        assert_eq!(stage.findings(&issue).await, expected, "{id}");
    }
    stage.close().await;
}

#[tokio::test]
async fn each_error_of_an_issue_is_found_alone() {
    let mut stage = Stage::open().await;
    let article = stage.good_article().await;

    let issue = stage.empty_issue(1).await;
    stage.place(&issue, 1, led(&[&article])).await;
    stage.finds(&issue, "NOT_REVIEWED", &issue.name).await;

    let issue = stage.empty_issue(2).await;
    stage.place(&issue, 1, led(&[&article])).await;
    stage.place(&issue, 2, Vec::new()).await;
    stage.sign_issue(&issue).await;
    stage.finds(&issue, "PAGE_EMPTY", &page(&issue, 2)).await;

    let issue = stage.empty_issue(0).await;
    stage.sign_issue(&issue).await;
    stage.finds(&issue, "PAGE_EMPTY", &issue.name).await;

    for planned in [0, 2] {
        let issue = stage.empty_issue(planned).await;
        stage.place(&issue, 1, led(&[&article])).await;
        stage.sign_issue(&issue).await;
        stage.finds(&issue, "PAGE_COUNT", &issue.name).await;
    }

    let first = stage.named_issue("1", 1, super::DAY, 1).await;
    stage.place(&first, 1, led(&[&article])).await;
    stage.sign_issue(&first).await;
    stage.room.publish(&first).await;
    let third = stage.named_issue("3", 3, super::DAY, 1).await;
    stage.place(&third, 1, led(&[&article])).await;
    stage.sign_issue(&third).await;
    stage.finds(&third, "RUNNING_NUMBER", &third.name).await;

    let other = stage.good_article().await;
    stage.place(&first, 1, vec![placement(&other, pb::placement::Role::Lead)]).await;
    stage.sign_issue(&first).await;
    stage.finds(&first, "CORRECTION_NOTE", &first.name).await;
    stage.close().await;
}
