//! The log: lines on standard error, for people or for machines.

use std::env;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, filter::Targets, layer::Filter, registry::LookupSpan};

use crate::config::LogFormat;

/// Writes lines of this format: what `RUST_LOG` chooses, else `usual`.
pub(super) fn lines<S>(usual: &str, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let told = env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let chosen = if EnvFilter::builder().parse(&told).is_ok() && !told.is_empty() { &told } else { usual };
    // `EnvFilter` looks each span up by its id whenever it is entered or left, in case one
    // of its directives is about spans. Few are.
    match chosen.parse::<Targets>() {
        Ok(targets) if !chosen.contains('[') => chosen_lines(targets, format),
        _ => chosen_lines(EnvFilter::new(chosen), format),
    }
}

fn chosen_lines<S, F>(chosen: F, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    F: Filter<S> + Send + Sync + 'static,
{
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
