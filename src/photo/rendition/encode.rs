//! Pixels to a JPEG with the few words that belong to it. Without a profile: what
//! has none is sRGB to every viewer.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{
    error::{Error, Result},
    photo::rendition::{Look, xmp},
};

/// From this quality on, colour has as many pixels as brightness has.
const FULL_COLOR_QUALITY: u8 = 90;

/// Encodes red, green and blue of each pixel.
///
/// # Errors
/// The sides are larger than a JPEG's can be.
pub fn jpeg(rgb: &[u8], width_px: u32, height_px: u32, quality: u8, look: &Look) -> Result<Vec<u8>> {
    let failed = |error: jpeg_encoder::EncodingError| Error::RenditionFailed(error.to_string());
    let side =
        |px: u32| u16::try_from(px).map_err(|_| Error::RenditionFailed(format!("{px} pixels are too many")));
    let mut encoded = Vec::new();
    let mut encoder = Encoder::new(&mut encoded, quality);
    encoder.set_sampling_factor(match quality {
        FULL_COLOR_QUALITY.. => SamplingFactor::F_1_1,
        _ => SamplingFactor::F_2_2,
    });
    if let Some(segment) = xmp::segment(look) {
        encoder.add_app_segment(1, segment).map_err(failed)?;
    }
    encoder.encode(rgb, side(width_px)?, side(height_px)?, ColorType::Rgb).map_err(failed)?;
    Ok(encoded)
}
