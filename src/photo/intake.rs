//! Looking at a file that has come: what it is, and whether it may be kept.

use tokio::task::spawn_blocking;

use crate::{
    error::{Error, Result},
    photo::{
        File,
        files::Received,
        metadata::{self, Container, Metadata},
        picture::{self, Format, Picture},
        upload::Declared,
    },
};

/// The facts of a file that has come and what it says of itself, if it is the one
/// that was declared, and a picture that is all there.
///
/// # Errors
/// It is not, or it cannot be read.
pub async fn examine(received: &Received, declared: &Declared) -> Result<(File, Metadata)> {
    declared.meet(received.size_bytes, received.sha256)?;
    let reader = received.reader();
    let looked = spawn_blocking(move || picture::look(reader)).await;
    // A reader that panics has met bytes that make no sense.
    let mut picture = looked.unwrap_or_else(|_| Err(Error::InvalidPhotoFile("it is damaged".to_owned())))?;
    declared.meet_type(picture.format.content_type())?;
    let metadata = read_metadata(received, picture.format).await;
    // HEIC turns its pictures itself, and repeats that in Exif for others.
    if picture.format != Format::Heic && metadata.orientation != 0 {
        picture.orientation = metadata.orientation;
    }
    Ok((facts(received, picture)?, metadata))
}

async fn read_metadata(received: &Received, format: Format) -> Metadata {
    let container = match format {
        Format::Jpeg => Container::Jpeg,
        Format::Png => Container::Png,
        Format::Tiff => Container::Tiff,
        Format::Webp => Container::Webp,
        Format::Heic => Container::Heic,
    };
    let reader = received.reader();
    let read = spawn_blocking(move || metadata::read(reader, container)).await;
    read.unwrap_or_else(|_| Metadata {
        faults: vec!["its metadata make no sense".to_owned()],
        ..Metadata::default()
    })
}

/// Both numbers are far below what the types hold, as the limits on size and
/// sides see to it.
fn facts(received: &Received, picture: Picture) -> Result<File> {
    let too_large = |_| Error::Internal("a file passed the limits and is too large".to_owned());
    let Picture { format, width_px, height_px, orientation } = picture;
    let (width_px, height_px) = picture::as_shown(width_px, height_px, orientation);
    Ok(File {
        sha256: received.sha256,
        content_type: format.content_type().to_owned(),
        size_bytes: i64::try_from(received.size_bytes).map_err(too_large)?,
        width_px: i32::try_from(width_px).map_err(too_large)?,
        height_px: i32::try_from(height_px).map_err(too_large)?,
        orientation,
    })
}
