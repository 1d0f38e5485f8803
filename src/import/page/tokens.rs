//! The facts of a masthead that are known by their own form, with no wording before them: a date,
//! 星期五, CN35-0001, 第4150期, 今日4版, 东北风3-4级.

use std::ops::Range;

use chrono::NaiveDate;

use super::numbers::{self, number, spaces, starts_with};
use super::{FactKind, Temperature};

/// What the characters of a fact mean, where that is more than the characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Characters,
    Date(NaiveDate),
    Number(u32),
    Weekday(String),
    Temperature(Temperature),
}

/// A fact at the front of a text: where its value lies, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: FactKind,
    pub(super) value: Range<usize>,
    pub(super) meaning: Meaning,
}

fn plain(kind: FactKind, length: usize) -> Token {
    Token { kind, value: 0..length, meaning: Meaning::Characters }
}

fn counted(kind: FactKind, length: usize, value: u32) -> Token {
    Token { kind, value: 0..length, meaning: Meaning::Number(value) }
}

/// The fact at the front of folded characters. What stands behind it is for the caller to judge.
pub(super) fn token(text: &[char]) -> Option<Token> {
    None.or_else(|| date(text))
        .or_else(|| weekday(text))
        .or_else(|| lunar_date(text))
        .or_else(|| temperature(text))
        .or_else(|| running_number(text))
        .or_else(|| page_count(text))
        .or_else(|| page_label(text))
        .or_else(|| serial_code(text))
        .or_else(|| address(text))
        .or_else(|| price_note(text))
        .or_else(|| wind(text))
        .or_else(|| weather(text))
}

fn date(text: &[char]) -> Option<Token> {
    let (length, date) = numbers::date(text)?;
    let meaning = Meaning::Date(date);
    Some(Token { kind: FactKind::PublishDate, value: 0..length, meaning })
}

fn weekday(text: &[char]) -> Option<Token> {
    let (length, name) = numbers::weekday(text)?;
    Some(Token { kind: FactKind::Weekday, value: 0..length, meaning: Meaning::Weekday(name) })
}

fn lunar_date(text: &[char]) -> Option<Token> {
    let (start, end) = numbers::lunar_date(text)?;
    Some(Token { kind: FactKind::LunarDate, value: start..end, meaning: Meaning::Characters })
}

pub(super) fn temperature(text: &[char]) -> Option<Token> {
    let (length, range) = numbers::temperature(text)?;
    let meaning = Meaning::Temperature(range);
    Some(Token { kind: FactKind::Temperature, value: 0..length, meaning })
}

/// 第4150期, 总第4150期.
fn running_number(text: &[char]) -> Option<Token> {
    let mut at = usize::from(text.first() == Some(&'总'));
    if text.get(at) != Some(&'第') {
        return None;
    }
    at += 1 + spaces(&text[at + 1..]);
    let (taken, value) = number(&text[at..])?;
    at += taken + spaces(&text[at + taken..]);
    (text.get(at) == Some(&'期')).then(|| counted(FactKind::IssueNumber, at + 1, value))
}

/// 今日4版, 本期共8版, 对开四版.
fn page_count(text: &[char]) -> Option<Token> {
    const OPENINGS: [&str; 10] =
        ["本报今日", "今日共", "今天共", "本期共", "今日", "今天", "本期", "共", "对开", "四开"];
    let opening = OPENINGS.into_iter().find(|opening| starts_with(text, opening))?;
    let mut at = opening.chars().count();
    at += spaces(&text[at..]);
    let (taken, value) = number(&text[at..])?;
    at += taken + spaces(&text[at + taken..]);
    (text.get(at) == Some(&'版')).then(|| counted(FactKind::PageCount, at + 1, value))
}

/// 第1版, A1版, A01, 01版, 头版.
fn page_label(text: &[char]) -> Option<Token> {
    if starts_with(text, "头版") {
        return Some(counted(FactKind::PageNumber, 2, 1));
    }
    let has_ordinal = text.first() == Some(&'第');
    let mut at = usize::from(has_ordinal);
    at += spaces(&text[at..]);
    let has_letter = text.get(at).is_some_and(|letter| matches!(letter, 'A'..='F'));
    at += usize::from(has_letter);
    let (taken, value) = number(&text[at..])?;
    at += taken;
    let with_word = at + spaces(&text[at..]);
    if text.get(with_word) == Some(&'版') {
        return Some(counted(FactKind::PageNumber, with_word + 1, value));
    }
    (has_letter && taken <= 2 && !has_ordinal).then(|| counted(FactKind::PageNumber, at, value))
}

/// CN35-0001, CN-35(Q)第0001号. The number of the issue may follow without a space.
fn serial_code(text: &[char]) -> Option<Token> {
    if !starts_with(text, "CN") {
        return None;
    }
    let mut at = 2 + spaces(&text[2..]);
    if !text.get(at).is_some_and(|character| character.is_ascii_digit() || *character == '-') {
        return None;
    }
    at += code_length(&text[at..]);
    Some(plain(FactKind::SerialCode, at + register_number(&text[at..])))
}

/// The second half of an inner paper's code, behind a space: CN-35(Q) 第0001号.
fn register_number(text: &[char]) -> usize {
    let mut at = spaces(text);
    if at == 0 || text.get(at) != Some(&'第') {
        return 0;
    }
    at += 1;
    let Some((taken, _)) = number(&text[at..]) else { return 0 };
    at += taken;
    if text.get(at) == Some(&'号') { at + 1 } else { 0 }
}

/// How far a code reaches: to a space, a comma, or the running number.
pub(super) fn code_length(text: &[char]) -> usize {
    (0..text.len())
        .find(|at| matches!(text[*at], ' ' | ',' | ';' | '|') || running_number(&text[*at..]).is_some())
        .unwrap_or(text.len())
}

/// A web site or a mailbox.
pub(super) fn address(text: &[char]) -> Option<Token> {
    let mut length = text
        .iter()
        .take_while(|each| each.is_ascii_graphic() && !matches!(each, ',' | ';' | '|' | '(' | ')'))
        .count();
    while length > 0 && matches!(text[length - 1], '.' | ':' | '/') {
        length -= 1;
    }
    let word: String = text[..length].iter().collect();
    if let Some((user, host)) = word.split_once('@') {
        let is_mailbox = !user.is_empty() && host.contains('.') && !host.contains('@');
        return is_mailbox.then(|| plain(FactKind::Mailbox, length));
    }
    let lower = word.to_ascii_lowercase();
    let is_site =
        ["http://", "https://", "www."].iter().any(|front| lower.starts_with(front)) || is_domain(&lower);
    (is_site && lower.contains('.')).then(|| plain(FactKind::Website, length))
}

fn is_domain(word: &str) -> bool {
    let host = word.split('/').next().unwrap_or_default();
    [".com", ".cn", ".net", ".org"].iter().any(|end| host.ends_with(end) && host.len() > end.len())
}

/// 免费阅读, 零售每份1元, 定价：1.00元.
fn price_note(text: &[char]) -> Option<Token> {
    const OPENINGS: [&str; 11] =
        ["免费", "赠阅", "零售", "每份", "定价", "售价", "单价", "月价", "季价", "年价", "全年定价"];
    OPENINGS.iter().find(|opening| starts_with(text, opening))?;
    let to_space = |from: usize| {
        text[from..]
            .iter()
            .position(|each| matches!(each, ' ' | ',' | ';' | '|'))
            .map_or(text.len(), |length| from + length)
    };
    let mut end = to_space(0);
    let next = end + spaces(&text[end..]);
    // "零售价 1元": the amount is a word of its own.
    if !text[..end].contains(&'元') && text[next..to_space(next)].contains(&'元') {
        end = to_space(next);
    }
    (end <= 20).then(|| plain(FactKind::PriceNote, end))
}

/// 东北风3-4级转<3级, 微风, 偏北风 3级.
pub(super) fn wind(text: &[char]) -> Option<Token> {
    let opening = text.iter().take(7).position(|character| *character == '风')?;
    let is_wind = text[..opening].iter().all(|each| "东南西北偏到转至-~微阵轻和静".contains(*each));
    if !is_wind || (opening == 0 && text.get(1) != Some(&'力')) {
        return None;
    }
    let force = |from: usize| {
        text[from..]
            .iter()
            .position(|each| {
                !each.is_ascii_digit()
                    && !"东南西北偏到转至-~风力级<>≤≥微阵轻和静小大于间左右".contains(*each)
            })
            .map_or(text.len(), |length| from + length)
    };
    let mut end = force(opening);
    let next = end + spaces(&text[end..]);
    if next > end && text[next..force(next)].contains(&'级') {
        end = force(next);
    }
    Some(plain(FactKind::Wind, end))
}

/// 多云转阴, 晴, 阵雨到中雨, 今日多云.
pub(super) fn weather(text: &[char]) -> Option<Token> {
    const SKY: [&str; 30] = [
        "雷阵雨",
        "雨夹雪",
        "大暴雨",
        "毛毛雨",
        "多云",
        "少云",
        "小雨",
        "中雨",
        "大雨",
        "暴雨",
        "阵雨",
        "雷雨",
        "冻雨",
        "小雪",
        "中雪",
        "大雪",
        "暴雪",
        "阵雪",
        "沙尘",
        "扬沙",
        "浮尘",
        "台风",
        "有雾",
        "大雾",
        "有霾",
        "晴",
        "阴",
        "雨",
        "雪",
        "雾",
    ];
    const BETWEEN: [&str; 15] =
        ["转", "间", "到", "至", "有时", "有", "局部", "部分", "伴", "或", "并", "~", "-", "、", "天"];
    let day = ["今日", "今天", "白天"].iter().find(|word| starts_with(text, word));
    let mut at = day.map_or(0, |word| word.chars().count());
    at += if at > 0 { spaces(&text[at..]) } else { 0 };
    let mut end = None;
    loop {
        let rest = &text[at..];
        if let Some(word) = SKY.iter().find(|word| starts_with(rest, word)) {
            at += word.chars().count();
            end = Some(at);
        } else if let Some(word) = BETWEEN.iter().find(|word| starts_with(rest, word)) {
            end?;
            at += word.chars().count();
            // 阴天, 晴天: a whole word.
            end = if *word == "天" { Some(at) } else { end };
        } else {
            return end.map(|end| plain(FactKind::Weather, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_and_length(text: &str) -> Option<(FactKind, usize)> {
        let characters: Vec<char> = text.chars().map(super::super::characters::fold).collect();
        token(&characters).map(|token| (token.kind, token.value.end))
    }

    #[test]
    fn facts_are_known_by_their_form() {
        for (text, kind) in [
            ("星期五", FactKind::Weekday),
            ("第4150期", FactKind::IssueNumber),
            ("第　１５　期", FactKind::IssueNumber),
            ("今日4版", FactKind::PageCount),
            ("今日八版", FactKind::PageCount),
            ("A1版", FactKind::PageNumber),
            ("CN-35(Q)第0001号", FactKind::SerialCode),
            ("CN 35—0012", FactKind::SerialCode),
            ("CN-35(Q) 第0001号", FactKind::SerialCode),
            ("www.shancheng.example.com", FactKind::Website),
            ("desk@example.cn", FactKind::Mailbox),
            ("零售每份1元", FactKind::PriceNote),
            ("零售价 1.00元", FactKind::PriceNote),
            ("东北风3-4级转<3级", FactKind::Wind),
            ("偏北风 2～3级", FactKind::Wind),
            ("阵雨转多云", FactKind::Weather),
        ] {
            assert_eq!(kind_and_length(text), Some((kind, text.chars().count())), "{text}");
        }
        assert_eq!(kind_and_length("风力发电项目"), Some((FactKind::Wind, 2)));
        assert_eq!(kind_and_length("转阴"), None);
    }

    #[test]
    fn the_running_number_may_stick_to_the_code() {
        assert_eq!(kind_and_length("CN35-0001第12期"), Some((FactKind::SerialCode, 9)));
    }
}
