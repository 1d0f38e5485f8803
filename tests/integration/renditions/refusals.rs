//! Originals that no rendition can be made of, and servers that have enough to do.

use masthead::{admin::Role, config::RenditionSettings};
use sqlx::Connection;
use tonic::Code;
use tonic_types::StatusExt;

use super::{ask, jpeg, photo_of, plain, png, quarters};
use crate::{
    concurrency::until_waiting,
    newsroom::{Newsroom, reason},
};

#[tokio::test]
async fn a_damaged_original_has_no_rendition_and_harms_nobody() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let whole = jpeg(&quarters(800, 600), |_| {});
    // All there, so that it can be uploaded: a Huffman table that is none, and data
    // that cannot be unpacked.
    let (mut tables, mut data) = (whole.clone(), png(&quarters(800, 600)));
    let at = tables.windows(2).position(|marker| marker == [0xff, 0xc4]).expect("a table");
    tables[at + 5..at + 21].fill(0xff);
    let at = data.windows(4).position(|name| name == b"IDAT").expect("data");
    data[at + 4..at + 40].fill(0x55);
    for damaged in [tables, data] {
        let photo = photo_of(&newsroom, damaged).await;
        let refusal = ask(&mut desk, &photo.name, "w320").await.err().expect("a refusal");
        assert_eq!(
            (refusal.code(), reason(&refusal).as_str()),
            (Code::FailedPrecondition, "RENDITION_FAILED")
        );
        ask(&mut desk, &photo.name, "").await.expect("the original, as it is");
    }
    let photo = photo_of(&newsroom, whole).await;
    ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    newsroom.close().await;
}

/// A PNG that says that it has this size.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(&plain(1, 1, [0; 3]));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = checksum(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// CRC-32 as PNG has it (W3C PNG, annex D).
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

#[tokio::test]
async fn a_picture_that_takes_more_memory_than_there_is_is_not_decoded() {
    let settings = RenditionSettings { render_memory_mib_max: 64, ..Default::default() };
    let newsroom = Newsroom::with_renditions(settings).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    for bytes in [bomb(17_000, 17_000), png(&plain(1600, 1400, [9, 9, 9]))] {
        let photo = photo_of(&newsroom, bytes).await;
        let refusal = ask(&mut desk, &photo.name, "w320").await.err().expect("a refusal");
        assert_eq!(reason(&refusal), "RENDITION_FAILED");
        assert!(refusal.message().contains("the limit is 64"), "{}", refusal.message());
    }
    let photo = photo_of(&newsroom, png(&plain(1600, 1200, [9, 9, 9]))).await;
    ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    newsroom.close().await;
}

#[tokio::test]
async fn an_original_of_a_type_that_is_not_rendered_is_sent_only_as_it_is() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, png(&quarters(40, 40))).await;
    let mut connection = newsroom.database.connect().await;
    sqlx::query("update photos set file_content_type = 'image/heic'")
        .execute(&mut connection)
        .await
        .expect("another type");
    let mut desk = newsroom.desk(Role::Editor).await;
    let refusal = ask(&mut desk, &photo.name, "w320").await.err().expect("a refusal");
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "NO_RENDITION"));
    let details = refusal.get_error_details();
    let metadata = &details.error_info().expect("an error info").metadata;
    assert_eq!(metadata.get("content_type").map(String::as_str), Some("image/heic"));
    ask(&mut desk, &photo.name, "").await.expect("the original");
    newsroom.close().await;
}

#[tokio::test]
async fn whoever_asks_a_full_queue_is_told_to_come_back() {
    let settings = RenditionSettings { renders_max: Some(1), renders_waiting_max: 0, ..Default::default() };
    let newsroom = Newsroom::with_renditions(settings).await;
    let photo = photo_of(&newsroom, png(&quarters(400, 300))).await;
    let desk = newsroom.desk(Role::Editor).await;
    let mut others = newsroom.database.connect().await;
    let mut held = others.begin().await.expect("a transaction");
    sqlx::query("lock table renditions in exclusive mode").execute(&mut *held).await.expect("a lock");
    let (mut first, name) = (desk.clone(), photo.name.clone());
    let first = tokio::spawn(async move { ask(&mut first, &name, "w320").await });
    // The only place is taken until what was made is kept.
    until_waiting(&mut newsroom.database.connect().await, 1).await;
    let refusal = ask(&mut desk.clone(), &photo.name, "web").await.err().expect("a refusal");
    assert_eq!(
        (refusal.code(), reason(&refusal).as_str()),
        (Code::ResourceExhausted, "RENDITION_QUEUE_FULL")
    );
    let details = refusal.get_error_details();
    let retry = details.retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| !delay.is_zero()), "{details:?}");
    held.rollback().await.expect("an end");
    first.await.expect("a task").expect("a rendition");
    ask(&mut desk.clone(), &photo.name, "web").await.expect("a rendition");
    newsroom.close().await;
}
