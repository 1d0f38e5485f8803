//! 报纸: a title, with the standing facts of its masthead. It also says how many
//! stages must sign before anything of it is reviewed, and in which time zone
//! its days begin.

pub mod rpc;
pub(crate) mod store;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Newspaper";

/// The time zone of a newspaper that names none.
pub const TIME_ZONE_DEFAULT: &str = "Asia/Shanghai";

/// The language of a newspaper that names none.
pub const LANGUAGE_DEFAULT: &str = "zh-Hans";

/// Review stages of a newspaper that names no number.
pub const REVIEW_STAGES_DEFAULT: i32 = 1;

/// Review stages at most: 三审.
pub const REVIEW_STAGES_MAX: i32 = 3;

/// A newspaper.
#[derive(Clone, Debug, PartialEq)]
pub struct Newspaper {
    /// The id in the name.
    pub id: String,
    /// A UUID that no other newspaper ever has.
    pub uid: Uuid,
    /// What its mastheads state.
    pub facts: Facts,
    /// Counts changes.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
    /// When deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// The standing facts of a newspaper.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// 报名.
    pub title: String,
    /// 国内统一刊号.
    pub serial_code: String,
    /// 主管单位.
    pub supervising_body: String,
    /// 主办、出版单位.
    pub publishing_body: String,
    /// 总编辑.
    pub chief_editor: String,
    /// 新闻热线.
    pub hotline: String,
    /// The web site.
    pub website: String,
    /// 邮箱.
    pub email: String,
    /// The IANA time zone in which its days begin.
    pub time_zone: String,
    /// The BCP 47 language of its text.
    pub language_code: String,
    /// The price note of a usual issue.
    pub price_note: String,
    /// How many stages must sign, 1 to [`REVIEW_STAGES_MAX`].
    pub review_stages: i32,
}

impl Newspaper {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(&self.id)
    }

    /// The day that it is for the newspaper at a moment.
    pub fn day(&self, moment: DateTime<Utc>) -> NaiveDate {
        day_in(&self.facts.time_zone, moment)
    }

    /// Fails if the newspaper is deleted.
    pub fn live(&self) -> Result<()> {
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }
}

/// The day that it is in a time zone at a moment; in the default one if nobody
/// knows this one.
pub fn day_in(time_zone: &str, moment: DateTime<Utc>) -> NaiveDate {
    let zone = time_zone.parse::<chrono_tz::Tz>().unwrap_or(chrono_tz::Asia::Shanghai);
    moment.with_timezone(&zone).date_naive()
}

/// The full resource name of a newspaper.
pub fn name(id: &str) -> String {
    format!("newspapers/{id}")
}

/// The error for a newspaper that is not there.
pub fn missing(id: &str) -> Error {
    Error::NotFound { kind: KIND, name: name(id) }
}

/// Whether the IANA database knows a time zone of this name.
pub fn is_time_zone(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}
