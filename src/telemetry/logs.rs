//! The log: lines on standard error, for people or for machines.

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, registry::LookupSpan};

use crate::config::LogFormat;

/// Writes lines of this format: what `RUST_LOG` chooses, else `usual`.
pub(super) fn lines<S>(usual: &str, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Pretty => {
            let lines = lines.with_target(false).with_ansi(console::colors_enabled_stderr());
            lines.with_filter(chosen).boxed()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.with_filter(chosen).boxed()
        }
    }
}
