//! The photo store: original files in a folder, found by their SHA-256, never
//! altered. A file is written apart, synced, and only then moved into place, so
//! that nothing half-written is ever visible and the same bytes lie there once.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{Stream, stream};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    photo,
};

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;

/// The age from which a file that is still being written is taken for what a
/// crash has left; an upload that pauses for this long has long been ended.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// A folder of original files.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// A file that is being received. Gone when dropped.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    partial: Partial,
    hasher: Sha256,
    size_bytes: u64,
}

/// A file that has been received whole and lies safely on disk, but not yet in
/// its place. Gone when dropped.
#[derive(Debug)]
pub struct Received {
    partial: Partial,
    /// The digest of the bytes.
    pub sha256: Digest,
    /// The number of bytes.
    pub size_bytes: u64,
}

/// A path that is removed when it is dropped, unless it has been moved away.
#[derive(Debug)]
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // After a move there is nothing to remove, which is as good.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Received {
    /// Where the bytes lie now.
    pub fn path(&self) -> &Path {
        &self.partial.0
    }
}

impl Files {
    /// Opens a store, and makes it if it is new.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub async fn open(root: PathBuf) -> Result<Files> {
        let files = Files { root };
        fs::create_dir_all(files.incoming()).await.map_err(Error::File)?;
        files.remove_abandoned().await.map_err(Error::File)?;
        Ok(files)
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub async fn begin(&self) -> Result<Incoming> {
        let path = self.incoming().join(Uuid::now_v7().to_string());
        let file = File::create_new(&path).await.map_err(Error::File)?;
        Ok(Incoming { file, partial: Partial(path), hasher: Sha256::new(), size_bytes: 0 })
    }

    /// Puts a received file in its place. The same bytes twice are kept once.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub async fn keep(&self, received: Received) -> Result<()> {
        let place = self.place(received.sha256);
        let folder = place.parent().unwrap_or(&self.root).to_owned();
        let moved = async {
            fs::create_dir_all(&folder).await?;
            fs::rename(received.path(), &place).await?;
            // A rename lasts when the folder is synced, and a new folder when
            // the one above is.
            sync_folder(&folder).await?;
            sync_folder(folder.parent().unwrap_or(&self.root)).await
        };
        moved.await.map_err(Error::File)
    }

    /// Whether the store has a file, in the length that it should have.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn has(&self, file: &photo::File) -> Result<bool> {
        match fs::metadata(self.place(file.sha256)).await {
            Ok(found) => Ok(i64::try_from(found.len()) == Ok(file.size_bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::File(error)),
        }
    }

    /// Bytes of a file from `offset`, at most `length`, in pieces.
    ///
    /// # Errors
    /// The file is not there or cannot be read.
    pub async fn read(
        &self,
        sha256: Digest,
        offset: u64,
        length: u64,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let mut file = File::open(self.place(sha256)).await.map_err(Error::File)?;
        file.seek(io::SeekFrom::Start(offset)).await.map_err(Error::File)?;
        Ok(stream::try_unfold(file.take(length), |mut rest| async move {
            let mut piece = Vec::with_capacity(READ_BYTES);
            let wanted = rest.limit().min(READ_BYTES as u64);
            while (piece.len() as u64) < wanted {
                if rest.read_buf(&mut piece).await.map_err(Error::File)? == 0 {
                    let short = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(Error::File(short));
                }
            }
            Ok((wanted > 0).then(|| (Bytes::from(piece), rest)))
        }))
    }

    fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// `sha256/ab/cdef…`: 256 folders keep each of them small.
    fn place(&self, sha256: Digest) -> PathBuf {
        let name = sha256.to_string();
        self.root.join("sha256").join(&name[..2]).join(&name[2..])
    }

    async fn remove_abandoned(&self) -> io::Result<()> {
        let mut entries = fs::read_dir(self.incoming()).await?;
        while let Some(entry) = entries.next_entry().await? {
            let changed = entry.metadata().await?.modified()?;
            if SystemTime::now().duration_since(changed).is_ok_and(|age| age > ABANDONED_AFTER) {
                tracing::info!(file = %entry.path().display(), "removing an abandoned upload");
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}

impl Incoming {
    /// Adds bytes.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.file.write_all(bytes).await.map_err(Error::File)
    }

    /// How many bytes have come so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Ends receiving: brings every byte to the disk.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub async fn finish(mut self) -> Result<Received> {
        self.file.flush().await.map_err(Error::File)?;
        self.file.sync_all().await.map_err(Error::File)?;
        let digest: [u8; 32] = self.hasher.finalize().into();
        let sha256 = Digest::from_bytes(&digest).unwrap_or(Digest::ZERO);
        Ok(Received { partial: self.partial, sha256, size_bytes: self.size_bytes })
    }
}

async fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}
