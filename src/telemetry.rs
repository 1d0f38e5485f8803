//! What the service tells its operators: log lines, metrics, and a span around
//! each request with its method, caller, code and duration.

use std::{
    net::SocketAddr,
    task::{Context, Poll},
    time::Instant,
};

use futures::future::BoxFuture;
use http::{Request, Response};
use metrics_exporter_prometheus::PrometheusBuilder;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use crate::error::complete;

/// What is logged of a server unless `RUST_LOG` says otherwise.
pub const SERVING: &str = "warn,masthead=info";

/// What is logged of a command that a person waits for: only what holds it up.
pub const AT_HAND: &str = "warn,masthead::embedded=info";

/// The bounds of histograms of durations, in seconds.
const SECONDS_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3600.0];

/// Starts logging to standard error: what `RUST_LOG` chooses, else `usual`.
pub fn start(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_target(false).with_ansi(console::colors_enabled_stderr());
    // A second start, as tests do it, keeps the first one.
    let _ = lines.try_init();
}

/// Serves metrics for Prometheus on this address, for as long as the process
/// runs.
///
/// # Errors
/// The address is taken or not this machine's, in words.
pub fn serve_metrics(address: SocketAddr) -> Result<(), String> {
    let exporter = PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets(&SECONDS_BUCKETS)
        .and_then(PrometheusBuilder::install);
    exporter.map_err(|error| {
        format!("metrics cannot be served on {address}: {error}; choose another with --metrics-listen")
    })
}

/// Puts a span around each request, and error info on statuses that have none.
#[derive(Clone, Copy, Debug)]
pub struct Requests;

impl<S> Layer<S> for Requests {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner }
    }
}

/// A service in spans.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let span = tracing::info_span!("request", method, person = tracing::field::Empty);
        // The service that was polled ready is the one to call.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let work = async move {
            let start = Instant::now();
            let response = inner.call(request).await?;
            let (response, code) = complete_response(response);
            let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            tracing::debug!(?code, duration_ms, "answered");
            Ok(response)
        };
        Box::pin(work.instrument(span))
    }
}

/// Sees to it that a response that is an error carries error info. Errors of
/// unary calls and refusals stand in the headers.
fn complete_response(response: Response<Body>) -> (Response<Body>, Code) {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            let status = complete(status);
            let code = status.code();
            (status.into_http(), code)
        }
        Some(status) => (response, status.code()),
        None => (response, Code::Ok),
    }
}
