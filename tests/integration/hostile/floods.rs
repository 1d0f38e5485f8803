//! Frames as fast as they can be sent: what a connection costs its sender little
//! and its receiver much.

use masthead::pb;
use prost::Message as _;

use super::{
    frames::{
        CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
        WINDOW_UPDATE, Wire, call, field, frame, framed,
    },
    host::{Besieger, Host, besiege},
};

/// Memory of the server under attack, in MiB, without optimisation.
pub const MEMORY_MIB_MAX: u64 = 400;

/// Connections that attack at once.
const ATTACKERS: usize = 4;

/// Frames that are sent before the attacker looks up.
const BURST: u32 = 64;

/// Attacks from several connections at once, each made anew when the server has
/// ended it, by what `burst` makes of the number of the burst.
async fn flood(besieger: Besieger, burst: impl Fn(&Besieger, u32) -> Vec<u8>) {
    besieger.begun();
    let attackers = (0..ATTACKERS).map(|_| async {
        while besieger.goes_on() {
            let mut wire = Wire::open(&besieger.address).await;
            let mut number = 0;
            while besieger.goes_on() && wire.push(&burst(&besieger, number)).await {
                wire.drain();
                number += 1;
                tokio::task::yield_now().await;
            }
        }
    });
    futures::future::join_all(attackers).await;
}

/// The streams of a burst: clients have the odd ones.
fn streams(number: u32) -> impl Iterator<Item = u32> {
    (0..BURST).map(move |index| (number * BURST + index) * 2 + 1)
}

fn get(besieger: &Besieger) -> Vec<u8> {
    framed(&pb::GetArticleRequest { name: besieger.article.clone() }.encode_to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_stop_nobody_else() {
    let host = Host::open(&[]).await;
    // CVE-2023-44487: calls that are taken back in the same breath.
    let resets = |besieger: &Besieger, number| {
        let headers = call("ArticleService/GetArticle", &besieger.authorization);
        let request = get(besieger);
        let streams = streams(number).flat_map(|stream| {
            [
                frame(HEADERS, END_HEADERS, stream, &headers),
                frame(DATA, END_STREAM, stream, &request),
                frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()),
            ]
        });
        streams.collect::<Vec<_>>().concat()
    };
    besiege(&host, "rapid resets", MEMORY_MIB_MAX, move |besieger| flood(besieger, resets)).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_taken_back_in_the_middle_of_their_work_leave_nothing_behind() {
    let host = Host::open(&[]).await;
    let attack = |besieger: Besieger| async move {
        besieger.begun();
        let headers = call("ArticleService/UpdateArticle", &besieger.authorization);
        let mut number = 0;
        while besieger.goes_on() {
            let mut wire = Wire::open(&besieger.address).await;
            // As many as the server may have open; past that it refuses streams.
            for stream in streams(number).take(32) {
                let article = pb::Article {
                    name: besieger.article.clone(),
                    etag: "*".into(),
                    headline: format!("第{stream}稿"),
                    ..Default::default()
                };
                let mask = Some(prost_types::FieldMask { paths: vec!["headline".into()] });
                let update = pb::UpdateArticleRequest {
                    article: Some(article),
                    update_mask: mask,
                    ..Default::default()
                };
                let bytes = [
                    frame(HEADERS, END_HEADERS, stream, &headers),
                    frame(DATA, END_STREAM, stream, &framed(&update.encode_to_vec())),
                ];
                wire.push(&bytes.concat()).await;
            }
            // At another point of the work each time.
            tokio::time::sleep(std::time::Duration::from_millis(u64::from(number % 20))).await;
            for stream in streams(number).take(32) {
                wire.push(&frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())).await;
            }
            wire.drain();
            number += 1;
        }
    };
    besiege(&host, "resets in mid-work", MEMORY_MIB_MAX, attack).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_end_their_connection() {
    let host = Host::open(&[]).await;
    let endless = |besieger: &Besieger, number| {
        let mut bytes = Vec::new();
        if number == 0 {
            let headers = call("ArticleService/GetArticle", &besieger.authorization);
            bytes = frame(HEADERS, 0, 1, &headers);
        }
        let more = field("x-more", &"x".repeat(1000));
        bytes.extend((0..BURST).flat_map(|_| frame(CONTINUATION, 0, 1, &more)));
        bytes
    };
    besiege(&host, "CONTINUATION flood", MEMORY_MIB_MAX, move |besieger| flood(besieger, endless)).await;
    let empty = |besieger: &Besieger, number| {
        let mut bytes = Vec::new();
        if number == 0 {
            let headers = call("ArticleService/GetArticle", &besieger.authorization);
            bytes = frame(HEADERS, 0, 1, &headers);
        }
        bytes.extend((0..BURST).flat_map(|_| frame(CONTINUATION, 0, 1, &[])));
        bytes
    };
    besiege(&host, "empty CONTINUATION flood", MEMORY_MIB_MAX, move |besieger| flood(besieger, empty)).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_and_large_headers_are_refused() {
    let host = Host::open(&[]).await;
    let many = |besieger: &Besieger, number| {
        let mut headers = call("ArticleService/GetArticle", &besieger.authorization);
        headers.extend((0..500).flat_map(|index| field(&format!("x-{index}"), &"y".repeat(10))));
        let (first, rest) = headers.split_at(headers.len().min(8_000));
        let streams = streams(number).take(8).flat_map(|stream| {
            [frame(HEADERS, END_STREAM, stream, first), frame(CONTINUATION, END_HEADERS, stream, rest)]
        });
        streams.collect::<Vec<_>>().concat()
    };
    besiege(&host, "many headers", MEMORY_MIB_MAX, move |besieger| flood(besieger, many)).await;
    let large = |besieger: &Besieger, number| {
        let headers = call("ArticleService/GetArticle", &besieger.authorization);
        let large = field("x-large", &"z".repeat(100_000));
        let mut bytes = Vec::new();
        for stream in streams(number).take(8) {
            bytes.extend(frame(HEADERS, END_STREAM, stream, &headers));
            let parts = large.chunks(16_000);
            let last = parts.len() - 1;
            for (index, part) in parts.enumerate() {
                let flags = if index == last { END_HEADERS } else { 0 };
                bytes.extend(frame(CONTINUATION, flags, stream, part));
            }
        }
        bytes
    };
    besiege(&host, "large headers", MEMORY_MIB_MAX, move |besieger| flood(besieger, large)).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_only_keep_the_server_busy_stop_nobody_else() {
    let host = Host::open(&[]).await;
    let repeat = |bytes: Vec<u8>| bytes.repeat(BURST as usize);
    let pings = repeat(frame(PING, 0, 0, b"12345678"));
    let settings = repeat(frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]));
    let windows = repeat(frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()));
    let priorities = repeat(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]));
    let floods = [
        ("PING flood", pings),
        ("SETTINGS flood", settings),
        ("WINDOW_UPDATE flood", windows),
        ("PRIORITY flood", priorities),
    ];
    for (name, burst) in floods {
        let attack = move |besieger| {
            let burst = burst.clone();
            async move { flood(besieger, |_, _| burst.clone()).await }
        };
        besiege(&host, name, MEMORY_MIB_MAX, attack).await;
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_data_without_end_stops_nobody_else() {
    let host = Host::open(&[]).await;
    let empty = |besieger: &Besieger, number| {
        let mut bytes = Vec::new();
        if number == 0 {
            let headers = call("ArticleService/GetArticle", &besieger.authorization);
            bytes = frame(HEADERS, END_HEADERS, 1, &headers);
        }
        bytes.extend((0..BURST).flat_map(|_| frame(DATA, 0, 1, &[])));
        bytes
    };
    besiege(&host, "empty DATA flood", MEMORY_MIB_MAX, move |besieger| flood(besieger, empty)).await;
    host.close().await;
}
