//! One story while it is being put together: text joined over the scan's breaks, captions taken
//! out of it, signatures and datelines in their fields.

use super::bylines::{self, Sign};
use super::captions::{self, Credit};
use super::characters::single_spaced;
use super::kinds::{Item, Kind};
use super::ledger::Ledger;
use super::signatures::Signature;
use super::{Became, Block, Byline, Caption, Field, Join, Passage, Role, Story, Warning, WarningKind};
use crate::copy_check::ends_sentence;

/// A story on the desk.
pub(super) struct Draft {
    pub(super) story: Story,
    /// The places of its title lines among the items; which is the headline is decided last.
    pub(super) titles: Vec<usize>,
    /// The line on which it begins.
    pub(super) first_line: usize,
    /// Whether a signature or a photo credit has ended it, so that a title behind it must be
    /// another story's.
    pub(super) is_closed: bool,
    is_divided: bool,
    /// Its place among the page's stories.
    place: usize,
}

impl Draft {
    pub(super) fn new(place: usize, first_line: usize, titles: Vec<usize>) -> Draft {
        Draft { story: Story::default(), titles, first_line, is_closed: false, is_divided: false, place }
    }

    pub(super) fn became(&self, field: Field) -> Became {
        Became::Story(self.place, field)
    }

    pub(super) fn has_body(&self) -> bool {
        !self.story.blocks.is_empty() || !self.story.photos.is_empty()
    }

    pub(super) fn is_signed(&self) -> bool {
        !self.story.bylines.is_empty() || self.story.source_credit.is_some()
    }

    pub(super) fn is_dispatch(&self) -> bool {
        self.story.dateline.is_some()
    }

    /// Whether section heads or labels divide it already.
    pub(super) fn is_divided(&self) -> bool {
        self.is_divided
    }

    /// Whether its last paragraph waits for the rest of a sentence.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.story.blocks.last(), Some(Block::Paragraph(last)) if !ends_sentence(&last.text))
    }

    pub(super) fn character_count(&self) -> usize {
        self.story.blocks.iter().map(|block| block.passage().text.chars().count()).sum()
    }

    /// All its text, for comparing titles with it.
    pub(super) fn text(&self) -> String {
        let photos = self.story.photos.iter().map(|photo| photo.text.as_str());
        self.story.blocks.iter().map(|block| block.passage().text.as_str()).chain(photos).collect()
    }

    /// Adds names: `text` is the line, or the piece of it that ends with the signature.
    pub(super) fn sign(&mut self, number: usize, text: &str, names: &Signature, ledger: &mut Ledger) {
        let became = self.became(Field::Byline);
        bylines::book(number, text, names, &mut self.story.bylines, |_| became, ledger);
    }

    /// Adds a source credit, with the names behind it.
    pub(super) fn credit_source(
        &mut self,
        number: usize,
        text: &str,
        place: &std::ops::Range<usize>,
        names: Option<&Signature>,
        ledger: &mut Ledger,
    ) {
        ledger.place(number, &text[..place.start], Became::Wording);
        let credit = text[place.clone()].trim();
        ledger.place(number, credit, self.became(Field::SourceCredit));
        add(&mut self.story.source_credit, credit, number);
        let rest = &text[place.end..];
        match names {
            Some(names) => self.sign(number, rest, &names.clone().behind(place.end), ledger),
            None => ledger.place(number, rest, Became::Wording),
        }
    }

    pub(super) fn add_label(&mut self, number: usize, text: &str, ledger: &mut Ledger) {
        let name = label_name(text);
        let became = self.became(Field::Block(self.story.blocks.len()));
        book_label(number, text, became, ledger);
        self.is_divided = true;
        self.story.blocks.push(Block::Label(passage(name, number)));
    }

    pub(super) fn set_column(&mut self, number: usize, text: &str, ledger: &mut Ledger) {
        book_label(number, text, self.became(Field::Column), ledger);
        add(&mut self.story.column, label_name(text), number);
    }

    pub(super) fn add_heading(&mut self, item: &Item, ledger: &mut Ledger) {
        ledger.place(item.number, &item.text, self.became(Field::Block(self.story.blocks.len())));
        self.is_divided = true;
        self.story.blocks.push(Block::Heading(passage(&single_spaced(&item.text), item.number)));
    }

    /// Adds a line of text. What opens it (本报讯), points at a picture in it (图为…) or signs it at
    /// its end goes to its own field.
    pub(super) fn add_text(
        &mut self,
        item: &Item,
        next: Option<&Item>,
        ledger: &mut Ledger,
    ) -> Option<Warning> {
        let text = item.text.as_ref();
        let start = self.add_opening(item, ledger);
        let body = &text[start..];
        let credit = captions::credit_at_end(body);
        let credit_follows = credit.is_some() || matches!(next, Some(Item { kind: Kind::Credit(_), .. }));
        if self.is_caption(body, credit_follows) {
            self.add_caption(item.number, body, ledger);
            return None;
        }
        if let Some(at) = captions::start(body).filter(|at| *at > 0) {
            let warning = self.add_paragraph(item, &body[..at], ledger);
            self.add_caption(item.number, &body[at..], ledger);
            return warning;
        }
        if let Some((end, _)) = credit {
            let warning = self.add_paragraph(item, &body[..end], ledger);
            self.add_caption(item.number, &body[end..], ledger);
            return warning.or_else(|| Some(no_caption(item.number, &body[end..])));
        }
        let Some((open, sign)) = bylines::at_end(body) else {
            return self.add_paragraph(item, body, ledger);
        };
        let warning = self.add_paragraph(item, &body[..open], ledger);
        match sign {
            Sign::Names(names) => self.sign(item.number, &body[open..], &names.behind(open), ledger),
            Sign::Source(place, names) => {
                let place = place.start - open..place.end - open;
                let names = names.map(|names| names.behind(open));
                self.credit_source(item.number, &body[open..], &place, names.as_ref(), ledger);
            }
        }
        self.is_closed = true;
        warning
    }

    /// Takes the dateline and the names behind it off a dispatch; answers where its text begins.
    fn add_opening(&mut self, item: &Item, ledger: &mut Ledger) -> usize {
        let Kind::Dispatch(opening) = &item.kind else {
            return 0;
        };
        let text = item.text.as_ref();
        let dateline = &text[..opening.dateline_end];
        ledger.place(item.number, dateline, self.became(Field::Dateline));
        add(&mut self.story.dateline, dateline, item.number);
        if let Some(names) = &opening.names {
            let names = names.clone().behind(opening.dateline_end);
            self.sign(item.number, &text[opening.dateline_end..opening.text_start], &names, ledger);
        }
        let rest = &text[opening.text_start..];
        let bare = rest.trim_start_matches(|each: char| each.is_whitespace() || matches!(each, '：' | ':'));
        ledger.place(item.number, &rest[..rest.len() - bare.len()], Became::Wording);
        text.len() - bare.len()
    }

    /// Whether words that do not say 图为 are a caption all the same, because a photo credit
    /// follows them: the only words of a photo story, or a short line under a longer text, or the
    /// rest of a caption that the scan cut.
    fn is_caption(&self, body: &str, credit_follows: bool) -> bool {
        if !credit_follows || self.is_dispatch() && !self.has_body() {
            return false;
        }
        let is_only_text = !self.has_body() && !self.is_signed();
        let is_short = self.has_body() && !self.is_open() && body.chars().count() <= 60;
        let points = captions::start(body).is_some_and(|at| at > 0);
        !points && (is_only_text || is_short || self.has_open_caption())
    }

    /// Whether the last caption broke off without its credit.
    pub(super) fn has_open_caption(&self) -> bool {
        self.story.photos.last().is_some_and(|photo| {
            !photo.text.is_empty()
                && photo.photographers.is_empty()
                && photo.credit.is_none()
                && !ends_sentence(&photo.text)
        })
    }

    /// Adds the words of a caption, with the photographers at their end.
    pub(super) fn add_caption(&mut self, number: usize, text: &str, ledger: &mut Ledger) {
        let (end, credit) = match captions::credit_at_end(text) {
            Some((end, _)) => (end, true),
            // A credit and nothing else: （甲 摄）.
            None if captions::credit(trim_brackets(text)).is_some() => (0, true),
            None => (text.len(), false),
        };
        let begins = captions::start(text) == Some(0);
        if begins || !self.has_open_caption() {
            self.story.photos.push(Caption { line: number, ..Caption::default() });
        }
        let place = self.story.photos.len() - 1;
        ledger.place(number, &text[..end], self.became(Field::Caption(place)));
        let photo = &mut self.story.photos[place];
        photo.text.push_str(text[..end].trim());
        push_line(&mut photo.lines, number);
        if credit {
            let tail = &text[end..];
            let inner = trim_brackets(tail);
            let offset = tail.find(inner).unwrap_or(0);
            if let Some(credit) = captions::credit(inner) {
                ledger.place(number, &tail[..offset], Became::Wording);
                self.book_credit(number, inner, &credit, ledger);
                ledger.place(number, &tail[offset + inner.len()..], Became::Wording);
            } else {
                ledger.place(number, tail, self.became(Field::Caption(place)));
                self.story.photos[place].text.push_str(tail.trim());
            }
        }
    }

    /// Adds a line that is a photo credit: to the last caption that has none, or to a photo of
    /// its own. Answers a warning if there is no caption.
    pub(super) fn add_credit(
        &mut self,
        number: usize,
        text: &str,
        credit: &Credit,
        ledger: &mut Ledger,
    ) -> Option<Warning> {
        let waits = |photo: &Caption| photo.photographers.is_empty() && photo.credit.is_none();
        let has_caption = self.story.photos.last().is_some_and(waits);
        if !has_caption {
            self.story.photos.push(Caption { line: number, ..Caption::default() });
        }
        self.book_credit(number, text, credit, ledger);
        if self.is_photo_story() {
            self.is_closed = true;
        }
        (!has_caption).then(|| no_caption(number, text))
    }

    fn book_credit(&mut self, number: usize, text: &str, credit: &Credit, ledger: &mut Ledger) {
        let Some(place) = self.story.photos.len().checked_sub(1) else {
            return;
        };
        push_line(&mut self.story.photos[place].lines, number);
        match credit {
            Credit::Photographers(names) => {
                let became = self.became(Field::Photographer(place));
                let people = &mut self.story.photos[place].photographers;
                bylines::book(number, text, names, people, |_| became, ledger);
            }
            Credit::Words(words) => {
                ledger.place(number, &text[..words.start], Became::Wording);
                ledger.place(number, &text[words.clone()], self.became(Field::PhotoCredit(place)));
                ledger.place(number, &text[words.end..], Became::Wording);
                self.story.photos[place].credit = Some(text[words.clone()].to_owned());
            }
        }
    }

    /// A picture, at most one paragraph, and no reporter: 图片新闻.
    pub(super) fn is_photo_story(&self) -> bool {
        let is_short = self.story.blocks.len() <= 1 && !self.is_divided();
        !self.story.photos.is_empty() && is_short && !self.is_dispatch()
    }

    /// Adds words to the body: to the last paragraph if that has not ended its sentence, unless
    /// the print opens a new one.
    fn add_paragraph(&mut self, item: &Item, text: &str, ledger: &mut Ledger) -> Option<Warning> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let joins = self.is_open() && !item.indented;
        let place = self.story.blocks.len() - usize::from(joins);
        ledger.place(item.number, text, self.became(Field::Block(place)));
        match self.story.blocks.last_mut() {
            Some(Block::Paragraph(last)) if joins => {
                let join = join(last, text, item.number);
                let warning = lost_passage(&join, text);
                self.story.joins.push(join);
                warning
            }
            _ => {
                self.story.blocks.push(Block::Paragraph(passage(text, item.number)));
                None
            }
        }
    }
}

fn join(last: &mut Passage, text: &str, number: usize) -> Join {
    let before = last.lines.last().copied().unwrap_or(number);
    let tail: Vec<char> = last.text.chars().rev().take(6).collect();
    let seam = tail.into_iter().rev().chain(['│']).chain(text.chars().take(6)).collect();
    let ends_in_latin = last.text.chars().next_back().is_some_and(|each| each.is_ascii_alphabetic());
    if ends_in_latin && text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        last.text.push(' ');
    }
    last.text.push_str(text);
    push_line(&mut last.lines, number);
    Join { before, after: number, seam }
}

fn no_caption(line: usize, credit: &str) -> Warning {
    let message = format!("a photo credit without a caption: {credit}");
    Warning { line, kind: WarningKind::NoCaption, message }
}

/// A clause of one single character right behind the cut (…作风 / 上，…) is hardly Chinese: most
/// likely lines are missing between the halves.
fn lost_passage(join: &Join, text: &str) -> Option<Warning> {
    let clause = text.find(['，', '。', '、', '；', '：', ','])?;
    let word = &text[..clause];
    (word.chars().count() == 1 && word != "等").then(|| Warning {
        line: join.after,
        kind: WarningKind::LostPassage,
        message: format!(
            "joined to line {}, but the sentence reads as if a passage were lost: {}",
            join.before, join.seam
        ),
    })
}

fn trim_brackets(text: &str) -> &str {
    text.trim_matches(|each: char| each.is_whitespace() || matches!(each, '（' | '）' | '(' | ')' | '。'))
}

fn label_name(text: &str) -> &str {
    text.trim_matches(['【', '】', '〖', '〗']).trim()
}

fn book_label(number: usize, text: &str, became: Became, ledger: &mut Ledger) {
    let name = label_name(text);
    let at = text.find(name).unwrap_or(0);
    ledger.place(number, &text[..at], Became::Wording);
    ledger.place(number, name, became);
    ledger.place(number, &text[at + name.len()..], Became::Wording);
}

pub(super) fn passage(text: &str, number: usize) -> Passage {
    Passage { text: text.to_owned(), lines: vec![number] }
}

/// Adds words to a field that one line, or several, may fill.
pub(super) fn add(field: &mut Option<Passage>, text: &str, number: usize) {
    match field {
        Some(passage) => {
            passage.text.push(' ');
            passage.text.push_str(text);
            push_line(&mut passage.lines, number);
        }
        None => *field = Some(passage(text, number)),
    }
}

fn push_line(lines: &mut Vec<usize>, number: usize) {
    if lines.last() != Some(&number) {
        lines.push(number);
    }
}

/// More names than this under one photo are no caption's.
const PHOTOGRAPHERS_MAX: usize = 12;

/// Whoever photographed for the story (文/摄) took the photos whose captions name nobody; and the
/// photographers of a photo story that nobody else signs are its authors.
pub(super) fn share_photographers(story: &mut Story, is_photo_story: bool) {
    let is_photographer = |byline: &&Byline| byline.role == Role::Photographer;
    let own = each_name_once(story.bylines.iter().filter(is_photographer));
    let own = &own[..own.len().min(PHOTOGRAPHERS_MAX)];
    for photo in &mut story.photos {
        if photo.photographers.is_empty() && photo.credit.is_none() {
            photo.photographers = own.to_vec();
        }
    }
    if story.bylines.is_empty() && is_photo_story {
        story.bylines = each_name_once(story.photos.iter().flat_map(|photo| &photo.photographers));
    }
}

fn each_name_once<'a>(people: impl Iterator<Item = &'a Byline>) -> Vec<Byline> {
    let mut seen = std::collections::HashSet::new();
    people.filter(|byline| seen.insert(byline.name.as_str())).cloned().collect()
}
