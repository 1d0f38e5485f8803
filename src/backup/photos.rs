//! Photos out of the store and into it. A file's name is its digest, so that whoever
//! copies it sees whether it is right.

use std::path::PathBuf;

use bytes::Bytes;
use futures::TryStreamExt;
use tokio::{sync::mpsc, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    backup::{
        Result,
        folder::{self, Facts, Writing},
    },
    digest::Digest,
    error::Error as ServiceError,
    photo::files::Files,
};

/// Pieces of a file that wait to be written.
const PIECES_WAITING: usize = 4;

/// Copies an original from the store to this place; whether the store has it as it
/// was stored.
pub async fn fetch(files: &Files, sha256: Digest, size_bytes: u64, place: PathBuf) -> Result<bool> {
    if files.size_bytes(sha256).await? != Some(size_bytes) {
        return Ok(false);
    }
    let mut writing = spawn_blocking(move || Writing::begin(place)).await.map_err(died)??;
    let mut pieces = Box::pin(files.read(sha256, 0..size_bytes));
    loop {
        let piece = match pieces.try_next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => {
                writing.discard();
                // It may have been removed since it was looked for.
                let is_gone = files.size_bytes(sha256).await? != Some(size_bytes);
                return if is_gone { Ok(false) } else { Err(error.into()) };
            }
        };
        writing = spawn_blocking(move || writing.write(&piece).map(|()| writing)).await.map_err(died)??;
    }
    let ending = spawn_blocking(move || {
        if writing.facts().sha256 != sha256 {
            writing.discard();
            return Ok(false);
        }
        writing.end().map(|_| true)
    });
    ending.await.map_err(died)?
}

/// Puts an original into the store; whether the file of the backup is right. One that
/// the store has in its length is left: whether it is right is seen when all are read.
pub async fn put(files: &Files, sha256: Digest, size_bytes: u64, place: PathBuf) -> Result<bool> {
    if files.size_bytes(sha256).await? == Some(size_bytes) {
        return Ok(true);
    }
    let upload = Uuid::now_v7();
    let begun = files.begin(upload).await?;
    let copied = copy(files, upload, &begun, sha256, place).await;
    // A bucket knows no parts any more of what it has put together.
    let parts = if copied.is_ok() { None } else { begun.multipart.as_deref() };
    let discarded = files.discard(upload, parts).await;
    let copied = copied?;
    discarded?;
    Ok(copied)
}

async fn copy(
    files: &Files,
    upload: Uuid,
    begun: &crate::photo::files::Progress,
    sha256: Digest,
    place: PathBuf,
) -> Result<bool> {
    let mut incoming = files.resume(upload, begun, Uuid::now_v7()).await?;
    let (mut pieces, reading) = read(place);
    while let Some(mut piece) = pieces.recv().await {
        while !piece.is_empty() {
            let length = piece.len().min(incoming.room());
            incoming.write(piece.split_to(length)).await?;
            if incoming.room() == 0 {
                let progress = incoming.mark().store().await?;
                incoming.confirm(&progress);
            }
        }
    }
    reading.await.map_err(died)??;
    let received = incoming.end().await?;
    if received.sha256 != sha256 {
        return Ok(false);
    }
    received.keep().await?;
    Ok(true)
}

/// The pieces of a file, read in a thread of its own; none if it is not there.
pub fn read(place: PathBuf) -> (mpsc::Receiver<Bytes>, tokio::task::JoinHandle<Result<Option<Facts>>>) {
    let (give, take) = mpsc::channel(PIECES_WAITING);
    let reading = spawn_blocking(move || {
        folder::read(&place, |piece| {
            // Nobody takes it any more: they say why.
            let _ = give.blocking_send(piece);
            Ok(())
        })
    });
    (take, reading)
}

pub(super) fn died(error: tokio::task::JoinError) -> super::Error {
    ServiceError::Internal(format!("a task of the backup died: {error}")).into()
}
