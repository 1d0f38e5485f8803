//! The limits of connections, at the limit and one past it.

use masthead::config::ConnectionSettings;

use super::{
    frames::{
        CHECK, END_STREAM, ENHANCE_YOUR_CALM, Frame, GOAWAY, HEADERS, REFUSED_STREAM, RST_STREAM, Raw, WATCH,
        call, frame, headers, headers_size, message,
    },
    open,
};

/// `SETTINGS_MAX_CONCURRENT_STREAMS` and `SETTINGS_MAX_HEADER_LIST_SIZE`.
const STREAMS: u16 = 3;
const HEADER_BYTES: u16 = 6;

/// The value of a setting that a server announces.
fn announced(settings: &Frame, id: u16) -> Option<u32> {
    let each = settings.payload.chunks_exact(6);
    each.map(|entry| (u16::from_be_bytes([entry[0], entry[1]]), &entry[2..]))
        .find(|(of, _)| *of == id)
        .map(|(_, value)| u32::from_be_bytes(value.try_into().expect("four bytes")))
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once_and_has_room_when_another_goes() {
    let settings = ConnectionSettings { connections_max: 3, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::silent(address).await;
        raw.begin().await.expect("a beginning");
        assert!(raw.is_served(1).await);
        held.push(raw);
    }
    assert!(Raw::silent(address).await.is_closed_in_silence().await, "the fourth");
    for raw in &mut held {
        assert!(raw.is_served(3).await, "the others go on");
    }
    held.pop();
    // The server hears a moment later that it has gone.
    loop {
        let mut raw = Raw::silent(address).await;
        if raw.begin().await.is_ok() && raw.is_served(1).await {
            break;
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn one_address_cannot_take_the_room_of_the_others() {
    let settings = ConnectionSettings { connections_per_address_max: 2, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut first, _) = Raw::open(address).await;
    let (mut second, _) = Raw::open(address).await;
    assert!(Raw::silent(address).await.is_closed_in_silence().await, "the third of one address");
    let mut other = Raw::silent_from("127.0.0.2", address).await;
    other.begin().await.expect("a beginning");
    assert!(other.is_served(1).await);
    assert!(first.is_served(1).await && second.is_served(1).await);
    newsroom.close().await;
}

#[tokio::test]
async fn a_connection_has_so_many_streams_and_one_more_is_refused_but_not_the_connection() {
    let settings = ConnectionSettings { streams_per_connection_max: 2, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut raw, said) = Raw::open(address).await;
    assert_eq!(announced(&said, STREAMS), Some(2));
    for stream in [1, 3] {
        raw.send(&call(stream, WATCH)).await.expect("a call");
        raw.until(|frame| frame.kind == HEADERS && frame.stream == stream).await;
    }
    raw.send(&call(5, CHECK)).await.expect("a call");
    let refused = raw.until(|frame| frame.stream == 5).await;
    assert_eq!((refused.kind, refused.number(0)), (RST_STREAM, REFUSED_STREAM));
    raw.send(&frame(RST_STREAM, 0, 1, &8u32.to_be_bytes())).await.expect("a reset");
    assert!(raw.is_served(7).await, "there is room again");
    newsroom.close().await;
}

#[tokio::test]
async fn headers_are_taken_up_to_the_limit_and_not_a_byte_past_it() {
    const MAX: usize = 2_048;
    let settings = ConnectionSettings { header_bytes_max: MAX as u32, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut raw, said) = Raw::open(address).await;
    // h2 takes what stays below.
    assert_eq!(announced(&said, HEADER_BYTES), Some(MAX as u32 + 1));
    let room = MAX - headers_size(CHECK, &[("x-padding", "")]);
    let padded = |stream, padding| {
        let padding = "x".repeat(padding);
        [headers(stream, CHECK, &[("x-padding", &padding)]), message(stream, b"")].concat()
    };
    raw.send(&padded(1, room)).await.expect("a call");
    let first = raw.until(|frame| frame.stream == 1).await;
    assert!(first.kind == HEADERS && first.flags & END_STREAM == 0, "an answer with a message: {first:?}");
    raw.send(&padded(3, room + 1)).await.expect("a call");
    let second = raw.until(|frame| frame.stream == 3).await;
    // 431, "Request Header Fields Too Large", without a message.
    assert!(second.kind == HEADERS && second.flags & END_STREAM != 0, "a refusal: {second:?}");
    assert!(raw.is_served(5).await, "the connection goes on");
    newsroom.close().await;
}

/// Calls that are taken back with the same breath.
fn resets(first: u32, count: u32) -> Vec<u8> {
    let cancel = 8u32.to_be_bytes();
    let each = (0..count).map(|index| first + 2 * index);
    each.flat_map(|stream| [headers(stream, CHECK, &[]), frame(RST_STREAM, 0, stream, &cancel)].concat())
        .collect()
}

#[tokio::test]
async fn a_client_that_takes_back_its_calls_faster_than_they_are_taken_is_sent_away() {
    let settings = ConnectionSettings { resets_waiting_max: 5, ..Default::default() };
    let (newsroom, address) = open(settings).await;
    let (mut raw, _) = Raw::open(address).await;
    raw.send(&resets(1, 5)).await.expect("a send");
    assert!(raw.is_served(101).await, "as many as may wait");
    raw.send(&resets(103, 6)).await.expect("a send");
    let frames = raw.rest().await;
    let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).expect("a reason");
    assert_eq!(goaway.number(4), ENHANCE_YOUR_CALM);
    let (mut other, _) = Raw::open(address).await;
    assert!(other.is_served(1).await);
    newsroom.close().await;
}

#[tokio::test]
async fn a_client_whose_calls_are_faulty_without_end_is_sent_away() {
    // Data that do not have the length that was declared (RFC 9113 section 8.1.1).
    let faulty = |stream| [headers(stream, CHECK, &[("content-length", "3")]), message(stream, b"")].concat();
    let (newsroom, address) = open(ConnectionSettings::default()).await;
    let (mut raw, _) = Raw::open(address).await;
    for stream in (0..1_024).map(|index| 1 + 2 * index) {
        raw.send(&faulty(stream)).await.expect("a send");
        raw.until(|frame| frame.kind == RST_STREAM && frame.stream == stream).await;
    }
    assert!(raw.is_served(3_001).await, "as many as are borne");
    raw.send(&faulty(3_003)).await.expect("a send");
    let frames = raw.rest().await;
    let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).expect("a reason");
    assert_eq!(goaway.number(4), ENHANCE_YOUR_CALM);
    newsroom.close().await;
}
