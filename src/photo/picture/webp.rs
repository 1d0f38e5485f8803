//! WebP: a RIFF file whose first chunk says how large the picture is (RFC 9649).

use std::io::{BufRead, Seek, SeekFrom};

use super::{
    Fault, Size,
    bytes::{take, u32_le},
};

/// The size of a picture that is all there.
pub(super) fn size(mut file: impl BufRead + Seek) -> Result<Size, Fault> {
    take::<4>(&mut file)?;
    let end = u64::from(u32_le(&mut file)?) + 8;
    take::<4>(&mut file)?;
    let size = match &take::<4>(&mut file)? {
        b"VP8 " => lossy(&mut file)?,
        b"VP8L" => lossless(&mut file)?,
        b"VP8X" => extended(&mut file)?,
        _ => return Err(Fault::Damaged),
    };
    if file.seek(SeekFrom::End(0))? < end { Err(Fault::CutOff) } else { Ok(size) }
}

fn lossy(file: &mut impl BufRead) -> Result<Size, Fault> {
    let [_, _, _, _, _, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = take(file)? else {
        return Err(Fault::Damaged);
    };
    // The two highest bits are how much to enlarge it.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Ok(Size::upright(side(w0, w1), side(h0, h1)))
}

fn lossless(file: &mut impl BufRead) -> Result<Size, Fault> {
    let [_, _, _, _, 0x2f] = take(file)? else { return Err(Fault::Damaged) };
    let bits = u32_le(file)?;
    Ok(Size::upright((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

fn extended(file: &mut impl BufRead) -> Result<Size, Fault> {
    let [_, _, _, _, _, _, _, _, w0, w1, w2, h0, h1, h2] = take(file)?;
    Ok(Size::upright(u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1))
}
