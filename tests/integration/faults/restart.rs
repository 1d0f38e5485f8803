//! Postgres is killed and comes back; or is not there yet.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use masthead::{
    admin::Role,
    config::{DatabaseSettings, ServiceSettings},
    db::Db,
    embedded,
    import::desk::Desk,
    installation::create_token,
    pb,
    photo::files::{Files, Location},
    server,
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    assert_try_again,
    writers::{RECOVERY_TIME_MAX, Writers, until_recovered},
};
use crate::{
    command::{data_dir, masthead},
    newsroom::article,
};

fn kill(process: u32) {
    let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status();
    assert!(killed.expect("kill").success());
}

async fn channel(address: &str) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(address.to_owned()).expect("an address");
    endpoint.connect().await.expect("a line")
}

async fn desk(db: &Db, address: std::net::SocketAddr, person: &str, role: Role) -> Desk {
    let token = create_token(db, person, role).await.expect("a token");
    Desk::connect(&format!("http://{address}"), token.reveal()).await.expect("a desk")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_and_started_again_loses_no_acknowledged_save() {
    let (data, photos) = (data_dir(), data_dir());
    let settings = embedded::Settings::durable(data.path());
    let mut postgres = embedded::start(&settings).await.expect("a Postgres");
    let db = Db::with(postgres.options(), &DatabaseSettings::default());
    db.migrate().await.expect("a schema");
    let files = Files::open(Location::Folder(photos.path().join("photos"))).await.expect("a photo store");
    let serving =
        server::start_with(([127, 0, 0, 1], 0).into(), db.clone(), files, ServiceSettings::default()).await;
    let serving = serving.expect("a server");
    let mut publisher = desk(&db, serving.address(), "publisher", Role::Publisher).await;
    let newspaper = pb::Newspaper { title: "晨讯报".into(), review_stages: 1, ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(newspaper),
        newspaper_id: "morning-post".into(),
        ..Default::default()
    };
    publisher.newspapers.create_newspaper(create).await.expect("a newspaper");
    let create = pb::CreateArticleRequest { article: Some(article("一次演练")), ..Default::default() };
    let own = publisher.articles.create_article(create).await.expect("an article").into_inner();
    let mut desks = Vec::new();
    for writer in 0..4 {
        desks.push(desk(&db, serving.address(), &format!("writer-{writer}"), Role::Reporter).await);
    }
    let writers = Writers::start(desks).await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill(postgres.process_id());
        postgres.ended().await;
        drop(postgres);
        tokio::time::sleep(Duration::from_secs(1)).await;
        postgres = embedded::start(&settings).await.expect("a Postgres again");
        let took = until_recovered(&mut publisher, &own).await;
        println!("recovered {took:?} after Postgres was back");
    }
    let (saves, refusals) = writers.finish(&mut publisher).await;
    println!("{saves} saves, told {refusals} times to try again");
    assert!(saves > 8 && refusals > 0, "{saves} saves and {refusals} refusals");
    drop(publisher);
    serving.stop().await.expect("a clean stop");
    db.close().await;
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
