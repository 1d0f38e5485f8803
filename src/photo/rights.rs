//! 图片权利: whether the paper may use a picture, for which days, and on which
//! channel. What the overall decision grants holds for print (见报) and for
//! digital use (网站、客户端、电子版) alike; a channel of its own only narrows it.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::error::{Error, Result};

/// All that an editor decides about the rights in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// Whether the paper may publish it at all.
    pub clearance: Clearance,
    /// For which days. Left out of what is signed if it is without bounds, so that
    /// words from before there were licences keep their digest; so with the
    /// channels.
    #[serde(skip_serializing_if = "License::is_unbounded")]
    pub license: License,
    /// What of it holds for print.
    #[serde(skip_serializing_if = "ChannelRights::is_whole")]
    pub print: ChannelRights,
    /// What of it holds for digital use.
    #[serde(skip_serializing_if = "ChannelRights::is_whole")]
    pub digital: ChannelRights,
}

/// Where a picture appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// 见报: on a printed page.
    Print,
    /// 数字: whatever the read side serves.
    Digital,
}

/// What of the overall licence holds for one channel; everything, unless it says
/// otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelRights {
    /// The channel is not granted at all.
    pub excluded: bool,
    /// It is granted for these days only.
    pub license: License,
}

/// The days for which the rights in a picture are granted, both included (PLUS
/// License Start Date and License End Date); none is without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct License {
    /// The first day.
    pub start_date: Option<NaiveDate>,
    /// The last day, not before the first.
    pub end_date: Option<NaiveDate>,
}

/// What has been found out about the rights in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clearance {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// The paper may publish it.
    Cleared,
    /// The paper must not publish it.
    DoNotUse,
}

impl Rights {
    /// The days on which the picture may appear on a channel; none if on no day.
    pub fn days(&self, channel: Channel) -> Option<License> {
        let own = self.of(channel);
        if self.clearance != Clearance::Cleared || own.excluded {
            return None;
        }
        self.license.within(own.license)
    }

    /// Why the picture may not appear on these channels on a day, to be read
    /// behind its name; nothing if it may. What stands against it as a whole is
    /// said once.
    pub fn refusals(&self, channels: &[Channel], day: NaiveDate) -> Vec<String> {
        let whole = match self.clearance {
            Clearance::Unknown => Some("is not cleared of rights; have an editor clear them".to_owned()),
            Clearance::DoNotUse => Some("must not be used; take it out of the article".to_owned()),
            Clearance::Cleared if self.license.covers(day) => None,
            Clearance::Cleared => {
                let (for_what, license) = (named(channels), self.license);
                let what_to_do = "renew the licence or take the photo out";
                Some(format!("is licensed for {for_what} {license}, not for {day}; {what_to_do}"))
            }
        };
        match whole {
            Some(why) => vec![why],
            None => channels.iter().filter_map(|channel| self.of(*channel).refusal(*channel, day)).collect(),
        }
    }

    fn of(&self, channel: Channel) -> ChannelRights {
        match channel {
            Channel::Print => self.print,
            Channel::Digital => self.digital,
        }
    }
}

impl ChannelRights {
    /// Whether it takes nothing from the overall licence.
    pub fn is_whole(&self) -> bool {
        *self == ChannelRights::default()
    }

    fn refusal(&self, channel: Channel, day: NaiveDate) -> Option<String> {
        let license = self.license;
        if self.excluded {
            Some(format!("has no rights for {channel} on any day, so not for {day}; take the photo out"))
        } else if !license.covers(day) {
            let what_to_do = "renew the licence or take the photo out";
            Some(format!("is licensed for {channel} {license}, not for {day}; {what_to_do}"))
        } else {
            None
        }
    }
}

impl License {
    /// Whether it names no day.
    pub fn is_unbounded(&self) -> bool {
        *self == License::default()
    }

    /// Whether a day lies within it.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.start_date.is_none_or(|start| start <= day) && self.end_date.is_none_or(|end| day <= end)
    }

    /// The days that lie within both; none if there are none.
    fn within(self, other: License) -> Option<License> {
        let both = License {
            start_date: self.start_date.max(other.start_date),
            end_date: self.end_date.into_iter().chain(other.end_date).min(),
        };
        let is_empty = both.start_date.zip(both.end_date).is_some_and(|(start, end)| end < start);
        (!is_empty).then_some(both)
    }
}

impl Clearance {
    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Clearance::Unknown => "unknown",
            Clearance::Cleared => "cleared",
            Clearance::DoNotUse => "do_not_use",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Clearance> {
        let all = [Clearance::Unknown, Clearance::Cleared, Clearance::DoNotUse];
        let found = all.into_iter().find(|clearance| clearance.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown clearance {name}")))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Channel::Print => "print",
            Channel::Digital => "digital use",
        })
    }
}

impl fmt::Display for License {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start_date, self.end_date) {
            (Some(start), Some(end)) => write!(formatter, "from {start} to {end}"),
            (Some(start), None) => write!(formatter, "from {start}"),
            (None, Some(end)) => write!(formatter, "until {end}"),
            (None, None) => formatter.write_str("for every day"),
        }
    }
}

fn named(channels: &[Channel]) -> String {
    channels.iter().map(Channel::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Channel; 2] = [Channel::Print, Channel::Digital];

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).expect("a day")
    }

    fn days(start: u32, end: u32) -> License {
        let some = |number| (number > 0).then(|| day(number));
        License { start_date: some(start), end_date: some(end) }
    }

    fn cleared(license: License, digital: ChannelRights) -> Rights {
        Rights { clearance: Clearance::Cleared, license, digital, ..Rights::default() }
    }

    #[test]
    fn a_channel_narrows_the_overall_licence_and_never_widens_it() {
        for (overall, own, both) in [
            (days(0, 0), days(0, 0), Some(days(0, 0))),
            (days(5, 20), days(0, 0), Some(days(5, 20))),
            (days(0, 0), days(5, 20), Some(days(5, 20))),
            (days(5, 20), days(1, 30), Some(days(5, 20))),
            (days(5, 20), days(7, 9), Some(days(7, 9))),
            (days(5, 0), days(0, 9), Some(days(5, 9))),
            (days(0, 9), days(9, 0), Some(days(9, 9))),
            (days(0, 9), days(10, 0), None),
            (days(5, 9), days(10, 20), None),
        ] {
            let rights = cleared(overall, ChannelRights { excluded: false, license: own });
            assert_eq!(rights.days(Channel::Digital), both, "{overall:?} {own:?}");
            assert_eq!(rights.days(Channel::Print), Some(overall));
            // Both ways to ask agree on every day.
            for number in 1..=30 {
                let granted = both.is_some_and(|both| both.covers(day(number)));
                let refusals = rights.refusals(&[Channel::Digital], day(number));
                assert_eq!(refusals.is_empty(), granted, "{overall:?} {own:?} {number}: {refusals:?}");
            }
        }
    }

    #[test]
    fn what_is_not_cleared_or_excluded_is_granted_on_no_day() {
        let excluded = ChannelRights { excluded: true, license: License::default() };
        let rights = cleared(License::default(), excluded);
        assert_eq!(rights.days(Channel::Digital), None);
        assert_eq!(rights.days(Channel::Print), Some(License::default()));
        for clearance in [Clearance::Unknown, Clearance::DoNotUse] {
            let rights = Rights { clearance, ..Rights::default() };
            assert_eq!(BOTH.map(|channel| rights.days(channel)), [None, None]);
            assert_eq!(rights.refusals(&BOTH, day(1)).len(), 1, "said once");
        }
    }

    #[test]
    fn each_channel_that_lacks_rights_is_named_with_its_days() {
        let print = ChannelRights { excluded: true, license: License::default() };
        let digital = ChannelRights { excluded: false, license: days(5, 9) };
        let rights = Rights { print, ..cleared(License::default(), digital) };
        assert_eq!(
            rights.refusals(&BOTH, day(20)),
            [
                "has no rights for print on any day, so not for 2026-11-20; take the photo out",
                "is licensed for digital use from 2026-11-05 to 2026-11-09, not for 2026-11-20; renew the licence or take the photo out"
            ]
        );
        assert_eq!(
            cleared(days(0, 9), ChannelRights::default()).refusals(&BOTH, day(20)),
            [
                "is licensed for print and digital use until 2026-11-09, not for 2026-11-20; renew the licence or take the photo out"
            ]
        );
    }
}
