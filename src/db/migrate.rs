//! Waiting for a database that is away until its schema is that of this program, and
//! locks that hold over all processes.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::{Instant, timeout};

use super::{Db, pool::away};
use crate::{
    config::database,
    error::{Error, Result},
};

/// Holds a lock of [`Db::try_lock`].
#[derive(Debug)]
pub struct Lock {
    _connection: PgConnection,
}

impl Db {
    /// A lock that one holder at a time has, over all processes, until it is dropped;
    /// none while another has it.
    pub async fn try_lock(&self, key: i64) -> Result<Option<Lock>> {
        // Beside the pools: the lock belongs to the connection.
        let mut connection = self.connect().await?;
        let locked =
            sqlx::query_scalar!("select pg_try_advisory_lock($1)", key).fetch_one(&mut connection).await?;
        Ok((locked == Some(true)).then_some(Lock { _connection: connection }))
    }

    /// A connection beside the pools.
    pub(super) async fn connect(&self) -> Result<PgConnection> {
        let options = self.pools.options();
        let connecting = timeout(self.pools.wait, options.connect());
        Ok(connecting.await.map_err(|_| away())??)
    }

    /// Migrates a database that may be away, which is waited for so long.
    ///
    /// # Errors
    /// The database is still away, or the schema cannot be brought up to date.
    pub async fn migrate_within(&self, wait: Duration) -> Result<()> {
        let end = Instant::now() + wait;
        loop {
            match self.migrate().await {
                Err(error @ Error::DatabaseUnavailable(_)) if Instant::now() < end => {
                    tracing::debug!(%error, "the database cannot be migrated yet");
                    tokio::time::sleep(database::PREPARE_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The same database, which nobody is let into before [`Db::prepare`] has been
    /// through: calls are answered as if it were away.
    pub fn closed(self) -> Db {
        self.pools.set_open(false);
        self
    }

    /// Brings the schema up to date, or waits until somebody else has, however long the
    /// database is away, and lets callers in.
    ///
    /// # Errors
    /// The schema cannot be brought up to date, or the database refuses.
    pub async fn prepare(&self, skip_migrations: bool) -> Result<()> {
        let mut logged: Option<Instant> = None;
        loop {
            let ready = if skip_migrations { self.await_schema().await } else { self.migrate().await };
            match ready {
                Ok(()) => break,
                Err(Error::DatabaseUnavailable(cause)) => {
                    if logged.is_none_or(|logged| logged.elapsed() >= database::AWAY_LOG_PERIOD) {
                        tracing::warn!(%cause, "the database is not there yet; waiting for it");
                        logged = Some(Instant::now());
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(database::PREPARE_PAUSE).await;
        }
        self.pools.set_open(true);
        Ok(())
    }
}
