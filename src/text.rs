//! What a newsroom does with bare text: counting it as a newspaper counts, keeping dangerous characters
//! out, and laying Chinese out on a terminal.
//!
//! Pure functions over `&str`; nothing here knows what an article is.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Counts characters as a Chinese newspaper counts them (字数), which is also how Chinese word processors do.
///
/// Each Chinese character, full-width punctuation mark, curly quotation mark, dash half, ellipsis half and
/// symbol such as ℃ or ① counts one. A run of Latin letters, digits and half-width marks counts one, however
/// long: `AI`, `2023`, `3.14`, `don’t`. Spaces, line breaks, and marks that only modify the character before
/// them count nothing.
pub fn count_characters(text: &str) -> usize {
    let mut count = 0;
    let mut in_word = false;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let apostrophe = character == '’' && in_word && rest.peek().is_some_and(|next| is_word_part(*next));
        if character.is_whitespace() {
            in_word = false;
        } else if is_word_part(character) || apostrophe {
            count += usize::from(!in_word);
            in_word = true;
        } else if character.width().is_some_and(|width| width > 0) {
            count += 1;
            in_word = false;
        }
    }
    count
}

/// The first character that no content field may hold, or `None`.
///
/// - Controls, U+0000–U+001F but tab and line feed, and U+007F–U+009F: Postgres holds no U+0000 in text or
///   jsonb, XML 1.0 has no other C0 controls, and terminals obey them. A carriage return is refused too: line
///   breaks are line feeds here.
/// - U+2028 and U+2029: programs disagree on whether they end a line.
/// - Bidirectional embeddings, overrides and isolates, U+202A–U+202E and U+2066–U+2069: they show a reader
///   another order than a machine reads ("Trojan Source", CVE-2021-42574).
/// - U+FEFF: a byte order mark left inside a text is invisible and defeats search.
/// - Noncharacters, U+FDD0–U+FDEF and the last two of every plane: Unicode keeps them out of interchange, and
///   XML 1.0 refuses U+FFFE and U+FFFF.
///
/// Variation selectors stay (they choose the form of a character in a name), and so do the joiners U+200C and
/// U+200D (other scripts and emoji need them).
pub fn find_control_character(text: &str) -> Option<char> {
    text.chars().find(|character| match character {
        '\t' | '\n' => false,
        '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => true,
        '\u{FDD0}'..='\u{FDEF}' => true,
        _ => character.is_control() || u32::from(*character) & 0xFFFE == 0xFFFE,
    })
}

/// The columns that a text takes on a terminal: two for a Chinese character, one for a Latin letter.
///
/// Characters of ambiguous width (“, …, —) are taken as one column, as terminals do unless told otherwise
/// (Unicode Standard Annex 11).
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// The room that a text takes in print, in half characters: two for a Chinese character or mark, one for a
/// Latin letter, digit or narrow mark.
///
/// Unlike on a terminal, characters of ambiguous width (“, …, —) are set as wide as the Chinese around them.
pub fn printed_width(text: &str) -> usize {
    text.width_cjk()
}

/// The text cut to at most `width` columns, the last of them an ellipsis if anything was cut.
pub fn truncate_to_width(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(mut left) = width.checked_sub(1) else {
        return String::new();
    };
    let mut short = String::new();
    for cluster in clusters(text) {
        let Some(rest) = left.checked_sub(cluster.width()) else {
            break;
        };
        left = rest;
        short.push_str(cluster);
    }
    short.push('…');
    short
}

/// The text in lines of at most `width` columns, for a terminal.
///
/// Chinese breaks between any two characters and Latin between words, but no line begins with a closing mark
/// or ends with an opening one, and ellipses and dashes stay whole (GB/T 15834-2011, 5.1: 标点符号的位置). Line
/// feeds are kept; spaces at a break are dropped, an indent is kept. What is wider than a line (a long
/// address) is cut wherever it must be. A line is never wider than asked, except that a width of 0 or 1 still
/// holds one character.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|paragraph| wrap_paragraph(paragraph, width)).collect()
}

/// The half-width form of a full-width Latin letter, digit, mark or space (U+FF01–U+FF5E, U+3000); any other
/// character as it is.
pub fn half_width(character: char) -> char {
    match character {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character),
        _ => character,
    }
}

/// A text as search compares it: of one case, one width and one set of Chinese
/// characters, and with spaces for all that separates words. Each character is folded
/// by itself, so that a part of a word folds as it does inside the word (a Greek sigma
/// at its end too).
///
/// Traditional characters become the simplified ones that stand for them. Where one
/// simplified character stands for several (乾 and 幹 for 干), all of them are one.
pub fn fold(text: &str) -> String {
    text.chars().map(fold_character).collect()
}

/// As [`fold`], for one character.
pub fn fold_character(character: char) -> char {
    match BASIC_FOLDED.get(character as usize) {
        Some(folded) => *folded,
        None => fold_letter(simplified(character)),
    }
}

/// What the characters of the Basic Multilingual Plane fold to, which nearly all
/// text is made of.
static BASIC_FOLDED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let fold = |code| match char::from_u32(code) {
        Some(character) => fold_letter(half_width(simplified(character))),
        // Half of a surrogate pair, which no text holds.
        None => char::REPLACEMENT_CHARACTER,
    };
    (0..0x1_0000).map(fold).collect()
});

/// The simplified form of each traditional character.
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let pairs = hanconv::RawDictionary::TSCharacters.iter();
    pairs.filter_map(|(from, to)| Some((from.chars().next()?, to.chars().next()?))).collect()
});

/// The simplified form of a character, in one step or two (薴, 苧, 苎).
fn simplified(character: char) -> char {
    let once = SIMPLIFIED.get(&character).copied().unwrap_or(character);
    SIMPLIFIED.get(&once).copied().unwrap_or(once)
}

fn fold_letter(character: char) -> char {
    if character.is_whitespace() {
        return ' ';
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// Every character of a folded text and every two that follow each other in a word
/// of it, each once. A text that holds a word has all of the word's, so that an
/// index of these finds every text that may hold it.
pub fn grams(folded: &str) -> BTreeSet<&str> {
    let mut grams = BTreeSet::new();
    for word in folded.split(' ') {
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
        for length in [1, 2] {
            grams.extend(starts.windows(length + 1).map(|ends| &word[ends[0]..ends[length]]));
        }
    }
    grams
}

/// Whether this is a Chinese character.
pub fn is_han(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}' | '〇')
}

/// Whether a character is part of a Latin word or number: a letter of an alphabet, or a mark that is narrow
/// even among Chinese (which ①, ℃ and “ are not).
fn is_word_part(character: char) -> bool {
    !character.is_whitespace()
        && character.width() == Some(1)
        && (character.is_alphabetic() || character.width_cjk() == Some(1))
}

/// Marks that may not begin a line: the closing ones, and symbols that belong to the number before them.
const NEVER_FIRST: &str = "，。、；：？！”’）》】〉」』〕〗｝］…—～·・．／％‰℃°,.;:?!)]}%";

/// Marks that may not end a line: the opening ones.
const NEVER_LAST: &str = "“‘（《【〈「『〔〖｛［([{$￥¥";

fn wrap_paragraph(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut spaces = String::new();
    for unit in unbreakable_units(paragraph) {
        if unit.chars().all(char::is_whitespace) {
            spaces.push_str(&unit);
            continue;
        }
        if line.width() + spaces.width() + unit.width() <= width {
            line.push_str(&spaces);
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        spaces.clear();
        if line.width() + unit.width() <= width {
            line.push_str(&unit);
        } else {
            push_cut(&unit, width, &mut line, &mut lines);
        }
    }
    lines.push(line);
    lines
}

/// Puts a unit that no line can hold onto lines of its own; what is left of it stays in `line`.
fn push_cut(unit: &str, width: usize, line: &mut String, lines: &mut Vec<String>) {
    let mut used = 0;
    for cluster in clusters(unit) {
        if used > 0 && used + cluster.width() > width {
            lines.push(std::mem::take(line));
            used = 0;
        }
        line.push_str(cluster);
        used += cluster.width();
    }
}

/// A paragraph in pieces between which a line may break; each space is a piece.
fn unbreakable_units(paragraph: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut last = ' ';
    for cluster in clusters(paragraph) {
        let Some(first) = cluster.chars().next() else {
            continue;
        };
        match units.last_mut() {
            Some(unit) if stay_together(last, first) => unit.push_str(cluster),
            _ => units.push(cluster.to_owned()),
        }
        last = first;
    }
    units
}

/// Whether no line may break between two neighbours.
fn stay_together(left: char, right: char) -> bool {
    if left.is_whitespace() || right.is_whitespace() {
        return false;
    }
    let word = is_word_part(right) && (is_word_part(left) || left == '’');
    word || NEVER_FIRST.contains(right) || NEVER_LAST.contains(left)
}

/// A text in characters as a reader sees them: each with the marks of no width, and what a joiner joins to
/// it.
fn clusters(text: &str) -> impl Iterator<Item = &str> {
    const JOINER: char = '\u{200D}';
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut last = rest.chars().next()?;
        let end = rest.char_indices().skip(1).find(|(_, character)| {
            let begins = last != JOINER && character.width() != Some(0);
            last = *character;
            begins
        });
        let (cluster, tail) = rest.split_at(end.map_or(rest.len(), |(index, _)| index));
        rest = tail;
        Some(cluster)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_as_a_newspaper_counts() {
        for (text, count) in [
            ("", 0),
            (" \n\t　", 0),
            ("本报讯 昨天，", 6),
            ("“双减”……", 6),
            ("总投资逾11.27亿元", 7),
            ("hello, world", 2),
            ("don’t stop", 2),
            ("17℃~22℃", 4),
            ("ＡＩ２", 3),
            ("Café Müller", 2),
            ("①②③", 3),
            ("葛\u{E0100}城", 2),
            ("马克·吐温", 5),
        ] {
            assert_eq!(count_characters(text), count, "{text}");
        }
    }

    #[test]
    fn every_traditional_character_folds_as_the_simplified_one_does() {
        for (from, to) in SIMPLIFIED.iter() {
            assert_eq!(fold_character(*from), fold_character(*to), "{from} {to}");
            assert_eq!(fold_character(fold_character(*from)), fold_character(*from), "{from}");
        }
    }

    #[test]
    fn folding_knows_no_case_no_width_and_only_one_space() {
        for (text, folded) in [
            ("Ｎｏ．１　ＡＩ", "no.1 ai"),
            ("龙舟\t赛\u{A0}ÉTÉ", "龙舟 赛 été"),
            ("ΟΔΟΣ", "οδοσ"),
            ("İSTANBUL", "İstanbul"),
            ("陳嵐、鄭齊齊、葉曉芬", "陈岚、郑齐齐、叶晓芬"),
            ("乾燥幹部", "干燥干部"),
            ("頭髮發現", "头发发现"),
            ("𠌥", "𠆿"),
        ] {
            assert_eq!(fold(text), folded);
            assert_eq!(fold(&fold(text)), folded);
            assert_eq!(text.chars().count(), folded.chars().count());
        }
    }

    #[test]
    fn grams_are_the_characters_and_their_neighbours_within_words() {
        assert_eq!(grams("龙舟赛 ab"), BTreeSet::from(["龙", "舟", "赛", "龙舟", "舟赛", "a", "b", "ab"]));
        assert_eq!(grams("  "), BTreeSet::new());
        let (text, word) = ("第五届龙舟赛开赛", "龙舟赛");
        assert!(grams(word).is_subset(&grams(text)));
    }

    #[test]
    fn dangerous_characters_are_found_and_harmless_ones_are_not() {
        for bad in [
            '\0',
            '\r',
            '\u{1B}',
            '\u{7F}',
            '\u{85}',
            '\u{9F}',
            '\u{2028}',
            '\u{2029}',
            '\u{202A}',
            '\u{202E}',
            '\u{2066}',
            '\u{2069}',
            '\u{FEFF}',
            '\u{FDD0}',
            '\u{FFFE}',
            '\u{FFFF}',
            '\u{1FFFE}',
            '\u{10FFFF}',
        ] {
            assert_eq!(find_control_character(&format!("本报讯{bad}昨天")), Some(bad));
        }
        assert_eq!(find_control_character("一\t二\n三 “四”——五……㎡"), None);
        assert_eq!(find_control_character("葛\u{E0100}城 👨\u{200D}👩 \u{FE0F}\u{200E}\u{FFFD}"), None);
    }

    #[test]
    fn a_text_is_cut_to_its_columns() {
        assert_eq!(display_width("福清Fuqing"), 10);
        for (text, width, short) in [
            ("福清侨乡报", 10, "福清侨乡报"),
            ("福清侨乡报", 9, "福清侨乡…"),
            ("福清侨乡报", 8, "福清侨…"),
            ("福清", 1, "…"),
            ("福清", 0, ""),
            ("", 0, ""),
            ("cafe\u{301}s", 5, "cafe\u{301}s"),
            ("cafe\u{301}ss", 5, "cafe\u{301}…"),
        ] {
            assert_eq!(truncate_to_width(text, width), short);
        }
    }

    #[test]
    fn chinese_is_wrapped_so_that_no_mark_stands_on_the_wrong_side() {
        assert_eq!(wrap("福清市融媒体中心。", 16), ["福清市融媒体中", "心。"]);
        assert_eq!(wrap("他说：“好！”走了", 8), ["他说：", "“好！”走", "了"]);
        assert_eq!(wrap("等等……再说", 5), ["等", "等……", "再说"]);
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("一\n\n　　二三", 8), ["一", "", "　　二三"]);
        assert_eq!(wrap("https://example.com/a", 8), ["https://", "example.", "com/a"]);
        assert_eq!(wrap("福清", 1), ["福", "清"]);
        assert_eq!(wrap("福清", 0), ["福", "清"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn wrapping_loses_no_character_and_keeps_to_the_width() {
        let text = "要结合今年主题教育活动，始终把坚定拥护“两个确立”、坚决做到“两个维护”作为最高政治原则（见2版）；AI 3.14%……";
        let without_spaces =
            |text: &str| text.chars().filter(|character| !character.is_whitespace()).collect::<String>();
        for width in 2..120 {
            let lines = wrap(text, width);
            assert_eq!(without_spaces(&lines.concat()), without_spaces(text));
            assert!(lines.iter().all(|line| display_width(line) <= width), "{width}: {lines:#?}");
            if width >= 16 {
                assert!(
                    lines.iter().all(|line| !line.starts_with(|first| NEVER_FIRST.contains(first))),
                    "{lines:#?}"
                );
                assert!(
                    lines.iter().all(|line| !line.ends_with(|last| NEVER_LAST.contains(last))),
                    "{lines:#?}"
                );
            }
        }
    }
}
