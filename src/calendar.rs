//! The two facts of the day that a masthead computes and nobody types: the weekday (星期五) and the lunar date
//! (农历癸卯年三月初二).
//!
//! The lunar months come from the crate `tyme4rs`, which follows the astronomy of 寿星天文历. It was compared, day
//! by day from 1900 to 2100, with two independent conversion tables and with computed new moons. The eleven
//! months where both tables stood against it are put right here (`MONTHS_AS_PROMULGATED`). One uncertainty
//! cannot be removed today: the new moons of September 2057, September 2089 and August 2097 fall within three
//! minutes of midnight, nearer than the turning of the Earth can be foretold, so the official calendar may
//! yet begin these months a day earlier or later.

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use tyme4rs::tyme::Culture;
use tyme4rs::tyme::solar::SolarDay;

use crate::text::half_width;

/// The first day that a newspaper of this service can bear, and the first with a lunar date: 1 January 1900.
pub const DATE_FIRST: NaiveDate = day(1900, 1, 1);

/// The last day that a newspaper of this service can bear, and the last with a lunar date: 31 December 2100.
pub const DATE_LAST: NaiveDate = day(2100, 12, 31);

/// A lunar date as a Chinese newspaper prints it under its title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LunarDate {
    /// The year's name in the cycle of sixty: 癸卯.
    pub year_name: String,
    /// The month's number, 1 to 12; a leap month bears the number of the month before it.
    pub month: u32,
    /// Whether this is the leap month (闰月) of its number.
    pub leap_month: bool,
    /// The day of the month, 1 to 30.
    pub day: u32,
    /// The whole date in print, without the word 农历: 癸卯年三月初二, 癸卯年闰二月初一.
    pub text: String,
}

/// The weekday as a newspaper prints it: 星期一 to 星期六, 星期日.
pub fn weekday_name(date: NaiveDate) -> &'static str {
    match date.weekday() {
        Weekday::Mon => "星期一",
        Weekday::Tue => "星期二",
        Weekday::Wed => "星期三",
        Weekday::Thu => "星期四",
        Weekday::Fri => "星期五",
        Weekday::Sat => "星期六",
        Weekday::Sun => "星期日",
    }
}

/// The lunar date of a day, or `None` before [`DATE_FIRST`] and after [`DATE_LAST`].
///
/// The last two months are printed by number, 十一月 and 十二月, in line with the other ten, and not by their
/// vernacular names 冬月 and 腊月; the first is 正月. From the twenty-first on, days are printed with 廿.
/// [`same_lunar_text`] accepts the other forms.
pub fn lunar_date(date: NaiveDate) -> Option<LunarDate> {
    if !(DATE_FIRST..=DATE_LAST).contains(&date) {
        return None;
    }
    let found = promulgated(date)?;
    let leap = if found.leap_month { "闰" } else { "" };
    let month_name = MONTH_NAMES.get(found.month.checked_sub(1)? as usize)?;
    let text = format!("{}年{leap}{month_name}{}", found.year_name, day_name(found.day));
    Some(LunarDate {
        year_name: found.year_name,
        month: found.month,
        leap_month: found.leap_month,
        day: found.day,
        text,
    })
}

/// Whether two printed lunar dates say the same day, however each is spelled.
///
/// Spaces, the words 农历, 夏历 and 阴历, full-width and half-width, and traditional characters make no difference;
/// 冬月 is 十一月, 腊月 is 十二月, 正月 is 一月, 廿 is 二十 and 卅 is 三十. Neither text is checked to be a date.
pub fn same_lunar_text(a: &str, b: &str) -> bool {
    spelled_out(a) == spelled_out(b)
}

const MONTH_NAMES: [&str; 12] =
    ["正月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"];

const DIGITS: [&str; 10] = ["十", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// Months that `tyme4rs` 1.5 begins one day off: its first day, then the first day in the calendar in force.
///
/// For each, the conversion tables agree with each other against the crate. From 1912 on so does the new moon
/// itself, in the time that was prescribed (Beijing's until 1928, then UTC+8). The comparison of the Purple
/// Mountain Observatory's 新编万年历 with computed new moons in ytliu0/ChineseCalendar (computation.html) bears
/// them out. The one that people remember: the Spring Festival of 1954 was on 3 February.
const MONTHS_AS_PROMULGATED: [(NaiveDate, NaiveDate); 11] = [
    (day(1906, 4, 23), day(1906, 4, 24)),
    (day(1909, 9, 15), day(1909, 9, 14)),
    (day(1910, 12, 31), day(1911, 1, 1)),
    (day(1916, 4, 2), day(1916, 4, 3)),
    (day(1920, 11, 11), day(1920, 11, 10)),
    (day(1927, 10, 26), day(1927, 10, 25)),
    (day(1928, 10, 14), day(1928, 10, 13)),
    (day(1942, 9, 11), day(1942, 9, 10)),
    (day(1943, 11, 28), day(1943, 11, 27)),
    (day(1954, 2, 4), day(1954, 2, 3)),
    (day(1957, 3, 1), day(1957, 3, 2)),
];

/// A date literal. The panic can only happen while compiling: every call stands in a constant.
const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => panic!("no such day in the calendar"),
    }
}

/// A lunar date before it is put into words.
struct LunarDay {
    year_name: String,
    month: u32,
    leap_month: bool,
    day: u32,
}

/// The lunar day of the calendar in force: as counted, with the months that were begun a day off put right.
fn promulgated(date: NaiveDate) -> Option<LunarDay> {
    let found = counted(date)?;
    let first_day = date.checked_sub_signed(TimeDelta::days(i64::from(found.day) - 1))?;
    for (counted_first, promulgated_first) in MONTHS_AS_PROMULGATED {
        if date == promulgated_first && date < counted_first {
            return Some(LunarDay { day: 1, ..counted(counted_first)? });
        }
        if first_day == counted_first && date < promulgated_first {
            let before = counted(date.pred_opt()?)?;
            return Some(LunarDay { day: before.day + 1, ..before });
        }
        if first_day == counted_first {
            let days = date.signed_duration_since(promulgated_first).num_days();
            return Some(LunarDay { day: u32::try_from(days + 1).ok()?, ..found });
        }
    }
    Some(found)
}

/// The lunar day as `tyme4rs` counts it.
///
/// The crate panics on days that it does not know; every day that can come here (one day beyond the range of
/// [`lunar_date`] at most) is walked through by a test.
fn counted(date: NaiveDate) -> Option<LunarDay> {
    let solar_day =
        SolarDay::new(isize::try_from(date.year()).ok()?, date.month() as usize, date.day() as usize).ok()?;
    let lunar_day = solar_day.get_lunar_day();
    let month = lunar_day.get_lunar_month();
    Some(LunarDay {
        year_name: month.get_lunar_year().get_sixty_cycle().get_name(),
        month: u32::try_from(month.get_month()).ok()?,
        leap_month: month.is_leap(),
        day: u32::try_from(lunar_day.get_day()).ok()?,
    })
}

/// 初一 … 初十, 十一 … 十九, 二十, 廿一 … 廿九, 三十.
fn day_name(day: u32) -> String {
    let tens = match day {
        0..=10 => "初",
        11..=19 => "十",
        20 => "二",
        21..=29 => "廿",
        _ => "三",
    };
    format!("{tens}{}", DIGITS[(day % 10) as usize])
}

/// A printed lunar date with every variant spelled in one way, for comparing only.
fn spelled_out(text: &str) -> String {
    let plain: String = text.chars().map(half_width).filter(|character| !character.is_whitespace()).collect();
    let variants = [
        ("農", "农"),
        ("曆", "历"),
        ("陰", "阴"),
        ("閏", "闰"),
        ("臘", "腊"),
        ("农历", ""),
        ("夏历", ""),
        ("阴历", ""),
        ("正月", "一月"),
        ("冬月", "十一月"),
        ("腊月", "十二月"),
        ("廿", "二十"),
        ("卅", "三十"),
    ];
    variants.into_iter().fold(plain, |text, (variant, usual)| text.replace(variant, usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(year: i32, month: u32, day_of_month: u32) -> String {
        lunar_date(day(year, month, day_of_month)).unwrap().text
    }

    #[test]
    fn the_sample_issue_bears_its_weekday_and_lunar_date() {
        assert_eq!(weekday_name(day(2023, 4, 21)), "星期五");
        assert_eq!(weekday_name(day(2023, 4, 23)), "星期日");
        let date = lunar_date(day(2023, 4, 21)).unwrap();
        assert_eq!((date.year_name.as_str(), date.month, date.leap_month, date.day), ("癸卯", 3, false, 2));
        assert_eq!(date.text, "癸卯年三月初二");
    }

    #[test]
    fn a_leap_month_says_so() {
        let date = lunar_date(day(2023, 3, 22)).unwrap();
        assert_eq!((date.month, date.leap_month, date.day), (2, true, 1));
        assert_eq!(date.text, "癸卯年闰二月初一");
        assert_eq!(printed(2033, 12, 22), "癸丑年闰十一月初一");
    }

    #[test]
    fn the_year_turns_at_the_spring_festival() {
        assert_eq!(printed(2024, 2, 9), "癸卯年十二月三十");
        assert_eq!(printed(2024, 2, 10), "甲辰年正月初一");
        assert_eq!(printed(2025, 1, 28), "甲辰年十二月廿九");
        assert_eq!(printed(2025, 1, 29), "乙巳年正月初一");
        assert_eq!(printed(1954, 2, 3), "甲午年正月初一");
    }

    #[test]
    fn late_months_and_every_form_of_a_day_are_printed_as_newspapers_do() {
        assert_eq!(printed(2024, 1, 1), "癸卯年十一月二十");
        assert_eq!(printed(2024, 1, 2), "癸卯年十一月廿一");
        assert_eq!(printed(2024, 1, 20), "癸卯年十二月初十");
        assert_eq!(printed(2024, 1, 21), "癸卯年十二月十一");
    }

    #[test]
    fn spellings_of_one_date_are_the_same_and_other_dates_are_not() {
        for (a, b) in [
            ("癸卯年三月初二", "农历癸卯年三月初二"),
            ("癸卯年三月初二", " 農曆 癸卯年　三月 初二 "),
            ("甲辰年腊月廿九", "甲辰年十二月二十九"),
            ("甲辰年臘月廿九", "农历甲辰年十二月廿九"),
            ("癸卯年冬月二十", "癸卯年十一月廿"),
            ("癸卯年闰二月初一", "癸卯年閏二月初一"),
            ("甲辰年正月初一", "甲辰年一月初一"),
            ("甲辰年正月卅", "甲辰年正月三十"),
            ("癸卯年(兔年)三月初二", "癸卯年（兔年）三月初二"),
        ] {
            assert!(same_lunar_text(a, b), "{a} = {b}");
        }
        for (a, b) in [
            ("癸卯年二月初一", "癸卯年闰二月初一"),
            ("癸卯年十一月初一", "癸卯年正月初一"),
            ("癸卯年三月十二", "癸卯年三月廿二"),
            ("癸卯年三月初二", "甲辰年三月初二"),
        ] {
            assert!(!same_lunar_text(a, b), "{a} != {b}");
        }
    }

    #[test]
    fn days_out_of_range_have_no_lunar_date_and_no_day_panics() {
        for date in [NaiveDate::MIN, NaiveDate::MAX, day(1899, 12, 31), day(2101, 1, 1), day(0, 1, 1)] {
            assert_eq!(lunar_date(date), None, "{date}");
            assert!(weekday_name(date).starts_with("星期"));
        }
        assert_eq!(printed(1900, 1, 1), "己亥年十二月初一");
        assert_eq!(printed(2100, 12, 31), "庚申年十二月初一");
    }

    #[test]
    fn every_day_from_1900_to_2100_follows_the_day_before() {
        let mut last = lunar_date(DATE_FIRST).unwrap();
        for date in DATE_FIRST.iter_days().skip(1).take_while(|date| *date <= DATE_LAST) {
            let next = lunar_date(date).unwrap();
            let same_month = (&next.year_name, next.month, next.leap_month)
                == (&last.year_name, last.month, last.leap_month);
            if same_month {
                assert_eq!(next.day, last.day + 1, "{date}");
            } else {
                assert!(
                    next.day == 1 && (29..=30).contains(&last.day),
                    "{date}: {} after {}",
                    next.text,
                    last.text
                );
                let follows = match (next.leap_month, next.month) {
                    (true, month) => month == last.month && !last.leap_month,
                    (false, 1) => last.month == 12 && next.year_name != last.year_name,
                    (false, month) => month == last.month + 1,
                };
                assert!(follows, "{date}: {} after {}", next.text, last.text);
            }
            last = next;
        }
    }
}
