//! Sending a file, or a range of its bytes: of a working copy and of a published
//! photo alike.

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use crate::{
    error::{Error, Result},
    photo::{File, files::Files},
    wire::Check,
};

/// The bytes that a caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first byte, counted from 0.
    offset: i64,
    /// How many bytes at most; 0 for all.
    length: i64,
}

/// Bytes of a chunk of what is at hand.
const CHUNK_BYTES: usize = 256 * 1024;

/// One part of a download.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// First and once: what the file is.
    Info(File),
    /// Bytes, in order, at most 256 KiB.
    Chunk(Bytes),
}

impl Range {
    /// Reads the fields `offset` and `length` of a request.
    pub fn read(check: &mut Check, offset: i64, length: i64) -> Range {
        for (field, value) in [("offset", offset), ("length", length)] {
            if value < 0 {
                check.add(field, "must not be negative");
            }
        }
        Range { offset, length }
    }

    /// The bytes of a file of this length that lie in the range. The end of the
    /// file is a place to begin at, so that a download can be resumed that had
    /// everything.
    fn within(self, size_bytes: i64) -> Result<std::ops::Range<u64>> {
        let outside = || Error::RangeNotSatisfiable { offset: self.offset, size: size_bytes };
        let rest = size_bytes.checked_sub(self.offset).filter(|rest| *rest >= 0).ok_or_else(outside)?;
        let length = if self.length == 0 { rest } else { self.length.min(rest) };
        let start = u64::try_from(self.offset).map_err(|_| outside())?;
        Ok(start..start + length.unsigned_abs())
    }
}

/// Begins a download of a stored file.
///
/// # Errors
/// The range begins behind the end of the file, or the file is lost.
pub async fn open(
    files: &Files,
    file: &File,
    range: Range,
) -> Result<impl Stream<Item = Result<Part>> + Send + use<>> {
    let range = range.within(file.size_bytes)?;
    if !files.has(file).await? {
        return Err(Error::Internal(format!("the photo store has lost the file {}", file.sha256)));
    }
    let info = stream::iter([Ok(Part::Info(file.clone()))]);
    let chunks = files.read(file.sha256, range).map(|piece| piece.map(Part::Chunk));
    Ok(info.chain(chunks))
}

/// Begins a download of a file whose bytes are at hand.
///
/// # Errors
/// The range begins behind the end of the file.
pub fn of_bytes(file: &File, bytes: Bytes, range: Range) -> Result<impl Stream<Item = Result<Part>> + use<>> {
    let range = range.within(file.size_bytes)?;
    let outside = |_| Error::Internal("a range is longer than its file".to_owned());
    let (start, end) =
        (usize::try_from(range.start).map_err(outside)?, usize::try_from(range.end).map_err(outside)?);
    let info = stream::iter([Ok(Part::Info(file.clone()))]);
    let starts = (start..end).step_by(CHUNK_BYTES);
    let chunks = starts.map(move |start| Ok(Part::Chunk(bytes.slice(start..end.min(start + CHUNK_BYTES)))));
    Ok(info.chain(stream::iter(chunks)))
}
