//! Reading a backup to see whether it is whole: every file, by its digest.

use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

use crate::{
    backup::{
        Error, Folder, Result, Watch, folder,
        folder::Facts,
        manifest::{Manifest, PhotoFile},
        photos::died,
    },
    config,
    digest::Digest,
};

/// The backup in a folder, whose tables are all as they were written.
///
/// # Errors
/// There is none, or its manifest or a table's file is not what was written.
pub async fn tables(folder: &Folder) -> Result<Manifest> {
    let no_backup = || Error::Damaged("manifest.json is not there".to_owned());
    let manifest = folder.manifest()?.ok_or_else(no_backup)?;
    tables_of(folder, &manifest).await?;
    Ok(manifest)
}

/// Reads the tables of a backup, which must be as they were written.
pub(super) async fn tables_of(folder: &Folder, manifest: &Manifest) -> Result<()> {
    for file in &manifest.tables {
        let path = folder.table(&manifest.tables_folder, &file.table.name);
        if !is_as_written(&path, &file.sha256, file.size_bytes).await? {
            return Err(Error::Damaged(format!("{} is missing or not what was written", path.display())));
        }
    }
    Ok(())
}

/// The photos of a backup that are not as they were written, by digest.
///
/// # Errors
/// A file cannot be read.
pub async fn photos(folder: &Folder, manifest: &Manifest, watch: Watch<'_>) -> Result<Vec<String>> {
    let total = manifest.photos.len();
    let looks = manifest.photos.iter().map(|file| {
        let path = photo_path(folder, file);
        async move {
            let is_right = is_as_written(&path?, &file.sha256, file.size_bytes).await?;
            Ok::<_, Error>((!is_right).then(|| file.sha256.clone()))
        }
    });
    let mut looks = stream::iter(looks).buffered(config::BACKUP_FILES_AT_A_TIME).enumerate();
    let mut damaged = Vec::new();
    while let Some((index, found)) = looks.next().await {
        damaged.extend(found?);
        if index % config::BACKUP_FILES_PROGRESS == 0 {
            watch(index, total, "photos read");
        }
    }
    Ok(damaged)
}

/// Where a photo of a backup lies.
pub(super) fn photo_path(folder: &Folder, file: &PhotoFile) -> Result<PathBuf> {
    let path = Digest::from_hex(&file.sha256).and_then(|sha256| folder.photo(sha256));
    path.ok_or_else(|| Error::Damaged(format!("manifest.json names a photo {:?}", file.sha256)))
}

/// Whether a file is there as it was written.
async fn is_as_written(path: &Path, sha256: &str, size_bytes: u64) -> Result<bool> {
    let path = path.to_owned();
    let found = spawn_blocking(move || folder::read(&path, |_| Ok(()))).await.map_err(died)??;
    let wanted = Digest::from_hex(sha256).map(|sha256| Facts { sha256, size_bytes });
    Ok(found.is_some() && found == wanted)
}
