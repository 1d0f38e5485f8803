//! 期: one dated issue of a newspaper, its facts of the day, and the layout of
//! its pages. Each page has an etag of its own, so that two editors can lay out
//! two pages at once; a review signs facts and layout together.

pub mod rpc;
pub(crate) mod store;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    filter::{Field, Kind, Order},
    wire::name::IssueName,
    workflow::{Review, Schedule, State},
};

/// What lists of issues can be filtered by.
pub const FIELDS: [Field; 7] = [
    Field { name: "state", kind: Kind::Name(&State::NAMES) },
    Field { name: "number", kind: Kind::Number },
    Field { name: "publish_date", kind: Kind::Date },
    Field { name: "creator", kind: Kind::Text },
    Field { name: "create_time", kind: Kind::Time },
    Field { name: "update_time", kind: Kind::Time },
    Field { name: "delete_time", kind: Kind::Time },
];

/// What lists of issues can be sorted by.
pub const ORDERS: [&str; 1] = ["publish_date"];

/// How they are sorted if nobody says how.
pub const ORDER: Order = Order { field: "publish_date", descending: true };

/// The resource type of an issue (aip.dev/123).
pub const KIND: &str = "masthead/Issue";

/// The resource type of a page.
pub const PAGE_KIND: &str = "masthead/Page";

/// The working copy of an issue, without its pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// A UUID that no other issue ever has.
    pub uid: Uuid,
    /// The ids in the name.
    pub id: IssueName,
    /// The person who created it.
    pub creator: String,
    /// The facts of the day.
    pub facts: Facts,
    /// Where it stands in review.
    pub state: State,
    /// The sign-offs in force, by stage.
    pub reviews: Vec<Review>,
    /// What a review signs: [`content_digest`].
    pub content_digest: Digest,
    /// Why it was last returned.
    pub return_reason: String,
    /// The order to publish it at a time to come.
    pub schedule: Option<Schedule>,
    /// The newest publication of it.
    pub latest_publication: Option<i64>,
    /// How often it has been published.
    pub publication_count: i64,
    /// Counts changes of the issue and of its pages.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
    /// When deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// The facts of the day of an issue.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// 期号; 0 for none.
    pub number: i32,
    /// The day it appears.
    pub publish_date: NaiveDate,
    /// 天气.
    pub weather: Weather,
    /// The price note of this issue; empty means the newspaper's.
    pub price_note: String,
    /// 今日N版; 0 if not decided.
    pub planned_page_count: i32,
}

impl Facts {
    /// What is known of the issue that follows: the next running number if this
    /// one has any, the same price and number of pages, no weather yet.
    pub fn following(&self, publish_date: NaiveDate) -> Facts {
        Facts {
            number: if self.number == 0 { 0 } else { self.number.saturating_add(1) },
            publish_date,
            weather: Weather::default(),
            price_note: self.price_note.clone(),
            planned_page_count: self.planned_page_count,
        }
    }
}

/// 天气, as a masthead prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Weather {
    /// 多云转阴.
    pub condition: String,
    /// 东北风3-4级.
    pub wind: String,
    /// The lowest temperature, in degrees Celsius.
    pub low_celsius: Option<i32>,
    /// The highest temperature, in degrees Celsius.
    pub high_celsius: Option<i32>,
}

/// 版: one page of an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The page number, from 1.
    pub number: i32,
    /// What is on it.
    pub layout: Layout,
    /// The issue's version when the page last changed, so that a page that is
    /// taken out and made again does not come back with an old etag.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
}

/// What is on a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Layout {
    /// 版名.
    pub section: String,
    /// 版面编辑, as printed.
    pub editor: String,
    /// What stands on it, in printed order.
    pub placements: Vec<Placement>,
}

/// One article put on one page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placement {
    /// The article.
    pub article: Uuid,
    /// How much weight the page gives it.
    pub role: Role,
    /// The headline as printed here; empty means the article's own.
    pub headline: String,
    /// The kicker as printed here; empty means the article's own.
    pub kicker: String,
    /// The byline as printed here; empty means the article's own.
    pub byline: String,
}

/// How much weight a page gives an article.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Not said.
    #[default]
    Unspecified,
    /// 头条.
    Lead,
    /// A story of middle weight.
    Secondary,
    /// 简讯.
    Brief,
    /// 图片新闻.
    PhotoStory,
}

impl Role {
    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Unspecified => "unspecified",
            Role::Lead => "lead",
            Role::Secondary => "secondary",
            Role::Brief => "brief",
            Role::PhotoStory => "photo_story",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Role> {
        let roles = [Role::Unspecified, Role::Lead, Role::Secondary, Role::Brief, Role::PhotoStory];
        let found = roles.into_iter().find(|role| role.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown placement role {name}")))
    }
}

impl Issue {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(&self.id)
    }

    /// Whether the id is a running number (`4150`) rather than a word, as that of
    /// an extra is. An issue so named has a running number.
    pub fn is_named_by_number(&self) -> bool {
        let id = &self.id.issue;
        id.bytes().all(|byte| byte.is_ascii_digit()) && id.bytes().any(|byte| byte != b'0')
    }

    /// Fails if the issue is deleted.
    pub fn live(&self) -> Result<()> {
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }
}

/// The full resource name of an issue.
pub fn name(id: &IssueName) -> String {
    format!("newspapers/{}/issues/{}", id.newspaper, id.issue)
}

/// The full resource name of a page.
pub fn page_name(id: &IssueName, number: i32) -> String {
    format!("{}/pages/{number}", name(id))
}

/// The error for an issue that is not there.
pub fn missing(id: &IssueName) -> Error {
    Error::NotFound { kind: KIND, name: name(id) }
}

/// The error for a page that is not there.
pub fn missing_page(id: &IssueName, number: i32) -> Error {
    Error::NotFound { kind: PAGE_KIND, name: page_name(id, number) }
}

/// What a review of an issue signs: its facts and the layout of its pages, by
/// number. Articles are signed for themselves.
///
/// # Errors
/// Never for values of these types; the encoder could fail for others.
pub fn content_digest(facts: &Facts, pages: &[Page]) -> Result<Digest> {
    let pages: Vec<(i32, &Layout)> = pages.iter().map(|page| (page.number, &page.layout)).collect();
    Ok(Digest::of_parts([b"issue".as_slice(), &serde_json::to_vec(&(facts, pages))?]))
}
