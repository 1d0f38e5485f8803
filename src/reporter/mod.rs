//! 记者: the people who may sign what the paper prints. A reporter has a usual
//! name, may have pen names, and one day retires but stays in old bylines. Only
//! the name is for readers; telephone and mailbox stay in the newsroom.

pub mod rpc;
pub mod search;
pub(crate) mod store;
pub mod upkeep;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    name_reading::pinyin_keys,
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Reporter";

/// A reporter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reporter {
    /// The UUID in the name.
    pub id: Uuid,
    /// What the newsroom writes down of the person.
    pub details: Details,
    /// Counts changes.
    pub version: i64,
    /// When created.
    pub create_time: DateTime<Utc>,
    /// When last changed.
    pub update_time: DateTime<Utc>,
    /// When deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// What the newsroom writes down of a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The name that is usually printed.
    pub display_name: String,
    /// Other names the person signs with.
    pub pen_names: Vec<String>,
    /// 记者证号.
    pub press_card_number: String,
    /// 部门.
    pub desk: String,
    /// The mailbox inside the newsroom.
    pub email: String,
    /// The telephone number inside the newsroom.
    pub phone: String,
    /// Has left the paper.
    pub retired: bool,
}

impl Reporter {
    /// The full resource name.
    pub fn name(&self) -> String {
        name(self.id)
    }

    /// How the display name is typed.
    pub fn pinyin(&self) -> Vec<String> {
        pinyin_keys(&self.details.display_name)
    }

    /// Fails if the reporter is deleted.
    pub fn live(&self) -> Result<()> {
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }
}

/// The full resource name of a reporter.
pub fn name(id: Uuid) -> String {
    format!("reporters/{id}")
}

/// The error for a reporter that is not there.
pub fn missing(id: Uuid) -> Error {
    Error::NotFound { kind: KIND, name: name(id) }
}
