//! The account of the page: where each piece of each line went.

use std::collections::BTreeMap;

use super::{Became, LeftOver, Page, Part, PlacedLine, Reason};

/// The account while the page is being read. Every piece is booked once, when it finds its place.
#[derive(Default)]
pub(super) struct Ledger {
    parts: BTreeMap<usize, Vec<Part>>,
    left_over: Vec<LeftOver>,
}

impl Ledger {
    /// Books a piece of a line. A piece with nothing on it is not worth an entry.
    pub(super) fn place(&mut self, line: usize, text: &str, became: Became) {
        let text = text.trim();
        if !text.is_empty() {
            self.parts.entry(line).or_default().push(Part { text: text.to_owned(), became });
        }
    }

    /// Books a piece that found no field.
    pub(super) fn leave_over(&mut self, line: usize, text: &str, reason: Reason) {
        self.place(line, text, Became::LeftOver);
        self.left_over.push(LeftOver { line, text: text.trim().to_owned(), reason });
    }

    /// Writes the account into the page. A line of which nothing found a place is in the
    /// left-over list only.
    pub(super) fn close(mut self, page: &mut Page) {
        self.left_over.sort_by_key(|left| left.line);
        page.left_over = self.left_over;
        for (line, parts) in self.parts {
            let mut stories: Vec<usize> = parts.iter().filter_map(story_of).collect();
            stories.dedup();
            for story in stories {
                page.stories[story].lines.push(line);
            }
            if parts.iter().any(|part| part.became != Became::LeftOver) {
                page.placed.push(PlacedLine { line, parts });
            }
        }
        for story in &mut page.stories {
            story.lines.dedup();
        }
    }
}

fn story_of(part: &Part) -> Option<usize> {
    match part.became {
        Became::Story(story, _) => Some(story),
        _ => None,
    }
}
