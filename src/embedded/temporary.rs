//! The folder of a throw-away server.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cluster::random_hex;
use super::process::we_are_root;

/// A temporary data directory, removed when dropped.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    const PREFIX: &str = "masthead-throw-away-";

    /// Younger ones may belong to a process that has not locked them yet.
    const LEFTOVER_AGE: Duration = Duration::from_mins(1);

    pub(super) fn create() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        Self::remove_leftovers(&parent);
        let folder = parent.join(format!("{}{}", Self::PREFIX, random_hex::<6>()?));
        let mode = if we_are_root() { 0o711 } else { 0o700 };
        DirBuilder::new().mode(mode).create(&folder)?;
        // Whatever the umask is.
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A process that was killed, or that ended without dropping its server, leaves its folder behind.
    fn remove_leftovers(parent: &Path) {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(Self::PREFIX) && Self::is_leftover(&entry) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn is_leftover(entry: &fs::DirEntry) -> bool {
        // Of the entry itself, not of what a link leads to.
        let Ok(facts) = entry.metadata() else { return false };
        let old = facts
            .modified()
            .ok()
            .and_then(|time| time.elapsed().ok())
            .is_some_and(|age| age > Self::LEFTOVER_AGE);
        let ours = facts.is_dir() && facts.uid() == rustix::process::geteuid().as_raw();
        let lock = || File::open(entry.path().join("postgres/lock"));
        ours && old && lock().is_ok_and(|lock| lock.try_lock().is_ok())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "a temporary folder stays behind");
        }
    }
}
