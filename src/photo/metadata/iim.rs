//! IPTC-IIM 4: datasets of a record, a number, a length and a value, mostly in the
//! Photoshop image resource 0x0404.

use md5::{Digest, Md5};

use super::{
    ITEMS_MAX, PROPERTIES_MAX, Property, Standard,
    text::{self, Charset},
};

/// The image resource that holds IIM.
const RESOURCE_IIM: u16 = 0x0404;

/// The image resource that holds the MD5 of the IIM, as it was when the XMP was
/// last written from it.
const RESOURCE_DIGEST: u16 = 0x0425;

/// What IIM says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iim {
    datasets: Vec<Dataset>,
    charset: Option<Charset>,
    /// Whether it was changed after the XMP was written from it.
    pub is_newer_than_xmp: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Dataset {
    record: u8,
    number: u8,
    value: Vec<u8>,
}

/// Reads the IIM in Photoshop image resources, or else one by itself.
pub fn read(photoshop: &[u8], alone: &[u8], faults: &mut Vec<String>) -> Iim {
    let (mut block, mut digest) = (Vec::new(), None);
    for (id, content) in resources(photoshop) {
        match id {
            // It may be cut into several resources.
            RESOURCE_IIM => block.extend(content),
            RESOURCE_DIGEST => digest = Some(content),
            _ => {}
        }
    }
    let block = if block.is_empty() { alone } else { &block };
    let (datasets, is_whole) = datasets(block);
    if !is_whole {
        faults.push("some of its IIM is damaged".to_owned());
    }
    let charset = charset(&datasets);
    let is_newer_than_xmp = digest.is_some_and(|digest| {
        let is_set = digest.iter().any(|byte| *byte != 0);
        is_set && digest != Md5::digest(block).as_slice()
    });
    Iim { datasets, charset: Some(charset), is_newer_than_xmp }
}

/// The image resources (Adobe Photoshop File Formats, Image Resource Blocks).
fn resources(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let rest = bytes.strip_prefix(b"8BIM")?;
        let (id, rest) = rest.split_first_chunk::<2>()?;
        // A name, padded to an even length with the byte that counts it.
        let name_bytes = (usize::from(*rest.first()?) + 2) & !1;
        let (length, rest) = rest.get(name_bytes..)?.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let content = rest.get(..length)?;
        bytes = rest.get(length + (length & 1)..).unwrap_or_default();
        Some((u16::from_be_bytes(*id), content))
    })
}

/// The datasets (IIM 4, 1.5), and whether the block held nothing else.
fn datasets(mut bytes: &[u8]) -> (Vec<Dataset>, bool) {
    let mut found = Vec::new();
    while let [0x1c, record, number, high, low, rest @ ..] = bytes {
        let length = u16::from_be_bytes([*high, *low]);
        let Some((value, rest)) = value(length, rest) else { return (found, false) };
        if found.len() < PROPERTIES_MAX {
            found.push(Dataset { record: *record, number: *number, value: value.to_vec() });
        }
        bytes = rest;
    }
    // Padding may follow.
    (found, bytes.iter().all(|byte| *byte == 0))
}

/// A value and what follows it. With the highest bit set, the length says how many
/// bytes the length has.
fn value(length: u16, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if length & 0x8000 == 0 {
        return rest.split_at_checked(length.into());
    }
    let (long, rest) = rest.split_at_checked(usize::from(length & 0x7fff))?;
    if long.len() > 4 {
        return None;
    }
    let length = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// The character set that 1:90 declares by an escape sequence (ISO 2022), or the
/// likeliest of all texts together.
fn charset(datasets: &[Dataset]) -> Charset {
    let declared = datasets.iter().find(|dataset| (dataset.record, dataset.number) == (1, 90));
    match declared.map(|dataset| dataset.value.as_slice()) {
        Some([0x1b, b'%', b'G' | b'/', ..]) => Charset::Utf8,
        Some([0x1b, b'.' | b'-' | b'/', b'A', ..]) => Charset::Latin1,
        _ => {
            let texts: Vec<&[u8]> =
                datasets.iter().filter(|own| own.record == 2).map(|own| own.value.as_slice()).collect();
            Charset::guess(&texts.join(&b'\n'))
        }
    }
}

impl Iim {
    fn decode(&self, value: &[u8]) -> String {
        // Whoever declares UTF-8 does not always write it.
        match self.charset {
            Some(Charset::Utf8) if std::str::from_utf8(value).is_err() => {
                text::clip(&text::undeclared(value))
            }
            Some(charset) => text::clip(&charset.decode(value)),
            None => String::new(),
        }
    }

    /// All values of a dataset of record 2.
    pub fn all(&self, number: u8) -> Vec<String> {
        let own = self.datasets.iter().filter(|dataset| (dataset.record, dataset.number) == (2, number));
        let texts = own.map(|dataset| self.decode(&dataset.value)).filter(|text| !text.is_empty());
        texts.take(ITEMS_MAX).collect()
    }

    /// The first value of a dataset of record 2.
    pub fn one(&self, number: u8) -> String {
        self.all(number).into_iter().next().unwrap_or_default()
    }

    /// Everything, as it was read.
    pub fn properties(&self) -> Vec<Property> {
        let all = self.datasets.iter().map(|dataset| {
            let name = match name(dataset.number) {
                Some(name) if dataset.record == 2 => format!("2:{:03} {name}", dataset.number),
                _ => format!("{}:{:03}", dataset.record, dataset.number),
            };
            let value = match (dataset.record, dataset.number) {
                // The character set, the version, and previews are no text.
                (1, 90) | (_, 0) | (2, 200..) | (3.., _) => format!("{} bytes", dataset.value.len()),
                _ => self.decode(&dataset.value),
            };
            Property::new(Standard::Iim, name, &value)
        });
        all.collect()
    }
}

/// The names of the datasets of record 2 that are in use.
fn name(number: u8) -> Option<&'static str> {
    Some(match number {
        5 => "Object Name",
        7 => "Edit Status",
        10 => "Urgency",
        15 => "Category",
        20 => "Supplemental Category",
        25 => "Keywords",
        40 => "Special Instructions",
        55 => "Date Created",
        60 => "Time Created",
        62 => "Digital Creation Date",
        63 => "Digital Creation Time",
        65 => "Originating Program",
        80 => "By-line",
        85 => "By-line Title",
        90 => "City",
        92 => "Sub-location",
        95 => "Province/State",
        100 => "Country Code",
        101 => "Country Name",
        103 => "Original Transmission Reference",
        105 => "Headline",
        110 => "Credit",
        115 => "Source",
        116 => "Copyright Notice",
        118 => "Contact",
        120 => "Caption/Abstract",
        122 => "Writer/Editor",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    fn dataset(number: u8, value: &[u8]) -> Vec<u8> {
        [&[0x1c, 2, number][..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    #[test]
    fn lengths_may_be_extended_and_padding_is_no_damage() {
        let long = [&[0x1c, 2, 120, 0x80, 4, 0, 0, 0, 5][..], b"story", &[0, 0]].concat();
        let mut faults = Vec::new();
        let read = super::read(&[], &long, &mut faults);
        assert_eq!((read.one(120).as_str(), faults.len()), ("story", 0));
    }

    #[test]
    fn what_is_cut_off_is_told_and_the_rest_is_read() {
        let mut block = [dataset(105, b"whole"), dataset(120, b"cut off")].concat();
        block.pop();
        let mut faults = Vec::new();
        let read = super::read(&[], &block, &mut faults);
        assert_eq!((read.one(105).as_str(), read.one(120).as_str()), ("whole", ""));
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn a_length_of_lengths_beyond_reason_is_damage() {
        let mut faults = Vec::new();
        super::read(&[], &[0x1c, 2, 120, 0xff, 0xff, 1, 2, 3], &mut faults);
        assert_eq!(faults.len(), 1);
    }
}
