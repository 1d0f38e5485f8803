//! What an original file is, as its bytes say: its type, its size in pixels, and
//! whether it is all there. No pixel is decoded, and no file is read into memory
//! whole.

mod bytes;
mod heic;
mod jpeg;
mod png;
mod tiff;
mod webp;

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::{
    config::{PHOTO_PIXELS_MAX, PHOTO_SIDE_PX_MAX},
    error::{Error, Result},
};

/// Bytes of a file from which its type is seen.
const SIGNATURE_BYTES: u64 = 32;

/// The types that an original may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG (ISO/IEC 10918-1).
    Jpeg,
    /// PNG.
    Png,
    /// TIFF 6.0.
    Tiff,
    /// WebP.
    Webp,
    /// HEIC (ISO/IEC 23008-12), as telephones take it. Kept and proven, but not
    /// decoded.
    Heic,
}

/// What the bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The type.
    pub format: Format,
    /// The width in pixels, as stored.
    pub width_px: u32,
    /// The height in pixels, as stored.
    pub height_px: u32,
    /// How the pixels lie, where that is not told by Exif: 1 to 8.
    pub orientation: u8,
}

impl Format {
    /// All types.
    pub const ALL: [Format; 5] = [Format::Jpeg, Format::Png, Format::Tiff, Format::Webp, Format::Heic];

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Tiff => "image/tiff",
            Format::Webp => "image/webp",
            Format::Heic => "image/heic",
        }
    }

    /// The type of this media type.
    pub fn of(content_type: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.content_type().eq_ignore_ascii_case(content_type))
    }

    /// The type of a file that begins like this.
    fn seen(start: &[u8]) -> Option<Format> {
        match start {
            [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Format::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
            _ => heic::is_its_start(start).then_some(Format::Heic),
        }
    }
}

/// The media types that are accepted, for people.
pub fn supported() -> String {
    Format::ALL.map(Format::content_type).join(", ")
}

/// Why a file is not taken.
#[derive(Debug)]
enum Fault {
    /// It ends before the picture does.
    CutOff,
    /// Its structure makes no sense.
    Damaged,
    /// It is a picture of a kind that is not taken, such as one of unknown height.
    Unsupported(&'static str),
    /// It cannot be read.
    Read(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::CutOff,
            // An offset that no file has.
            io::ErrorKind::InvalidInput => Fault::Damaged,
            _ => Fault::Read(error),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let why = match fault {
            Fault::CutOff => "it is cut off: the picture does not end",
            Fault::Damaged => "its structure is damaged",
            Fault::Unsupported(why) => why,
            Fault::Read(error) => return Error::File(error),
        };
        Error::InvalidPhotoFile(why.to_owned())
    }
}

/// Reads what a file is. Reads all of a JPEG, as nothing else tells where it
/// ends; takes time in proportion to the file and little memory.
///
/// # Errors
/// The file is no picture of a supported type, it is damaged or cut off, or the
/// picture is too large.
pub fn look(mut file: impl BufRead + Seek) -> Result<Picture> {
    let mut start = Vec::new();
    file.by_ref().take(SIGNATURE_BYTES).read_to_end(&mut start).map_err(Error::File)?;
    file.seek(SeekFrom::Start(0)).map_err(Error::File)?;
    let format = Format::seen(&start).ok_or_else(|| {
        Error::InvalidPhotoFile(format!("its bytes are of no supported type: {}", supported()))
    })?;
    let size = match format {
        Format::Jpeg => jpeg::size(file),
        Format::Png => png::size(file),
        Format::Tiff => tiff::size(file),
        Format::Webp => webp::size(file),
        Format::Heic => heic::size(file),
    };
    let Size { width_px, height_px, orientation } = size?;
    limit(width_px, height_px)?;
    Ok(Picture { format, width_px, height_px, orientation })
}

/// The size of a picture, and how it lies if the format itself says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    width_px: u32,
    height_px: u32,
    orientation: u8,
}

impl Size {
    fn upright(width_px: u32, height_px: u32) -> Size {
        Size { width_px, height_px, orientation: 1 }
    }
}

fn limit(width_px: u32, height_px: u32) -> Result<()> {
    if width_px == 0 || height_px == 0 {
        return Err(Fault::Damaged.into());
    }
    if width_px.max(height_px) > PHOTO_SIDE_PX_MAX {
        return Err(Error::LimitExceeded(format!(
            "the picture has {width_px} x {height_px} pixels; the limit of a side is {PHOTO_SIDE_PX_MAX}"
        )));
    }
    if u64::from(width_px) * u64::from(height_px) > PHOTO_PIXELS_MAX {
        return Err(Error::LimitExceeded(format!(
            "the picture has {width_px} x {height_px} pixels; the limit in all is {PHOTO_PIXELS_MAX}"
        )));
    }
    Ok(())
}

/// The width and height of a picture that lies like this, as it is shown.
pub fn as_shown(width_px: u32, height_px: u32, orientation: u8) -> (u32, u32) {
    // Exif Orientation: from 5 on, rows of the file are columns of the picture.
    if orientation >= 5 { (height_px, width_px) } else { (width_px, height_px) }
}
