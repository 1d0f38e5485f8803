//! The photo store: a folder of original files, each under the SHA-256 of its
//! bytes. So no file is stored twice, none ever changes, and a snapshot that
//! names a digest can always be served.
//!
//! A file that is still coming lies apart until its last byte has been checked.
//! Everything that is said to be stored has been synced to disk, and so have the
//! folders that lead to it.

use std::{
    fs::{self, DirBuilder},
    io,
    ops::Range,
    os::unix::fs::DirBuilderExt,
    path::{self, PathBuf},
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use object_store::{GetResultPayload, MultipartUpload, ObjectStoreExt, local::LocalFileSystem, path::Path};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    photo::File,
};

/// The folder of the files that are stored.
const STORED: &str = "sha256";

/// The folder of what has been made of stored files, and can be made again.
const RENDITIONS: &str = "renditions";

/// The folder of the files that are still coming.
const INCOMING: &str = "incoming";

/// Bytes that are read at a time: a system call each, but no more in memory for
/// a reader who is slow.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces that are read while the one before is on its way to the reader.
const PIECES_AHEAD: usize = 2;

/// The photo store of one server.
#[derive(Clone, Debug)]
pub struct Files {
    store: LocalFileSystem,
}

/// A file that is still coming. Dropped, it is gone.
#[derive(Debug)]
pub struct Incoming {
    store: LocalFileSystem,
    place: Path,
    upload: Box<dyn MultipartUpload>,
    hasher: Sha256,
    size_bytes: u64,
}

/// A file that has come, but has not been found good yet. Dropped without
/// [`Received::keep`], it is gone.
#[derive(Debug)]
pub struct Received {
    store: LocalFileSystem,
    place: Path,
    kept: bool,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

impl Files {
    /// Opens the photo store in this folder, which is made if it is not there,
    /// for its owner only. Removes the files that were still coming when the
    /// server before ended, so the folder belongs to one server at a time.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Files> {
        let root = root.into();
        spawn_blocking(move || prepare(&root)).await.map_err(died)?
    }

    /// Begins a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn incoming(&self) -> Result<Incoming> {
        let place = Path::from(format!("{INCOMING}/{}", Uuid::now_v7()));
        let upload = self.store.put_multipart(&place).await.map_err(failed)?;
        Ok(Incoming { store: self.store.clone(), place, upload, hasher: Sha256::new(), size_bytes: 0 })
    }

    /// Whether a file is stored, in its full length.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn has(&self, file: &File) -> Result<bool> {
        match self.store.head(&place(file.sha256)).await {
            Ok(found) => Ok(i64::try_from(found.size) == Ok(file.size_bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// The bytes of a range of a stored file, in order, in pieces of at most
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
}

impl Files {
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
}

impl Incoming {
    /// Adds bytes to the end.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size_bytes += bytes.len() as u64;
        let mut hasher = std::mem::take(&mut self.hasher);
        let same = bytes.clone();
        // A megabyte takes milliseconds to digest, too long for a thread that
        // serves others.
        let digesting = spawn_blocking(move || {
            hasher.update(&same);
            hasher
        });
        let (hasher, written) = tokio::join!(digesting, self.upload.put_part(bytes.into()));
        written.map_err(failed)?;
        self.hasher = hasher.map_err(died)?;
        Ok(())
    }

    /// How many bytes have come.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Ends the file, and syncs it to disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn end(self) -> Result<Received> {
        let Incoming { store, place, mut upload, hasher, size_bytes } = self;
        let sha256 = Digest::from_bytes(&hasher.finalize()).unwrap_or(Digest::ZERO);
        // Made first, so that the file goes wherever this stops.
        let received = Received { store, place, kept: false, sha256, size_bytes };
        upload.complete().await.map_err(failed)?;
        Ok(received)
    }
}

impl Received {
    /// The file, for reading.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub async fn open(&self) -> Result<fs::File> {
        match self.store.get(&self.place).await.map_err(failed)?.payload {
            GetResultPayload::File(file, _) => Ok(file),
            GetResultPayload::Stream(_) => Err(Error::Internal("the photo store is no folder".to_owned())),
        }
    }

    /// Stores the file under its digest, for good. The same bytes again take the
    /// place of those that are there, which mends a file that was damaged.
    ///
    /// # Errors
    /// The file cannot be moved.
    pub async fn keep(mut self) -> Result<()> {
        self.store.rename(&self.place, &place(self.sha256)).await.map_err(failed)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (store, place) = (self.store.clone(), self.place.clone());
        // Without a runtime the process is ending; the next start removes it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { store.delete(&place).await });
        }
    }
}

/// Where a stored file lies.
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

fn prepare(root: &path::Path) -> Result<Files> {
    let root = path::absolute(root).map_err(Error::File)?;
    let incoming = root.join(INCOMING);
    match fs::remove_dir_all(&incoming) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(&incoming, error)),
        _ => {}
    }
    create_folder(&incoming)?;
    create_folder(&root.join(STORED))?;
    create_folder(&root.join(RENDITIONS))?;
    let store = LocalFileSystem::new_with_prefix(&root).map_err(failed)?;
    Ok(Files { store: store.with_fsync(true) })
}

/// Makes a folder, and those above it, so that they outlast a power cut.
fn create_folder(folder: &path::Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    create_folder(parent)?;
    let created = DirBuilder::new().mode(0o700).create(folder);
    let synced = created.and_then(|()| fs::File::open(parent)?.sync_all());
    synced.map_err(|error| named(folder, error))
}

fn named(path: &path::Path, error: io::Error) -> Error {
    Error::File(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn failed(error: object_store::Error) -> Error {
    Error::File(error.into())
}

fn died(error: tokio::task::JoinError) -> Error {
    Error::Internal(format!("a task of the photo store died: {error}"))
}
