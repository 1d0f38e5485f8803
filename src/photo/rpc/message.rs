//! Photos as their messages have them, and back.

use crate::{
    config,
    pb::{self, google::r#type::Date},
    photo::{
        ChannelRights, Clearance, File, License, Photo, Rights, Words,
        rendition::{Crop, FocalPoint},
    },
    wire::{self, Check, byline},
};

impl From<Clearance> for pb::rights::Clearance {
    fn from(clearance: Clearance) -> pb::rights::Clearance {
        match clearance {
            Clearance::Unknown => pb::rights::Clearance::Unspecified,
            Clearance::Cleared => pb::rights::Clearance::Cleared,
            Clearance::DoNotUse => pb::rights::Clearance::DoNotUse,
        }
    }
}

impl From<File> for pb::PhotoFile {
    fn from(file: File) -> pb::PhotoFile {
        pb::PhotoFile {
            sha256: file.sha256.to_string(),
            content_type: file.content_type,
            size_bytes: file.size_bytes,
            width_px: file.width_px,
            height_px: file.height_px,
            orientation: file.orientation.into(),
        }
    }
}

impl From<File> for pb::PhotoDownloadInfo {
    fn from(file: File) -> pb::PhotoDownloadInfo {
        pb::PhotoDownloadInfo {
            sha256: file.sha256.to_string(),
            size_bytes: file.size_bytes,
            content_type: file.content_type,
            width_px: file.width_px,
            height_px: file.height_px,
        }
    }
}

impl From<Crop> for pb::Crop {
    fn from(crop: Crop) -> pb::Crop {
        pb::Crop { left: crop.left, top: crop.top, width: crop.width, height: crop.height }
    }
}

impl From<FocalPoint> for pb::FocalPoint {
    fn from(point: FocalPoint) -> pb::FocalPoint {
        pb::FocalPoint { x: point.x, y: point.y }
    }
}

impl From<Photo> for pb::Photo {
    fn from(photo: Photo) -> pb::Photo {
        let rights = rights(photo.words.rights, photo.cleared_by.clone());
        pb::Photo {
            name: photo.name(),
            uid: photo.id.to_string(),
            creator: photo.creator,
            caption: photo.words.caption,
            bylines: photo.words.bylines.into_iter().map(pb::Byline::from).collect(),
            credit_line: photo.words.credit_line,
            copyright_notice: photo.words.copyright_notice,
            usage_terms: photo.words.usage_terms,
            rights: Some(rights),
            file: photo.file.map(pb::PhotoFile::from),
            state: pb::State::from(photo.state).into(),
            reviews: photo.reviews.into_iter().map(pb::Review::from).collect(),
            content_digest: photo.content_digest.to_string(),
            create_time: Some(wire::timestamp(photo.create_time)),
            update_time: Some(wire::timestamp(photo.update_time)),
            delete_time: photo.delete_time.map(wire::timestamp),
            etag: wire::etag(photo.version),
            return_reason: photo.return_reason,
            embedded: photo.embedded.map(pb::EmbeddedMetadata::from),
            crop: photo.words.crop.map(pb::Crop::from),
            focal_point: photo.words.focal_point.map(pb::FocalPoint::from),
            keywords: photo.words.keywords,
            place: photo.words.place,
        }
    }
}

impl From<pb::rights::Clearance> for Clearance {
    fn from(clearance: pb::rights::Clearance) -> Clearance {
        match clearance {
            pb::rights::Clearance::Unspecified => Clearance::Unknown,
            pb::rights::Clearance::Cleared => Clearance::Cleared,
            pb::rights::Clearance::DoNotUse => Clearance::DoNotUse,
        }
    }
}

fn rights(rights: Rights, cleared_by: String) -> pb::Rights {
    pb::Rights {
        clearance: pb::rights::Clearance::from(rights.clearance).into(),
        cleared_by,
        license_start_date: rights.license.start_date.map(wire::date),
        license_end_date: rights.license.end_date.map(wire::date),
        print: channel(rights.print),
        digital: channel(rights.digital),
    }
}

fn channel(rights: ChannelRights) -> Option<pb::ChannelRights> {
    (!rights.is_whole()).then(|| pb::ChannelRights {
        excluded: rights.excluded,
        license_start_date: rights.license.start_date.map(wire::date),
        license_end_date: rights.license.end_date.map(wire::date),
    })
}

/// Reads what a caller wrote about a picture.
pub fn words(check: &mut Check, photo: pb::Photo) -> Words {
    Words {
        caption: check.lines("photo.caption", photo.caption, config::CAPTION_CHARS_MAX),
        bylines: byline::read(check, "photo.bylines", photo.bylines, config::PHOTO_BYLINES_MAX),
        credit_line: check.line("photo.credit_line", photo.credit_line, config::CREDIT_CHARS_MAX),
        copyright_notice: check.lines(
            "photo.copyright_notice",
            photo.copyright_notice,
            config::COPYRIGHT_CHARS_MAX,
        ),
        usage_terms: check.lines("photo.usage_terms", photo.usage_terms, config::CAPTION_CHARS_MAX),
        rights: read_rights(check, photo.rights.unwrap_or_default()),
        crop: photo.crop.map(|given| crop(check, given)),
        focal_point: photo.focal_point.map(|point| FocalPoint {
            x: fraction(check, "photo.focal_point.x", point.x),
            y: fraction(check, "photo.focal_point.y", point.y),
        }),
        keywords: keywords(check, photo.keywords),
        place: check.line("photo.place", photo.place, config::CREDIT_CHARS_MAX),
    }
}

/// How far a crop may reach over the edge: fractions such as 0.7 and 0.3 do not
/// always make 1.
const CROP_OVERHANG_MAX: f64 = 1e-6;

fn crop(check: &mut Check, given: pb::Crop) -> Crop {
    let crop = Crop {
        left: fraction(check, "photo.crop.left", given.left),
        top: fraction(check, "photo.crop.top", given.top),
        width: fraction(check, "photo.crop.width", given.width),
        height: fraction(check, "photo.crop.height", given.height),
    };
    for (field, start, length) in
        [("photo.crop.width", crop.left, crop.width), ("photo.crop.height", crop.top, crop.height)]
    {
        if length == 0.0 {
            check.add(field, "must be more than 0");
        }
        if start + length > 1.0 + CROP_OVERHANG_MAX {
            check.add(field, "must not reach over the edge of the picture, which is 1");
        }
    }
    crop
}

/// A fraction of a width or height.
fn fraction(check: &mut Check, field: &str, value: f64) -> f64 {
    if !(0.0..=1.0).contains(&value) {
        check.add(field, format!("is {value}; must be 0 to 1"));
    }
    value
}

/// Keywords come by hand and out of files, and so with spaces around them and
/// more than once; each is kept once, where it stood first.
fn keywords(check: &mut Check, given: Vec<String>) -> Vec<String> {
    let field = "photo.keywords";
    let lines = check.list_of_lines(field, given, config::KEYWORDS_MAX, config::KEYWORD_CHARS_MAX);
    let mut keywords: Vec<String> = Vec::with_capacity(lines.len());
    for line in lines {
        let keyword = line.trim();
        if !keywords.iter().any(|kept| kept == keyword) {
            keywords.push(keyword.to_owned());
        }
    }
    keywords
}

fn read_rights(check: &mut Check, rights: pb::Rights) -> Rights {
    let clearance: pb::rights::Clearance = check.enumeration("photo.rights.clearance", rights.clearance);
    Rights {
        clearance: clearance.into(),
        license: license(check, "photo.rights", rights.license_start_date, rights.license_end_date),
        print: read_channel(check, "photo.rights.print", rights.print),
        digital: read_channel(check, "photo.rights.digital", rights.digital),
    }
}

fn read_channel(check: &mut Check, field: &str, rights: Option<pb::ChannelRights>) -> ChannelRights {
    let rights = rights.unwrap_or_default();
    let license = license(check, field, rights.license_start_date, rights.license_end_date);
    ChannelRights { excluded: rights.excluded, license }
}

fn license(check: &mut Check, field: &str, start: Option<Date>, end: Option<Date>) -> License {
    let end_field = format!("{field}.license_end_date");
    let license = License {
        start_date: check.date(&format!("{field}.license_start_date"), start),
        end_date: check.date(&end_field, end),
    };
    if license.start_date.zip(license.end_date).is_some_and(|(start, end)| end < start) {
        check.add(end_field, "must not be before license_start_date");
    }
    license
}
