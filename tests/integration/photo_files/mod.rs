//! The original files of photos: how they come, in one call or many, what is
//! refused, how they lie in a folder or a bucket, and how they are proven.

mod bad_files;
pub mod bucket;
mod metadata;
pub mod proving;
mod purging;
mod resuming;

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::{Stream, stream};
use masthead::{import::desk::Desk, pb};
use sha2::{Digest, Sha256};
use tonic::Status;
use tonic_types::StatusExt;

use crate::newsroom::picture;

/// Bytes that differ from place to place, the same for the same seed.
pub fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A JPEG of about so many bytes: a small picture behind comments of noise.
pub fn jpeg_of(bytes: usize, seed: u64) -> Vec<u8> {
    let small = picture();
    let mut file = small[..2].to_vec();
    for comment in noise(bytes.saturating_sub(small.len()), seed).chunks(65_000) {
        file.extend([0xff, 0xfe]);
        file.extend((comment.len() as u16 + 2).to_be_bytes());
        file.extend(comment);
    }
    file.extend(&small[2..]);
    file
}

/// A digest as the API writes it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a photo without a file.
pub async fn new_photo(desk: &mut Desk) -> pb::Photo {
    desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo").into_inner()
}

/// A photo as it is now.
pub async fn get_photo(desk: &mut Desk, name: &str) -> pb::Photo {
    let get = pb::GetPhotoRequest { name: name.into() };
    desk.photos.get_photo(get).await.expect("a photo").into_inner()
}

/// Begins an upload of these bytes that can be continued.
pub async fn start(desk: &mut Desk, photo: &str, bytes: &[u8]) -> pb::PhotoUpload {
    let upload =
        pb::PhotoUpload { size_bytes: bytes.len() as i64, sha256: sha256(bytes), ..Default::default() };
    let start =
        pb::StartPhotoUploadRequest { parent: photo.into(), upload: Some(upload), ..Default::default() };
    desk.photos.start_photo_upload(start).await.expect("an upload").into_inner()
}

/// How far an upload is.
pub async fn get_upload(desk: &mut Desk, name: &str) -> Result<pb::PhotoUpload, Status> {
    let get = pb::GetPhotoUploadRequest { name: name.into() };
    Ok(desk.photos.get_photo_upload(get).await?.into_inner())
}

/// The messages that continue an upload at a place with these bytes.
pub fn rest(upload: &str, offset: usize, bytes: &[u8]) -> Vec<pb::UploadPhotoRequest> {
    use pb::upload_photo_request::Part;
    let start = pb::UploadPhotoStart { upload: upload.into(), offset: offset as i64, ..Default::default() };
    let chunks = bytes.chunks(200_000).map(|chunk| Part::Chunk(chunk.to_vec().into()));
    let parts = std::iter::once(Part::Start(start)).chain(chunks);
    parts.map(|part| pb::UploadPhotoRequest { part: Some(part) }).collect()
}

/// Continues an upload to its end, as a client does that obeys what it is told.
pub async fn resume(desk: &mut Desk, upload: &str, bytes: &[u8]) -> pb::Photo {
    let mut received = get_upload(desk, upload).await.expect("an upload").received_bytes;
    loop {
        let offset = received as usize;
        let parts = stream::iter(rest(upload, offset, &bytes[offset..]));
        match desk.photos.upload_photo(parts).await {
            Ok(photo) => return photo.into_inner(),
            Err(status) => {
                // The call before was still putting away what had come.
                assert_eq!(status.code(), tonic::Code::Aborted, "{status:?}");
                received = get_upload(desk, upload).await.expect("an upload").received_bytes;
            }
        }
    }
}

/// Downloads a photo's file.
pub async fn download(desk: &mut Desk, name: &str) -> Vec<u8> {
    use pb::download_photo_response::Part;
    let ask = pb::DownloadPhotoRequest { name: name.into(), ..Default::default() };
    let mut parts = desk.photos.download_photo(ask).await.expect("a download").into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = parts.message().await.expect("a part") {
        if let Some(Part::Chunk(chunk)) = message.part {
            bytes.extend_from_slice(&chunk);
        }
    }
    bytes
}

/// Sends messages and then nothing more, without an end.
pub fn stalled(
    parts: Vec<pb::UploadPhotoRequest>,
) -> impl Stream<Item = pb::UploadPhotoRequest> + Send + 'static {
    use futures::StreamExt;
    stream::iter(parts).chain(stream::pending())
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// A value of a status's error info.
pub fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_error_details().error_info().and_then(|info| info.metadata.get(key).cloned())
}
