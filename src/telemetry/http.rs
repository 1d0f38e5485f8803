//! The port for machines that watch: metrics under `/metrics`, whether the process
//! lives under `/livez`, whether it is ready for calls under `/readyz`. Plain HTTP.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

use super::{metrics, process};
use crate::{
    config::telemetry::{
        METRICS_CONNECTION_TIME_MAX, METRICS_CONNECTIONS_MAX, METRICS_HEADERS_TIME_MAX, METRICS_UPKEEP_PERIOD,
    },
    server::health::Readiness,
};

/// The content type of metrics as text.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Pause after a connection could not be accepted, as when the process has too many
/// files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The port while it is served; it is closed when this is dropped.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    page: Arc<Pages>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Pages {
    metrics: PrometheusHandle,
    /// Unset until there is a server.
    readiness: OnceLock<Readiness>,
}

/// Serves metrics and health on this address. Until [`Port::follow`] says whose
/// health it is, the process lives and is not ready.
///
/// # Errors
/// The address is taken or not this machine's, in words.
pub async fn serve(address: SocketAddr) -> Result<Port, String> {
    let refused = |cause: String| {
        format!("metrics cannot be served on {address}: {cause}; choose another with --metrics-listen")
    };
    let listener = TcpListener::bind(address).await.map_err(|error| refused(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| refused(error.to_string()))?;
    let metrics = metrics::record()?;
    process::begin();
    let page = Arc::new(Pages { metrics: metrics.clone(), readiness: OnceLock::new() });
    let tasks = [tokio::spawn(accept(listener, page.clone())), tokio::spawn(keep_up(metrics))];
    Ok(Port { address, page, tasks })
}

impl Port {
    /// The address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells from now on whether this server is ready.
    pub fn follow(&self, readiness: Readiness) {
        // The first server of a process is its only one.
        let _ = self.page.readiness.set(readiness);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn keep_up(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(METRICS_UPKEEP_PERIOD).await;
        metrics.run_upkeep();
        process::sample();
    }
}

async fn accept(listener: TcpListener, page: Arc<Pages>) {
    let room = Arc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
    loop {
        // It is never closed.
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let page = page.clone();
                tokio::spawn(async move {
                    answer(stream, page).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers one request. A connection that could go on, or that nobody reads from, would
/// keep its place from others: who watches whether the process lives must find one.
async fn answer(stream: TcpStream, page: Arc<Pages>) {
    let service = service_fn(move |request| {
        let response = page.respond(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let answering = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(METRICS_HEADERS_TIME_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever hangs up, talks nonsense or takes too long is gone, and that is all.
    let _ = timeout(METRICS_CONNECTION_TIME_MAX, answering).await;
}

impl Pages {
    fn respond(&self, request: &Request<Incoming>) -> Response<String> {
        let is_reading = [Method::GET, Method::HEAD].contains(request.method());
        match request.uri().path() {
            _ if !is_reading => plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD"),
            "/metrics" => {
                let mut response = Response::new(self.metrics.render());
                let content_type = header::HeaderValue::from_static(METRICS_TYPE);
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
                response
            }
            "/livez" => plain(StatusCode::OK, "the process lives"),
            "/readyz" => match self.readiness.get().map(|readiness| readiness.borrow().obstacle()) {
                None => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: the server is starting"),
                Some(Some(obstacle)) => {
                    plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {obstacle}"))
                }
                Some(None) => plain(StatusCode::OK, "ready"),
            },
            _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz"),
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(format!("{text}\n"));
    *response.status_mut() = status;
    response
}
