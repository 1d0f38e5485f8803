//! 全文检索: how articles are found by what they say, in Chinese and in other
//! languages, without a dictionary of words.
//!
//! Texts are compared folded ([`crate::text::fold`]), and a query finds what holds
//! it as it stands, inside longer words too. The index keeps every character and
//! every two neighbours (grams) of a text as numbers: it finds all texts that may
//! hold what is looked for, and a look at the text keeps those that do. So nothing
//! is missed, and nothing is found that is not there.

pub mod excerpt;
pub mod query;
pub(crate) mod store;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::fold_character;

/// Counts how entries are made. Entries that were made another way are made anew
/// when the service starts.
pub const ENTRIES_VERSION: i32 = 1;

/// What kind of text a part of an article is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 引题, 主题, 副题.
    Headline,
    /// 栏目.
    Column,
    /// 署名, as printed.
    Byline,
    /// Everything else.
    Body,
}

/// One text of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What kind of text it is.
    pub kind: Kind,
    /// Its field in the article: `body[2].paragraph.text`.
    pub field: String,
    /// The text.
    pub text: &'a str,
}

/// What is kept of an article to find it by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The headlines, folded, a line each.
    pub headline: String,
    /// The column, folded.
    pub column: String,
    /// The bylines, folded, a line each.
    pub bylines: String,
    /// Everything, folded, a line for each text.
    pub folded: String,
    /// The grams of everything, and those of the three above once more by
    /// themselves; sorted, each once.
    pub grams: Vec<i32>,
}

/// An article and what it is found by.
#[derive(Clone, Debug)]
pub struct Document {
    /// The article.
    pub article: Uuid,
    /// The id of its newspaper.
    pub newspaper: String,
    /// What it is found by.
    pub entry: Entry,
}

/// Where a result stands among all: headline hits first, then the newest day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// Whether the headlines hold all that is looked for anywhere.
    pub in_headline: bool,
    /// The day of the article.
    pub day: NaiveDate,
    /// The article.
    pub article: Uuid,
}

/// What a search has found: one page, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The results in order.
    pub ranks: Vec<Rank>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether that is an estimate.
    pub estimated: bool,
}

/// What an article is found by.
pub fn entry(parts: &[Part]) -> Entry {
    let mut entry = Entry::default();
    let mut grams = Vec::new();
    for part in parts {
        let line = fold_line(part.text);
        if line.is_empty() {
            continue;
        }
        add_grams(None, &line, &mut grams);
        let own = match part.kind {
            Kind::Headline => Some(&mut entry.headline),
            Kind::Column => Some(&mut entry.column),
            Kind::Byline => Some(&mut entry.bylines),
            Kind::Body => None,
        };
        if let Some(own) = own {
            add_grams(Some(part.kind), &line, &mut grams);
            push_line(own, &line);
        }
        push_line(&mut entry.folded, &line);
    }
    grams.sort_unstable();
    grams.dedup();
    entry.grams = grams;
    entry
}

/// A text folded into one line, with single spaces between its words.
pub fn fold_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars().map(fold_character) {
        if character != ' ' || !(line.is_empty() || line.ends_with(' ')) {
            line.push(character);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The grams by which the index finds what holds a folded text, in one kind of
/// part or anywhere: its pairs, which say all that its single characters do; of a
/// word that has no pairs, the character.
pub fn telling_grams(kind: Option<Kind>, folded: &str) -> Vec<i32> {
    let mut grams = Vec::new();
    for word in words(folded) {
        let mut characters = word.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => grams.push(gram(kind, one, None)),
            _ => add_pairs(kind, word, &mut grams),
        }
    }
    grams
}

fn add_grams(kind: Option<Kind>, folded: &str, grams: &mut Vec<i32>) {
    for word in words(folded) {
        grams.extend(word.chars().map(|one| gram(kind, one, None)));
        add_pairs(kind, word, grams);
    }
}

fn add_pairs(kind: Option<Kind>, word: &str, grams: &mut Vec<i32>) {
    let pairs = word.chars().zip(word.chars().skip(1));
    grams.extend(pairs.map(|(one, next)| gram(kind, one, Some(next))));
}

/// What stands between spaces and marks. Marks have no grams: only the look at the
/// text minds them.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A gram as a number. One or two characters of the Basic Multilingual Plane, which
/// nearly all are, make a number that is theirs alone. Rare characters, and grams of
/// one kind of part, share numbers with others, which the look at the text sorts out;
/// theirs begin as halves of surrogate pairs do, which are no characters.
fn gram(kind: Option<Kind>, one: char, next: Option<char>) -> i32 {
    let next_code = next.map_or(0, u32::from);
    let code = match kind {
        None if is_basic(one) && next.is_none_or(is_basic) => match next {
            Some(_) => (u32::from(one) << 16) | next_code,
            None => u32::from(one),
        },
        _ => 0xD800_0000 | (mix(kind.map_or(0, |kind| 1 + kind as u32), one.into(), next_code) >> 5),
    };
    code as i32
}

/// Whether a character is of the Basic Multilingual Plane.
fn is_basic(character: char) -> bool {
    u32::from(character) < 0x1_0000
}

/// Whether grams alone tell that a text holds this one, anywhere.
pub fn is_told_by_grams(folded: &str) -> bool {
    let is_short = (1..=2).contains(&folded.chars().count());
    is_short && folded.chars().all(|character| is_basic(character) && character.is_alphanumeric())
}

/// Spreads three numbers over 32 bits, in the way of FNV-1a.
fn mix(kind: u32, one: u32, next: u32) -> u32 {
    let bytes = [kind, one, next].into_iter().flat_map(u32::to_be_bytes);
    bytes.fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn push_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: Kind, text: &str) -> Part<'_> {
        Part { kind, field: String::new(), text }
    }

    #[test]
    fn an_entry_holds_every_text_folded_on_a_line_of_its_own() {
        let entry = entry(&[
            part(Kind::Headline, "龍舟賽　開賽"),
            part(Kind::Headline, ""),
            part(Kind::Headline, "副题"),
            part(Kind::Column, "要闻"),
            part(Kind::Byline, "陳嵐"),
            part(Kind::Body, "  AI\n\t Lab  "),
        ]);
        assert_eq!(entry.headline, "龙舟赛 开赛\n副题");
        assert_eq!((entry.column.as_str(), entry.bylines.as_str()), ("要闻", "陈岚"));
        assert_eq!(entry.folded, "龙舟赛 开赛\n副题\n要闻\n陈岚\nai lab");
        assert!(entry.grams.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn the_grams_of_a_phrase_are_among_those_of_a_text_that_holds_it() {
        let text = "据悉，“第五届龙舟赛”在𠮷田AI园区（福清）开赛";
        let entry = entry(&[part(Kind::Body, text), part(Kind::Headline, text)]);
        let characters: Vec<char> = fold_line(text).chars().collect();
        for length in 1..9 {
            for phrase in characters.windows(length) {
                let phrase = String::from_iter(phrase);
                for kind in [None, Some(Kind::Headline)] {
                    let grams = telling_grams(kind, &phrase);
                    assert!(grams.iter().all(|gram| entry.grams.binary_search(gram).is_ok()), "{phrase}");
                }
            }
        }
        for (text, told) in
            [("龙", true), ("龙舟", true), ("龙舟赛", false), ("龙，", false), ("𠮷", false), ("", false)]
        {
            assert_eq!(is_told_by_grams(text), told, "{text}");
        }
        // No gram that is shared is one that tells.
        for shared in [gram(Some(Kind::Headline), '龙', Some('舟')), gram(None, '𠮷', None)] {
            assert_eq!(shared as u32 >> 27, 0xD800_0000 >> 27);
        }
        assert_eq!(telling_grams(None, "，。").len(), 0);
        assert_eq!(telling_grams(None, "龙舟，赛").len(), 2);
    }
}
