//! 记者: the people who may sign what the paper prints. A reporter has a usual
//! name, may have pen names, and one day retires but stays in old bylines. Only
//! the name is for readers; telephone and mailbox stay in the newsroom.

pub mod merge;
pub mod rpc;
pub mod search;
pub mod statistics;
pub(crate) mod store;
pub mod upkeep;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    config,
    error::{Error, Result},
    filter::{Field, Kind, Order},
    name_reading::pinyin_keys,
};

/// The resource type (aip.dev/123).
pub const KIND: &str = "masthead/Reporter";

/// What lists of reporters can be filtered by.
pub const FIELDS: [Field; 7] = [
    Field { name: "display_name", kind: Kind::Text },
    Field { name: "desk", kind: Kind::Text },
    Field { name: "press_card_number", kind: Kind::Text },
    Field { name: "retired", kind: Kind::Boolean },
    Field { name: "create_time", kind: Kind::Time },
    Field { name: "update_time", kind: Kind::Time },
    Field { name: "delete_time", kind: Kind::Time },
];

/// What lists of reporters can be sorted by.
pub const ORDERS: [&str; 2] = ["create_time", "update_time"];

/// How they are sorted if nobody says how.
pub const ORDER: Order = Order { field: "create_time", descending: false };

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
    /// The reporter that this one, a duplicate, was merged into.
    pub merged_into: Option<Uuid>,
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

    /// Fails if the reporter is deleted, or was merged into another one.
    pub fn live(&self) -> Result<()> {
        self.unmerged()?;
        match self.delete_time {
            Some(_) => Err(Error::Deleted { kind: KIND, name: self.name() }),
            None => Ok(()),
        }
    }

    /// Fails if the reporter was merged into another one.
    pub fn unmerged(&self) -> Result<()> {
        match self.merged_into {
            Some(into) => Err(Error::ReporterMerged { name: self.name(), into: name(into) }),
            None => Ok(()),
        }
    }

    /// Takes over the names of a duplicate as pen names.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn take_names_of(&mut self, duplicate: &Reporter) -> Result<()> {
        let name = self.name();
        let own = &mut self.details;
        let names = [&duplicate.details.display_name].into_iter().chain(&duplicate.details.pen_names);
        for taken in names {
            if *taken != own.display_name && !own.pen_names.contains(taken) {
                own.pen_names.push(taken.clone());
            }
        }
        let (count, count_max) = (own.pen_names.len(), config::PEN_NAMES_MAX);
        if count > count_max {
            let why =
                format!("{name} would have {count} pen names, more than {count_max}; remove some first");
            return Err(Error::LimitExceeded(why));
        }
        Ok(())
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
