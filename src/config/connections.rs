//! TLS, the limits of connections, and how a server stops.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};

/// Connections that a server has open at once, unless it is set otherwise.
pub const CONNECTIONS_DEFAULT: u32 = 10_000;
/// Connections from one address at once, unless it is set otherwise.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: u32 = 1_000;
/// Calls that one connection has open at once, unless it is set otherwise.
pub const STREAMS_PER_CONNECTION_DEFAULT: u32 = 200;
/// Bytes of the headers of one call, unless it is set otherwise: 16 KiB.
pub const HEADER_BYTES_DEFAULT: u32 = 16 * 1024;
/// Calls that their client has taken back before the server came to them, in one
/// connection, unless it is set otherwise.
pub const RESETS_WAITING_DEFAULT: u32 = 20;
/// Calls that the server has taken back because of faults of their client, in one
/// connection. Past that the connection is ended.
pub const RESETS_FOR_FAULTS_MAX: usize = 1_024;
/// Seconds from the connection to the first bytes of HTTP/2, behind the TLS handshake,
/// unless it is set otherwise.
pub const HANDSHAKE_SECONDS_DEFAULT: u32 = 10;
/// Seconds without an open call after which a connection is closed, unless it is
/// set otherwise: 15 minutes.
pub const CONNECTION_IDLE_SECONDS_DEFAULT: u32 = 15 * 60;
/// Seconds after which a connection takes no new calls, unless it is set
/// otherwise: 4 hours.
pub const CONNECTION_AGE_SECONDS_DEFAULT: u32 = 4 * 3_600;
/// Seconds that calls have to end then, unless it is set otherwise: 10 minutes.
pub const CONNECTION_GRACE_SECONDS_DEFAULT: u32 = 10 * 60;
/// Seconds between two HTTP/2 pings, unless it is set otherwise.
pub const KEEPALIVE_SECONDS_DEFAULT: u32 = 60;
/// Seconds that the answer to a ping may take, unless it is set otherwise.
pub const KEEPALIVE_TIMEOUT_SECONDS_DEFAULT: u32 = 20;
/// Seconds that a client may take nothing off a full connection, unless it is set
/// otherwise.
pub const SEND_STALL_SECONDS_DEFAULT: u32 = 30;
/// Bytes that wait in a call for its client at most, besides one message: 128 KiB. A
/// usual issue goes out at once.
pub const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Bytes that the system holds for a client and has not sent yet, at most: 128 KiB.
/// It also says what a slow client is: one that takes half of this within
/// the time of [`ConnectionSettings::send_stall_seconds`] is not frozen.
pub const SEND_UNSENT_BYTES_MAX: u32 = 128 * 1024;
/// Frames of HTTP/2 in a second that bring neither a call nor a part of a message,
/// from one connection: pings, settings, calls that are taken back, empty data.
/// More are left lying until it is their time.
pub const IDLE_FRAMES_PER_SECOND: u32 = 500;
/// Frames of HTTP/2 in a second that say that a client has taken something in, or
/// bring a few bytes, from one connection. A client that says so for every 16 KiB,
/// once for the call and once for the connection, still gets 40 MB a second.
pub const SMALL_FRAMES_PER_SECOND: u32 = 5_000;
/// Bytes of data up to which a frame is a small one.
pub const SMALL_FRAME_BYTES_MAX: u32 = 16;
/// Bytes of headers in a second, from one connection, as they come: 2 MiB, a
/// thousand calls of a client that compresses nothing. Headers of up to
/// [`SMALL_HEADER_BYTES_MAX`] do not count.
pub const HEADER_BYTES_PER_SECOND: u32 = 2 * 1024 * 1024;
/// Bytes of headers of a call, as they come, up to which they are small: what a client
/// sends that compresses them, for which only the call itself counts.
pub const SMALL_HEADER_BYTES_MAX: u32 = 128;
/// Time by which frames may come before their time: what comes at once is small beside
/// the time that a call of another connection takes.
pub const FRAMES_AHEAD_TIME_MAX: Duration = Duration::from_millis(100);
/// Time that a connection that is being closed may stand still: its client has
/// been told, and does not answer.
pub const CLOSING_QUIET_TIME_MAX: Duration = Duration::from_secs(5);
/// Time in which calls that were ended by the server are answered so, before
/// their connection is cut.
pub const LAST_ANSWERS_TIME: Duration = Duration::from_secs(1);
/// Pause before the next connection is accepted when the system has no room for
/// one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time between two lines of the log about connections that were refused, at
/// least.
pub const REFUSAL_LOG_PERIOD: Duration = Duration::from_secs(60);

/// Bytes of a file of certificates or keys, at most: 1 MiB.
pub const TLS_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How often the files of certificates and keys are read again.
pub const TLS_RELOAD_PERIOD: Duration = Duration::from_secs(2);

/// Seconds that calls in flight have to end after a stop signal, unless it is set
/// otherwise.
pub const DRAIN_SECONDS_DEFAULT: u32 = 20;
/// Seconds that a server serves on after a stop signal where it can be reached
/// from elsewhere, unless it is set otherwise: a balancer that asks for health
/// every few seconds has seen it by then.
pub const DRAIN_PAUSE_SECONDS_DEFAULT: u32 = 5;
/// Time that the database has to give back connections when the process ends.
/// What has not ended then is undone by Postgres, and was answered to nobody.
pub const DATABASE_CLOSE_TIME_MAX: Duration = Duration::from_secs(5);
/// Time that work on files and pictures has to end when the process ends.
pub const PROCESS_END_TIME_MAX: Duration = Duration::from_secs(1);

/// Whom the server proves to be, and who may come without that.
#[derive(Args, Clone, Debug, Default)]
pub struct TlsSettings {
    /// The server's certificate in PEM, followed by those that lead to its
    /// authority. With it, the API is served over TLS and not otherwise. This and
    /// the two files below are read again when they change
    #[arg(long, env = "MASTHEAD_TLS_CERTIFICATE", value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env = "MASTHEAD_TLS_KEY", value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// Certificates in PEM of the authorities that sign those of clients. With it,
    /// a client may show one; one of another authority is refused
    #[arg(long, env = "MASTHEAD_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_certificate")]
    pub tls_client_ca: Option<PathBuf>,

    /// Refuse clients that show no certificate, those that ask for health too;
    /// needs --tls-client-ca
    #[arg(long, env = "MASTHEAD_TLS_CLIENT_REQUIRED", value_parser = BoolishValueParser::new())]
    pub tls_client_required: bool,

    /// Listen beyond this machine without TLS, where something else ends TLS or
    /// the network is one's own; tokens and drafts pass in the clear
    #[arg(long, env = "MASTHEAD_INSECURE_LISTEN", value_parser = BoolishValueParser::new())]
    pub insecure_listen: bool,
}

/// What connections may do.
#[derive(Args, Clone, Copy, Debug)]
pub struct ConnectionSettings {
    /// Connections open at once, at most. One more is closed at once, so that its
    /// client goes to another server instead of waiting
    #[arg(long, env = "MASTHEAD_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = CONNECTIONS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,

    /// Connections from one address at once, at most, where a network of 64 bits
    /// counts as one address of IPv6. Behind a proxy all clients have its address
    #[arg(long, env = "MASTHEAD_CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT",
          default_value_t = CONNECTIONS_PER_ADDRESS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address_max: u32,

    /// Calls and streams that one connection has open at once, at most
    #[arg(long, env = "MASTHEAD_STREAMS_PER_CONNECTION_MAX", value_name = "COUNT",
          default_value_t = STREAMS_PER_CONNECTION_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub streams_per_connection_max: u32,

    /// Bytes of the headers of one call, at most, each counted with 32 more
    /// (RFC 9113 section 6.5.2)
    #[arg(long, env = "MASTHEAD_HEADER_BYTES_MAX", value_name = "BYTES", default_value_t = HEADER_BYTES_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1_024..=1_048_576))]
    pub header_bytes_max: u32,

    /// Calls of one connection that its client has taken back before the server
    /// came to them, at most; then the connection is ended
    #[arg(long, env = "MASTHEAD_RESETS_WAITING_MAX", value_name = "COUNT",
          default_value_t = RESETS_WAITING_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub resets_waiting_max: u32,

    /// Seconds that a connection has for the TLS handshake and the first bytes of
    /// HTTP/2
    #[arg(long, env = "MASTHEAD_HANDSHAKE_SECONDS_MAX", value_name = "SECONDS",
          default_value_t = HANDSHAKE_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub handshake_seconds_max: u32,

    /// Seconds without an open call after which a connection is closed
    #[arg(long, env = "MASTHEAD_CONNECTION_IDLE_SECONDS", value_name = "SECONDS",
          default_value_t = CONNECTION_IDLE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub connection_idle_seconds: u32,

    /// Seconds after which a connection takes no new calls, give or take a tenth,
    /// so that clients spread over servers that were added
    #[arg(long, env = "MASTHEAD_CONNECTION_AGE_SECONDS", value_name = "SECONDS",
          default_value_t = CONNECTION_AGE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=2_592_000))]
    pub connection_age_seconds: u32,

    /// Seconds that calls of such a connection have to end; watches and what else
    /// is open then ends with UNAVAILABLE
    #[arg(long, env = "MASTHEAD_CONNECTION_GRACE_SECONDS", value_name = "SECONDS",
          default_value_t = CONNECTION_GRACE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub connection_grace_seconds: u32,

    /// Seconds between two HTTP/2 pings, which find clients that are gone
    #[arg(long, env = "MASTHEAD_KEEPALIVE_SECONDS", value_name = "SECONDS",
          default_value_t = KEEPALIVE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub keepalive_seconds: u32,

    /// Seconds that the answer to a ping may take
    #[arg(long, env = "MASTHEAD_KEEPALIVE_TIMEOUT_SECONDS", value_name = "SECONDS",
          default_value_t = KEEPALIVE_TIMEOUT_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub keepalive_timeout_seconds: u32,

    /// Seconds that a client may take nothing off a connection that is full; a
    /// client that reads slowly is not meant, one that is frozen is
    #[arg(long, env = "MASTHEAD_SEND_STALL_SECONDS", value_name = "SECONDS",
          default_value_t = SEND_STALL_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub send_stall_seconds: u32,
}

impl Default for ConnectionSettings {
    fn default() -> ConnectionSettings {
        ConnectionSettings {
            connections_max: CONNECTIONS_DEFAULT,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_DEFAULT,
            streams_per_connection_max: STREAMS_PER_CONNECTION_DEFAULT,
            header_bytes_max: HEADER_BYTES_DEFAULT,
            resets_waiting_max: RESETS_WAITING_DEFAULT,
            handshake_seconds_max: HANDSHAKE_SECONDS_DEFAULT,
            connection_idle_seconds: CONNECTION_IDLE_SECONDS_DEFAULT,
            connection_age_seconds: CONNECTION_AGE_SECONDS_DEFAULT,
            connection_grace_seconds: CONNECTION_GRACE_SECONDS_DEFAULT,
            keepalive_seconds: KEEPALIVE_SECONDS_DEFAULT,
            keepalive_timeout_seconds: KEEPALIVE_TIMEOUT_SECONDS_DEFAULT,
            send_stall_seconds: SEND_STALL_SECONDS_DEFAULT,
        }
    }
}

/// How a server stops.
#[derive(Args, Clone, Copy, Debug)]
pub struct StopSettings {
    /// Seconds that the server serves on after a stop signal, with its health at
    /// NOT_SERVING, so that balancers turn away from it first [default: 0 on
    /// loopback, else 5]
    #[arg(long, env = "MASTHEAD_DRAIN_PAUSE_SECONDS", value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(0..=600))]
    pub drain_pause_seconds: Option<u32>,

    /// Seconds that calls in flight then have to end; what is left is ended with
    /// UNAVAILABLE and cut off
    #[arg(long, env = "MASTHEAD_DRAIN_SECONDS", value_name = "SECONDS", default_value_t = DRAIN_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(2..=3_600))]
    pub drain_seconds: u32,
}

impl Default for StopSettings {
    fn default() -> StopSettings {
        StopSettings { drain_pause_seconds: None, drain_seconds: DRAIN_SECONDS_DEFAULT }
    }
}

impl StopSettings {
    /// How long a server that listens here serves on after a stop signal. Nobody
    /// balances over loopback, and people at a terminal wait for it.
    pub fn pause(&self, listening: SocketAddr) -> Duration {
        let usual = if listening.ip().to_canonical().is_loopback() { 0 } else { DRAIN_PAUSE_SECONDS_DEFAULT };
        Duration::from_secs(self.drain_pause_seconds.unwrap_or(usual).into())
    }

    /// How long calls have to end after that.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }
}
