//! The copy itself, by the rules that the importer goes by too.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Code, Finding};
use crate::{
    article::{Article, Block, PhotoUse},
    config,
    copy_check::{ends_sentence, false_weekdays, foreign_words, is_unprintable, tail},
    issue::Placement,
    photo::Photo,
};

/// Looks through the text of an article that appears on a day.
pub(super) fn article(found: &mut Vec<Finding>, article: &Article, day: NaiveDate) {
    let content = &article.content;
    let mut faults = Faults { day, found: Vec::new() };
    faults.look("the kicker", &content.kicker);
    faults.look("the headline", &content.headline);
    faults.look("the subheadline", &content.subheadline);
    for (index, block) in content.body.iter().enumerate() {
        faults.look_at_block(&format!("block {} of the text", index + 1), block);
    }
    for photo in &content.photos {
        faults.look_at_use("a caption", photo);
    }
    if let Some(Block::Paragraph { text, .. }) = content.body.last()
        && !ends_sentence(text)
    {
        faults.found.push(format!("ends in the middle of a sentence: …{}", tail(text)));
    }
    faults.report(found, &article.name());
}

/// Looks through what a page prints instead of the article's own.
pub(super) fn placement(found: &mut Vec<Finding>, placement: &Placement, page: &str, day: NaiveDate) {
    let mut faults = Faults { day, found: Vec::new() };
    faults.look("a kicker", &placement.kicker);
    faults.look("a headline", &placement.headline);
    faults.report(found, page);
}

/// Looks through the words of a photo.
pub(super) fn photo(found: &mut Vec<Finding>, photo: &Photo, day: NaiveDate) {
    let mut faults = Faults { day, found: Vec::new() };
    faults.look("the caption", &photo.words.caption);
    faults.report(found, &photo.name());
}

/// The faults of one resource's copy.
struct Faults {
    day: NaiveDate,
    found: Vec<String>,
}

impl Faults {
    fn look_at_block(&mut self, place: &str, block: &Block) {
        match block {
            Block::Paragraph { text, .. } | Block::Heading { text, .. } | Block::Label { text } => {
                self.look(place, text);
            }
            Block::Quote { text, .. } => self.look(place, text),
            Block::List { items, .. } => items.iter().for_each(|item| self.look(place, item)),
            Block::Table { rows } => rows.iter().flatten().for_each(|cell| self.look(place, cell)),
            Block::Photo { photo } => self.look_at_use(place, photo),
        }
    }

    fn look_at_use(&mut self, place: &str, photo: &PhotoUse) {
        self.look(place, &photo.caption);
    }

    /// Looks through one text.
    fn look(&mut self, place: &str, text: &str) {
        let unprintable = text.chars().filter(|character| is_unprintable(*character)).count();
        if unprintable > 0 {
            self.found.push(format!("has characters that print nothing in {place}: {unprintable}"));
        }
        let words: BTreeSet<&str> = foreign_words(text).into_iter().collect();
        self.found.extend(
            words
                .iter()
                .map(|word| format!("has a foreign word inside a Chinese sentence in {place}: {word}")),
        );
        for stated in false_weekdays(text, self.day) {
            let (printed, date, weekday) = (&stated.printed, stated.date, stated.weekday);
            self.found.push(format!("states {printed} in {place}, but {date} is {weekday}"));
        }
    }

    /// Makes findings of the first so many.
    fn report(self, found: &mut Vec<Finding>, resource: &str) {
        let first = self.found.into_iter().take(config::COPY_FINDINGS_MAX);
        found.extend(first.map(|fault| Finding::new(Code::Copy, resource, format!("{fault}; look at it"))));
    }
}
