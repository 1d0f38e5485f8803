//! The stream of an upload: what it must bring, in which order, and how long it
//! may take.

use tokio::time::timeout;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    config::{CHUNK_BYTES_MAX, PHOTO_BYTES_MAX, UPLOAD_PAUSE_MAX},
    digest::Digest,
    error::{Error, Result},
    pb::{self, upload_photo_request::Part},
    photo::{
        File,
        files::{Incoming, Received},
        picture::{self, Picture},
    },
    wire::Check,
};

/// The messages of an upload.
pub type Messages = Streaming<pb::UploadPhotoRequest>;

/// How an upload begins: the photo, and what the caller expects of the file.
#[derive(Clone, Debug)]
pub struct Start {
    /// The photo that the file belongs to.
    pub photo: Uuid,
    size_bytes: Option<u64>,
    sha256: Option<Digest>,
    content_type: String,
}

/// Reads the first message.
pub async fn begin(messages: &mut Messages) -> Result<Start, Status> {
    let Some(Part::Start(start)) = next(messages).await? else {
        return Err(Error::invalid("start", "is required in the first message").into());
    };
    let mut check = Check::default();
    let photo = check.photo("start.name", &start.name);
    if start.size_bytes < 0 {
        check.add("start.size_bytes", "must not be negative");
    }
    let sha256 = check.digest("start.sha256", &start.sha256);
    if !start.content_type.is_empty() && !picture::is_supported(&start.content_type) {
        check.add("start.content_type", format!("must be empty or one of {}", picture::supported()));
    }
    check.finish()?;
    let size_bytes = u64::try_from(start.size_bytes).ok().filter(|size| *size > 0);
    limit_size(size_bytes.unwrap_or_default())?;
    Ok(Start { photo, size_bytes, sha256, content_type: start.content_type })
}

/// Writes all further messages to a file. A client that hangs up, pauses too
/// long or breaks a rule ends it, and the file with it.
pub async fn receive(messages: &mut Messages, start: &Start, mut file: Incoming) -> Result<Incoming, Status> {
    while let Some(part) = next(messages).await? {
        let chunk = match part {
            Part::Chunk(chunk) => chunk,
            Part::Start(_) => {
                return Err(Error::invalid("start", "must stand in the first message only").into());
            }
        };
        if chunk.len() > CHUNK_BYTES_MAX {
            let message = format!("chunk has {} bytes; the limit is {CHUNK_BYTES_MAX}", chunk.len());
            return Err(Error::LimitExceeded(message).into());
        }
        let size_bytes = file.size_bytes() + chunk.len() as u64;
        limit_size(size_bytes)?;
        if start.size_bytes.is_some_and(|declared| size_bytes > declared) {
            return Err(start.wrong_size(size_bytes).into());
        }
        if !chunk.is_empty() {
            file.write(chunk).await?;
        }
    }
    // tonic 0.14.9 ends the stream of a client that cancels the call just as that
    // of one that has sent everything, which would pass a part for the whole.
    // hyper drops a cancelled call as soon as it waits for something: so wait.
    tokio::task::yield_now().await;
    match file.size_bytes() {
        0 => Err(Error::InvalidPhotoFile("it is empty".to_owned()).into()),
        short if start.size_bytes.is_some_and(|declared| short < declared) => {
            Err(start.wrong_size(short).into())
        }
        _ => Ok(file),
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

fn limit_size(size_bytes: u64) -> Result<()> {
    if size_bytes > PHOTO_BYTES_MAX {
        let message = format!("the file has {size_bytes} bytes or more; the limit is {PHOTO_BYTES_MAX}");
        return Err(Error::LimitExceeded(message));
    }
    Ok(())
}

impl Start {
    /// Stores a file that has come if it is what was declared and a picture; its
    /// facts.
    pub async fn accept(&self, file: Incoming) -> Result<File> {
        let file = file.end().await?;
        if let Some(declared) = self.sha256.filter(|declared| *declared != file.sha256) {
            let message = format!("its SHA-256 is {}, not {declared} as declared", file.sha256);
            return Err(Error::InvalidPhotoFile(message));
        }
        let picture = picture::read(file.open().await?).await?;
        if !self.content_type.is_empty() && !self.content_type.eq_ignore_ascii_case(picture.content_type) {
            let message = format!("it is {}, not {} as declared", picture.content_type, self.content_type);
            return Err(Error::InvalidPhotoFile(message));
        }
        let facts = facts(&file, picture)?;
        file.keep().await?;
        Ok(facts)
    }

    fn wrong_size(&self, size_bytes: u64) -> Error {
        let declared = self.size_bytes.unwrap_or_default();
        let more = if size_bytes > declared { " or more" } else { "" };
        Error::InvalidPhotoFile(format!("it has {size_bytes} bytes{more}, not {declared} as declared"))
    }
}

/// The facts of a file. Both numbers are far below what the types hold, as the
/// limits on size and sides see to it.
fn facts(file: &Received, picture: Picture) -> Result<File> {
    let too_large = |_| Error::Internal("a file passed the limits and is too large".to_owned());
    Ok(File {
        sha256: file.sha256,
        content_type: picture.content_type.to_owned(),
        size_bytes: i64::try_from(file.size_bytes).map_err(too_large)?,
        width_px: i32::try_from(picture.width_px).map_err(too_large)?,
        height_px: i32::try_from(picture.height_px).map_err(too_large)?,
    })
}
