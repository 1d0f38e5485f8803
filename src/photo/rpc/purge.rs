//! Removing a photo for good.

use uuid::Uuid;

use crate::{
    auth::Principal,
    db::{Change, Db, Transaction},
    digest::Digest,
    error::{Error, Result},
    photo::{KIND, files::Files, missing, release::release, store},
    telemetry::told,
    wire::Expected,
    workflow,
};

/// The method that all of this answers, for the records.
const METHOD: &str = "PurgePhoto";

/// What lies in the photo store because of a photo.
#[derive(Default)]
pub(super) struct Belongings {
    file: Option<Digest>,
    uploads: Vec<(Uuid, Option<String>)>,
}

/// What lies in the photo store because of a photo.
pub(super) async fn belongings(db: &Db, id: Uuid) -> Result<Belongings> {
    let connection = &mut *db.read().await?;
    let photo = store::find(connection, id).await?;
    let file = photo.and_then(|photo| photo.file).map(|file| file.sha256);
    Ok(Belongings { file, uploads: store::uploads::of_photo(connection, id).await? })
}

/// Removes from the photo store what nothing refers to after a purge.
pub(super) async fn clear(db: &Db, files: &Files, caller: Principal, belongings: Belongings) {
    let cleared = async {
        for (upload, multipart) in &belongings.uploads {
            files.discard(*upload, multipart.as_deref()).await?;
        }
        match belongings.file {
            Some(file) => release(db, files, caller, METHOD, file).await.map(drop),
            None => Ok(()),
        }
    };
    if let Err(error) = cleared.await {
        told::line(|| {
            tracing::warn!(%error, "files of a purged photo are left; VerifyPhotos finds them");
        });
    }
}

/// Removes a deleted photo that nothing uses; its files are removed later.
pub(super) async fn purge(transaction: &mut Transaction, id: Uuid, etag: &Expected) -> Result<()> {
    let connection = transaction.connection();
    let photo = store::lock(connection, id).await?.ok_or_else(|| missing(id))?;
    etag.meet(&photo.name(), photo.version)?;
    if photo.delete_time.is_none() {
        return Err(Error::NotDeletedYet { kind: KIND, name: photo.name() });
    }
    let by = store::all_users(connection, id).await?;
    if !by.is_empty() {
        return Err(Error::InUse { name: photo.name(), by });
    }
    workflow::store::forget(connection, id).await?;
    store::purge(connection, id).await?;
    let before = Some(photo.content_digest);
    transaction.record(Change { resource: photo.name(), kind: "purged", before, after: None });
    Ok(())
}
