//! Letting go of files that nothing refers to any more.

use crate::{
    auth::Principal,
    db::{Db, Operation},
    digest::Digest,
    error::Result,
    photo::{files::Files, rendition, store},
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
            files.remove(sha256).await?;
            for key in rendition::store::forget(transaction.connection(), sha256).await? {
                files.remove_rendition(key).await?;
            }
            store::files::delete(transaction.connection(), sha256).await?;
            Ok(true)
        })
    });
    released.await
}
