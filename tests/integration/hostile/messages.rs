//! Calls and connections that are not what they claim to be: messages that are
//! cut, too long or broken in their frames, other protocols, and noise.

use bytes::Bytes;
use masthead::{
    admin::Role,
    auth::table::rule_for,
    config,
    pb::{self, UploadPhotoRequest, UploadPhotoStart, upload_photo_request::Part},
};
use prost::Message as _;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use super::{
    floods::MEMORY_MIB_MAX,
    frames::{DATA, END_HEADERS, HEADERS, Wire, call, frame, framed},
    host::{Besieger, Host, Neighbour, besiege},
};
use crate::{
    newsroom::reason,
    raw::{assert_presentable, methods},
};

/// Headers of a call besides those that every call has.
type Extra<'a> = &'a [(&'static str, &'a str)];

/// Sends these bytes, in these parts, as the body of a call; the status of the
/// answer.
async fn status(address: &str, method: &str, extra: Extra<'_>, parts: Vec<Vec<u8>>) -> Status {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.expect("a connection");
    let mut request = http::Request::post(format!("http://{address}/masthead.v1.{method}"));
    if !extra.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let request = request.header("te", "trailers").body(()).expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("a stream");
    for part in parts {
        // A server that has answered takes no more.
        if body.send_data(part.into(), false).is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let _ = body.send_data(Bytes::new(), true);
    let answer = answer.await.expect("an answer");
    let mut status = Status::from_header_map(answer.headers());
    let mut received = answer.into_body();
    while let Some(bytes) = received.data().await {
        let length = bytes.expect("a body").len();
        received.flow_control().release_capacity(length).expect("a window");
        // A watch does not end by itself.
        if method.contains("/Watch") {
            return Status::ok("");
        }
    }
    if let Some(trailers) = received.trailers().await.expect("trailers") {
        status = Status::from_header_map(&trailers).or(status);
    }
    connection.abort();
    status.expect("a status")
}

/// A body that breaks the framing of gRPC, and how it is refused.
fn broken() -> [(&'static str, Vec<u8>, Code, &'static str); 7] {
    let long = u32::try_from(config::REQUEST_BYTES_MAX).expect("a small limit") + 1;
    let malformed = (Code::InvalidArgument, "MALFORMED_MESSAGE");
    let exceeded = (Code::ResourceExhausted, "LIMIT_EXCEEDED");
    let all = [
        ("a message that is cut off", vec![0, 0, 0, 0, 100, 0x0A, 0x05], malformed),
        ("a head that is cut off", vec![0, 0, 0], malformed),
        ("a message of 4 GiB that does not come", vec![0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0A], exceeded),
        (
            "a message over the limit",
            [&[0], &long.to_be_bytes()[..], &vec![0; long as usize]].concat(),
            exceeded,
        ),
        ("a compressed message without its encoding", vec![1, 0, 0, 0, 1, 0], malformed),
        ("a flag that is none", vec![7, 0, 0, 0, 0], malformed),
        ("noise", b"\x00\x00\x00\x00\x03\xFF\xFE\xFDGET / HTTP/1.1".to_vec(), malformed),
    ];
    all.map(|(what, bytes, (code, reason))| (what, bytes, code, reason))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_messages_that_are_cut_too_long_or_wrongly_framed() {
    let host = Host::open(&[]).await;
    let neighbour = Neighbour::of(&host).await;
    let mut headers = Vec::new();
    for role in Role::ALL {
        headers.push((role, format!("Bearer {}", host.newsroom.token(role.as_str(), role).await)));
    }
    for (method, _) in methods() {
        let (roles, ..) = rule_for(&method).expect("a rule");
        let (_, authorization) = headers.iter().find(|(role, _)| roles.contains(role)).expect("a role");
        for (what, body, code, expected) in broken() {
            let parts = body.chunks(64 * 1024).map(<[u8]>::to_vec).collect();
            let status = status(&host.address(), &method, &[("authorization", authorization)], parts).await;
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (code, expected.to_owned()), "{method}, {what}: {status:?}");
            assert_presentable(&method, &status);
        }
    }
    neighbour.p99().await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_its_framing_in_the_middle_is_refused_as_the_clients_fault() {
    let host = Host::open(&[]).await;
    let mut desk = host.newsroom.desk(Role::Reporter).await;
    let photo = desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo");
    let start = UploadPhotoStart { name: photo.into_inner().name, ..Default::default() };
    let start = framed(&UploadPhotoRequest { part: Some(Part::Start(start)) }.encode_to_vec());
    let authorization = format!("Bearer {}", host.newsroom.token("reporter", Role::Reporter).await);
    for (what, body, code, expected) in broken() {
        let mut parts = vec![start.clone()];
        parts.extend(body.chunks(64 * 1024).map(<[u8]>::to_vec));
        let extra = [("authorization", authorization.as_str())];
        let status = status(&host.address(), "PhotoService/UploadPhoto", &extra, parts).await;
        let refusal = (status.code(), reason(&status));
        assert_eq!(refusal, (code, expected.to_owned()), "{what}: {status:?}");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_single_bytes_is_as_good_as_any() {
    let host = Host::open(&[]).await;
    let neighbour = Neighbour::of(&host).await;
    let authorization = format!("Bearer {}", host.newsroom.token("reporter", Role::Reporter).await);
    let message = framed(&pb::GetArticleRequest { name: neighbour.article().to_owned() }.encode_to_vec());
    let bytes = message.iter().map(|byte| vec![*byte]).collect();
    let extra = [("authorization", authorization.as_str())];
    let status = status(&host.address(), "ArticleService/GetArticle", &extra, bytes).await;
    assert_eq!(status.code(), Code::Ok, "{status:?}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_no_client_sends_are_no_fault_of_the_server() {
    let host = Host::open(&[]).await;
    let neighbour = Neighbour::of(&host).await;
    let authorization = format!("Bearer {}", host.newsroom.token("reporter", Role::Reporter).await);
    let message = framed(&pb::GetArticleRequest { name: neighbour.article().to_owned() }.encode_to_vec());
    let odd: [(&'static str, &str); 12] = [
        ("grpc-timeout", "soon"),
        ("grpc-timeout", "99999999999999999999S"),
        ("grpc-timeout", "-1S"),
        ("grpc-timeout", "99999999H"),
        ("grpc-encoding", "gzip"),
        ("grpc-encoding", "rot13"),
        ("grpc-accept-encoding", ",,,;;;"),
        ("content-type", "text/plain"),
        ("content-type", "application/grpc+json"),
        ("grpc-tags-bin", "not base64!"),
        ("traceparent", "00-00000000000000000000000000000000-zz-ff"),
        ("x-request-id", "\u{7f}\u{e9}"),
    ];
    for (name, value) in odd {
        if http::HeaderValue::from_str(value).is_err() {
            continue;
        }
        let extra = [("authorization", authorization.as_str()), (name, value)];
        let status =
            status(&host.address(), "ArticleService/GetArticle", &extra, vec![message.clone()]).await;
        let faults = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Unavailable];
        assert!(!faults.contains(&status.code()), "{name}: {value}: {status:?}");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_announced_and_do_not_come_take_no_memory() {
    let host = Host::open(&[]).await;
    let attack = |besieger: Besieger| async move {
        let headers = call("ArticleService/CreateArticle", &besieger.authorization);
        let length = u32::try_from(config::REQUEST_BYTES_MAX).expect("a small limit").to_be_bytes();
        let begun = [&[0], &length[..], &[0; 1_000]].concat();
        let mut held = Vec::new();
        for _ in 0..200 {
            let mut wire = Wire::open(&besieger.address).await;
            for stream in (1..20).step_by(2) {
                let headers = frame(HEADERS, END_HEADERS, stream, &headers);
                wire.send(&[headers, frame(DATA, 0, stream, &begun)].concat()).await;
            }
            held.push(wire);
        }
        besieger.begun();
        held
    };
    besiege(&host, "2,000 announced messages of 4 MiB", MEMORY_MIB_MAX, attack).await;
    host.close().await;
}

/// What is no HTTP/2 at all.
fn noise(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = random.usize(1..20_000);
    let noise: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    match random.usize(..6) {
        0 => b"GET / HTTP/1.1\r\nHost: masthead\r\n\r\n".to_vec(),
        1 => b"POST /masthead.v1.ArticleService/GetArticle HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec(),
        2 => b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        // The head of a ClientHello of TLS 1.2.
        3 => [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03], &noise[..]].concat(),
        // Noise where frames should be.
        4 => [super::frames::PREFACE, &noise].concat(),
        _ => noise,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_port_ends_its_connection_and_nothing_else() {
    let host = Host::open(&[]).await;
    let attack = |besieger: Besieger| async move {
        besieger.begun();
        let attackers = (0..4).map(|seed| {
            let besieger = besieger.clone();
            async move {
                let mut random = fastrand::Rng::with_seed(seed);
                while besieger.goes_on() {
                    let mut wire = Wire::silent(&besieger.address).await;
                    wire.send(&noise(&mut random)).await;
                    wire.finish().await;
                    wire.rest().await;
                }
            }
        });
        futures::future::join_all(attackers).await;
    };
    besiege(&host, "noise on the port", MEMORY_MIB_MAX, attack).await;
    host.close().await;
}
