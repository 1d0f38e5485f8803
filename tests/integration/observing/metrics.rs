//! What Prometheus scrapes.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use http::uri::PathAndQuery;
use masthead::{admin::Role, pb};
use prometheus_parse::{Sample, Scrape, Value};
use sqlx::Connection;
use tonic::{Request, client::Grpc, transport::Endpoint};

use super::{Process, eventually};
use crate::newsroom::{picture, upload};

/// The samples of a scrape, as a client of Prometheus' format reads them.
fn samples(text: &str) -> Vec<Sample> {
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).expect("the text format").samples
}

/// The sum of a metric over everything that has these labels; of a histogram, how
/// many values it has seen.
pub fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let all = samples(text);
    let its = all.iter().filter(|sample| {
        let has = |(key, value): &(&str, &str)| sample.labels.get(key) == Some(*value);
        sample.metric == name && labels.iter().all(has)
    });
    let numbers = its.map(|sample| match &sample.value {
        Value::Counter(number) | Value::Gauge(number) | Value::Untyped(number) => *number,
        Value::Histogram(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
        Value::Summary(_) => panic!("{name} is a summary"),
    });
    numbers.sum()
}

/// The metrics of a scrape: type and help by name.
pub fn families(text: &str) -> BTreeMap<String, (String, String)> {
    let mut help = BTreeMap::new();
    let mut families = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap_or_else(|| panic!("{rest} has no help"));
            assert!(help.insert(name.to_owned(), text.to_owned()).is_none(), "{name} has two helps");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            let text = help.get(name).unwrap_or_else(|| panic!("{name} has no help before its type")).clone();
            let twice = families.insert(name.to_owned(), (kind.to_owned(), text));
            assert!(twice.is_none(), "{name} has two types");
        }
    }
    families
}

/// Which metric a line of values belongs to.
fn family_of<'a>(families: &BTreeMap<String, (String, String)>, sample: &'a str) -> Option<&'a str> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| sample.strip_suffix(part));
    let base = base.filter(|base| families.get(*base).is_some_and(|(kind, _)| kind == "histogram"));
    base.or(families.contains_key(sample).then_some(sample))
}

/// Calls a method that there is none of.
async fn call_nothing(process: &Process, path: String) {
    let channel = Endpoint::from_shared(format!("http://{}", process.address)).expect("an address");
    let mut line = Grpc::new(channel.connect().await.expect("a connection"));
    line.ready().await.expect("a ready line");
    let codec = tonic_prost::ProstCodec::<pb::GetReporterRequest, pb::Reporter>::default();
    let path = PathAndQuery::try_from(path).expect("a path");
    let answer = line.unary(Request::new(pb::GetReporterRequest::default()), path, codec).await;
    assert_eq!(answer.expect_err("a refusal").code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn every_metric_keeps_the_conventions_and_its_labels_are_bounded() {
    let process = Process::start(&[], &[]).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    editor.reporters.list_reporters(pb::ListReportersRequest::default()).await.expect("an answer");
    for number in 0..20 {
        call_nothing(&process, format!("/masthead.v1.Guess{number}/Method{number}")).await;
    }
    call_nothing(&process, "/masthead.v1.ReporterService/ListReportersX".into()).await;
    let text = eventually("the first look at the database", async || {
        let text = process.scrape().await;
        text.contains("masthead_ledger_head").then_some(text)
    })
    .await;
    let families = families(&text);
    assert!(families.len() > 25, "{families:#?}");
    for (name, (kind, help)) in &families {
        assert!(name.starts_with("masthead_") || name.starts_with("process_"), "{name} has no prefix");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(help.len() > 10 && !help.ends_with('.'), "{name}: {help}");
        let parts: Vec<&str> = name.split('_').collect();
        for wrong in
            ["ms", "milliseconds", "kb", "mb", "minutes", "count", "sum", "bucket", "gauge", "counter"]
        {
            assert!(!parts.contains(&wrong), "{name} has {wrong} in it");
        }
        if kind == "histogram" {
            assert!(name.ends_with("_seconds") || name.ends_with("_bytes"), "{name} has no unit");
        }
    }
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a value");
        assert!(seen.insert(series.to_owned()), "{series} is there twice");
        let name = series.split('{').next().expect("a name");
        assert!(family_of(&families, name).is_some(), "{name} has no type");
    }
    // Whatever callers make up, it is one label.
    assert!(!text.contains("Guess") && !text.contains("ListReportersX"), "{text}");
    let unknown = [("service", "unknown"), ("method", "unknown"), ("code", "UNIMPLEMENTED")];
    assert_eq!(value(&text, "masthead_requests_total", &unknown), 21.0);
    process.terminate();
}

#[tokio::test]
async fn calls_are_counted_by_method_and_code_and_streams_when_they_end() {
    let process = Process::start(&[], &[]).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    let mut operator = process.desk("operator", Role::Operator).await;
    for _ in 0..3 {
        editor.reporters.list_reporters(pb::ListReportersRequest::default()).await.expect("an answer");
    }
    let get = pb::GetReporterRequest { name: "reporters/none".into() };
    editor.reporters.get_reporter(get).await.expect_err("a refusal");
    let text = process.scrape().await;
    let reporters = |method, code| {
        let labels = [("service", "masthead.v1.ReporterService"), ("method", method), ("code", code)];
        value(&text, "masthead_requests_total", &labels)
    };
    assert_eq!(reporters("ListReporters", "OK"), 3.0);
    assert_eq!(reporters("GetReporter", "INVALID_ARGUMENT"), 1.0);
    let listed = [("service", "masthead.v1.ReporterService"), ("method", "ListReporters")];
    assert_eq!(value(&text, "masthead_request_duration_seconds", &listed), 3.0);
    assert_eq!(value(&text, "masthead_requests_in_flight", &[]), 0.0);

    // One that ends by itself has its code in the trailers.
    let verify = pb::VerifyPhotosRequest::default();
    let steps = operator.admin.verify_photos(verify).await.expect("a walk").into_inner();
    assert!(steps.collect::<Vec<_>>().await.iter().all(Result::is_ok));
    let watch = pb::WatchPublicationsRequest::default();
    let mut watching = operator.publications.watch_publications(watch).await.expect("a watch").into_inner();
    watching.message().await.expect("a checkpoint");
    let method = |text: &str, method, code| {
        value(text, "masthead_requests_total", &[("method", method), ("code", code)])
    };
    eventually("an open watch", async || {
        let text = process.scrape().await;
        assert_eq!(method(&text, "WatchPublications", "CANCELLED"), 0.0, "it has not ended");
        assert_eq!(method(&text, "VerifyPhotos", "OK"), 1.0);
        assert_eq!(value(&text, "masthead_requests_in_flight", &[]), 1.0);
        assert_eq!(value(&text, "masthead_watchers", &[("feed", "changes")]), 0.0);
        (value(&text, "masthead_watchers", &[("feed", "publications")]) == 1.0).then_some(())
    })
    .await;
    drop(watching);
    eventually("the end of the watch", async || {
        let text = process.scrape().await;
        let gone = value(&text, "masthead_watchers", &[("feed", "publications")]) == 0.0;
        let ended = method(&text, "WatchPublications", "CANCELLED") == 1.0;
        (gone && ended && value(&text, "masthead_requests_in_flight", &[]) == 0.0).then_some(())
    })
    .await;
    process.terminate();
}

#[tokio::test]
async fn gauges_follow_what_is_there() {
    let process = Process::start(&["--database-connections-max", "5"], &[]).await;
    let mut publisher = process.desk("publisher", Role::Publisher).await;
    let newspaper = pb::Newspaper { title: "晨讯报".into(), review_stages: 1, ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(newspaper),
        newspaper_id: "morning-post".into(),
        ..Default::default()
    };
    publisher.newspapers.create_newspaper(create).await.expect("a newspaper");
    let article = crate::newsroom::article("定时");
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    publisher.articles.create_article(create).await.expect("an article");
    let create = pb::CreatePhotoRequest { photo: Some(pb::Photo::default()), ..Default::default() };
    let photo = publisher.photos.create_photo(create).await.expect("a photo").into_inner();
    publisher.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    let mut connection = process.database.connect().await;
    let past_the_api = "update ledger_head set sequence = 41;
                        update articles set publish_due = now() + interval '1 hour'";
    sqlx::raw_sql(past_the_api).execute(&mut connection).await.expect("a statement");
    connection.close().await.expect("an end");
    let text = eventually("a look at the database", async || {
        let text = process.scrape().await;
        (value(&text, "masthead_ledger_head", &[]) == 41.0).then_some(text)
    })
    .await;
    assert_eq!(value(&text, "masthead_scheduled_waiting", &[("kind", "article")]), 1.0);
    assert_eq!(value(&text, "masthead_scheduled_waiting", &[("kind", "issue")]), 0.0);
    assert_eq!(value(&text, "masthead_upload_bytes_total", &[]), picture().len() as f64);
    assert_eq!(value(&text, "masthead_database_up", &[]), 1.0);
    assert_eq!(value(&text, "masthead_photo_store_up", &[]), 1.0);
    assert_eq!(value(&text, "masthead_database_connections_max", &[]), 5.0);
    let open = value(&text, "masthead_database_connections", &[]);
    assert!((1.0..=5.0).contains(&open), "{open} connections");
    assert!(value(&text, "masthead_database_connection_wait_seconds", &[]) >= 4.0);
    let credentials = [("cache", "credentials"), ("outcome", "hit")];
    assert!(value(&text, "masthead_cache_requests_total", &credentials) >= 1.0, "{text}");
    assert!(value(&text, "process_resident_memory_bytes", &[]) > 1e6);
    let now = chrono::Utc::now().timestamp() as f64;
    let started = value(&text, "process_start_time_seconds", &[]);
    assert!((now - 600.0..=now + 1.0).contains(&started), "started at {started}");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(value(&text, "masthead_build_info", &version), 1.0);
    process.terminate();
}

#[tokio::test]
async fn the_port_serves_nothing_else_and_takes_nothing() {
    let process = Process::start(&[], &[]).await;
    assert_eq!(process.get("/").await.0, 404);
    let client = reqwest::Client::new();
    let post = client.post(format!("http://{}/metrics", process.metrics)).body("x").send().await;
    assert_eq!(post.expect("an answer").status().as_u16(), 405);
    let response = reqwest::get(format!("http://{}/metrics", process.metrics)).await.expect("metrics");
    let content_type = response.headers()["content-type"].to_str().expect("a text").to_owned();
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    process.terminate();
}
