//! 数字权利: whether readers are served the file of a published photo. The rights
//! decide it anew at each download, so that nothing has to happen at the moment
//! when they end; the snapshots and the ledger know nothing of it.

use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Result},
    newspaper,
    photo::{File, License, rendition::Look},
};

/// A photo as it was published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedPhoto {
    /// The original file.
    pub file: File,
    /// How its renditions are cut, and what they carry.
    pub look: Look,
    /// The days of its digital rights; none if there are none any more.
    pub days: Option<License>,
    /// The time zone of the newspaper that published it, in which its days begin.
    pub time_zone: String,
}

impl PublishedPhoto {
    /// The photo, if it may be served at this moment.
    ///
    /// # Errors
    /// [`Error::DigitalRightsEnded`], if it may not.
    pub fn serve(self, name: &str, now: DateTime<Utc>) -> Result<PublishedPhoto> {
        let today = newspaper::day_in(&self.time_zone, now);
        if self.days.is_some_and(|days| days.covers(today)) {
            return Ok(self);
        }
        Err(Error::DigitalRightsEnded { name: name.to_owned(), days: self.days })
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::digest::Digest;

    fn file(days: Option<License>, time_zone: &str) -> PublishedPhoto {
        let file = File {
            sha256: Digest::ZERO,
            content_type: "image/jpeg".into(),
            size_bytes: 1,
            width_px: 1,
            height_px: 1,
            orientation: 1,
        };
        PublishedPhoto { file, look: Look::default(), days, time_zone: time_zone.into() }
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().expect("a time")
    }

    #[test]
    fn rights_begin_and_end_with_the_days_of_the_newspaper() {
        let day = |number| NaiveDate::from_ymd_opt(2026, 11, number);
        let days = Some(License { start_date: day(20), end_date: day(21) });
        for (zone, moment, is_served) in [
            ("Asia/Shanghai", "2026-11-19T15:59:59.999Z", false),
            ("Asia/Shanghai", "2026-11-19T16:00:00Z", true),
            ("Asia/Shanghai", "2026-11-21T15:59:59.999Z", true),
            ("Asia/Shanghai", "2026-11-21T16:00:00Z", false),
            ("Pacific/Kiritimati", "2026-11-21T09:59:59Z", true),
            ("Pacific/Kiritimati", "2026-11-21T10:00:00Z", false),
            ("Pacific/Pago_Pago", "2026-11-22T10:59:59Z", true),
            ("Pacific/Pago_Pago", "2026-11-22T11:00:00Z", false),
        ] {
            let answer = file(days, zone).serve("photos/1", at(moment));
            assert_eq!(answer.is_ok(), is_served, "{zone} {moment}");
        }
    }

    #[test]
    fn what_has_no_bound_never_ends_and_what_is_withheld_is_never_served() {
        for moment in ["1900-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
            assert!(file(Some(License::default()), "UTC").serve("photos/1", at(moment)).is_ok());
            assert!(file(None, "UTC").serve("photos/1", at(moment)).is_err());
        }
    }
}
