//! A file on its way to a photo: what the uploader has declared, how far it has
//! come, and what each next step must keep to.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    photo,
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/PhotoUpload";

/// What an uploader says of the file that is to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// How many bytes it has; at least one.
    pub size_bytes: Option<u64>,
    /// Its digest.
    pub sha256: Option<Digest>,
    /// Its media type; empty if nothing is said.
    pub content_type: String,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The last part of the name.
    pub id: Uuid,
    /// The photo that it is for.
    pub photo: Uuid,
    /// The person who began it.
    pub uploader: String,
    /// Whether the uploader may go on after a break.
    pub resumable: bool,
    /// What was declared.
    pub declared: Declared,
    /// How many bytes have come.
    pub received_bytes: u64,
    /// When the photo got the file.
    pub store_time: Option<DateTime<Utc>>,
    /// When it was begun.
    pub create_time: DateTime<Utc>,
    /// When bytes last came.
    pub update_time: DateTime<Utc>,
    /// When it is given up.
    pub expire_time: DateTime<Utc>,
}

impl Declared {
    /// Fails if more bytes have come than a file may have or was to have.
    pub fn allow(&self, received_bytes: u64, limit_bytes: u64) -> Result<()> {
        if received_bytes > limit_bytes {
            let message = format!("the file has {received_bytes} bytes or more; the limit is {limit_bytes}");
            return Err(Error::LimitExceeded(message));
        }
        match self.size_bytes {
            Some(declared) if received_bytes > declared => Err(Error::InvalidPhotoFile(format!(
                "it has {received_bytes} bytes or more, not {declared} as declared"
            ))),
            _ => Ok(()),
        }
    }

    /// Fails if a file is not the one that was declared.
    pub fn meet(&self, size_bytes: u64, sha256: Digest) -> Result<()> {
        if size_bytes == 0 {
            return Err(Error::InvalidPhotoFile("it is empty".to_owned()));
        }
        if let Some(declared) = self.size_bytes.filter(|declared| *declared != size_bytes) {
            let message = format!("it has {size_bytes} bytes, not {declared} as declared");
            return Err(Error::InvalidPhotoFile(message));
        }
        match self.sha256 {
            Some(declared) if declared != sha256 => {
                Err(Error::InvalidPhotoFile(format!("its SHA-256 is {sha256}, not {declared} as declared")))
            }
            _ => Ok(()),
        }
    }

    /// Fails if the bytes are of another type than was declared.
    pub fn meet_type(&self, content_type: &str) -> Result<()> {
        if self.content_type.is_empty() || self.content_type.eq_ignore_ascii_case(content_type) {
            return Ok(());
        }
        let message = format!("it is {content_type}, not {} as declared", self.content_type);
        Err(Error::InvalidPhotoFile(message))
    }
}

impl Upload {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(self.photo, self.id)
    }

    /// Fails if the next byte to come is another one than the uploader sends.
    pub fn stand_at(&self, offset: u64) -> Result<()> {
        let (name, received) = (self.name(), self.received_bytes);
        if offset == received { Ok(()) } else { Err(Error::UploadOffset { name, given: offset, received }) }
    }

    /// Fails if bytes are missing to what was declared.
    pub fn be_whole(&self, received_bytes: u64) -> Result<()> {
        match self.declared.size_bytes {
            Some(size) if received_bytes < size => {
                Err(Error::UploadIncomplete { name: self.name(), received: received_bytes, size })
            }
            _ => Ok(()),
        }
    }
}

/// The full resource name of an upload.
pub fn name(photo: Uuid, id: Uuid) -> String {
    format!("{}/uploads/{id}", photo::name(photo))
}

/// The error for an upload that is not there.
pub fn missing(photo: Uuid, id: Uuid) -> Error {
    Error::NotFound { kind: KIND, name: name(photo, id) }
}
