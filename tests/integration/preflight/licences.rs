//! The days for which the rights in a photo are granted.

use chrono::{Datelike, TimeDelta, Utc};
use masthead::{admin::Role, pb};
use tonic::Code;

use super::{
    Stage,
    errors::{cleared, illustrated, set_newspaper, signed_photo},
};
use crate::newsroom::{article, codes, date, mask, paragraph, picture, reason, upload};

#[tokio::test]
async fn a_photo_is_licensed_for_the_day_of_the_issue_or_is_not_printed() {
    let mut stage = Stage::open().await;
    let day = |day| Some(date(2026, 11, day));
    // The issues appear on the 20th.
    let cases = [
        (None, None, true),
        (day(20), day(20), true),
        (day(1), None, true),
        (None, day(20), true),
        (day(21), None, false),
        (None, day(19), false),
        (day(21), day(22), false),
        (day(1), day(19), false),
    ];
    for (license_start_date, license_end_date, fits) in cases {
        let rights = pb::Rights { license_start_date, license_end_date, ..cleared() };
        let photo = signed_photo(&mut stage, rights, 30).await;
        let issue = illustrated(&mut stage, &photo).await;
        let missing = [("PHOTO_NOT_CLEARED".to_owned(), photo.name.clone())];
        let expected = if fits { &missing[..0] } else { &missing[..] };
        assert_eq!(stage.findings(&issue).await, expected, "{license_start_date:?} {license_end_date:?}");
    }
    stage.close().await;
}

#[tokio::test]
async fn a_lone_article_is_printed_on_the_day_of_its_newspaper() {
    let mut stage = Stage::open().await;
    // Their days always differ.
    let (ahead, behind) = ("Pacific/Kiritimati", "Pacific/Pago_Pago");
    let today = Utc::now() + TimeDelta::hours(14);
    let days = [today, today + TimeDelta::days(1)]
        .map(|day| Some(date(day.year(), day.month() as i32, day.day() as i32)));
    let rights = pb::Rights { license_start_date: days[0], license_end_date: days[1], ..cleared() };
    let photo = signed_photo(&mut stage, rights, 30).await;
    let photos = vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }];
    let body = vec![paragraph("昨天，本市举行了一次演练。")];
    let article = stage.signed(pb::Article { photos, body, ..article("图文并茂") }).await;
    let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
    set_newspaper(&mut stage, pb::Newspaper { time_zone: behind.into(), ..Default::default() }, "time_zone")
        .await;
    let refused =
        stage.desk.articles.publish_article(publish.clone()).await.expect_err("it is yesterday there");
    assert_eq!(codes(&refused), ["PHOTO_NOT_CLEARED"]);
    set_newspaper(&mut stage, pb::Newspaper { time_zone: ahead.into(), ..Default::default() }, "time_zone")
        .await;
    stage.desk.articles.publish_article(publish).await.expect("it is today there");
    stage.close().await;
}

/// What of the rights holds for one channel, in November.
fn only(start: i32, end: i32) -> Option<pb::ChannelRights> {
    let day = |day: i32| (day > 0).then(|| date(2026, 11, day));
    Some(pb::ChannelRights { excluded: false, license_start_date: day(start), license_end_date: day(end) })
}

fn excluded() -> Option<pb::ChannelRights> {
    Some(pb::ChannelRights { excluded: true, ..Default::default() })
}

#[tokio::test]
async fn an_issue_needs_both_channels_and_hears_of_each_that_it_lacks() {
    let mut stage = Stage::open().await;
    // The issues appear on the 20th.
    let cases: [(pb::Rights, &[&str]); 9] = [
        (pb::Rights { print: only(20, 20), digital: only(1, 0), ..cleared() }, &[]),
        (pb::Rights { print: only(1, 19), ..cleared() }, &["print from 2026-11-01 to 2026-11-19"]),
        (pb::Rights { digital: only(21, 0), ..cleared() }, &["digital use from 2026-11-21"]),
        (pb::Rights { print: excluded(), ..cleared() }, &["no rights for print"]),
        (pb::Rights { digital: excluded(), ..cleared() }, &["no rights for digital use"]),
        (
            pb::Rights { print: only(0, 19), digital: excluded(), ..cleared() },
            &["print until 2026-11-19", "no rights for digital use"],
        ),
        // A channel does not widen the licence.
        (pb::Rights { digital: only(1, 30), ..november(1, 19) }, &["print and digital use from"]),
        (pb::Rights { print: excluded(), clearance: 0, ..cleared() }, &["not cleared"]),
        (pb::Rights { print: only(20, 20), clearance: 2, ..cleared() }, &["must not be used"]),
    ];
    for (rights, texts) in cases {
        let photo = signed_photo(&mut stage, rights.clone(), 30).await;
        let issue = illustrated(&mut stage, &photo).await;
        let missing = vec![("PHOTO_NOT_CLEARED".to_owned(), photo.name.clone()); texts.len()];
        assert_eq!(stage.findings(&issue).await, missing, "{rights:?}");
        let found = stage.ask(super::check(&issue)).await.findings;
        for (finding, text) in found.iter().zip(texts) {
            assert!(finding.description.contains(text), "{finding:?} lacks {text}");
            let names_the_day = finding.description.contains("2026-11-20");
            assert_eq!(names_the_day, rights.clearance == 1, "{finding:?}");
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn an_article_by_itself_needs_digital_rights_only() {
    let mut stage = Stage::open().await;
    for (rights, is_published) in [
        (pb::Rights { print: excluded(), ..cleared() }, true),
        (pb::Rights { digital: excluded(), ..cleared() }, false),
        (pb::Rights { digital: Some(past()), ..cleared() }, false),
        (pb::Rights { print: Some(past()), ..cleared() }, true),
    ] {
        let photo = signed_photo(&mut stage, rights.clone(), 30).await;
        let photos = vec![pb::PhotoUse { photo: photo.name, ..Default::default() }];
        let article = stage.signed(pb::Article { photos, ..article("图文并茂") }).await;
        let publish = pb::PublishArticleRequest { name: article.name, ..Default::default() };
        match stage.desk.articles.publish_article(publish).await {
            Ok(_) => assert!(is_published, "{rights:?}"),
            Err(refused) => {
                assert!(!is_published, "{rights:?}: {refused:?}");
                assert_eq!(codes(&refused), ["PHOTO_NOT_CLEARED"]);
            }
        }
    }
    stage.close().await;
}

fn past() -> pb::ChannelRights {
    pb::ChannelRights { license_end_date: Some(date(2000, 1, 1)), ..Default::default() }
}

fn november(start: i32, end: i32) -> pb::Rights {
    let (start, end) = (Some(date(2026, 11, start)), Some(date(2026, 11, end)));
    pb::Rights { license_start_date: start, license_end_date: end, ..cleared() }
}

fn set_rights(photo: &pb::Photo, rights: pb::Rights) -> pb::UpdatePhotoRequest {
    let photo =
        pb::Photo { name: photo.name.clone(), etag: "*".into(), rights: Some(rights), ..Default::default() };
    pb::UpdatePhotoRequest { photo: Some(photo), update_mask: mask(&["rights"]), ..Default::default() }
}

#[tokio::test]
async fn the_days_are_an_editors_decision_and_part_of_what_is_signed() {
    let mut stage = Stage::open().await;
    // The person who brings the pictures, with a reporter's credential.
    let mut reporter = stage.room.desk_of("publisher", Role::Reporter).await;
    let mut editor = stage.room.desk_of("picture-editor", Role::Editor).await;
    let days = pb::Rights { clearance: 0, ..november(1, 30) };
    let create = pb::CreatePhotoRequest {
        photo: Some(pb::Photo { rights: Some(days), ..Default::default() }),
        ..Default::default()
    };
    let refused = reporter.photos.create_photo(create).await.expect_err("not for a reporter");
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));

    let photo = signed_photo(&mut stage, november(1, 30), 30).await;
    assert_eq!(photo.state(), pb::State::Reviewed);
    let refused = reporter.photos.update_photo(set_rights(&photo, november(1, 29))).await;
    let refused = refused.expect_err("not for a reporter");
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));

    // An idle save changes nothing; other days void the sign-off.
    let same = editor.photos.update_photo(set_rights(&photo, november(1, 30))).await.expect("an idle save");
    assert_eq!(same.into_inner(), photo);
    let changed = editor.photos.update_photo(set_rights(&photo, november(1, 29))).await.expect("other days");
    let changed = changed.into_inner();
    let rights = changed.rights.clone().expect("rights");
    assert_eq!(rights, pb::Rights { cleared_by: "picture-editor".into(), ..november(1, 29) });
    assert_eq!((changed.state(), changed.reviews.len()), (pb::State::Draft, 0));
    assert_ne!(changed.content_digest, photo.content_digest);

    // A channel that takes nothing away is as good as none.
    let nothing = Some(pb::ChannelRights::default());
    let idle = pb::Rights { print: nothing, digital: nothing, ..november(1, 29) };
    let same = editor.photos.update_photo(set_rights(&photo, idle)).await.expect("an idle save");
    assert_eq!(same.into_inner(), changed);
    let narrowed = pb::Rights { print: only(2, 3), digital: excluded(), ..november(1, 29) };
    let update = set_rights(&photo, narrowed.clone());
    let refused = reporter.photos.update_photo(update.clone()).await.expect_err("not for a reporter");
    assert_eq!(reason(&refused), "ROLE_NOT_ALLOWED");
    let narrow = editor.photos.update_photo(update).await.expect("channels").into_inner();
    assert_eq!(narrow.rights, Some(pb::Rights { cleared_by: "picture-editor".into(), ..narrowed }));
    assert_ne!(narrow.content_digest, changed.content_digest);
    stage.close().await;
}

#[tokio::test]
async fn another_file_takes_back_the_days_with_the_clearance() {
    let mut stage = Stage::open().await;
    let rights = pb::Rights { print: only(1, 2), digital: excluded(), ..november(1, 30) };
    let photo = signed_photo(&mut stage, rights, 30).await;
    let replaced = stage.desk.photos.upload_photo(upload(&photo.name, picture())).await.expect("a file");
    assert_eq!(replaced.into_inner().rights, Some(pb::Rights::default()));
    stage.close().await;
}
