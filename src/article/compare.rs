//! 花脸稿: what changed between two revisions of an article: field by field, block
//! by block, and by characters inside a text. Every block of both bodies is told
//! of once. A block that was rewritten is matched to what it became, so that the
//! edit of a word is not a paragraph gone and another one come.

mod pairing;

use std::borrow::Cow;

use similar::{Algorithm, ChangeTag, utils::diff_graphemes};

use crate::article::{Block, Content};
use pairing::pair_blocks;

/// What changed between two revisions.
#[derive(Debug, PartialEq)]
pub struct Comparison {
    /// The fields that differ, in the order of the article, without the body.
    pub fields: Vec<FieldChange>,
    /// Every block of both bodies, in the order of the newer one, removed ones
    /// where they stood.
    pub blocks: Vec<BlockChange>,
}

/// A field that differs.
#[derive(Debug, PartialEq)]
pub struct FieldChange {
    /// The name of the field.
    pub field: &'static str,
    /// What of it was deleted and inserted, if it is a text.
    pub pieces: Vec<Piece>,
}

/// What became of a block; indexes count from 0.
#[derive(Debug, PartialEq)]
pub enum BlockChange {
    /// It is in both bodies.
    Kept {
        /// Its index in the base.
        base: usize,
        /// Its index in the revision.
        index: usize,
        /// It stands in another place among the blocks that both have.
        moved: bool,
        /// What is different in it; none if it is alike.
        edit: Option<Edit>,
    },
    /// It is in the revision only.
    Added {
        /// Its index in the revision.
        index: usize,
    },
    /// It is in the base only.
    Removed {
        /// Its index in the base.
        base: usize,
    },
}

/// What is different in a block that was changed.
#[derive(Debug, PartialEq)]
pub struct Edit {
    /// Its text in pieces; all equal if only formatting or attributes differ,
    /// empty for tables and photos.
    pub pieces: Vec<Piece>,
}

/// Which of two texts a piece is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Both.
    Equal,
    /// Only the old one.
    Deleted,
    /// Only the new one.
    Inserted,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which text it is in.
    pub tag: Tag,
    /// The part.
    pub text: String,
}

/// Compares two contents. Takes time in proportion to their length: the search
/// for the shortest difference gives up where it would take longer, and so does
/// the matching of blocks ([`crate::config::COMPARE_STEPS_MAX`]).
pub fn compare(base: &Content, current: &Content) -> Comparison {
    Comparison { fields: compare_fields(base, current), blocks: compare_bodies(&base.body, &current.body) }
}

fn compare_fields(base: &Content, current: &Content) -> Vec<FieldChange> {
    let text =
        |field, old: &str, new: &str| (old != new).then(|| FieldChange { field, pieces: pieces(old, new) });
    let other = |field, differs: bool| differs.then(|| FieldChange { field, pieces: Vec::new() });
    let changes = [
        text("kicker", &base.kicker, &current.kicker),
        text("headline", &base.headline, &current.headline),
        text("subheadline", &base.subheadline, &current.subheadline),
        text("column", &base.column, &current.column),
        text("dateline", &base.dateline, &current.dateline),
        other("bylines", base.bylines != current.bylines),
        text("source_credit", &base.source_credit, &current.source_credit),
        other("photos", base.photos != current.photos),
        other("keywords", base.keywords != current.keywords),
        text("language_code", &base.language_code, &current.language_code),
        text("place", &base.place, &current.place),
        other("event_date", base.event_date != current.event_date),
        other("embargo_time", base.embargo_time != current.embargo_time),
        other("corrects", base.corrects != current.corrects),
    ];
    changes.into_iter().flatten().collect()
}

fn compare_bodies(base: &[Block], current: &[Block]) -> Vec<BlockChange> {
    let pairs = pair_blocks(base, current);
    let mut is_removed = vec![true; base.len()];
    pairs.iter().flatten().for_each(|pair| is_removed[pair.base] = false);
    // Before each block, the removed ones that stood before the next one that
    // has kept its place.
    let mut until = base.len();
    let mut bounds: Vec<usize> = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        until = pair.filter(|pair| !pair.moved).map_or(until, |pair| pair.base);
        bounds.push(until);
    }
    let mut changes = Vec::with_capacity(base.len().max(current.len()));
    let mut told = 0;
    for ((index, pair), until) in pairs.iter().enumerate().zip(bounds.into_iter().rev()) {
        changes.extend(removed(&is_removed, told, until));
        told = until;
        changes.push(match pair {
            None => BlockChange::Added { index },
            Some(pair) => BlockChange::Kept {
                base: pair.base,
                index,
                moved: pair.moved,
                edit: edit(&base[pair.base], &current[index]),
            },
        });
    }
    changes.extend(removed(&is_removed, told, base.len()));
    changes
}

fn removed(is_removed: &[bool], from: usize, until: usize) -> impl Iterator<Item = BlockChange> {
    (from..until).filter(|base| is_removed[*base]).map(|base| BlockChange::Removed { base })
}

fn edit(base: &Block, current: &Block) -> Option<Edit> {
    if base == current {
        return None;
    }
    let pieces = match (running_text(base), running_text(current)) {
        (Some(old), Some(new)) => pieces(&old, &new),
        _ => Vec::new(),
    };
    Some(Edit { pieces })
}

/// The text of a block that can be read in one go.
fn running_text(block: &Block) -> Option<Cow<'_, str>> {
    match block {
        Block::Paragraph { text, .. }
        | Block::Heading { text, .. }
        | Block::Label { text }
        | Block::Quote { text, .. } => Some(Cow::Borrowed(text)),
        Block::List { items, .. } => Some(Cow::Owned(items.join("\n"))),
        Block::Table { .. } | Block::Photo { .. } => None,
    }
}

/// Two texts as pieces that they have in common or not, cut between characters
/// as people see them: never inside an emoji or between a character and its
/// variant.
fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let found = diff_graphemes(Algorithm::Myers, old, new);
    let mut runs: Vec<Run> = Vec::new();
    for (tag, text) in found {
        let last = runs.last_mut().filter(|last| last.is_equal() == (tag == ChangeTag::Equal));
        let run = match last {
            Some(run) => run,
            None => {
                runs.push(Run::default());
                let end = runs.len() - 1;
                &mut runs[end]
            }
        };
        match tag {
            ChangeTag::Equal => run.equal.push_str(text),
            ChangeTag::Delete => run.deleted.push_str(text),
            ChangeTag::Insert => run.inserted.push_str(text),
        }
    }
    without_islands(runs).into_iter().flat_map(Run::pieces).collect()
}

/// A stretch of two texts that is equal, or in which both differ.
#[derive(Debug, Default)]
struct Run {
    equal: String,
    deleted: String,
    inserted: String,
}

impl Run {
    fn is_equal(&self) -> bool {
        !self.equal.is_empty()
    }

    /// How many characters differ, in the text in which there are more.
    fn size(&self) -> usize {
        self.deleted.chars().count().max(self.inserted.chars().count())
    }

    fn pieces(self) -> impl Iterator<Item = Piece> {
        let parts = [(Tag::Equal, self.equal), (Tag::Deleted, self.deleted), (Tag::Inserted, self.inserted)];
        parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(tag, text)| Piece { tag, text })
    }
}

/// Takes a single character that two longer changes have left between them into
/// the change: nobody reads 必须毫不动摇 for 要坚持不懈 around a 不 that stayed.
fn without_islands(runs: Vec<Run>) -> Vec<Run> {
    let mut kept: Vec<Run> = Vec::with_capacity(runs.len());
    let mut runs = runs.into_iter().peekable();
    while let Some(run) = runs.next() {
        let before = kept.last_mut().filter(|last| !last.is_equal() && last.size() > 1);
        let is_island = run.equal.chars().count() == 1 && runs.peek().is_some_and(|next| next.size() > 1);
        match before {
            Some(before) if is_island => {
                let after = runs.next().unwrap_or_default();
                before.deleted.extend([run.equal.as_str(), &after.deleted]);
                before.inserted.extend([run.equal.as_str(), &after.inserted]);
            }
            _ => kept.push(run),
        }
    }
    kept
}
