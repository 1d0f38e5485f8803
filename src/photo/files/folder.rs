//! A photo store in a folder. What is coming is appended to a file of its own;
//! everything that counts as stored has been synced to disk, and so have the
//! folders that lead to it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{self, Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use object_store::{ObjectStore, local::LocalFileSystem};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{INCOMING, STORED, died, failed, place};
use crate::{
    digest::Digest,
    error::{Error, Result},
};

/// A folder that is a photo store.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    store: Arc<LocalFileSystem>,
}

/// A file of the folder that is being appended to.
#[derive(Clone, Debug)]
pub(super) struct Growing {
    file: Arc<fs::File>,
}

impl Folder {
    pub(super) async fn open(root: PathBuf) -> Result<Folder> {
        blocking(move || {
            let root = path::absolute(root).map_err(Error::from)?;
            create_folder(&root.join(INCOMING))?;
            create_folder(&root.join(STORED))?;
            let store = LocalFileSystem::new_with_prefix(&root).map_err(failed)?;
            Ok(Folder { root, store: Arc::new(store.with_fsync(true)) })
        })
        .await
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// Whether the folders are there, on a disk that can be written.
    pub(super) async fn probe(&self) -> Result<()> {
        let folders = [self.root.join(INCOMING), self.root.join(STORED)];
        blocking(move || {
            for folder in folders {
                let mounted = rustix::fs::statvfs(&folder).map_err(|error| named(&folder, error.into()))?;
                if mounted.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
                    return Err(named(&folder, io::ErrorKind::ReadOnlyFilesystem.into()));
                }
            }
            Ok(())
        })
        .await
    }

    /// Opens a file to append to, at this length. It is a copy of what the writer
    /// before has left, who may not know yet that another has taken over. `None`
    /// if it has come whole already.
    pub(super) async fn resume(
        &self,
        upload: Uuid,
        before: Uuid,
        writer: Uuid,
        size_bytes: u64,
    ) -> Result<Option<Growing>> {
        let (from, to) = (self.growing(upload, before), self.growing(upload, writer));
        let whole = self.whole(upload);
        blocking(move || match fs::File::open(&from) {
            _ if size_bytes == 0 => Ok(Some(Growing { file: Arc::new(create(&to)?) })),
            Ok(from) => {
                let mut file = create(&to)?;
                let copied = io::copy(&mut from.take(size_bytes), &mut file).map_err(Error::from)?;
                if copied < size_bytes {
                    return Err(Error::UploadLost);
                }
                Ok(Some(Growing { file: Arc::new(file) }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::metadata(&whole) {
                Ok(found) if found.len() == size_bytes => Ok(None),
                _ => Err(Error::UploadLost),
            },
            Err(error) => Err(named(&from, error)),
        })
        .await
    }

    /// Ends a file: under this name it is never written again, so that the store
    /// can share its bytes.
    pub(super) async fn end(&self, upload: Uuid, writer: Uuid, growing: Growing) -> Result<()> {
        growing.sync().await?;
        let (from, to) = (self.growing(upload, writer), self.whole(upload));
        let folder = self.root.join(INCOMING);
        blocking(move || {
            fs::rename(&from, &to).map_err(|error| lost(&from, error))?;
            sync_folder(&folder)
        })
        .await
    }

    /// Gives a whole file the place of its digest, without moving its bytes.
    pub(super) async fn keep(&self, upload: Uuid, sha256: Digest) -> Result<()> {
        let (whole, to) = (self.whole(upload), self.root.join(place(sha256).as_ref()));
        // Renaming one link of a file onto another does nothing, so that the
        // spare one is removed in any case.
        let spare = self.root.join(INCOMING).join(format!("{upload}.{}", Uuid::now_v7().simple()));
        blocking(move || {
            let Some(folder) = to.parent() else { return Ok(()) };
            create_folder(folder)?;
            fs::hard_link(&whole, &spare).map_err(|error| lost(&whole, error))?;
            let renamed = fs::rename(&spare, &to).map_err(|error| named(&to, error));
            remove(&spare)?;
            renamed?;
            sync_folder(folder)
        })
        .await
    }

    fn growing(&self, upload: Uuid, writer: Uuid) -> PathBuf {
        self.root.join(INCOMING).join(format!("{upload}.{writer}"))
    }

    fn whole(&self, upload: Uuid) -> PathBuf {
        self.root.join(INCOMING).join(upload.to_string())
    }
}

impl Growing {
    pub(super) async fn append(&self, bytes: Bytes) -> Result<()> {
        let file = self.file.clone();
        blocking(move || (&*file).write_all(&bytes).map_err(Error::from)).await
    }

    /// Makes sure that what was appended outlasts a power cut.
    pub(super) async fn sync(&self) -> Result<()> {
        let file = self.file.clone();
        blocking(move || file.sync_data().map_err(Error::from)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(died)?
}

fn create(path: &Path) -> Result<fs::File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| named(path, error))
}

/// Makes a folder, and those above it, so that they outlast a power cut.
fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    create_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(named(folder, error)),
        _ => sync_folder(parent),
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    let synced = fs::File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|error| named(folder, error))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(path, error)),
        _ => Ok(()),
    }
}

/// What has come of an upload is removed when another call ends or cancels it, or
/// its photo is purged.
fn lost(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound { Error::UploadLost } else { named(path, error) }
}

fn named(path: &Path, error: io::Error) -> Error {
    Error::from(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
