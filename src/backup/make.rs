//! Making a backup: the tables in one view of the database, then the photos that
//! these tables refer to, then the proof, then the manifest.

use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::spawn_blocking;

use crate::{
    backup::{
        Error, Folder, Result, Watch, check,
        folder::{self, Facts, Writing},
        manifest::{FORMAT, Head, Manifest, PhotoFile, Table, TableFile},
        photos::{self, died},
        store,
    },
    config,
    db::{Connection, Db, schema},
    digest::Digest,
    photo::{files::Files, store::files::used},
    publication,
};

/// Whether photos that the folder has from an earlier backup are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// Read, and copied again if they are not right.
    Read,
    /// Taken for right if they have their length.
    Trusted,
}

/// What became of a photo.
enum Copied {
    /// It is in the backup.
    There(PhotoFile),
    /// Neither the store nor the backup has it as it was stored.
    Lost(Digest),
    /// It was purged after the view of the database was taken.
    Purged,
}

/// Makes a backup in a folder, in place of the one that is there. A server on the same
/// database goes on meanwhile.
///
/// # Errors
/// The database, the photo store or the folder cannot be used; the folder has a
/// backup of another history; the ledger is not whole. Then the folder has the backup
/// that it had before.
pub async fn make(
    db: &Db,
    files: &Files,
    folder: &Folder,
    present: Present,
    watch: Watch<'_>,
) -> Result<Manifest> {
    let before = folder.manifest()?;
    let mut round = 1;
    loop {
        folder.clear(before.as_ref())?;
        let mut taken = take(db, folder, before.as_ref(), watch).await?;
        if copy_photos(db, files, folder, &mut taken, present, watch).await? {
            prove(db, folder, &taken).await?;
            folder.publish(&taken)?;
            return Ok(taken);
        }
        if round == config::BACKUP_ROUNDS_MAX {
            return Err(Error::Refused(format!(
                "photos were purged while they were copied, {round} times; run the backup again when no photos \
                 are being purged"
            )));
        }
        round += 1;
    }
}

/// Writes out the tables as they are at one moment.
async fn take(db: &Db, folder: &Folder, before: Option<&Manifest>, watch: Watch<'_>) -> Result<Manifest> {
    // A migration in between would change tables under the view, and whoever waits to
    // change one holds up all others that use it.
    let mut schema = db.schema().await?;
    let connection = schema.connection();
    store::begin_view(connection).await?;
    let backup_time = Utc::now();
    let migrations = schema::applied(connection).await?;
    if migrations.is_empty() {
        return Err(Error::Refused("the database has no schema; there is nothing to back up".to_owned()));
    }
    let (chain, _) = publication::store::head(connection).await?;
    if let Some(before) = before {
        expect_same_history(connection, before).await?;
    }
    let tables_folder = folder.new_tables(backup_time)?;
    let tables = store::tables(connection).await?;
    let mut written = Vec::with_capacity(tables.len());
    for (index, table) in tables.iter().enumerate() {
        watch(index, tables.len(), &table.name);
        written.push(write_table(connection, folder, &tables_folder, table).await?);
    }
    let photos = store::photos(connection).await?;
    let manifest = Manifest {
        format: FORMAT,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        postgres_version: store::postgres_version(connection).await?,
        backup_time,
        migrations,
        ledger: Head { sequence: chain.sequence, hash: chain.hash.to_string() },
        tables_folder,
        tables: written,
        sequences: store::sequences(connection).await?,
        photos: photos
            .into_iter()
            .map(|(sha256, size)| PhotoFile { sha256: sha256.to_string(), size_bytes: size.unsigned_abs() })
            .collect(),
        lost_photos: Vec::new(),
    };
    store::commit(connection).await?;
    schema.release().await?;
    Ok(manifest)
}

/// A backup takes the place of an earlier one of the same newsroom only: the last
/// publication of that one is still in the ledger.
async fn expect_same_history(connection: &mut Connection, before: &Manifest) -> Result<()> {
    let Head { sequence, hash } = &before.ledger;
    if *sequence == 0 || store::hash_of(connection, *sequence).await?.as_ref() == Some(hash) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the folder has a backup of another history: its publications/{sequence} is not in this ledger; give \
         another folder, or make sure that this is the right database"
    )))
}

async fn write_table(
    connection: &mut Connection,
    folder: &Folder,
    tables_folder: &str,
    table: &Table,
) -> Result<TableFile> {
    let mut writing = Writing::begin(folder.table(tables_folder, &table.name))?;
    let (mut rows, mut waiting) = (0, Vec::new());
    let mut pieces = store::copy_out(connection, table).await?;
    while let Some(piece) = pieces.try_next().await? {
        // Each row ends with one; within a row they are written as \n.
        rows += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        waiting.extend_from_slice(&piece);
        // A piece is a row: too little to go to another thread for.
        if waiting.len() >= config::BACKUP_PIECE_BYTES {
            let full = std::mem::take(&mut waiting);
            writing =
                spawn_blocking(move || writing.write(&full).map(|()| writing)).await.map_err(died)??;
        }
    }
    let ending = spawn_blocking(move || writing.write(&waiting).and_then(|()| writing.end()));
    let Facts { sha256, size_bytes } = ending.await.map_err(died)??;
    Ok(TableFile { table: table.clone(), rows, size_bytes, sha256: sha256.to_string() })
}

/// Copies the photos that are not there yet; whether the tables that were written out
/// are still good.
async fn copy_photos(
    db: &Db,
    files: &Files,
    folder: &Folder,
    taken: &mut Manifest,
    present: Present,
    watch: Watch<'_>,
) -> Result<bool> {
    let wanted = std::mem::take(&mut taken.photos);
    let total = wanted.len();
    let copies = wanted.into_iter().map(|file| copy_photo(db, files, folder, file, present));
    let mut copies = stream::iter(copies).buffered(config::BACKUP_FILES_AT_A_TIME).enumerate();
    while let Some((index, copied)) = copies.next().await {
        match copied? {
            Copied::There(file) => taken.photos.push(file),
            Copied::Lost(sha256) => taken.lost_photos.push(sha256.to_string()),
            Copied::Purged => return Ok(false),
        }
        if index % config::BACKUP_FILES_PROGRESS == 0 {
            watch(index, total, "photos copied");
        }
    }
    Ok(true)
}

async fn copy_photo(
    db: &Db,
    files: &Files,
    folder: &Folder,
    file: PhotoFile,
    present: Present,
) -> Result<Copied> {
    let path = check::photo_path(folder, &file)?;
    let sha256 = Digest::from_hex(&file.sha256).unwrap_or(Digest::ZERO);
    let (there, size_bytes) = (path.clone(), file.size_bytes);
    let looking = spawn_blocking(move || match present {
        Present::Trusted => Ok(there.metadata().is_ok_and(|found| found.len() == size_bytes)),
        Present::Read => {
            let found = folder::read(&there, |_| Ok(()))?;
            Ok::<_, Error>(found == Some(Facts { sha256, size_bytes }))
        }
    });
    if looking.await.map_err(died)?? || photos::fetch(files, sha256, file.size_bytes, path).await? {
        return Ok(Copied::There(file));
    }
    // A file goes when nothing refers to it any more, so that a photo that is in the
    // tables has been purged since; or else the store has lost it.
    let still = used(&mut *db.read().await?, &[sha256]).await?;
    Ok(if still.is_empty() { Copied::Purged } else { Copied::Lost(sha256) })
}

/// Proves the ledger up to where the backup's ends, and reads the tables' files back.
async fn prove(db: &Db, folder: &Folder, taken: &Manifest) -> Result<()> {
    let mut walk = publication::verify::begin(db).await?;
    while walk.end.is_none() {
        walk = walk.go_on(db).await?;
    }
    if let Some(fault) = walk.end.flatten() {
        let name = publication::name(fault.sequence);
        return Err(Error::LedgerBroken(format!("{name}: {}", fault.description)));
    }
    let Head { sequence, hash } = &taken.ledger;
    if *sequence > 0 {
        let found = store::hash_of(&mut *db.read().await?, *sequence).await?;
        if found.as_ref() != Some(hash) {
            return Err(Error::LedgerBroken("the ledger has changed while it was backed up".to_owned()));
        }
    }
    check::tables_of(folder, taken).await
}
