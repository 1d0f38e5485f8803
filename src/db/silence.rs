//! A line that has gone dead without a word: packets are swallowed, and nothing
//! says so. Postgres' own time limits do not reach over such a line, and the
//! sockets of sqlx 0.9.0 cannot be told how long to wait for an acknowledgement.
//! So one connection is probed all the time. If it stays silent while a new one
//! is answered, the old lines are dead: whatever waits on one is given up, and the
//! sessions at their other end are told to end, as what they have locked would stay
//! so and Postgres takes them for patient. By then others may have gone on over lines
//! that were opened after the fault; they are left alone.

use std::{future::Future, time::Instant};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    config::database,
    db::{Db, pool::away},
    error::Result,
};

/// Hears that lines have gone dead which were there when it was made.
#[derive(Clone, Debug)]
pub struct Silence {
    dead_before: watch::Receiver<Option<Instant>>,
    since: Instant,
}

impl From<watch::Receiver<Option<Instant>>> for Silence {
    fn from(dead_before: watch::Receiver<Option<Instant>>) -> Silence {
        Silence { dead_before, since: Instant::now() }
    }
}

impl Silence {
    /// Waits until those lines are known to be dead. What has begun after they died has
    /// another, which answered.
    pub async fn found(&mut self) {
        while self.dead_before.changed().await.is_ok() {
            if self.dead_before.borrow_and_update().is_some_and(|before| self.since < before) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Tells again and again whether the database answers.
#[derive(Debug)]
pub struct Probe {
    db: Db,
    connection: Option<PgConnection>,
    /// Lines from before this are dead, if a new one is answered.
    dead_before: Option<Instant>,
    /// Whether callers had been let in at the last look.
    was_open: bool,
}

impl Probe {
    pub(super) fn new(db: Db) -> Probe {
        Probe { db, connection: None, dead_before: None, was_open: false }
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

    async fn look_again(&mut self, mut old: PgConnection) -> bool {
        let begin = Instant::now();
        match timeout(database::PROBE_SILENCE_MAX, old.ping()).await {
            Ok(Ok(())) => {
                self.connection = Some(old);
                return true;
            }
            // The line says that it is broken, to whoever else has one, too.
            Ok(Err(_)) => return self.look_anew().await,
            Err(_) => {}
        }
        let anew = async {
            let reached = self.reach().await;
            if matches!(reached, Reached::There(_)) {
                sleep(database::SILENCE_GRACE).await;
            }
            reached
        };
        // The database may just be slow, or a packet lost: then the old line is not much
        // behind a new one.
        let reached = tokio::select! {
            biased;
            late = old.ping() => match late {
                Ok(()) => {
                    self.connection = Some(old);
                    return true;
                }
                Err(_) => return self.look_anew().await,
            },
            reached = anew => reached,
        };
        self.heard_nothing(begin);
        self.take(reached).await
    }

    async fn look_anew(&mut self) -> bool {
        let reached = self.reach().await;
        self.take(reached).await
    }

    /// Notes that there was no answer to what was tried from this time on: a line that was
    /// opened later, but for the time that a good answer takes, is one from after the fault.
    fn heard_nothing(&mut self, begin: Instant) {
        let before = begin + database::CONNECTION_TEST_TIME_MAX;
        self.dead_before = self.dead_before.max(Some(before));
    }

    /// Tries to reach the database over a new connection.
    async fn reach(&self) -> Reached {
        let begin = Instant::now();
        let options = self.db.pools.options().application_name("masthead probe");
        match timeout(database::PROBE_CONNECT_TIME_MAX, options.connect()).await {
            Ok(Ok(connection)) => Reached::There(connection),
            Ok(Err(_)) => Reached::Refused,
            Err(_) => Reached::Nothing(begin),
        }
    }

    async fn take(&mut self, reached: Reached) -> bool {
        match reached {
            Reached::There(mut connection) => {
                if let Some(before) = self.dead_before.take() {
                    tracing::warn!("lines to the database had gone dead without a word; they are given up");
                    self.db.pools.died(before);
                    // What is left, Postgres ends by its limits.
                    match end_older(&mut connection, &self.db.pools.name, before).await {
                        Ok(0) => {}
                        Ok(sessions) => tracing::info!(sessions, "ended the sessions of dead lines"),
                        Err(error) => tracing::warn!(%error, "the sessions of dead lines are left"),
                    }
                }
                self.connection = Some(connection);
                true
            }
            Reached::Refused => false,
            Reached::Nothing(begin) => {
                self.heard_nothing(begin);
                false
            }
        }
    }
}

/// What comes of a new connection.
enum Reached {
    There(PgConnection),
    /// A word, if no good one.
    Refused,
    /// Silence, since then.
    Nothing(Instant),
}

/// Ends the sessions of this name that have got nothing to do since this time; how many.
async fn end_older(connection: &mut PgConnection, name: &str, before: Instant) -> Result<i64> {
    let ended = sqlx::query_scalar!(
        r#"select count(*) filter (where pg_terminate_backend(pid)) as "ended!" from pg_stat_activity
         where application_name = $1 and usename = current_user
           and coalesce(query_start, backend_start) < clock_timestamp() - make_interval(secs => $2)"#,
        name,
        before.elapsed().as_secs_f64()
    );
    timeout(database::PROBE_CONNECT_TIME_MAX, ended.fetch_one(connection))
        .await
        .map_err(|_| away())?
        .map_err(Into::into)
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
