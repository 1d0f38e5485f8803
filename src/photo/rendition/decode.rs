//! Originals to pixels, with hard bounds on memory. A JPEG that is shown much
//! smaller is decoded smaller: `jpeg-decoder` leaves the fine part of its
//! frequencies out, which takes half the time of all pixels and their reduction.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, metadata::Orientation};
use jpeg_decoder::PixelFormat;

use crate::{
    config::PHOTO_SIDE_PX_MAX,
    error::{Error, Result},
};

/// What a pixel consists of, each of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Brightness.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// The same and how opaque it is, not multiplied with it.
    Rgba,
    /// Ink: 255 is all of it.
    Cmyk,
}

impl Channels {
    /// Bytes of a pixel.
    pub fn count(self) -> usize {
        match self {
            Channels::Gray => 1,
            Channels::Rgb => 3,
            Channels::Rgba | Channels::Cmyk => 4,
        }
    }
}

/// A picture in memory.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// The width in pixels.
    pub width_px: u32,
    /// The height in pixels.
    pub height_px: u32,
    /// What a pixel consists of.
    pub channels: Channels,
    /// Line by line, without gaps.
    pub bytes: Vec<u8>,
}

/// An original whose header has been read.
pub struct Original<'b> {
    reader: Reader<'b>,
    /// The width in pixels, as stored.
    pub width_px: u32,
    /// The height in pixels, as stored.
    pub height_px: u32,
    /// How it must be turned to be displayed, as EXIF counts: 1 to 8.
    pub orientation: u8,
    /// The ICC profile, which may be damaged or of other channels.
    pub profile: Option<Vec<u8>>,
}

enum Reader<'b> {
    Jpeg(Box<jpeg_decoder::Decoder<&'b [u8]>>),
    Other(Box<dyn ImageDecoder + 'b>),
}

/// Bytes of a pixel in one byte a channel, at most.
const PIXEL_BYTES_MAX: u64 = 4;

impl<'b> Original<'b> {
    /// Reads the header of an original of this type, which may take so much memory.
    ///
    /// # Errors
    /// The header is damaged, its kind is not supported, or its pixels take more
    /// memory.
    pub fn open(bytes: &'b [u8], content_type: &str, memory_bytes_max: u64) -> Result<Original<'b>> {
        match ImageFormat::from_mime_type(content_type) {
            Some(ImageFormat::Jpeg) => Original::open_jpeg(bytes, memory_bytes_max),
            Some(format) => Original::open_other(bytes, format, memory_bytes_max),
            None => Err(Error::NoRendition { content_type: content_type.to_owned() }),
        }
    }

    fn open_jpeg(bytes: &'b [u8], memory_bytes_max: u64) -> Result<Original<'b>> {
        let mut decoder = jpeg_decoder::Decoder::new(bytes);
        decoder.set_max_decoding_buffer_size(usize::try_from(memory_bytes_max).unwrap_or(usize::MAX));
        decoder.read_info().map_err(failed)?;
        let info = decoder.info().ok_or_else(|| failed("it has no picture"))?;
        let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
        Ok(Original {
            width_px: info.width.into(),
            height_px: info.height.into(),
            orientation: orientation.map_or(1, Orientation::to_exif),
            profile: decoder.icc_profile(),
            reader: Reader::Jpeg(Box::new(decoder)),
        })
    }

    fn open_other(bytes: &'b [u8], format: ImageFormat, memory_bytes_max: u64) -> Result<Original<'b>> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_image_width = Some(PHOTO_SIDE_PX_MAX);
        limits.max_image_height = Some(PHOTO_SIDE_PX_MAX);
        limits.max_alloc = Some(memory_bytes_max);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let (width_px, height_px) = decoder.dimensions();
        // As it is decoded, and as it is worked on.
        let pixels = u64::from(width_px) * u64::from(height_px);
        if decoder.total_bytes().saturating_add(pixels * PIXEL_BYTES_MAX) > memory_bytes_max {
            return Err(failed("its pixels take too much memory"));
        }
        Ok(Original {
            width_px,
            height_px,
            // What is said beside the picture can be damaged without it.
            orientation: decoder.orientation().map_or(1, Orientation::to_exif),
            profile: decoder.icc_profile().unwrap_or_default(),
            reader: Reader::Other(Box::new(decoder)),
        })
    }

    /// Decodes it, to at least this share of its size.
    ///
    /// # Errors
    /// It is damaged or cut off, or takes more memory than it may.
    pub fn decode(self, scale_min: f64) -> Result<Pixels> {
        match self.reader {
            Reader::Jpeg(mut decoder) => {
                let least = |side: u32| (f64::from(side) * scale_min).ceil() as u16;
                let (width, height) =
                    decoder.scale(least(self.width_px), least(self.height_px)).map_err(failed)?;
                decode_jpeg(&mut decoder, width.into(), height.into())
            }
            Reader::Other(decoder) => Ok(pixels(DynamicImage::from_decoder(decoder).map_err(failed)?)),
        }
    }
}

fn decode_jpeg(decoder: &mut jpeg_decoder::Decoder<&[u8]>, width_px: u32, height_px: u32) -> Result<Pixels> {
    let bytes = decoder.decode().map_err(failed)?;
    let format = decoder.info().map(|info| info.pixel_format);
    let (channels, bytes) = match format.ok_or_else(|| failed("it has no picture"))? {
        PixelFormat::L8 => (Channels::Gray, bytes),
        // Native byte order.
        PixelFormat::L16 => {
            let upper = |pair: &[u8]| (u16::from_ne_bytes([pair[0], pair[1]]) >> 8) as u8;
            (Channels::Gray, bytes.chunks_exact(2).map(upper).collect())
        }
        PixelFormat::RGB24 => (Channels::Rgb, bytes),
        PixelFormat::CMYK32 => (Channels::Cmyk, bytes),
    };
    Ok(Pixels { width_px, height_px, channels, bytes })
}

/// One byte for each channel, whatever there were.
fn pixels(image: DynamicImage) -> Pixels {
    let (width_px, height_px) = (image.width(), image.height());
    let color = image.color();
    let (channels, bytes) = match (color.has_color(), color.has_alpha()) {
        (_, true) => (Channels::Rgba, image.into_rgba8().into_raw()),
        (true, false) => (Channels::Rgb, image.into_rgb8().into_raw()),
        (false, false) => (Channels::Gray, image.into_luma8().into_raw()),
    };
    Pixels { width_px, height_px, channels, bytes }
}

/// What callers are told: the decoder's words, which name no place.
fn failed(cause: impl std::fmt::Display) -> Error {
    Error::RenditionFailed(format!("its file cannot be decoded: {cause}"))
}
