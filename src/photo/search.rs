//! 图片检索: what a photo is found by. What editors write and what the file says
//! become one folded text with its grams: the index finds all photos whose text
//! may hold what is asked for, and a look at the text itself keeps those that do.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::{Channel, Clearance, Photo, Words, metadata};
use crate::{
    byline::Byline,
    text::{fold, grams},
};

/// What a file says about its picture, as far as photos are found by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// Its headline, caption, credit, and whatever else is only searched as text.
    pub text: String,
    /// Who took it.
    pub creators: Vec<String>,
    /// Where: each of the names that it has for the place.
    pub places: Vec<String>,
    /// Its keywords.
    pub keywords: Vec<String>,
    /// The day it was taken, by the clock of the camera.
    pub capture_date: Option<NaiveDate>,
}

impl From<&metadata::Embedded> for Embedded {
    fn from(read: &metadata::Embedded) -> Embedded {
        let metadata::Place { sublocation, city, province_state, country, .. } = &read.place;
        let texts = [&read.headline, &read.caption, &read.credit_line, &read.source, &read.copyright_notice];
        let places = [sublocation, city, province_state, country].into_iter().filter(|name| !name.is_empty());
        Embedded {
            text: texts.map(String::as_str).join("\n"),
            creators: read.creators.clone(),
            places: places.cloned().collect(),
            keywords: read.keywords.clone(),
            // It begins with the day, where the file says one.
            capture_date: read.create_time.get(..10).and_then(|day| day.parse().ok()),
        }
    }
}

/// What is kept of a photo to find it by. Its field names are those of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Everything that is searched, folded.
    pub folded: String,
    /// The grams of `folded`, sorted.
    pub grams: Vec<String>,
    /// Who took it, folded.
    pub creators: String,
    /// Where, folded.
    pub places: String,
    /// The keywords, each folded and once, sorted.
    pub keywords: Vec<String>,
    /// The day it was taken.
    pub capture_date: Option<NaiveDate>,
}

/// What somebody looks for; all of it must be met.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Folded words that must stand anywhere.
    pub words: Vec<String>,
    /// Folded words that must stand among who took it.
    pub creator: Vec<String>,
    /// Folded words that must stand in the place.
    pub place: Vec<String>,
    /// A folded keyword; empty for any.
    pub keyword: String,
    /// The earliest day it was taken.
    pub captured_from: Option<NaiveDate>,
    /// The latest.
    pub captured_until: Option<NaiveDate>,
    /// What was found out about the rights.
    pub clearance: Option<Clearance>,
    /// A day for which rights must be granted, and the channels.
    pub granted: Option<(NaiveDate, Vec<Channel>)>,
    /// Deleted ones too.
    pub show_deleted: bool,
}

impl Query {
    /// The grams that the text of a photo must have to meet it, each once.
    pub fn grams(&self) -> Vec<String> {
        let words = self.words.iter().chain(&self.creator).chain(&self.place).map(String::as_str);
        let grams: BTreeSet<&str> = words.chain(self.keyword.split(' ')).flat_map(telling_grams).collect();
        grams.into_iter().map(str::to_owned).collect()
    }
}

/// The pairs of a word, which say all that its single characters do; of one that
/// has no pairs, the character.
fn telling_grams(word: &str) -> impl Iterator<Item = &str> {
    let has_pairs = word.chars().nth(1).is_some();
    grams(word).into_iter().filter(move |gram| !has_pairs || gram.chars().nth(1).is_some())
}

/// What is kept of a photo.
pub fn entry_of(photo: &Photo) -> Entry {
    let embedded = photo.embedded.as_ref().map(Embedded::from).unwrap_or_default();
    entry(&photo.words, &embedded)
}

/// What is kept of a photo with these words and a file that says this.
pub fn entry(words: &Words, embedded: &Embedded) -> Entry {
    let names = words.bylines.iter().map(|Byline { printed_name, .. }| printed_name);
    let creators = folded(names.chain(&embedded.creators));
    let places = folded([&words.place].into_iter().chain(&embedded.places));
    let keywords: BTreeSet<String> =
        words.keywords.iter().chain(&embedded.keywords).map(|keyword| keyword_of(keyword)).collect();
    let caption = [&words.caption, &words.credit_line, &embedded.text].into_iter().map(|text| fold(text));
    let all = caption.chain([creators.clone(), places.clone()]).chain(keywords.iter().cloned());
    let folded = all.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Entry {
        grams: grams(&folded).into_iter().map(str::to_owned).collect(),
        folded,
        creators,
        places,
        keywords: keywords.into_iter().filter(|keyword| !keyword.is_empty()).collect(),
        capture_date: embedded.capture_date,
    }
}

/// The words of what somebody looks for, folded, each once.
pub fn words_of(text: &str) -> Vec<String> {
    let folded = fold(text);
    let words: BTreeSet<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    words.into_iter().map(str::to_owned).collect()
}

/// A keyword as it is compared: folded, with single spaces between its words.
pub fn keyword_of(text: &str) -> String {
    fold(text).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn folded<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.filter(|text| !text.is_empty()).map(|text| fold(text)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::byline::BylineRole;

    #[test]
    fn a_photo_is_found_by_its_words_and_by_its_file() {
        let byline = Byline { reporter: None, printed_name: "林Ａ".into(), role: BylineRole::Photographer };
        let words = Words {
            caption: "龙舟\n竞渡".into(),
            bylines: vec![byline],
            place: "融城".into(),
            keywords: vec!["龙舟".into(), "AI  Lab".into()],
            ..Words::default()
        };
        let embedded = Embedded {
            text: "Dragon Boat".into(),
            creators: vec!["Lin A".into()],
            places: vec!["Fuqing".into(), "中国".into()],
            keywords: vec!["ＡＩ Lab".into(), "端午".into()],
            capture_date: NaiveDate::from_ymd_opt(2026, 6, 19),
        };
        let entry = entry(&words, &embedded);
        assert_eq!(entry.folded, "龙舟 竞渡 dragon boat 林a lin a 融城 fuqing 中国 ai lab 端午 龙舟");
        assert_eq!((entry.creators.as_str(), entry.places.as_str()), ("林a lin a", "融城 fuqing 中国"));
        assert_eq!(entry.keywords, ["ai lab", "端午", "龙舟"]);
        assert_eq!(entry.capture_date, embedded.capture_date);
        let query = Query {
            words: words_of("　竞 DRAGON"),
            creator: words_of("Lin"),
            place: words_of("中国"),
            keyword: keyword_of(" AI Lab"),
            ..Query::default()
        };
        assert!(query.grams().iter().all(|gram| entry.grams.contains(gram)), "{query:?}");
        assert_eq!(Query::default().grams(), Vec::<String>::new());
        let query = Query { words: words_of("龙舟赛 节"), ..Query::default() };
        assert_eq!(query.grams(), ["舟赛", "节", "龙舟"]);
    }
}
