//! Giving up uploads that nobody continues.

use chrono::Utc;

use crate::{
    config,
    db::Db,
    error::Result,
    photo::{files::Files, store},
};

/// Removes uploads past their time, now and then, for as long as the process
/// lives. Several processes may do so on one database.
pub async fn run(db: Db, files: Files) {
    loop {
        match db.on_line(sweep(&db, &files)).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that were not continued"),
            Err(error) => tracing::warn!(%error, "old uploads could not be removed"),
        }
        tokio::time::sleep(config::UPLOAD_SWEEP_PERIOD).await;
    }
}

/// Removes uploads past their time, with what has come of them; how many.
///
/// # Errors
/// The database or the photo store is away.
pub async fn sweep(db: &Db, files: &Files) -> Result<usize> {
    let mut removed = 0;
    loop {
        let connection = &mut *db.read().await?;
        let expired = store::uploads::expired(connection, Utc::now(), config::UPLOAD_SWEEP_ROWS).await?;
        for (id, multipart) in &expired {
            // The row last: it is what finds the rest again.
            files.discard(*id, multipart.as_deref()).await?;
            store::uploads::delete(connection, *id).await?;
        }
        removed += expired.len();
        if expired.is_empty() {
            return Ok(removed);
        }
    }
}
