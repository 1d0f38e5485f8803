//! The stream of an upload: what it must bring, in which order, and how long it
//! may take.

use bytes::Bytes;
use tokio::time::timeout;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    auth::Principal,
    config::{CHUNK_BYTES_MAX, UPLOAD_PAUSE_MAX},
    error::Error,
    pb::{self, upload_photo_request::Part},
    photo::{picture, picture::Format, upload::Declared},
    wire::Check,
};

/// The messages of an upload.
pub type Messages = Streaming<pb::UploadPhotoRequest>;

/// How a call of `UploadPhoto` begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// A whole file for a photo.
    Whole { photo: Uuid, declared: Declared },
    /// The rest of an upload of a photo, from this byte on.
    Rest { photo: Uuid, upload: Uuid, offset: u64 },
}

/// Reads the first message.
pub async fn begin(caller: &Principal, messages: &mut Messages) -> Result<Start, Status> {
    let Some(Part::Start(start)) = next(messages).await? else {
        return Err(Error::invalid("start", "is required in the first message").into());
    };
    let mut check = Check::by(caller);
    let start = if start.upload.is_empty() { whole(&mut check, start) } else { rest(&mut check, start) };
    check.finish()?;
    Ok(start)
}

fn whole(check: &mut Check, start: pb::UploadPhotoStart) -> Start {
    let photo = check.photo("start.name", &start.name);
    if start.offset != 0 {
        check.add("start.offset", "must be 0 without an upload to continue");
    }
    let declared = declared(check, "start", start.size_bytes, &start.sha256, start.content_type);
    Start::Whole { photo, declared }
}

fn rest(check: &mut Check, start: pb::UploadPhotoStart) -> Start {
    let (photo, upload) = check.upload("start.upload", &start.upload);
    if !start.name.is_empty() && check.photo("start.name", &start.name) != photo {
        check.add("start.name", "is not the photo of the upload; leave it out");
    }
    let again = [
        ("start.size_bytes", start.size_bytes != 0),
        ("start.sha256", !start.sha256.is_empty()),
        ("start.content_type", !start.content_type.is_empty()),
    ];
    for (field, _) in again.into_iter().filter(|(_, is_set)| *is_set) {
        check.add(field, "was declared when the upload was begun; leave it out");
    }
    let offset = u64::try_from(start.offset).unwrap_or_else(|_| {
        check.add("start.offset", "must not be negative");
        0
    });
    Start::Rest { photo, upload, offset }
}

/// Reads what an uploader says of a file that is to come.
pub fn declared(
    check: &mut Check,
    parent: &str,
    size_bytes: i64,
    sha256: &str,
    content_type: String,
) -> Declared {
    if size_bytes < 0 {
        check.add(format!("{parent}.size_bytes"), "must not be negative");
    }
    let sha256 = check.digest(&format!("{parent}.sha256"), sha256);
    if !content_type.is_empty() && Format::of(&content_type).is_none() {
        let list = picture::supported();
        check.add(format!("{parent}.content_type"), format!("must be empty or one of {list}"));
    }
    let size_bytes = u64::try_from(size_bytes).ok().filter(|size| *size > 0);
    Declared { size_bytes, sha256, content_type }
}

/// The bytes that the next message brings; none after the last one.
pub async fn next_chunk(messages: &mut Messages) -> Result<Option<Bytes>, Status> {
    match next(messages).await? {
        None => Ok(None),
        Some(Part::Chunk(chunk)) if chunk.len() > CHUNK_BYTES_MAX => {
            let message = format!("chunk has {} bytes; the limit is {CHUNK_BYTES_MAX}", chunk.len());
            Err(Error::LimitExceeded(message).into())
        }
        Some(Part::Chunk(chunk)) => Ok(Some(chunk)),
        Some(Part::Start(_)) => Err(Error::invalid("start", "must stand in the first message only").into()),
    }
}

/// What the next message brings; none after the last one.
async fn next(messages: &mut Messages) -> Result<Option<Part>, Status> {
    let Ok(message) = timeout(UPLOAD_PAUSE_MAX, messages.message()).await else {
        let seconds = UPLOAD_PAUSE_MAX.as_secs();
        let message = format!("no message of the upload came for {seconds} seconds, which is the limit");
        return Err(Error::LimitExceeded(message).into());
    };
    let Some(message) = message? else { return Ok(None) };
    match message.part {
        Some(part) => Ok(Some(part)),
        None => Err(Error::invalid("part", "is required: start or chunk").into()),
    }
}
