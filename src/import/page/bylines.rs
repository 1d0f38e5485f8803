//! Where a page signs: a line of its own, brackets behind 本报讯, brackets at a story's end; and
//! the source credit (据《…》), which stands in the same places.

use std::ops::Range;

use super::characters::without_ornaments;
use super::ledger::Ledger;
use super::signatures::{self, Person, Signature, Trust};
use super::{Became, Byline, Reason, Role};

/// What a line or a bracket signs with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sign {
    Names(Signature),
    /// The place of the credit, in bytes, and the names behind it.
    Source(Range<usize>, Option<Signature>),
}

/// Reads a line that does nothing but sign.
pub(super) fn line(text: &str) -> Option<Sign> {
    let bare = without_ornaments(text);
    let offset = text.len() - bare.len();
    let (inner, offset) =
        match bare.strip_prefix(['（', '(']).and_then(|inner| inner.strip_suffix(['）', ')'])) {
            Some(inner) => (inner, text.find(inner).unwrap_or(offset)),
            None => (bare, offset),
        };
    let trust = if offset > 0 { Trust::Marked } else { Trust::Bare };
    sign(inner, trust).map(|sign| sign.moved(offset))
}

fn sign(text: &str, trust: Trust) -> Option<Sign> {
    source(text).or_else(|| signatures::read(text, trust).map(Sign::Names))
}

impl Sign {
    fn moved(self, by: usize) -> Sign {
        match self {
            Sign::Names(names) => Sign::Names(names.moved(by)),
            Sign::Source(place, names) => {
                Sign::Source(place.start + by..place.end + by, names.map(|names| names.moved(by)))
            }
        }
    }
}

impl Signature {
    /// The same signature where the text has more in front.
    pub(super) fn moved(mut self, by: usize) -> Signature {
        for person in &mut self.people {
            person.place = person.place.start + by..person.place.end + by;
        }
        for place in self.wording.iter_mut().chain(&mut self.houses) {
            *place = place.start + by..place.end + by;
        }
        self
    }

    /// The same signature where the text begins so much later.
    pub(super) fn behind(mut self, by: usize) -> Signature {
        for person in &mut self.people {
            person.place = person.place.start - by..person.place.end - by;
        }
        self.wording.retain(|place| place.start >= by);
        self.houses.retain(|place| place.start >= by);
        for place in self.wording.iter_mut().chain(&mut self.houses) {
            *place = place.start - by..place.end - by;
        }
        self
    }
}

/// 据《山城日报》, 来源：新华社, 据新华社, with names behind it perhaps. A sentence that only begins
/// with such words (据《…》报道，…) is no credit.
fn source(text: &str) -> Option<Sign> {
    const MARKERS: [&str; 8] = ["据", "摘自", "转自", "转载自", "选自", "来源：", "来源:", "来源 "];
    const AGENCIES: [&str; 5] = ["新华社", "中新社", "新华网", "人民网", "中新网"];
    let front = MARKERS.into_iter().find(|marker| text.starts_with(marker));
    let after = &text[front.map_or(0, str::len)..];
    let name_length = if after.trim_start().starts_with('《') {
        after.find('》')? + '》'.len_utf8()
    } else if let Some(agency) = AGENCIES.iter().find(|agency| after.starts_with(**agency)) {
        agency.len()
    } else if front.is_some_and(|marker| marker.starts_with("来源")) {
        after.trim_end().find(char::is_whitespace).unwrap_or(after.len())
    } else {
        return None;
    };
    front?;
    let mut end = front.map_or(0, str::len) + name_length;
    for tail in ["客户端", "微信公众号", "综合报道", "报道", "消息", "电", "讯"] {
        end += if text[end..].starts_with(tail) { tail.len() } else { 0 };
    }
    let rest = text[end..].trim();
    if end > 120 {
        return None;
    }
    let names = match rest {
        "" => None,
        names => {
            let offset = end + text[end..].find(names).unwrap_or_default();
            Some(signatures::read(names, Trust::Marked)?.moved(offset))
        }
    };
    Some(Sign::Source(0..end, names))
}

/// A signature in brackets at the end of a paragraph （记者 甲）: where the bracket opens, in bytes.
pub(super) fn at_end(text: &str) -> Option<(usize, Sign)> {
    let inner_end = text.strip_suffix(['）', ')'])?.len();
    let open = text[..inner_end].rfind(['（', '('])?;
    let inner_start = open + text[open..].chars().next().map_or(1, char::len_utf8);
    let inner = &text[inner_start..inner_end];
    let before = text[..open].trim_end();
    let trust =
        if before.ends_with(['。', '！', '？', '”', '…']) { Trust::Marked } else { Trust::Bare };
    sign(inner, trust).map(|sign| (open, sign.moved(inner_start)))
}

/// The opening of a dispatch: 本报讯, 本报北京4月20日电, 新华社福州4月20日电.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opening {
    /// Where the dateline ends, in bytes.
    pub(super) dateline_end: usize,
    /// The signature behind it in brackets.
    pub(super) names: Option<Signature>,
    /// Where the text begins, in bytes.
    pub(super) text_start: usize,
}

/// Reads the opening of a dispatch, if the line has one.
pub(super) fn opening(text: &str) -> Option<Opening> {
    const HOUSES: [&str; 9] =
        ["本报", "本刊", "本台", "本网", "新华社", "中新社", "中新网", "人民日报", "中国新闻社"];
    let window_end = text.char_indices().nth(22).map_or(text.len(), |(at, _)| at);
    let window = &text[..window_end];
    let (at, mark) = window.char_indices().find(|(_, each)| matches!(each, '讯' | '電' | '电' | '訊'))?;
    let dateline = &text[..at];
    let is_house = HOUSES.iter().any(|house| dateline.starts_with(house))
        || (dateline.ends_with('报') && dateline.chars().count() <= 8);
    let dateline_end = at + mark.len_utf8();
    let after = &text[dateline_end..];
    let closes = after.is_empty() || after.starts_with([' ', '\u{3000}', '（', '(', '：', ':', '\t']);
    if !is_house || !closes || dateline.contains(['，', '。', '“', '《', '【', '■']) {
        return None;
    }
    let names = bracket(text, dateline_end);
    let text_start = names.as_ref().map_or(dateline_end, |(_, end)| *end);
    Some(Opening { dateline_end, names: names.map(|(names, _)| names), text_start })
}

/// The signature in brackets behind a dateline, and where the bracket ends.
fn bracket(text: &str, from: usize) -> Option<(Signature, usize)> {
    let rest = text[from..].trim_start();
    let inner = rest.strip_prefix(['（', '('])?;
    let inner_start = text.len() - inner.len();
    let window_end = inner.char_indices().nth(100).map_or(inner.len(), |(at, _)| at);
    let close = inner[..window_end].find(['）', ')'])?;
    let names = signatures::read(&inner[..close], Trust::Marked)?;
    let end = inner_start + close + inner[close..].chars().next().map_or(1, char::len_utf8);
    Some((names.moved(inner_start), end))
}

/// Books the words of a signature, and answers its people as bylines: `became` says where the
/// name at a place in `people` goes.
pub(super) fn book(
    number: usize,
    text: &str,
    names: &Signature,
    people: &mut Vec<Byline>,
    became: impl Fn(usize) -> Became,
    ledger: &mut Ledger,
) {
    let mut at = 0;
    for person in &names.people {
        book_wording(number, text, at..person.place.start, names, ledger);
        let place = placed(people, person, person.roles[0]).unwrap_or(people.len());
        ledger.place(number, &text[person.place.clone()], became(place));
        at = person.place.end;
        for role in &person.roles {
            // Who signs above a text and again below it signs once.
            if placed(people, person, *role).is_some() {
                continue;
            }
            people.push(Byline {
                name: person.name.clone(),
                printed_name: text[person.place.clone()].to_owned(),
                role: *role,
                line: number,
            });
        }
    }
    book_wording(number, text, at..text.len(), names, ledger);
}

/// How many names back a repeated one is looked for: more than any story has.
const NAMES_MAX: usize = 50;

fn placed(people: &[Byline], person: &Person, role: Role) -> Option<usize> {
    let from = people.len().saturating_sub(NAMES_MAX);
    let is_same = |byline: &Byline| byline.role == role && byline.name == person.name;
    people[from..].iter().position(is_same).map(|place| from + place)
}

/// Books what stands between names. The roles went to the bylines; a reporter's house has no
/// field there.
fn book_wording(number: usize, text: &str, place: Range<usize>, names: &Signature, ledger: &mut Ledger) {
    let mut at = place.start;
    for house in names.houses.iter().filter(|house| place.start <= house.start && house.end <= place.end) {
        ledger.place(number, &text[at..house.start], Became::Wording);
        ledger.leave_over(number, &text[house.clone()], Reason::NoField);
        at = house.end;
    }
    ledger.place(number, &text[at..place.end], Became::Wording);
}
