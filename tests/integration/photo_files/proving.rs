//! `VerifyPhotos`: what is missing, altered or orphaned, and what is done about it.

use std::{fs, path::Path, time::SystemTime};

use masthead::{
    admin::Role,
    config::ORPHAN_AGE_MIN,
    import::desk::Desk,
    pb::{
        self,
        verify_photos_response::{Finding, Outcome, Part, finding::Kind},
    },
};

use super::{files_below, get_photo, jpeg_of, new_photo, noise, rest, sha256, start};
use crate::newsroom::{Newsroom, upload};

/// Walks the photo store; what it finds, in the order of the places, and the
/// outcome.
pub async fn verify(desk: &mut Desk, remove_orphans: bool) -> (Vec<Finding>, Outcome) {
    let ask = pb::VerifyPhotosRequest { remove_orphans };
    let mut answers = desk.admin.verify_photos(ask).await.expect("a walk").into_inner();
    let (mut findings, mut outcome) = (Vec::new(), None);
    while let Some(answer) = answers.message().await.expect("an answer") {
        assert!(outcome.is_none(), "the outcome is the last message");
        match answer.part.expect("a part") {
            Part::Progress(progress) => assert!(progress.checked_count <= progress.total_count),
            Part::Finding(finding) => findings.push(finding),
            Part::Outcome(last) => outcome = Some(last),
        }
    }
    findings.sort_by(|one, other| one.place.cmp(&other.place));
    (findings, outcome.expect("an outcome"))
}

/// Makes a file as old as an orphan must be.
pub fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_modified(SystemTime::now() - ORPHAN_AGE_MIN * 2).expect("an age");
}

/// Where an original lies in the photo store.
pub fn place(bytes: &[u8]) -> String {
    let digest = sha256(bytes);
    format!("sha256/{}/{}", &digest[..2], &digest[2..])
}

#[tokio::test]
async fn every_file_is_proven_and_what_is_not_as_it_should_be_is_named() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let mut operator = room.desk(Role::Operator).await;
    let files: Vec<Vec<u8>> = (0..25).map(|seed| jpeg_of(20_000, 100 + seed)).collect();
    let mut photos = Vec::new();
    for bytes in &files {
        let photo = new_photo(&mut desk).await;
        desk.photos.upload_photo(upload(&photo.name, bytes.clone())).await.expect("an upload");
        photos.push(photo.name);
    }
    let total: usize = files.iter().map(Vec::len).sum();
    let (findings, outcome) = verify(&mut operator, true).await;
    assert_eq!(findings, []);
    assert_eq!((outcome.checked_count, outcome.checked_bytes), (25, total as i64));

    let path = |bytes: &[u8]| room.photo_folder().join(place(bytes));
    fs::remove_file(path(&files[0])).expect("a loss");
    let mut damaged = files[1].clone();
    damaged[9_000] ^= 1;
    fs::write(path(&files[1]), &damaged).expect("damage");
    fs::write(path(&files[2]), &files[2][..10]).expect("damage");
    let (findings, outcome) = verify(&mut operator, true).await;
    let mut expected = [
        (place(&files[0]), Kind::Missing, &photos[0]),
        (place(&files[1]), Kind::Altered, &photos[1]),
        (place(&files[2]), Kind::Altered, &photos[2]),
    ];
    expected.sort();
    assert_eq!(findings.len(), 3, "{findings:?}");
    for (finding, (place, kind, photo)) in findings.iter().zip(expected) {
        assert_eq!((&finding.place, finding.kind(), finding.removed), (&place, kind, false));
        assert_eq!(&finding.used_by, std::slice::from_ref(photo));
    }
    assert_eq!((outcome.missing_count, outcome.altered_count, outcome.orphaned_count), (1, 2, 0));

    // Uploading them again mends all three.
    for (photo, bytes) in photos.iter().zip(&files).take(3) {
        desk.photos.upload_photo(upload(photo, bytes.clone())).await.expect("an upload");
    }
    assert_eq!(verify(&mut operator, false).await.0, []);
    room.close().await;
}

#[tokio::test]
async fn orphans_are_removed_when_asked_and_old_enough() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let mut operator = room.desk(Role::Operator).await;
    let photo = new_photo(&mut desk).await;
    let (replaced, current, coming) = (jpeg_of(20_000, 200), jpeg_of(20_000, 201), jpeg_of(20_000, 202));
    for bytes in [&replaced, &current] {
        desk.photos.upload_photo(upload(&photo.name, bytes.clone())).await.expect("an upload");
    }
    let begun = start(&mut desk, &photo.name, &coming).await;
    let half = futures::stream::iter(rest(&begun.name, 0, &coming[..10_000]));
    desk.photos.upload_photo(half).await.expect_err("it is not whole");
    let folder = room.photo_folder();
    // What a server that died might have left, and what somebody has put there.
    let left = format!("incoming/{}.{}", uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    fs::write(folder.join(&left), noise(100, 1)).expect("a file");
    fs::write(folder.join("README"), "not ours").expect("a file");
    let never_known = jpeg_of(20_000, 203);
    let path = folder.join(place(&never_known));
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, &never_known).expect("a file");

    let (findings, _) = verify(&mut operator, true).await;
    assert_eq!(findings, [], "all of it is young");
    files_below(&folder).iter().for_each(|path| age(path));
    let left = left.split_once('.').expect("a writer").0.to_owned();
    let mut orphans = vec!["README".to_owned(), left, place(&replaced), place(&never_known)];
    orphans.sort();
    let places =
        |findings: &[Finding]| findings.iter().map(|finding| finding.place.clone()).collect::<Vec<_>>();
    let (findings, outcome) = verify(&mut operator, false).await;
    assert_eq!(places(&findings), orphans);
    assert!(findings.iter().all(|finding| finding.kind() == Kind::Orphaned && !finding.removed));
    assert_eq!((outcome.orphaned_count, outcome.removed_count), (4, 0));

    let (findings, outcome) = verify(&mut operator, true).await;
    assert_eq!(places(&findings), orphans);
    let kept: Vec<_> =
        findings.iter().filter(|finding| !finding.removed).map(|finding| &finding.place).collect();
    assert_eq!(kept, ["README"], "what is not ours is not removed");
    assert_eq!((outcome.orphaned_count, outcome.removed_count), (4, 3));
    assert_eq!(places(&verify(&mut operator, false).await.0), ["README"]);

    // What is in use is as it was.
    assert_eq!(get_photo(&mut desk, &photo.name).await.file.expect("a file").sha256, sha256(&current));
    super::resume(&mut desk, &begun.name, &coming).await;
    // A file that was removed comes again.
    desk.photos.upload_photo(upload(&photo.name, replaced.clone())).await.expect("an upload");
    assert!(super::download(&mut desk, &photo.name).await == replaced);
    room.close().await;
}
