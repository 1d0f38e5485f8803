//! 更正: what the paper owes for an error that it has printed: a correction in
//! the next issue, on the page with the number of the one where the error
//! stood (出版管理条例 第二十七条 asks for it in an issue soon after). It is owed
//! until a later issue places an article that corrects the printed one, or
//! an editor cancels it.

pub(crate) mod store;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    issue,
    wire::name::{IssueName, PageName},
};

/// A correction that is owed. Read from JSON that the database makes of its row,
/// whose columns its fields are named after.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct OwedCorrection {
    /// Its key.
    pub id: Uuid,
    /// The article that was printed with the error.
    pub article: Uuid,
    /// The id of the newspaper that printed it.
    pub newspaper: String,
    /// The id of the issue in which it was printed.
    pub issue: String,
    /// The day of that issue.
    pub publish_date: NaiveDate,
    /// The number of the page.
    pub page: i32,
    /// What is wrong.
    pub reason: String,
    /// Who recorded it.
    pub person: String,
    /// When.
    pub create_time: DateTime<Utc>,
}

/// Where an article was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The page.
    pub page: PageName,
    /// The day of its issue.
    pub publish_date: NaiveDate,
}

impl OwedCorrection {
    /// The name of the issue in which the error was printed.
    pub fn issue_name(&self) -> String {
        issue::name(&self.issue_id())
    }

    /// The name of the page on which it stood.
    pub fn page_name(&self) -> String {
        issue::page_name(&self.issue_id(), self.page)
    }

    fn issue_id(&self) -> IssueName {
        IssueName { newspaper: self.newspaper.clone(), issue: self.issue.clone() }
    }
}
