//! The picture that the demo's articles carry where a real paper would have a photograph: a landscape that
//! nobody could take for one, in a hatched frame.

use image::codecs::jpeg::JpegEncoder;
use image::error::{LimitError, LimitErrorKind};
use image::{ImageError, Rgb, RgbImage};

/// The longest side of a stand-in, in pixels; it bounds the memory that one picture takes to 192 MiB.
pub const SIDE_PX_MAX: u32 = 8192;

const JPEG_QUALITY: u8 = 88;

/// Draws a stand-in press picture and encodes it as JPEG: sun, hills and water within a hatched frame.
///
/// One size gives the same bytes each time and on every machine: the drawing uses only arithmetic that IEEE
/// 754 fixes to the last bit, so no sine.
///
/// # Errors
///
/// A limit error for a side above [`SIDE_PX_MAX`], and the encoder's error for a side of 0.
pub fn stand_in(width: u32, height: u32) -> Result<Vec<u8>, ImageError> {
    if width.max(height) > SIDE_PX_MAX {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError)));
    }
    let scene = Scene::new(width, height);
    let picture = RgbImage::from_fn(width, height, |x, y| scene.pixel(x as f32 + 0.5, y as f32 + 0.5));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&picture)?;
    Ok(bytes)
}

/// Red, green and blue, 0 to 255 each.
type Colour = [f32; 3];

const SKY_HIGH: Colour = [96.0, 139.0, 178.0];
const SKY_MIDDLE: Colour = [178.0, 200.0, 209.0];
const SKY_LOW: Colour = [249.0, 222.0, 184.0];
const SUN: Colour = [255.0, 246.0, 222.0];
const WATER_DEEP: Colour = [40.0, 76.0, 104.0];
const FRAME_LIGHT: Colour = [244.0, 242.0, 236.0];
const FRAME_DARK: Colour = [200.0, 204.0, 206.0];

/// Where the water begins, as a part of the height.
const HORIZON: f32 = 0.64;

/// The sun's centre as parts of width and height, and its radius as a part of the shorter side.
const SUN_PLACE: (f32, f32, f32) = (0.68, 0.40, 0.062);

/// One range of hills: the height of its foot-line above the horizon and of its waves, as parts of the
/// picture's height; how many waves cross the picture; where they begin; its colour.
struct Hills {
    base: f32,
    rise: f32,
    waves: f32,
    phase: f32,
    colour: Colour,
}

/// From the farthest, palest range to the nearest, darkest.
const RANGES: [Hills; 4] = [
    Hills { base: 0.150, rise: 0.060, waves: 1.3, phase: 0.15, colour: [165.0, 182.0, 190.0] },
    Hills { base: 0.095, rise: 0.050, waves: 2.1, phase: 0.62, colour: [125.0, 152.0, 163.0] },
    Hills { base: 0.048, rise: 0.040, waves: 1.7, phase: 0.05, colour: [82.0, 117.0, 127.0] },
    Hills { base: 0.004, rise: 0.034, waves: 2.6, phase: 0.80, colour: [47.0, 84.0, 90.0] },
];

/// The measures of one picture, in pixels.
struct Scene {
    width: f32,
    height: f32,
    horizon: f32,
    frame: f32,
    /// The width of one stripe of the frame's hatching.
    stripe: f32,
}

impl Scene {
    fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as f32, height as f32);
        let frame = (width.min(height) * 0.035).floor();
        Self { width, height, horizon: height * HORIZON, frame, stripe: frame * 0.6 }
    }

    fn pixel(&self, x: f32, y: f32) -> Rgb<u8> {
        let edge = x.min(self.width - x).min(y).min(self.height - y);
        let colour = if edge < self.frame {
            self.hatching(x, y, edge)
        } else if y < self.horizon {
            self.land(x, y)
        } else {
            self.water(x, y)
        };
        Rgb(colour.map(|channel| (channel + 0.5).clamp(0.0, 255.0) as u8))
    }

    /// Diagonal stripes, with a plain line on the inside.
    fn hatching(&self, x: f32, y: f32, edge: f32) -> Colour {
        if edge > self.frame * 0.86 {
            return FRAME_LIGHT;
        }
        let across = (x + y) / self.stripe;
        let distance = (across - 2.0 * (across / 2.0).floor() - 1.0).abs();
        blend(FRAME_LIGHT, FRAME_DARK, (distance - 0.5) * self.stripe + 0.5)
    }

    /// Sky and sun, with the ranges of hills before them.
    fn land(&self, x: f32, y: f32) -> Colour {
        let mut colour = self.sky(x, y);
        for hills in &RANGES {
            let top = self.hill_top(hills, x);
            let depth = ((y - top) / (self.height * 0.22)).clamp(0.0, 1.0);
            let misty = blend(hills.colour, SKY_LOW, 0.30 * depth);
            colour = blend(colour, misty, y - top + 0.5);
        }
        colour
    }

    fn sky(&self, x: f32, y: f32) -> Colour {
        let down = y / self.horizon;
        let air = if down < 0.55 {
            blend(SKY_HIGH, SKY_MIDDLE, down / 0.55)
        } else {
            blend(SKY_MIDDLE, SKY_LOW, (down - 0.55) / 0.45)
        };
        let (place_x, place_y, size) = SUN_PLACE;
        let radius = self.width.min(self.height) * size;
        let (from_x, from_y) = (x - self.width * place_x, y - self.height * place_y);
        let distance = (from_x * from_x + from_y * from_y).sqrt();
        let far = distance / radius;
        let glow = 0.75 / (1.0 + 0.22 * far * far);
        blend(blend(air, SUN, glow), SUN, radius - distance + 0.5)
    }

    fn hill_top(&self, hills: &Hills, x: f32) -> f32 {
        let along = x / self.width * hills.waves + hills.phase;
        let shape = wave(along) + 0.42 * wave(along * 2.7 + 0.3) + 0.14 * wave(along * 7.3 + 0.1);
        self.horizon - self.height * (hills.base + hills.rise * shape)
    }

    /// The land upside down, darker with depth, broken by ripples and by the sun's path.
    fn water(&self, x: f32, y: f32) -> Colour {
        let down = (y - self.horizon) / (self.height - self.horizon);
        // Ripples lie closer together the farther they are.
        let rows = 60.0 * down / (0.35 + down);
        let bend = 0.35 * wave(x / self.width * (9.0 - 5.0 * down) + rows * 0.23);
        let ripple = wave(rows + bend);
        let sway = ripple * self.height * (0.002 + 0.010 * down);
        let mirrored = (self.horizon - (y - self.horizon) * 0.9 + sway).clamp(0.0, self.horizon);
        let reflection = self.land(x + sway, mirrored);
        let surface = blend(reflection, WATER_DEEP, 0.28 + 0.42 * down);
        let crest = (ripple - 0.62).max(0.0) * 0.5;
        let path_width = self.width * (0.018 + 0.085 * down);
        let from_path = (x - self.width * SUN_PLACE.0 + sway * 2.0).abs() / path_width;
        let path = (1.0 - from_path).max(0.0) * (0.25 + 0.75 * (ripple * 0.5 + 0.5));
        blend(blend(surface, SKY_MIDDLE, crest), SUN, path * 0.75)
    }
}

/// A smooth wave of period 1 between -1 and 1, made of parabolas: near a sine, but the same on every machine.
fn wave(turns: f32) -> f32 {
    let part = turns - turns.floor();
    if part < 0.5 { 16.0 * part * (0.5 - part) } else { -16.0 * (part - 0.5) * (1.0 - part) }
}

/// From one colour to the other as `share` goes from 0 to 1.
fn blend(from: Colour, to: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_a_jpeg_of_the_size_asked_and_the_same_each_time() {
        let bytes = stand_in(300, 200).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), image::ImageFormat::Jpeg);
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (300, 200));
        assert_eq!(bytes, stand_in(300, 200).unwrap());
    }

    #[test]
    fn odd_sizes_are_drawn_and_impossible_ones_refused() {
        for (width, height) in [(1, 1), (1, 40), (40, 1), (7, 13), (64, 640)] {
            assert!(stand_in(width, height).is_ok(), "{width} x {height}");
        }
        for (width, height) in [(0, 10), (10, 0), (SIDE_PX_MAX + 1, 1), (u32::MAX, u32::MAX)] {
            assert!(stand_in(width, height).is_err(), "{width} x {height}");
        }
    }
}
