//! Which sizes there are, and how large they come out.

use masthead::{admin::Role, config::RenditionSettings, pb};

use super::{ask, ask_for, photo_of, plain, png, quarters};
use crate::newsroom::{Newsroom, fields, reason};

#[tokio::test]
async fn a_rendition_has_the_size_of_its_name_and_is_never_enlarged() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, png(&quarters(2000, 1000))).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let sizes = [
        ("thumbnail", (320, 320)),
        ("web", (1600, 800)),
        ("print-proof", (2000, 1000)),
        ("w320", (320, 160)),
        ("w480", (480, 240)),
        ("w640", (640, 320)),
        ("w960", (960, 480)),
        ("w1200", (1200, 600)),
        ("w1600", (1600, 800)),
        ("w2400", (2000, 1000)),
    ];
    for (name, size) in sizes {
        let download = ask(&mut desk, &photo.name, name).await.expect("a rendition");
        assert_eq!(download.size(), size, "{name}");
        assert_eq!(download.info.content_type, "image/jpeg");
    }
    let original = ask(&mut desk, &photo.name, "").await.expect("the original");
    assert_eq!(original.info.content_type, "image/png");
    assert_eq!((original.info.width_px, original.info.height_px), (2000, 1000));
    newsroom.close().await;
}

#[tokio::test]
async fn a_small_picture_fills_a_size_as_far_as_it_goes() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, png(&quarters(300, 100))).await;
    let tiny = photo_of(&newsroom, png(&plain(1, 1, [9, 9, 9]))).await;
    let flat = photo_of(&newsroom, png(&plain(4000, 1, [9, 9, 9]))).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    for (photo, name, size) in
        [(&photo, "thumbnail", (100, 100)), (&tiny, "web", (1, 1)), (&flat, "w320", (320, 1))]
    {
        let download = ask(&mut desk, &photo.name, name).await.expect("a rendition");
        assert_eq!(download.size(), size);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn an_unknown_size_is_refused_with_those_that_there_are() {
    let settings = RenditionSettings {
        renditions: vec!["front-page=900x600!@85".parse().expect("a size")],
        ..Default::default()
    };
    let newsroom = Newsroom::with_renditions(settings).await;
    let photo = photo_of(&newsroom, png(&quarters(1200, 1200))).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let download = ask(&mut desk, &photo.name, "front-page").await.expect("a rendition");
    assert_eq!(download.size(), (900, 600));
    for unknown in ["thumbnail", "w321", "front-page ", "W320"] {
        let refusal = ask(&mut desk, &photo.name, unknown).await.err().expect("a refusal");
        assert_eq!(
            (reason(&refusal).as_str(), fields(&refusal)),
            ("INVALID_FIELD", vec!["rendition".into()])
        );
        let all = "front-page, w320, w480, w640, w960, w1200, w1600, w2400";
        assert!(refusal.message().contains(all), "{}", refusal.message());
    }
    newsroom.close().await;
}

#[test]
fn a_setting_that_is_no_size_says_what_one_looks_like() {
    use masthead::photo::rendition::size::NamedSize;
    let complaint = |text: &str| text.parse::<NamedSize>().expect_err(text);
    for text in ["", "web", "web=1600", "web=1600x", "web=1600x1600@", "web=1600x1600@80!", "web=-1x5"] {
        assert!(complaint(text).starts_with("must look like web=1600x1600"), "{text}");
    }
    for (text, said) in [
        ("Web=1x1", "lower-case"),
        ("=1x1", "letter first"),
        ("w640=1x1", "stand for widths"),
        ("web=1x1@0", "quality"),
        ("web=1x1@101", "quality"),
        ("web=0x1", "1 to 65535"),
        ("web=1x65536", "1 to 65535"),
    ] {
        assert!(complaint(text).contains(said), "{text}: {}", complaint(text));
    }
    assert_eq!(RenditionSettings::default().renditions.len(), 3, "every default is a size");
}

#[tokio::test]
async fn a_range_of_a_rendition_is_that_part_of_its_bytes() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, png(&quarters(400, 400))).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let whole = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    let size = whole.bytes.len() as i64;
    for (offset, length, expected) in [
        (0, 10, 0..10),
        (7, 100, 7..107),
        (size - 3, 0, size as usize - 3..size as usize),
        (size, 0, size as usize..size as usize),
        (100, size, 100..size as usize),
    ] {
        let name = photo.name.clone();
        let request = pb::DownloadPhotoRequest { name, rendition: "w320".into(), offset, length };
        let part = ask_for(&mut desk, request).await.expect("a range");
        assert_eq!((part.info, part.bytes), (whole.info.clone(), whole.bytes[expected].to_vec()));
    }
    let behind =
        pb::DownloadPhotoRequest { name: photo.name, rendition: "w320".into(), offset: size + 1, length: 0 };
    let refusal = ask_for(&mut desk, behind).await.err().expect("a refusal");
    assert_eq!(reason(&refusal), "RANGE_NOT_SATISFIABLE");
    newsroom.close().await;
}
