//! What of a picture a rendition shows: orientation, crop, focal point.

use image::{Rgb, RgbImage};
use masthead::{admin::Role, pb};

use super::{
    QUARTERS, ask, assert_color, change, in_quarters, jpeg, photo_of, photo_with, plain, png, quarters,
};
use crate::newsroom::{Newsroom, fields, upload};

/// EXIF with nothing but an orientation (CIPA DC-008, section 4.6.2).
fn exif(orientation: u8) -> Vec<u8> {
    let header = [b'I', b'I', 42, 0, 8, 0, 0, 0];
    let entries = [1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
    [header.as_slice(), &entries].concat()
}

/// Where row 0 and column 0 of the stored picture are seen, by orientation, as the
/// same section has them.
const SEEN: [(&str, &str); 8] = [
    ("top", "left"),
    ("top", "right"),
    ("bottom", "right"),
    ("bottom", "left"),
    ("left", "top"),
    ("right", "top"),
    ("right", "bottom"),
    ("left", "bottom"),
];

/// A picture as a camera stores it that was held in this orientation.
fn stored(seen: &RgbImage, orientation: u8) -> RgbImage {
    let (row, column) = SEEN[usize::from(orientation) - 1];
    let (width, height) = seen.dimensions();
    let is_turned = ["left", "right"].contains(&row);
    let (stored_width, stored_height) = if is_turned { (height, width) } else { (width, height) };
    RgbImage::from_fn(stored_width, stored_height, |u, v| {
        let (mut x, mut y) = (0, 0);
        for (side, distance) in [(row, v), (column, u)] {
            match side {
                "top" => y = distance,
                "bottom" => y = height - 1 - distance,
                "left" => x = distance,
                _ => x = width - 1 - distance,
            }
        }
        *seen.get_pixel(x, y)
    })
}

#[tokio::test]
async fn a_rendition_is_upright_and_its_crop_is_of_the_upright_picture() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let seen = quarters(300, 200);
    for orientation in 1..=8 {
        let bytes = jpeg(&stored(&seen, orientation), |encoder| {
            encoder.add_exif_metadata(&exif(orientation)).expect("EXIF");
        });
        let photo = photo_of(&newsroom, bytes).await;
        let upright = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
        assert_eq!(upright.size(), (300, 200), "orientation {orientation}");
        for (color, expected) in in_quarters(&upright.picture()).into_iter().zip(QUARTERS) {
            assert_color(color, expected);
        }
        // The upper right quarter, with a strip of the one below it.
        let crop = pb::Crop { left: 0.5, top: 0.1, width: 0.5, height: 0.5 };
        let photo = change(&mut desk, pb::Photo { crop: Some(crop), ..photo }, &["crop"]).await;
        let cut = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
        assert_eq!(cut.size(), (150, 100), "orientation {orientation}");
        let picture = cut.picture();
        assert_color(picture.get_pixel(75, 40).0, QUARTERS[1]);
        assert_color(picture.get_pixel(75, 90).0, QUARTERS[3]);
        assert_color(picture.get_pixel(5, 40).0, QUARTERS[1]);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_large_jpeg_is_reduced_to_the_same_picture() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, jpeg(&quarters(2403, 1602), |_| {})).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    for (name, size) in [("w320", (320, 213)), ("w960", (960, 640)), ("w2400", (2400, 1600))] {
        let download = ask(&mut desk, &photo.name, name).await.expect("a rendition");
        assert_eq!(download.size(), size);
        let picture = download.picture();
        for (color, expected) in in_quarters(&picture).into_iter().zip(QUARTERS) {
            assert_color(color, expected);
        }
        // The edge between the quarters stays where it was.
        let (middle, line) = (size.0 / 2, size.1 / 4);
        assert_color(picture.get_pixel(middle - 12, line).0, QUARTERS[0]);
        assert_color(picture.get_pixel(middle + 12, line).0, QUARTERS[1]);
    }
    newsroom.close().await;
}

/// Ten stripes, the number of each in its colour.
fn stripes() -> RgbImage {
    RgbImage::from_fn(1000, 100, |x, _| Rgb([(x / 100 * 25) as u8, 100, 100]))
}

#[tokio::test]
async fn what_is_cut_to_fill_a_size_is_cut_around_the_focal_point() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, png(&stripes())).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let point = |x| Some(pb::FocalPoint { x, y: 0.5 });
    let crop = |left, width| Some(pb::Crop { left, top: 0.0, width, height: 1.0 });
    for (focal_point, crop, stripe) in [
        (point(0.25), None, 2),
        (point(0.0), None, 0),
        (point(1.0), None, 9),
        (point(0.1), crop(0.7, 0.3), 7),
        (None, crop(0.6, 0.3), 7),
        (point(0.85), crop(0.6, 0.3), 8),
    ] {
        let photo = pb::Photo { focal_point, crop, ..photo.clone() };
        let photo = change(&mut desk, photo, &["focal_point", "crop"]).await;
        assert_eq!((photo.focal_point, photo.crop), (focal_point, crop));
        let download = ask(&mut desk, &photo.name, "thumbnail").await.expect("a rendition");
        assert_eq!(download.size(), (100, 100));
        assert_color(download.picture().get_pixel(50, 50).0, [stripe * 25, 100, 100]);
    }
    let whole = ask(&mut desk, &photo.name, "w640").await.expect("a rendition");
    assert_eq!(whole.size(), (300, 100), "a point cuts nothing where nothing must go");
    newsroom.close().await;
}

#[tokio::test]
async fn a_crop_lies_within_its_picture_and_shows_something() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let crop = |left, top, width, height| pb::Photo {
        crop: Some(pb::Crop { left, top, width, height }),
        ..Default::default()
    };
    let point = |x, y| pb::Photo { focal_point: Some(pb::FocalPoint { x, y }), ..Default::default() };
    for (photo, wrong) in [
        (crop(0.0, 0.0, 0.0, 0.0), vec!["photo.crop.width", "photo.crop.height"]),
        (crop(-0.1, 0.0, 0.5, 0.5), vec!["photo.crop.left"]),
        (crop(0.0, f64::NAN, 0.5, 0.5), vec!["photo.crop.top"]),
        (crop(0.6, 0.0, 0.5, 1.0), vec!["photo.crop.width"]),
        (crop(0.0, 0.0, 1.0, f64::INFINITY), vec!["photo.crop.height", "photo.crop.height"]),
        (point(1.1, -1.0), vec!["photo.focal_point.x", "photo.focal_point.y"]),
    ] {
        let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
        let refusal = desk.photos.create_photo(create).await.expect_err("a refusal");
        assert_eq!(fields(&refusal), wrong);
    }
    let photo = photo_with(&newsroom, crop(0.7, 0.9, 0.3, 0.1), png(&plain(10, 10, [9, 9, 9]))).await;
    let download = ask(&mut desk, &photo.name, "web").await.expect("a rendition");
    assert_eq!(download.size(), (3, 1));
    newsroom.close().await;
}

#[tokio::test]
async fn a_new_file_takes_back_how_the_old_one_was_cut() {
    let newsroom = Newsroom::open().await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let words = pb::Photo {
        crop: Some(pb::Crop { left: 0.5, top: 0.5, width: 0.5, height: 0.5 }),
        focal_point: Some(pb::FocalPoint { x: 0.6, y: 0.6 }),
        ..Default::default()
    };
    let photo = photo_with(&newsroom, words.clone(), png(&quarters(40, 40))).await;
    assert_eq!((photo.crop, photo.focal_point), (words.crop, words.focal_point), "the first file keeps them");
    let parts = upload(&photo.name, png(&quarters(60, 60)));
    let photo = desk.photos.upload_photo(parts).await.expect("an upload").into_inner();
    assert_eq!((photo.crop, photo.focal_point), (None, None));
    newsroom.close().await;
}
