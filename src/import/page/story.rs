//! Puts the lines together to stories.
//!
//! A story opens with its title lines, a signature, a source credit or a dateline, and goes on to
//! the next such opening. The hard lines are those that look like titles, because four things look
//! so: the headline of the next story, a section head inside this one, half a sentence that the
//! scan has cut, and a slogan that belongs to nothing. What follows them tells them apart.

use super::draft::Draft;
use super::kinds::{Item, Kind, is_half_sentence};
use super::ledger::Ledger;
use super::{Page, Reason, Warning, WarningKind, bylines, captions, headlines};
use crate::copy_check::ends_sentence;

/// A dispatch longer than this, in characters, may be divided by section heads.
const LONG_DISPATCH: usize = 400;

/// A line of so few characters is no column of text: a cut sentence fills its line.
const SHORT_LINE: usize = 8;

/// Builds the stories of a page.
pub(super) fn assemble(items: &[Item], page: &mut Page, ledger: &mut Ledger) {
    let mut desk = Desk { items, drafts: Vec::new(), column: None, warnings: Vec::new(), ledger };
    let mut at = 0;
    while at < items.len() {
        at = desk.take(at);
    }
    desk.drop_column();
    let Desk { mut drafts, mut warnings, ledger, .. } = desk;
    headlines::settle(items, &mut drafts, &mut warnings, ledger);
    page.stories = drafts.into_iter().map(|draft| draft.story).collect();
    page.warnings.extend(warnings);
}

struct Desk<'a, 'i> {
    items: &'a [Item<'i>],
    drafts: Vec<Draft>,
    /// The place of a label that stands above the next headline.
    column: Option<usize>,
    warnings: Vec<Warning>,
    ledger: &'a mut Ledger,
}

/// What a run of title lines is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    NewStory,
    /// The headline of the story that has signed already, above its text.
    OwnHeadline,
    Heading,
    HalfSentence,
    Caption,
    Nothing,
}

/// What lies between a run of title lines and the next.
#[derive(Default)]
struct Section {
    paragraph_count: usize,
    has_photo: bool,
    /// Whether the caption is a line of its own behind a paragraph, as inside a longer story.
    has_caption_apart: bool,
    is_signed: bool,
}

impl Desk<'_, '_> {
    /// Takes the item at a place, or several; answers the place of the next.
    fn take(&mut self, at: usize) -> usize {
        match &self.items[at].kind {
            Kind::Title => self.take_titles(at),
            Kind::Names(_) | Kind::Source(..) => self.take_sign(at),
            Kind::Label => self.take_label(at),
            Kind::Credit(_) => self.take_credit(at),
            Kind::Dispatch(_) | Kind::Prose => self.take_text(at),
            Kind::Caption => self.take_caption(at),
        }
    }

    fn follower(&self, at: usize) -> Option<&Kind> {
        self.items.get(at).map(|item| &item.kind)
    }

    fn open_story(&mut self, titles: std::ops::Range<usize>, first: usize) {
        let first = self.column.unwrap_or(first);
        self.drafts.push(Draft::new(self.drafts.len(), self.items[first].number, titles.collect()));
        if let (Some(column), Some(draft)) = (self.column.take(), self.drafts.last_mut()) {
            let item = &self.items[column];
            draft.set_column(item.number, &item.text, self.ledger);
        }
    }

    /// The story in hand; a new one without a headline if there is none.
    fn story_in_hand(&mut self, at: usize) -> &mut Draft {
        if self.drafts.is_empty() {
            self.open_story(at..at, at);
        }
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    /// A label between the signature of a story and its dateline names that story's column.
    fn set_column_in_hand(&mut self) {
        if let (Some(column), Some(draft)) = (self.column.take(), self.drafts.last_mut()) {
            let item = &self.items[column];
            draft.set_column(item.number, &item.text, self.ledger);
        }
    }

    /// A label that waited for a headline in vain.
    fn drop_column(&mut self) {
        if let Some(column) = self.column.take() {
            let item = &self.items[column];
            self.ledger.leave_over(item.number, &item.text, Reason::NoText);
        }
    }

    /// Where the run of lines of a kind ends.
    fn run_end(&self, at: usize, is_in: impl Fn(&Kind) -> bool) -> usize {
        let length = self.items[at..].iter().take_while(|item| is_in(&item.kind)).count();
        at + length
    }

    fn take_titles(&mut self, at: usize) -> usize {
        let end = self.run_end(at, |kind| *kind == Kind::Title);
        let (reading, is_close) = self.read_titles(at, end);
        if is_close {
            self.ask_about_heading(at, reading);
        }
        match reading {
            Reading::NewStory => self.open_story(at..end, at),
            Reading::OwnHeadline => {
                if let Some(draft) = self.drafts.last_mut() {
                    draft.titles = (at..end).collect();
                }
            }
            Reading::Heading => self.each(at..end, |draft, item, ledger| {
                draft.add_heading(item, ledger);
                None
            }),
            Reading::HalfSentence => {
                self.each(at..end, |draft, item, ledger| draft.add_text(item, None, ledger));
            }
            Reading::Caption => {
                if end - at > 1 || self.drafts.is_empty() {
                    self.open_story(at..end - 1, at);
                }
                self.each(end - 1..end, |draft, item, ledger| {
                    draft.add_caption(item.number, &item.text, ledger);
                    None
                });
            }
            Reading::Nothing => {
                self.drop_column();
                for item in &self.items[at..end] {
                    self.ledger.leave_over(item.number, &item.text, Reason::NoText);
                }
            }
        }
        end
    }

    fn each(
        &mut self,
        places: std::ops::Range<usize>,
        add: impl Fn(&mut Draft, &Item, &mut Ledger) -> Option<Warning>,
    ) {
        let Some(draft) = self.drafts.last_mut() else {
            return;
        };
        for item in &self.items[places] {
            self.warnings.extend(add(draft, item, self.ledger));
        }
    }

    fn ask_about_heading(&mut self, at: usize, reading: Reading) {
        let item = &self.items[at];
        let message = match reading {
            Reading::Heading => "read as a section head; it may be the headline of a story of its own",
            _ => "read as the headline of an unsigned story; it may be a section head",
        };
        self.warnings.push(Warning {
            line: item.number,
            kind: WarningKind::HeadingChoice,
            message: format!("{message}: {}", item.text),
        });
    }

    /// Says what a run of title lines is, and whether that was a close call.
    fn read_titles(&self, at: usize, end: usize) -> (Reading, bool) {
        let sure = |reading| (reading, false);
        let draft = self.drafts.last();
        let goes_on = draft.is_some_and(Draft::is_open) && self.column.is_none() && self.has_no_gap(at, end);
        match self.follower(end) {
            None if goes_on && end - at == 1 => sure(Reading::HalfSentence),
            None => sure(Reading::Nothing),
            Some(Kind::Dispatch(_)) => sure(Reading::NewStory),
            Some(kind) if kind.signs() => sure(Reading::NewStory),
            Some(Kind::Credit(_)) => sure(Reading::Caption),
            Some(Kind::Label) if self.is_column(end) => sure(Reading::Nothing),
            Some(Kind::Label) => match draft {
                Some(draft) if end - at == 1 && may_be_divided(draft) => sure(Reading::Heading),
                _ => sure(Reading::NewStory),
            },
            _ if self.column.is_some() => sure(Reading::NewStory),
            _ if goes_on => sure(Reading::HalfSentence),
            Some(_) => draft.map_or(sure(Reading::NewStory), |draft| self.read_before_text(draft, at, end)),
        }
    }

    /// Titles between the text of the story in hand and more text.
    fn read_before_text(&self, draft: &Draft, at: usize, end: usize) -> (Reading, bool) {
        let sure = |reading| (reading, false);
        let (item, next) = (&self.items[at], &self.items[end]);
        let follows_label = at > 0 && self.items[at - 1].kind == Kind::Label;
        let is_single = end - at == 1;
        let is_half = is_single && next.kind == Kind::Prose && is_half_sentence(&item.text, &next.text);
        let is_numbered = opens_with_number(&item.text);
        // The text of a label stands right below it. A line of it that the scan has cut is longer
        // than a few characters.
        let is_label_text = follows_label
            && !item.after_blank
            && self.has_no_gap(at, end)
            && item.text.chars().count() > SHORT_LINE;
        if !is_numbered && (is_half && !draft.is_closed || is_label_text) {
            return sure(Reading::HalfSentence);
        }
        if !draft.has_body() {
            let reading = if draft.titles.is_empty() { Reading::OwnHeadline } else { Reading::Heading };
            return sure(reading);
        }
        if follows_label || is_numbered {
            return sure(Reading::Heading);
        }
        let section = self.section(end);
        // A photo below one paragraph makes a photo story, unless this story has section heads
        // already: then it may well be the photo of its next section.
        let may_be_section = section.has_caption_apart && draft.is_divided();
        let is_photo_story = section.has_photo && section.paragraph_count <= 1 && !may_be_section;
        let signs_for_itself = section.is_signed && (draft.is_signed() || draft.is_dispatch());
        if !is_single || draft.is_closed || is_photo_story || signs_for_itself {
            return sure(Reading::NewStory);
        }
        // A dispatch is short and undivided as a rule; a feature has section heads.
        let is_short_dispatch = draft.is_dispatch() && !draft.is_divided();
        if is_short_dispatch && draft.character_count() < LONG_DISPATCH {
            return (Reading::NewStory, true);
        }
        (Reading::Heading, is_short_dispatch || may_be_section)
    }

    /// Text runs without gaps; titles often have one.
    fn has_no_gap(&self, at: usize, end: usize) -> bool {
        self.items[at..end].iter().all(|item| !item.text.contains([' ', '\u{3000}']))
    }

    /// Looks through what follows a run of titles, up to the next title or opening.
    fn section(&self, from: usize) -> Section {
        let mut section = Section::default();
        let mut sentence_is_open = false;
        for item in &self.items[from..] {
            match &item.kind {
                Kind::Title | Kind::Label | Kind::Dispatch(_) => break,
                Kind::Names(_) | Kind::Source(..) => {
                    section.is_signed = true;
                    break;
                }
                Kind::Credit(_) => section.has_photo = true,
                Kind::Caption => {
                    section.has_photo = true;
                    section.has_caption_apart |= section.paragraph_count > 0;
                }
                Kind::Prose => {
                    section.paragraph_count += usize::from(!sentence_is_open);
                    sentence_is_open = !ends_sentence(&item.text);
                    section.has_photo |= captions::start(&item.text).is_some()
                        || captions::credit_at_end(&item.text).is_some();
                    section.is_signed |= bylines::at_end(&item.text).is_some();
                }
            }
        }
        section
    }

    /// A signature opens a story if text follows it; at the end of a text it closes one.
    fn take_sign(&mut self, at: usize) -> usize {
        let end = self.run_end(at, Kind::signs);
        let opens = match (self.drafts.last(), self.follower(end)) {
            (None, _) => true,
            (Some(draft), _) if !draft.has_body() => false,
            (Some(_), None | Some(Kind::Title | Kind::Credit(_) | Kind::Caption)) => false,
            (Some(_), Some(Kind::Label)) => !self.is_column(end),
            // The scan may print a signature in the middle of the text that it belongs to.
            (Some(draft), Some(Kind::Prose)) => !draft.is_open() || draft.is_signed(),
            (Some(_), Some(_)) => true,
        };
        if opens {
            self.open_story(at..at, at);
        }
        let ledger = &mut *self.ledger;
        let Some(draft) = self.drafts.last_mut() else {
            return end;
        };
        for item in &self.items[at..end] {
            match &item.kind {
                Kind::Names(names) => draft.sign(item.number, &item.text, names, ledger),
                Kind::Source(place, names) => {
                    draft.credit_source(item.number, &item.text, place, names.as_ref(), ledger);
                }
                _ => {}
            }
        }
        draft.is_closed |= draft.has_body() && !draft.is_open();
        end
    }

    /// Whether a label stands above the headline of a story that opens behind it: then it names
    /// the column.
    fn is_column(&self, at: usize) -> bool {
        let titles_end = self.run_end(at + 1, |kind| *kind == Kind::Title);
        let has_titles = titles_end > at + 1;
        match self.follower(titles_end) {
            Some(Kind::Dispatch(_)) => true,
            Some(kind) if kind.signs() => has_titles || self.drafts.is_empty(),
            Some(Kind::Prose | Kind::Caption) => has_titles && self.drafts.is_empty(),
            _ => false,
        }
    }

    fn take_label(&mut self, at: usize) -> usize {
        let item = &self.items[at];
        if self.is_column(at) {
            self.drop_column();
            self.column = Some(at);
        } else if let Some(draft) = self.drafts.last_mut() {
            draft.add_label(item.number, &item.text, self.ledger);
        } else {
            self.ledger.leave_over(item.number, &item.text, Reason::NoStory);
        }
        at + 1
    }

    fn take_credit(&mut self, at: usize) -> usize {
        let item = &self.items[at];
        match (&item.kind, self.drafts.last_mut()) {
            (Kind::Credit(credit), Some(draft)) => {
                self.warnings.extend(draft.add_credit(item.number, &item.text, credit, self.ledger));
            }
            _ => self.ledger.leave_over(item.number, &item.text, Reason::NoStory),
        }
        at + 1
    }

    fn take_text(&mut self, at: usize) -> usize {
        let item = &self.items[at];
        let is_dispatch = matches!(item.kind, Kind::Dispatch(_));
        let continues = self.drafts.last().is_some_and(|draft| !is_dispatch || !draft.has_body());
        if !is_dispatch && self.drafts.is_empty() {
            self.ledger.leave_over(item.number, &item.text, Reason::NoStory);
            return at + 1;
        }
        if continues {
            self.set_column_in_hand();
        } else {
            self.open_story(at..at, at);
        }
        let next = self.items.get(at + 1);
        if let Some(draft) = self.drafts.last_mut() {
            self.warnings.extend(draft.add_text(item, next, self.ledger));
        }
        at + 1
    }

    fn take_caption(&mut self, at: usize) -> usize {
        let item = &self.items[at];
        let (number, text) = (item.number, item.text.clone());
        self.story_in_hand(at);
        if let Some(draft) = self.drafts.last_mut() {
            draft.add_caption(number, &text, self.ledger);
        }
        at + 1
    }
}

/// Whether a title before a label can be a section head of this story. A dispatch is not divided
/// unless it is already.
fn may_be_divided(draft: &Draft) -> bool {
    draft.has_body() && !draft.is_closed && (!draft.is_dispatch() || draft.is_divided())
}

/// 一、…, （一）…, 1.…: the numbers of section heads.
fn opens_with_number(text: &str) -> bool {
    let bare = text.trim_start_matches(['（', '(']);
    let rest =
        bare.trim_start_matches(|each: char| "一二三四五六七八九十".contains(each) || each.is_ascii_digit());
    rest.len() < bare.len() && rest.starts_with(['、', '）', ')', '.', '．'])
}
