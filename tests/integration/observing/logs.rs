//! One line for a failure, at the boundary.

use masthead::{admin::Role, pb};
use serde_json::Value;
use sqlx::Connection;
use tonic::{Code, Status, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::Process;
use crate::newsroom::reason;

const JSON: [&str; 2] = ["--log-format", "json"];

/// The id that an answer carries.
fn id(status: &Status) -> String {
    let id = status.metadata().get("x-request-id").expect("a request id");
    id.to_str().expect("a text").to_owned()
}

async fn sql(process: &Process, statement: &'static str) {
    let mut connection = process.database.connect().await;
    sqlx::raw_sql(statement).execute(&mut connection).await.expect("a statement");
    connection.close().await.expect("an end");
}

#[tokio::test]
async fn a_failure_is_one_line_with_its_cause_which_the_caller_does_not_see() {
    let process = Process::start(&JSON, &[]).await;
    let mut desk = process.desk("林知远", Role::Editor).await;
    sql(&process, "alter table reporters rename to lost_reporters").await;
    let list = pb::ListReportersRequest::default();
    let status = desk.reporters.list_reporters(list).await.expect_err("a failure");
    assert_eq!((status.code(), reason(&status)), (Code::Internal, "INTERNAL".to_owned()));
    assert!(!status.message().contains("reporters\""), "{status:?}");
    let line = process.line_of(&id(&status)).await;
    assert_eq!(line["level"], "ERROR", "{line:#}");
    assert_eq!((&line["code"], &line["reason"]), (&"INTERNAL".into(), &"INTERNAL".into()), "{line:#}");
    assert!(line["cause"].as_str().expect("a cause").contains("\"reporters\" does not exist"), "{line:#}");
    assert!(line["duration_ms"].as_f64().expect("a duration") > 0.0, "{line:#}");
    let span = &line["span"];
    assert_eq!(span["method"], "masthead.v1.ReporterService/ListReporters", "{line:#}");
    assert_eq!((&span["person"], &span["role"]), (&"林知远".into(), &"editor".into()), "{line:#}");
    assert_eq!(span["peer"], "127.0.0.1", "{line:#}");
    process.terminate();
}

#[tokio::test]
async fn a_failure_in_mid_stream_is_one_line_too() {
    let process = Process::start(&JSON, &[]).await;
    let mut desk = process.desk("operator", Role::Operator).await;
    sql(&process, "alter table photos rename to lost_photos").await;
    let answer = desk.admin.rebuild_search_index(pb::RebuildSearchIndexRequest {}).await;
    let (id, code) = match answer {
        Err(status) => (id(&status), status.code()),
        Ok(answer) => {
            let id =
                answer.metadata().get("x-request-id").expect("an id").to_str().expect("a text").to_owned();
            let mut steps = answer.into_inner();
            let failed = loop {
                match steps.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the rebuild found a table that is not there"),
                    Err(status) => break status,
                }
            };
            (id, failed.code())
        }
    };
    assert_eq!(code, Code::Internal);
    let line = process.line_of(&id).await;
    assert_eq!((&line["level"], &line["code"]), (&"ERROR".into(), &"INTERNAL".into()), "{line:#}");
    assert!(line["cause"].as_str().expect("a cause").contains("photos"), "{line:#}");
    process.terminate();
}

#[tokio::test]
async fn faults_of_callers_do_not_fill_the_log_but_what_they_may_not_do_stands_in_it() {
    let process = Process::start(&JSON, &[]).await;
    let mut reader = process.desk("reader", Role::Reader).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    let get = pb::GetReporterRequest { name: "reporters/none".into() };
    let invalid = editor.reporters.get_reporter(get.clone()).await.expect_err("a refusal");
    assert_eq!(invalid.code(), Code::InvalidArgument);
    let denied = reader.reporters.get_reporter(get).await.expect_err("a refusal");
    assert_eq!(denied.code(), Code::PermissionDenied);
    let line = process.line_of(&id(&denied)).await;
    assert_eq!((&line["level"], &line["code"]), (&"INFO".into(), &"PERMISSION_DENIED".into()), "{line:#}");
    assert_eq!(line["reason"], "ROLE_NOT_ALLOWED", "{line:#}");
    let about = |line: &String| line.contains(&id(&invalid));
    let log = process.terminate();
    assert!(!log.iter().any(about), "{log:#?}");
}

#[tokio::test]
async fn the_log_is_for_people_unless_it_is_asked_to_be_json() {
    let process = Process::start(&[], &[("RUST_LOG", "masthead=debug")]).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    let list = pb::ListReportersRequest::default();
    let answer = editor.reporters.list_reporters(list).await.expect("an answer");
    let id = answer.metadata().get("x-request-id").expect("an id").to_str().expect("a text").to_owned();
    let log = process.terminate();
    let line = log
        .iter()
        .find(|line| line.contains(&id))
        .unwrap_or_else(|| panic!("no line about the call: {log:#?}"));
    for part in
        ["DEBUG", "method=\"masthead.v1.ReporterService/ListReporters\"", "person=\"editor\"", "code=\"OK\""]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[tokio::test]
async fn calls_that_a_stopping_server_ends_are_told_as_such_but_not_to_everyone() {
    for (level, told) in [("masthead=debug", 2), ("masthead=info", 0)] {
        let process = Process::start(&JSON, &[("RUST_LOG", level)]).await;
        let endpoint = Endpoint::from_shared(format!("http://{}", process.address)).expect("an address");
        let mut health = HealthClient::new(endpoint.connect().await.expect("a connection"));
        let mut health = health.watch(HealthCheckRequest::default()).await.expect("a watch").into_inner();
        assert!(health.message().await.expect("an answer").is_some());
        let mut reader = process.desk("reader", Role::Reader).await;
        let feed = reader.publications.watch_publications(pb::WatchPublicationsRequest::default());
        let mut feed = feed.await.expect("a watch").into_inner();
        let ends = tokio::spawn(async move {
            let standing = async {
                while health.message().await?.is_some() {}
                Ok::<_, Status>(())
            }
            .await;
            let feed = async {
                while feed.message().await?.is_some() {}
                Ok::<_, Status>(())
            }
            .await;
            [standing, feed]
        });
        let log = tokio::task::spawn_blocking(|| process.terminate()).await.expect("a log");
        for end in ends.await.expect("ends") {
            assert_eq!(end.expect_err("an end by the server").code(), Code::Unavailable);
        }
        let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let watches = lines
            .filter(|line| line["span"]["method"].as_str().is_some_and(|method| method.contains("/Watch")));
        let said: Vec<Value> = watches.map(|line| line["code"].clone()).collect();
        assert_eq!(said, vec![Value::from("UNAVAILABLE"); told], "{log:#?}");
    }
}
