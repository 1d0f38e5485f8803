//! The folder that a backup lies in:
//!
//! ```text
//! manifest.json            what the backup is; the only thing that makes it one
//! tables-TIME/NAME.copy    the rows of a table
//! photos/sha256/AB/CDEF…   an original, by its digest
//! lock                     held by whoever works in the folder
//! ```
//!
//! No file is changed once it is there: it is written beside its place, synced to
//! disk and put there whole. So hard links of a folder's files keep an earlier backup.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{
    backup::{Error, Result, at, manifest::Manifest},
    config,
    digest::Digest,
};

const MANIFEST: &str = "manifest.json";
const LOCK: &str = "lock";
const PHOTOS: &str = "photos/sha256";
const TABLES: &str = "tables-";

/// What a file that is being written is called behind its name.
const PARTIAL: &str = "partial";

/// The folder of a backup, which nobody else works in.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Let go of when the process ends, however it does.
    _lock: File,
}

/// A file that is being written; at its place when it is whole.
#[derive(Debug)]
pub struct Writing {
    file: File,
    partial: PathBuf,
    place: PathBuf,
    hasher: Sha256,
    size_bytes: u64,
}

/// A file that has been written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

impl Folder {
    /// Opens a folder to back up to; makes it, for its owner only, if it is not there.
    ///
    /// # Errors
    /// It holds something else, somebody works in it, or it cannot be written.
    pub fn to(root: &Path) -> Result<Folder> {
        create_folder(root)?;
        let folder = Folder::lock(root)?;
        for path in entries(root)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_ours = [MANIFEST, LOCK, "photos"].contains(&name.as_str())
                || name.starts_with(TABLES)
                || name.ends_with(PARTIAL);
            // What a file system puts into each of its roots.
            if !is_ours && name != "lost+found" {
                return Err(Error::Refused(format!(
                    "{} holds {name}, which is of no backup; give an empty folder or that of a backup",
                    root.display()
                )));
            }
        }
        Ok(folder)
    }

    /// Opens the folder of a backup to read it.
    ///
    /// # Errors
    /// There is no backup in it, or somebody works in it.
    pub fn from(root: &Path) -> Result<Folder> {
        if !root.join(MANIFEST).is_file() {
            return Err(Error::Refused(format!(
                "{} holds no backup: there is no {MANIFEST}, which is written when a backup is whole",
                root.display()
            )));
        }
        Folder::lock(root)
    }

    fn lock(root: &Path) -> Result<Folder> {
        let path = root.join(LOCK);
        let writable = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        // A backup on a medium that cannot be written needs no lock.
        let lock = writable.or_else(|_| File::open(root.join(MANIFEST))).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { root: root.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Refused(format!(
                "another backup or restore is at work in {}; wait until it has ended",
                root.display()
            ))),
            Err(fs::TryLockError::Error(cause)) => Err(at(&path)(cause)),
        }
    }

    /// The backup in the folder; none if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        let path = self.root.join(MANIFEST);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(at(&path))?,
        };
        let mut bytes = Vec::new();
        file.take(config::MANIFEST_BYTES_MAX).read_to_end(&mut bytes).map_err(at(&path))?;
        Manifest::decode(&bytes).map(Some)
    }

    /// Makes what lies in the folder the backup that this manifest describes, and
    /// removes what does not belong to it.
    ///
    /// # Errors
    /// The folder cannot be written. The backup is the one before or this one.
    pub fn publish(&self, manifest: &Manifest) -> Result<()> {
        let mut writing = Writing::begin(self.root.join(MANIFEST))?;
        writing.write(&manifest.encode()?)?;
        writing.end()?;
        self.remove_others(manifest)
    }

    /// Removes the tables of backups that came to no end.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn clear(&self, manifest: Option<&Manifest>) -> Result<()> {
        for path in entries(&self.root)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(TABLES) && manifest.is_none_or(|manifest| name != manifest.tables_folder) {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }

    fn remove_others(&self, manifest: &Manifest) -> Result<()> {
        self.clear(Some(manifest))?;
        let kept: HashSet<PathBuf> =
            manifest.photos.iter().filter_map(|file| self.photo(Digest::from_hex(&file.sha256)?)).collect();
        for folder in entries(&self.root.join(PHOTOS))? {
            for file in entries(&folder)? {
                if !kept.contains(&file) {
                    fs::remove_file(&file).map_err(at(&file))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the folder for the tables of a new backup; its name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new_tables(&self, time: chrono::DateTime<chrono::Utc>) -> Result<String> {
        let name = format!("{TABLES}{}", time.format("%Y%m%dT%H%M%S%.6fZ"));
        create_folder(&self.root.join(&name))?;
        Ok(name)
    }

    /// Where the rows of a table lie.
    pub fn table(&self, tables_folder: &str, table: &str) -> PathBuf {
        // Names are quoted where they need be; ours do not.
        self.root.join(tables_folder).join(format!("{}.copy", table.replace(['/', '"'], "_")))
    }

    /// Where an original lies.
    pub fn photo(&self, sha256: Digest) -> Option<PathBuf> {
        let hex = sha256.to_string();
        let (first, rest) = hex.split_at_checked(2)?;
        Some(self.root.join(PHOTOS).join(first).join(rest))
    }
}

impl Writing {
    /// Begins a file for this place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(place: PathBuf) -> Result<Writing> {
        if let Some(folder) = place.parent() {
            create_folder(folder)?;
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(PARTIAL);
        let partial = place.with_file_name(name);
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial);
        let file = opened.map_err(at(&partial))?;
        Ok(Writing { file, partial, place, hasher: Sha256::new(), size_bytes: 0 })
    }

    /// Adds bytes to its end.
    ///
    /// # Errors
    /// It cannot be written, as when the disk is full.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(at(&self.partial))
    }

    /// What has been written so far.
    pub fn facts(&self) -> Facts {
        let sha256 = Digest::from_bytes(&self.hasher.clone().finalize()).unwrap_or(Digest::ZERO);
        Facts { sha256, size_bytes: self.size_bytes }
    }

    /// Puts the file at its place, where it outlasts a power cut.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(self) -> Result<Facts> {
        let facts = self.facts();
        self.file.sync_all().map_err(at(&self.partial))?;
        fs::rename(&self.partial, &self.place).map_err(at(&self.place))?;
        sync_folder_of(&self.place)?;
        Ok(facts)
    }

    /// Gives the file up.
    pub fn discard(self) {
        let _ = fs::remove_file(&self.partial);
    }
}

/// Reads a file to its end, piece by piece; none if it is not there.
///
/// # Errors
/// It cannot be read, or what is done with a piece fails.
pub fn read(path: &Path, mut each: impl FnMut(Bytes) -> Result<()>) -> Result<Option<Facts>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(at(path))?,
    };
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
    loop {
        let mut piece = vec![0; config::BACKUP_PIECE_BYTES];
        let length = file.read(&mut piece).map_err(at(path))?;
        if length == 0 {
            break;
        }
        piece.truncate(length);
        hasher.update(&piece);
        size_bytes += length as u64;
        each(piece.into())?;
    }
    Ok(Some(Facts { sha256: Digest::from_bytes(&hasher.finalize()).unwrap_or(Digest::ZERO), size_bytes }))
}

/// Makes a folder for its owner only, and those above it, so that they outlast a
/// power cut.
fn create_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(folder)(error)),
        _ => sync_folder_of(folder),
    }
}

fn sync_folder_of(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(at(folder))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => {
            let found = found.map_err(at(folder))?;
            found.map(|entry| Ok(entry.map_err(at(folder))?.path())).collect()
        }
    }
}
