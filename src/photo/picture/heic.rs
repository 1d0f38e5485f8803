//! HEIC: boxes in boxes (ISO/IEC 14496-12), of which `meta` says what the primary
//! item is, how large, and how it is turned (ISO/IEC 23008-12).

use std::io::{BufRead, Read, Seek, SeekFrom};

use super::{
    Fault, Size,
    bytes::{take, u32_be},
};

/// Bytes of the box `meta` at most.
const META_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Brands of still pictures in HEVC.
const BRANDS: [&[u8; 4]; 4] = [b"heic", b"heix", b"heim", b"heis"];

/// Whether a file begins with the box `ftyp` and names one of the brands, as its
/// own or among the first that it is compatible with.
pub(super) fn is_its_start(start: &[u8]) -> bool {
    let Some((b"ftyp", brands)) = start.get(4..).and_then(|rest| rest.split_first_chunk::<4>()) else {
        return false;
    };
    // The second word is the version.
    let words = brands.chunks_exact(4).enumerate().filter(|(index, _)| *index != 1);
    words.into_iter().any(|(_, word)| BRANDS.iter().any(|brand| *brand == word))
}

/// The size of the primary item of a file that is all there.
pub(super) fn size(mut file: impl BufRead + Seek) -> Result<Size, Fault> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 0;
    let mut size = None;
    while at < end {
        file.seek(SeekFrom::Start(at))?;
        let (name, header_bytes, bytes) = outer(&mut file, end - at)?;
        if bytes > end - at {
            return Err(Fault::CutOff);
        }
        if &name == b"meta" && size.is_none() {
            let length = bytes.checked_sub(header_bytes).ok_or(Fault::Damaged)?;
            if length > META_BYTES_MAX {
                return Err(Fault::Damaged);
            }
            let mut meta = Vec::new();
            file.by_ref().take(length).read_to_end(&mut meta)?;
            size = Some(primary(&meta).ok_or(Fault::Damaged)?);
        }
        at += bytes.max(header_bytes);
    }
    size.ok_or(Fault::Damaged)
}

/// The head of a box of the file: its name, and how many bytes its head and all
/// of it take.
fn outer(file: &mut impl BufRead, rest: u64) -> Result<([u8; 4], u64, u64), Fault> {
    let short = u32_be(file)?;
    let name = take(file)?;
    Ok(match short {
        // To the end of the file.
        0 => (name, 8, rest),
        1 => (name, 16, u64::from_be_bytes(take(file)?)),
        _ => (name, 8, short.into()),
    })
}

/// The boxes in a box.
fn inner(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, rest) = bytes.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_first_chunk::<4>()?;
        let length = (u32::from_be_bytes(*size) as usize).checked_sub(8)?;
        let (content, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        Some((name, content))
    })
}

fn find<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    inner(bytes).find(|(name, _)| *name == wanted).map(|(_, content)| content)
}

/// The size of the primary item, from the content of `meta`.
fn primary(meta: &[u8]) -> Option<Size> {
    let meta = meta.get(4..)?;
    let item = primary_item(find(meta, b"pitm")?)?;
    let properties = find(meta, b"iprp")?;
    let all: Vec<_> = inner(find(properties, b"ipco")?).collect();
    let own = associations(find(properties, b"ipma")?, item)?;
    let mut size = None;
    let mut quarter_turns = 0;
    // Property numbers begin with 1; 0 is none.
    for (name, content) in own.into_iter().filter_map(|number| all.get(number.checked_sub(1)?)) {
        match (*name, *content) {
            (b"ispe", [_, _, _, _, sides @ ..]) => {
                let (width, rest) = sides.split_first_chunk()?;
                let (height, _) = rest.split_first_chunk()?;
                size = Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)));
            }
            (b"irot", [angle, ..]) => quarter_turns = angle & 3,
            _ => {}
        }
    }
    let (width_px, height_px) = size?;
    // Turned to the left, as Exif Orientation names what is to be turned back.
    let orientation = [1, 8, 3, 6][usize::from(quarter_turns)];
    Some(Size { width_px, height_px, orientation })
}

/// The id that the content of `pitm` names.
fn primary_item(pitm: &[u8]) -> Option<u32> {
    match pitm {
        [0, _, _, _, high, low, ..] => Some(u16::from_be_bytes([*high, *low]).into()),
        [_, _, _, _, id @ ..] => id.first_chunk().map(|id| u32::from_be_bytes(*id)),
        _ => None,
    }
}

/// The numbers of the properties that the content of `ipma` gives an item.
fn associations(ipma: &[u8], wanted: u32) -> Option<Vec<usize>> {
    let (head, rest) = ipma.split_first_chunk::<8>()?;
    let [version, _, _, flags, count @ ..] = *head;
    let mut rest = rest;
    for _ in 0..u32::from_be_bytes(count) {
        let id = if version == 0 {
            let (id, behind) = rest.split_first_chunk()?;
            rest = behind;
            u16::from_be_bytes(*id).into()
        } else {
            let (id, behind) = rest.split_first_chunk()?;
            rest = behind;
            u32::from_be_bytes(*id)
        };
        let (count, behind) = rest.split_first()?;
        let bytes_each = if flags & 1 == 1 { 2 } else { 1 };
        let (numbers, behind) = behind.split_at_checked(usize::from(*count) * bytes_each)?;
        rest = behind;
        if id == wanted {
            // The highest bit says whether a reader must understand it.
            let number = |bytes: &[u8]| match bytes {
                [high, low] => usize::from(u16::from_be_bytes([*high, *low]) & 0x7fff),
                [one] => usize::from(one & 0x7f),
                _ => 0,
            };
            return Some(numbers.chunks(bytes_each).map(number).collect());
        }
    }
    None
}
