//! Renditions are made once, kept, and made again when they are lost.

use std::{fs, path::PathBuf};

use futures::future::join_all;
use masthead::{
    admin::Role,
    config::RenditionSettings,
    digest::Digest,
    pb,
    photo::{Words, content_digest},
};

use super::{ask, change, jpeg, photo_of, photo_with, png, quarters};
use crate::newsroom::Newsroom;

/// One rendition at a time, and nobody may wait: a second one that is begun would
/// be refused.
fn one_at_a_time() -> RenditionSettings {
    RenditionSettings { renders_max: Some(1), renders_waiting_max: 0, ..Default::default() }
}

async fn rows(newsroom: &Newsroom) -> i64 {
    let mut connection = newsroom.database.connect().await;
    let count = "select count(*) from renditions";
    sqlx::query_scalar(count).fetch_one(&mut connection).await.expect("a count")
}

/// The files of the renditions in the photo store.
fn kept(newsroom: &Newsroom) -> Vec<PathBuf> {
    let folders = fs::read_dir(newsroom.photo_folder().join("renditions")).expect("a folder");
    let files = folders.flat_map(|folder| fs::read_dir(folder.expect("a folder").path()).expect("files"));
    files.map(|file| file.expect("a file").path()).collect()
}

#[tokio::test]
async fn a_rendition_is_made_once_for_all_who_ask_and_kept() {
    let newsroom = Newsroom::with_renditions(one_at_a_time()).await;
    let photo = photo_of(&newsroom, jpeg(&quarters(1800, 1200), |_| {})).await;
    let desk = newsroom.desk(Role::Editor).await;
    let asked = join_all((0..8).map(|_| {
        let (mut desk, name) = (desk.clone(), photo.name.clone());
        async move { ask(&mut desk, &name, "w640").await.expect("a rendition").bytes }
    }));
    let all = asked.await;
    assert!(all.iter().all(|bytes| *bytes == all[0]));
    let stored = newsroom.contents().await;
    let again = ask(&mut desk.clone(), &photo.name, "w640").await.expect("a rendition");
    assert_eq!(again.bytes, all[0]);
    assert_eq!(newsroom.contents().await, stored);
    assert_eq!((rows(&newsroom).await, kept(&newsroom).len()), (1, 1));

    let newsroom = newsroom.closed_while(async {}).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let after = ask(&mut desk, &photo.name, "w640").await.expect("a rendition");
    assert_eq!(after.bytes, all[0]);
    assert_eq!(
        newsroom.contents().await["renditions"],
        stored["renditions"],
        "another server finds what one has made"
    );
    newsroom.close().await;
}

#[tokio::test]
async fn two_photos_of_one_file_share_their_renditions() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let file = png(&quarters(300, 200));
    for _ in 0..2 {
        let photo = photo_of(&newsroom, file.clone()).await;
        ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    }
    assert_eq!(rows(&newsroom).await, 1);
    newsroom.close().await;
}

#[tokio::test]
async fn what_changes_a_rendition_makes_another_one() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let words = pb::Photo { caption: "渡轮".into(), ..Default::default() };
    let mut photo = photo_with(&newsroom, words, png(&quarters(300, 200))).await;
    let first = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    let crop = Some(pb::Crop { left: 0.0, top: 0.0, width: 0.5, height: 1.0 });
    for (count, changed, field) in [
        (2, pb::Photo { caption: "早班渡轮".into(), ..photo.clone() }, "caption"),
        (3, pb::Photo { credit_line: "甘一鸣".into(), ..photo.clone() }, "credit_line"),
        (4, pb::Photo { copyright_notice: "晨讯报".into(), ..photo.clone() }, "copyright_notice"),
        (5, pb::Photo { crop, ..photo.clone() }, "crop"),
    ] {
        photo = change(&mut desk, changed, &[field]).await;
        let other = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
        assert_ne!(other.info.sha256, first.info.sha256);
        assert_eq!(rows(&newsroom).await, count, "{field}");
    }
    let terms = pb::Photo { usage_terms: "仅限本报".into(), ..photo };
    let photo = change(&mut desk, terms, &["usage_terms"]).await;
    ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    assert_eq!(rows(&newsroom).await, 5, "what it does not show changes nothing");
    newsroom.close().await;
}

#[tokio::test]
async fn a_rendition_that_is_lost_or_cut_off_is_made_again() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let photo = photo_of(&newsroom, png(&quarters(300, 200))).await;
    let first = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    let file = kept(&newsroom).pop().expect("a file");
    fs::remove_file(&file).expect("to remove");
    let again = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    assert_eq!((&again.bytes, fs::read(&file).expect("a file")), (&first.bytes, first.bytes.clone()));
    fs::write(&file, &first.bytes[..100]).expect("to damage");
    let again = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    assert_eq!((&again.bytes, fs::read(&file).expect("a file")), (&first.bytes, first.bytes.clone()));
    assert_eq!(rows(&newsroom).await, 1);
    newsroom.close().await;
}

#[test]
fn what_was_signed_without_a_crop_keeps_its_digest() {
    let signed = br#"[{"caption":"","bylines":[],"credit_line":"","copyright_notice":"","usage_terms":"","clearance":"unknown"},null]"#;
    let digest = content_digest(&Words::default(), None).expect("a digest");
    assert_eq!(digest, Digest::of_parts([b"photo".as_slice(), signed]));
}
