//! Forgetting changes whose time is over.

use chrono::{Days, Utc};

use crate::{activity::store, config, db::Db, error::Result};

/// Removes changes past their retention, now and then, for as long as the
/// process lives. Several processes may do so on one database.
pub async fn run(db: Db, retention_days: u32) {
    loop {
        match db.on_line(sweep(&db, retention_days)).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed changes past their retention"),
            Err(error) => tracing::warn!(%error, "old changes could not be removed"),
        }
        tokio::time::sleep(config::CHANGE_SWEEP_PERIOD).await;
    }
}

async fn sweep(db: &Db, retention_days: u32) -> Result<i64> {
    let before = Utc::now() - Days::new(retention_days.into());
    let mut removed = 0;
    loop {
        let batch = store::forget(&mut *db.read().await?, before, config::CHANGE_SWEEP_ROWS).await?;
        removed += batch;
        if batch < config::CHANGE_SWEEP_ROWS {
            return Ok(removed);
        }
    }
}
