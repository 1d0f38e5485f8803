//! Sending a file, or a range of its bytes: first what it is, then the bytes.

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use crate::{
    error::{Error, Result},
    photo::{File, files::Files},
    wire::Check,
};

/// A range of bytes, as a caller asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    offset: i64,
    length: i64,
}

/// One part of a download.
#[derive(Clone, Debug)]
pub enum Part {
    /// First: what the whole file is.
    Info(File),
    /// Then: its bytes, in order.
    Chunk(Bytes),
}

impl Range {
    /// Reads the fields `offset` and `length`; a length of 0 is to the end.
    pub fn read(check: &mut Check, offset: i64, length: i64) -> Range {
        if offset < 0 {
            check.add("offset", "must not be negative");
        }
        if length < 0 {
            check.add("length", "must not be negative; 0 means to the end");
        }
        Range { offset, length }
    }
}

/// Begins to send a file.
///
/// # Errors
/// The range begins behind the end, or the file cannot be read.
pub async fn open(
    files: &Files,
    file: &File,
    range: Range,
) -> Result<impl Stream<Item = Result<Part>> + Send + use<>> {
    let rest = file.size_bytes - range.offset;
    if rest < 0 {
        return Err(Error::RangeNotSatisfiable { offset: range.offset, size: file.size_bytes });
    }
    let length = if range.length == 0 { rest } else { rest.min(range.length) };
    let bytes = files.read(file.sha256, range.offset as u64, length as u64).await?;
    let info = stream::iter([Ok(Part::Info(file.clone()))]);
    Ok(info.chain(bytes.map(|piece| piece.map(Part::Chunk))))
}
