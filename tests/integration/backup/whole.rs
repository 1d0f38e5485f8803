//! All of it comes back, from wherever it lies and to wherever it shall.

use masthead::{admin::Role, pb};

use super::{back_up, busy_newsroom, check, contents, desk_at, done, files, folders, restore};
use crate::{
    command::{Serving, data_dir, masthead, token},
    newsroom::{Database, Newsroom},
    photo_files::{bucket::Storage, download, files_below, jpeg_of, new_photo, proving, resume, start},
    verifying,
};

/// What a reader is served of everything that was published.
async fn readings(room: &Newsroom, token: &str) -> Vec<String> {
    let mut desk = desk_at(room, token).await;
    let mut read = Vec::new();
    for sequence in 1..=6 {
        let name = format!("publications/{sequence}");
        let get = pb::GetPublicationRequest { name: name.clone() };
        read.push(format!(
            "{:?}",
            desk.publications.get_publication(get).await.expect("an entry").into_inner()
        ));
        let get = pb::GetPublishedIssueRequest { publication: name, ..Default::default() };
        let answer = desk.publications.get_published_issue(get).await;
        read.push(
            answer.map_or_else(
                |status| format!("{:?}", status.code()),
                |issue| format!("{:?}", issue.get_ref()),
            ),
        );
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_it_was_and_readers_are_served_the_same() {
    let room = busy_newsroom().await;
    let token = room.token("读者", Role::Reader).await;
    let operator = room.token("运维", Role::Operator).await;
    let served = readings(&room, &token).await;
    assert!(served.iter().any(|read| read.contains("零售 1 元")), "the correction: {served:?}");
    let (backup, photos) = folders();
    let said = done(back_up(&room, backup.path())).await;
    assert!(said.contains("6 publications, the hash of the last one is"), "{said}");
    let before = contents(&mut room.database.connect().await).await;

    let database = Database::create_empty().await;
    let store = photos.path().join("photos");
    let said = done(restore(backup.path(), &database, &store)).await;
    assert!(said.contains("restored and proven"), "{said}");
    assert_eq!(contents(&mut database.connect().await).await, before);
    let originals = |folder: &std::path::Path| files(&folder.join("sha256"));
    assert_eq!(originals(&store).len(), 2);
    assert!(originals(&room.photo_folder()).len() >= originals(&store).len());
    for (path, bytes) in originals(&store) {
        assert_eq!(originals(&room.photo_folder()).get(&path), Some(&bytes), "{path:?}");
    }
    assert!(files_below(&store.join("renditions")).is_empty(), "renditions are made again");

    let restored = Newsroom::on_restored(database, photos).await;
    assert_eq!(readings(&restored, &token).await, served, "an old token reads the same");
    let mut operator = desk_at(&restored, &operator).await;
    assert_eq!(verifying::verify(&mut operator).await.fault, None);
    assert_eq!(proving::verify(&mut operator, false).await.0, []);
    // Numbers go on where they stood.
    let (issue, _) = restored.reviewed_issue(3).await;
    restored.publish(&issue).await;
    assert_eq!(verifying::verify(&mut operator).await.checked_count, 7);
    restored.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_into_the_folder_copies_what_is_new_and_lets_go_of_what_is_gone() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    done(back_up(&room, backup.path())).await;
    let first = files(&backup.path().join("photos"));
    let kept = backup.path().join("photos").join(first.keys().next().expect("a photo"));
    let written = std::fs::metadata(&kept).expect("a photo").modified().expect("a time");
    let added = super::photo(&room, 9).await;
    let mut editor = room.desk(Role::Editor).await;
    done(back_up(&room, backup.path())).await;
    let second = files(&backup.path().join("photos"));
    assert_eq!(second.len(), first.len() + 1);
    assert_eq!(
        std::fs::metadata(&kept).expect("a photo").modified().expect("a time"),
        written,
        "not copied again"
    );
    super::tables(backup.path());

    // Rotten in the backup, and mended by the next one.
    std::fs::write(&kept, b"rotten").expect("damage");
    done(back_up(&room, backup.path())).await;
    assert_eq!(files(&backup.path().join("photos")), second);

    let delete = pb::DeletePhotoRequest { name: added.name.clone(), ..Default::default() };
    editor.photos.delete_photo(delete).await.expect("a deletion");
    let purge = pb::PurgePhotoRequest { name: added.name, ..Default::default() };
    room.desk(Role::Publisher).await.photos.purge_photo(purge).await.expect("a purge");
    let mut quick = back_up(&room, backup.path());
    quick.arg("--trust-present");
    done(quick).await;
    assert_eq!(files(&backup.path().join("photos")), first, "what was purged is not in the backup either");

    let database = Database::create_empty().await;
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let mut connections = (room.database.connect().await, database.connect().await);
    assert_eq!(contents(&mut connections.0).await, contents(&mut connections.1).await);
    drop(connections);
    database.remove().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_a_data_folder_is_backed_up_beside_a_server_and_without_one() {
    let (old, new, backup) = (data_dir(), data_dir(), data_dir());
    let bytes = jpeg_of(50_000, 3);
    let backing_up = || {
        let mut command = masthead();
        command.args(["backup", "--data-dir"]).arg(old.path()).arg("--to").arg(backup.path());
        command
    };
    let (reporter, name) = {
        let serving = Serving::start_with(old.path(), &[]);
        let reporter = token(old.path(), "reporter");
        let mut desk =
            masthead::import::desk::Desk::connect(serving.address(), &reporter).await.expect("a desk");
        let photo = new_photo(&mut desk).await;
        let upload = start(&mut desk, &photo.name, &bytes).await;
        resume(&mut desk, &upload.name, &bytes).await;
        done(backing_up()).await;
        drop(desk);
        serving.terminate();
        (reporter, photo.name)
    };
    let beside = files(&super::tables(backup.path()));
    done(backing_up()).await;
    let without = files(&super::tables(backup.path()));
    let differ = beside.iter().filter(|(name, rows)| without.get(*name) != Some(*rows));
    let differ: Vec<_> = differ.map(|(name, _)| name).collect();
    // The server has written down when the token was used, as it stopped.
    assert_eq!(differ, ["access_tokens.copy"]);
    assert_eq!(beside.len(), without.len());
    done(check(backup.path())).await;

    let mut restoring = masthead();
    restoring.args(["restore", "--data-dir"]).arg(new.path()).arg("--from").arg(backup.path());
    done(restoring).await;
    let serving = Serving::start_with(new.path(), &[]);
    let mut desk = masthead::import::desk::Desk::connect(serving.address(), &reporter).await.expect("a desk");
    assert_eq!(download(&mut desk, &name).await, bytes);
    assert!(!new.path().join("operator.token").exists(), "there were tokens before");
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_come_out_of_a_bucket_and_go_into_one() {
    let Some(storage) = Storage::start() else { return };
    let (old, new, backup) = (data_dir(), data_dir(), data_dir());
    // More than a part of an upload to a bucket.
    let bytes = jpeg_of(9_000_000, 4);
    let (reporter, name) = {
        let serving = Serving::start_in(old.path(), &[], &storage.settings());
        let reporter = token(old.path(), "reporter");
        let mut desk =
            masthead::import::desk::Desk::connect(serving.address(), &reporter).await.expect("a desk");
        let photo = new_photo(&mut desk).await;
        let upload = start(&mut desk, &photo.name, &bytes).await;
        resume(&mut desk, &upload.name, &bytes).await;
        let mut command = masthead();
        command
            .envs(storage.settings())
            .args(["backup", "--data-dir"])
            .arg(old.path())
            .arg("--to")
            .arg(backup.path());
        done(command).await;
        (reporter, photo.name)
    };
    assert_eq!(files_below(&backup.path().join("photos")).len(), 1);
    let empty = Storage::start().expect("another S3 server");
    let mut command = masthead();
    command
        .envs(empty.settings())
        .args(["restore", "--data-dir"])
        .arg(new.path())
        .arg("--from")
        .arg(backup.path());
    done(command).await;
    let serving = Serving::start_in(new.path(), &[], &empty.settings());
    let mut desk = masthead::import::desk::Desk::connect(serving.address(), &reporter).await.expect("a desk");
    assert_eq!(download(&mut desk, &name).await, bytes);
}
