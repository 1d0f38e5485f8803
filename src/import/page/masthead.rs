//! Takes the masthead (报头) off the page: the facts above the first story, and those that some
//! papers print at the foot.

use std::ops::Range;

use super::characters::{fold, single_spaced};
use super::facts::{Find, find_all};
use super::kinds::{self, Kind};
use super::lead::kinship;
use super::ledger::Ledger;
use super::lines::Line;
use super::tokens::Meaning;
use super::{Became, Fact, FactKind, Page, Reason};
use crate::text::is_han;

/// How many lines from the top may belong to the masthead. A real one has some twenty.
const HEAD_LINES_MAX: usize = 60;
/// How many lines from the end are looked at for facts printed at the foot.
const FOOT_LINES_MAX: usize = 20;
/// The longest line that can be one of the masthead, in bytes.
const LINE_BYTES_MAX: usize = 1200;

/// How much of the text below is compared with a line amid the facts: several full pages.
const TEXT_BELOW_CHARACTERS_MAX: usize = 50_000;

/// Takes the facts off the page and answers the other lines.
pub(super) fn take<'a>(lines: &'a [Line<'a>], page: &mut Page, ledger: &mut Ledger) -> Vec<&'a Line<'a>> {
    let (head, head_end) = head(lines);
    let facts_end = head.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let title = title_line(lines, &head, head_end);
    let below = lines[head_end..].iter().map(|line| line.text.as_ref());
    let mut text_below = None;
    let mut rest = Vec::new();
    for (at, line) in lines[..head_end].iter().enumerate() {
        match &head[at] {
            _ if title == Some(at) => book_title(line, page, ledger),
            Some(reading) => reading.book(line, page, ledger),
            None if at >= facts_end || !has_words(&line.text) => rest.push(line),
            None if is_notice(&line.text) => {
                ledger.leave_over(line.number, &line.text, Reason::Notice);
            }
            // Amid the facts. A headline is what the text below speaks about; anything else is
            // no part of a story.
            None => {
                let text = text_below.get_or_insert_with(|| {
                    below.clone().flat_map(str::chars).take(TEXT_BELOW_CHARACTERS_MAX).collect::<String>()
                });
                if kinship(&line.text, text) >= 0.5 {
                    rest.push(line);
                } else {
                    ledger.leave_over(line.number, &line.text, Reason::UnknownFact);
                }
            }
        }
    }
    let foot_start = foot_start(lines, head_end);
    rest.extend(&lines[head_end..foot_start]);
    for line in &lines[foot_start..] {
        match Reading::of(&line.text) {
            Some(reading) if reading.is_nothing_but_worded() => reading.book(line, page, ledger),
            _ => rest.push(line),
        }
    }
    rest
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Reads the facts of the lines above the first line that opens a story, and says where that is.
fn head(lines: &[Line]) -> (Vec<Option<Reading>>, usize) {
    let mut readings: Vec<Option<Reading>> = Vec::new();
    let mut open_wording: Option<Vec<char>> = None;
    for line in lines.iter().take(HEAD_LINES_MAX) {
        let reading = open_wording
            .take()
            .and_then(|wording| Reading::continued(&wording, &line.text))
            .or_else(|| Reading::of(&line.text).filter(Reading::is_mostly_facts));
        if reading.is_none() && has_words(&line.text) && opens_story(&line.text) {
            break;
        }
        open_wording = reading.as_ref().and_then(Reading::open_wording);
        readings.push(reading);
    }
    let end = readings.len();
    (readings, end)
}

fn opens_story(text: &str) -> bool {
    match kinds::kind(text) {
        Kind::Title => false,
        // A motto of the paper may be a sentence, but it is short.
        Kind::Prose => text.chars().count() > 40,
        Kind::Names(names) => !names.is_staff(),
        _ => true,
    }
}

/// The first of the lines that end the page with facts.
fn foot_start(lines: &[Line], from: usize) -> usize {
    let mut start = lines.len();
    for at in (from..lines.len()).rev().take(FOOT_LINES_MAX) {
        let text = &lines[at].text;
        let is_fact = Reading::of(text).is_some_and(|reading| reading.is_nothing_but_worded());
        let is_staff = matches!(kinds::kind(text), Kind::Names(names) if names.is_staff());
        if is_fact {
            start = at;
        } else if !is_staff && has_words(text) {
            break;
        }
    }
    start
}

/// Words that speak to the readers.
fn is_notice(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "点击",
        "扫码",
        "扫一扫",
        "扫描",
        "二维码",
        "关注",
        "订阅",
        "下载",
        "公众号",
        "客户端",
        "欢迎",
        "更多",
        "敬请",
        "本报讯息",
    ];
    WORDS.iter().any(|word| text.contains(word))
}

/// The line of the paper's own name: one of at most ten characters that ends as newspapers' names
/// do; failing that, among facts, the first line of the page if it is as short.
fn title_line(lines: &[Line], head: &[Option<Reading>], head_end: usize) -> Option<usize> {
    let has_facts = head.iter().any(Option::is_some);
    let unread = |at: &usize| head[*at].is_none();
    let is_named = |at: &usize| {
        title_length(&lines[*at].text).is_some_and(|length| has_paper_ending(&lines[*at].text[..length]))
    };
    let reach = if has_facts { head_end } else { head_end.min(1) };
    let named = (0..reach).filter(unread).find(is_named);
    let sticks_to_fact = head.iter().flatten().any(|reading| reading.title().is_some());
    if named.is_some() || !has_facts || sticks_to_fact {
        return named;
    }
    let follows_fact = head.get(1).is_some_and(Option::is_some);
    (head_end > 0 && unread(&0) && follows_fact && title_length(&lines[0].text).is_some()).then_some(0)
}

/// How long the paper's name at the front is, in bytes: two to ten Chinese characters, perhaps
/// spread out, and no Chinese behind them.
fn title_length(text: &str) -> Option<usize> {
    let end = text.find(|each: char| !is_han(each) && !each.is_whitespace()).unwrap_or(text.len());
    let name = text[..end].trim_end();
    let count = name.chars().filter(|each| is_han(*each)).count();
    let tail_is_foreign = !text[end..].chars().any(is_han);
    ((2..=10).contains(&count) && tail_is_foreign).then_some(name.len())
}

fn has_paper_ending(name: &str) -> bool {
    name.ends_with(['报', '報', '刊', '讯', '訊']) || name.ends_with("新闻")
}

fn book_title(line: &Line, page: &mut Page, ledger: &mut Ledger) {
    let length = title_length(&line.text).unwrap_or(line.text.len());
    let (name, tail) = line.text.split_at(length);
    book_name(name, line.number, page, ledger);
    if has_words(tail) {
        ledger.leave_over(line.number, tail, Reason::NoField);
    } else {
        ledger.place(line.number, tail, Became::Wording);
    }
}

fn book_name(name: &str, line: usize, page: &mut Page, ledger: &mut Ledger) {
    let value: String = name.chars().filter(|each| !each.is_whitespace()).collect();
    match fill(&mut page.masthead.title, value, name.trim(), line) {
        Some(true) => ledger.place(line, name, Became::Fact(FactKind::Title)),
        Some(false) => ledger.place(line, name, Became::Repeated(FactKind::Title)),
        None => ledger.leave_over(line, name, Reason::SecondValue),
    }
}

/// A line with its facts.
struct Reading {
    characters: Vec<char>,
    folded: Vec<char>,
    finds: Vec<Find>,
}

impl Reading {
    fn of(text: &str) -> Option<Reading> {
        if text.len() > LINE_BYTES_MAX {
            return None;
        }
        let characters: Vec<char> = text.chars().collect();
        let folded: Vec<char> = characters.iter().map(|each| fold(*each)).collect();
        let finds = find_all(&folded);
        (!finds.is_empty()).then_some(Reading { characters, folded, finds })
    }

    /// Reads a line whose wording stands on the line before (新闻热线: / 0000-1234567).
    fn continued(wording: &[char], text: &str) -> Option<Reading> {
        let mut reading = Reading::of(&format!("{}:{text}", wording.iter().collect::<String>()))?;
        let front = wording.len() + 1;
        let first = reading.finds.first()?;
        if first.start > 0 || first.value.is_empty() || first.value.start < front {
            return None;
        }
        reading.characters.drain(..front);
        reading.folded.drain(..front);
        for find in &mut reading.finds {
            find.start = find.start.saturating_sub(front);
            find.value = find.value.start - front..find.value.end - front;
            find.end -= front;
        }
        Some(reading)
    }

    /// The wording at the end of the line that still waits for its value.
    fn open_wording(&self) -> Option<Vec<char>> {
        let last = self.finds.last().filter(|last| last.value.is_empty())?;
        let wording = &self.folded[last.start..];
        let length = wording.iter().rposition(|each| each.is_alphanumeric())? + 1;
        Some(wording[..length].to_vec())
    }

    /// The stretches between the facts.
    fn gaps(&self) -> Vec<Range<usize>> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for find in &self.finds {
            gaps.push(at..find.start);
            at = find.end;
        }
        gaps.push(at..self.characters.len());
        gaps
    }

    fn letters(&self, range: Range<usize>) -> usize {
        self.folded[range].iter().filter(|each| each.is_alphanumeric()).count()
    }

    /// A sentence or a headline may hold a date; a line of the masthead holds little else.
    fn is_mostly_facts(&self) -> bool {
        let unread: usize = self.gaps().into_iter().map(|gap| self.letters(gap)).sum();
        let all = self.letters(0..self.folded.len());
        unread * 2 <= all
    }

    fn is_nothing_but_worded(&self) -> bool {
        self.gaps().into_iter().all(|gap| self.letters(gap) == 0)
            && self.finds.iter().all(|find| find.is_worded && !find.value.is_empty())
    }

    fn text(&self, range: Range<usize>) -> String {
        self.characters[range].iter().collect()
    }

    /// The paper's name before the first fact or between facts.
    fn title(&self) -> Option<Range<usize>> {
        self.gaps().into_iter().find(|gap| {
            let text = self.text(gap.clone());
            let name = text.trim();
            title_length(name) == Some(name.len()) && has_paper_ending(name)
        })
    }

    fn section(&self) -> Option<Range<usize>> {
        let has_page = self.finds.iter().any(|find| find.kind == Some(FactKind::PageNumber));
        let is_name = |gap: &Range<usize>| {
            let text = self.text(gap.clone());
            let name = text.trim_matches(|each: char| !each.is_alphanumeric());
            (2..=8).contains(&name.chars().count()) && name.chars().all(|each| is_han(each) || each == '·')
        };
        self.gaps().into_iter().filter(|_| has_page).find(is_name)
    }

    fn book(&self, line: &Line, page: &mut Page, ledger: &mut Ledger) {
        let title = self.title().filter(|_| page.masthead.title.is_none());
        let section = self.section().filter(|gap| title.as_ref() != Some(gap));
        let gaps = self.gaps();
        for (place, gap) in gaps.into_iter().enumerate() {
            let text = self.text(gap.clone());
            if self.letters(gap.clone()) == 0 {
                ledger.place(line.number, &text, Became::Wording);
            } else if title.as_ref() == Some(&gap) {
                book_name(&text, line.number, page, ledger);
            } else if section.as_ref() == Some(&gap) && page.section.is_none() {
                book_section(line.number, &text, page, ledger);
            } else {
                let reason = if is_notice(&text) { Reason::Notice } else { Reason::UnknownFact };
                ledger.leave_over(line.number, &text, reason);
            }
            if let Some(find) = self.finds.get(place) {
                self.book_find(find, line.number, page, ledger);
            }
        }
    }

    fn book_find(&self, find: &Find, line: usize, page: &mut Page, ledger: &mut Ledger) {
        let wording = self.text(find.start..find.value.start);
        let printed = self.text(find.value.clone());
        let Some(kind) = find.kind else {
            ledger.leave_over(line, &self.text(find.start..find.end), Reason::NoField);
            return;
        };
        if find.value.is_empty() {
            // The value is on the next line, or the line has none and says nothing.
            ledger.place(line, &wording, Became::Wording);
            return;
        }
        let folded: String = self.folded[find.value.clone()].iter().collect();
        let Some(became) = set(page, kind, &printed, &folded, &find.meaning, line) else {
            ledger.leave_over(line, &self.text(find.start..find.end), Reason::SecondValue);
            return;
        };
        let tail = self.text(find.value.end..find.end);
        if (wording.starts_with("主管主办") || tail == "主管主办") && page.masthead.publishing_body.is_none()
        {
            page.masthead.publishing_body.clone_from(&page.masthead.supervising_body);
        }
        ledger.place(line, &wording, Became::Wording);
        ledger.place(line, &printed, became);
        ledger.place(line, &tail, Became::Wording);
    }
}

fn book_section(line: usize, text: &str, page: &mut Page, ledger: &mut Ledger) {
    let name = text.trim_matches(|each: char| !each.is_alphanumeric());
    let at = text.find(name).unwrap_or(0);
    ledger.place(line, &text[..at], Became::Wording);
    ledger.place(line, name, Became::Fact(FactKind::Section));
    ledger.place(line, &text[at + name.len()..], Became::Wording);
    page.section = Some(Fact { value: name.to_owned(), printed: name.to_owned(), line });
}

/// Writes a fact into its field, and says what became of it. `None` if the field already holds
/// another value.
fn set(
    page: &mut Page,
    kind: FactKind,
    printed: &str,
    folded: &str,
    meaning: &Meaning,
    line: usize,
) -> Option<Became> {
    let masthead = &mut page.masthead;
    let printed = printed.trim();
    let words = single_spaced(printed);
    let unspaced = || folded.split_whitespace().collect::<String>();
    let is_first = match (kind, meaning) {
        (FactKind::PublishDate, Meaning::Date(date)) => {
            fill(&mut masthead.publish_date, *date, printed, line)
        }
        (FactKind::IssueNumber, Meaning::Number(count)) => {
            fill(&mut masthead.issue_number, *count, printed, line)
        }
        (FactKind::PageCount, Meaning::Number(count)) => {
            fill(&mut masthead.page_count, *count, printed, line)
        }
        (FactKind::PageNumber, Meaning::Number(count)) => fill(&mut page.number, *count, printed, line),
        (FactKind::Temperature, Meaning::Temperature(range)) => {
            fill(&mut masthead.temperature, *range, printed, line)
        }
        (FactKind::Weekday, Meaning::Weekday(name)) => {
            fill(&mut masthead.weekday, name.clone(), printed, line)
        }
        (FactKind::LunarDate, _) => fill(&mut masthead.lunar_date, unspaced(), printed, line),
        (FactKind::ChiefEditor, _) => fill(&mut masthead.chief_editor, unspaced(), printed, line),
        (FactKind::Mailbox, _) => fill(&mut masthead.mailbox, unspaced(), printed, line),
        (FactKind::Hotline, _) => fill(&mut masthead.hotline, single_spaced(folded), printed, line),
        (FactKind::Weather, _) => fill(&mut masthead.weather, words, printed, line),
        (FactKind::Wind, _) => fill(&mut masthead.wind, words, printed, line),
        (FactKind::SerialCode, _) => fill(&mut masthead.serial_code, words, printed, line),
        (FactKind::SupervisingBody, _) => fill(&mut masthead.supervising_body, words, printed, line),
        (FactKind::PublishingBody, _) => fill(&mut masthead.publishing_body, words, printed, line),
        (FactKind::PriceNote, _) => fill(&mut masthead.price_note, words, printed, line),
        (FactKind::Section, _) => fill(&mut page.section, words, printed, line),
        (FactKind::Website, _) => Some(add_website(&mut masthead.websites, unspaced(), printed, line)),
        _ => None,
    };
    is_first.map(|is_first| if is_first { Became::Fact(kind) } else { Became::Repeated(kind) })
}

/// Fills an empty field and answers true; answers false if it holds the value already.
fn fill<T: PartialEq>(field: &mut Option<Fact<T>>, value: T, printed: &str, line: usize) -> Option<bool> {
    match field {
        Some(fact) => (fact.value == value).then_some(false),
        None => {
            *field = Some(Fact { value, printed: printed.to_owned(), line });
            Some(true)
        }
    }
}

fn add_website(sites: &mut Vec<Fact<String>>, value: String, printed: &str, line: usize) -> bool {
    let is_first = sites.iter().all(|site| site.value != value);
    if is_first {
        sites.push(Fact { value, printed: printed.to_owned(), line });
    }
    is_first
}
