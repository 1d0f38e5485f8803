//! Colours come out as they were meant: profiles, inks, depth, transparency.

use std::io::Cursor;

use image::{
    ExtendedColorType, ImageBuffer, ImageEncoder, ImageFormat, Rgb, Rgba, RgbaImage, codecs::png::PngEncoder,
};
use jpeg_encoder::{ColorType, Encoder};
use masthead::admin::Role;
use moxcms::ColorProfile;

use super::{ask, assert_color, jpeg, photo_of, plain};
use crate::newsroom::Newsroom;

/// The colour in the middle of the rendition of a file.
async fn middle(newsroom: &Newsroom, bytes: Vec<u8>) -> [u8; 3] {
    let photo = photo_of(newsroom, bytes).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let picture = ask(&mut desk, &photo.name, "w320").await.expect("a rendition").picture();
    picture.get_pixel(picture.width() / 2, picture.height() / 2).0
}

/// IEC 61966-2-1: a channel from 0 to 1 as light, and back.
fn light(encoded: f64) -> f64 {
    if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

fn encoded(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let encoded = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

/// A colour in sRGB, from its light in another space of the same white.
fn in_srgb(light: [f64; 3], matrix: [[f64; 3]; 3]) -> [u8; 3] {
    matrix.map(|row| encoded(row.iter().zip(light).map(|(factor, light)| factor * light).sum()))
}

/// Display P3 (SMPTE EG 432-1 with a white of D65) to sRGB.
const FROM_P3: [[f64; 3]; 3] =
    [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];

/// Adobe RGB (1998) to sRGB.
const FROM_ADOBE: [[f64; 3]; 3] =
    [[1.398_356, -0.398_356, 0.0], [0.0, 1.0, 0.0], [0.0, -0.042_932, 1.042_932]];

#[tokio::test]
async fn colours_of_a_wider_space_become_the_same_colours_in_srgb() {
    let newsroom = Newsroom::open().await;
    let p3 = ColorProfile::new_display_p3().encode().expect("a profile");
    let adobe = ColorProfile::new_adobe_rgb().encode().expect("a profile");
    for color in [[200, 100, 60], [90, 170, 120], [120, 120, 120]] {
        let given = color.map(|channel| f64::from(channel) / 255.0);
        let picture = plain(64, 64, color);
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(p3.clone()).expect("a profile");
        encoder.write_image(&picture, 64, 64, ExtendedColorType::Rgb8).expect("a PNG");
        assert_color(middle(&newsroom, bytes).await, in_srgb(given.map(light), FROM_P3));

        let tagged = jpeg(&picture, |encoder| encoder.add_icc_profile(&adobe).expect("a profile"));
        let light = given.map(|channel| channel.powf(563.0 / 256.0));
        assert_color(middle(&newsroom, tagged).await, in_srgb(light, FROM_ADOBE));
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_profile_that_is_damaged_or_of_other_channels_changes_nothing() {
    let newsroom = Newsroom::open().await;
    let color = [200, 100, 60];
    let gray = ColorProfile::new_gray_with_gamma(2.2).encode().expect("a profile");
    for profile in [b"no profile at all".to_vec(), gray] {
        let tagged =
            jpeg(&plain(64, 64, color), |encoder| encoder.add_icc_profile(&profile).expect("a profile"));
        assert_color(middle(&newsroom, tagged).await, color);
    }
    newsroom.close().await;
}

/// A JPEG of one ink mixture.
fn inks(mixture: [u8; 4], kind: ColorType, profile: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    if let Some(profile) = profile {
        encoder.add_icc_profile(profile).expect("a profile");
    }
    encoder.encode(&mixture.repeat(64 * 64), 64, 64, kind).expect("a JPEG");
    bytes
}

#[tokio::test]
async fn inks_without_a_profile_take_their_light_away() {
    let newsroom = Newsroom::open().await;
    for (mixture, color) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([0, 255, 255, 0], [255, 0, 0]),
        ([51, 102, 0, 0], [204, 153, 255]),
        ([0, 0, 0, 128], [127, 127, 127]),
        ([51, 0, 0, 128], [102, 127, 127]),
    ] {
        assert_color(middle(&newsroom, inks(mixture, ColorType::Cmyk, None)).await, color);
        assert_color(middle(&newsroom, inks(mixture, ColorType::CmykAsYcck, None)).await, color);
    }
    newsroom.close().await;
}

/// A profile of four inks (ICC.1, `lut8Type`) in which magenta prints a strong
/// green, as no ink does, and everything else what is left of white.
fn odd_inks() -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0".to_vec();
    lut.extend([4, 3, 2, 0]);
    for place in 0..9 {
        lut.extend((if place % 4 == 0 { 0x0001_0000_u32 } else { 0 }).to_be_bytes());
    }
    let line: Vec<u8> = (0..=255).collect();
    lut.extend(line.repeat(4));
    for corner in 0..16_u8 {
        // L is 0 to 100 in 255 steps; a and b lie around 128.
        lut.extend(if corner == 0b0100 { [153, 80, 160] } else { [255 - corner * 17, 128, 128] });
    }
    lut.extend(line.repeat(3));
    let white: Vec<u8> =
        [0x0000_f6d6_u32, 0x0001_0000, 0x0000_d32d].iter().flat_map(|v| v.to_be_bytes()).collect();
    let white = [b"XYZ \0\0\0\0".as_slice(), &white].concat();
    let table = 4 + 12 * 2;
    let mut tags = 2_u32.to_be_bytes().to_vec();
    for (name, start, length) in
        [(b"wtpt", 128 + table, white.len()), (b"A2B0", 128 + table + white.len(), lut.len())]
    {
        tags.extend(name);
        tags.extend((start as u32).to_be_bytes());
        tags.extend((length as u32).to_be_bytes());
    }
    let mut profile = vec![0; 128];
    let length = 128 + table + white.len() + lut.len();
    profile[..4].copy_from_slice(&(length as u32).to_be_bytes());
    profile[8] = 2;
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&white[8..]);
    [profile, tags, white, lut].concat()
}

#[tokio::test]
async fn inks_with_a_profile_look_as_it_says() {
    let newsroom = Newsroom::open().await;
    let profile = odd_inks();
    let magenta = middle(&newsroom, inks([0, 255, 0, 0], ColorType::Cmyk, Some(&profile))).await;
    // L 60, a -48, b 32 under D50 as sRGB.
    assert_color(magenta, [43, 165, 84]);
    let white = middle(&newsroom, inks([0, 0, 0, 0], ColorType::Cmyk, Some(&profile))).await;
    assert_color(white, [255, 255, 255]);
    newsroom.close().await;
}

#[tokio::test]
async fn sixteen_bits_and_grey_become_eight_bits_of_three_colours() {
    let newsroom = Newsroom::open().await;
    let deep = ImageBuffer::from_pixel(64, 64, Rgb([0x1234_u16, 0x8080, 0xfedc]));
    let gray = ImageBuffer::from_pixel(64, 64, image::Luma([0x5678_u16]));
    for (format, color) in [(ImageFormat::Png, [0x12, 0x80, 0xfe]), (ImageFormat::Tiff, [0x12, 0x80, 0xfe])] {
        let mut bytes = Cursor::new(Vec::new());
        deep.write_to(&mut bytes, format).expect("a file");
        assert_color(middle(&newsroom, bytes.into_inner()).await, color);
        let mut bytes = Cursor::new(Vec::new());
        gray.write_to(&mut bytes, format).expect("a file");
        assert_color(middle(&newsroom, bytes.into_inner()).await, [0x56; 3]);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn what_is_transparent_is_white() {
    let newsroom = Newsroom::open().await;
    for (pixel, color) in [
        ([200, 40, 10, 0], [255, 255, 255]),
        ([255, 0, 0, 128], [255, 127, 127]),
        ([200, 40, 10, 255], [200, 40, 10]),
    ] {
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let mut bytes = Cursor::new(Vec::new());
            RgbaImage::from_pixel(64, 64, Rgba(pixel)).write_to(&mut bytes, format).expect("a file");
            assert_color(middle(&newsroom, bytes.into_inner()).await, color);
        }
    }
    // A clear picture with a hard edge has no dark seam: half of black would be 128.
    let mut bytes = Cursor::new(Vec::new());
    let half =
        RgbaImage::from_fn(1280, 64, |x, _| if x < 640 { Rgba([0; 4]) } else { Rgba([255, 0, 0, 255]) });
    half.write_to(&mut bytes, ImageFormat::Png).expect("a file");
    let photo = photo_of(&newsroom, bytes.into_inner()).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let picture = ask(&mut desk, &photo.name, "w320").await.expect("a rendition").picture();
    let darkest = picture.pixels().map(|pixel| pixel.0[0]).min();
    assert!(darkest >= Some(200), "{darkest:?}");
    newsroom.close().await;
}
