//! How a person's name is read aloud and typed: in pinyin, with tones and without, and by initials. A surname is
//! often read otherwise than the same character in running text.

mod tones;

pub use tones::{with_marks_apart, without_tones};

use pinyin::ToPinyin;
use unicode_width::UnicodeWidthChar;

use crate::text::half_width;
use tones::{sortable, without_tone};

/// Characters of a name that [`pinyin_keys`] reads; the rest is ignored.
pub const PINYIN_NAME_CHARACTERS_MAX: usize = 64;

/// Ways of reading one name that [`pinyin_keys`] follows; names with more keep the likeliest.
pub const PINYIN_READINGS_MAX: usize = 8;

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

/// What sorts names the Chinese way, by code point: the pinyin of each, syllable by syllable, and in a
/// syllable first its letters and then its tone, the neutral one last. 陈岚 gives `chen2 lan2`, behind
/// 陈安 (`chen2 an1`) and before 程安 (`cheng2 an1`).
///
/// `ü` stands behind a `u` that is otherwise alike and before everything longer, as in 现代汉语词典 (路, 绿, 乱).
/// Other letters stand as in [`pinyin_keys`], of which this reads as much of a name.
pub fn pinyin_order(name: &str) -> String {
    let name: String = name.chars().take(PINYIN_NAME_CHARACTERS_MAX).map(half_width).collect();
    let words = words_of_name(&name);
    if words.is_empty() {
        return name.trim().to_lowercase();
    }
    words.iter().map(|word| sortable(&word.toned)).collect::<Vec<_>>().join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn names_sort_syllable_by_syllable_letters_before_tones() {
        let sorted = [
            "Anna Müller",
            "陈安",
            "晨风",
            "陈岚",
            "陳嵐",
            "陈澜生",
            "程安",
            "刘路",
            "刘绿",
            "刘乱",
            "刘伦",
            "单小明",
            "尉迟恭",
            "尉迟躬行",
        ];
        let mut orders: Vec<(String, &str)> = sorted.iter().map(|name| (pinyin_order(name), *name)).collect();
        let given = orders.clone();
        orders.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(orders, given);
        for (name, order) in [
            ("陈岚", "chen2 lan2"),
            ("吕芳", "lu:3 fang1"),
            ("Ａｎｎａ", "anna5"),
            ("查尔斯·吴", "cha2 er3 si1 wu2"),
            ("·", "·"),
            ("", ""),
        ] {
            assert_eq!(pinyin_order(name), order);
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
}
