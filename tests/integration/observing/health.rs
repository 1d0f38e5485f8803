//! Liveness and readiness, as those see it who act on it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{PATIENCE, Process, eventually};
use crate::{
    newsroom::{Database, Newsroom, reason},
    proxy::Proxy,
};

/// Whether grpcurl is here. Where everything must hold, it has to be.
fn has_grpcurl() -> bool {
    let here = Command::new("grpcurl").arg("-version").output().is_ok();
    assert!(here || std::env::var_os("CI").is_none(), "grpcurl is not on the PATH");
    if !here {
        eprintln!("SKIPPED: grpcurl is not on the PATH");
    }
    here
}

/// As grpc_health_probe does it.
struct Probe(HealthClient<Channel>);

impl Probe {
    async fn of(address: &str) -> Probe {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        Probe(HealthClient::new(endpoint.connect().await.expect("a connection")))
    }

    async fn check(&self, service: &str) -> ServingStatus {
        let request = HealthCheckRequest { service: service.into() };
        let answer = tokio::time::timeout(Duration::from_secs(5), self.0.clone().check(request)).await;
        answer.expect("in time").expect("an answer").into_inner().status()
    }

    async fn until(&self, service: &str, status: ServingStatus) {
        let what = format!("{service:?} is {status:?}");
        eventually(&what, async || (self.check(service).await == status).then_some(())).await;
    }
}

/// A running `grpcurl` that watches a service, and what it prints.
struct Watch {
    _grpcurl: tokio::process::Child,
    printed: Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Watch {
    fn of(address: &str, service: &str) -> Watch {
        let message = format!("{{\"service\": \"{service}\"}}");
        let mut grpcurl = tokio::process::Command::new("grpcurl")
            .args(["-plaintext", "-d", &message, address, "grpc.health.v1.Health/Watch"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("grpcurl");
        let printed = BufReader::new(grpcurl.stdout.take().expect("its output")).lines();
        Watch { _grpcurl: grpcurl, printed }
    }

    /// Waits until it is told this.
    async fn hears(&mut self, status: &str) {
        let hearing = async {
            while let Some(line) = self.printed.next_line().await.expect("a line") {
                if line.contains(&format!("\"{status}\"")) {
                    return;
                }
            }
            panic!("the watch ended before it was told {status}");
        };
        tokio::time::timeout(PATIENCE, hearing).await.unwrap_or_else(|_| panic!("never told {status}"));
    }
}

#[tokio::test]
async fn each_name_is_checked_by_grpcurl_and_a_probe() {
    let newsroom = Newsroom::open().await;
    let probe = Probe::of(&newsroom.address()).await;
    probe.until("", ServingStatus::Serving).await;
    for service in ["readiness", "liveness", "masthead.v1.ArticleService", "masthead.v1.PhotoService"] {
        assert_eq!(probe.check(service).await, ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "masthead.v1.NoService".into() };
    let status = probe.0.clone().check(request).await.expect_err("a refusal");
    assert_eq!((status.code(), reason(&status)), (tonic::Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    if has_grpcurl() {
        for service in ["", "liveness", "masthead.v1.AdminService"] {
            let message = format!("{{\"service\": \"{service}\"}}");
            let address = newsroom.address();
            let arguments = ["-plaintext", "-d", &message, &address, "grpc.health.v1.Health/Check"];
            let output = tokio::process::Command::new("grpcurl").args(arguments).output().await;
            let printed = String::from_utf8(output.expect("grpcurl").stdout).expect("UTF-8");
            assert!(printed.contains("\"SERVING\""), "{service}: {printed}");
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn watchers_hear_that_the_database_goes_and_comes_back_while_the_process_lives() {
    if !has_grpcurl() {
        return;
    }
    let (database, proxy) = (Database::create().await, Proxy::start().await);
    let options = proxy.options(&database);
    let newsroom = Newsroom::on(database, options).await;
    let probe = Probe::of(&newsroom.address()).await;
    let mut watch = Watch::of(&newsroom.address(), "masthead.v1.IssueService");
    watch.hears("SERVING").await;
    proxy.break_down();
    watch.hears("NOT_SERVING").await;
    for service in ["", "readiness", "masthead.v1.PhotoService"] {
        probe.until(service, ServingStatus::NotServing).await;
    }
    assert_eq!(probe.check("liveness").await, ServingStatus::Serving);
    proxy.heal();
    watch.hears("SERVING").await;
    probe.until("", ServingStatus::Serving).await;
    drop(watch);
    newsroom.close().await;
}

#[tokio::test]
async fn over_http_a_server_without_its_database_lives_and_is_not_ready() {
    let proxy = Proxy::start().await;
    let process = Process::start_through(Some(&proxy), &[], &[]).await;
    eventually("readiness", async || (process.get("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(process.get("/livez").await.0, 200);
    proxy.break_down();
    let why = eventually("a server that is not ready", async || {
        let (status, text) = process.get("/readyz").await;
        (status == 503).then_some(text)
    });
    assert_eq!(why.await, "not ready: the database does not answer\n");
    assert_eq!(process.get("/livez").await.0, 200);
    eventually("the gauge", async || {
        let down = super::metrics::value(&process.scrape().await, "masthead_database_up", &[]) == 0.0;
        down.then_some(())
    })
    .await;
    proxy.heal();
    eventually("readiness", async || (process.get("/readyz").await.0 == 200).then_some(())).await;
    process.terminate();
}

#[tokio::test]
async fn a_server_that_stops_says_so_first() {
    if !has_grpcurl() {
        return;
    }
    let process = Process::start(&[], &[]).await;
    let mut watch = Watch::of(&process.address, "");
    watch.hears("SERVING").await;
    let id = process.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    watch.hears("NOT_SERVING").await;
    drop(watch);
}

#[tokio::test]
async fn without_the_photo_store_only_photos_are_not_served() {
    let newsroom = Newsroom::open().await;
    let probe = Probe::of(&newsroom.address()).await;
    probe.until("masthead.v1.PhotoService", ServingStatus::Serving).await;
    let (there, away) = (newsroom.photo_folder(), newsroom.photo_folder().with_extension("away"));
    std::fs::rename(&there, &away).expect("a missing folder");
    probe.until("masthead.v1.PhotoService", ServingStatus::NotServing).await;
    for service in ["", "masthead.v1.ArticleService"] {
        assert_eq!(probe.check(service).await, ServingStatus::Serving, "{service}");
    }
    std::fs::rename(&away, &there).expect("the folder again");
    probe.until("masthead.v1.PhotoService", ServingStatus::Serving).await;
    newsroom.close().await;
}
