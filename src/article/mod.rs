//! 稿件: one piece for the paper, as it is being worked on. Every change of its
//! content is a revision that never changes again; reviews sign one exact
//! content, by its digest.

pub mod compare;
mod content;
pub mod correction;
pub mod rpc;
pub(crate) mod store;

pub use content::{Block, Content, Format, PhotoUse, Span};

use chrono::{DateTime, Utc};
use correction::OwedCorrection;
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    filter::{Field, Kind, Order},
    search::Document,
    workflow::{Review, Schedule, State},
};

/// The resource type of an article (aip.dev/123).
pub const KIND: &str = "masthead/Article";

/// The resource type of a revision.
pub const REVISION_KIND: &str = "masthead/ArticleRevision";

/// What lists of articles can be filtered by.
pub const FIELDS: [Field; 14] = [
    Field { name: "state", kind: Kind::Name(&State::NAMES) },
    Field { name: "newspaper", kind: Kind::Resource("newspapers/*") },
    Field { name: "creator", kind: Kind::Text },
    Field { name: "column", kind: Kind::Text },
    Field { name: "keyword", kind: Kind::Texts },
    Field { name: "reporter", kind: Kind::Resources("reporters/*") },
    Field { name: "issue", kind: Kind::Resource("newspapers/*/issues/*") },
    Field { name: "event_date", kind: Kind::Date },
    Field { name: "revision", kind: Kind::Number },
    Field { name: "create_time", kind: Kind::Time },
    Field { name: "update_time", kind: Kind::Time },
    Field { name: "delete_time", kind: Kind::Time },
    Field { name: "mine", kind: Kind::Function },
    Field { name: "waiting_for_my_review", kind: Kind::Function },
];

/// What lists of articles can be sorted by.
pub const ORDERS: [&str; 3] = ["create_time", "update_time", "event_date"];

/// How they are sorted if nobody says how.
pub const ORDER: Order = Order { field: "create_time", descending: false };

/// The working copy of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// The UUID in the name.
    pub id: Uuid,
    /// The id of the newspaper whose rules govern its review.
    pub newspaper: String,
    /// The person who created it.
    pub creator: String,
    /// What will be printed, and what the archive needs.
    pub content: Content,
    /// What a review signs: [`Content::digest`].
    pub content_digest: Digest,
    /// The number of the newest revision, which this is.
    pub revision: i64,
    /// Where it stands in review.
    pub state: State,
    /// The sign-offs in force, by stage.
    pub reviews: Vec<Review>,
    /// Why it was last returned.
    pub return_reason: String,
    /// The order to publish it at a time to come.
    pub schedule: Option<Schedule>,
    /// The newest publication that contains it.
    pub latest_publication: Option<i64>,
    /// The correction that is owed for it.
    pub owed: Option<OwedCorrection>,
    /// Counts changes.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
    /// When deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// How an article stands: no two contents of one stand the same, nor anything else that
/// callers see of it. The time tells apart what a database that was rolled back counts
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// [`Article::version`].
    pub version: i64,
    /// [`Article::update_time`].
    pub update_time: DateTime<Utc>,
}

/// One saved version of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The article.
    pub article: Uuid,
    /// The id of the article's newspaper.
    pub newspaper: String,
    /// The number, from 1.
    pub number: i64,
    /// The article's content as it was saved.
    pub content: Content,
    /// The digest of the content.
    pub content_digest: Digest,
    /// The person who saved it.
    pub author: String,
    /// When.
    pub create_time: DateTime<Utc>,
}

impl Article {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(self.id)
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        Standing { version: self.version, update_time: self.update_time }
    }

    /// What it is found by.
    pub fn search_document(&self) -> Document {
        let (newspaper, entry) = (self.newspaper.clone(), self.content.search_entry());
        Document { article: self.id, newspaper, entry }
    }

    /// Fails if the article is deleted.
    pub fn live(&self) -> Result<()> {
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }
}

/// The full resource name of an article.
pub fn name(id: Uuid) -> String {
    format!("articles/{id}")
}

/// The full resource name of a revision.
pub fn revision_name(id: Uuid, revision: i64) -> String {
    format!("articles/{id}/revisions/{revision}")
}

/// The error for an article that is not there.
pub fn missing(id: Uuid) -> Error {
    Error::NotFound { kind: KIND, name: name(id) }
}

/// The error for a revision that is not there, of an article whose newest one is
/// `newest`: it is not kept any more, or never was.
pub fn missing_revision(id: Uuid, revision: i64, newest: i64) -> Error {
    let name = revision_name(id, revision);
    if revision < newest {
        Error::NotKept { kind: REVISION_KIND, name }
    } else {
        Error::NotFound { kind: REVISION_KIND, name }
    }
}
