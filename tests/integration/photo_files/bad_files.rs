//! Files that are no pictures, or none that the service takes: refused with a
//! clear error, in bounded time and memory.

use futures::{StreamExt, stream};
use masthead::{admin::Role, config::UploadSettings, import::desk::Desk, pb};
use tonic::{Code, Status};

use super::{files_below, new_photo, noise};
use crate::newsroom::{Newsroom, picture, reason, upload};

async fn send(desk: &mut Desk, bytes: &[u8]) -> Result<pb::Photo, Status> {
    let photo = new_photo(desk).await;
    Ok(desk.photos.upload_photo(upload(&photo.name, bytes.to_vec())).await?.into_inner())
}

/// The picture in another format.
fn picture_as(format: image::ImageFormat) -> Vec<u8> {
    let picture = image::load_from_memory(&picture()).expect("a picture");
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

/// A PNG that says it is so large, with almost no data.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend([8, 2, 0, 0, 0, 1, 2, 3, 4]);
    file.extend(b"\0\0\0\x01IDAT\0\0\0\0\0\0\0\0\0IEND\0\0\0\0");
    file
}

/// The box of an ISO base media file.
fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes(), &name[..], content].concat()
}

/// A HEIC file of this size, turned to the left so many times, with a tile that
/// has another size, and noise for data.
fn heic(width: u32, height: u32, turns: u8) -> Vec<u8> {
    let size = |width: u32, height: u32| {
        boxed(b"ispe", &[&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat())
    };
    let properties = [size(512, 512), size(width, height), boxed(b"irot", &[turns])].concat();
    // Item 1 is the tile; item 2, the primary one, has properties 2 and 3.
    let own = [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 1, 0, 2, 2, 0x82, 0x83];
    let properties = boxed(b"iprp", &[boxed(b"ipco", &properties), boxed(b"ipma", &own)].concat());
    let meta = boxed(b"meta", &[vec![0; 4], boxed(b"pitm", &[0, 0, 0, 0, 0, 2]), properties].concat());
    let head = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    [head, meta, boxed(b"mdat", &noise(1000, 3))].concat()
}

#[tokio::test]
async fn the_type_is_what_the_bytes_say() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    for (format, content_type) in [
        (image::ImageFormat::Jpeg, "image/jpeg"),
        (image::ImageFormat::Png, "image/png"),
        (image::ImageFormat::Tiff, "image/tiff"),
        (image::ImageFormat::WebP, "image/webp"),
    ] {
        let file = send(&mut desk, &picture_as(format)).await.expect(content_type).file.expect("a file");
        assert_eq!((file.content_type.as_str(), file.width_px, file.height_px), (content_type, 48, 32));
    }
    for (turns, width_px, height_px, orientation) in
        [(0, 4032, 3024, 1), (1, 3024, 4032, 8), (2, 4032, 3024, 3)]
    {
        let file = send(&mut desk, &heic(4032, 3024, turns)).await.expect("a HEIC").file.expect("a file");
        assert_eq!(
            (file.content_type.as_str(), file.width_px, file.height_px, file.orientation),
            ("image/heic", width_px, height_px, orientation)
        );
    }
    room.close().await;
}

#[tokio::test]
async fn a_file_that_is_cut_off_anywhere_is_refused_in_every_format() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let formats = [
        ("JPEG", picture_as(image::ImageFormat::Jpeg)),
        ("PNG", picture_as(image::ImageFormat::Png)),
        ("TIFF", picture_as(image::ImageFormat::Tiff)),
        ("WebP", picture_as(image::ImageFormat::WebP)),
        ("HEIC", heic(40, 30, 0)),
    ];
    for (what, whole) in formats {
        // TIFF data may lie before the directory: then most cuts lose that.
        let cuts =
            [1, 2, 20, whole.len() / 4, whole.len() / 2, whole.len() - 1].map(|cut| cut.min(whole.len() - 1));
        for cut in cuts {
            let status = send(&mut desk, &whole[..cut]).await.expect_err("a part");
            assert_eq!(reason(&status), "INVALID_PHOTO_FILE", "{what} at {cut}: {status:?}");
            assert_eq!(status.code(), Code::InvalidArgument, "{what} at {cut}: {status:?}");
        }
    }
    assert!(files_below(&room.photo_folder()).is_empty(), "something is left behind");
    room.close().await;
}

#[tokio::test]
async fn what_is_no_picture_is_refused_whatever_it_is_called() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let page = std::iter::repeat_n("昨天，本市举行了一次演练。", 1000).collect::<String>();
    let cases: [(&str, Vec<u8>); 7] = [
        ("text", page.into_bytes()),
        ("noise", noise(100_000, 8)),
        ("a PDF", b"%PDF-1.7 and so on".to_vec()),
        ("a GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
        ("an AVIF", boxed(b"ftyp", b"avif\0\0\0\0mif1avif")),
        ("noise that begins as a JPEG", [&[0xff, 0xd8, 0xff][..], &noise(100_000, 8)].concat()),
        ("zeros that begin as a TIFF", [&b"II*\0\x08\0\0\0"[..], &[0; 1000]].concat()),
    ];
    for (what, bytes) in cases {
        let status = send(&mut desk, &bytes).await.expect_err(what);
        assert_eq!(reason(&status), "INVALID_PHOTO_FILE", "{what}: {status:?}");
        assert!(status.message().starts_with("the file cannot be accepted: "), "{what}: {status:?}");
    }
    let photo = new_photo(&mut desk).await;
    let start = pb::UploadPhotoStart {
        name: photo.name.clone(),
        content_type: "image/png".into(),
        ..Default::default()
    };
    let start = pb::UploadPhotoRequest { part: Some(pb::upload_photo_request::Part::Start(start)) };
    let parts = stream::iter([start]).chain(upload(&photo.name, picture()).skip(1));
    let status = desk.photos.upload_photo(parts).await.expect_err("another type than declared");
    assert!(status.message().contains("image/jpeg, not image/png"), "{status:?}");
    room.close().await;
}

#[tokio::test]
async fn a_bomb_costs_nothing() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    for (width, height, what) in [
        (60_000, 60_000, "the limit in all"),
        (65_536, 1, "the limit of a side"),
        (i32::MAX as u32, i32::MAX as u32, "the limit of a side"),
    ] {
        let status = send(&mut desk, &bomb(width, height)).await.expect_err("a bomb");
        assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
        assert!(status.message().contains(what), "{status:?}");
    }
    let status = send(&mut desk, &bomb(0, 60_000)).await.expect_err("nothing");
    assert_eq!(reason(&status), "INVALID_PHOTO_FILE");
    room.close().await;
}

#[tokio::test]
async fn a_stream_without_end_ends_at_the_limit() {
    let settings = UploadSettings { photo_bytes_max: 3_000_000, ..Default::default() };
    let room = Newsroom::with_uploads(settings).await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let start: Vec<_> = upload(&photo.name, Vec::new()).collect().await;
    let piece = pb::UploadPhotoRequest {
        part: Some(pb::upload_photo_request::Part::Chunk(noise(100_000, 2).into())),
    };
    let endless = stream::iter(start).chain(stream::repeat(piece));
    let status = desk.photos.upload_photo(endless).await.expect_err("an end");
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
    // What had come goes as soon as the call has ended.
    for _ in 0..1000 {
        if files_below(&room.photo_folder()).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(files_below(&room.photo_folder()).is_empty(), "something is left behind");
    room.close().await;
}
