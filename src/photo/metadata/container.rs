//! Finding the blocks of metadata in a file, without its pixels.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read, Seek, SeekFrom},
};

use super::{BLOCK_BYTES_MAX, Container};

/// Blocks of one kind at most; a file has one or two.
const BLOCKS_MAX: usize = 64;

/// Fields of a TIFF directory that are looked at.
const TIFF_FIELDS_MAX: u16 = 4_096;

/// The blocks of metadata of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// Exif, in the form of a TIFF file; empty if there is none.
    pub exif: Vec<u8>,
    /// Photoshop image resources, which hold the IIM.
    pub photoshop: Vec<u8>,
    /// IIM by itself.
    pub iim: Vec<u8>,
    /// Packets of XMP.
    pub xmp: Vec<Vec<u8>>,
    /// The orientation, where the file has it besides.
    pub orientation: u8,
}

/// Finds the blocks of a file.
pub fn find(mut file: impl BufRead + Seek, container: Container, faults: &mut Vec<String>) -> Blocks {
    let mut blocks = Blocks::default();
    let found = match container {
        Container::Jpeg => jpeg(&mut file, &mut blocks),
        Container::Png => png(&mut file, &mut blocks),
        Container::Tiff => tiff(&mut file, &mut blocks),
        Container::Webp => webp(&mut file, &mut blocks),
        Container::Heic => heic(&mut file, &mut blocks),
    };
    if found.is_err() {
        faults.push("the file breaks off, or its structure is damaged, before its metadata end".to_owned());
    }
    blocks
}

fn take<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The next so many bytes, if they are not too many to be metadata.
fn take_block(file: &mut (impl BufRead + Seek), length: u64) -> io::Result<Vec<u8>> {
    if length > BLOCK_BYTES_MAX as u64 {
        skip(file, length)?;
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn skip(file: &mut impl Seek, length: u64) -> io::Result<()> {
    let length = i64::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    file.seek(SeekFrom::Current(length)).map(drop)
}

fn jpeg(file: &mut (impl BufRead + Seek), blocks: &mut Blocks) -> io::Result<()> {
    let mut extended: BTreeMap<[u8; 32], Vec<u8>> = BTreeMap::new();
    take::<2>(file)?;
    loop {
        let [first, mut marker] = take(file)?;
        if first != 0xff {
            return Err(io::ErrorKind::InvalidData.into());
        }
        while marker == 0xff {
            [marker] = take(file)?;
        }
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            continue;
        }
        // A scan, or the end: metadata stand before.
        if matches!(marker, 0xda | 0xd9) {
            break;
        }
        let length = u16::from_be_bytes(take(file)?).checked_sub(2).ok_or(io::ErrorKind::InvalidData)?;
        if !matches!(marker, 0xe1 | 0xed) {
            skip(file, length.into())?;
            continue;
        }
        let segment = take_block(file, length.into())?;
        if let Some(exif) = segment.strip_prefix(b"Exif\0\0") {
            if blocks.exif.is_empty() {
                blocks.exif = exif.to_vec();
            }
        } else if let Some(packet) = segment.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
            if blocks.xmp.len() < BLOCKS_MAX {
                blocks.xmp.push(packet.to_vec());
            }
        } else if let Some(part) = segment.strip_prefix(b"http://ns.adobe.com/xmp/extension/\0") {
            extend(&mut extended, part);
        } else if let Some(resources) = segment.strip_prefix(b"Photoshop 3.0\0")
            && blocks.photoshop.len() + resources.len() <= BLOCK_BYTES_MAX
        {
            // Resources may go on from one segment to the next.
            blocks.photoshop.extend(resources);
        }
    }
    blocks.xmp.extend(extended.into_values());
    Ok(())
}

/// Takes in a part of an extended packet (XMP part 3, 1.1.3.1), which come in
/// order.
fn extend(extended: &mut BTreeMap<[u8; 32], Vec<u8>>, part: &[u8]) {
    let Some((id, rest)) = part.split_first_chunk::<32>() else { return };
    let Some((_full_length, rest)) = rest.split_first_chunk::<4>() else { return };
    let Some((offset, bytes)) = rest.split_first_chunk::<4>() else { return };
    if extended.len() >= BLOCKS_MAX && !extended.contains_key(id) {
        return;
    }
    let packet = extended.entry(*id).or_default();
    let is_next = u32::from_be_bytes(*offset) as usize == packet.len();
    if is_next && packet.len() + bytes.len() <= BLOCK_BYTES_MAX {
        packet.extend(bytes);
    }
}

fn png(file: &mut (impl BufRead + Seek), blocks: &mut Blocks) -> io::Result<()> {
    take::<8>(file)?;
    loop {
        let length = u32::from_be_bytes(take(file)?);
        match &take(file)? {
            b"IEND" => return Ok(()),
            b"eXIf" => blocks.exif = take_block(file, length.into())?,
            b"iTXt" => {
                let text = take_block(file, length.into())?;
                // Keyword, then: not compressed, no language, no translation.
                if let Some(packet) = text.strip_prefix(b"XML:com.adobe.xmp\0\0\0\0\0")
                    && blocks.xmp.len() < BLOCKS_MAX
                {
                    blocks.xmp.push(packet.to_vec());
                }
            }
            _ => skip(file, length.into())?,
        }
        take::<4>(file)?;
    }
}

fn webp(file: &mut (impl BufRead + Seek), blocks: &mut Blocks) -> io::Result<()> {
    take::<12>(file)?;
    while !file.fill_buf()?.is_empty() {
        let name: [u8; 4] = take(file)?;
        let length = u32::from_le_bytes(take(file)?);
        match &name {
            b"EXIF" => {
                let exif = take_block(file, length.into())?;
                blocks.exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif).to_vec();
            }
            b"XMP " if blocks.xmp.len() < BLOCKS_MAX => blocks.xmp.push(take_block(file, length.into())?),
            _ => skip(file, length.into())?,
        }
        // Chunks begin at even places.
        skip(file, u64::from(length & 1))?;
    }
    Ok(())
}

/// A TIFF file is a block of Exif itself, if it is not too large; the others lie
/// in fields of its first directory.
fn tiff(file: &mut (impl BufRead + Seek), blocks: &mut Blocks) -> io::Result<()> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    if size <= BLOCK_BYTES_MAX as u64 {
        blocks.exif = take_block(file, size)?;
        file.seek(SeekFrom::Start(0))?;
    }
    let is_little = take::<4>(file)?[0] == b'I';
    let short =
        |bytes: [u8; 2]| if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let long = |bytes: [u8; 4]| if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    let directory = long(take(file)?);
    file.seek(SeekFrom::Start(directory.into()))?;
    let mut found = Vec::new();
    for _ in 0..short(take(file)?).min(TIFF_FIELDS_MAX) {
        let (tag, kind) = (short(take(file)?), short(take(file)?));
        let (count, value) = (long(take(file)?), take::<4>(file)?);
        match tag {
            274 => blocks.orientation = u8::try_from(short([value[0], value[1]])).unwrap_or_default(),
            700 | 33_723 | 34_377 => {
                let bytes_each = if kind == 4 { 4 } else { 1 };
                found.push((tag, u64::from(count) * bytes_each, long(value)));
            }
            _ => {}
        }
    }
    if !(1..=8).contains(&blocks.orientation) {
        blocks.orientation = 0;
    }
    for (tag, length, offset) in found.into_iter().filter(|(_, length, _)| *length > 4).take(BLOCKS_MAX) {
        file.seek(SeekFrom::Start(offset.into()))?;
        let block = take_block(file, length)?;
        match tag {
            700 => blocks.xmp.push(block),
            33_723 => blocks.iim = block,
            _ => blocks.photoshop = block,
        }
    }
    Ok(())
}

fn heic(file: &mut (impl BufRead + Seek), blocks: &mut Blocks) -> io::Result<()> {
    let read = ::exif::Reader::new().read_from_container(file);
    match read {
        Ok(found) => blocks.exif = found.buf().to_vec(),
        Err(::exif::Error::NotFound(_)) => {}
        Err(_) => return Err(io::ErrorKind::InvalidData.into()),
    }
    Ok(())
}
