//! What a backup says of itself. It is written last: without it there is no backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    backup::{Error, Result},
    digest::Digest,
};

/// The form of backups that this program writes and reads.
pub const FORMAT: u32 = 1;

/// A backup, as `manifest.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup: [`FORMAT`].
    pub format: u32,
    /// The version of the program that made it.
    pub program_version: String,
    /// The version of the Postgres that it was taken from, for people.
    pub postgres_version: String,
    /// The moment that it shows.
    pub backup_time: DateTime<Utc>,
    /// The numbers of the migrations that its schema is made by.
    pub migrations: Vec<i64>,
    /// Where the ledger ended.
    pub ledger: Head,
    /// The folder of the tables' files.
    pub tables_folder: String,
    /// The tables, each behind those that it refers to.
    pub tables: Vec<TableFile>,
    /// Where counters stood, or a little further.
    pub sequences: Vec<Sequence>,
    /// The originals that photos and publications refer to, by digest.
    pub photos: Vec<PhotoFile>,
    /// Digests of originals that are referred to, and that neither the photo store
    /// nor the backup before had as they were stored.
    pub lost_photos: Vec<String>,
}

/// The end of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The sequence number of the last publication; 0 before the first.
    pub sequence: i64,
    /// Its hash, in hex.
    pub hash: String,
}

/// The rows of a table, as the text form of Postgres' `COPY`, in the order of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// The name of the table.
    pub table: Table,
    /// How many rows.
    pub rows: u64,
    /// The length of the file in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the file, in hex.
    pub sha256: String,
}

/// A table of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, without those that Postgres works out.
    pub columns: Vec<String>,
    /// What its rows are sorted by.
    pub order: Vec<String>,
    /// Whether it always has one row, which comes with the schema.
    pub one_row: bool,
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its name.
    pub name: String,
    /// The last number it gave.
    pub last_number: i64,
}

/// An original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoFile {
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// The file: the manifest under a digest of its own.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    manifest: Manifest,
}

impl Manifest {
    /// Its bytes.
    ///
    /// # Errors
    /// None that is known of.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let sealed = Sealed { sha256: self.digest()?.to_string(), manifest: self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&sealed).map_err(unreadable)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// They are not what was written, or a later program's.
    pub fn decode(bytes: &[u8]) -> Result<Manifest> {
        /// What every form has.
        #[derive(Deserialize)]
        struct Form {
            manifest: FormOnly,
        }
        #[derive(Deserialize)]
        struct FormOnly {
            format: u32,
        }
        let form: Form = serde_json::from_slice(bytes).map_err(unreadable)?;
        if form.manifest.format != FORMAT {
            return Err(Error::Refused(format!(
                "the backup is of form {}, and this version of masthead reads form {FORMAT}; use the version \
                 that made it, or a later one",
                form.manifest.format
            )));
        }
        let sealed: Sealed = serde_json::from_slice(bytes).map_err(unreadable)?;
        if sealed.manifest.digest()?.to_string() != sealed.sha256 {
            return Err(Error::Damaged("manifest.json is not what was written".to_owned()));
        }
        Ok(sealed.manifest)
    }

    fn digest(&self) -> Result<Digest> {
        Ok(Digest::of(&serde_json::to_vec(self).map_err(unreadable)?))
    }

    /// How many bytes all its files have.
    pub fn size_bytes(&self) -> u64 {
        let tables = self.tables.iter().map(|file| file.size_bytes);
        tables.chain(self.photos.iter().map(|file| file.size_bytes)).sum()
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::Damaged(format!("manifest.json cannot be read ({error})"))
}
