//! How a server tells what it does: the log, metrics, traces.

use std::{fmt, net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};

/// How often gauges are brought up to date that cost nothing to read.
pub const GAUGE_PERIOD: Duration = Duration::from_secs(1);
/// How often the database is asked for what gauges show.
pub const STORED_GAUGE_PERIOD: Duration = Duration::from_secs(5);
/// How often histograms are put in order, so that they do not grow while nobody
/// looks.
pub const METRICS_UPKEEP_PERIOD: Duration = Duration::from_secs(5);
/// Connections to the metrics port that are open at once.
pub const METRICS_CONNECTIONS_MAX: usize = 32;
/// Time for a connection to the metrics port to send the headers of its request.
pub const METRICS_HEADERS_TIME_MAX: Duration = Duration::from_secs(2);
/// Time of a connection to the metrics port in all: whoever has not taken the answer
/// then is cut off.
pub const METRICS_CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// Time for one batch of spans to be taken by the collector.
pub const SPAN_EXPORT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time for the last spans to be taken by the collector when the server ends.
pub const SPAN_FLUSH_TIME_MAX: Duration = Duration::from_secs(3);
/// How often the photo store is probed.
pub const PHOTO_STORE_PROBE_PERIOD: Duration = Duration::from_secs(10);
/// Time for the photo store to answer a probe.
pub const PHOTO_STORE_PROBE_TIME_MAX: Duration = Duration::from_secs(5);

/// How lines of the log look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people: one line each, in colour on a terminal
    #[default]
    Pretty,
    /// For machines: one JSON object a line
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            LogFormat::Pretty => "pretty",
            LogFormat::Json => "json",
        })
    }
}

/// How a server tells what it does.
#[derive(Args, Clone, Debug, Default)]
pub struct TelemetrySettings {
    /// How lines of the log look, which goes to standard error; what is logged,
    /// RUST_LOG chooses
    #[arg(long, env = "MASTHEAD_LOG_FORMAT", value_name = "FORMAT", value_enum,
          default_value_t = LogFormat::Pretty)]
    pub log_format: LogFormat,

    /// Address and port on which to serve, as plain HTTP, metrics for Prometheus under
    /// /metrics, and whether the server lives and is ready under /livez and /readyz;
    /// port 0 takes a free one [default: not served]
    #[arg(long, env = "MASTHEAD_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// OpenTelemetry collector to send a span of each call to, by OTLP over gRPC, as
    /// http://HOST:4317 [default: none are sent]
    #[arg(long, env = "MASTHEAD_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}
