//! Colours as a screen without a profile of its own shows them: sRGB, opaque. A
//! profile in the file is followed; where it is damaged or of other channels than
//! the picture, the usual meaning of the channels holds, as viewers do it.

use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformOptions};

use crate::photo::rendition::decode::{Channels, Pixels};

/// The first that a profile has a table for. Every profile with tables has one for
/// the second (ICC.1, section 8.3).
const INTENTS: [RenderingIntent; 2] = [RenderingIntent::RelativeColorimetric, RenderingIntent::Perceptual];

/// Red, green and blue of each pixel in sRGB, transparent parts on white.
pub fn to_srgb(pixels: Pixels, profile: Option<&[u8]>) -> Vec<u8> {
    let converted = profile.and_then(|profile| by_profile(&pixels, profile));
    match (pixels.channels, converted) {
        (Channels::Rgba, converted) => on_white(&converted.unwrap_or(pixels.bytes)),
        (_, Some(converted)) => converted,
        (Channels::Gray, None) => pixels.bytes.iter().flat_map(|gray| [*gray; 3]).collect(),
        (Channels::Rgb, None) => pixels.bytes,
        (Channels::Cmyk, None) => without_profile(&pixels.bytes),
    }
}

/// Three channels, or four where the picture has transparency; none if the
/// profile cannot be followed.
fn by_profile(pixels: &Pixels, profile: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, from, to) = match pixels.channels {
        Channels::Gray => (DataColorSpace::Gray, Layout::Gray, Layout::Rgb),
        Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb),
        Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba),
        Channels::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform = INTENTS.into_iter().find_map(|rendering_intent| {
        let options = TransformOptions { rendering_intent, ..Default::default() };
        profile.create_transform_8bit(from, &srgb, to, options).ok()
    })?;
    let count = pixels.bytes.len() / pixels.channels.count();
    let mut converted = vec![0; count * if to == Layout::Rgba { 4 } else { 3 }];
    transform.transform(&pixels.bytes, &mut converted).ok()?;
    Some(converted)
}

fn on_white(rgba: &[u8]) -> Vec<u8> {
    let blend = |color: u8, alpha: u8| {
        let (color, alpha) = (u32::from(color), u32::from(alpha));
        ((color * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    rgba.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|channel| blend(pixel[channel], pixel[3]))).collect()
}

/// Ink on paper by the plain formula: what one ink leaves of the light, black
/// takes from.
fn without_profile(cmyk: &[u8]) -> Vec<u8> {
    let light = |ink: u8, black: u8| ((255 - u32::from(ink)) * (255 - u32::from(black)) + 127) / 255;
    cmyk.chunks_exact(4)
        .flat_map(|pixel| [0, 1, 2].map(|channel| light(pixel[channel], pixel[3]) as u8))
        .collect()
}
