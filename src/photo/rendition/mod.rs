//! 图片的小样: what is sent of a picture where the original is too much: a JPEG in
//! sRGB of a size that fits the place, cut as editors say. It follows from the
//! original, the size and what editors wrote, and so is made once and kept.

mod color;
mod decode;
mod encode;
mod geometry;
mod queue;
pub mod render;
pub mod size;
pub mod stock;
pub(crate) mod store;
mod xmp;

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    error::Result,
    photo::{Words, rendition::size::Size},
};

/// Counts changes of the renderer that change what it makes; what an older one
/// made is not sent any more.
const RENDERER_VERSION: u32 = 1;

/// The media type of every rendition.
pub const CONTENT_TYPE: &str = "image/jpeg";

/// The types of originals that have renditions.
const RENDERED: [&str; 4] = ["image/jpeg", "image/png", "image/tiff", "image/webp"];

/// A part of a picture, in fractions of its width and height as it is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crop {
    /// Where it begins from the left.
    pub left: f64,
    /// Where it begins from the top.
    pub top: f64,
    /// How wide it is: more than 0.
    pub width: f64,
    /// How high it is: more than 0.
    pub height: f64,
}

/// A point of a picture, in fractions of its width and height as it is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FocalPoint {
    /// How far from the left.
    pub x: f64,
    /// How far from the top.
    pub y: f64,
}

/// What editors say about how a picture is shown, and the words that go with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Look {
    /// The part that is shown; none for all of it.
    pub crop: Option<Crop>,
    /// What must stay in sight; none for the middle of the crop.
    pub focal_point: Option<FocalPoint>,
    /// 图片说明.
    pub caption: String,
    /// The credit as it must be printed.
    pub credit_line: String,
    /// Who owns it.
    pub copyright_notice: String,
}

impl From<&Words> for Look {
    fn from(words: &Words) -> Look {
        Look {
            crop: words.crop,
            focal_point: words.focal_point,
            caption: words.caption.clone(),
            credit_line: words.credit_line.clone(),
            copyright_notice: words.copyright_notice.clone(),
        }
    }
}

/// Whether originals of this type have renditions.
fn is_rendered(content_type: &str) -> bool {
    RENDERED.contains(&content_type)
}

/// What a rendition is found by: a digest of everything that it follows from.
///
/// # Errors
/// Never for values of these types; the encoder could fail for others.
fn key(original: Digest, look: &Look, size: &Size) -> Result<Digest> {
    // Where nothing but the crop's edges is cut off, no point matters.
    let focal_point = look.focal_point.filter(|_| size.fills);
    let look = Look { focal_point, ..look.clone() };
    let causes = serde_json::to_vec(&(RENDERER_VERSION, original.to_string(), size, look))?;
    Ok(Digest::of_parts([b"rendition".as_slice(), &causes]))
}
