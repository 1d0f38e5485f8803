//! Listening, TLS and stopping through the real command.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use masthead::{import::desk::Desk, pb};
use tempfile::TempDir;

use super::{Authority, TlsFiles, frames::Raw};
use crate::{
    command::{Serving, data_dir, masthead, run, text, token},
    newsroom::{picture, upload},
};

#[test]
fn a_server_that_others_could_read_along_with_does_not_begin() {
    let data = data_dir();
    let folder = data.path().join("data");
    let mut serve = masthead();
    serve.args(["serve", "--listen", "0.0.0.0:0", "--data-dir"]).arg(&folder);
    let output = run(&mut serve);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    for way_out in ["--tls-certificate", "--tls-key", "127.0.0.1:50051", "--insecure-listen"] {
        assert!(said.contains(way_out), "{way_out} is not in: {said}");
    }
    assert!(!folder.exists(), "nothing was begun");
}

#[test]
fn a_certificate_or_a_word_of_the_operator_opens_the_server_to_others() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    let (certificate, key) = (files.path("certificate.pem"), files.path("key.pem"));
    let no_pause = ("MASTHEAD_DRAIN_PAUSE_SECONDS", "0");
    let ways = [
        (vec!["--insecure-listen"], vec![no_pause]),
        (vec![], vec![no_pause, ("MASTHEAD_INSECURE_LISTEN", "true")]),
        (vec!["--tls-certificate", &certificate, "--tls-key", &key], vec![no_pause]),
    ];
    for (flags, settings) in ways {
        let data = data_dir();
        let server = Serving::listening("0.0.0.0:0", data.path(), &flags, &settings);
        assert!(server.address().contains("0.0.0.0"));
        server.terminate();
    }
}

fn grpcurl(arguments: &[&str]) -> Option<(bool, String)> {
    let Ok(output) = Command::new("grpcurl").args(arguments).output() else {
        assert!(std::env::var_os("CI").is_none(), "grpcurl is not on the PATH");
        eprintln!("SKIPPED: grpcurl is not on the PATH");
        return None;
    };
    Some((output.status.success(), text(&[output.stdout, output.stderr].concat())))
}

#[test]
fn a_page_is_imported_and_grpcurl_is_answered_over_tls() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    files.put("ca.pem", &authority.pem());
    files.put("other.pem", &Authority::new("another").pem());
    let (certificate, key, ca) = (files.path("certificate.pem"), files.path("key.pem"), files.path("ca.pem"));
    let data = data_dir();
    let server = Serving::start_with(data.path(), &["--tls-certificate", &certificate, "--tls-key", &key]);
    let host = server.address().trim_start_matches("http://").to_owned();
    let token = token(data.path(), "publisher");
    let import = |ca: Option<&str>| {
        let mut import = masthead();
        import.args(["import", "page", "examples/front-page.txt", "--address", &format!("https://{host}")]);
        import.args(ca.map(|ca| ["--tls-ca", ca]).iter().flatten());
        run(import.current_dir(env!("CARGO_MANIFEST_DIR")).env("MASTHEAD_TOKEN", &token))
    };
    for stranger in [None, Some(files.path("other.pem"))] {
        let refused = import(stranger.as_deref());
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains("--tls-ca"), "{said}");
    }
    let output = import(Some(&ca));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("resources were created"));
    let bearer = format!("authorization: Bearer {token}");
    let list = "masthead.v1.ArticleService/ListArticles";
    let Some((done, printed)) = grpcurl(&["-cacert", &ca, "-H", &bearer, &host, list]) else { return };
    assert!(done && printed.contains("headline"), "{printed}");
    let health = "grpc.health.v1.Health/Check";
    let (done, printed) = grpcurl(&["-cacert", &ca, &host, health]).expect("grpcurl");
    assert!(done && printed.contains("SERVING"), "{printed}");
    let (done, printed) = grpcurl(&["-plaintext", "-max-time", "5", &host, health]).expect("grpcurl");
    assert!(!done, "{printed}");
    server.terminate();
}

/// What Prometheus is told.
async fn metrics(address: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut io = tokio::net::TcpStream::connect(address).await.expect("the port of metrics");
    let ask = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    io.write_all(ask.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn refused_connections_are_counted_and_logged() {
    // Free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let free = free.to_string();
    let data = data_dir();
    let flags = ["--connections-max", "1", "--metrics-listen", &free];
    let server = Serving::start_with(data.path(), &flags);
    let address = server.address().trim_start_matches("http://").parse().expect("an address");
    let (held, _) = Raw::open(address).await;
    for _ in 0..2 {
        assert!(Raw::silent(address).await.is_closed_in_silence().await);
    }
    let told = metrics(&free).await;
    for line in [r#"masthead_connections_refused_total{limit="all"} 2"#, "masthead_connections_open 1"] {
        assert!(told.contains(line), "{line} is not in:\n{told}");
    }
    drop(held);
    server.signal();
    let log = server.ended();
    assert_eq!(log.matches("connections are refused").count(), 1, "once a minute: {log}");
}

/// A desk with an upload that does not go on.
async fn paused_upload(server: &Serving, data: &Path) -> tokio::task::JoinHandle<tonic::Code> {
    let mut desk = Desk::connect(server.address(), &token(data, "reporter")).await.expect("a desk");
    let create = pb::CreatePhotoRequest { photo: Some(pb::Photo::default()), ..Default::default() };
    let photo = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let parts = upload(&photo.name, picture()).take(1).chain(stream::pending());
    let call = tokio::spawn(async move { desk.photos.upload_photo(parts).await.expect_err("an end").code() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    call
}

#[tokio::test]
async fn told_twice_to_stop_a_server_ends_at_once_and_its_database_is_whole() {
    let data: TempDir = data_dir();
    let flags = ["--drain-seconds", "300"];
    let server = Serving::start_with(data.path(), &flags);
    let call = paused_upload(&server, data.path()).await;
    let start = Instant::now();
    server.signal();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!call.is_finished(), "once is a request to end in order");
    server.signal();
    let log = tokio::task::spawn_blocking(|| server.ended()).await.expect("an end");
    assert!(start.elapsed() < Duration::from_secs(60), "{log}");
    call.await.expect("a call that was cut");
    let server = Serving::start_with(data.path(), &[]);
    server.terminate();
}
