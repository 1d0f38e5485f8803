//! The faults that copy shows by itself: a foreign word that slipped into a Chinese sentence, a text
//! that breaks off, characters that print nothing, a weekday or lunar date that the calendar
//! contradicts.
//!
//! Pure functions over text. The importer asks them about the lines of a page, preflight about
//! articles; what either makes of a fault is its own affair.

use chrono::{Datelike, NaiveDate};

use crate::{
    calendar::weekday_name,
    text::{half_width, is_han},
};

/// Characters shown of a text that breaks off.
const TAIL_CHARACTERS: usize = 12;

/// Whether a character prints nothing: controls but for the tab, marks of width zero.
pub fn is_unprintable(character: char) -> bool {
    (character.is_control() && !character.is_whitespace())
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Whether a sentence ends here. Closing quotes and brackets, and a short remark in brackets
/// after the full stop （完）, are looked through. A colon ends a paragraph that opens a list.
pub fn ends_sentence(text: &str) -> bool {
    // The last characters are enough, and a paragraph that grows line by line is asked often.
    let text = last_characters(text.trim_end(), 50);
    if ends_with_stop(text) {
        return true;
    }
    if !text.ends_with(['）', ')']) {
        return false;
    }
    text.rfind(['（', '(']).is_some_and(|open| ends_with_stop(&text[..open]))
}

/// The end of a text, at most so many characters.
fn last_characters(text: &str, count_max: usize) -> &str {
    let start = text.char_indices().rev().take(count_max).last().map_or(text.len(), |(at, _)| at);
    &text[start..]
}

fn ends_with_stop(text: &str) -> bool {
    const CLOSERS: &[char] = &['”', '’', '」', '』', '）', ')', '》', '〉', '】', '"', '\'', ' ', '\u{3000}'];
    let text = text.trim_end_matches(CLOSERS);
    text.ends_with(['。', '！', '？', '…', '!', '?', '.', '：', ':', '．', '｡'])
}

/// The end of a text, to show where a fault stands.
pub fn tail(text: &str) -> &str {
    last_characters(text.trim_end(), TAIL_CHARACTERS)
}

/// A weekday that is not that of the date before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseWeekday {
    /// Date and weekday as the text has them.
    pub printed: String,
    /// The date that is meant.
    pub date: NaiveDate,
    /// The weekday that the date has: 星期五.
    pub weekday: &'static str,
}

/// The dates of a text (4月21日（星期五）, 2023年4月21日周五) that bear another weekday than the
/// calendar's. A date without a year is the one nearest to `near`.
pub fn false_weekdays(text: &str, near: NaiveDate) -> Vec<FalseWeekday> {
    let characters: Vec<char> = text.chars().map(half_width).collect();
    let months = (0..characters.len()).filter(|at| characters[*at] == '月');
    months
        .filter_map(|month_at| {
            let stated = StatedWeekday::read(&characters, month_at, near)?;
            let weekday = weekday_name(stated.date);
            let is_false = !weekday.ends_with(stated.day_of_week);
            let printed = || text.chars().skip(stated.start).take(stated.end - stated.start).collect();
            is_false.then(|| FalseWeekday { printed: printed(), date: stated.date, weekday })
        })
        .collect()
}

/// A date with a weekday, and where in the text they stand.
struct StatedWeekday {
    start: usize,
    end: usize,
    date: NaiveDate,
    /// The last character of the weekday's name: 五.
    day_of_week: char,
}

impl StatedWeekday {
    /// Reads the date whose 月 stands at `month_at`, if a weekday follows it.
    fn read(characters: &[char], month_at: usize, near: NaiveDate) -> Option<StatedWeekday> {
        let (mut start, month) = number_before(characters, month_at)?;
        let day_length = characters[month_at + 1..].iter().take_while(|each| each.is_ascii_digit()).count();
        let day_end = month_at + 1 + day_length;
        let (_, day) = number_before(characters, day_end)?;
        if characters.get(day_end) != Some(&'日') {
            return None;
        }
        let mut year = None;
        if start > 0 && characters[start - 1] == '年' {
            let (year_start, stated) = number_before(characters, start - 1)?;
            (start, year) = (year_start, Some(i32::try_from(stated).ok().filter(|year| *year >= 1000)?));
        }
        let (end, day_of_week) = weekday_at(characters, day_end + 1)?;
        Some(StatedWeekday { start, end, date: date_near(year, month, day, near)?, day_of_week })
    }
}

/// The number that ends before a place, and where it begins.
fn number_before(characters: &[char], end: usize) -> Option<(usize, u32)> {
    let length = characters[..end].iter().rev().take_while(|each| each.is_ascii_digit()).count();
    let digits: String = characters[end - length..end].iter().collect();
    Some((end - length, digits.parse().ok()?))
}

/// The weekday that stands at a place, behind at most two marks: where it ends, and its last
/// character.
fn weekday_at(characters: &[char], start: usize) -> Option<(usize, char)> {
    let is_mark = |each: &&char| matches!(each, ' ' | '(' | ',');
    let at = start + characters[start..].iter().take(2).take_while(is_mark).count();
    let rest = &characters[at..];
    let word = match rest {
        ['星', '期', ..] | ['礼', '拜', ..] => 2,
        ['周', ..] => 1,
        _ => return None,
    };
    let day_of_week = match rest.get(word)? {
        '天' => '日',
        day @ ('一' | '二' | '三' | '四' | '五' | '六' | '日') => *day,
        _ => return None,
    };
    Some((at + word + 1, day_of_week))
}

/// The date of this month and day; without a year, the one nearest to `near`.
fn date_near(year: Option<i32>, month: u32, day: u32, near: NaiveDate) -> Option<NaiveDate> {
    let years = year.map_or(near.year() - 1..=near.year() + 1, |year| year..=year);
    let dates = years.filter_map(|year| NaiveDate::from_ymd_opt(year, month, day));
    dates.min_by_key(|date| (*date - near).num_days().abs())
}

/// Whether two lunar dates are one, written differently: with the animal of the year, with 腊月
/// for the twelfth month, or, if one of them has no year, in month and day.
pub fn is_same_lunar_date(stated: &str, truth: &str) -> bool {
    let split = |text: &str| -> (String, String) {
        let plain = text
            .replace('閏', "闰")
            .replace("腊月", "十二月")
            .replace("臘月", "十二月")
            .replace("冬月", "十一月")
            .replace("正月", "一月")
            .replace("二十日", "二十")
            .replace('廿', "二十")
            .replace("二十十", "二十");
        match plain.split_once('年') {
            Some((year, day)) => (year.chars().take(2).collect(), day.to_owned()),
            None => (String::new(), plain),
        }
    };
    let ((stated_year, stated_day), (true_year, true_day)) = (split(stated), split(truth));
    stated_day == true_day && (stated_year.is_empty() || true_year.is_empty() || stated_year == true_year)
}

/// Small words that no brand and no acronym is made of: between Chinese words, somebody's
/// translation or recognition slipped.
const LITTLE_WORDS: [&str; 24] = [
    "and", "or", "of", "the", "to", "in", "on", "for", "with", "by", "at", "is", "are", "was", "were",
    "from", "as", "that", "this", "but", "an", "it", "be", "which",
];

/// Words that Chinese papers print in small letters as their own.
const LOANWORDS: [&str; 30] = [
    "app", "vlog", "plog", "wifi", "vip", "pos", "plus", "pro", "logo", "email", "ppt", "pdf", "emo",
    "cosplay", "km", "cm", "mm", "kg", "mg", "ml", "kw", "kwh", "mwh", "hm", "ha", "ph", "pm", "am", "vs",
    "http",
];

/// The foreign words that have slipped into the Chinese sentences of a line. Acronyms, brands and
/// mixed words (APP, e福州, iPhone, PM2.5) are at home in a Chinese paper; a word in small letters
/// that stands apart between Chinese words is not. Addresses and quoted words are let be.
pub fn foreign_words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(is_foreign_letter) {
        let start = at + offset;
        let length = text[start..].find(|each| !is_word_character(each)).unwrap_or(text.len() - start);
        // A word of the line's own punctuation or figures (http://…, 4km) is more than letters.
        let front = text[..start].chars().next_back();
        let is_whole = front.is_none_or(|each| !is_word_character(each));
        let end = start + length;
        if is_whole && is_stray(&text[..start], &text[start..end], &text[end..]) {
            found.push(&text[start..end]);
        }
        at = end;
    }
    found
}

/// Letters of other scripts; full-width and Roman-numeral forms are at home in Chinese print.
fn is_foreign_letter(character: char) -> bool {
    character.is_ascii_alphabetic()
        || (character.is_alphabetic()
            && !is_han(character)
            && !matches!(character, '\u{2100}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{3100}'..='\u{312f}'
                | '\u{ff00}'..='\u{ff5f}' | '\u{e000}'..='\u{f8ff}' | '\u{20000}'..='\u{3ffff}'))
}

fn is_word_character(character: char) -> bool {
    is_foreign_letter(character)
        || character.is_ascii_digit()
        || matches!(character, '.' | '-' | '_' | '@' | '/' | ':' | '&' | '+' | '\'' | '%' | '=' | '?' | '#')
}

fn is_stray(before: &str, word: &str, after: &str) -> bool {
    let bare = word.trim_end_matches('.');
    if bare.chars().count() < 2 || !bare.chars().all(is_foreign_letter) {
        return false;
    }
    let left = before.trim_end().chars().next_back();
    let right = after.trim_start().chars().next();
    let is_chinese = |neighbour: Option<char>| neighbour.is_some_and(is_han);
    let is_sentence = |neighbour: Option<char>| {
        neighbour.is_some_and(|each| is_han(each) || matches!(each, '，' | '、' | '；' | '。' | '：'))
    };
    let in_sentence = is_sentence(left) && is_sentence(right) && (is_chinese(left) || is_chinese(right));
    let lower = bare.to_lowercase();
    let stands_apart = before.ends_with(char::is_whitespace) && after.starts_with(char::is_whitespace);
    let is_little =
        LITTLE_WORDS.contains(&lower.as_str()) && bare[1..].chars().all(|each| each.is_lowercase());
    let is_small = bare.chars().all(|each| each.is_ascii_lowercase());
    let is_other_script = !bare.is_ascii() && bare.chars().all(|each| !each.is_ascii() && !is_latin(each));
    in_sentence
        && (is_little
            || is_other_script
            || (is_small && stands_apart && !LOANWORDS.contains(&lower.as_str())))
}

/// Accented Latin and single Greek letters are parts of names and figures.
fn is_latin(character: char) -> bool {
    matches!(character, '\u{c0}'..='\u{3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_words_are_found_and_names_are_let_be() {
        assert_eq!(foreign_words("认真学习 and 落实会议精神"), ["and"]);
        assert_eq!(foreign_words("会议精神and上级部署"), ["and"]);
        assert_eq!(foreign_words("会议精神，And 上级部署"), ["And"]);
        assert_eq!(foreign_words("项目 however 顺利"), ["however"]);
        assert_eq!(foreign_words("项目 который 顺利"), ["который"]);
        for text in [
            "“e福州”自助终端",
            "打造“融e红”平台",
            "通过APP下单",
            "下载 APP 后登录",
            "5G基站",
            "浓度PM2.5下降",
            "刊号CN-35(Q)第0001号",
            "登录http://www.example.com查询",
            "提升至D级",
            "拍一支 vlog 作品",
            "长 3 km 左右",
            "唱起“and”这个词",
            "Belt and Road",
            "使用iPhone拍摄",
            "第Ⅲ期工程",
            "C919 大飞机",
            "α系数",
        ] {
            assert_eq!(foreign_words(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn lunar_dates_are_compared_by_meaning() {
        assert!(is_same_lunar_date("癸卯年三月初二", "癸卯年三月初二"));
        assert!(is_same_lunar_date("癸卯兔年三月初二", "癸卯年三月初二"));
        assert!(is_same_lunar_date("三月初二", "癸卯年三月初二"));
        assert!(is_same_lunar_date("癸卯年腊月廿三", "癸卯年十二月二十三"));
        assert!(!is_same_lunar_date("癸卯年三月初三", "癸卯年三月初二"));
        assert!(!is_same_lunar_date("壬寅年三月初二", "癸卯年三月初二"));
    }

    #[test]
    fn a_sentence_ends_at_its_stop_even_inside_quotes() {
        for text in ["完了。", "“好！”", "就这样。（完）", "如下：", "《山城》。》"]
        {
            assert!(ends_sentence(text), "{text}");
        }
        for text in ["还没有完", "一、二、", "见“山城”", "（见图）", ""] {
            assert!(!ends_sentence(text), "{text}");
        }
    }

    #[test]
    fn a_weekday_is_held_against_the_calendar() {
        let near = NaiveDate::from_ymd_opt(2023, 4, 21).expect("a date");
        let found = |text: &str| -> Vec<String> {
            let found = false_weekdays(text, near).into_iter();
            found.map(|each| format!("{} {}", each.printed, each.weekday)).collect()
        };
        assert_eq!(found("4月21日（星期六）上午"), ["4月21日（星期六 星期五"]);
        assert_eq!(found("定于2023年4月23日周一开幕"), ["2023年4月23日周一 星期日"]);
        // Without a year, the nearest one is meant.
        assert_eq!(found("12月31日，星期五"), ["12月31日，星期五 星期六"]);
        for text in [
            "4月21日（星期五）上午",
            "2023年4月23日，礼拜天",
            "4月23日（周日）",
            "2月30日（星期五）",
            "24月21日星期六",
            "4月21日周年庆",
            "4月21日",
            "４月下旬星期六",
            "23年4月21日星期一",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn the_tail_of_a_short_text_is_all_of_it() {
        assert_eq!(tail("短 "), "短");
        assert_eq!(tail("一二三四五六七八九十一二三"), "二三四五六七八九十一二三");
    }
}
