//! Letting go of files that nothing refers to any more. What is removed for good stands in
//! the audit.

use crate::{
    auth::Principal,
    db::{Db, Operation, Trace, holding_open},
    digest::Digest,
    error::Result,
    photo::{
        files::{Files, Place},
        rendition, store,
    },
};

/// Removes a file and its renditions from the photo store if nothing refers to it;
/// whether it did.
/// Its row is held meanwhile, so that whoever begins to refer to it waits, finds
/// the file gone, and stores it again.
///
/// # Errors
/// The database or the photo store is away.
pub async fn release(
    db: &Db,
    files: &Files,
    caller: Principal,
    method: &'static str,
    sha256: Digest,
) -> Result<bool> {
    let operation = Operation { caller, method, request: None, validate_only: false };
    let files = files.clone();
    let released = db.write(operation, move |transaction| {
        let files = files.clone();
        Box::pin(async move {
            let now = transaction.now();
            if store::files::seize(transaction.connection(), sha256, now).await? {
                return Ok(false);
            }
            let keys = rendition::store::forget(transaction.connection(), sha256).await?;
            let removed = async {
                files.remove(sha256).await?;
                for key in keys {
                    files.remove_rendition(key).await?;
                }
                Ok(())
            };
            holding_open(transaction.connection(), removed).await?;
            store::files::delete(transaction.connection(), sha256).await?;
            let resource = Place::Original(sha256).to_string();
            transaction.leave_trace(Trace { resource, before: Some(sha256), after: None });
            Ok(true)
        })
    });
    released.await
}

/// Removes what lies in the photo store and was never an original: a rendition of none,
/// or a part of an upload that nobody knows. Anything else stays.
///
/// # Errors
/// The database or the photo store is away.
pub async fn clear_away(
    db: &Db,
    files: &Files,
    caller: Principal,
    method: &'static str,
    place: Place,
) -> Result<()> {
    let operation = Operation { caller, method, request: None, validate_only: false };
    let files = files.clone();
    let cleared = db.write(operation, move |transaction| {
        let (files, place) = (files.clone(), place.clone());
        Box::pin(async move {
            let connection = transaction.connection();
            match &place {
                Place::Rendition(key) => holding_open(connection, files.remove_rendition(*key)).await?,
                Place::Incoming(upload) => holding_open(connection, files.discard(*upload, None)).await?,
                Place::Original(_) | Place::Foreign(_) => return Ok(()),
            }
            transaction.leave_trace(Trace { resource: place.to_string(), before: None, after: None });
            Ok(())
        })
    });
    cleared.await
}
