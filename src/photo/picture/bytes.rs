//! Numbers in a file.

use std::io::{self, Read};

/// The next so many bytes.
pub(super) fn take<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The next two bytes, the high one first.
pub(super) fn u16_be(file: &mut impl Read) -> io::Result<u16> {
    take(file).map(u16::from_be_bytes)
}

/// The next four bytes, the high one first.
pub(super) fn u32_be(file: &mut impl Read) -> io::Result<u32> {
    take(file).map(u32::from_be_bytes)
}

/// The next four bytes, the low one first.
pub(super) fn u32_le(file: &mut impl Read) -> io::Result<u32> {
    take(file).map(u32::from_le_bytes)
}
