//! PNG: chunks, each with its length, from IHDR to IEND.

use std::io::{BufRead, Seek, SeekFrom};

use super::{
    Fault, Size,
    bytes::{take, u32_be},
};

/// The size of a picture that is all there. That its data can be unpacked is not
/// looked at.
pub(super) fn size(mut file: impl BufRead + Seek) -> Result<Size, Fault> {
    take::<8>(&mut file)?;
    let (length, name) = chunk(&mut file)?;
    if &name != b"IHDR" || length != 13 {
        return Err(Fault::Damaged);
    }
    let size = Size::upright(u32_be(&mut file)?, u32_be(&mut file)?);
    skip(&mut file, length - 8)?;
    let mut has_data = false;
    loop {
        let (length, name) = chunk(&mut file)?;
        skip(&mut file, length)?;
        match &name {
            b"IEND" if has_data => return Ok(size),
            b"IEND" => return Err(Fault::Damaged),
            b"IDAT" => has_data = true,
            _ => {}
        }
    }
}

fn chunk(file: &mut impl BufRead) -> Result<(u32, [u8; 4]), Fault> {
    let length = u32_be(file)?;
    // The standard allows lengths of 31 bits.
    if i32::try_from(length).is_err() {
        return Err(Fault::Damaged);
    }
    Ok((length, take(file)?))
}

/// Goes past what is left of a chunk and its checksum, which must be there.
fn skip(file: &mut (impl BufRead + Seek), length: u32) -> Result<(), Fault> {
    file.seek(SeekFrom::Current(length.into()))?;
    take::<4>(file)?;
    Ok(())
}
