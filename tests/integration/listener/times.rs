//! How long connections may do nothing, and how long they live.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use masthead::config::{ConnectionSettings, ServiceSettings};
use tokio::{
    io::AsyncReadExt,
    net::TcpSocket,
    time::{sleep, timeout},
};

use super::{
    Authority, TlsFiles,
    frames::{
        ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, Raw, SETTINGS, WATCH,
        WINDOW_UPDATE, call, frame, headers,
    },
    open,
};
use crate::newsroom::Newsroom;

/// Long enough for what takes a second, beside other tests.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_connection_that_does_not_begin_is_closed_and_holds_up_nobody() {
    let settings = ConnectionSettings { handshake_seconds_max: 1, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let mut silent = Raw::silent(address).await;
    let mut slow = Raw::silent(address).await;
    slow.send(&PREFACE[..12]).await.expect("half of the beginning");
    let (mut other, _) = Raw::open(address).await;
    assert!(other.is_served(1).await, "others are served meanwhile");
    assert!(silent.is_closed_in_silence().await);
    assert!(slow.is_closed_in_silence().await);
    assert!(other.is_served(3).await);
    newsroom.close().await;
}

#[tokio::test]
async fn a_tls_handshake_that_stands_still_is_closed_and_holds_up_nobody() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    let connections = ConnectionSettings { handshake_seconds_max: 1, ..Default::default() };
    let settings = ServiceSettings { tls: files.settings(), connections, ..Default::default() };
    let newsroom = Newsroom::with_settings(settings).await;
    let mut silent = Raw::silent(newsroom.address().parse().expect("an address")).await;
    // The head of a message of the handshake that does not follow.
    silent.send(&[0x16, 0x03, 0x01, 0x02, 0x00]).await.expect("a send");
    super::tls::connect(&newsroom, &authority).await.expect("others are served meanwhile");
    assert!(silent.is_closed_in_silence().await);
    newsroom.close().await;
}

#[tokio::test]
async fn what_is_not_http2_is_closed_at_its_first_bytes() {
    let (newsroom, address) = open(ConnectionSettings::default()).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 0x03, 0x01], &[0; 3]] {
        let mut raw = Raw::silent(address).await;
        raw.send(garbage).await.expect("a send");
        // Well before the ten seconds that a handshake may take.
        let closed = timeout(Duration::from_secs(8), raw.is_closed_in_silence()).await;
        assert_eq!(closed, Ok(true), "{garbage:?}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_order_and_one_with_an_open_stream_is_not() {
    let settings = ConnectionSettings { connection_idle_seconds: 1, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut busy, _) = Raw::open(address).await;
    busy.send(&call(1, WATCH)).await.expect("a call");
    busy.until(|frame| frame.kind == DATA).await;
    let (mut idle, _) = Raw::open(address).await;
    assert!(idle.is_served(1).await);
    let frames = timeout(SOON, idle.rest()).await.expect("closed in time");
    let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).expect("an orderly end");
    assert_eq!(goaway.number(4), 0, "no error");
    sleep(Duration::from_secs(2)).await;
    assert!(busy.is_served(3).await);
    busy.send(&frame(RST_STREAM, 0, 1, &8u32.to_be_bytes())).await.expect("a reset");
    let frames = timeout(SOON, busy.rest()).await.expect("closed in time");
    assert!(frames.iter().any(|frame| frame.kind == GOAWAY));
    newsroom.close().await;
}

#[tokio::test]
async fn an_old_connection_takes_no_new_calls_and_ends_its_last_ones_after_the_grace() {
    let settings =
        ConnectionSettings { connection_age_seconds: 2, connection_grace_seconds: 2, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut raw, _) = Raw::open(address).await;
    raw.send(&call(1, WATCH)).await.expect("a call");
    raw.until(|frame| frame.kind == GOAWAY).await;
    let told = Instant::now();
    let frames = timeout(SOON, raw.rest()).await.expect("closed in time");
    assert!(told.elapsed() >= Duration::from_secs(1), "it has some grace");
    let trailers = frames.iter().find(|frame| frame.kind == HEADERS && frame.ends(1)).expect("a last word");
    // `14`, UNAVAILABLE, as two bytes of a Huffman code (RFC 7541 appendix B).
    assert!(trailers.payload.windows(3).any(|bytes| bytes == [0x82, 0x0b, 0x5f]), "{trailers:?}");
    let (mut other, _) = Raw::open(address).await;
    assert!(other.is_served(1).await);
    newsroom.close().await;
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_is_closed() {
    let settings =
        ConnectionSettings { keepalive_seconds: 1, keepalive_timeout_seconds: 1, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut dead, _) = Raw::open(address).await;
    let (mut live, _) = Raw::open(address).await;
    for _ in 0..3 {
        let ping = live.until(|frame| frame.kind == PING && frame.flags & ACK == 0).await;
        live.send(&frame(PING, ACK, 0, &ping.payload)).await.expect("an answer");
    }
    // Read without answering, as `rest` would.
    let closed = async { while dead.next().await.is_some() {} };
    timeout(SOON, closed).await.expect("closed in time");
    assert!(live.is_served(1).await);
    newsroom.close().await;
}

/// Asks a hundred times for large answers, and lets the server send them all.
async fn ask_for_much(address: SocketAddr) -> Raw {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a small buffer");
    let mut raw = Raw { io: socket.connect(address).await.expect("a connection") };
    // As much room as there can be (RFC 9113 section 6.9.1).
    let window = [&[0, 4], &0x7fff_ffff_u32.to_be_bytes()[..]].concat();
    let more = frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    let mut sent = [PREFACE, &frame(SETTINGS, 0, 0, &window), &more].concat();
    // The field `file_containing_symbol` of a request of reflection.
    let symbol = b"masthead.v1.ArticleService";
    let one = [&[0x22, symbol.len() as u8], &symbol[..]].concat();
    for stream in (0..100).map(|index| 1 + 2 * index) {
        sent.extend(headers(stream, REFLECTION, &[]));
        let length = (one.len() as u32).to_be_bytes();
        let asked = [&[0], &length[..], &one].concat().repeat(5);
        sent.extend(frame(DATA, END_STREAM, stream, &asked));
    }
    raw.send(&sent).await.expect("requests");
    raw
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_one_that_reads_slowly_is_not() {
    let settings = ConnectionSettings { send_stall_seconds: 2, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let mut frozen = ask_for_much(address).await;
    let mut slow = ask_for_much(address).await;
    let mut took = 0;
    let mut some = vec![0; 16 * 1024];
    // Ten times as much as would count as frozen.
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        took += slow.io.read(&mut some).await.expect("it goes on");
    }
    assert!(took > 0);
    let all = async |raw: &mut Raw| {
        let mut count: usize = 0;
        let mut bytes = vec![0; 1024 * 1024];
        loop {
            match timeout(Duration::from_secs(3), raw.io.read(&mut bytes)).await {
                Ok(Ok(read)) if read > 0 => count += read,
                // The end, or nothing more to come.
                ended => return (count, ended.is_ok()),
            }
        }
    };
    let (got, ended) = all(&mut frozen).await;
    assert!(ended, "the server has given up the frozen one");
    let (rest, ended) = all(&mut slow).await;
    assert!(!ended, "and not the slow one");
    assert!(got < took + rest, "the frozen one got {got} bytes of {}", took + rest);
    let (mut other, _) = Raw::open(address).await;
    assert!(other.is_served(1).await);
    newsroom.close().await;
}
