//! What somebody should look at, each by itself.

use masthead::pb;

use super::{Stage, led, page, placement, statement};
use crate::newsroom::{article, paragraph};

pub const TRIED: [&str; 6] = [
    "BYLINE_RETIRED",
    "COPY",
    // In the tests of corrections.
    "CORRECTION_OWED",
    "EARLIER_ISSUE_UNPUBLISHED",
    "HEADLINE_LENGTH",
    "PAGE_WITHOUT_LEAD",
];

#[tokio::test]
async fn faults_of_the_copy_are_found_wherever_they_stand() {
    let mut stage = Stage::open().await;
    let with_body = |text: &str| pb::Article { body: vec![paragraph(text)], ..article("头条") };
    let listed = pb::BulletList { items: vec!["认真学习 and 落实".into()], ordered: false };
    let listed = pb::Block { kind: Some(pb::block::Kind::List(listed)) };
    for faulty in [
        with_body("认真学习 and 落实会议精神。"),
        with_body("会议强调，要把责任压实到"),
        with_body("会议\u{200B}结束了。"),
        // The day of the issue is a Friday.
        with_body("11月20日（星期六），会议结束了。"),
        article("认真学习 and 落实会议精神"),
        pb::Article { kicker: "认真学习 and 落实".into(), ..article("头条") },
        pb::Article { subheadline: "认真学习 and 落实".into(), ..article("头条") },
        pb::Article { body: vec![listed], ..article("头条") },
    ] {
        let faulty = stage.signed(faulty).await;
        let issue = stage.issue_of(&[&faulty]).await;
        stage.finds(&issue, "COPY", &faulty.name).await;
    }
    let right = stage.signed(with_body("11月20日（星期五），会议在APP上结束了。（完）")).await;
    let issue = stage.issue_of(&[&right]).await;
    assert_eq!(stage.findings(&issue).await, []);

    // What the page prints instead is the page's.
    let issue = stage.empty_issue(1).await;
    let kicker = "认真学习 and 落实".into();
    let placement = pb::Placement { kicker, ..placement(&right, pb::placement::Role::Lead) };
    stage.place(&issue, 1, vec![placement]).await;
    stage.sign_issue(&issue).await;
    stage.finds(&issue, "COPY", &page(&issue, 1)).await;
    stage.close().await;
}

#[tokio::test]
async fn the_caption_of_a_photo_is_copy_too() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("居民在学习 and 交流").await;
    let photos = vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }];
    let first = stage.signed(pb::Article { photos: photos.clone(), ..article("一") }).await;
    let second = stage.signed(pb::Article { photos, ..article("二") }).await;
    let issue = stage.issue_of(&[&first, &second]).await;
    // Once, though two articles use it.
    stage.finds(&issue, "COPY", &photo.name).await;
    stage.close().await;
}

#[tokio::test]
async fn one_article_does_not_flood_the_findings() {
    let mut stage = Stage::open().await;
    let body = (0..50).map(|_| paragraph("认真学习 and 落实会议精神。")).collect();
    let faulty = stage.signed(pb::Article { body, ..article("头条") }).await;
    let issue = stage.issue_of(&[&faulty]).await;
    assert_eq!(stage.findings(&issue).await, vec![("COPY".to_owned(), faulty.name.clone()); 20]);
    stage.close().await;
}

#[tokio::test]
async fn a_headline_fits_its_place_counted_as_a_newspaper_counts() {
    use pb::placement::Role;
    let mut stage = Stage::open().await;
    for (role, characters) in [
        (Role::Unspecified, 30),
        (Role::Lead, 30),
        (Role::Secondary, 24),
        (Role::Brief, 18),
        (Role::PhotoStory, 20),
    ] {
        let lead = stage.good_article().await;
        let fitting = "题".repeat(characters - 2) + "2026";
        for (headline, fits) in [(fitting.clone(), true), (fitting + "a", false)] {
            let article = stage.signed(article(&headline)).await;
            let issue = stage.empty_issue(1).await;
            let placements = vec![placement(&lead, Role::Lead), placement(&article, role)];
            stage.place(&issue, 1, placements).await;
            stage.sign_issue(&issue).await;
            let long = [("HEADLINE_LENGTH".to_owned(), article.name.clone())];
            let expected = if fits { &long[..0] } else { &long[..] };
            assert_eq!(stage.findings(&issue).await, expected, "{role:?} {headline}");
        }
    }
    // A shorter one on the page is enough, and a longer one there is the page's.
    let long = stage.signed(article(&"题".repeat(31))).await;
    for (headline, fits) in [("短题".to_owned(), true), ("题".repeat(32), false)] {
        let issue = stage.empty_issue(1).await;
        let placement = pb::Placement { headline, ..placement(&long, Role::Lead) };
        stage.place(&issue, 1, vec![placement]).await;
        stage.sign_issue(&issue).await;
        let found = [("HEADLINE_LENGTH".to_owned(), page(&issue, 1))];
        let expected = if fits { &found[..0] } else { &found[..] };
        assert_eq!(stage.findings(&issue).await, expected);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_byline_of_someone_who_has_retired_is_found_on_article_and_photo() {
    let mut stage = Stage::open().await;
    let mut past = stage.connect().await;
    let reporter = pb::Reporter { display_name: "林知秋".into(), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
    let reporter = stage.desk.reporters.create_reporter(create).await.expect("a reporter").into_inner();
    let bylines = vec![pb::Byline { reporter: reporter.name.clone(), ..Default::default() }];
    let signed = stage.signed(pb::Article { bylines: bylines.clone(), ..article("头条") }).await;
    let issue = stage.issue_of(&[&signed]).await;
    assert_eq!(stage.findings(&issue).await, []);
    statement(&mut past, "update reporters set retired = true where id::text = $1", &reporter.name).await;
    stage.finds(&issue, "BYLINE_RETIRED", &signed.name).await;

    let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
    let photo = pb::Photo { rights: Some(rights), bylines, ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    let photo = stage.desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let file = crate::newsroom::upload(&photo.name, crate::newsroom::picture());
    stage.desk.photos.upload_photo(file).await.expect("an upload");
    let review =
        pb::ReviewPhotoRequest { name: photo.name.clone(), etag: "*".into(), stage: 1, ..Default::default() };
    stage.signer.photos.review_photo(review).await.expect("a sign-off");
    let photos = vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }];
    let illustrated = stage.signed(pb::Article { photos, ..article("头条") }).await;
    let issue = stage.issue_of(&[&illustrated]).await;
    stage.finds(&issue, "BYLINE_RETIRED", &photo.name).await;
    stage.close().await;
}

#[tokio::test]
async fn a_page_has_a_lead() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let issue = stage.empty_issue(1).await;
    stage.place(&issue, 1, vec![placement(&good, pb::placement::Role::Secondary)]).await;
    stage.sign_issue(&issue).await;
    stage.finds(&issue, "PAGE_WITHOUT_LEAD", &page(&issue, 1)).await;
    stage.close().await;
}

#[tokio::test]
async fn issues_of_earlier_days_that_never_appeared_are_named() {
    let mut stage = Stage::open().await;
    let good = stage.good_article().await;
    let mut earlier = Vec::new();
    for day in 1..=12 {
        earlier.push(stage.named_issue(&format!("early-{day}"), 0, (2026, 11, day), 1).await);
    }
    stage.named_issue("same-day", 0, super::DAY, 1).await;
    stage.named_issue("later", 0, (2026, 11, 21), 1).await;
    let issue = stage.issue_of(&[&good]).await;
    let expected = |issues: &[pb::Issue]| -> Vec<(String, String)> {
        let named = issues.iter().rev().take(10);
        named.map(|issue| ("EARLIER_ISSUE_UNPUBLISHED".to_owned(), issue.name.clone())).collect()
    };
    assert_eq!(stage.findings(&issue).await, expected(&earlier));

    // Published or deleted, they are named no more.
    let last = earlier.pop().expect("an issue");
    stage.place(&last, 1, led(&[&good])).await;
    stage.sign_issue(&last).await;
    stage.room.publish(&last).await;
    let deleted = earlier.pop().expect("an issue");
    let delete = pb::DeleteIssueRequest { name: deleted.name, ..Default::default() };
    stage.desk.issues.delete_issue(delete).await.expect("no issue");
    assert_eq!(stage.findings(&issue).await, expected(&earlier));
    stage.close().await;
}
