//! Making a rendition: decoded no larger than it must be, cut and reduced in one
//! step, turned upright, converted to sRGB, encoded. Pure and synchronous, and
//! slow: it belongs on a thread that serves nobody.
//!
//! Brightness is averaged as it is encoded, not as light, as ImageMagick and
//! libvips do by default.

use fast_image_resize::{PixelType, ResizeOptions, Resizer, images::Image};
use image::{DynamicImage, RgbImage, metadata::Orientation};

use crate::{
    config::{RENDER_BYTES_PER_PIXEL, RENDER_BYTES_SPARE},
    error::{Error, Result},
    photo::{
        File,
        rendition::{
            Crop, Look, color,
            decode::{Channels, Original, Pixels},
            encode,
            geometry::Cut,
            size::Size,
        },
    },
};

/// How many times larger than its rendition a JPEG is decoded, at least: enough
/// for the last reduction to decide how sharp it is.
const DECODED_OVER_SHOWN: f64 = 2.0;

/// A rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The JPEG.
    pub bytes: Vec<u8>,
    /// The width in pixels.
    pub width_px: u32,
    /// The height in pixels.
    pub height_px: u32,
}

/// The most memory that rendering an original takes, in bytes, the original
/// included.
pub fn memory_bytes_max(original: &File) -> u64 {
    let side = |px: i32| u64::from(px.unsigned_abs());
    let pixels = side(original.width_px) * side(original.height_px);
    original.size_bytes.unsigned_abs() + pixels * RENDER_BYTES_PER_PIXEL + RENDER_BYTES_SPARE
}

/// Makes a rendition of the bytes of an original, in at most so much memory.
///
/// # Errors
/// The original is damaged, cut off, or takes more memory.
pub fn render(
    bytes: &[u8],
    content_type: &str,
    look: &Look,
    size: &Size,
    memory_bytes_max: u64,
) -> Result<Rendered> {
    let original = Original::open(bytes, content_type, memory_bytes_max)?;
    let orientation = original.orientation;
    let (width_px, height_px) = match orientation {
        5..=8 => (original.height_px, original.width_px),
        _ => (original.width_px, original.height_px),
    };
    let cut = Cut::of(width_px, height_px, look, size).as_stored(orientation);
    let shown = f64::from(cut.width_px) / (cut.area.width * f64::from(original.width_px));
    let scale_min = (shown * DECODED_OVER_SHOWN).min(1.0);
    let profile = original.profile.clone();
    let pixels = resize(original.decode(scale_min)?, &cut)?;
    let rgb = color::to_srgb(pixels, profile.as_deref());
    let (rgb, width_px, height_px) = turn(rgb, cut.width_px, cut.height_px, orientation)?;
    let bytes = encode::jpeg(&rgb, width_px, height_px, size.quality, look)?;
    Ok(Rendered { bytes, width_px, height_px })
}

/// The part that is shown, in as many pixels as it is shown in.
fn resize(pixels: Pixels, cut: &Cut) -> Result<Pixels> {
    let failed =
        |error: &dyn std::fmt::Display| Error::Internal(format!("a picture is not resized: {error}"));
    let (kind, alpha) = match pixels.channels {
        Channels::Gray => (PixelType::U8, false),
        Channels::Rgb => (PixelType::U8x3, false),
        Channels::Rgba => (PixelType::U8x4, true),
        Channels::Cmyk => (PixelType::U8x4, false),
    };
    let Pixels { width_px, height_px, channels, bytes } = pixels;
    let source = Image::from_vec_u8(width_px, height_px, bytes, kind).map_err(|error| failed(&error))?;
    let mut target = Image::new(cut.width_px, cut.height_px, kind);
    let (width, height) = (f64::from(width_px), f64::from(height_px));
    let Crop { left, top, .. } = cut.area;
    let (left, top) = ((left * width).max(0.0), (top * height).max(0.0));
    let options = ResizeOptions::new().use_alpha(alpha).crop(
        left,
        top,
        (cut.area.width * width).min(width - left),
        (cut.area.height * height).min(height - top),
    );
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
    Ok(Pixels { width_px: cut.width_px, height_px: cut.height_px, channels, bytes: target.into_vec() })
}

/// The picture as it is displayed.
fn turn(rgb: Vec<u8>, width_px: u32, height_px: u32, orientation: u8) -> Result<(Vec<u8>, u32, u32)> {
    let image = RgbImage::from_raw(width_px, height_px, rgb);
    let image = image.ok_or_else(|| Error::Internal("a picture has not its own size".to_owned()))?;
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms));
    Ok((image.as_bytes().to_vec(), image.width(), image.height()))
}
