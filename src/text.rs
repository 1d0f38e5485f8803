//! What a newsroom does with bare text: counting it as a newspaper counts, finding people by pinyin, keeping
//! dangerous characters out, and laying Chinese out on a terminal.
//!
//! Pure functions over `&str`; nothing here knows what an article is.

use pinyin::ToPinyin;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters of a name that [`pinyin_keys`] reads; the rest is ignored.
pub const PINYIN_NAME_CHARACTERS_MAX: usize = 64;

/// Ways of reading one name that [`pinyin_keys`] follows; names with more keep the likeliest.
pub const PINYIN_READINGS_MAX: usize = 8;

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

/// The keys by which a newsroom finds a person: 陈岚 gives `chén lán`, `chenlan` and `cl`.
///
/// The first key is readable pinyin with tones, a syllable a word. Then come the spellings without tones and
/// spaces, then the initials. Surnames are read as surnames (单 is `shàn`, 尉迟 is `yùchí`); where a character
/// is also read otherwise, as in surnames that differ by region or in pen names, the other spelling follows
/// as a further key. `ü` is spelled as keyboards have it (`lv`), as passports have it (`lyu`) and as it is
/// (`lü`). Names with a 间隔号 (·) are not Chinese names, so no surname is looked for. Latin letters are
/// lower-cased, punctuation parts words, and characters without a reading stand for themselves.
///
/// Keys are distinct and in a fixed order; there are none only for an empty name. At most
/// [`PINYIN_NAME_CHARACTERS_MAX`] characters are read, at most [`PINYIN_READINGS_MAX`] spellings are given.
pub fn pinyin_keys(name: &str) -> Vec<String> {
    let name: String = name.chars().take(PINYIN_NAME_CHARACTERS_MAX).map(half_width).collect();
    let words = words_of_name(&name);
    if words.is_empty() {
        let name = name.trim().to_lowercase();
        return if name.is_empty() { Vec::new() } else { vec![name] };
    }
    let toned: Vec<&str> = words.iter().map(|word| word.toned.as_str()).collect();
    let mut spellings = vec![(String::new(), String::new())];
    for word in &words {
        let longer = spellings.iter().flat_map(|(joined, initials)| {
            word.plain.iter().map(move |plain| {
                let initial = plain.chars().take(1);
                (format!("{joined}{plain}"), initials.chars().chain(initial).collect())
            })
        });
        spellings = longer.take(PINYIN_READINGS_MAX).collect();
    }
    let mut keys = vec![toned.join(" ")];
    let (joined, initials): (Vec<String>, Vec<String>) = spellings.into_iter().unzip();
    for key in joined.into_iter().chain(initials) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
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

/// Whether a character is part of a Latin word or number: a letter of an alphabet, or a mark that is narrow
/// even among Chinese (which ①, ℃ and “ are not).
fn is_word_part(character: char) -> bool {
    !character.is_whitespace()
        && character.width() == Some(1)
        && (character.is_alphabetic() || character.width_cjk() == Some(1))
}

/// One word of a name: a Chinese syllable, or a run of letters.
struct Word {
    toned: String,
    /// Its spellings without tones, likeliest first.
    plain: Vec<String>,
}

/// Surnames of several characters that read otherwise than character by character, or that begin with a
/// character which is read otherwise as a surname of its own.
const COMPOUND_SURNAMES: [(&str, &str); 32] = [
    ("万俟", "mò qí"),
    ("萬俟", "mò qí"),
    ("尉迟", "yù chí"),
    ("尉遲", "yù chí"),
    ("长孙", "zhǎng sūn"),
    ("長孫", "zhǎng sūn"),
    ("单于", "chán yú"),
    ("單于", "chán yú"),
    ("乐正", "yuè zhèng"),
    ("樂正", "yuè zhèng"),
    ("诸葛", "zhū gě"),
    ("諸葛", "zhū gě"),
    ("令狐", "líng hú"),
    ("澹台", "tán tái"),
    ("澹臺", "tán tái"),
    ("鲜于", "xiān yú"),
    ("鮮于", "xiān yú"),
    ("拓跋", "tuò bá"),
    ("皇甫", "huáng fǔ"),
    ("宰父", "zǎi fǔ"),
    ("子车", "zǐ jū"),
    ("子車", "zǐ jū"),
    ("相里", "xiàng lǐ"),
    ("毌丘", "guàn qiū"),
    ("亓官", "qí guān"),
    ("吐谷浑", "tǔ yù hún"),
    ("吐谷渾", "tǔ yù hún"),
    ("那拉", "nà lā"),
    ("叶赫那拉", "yè hè nà lā"),
    ("葉赫那拉", "yè hè nà lā"),
    ("爱新觉罗", "ài xīn jué luó"),
    ("愛新覺羅", "ài xīn jué luó"),
];

/// Surnames of one character that read otherwise than the character usually does, as 现代汉语词典 marks them (姓).
/// Where two families read one character differently, the commoner reading stands first.
const SURNAMES: [(&str, &str); 51] = [
    ("单單", "shàn"),
    ("解", "xiè"),
    ("任", "rén"),
    ("仇", "qiú"),
    ("查", "zhā"),
    ("曾", "zēng"),
    ("朴", "piáo"),
    ("翟", "zhái dí"),
    ("盖蓋", "gě"),
    ("葛", "gě"),
    ("区區", "ōu"),
    ("洗冼", "xiǎn"),
    ("燕", "yān"),
    ("华華", "huà"),
    ("纪紀", "jǐ"),
    ("甯", "nìng"),
    ("应應", "yīng"),
    ("乐樂", "yuè"),
    ("逄", "páng"),
    ("缪繆", "miào"),
    ("尹", "yǐn"),
    ("肖", "xiāo"),
    ("尉", "wèi"),
    ("覃", "qín tán"),
    ("谌諶", "chén shèn"),
    ("费費", "fèi bì"),
    ("牟", "móu mù"),
    ("隗", "wěi kuí"),
    ("郇", "xún huán"),
    ("郗", "xī chī"),
    ("员員贠貟", "yùn"),
    ("召", "shào"),
    ("种", "chóng"),
    ("黑", "hè"),
    ("佴", "nài"),
    ("祭", "zhài"),
    ("句", "gōu"),
    ("俱", "jū"),
    ("过過", "guō"),
    ("哈", "hǎ"),
    ("那", "nā"),
    ("繁", "pó"),
    ("撒", "sǎ"),
    ("么", "yāo"),
    ("秘", "bì"),
    ("粘", "nián zhān"),
    ("炅", "guì"),
    ("阚闞", "kàn"),
    ("折", "shé"),
    ("薄", "bó"),
    ("乜", "niè"),
];

/// Characters of given names with two current readings, and some whose first reading in the dictionary data
/// is not the one that names use. The likelier one in a name stands first.
const NAME_CHARACTERS: [(&str, &str); 24] = [
    ("乐樂", "lè yuè"),
    ("长長", "cháng zhǎng"),
    ("朝", "cháo zhāo"),
    ("行", "xíng háng"),
    ("重", "zhòng chóng"),
    ("柏", "bǎi bó"),
    ("盛", "shèng chéng"),
    ("晟", "shèng chéng"),
    ("曾", "zēng"),
    ("隽雋", "jùn"),
    ("茜", "qiàn xī"),
    ("莘", "shēn xīn"),
    ("筠", "yún jūn"),
    ("蔚", "wèi yù"),
    ("颉頡", "jié xié"),
    ("卜", "bǔ"),
    ("藏", "cáng zàng"),
    ("参參", "shēn cān"),
    ("率", "shuài"),
    ("还還", "huán"),
    ("都", "dū"),
    ("尽盡", "jìn"),
    ("於", "yú"),
    ("少", "shào"),
];

/// A name in words, each with its readings.
fn words_of_name(name: &str) -> Vec<Word> {
    let foreign = name.contains(['·', '•', '・', '‧']);
    let compound = COMPOUND_SURNAMES.iter().find(|(surname, _)| !foreign && name.starts_with(surname));
    let mut compound_readings = compound.map(|(_, reading)| reading.split(' ')).into_iter().flatten();
    let mut words = Vec::new();
    let mut letters = String::new();
    for (index, character) in name.chars().enumerate() {
        let preferred = compound_readings.next();
        let readings = readings_of(character, preferred, index == 0 && !foreign);
        if readings.is_empty() && !parts_words(character) && character.width() != Some(2) {
            letters.extend(character.to_lowercase());
            continue;
        }
        words.extend(spelled_as_it_stands(&mut letters));
        if let Some(toned) = readings.first() {
            words.push(Word { toned: (*toned).to_owned(), plain: plain_spellings(&readings) });
        } else if !parts_words(character) {
            words.extend(spelled_as_it_stands(&mut character.to_string()));
        }
    }
    words.extend(spelled_as_it_stands(&mut letters));
    words
}

/// Whether a character only stands between the words of a name. Marks of no width belong to the letter
/// before, and the private use area is where typesetting systems keep the rare characters of names.
fn parts_words(character: char) -> bool {
    let private = matches!(character, '\u{E000}'..='\u{F8FF}');
    !private && !character.is_alphanumeric() && character.width() != Some(0)
}

/// The collected letters as one word without a reading, if there are any; leaves none.
fn spelled_as_it_stands(letters: &mut String) -> Option<Word> {
    let letters = std::mem::take(letters);
    (!letters.is_empty()).then(|| Word { toned: letters.clone(), plain: vec![letters] })
}

/// The toned readings of a Chinese character in a name, likeliest first; none for any other character.
fn readings_of(character: char, preferred: Option<&'static str>, is_surname: bool) -> Vec<&'static str> {
    let surname: &[(&'static str, &'static str)] = if is_surname { &SURNAMES } else { &[] };
    let listed = [surname, &NAME_CHARACTERS].into_iter().filter_map(|table| {
        table.iter().find(|(characters, _)| characters.contains(character)).map(|(_, readings)| *readings)
    });
    let usual = character.to_pinyin().map(|pinyin| pinyin.with_tone());
    preferred.into_iter().chain(listed.flat_map(|readings| readings.split(' '))).chain(usual).collect()
}

/// The readings without tones, `ü` in its three spellings, each once.
fn plain_spellings(readings: &[&str]) -> Vec<String> {
    let mut spellings = Vec::new();
    for reading in readings {
        let plain: String = reading.chars().filter_map(without_tone).collect();
        let variants = if plain.contains('ü') {
            vec![plain.replace('ü', "v"), plain.replace('ü', "yu"), plain]
        } else {
            vec![plain]
        };
        for variant in variants {
            if !spellings.contains(&variant) {
                spellings.push(variant);
            }
        }
    }
    spellings
}

/// A letter of pinyin without its tone mark; `None` for a mark that stands by itself (U+0300–U+036F).
fn without_tone(letter: char) -> Option<char> {
    Some(match letter {
        'ā' | 'á' | 'ǎ' | 'à' => 'a',
        'ē' | 'é' | 'ě' | 'è' | 'ê' | 'ế' | 'ề' => 'e',
        'ī' | 'í' | 'ǐ' | 'ì' => 'i',
        'ō' | 'ó' | 'ǒ' | 'ò' => 'o',
        'ū' | 'ú' | 'ǔ' | 'ù' => 'u',
        'ǖ' | 'ǘ' | 'ǚ' | 'ǜ' => 'ü',
        'ń' | 'ň' | 'ǹ' => 'n',
        'ḿ' => 'm',
        '\u{300}'..='\u{36F}' => return None,
        _ => letter,
    })
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
    fn a_person_is_found_by_pinyin_and_by_initials() {
        for (name, keys) in [
            ("陈岚", &["chén lán", "chenlan", "cl"][..]),
            ("陳嵐", &["chén lán", "chenlan", "cl"]),
            (" 陈　岚 ", &["chén lán", "chenlan", "cl"]),
            ("黄海玲", &["huáng hǎi líng", "huanghailing", "hhl"]),
            ("欧阳修", &["ōu yáng xiū", "ouyangxiu", "oyx"]),
            ("Anna Müller", &["anna müller", "annamüller", "am"]),
            ("Ａｎｎａ", &["anna", "a"]),
            ("O'Brien", &["o brien", "obrien", "ob"]),
            ("小K", &["xiǎo k", "xiaok", "xk"]),
            ("王\u{E000}丽", &["wáng \u{E000} lì", "wang\u{E000}li", "w\u{E000}l"]),
            ("吕芳", &["lǚ fāng", "lvfang", "lyufang", "lüfang", "lf"]),
            ("查尔斯·吴", &["chá ěr sī wú", "chaersiwu", "cesw"]),
            ("·", &["·"]),
            ("  ", &[]),
        ] {
            assert_eq!(pinyin_keys(name), keys, "{name}");
        }
    }

    #[test]
    fn surnames_are_read_as_surnames_and_otherwise_too() {
        for (name, toned, others) in [
            ("单小明", "shàn xiǎo míng", &["shanxiaoming", "danxiaoming", "sxm", "dxm"][..]),
            ("解放", "xiè fàng", &["xiefang", "jiefang", "xf"]),
            ("任平", "rén píng", &["renping", "rp"]),
            ("仇英", "qiú yīng", &["qiuying", "chouying", "qy"]),
            ("查良镛", "zhā liáng yōng", &["zhaliangyong", "zly"]),
            ("曾巩", "zēng gǒng", &["zenggong", "zg"]),
            ("朴京", "piáo jīng", &["piaojing", "pj"]),
            ("盖叫天", "gě jiào tiān", &["gejiaotian", "gaijiaotian", "gjt"]),
            ("區成", "ōu chéng", &["oucheng", "qucheng", "oc"]),
            ("华罗庚", "huà luó gēng", &["hualuogeng", "hlg"]),
            ("乐天", "yuè tiān", &["yuetian", "letian", "yt", "lt"]),
            ("卜算", "bǔ suàn", &["busuan", "bs"]),
            ("缪斯", "miào sī", &["miaosi", "ms"]),
            ("覃平", "qín píng", &["qinping", "tanping"]),
            ("肖平", "xiāo píng", &["xiaoping", "xp"]),
            ("宁平", "níng píng", &["ningping", "np"]),
            ("甯平", "nìng píng", &["ningping", "np"]),
            ("尉迟恭", "yù chí gōng", &["yuchigong", "ycg"]),
            ("万俟卨", "mò qí xiè", &["moqixie", "mqx"]),
            ("長孫無忌", "zhǎng sūn wú jì", &["zhangsunwuji", "zswj"]),
            ("单于婷", "chán yú tíng", &["chanyuting", "shanyuting", "cyt"]),
            ("诸葛亮", "zhū gě liàng", &["zhugeliang", "zgl"]),
            ("令狐冲", "líng hú chōng", &["linghuchong", "lhc"]),
            ("司马迁", "sī mǎ qiān", &["simaqian", "smq"]),
        ] {
            let keys = pinyin_keys(name);
            assert_eq!(keys[0], toned);
            for other in others {
                assert!(keys.iter().any(|key| key == other), "{name}: {other} not in {keys:?}");
            }
        }
    }

    #[test]
    fn the_keys_of_a_name_are_bounded_and_distinct() {
        for name in ["乐".repeat(1000), "吕".repeat(40), "é".repeat(5000), "王·".repeat(99)] {
            let keys = pinyin_keys(&name);
            assert!(keys.len() <= 1 + 2 * PINYIN_READINGS_MAX, "{}", keys.len());
            assert!(keys.iter().all(|key| key.chars().count() <= PINYIN_NAME_CHARACTERS_MAX * 8));
            assert!((1..keys.len()).all(|index| !keys[..index].contains(&keys[index])));
        }
    }

    #[test]
    fn every_listed_reading_spells_in_plain_letters() {
        for (characters, readings) in COMPOUND_SURNAMES.iter().chain(&SURNAMES).chain(&NAME_CHARACTERS) {
            for plain in plain_spellings(&readings.split(' ').collect::<Vec<_>>()) {
                assert!(plain.chars().all(|letter| letter.is_ascii_lowercase()), "{characters}: {plain}");
            }
        }
        for (surname, reading) in COMPOUND_SURNAMES {
            assert_eq!(surname.chars().count(), reading.split(' ').count(), "{surname}");
        }
    }

    #[test]
    fn every_character_with_a_reading_spells_in_plain_letters() {
        for character in '\u{3007}'..='\u{323AF}' {
            for plain in plain_spellings(&readings_of(character, None, true)) {
                assert!(
                    plain.chars().all(|letter| letter.is_ascii_lowercase() || letter == 'ü'),
                    "{character}: {plain}"
                );
            }
        }
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
