//! What each line looks like, before anything is said about which story it belongs to.

use std::borrow::Cow;

use super::bylines::{self, Opening, Sign};
use super::captions::{self, Credit};
use super::characters::{is_balanced, is_ornament, without_ornaments};
use super::ledger::Ledger;
use super::lines::Line;
use super::signatures::{self, Signature, Trust};
use super::{Became, Page, Reason, Role};
use crate::copy_check::ends_sentence;
use crate::text::is_han;

/// A line, or the half of a line behind a label, with what it looks like.
pub(super) struct Item<'a> {
    pub(super) number: usize,
    pub(super) text: Cow<'a, str>,
    pub(super) indented: bool,
    pub(super) after_blank: bool,
    pub(super) kind: Kind,
}

/// What a line looks like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// ■记者 甲 乙.
    Names(Signature),
    /// ■据《…》, with names behind it perhaps.
    Source(std::ops::Range<usize>, Option<Signature>),
    /// 甲 乙 摄.
    Credit(Credit),
    /// 【…】.
    Label,
    /// 本报讯 ….
    Dispatch(Opening),
    /// 图为….
    Caption,
    /// Words with no sentence in them: a headline, a section head, half a sentence.
    Title,
    /// Sentences.
    Prose,
}

impl Kind {
    /// Whether a story can begin with this line.
    pub(super) fn signs(&self) -> bool {
        matches!(self, Kind::Names(_) | Kind::Source(..))
    }
}

/// Says of every line what it looks like. The people who made the page (责编) go to the page;
/// lines with nothing to read are left over.
pub(super) fn classify<'a>(lines: Vec<&'a Line<'a>>, page: &mut Page, ledger: &mut Ledger) -> Vec<Item<'a>> {
    let mut items: Vec<Item> = Vec::with_capacity(lines.len());
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        if !line.text.chars().any(char::is_alphanumeric) {
            ledger.leave_over(line.number, &line.text, Reason::NothingToRead);
        } else if is_jump(&line.text) {
            ledger.leave_over(line.number, &line.text, Reason::Jump);
        } else if signatures::is_role_alone(without_ornaments(&line.text)) {
            at += usize::from(role_and_names(line, lines.get(at).copied(), &mut items, ledger));
        } else if let Some(names) = staff(&line.text) {
            bylines::book(line.number, &line.text, &names, &mut page.staff, Became::Staff, ledger);
        } else {
            push(line, &mut items);
        }
    }
    items
}

/// （下转第2版）: the rest is on another page.
fn is_jump(text: &str) -> bool {
    let bare = text.trim_matches(|each: char| !each.is_alphanumeric());
    let is_short = bare.chars().count() <= 14 && bare.contains('版');
    is_short && ["下转", "上接", "紧接", "转第", "接第"].iter().any(|front| bare.starts_with(front))
}

/// ■记者 alone on its line, the names on the next. Answers whether the next line was taken.
fn role_and_names<'a>(
    line: &'a Line<'a>,
    next: Option<&'a Line<'a>>,
    items: &mut Vec<Item<'a>>,
    ledger: &mut Ledger,
) -> bool {
    let names = next.and_then(|next| {
        let whole = format!("{} {}", without_ornaments(&line.text), next.text);
        let signature = signatures::read(&whole, Trust::Bare)?;
        let front = whole.len() - next.text.len();
        Some((next, signature.behind(front)))
    });
    let Some((next, names)) = names else {
        ledger.leave_over(line.number, &line.text, Reason::NoValue);
        return false;
    };
    ledger.place(line.number, &line.text, Became::Wording);
    items.push(item(next, Cow::Borrowed(next.text.as_ref()), Kind::Names(names)));
    true
}

fn staff(text: &str) -> Option<Signature> {
    match bylines::line(text)? {
        Sign::Names(names) if names.is_staff() => Some(names),
        _ => None,
    }
}

fn item<'a>(line: &Line<'a>, text: Cow<'a, str>, kind: Kind) -> Item<'a> {
    Item { number: line.number, text, indented: line.indented, after_blank: line.after_blank, kind }
}

/// Labels with text behind them are items of their own.
fn push<'a>(line: &'a Line<'a>, items: &mut Vec<Item<'a>>) {
    let mut text = line.text.as_ref();
    let mut after_blank = line.after_blank;
    while let Some(length) = label_length(text) {
        items.push(Item { after_blank, ..item(line, Cow::Borrowed(&text[..length]), Kind::Label) });
        text = text[length..].trim();
        after_blank = false;
    }
    if !text.is_empty() {
        items.push(Item { after_blank, ..item(line, Cow::Borrowed(text), kind(text)) });
    }
}

/// How long the label at the front is, in bytes: brackets around at most twenty characters.
fn label_length(text: &str) -> Option<usize> {
    let close = match text.chars().next()? {
        '【' => '】',
        '〖' => '〗',
        _ => return None,
    };
    let (end, _) = text.char_indices().take(22).find(|(_, character)| *character == close)?;
    let length = end + close.len_utf8();
    text[..length].chars().any(char::is_alphanumeric).then_some(length)
}

/// What a line looks like by itself.
pub(super) fn kind(text: &str) -> Kind {
    if let Some(credit) = photo_credit(text) {
        return Kind::Credit(credit);
    }
    match bylines::line(text) {
        Some(Sign::Names(names)) => return Kind::Names(names),
        Some(Sign::Source(place, names)) => return Kind::Source(place, names),
        None => {}
    }
    if let Some(opening) = bylines::opening(text) {
        return Kind::Dispatch(opening);
    }
    if captions::start(text) == Some(0) {
        return Kind::Caption;
    }
    if is_title(text) { Kind::Title } else { Kind::Prose }
}

fn photo_credit(text: &str) -> Option<Credit> {
    match bylines::line(text) {
        Some(Sign::Names(names)) if names.is_all(Role::Photographer) => {
            return Some(Credit::Photographers(names));
        }
        Some(_) => return None,
        None => {}
    }
    match captions::credit(text)? {
        words @ Credit::Words(_) => Some(words),
        Credit::Photographers(_) => None,
    }
}

/// The most that a printed line of a headline holds, in bytes: some fifty Chinese characters.
const TITLE_BYTES_MAX: usize = 150;

/// Whether the words can be printed as a title: no sentence ends in them, no quotation is cut, and
/// they neither begin nor end where a sentence could not.
fn is_title(text: &str) -> bool {
    let is_remark = text.starts_with(['（', '(']) && text.ends_with(['）', ')']);
    if text.len() > TITLE_BYTES_MAX || is_remark || !is_balanced(text) || !text.chars().any(is_han) {
        return false;
    }
    let bare = text.trim_start_matches(is_ornament).trim();
    let body = bare.trim_end_matches(['？', '！', '?', '!', '”', '…']);
    let has_sentence = body.contains(['。', '？', '！', '；', ';']);
    let cut_in_front = bare.starts_with(['，', '、', '。', '；', '：', '”', '）', '》']);
    let cut_behind = body.ends_with(['，', '、', '；', ',']);
    let stops = bare.ends_with(['。', '.', '．']);
    let commas = body.chars().filter(|character| matches!(character, '，' | ',')).count();
    let han_count = body.chars().filter(|character| is_han(*character)).count();
    let is_clause_heavy = commas > 2 || (commas > 0 && han_count > 34);
    !(has_sentence || cut_in_front || cut_behind || stops || is_clause_heavy)
}

/// Whether a line that could be a title is more likely the first half of a sentence that the scan
/// cut, given the line that follows. Titles have no such ends, and the text below a title does
/// not begin so.
pub(super) fn is_half_sentence(text: &str, next: &str) -> bool {
    const OPEN_ENDS: &str = "的了和与在及是对为将把并也从向以由于被让使得还就着过其该而或至即所先";
    const LATE_FRONTS: &str = "的了着过们等和与及，、。；：”）》";
    const TIMES: [&str; 10] =
        ["当天", "当日", "近日", "日前", "据悉", "据介绍", "据了解", "目前", "随后", "记者"];
    let is_open = text.chars().next_back().is_some_and(|last| OPEN_ENDS.contains(last));
    let is_late = next.chars().next().is_some_and(|first| LATE_FRONTS.contains(first));
    let tells = TIMES.iter().any(|time| text.starts_with(time)) || text.contains(['，', '、']);
    let is_long = text.chars().filter(|character| is_han(*character)).count() > 24;
    let has_gap = text.contains([' ', '\u{3000}']);
    !ends_sentence(text) && (is_open || is_late || (!has_gap && (tells || is_long)))
}
