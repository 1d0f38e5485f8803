//! What the service tells its operators: one line of the log for each failure, a
//! span for each call with its caller, code and duration, metrics, and whether it
//! lives and is ready.
//!
//! [`requests`] sees every call at the boundary; it writes to [`logs`] what was [`told`]
//! of it, counts in [`metrics`] and belongs to a trace ([`traces`]). [`http`]
//! serves metrics and health on a port of their own.

pub mod http;
mod logs;
pub mod metrics;
pub mod process;
pub mod requests;
pub mod told;
pub mod traces;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{TelemetrySettings, telemetry::SPAN_FLUSH_TIME_MAX};

pub use requests::REQUEST_ID;

/// What is logged of a server unless `RUST_LOG` says otherwise. Of h2 only errors, as it
/// warns of each thing that a client does wrong: whoever attacks would fill the log.
pub const SERVING: &str = "warn,h2=error,masthead=info";

/// What is logged of a command that a person waits for: only what holds it up.
pub const AT_HAND: &str = "warn,masthead::embedded=info";

/// The log and the traces of a process, from [`start`] to [`Telemetry::end`].
#[derive(Debug)]
pub struct Telemetry {
    spans: SdkTracerProvider,
}

/// Starts the log, on standard error, and the traces. What `RUST_LOG` chooses is
/// logged, else `usual`. To be called within the runtime that the process works in.
///
/// # Errors
/// The endpoint for traces cannot be one, in words.
pub fn start(usual: &str, settings: &TelemetrySettings) -> Result<Telemetry, String> {
    let spans = traces::provider(settings.otlp_endpoint.as_deref())?;
    let lines = logs::lines(usual, settings.log_format);
    let subscriber = tracing_subscriber::registry()
        .with(lines)
        .with(traces::layer(&spans, settings.otlp_endpoint.is_some()));
    // A second start, as tests do it, keeps the first one.
    if subscriber.try_init().is_ok() {
        told::note_panics();
    }
    Ok(Telemetry { spans })
}

impl Telemetry {
    /// Sends what was not sent yet, but does not wait long for it.
    pub async fn end(self) {
        let ending = move || self.spans.shutdown_with_timeout(SPAN_FLUSH_TIME_MAX);
        // That the collector is away has been said already.
        let _ = tokio::task::spawn_blocking(ending).await;
    }
}
