//! What can go wrong with the embedded Postgres, and what to do then.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::binaries::{Binaries, Unusable};
use super::wheel::FetchError;

/// Why the embedded Postgres cannot be used. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder of the data directory failed.
    #[error("{} cannot be used ({source}): see to its permissions and the disk, or choose another data directory",
        path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Root's server runs under another account, which cannot get into the data directory.
    #[error("as root, Postgres runs under an unprivileged account, which may not enter {}: choose a data directory \
        outside it in place of {}, or open it with `chmod a+x`", barred.display(), data_dir.display())]
    Barred {
        /// The data directory.
        data_dir: PathBuf,
        /// The folder on the way to it that is closed.
        barred: PathBuf,
    },
    /// Root needs another account for the server, and this system has none.
    #[error(
        "Postgres does not run as root, and there is no account `postgres` or `nobody` to run it under: add one, \
        run masthead as another user, or give --database-url"
    )]
    NoAccount,
    /// Another process owns the data directory.
    #[error("{} is in use by {}: stop that first, or choose another data directory", folder.display(),
        owner.map_or_else(|| "another process".to_owned(), |id| format!("process {id}")))]
    Owned {
        /// The folder in use.
        folder: PathBuf,
        /// The process id of the owner, if it is known.
        owner: Option<u32>,
    },
    /// `MASTHEAD_PG_BIN` is set, and of no use.
    #[error("MASTHEAD_PG_BIN names {}, but {source}: let it name the folder of initdb and postgres, or unset it",
        folder.display())]
    NamedBinaries {
        /// What it names.
        folder: PathBuf,
        /// What is wrong with it.
        source: Unusable,
    },
    /// This machine has no Postgres, and none could be fetched.
    #[error(
        "no Postgres 15 to 18 is on this machine and none could be fetched ({0}): install one (`apt install \
        postgresql`), or give --database-url"
    )]
    NoBinaries(#[source] FetchError),
    /// The cluster was made by a version that was not found.
    #[error(
        "the data were made by Postgres {needed}, which was not found: install it (`apt install \
        postgresql-{needed}`), or let MASTHEAD_PG_BIN name its folder"
    )]
    OtherVersion {
        /// The major version that is needed.
        needed: u32,
    },
    /// One of the programs could not be started.
    #[error("{} cannot be started ({source}): see to it, or let MASTHEAD_PG_BIN name another Postgres",
        program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// initdb failed or took too long.
    #[error("the database could not be made, see to what initdb said and start again: {log}")]
    Initdb {
        /// The last lines of its log.
        log: String,
    },
    /// The server of an owner that was killed does not end.
    #[error(
        "the Postgres of an earlier run is still shutting down: wait for process {process_id} to end, or end it \
        with `kill -QUIT {process_id}`"
    )]
    Predecessor {
        /// Its process id.
        process_id: i32,
    },
    /// The server ended by itself.
    #[error("the embedded Postgres ended by itself ({status}), see to what it said and start again: {log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The server does not accept connections.
    #[error("the embedded Postgres was not ready within {limit_seconds} s, see to what it said: {log}")]
    NotReady {
        /// How long it was given.
        limit_seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// The server runs, but a connection to it failed.
    #[error("the embedded Postgres in {} refuses us, see to its server.log: {source}", folder.display())]
    Connect {
        /// The folder that holds the log.
        folder: PathBuf,
        /// What sqlx said.
        source: sqlx::Error,
    },
    /// The server had to be stopped by force. Nothing that was committed is lost; the next start recovers.
    #[error(
        "the embedded Postgres did not stop within {limit_seconds} s and was ended by force: the next start will \
        take longer"
    )]
    Stop {
        /// How long it was given.
        limit_seconds: u64,
    },
}

impl Error {
    pub(super) fn folder(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Folder { path: path.to_path_buf(), source }
    }

    pub(super) fn program(binaries: &Binaries, name: &str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Program { program: binaries.folder.join(name), source }
    }
}
