//! The connections of a server, and who may have how many of them.
//!
//! Calls share one pool. Reads leave a part of it to writes, and writes to reads,
//! so that neither waits behind the other when it is stuck. What the server does
//! by itself has connections of its own: those of the house
//! ([`Db::house`](super::Db::house)), of the probe and of the feeds.
//!
//! Whoever gets a [`Lease`] may drop it at any moment. A connection that was in
//! the middle of something is then thrown away, and Postgres, which looks from
//! time to time whether anyone still listens, ends what it was doing.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    config::{DatabaseSettings, database},
    db::{
        connections::{self, waited},
        silence::Silence,
    },
    deadline::{Deadline, Hold},
    error::{Error, Result},
};

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// All connections of a server but that of the probe.
#[derive(Debug)]
pub(super) struct Pools {
    calls: PgPool,
    house: PgPool,
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    /// How long a call waits for a connection.
    pub(super) wait: Duration,
    /// Whether the schema is known to be that of this program.
    opened: watch::Sender<bool>,
    /// Connections that were opened before this have gone dead.
    dead_before: watch::Sender<Option<Instant>>,
    /// What these sessions are called in Postgres, and no others.
    pub(super) name: String,
    /// That of the connection of the feeds, which hears and does not query.
    line: Mutex<Option<PgPool>>,
}

/// A connection for as long as it is needed.
#[derive(Debug)]
pub struct Lease {
    connection: PoolConnection<Postgres>,
    /// Whether a transaction is open, or may be.
    is_open: bool,
    permit: Option<OwnedSemaphorePermit>,
    /// Tells the call that it has a connection in its hands.
    _hold: Option<Hold>,
}

/// What every session of a server is told.
pub(super) fn session(options: PgConnectOptions, settings: &DatabaseSettings) -> PgConnectOptions {
    let seconds = |seconds: u32| format!("{seconds}s");
    options.options([
        ("statement_timeout", seconds(settings.statement_seconds_max)),
        ("lock_timeout", seconds(settings.lock_seconds_max)),
        ("idle_in_transaction_session_timeout", seconds(settings.transaction_pause_seconds_max)),
        ("client_connection_check_interval", database::ABANDONED_CHECK_MS.to_string()),
        // A server that is cut off leaves no sessions behind: no time limit of Postgres 15
        // or 16 is for one that has run a statement and waits for the end of its message.
        ("tcp_keepalives_idle", database::KEEPALIVE_IDLE_SECONDS.to_string()),
        ("tcp_keepalives_interval", database::KEEPALIVE_INTERVAL_SECONDS.to_string()),
        ("tcp_keepalives_count", database::KEEPALIVE_COUNT.to_string()),
        ("timezone", "UTC".to_owned()),
        // Compiling a statement takes longer than any of these runs.
        ("jit", "off".to_owned()),
    ])
}

fn pool(
    options: PgConnectOptions,
    settings: &DatabaseSettings,
    connections_max: u32,
    dead_before: watch::Receiver<Option<Instant>>,
) -> PgPool {
    let minutes = |minutes: u32| Duration::from_mins(minutes.into());
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(settings.wait())
        .max_lifetime(minutes(settings.connection_minutes_max))
        .idle_timeout(minutes(settings.idle_minutes_max))
        // The pool's own test waits for a dead line as long as the caller does.
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let is_dead = dead_before.borrow().is_some_and(|before| before.elapsed() < meta.age);
            Box::pin(async move { Ok(!is_dead && answers(connection).await) })
        })
        .connect_lazy_with(options)
}

/// Whether a connection answers in time.
async fn answers(connection: &mut PgConnection) -> bool {
    matches!(timeout(database::CONNECTION_TEST_TIME_MAX, connection.ping()).await, Ok(Ok(())))
}

impl Pools {
    pub(super) fn new(options: PgConnectOptions, settings: &DatabaseSettings) -> Pools {
        connections::describe_metrics();
        let share = || Arc::new(Semaphore::new(settings.share() as usize));
        let dead_before = watch::Sender::new(None);
        // Short enough for Postgres, which takes 63 bytes.
        let name = format!("masthead {}", Uuid::now_v7().simple());
        let options = options.application_name(&name);
        Pools {
            calls: pool(options.clone(), settings, settings.connections_max, dead_before.subscribe()),
            house: pool(options, settings, database::HOUSE_CONNECTIONS, dead_before.subscribe()),
            reads: share(),
            writes: share(),
            wait: settings.wait(),
            opened: watch::Sender::new(true),
            dead_before,
            name,
            line: Mutex::default(),
        }
    }

    /// A connection of those for calls.
    pub(super) async fn for_call(&self, purpose: Purpose) -> Result<Lease> {
        let share = match purpose {
            Purpose::Read => &self.reads,
            Purpose::Write => &self.writes,
        };
        self.lease(&self.calls, Some(share.clone())).await
    }

    /// A connection of the house.
    pub(super) async fn for_house(&self) -> Result<Lease> {
        self.lease(&self.house, None).await
    }

    async fn lease(&self, pool: &PgPool, share: Option<Arc<Semaphore>>) -> Result<Lease> {
        let lease = async {
            self.opened().await;
            let permit = match share {
                // It is never closed.
                Some(share) => share.acquire_owned().await.ok(),
                None => None,
            };
            // In a task of its own: a pool that is left while it tests or opens a
            // connection throws it away, and so many calls that are taken back would
            // leave none for the others.
            let pool = pool.clone();
            let acquiring = async move { pool.acquire().await.map(|connection| (connection, permit)) };
            let acquired = tokio::spawn(acquiring).await;
            let (connection, permit) =
                acquired.map_err(|died| Error::Internal(format!("a pool died: {died}")))??;
            let hold = Deadline::current().map(Hold::new);
            Ok(Lease { connection, is_open: false, permit, _hold: hold })
        };
        waited(async { timeout(self.wait, lease).await.unwrap_or_else(|_| Err(away())) }).await
    }

    /// Waits until the schema is known to be that of this program.
    pub(super) async fn opened(&self) {
        let mut opened = self.opened.subscribe();
        // The sender is here.
        let _ = opened.wait_for(|opened| *opened).await;
    }

    pub(super) fn is_open(&self) -> bool {
        *self.opened.borrow()
    }

    pub(super) fn set_open(&self, opened: bool) {
        self.opened.send_replace(opened);
    }

    /// Those for calls.
    pub(super) fn calls(&self) -> &PgPool {
        &self.calls
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.calls.connect_options()).clone()
    }

    pub(super) fn silence(&self) -> Silence {
        Silence::from(self.dead_before.subscribe())
    }

    /// Notes that connections which were opened before this time have gone dead.
    pub(super) fn died(&self, before: Instant) {
        self.dead_before.send_replace(Some(before));
    }

    /// A pool of its own for the connection of the feeds, instead of the one before.
    pub(super) fn new_line(&self) -> PgPool {
        // Mending a history takes longer than a request may.
        let options = self.options().application_name("masthead feed").options([("statement_timeout", "0")]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.wait)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        *self.line() = Some(pool.clone());
        pool
    }

    fn line(&self) -> MutexGuard<'_, Option<PgPool>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn close(&self) {
        let line = self.line().take();
        let line = async {
            if let Some(line) = line {
                // One that has gone dead never says that its session has ended.
                let _ = timeout(database::CONNECTION_TEST_TIME_MAX, line.close()).await;
            }
        };
        tokio::join!(self.calls.close(), self.house.close(), line);
    }
}

impl Lease {
    /// Opens a transaction with this statement. A lease that is dropped before the
    /// transaction has ended takes its connection with it.
    pub(super) async fn begin(&mut self, statement: &'static str) -> Result<()> {
        self.is_open = true;
        sqlx::raw_sql(statement).execute(&mut *self.connection).await?;
        Ok(())
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        let committed = sqlx::raw_sql("commit").execute(&mut *self.connection).await;
        // Postgres has answered, and so has ended it one way or the other.
        self.is_open = !matches!(committed, Ok(_) | Err(sqlx::Error::Database(_)));
        committed?;
        Ok(())
    }

    pub(super) async fn rollback(mut self) -> Result<()> {
        sqlx::raw_sql("rollback").execute(&mut *self.connection).await?;
        self.is_open = false;
        Ok(())
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_open {
            self.connection.close_on_drop();
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        // The pool waits for what the connection is in the middle of, if it is. Not
        // for long: when the waiting is given up, the connection is closed.
        let (release, permit) = (self.connection.return_to_pool(), self.permit.take());
        runtime.spawn(async move {
            let _permit = permit;
            let _ = timeout(database::CONNECTION_TEST_TIME_MAX, release).await;
        });
    }
}

/// The database is away, or all connections are in use.
pub(crate) fn away() -> Error {
    Error::from(sqlx::Error::PoolTimedOut)
}
