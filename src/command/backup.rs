//! `masthead backup` and `masthead restore`.

use std::{error::Error, path::PathBuf};

use clap::Args;
use masthead::{
    backup::{self, Folder, make::Present, manifest::Manifest, restore::Lacking},
    config::DataSettings,
    installation::Database,
    photo::files::Files,
    terminal::Progress,
};

type Done = Result<(), Box<dyn Error>>;

/// `backup`.
#[derive(Args)]
pub struct Backup {
    /// Folder to back up to; made if it is not there. It holds one backup, the newest
    #[arg(long, env = "MASTHEAD_BACKUP_DIR", value_name = "FOLDER")]
    to: PathBuf,
    /// Do not read photos that the folder has already, if they have their length: much
    /// quicker, and blind to files that have rotted
    #[arg(long)]
    trust_present: bool,
    #[command(flatten)]
    data: DataSettings,
}

/// `restore`.
#[derive(Args)]
pub struct Restore {
    /// Folder of the backup
    #[arg(long, env = "MASTHEAD_BACKUP_DIR", value_name = "FOLDER")]
    from: PathBuf,
    /// Read the backup through and say whether it is whole; restore nothing
    #[arg(long)]
    check: bool,
    /// Restore what there is although the backup lacks photos or has damaged ones; ends
    /// with status 1 all the same
    #[arg(long, conflicts_with = "check")]
    without_lacking_photos: bool,
    #[command(flatten)]
    data: DataSettings,
}

/// Makes a backup.
///
/// # Errors
/// What is in the way, in words; or what the backup lacks.
pub async fn backup(settings: Backup) -> Done {
    let folder = Folder::to(&std::path::absolute(&settings.to)?)?;
    let present = if settings.trust_present { Present::Trusted } else { Present::Read };
    let files = Files::open(settings.data.photo_store()).await?;
    let database = Database::open(&settings.data).await?;
    let made = {
        let progress = Progress::begin("backing up");
        let watch = &mut |done, all, what: &str| progress.step(done, all, what);
        backup::make::make(&database.db, &files, &folder, present, watch).await
    };
    database.close().await?;
    let manifest = made?;
    say("backed up", &manifest);
    match manifest.lost_photos.len() {
        0 => Ok(()),
        lost => Err(format!(
            "the backup is made, but {lost} photos are in use and not in the photo store as they were stored: {}; \
             AdminService/VerifyPhotos tells where they are used",
            manifest.lost_photos.join(", ")
        )
        .into()),
    }
}

/// Restores a backup, or reads it through.
///
/// # Errors
/// What is in the way, in words; or what is not as it was.
pub async fn restore(settings: Restore) -> Done {
    let folder = Folder::from(&std::path::absolute(&settings.from)?)?;
    if settings.check {
        let checked = {
            let progress = Progress::begin("reading the backup");
            let watch = &mut |done, all, what: &str| progress.step(done, all, what);
            backup::restore::check(&folder, watch).await
        };
        say("whole", &checked?);
        return Ok(());
    }
    let lacking = if settings.without_lacking_photos { Lacking::LeftOut } else { Lacking::Refused };
    let files = Files::open(settings.data.photo_store()).await?;
    let database = Database::open(&settings.data).await?;
    let restored = {
        let progress = Progress::begin("restoring");
        let watch = &mut |done, all, what: &str| progress.step(done, all, what);
        backup::restore::restore(&database.db, &files, &folder, lacking, watch).await
    };
    database.close().await?;
    say("restored and proven", &restored?);
    eprintln!(
        "access tokens are valid as they were then: revoke again what was revoked since (`masthead token list`)"
    );
    Ok(())
}

/// What there is now, on one line; the hash, kept elsewhere, proves the ledger later.
fn say(what: &str, manifest: &Manifest) {
    let rows: u64 = manifest.tables.iter().map(|file| file.rows).sum();
    println!(
        "{what}: {rows} rows of {} tables and {} photos, {} bytes, as of {}; {} publications, the hash of the last \
         one is {}",
        manifest.tables.len(),
        manifest.photos.len(),
        manifest.size_bytes(),
        manifest.backup_time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        manifest.ledger.sequence,
        manifest.ledger.hash
    );
}
