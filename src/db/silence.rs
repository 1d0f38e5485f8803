//! A line that has gone dead without a word: packets are swallowed, and nothing
//! says so. Postgres' own time limits do not reach over such a line, and the
//! sockets of sqlx 0.9.0 cannot be told how long to wait for an acknowledgement.
//! So one connection is probed all the time. If it stays silent while a new one
//! is answered, the old lines are dead, and whatever waits on one is given up.

use std::future::Future;

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::{sync::watch, time::timeout};

use crate::{
    config::database,
    db::{Db, pool::away},
    error::Result,
};

/// Hears that lines have gone dead since it was made.
#[derive(Clone, Debug)]
pub struct Silence {
    times: watch::Receiver<u64>,
}

impl From<watch::Receiver<u64>> for Silence {
    fn from(times: watch::Receiver<u64>) -> Silence {
        Silence { times }
    }
}

impl Silence {
    /// Waits until lines are known to be dead. What is only held up has had time to
    /// be answered by then.
    pub async fn found(&mut self) {
        if self.times.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(database::SILENCE_GRACE).await;
    }
}

/// Tells again and again whether the database answers.
#[derive(Debug)]
pub struct Probe {
    db: Db,
    connection: Option<PgConnection>,
    /// Whether the last connection ended in silence.
    was_silent: bool,
    /// Whether callers had been let in at the last look.
    was_open: bool,
}

impl Probe {
    pub(super) fn new(db: Db) -> Probe {
        Probe { db, connection: None, was_silent: false, was_open: false }
    }

    /// Waits until the next look, after one with this outcome; no longer than until
    /// callers are let in.
    pub async fn rest(&mut self, healthy: bool) {
        let pause = if healthy { crate::config::HEALTH_PROBE_PERIOD } else { database::PROBE_PERIOD_AWAY };
        let is_awaited = !self.was_open;
        let waited = timeout(pause, async {
            match is_awaited {
                true => self.db.pools.opened().await,
                false => std::future::pending().await,
            }
        });
        // Whether it was opened, the next look sees.
        let _ = waited.await;
    }

    /// Whether the database answers and has the schema of this program.
    pub async fn look(&mut self) -> bool {
        let answers = match self.connection.take() {
            Some(connection) => self.look_again(connection).await,
            None => self.look_anew().await,
        };
        self.was_open = self.db.pools.is_open();
        answers && self.was_open
    }

    async fn look_again(&mut self, mut connection: PgConnection) -> bool {
        let first = timeout(database::PROBE_SILENCE_MAX, connection.ping()).await;
        match first {
            Ok(Ok(())) => {
                self.connection = Some(connection);
                return true;
            }
            // The line says that it is broken, to whoever else has one, too.
            Ok(Err(_)) => return self.look_anew().await,
            Err(_) => self.was_silent = true,
        }
        // The database may just be slow: then the old line is not behind a new one.
        let answers_late = tokio::select! {
            biased;
            late = connection.ping() => late.is_ok(),
            answers = self.look_anew() => return answers,
        };
        self.was_silent = false;
        self.connection = answers_late.then_some(connection);
        answers_late
    }

    async fn look_anew(&mut self) -> bool {
        let options = self.db.pools.options().application_name("masthead probe");
        match timeout(database::PROBE_CONNECT_TIME_MAX, options.connect()).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                if std::mem::take(&mut self.was_silent) {
                    tracing::warn!("lines to the database had gone dead without a word; they are given up");
                    self.db.pools.silences.send_modify(|times| *times += 1);
                }
                true
            }
            // A word, if no good one.
            Ok(Err(_)) => false,
            Err(_) => {
                self.was_silent = true;
                false
            }
        }
    }
}

impl Db {
    /// What tells whether the database answers, over a connection of its own.
    pub fn probe(&self) -> Probe {
        Probe::new(self.clone())
    }

    /// Hears of dead lines from now on.
    pub fn silence(&self) -> Silence {
        self.pools.silence()
    }

    /// Does some work over connections, and gives it up if they turn out to be
    /// dead. The work may end at any point.
    ///
    /// # Errors
    /// Those of the work, and that the database is not available.
    pub async fn on_line<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut silence = self.silence();
        tokio::select! {
            biased;
            done = work => done,
            () = silence.found() => Err(away()),
        }
    }
}
