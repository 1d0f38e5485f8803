//! The photo store in a bucket, on a real S3-compatible server beside us.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::stream;
use masthead::{import::desk::Desk, pb};
use tempfile::TempDir;

use super::{
    download, files_below, get_upload, jpeg_of, new_photo, proving::verify, rest, resume, sha256, stalled,
    start,
};
use crate::{
    command::{Serving, data_dir, token},
    newsroom::{picture, upload},
};

/// The S3 server; killed when dropped.
pub struct Storage {
    process: Child,
    folder: TempDir,
    endpoint: String,
}

impl Storage {
    /// Starts one; none where there is none to start.
    pub fn start() -> Option<Storage> {
        let is_here = Command::new("s3s-fs").arg("--version").stdout(Stdio::null()).status().is_ok();
        assert!(is_here || std::env::var_os("CI").is_none(), "s3s-fs is not on the PATH");
        if !is_here {
            eprintln!("SKIPPED: s3s-fs is not on the PATH; .ci/run installs it");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("paper")).expect("a bucket");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
        let process = Command::new("s3s-fs")
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", "desk", "--secret-key", "a secret of the tests"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("an S3 server");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Storage { process, folder, endpoint: format!("http://127.0.0.1:{port}") })
    }

    /// What a server must be told to use it.
    pub fn settings(&self) -> [(&str, &str); 6] {
        [
            ("MASTHEAD_PHOTO_STORE", "s3://paper/photos/originals"),
            ("AWS_ACCESS_KEY_ID", "desk"),
            ("AWS_SECRET_ACCESS_KEY", "a secret of the tests"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ]
    }

    /// The objects that lie in the bucket.
    fn objects(&self) -> usize {
        files_below(&self.folder.path().join("paper")).len()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn originals_lie_in_a_bucket_as_they_do_in_a_folder() {
    let Some(storage) = Storage::start() else { return };
    let data = data_dir();
    let serving = Serving::start_in(data.path(), &[], &storage.settings());
    let mut desk = Desk::connect(serving.address(), &token(data.path(), "reporter")).await.expect("a desk");
    let bytes = jpeg_of(20_000_000, 11);
    let photo = new_photo(&mut desk).await;
    for _ in 0..2 {
        let done = desk.photos.upload_photo(upload(&photo.name, bytes.clone())).await.expect("an upload");
        assert_eq!(done.into_inner().file.expect("a file").sha256, sha256(&bytes));
    }
    let second = new_photo(&mut desk).await;
    desk.photos.upload_photo(upload(&second.name, picture())).await.expect("an upload");
    assert!(download(&mut desk, &photo.name).await == bytes, "other bytes came back");
    assert_eq!(storage.objects(), 2, "something is left behind");
    assert!(!data.path().join("photos").exists(), "the bucket is the photo store");

    let status = desk.photos.upload_photo(upload(&second.name, b"no picture".to_vec())).await;
    status.expect_err("no picture");
    let mut operator =
        Desk::connect(serving.address(), &token(data.path(), "operator")).await.expect("a desk");
    let (findings, outcome) = verify(&mut operator, false).await;
    assert_eq!(
        (findings, outcome.checked_count, outcome.checked_bytes),
        (vec![], 2, (bytes.len() + picture().len()) as i64)
    );
    assert_eq!(storage.objects(), 2, "something is left behind");
}

#[tokio::test]
async fn an_upload_to_a_bucket_goes_on_after_breaks_and_after_the_death_of_its_server() {
    let Some(storage) = Storage::start() else { return };
    let data = data_dir();
    let serving = Serving::start_in(data.path(), &[], &storage.settings());
    let person = token(data.path(), "reporter");
    let mut desk = Desk::connect(serving.address(), &person).await.expect("a desk");
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(30_000_000, 12);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    // Shorter than a part, in a part, and over several.
    let mut offset = 0;
    for until in [1_000_000, 9_000_000, 9_000_001] {
        let parts = stream::iter(rest(&begun.name, offset, &bytes[offset..until]));
        desk.photos.upload_photo(parts).await.expect_err("it is not whole");
        let stood = get_upload(&mut desk, &begun.name).await.expect("an upload");
        assert_eq!(stood.received_bytes as usize, until, "every byte counts");
        offset = until;
    }
    let parts = stalled(rest(&begun.name, offset, &bytes[offset..29_000_000]));
    let mut calling = desk.clone();
    let call = tokio::spawn(async move { calling.photos.upload_photo(parts).await });
    while get_upload(&mut desk, &begun.name).await.expect("an upload").received_bytes < 16 * 1024 * 1024 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(serving);
    call.await.expect("an end").expect_err("the server is gone");

    let serving = Serving::start_in(data.path(), &[], &storage.settings());
    let mut desk = Desk::connect(serving.address(), &person).await.expect("a desk");
    let done = resume(&mut desk, &begun.name, &bytes).await;
    assert_eq!(done.file.expect("a file").sha256, sha256(&bytes));
    assert!(download(&mut desk, &photo.name).await == bytes, "other bytes came back");

    let given_up = start(&mut desk, &photo.name, &bytes).await;
    let parts = stream::iter(rest(&given_up.name, 0, &bytes[..9_000_000]));
    desk.photos.upload_photo(parts).await.expect_err("it is not whole");
    let cancel = pb::CancelPhotoUploadRequest { name: given_up.name, ..Default::default() };
    desk.photos.cancel_photo_upload(cancel).await.expect("an end");
    assert_eq!(storage.objects(), 1, "something is left behind");
}
