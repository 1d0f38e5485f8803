//! Renditions: pictures made by code, uploaded, asked for by the API, and decoded
//! again by another decoder than the service's.

mod colors;
mod cuts;
mod keeping;
mod published;
mod refusals;
mod sizes;
mod words;

use image::{ImageFormat, Rgb, RgbImage};
use masthead::{admin::Role, digest::Digest, import::desk::Desk, pb};
use tonic::Status;

use crate::newsroom::{self, Newsroom};

/// What a download brought.
pub struct Download {
    pub info: pb::PhotoDownloadInfo,
    pub bytes: Vec<u8>,
}

impl Download {
    /// The picture in it.
    pub fn picture(&self) -> RgbImage {
        image::load_from_memory_with_format(&self.bytes, ImageFormat::Jpeg).expect("a JPEG").into_rgb8()
    }

    /// Its width and height, as it says and as it is.
    pub fn size(&self) -> (u32, u32) {
        let picture = self.picture();
        let said = (self.info.width_px as u32, self.info.height_px as u32);
        assert_eq!(said, (picture.width(), picture.height()));
        said
    }
}

/// Asks for a working copy's file; an empty rendition is the original.
pub async fn ask(desk: &mut Desk, name: &str, rendition: &str) -> Result<Download, Status> {
    let request =
        pb::DownloadPhotoRequest { name: name.into(), rendition: rendition.into(), ..Default::default() };
    ask_for(desk, request).await
}

/// Asks for what a request says; all of a file has the digest that it says.
pub async fn ask_for(desk: &mut Desk, request: pb::DownloadPhotoRequest) -> Result<Download, Status> {
    use pb::download_photo_response::Part;
    let is_whole = request.offset == 0 && request.length == 0;
    let mut parts = desk.photos.download_photo(request).await?.into_inner();
    let (mut info, mut bytes) = (None, Vec::new());
    while let Some(message) = parts.message().await? {
        match message.part.expect("a part") {
            Part::Info(first) => assert!(info.replace(first).is_none(), "one info"),
            Part::Chunk(chunk) => bytes.extend_from_slice(&chunk),
        }
    }
    let info = info.expect("an info");
    if is_whole {
        assert_eq!(info.sha256, Digest::of(&bytes).to_string());
        assert_eq!(info.size_bytes, bytes.len() as i64);
    }
    Ok(Download { info, bytes })
}

/// A photo with this file, about which nothing is written.
pub async fn photo_of(newsroom: &Newsroom, bytes: Vec<u8>) -> pb::Photo {
    photo_with(newsroom, pb::Photo::default(), bytes).await
}

/// A photo with these words and this file.
pub async fn photo_with(newsroom: &Newsroom, words: pb::Photo, bytes: Vec<u8>) -> pb::Photo {
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let create = pb::CreatePhotoRequest { photo: Some(words), ..Default::default() };
    let photo = reporter.photos.create_photo(create).await.expect("a photo").into_inner();
    let parts = newsroom::upload(&photo.name, bytes);
    reporter.photos.upload_photo(parts).await.expect("an upload").into_inner()
}

/// Writes these fields of a photo.
pub async fn change(desk: &mut Desk, photo: pb::Photo, fields: &[&str]) -> pb::Photo {
    let photo = pb::Photo { etag: "*".into(), ..photo };
    let update = pb::UpdatePhotoRequest {
        photo: Some(photo),
        update_mask: newsroom::mask(fields),
        ..Default::default()
    };
    desk.photos.update_photo(update).await.expect("an update").into_inner()
}

/// A picture as a PNG file.
pub fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).expect("a PNG");
    bytes.into_inner()
}

/// A picture as a JPEG file, with what `add` adds.
pub fn jpeg(picture: &RgbImage, add: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    add(&mut encoder);
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb).expect("a JPEG");
    bytes
}

/// A picture of one colour.
pub fn plain(width: u32, height: u32, color: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(color))
}

/// A picture whose quarters are red, green, blue and white, line by line.
pub fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb(QUARTERS[quarter(x * 2 >= width, y * 2 >= height)]))
}

/// The colours of [`quarters`].
pub const QUARTERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 160, 30], [30, 30, 220], [250, 250, 250]];

fn quarter(is_right: bool, is_lower: bool) -> usize {
    usize::from(is_right) + 2 * usize::from(is_lower)
}

/// The colours in the middles of a picture's quarters, line by line.
pub fn in_quarters(picture: &RgbImage) -> [[u8; 3]; 4] {
    let at = |x: u32, y: u32| picture.get_pixel(picture.width() * x / 4, picture.height() * y / 4).0;
    [at(1, 1), at(3, 1), at(1, 3), at(3, 3)]
}

/// Fails unless a colour is the expected one, but for what a JPEG costs.
#[track_caller]
pub fn assert_color(color: [u8; 3], expected: [u8; 3]) {
    let is_near = |(one, other): (u8, u8)| one.abs_diff(other) <= 4;
    assert!(color.into_iter().zip(expected).all(is_near), "{color:?} is not {expected:?}");
}
