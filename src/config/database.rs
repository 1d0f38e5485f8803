//! How a server uses its database: connections, and how long anything may take.

use std::time::Duration;

use clap::Args;

/// Connections to the database for calls.
pub const CONNECTIONS_DEFAULT: u32 = 16;
/// Of the connections for calls, the part that reads cannot take from writes, nor
/// writes from reads; at least one connection.
pub const CONNECTIONS_KEPT_PART: u32 = 4;
/// Connections beside those for calls, for what a server does by itself: looking
/// up credentials and publishing at the appointed time.
pub const HOUSE_CONNECTIONS: u32 = 4;
/// Milliseconds that a call waits for a connection.
pub const WAIT_MS_DEFAULT: u32 = 3_000;
/// Seconds of one statement.
pub const STATEMENT_SECONDS_DEFAULT: u32 = 30;
/// Seconds that a statement waits for what another transaction holds.
pub const LOCK_SECONDS_DEFAULT: u32 = 10;
/// Seconds between two statements of a transaction.
pub const TRANSACTION_PAUSE_SECONDS_DEFAULT: u32 = 3;
/// Minutes that a connection is used.
pub const CONNECTION_MINUTES_DEFAULT: u32 = 30;
/// Minutes that a connection is kept without being used.
pub const IDLE_MINUTES_DEFAULT: u32 = 10;
/// Time for an idle connection to answer before it is used, and for one that is
/// given back to end what it was doing; past that it is thrown away.
pub const CONNECTION_TEST_TIME_MAX: Duration = Duration::from_millis(500);
/// Queries that one loader has under way at once, at most.
pub const LOADER_QUERIES_MAX: usize = 2;
/// What a query of a loader may take until a second one is begun beside it. Two at once
/// answer as many, but each fewer, and so more often: that takes processors longer than it
/// fills the time of waiting.
pub const LOADER_QUERY_TIME_USUAL: Duration = Duration::from_millis(20);
/// How long a loader keeps a connection that it has read with, in case somebody comes.
pub const LOADER_LINGER_TIME: Duration = Duration::from_millis(5);
/// How long a loader keeps a connection that it always has something to read with. Then it
/// waits for one like others, and one that is too old is replaced.
pub const LOADER_CONNECTION_TIME_MAX: Duration = Duration::from_secs(1);
/// Rows that one query of a loader reads, at most.
pub const LOADER_ROWS_MAX: usize = 100;
/// Callers that wait for one loader, at most; one more is told to come again.
pub const LOADER_WAITING_MAX: usize = 10_000;
/// How often Postgres looks, while it runs a statement, whether the server that
/// sent it still listens, in milliseconds.
pub const ABANDONED_CHECK_MS: u32 = 500;
/// How often a transaction that waits for something else than the database says that
/// it is still there; below the least pause that can be set.
pub const SIGN_OF_LIFE_PERIOD: Duration = Duration::from_millis(300);
/// Seconds for which a line may be quiet until Postgres asks whether anyone is there, and
/// between two such questions.
pub const KEEPALIVE_IDLE_SECONDS: u32 = 2;
/// See [`KEEPALIVE_IDLE_SECONDS`].
pub const KEEPALIVE_INTERVAL_SECONDS: u32 = 1;
/// Such questions without an answer until Postgres ends the session.
pub const KEEPALIVE_COUNT: u32 = 3;
/// How often the database is probed while it is away.
pub const PROBE_PERIOD_AWAY: Duration = Duration::from_millis(500);
/// Time of a probe's connection to answer before a new one is tried beside it.
pub const PROBE_SILENCE_MAX: Duration = Duration::from_secs(1);
/// Time to open the connection of a probe.
pub const PROBE_CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// Time for which a line must stay silent while a new one is answered, until all lines
/// are given up.
pub const SILENCE_GRACE: Duration = Duration::from_secs(1);
/// Pause between two tries of a server to prepare a database that is away.
pub const PREPARE_PAUSE: Duration = Duration::from_millis(500);
/// Time between two lines of the log that say that the database is still away.
pub const AWAY_LOG_PERIOD: Duration = Duration::from_secs(15);
/// Seconds that `masthead migrate` waits for a database that is away.
pub const MIGRATE_WAIT_SECONDS_DEFAULT: u32 = 30;

/// How a server uses its database.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Connections to the database for calls, at most; reads leave a quarter of
    /// them to writes, and writes to reads. A server takes up to 7 more for itself
    #[arg(id = "database_connections_max", long = "database-connections-max", env = "MASTHEAD_DATABASE_CONNECTIONS_MAX", value_name = "COUNT",
          default_value_t = CONNECTIONS_DEFAULT, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub connections_max: u32,

    /// Milliseconds that a call waits for a connection before it is answered with
    /// UNAVAILABLE
    #[arg(long = "database-wait-ms", env = "MASTHEAD_DATABASE_WAIT_MS", value_name = "MILLISECONDS",
          default_value_t = WAIT_MS_DEFAULT, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub wait_ms: u32,

    /// Seconds that one statement may take in the database
    #[arg(long = "database-statement-seconds-max", env = "MASTHEAD_DATABASE_STATEMENT_SECONDS_MAX",
          value_name = "SECONDS", default_value_t = STATEMENT_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub statement_seconds_max: u32,

    /// Seconds that a write waits for another that holds what it needs
    #[arg(long = "database-lock-seconds-max", env = "MASTHEAD_DATABASE_LOCK_SECONDS_MAX",
          value_name = "SECONDS", default_value_t = LOCK_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub lock_seconds_max: u32,

    /// Seconds between two statements of a transaction until Postgres ends it, and
    /// so the longest that a server which was cut off holds up others
    #[arg(long = "database-transaction-pause-seconds-max", value_name = "SECONDS",
          env = "MASTHEAD_DATABASE_TRANSACTION_PAUSE_SECONDS_MAX",
          default_value_t = TRANSACTION_PAUSE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub transaction_pause_seconds_max: u32,

    /// Minutes after which a connection is replaced, so that servers spread over
    /// the machines behind one address again
    #[arg(long = "database-connection-minutes-max", env = "MASTHEAD_DATABASE_CONNECTION_MINUTES_MAX",
          value_name = "MINUTES", default_value_t = CONNECTION_MINUTES_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub connection_minutes_max: u32,

    /// Minutes after which a connection that nothing uses is closed
    #[arg(long = "database-idle-minutes-max", env = "MASTHEAD_DATABASE_IDLE_MINUTES_MAX",
          value_name = "MINUTES", default_value_t = IDLE_MINUTES_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub idle_minutes_max: u32,
}

impl Default for DatabaseSettings {
    fn default() -> DatabaseSettings {
        DatabaseSettings {
            connections_max: CONNECTIONS_DEFAULT,
            wait_ms: WAIT_MS_DEFAULT,
            statement_seconds_max: STATEMENT_SECONDS_DEFAULT,
            lock_seconds_max: LOCK_SECONDS_DEFAULT,
            transaction_pause_seconds_max: TRANSACTION_PAUSE_SECONDS_DEFAULT,
            connection_minutes_max: CONNECTION_MINUTES_DEFAULT,
            idle_minutes_max: IDLE_MINUTES_DEFAULT,
        }
    }
}

impl DatabaseSettings {
    /// The usual settings with so many connections for calls.
    pub fn with_connections(connections_max: u32) -> DatabaseSettings {
        DatabaseSettings { connections_max, ..DatabaseSettings::default() }
    }

    /// How long a call waits for a connection.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.into())
    }

    /// Connections that reads may have at once, and as many writes: all but those
    /// kept for the others.
    pub fn share(&self) -> u32 {
        let kept = (self.connections_max / CONNECTIONS_KEPT_PART).max(1);
        self.connections_max.saturating_sub(kept).max(1)
    }
}
