//! Postgres is killed and comes back; or is not there yet.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use masthead::{config::DatabaseSettings, db::Db, embedded, import::desk::Desk, pb};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{assert_try_again, shift::Shift, writers::RECOVERY_TIME_MAX};
use crate::{
    command::{data_dir, masthead},
    newsroom::{Database, Newsroom},
};

fn kill(process: u32) {
    let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status();
    assert!(killed.expect("kill").success());
}

async fn channel(address: &str) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(address.to_owned()).expect("an address");
    endpoint.connect().await.expect("a line")
}

/// Kills a Postgres, and starts it again after a while.
async fn killed_and_started_again(
    postgres: embedded::Embedded,
    settings: &embedded::Settings,
) -> embedded::Embedded {
    kill(postgres.process_id());
    postgres.ended().await;
    drop(postgres);
    tokio::time::sleep(Duration::from_secs(1)).await;
    embedded::start(settings).await.expect("a Postgres again")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_and_started_again_loses_nothing_acknowledged() {
    let data = data_dir();
    let settings = embedded::Settings::durable(data.path());
    let mut postgres = embedded::start(&settings).await.expect("a Postgres");
    let db = Db::with(postgres.options(), &DatabaseSettings::default());
    db.migrate().await.expect("a schema");
    let room = Newsroom::serving(Database::of(&postgres), db).await;
    room.newspaper(1).await;
    let mut shift = Shift::begin(&room).await;
    for _ in 0..2 {
        let fault = killed_and_started_again(postgres, &settings);
        postgres = shift.work_through("Postgres was back", fault).await;
    }
    drop(shift);
    room.close().await;
    postgres.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_before_its_database_serves_when_that_comes() {
    let (data, own) = (data_dir(), data_dir());
    let settings = embedded::Settings::durable(data.path());
    let postgres = embedded::start(&settings).await.expect("a Postgres");
    let url = postgres.url();
    postgres.stop().await.expect("a clean stop");
    let mut serve = masthead();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(own.path());
    let mut process = serve.args(["--database-url", &url]).stderr(Stdio::piped()).spawn().expect("a server");
    let lines = BufReader::new(process.stderr.take().expect("its log")).lines();
    let (give, take) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(give.send(line))));
    let wait = Duration::from_secs(30);
    let mut said = Vec::new();
    let address = loop {
        let line = take.recv_timeout(wait).expect("the server says where it listens");
        said.push(line.clone());
        if let Some((_, address)) = line.split_once("listening address=") {
            break format!("http://{}", address.trim());
        }
    };
    let mut health = HealthClient::new(channel(&address).await);
    let state = health.check(HealthCheckRequest::default()).await.expect("a state").into_inner().status();
    assert_eq!(state, ServingStatus::NotServing);
    let mut stranger = Desk::connect(&address, "no-token").await.expect("a desk");
    let list = pb::ListNewspapersRequest::default();
    assert_try_again(&stranger.newspapers.list_newspapers(list.clone()).await.expect_err("no database"));
    while !said.iter().any(|line| line.contains("waiting for it")) {
        said.push(take.recv_timeout(wait).expect("the server says what it waits for"));
    }
    let postgres = embedded::start(&settings).await.expect("a Postgres again");
    let begin = Instant::now();
    loop {
        let refused = stranger.newspapers.list_newspapers(list.clone()).await.expect_err("no token");
        if refused.code() == Code::Unauthenticated {
            break;
        }
        assert_try_again(&refused);
    }
    loop {
        let state = health.check(HealthCheckRequest::default()).await.expect("a state").into_inner().status();
        if state == ServingStatus::Serving {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Beside the migrations, which a busy machine takes some seconds for.
    println!("served {:?} after Postgres was there", begin.elapsed());
    assert!(begin.elapsed() < RECOVERY_TIME_MAX * 4, "{:?}", begin.elapsed());
    while !said.iter().any(|line| line.contains("serving address=")) {
        said.push(take.recv_timeout(wait).expect("the server says that it serves"));
    }
    let token = std::fs::read_to_string(own.path().join("operator.token")).expect("the first token");
    let mut operator = Desk::connect(&address, token.trim()).await.expect("a desk");
    operator.newspapers.list_newspapers(list).await.expect("an operator's call");
    process.kill().expect("a process");
    process.wait().expect("an end");
    postgres.stop().await.expect("a clean stop");
}

#[test]
fn migrating_a_database_that_is_away_fails_in_time_and_says_what_to_do() {
    let begin = Instant::now();
    let output = masthead()
        .args(["migrate", "--wait-seconds", "1", "--database-url", "postgres://nobody@127.0.0.1:1/nothing"])
        .output()
        .expect("a run of the command");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in ["did not answer within 1 s", "--database-url", "refused"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
