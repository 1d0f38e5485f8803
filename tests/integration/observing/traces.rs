//! A call belongs to the trace of its caller, and a collector hears of it.

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::{Request, metadata::MetadataValue};

use super::{
    Process,
    collector::{Collector, text},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A message in a trace.
fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    request.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    request.metadata_mut().insert("tracestate", MetadataValue::from_static("desk=7"));
    request
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// The collector answers while the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn calls_become_spans_in_the_trace_of_their_caller_and_the_last_are_sent_at_the_end() {
    let collector = Collector::start().await;
    let process = Process::start(&["--otlp-endpoint", &collector.endpoint], &[]).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    editor.reporters.list_reporters(traced(pb::ListReportersRequest::default())).await.expect("an answer");
    let missing = pb::GetReporterRequest { name: "reporters/0198f0f0-0000-7000-8000-000000000000".into() };
    editor.reporters.get_reporter(missing).await.expect_err("nothing");
    // At once: the last spans were not sent yet.
    process.terminate();
    let spans = collector.spans();
    assert_eq!(collector.resource("service.name").as_deref(), Some("masthead"));
    let span = |name: &str| {
        let named = spans.iter().find(|span| span.name == name);
        named
            .unwrap_or_else(|| panic!("no {name} in {:?}", spans.iter().map(|s| &s.name).collect::<Vec<_>>()))
    };
    let listed = span("masthead.v1.ReporterService/ListReporters");
    assert_eq!((hex(&listed.trace_id), hex(&listed.parent_span_id)), (TRACE.into(), CALLER.into()));
    assert_eq!(listed.trace_state, "desk=7");
    assert!(listed.end_time_unix_nano > listed.start_time_unix_nano);
    // A server's.
    assert_eq!(listed.kind, 2);
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "masthead.v1.ReporterService"),
        ("rpc.method", "ListReporters"),
        ("rpc.grpc.status_code", "0"),
        ("enduser.id", "editor"),
        ("enduser.role", "editor"),
    ] {
        assert_eq!(text(&listed.attributes, key).as_deref(), Some(value), "{key} of {listed:#?}");
    }
    let missed = span("masthead.v1.ReporterService/GetReporter");
    assert_ne!(hex(&missed.trace_id), TRACE, "a call without a context begins a trace");
    assert_eq!(text(&missed.attributes, "rpc.grpc.status_code").as_deref(), Some("5"));
}

#[tokio::test]
async fn lines_of_the_log_name_the_trace_also_without_a_collector() {
    let process = Process::start(&["--log-format", "json"], &[]).await;
    let mut reader = process.desk("reader", Role::Reader).await;
    let list = traced(pb::ListReportersRequest::default());
    let denied = reader.reporters.list_reporters(list).await.expect_err("a refusal");
    let id = denied.metadata().get("x-request-id").expect("an id").to_str().expect("a text");
    let line = process.line_of(id).await;
    assert_eq!(line["span"]["trace_id"], TRACE, "{line:#}");
    process.terminate();
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up_and_is_one_line_of_the_log() {
    // Nobody listens there, as the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let often = [("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let process = Process::start(&["--otlp-endpoint", &endpoint], &often).await;
    let address = format!("http://{}", process.address);
    let token = process.token("editor", Role::Editor).await;
    let mut editor = Desk::connect(&address, &token).await.expect("a desk");
    super::eventually("a third failed batch", async || {
        editor.reporters.list_reporters(pb::ListReportersRequest::default()).await.expect("an answer");
        let failed = super::metrics::value(
            &process.scrape().await,
            "masthead_span_exports_total",
            &[("outcome", "failed")],
        );
        (failed >= 3.0).then_some(())
    })
    .await;
    let log = process.terminate();
    let about: Vec<&String> = log.iter().filter(|line| line.contains("spans")).collect();
    assert_eq!(about.len(), 1, "{log:#?}");
    let other = log.iter().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert_eq!(other, 1, "{log:#?}");
}

#[test]
fn an_endpoint_that_can_be_none_is_refused_at_the_start() {
    let data = crate::command::data_dir();
    let mut serve = crate::command::masthead();
    serve.args(["serve", "--otlp-endpoint", "collector:4317", "--data-dir"]).arg(data.path());
    let output = serve.output().expect("a run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("http://HOST:4317"), "{said}");
}

/// Takes requests as an S3 service that has nothing; what it was asked, each with its
/// headers.
async fn bucket() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let heard = heard.clone();
            tokio::spawn(async move {
                let (mut stream, mut head) = (BufReader::new(stream), String::new());
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.expect("a line") > 0 {}
                heard.lock().expect("what came").push(head);
                let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.expect("an answer");
            });
        }
    });
    (endpoint, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_the_bucket_belong_to_the_trace_of_the_call_that_they_are_made_for() {
    let (endpoint, asked) = bucket().await;
    let store = [
        ("MASTHEAD_PHOTO_STORE", "s3://paper/photos"),
        ("AWS_ACCESS_KEY_ID", "desk"),
        ("AWS_SECRET_ACCESS_KEY", "a secret of the tests"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let process = Process::start(&[], &store).await;
    let mut reporter = process.desk("reporter", Role::Reporter).await;
    let photo = reporter.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo");
    let start = pb::StartPhotoUploadRequest {
        parent: photo.into_inner().name,
        upload: Some(pb::PhotoUpload { size_bytes: 10, ..Default::default() }),
        ..Default::default()
    };
    reporter.photos.start_photo_upload(traced(start)).await.expect_err("nothing is kept there");
    let heard = asked.lock().expect("what came").clone();
    let ours: Vec<&String> = heard.iter().filter(|head| head.starts_with("POST ")).collect();
    assert!(!ours.is_empty(), "an upload is begun there: {heard:#?}");
    for head in ours {
        let parent = head.lines().find_map(|line| line.strip_prefix("traceparent: ")).expect("a trace");
        let parts: Vec<&str> = parent.split('-').collect();
        assert_eq!((parts[1], parts[3]), (TRACE, "01"), "{head}");
        assert_ne!(parts[2], CALLER, "the parent is the call, and not whoever made it");
        assert!(head.contains("tracestate: desk=7"), "{head}");
    }
    process.terminate();
}
