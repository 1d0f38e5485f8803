//! What an article says: the part that is signed, kept as revisions, and
//! printed. Stored as JSON, whose field names are therefore part of the schema.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    byline::{self, Byline},
    digest::Digest,
    error::Result,
    search::{self, Kind, Part},
};

/// The content of an article.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// 引题: over the headline.
    pub kicker: String,
    /// 主题: the headline.
    pub headline: String,
    /// 副题: under the headline.
    pub subheadline: String,
    /// 栏目.
    pub column: String,
    /// 电头: 本报讯.
    pub dateline: String,
    /// 署名, in printed order.
    pub bylines: Vec<Byline>,
    /// 来源.
    pub source_credit: String,
    /// 正文.
    pub body: Vec<Block>,
    /// The photos that run with it, in order.
    pub photos: Vec<PhotoUse>,
    /// 关键词.
    pub keywords: Vec<String>,
    /// The language; empty means the newspaper's.
    pub language_code: String,
    /// Where it happened.
    pub place: String,
    /// The day it happened.
    pub event_date: Option<NaiveDate>,
    /// 解禁时间: it is not published before. Left out where there is none, so
    /// that content from before it existed keeps its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embargo_time: Option<DateTime<Utc>>,
    /// 更正: the printed article that this one sets right. Left out of what is
    /// stored and signed if there is none, so that content from before there were
    /// corrections keeps its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Uuid>,
}

/// One piece of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph of running text.
    Paragraph {
        /// The text.
        text: String,
        /// Formatting of parts of it, by start.
        spans: Vec<Span>,
    },
    /// 小标题.
    Heading {
        /// The text.
        text: String,
        /// 1 for the highest to 3 for the lowest.
        level: i32,
    },
    /// 【…】.
    Label {
        /// The text without the brackets.
        text: String,
    },
    /// A quotation set apart.
    Quote {
        /// The text.
        text: String,
        /// Who said it.
        attribution: String,
    },
    /// A list.
    List {
        /// The items in order.
        items: Vec<String>,
        /// Numbered rather than bulleted.
        ordered: bool,
    },
    /// A table.
    Table {
        /// The rows in order, each with the same number of cells.
        rows: Vec<Vec<String>>,
    },
    /// A photo at this place in the text.
    Photo {
        /// The photo and how it is printed.
        photo: PhotoUse,
    },
}

/// The formatting of a part of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first character, in Unicode code points from 0.
    pub start: i32,
    /// The length in Unicode code points.
    pub length: i32,
    /// How it is set.
    pub format: Format,
}

/// How a part of a paragraph is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// A link to a URL.
    Link(String),
}

/// A photo that runs with an article.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PhotoUse {
    /// The photo.
    pub photo: Uuid,
    /// The caption as printed here; empty means the photo's own.
    pub caption: String,
    /// The credit as printed here; empty means the photo's own.
    pub credit_line: String,
}

impl Content {
    /// What a review signs. Fields stand in the order of the type, so that equal
    /// content has an equal digest.
    ///
    /// # Errors
    /// Never for values of these types; the encoder could fail for others.
    pub fn digest(&self) -> Result<Digest> {
        Ok(Digest::of_parts([b"article".as_slice(), &serde_json::to_vec(self)?]))
    }

    /// The reporters whom bylines refer to, each once.
    pub fn reporters(&self) -> Vec<Uuid> {
        byline::reporters(&self.bylines)
    }

    /// The photos that it uses, beside or inside its text, each once.
    pub fn photos(&self) -> Vec<Uuid> {
        let inside = self.body.iter().filter_map(|block| match block {
            Block::Photo { photo } => Some(photo.photo),
            _ => None,
        });
        let all: BTreeSet<Uuid> = self.photos.iter().map(|used| used.photo).chain(inside).collect();
        all.into_iter().collect()
    }

    /// Every text of it by which it is found, in the order of the page.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let part = |kind, field: &str, text| Part { kind, field: field.to_owned(), text };
        let mut parts: Vec<Part> = vec![
            part(Kind::Headline, "kicker", &self.kicker),
            part(Kind::Headline, "headline", &self.headline),
            part(Kind::Headline, "subheadline", &self.subheadline),
            part(Kind::Column, "column", &self.column),
            part(Kind::Body, "dateline", &self.dateline),
        ];
        let bylines = self.bylines.iter().map(|byline| byline.printed_name.as_str());
        parts.extend(numbered(Kind::Byline, "bylines", ".printed_name", bylines));
        parts.push(part(Kind::Body, "source_credit", &self.source_credit));
        for (index, block) in self.body.iter().enumerate() {
            parts.extend(block.parts(&format!("body[{index}]")));
        }
        for (index, used) in self.photos.iter().enumerate() {
            parts.extend(used.parts(&format!("photos[{index}]")));
        }
        parts.extend(numbered(Kind::Body, "keywords", "", self.keywords.iter().map(String::as_str)));
        parts.push(part(Kind::Body, "place", &self.place));
        parts
    }

    /// What it is found by.
    pub fn search_entry(&self) -> search::Entry {
        search::entry(&self.parts())
    }

    /// Whether there is anything to print under the headline.
    pub fn has_body(&self) -> bool {
        !self.body.is_empty() || !self.photos.is_empty()
    }
}

impl Block {
    /// Its texts; `field` is its own path.
    fn parts(&self, field: &str) -> Vec<Part<'_>> {
        let part = |name: &str, text| Part { kind: Kind::Body, field: format!("{field}.{name}"), text };
        match self {
            Block::Paragraph { text, .. } => vec![part("paragraph.text", text)],
            Block::Heading { text, .. } => vec![part("heading.text", text)],
            Block::Label { text } => vec![part("label.text", text)],
            Block::Quote { text, attribution } => {
                vec![part("quote.text", text), part("quote.attribution", attribution)]
            }
            Block::List { items, .. } => {
                let items = items.iter().map(String::as_str);
                numbered(Kind::Body, &format!("{field}.list.items"), "", items).collect()
            }
            Block::Table { rows } => rows
                .iter()
                .enumerate()
                .flat_map(|(row, cells)| {
                    let cells_field = format!("{field}.table.rows[{row}].cells");
                    let cells = cells.iter().map(String::as_str);
                    numbered(Kind::Body, &cells_field, "", cells).collect::<Vec<_>>()
                })
                .collect(),
            Block::Photo { photo } => photo.parts(&format!("{field}.photo")),
        }
    }
}

impl PhotoUse {
    fn parts(&self, field: &str) -> Vec<Part<'_>> {
        let part = |name: &str, text| Part { kind: Kind::Body, field: format!("{field}.{name}"), text };
        vec![part("caption", &self.caption), part("credit_line", &self.credit_line)]
    }
}

/// The texts of a list; `behind` stands behind the number in the path of each.
fn numbered<'a>(
    kind: Kind,
    field: &str,
    behind: &str,
    texts: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = Part<'a>> {
    texts.enumerate().map(move |(index, text)| Part {
        kind,
        field: format!("{field}[{index}]{behind}"),
        text,
    })
}
