//! How long things may take: a call, by what its caller says (`grpc-timeout`) and by what
//! the server allows, and what sessions of the database are told.

use std::time::{Duration, Instant};

use bytes::Bytes;
use masthead::{
    admin::Role,
    config::{DatabaseSettings, RequestSettings, ServiceSettings},
    db::Db,
    pb,
};
use sqlx::PgConnection;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::{
    newsroom::{Database, Newsroom, reason},
    proxy::Proxy,
};

/// How a call that nothing lets through ends, and after how long. Sent past every client
/// of gRPC: those look at the header themselves, and cancel before the server answers.
async fn held_call(newsroom: &Newsroom, timeout: &str) -> (Status, Duration) {
    let authorization = format!("Bearer {}", newsroom.token("editor", Role::Editor).await);
    let address = newsroom.address();
    let stream = TcpStream::connect(&address).await.expect("a connection");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.expect("a connection");
    let uri = format!("http://{address}/masthead.v1.ReporterService/ListReporters");
    let request = http::Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", authorization)
        .header("grpc-timeout", timeout)
        .body(())
        .expect("a request");
    let begun = Instant::now();
    let (answer, mut body) = client.send_request(request, false).expect("a stream");
    body.send_data(Bytes::from_static(&[0; 5]), true).expect("an empty message");
    let answer = answer.await.expect("an answer");
    let elapsed = begun.elapsed();
    connection.abort();
    (Status::from_header_map(answer.headers()).expect("a status without a message"), elapsed)
}

/// A newsroom that gives a call so many seconds, and a session that keeps everyone from
/// its reporters.
async fn open(request_seconds_max: u32) -> (Newsroom, PgConnection) {
    let requests = RequestSettings { request_seconds_max };
    let newsroom = Newsroom::with_settings(ServiceSettings { requests, ..Default::default() }).await;
    let mut holder = newsroom.database.connect().await;
    let hold = "begin; lock table reporters in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    (newsroom, holder)
}

fn assert_over(status: &Status) {
    let said = (status.code(), reason(status));
    assert_eq!(said, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()), "{status:?}");
}

#[tokio::test]
async fn a_call_whose_caller_waits_for_less_than_the_server_gives_ends_by_what_it_says() {
    let (newsroom, _holder) = open(9).await;
    let (status, elapsed) = held_call(&newsroom, "400m").await;
    assert_over(&status);
    assert!(elapsed > Duration::from_millis(200) && elapsed < Duration::from_secs(9), "{elapsed:?}");
    newsroom.close().await;
}

#[tokio::test]
async fn a_call_whose_caller_waits_for_more_than_the_server_gives_ends_by_the_server() {
    let (newsroom, _holder) = open(1).await;
    let (status, elapsed) = held_call(&newsroom, "9S").await;
    assert_over(&status);
    assert!(elapsed >= Duration::from_secs(1) && elapsed < Duration::from_secs(8), "{elapsed:?}");
    newsroom.close().await;
}

#[tokio::test]
async fn sessions_of_the_database_have_the_limits_of_the_settings() {
    let database = Database::create().await;
    let settings = DatabaseSettings {
        statement_seconds_max: 17,
        lock_seconds_max: 7,
        transaction_pause_seconds_max: 5,
        ..DatabaseSettings::with_connections(4)
    };
    let db = Db::with(database.options(), &settings);
    for (whose, db) in [("calls", db.clone()), ("the house", db.house())] {
        let mut connection = db.read().await.expect("a connection");
        for (setting, value) in [
            ("statement_timeout", "17s"),
            ("lock_timeout", "7s"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("client_connection_check_interval", "500ms"),
        ] {
            let shown = sqlx::query_scalar("select current_setting($1)").bind(setting);
            let shown: String = shown.fetch_one(&mut *connection).await.expect("a setting");
            assert_eq!(shown, value, "{setting} for {whose}");
        }
    }
    db.close().await;
    database.remove().await;
}

#[tokio::test]
async fn postgres_soon_finds_that_the_machine_of_a_server_is_gone() {
    let database = Database::create().await;
    // Over a socket of this machine there is nothing to find.
    let proxy = Proxy::start().await;
    let db = Db::open(proxy.options(&database), 2);
    let mut connection = db.read().await.expect("a connection");
    let mut seconds = Vec::new();
    for setting in ["idle", "interval", "count"] {
        let shown = sqlx::query_scalar("select current_setting('tcp_keepalives_' || $1)::int").bind(setting);
        let shown: i32 = shown.fetch_one(&mut *connection).await.expect("a setting");
        seconds.push(shown);
    }
    let [idle, interval, count] = seconds[..] else { panic!("three: {seconds:?}") };
    assert!(interval > 0 && (1..=5).contains(&(idle + interval * count)), "{seconds:?}");
    drop(connection);
    db.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_change_whose_time_passes_stands_in_the_audit_once() {
    let requests = RequestSettings { request_seconds_max: 1 };
    let newsroom = Newsroom::with_settings(ServiceSettings { requests, ..Default::default() }).await;
    let mut editor = newsroom.desk(Role::Editor).await;
    let person = pb::Reporter { display_name: "林晓".into(), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    let reporter = editor.reporters.create_reporter(create).await.expect("a reporter").into_inner();
    let mut holder = newsroom.database.connect().await;
    let hold = "begin; lock table reporters in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    let changed = pb::Reporter { desk: "要闻部".into(), ..reporter.clone() };
    let update = pb::UpdateReporterRequest { reporter: Some(changed), ..Default::default() };
    let status = editor.reporters.update_reporter(update.clone()).await.expect_err("nobody lets it through");
    assert_over(&status);
    let call = status.metadata().get("x-request-id").expect("the id of the call").to_str().expect("text");
    // Neither what is only to be checked nor what only reads.
    let rehearsal = pb::UpdateReporterRequest { validate_only: true, ..update };
    assert_over(&editor.reporters.update_reporter(rehearsal).await.expect_err("the same"));
    let get = pb::ListReportersRequest::default();
    assert_over(&editor.reporters.list_reporters(get).await.expect_err("the same"));
    drop(holder);
    // A stop writes the last refusals.
    let newsroom = newsroom.closed_while(async {}).await;
    let mut operator = newsroom.desk(Role::Operator).await;
    let list = pb::ListAuditEventsRequest { filter: "code != OK".into(), ..Default::default() };
    let rows = operator.admin.list_audit_events(list).await.expect("the audit").into_inner().audit_events;
    let [row] = rows.as_slice() else { panic!("one row: {rows:#?}") };
    let said = [&row.person, &row.method, &row.resource, &row.code, &row.call_id].map(String::as_str);
    assert_eq!(said, ["editor", "UpdateReporter", &reporter.name, "DEADLINE_EXCEEDED", call]);
    newsroom.close().await;
}
