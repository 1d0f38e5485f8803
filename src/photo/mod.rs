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
pub mod rpc;
pub(crate) mod store;
pub mod sweep;
pub mod upload;
pub mod verify;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    byline::Byline,
    config,
    digest::Digest,
    error::{Error, Result},
    photo::{
        metadata::Embedded,
        rendition::{Crop, FocalPoint},
    },
    workflow::{Review, State},
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Photo";

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
    /// The person who set the clearance or the license; empty while it is unknown.
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
    /// Whether the paper may print it.
    pub clearance: Clearance,
    /// For which days. Left out of what is signed if it is without bounds, so that
    /// words from before there were licences keep their digest.
    #[serde(skip_serializing_if = "License::is_unbounded")]
    pub license: License,
    /// The part that renditions show. Left out of what is signed if it is all of
    /// it, for the same reason; so is the focal point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// What must stay in sight where a rendition shows less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_point: Option<FocalPoint>,
}

/// The days for which the rights in a picture are granted, both included (PLUS
/// License Start Date and License End Date); none is without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct License {
    /// The first day.
    pub start_date: Option<NaiveDate>,
    /// The last day, not before the first.
    pub end_date: Option<NaiveDate>,
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

impl License {
    /// Whether it names no day.
    pub fn is_unbounded(&self) -> bool {
        *self == License::default()
    }

    /// Whether a day lies within it.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.start_date.is_none_or(|start| start <= day) && self.end_date.is_none_or(|end| day <= end)
    }
}

impl fmt::Display for License {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start_date, self.end_date) {
            (Some(start), Some(end)) => write!(formatter, "from {start} to {end}"),
            (Some(start), None) => write!(formatter, "from {start}"),
            (None, Some(end)) => write!(formatter, "until {end}"),
            (None, None) => formatter.write_str("for every day"),
        }
    }
}

/// What has been found out about the rights in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clearance {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// The paper may publish it.
    Cleared,
    /// The paper must not publish it.
    DoNotUse,
}

impl Clearance {
    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Clearance::Unknown => "unknown",
            Clearance::Cleared => "cleared",
            Clearance::DoNotUse => "do_not_use",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Clearance> {
        let all = [Clearance::Unknown, Clearance::Cleared, Clearance::DoNotUse];
        let found = all.into_iter().find(|clearance| clearance.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown clearance {name}")))
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
