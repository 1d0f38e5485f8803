//! Backups: the database and the photos of an installation in one folder, of one
//! moment, and back.
//!
//! The database is copied table by table, as text, in one transaction that sees one
//! moment; a running server goes on meanwhile. No other program is needed, and a
//! backup of one version of Postgres goes into any other: the schema is not copied
//! but made again by the migrations that the backup names.
//!
//! | file | purpose |
//! |---|---|
//! | `mod.rs` | what can go wrong |
//! | `manifest.rs` | what a backup says of itself |
//! | `folder.rs` | the folder that a backup lies in |
//! | `store.rs` | tables out of the database and into it |
//! | `make.rs` | making a backup |
//! | `check.rs` | reading one to see whether it is whole |
//! | `photos.rs` | photos out of the store and into it |
//! | `restore.rs` | restoring one, and proving that |

pub mod check;
mod folder;
pub mod make;
pub mod manifest;
mod photos;
pub mod restore;
mod store;

use std::{io, path::Path};

use crate::config;
pub use folder::Folder;

/// Why there is no backup, or no restored installation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database or the photo store refused.
    #[error("{}", cause(.0))]
    Service(#[from] crate::error::Error),
    /// A file of the backup cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file or folder.
        path: String,
        /// What the system says.
        cause: io::Error,
    },
    /// It would do harm, or make no sense; with what to do instead.
    #[error("{0}")]
    Refused(String),
    /// The backup is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// What was restored is not what the backup holds.
    #[error("restored, but not proven: {0}")]
    NotProven(String),
    /// The ledger that was backed up is not whole.
    #[error("{0}; nothing was changed in the backup: keep it, and compare the database with it")]
    LedgerBroken(String),
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Is told how far the work has come: steps done, steps in all, and of what.
pub type Watch<'a> = &'a mut (dyn FnMut(usize, usize, &str) + Send);

fn cause(error: &crate::error::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |cause| Error::File { path: path.clone(), cause }
}

/// Some names for a message, and how many more there are.
fn some_of(names: &[String]) -> String {
    let mut shown = names[..names.len().min(config::BACKUP_NAMES_MAX)].join(", ");
    if let Some(more) = names.len().checked_sub(config::BACKUP_NAMES_MAX).filter(|more| *more > 0) {
        shown = format!("{shown} and {more} more");
    }
    shown
}
