//! A file that is coming, and one that has come.

use bytes::{Bytes, BytesMut};
use object_store::ObjectStoreExt;
use sha2::{
    Digest as _, Sha256,
    digest::common::hazmat::{DeserializeStateError, SerializableState, SerializedState},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Files, Reader, Staging, bucket::Bucket, died, folder::Growing, incoming};
use crate::{
    config::UPLOAD_MARK_BYTES,
    digest::Digest,
    error::{Error, Result},
    telemetry::metrics::count_upload,
};

/// How far a file has come: all that a server must know to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Who writes it: the file lies under this id, apart from what others write.
    pub writer: Uuid,
    /// Bytes that have come and are stored.
    pub received_bytes: u64,
    /// The state of the digest over them.
    pub hasher: Vec<u8>,
    /// In a bucket: the service's id of the multipart upload.
    pub multipart: Option<String>,
    /// In a bucket: the service's ids of the parts that are stored.
    pub parts: Vec<String>,
    /// In a bucket: how many bytes lie behind the last part.
    pub tail_bytes: u64,
}

/// A file that is coming.
#[derive(Debug)]
pub struct Incoming {
    files: Files,
    upload: Uuid,
    writer_id: Uuid,
    hasher: Sha256,
    size_bytes: u64,
    /// Bytes since the last [`Incoming::mark`].
    unmarked_bytes: u64,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    /// None if the file has come whole.
    Folder(Option<Growing>),
    Bucket {
        bucket: Bucket,
        multipart: String,
        parts: Vec<String>,
        buffer: BytesMut,
    },
}

/// Where a file stands, to be stored: in the background, while more comes.
#[derive(Debug)]
pub struct Mark {
    upload: Uuid,
    progress: Progress,
    to_do: ToDo,
}

#[derive(Debug)]
enum ToDo {
    Nothing,
    Sync(Growing),
    PutPart(Bucket, String, Bytes),
    PutTail(Bucket, Bytes),
}

/// A file that has come whole, but has not been found good yet.
#[derive(Debug)]
pub struct Received {
    files: Files,
    upload: Uuid,
    /// Who wrote it.
    pub writer: Uuid,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

impl Progress {
    pub(super) fn beginning(writer: Uuid, multipart: Option<String>) -> Progress {
        let hasher = Sha256::new().serialize().to_vec();
        Progress { writer, received_bytes: 0, hasher, multipart, parts: Vec::new(), tail_bytes: 0 }
    }
}

impl Incoming {
    pub(super) async fn resume(
        files: Files,
        upload: Uuid,
        stood: &Progress,
        writer_id: Uuid,
    ) -> Result<Incoming> {
        let hasher = read_state(&stood.hasher)
            .ok_or_else(|| Error::Internal("the state of an upload's digest is damaged".to_owned()))?;
        let size_bytes = stood.received_bytes;
        let writer = match (&files.staging, &stood.multipart) {
            (Staging::Folder(folder), None) => {
                Writer::Folder(folder.resume(upload, stood.writer, writer_id, size_bytes).await?)
            }
            (Staging::Bucket(bucket), Some(multipart)) => {
                let tail = match stood.tail_bytes {
                    0 => Bytes::new(),
                    _ => bucket.tail(upload, stood.writer).await?,
                };
                if tail.len() as u64 != stood.tail_bytes {
                    return Err(Error::UploadLost);
                }
                let (bucket, multipart, parts) = (bucket.clone(), multipart.clone(), stood.parts.clone());
                Writer::Bucket { bucket, multipart, parts, buffer: tail.into() }
            }
            // It began in a store of the other kind.
            _ => return Err(Error::UploadLost),
        };
        let unmarked_bytes = stood.tail_bytes;
        Ok(Incoming { files, upload, writer_id, hasher, size_bytes, unmarked_bytes, writer })
    }

    /// How many bytes have come.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes to the end, no more than there is [`Incoming::room`] for.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let hasher = std::mem::take(&mut self.hasher);
        let same = bytes.clone();
        // A megabyte takes milliseconds to digest, too long for a thread that
        // serves others.
        let digesting = spawn_blocking(move || hasher.chain_update(&same));
        let size_bytes = bytes.len() as u64;
        let writing = async {
            match &mut self.writer {
                Writer::Folder(Some(growing)) => growing.append(bytes).await,
                Writer::Folder(None) => Err(Error::Internal("bytes behind the end of a file".to_owned())),
                Writer::Bucket { buffer, .. } => {
                    buffer.extend_from_slice(&bytes);
                    Ok(())
                }
            }
        };
        let (digested, written) = tokio::join!(digesting, writing);
        written?;
        self.hasher = digested.map_err(died)?;
        count_upload(size_bytes);
        self.size_bytes += size_bytes;
        self.unmarked_bytes += size_bytes;
        Ok(())
    }

    /// How many bytes to write at most until the next mark.
    pub fn room(&self) -> usize {
        usize::try_from(UPLOAD_MARK_BYTES - self.unmarked_bytes).unwrap_or_default()
    }

    /// Where the file stands now. The mark before must have been stored and
    /// confirmed.
    pub fn mark(&mut self) -> Mark {
        let mut progress = Progress {
            writer: self.writer_id,
            received_bytes: self.size_bytes,
            hasher: self.hasher.serialize().to_vec(),
            multipart: None,
            parts: Vec::new(),
            tail_bytes: 0,
        };
        let to_do = match &mut self.writer {
            Writer::Folder(Some(growing)) => ToDo::Sync(growing.clone()),
            Writer::Folder(None) => ToDo::Nothing,
            Writer::Bucket { bucket, multipart, parts, buffer } => {
                progress.multipart = Some(multipart.clone());
                progress.parts.clone_from(parts);
                if buffer.len() as u64 >= UPLOAD_MARK_BYTES {
                    ToDo::PutPart(bucket.clone(), multipart.clone(), buffer.split().freeze())
                } else if !buffer.is_empty() {
                    progress.tail_bytes = buffer.len() as u64;
                    ToDo::PutTail(bucket.clone(), Bytes::copy_from_slice(buffer))
                } else {
                    ToDo::Nothing
                }
            }
        };
        self.unmarked_bytes = progress.tail_bytes;
        Mark { upload: self.upload, progress, to_do }
    }

    /// Takes note of a mark that is stored.
    pub fn confirm(&mut self, progress: &Progress) {
        if let Writer::Bucket { parts, .. } = &mut self.writer {
            parts.clone_from(&progress.parts);
        }
    }

    /// Ends the file, which outlasts a power cut then.
    ///
    /// # Errors
    /// The store cannot be written; [`Error::UploadLost`] if it no longer has what
    /// had come.
    pub async fn end(self) -> Result<Received> {
        let Incoming { files, upload, writer_id, hasher, size_bytes, writer, .. } = self;
        match (writer, &files.staging) {
            (Writer::Folder(Some(growing)), Staging::Folder(folder)) => {
                folder.end(upload, writer_id, growing).await?;
            }
            (Writer::Bucket { bucket, multipart, mut parts, buffer }, _) => {
                if !has_whole(&files, upload, size_bytes).await? {
                    if !buffer.is_empty() {
                        let bytes = buffer.freeze();
                        parts.push(bucket.put_part(upload, &multipart, parts.len(), bytes).await?);
                    }
                    bucket.end(upload, &multipart, &parts).await?;
                }
            }
            (Writer::Folder(_), _) => {}
        }
        let sha256 = Digest::from_bytes(&hasher.finalize()).unwrap_or(Digest::ZERO);
        Ok(Received { files, upload, writer: writer_id, sha256, size_bytes })
    }
}

impl Mark {
    /// Makes what had come outlast a power cut; where the file then stands.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn store(self) -> Result<Progress> {
        let Mark { upload, mut progress, to_do } = self;
        match to_do {
            ToDo::Nothing => {}
            ToDo::Sync(growing) => growing.sync().await?,
            ToDo::PutPart(bucket, multipart, bytes) => {
                let index = progress.parts.len();
                progress.parts.push(bucket.put_part(upload, &multipart, index, bytes).await?);
            }
            ToDo::PutTail(bucket, bytes) => bucket.put_tail(upload, progress.writer, bytes).await?,
        }
        Ok(progress)
    }
}

/// Whether the file was ended before, by a server that died then.
async fn has_whole(files: &Files, upload: Uuid, size_bytes: u64) -> Result<bool> {
    match files.store.head(&incoming(upload)).await {
        Ok(found) => Ok(found.size == size_bytes),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(super::failed(error)),
    }
}

impl Received {
    /// The file, for reading.
    pub fn reader(&self) -> Reader {
        Reader::new(self.files.store.clone(), incoming(self.upload), self.size_bytes)
    }

    /// Stores the file under its digest, for good; it stays where it is besides,
    /// until the upload is discarded. The same bytes again take the place of those
    /// that are there, which mends a file that was damaged.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn keep(&self) -> Result<()> {
        match &self.files.staging {
            Staging::Folder(folder) => folder.keep(self.upload, self.sha256).await,
            Staging::Bucket(bucket) => bucket.keep(self.upload, self.sha256).await,
        }
    }
}

fn read_state(bytes: &[u8]) -> Option<Sha256> {
    let state = SerializedState::<Sha256>::try_from(bytes).ok()?;
    let read: Result<Sha256, DeserializeStateError> = Sha256::deserialize(&state);
    read.ok()
}
