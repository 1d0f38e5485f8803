//! Making what reporters are found by where it is missing: of those from before
//! there was a search, and of names that a server of an older version has written.

use crate::{config, db::Db, error::Result, reporter::store};

/// Does so now and then, for as long as the process lives. Several processes may do
/// so on one database.
pub async fn run(db: Db) {
    loop {
        match db.on_line(fill(&db)).await {
            Ok(0) => {}
            Ok(filled) => tracing::info!(filled, "reporters can be found"),
            Err(error) => tracing::warn!(%error, "what reporters are found by could not be made"),
        }
        tokio::time::sleep(config::REPORTER_UPKEEP_PERIOD).await;
    }
}

async fn fill(db: &Db) -> Result<usize> {
    let mut filled = 0;
    loop {
        let mut connection = db.read().await?;
        let entries = store::search::missing(&mut connection, config::REPORTER_UPKEEP_ROWS).await?;
        store::search::write(&mut connection, &entries).await?;
        filled += entries.len();
        if (entries.len() as i64) < config::REPORTER_UPKEEP_ROWS {
            return Ok(filled);
        }
    }
}
