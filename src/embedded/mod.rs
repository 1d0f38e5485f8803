//! The embedded Postgres of the quick start and of the tests: a real server of our own, so that Masthead runs where
//! nobody has set up a database. Production gives `--database-url` instead.
//!
//! | file | purpose |
//! |---|---|
//! | `mod.rs` | [`start`], [`attach`], [`Embedded`] |
//! | `error.rs` | what can go wrong, and what to do then |
//! | `cluster.rs` | the folder `<data dir>/postgres`: lock, password, socket, making the cluster |
//! | `log.rs` | the server's log, kept short |
//! | `plan.rs` | the server's parameters and command line |
//! | `access.rs` | how to connect |
//! | `postmaster.rs` | what a running or crashed server says of itself |
//! | `temporary.rs` | the folder of a throw-away server |
//! | `binaries.rs` | finding the server's programs on this machine |
//! | `wheel.rs` | fetching them where there are none |
//! | `process.rs` | children that do not outlive us, and the account that they run under |
//!
//! A start takes the lock of the data directory, finds the programs, makes the cluster unless there is one, waits for
//! the server of an owner that was killed, starts its own and waits until it accepts connections.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::binaries::Unusable;
pub use self::error::Error;
pub use self::wheel::FetchError;

use self::access::{Access, CANNOT_CONNECT_NOW, INVALID_CATALOG_NAME, connect, has_code};
use self::binaries::Places;
use self::cluster::{Home, Lock};
use self::log::Log;
use self::plan::Plan;
use self::process::{POLL, Process};
use self::temporary::Temporary;

mod access;
mod binaries;
mod cluster;
mod error;
mod log;
mod plan;
mod postmaster;
mod process;
mod temporary;
mod wheel;

/// The database that [`start`] makes and that [`Embedded::options`] leads to.
pub const DATABASE: &str = "masthead";

/// A fast shutdown ends sessions, then writes a checkpoint: seconds, on a slow and busy disk more.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// An immediate shutdown writes nothing.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

const LOG_CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// How the embedded server is to run. Made by [`Settings::durable`] or [`Settings::throw_away`], then adjusted.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data live, and how dearly they are held.
    pub storage: Storage,
    /// Whether the server also listens on a random port of the loopback interface, which [`Embedded::tcp_port`] tells.
    /// It always listens on its Unix socket.
    pub tcp: bool,
    /// How many connections the server accepts at once. Each that is open costs it a few megabytes.
    pub connections_max: u16,
    /// How long a start may wait for a killed owner's server to end and for its own to accept connections, which
    /// after a crash includes the replay of the log.
    pub ready_limit: Duration,
}

/// Where the data live, and how dearly they are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In `<data directory>/postgres`, safe against a crash of the machine.
    Durable {
        /// The data directory, made if it is missing. As root, it must not be below a folder that is closed to others.
        data_dir: PathBuf,
    },
    /// In a temporary folder that goes with the server. Fast, because nothing waits for the disk.
    ThrowAway,
}

impl Settings {
    /// For data to keep: 100 connections, no TCP, ready within 60 s.
    #[must_use]
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        let storage = Storage::Durable { data_dir: data_dir.into() };
        Self { storage, tcp: false, connections_max: 100, ready_limit: Duration::from_mins(1) }
    }

    /// For tests: 200 connections, no TCP, ready within 60 s.
    #[must_use]
    pub fn throw_away() -> Self {
        Self { storage: Storage::ThrowAway, connections_max: 200, ..Self::durable("") }
    }

    fn is_durable(&self) -> bool {
        self.storage != Storage::ThrowAway
    }
}

/// A running server that this process owns. Stop it with [`Embedded::stop`]; dropping it only tells the server to
/// stop, and if this process is killed, the kernel does (on Linux).
pub struct Embedded {
    process: Process,
    plan: Plan,
    port: u16,
    log_from: u64,
    log_keeper: JoinHandle<()>,
    _lock: Lock,
    temporary: Option<Temporary>,
}

/// Starts a server and makes the database [`DATABASE`] in it.
///
/// # Errors
///
/// Every [`Error`] but [`Error::Stop`]; [`Error::Owned`] if another process, or this one, owns the data directory.
pub async fn start(settings: &Settings) -> Result<Embedded, Error> {
    let (data_dir, temporary) = match &settings.storage {
        Storage::Durable { data_dir } => (data_dir.clone(), None),
        Storage::ThrowAway => {
            let folder = Temporary::create().map_err(Error::folder(&std::env::temp_dir()))?;
            (folder.path().to_path_buf(), Some(folder))
        }
    };
    let home = Home::prepare(&data_dir)?;
    let lock = home.lock().await?;
    let made_by = home.major()?;
    let places = Places::of_this_machine(home.account);
    let binaries = binaries::find(&places, home.account, made_by).await?;
    if made_by.is_none() {
        home.initialise(&binaries, settings.is_durable()).await?;
    }
    let plan = Plan::new(settings.clone(), home, binaries)?;
    let server = Embedded::launch(plan, lock, temporary).await?;
    server.ensure_database(made_by.is_none()).await?;
    Ok(server)
}

/// The way into the database [`DATABASE`] of a server that another process owns: that of `data_dir`. Nothing if none
/// runs there, or one that does not accept connections yet or any more.
///
/// # Errors
///
/// [`Error::Folder`] if its password may not be read, as by another user; [`Error::Connect`] if it runs and refuses us.
pub async fn attach(data_dir: &Path) -> Result<Option<PgConnectOptions>, Error> {
    let Some(home) = Home::existing(data_dir) else { return Ok(None) };
    let Some(postmaster) = home.postmaster()?.filter(|found| found.ready) else { return Ok(None) };
    let access = Access { password: home.password()?, socket_folder: postmaster.socket_folder };
    let options = access.options(postmaster.port, DATABASE);
    match connect(&options).await {
        Ok(()) => Ok(Some(options)),
        // Nobody listens: what was read is left from a crash.
        Err(sqlx::Error::Io(_)) => Ok(None),
        Err(error) if has_code(&error, CANNOT_CONNECT_NOW) => Ok(None),
        Err(source) => Err(Error::Connect { folder: home.folder().to_path_buf(), source }),
    }
}

impl Embedded {
    async fn launch(plan: Plan, lock: Lock, temporary: Option<Temporary>) -> Result<Self, Error> {
        let deadline = Instant::now() + plan.settings.ready_limit;
        plan.home.await_predecessor(deadline).await?;
        Home::clear_socket_folder(&plan.access.socket_folder);
        let (process, port, log_from) = plan.spawn().await?;
        let log_keeper = tokio::spawn(keep_bounded(plan.home.log()));
        let mut server = Self { process, plan, port, log_from, log_keeper, _lock: lock, temporary };
        while let Err(error) = server.await_ready(deadline).await {
            if !will_pass(&error) || Instant::now() > deadline {
                return Err(error);
            }
            tokio::time::sleep(POLL).await;
            (server.process, server.port, server.log_from) = server.plan.spawn().await?;
        }
        Ok(server)
    }

    /// Postgres tells in `postmaster.pid` when it accepts connections, which costs it less than trying one, and
    /// leaves no refusals in its log.
    async fn await_ready(&self, deadline: Instant) -> Result<(), Error> {
        loop {
            if let Some(status) = self.process.exited() {
                return Err(self.ended_with(status));
            }
            let said = self.plan.home.postmaster()?;
            if said.is_some_and(|said| said.ready && self.process.is(said.process_id)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let limit_seconds = self.plan.settings.ready_limit.as_secs();
                let log = self.plan.home.log().since(self.log_from);
                return Err(Error::NotReady { limit_seconds, log });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// A start may have been cut off between making the cluster and making the database, so an old cluster may lack it.
    async fn ensure_database(&self, fresh: bool) -> Result<(), Error> {
        let made = if fresh { self.create_database().await } else { connect(&self.options()).await };
        let made = match made {
            Err(error) if has_code(&error, INVALID_CATALOG_NAME) => self.create_database().await,
            other => other,
        };
        made.map_err(|source| Error::Connect { folder: self.plan.home.folder().to_path_buf(), source })
    }

    async fn create_database(&self) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options_for("postgres")).await?;
        sqlx::query("CREATE DATABASE masthead").execute(&mut connection).await?;
        connection.close().await
    }

    /// The way into the database [`DATABASE`], by the Unix socket. As the cluster's superuser.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.options_for(DATABASE)
    }

    /// The way into another database of this server; `postgres` always exists, for the making and dropping of others.
    #[must_use]
    pub fn options_for(&self, database: &str) -> PgConnectOptions {
        self.plan.access.options(self.port, database)
    }

    /// The same as a URL that psql takes as well. It holds the password: not for the log.
    #[must_use]
    pub fn url(&self) -> String {
        self.plan.access.url(self.port, DATABASE)
    }

    /// The port on 127.0.0.1, if the settings asked for one.
    #[must_use]
    pub fn tcp_port(&self) -> Option<u16> {
        self.plan.settings.tcp.then_some(self.port)
    }

    /// The id of the server's main process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the server ends by itself, as after a `kill`, and tells how: for a `select!` beside the serving.
    pub async fn ended(&self) -> Error {
        let status = self.process.ended().await;
        self.ended_with(status)
    }

    fn ended_with(&self, status: ExitStatus) -> Error {
        Error::Ended { status, log: self.plan.home.log().since(self.log_from) }
    }

    /// Stops the server: it ends every session, rolls back what is open and writes everything down. Takes at most
    /// about 40 s. A throw-away server is cut short and its data are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`] if it had to be ended by force; [`Error::Ended`] if it had ended before, or ended badly. Either
    /// way it runs no more.
    pub async fn stop(self) -> Result<(), Error> {
        if let Some(status) = self.process.exited() {
            return Err(self.ended_with(status));
        }
        if self.temporary.is_some() {
            return self.quit().await;
        }
        self.process.signal(Signal::INT);
        match self.process.wait(STOP_LIMIT).await {
            Some(status) if status.success() => self.plan.remove_short_socket_folder(),
            Some(status) => return Err(self.ended_with(status)),
            None => {
                self.quit().await?;
                return Err(Error::Stop { limit_seconds: STOP_LIMIT.as_secs() });
            }
        }
        Ok(())
    }

    /// An immediate shutdown, by force at last.
    async fn quit(&self) -> Result<(), Error> {
        self.process.signal(Signal::QUIT);
        if self.process.wait(QUIT_LIMIT).await.is_some() {
            return Ok(());
        }
        self.process.signal(Signal::KILL);
        self.process.ended().await;
        Err(Error::Stop { limit_seconds: QUIT_LIMIT.as_secs() })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.log_keeper.abort();
        if self.temporary.is_some() {
            // The folder is removed next, so the server must be gone by then.
            self.process.signal(Signal::QUIT);
            self.process.wait_blocking(QUIT_LIMIT);
            self.plan.remove_short_socket_folder();
        }
    }
}

impl fmt::Debug for Embedded {
    /// Without the password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Embedded");
        shown
            .field("folder", &self.plan.home.folder())
            .field("process_id", &self.process_id())
            .finish_non_exhaustive()
    }
}

async fn keep_bounded(log: Log) {
    let mut clock = tokio::time::interval(LOG_CHECK_INTERVAL);
    loop {
        clock.tick().await;
        log.bound();
    }
}

/// Whether a failed start is worth another try: the sessions of a killed server take a moment to notice, and a port
/// that was free may have been taken meanwhile.
fn will_pass(error: &Error) -> bool {
    let passing = ["pre-existing shared memory block", "could not create any TCP/IP sockets"];
    matches!(error, Error::Ended { log, .. } if passing.iter().any(|cause| log.contains(cause)))
}
