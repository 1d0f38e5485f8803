//! The disk of the photo store is full: an upload is told so and leaves nothing, all
//! else goes on, and with room it works again.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::ConnectOptions;
use tempfile::TempDir;
use tonic::Code;

use crate::{
    command::{Serving, data_dir, masthead},
    newsroom::{Newsroom, reason, upload},
    photo_files::download,
};

/// How a process may mount something for itself alone: with the right to do so, or as
/// root of a namespace of its own.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];

/// Mounts a file system of 1 MiB in memory on the folder that follows, and becomes what
/// follows that.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=1m masthead-test "$0" && exec "$@""#;

/// A program that sees a small disk in a folder, which nobody else does.
fn on_a_small_disk(namespace: &[&str], folder: &Path, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-c", ON_A_SMALL_DISK]).arg(folder).arg(program);
    command
}

/// A namespace in which disks can be mounted. Where everything must hold, there has to
/// be one.
fn namespace(folder: &Path) -> Option<&'static [&'static str]> {
    let works = |namespace: &&[&str]| {
        let tried = on_a_small_disk(namespace, folder, "true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = NAMESPACES.into_iter().find(works);
    let told = "no file system can be mounted here, so that no disk can be filled";
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "{told}");
    if found.is_none() {
        eprintln!("SKIPPED: {told}");
    }
    found
}

/// A server whose photo store is on a small disk.
struct Host {
    serving: Serving,
    /// The disk, as seen from outside.
    disk: PathBuf,
    _data: TempDir,
}

impl Host {
    fn start(newsroom: &Newsroom, namespace: &[&str], photos: &Path) -> Host {
        let data = data_dir();
        let plain = masthead();
        let mut command = on_a_small_disk(namespace, photos, plain.get_program());
        for (setting, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(setting, value),
                None => command.env_remove(setting),
            };
        }
        let url = newsroom.database.options().to_url_lossy().to_string();
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &url, "--data-dir"]);
        command.arg(data.path()).arg("--photo-store").arg(photos);
        let serving = Serving::of(command);
        let root = PathBuf::from(format!("/proc/{}/root", serving.id()));
        let disk = root.join(photos.strip_prefix("/").expect("a whole path"));
        Host { serving, disk, _data: data }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_uploads_keeps_nothing_of_them_and_holds_up_nothing_else() {
    let photos = data_dir();
    let Some(namespace) = namespace(photos.path()) else { return };
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let host = Host::start(&room, namespace, photos.path());
    let token = room.token("reporter", Role::Reporter).await;
    let mut reporter = Desk::connect(host.serving.address(), &token).await.expect("a desk");
    let create = || pb::CreatePhotoRequest::default();
    let small = masthead::demo::picture::stand_in(24, 24).expect("a picture");
    let photo = reporter.photos.create_photo(create()).await.expect("a photo").into_inner();
    reporter.photos.upload_photo(upload(&photo.name, small.clone())).await.expect("it has room");
    let ballast = host.disk.join("ballast");
    let no_room = std::fs::write(&ballast, vec![0; 2 << 20]).expect_err("the disk is full");
    assert_eq!(no_room.kind(), std::io::ErrorKind::StorageFull);

    let mut large = masthead::demo::picture::stand_in(48, 24).expect("a picture");
    large.resize(600_000, 0);
    let other = reporter.photos.create_photo(create()).await.expect("a photo").into_inner();
    let status = reporter.photos.upload_photo(upload(&other.name, large.clone())).await.expect_err("no room");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LIMIT_EXCEEDED"));
    // What needs no room goes on, also with photos, and nothing of the file is there.
    assert!(download(&mut reporter, &photo.name).await == small, "what was there before is read");
    let article = pb::CreateArticleRequest {
        article: Some(crate::newsroom::article("照写不误")),
        ..Default::default()
    };
    reporter.articles.create_article(article).await.expect("an article");
    let get = pb::GetPhotoRequest { name: other.name.clone() };
    assert_eq!(reporter.photos.get_photo(get).await.expect("the photo").into_inner().file, None);

    std::fs::remove_file(&ballast).expect("room again");
    let uploaded = reporter.photos.upload_photo(upload(&other.name, large.clone())).await;
    assert!(uploaded.expect("it has room again").into_inner().file.is_some());
    assert!(download(&mut reporter, &other.name).await == large, "what came later is read");
    assert!(download(&mut reporter, &photo.name).await == small, "and so is what was there before");
    host.serving.terminate();
    room.close().await;
}
