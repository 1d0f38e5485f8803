//! 检索记者: what a reporter is found by, each from its beginning on, and how a list
//! of them is sorted.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Details;
use crate::{
    name_reading::{pinyin_keys, pinyin_order, with_marks_apart, without_tones},
    text::fold,
};

/// What is kept of a reporter to find and sort it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The reporter.
    pub reporter: Uuid,
    /// The version whose names these are.
    pub version: i64,
    /// What sorts the display name the Chinese way.
    pub pinyin_order: String,
    /// Every name and how it is typed, as [`key`] has it; each once, sorted.
    pub keys: Vec<String>,
}

/// How a list of reporters is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By pinyin with tones, syllable by syllable, then by code point.
    Pinyin,
    /// By the code points of the display name.
    DisplayName,
}

/// Where a reporter stands in a list: what it is sorted by, which in an
/// [`Order::DisplayName`] is the name alone, and its id.
pub type Place = (String, String, Uuid);

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The key that one of the reporter's must begin with; empty for any.
    pub key: String,
    /// How the results are sorted.
    pub order: Order,
    /// Deleted ones too.
    pub show_deleted: bool,
    /// Retired ones too.
    pub show_retired: bool,
}

/// What is kept of a reporter who has these names in this version. A change of what
/// this makes comes with a migration that sets `search_version` to 0.
pub fn entry(reporter: Uuid, version: i64, details: &Details) -> Entry {
    let names = [&details.display_name].into_iter().chain(&details.pen_names);
    let spelled = names.flat_map(|name| pinyin_keys(name).into_iter().chain([name.clone()]));
    let keys = spelled.map(|spelling| key(&spelling)).flat_map(|key| [without_tones(&key), key]);
    let keys: BTreeSet<String> = keys.filter(|key| !key.is_empty()).collect();
    Entry {
        reporter,
        version,
        pinyin_order: pinyin_order(&details.display_name),
        keys: keys.into_iter().collect(),
    }
}

/// A name, or how it is typed, as it is compared: folded, in letters, digits and tone
/// marks, without anything between them.
pub fn key(text: &str) -> String {
    // Rare characters of names may stand in the private use area.
    let counts = |letter: &char| {
        letter.is_alphanumeric() || matches!(letter, '\u{300}'..='\u{36F}' | '\u{E000}'..='\u{F8FF}')
    };
    with_marks_apart(&fold(text)).chars().filter(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(display_name: &str, pen_names: &[&str]) -> Vec<String> {
        let pen_names = pen_names.iter().map(|name| (*name).to_owned()).collect();
        let details = Details { display_name: display_name.into(), pen_names, ..Details::default() };
        entry(Uuid::nil(), 1, &details).keys
    }

    #[test]
    fn every_name_is_kept_with_how_it_is_typed() {
        let [toned, river] = ["chén lán", "jiāng yuè"].map(key);
        assert_eq!(
            keys("陳嵐", &["江月"]),
            ["chenlan", &toned, "cl", "jiangyue", &river, "jy", "江月", "陈岚"]
        );
        for (name, typed) in [
            (
                "陈岚",
                &["陈", "陳 嵐", "Ｃｈｅｎ", "chen lan", "CHEN-L", "ché", "che\u{301}nla\u{301}n", "cl"][..],
            ),
            ("吕芳", &["lv", "lyuf", "lü fang", "lǚ f", "lf"]),
            ("René O’Brien", &["rene", "RENÉ", "reneobrien", "René O'B", "ro"]),
            ("查尔斯·吴", &["查尔斯吴", "查尔斯·吴", "chaersi", "cesw"]),
            ("王\u{E000}丽", &["王\u{E000}", "wang\u{E000}l"]),
        ] {
            for typed in typed {
                let key = key(typed);
                assert!(keys(name, &[]).iter().any(|own| own.starts_with(&key)), "{name}: {typed}");
            }
        }
        for (name, typed) in [("陈岚", "岚"), ("陈岚", "chèn"), ("陈岚", "lan"), ("陈岚", "cll")] {
            let key = key(typed);
            assert!(!keys(name, &[]).iter().any(|own| own.starts_with(&key)), "{name}: {typed}");
        }
    }

    #[test]
    fn what_only_parts_words_is_no_key() {
        for text in ["", " ", "·", "——，", "\u{200D}"] {
            assert_eq!(key(text), "", "{text:?}");
        }
        assert_eq!(keys("·", &[]), Vec::<String>::new());
    }
}
