//! What a file is, by its own bytes: the type and the size of the picture. Only
//! headers are read, so that a picture which would fill the memory costs nothing.

use std::{fs::File, io::BufReader, path::Path};

use image::{ImageFormat, ImageReader};

use crate::{
    config,
    error::{Error, Result},
    photo,
    photo::files::Received,
};

/// Finds out what a received file is.
///
/// # Errors
/// It is no picture of a supported type, is broken, or is too large.
pub async fn inspect(received: &Received) -> Result<photo::File> {
    let path = received.path().to_owned();
    // A decoder that panics on a hostile file is as good as one that refuses.
    let inspected = tokio::task::spawn_blocking(move || read_header(&path)).await;
    let (format, width_px, height_px) = inspected.unwrap_or_else(|_| Err(broken()))?;
    if width_px.max(height_px) > config::PHOTO_SIDE_PX_MAX || width_px.min(height_px) == 0 {
        let max = config::PHOTO_SIDE_PX_MAX;
        let why = format!("it is {width_px} × {height_px} pixels; each side must have 1 to {max}");
        return Err(Error::InvalidPhotoFile(why));
    }
    Ok(photo::File {
        sha256: received.sha256,
        content_type: format.to_mime_type().to_owned(),
        size_bytes: received.size_bytes as i64,
        width_px: width_px as i32,
        height_px: height_px as i32,
    })
}

fn read_header(path: &Path) -> Result<(ImageFormat, u32, u32)> {
    let file = File::open(path).map_err(Error::File)?;
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(Error::File)?;
    let supported = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP];
    let format = reader.format().filter(|format| supported.contains(format)).ok_or_else(|| {
        Error::InvalidPhotoFile("it is not a picture in JPEG, PNG, TIFF or WebP".to_owned())
    })?;
    let (width, height) = reader.into_dimensions().map_err(|_| broken())?;
    Ok((format, width, height))
}

fn broken() -> Error {
    Error::InvalidPhotoFile("its header is broken or cut off".to_owned())
}
