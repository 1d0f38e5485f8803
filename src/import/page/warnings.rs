//! What an editor should look at: faults of the copy, and guesses of this reading.

use chrono::NaiveDate;

use super::headlines::broken_paragraphs;
use super::lines::Line;
use super::{Block, Fact, Page, Passage, Story};
use crate::copy_check::{ends_sentence, false_weekdays, foreign_words, is_same_lunar_date, tail};

/// Something that an editor should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, counted from 1.
    pub line: usize,
    /// What kind of thing it is.
    pub kind: WarningKind,
    /// What was seen, in one sentence.
    pub message: String,
}

/// What a warning is about. The first group are faults of the copy, the second are guesses of
/// this reading; [`WarningKind::is_check`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// A foreign word inside a Chinese sentence.
    ForeignWord,
    /// A story whose last sentence does not end.
    UnfinishedStory,
    /// The stated weekday is not the date's.
    Weekday,
    /// The stated lunar date is not the date's.
    LunarDate,
    /// Characters that cannot be printed were taken out.
    ControlCharacters,
    /// A joined sentence that reads as if a passage were lost between its halves.
    LostPassage,
    /// The lead headline was given to a story far from it.
    LeadHeadline,
    /// No headline was found for a story.
    NoHeadline,
    /// Which of two lines is the headline was a close call.
    HeadlineChoice,
    /// Whether a line is a section head or a headline of its own was a close call.
    HeadingChoice,
    /// A photographer is named, and there is no caption.
    NoCaption,
}

impl WarningKind {
    /// Whether it asks for a check of a guess, rather than naming a fault of the copy.
    pub fn is_check(self) -> bool {
        !matches!(
            self,
            WarningKind::ForeignWord
                | WarningKind::UnfinishedStory
                | WarningKind::Weekday
                | WarningKind::LunarDate
                | WarningKind::ControlCharacters
        )
    }
}

/// Looks through the page as read, and puts all its warnings in the order of lines.
pub(super) fn look(lines: &[Line], page: &mut Page) {
    let mut found: Vec<Warning> = lines.iter().filter_map(unprintable).collect();
    found.extend(lines.iter().flat_map(strays));
    for story in &page.stories {
        found.extend(broken_paragraphs(&story.blocks).map(|passage| Warning {
            line: last_line(passage),
            kind: WarningKind::LostPassage,
            message: format!("a paragraph breaks off in the middle: …{}", tail(&passage.text)),
        }));
        found.extend(unfinished(story));
        if let Some(date) = &page.masthead.publish_date {
            found.extend(story.blocks.iter().flat_map(|block| weekdays(block.passage(), date.value)));
        }
    }
    page.warnings.extend(found);
    page.warnings.sort_by_key(|warning| warning.line);
}

fn strays(line: &Line) -> impl Iterator<Item = Warning> {
    foreign_words(&line.text).into_iter().map(|word| Warning {
        line: line.number,
        kind: WarningKind::ForeignWord,
        message: format!("a foreign word inside a Chinese sentence: {word}"),
    })
}

fn unfinished(story: &Story) -> Option<Warning> {
    let (line, message) = match story.blocks.last() {
        None if story.photos.is_empty() => {
            (story.lines.last().copied(), format!("“{}” has no text", story.working_headline()))
        }
        Some(Block::Paragraph(last)) if !ends_sentence(&last.text) => {
            let (headline, tail) = (story.working_headline(), tail(&last.text));
            (last.lines.last().copied(), format!("the last sentence of “{headline}” does not end: …{tail}"))
        }
        _ => return None,
    };
    Some(Warning { line: line.unwrap_or_default(), kind: WarningKind::UnfinishedStory, message })
}

fn weekdays(passage: &Passage, publish_date: NaiveDate) -> impl Iterator<Item = Warning> {
    false_weekdays(&passage.text, publish_date).into_iter().map(|stated| Warning {
        line: last_line(passage),
        kind: WarningKind::Weekday,
        message: format!("{} is stated, but {} is {}", stated.printed, stated.date, stated.weekday),
    })
}

/// Compares what the masthead states with the calendar: `weekday` and `lunar_text` are the true
/// ones of [`Masthead::publish_date`](super::Masthead::publish_date), as 星期五 and
/// 癸卯年三月初二. An empty `lunar_text` (the calendar does not know the date) compares nothing.
pub fn calendar_warnings(page: &Page, weekday: &str, lunar_text: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let masthead = &page.masthead;
    let Some(date) = &masthead.publish_date else {
        return warnings;
    };
    let disagrees = |kind, stated: &Fact<String>, truth: &str| Warning {
        line: stated.line,
        kind,
        message: format!("{} is stated, but {} is {truth}", stated.printed, date.value),
    };
    if let Some(stated) = &masthead.weekday
        && stated.value != weekday
    {
        warnings.push(disagrees(WarningKind::Weekday, stated, weekday));
    }
    if let Some(stated) = &masthead.lunar_date
        && !lunar_text.is_empty()
        && !is_same_lunar_date(&stated.value, lunar_text)
    {
        warnings.push(disagrees(WarningKind::LunarDate, stated, lunar_text));
    }
    warnings
}

fn unprintable(line: &Line) -> Option<Warning> {
    (line.unprintable_count > 0).then(|| Warning {
        line: line.number,
        kind: WarningKind::ControlCharacters,
        message: format!("{} characters that cannot be printed were taken out", line.unprintable_count),
    })
}

fn last_line(passage: &Passage) -> usize {
    passage.lines.last().copied().unwrap_or_default()
}
