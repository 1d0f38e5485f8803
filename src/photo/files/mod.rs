//! The photo store: original files, each under the SHA-256 of its bytes, in a
//! folder or in an S3 bucket. So no file is stored twice, none ever changes, and
//! a snapshot that names a digest can always be served.
//!
//! A file that is still coming lies apart, under the id of its upload, until its
//! last byte has been checked ([`Incoming`], then [`Received`]). What is said to
//! be stored outlasts a power cut. Any number of servers may share a store.

mod bucket;
mod folder;
mod incoming;
mod reader;
mod traced;

use std::{fmt, io, ops::Range, path::PathBuf, str::FromStr, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use uuid::Uuid;

use self::{bucket::Bucket, folder::Folder};
pub use self::{
    incoming::{Incoming, Mark, Progress, Received},
    reader::Reader,
};
use crate::{
    digest::Digest,
    error::{Error, Result},
    photo::File,
};

/// Where the originals lie.
const STORED: &str = "sha256";

/// Where lies what has been made of originals, and can be made again.
const RENDITIONS: &str = "renditions";

/// Where the files lie that are still coming.
const INCOMING: &str = "incoming";

/// Bytes that are read at a time: a request each, but no more in memory for a
/// reader who is slow.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces that are read while the one before is on its way to the reader.
const PIECES_AHEAD: usize = 2;

/// Files that are looked for at once.
const LOOKS_AT_ONCE: usize = 16;

/// Where a photo store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine, or one that all servers have mounted.
    Folder(PathBuf),
    /// `s3://BUCKET/PREFIX` of an S3-compatible service, which the environment
    /// describes with the variables that AWS's own tools read.
    Bucket(String),
}

/// The photo store of a server.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    staging: Staging,
}

/// How files come, which is where a folder and a bucket differ: a folder can be
/// appended to, a bucket takes parts.
#[derive(Clone, Debug)]
enum Staging {
    Folder(Folder),
    Bucket(Bucket),
}

/// A file as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Where it lies.
    pub place: Place,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// When it was written.
    pub write_time: DateTime<Utc>,
}

/// What a file in the store is by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An original.
    Original(Digest),
    /// A rendition, by its key.
    Rendition(Digest),
    /// A file that is coming, by the id of its upload.
    Incoming(Uuid),
    /// Nothing that this program has put there.
    Foreign(String),
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Location, String> {
        match text.split_once("://") {
            None if text.is_empty() => Err("is empty".to_owned()),
            None => Ok(Location::Folder(text.into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Location::Folder(path.into())),
            Some(("s3", bucket)) if !bucket.trim_start_matches('/').is_empty() => {
                Ok(Location::Bucket(text.trim_end_matches('/').to_owned()))
            }
            Some(_) => Err("is neither a folder nor of the form s3://BUCKET/PREFIX".to_owned()),
        }
    }
}

impl Files {
    /// Opens a photo store. A folder is made if it is not there, for its owner
    /// only. A bucket must be there; it is not asked for before it is needed, so
    /// that a server starts before its storage does.
    ///
    /// # Errors
    /// The folder cannot be made or read, or the bucket's settings are wrong.
    pub async fn open(location: Location) -> Result<Files> {
        match location {
            Location::Folder(root) => {
                let folder = Folder::open(root).await?;
                Ok(Files { store: folder.store(), staging: Staging::Folder(folder) })
            }
            Location::Bucket(url) => {
                let bucket = Bucket::open(&url).map_err(failed)?;
                Ok(Files { store: bucket.store(), staging: Staging::Bucket(bucket) })
            }
        }
    }

    /// Where it is: `folder` or `bucket`.
    pub fn kind(&self) -> &'static str {
        match self.staging {
            Staging::Folder(_) => "folder",
            Staging::Bucket(_) => "bucket",
        }
    }

    /// Whether the store is there: a folder, and on a disk that can be written; a
    /// bucket, and it answers.
    ///
    /// # Errors
    /// It is not.
    pub async fn probe(&self) -> Result<()> {
        match &self.staging {
            Staging::Folder(folder) => folder.probe().await,
            Staging::Bucket(_) => match self.store.head(&Path::from(STORED)).await {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed(error)),
            },
        }
    }

    /// Whether an original is stored, in its full length.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn has(&self, file: &File) -> Result<bool> {
        Ok(self.size_bytes(file.sha256).await?.map(i64::try_from) == Some(Ok(file.size_bytes)))
    }

    /// The photos of these whose originals are not stored in their full length.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn lost(&self, photos: Vec<(Uuid, File)>) -> Result<Vec<Uuid>> {
        let looks = photos.into_iter().map(|(photo, file)| {
            let files = self.clone();
            async move { Ok((!files.has(&file).await?).then_some(photo)) }
        });
        let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        looks.try_filter_map(|lost| future::ready(Ok(lost))).try_collect().await
    }

    /// The length of an original, if it is stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn size_bytes(&self, sha256: Digest) -> Result<Option<u64>> {
        match self.store.head(&place(sha256)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The bytes of a range of an original, in order, in pieces of at most
    /// 256 KiB. The range must lie within the file.
    pub fn read(
        &self,
        sha256: Digest,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let (store, place) = (self.store.clone(), place(sha256));
        let starts = range.clone().step_by(PIECE_BYTES);
        let pieces = stream::iter(starts).map(move |start| {
            let (store, place) = (store.clone(), place.clone());
            let wanted = start..range.end.min(start + PIECE_BYTES as u64);
            async move {
                let piece = store.get_range(&place, wanted.clone()).await.map_err(failed)?;
                if piece.len() as u64 != wanted.end - wanted.start {
                    return Err(Error::Internal(format!("the stored file {sha256} is cut off")));
                }
                Ok(piece)
            }
        });
        pieces.buffered(PIECES_AHEAD)
    }

    /// Everything that lies in the store, in no order.
    pub fn list(&self) -> impl Stream<Item = Result<StoredFile>> + Send + use<> {
        let found = self.store.list(None).map_err(failed);
        found.map_ok(|object| StoredFile {
            place: Place::of(&object.location),
            size_bytes: object.size,
            write_time: object.last_modified,
        })
    }

    /// Removes an original. One that is not there is no error.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn remove(&self, sha256: Digest) -> Result<()> {
        self.delete(&place(sha256)).await
    }

    /// Keeps a rendition under its key, instead of one that is there.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn put_rendition(&self, key: Digest, bytes: Bytes) -> Result<()> {
        self.store.put(&below(RENDITIONS, key), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// The bytes of a rendition, if it is there in this length.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn rendition(&self, key: Digest, size_bytes: u64) -> Result<Option<Bytes>> {
        let place = below(RENDITIONS, key);
        match self.store.head(&place).await {
            Ok(found) if found.size == size_bytes => {}
            Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        Ok(Some(self.store.get_range(&place, 0..size_bytes).await.map_err(failed)?))
    }

    /// Removes a rendition. One that is not there is no error.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn remove_rendition(&self, key: Digest) -> Result<()> {
        self.delete(&below(RENDITIONS, key)).await
    }

    /// Begins a file that is to come, for this upload.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn begin(&self, upload: Uuid) -> Result<Progress> {
        let writer = Uuid::now_v7();
        let multipart = match &self.staging {
            Staging::Folder(_) => None,
            Staging::Bucket(bucket) => Some(bucket.begin(upload).await?),
        };
        Ok(Progress::beginning(writer, multipart))
    }

    /// Goes on with a file that is coming from where it stood, for a new writer.
    /// Nothing that the writer before still writes gets into it.
    ///
    /// # Errors
    /// The store cannot be read; [`Error::UploadLost`] if it no longer has what
    /// had come.
    pub async fn resume(&self, upload: Uuid, stood: &Progress, writer: Uuid) -> Result<Incoming> {
        Incoming::resume(self.clone(), upload, stood, writer).await
    }

    /// Removes what a writer has left behind, whom another one follows.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn discard_writer(&self, upload: Uuid, writer: Uuid) -> Result<()> {
        self.delete(&Path::from(format!("{INCOMING}/{upload}.{writer}"))).await
    }

    /// Removes a file that was coming, wherever it stands.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn discard(&self, upload: Uuid, multipart: Option<&str>) -> Result<()> {
        let id = upload.to_string();
        let left = self.store.list(Some(&Path::from(INCOMING)));
        let left: Vec<Path> = left
            .try_filter_map(|object| {
                let name = object.location.filename().unwrap_or_default();
                let is_its = name.split('.').next() == Some(id.as_str());
                futures::future::ok(is_its.then_some(object.location))
            })
            .try_collect()
            .await
            .map_err(failed)?;
        for place in left {
            self.delete(&place).await?;
        }
        match (&self.staging, multipart) {
            (Staging::Bucket(bucket), Some(multipart)) => bucket.discard(upload, multipart).await,
            _ => Ok(()),
        }
    }

    async fn delete(&self, place: &Path) -> Result<()> {
        match self.store.delete(place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Place {
    /// The digest of an original.
    pub fn original(&self) -> Option<Digest> {
        if let Place::Original(digest) = self { Some(*digest) } else { None }
    }

    /// The key of a rendition.
    pub fn rendition(&self) -> Option<Digest> {
        if let Place::Rendition(key) = self { Some(*key) } else { None }
    }

    /// The upload of a file that is coming.
    pub fn incoming(&self) -> Option<Uuid> {
        if let Place::Incoming(upload) = self { Some(*upload) } else { None }
    }

    fn of(path: &Path) -> Place {
        let text = path.as_ref();
        let found = match text.split_once('/') {
            Some((STORED, rest)) => digest_of(STORED, rest, path).map(Place::Original),
            Some((RENDITIONS, rest)) => digest_of(RENDITIONS, rest, path).map(Place::Rendition),
            Some((INCOMING, rest)) => {
                let id = rest.split_once('.').map_or(rest, |(id, _)| id);
                Uuid::try_parse(id).ok().map(Place::Incoming)
            }
            _ => None,
        };
        found.unwrap_or_else(|| Place::Foreign(text.to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Original(digest) => formatter.write_str(place(*digest).as_ref()),
            Place::Rendition(key) => formatter.write_str(below(RENDITIONS, *key).as_ref()),
            Place::Incoming(upload) => formatter.write_str(incoming(*upload).as_ref()),
            Place::Foreign(path) => formatter.write_str(path),
        }
    }
}

/// The digest under which something lies in a folder of the store.
fn digest_of(folder: &str, rest: &str, path: &Path) -> Option<Digest> {
    let digest = Digest::from_hex(&rest.replacen('/', "", 1))?;
    (below(folder, digest) == *path).then_some(digest)
}

/// Where an original lies.
fn place(sha256: Digest) -> Path {
    below(STORED, sha256)
}

/// Where something lies in a folder of the store. Two levels, as some tools are
/// slow in folders of a hundred thousand files.
fn below(folder: &str, digest: Digest) -> Path {
    let hex = digest.to_string();
    let (first, rest) = hex.split_at(2);
    Path::from(format!("{folder}/{first}/{rest}"))
}

/// Where a file lies that has come whole and has not been found good yet.
fn incoming(upload: Uuid) -> Path {
    Path::from(format!("{INCOMING}/{upload}"))
}

fn failed(error: object_store::Error) -> Error {
    // It wraps what the system says, and with it that the disk is full.
    let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    let kind = causes.find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    match kind {
        Some(kind) => Error::from(io::Error::new(kind, error)),
        None => Error::from(io::Error::from(error)),
    }
}

fn died(error: tokio::task::JoinError) -> Error {
    Error::Internal(format!("a task of the photo store died: {error}"))
}
