//! Forgetting what the audit has kept for long enough.

use chrono::{Days, Utc};

use crate::{audit::store, config, db::Db, error::Result};

/// Removes rows past their retention, now and then, for as long as the process lives.
/// Several processes may do so on one database.
pub async fn run(db: Db, retention_days: u32) {
    loop {
        match db.on_line(sweep(&db, retention_days)).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed rows of the audit past their retention"),
            Err(error) => tracing::warn!(%error, "old rows of the audit could not be removed"),
        }
        tokio::time::sleep(config::AUDIT_SWEEP_PERIOD).await;
    }
}

async fn sweep(db: &Db, retention_days: u32) -> Result<i64> {
    let before = Utc::now() - Days::new(retention_days.into());
    let mut removed = 0;
    loop {
        let batch = store::forget(&mut *db.read().await?, before, config::AUDIT_SWEEP_ROWS).await?;
        removed += batch;
        if batch < config::AUDIT_SWEEP_ROWS {
            return Ok(removed);
        }
    }
}
