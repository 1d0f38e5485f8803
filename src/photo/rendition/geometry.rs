//! Which part of a picture a rendition shows, and in how many pixels.

use crate::photo::rendition::{Crop, Look, size::Size};

/// What to cut out of a picture, and how large it becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// The part that is shown.
    pub area: Crop,
    /// The width of the rendition in pixels.
    pub width_px: u32,
    /// The height of the rendition in pixels.
    pub height_px: u32,
}

impl Cut {
    /// The cut of a picture that is displayed in this many pixels. Never larger
    /// than what is cut out.
    pub fn of(width_px: u32, height_px: u32, look: &Look, size: &Size) -> Cut {
        let (width, height) = (f64::from(width_px), f64::from(height_px));
        let whole = Crop { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
        let crop = whole_pixels(look.crop.unwrap_or(whole), width, height);
        let area = if size.fills { filling(crop, look, size, width / height) } else { crop };
        let (shown_width, shown_height) = (area.width * width, area.height * height);
        let scale =
            (f64::from(size.width_px) / shown_width).min(f64::from(size.height_px) / shown_height).min(1.0);
        let pixels = |shown: f64| (shown * scale).round().max(1.0) as u32;
        Cut { area, width_px: pixels(shown_width), height_px: pixels(shown_height) }
    }

    /// The same cut of the picture as it is stored, before this EXIF orientation
    /// is applied.
    pub fn as_stored(self, orientation: u8) -> Cut {
        let Crop { left, top, width, height } = self.area;
        let (right, bottom) = (1.0 - left - width, 1.0 - top - height);
        let (left, top, is_turned) = match orientation {
            2 => (right, top, false),
            3 => (right, bottom, false),
            4 => (left, bottom, false),
            5 => (top, left, true),
            6 => (top, right, true),
            7 => (bottom, right, true),
            8 => (bottom, left, true),
            _ => (left, top, false),
        };
        if is_turned {
            let area = Crop { left, top, width: height, height: width };
            return Cut { area, width_px: self.height_px, height_px: self.width_px };
        }
        Cut { area: Crop { left, top, width, height }, ..self }
    }
}

/// A crop with its edges between pixels, so that a cut alone blurs nothing.
fn whole_pixels(crop: Crop, width: f64, height: f64) -> Crop {
    let side = |start: f64, length: f64, pixels: f64| {
        let first = (start * pixels).round().min(pixels - 1.0);
        let end = ((start + length) * pixels).round().clamp(first + 1.0, pixels);
        (first / pixels, (end - first) / pixels)
    };
    let (left, width) = side(crop.left, crop.width, width);
    let (top, height) = side(crop.top, crop.height, height);
    Crop { left, top, width, height }
}

/// The largest part of the crop that has the proportions of the size, as near to
/// the focal point as it can be.
fn filling(crop: Crop, look: &Look, size: &Size, proportions: f64) -> Crop {
    // In fractions of a picture that is not square.
    let wanted = f64::from(size.width_px) / f64::from(size.height_px) / proportions;
    let width = crop.width.min(crop.height * wanted);
    let height = crop.height.min(crop.width / wanted);
    let start = |focus: Option<f64>, start: f64, length: f64, kept: f64| {
        let center = focus.unwrap_or(start + length / 2.0);
        (center - kept / 2.0).min(start + length - kept).max(start)
    };
    let focus = look.focal_point;
    let left = start(focus.map(|point| point.x), crop.left, crop.width, width);
    let top = start(focus.map(|point| point.y), crop.top, crop.height, height);
    Crop { left, top, width, height }
}
