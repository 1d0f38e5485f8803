//! Takes one line of a masthead apart into its facts.
//!
//! A fact is known by the wording before it (主管单位: …, 新闻热线: …) or by its own form (see
//! `tokens`). Several may share a line, with or without a space between them.

use std::ops::Range;

use super::FactKind;
use super::numbers::{spaces, starts_with};
use super::tokens::{self, Meaning, Token, token};
use crate::text::is_han;

/// A fact on a line. All places are counted in characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Find {
    /// Where its wording begins; where there is none, the value.
    pub(super) start: usize,
    /// Where its value lies; empty if the wording stands alone at the end of the line.
    pub(super) value: Range<usize>,
    /// Where it ends: with the value, or with wording behind it (山城县委主管).
    pub(super) end: usize,
    /// What it is; `None` for a fact that the service has no field for.
    pub(super) kind: Option<FactKind>,
    pub(super) meaning: Meaning,
    /// Whether wording introduces it.
    pub(super) is_worded: bool,
}

/// How the value behind a wording is read.
#[derive(Clone, Copy)]
enum Reading {
    /// Up to the next fact.
    Words,
    /// A name of two to four characters, perhaps spread out.
    Name,
    /// Figures, hyphens, brackets.
    Telephone,
    /// One word without spaces.
    Code,
    /// Only what has this form by itself.
    Form(fn(&[char]) -> Option<Token>),
}

type Wording = (&'static str, Option<FactKind>, Reading);

/// The longer wording stands before the shorter one that it begins with.
const WORDINGS: &[Wording] = &[
    ("主管主办单位", Some(FactKind::SupervisingBody), Reading::Words),
    ("主管单位", Some(FactKind::SupervisingBody), Reading::Words),
    ("主管主办", Some(FactKind::SupervisingBody), Reading::Words),
    ("主管", Some(FactKind::SupervisingBody), Reading::Words),
    ("主办、出版单位", Some(FactKind::PublishingBody), Reading::Words),
    ("主办出版单位", Some(FactKind::PublishingBody), Reading::Words),
    ("主办、出版", Some(FactKind::PublishingBody), Reading::Words),
    ("主办单位", Some(FactKind::PublishingBody), Reading::Words),
    ("出版单位", Some(FactKind::PublishingBody), Reading::Words),
    ("主办", Some(FactKind::PublishingBody), Reading::Words),
    ("出版", Some(FactKind::PublishingBody), Reading::Words),
    ("社长、总编辑", Some(FactKind::ChiefEditor), Reading::Name),
    ("社长兼总编辑", Some(FactKind::ChiefEditor), Reading::Name),
    ("总编辑", Some(FactKind::ChiefEditor), Reading::Name),
    ("总编", Some(FactKind::ChiefEditor), Reading::Name),
    ("主编", Some(FactKind::ChiefEditor), Reading::Name),
    ("新闻热线电话", Some(FactKind::Hotline), Reading::Telephone),
    ("新闻热线", Some(FactKind::Hotline), Reading::Telephone),
    ("读者热线", Some(FactKind::Hotline), Reading::Telephone),
    ("报料热线", Some(FactKind::Hotline), Reading::Telephone),
    ("爆料热线", Some(FactKind::Hotline), Reading::Telephone),
    ("热线电话", Some(FactKind::Hotline), Reading::Telephone),
    ("热线", Some(FactKind::Hotline), Reading::Telephone),
    ("网址", Some(FactKind::Website), Reading::Form(tokens::address)),
    ("网站", Some(FactKind::Website), Reading::Form(tokens::address)),
    ("官网", Some(FactKind::Website), Reading::Form(tokens::address)),
    ("电子邮箱", Some(FactKind::Mailbox), Reading::Form(tokens::address)),
    ("投稿邮箱", Some(FactKind::Mailbox), Reading::Form(tokens::address)),
    ("邮箱", Some(FactKind::Mailbox), Reading::Form(tokens::address)),
    ("信箱", Some(FactKind::Mailbox), Reading::Form(tokens::address)),
    ("E-mail", Some(FactKind::Mailbox), Reading::Form(tokens::address)),
    ("今日天气", Some(FactKind::Weather), Reading::Words),
    ("今天天气", Some(FactKind::Weather), Reading::Words),
    ("天气预报", Some(FactKind::Weather), Reading::Words),
    ("天气", Some(FactKind::Weather), Reading::Words),
    ("风向风力", Some(FactKind::Wind), Reading::Words),
    ("风向", Some(FactKind::Wind), Reading::Words),
    ("风力", Some(FactKind::Wind), Reading::Words),
    ("气温", Some(FactKind::Temperature), Reading::Form(tokens::temperature)),
    ("温度", Some(FactKind::Temperature), Reading::Form(tokens::temperature)),
    ("国内统一连续出版物号", Some(FactKind::SerialCode), Reading::Code),
    ("国内统一刊号", Some(FactKind::SerialCode), Reading::Code),
    ("统一刊号", Some(FactKind::SerialCode), Reading::Code),
    ("国内刊号", Some(FactKind::SerialCode), Reading::Code),
    ("刊号", Some(FactKind::SerialCode), Reading::Code),
    ("准印证号", Some(FactKind::SerialCode), Reading::Code),
    ("版名", Some(FactKind::Section), Reading::Words),
    ("社长", None, Reading::Name),
    ("值班总编辑", None, Reading::Name),
    ("值班总编", None, Reading::Name),
    ("值班编委", None, Reading::Name),
    ("值班主任", None, Reading::Name),
    ("副总编辑", None, Reading::Name),
    ("邮发代号", None, Reading::Code),
    ("邮政编码", None, Reading::Code),
    ("邮编", None, Reading::Code),
    ("广告热线", None, Reading::Telephone),
    ("广告电话", None, Reading::Telephone),
    ("发行热线", None, Reading::Telephone),
    ("发行电话", None, Reading::Telephone),
    ("订报热线", None, Reading::Telephone),
    ("订阅热线", None, Reading::Telephone),
    ("监督电话", None, Reading::Telephone),
    ("编辑部电话", None, Reading::Telephone),
    ("电话", None, Reading::Telephone),
    ("传真", None, Reading::Telephone),
    ("本报地址", None, Reading::Words),
    ("社址", None, Reading::Words),
    ("地址", None, Reading::Words),
    ("广告经营许可证", None, Reading::Words),
    ("承印单位", None, Reading::Words),
    ("印刷单位", None, Reading::Words),
    ("承印", None, Reading::Words),
    ("印刷", None, Reading::Words),
];

/// The wording at a place: where its value begins, and whether a colon makes it certain.
fn wording_at(text: &[char], at: usize) -> Option<(&'static Wording, usize, bool)> {
    WORDINGS.iter().find_map(|wording| {
        let end = at + spread_length(&text[at..], wording.0)?;
        let colon = end + spaces(&text[end..]);
        let has_colon = text.get(colon) == Some(&':');
        let value = if has_colon { colon + 1 } else { end };
        Some((wording, value + spaces(&text[value..]), has_colon))
    })
}

/// How long a word is where its characters may be spread out by spaces (主 编).
fn spread_length(text: &[char], word: &str) -> Option<usize> {
    let mut at = 0;
    for (place, expected) in word.chars().enumerate() {
        if place > 0 {
            at += spaces(&text[at..]);
        }
        if text.get(at) != Some(&expected) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

/// The facts of a line of folded characters, in their order.
pub(super) fn find_all(text: &[char]) -> Vec<Find> {
    let mut finds: Vec<Find> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let touches_last = finds.last().is_some_and(|last| last.end == at);
        let find = (touches_last || opens_word(text, at)).then(|| find_at(text, at)).flatten();
        at = match &find {
            Some(find) => find.end.max(at + 1),
            None => at + 1,
        };
        finds.extend(find);
    }
    finds
}

fn opens_word(text: &[char], at: usize) -> bool {
    at == 0 || !text[at - 1].is_alphanumeric()
}

fn find_at(text: &[char], at: usize) -> Option<Find> {
    worded_at(text, at).or_else(|| formed_at(text, at)).or_else(|| body_at(text, at))
}

fn formed_at(text: &[char], at: usize) -> Option<Find> {
    let token = token(&text[at..])?;
    let end = at + token.value.end;
    if !closes_word(text, end) {
        return None;
    }
    Some(Find {
        start: at,
        value: at + token.value.start..end,
        end,
        kind: Some(token.kind),
        meaning: token.meaning,
        is_worded: false,
    })
}

/// A body with its part behind it: 山城县委主管, 山城县融媒体中心主办. A sentence would say 由 …主办.
fn body_at(text: &[char], at: usize) -> Option<Find> {
    const PARTS: [(&str, FactKind); 4] = [
        ("主管主办", FactKind::SupervisingBody),
        ("主管", FactKind::SupervisingBody),
        ("主办", FactKind::PublishingBody),
        ("出版", FactKind::PublishingBody),
    ];
    let length = text[at..].iter().position(|each| !is_han(*each)).unwrap_or(text.len() - at);
    let word = &text[at..at + length];
    let (part, kind) = PARTS.into_iter().find(|(part, _)| {
        word.len() >= 4 + part.chars().count()
            && starts_with(&word[word.len() - part.chars().count()..], part)
    })?;
    let end = at + length;
    let value = at..end - part.chars().count();
    let is_body = opens_word(text, at) && closes_word(text, end) && !word.contains(&'由');
    is_body.then_some(Find {
        start: at,
        value,
        end,
        kind: Some(kind),
        meaning: Meaning::Characters,
        is_worded: false,
    })
}

fn closes_word(text: &[char], end: usize) -> bool {
    text.get(end).is_none_or(|next| !next.is_alphanumeric()) || fact_begins(text, end)
}

/// Whether a fact begins here, judged by its opening alone.
fn fact_begins(text: &[char], at: usize) -> bool {
    let is_wording = wording_at(text, at).is_some_and(|(_, value, has_colon)| {
        has_colon || (opens_word(text, at) && text.get(value - 1) == Some(&' '))
    });
    is_wording || token(&text[at..]).is_some()
}

fn worded_at(text: &[char], at: usize) -> Option<Find> {
    let (wording, from, has_colon) = wording_at(text, at)?;
    let (_, kind, reading) = *wording;
    let is_certain = has_colon || from == text.len() || text[from - 1] == ' ';
    let mut meaning = Meaning::Characters;
    let mut start = from;
    let end = match reading {
        // Without a colon or a space the words are part of a longer one (主办方).
        Reading::Words if kind == Some(FactKind::Weather) && !is_certain => {
            from + tokens::weather(&text[from..])?.value.end
        }
        _ if !is_certain && !text[from].is_ascii_digit() && text[from] != '-' => return None,
        Reading::Words => words_end(text, from),
        Reading::Name => name_end(text, from)?,
        Reading::Telephone => from + telephone_length(&text[from..]),
        Reading::Code => from + code_end(&text[from..]),
        Reading::Form(form) if from < text.len() => {
            let token = form(&text[from..])?;
            meaning = token.meaning;
            start = from + token.value.start;
            from + token.value.end
        }
        Reading::Form(_) => from,
    };
    let is_empty = end == start;
    if is_empty && start < text.len() {
        return None;
    }
    Some(Find { start: at, value: start..end, end, kind, meaning, is_worded: true })
}

/// Words go on to the next fact or a strong mark.
fn words_end(text: &[char], from: usize) -> usize {
    let mut end = (from..text.len())
        .find(|at| {
            matches!(text[*at], ';' | '|' | ',')
                || (*at > from && opens_word(text, *at) && fact_begins(text, *at))
                || wording_at(text, *at).is_some_and(|(_, _, has_colon)| has_colon)
        })
        .unwrap_or(text.len());
    while end > from && text[end - 1] == ' ' {
        end -= 1;
    }
    end
}

/// A name is one word of two to four characters, or single characters spread out.
fn name_end(text: &[char], from: usize) -> Option<usize> {
    let word = |from: usize| text[from..].iter().position(|each| !is_han(*each)).unwrap_or(text.len() - from);
    let mut end = from + word(from);
    let mut count = end - from;
    while count < 3 && end > from {
        let next = end + spaces(&text[end..]);
        let is_spread = next > end && next - end <= 4 && word(next) == 1 && (count == 1 || word(from) == 1);
        if !is_spread {
            break;
        }
        end = next + 1;
        count += 1;
    }
    (from == text.len() || (2..=4).contains(&count)).then_some(end)
}

fn telephone_length(text: &[char]) -> usize {
    let mut end = text
        .iter()
        .position(|each| !each.is_ascii_digit() && !matches!(each, '-' | '(' | ')' | ' ' | '、' | '/'))
        .unwrap_or(text.len());
    while end > 0 && !text[end - 1].is_ascii_digit() {
        end -= 1;
    }
    end
}

fn code_end(text: &[char]) -> usize {
    let front = if starts_with(text, "CN") { 2 + spaces(&text[2..]) } else { 0 };
    front + tokens::code_length(&text[front..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<(Option<FactKind>, String)> {
        let text: Vec<char> = line.chars().map(super::super::characters::fold).collect();
        find_all(&text).into_iter().map(|find| (find.kind, text[find.value].iter().collect())).collect()
    }

    #[test]
    fn a_line_gives_all_its_facts() {
        let facts = found(
            "主管单位: 山城县委宣传部 主办、出版单位：山城县融媒体中心 总编辑: 林 远 CN35-0001 第12期 今日4版 免费阅读",
        );
        let words: Vec<_> = facts.iter().map(|fact| fact.1.as_str()).collect();
        assert_eq!(
            words,
            ["山城县委宣传部", "山城县融媒体中心", "林 远", "CN35-0001", "第12期", "今日4版", "免费阅读"]
        );
    }

    #[test]
    fn facts_may_touch() {
        assert_eq!(found("2023年4月21日星期五农历癸卯年三月初二第8期").len(), 4);
        assert_eq!(found("主管：甲县县委主办：甲县报社").len(), 2);
        let bodies = [
            (Some(FactKind::SupervisingBody), "甲县县委".into()),
            (Some(FactKind::PublishingBody), "甲县日报社".into()),
        ];
        assert_eq!(found("甲县县委主管 甲县日报社主办"), bodies);
    }

    #[test]
    fn words_of_a_headline_are_no_facts() {
        for line in [
            "市长热线开通",
            "2023年4月21日起施行新规",
            "主办方公布名单",
            "阴雨天气持续",
            "星期五剧场开演",
            "比赛由县总工会主办",
        ] {
            assert_eq!(found(line), [], "{line}");
        }
    }
}
