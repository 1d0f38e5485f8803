//! What an original file is, as its first bytes say: its type and its size in
//! pixels. No pixel is decoded, and no file is read into memory whole.

use std::{
    fs,
    io::{self, BufRead, BufReader, Seek},
};

use image::{
    ImageError, ImageFormat, ImageReader, Limits,
    error::{LimitError, LimitErrorKind},
};
use zune_jpeg::{JpegDecoder, zune_core::options::DecoderOptions};

use crate::{
    config::PHOTO_SIDE_PX_MAX,
    error::{Error, Result},
};

/// The types that a file may have.
const FORMATS: [(ImageFormat, &str); 4] = [
    (ImageFormat::Jpeg, "image/jpeg"),
    (ImageFormat::Png, "image/png"),
    (ImageFormat::Tiff, "image/tiff"),
    (ImageFormat::WebP, "image/webp"),
];

/// Bytes that a header may take in memory, colour profile and texts included.
const HEADER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The media type.
    pub content_type: &'static str,
    /// The width in pixels.
    pub width_px: u32,
    /// The height in pixels.
    pub height_px: u32,
}

/// Whether files of this media type are accepted.
pub fn is_supported(content_type: &str) -> bool {
    FORMATS.iter().any(|(_, known)| known.eq_ignore_ascii_case(content_type))
}

/// The media types that are accepted, for people.
pub fn supported() -> String {
    FORMATS.map(|(_, content_type)| content_type).join(", ")
}

/// Reads what a file is.
///
/// # Errors
/// The file is no picture of a supported type, its header is damaged, or the
/// picture is too large.
pub async fn read(file: fs::File) -> Result<Picture> {
    let looked = tokio::task::spawn_blocking(move || look(BufReader::new(file))).await;
    // A decoder that panics has met bytes that make no sense.
    looked.unwrap_or_else(|_| Err(damaged()))
}

fn look(file: impl BufRead + Seek) -> Result<Picture> {
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(Error::File)?;
    let format = reader.format().and_then(|found| FORMATS.into_iter().find(|(format, _)| *format == found));
    let Some((format, content_type)) = format else {
        let list = supported();
        return Err(Error::InvalidPhotoFile(format!("its bytes are of no supported type: {list}")));
    };
    let (width_px, height_px) = match format {
        ImageFormat::Jpeg => jpeg_size(reader.into_inner())?,
        _ => {
            let mut limits = Limits::default();
            limits.max_image_width = Some(PHOTO_SIDE_PX_MAX);
            limits.max_image_height = Some(PHOTO_SIDE_PX_MAX);
            limits.max_alloc = Some(HEADER_BYTES_MAX);
            reader.limits(limits);
            reader.into_dimensions().map_err(|error| refusal(error, content_type))?
        }
    };
    if width_px == 0 || height_px == 0 {
        return Err(damaged());
    }
    Ok(Picture { content_type, width_px, height_px })
}

/// The size of a JPEG picture. `image` would read the whole file for it; the
/// decoder that it uses needs no more than the header.
fn jpeg_size(file: impl BufRead + Seek) -> Result<(u32, u32)> {
    let side_max = PHOTO_SIDE_PX_MAX as usize;
    let options = DecoderOptions::default().set_max_width(side_max).set_max_height(side_max);
    let mut decoder = JpegDecoder::new_with_options(file, options);
    decoder.decode_headers().map_err(|_| damaged())?;
    let info = decoder.info().ok_or_else(damaged)?;
    Ok((info.width.into(), info.height.into()))
}

fn refusal(error: ImageError, content_type: &str) -> Error {
    match error {
        ImageError::Limits(limit) => too_large(&limit),
        ImageError::Unsupported(_) => {
            Error::InvalidPhotoFile(format!("this kind of {content_type} is not supported"))
        }
        ImageError::IoError(error) if is_of_the_disk(&error) => Error::File(error),
        _ => damaged(),
    }
}

fn too_large(limit: &LimitError) -> Error {
    match limit.kind() {
        LimitErrorKind::DimensionError => Error::LimitExceeded(format!(
            "the picture has a side of more than {PHOTO_SIDE_PX_MAX} pixels, which is the limit"
        )),
        _ => Error::LimitExceeded(format!(
            "the header of the picture takes more than {HEADER_BYTES_MAX} bytes, which is the limit"
        )),
    }
}

/// Whether the disk failed. A header can send its reader to an offset that no
/// file has, which the system calls invalid input.
fn is_of_the_disk(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && error.kind() != io::ErrorKind::InvalidInput
}

fn damaged() -> Error {
    Error::InvalidPhotoFile("its header is damaged or cut off".to_owned())
}
