//! The port for machines answers whoever asks, whatever others do with it.

use std::time::Duration;

use masthead::config::telemetry::METRICS_CONNECTIONS_MAX;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Process;

/// More connections than there are places.
const CONNECTIONS: usize = METRICS_CONNECTIONS_MAX + 8;

/// How long a probe of Kubernetes and the like waits in all, with its repetitions.
const PATIENCE: Duration = Duration::from_secs(30);

/// What there is to read.
const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Sends this over many connections at once, which are held and not read; whether all
/// pages are served all the same.
async fn is_served_beside(sent: &[u8]) {
    let process = Process::start(&[], &[]).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = TcpStream::connect(&process.metrics).await.expect("a connection");
        // One that is full already has been answered, or was cut off.
        let _ = tokio::time::timeout(Duration::from_millis(200), connection.write_all(sent)).await;
        held.push(connection);
    }
    for path in PATHS {
        let answer = tokio::time::timeout(PATIENCE, process.get(path)).await;
        let (status, text) = answer.unwrap_or_else(|_| panic!("{path} is not answered"));
        assert!(status == 200 || path == "/readyz", "{path}: {status}, {text}");
    }
    drop(held);
    process.terminate();
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_from_it() {
    is_served_beside(b"").await;
}

#[tokio::test]
async fn requests_that_never_end_do_not_keep_others_from_it() {
    is_served_beside(b"GET /livez HTTP/1.1\r\nhost: a\r\nx-padding: ").await;
}

#[tokio::test]
async fn clients_that_ask_and_read_nothing_do_not_keep_others_from_it() {
    let asked = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1_000);
    is_served_beside(&asked).await;
}

#[tokio::test]
async fn a_connection_has_one_answer() {
    let process = Process::start(&[], &[]).await;
    let mut connection = TcpStream::connect(&process.metrics).await.expect("a connection");
    let asked = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2);
    connection.write_all(&asked).await.expect("two requests");
    let mut answered = String::new();
    let reading = connection.read_to_string(&mut answered);
    let end = tokio::time::timeout(PATIENCE, reading).await.expect("the connection ends");
    // The second request was never read, so that the system may reset the connection.
    assert!(end.is_ok() || !answered.is_empty(), "{end:?}");
    assert_eq!(answered.matches("HTTP/1.1 200 OK").count(), 1, "{answered}");
    assert!(answered.contains("connection: close"), "{answered}");
    process.terminate();
}
