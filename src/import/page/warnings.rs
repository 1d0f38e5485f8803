//! What an editor should look at: faults of the copy, and guesses of this reading.

use super::characters::{ends_sentence, is_han};
use super::headlines::broken_paragraphs;
use super::lines::Line;
use super::{Block, Fact, Page, Passage};

/// Something that an editor should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, counted from 1.
    pub line: usize,
    /// What kind of thing it is.
    pub kind: WarningKind,
    /// What was seen, in one sentence.
    pub message: String,
}

/// What a warning is about. The first group are faults of the copy, the second are guesses of
/// this reading; [`WarningKind::is_check`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// A foreign word inside a Chinese sentence.
    ForeignWord,
    /// A story whose last sentence does not end.
    UnfinishedStory,
    /// The stated weekday is not the date's.
    Weekday,
    /// The stated lunar date is not the date's.
    LunarDate,
    /// Characters that cannot be printed were taken out.
    ControlCharacters,
    /// A joined sentence that reads as if a passage were lost between its halves.
    LostPassage,
    /// The lead headline was given to a story far from it.
    LeadHeadline,
    /// No headline was found for a story.
    NoHeadline,
    /// Which of two lines is the headline was a close call.
    HeadlineChoice,
    /// Whether a line is a section head or a headline of its own was a close call.
    HeadingChoice,
    /// A photographer is named, and there is no caption.
    NoCaption,
}

impl WarningKind {
    /// Whether it asks for a check of a guess, rather than naming a fault of the copy.
    pub fn is_check(self) -> bool {
        !matches!(
            self,
            WarningKind::ForeignWord
                | WarningKind::UnfinishedStory
                | WarningKind::Weekday
                | WarningKind::LunarDate
                | WarningKind::ControlCharacters
        )
    }
}

/// Looks through the page as read, and puts all its warnings in the order of lines.
pub(super) fn look(lines: &[Line], page: &mut Page) {
    let mut found: Vec<Warning> = lines.iter().filter_map(unprintable).collect();
    for line in lines {
        found.extend(foreign_words(&line.text).into_iter().map(|word| Warning {
            line: line.number,
            kind: WarningKind::ForeignWord,
            message: format!("a foreign word inside a Chinese sentence: {word}"),
        }));
    }
    for story in &page.stories {
        found.extend(broken_paragraphs(&story.blocks).map(|passage| Warning {
            line: last_line(passage),
            kind: WarningKind::LostPassage,
            message: format!("a paragraph breaks off in the middle: …{}", tail(&passage.text)),
        }));
        if story.blocks.is_empty() && story.photos.is_empty() {
            found.push(Warning {
                line: story.lines.last().copied().unwrap_or_default(),
                kind: WarningKind::UnfinishedStory,
                message: format!("“{}” has no text", story.working_headline()),
            });
        }
        if let Some(Block::Paragraph(last)) = story.blocks.last()
            && !ends_sentence(&last.text)
        {
            found.push(Warning {
                line: last_line(last),
                kind: WarningKind::UnfinishedStory,
                message: format!(
                    "the last sentence of “{}” does not end: …{}",
                    story.working_headline(),
                    tail(&last.text)
                ),
            });
        }
    }
    page.warnings.extend(found);
    page.warnings.sort_by_key(|warning| warning.line);
}

/// Compares what the masthead states with the calendar: `weekday` and `lunar_text` are the true
/// ones of [`Masthead::publish_date`](super::Masthead::publish_date), as 星期五 and
/// 癸卯年三月初二. An empty `lunar_text` (the calendar does not know the date) compares nothing.
pub fn calendar_warnings(page: &Page, weekday: &str, lunar_text: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let masthead = &page.masthead;
    let Some(date) = &masthead.publish_date else {
        return warnings;
    };
    let disagrees = |kind, stated: &Fact<String>, truth: &str| Warning {
        line: stated.line,
        kind,
        message: format!("{} is stated, but {} is {truth}", stated.printed, date.value),
    };
    if let Some(stated) = &masthead.weekday
        && stated.value != weekday
    {
        warnings.push(disagrees(WarningKind::Weekday, stated, weekday));
    }
    if let Some(stated) = &masthead.lunar_date
        && !lunar_text.is_empty()
        && !same_lunar_date(&stated.value, lunar_text)
    {
        warnings.push(disagrees(WarningKind::LunarDate, stated, lunar_text));
    }
    warnings
}

/// Whether two lunar dates are one, written differently: with the animal of the year, with 腊月
/// for the twelfth month, or, if one of them has no year, in month and day.
fn same_lunar_date(stated: &str, truth: &str) -> bool {
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

fn unprintable(line: &Line) -> Option<Warning> {
    (line.unprintable_count > 0).then(|| Warning {
        line: line.number,
        kind: WarningKind::ControlCharacters,
        message: format!("{} characters that cannot be printed were taken out", line.unprintable_count),
    })
}

fn last_line(passage: &Passage) -> usize {
    passage.lines.last().copied().unwrap_or_default()
}

fn tail(text: &str) -> String {
    let tail: Vec<char> = text.chars().rev().take(12).collect();
    tail.into_iter().rev().collect()
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
fn foreign_words(text: &str) -> Vec<&str> {
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
        assert!(same_lunar_date("癸卯年三月初二", "癸卯年三月初二"));
        assert!(same_lunar_date("癸卯兔年三月初二", "癸卯年三月初二"));
        assert!(same_lunar_date("三月初二", "癸卯年三月初二"));
        assert!(same_lunar_date("癸卯年腊月廿三", "癸卯年十二月二十三"));
        assert!(!same_lunar_date("癸卯年三月初三", "癸卯年三月初二"));
        assert!(!same_lunar_date("壬寅年三月初二", "癸卯年三月初二"));
    }
}
