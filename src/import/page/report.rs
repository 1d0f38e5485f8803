//! The report of an import: what became what, what to check, what was left over.

use std::collections::BTreeSet;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Block, Byline, Caption, Fact, Masthead, Page, Passage, Story, StoryRole, Warning};

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// How the line is meant; whoever prints it may give it a colour.
    pub tone: Tone,
    /// The text, without a line end.
    pub text: String,
}

/// How a line of the report is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Opens a part of the report.
    Heading,
    /// States what became what.
    Plain,
    /// Tells something on the side.
    Faint,
    /// Asks for a check of a guess.
    Check,
    /// Names a fault of the copy.
    Warning,
    /// Names what was left over.
    LeftOver,
}

/// The widest line of the report, in terminal columns.
const COLUMNS: usize = 100;
/// The column in which the text of an entry begins.
const TEXT_COLUMN: usize = 28;

/// Writes the report of a page. Warnings that were made outside (see
/// [`calendar_warnings`](super::calendar_warnings)) are in it if they were added to the page.
pub fn lines(page: &Page) -> Vec<ReportLine> {
    let mut report = Report::default();
    report.summary(page);
    report.masthead(page);
    for (place, story) in page.stories.iter().enumerate() {
        report.story(place + 1, story);
    }
    report.staff(page);
    let (checks, faults): (Vec<&Warning>, Vec<&Warning>) =
        page.warnings.iter().partition(|warning| warning.kind.is_check());
    report.warnings("Please check", Tone::Check, &checks);
    report.warnings("Faults of the copy", Tone::Warning, &faults);
    report.left_over(page);
    report.lines
}

#[derive(Default)]
struct Report {
    lines: Vec<ReportLine>,
}

impl Report {
    fn push(&mut self, tone: Tone, text: String) {
        self.lines.push(ReportLine { tone, text: text.trim_end().to_owned() });
    }

    fn heading(&mut self, text: String) {
        self.push(Tone::Plain, String::new());
        self.push(Tone::Heading, text);
    }

    fn entry(&mut self, tone: Tone, lines: &str, what: &str, text: &str) {
        let front = format!("{}  {}", pad_left(lines, 10), pad_right(what, TEXT_COLUMN - 14));
        self.push(tone, format!("{front}  {}", shortened(text, COLUMNS - TEXT_COLUMN)));
    }

    fn summary(&mut self, page: &Page) {
        let title = page.masthead.title.as_ref().map_or("a page without a title", |title| &title.value);
        let left: BTreeSet<usize> = page.left_over.iter().map(|left| left.line).collect();
        let whole = page.printed_line_count.saturating_sub(page.placed.len());
        let pieces = match left.len().saturating_sub(whole) {
            0 => String::new(),
            lines => format!(" and pieces of {}", count(lines, "line")),
        };
        self.push(Tone::Heading, format!("{title}, page {}", page.page_number()));
        self.push(
            Tone::Faint,
            format!(
                "{} printed: {} placed, {whole}{pieces} left over; {}, {}, {}",
                count(page.printed_line_count, "line"),
                page.placed.len(),
                count(page.stories.len(), "story"),
                count(page.names().len(), "name"),
                count(page.stories.iter().map(|story| story.photos.len()).sum(), "photo"),
            ),
        );
    }

    fn masthead(&mut self, page: &Page) {
        let mut facts = facts(&page.masthead);
        facts.extend(page.number.as_ref().map(|fact| named("page", fact, fact.value.to_string())));
        facts.extend(page.section.as_ref().map(|fact| named("section", fact, fact.value.clone())));
        if facts.is_empty() {
            return;
        }
        facts.sort_by_key(|(line, _, _)| *line);
        self.heading("Masthead".to_owned());
        for (line, what, value) in facts {
            self.entry(Tone::Plain, &line.to_string(), what, &value);
        }
    }

    fn staff(&mut self, page: &Page) {
        if page.staff.is_empty() {
            return;
        }
        self.heading("Made by".to_owned());
        for person in &page.staff {
            self.entry(Tone::Plain, &person.line.to_string(), person.role.word(), &person.name);
        }
    }

    fn story(&mut self, number: usize, story: &Story) {
        let play = match story.role {
            StoryRole::Lead => "lead",
            StoryRole::Secondary => "secondary",
            StoryRole::Brief => "brief",
            StoryRole::PhotoStory => "photo story",
        };
        // Blank lines between the printed ones do not part a story.
        let lines = ranges_with_gaps(&story.lines, 3);
        self.heading(format!("Story {number}, {play}, lines {lines}"));
        self.passage("column", story.column.as_ref());
        self.passage("kicker", story.kicker.as_ref());
        match &story.headline {
            Some(headline) => self.passage("headline", Some(headline)),
            None => self.entry(Tone::Check, "", "no headline", &story.working_headline()),
        }
        self.passage("subheadline", story.subheadline.as_ref());
        for byline in &story.bylines {
            self.entry(Tone::Plain, &byline.line.to_string(), byline.role.word(), &byline.name);
        }
        self.passage("source", story.source_credit.as_ref());
        self.passage("dateline", story.dateline.as_ref());
        for block in &story.blocks {
            let what = match block {
                Block::Paragraph(_) => "paragraph",
                Block::Heading(_) => "section head",
                Block::Label(_) => "label",
            };
            self.passage(what, Some(block.passage()));
        }
        for photo in &story.photos {
            self.photo(photo);
        }
        for join in &story.joins {
            let lines = format!("{}+{}", join.before, join.after);
            self.entry(Tone::Faint, &lines, "joined", &format!("…{}…", join.seam));
        }
    }

    fn passage(&mut self, what: &str, passage: Option<&Passage>) {
        if let Some(passage) = passage {
            self.entry(Tone::Plain, &ranges(&passage.lines), what, &passage.text);
        }
    }

    fn photo(&mut self, photo: &Caption) {
        let text = if photo.text.is_empty() { "(no caption)" } else { &photo.text };
        self.entry(Tone::Plain, &ranges(&photo.lines), "photo", text);
        let names: Vec<&str> =
            photo.photographers.iter().map(|byline: &Byline| byline.name.as_str()).collect();
        if !names.is_empty() {
            self.entry(Tone::Plain, "", "photographer", &names.join("、"));
        }
        if let Some(credit) = &photo.credit {
            self.entry(Tone::Plain, "", "credit", credit);
        }
    }

    fn warnings(&mut self, title: &str, tone: Tone, warnings: &[&Warning]) {
        if warnings.is_empty() {
            return;
        }
        self.heading(format!("{title} ({})", warnings.len()));
        for warning in warnings {
            self.note(tone, warning.line, &warning.message);
        }
    }

    fn left_over(&mut self, page: &Page) {
        if page.left_over.is_empty() {
            self.heading("Nothing is left over".to_owned());
            return;
        }
        self.heading(format!("Left over ({})", page.left_over.len()));
        for left in &page.left_over {
            self.note(Tone::LeftOver, left.line, &left.text);
            self.push(Tone::Faint, format!("{}  {}", pad_left("", 10), left.reason.words()));
        }
    }

    /// A line number with as many lines of text as it takes: nothing of these is cut short.
    fn note(&mut self, tone: Tone, line: usize, text: &str) {
        for (place, row) in wrapped(text, COLUMNS - 12).into_iter().enumerate() {
            let number = if place == 0 { line.to_string() } else { String::new() };
            self.push(tone, format!("{}  {row}", pad_left(&number, 10)));
        }
    }
}

type Entry = (usize, &'static str, String);

fn named<T>(what: &'static str, fact: &Fact<T>, value: String) -> Entry {
    (fact.line, what, value)
}

fn facts(masthead: &Masthead) -> Vec<Entry> {
    let words = [
        ("title", &masthead.title),
        ("serial code", &masthead.serial_code),
        ("lunar date", &masthead.lunar_date),
        ("weekday", &masthead.weekday),
        ("weather", &masthead.weather),
        ("wind", &masthead.wind),
        ("hotline", &masthead.hotline),
        ("mailbox", &masthead.mailbox),
        ("body in charge", &masthead.supervising_body),
        ("publisher", &masthead.publishing_body),
        ("chief editor", &masthead.chief_editor),
        ("price note", &masthead.price_note),
    ];
    let mut facts: Vec<Entry> = words
        .into_iter()
        .filter_map(|(what, fact)| fact.as_ref().map(|fact| named(what, fact, fact.value.clone())))
        .collect();
    facts.extend(masthead.websites.iter().map(|site| named("web site", site, site.value.clone())));
    facts.extend(masthead.publish_date.as_ref().map(|date| named("date", date, date.value.to_string())));
    facts.extend(
        masthead.issue_number.as_ref().map(|number| named("number", number, number.value.to_string())),
    );
    facts.extend(masthead.page_count.as_ref().map(|pages| named("pages", pages, pages.value.to_string())));
    facts.extend(masthead.temperature.as_ref().map(|range| {
        let text = format!("{}..{} °C", range.value.low_celsius, range.value.high_celsius);
        named("temperature", range, text)
    }));
    facts
}

fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

/// Ascending line numbers as ranges: 3-5,8.
fn ranges(numbers: &[usize]) -> String {
    ranges_with_gaps(numbers, 1)
}

/// Ascending line numbers as ranges, where the next number is at most so many lines away.
fn ranges_with_gaps(numbers: &[usize], step_max: usize) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, end)) if *number <= *end + step_max => *end = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(start, end)| if start == end { start.to_string() } else { format!("{start}-{end}") })
        .collect();
    words.join(",")
}

fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// The text cut to a width; a Chinese character takes two columns.
fn shortened(text: &str, columns: usize) -> String {
    let mut width = 0;
    for (at, character) in text.char_indices() {
        width += character.width().unwrap_or(0);
        if width > columns {
            let mut kept = &text[..at];
            while kept.width() + 1 > columns {
                kept = kept.strip_suffix(|_: char| true).unwrap_or_default();
            }
            return format!("{kept}…");
        }
    }
    text.to_owned()
}

/// The text in rows of at most so many columns. A row may end behind any Chinese character, and
/// otherwise between words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut width = 0;
    for word in text.split_inclusive(|each: char| each == ' ' || !each.is_ascii()) {
        for piece in pieces(word, columns) {
            if width + piece.trim_end().width() > columns {
                rows.push(String::new());
                width = 0;
            }
            width += piece.width();
            if let Some(row) = rows.last_mut() {
                row.push_str(piece);
            }
        }
    }
    rows
}

/// A word cut into pieces that fit into a row.
fn pieces(word: &str, columns: usize) -> Vec<&str> {
    if word.width() <= columns {
        return vec![word];
    }
    word.split_inclusive(|_: char| true).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_counted_in_columns() {
        assert_eq!(pad_right("引题", 6), "引题  ");
        assert_eq!(shortened("山城日报", 8), "山城日报");
        assert_eq!(shortened("山城日报", 7), "山城日…");
        assert_eq!(wrapped("山城日报", 5), ["山城", "日报"]);
        assert_eq!(wrapped("one two 山", 7), ["one two ", "山"]);
    }

    #[test]
    fn numbers_in_a_row_are_one_range() {
        assert_eq!(ranges(&[3, 4, 5, 8, 8, 10]), "3-5,8,10");
        assert_eq!(ranges(&[]), "");
    }
}
