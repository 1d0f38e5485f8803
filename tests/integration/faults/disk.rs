//! The disk of the photo store is full: an upload is told so and leaves nothing, all
//! else goes on, and with room it works again.

use std::{path::PathBuf, process::Command};

use masthead::{admin::Role, pb};
use tonic::Code;

use crate::{
    command::data_dir,
    newsroom::{Database, Newsroom, reason, upload},
};

/// A file system of 1 MiB in memory, mounted on a folder until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where that is not allowed.
    fn mount(folder: PathBuf) -> Option<SmallDisk> {
        std::fs::create_dir(&folder).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "masthead-test"]).arg(&folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_uploads_keeps_nothing_of_them_and_holds_up_nothing_else() {
    let photos = data_dir();
    let folder = photos.path().join("photos");
    let Some(_disk) = SmallDisk::mount(folder.clone()) else {
        eprintln!("SKIPPED: no file system can be mounted here, so that no disk can be filled");
        return;
    };
    let room = Newsroom::on_restored(Database::create().await, photos).await;
    room.newspaper(1).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let create = || pb::CreatePhotoRequest::default();
    let small = masthead::demo::picture::stand_in(24, 24).expect("a picture");
    let photo = reporter.photos.create_photo(create()).await.expect("a photo").into_inner();
    reporter.photos.upload_photo(upload(&photo.name, small.clone())).await.expect("it has room");
    let ballast = folder.join("ballast");
    let room_left = std::fs::write(&ballast, vec![0; 2 << 20]);
    assert!(room_left.is_err(), "the disk is full");

    let mut large = masthead::demo::picture::stand_in(48, 24).expect("a picture");
    large.resize(600_000, 0);
    let other = reporter.photos.create_photo(create()).await.expect("a photo").into_inner();
    let status = reporter.photos.upload_photo(upload(&other.name, large.clone())).await.expect_err("no room");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LIMIT_EXCEEDED"));
    // What needs no disk goes on, and nothing of the file is there.
    room.article("照写不误").await;
    let get = pb::GetPhotoRequest { name: other.name.clone() };
    assert_eq!(reporter.photos.get_photo(get).await.expect("the photo").into_inner().file, None);

    std::fs::remove_file(&ballast).expect("room again");
    let uploaded = reporter.photos.upload_photo(upload(&other.name, large)).await;
    assert!(uploaded.expect("it has room again").into_inner().file.is_some());
    room.close().await;
}
