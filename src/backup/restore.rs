//! Restoring a backup into an empty database and a photo store, and proving that
//! what is there then is what was backed up.
//!
//! Nobody else changes the schema meanwhile, so that a server that is started too
//! early waits. The tables are filled in one transaction: a restore that is cut off
//! leaves an empty database behind, and can be run again.

use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest as _, Sha256};

use crate::{
    activity,
    admin::Role,
    auth::Principal,
    backup::{
        Error, Folder, Result, Watch, check,
        manifest::{Manifest, TableFile},
        photos::{self, died},
        some_of, store,
    },
    config,
    db::{
        Connection, Db,
        schema::{self, Schema},
    },
    digest::Digest,
    photo::{
        files::Files,
        verify::{self, Step, Wrong},
    },
    publication,
};

/// What to do if the backup lacks photos, or has damaged ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Restore nothing.
    Refused,
    /// Restore the rest. It ends with an error all the same, as not all is proven.
    LeftOut,
}

/// Reads a backup through without restoring it.
///
/// # Errors
/// It is not whole, or cannot be read.
pub async fn check(folder: &Folder, watch: Watch<'_>) -> Result<Manifest> {
    let manifest = check::tables(folder).await?;
    let lacking = lacking(folder, &manifest, watch).await?;
    if lacking.is_empty() { Ok(manifest) } else { Err(lacks(&lacking)) }
}

/// Restores a backup, and proves it.
///
/// # Errors
/// The backup is not whole, the database is not empty, or something cannot be read or
/// written: then nothing is restored but photos, if anything. [`Error::NotProven`] if
/// everything is restored and not all of it is as it was.
pub async fn restore(
    db: &Db,
    files: &Files,
    folder: &Folder,
    choice: Lacking,
    watch: Watch<'_>,
) -> Result<Manifest> {
    let manifest = check::tables(folder).await?;
    expect_known(&manifest)?;
    let mut schema = db.schema().await?;
    expect_empty(&mut schema, &manifest).await?;
    let lacking = lacking(folder, &manifest, watch).await?;
    if !lacking.is_empty() && choice == Lacking::Refused {
        return Err(lacks(&lacking));
    }
    put_photos(files, folder, &manifest, &lacking, watch).await?;
    schema.make(&manifest.migrations).await?;
    fill(schema.connection(), folder, &manifest, watch).await?;
    schema.bring_up().await?;
    activity::store::put_in_order(schema.connection()).await?;
    store::analyze(schema.connection()).await?;
    prove_ledger(db, &manifest, watch).await?;
    prove_photos(db, files, watch).await?;
    schema.release().await?;
    Ok(manifest)
}

/// Refuses a backup of a later program.
fn expect_known(manifest: &Manifest) -> Result<()> {
    let known = schema::known();
    match manifest.migrations.iter().find(|migration| !known.contains(migration)) {
        None => Ok(()),
        Some(later) => Err(Error::Refused(format!(
            "the backup was made of a later schema (migration {later}), by version {}; restore it with that \
             version or a later one",
            manifest.program_version
        ))),
    }
}

/// Refuses a database that holds anything.
async fn expect_empty(schema: &mut Schema, manifest: &Manifest) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::Refused(format!(
            "{why}; nothing was restored: give a new, empty database (or another --data-dir), or drop this one \
             and create it anew, if nothing in it is needed"
        )))
    };
    let connection = schema.connection();
    let applied = schema::applied(connection).await?;
    let tables = store::tables(connection).await?;
    if applied.is_empty() {
        return match tables.first() {
            None => Ok(()),
            Some(table) => refuse(format!("the database has a table {} of something else", table.name)),
        };
    }
    if let Some(filled) = store::filled(connection, &tables).await? {
        return refuse(format!("the database is not empty: {filled} has rows"));
    }
    if applied != manifest.migrations {
        return refuse("the database has the schema of another version than the backup".to_owned());
    }
    Ok(())
}

/// The digests of photos that the backup should have, and has not as they were.
async fn lacking(folder: &Folder, manifest: &Manifest, watch: Watch<'_>) -> Result<Vec<String>> {
    let mut lacking = manifest.lost_photos.clone();
    lacking.extend(check::photos(folder, manifest, watch).await?);
    Ok(lacking)
}

fn lacks(photos: &[String]) -> Error {
    let (count, names) = (photos.len(), some_of(photos));
    Error::Damaged(format!("{count} photos are missing or not what was written: {names}"))
}

async fn put_photos(
    files: &Files,
    folder: &Folder,
    manifest: &Manifest,
    lacking: &[String],
    watch: Watch<'_>,
) -> Result<()> {
    let total = manifest.photos.len();
    let wanted = manifest.photos.iter().filter(|file| !lacking.contains(&file.sha256));
    let puts = wanted.map(|file| async move {
        let path = check::photo_path(folder, file)?;
        let sha256 = Digest::from_hex(&file.sha256).unwrap_or(Digest::ZERO);
        if photos::put(files, sha256, file.size_bytes, path).await? {
            Ok(())
        } else {
            Err(Error::Damaged(format!("the photo {sha256} has changed while it was restored")))
        }
    });
    let mut puts = stream::iter(puts).buffer_unordered(config::BACKUP_FILES_AT_A_TIME).enumerate();
    while let Some((index, put)) = puts.next().await {
        put?;
        if index % config::BACKUP_FILES_PROGRESS == 0 {
            watch(index, total, "photos stored");
        }
    }
    Ok(())
}

/// Fills the tables, and reads them back, in one transaction.
async fn fill(
    connection: &mut Connection,
    folder: &Folder,
    manifest: &Manifest,
    watch: Watch<'_>,
) -> Result<()> {
    store::begin(connection).await?;
    for (index, file) in manifest.tables.iter().enumerate() {
        watch(index, manifest.tables.len(), &file.table.name);
        let (mut pieces, reading) = photos::read(folder.table(&manifest.tables_folder, &file.table.name));
        let filled = store::copy_in(connection, &file.table, &mut pieces).await;
        drop(pieces);
        reading.await.map_err(died)??;
        filled?;
    }
    for sequence in &manifest.sequences {
        store::set_sequence(connection, sequence).await?;
    }
    for file in &manifest.tables {
        read_back(connection, file).await?;
    }
    store::commit(connection).await?;
    Ok(())
}

/// Compares what a table says now with what it said when it was backed up.
async fn read_back(connection: &mut Connection, file: &TableFile) -> Result<()> {
    let pieces = store::copy_out(connection, &file.table).await?;
    let digest =
        pieces.try_fold(Sha256::new(), |hasher, piece| async move { Ok(hasher.chain_update(&piece)) });
    let found = Digest::from_bytes(&digest.await?.finalize()).unwrap_or(Digest::ZERO);
    if found.to_string() == file.sha256 {
        return Ok(());
    }
    Err(Error::Damaged(format!(
        "{} says something else once it is read in; nothing was restored",
        file.table.name
    )))
}

/// Walks the restored ledger, which ends as the one did that was backed up.
async fn prove_ledger(db: &Db, manifest: &Manifest, watch: Watch<'_>) -> Result<()> {
    let mut walk = publication::verify::begin(db).await?;
    while walk.end.is_none() {
        let (done, all) = (walk.chain.sequence, walk.head.sequence);
        if done < all {
            watch(done as usize, all as usize, "publications proven");
        }
        walk = walk.go_on(db).await?;
    }
    if let Some(fault) = walk.end.flatten() {
        let name = publication::name(fault.sequence);
        return Err(Error::NotProven(format!("{name}: {}", fault.description)));
    }
    let (sequence, hash) = (walk.chain.sequence, walk.chain.hash.to_string());
    if (sequence, &hash) != (manifest.ledger.sequence, &manifest.ledger.hash) {
        return Err(Error::NotProven(format!(
            "the ledger ends with publications/{sequence} and {hash}, and the backup's with publications/{} and {}",
            manifest.ledger.sequence, manifest.ledger.hash
        )));
    }
    Ok(())
}

/// Reads every photo in the store that something refers to.
async fn prove_photos(db: &Db, files: &Files, watch: Watch<'_>) -> Result<()> {
    let caller = Principal::local("operator", Role::Operator);
    let mut steps = verify::steps(verify::begin(db.clone(), files.clone(), caller, false).await?);
    let mut wrong = Vec::new();
    while let Some(step) = steps.try_next().await? {
        match step {
            Step::Finding(found) if found.wrong != Wrong::Orphaned => wrong.push(found.place),
            Step::Progress(tally) if tally.checked < tally.total => {
                watch(tally.checked as usize, tally.total as usize, "photos proven");
            }
            Step::Finding(_) | Step::Progress(_) | Step::Outcome(_) => {}
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let (count, names) = (wrong.len(), some_of(&wrong));
    Err(Error::NotProven(format!("{count} photos are missing from the store or damaged there: {names}")))
}
