//! TIFF: a directory of fields, which say where the strips or tiles of the first
//! picture lie (TIFF 6.0, section 2).

use std::io::{BufRead, Cursor, Seek, SeekFrom};

use super::{Fault, Size, bytes::take};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

/// Strips or tiles of a picture at most: one a pixel row, and many more than any
/// writer makes.
const PIECES_MAX: u32 = 1 << 20;

/// A file with the byte order that it has chosen.
struct Tiff<F> {
    file: F,
    is_little: bool,
}

/// A field of the directory.
#[derive(Clone, Copy)]
struct Field {
    kind: u16,
    count: u32,
    /// The value, or where it lies.
    value: [u8; 4],
}

/// The size of the first picture, if all of its data are there.
pub(super) fn size(mut file: impl BufRead + Seek) -> Result<Size, Fault> {
    let is_little = take::<4>(&mut file)?[0] == b'I';
    let mut tiff = Tiff { file, is_little };
    let directory = tiff.u32()?;
    tiff.file.seek(SeekFrom::Start(directory.into()))?;
    let mut fields = [None; 6];
    let wanted =
        [IMAGE_WIDTH, IMAGE_LENGTH, STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS];
    let mut end = 0;
    for _ in 0..tiff.u16()? {
        let tag = tiff.u16()?;
        let field = Field { kind: tiff.u16()?, count: tiff.u32()?, value: take(&mut tiff.file)? };
        end = end.max(tiff.end_of(field)?);
        if let Some(index) = wanted.iter().position(|wanted| *wanted == tag) {
            fields[index] = Some(field);
        }
    }
    // Where the next directory lies; other pictures are not looked at.
    tiff.u32()?;
    let [width, height, strips, strip_bytes, tiles, tile_bytes] = fields;
    let mut side = |field: Option<Field>| match field {
        Some(field) => tiff.numbers(field).and_then(|read| read.first().copied().ok_or(Fault::Damaged)),
        None => Err(Fault::Damaged),
    };
    let size = Size::upright(side(width)?, side(height)?);
    let (offsets, counts) = strips.zip(strip_bytes).or(tiles.zip(tile_bytes)).ok_or(Fault::Damaged)?;
    let (offsets, counts) = (tiff.numbers(offsets)?, tiff.numbers(counts)?);
    let ends = offsets.iter().zip(&counts).map(|(offset, count)| u64::from(*offset) + u64::from(*count));
    let end = ends.max().ok_or(Fault::Damaged)?.max(end);
    if tiff.file.seek(SeekFrom::End(0))? < end { Err(Fault::CutOff) } else { Ok(size) }
}

impl<F: BufRead + Seek> Tiff<F> {
    fn u16(&mut self) -> Result<u16, Fault> {
        let bytes = take(&mut self.file)?;
        Ok(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        let bytes = take(&mut self.file)?;
        Ok(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// Where the value of a field ends, if it lies outside of the directory.
    fn end_of(&self, field: Field) -> Result<u64, Fault> {
        let bytes_each = match field.kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => 1,
        };
        let bytes = u64::from(field.count) * bytes_each;
        if bytes <= 4 { Ok(0) } else { Ok(u64::from(self.inline(field).u32()?) + bytes) }
    }

    /// The four bytes of the value, to be read as they stand.
    fn inline(&self, field: Field) -> Tiff<Cursor<[u8; 4]>> {
        Tiff { file: Cursor::new(field.value), is_little: self.is_little }
    }

    /// The numbers of a field of type SHORT or LONG.
    fn numbers(&mut self, field: Field) -> Result<Vec<u32>, Fault> {
        let bytes_each = match field.kind {
            3 => 2,
            4 => 4,
            _ => return Err(Fault::Damaged),
        };
        if field.count > PIECES_MAX {
            return Err(Fault::Damaged);
        }
        if field.count * bytes_each <= 4 {
            return self.inline(field).read_numbers(field);
        }
        let offset = self.inline(field).u32()?;
        self.file.seek(SeekFrom::Start(offset.into()))?;
        self.read_numbers(field)
    }

    fn read_numbers(&mut self, field: Field) -> Result<Vec<u32>, Fault> {
        let one = |tiff: &mut Self| if field.kind == 3 { tiff.u16().map(u32::from) } else { tiff.u32() };
        (0..field.count).map(|_| one(self)).collect()
    }
}
