//! 出版: the acts of publishing. Each one seals a whole — an issue with all that
//! stands in it, or an article — into bytes that never change, and appends an
//! entry to the ledger, whose hash covers the entry before. Readers are served
//! from these bytes and from nothing else.

pub mod cache;
pub mod chain;
pub mod check;
pub mod clock;
pub mod digital;
mod gather;
mod ledger;
pub mod preflight;
pub mod publish;
pub mod rpc;
pub mod schedule;
mod seal;
pub(crate) mod store;
pub mod verify;
pub mod withdraw;

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    feed::Place,
    wire::{Expected, name::IssueName, ready::Ready},
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Publication";

/// A publisher's order to publish an issue.
#[derive(Clone, Debug)]
pub struct IssueOrder {
    /// The issue.
    pub name: IssueName,
    /// The etag that the publisher knows.
    pub etag: Expected,
    /// What is told to the public.
    pub note: String,
    /// Codes of checks that may fail, all of [`check::waivable`].
    pub acknowledge: BTreeSet<String>,
    /// When to publish; at once if there is none.
    pub publish_time: Option<DateTime<Utc>>,
}

/// A publisher's order to publish an article by itself.
#[derive(Clone, Debug)]
pub struct ArticleOrder {
    /// The article.
    pub id: Uuid,
    /// The etag that the publisher knows.
    pub etag: Expected,
    /// What is told to the public.
    pub note: String,
    /// When to publish; at once if there is none.
    pub publish_time: Option<DateTime<Utc>>,
}

/// What an act of publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An issue, for the first time.
    IssuePublished,
    /// An issue, again.
    IssueCorrected,
    /// An issue, taken back.
    IssueWithdrawn,
    /// An article by itself, for the first time.
    ArticlePublished,
    /// An article by itself, again.
    ArticleCorrected,
    /// An article, taken back.
    ArticleWithdrawn,
}

impl Kind {
    /// Whether an issue was published or withdrawn, not an article.
    pub fn is_of_issue(self) -> bool {
        matches!(self, Kind::IssuePublished | Kind::IssueCorrected | Kind::IssueWithdrawn)
    }

    /// Whether it took something back.
    pub fn is_withdrawal(self) -> bool {
        matches!(self, Kind::IssueWithdrawn | Kind::ArticleWithdrawn)
    }

    const ALL: [Kind; 6] = [
        Kind::IssuePublished,
        Kind::IssueCorrected,
        Kind::IssueWithdrawn,
        Kind::ArticlePublished,
        Kind::ArticleCorrected,
        Kind::ArticleWithdrawn,
    ];

    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::IssuePublished => "issue_published",
            Kind::IssueCorrected => "issue_corrected",
            Kind::IssueWithdrawn => "issue_withdrawn",
            Kind::ArticlePublished => "article_published",
            Kind::ArticleCorrected => "article_corrected",
            Kind::ArticleWithdrawn => "article_withdrawn",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Kind> {
        let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown kind of publication {name}")))
    }
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The place in the ledger, from 1 without a gap.
    pub sequence: i64,
    /// What was done.
    pub kind: Kind,
    /// The name of the issue or article.
    pub resource: String,
    /// The id of its newspaper.
    pub newspaper: String,
    /// An article's revision, or how often the issue has been published.
    pub revision: i64,
    /// The length of the sealed bytes.
    pub size_bytes: i64,
    /// The digest of the sealed bytes.
    pub sha256: Digest,
    /// The hash of the entry before.
    pub previous_hash: Digest,
    /// The digest of this entry.
    pub hash: Digest,
    /// Who published.
    pub publisher: String,
    /// When.
    pub publish_time: DateTime<Utc>,
    /// What was told to the public.
    pub note: String,
    /// The entry that this one replaces.
    pub supersedes: Option<i64>,
    /// The checks that failed and were waived, sorted.
    pub acknowledged: Vec<String>,
    /// The entry that replaced or withdrew it. Known only later, and so neither
    /// sealed nor hashed.
    pub superseded_by: Option<i64>,
}

/// What readers are served of something that was published.
#[derive(Clone, Debug)]
pub enum Served {
    /// An encoded message.
    Message(Ready),
    /// Nothing: it was withdrawn.
    Nothing(Tombstone),
}

/// The entry of the ledger that withdrew something.
#[derive(Clone, Debug)]
pub struct Tombstone {
    /// Its sequence number.
    pub publication: i64,
    /// What the public was told.
    pub reason: String,
    /// When.
    pub time: DateTime<Utc>,
}

impl Served {
    /// The message that readers get.
    ///
    /// # Errors
    /// [`Error::Withdrawn`], if there is none.
    pub fn message(self, kind: &'static str, name: &str) -> Result<Ready> {
        match self {
            Served::Message(message) => Ok(message),
            Served::Nothing(tombstone) => Err(tombstone.refusal(kind, name)),
        }
    }
}

impl From<&Publication> for Tombstone {
    fn from(entry: &Publication) -> Tombstone {
        Tombstone { publication: entry.sequence, reason: entry.note.clone(), time: entry.publish_time }
    }
}

impl Tombstone {
    /// The answer to those who ask for what was withdrawn.
    pub fn refusal(self, kind: &'static str, name: &str) -> Error {
        Error::Withdrawn { kind, name: name.to_owned(), tombstone: self }
    }
}

impl Publication {
    /// The place behind this entry in the feed. The hash takes in the whole
    /// ledger up to here, so that no other ledger has this place.
    pub fn place(&self) -> Place {
        place(self.sequence, self.hash)
    }

    /// The hash of this entry: over its fields in the order that the API
    /// documents, each behind its length. It takes in the entry before.
    pub fn compute_hash(&self) -> Digest {
        let fields = [
            self.previous_hash.to_string(),
            self.sequence.to_string(),
            format!("KIND_{}", self.kind.as_str().to_ascii_uppercase()),
            self.resource.clone(),
            self.revision.to_string(),
            self.size_bytes.to_string(),
            self.sha256.to_string(),
            self.publisher.clone(),
            self.publish_time.to_rfc3339_opts(SecondsFormat::Micros, true),
            self.note.clone(),
            self.supersedes.map(name).unwrap_or_default(),
        ];
        Digest::of_parts(fields.iter().chain(&self.acknowledged).map(|field| field.as_bytes()))
    }
}

/// The place in the feed behind the entry of this number and hash.
pub fn place(sequence: i64, hash: Digest) -> Place {
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash.as_bytes()[..8]);
    Place { transaction: 0, number: sequence, mark }
}

/// The full resource name of a publication.
pub fn name(sequence: i64) -> String {
    format!("publications/{sequence}")
}

/// The error for a publication that is not there.
pub fn missing(sequence: i64) -> Error {
    Error::NotFound { kind: KIND, name: name(sequence) }
}
