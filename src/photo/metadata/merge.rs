//! One truth of three: XMP over IIM over Exif, as the IPTC Photo Metadata Standard
//! and the Metadata Working Group's guidelines (version 2, chapter 5) have it. If
//! the IIM was changed after the XMP was written from it, it comes first, unless
//! it is the beginning of what XMP says: IIM cuts a text at a fixed length, as the
//! credit at 32 bytes.

use super::{
    Embedded, Place, Position,
    exif::Exif,
    iim::Iim,
    text::{iim_time, iso_time},
    xmp::Xmp,
};

/// Merges what the three standards say.
pub fn merge(exif: &Exif, iim: &Iim, xmp: &Xmp) -> Embedded {
    let one =
        |xmp: String, dataset: u8, exif: &str| first([either(iim, xmp, iim.one(dataset)), exif.to_owned()]);
    let word = |path: &str, dataset: u8| one(xmp.one(path), dataset, "");
    let text = |path: &str, dataset: u8, exif: &str| one(xmp.in_default_language(path), dataset, exif);
    Embedded {
        headline: word("photoshop:Headline", 105),
        caption: text("dc:description", 120, &exif.caption),
        creators: list(iim, [xmp.all("dc:creator"), iim.all(80), exif.creators.clone()]),
        credit_line: word("photoshop:Credit", 110),
        source: word("photoshop:Source", 115),
        copyright_notice: text("dc:rights", 116, &exif.copyright_notice),
        usage_terms: xmp.in_default_language("xmpRights:UsageTerms"),
        create_time: create_time(exif, iim, xmp),
        keywords: list(iim, [xmp.all("dc:subject"), iim.all(25), Vec::new()]),
        instructions: word("photoshop:Instructions", 40),
        place: Place {
            sublocation: word("Iptc4xmpCore:Location", 92),
            city: word("photoshop:City", 90),
            province_state: word("photoshop:State", 95),
            country: word("photoshop:Country", 101),
            country_code: word("Iptc4xmpCore:CountryCode", 100),
        },
        position: exif.position.or_else(|| position(xmp)),
        camera: exif.camera.clone(),
        lens: exif.lens.clone(),
    }
}

fn first<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn either(iim: &Iim, from_xmp: String, from_iim: String) -> String {
    if iim.is_newer_than_xmp && !is_cut(&from_iim, &from_xmp) {
        first([from_iim, from_xmp])
    } else {
        first([from_xmp, from_iim])
    }
}

/// Whether a text of IIM is the beginning of that of XMP. A character may have been
/// cut in two.
fn is_cut(from_iim: &str, from_xmp: &str) -> bool {
    from_xmp.starts_with(from_iim.trim_end_matches('\u{fffd}'))
}

fn list(iim: &Iim, [from_xmp, from_iim, from_exif]: [Vec<String>; 3]) -> Vec<String> {
    let is_same = from_xmp.len() == from_iim.len()
        && from_iim.iter().zip(&from_xmp).all(|(from_iim, from_xmp)| is_cut(from_iim, from_xmp));
    let order = if iim.is_newer_than_xmp && !is_same {
        [from_iim, from_xmp, from_exif]
    } else {
        [from_xmp, from_iim, from_exif]
    };
    order.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// Exif tells the second and the zone where the others often tell the day; it wins
/// where they agree as far as they go.
fn create_time(exif: &Exif, iim: &Iim, xmp: &Xmp) -> String {
    let from_iim = iim_time(&iim.one(55), &iim.one(60));
    let from_xmp =
        first([iso_time(&xmp.one("photoshop:DateCreated")), iso_time(&xmp.one("exif:DateTimeOriginal"))]);
    let told = if iim.is_newer_than_xmp { first([from_iim, from_xmp]) } else { first([from_xmp, from_iim]) };
    if exif.create_time.starts_with(&told) { exif.create_time.clone() } else { told }
}

/// `26,3.5N` or `26,3,30N` (XMP part 2, GPSCoordinate).
fn position(xmp: &Xmp) -> Option<Position> {
    let latitude = coordinate(&xmp.one("exif:GPSLatitude"), ['N', 'S'])?;
    let longitude = coordinate(&xmp.one("exif:GPSLongitude"), ['E', 'W'])?;
    Position::new(latitude, longitude, None)
}

fn coordinate(text: &str, [positive, negative]: [char; 2]) -> Option<f64> {
    let (numbers, sign) = match text.strip_suffix(positive) {
        Some(numbers) => (numbers, 1.0),
        None => (text.strip_suffix(negative)?, -1.0),
    };
    let parts: Vec<f64> = numbers.split(',').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let degrees = match parts[..] {
        [degrees, minutes] => degrees + minutes / 60.0,
        [degrees, minutes, seconds] => degrees + minutes / 60.0 + seconds / 3600.0,
        _ => return None,
    };
    Some(sign * degrees)
}
