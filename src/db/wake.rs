//! How the feeds learn that something was committed: by this process at once,
//! by others through Postgres' notifications. Both are hints. Whoever waits for
//! one polls as well, and a hint that is lost costs no more than one period.
//!
//! No write notifies inside its transaction: that takes a lock of the whole
//! database cluster at commit, and writes would queue up behind each other. The
//! one [`Line`] of a process tells the others, outside of all transactions.

use sqlx::postgres::PgListener;

use crate::{
    db::{Connection, Db},
    error::{Error, Result},
};

/// The channel that processes notify each other on.
const CHANNEL: &str = "masthead";

impl Db {
    /// Waits for a commit of this process with changes; returns at once if there
    /// was one since the last call. For one waiter.
    pub async fn committed(&self) {
        self.commits.notified().await;
    }

    /// Opens a connection of its own, beside the pool, that hears of commits of
    /// other processes.
    ///
    /// # Errors
    /// The database does not answer within the time that calls wait.
    pub async fn listen(&self) -> Result<Line> {
        self.pools.opened().await;
        let mut listener = PgListener::connect_with(&self.pools.new_line()).await?;
        // Whoever loses the line must look at the database anew.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let own =
            sqlx::query_scalar!(r#"select pg_backend_pid() as "pid!""#).fetch_one(&mut listener).await?;
        Ok(Line { listener, own: own.unsigned_abs() })
    }
}

/// A connection that hears of commits of other processes, and tells them of
/// ours.
pub struct Line {
    listener: PgListener,
    own: u32,
}

impl Line {
    /// Waits until another process has told of a commit. Hints that have come in
    /// meanwhile count as one. May be given up at any moment.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn heard(&mut self) -> Result<()> {
        loop {
            let heard = self.listener.try_recv().await?.ok_or_else(lost)?;
            if heard.process_id() != self.own {
                while self.listener.next_buffered().is_some() {}
                return Ok(());
            }
        }
    }

    /// Tells the other processes that something was committed.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn tell(&mut self) -> Result<()> {
        sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(&mut self.listener).await?;
        Ok(())
    }

    /// The connection, for reading.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn connection(&mut self) -> Result<&mut Connection> {
        Ok(sqlx::Acquire::acquire(&mut self.listener).await?)
    }
}

fn lost() -> Error {
    Error::from(sqlx::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)))
}
