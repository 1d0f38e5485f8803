//! What two calls can do to each other when they come at the wrong moment.

use masthead::{
    error::Error,
    photo::files::{Files, Location, Received},
};
use tempfile::TempDir;
use uuid::Uuid;

/// A file whose last byte has come.
async fn arrived(files: &Files, upload: Uuid) -> Received {
    let progress = files.begin(upload).await.expect("a beginning");
    let mut incoming = files.resume(upload, &progress, progress.writer).await.expect("a file that is coming");
    incoming.write(crate::newsroom::picture().into()).await.expect("room");
    incoming.end().await.expect("an end")
}

#[tokio::test]
async fn a_file_that_another_call_gives_up_before_it_is_kept_is_lost_and_no_fault_of_the_store() {
    let folder = TempDir::new().expect("a temporary folder");
    let files = Files::open(Location::Folder(folder.path().join("photos"))).await.expect("a photo store");
    let upload = Uuid::now_v7();
    let received = arrived(&files, upload).await;
    // As when its photo is purged, or the upload cancelled or ended by another call.
    files.discard(upload, None).await.expect("room for another");
    let kept = received.keep().await;
    assert!(matches!(kept, Err(Error::UploadLost)), "{kept:?}");
}
