//! 图片: one picture: its original file, never altered and found by its digest,
//! and what editors write about it. It is signed once, on its words and its file
//! together, and printed only if somebody has cleared the rights.

pub mod download;
pub mod files;
pub mod intake;
pub mod metadata;
pub mod picture;
pub mod release;
pub mod rendition;
mod rights;
pub mod rpc;
pub mod search;
pub(crate) mod store;
pub mod sweep;
pub mod upload;
pub mod usage;
pub mod verify;

pub use rights::{Channel, ChannelRights, Clearance, License, Rights};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    byline::Byline,
    config,
    digest::Digest,
    error::{Error, Result},
    filter::{Field, Kind, Order},
    photo::{
        metadata::Embedded,
        rendition::{Crop, FocalPoint},
    },
    workflow::{Review, State},
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Photo";

/// What lists of photos can be filtered by.
pub const FIELDS: [Field; 9] = [
    Field { name: "state", kind: Kind::Name(&State::NAMES) },
    Field { name: "clearance", kind: Kind::Name(&["UNKNOWN", "CLEARED", "DO_NOT_USE"]) },
    Field { name: "creator", kind: Kind::Text },
    Field { name: "content_type", kind: Kind::Text },
    Field { name: "keyword", kind: Kind::Texts },
    Field { name: "reporter", kind: Kind::Resources("reporters/*") },
    Field { name: "create_time", kind: Kind::Time },
    Field { name: "update_time", kind: Kind::Time },
    Field { name: "delete_time", kind: Kind::Time },
];

/// What lists of photos can be sorted by.
pub const ORDERS: [&str; 2] = ["create_time", "update_time"];

/// How they are sorted if nobody says how.
pub const ORDER: Order = Order { field: "create_time", descending: false };

/// Photos have one review stage, as no newspaper owns them.
pub const REVIEW_STAGES: i32 = 1;

/// The working copy of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// The UUID in the name.
    pub id: Uuid,
    /// The person who created it.
    pub creator: String,
    /// What editors write about it.
    pub words: Words,
    /// The person who decided about the rights; empty while it is unknown.
    pub cleared_by: String,
    /// The original file, once it is uploaded.
    pub file: Option<File>,
    /// What the file says of itself, if that has been read.
    pub embedded: Option<Embedded>,
    /// Where it stands in review.
    pub state: State,
    /// The sign-offs in force.
    pub reviews: Vec<Review>,
    /// What a review signs: [`content_digest`].
    pub content_digest: Digest,
    /// Why it was last returned.
    pub return_reason: String,
    /// Counts changes.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
    /// When deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// What editors write about a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Words {
    /// 图片说明.
    pub caption: String,
    /// 摄: who took it.
    pub bylines: Vec<Byline>,
    /// The credit as it must be printed.
    pub credit_line: String,
    /// Who owns it.
    pub copyright_notice: String,
    /// What the owner allows.
    pub usage_terms: String,
    /// Whether, when and where the paper may use it.
    #[serde(flatten)]
    pub rights: Rights,
    /// The part that renditions show. Left out of what is signed if it is all of
    /// it, so that words from before there were crops keep their digest; so with
    /// all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// What must stay in sight where a rendition shows less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_point: Option<FocalPoint>,
    /// 关键词.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// 拍摄地点: where it was taken.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Words {
    /// Fills what nobody has written yet with what the file says of itself, as far
    /// as that fits.
    pub fn fill(&mut self, embedded: &Embedded) {
        let fill = |text: &mut String, from: &str, characters_max: usize| {
            if text.is_empty() && from.chars().count() <= characters_max {
                from.clone_into(text);
            }
        };
        fill(&mut self.caption, &embedded.caption, config::CAPTION_CHARS_MAX);
        fill(
            &mut self.credit_line,
            &embedded.credit_line.replace(['\n', '\t'], " "),
            config::CREDIT_CHARS_MAX,
        );
        fill(&mut self.copyright_notice, &embedded.copyright_notice, config::COPYRIGHT_CHARS_MAX);
        fill(&mut self.usage_terms, &embedded.usage_terms, config::CAPTION_CHARS_MAX);
    }
}

/// The facts of an original file, as its bytes say.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The digest of the bytes, under which the file is found.
    pub sha256: Digest,
    /// The media type.
    pub content_type: String,
    /// The length in bytes.
    pub size_bytes: i64,
    /// The width in pixels, as shown.
    pub width_px: i32,
    /// The height in pixels, as shown.
    pub height_px: i32,
    /// How the stored pixels lie (Exif Orientation): 1 (upright) to 8.
    pub orientation: u8,
}

impl Photo {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(self.id)
    }

    /// Fails if the photo is deleted.
    pub fn live(&self) -> Result<()> {
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }
}

/// The full resource name of a photo.
pub fn name(id: Uuid) -> String {
    format!("photos/{id}")
}

/// The error for a photo that is not there.
pub fn missing(id: Uuid) -> Error {
    Error::NotFound { kind: KIND, name: name(id) }
}

/// What a review of a photo signs: what editors write about it, and the file.
///
/// # Errors
/// Never for values of these types; the encoder could fail for others.
pub fn content_digest(words: &Words, file: Option<&File>) -> Result<Digest> {
    let file = file.map(|file| file.sha256.to_string());
    Ok(Digest::of_parts([b"photo".as_slice(), &serde_json::to_vec(&(words, file))?]))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn words_without_the_newer_fields_keep_the_digest_they_had() {
        let as_text = |words: &Words| serde_json::to_string(words).expect("JSON");
        let rights = Rights { clearance: Clearance::Cleared, ..Rights::default() };
        let words = Words { caption: "说明".into(), rights, ..Words::default() };
        let before = r#"{"caption":"说明","bylines":[],"credit_line":"","copyright_notice":"","usage_terms":"","clearance":"cleared"}"#;
        assert_eq!(as_text(&words), before);
        let start_date = NaiveDate::from_ymd_opt(2026, 11, 1);
        let license = License { start_date, end_date: None };
        let licensed = Words { rights: Rights { license, ..rights }, ..words.clone() };
        let license = r#","license":{"start_date":"2026-11-01","end_date":null}}"#;
        assert_eq!(as_text(&licensed), before.trim_end_matches('}').to_owned() + license);
        let excluded = ChannelRights { excluded: true, ..ChannelRights::default() };
        for newer in [
            Words { rights: Rights { print: excluded, ..rights }, ..words.clone() },
            Words { rights: Rights { digital: excluded, ..rights }, ..words.clone() },
            Words { keywords: vec!["龙舟".into()], ..words.clone() },
            Words { place: "融城".into(), ..words.clone() },
        ] {
            assert_ne!(content_digest(&newer, None).ok(), content_digest(&words, None).ok());
        }
    }
}
