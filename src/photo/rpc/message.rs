//! Photos as their messages have them, and back.

use crate::{
    config,
    pb::{self, google::r#type::Date},
    photo::{Clearance, File, License, Photo, Words},
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
        }
    }
}

impl From<Photo> for pb::Photo {
    fn from(photo: Photo) -> pb::Photo {
        let rights = pb::Rights {
            clearance: pb::rights::Clearance::from(photo.words.clearance).into(),
            cleared_by: photo.cleared_by.clone(),
            license_start_date: photo.words.license.start_date.map(wire::date),
            license_end_date: photo.words.license.end_date.map(wire::date),
        };
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
        }
    }
}

/// Reads what a caller wrote about a picture.
pub fn words(check: &mut Check, photo: pb::Photo) -> Words {
    let rights = photo.rights.unwrap_or_default();
    let clearance = check.enumeration("photo.rights.clearance", rights.clearance);
    let license = license(check, rights.license_start_date, rights.license_end_date);
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
        clearance: match clearance {
            pb::rights::Clearance::Unspecified => Clearance::Unknown,
            pb::rights::Clearance::Cleared => Clearance::Cleared,
            pb::rights::Clearance::DoNotUse => Clearance::DoNotUse,
        },
        license,
    }
}

fn license(check: &mut Check, start: Option<Date>, end: Option<Date>) -> License {
    let license = License {
        start_date: check.date("photo.rights.license_start_date", start),
        end_date: check.date("photo.rights.license_end_date", end),
    };
    if license.start_date.zip(license.end_date).is_some_and(|(start, end)| end < start) {
        check.add("photo.rights.license_end_date", "must not be before license_start_date");
    }
    license
}
