//! Receiving a file: a stream whose first message says for which photo, and the
//! following ones bring the bytes.

use tokio::time::timeout;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    config,
    digest::Digest,
    error::{Error, Result},
    pb::{self, upload_photo_request::Part},
    photo::{
        File,
        files::{Files, Incoming},
        picture,
    },
    wire::Check,
};

/// What the first message announces.
#[derive(Debug)]
pub struct Start {
    /// The photo that the file belongs to.
    pub id: Uuid,
    size_bytes: Option<u64>,
    sha256: Option<Digest>,
    content_type: String,
}

/// Reads the first message.
pub async fn start(messages: &mut Streaming<pb::UploadPhotoRequest>) -> Result<Start, Status> {
    let Some(Part::Start(start)) = next(messages).await? else {
        return Err(Error::invalid("start", "is required: the first message must hold it").into());
    };
    let mut check = Check::default();
    let id = check.photo("start.name", &start.name);
    let sha256 = check.digest("start.sha256", &start.sha256);
    let content_type = check.line("start.content_type", start.content_type, config::NAME_CHARS_MAX);
    let size_bytes = match u64::try_from(start.size_bytes) {
        Ok(0) => None,
        Ok(size) => Some(size),
        Err(_) => {
            check.add("start.size_bytes", "must not be negative; 0 means not known");
            None
        }
    };
    check.finish()?;
    check_size(size_bytes.unwrap_or_default())?;
    Ok(Start { id, size_bytes, sha256, content_type })
}

/// Receives the bytes, makes sure that they are what was announced and a
/// picture, and puts them into the store.
pub async fn receive(
    files: &Files,
    start: &Start,
    messages: &mut Streaming<pb::UploadPhotoRequest>,
) -> Result<File, Status> {
    let mut incoming = files.begin().await?;
    while let Some(part) = next(messages).await? {
        match part {
            Part::Chunk(bytes) => take(&mut incoming, &bytes).await?,
            Part::Start(_) => {
                return Err(Error::invalid("start", "must stand only in the first message").into());
            }
        }
    }
    let received = incoming.finish().await?;
    let announced =
        |what: &str| Error::InvalidPhotoFile(format!("its {what} is not the one that was announced"));
    if received.size_bytes == 0 {
        return Err(Error::InvalidPhotoFile("it has no bytes".to_owned()).into());
    }
    if start.size_bytes.is_some_and(|size| size != received.size_bytes) {
        return Err(announced("size_bytes").into());
    }
    if start.sha256.is_some_and(|sha256| sha256 != received.sha256) {
        return Err(announced("sha256").into());
    }
    let file = picture::inspect(&received).await?;
    if !start.content_type.is_empty() && start.content_type != file.content_type {
        return Err(announced("content_type").into());
    }
    files.keep(received).await?;
    Ok(file)
}

async fn take(incoming: &mut Incoming, bytes: &[u8]) -> Result<()> {
    if bytes.len() > config::CHUNK_BYTES_MAX {
        let (size, max) = (bytes.len(), config::CHUNK_BYTES_MAX);
        return Err(Error::invalid("chunk", format!("has {size} bytes, more than {max}")));
    }
    check_size(incoming.size_bytes() + bytes.len() as u64)?;
    incoming.write(bytes).await
}

fn check_size(size_bytes: u64) -> Result<()> {
    if size_bytes > config::PHOTO_BYTES_MAX {
        let max = config::PHOTO_BYTES_MAX;
        return Err(Error::LimitExceeded(format!("a photo's file may have {max} bytes at most")));
    }
    Ok(())
}

/// The next part, none at the end of the stream.
async fn next(messages: &mut Streaming<pb::UploadPhotoRequest>) -> Result<Option<Part>, Status> {
    let message = timeout(config::UPLOAD_PAUSE_MAX, messages.message()).await;
    let pause = config::UPLOAD_PAUSE_MAX.as_secs();
    let message = message.map_err(|_| {
        Error::LimitExceeded(format!("the upload paused for more than {pause} s; begin it again"))
    })??;
    let Some(message) = message else { return Ok(None) };
    let empty = || Error::invalid("part", "is required: start in the first message, chunk in the others");
    Ok(Some(message.part.ok_or_else(empty)?))
}
