//! 定时发布: an order to publish at a time to come. Stored as JSON, whose field
//! names are therefore part of the schema.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An order to publish a working copy at a time to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// When.
    pub publish_time: DateTime<Utc>,
    /// The time zone of the newspaper when it was ordered.
    pub time_zone: String,
    /// Who ordered it.
    pub scheduler: String,
    /// When it was ordered.
    pub schedule_time: DateTime<Utc>,
    /// What will be told to the public.
    pub note: String,
    /// Codes of checks that may fail.
    pub acknowledge: BTreeSet<String>,
    /// Why it was not carried out.
    pub failure: Option<Failure>,
}

/// Why an order was not carried out at its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// When it was tried.
    pub time: DateTime<Utc>,
    /// What stood against it, in words.
    pub description: String,
    /// The codes of the checks that failed, sorted.
    pub codes: BTreeSet<String>,
}

impl Schedule {
    /// When a server has to carry it out; never once it failed.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.failure.is_none().then_some(self.publish_time)
    }

    /// The time as the newspaper's clocks show it, by RFC 3339.
    pub fn local_publish_time(&self) -> String {
        let zone: chrono_tz::Tz = self.time_zone.parse().unwrap_or(chrono_tz::UTC);
        self.publish_time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(time: &str, time_zone: &str) -> Schedule {
        Schedule {
            publish_time: time.parse().expect("a time"),
            time_zone: time_zone.to_owned(),
            scheduler: "zhuren".to_owned(),
            schedule_time: "2026-01-01T00:00:00Z".parse().expect("a time"),
            note: String::new(),
            acknowledge: BTreeSet::new(),
            failure: None,
        }
    }

    #[test]
    fn the_time_is_shown_as_the_newspaper_tells_it() {
        let summer = order("2026-07-01T22:00:00Z", "Asia/Shanghai");
        assert_eq!(summer.local_publish_time(), "2026-07-02T06:00:00+08:00");
        assert_eq!(
            order("2026-07-01T22:00:00.25Z", "Europe/Berlin").local_publish_time(),
            "2026-07-02T00:00:00.250+02:00"
        );
        assert_eq!(
            order("2026-01-01T22:00:00Z", "Europe/Berlin").local_publish_time(),
            "2026-01-01T23:00:00+01:00"
        );
    }

    #[test]
    fn a_failed_order_is_never_due_again() {
        let mut failed = order("2026-07-01T22:00:00Z", "UTC");
        assert_eq!(failed.due(), Some(failed.publish_time));
        failed.failure =
            Some(Failure { time: failed.publish_time, description: String::new(), codes: BTreeSet::new() });
        assert_eq!(failed.due(), None);
    }
}
