//! What needs no token: health and reflection.

use sqlx::postgres::PgConnectOptions;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    newsroom::{Database, Newsroom, reason},
    raw::methods,
};

/// Messages that callers meet only inside errors, and some of the API.
const SYMBOLS: [&str; 10] = [
    "google.rpc.ErrorInfo",
    "google.rpc.BadRequest",
    "google.rpc.PreconditionFailure",
    "google.rpc.ResourceInfo",
    "google.rpc.RetryInfo",
    "google.protobuf.FieldMask",
    "google.type.Date",
    "masthead.v1.ErrorReason",
    "masthead.v1.ReporterService",
    "masthead.v1.ReporterService.GetReporter",
];

async fn channel(newsroom: &Newsroom) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", newsroom.address())).expect("an address");
    endpoint.connect().await.expect("a server")
}

#[tokio::test]
async fn anyone_may_ask_whether_the_service_is_well() {
    let newsroom = Newsroom::open().await;
    let mut health = HealthClient::new(channel(&newsroom).await);
    let services = methods().into_iter().filter_map(|(method, _)| {
        method.split_once('/').map(|(service, _)| format!("masthead.v1.{service}"))
    });
    for service in services.chain([String::new()]) {
        // The first probe may still be under way; Watch tells when it is done.
        let request = HealthCheckRequest { service: service.clone() };
        let mut answers = health.watch(request.clone()).await.expect("an answer").into_inner();
        let serving = i32::from(ServingStatus::Serving);
        while answers.message().await.expect("a status").expect("a status").status != serving {}
        let answer = health.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "masthead.v1.NoService".into() };
    let status = health.check(unknown).await.expect_err("no such service");
    assert_eq!((status.code(), reason(&status)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    newsroom.close().await;
}

#[tokio::test]
async fn the_service_is_not_called_well_before_the_database_has_answered() {
    let database = Database::create().await;
    // Takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("its address").port();
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("nobody");
    let newsroom = Newsroom::on(database, options).await;
    let mut health = HealthClient::new(channel(&newsroom).await);
    for service in ["", "masthead.v1.ReporterService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::NotServing, "{service:?}");
    }
    newsroom.close().await;
}

/// Asks one version of the reflection service for all services and [`SYMBOLS`];
/// the names, and the descriptors that come back for each symbol.
macro_rules! reflect {
    ($version:ident, $newsroom:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let mut client = ServerReflectionClient::new(channel($newsroom).await);
        let list = MessageRequest::ListServices(String::new());
        let symbols = SYMBOLS.iter().map(|symbol| MessageRequest::FileContainingSymbol((*symbol).to_owned()));
        let requests = std::iter::once(list).chain(symbols).map(|message_request| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        });
        let requests = futures::stream::iter(requests.collect::<Vec<_>>());
        let mut answers = client.server_reflection_info(requests).await.expect("answers").into_inner();
        let mut services = Vec::new();
        let mut files = Vec::new();
        while let Some(answer) = answers.message().await.expect("an answer") {
            match answer.message_response.expect("a response") {
                MessageResponse::ListServicesResponse(list) => {
                    services.extend(list.service.into_iter().map(|service| service.name));
                }
                MessageResponse::FileDescriptorResponse(file) => {
                    files.push(file.file_descriptor_proto.concat());
                }
                other => panic!("{other:?}"),
            }
        }
        (services, files)
    }};
}

fn check_reflection(services: &[String], files: &[Vec<u8>]) {
    let ours = methods().into_iter().filter_map(|(method, _)| {
        method.split_once('/').map(|(service, _)| format!("masthead.v1.{service}"))
    });
    for service in ours.chain(["grpc.health.v1.Health".to_owned()]) {
        assert!(services.contains(&service), "{service} is not among {services:?}");
    }
    assert_eq!(files.len(), SYMBOLS.len());
    for (symbol, file) in SYMBOLS.iter().zip(files) {
        let name = symbol.rsplit('.').next().expect("a name");
        assert!(holds(file, name), "{symbol}");
    }
    let reporters = files.last().expect("a file");
    assert!(holds(reporters, "Keeps the reporters"), "the comments are for people who explore the API");
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn anyone_may_explore_the_api_by_reflection_v1() {
    let newsroom = Newsroom::open().await;
    let (services, files) = reflect!(v1, &newsroom);
    check_reflection(&services, &files);
    newsroom.close().await;
}

#[tokio::test]
async fn anyone_may_explore_the_api_by_reflection_v1alpha() {
    let newsroom = Newsroom::open().await;
    let (services, files) = reflect!(v1alpha, &newsroom);
    check_reflection(&services, &files);
    newsroom.close().await;
}

#[tokio::test]
async fn reflection_shows_field_behaviour_and_http_bindings() {
    let newsroom = Newsroom::open().await;
    let (_, files) = reflect!(v1, &newsroom);
    let reporters = files.last().expect("a file");
    assert!(holds(reporters, "/v1/{name=reporters/*}"), "the options were lost on the way");
    newsroom.close().await;
}
