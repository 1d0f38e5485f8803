//! Very many at once: connections that do nothing, clients that do not read, and
//! connections of which only one half is left.

use std::time::Duration;

use masthead::{admin::Role, pb};
use prost::Message as _;

use super::{
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, Wire, call, frame, framed},
    host::{Besieger, Host, besiege},
};
use crate::newsroom::upload;

/// Connections that do nothing.
const IDLE: usize = 10_000;

/// Files that a process here may have open beside them.
const FILES_SPARE: u64 = 1_000;

/// Memory of the server with all idle connections, in MiB, without optimisation.
const IDLE_MEMORY_MIB_MAX: u64 = 1_000;

/// Clients that do not read, or hardly.
const SLOW: usize = 1_000;

/// So many of them come at once. More would wait for the database until they are told to
/// come again, and then have nothing to be slow at.
const SLOW_AT_ONCE: usize = 25;

/// What the kernel has for one of them when the server has begun to answer its calls.
const ANSWERED_BYTES: usize = 4_096;

/// Pause between two sips of one that reads.
const SIP_PERIOD: Duration = Duration::from_secs(1);

/// Memory of the server with all slow readers, in MiB, without optimisation. What
/// waits for each of them is at most one message of 1 MiB and what the kernel takes.
const SLOW_MEMORY_MIB_MAX: u64 = 2_000;

/// So many of them as the limits of this process allow.
fn raise_the_limit_of_files(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("as many files as the system allows");
    let most = limit.maximum.unwrap_or(u64::MAX).saturating_sub(FILES_SPARE);
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_stop_nobody_else() {
    let idle = raise_the_limit_of_files(IDLE);
    let host = Host::open(&[]).await;
    let before = host.open_files();
    let attack = move |besieger: Besieger| async move {
        let mut held = Vec::with_capacity(idle);
        for index in 0..idle {
            // Every other one does not even begin HTTP/2.
            let address = &besieger.address;
            held.push(if index % 2 == 0 { Wire::silent(address).await } else { Wire::open(address).await });
        }
        besieger.begun();
        held
    };
    besiege(&host, &format!("{idle} idle connections"), IDLE_MEMORY_MIB_MAX, attack).await;
    host.gives_back(before).await;
    host.close().await;
}

/// A picture that no encoder makes small.
fn noise(side_px: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    let picture = image::RgbImage::from_fn(side_px, side_px, |_, _| image::Rgb([random.u8(..); 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("a picture");
    bytes.into_inner()
}

/// Fills the newsroom with what is too large for a window of HTTP/2; a photo.
async fn fill(host: &Host) -> String {
    let mut reporter = host.newsroom.desk(Role::Reporter).await;
    let photo = reporter.photos.create_photo(pb::CreatePhotoRequest::default()).await;
    let photo = photo.expect("a photo").into_inner().name;
    let file = noise(1_500);
    assert!(file.len() > 1_000_000, "{} bytes are no large file", file.len());
    reporter.photos.upload_photo(upload(&photo, file)).await.expect("an upload");
    for _ in 0..5 {
        let body = (0..10).map(|_| crate::newsroom::paragraph(&"长".repeat(1_000))).collect();
        let article = pb::Article { body, ..crate::newsroom::article("长文") };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        reporter.articles.create_article(create).await.expect("an article");
    }
    photo
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_readers_stop_nobody_else() {
    let host = Host::open(&[]).await;
    let photo = fill(&host).await;
    let before = host.open_files();
    let attack = move |besieger: Besieger| {
        let photo = photo.clone();
        async move {
            let download = pb::DownloadPhotoRequest { name: photo, ..Default::default() }.encode_to_vec();
            let calls = [
                ("PhotoService/DownloadPhoto", download),
                ("ActivityService/WatchChanges", Vec::new()),
                ("ArticleService/ListArticles", Vec::new()),
                ("PublicationService/WatchPublications", Vec::new()),
            ];
            let mut held = Vec::with_capacity(SLOW);
            while held.len() < SLOW {
                let mut wire = Wire::open(&besieger.address).await;
                for (stream, (method, message)) in (1u32..).step_by(2).zip(&calls) {
                    let headers = call(method, &besieger.authorization);
                    let headers = frame(HEADERS, END_HEADERS, stream, &headers);
                    wire.send(&[headers, frame(DATA, END_STREAM, stream, &framed(message))].concat()).await;
                }
                held.push(wire);
                // Until the server has come to them: it is their standing still that is
                // looked at, not their number.
                if held.len() % SLOW_AT_ONCE == 0 {
                    for wire in &held[held.len() - SLOW_AT_ONCE..] {
                        wire.holds(ANSWERED_BYTES).await;
                    }
                }
            }
            besieger.begun();
            // Every other one reads a little, each in its own time.
            while besieger.goes_on() {
                for wire in held.iter_mut().step_by(2) {
                    wire.sip().await;
                    tokio::time::sleep(SIP_PERIOD / (SLOW as u32 / 2)).await;
                }
            }
            held
        }
    };
    besiege(&host, &format!("{SLOW} slow readers"), SLOW_MEMORY_MIB_MAX, attack).await;
    host.gives_back(before).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_stop_nobody_else() {
    let host = Host::open(&[]).await;
    let before = host.open_files();
    let attack = |besieger: Besieger| async move {
        let mut held = Vec::new();
        for index in 0..400u32 {
            let mut wire = Wire::silent(&besieger.address).await;
            // Half a preface; a preface alone; a call without its message; half a
            // message; and each of them with nothing more to come, or with silence.
            let headers = frame(HEADERS, END_HEADERS, 1, &call("ArticleService/GetArticle", "Bearer x"));
            let begun = [PREFACE, &frame(super::frames::SETTINGS, 0, 0, &[])].concat();
            let half = frame(DATA, 0, 1, &[0, 0, 0, 1, 0, b'x']);
            let parts: [Vec<u8>; 4] = [
                PREFACE[..10].to_vec(),
                PREFACE.to_vec(),
                [begun.clone(), headers.clone()].concat(),
                [begun, headers, half].concat(),
            ];
            wire.send(&parts[index as usize % parts.len()]).await;
            if index % 8 < 4 {
                wire.finish().await;
            }
            held.push(wire);
        }
        besieger.begun();
        held
    };
    besiege(&host, "half-open connections", super::floods::MEMORY_MIB_MAX, attack).await;
    host.gives_back(before).await;
    host.close().await;
}
