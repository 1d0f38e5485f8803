//! 记者发稿统计: the months that are counted, and when each begins by the clocks of
//! a newspaper.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// What was counted of one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Articles that were created in it.
    pub created: i64,
    /// Articles that were published first in it.
    pub published: i64,
}

/// The month that a day belongs to, as its first day.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// How many months there are from one to another, both counted; none if the last
/// one lies before the first.
pub fn length(from: NaiveDate, until: NaiveDate) -> usize {
    let number = |month: NaiveDate| month.year() * 12 + month.month0() as i32;
    usize::try_from(number(until) - number(from) + 1).unwrap_or_default()
}

/// So many months from one on, each as its first day.
pub fn months(from: NaiveDate, count: usize) -> Vec<NaiveDate> {
    (0..count as u32).map_while(|number| from.checked_add_months(Months::new(number))).collect()
}

/// When so many months from one on begin by the clocks of a time zone, and the one
/// behind them.
pub fn beginnings(from: NaiveDate, count: usize, zone: Tz) -> Vec<DateTime<Utc>> {
    months(from, count + 1).into_iter().map(|month| beginning(month, zone)).collect()
}

/// The first moment of a day. Where the clocks are put forward at midnight that is
/// one o'clock, and where they are put back, the first of the two midnights.
fn beginning(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let moment = |hours| zone.from_local_datetime(&(midnight + TimeDelta::hours(hours))).earliest();
    moment(0).or_else(|| moment(1)).map_or(midnight.and_utc(), |time| time.to_utc())
}

/// The month that it is now in any of these time zones, the latest of them; in UTC
/// without any.
pub fn current(now: DateTime<Utc>, zones: &[Tz]) -> NaiveDate {
    let days = zones.iter().map(|zone| now.with_timezone(zone).date_naive());
    month_of(days.max().unwrap_or_else(|| now.date_naive()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(year: i32, month: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, 1).expect("a month")
    }

    #[test]
    fn months_are_counted_over_the_turn_of_years() {
        assert_eq!(length(month(2025, 11), month(2026, 2)), 4);
        assert_eq!(length(month(2026, 2), month(2026, 2)), 1);
        assert_eq!(length(month(2026, 2), month(2026, 1)), 0);
        assert_eq!(length(month(2026, 2), month(1900, 1)), 0);
        let expected = [(2025, 11), (2025, 12), (2026, 1)].map(|(year, number)| month(year, number));
        assert_eq!(months(month(2025, 11), 3), expected);
    }

    #[test]
    fn a_month_begins_when_the_clocks_of_the_newspaper_say_so() {
        let begins = |zone: Tz| {
            let times = beginnings(month(2026, 11), 1, zone).into_iter();
            times.map(|time| time.to_rfc3339()).collect::<Vec<_>>()
        };
        assert_eq!(begins(Tz::Asia__Shanghai), ["2026-10-31T16:00:00+00:00", "2026-11-30T16:00:00+00:00"]);
        assert_eq!(begins(Tz::America__New_York), ["2026-11-01T04:00:00+00:00", "2026-12-01T05:00:00+00:00"]);
        // There the clocks went from midnight to one o'clock on 1 April 1979.
        let forward = beginnings(month(1979, 4), 0, Tz::Asia__Amman);
        assert_eq!(forward, ["1979-03-31T22:00:00Z".parse::<DateTime<Utc>>().expect("a time")]);
        let late = "2026-11-30T16:00:00Z".parse().expect("a time");
        assert_eq!(current(late, &[Tz::Europe__Berlin, Tz::Asia__Shanghai]), month(2026, 12));
        assert_eq!(current(late, &[]), month(2026, 11));
    }
}
