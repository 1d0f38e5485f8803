//! 图片去向: where a photo is used.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::{digest::Digest, publication::Kind, wire::name::PageName};

/// One place where a photo is used.
#[derive(Clone, Debug, PartialEq)]
pub enum Usage {
    /// The working copy of an article.
    Article {
        /// The article.
        id: Uuid,
        /// Its headline.
        headline: String,
        /// Whether it is deleted.
        deleted: bool,
    },
    /// A page of an issue's working copy.
    Issue {
        /// The page.
        page: PageName,
        /// The article on it.
        article: Uuid,
        /// The date of the issue.
        publish_date: NaiveDate,
        /// Whether the issue is deleted.
        deleted: bool,
    },
    /// A publication.
    Publication {
        /// Its sequence number.
        sequence: i64,
        /// What was done.
        kind: Kind,
        /// The name of the issue or article that was published.
        resource: String,
        /// The article that brought the photo.
        article: Uuid,
        /// The page that it was printed on, if it is known.
        page: Option<i32>,
        /// The file that the photo had.
        sha256: Digest,
        /// Whether the article was withdrawn from it.
        withdrawn: bool,
    },
}

impl Usage {
    /// The article that brings the photo there.
    pub fn article(&self) -> Uuid {
        match self {
            Usage::Article { id, .. } => *id,
            Usage::Issue { article, .. } | Usage::Publication { article, .. } => *article,
        }
    }
}
