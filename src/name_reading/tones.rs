//! The tone marks of pinyin: taken off, put apart, or turned into numbers.

/// A text in letters and tone marks of their own, so that the beginning of what carries a tone is found
/// with and without it, however the marks were typed: `é` and `e` with U+0301 both become the latter.
pub fn with_marks_apart(text: &str) -> String {
    let apart = text.chars().map(apart);
    let text: String =
        apart.flat_map(|(letter, mark)| letter.into_iter().chain(mark.map(|mark| mark.sign))).collect();
    text.replace("u\u{308}", "ü")
}

/// A text without its tone marks.
pub fn without_tones(text: &str) -> String {
    with_marks_apart(text).chars().filter_map(without_tone).collect()
}

/// A syllable as its letters, a colon if one of them is `ü`, and the number of its tone.
pub(super) fn sortable(toned: &str) -> String {
    let mut letters = String::new();
    let (mut rounded, mut tone) = ("", 5);
    for (letter, mark) in toned.chars().map(apart) {
        tone = mark.map_or(tone, |mark| mark.number);
        match letter {
            Some('ü') => {
                rounded = ":";
                letters.push('u');
            }
            letter => letters.extend(letter),
        }
    }
    format!("{letters}{rounded}{tone}")
}

/// A letter of pinyin without its tone mark; `None` for a mark that stands by itself (U+0300–U+036F).
pub(super) fn without_tone(letter: char) -> Option<char> {
    match apart(letter) {
        (Some('ê'), _) => Some('e'),
        (Some('\u{300}'..='\u{36F}'), _) => None,
        (letter, _) => letter,
    }
}

/// The mark of a tone.
#[derive(Clone, Copy)]
struct Tone {
    number: u8,
    sign: char,
}

/// The marks of the four tones.
const TONES: [Tone; 4] = [
    Tone { number: 1, sign: '\u{304}' },
    Tone { number: 2, sign: '\u{301}' },
    Tone { number: 3, sign: '\u{30C}' },
    Tone { number: 4, sign: '\u{300}' },
];

/// The letters that carry a tone: without it, and with each of the four; a space where Unicode has no
/// such letter.
const TONED_LETTERS: [(char, &str); 9] = [
    ('a', "āáǎà"),
    ('e', "ēéěè"),
    ('i', "īíǐì"),
    ('o', "ōóǒò"),
    ('u', "ūúǔù"),
    ('ü', "ǖǘǚǜ"),
    ('ê', " ế ề"),
    ('n', " ńňǹ"),
    ('m', " ḿ  "),
];

/// A letter of pinyin and the mark of its tone, each if there is one; a mark that stands by itself is one
/// without a letter.
fn apart(letter: char) -> (Option<char>, Option<Tone>) {
    if let Some(tone) = TONES.into_iter().find(|tone| tone.sign == letter) {
        return (None, Some(tone));
    }
    if letter.is_ascii() {
        return (Some(letter), None);
    }
    let toned = TONED_LETTERS.into_iter().find_map(|(plain, toned)| {
        let number = toned.chars().position(|one| one == letter)?;
        Some((Some(plain), TONES.get(number).copied()))
    });
    toned.unwrap_or((Some(letter), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_the_same_however_it_was_typed() {
        for (one, other, plain) in [
            ("chén", "che\u{301}n", "chen"),
            ("lǘ", "lu\u{308}\u{301}", "lü"),
            ("lǘ", "lü\u{301}", "lü"),
            ("ê", "ê", "e"),
            ("ǹ", "n\u{300}", "n"),
            ("René", "Rene\u{301}", "Rene"),
            ("陈a", "陈a", "陈a"),
        ] {
            assert_eq!(with_marks_apart(one), with_marks_apart(other), "{one}");
            assert_eq!((without_tones(one).as_str(), without_tones(other).as_str()), (plain, plain));
        }
        assert!(with_marks_apart("chén").starts_with(&with_marks_apart("ché")));
        assert!(with_marks_apart("chén").starts_with("che"));
    }
}
