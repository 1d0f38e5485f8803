//! Exif (CIPA DC-008), with kamadak-exif.

use exif::{Context, Exif as Found, Field, In, Reader, Tag, Value};

use super::{PROPERTIES_MAX, Position, Property, Standard, text};

/// What Exif says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exif {
    /// All fields, but those of the thumbnail.
    pub properties: Vec<Property>,
    /// ImageDescription, or else UserComment.
    pub caption: String,
    /// Artist.
    pub creators: Vec<String>,
    /// Copyright.
    pub copyright_notice: String,
    /// DateTimeOriginal with OffsetTimeOriginal.
    pub create_time: String,
    /// GPSLatitude, GPSLongitude and GPSAltitude with their references.
    pub position: Option<Position>,
    /// Make and Model.
    pub camera: String,
    /// LensModel.
    pub lens: String,
    /// Orientation, 1 to 8; 0 if there is none.
    pub orientation: u8,
}

/// Reads a block in the form of a TIFF file; an empty one says nothing.
pub fn read(block: &[u8], faults: &mut Vec<String>) -> Exif {
    if block.is_empty() {
        return Exif::default();
    }
    let read = Reader::new().continue_on_error(true).read_raw(block.to_vec());
    let found = read.or_else(|error| {
        error.distill_partial_result(|_| faults.push("some of its Exif is damaged".to_owned()))
    });
    let Ok(found) = found else {
        faults.push("its Exif is damaged".to_owned());
        return Exif::default();
    };
    Exif {
        properties: properties(&found),
        caption: caption(&found),
        creators: words(&found, Tag::Artist)
            .split(';')
            .map(text::clip)
            .filter(|name| !name.is_empty())
            .collect(),
        copyright_notice: words(&found, Tag::Copyright),
        create_time: text::exif_time(
            &words(&found, Tag::DateTimeOriginal),
            &words(&found, Tag::OffsetTimeOriginal),
        ),
        position: position(&found),
        camera: camera(&words(&found, Tag::Make), &words(&found, Tag::Model)),
        lens: words(&found, Tag::LensModel),
        orientation: orientation(&found),
    }
}

fn primary(found: &Found, tag: Tag) -> Option<&Field> {
    found.get_field(tag, In::PRIMARY)
}

fn properties(found: &Found) -> Vec<Property> {
    let own = found.fields().filter(|field| field.ifd_num == In::PRIMARY).take(PROPERTIES_MAX);
    own.map(|field| Property::new(Standard::Exif, name(field.tag), &value(found, field))).collect()
}

fn name(tag: Tag) -> String {
    match tag {
        Tag(Context::Gps, number) if tag.description().is_none() => format!("GPS-0x{number:04x}"),
        Tag(_, number) if tag.description().is_none() => format!("0x{number:04x}"),
        tag => tag.to_string(),
    }
}

fn value(found: &Found, field: &Field) -> String {
    match &field.value {
        Value::Ascii(lines) => lines_of(lines),
        Value::Undefined(bytes, _) if field.tag == Tag::UserComment => {
            text::exif_comment(bytes, found.little_endian())
        }
        Value::Undefined(bytes, _) | Value::Byte(bytes) if bytes.len() > 64 => {
            format!("{} bytes", bytes.len())
        }
        _ => field.display_value().to_string(),
    }
}

/// The parts of a text field, such as the photographer's and the editor's
/// copyright.
fn lines_of(lines: &[Vec<u8>]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| text::undeclared(line)).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    text::clip(&lines.join("; "))
}

fn words(found: &Found, tag: Tag) -> String {
    match primary(found, tag).map(|field| &field.value) {
        Some(Value::Ascii(lines)) => lines_of(lines),
        _ => String::new(),
    }
}

fn caption(found: &Found) -> String {
    let description = words(found, Tag::ImageDescription);
    if !description.is_empty() {
        return description;
    }
    match primary(found, Tag::UserComment).map(|field| &field.value) {
        Some(Value::Undefined(bytes, _)) => text::clip(&text::exif_comment(bytes, found.little_endian())),
        _ => String::new(),
    }
}

/// Many makers begin the model with their own name.
fn camera(make: &str, model: &str) -> String {
    let maker = make.split(' ').next().unwrap_or_default();
    if model.to_lowercase().starts_with(&maker.to_lowercase()) {
        model.to_owned()
    } else {
        format!("{make} {model}").trim().to_owned()
    }
}

fn orientation(found: &Found) -> u8 {
    let value = primary(found, Tag::Orientation).and_then(|field| field.value.get_uint(0));
    value
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
        .unwrap_or_default()
}

fn position(found: &Found) -> Option<Position> {
    let latitude = degrees(found, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S")?;
    let longitude = degrees(found, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W")?;
    let altitude_m = match primary(found, Tag::GPSAltitude).map(|field| &field.value) {
        Some(Value::Rational(parts)) => parts.first().map(exif::Rational::to_f64),
        _ => None,
    };
    let is_below = primary(found, Tag::GPSAltitudeRef).and_then(|field| field.value.get_uint(0)) == Some(1);
    let altitude_m = altitude_m.filter(|metres| metres.is_finite());
    let altitude_m = altitude_m.map(|metres| if is_below { -metres } else { metres });
    Position::new(latitude, longitude, altitude_m)
}

fn degrees(found: &Found, tag: Tag, reference: Tag, negative: &str) -> Option<f64> {
    let Value::Rational(parts) = &primary(found, tag)?.value else { return None };
    let [degrees, minutes, seconds] = parts.get(..3)? else { return None };
    let degrees = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3600.0;
    let is_negative = words(found, reference).eq_ignore_ascii_case(negative);
    Some(if is_negative { -degrees } else { degrees })
}

impl Position {
    /// A place on earth; none for numbers that are no degrees.
    pub fn new(latitude: f64, longitude: f64, altitude_m: Option<f64>) -> Option<Position> {
        let is_one = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_one.then_some(Position { latitude, longitude, altitude_m })
    }
}
