//! JPEG: segments up to a scan, whose bytes nothing counts (ITU-T T.81, B.1).

use std::io::{BufRead, Seek, SeekFrom};

use super::{
    Fault, Size,
    bytes::{take, u16_be},
};

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// The size of a picture that is all there, to the end of its last scan.
pub(super) fn size(mut file: impl BufRead + Seek) -> Result<Size, Fault> {
    take::<2>(&mut file)?;
    let mut size = None;
    let mut scans = 0;
    let mut marker = next_marker(&mut file)?;
    loop {
        match marker {
            END_OF_IMAGE if scans > 0 => return size.ok_or(Fault::Damaged),
            END_OF_IMAGE => return Err(Fault::Damaged),
            // Restart markers, and TEM: nothing follows.
            0xd0..=0xd8 | 0x01 => {}
            _ => {
                let length = u16_be(&mut file)?.checked_sub(2).ok_or(Fault::Damaged)?;
                if is_frame(marker) {
                    size.get_or_insert(frame(&mut file, length)?);
                } else {
                    file.seek(SeekFrom::Current(length.into()))?;
                }
                if marker == START_OF_SCAN {
                    size.ok_or(Fault::Damaged)?;
                    scans += 1;
                    marker = scan_end(&mut file)?;
                    continue;
                }
            }
        }
        marker = next_marker(&mut file)?;
    }
}

/// SOF0 to SOF15, less the tables that have numbers between them.
fn is_frame(marker: u8) -> bool {
    (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker)
}

/// Reads a frame header of this length.
fn frame(file: &mut (impl BufRead + Seek), length: u16) -> Result<Size, Fault> {
    let rest = length.checked_sub(5).ok_or(Fault::Damaged)?;
    let [_precision, height_high, height_low, width_high, width_low] = take(file)?;
    file.seek(SeekFrom::Current(rest.into()))?;
    let height_px = u16::from_be_bytes([height_high, height_low]);
    let width_px = u16::from_be_bytes([width_high, width_low]);
    if height_px == 0 {
        return Err(Fault::Unsupported("it is a JPEG that does not say how high it is"));
    }
    Ok(Size::upright(width_px.into(), height_px.into()))
}

/// The next marker, behind any fill bytes.
fn next_marker(file: &mut impl BufRead) -> Result<u8, Fault> {
    let [first] = take(file)?;
    if first != 0xff {
        return Err(Fault::Damaged);
    }
    loop {
        match take(file)? {
            [0xff] => {}
            [0x00] => return Err(Fault::Damaged),
            [marker] => return Ok(marker),
        }
    }
}

/// The marker that ends a scan. In its data 0xff is followed by 0, by a restart
/// marker, or by more of itself.
fn scan_end(file: &mut impl BufRead) -> Result<u8, Fault> {
    let mut after_ff = false;
    loop {
        let data = file.fill_buf()?;
        if data.is_empty() {
            return Err(Fault::CutOff);
        }
        let mut at = 0;
        while at < data.len() {
            if !after_ff {
                let Some(found) = data[at..].iter().position(|byte| *byte == 0xff) else { break };
                at += found + 1;
                after_ff = true;
                continue;
            }
            match data[at] {
                0xff => at += 1,
                0x00 | 0xd0..=0xd7 => {
                    after_ff = false;
                    at += 1;
                }
                marker => {
                    file.consume(at + 1);
                    return Ok(marker);
                }
            }
        }
        let length = data.len();
        file.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// SOI, SOF0 of 3 x 2 pixels, SOS, data.
    fn picture(data: &[u8]) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 2, 0, 3, 1, 1, 0x11, 0];
        file.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
        file.extend(data);
        file
    }

    #[test]
    fn a_scan_ends_at_the_first_marker_that_is_no_data() {
        let whole = picture(&[1, 0xff, 0, 0xff, 0xd0, 0xff, 0xff, 0, 2, 0xff, 0xd9, 9, 9]);
        assert_eq!(size(Cursor::new(whole)).unwrap(), Size::upright(3, 2));
    }

    #[test]
    fn without_its_end_it_is_cut_off_wherever_that_is() {
        let whole = picture(&[1, 0xff, 0, 3, 0xff, 0xd9]);
        for end in 2..whole.len() {
            let cut = size(Cursor::new(&whole[..end]));
            assert!(matches!(cut, Err(Fault::CutOff)), "{end}: {cut:?}");
        }
    }

    #[test]
    fn a_scan_that_begins_another_one_goes_on() {
        let two = picture(&[1, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 2, 2, 0xff, 0xd9]);
        assert_eq!(size(Cursor::new(two)).unwrap(), Size::upright(3, 2));
    }
}
