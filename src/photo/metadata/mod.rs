//! What cameras and agencies write into a file: Exif, IPTC-IIM and XMP. Read
//! whole, one property after the other, and besides into the fields that a
//! newsroom works with, by the precedence that the IPTC and the Metadata Working
//! Group give: XMP over IIM over Exif, unless the IIM was changed later.
//!
//! Metadata never make a file unfit: what is damaged is told in `faults`, and the
//! rest is read. Nothing here depends on the rest of the house, so that the
//! readers can be fuzzed alone.

pub mod container;
pub mod exif;
pub mod iim;
mod merge;
pub mod text;
pub mod xmp;

use std::io::{BufRead, Seek};

use serde::{Deserialize, Serialize};

/// Bytes of one block of metadata at most: 8 MiB. Larger ones are not read.
pub const BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Properties that are kept of one file.
pub const PROPERTIES_MAX: usize = 2_000;

/// Characters that are kept of one value.
pub const VALUE_CHARS_MAX: usize = 10_000;

/// Items that are kept of a list, such as keywords.
pub const ITEMS_MAX: usize = 500;

/// What the file is, as far as this matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// TIFF.
    Tiff,
    /// WebP.
    Webp,
    /// HEIC: only Exif is read.
    Heic,
}

/// Everything that was read from a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The fields that a newsroom works with.
    pub embedded: Embedded,
    /// All properties, as they were read, in the order Exif, IIM, XMP.
    pub properties: Vec<Property>,
    /// What could not be read, in short sentences.
    pub faults: Vec<String>,
    /// How the pixels lie (Exif Orientation), 1 to 8; 0 if nothing says so.
    #[serde(skip)]
    pub orientation: u8,
}

/// The fields that a newsroom works with. Empty means that the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Embedded {
    /// A short synopsis of the picture.
    pub headline: String,
    /// What the picture shows.
    pub caption: String,
    /// Who made it.
    pub creators: Vec<String>,
    /// The credit that must be printed.
    pub credit_line: String,
    /// Whom it was got from.
    pub source: String,
    /// Who owns it.
    pub copyright_notice: String,
    /// What may be done with it.
    pub usage_terms: String,
    /// When it was taken: `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or
    /// `YYYY-MM-DDThh:mm:ss`, then `+hh:mm`, `-hh:mm` or `Z` if the zone is known.
    pub create_time: String,
    /// Words by which it is found.
    pub keywords: Vec<String>,
    /// What the sender asks editors to mind.
    pub instructions: String,
    /// Where it was taken.
    pub place: Place,
    /// Where the camera was.
    pub position: Option<Position>,
    /// The camera's maker and model.
    pub camera: String,
    /// The lens.
    pub lens: String,
}

/// Where a picture was taken, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// A place within the city.
    pub sublocation: String,
    /// The city.
    pub city: String,
    /// The province or state.
    pub province_state: String,
    /// The country.
    pub country: String,
    /// The country's code, ISO 3166.
    pub country_code: String,
}

/// Where a camera was (WGS 84).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Metres above the sea.
    pub altitude_m: Option<f64>,
}

/// The standard that a property belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standard {
    /// Exif (CIPA DC-008).
    Exif,
    /// IPTC-IIM 4.
    Iim,
    /// XMP (ISO 16684-1).
    Xmp,
}

/// One thing that a file says, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The standard.
    pub standard: Standard,
    /// Its name there: `DateTimeOriginal`, `2:120`, `dc:description[x-default]`.
    pub name: String,
    /// The value as text, at most [`VALUE_CHARS_MAX`] characters.
    pub value: String,
}

impl Property {
    /// A property with its value cut to what is kept.
    pub fn new(standard: Standard, name: impl Into<String>, value: &str) -> Property {
        Property { standard, name: name.into(), value: text::clip(value) }
    }
}

/// Reads all metadata of a file. Takes bounded time and memory whatever the bytes
/// are.
pub fn read(file: impl BufRead + Seek, container: Container) -> Metadata {
    let mut faults = Vec::new();
    let blocks = container::find(file, container, &mut faults);
    let exif = exif::read(&blocks.exif, &mut faults);
    let iim = iim::read(&blocks.photoshop, &blocks.iim, &mut faults);
    let xmp = xmp::read(&blocks.xmp, &mut faults);
    let embedded = merge::merge(&exif, &iim, &xmp);
    let orientation = exif.orientation.max(blocks.orientation);
    let all = exif.properties.into_iter().chain(iim.properties()).chain(xmp.properties());
    let mut properties: Vec<Property> = all.take(PROPERTIES_MAX + 1).collect();
    if properties.len() > PROPERTIES_MAX {
        properties.truncate(PROPERTIES_MAX);
        faults.push(format!("it has more than {PROPERTIES_MAX} properties; the rest is not kept"));
    }
    Metadata { embedded, properties, faults, orientation }
}
