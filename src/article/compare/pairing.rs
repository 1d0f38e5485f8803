//! Which block of one body became which of another.

use std::{
    collections::{HashMap, VecDeque},
    mem::{Discriminant, discriminant},
    ops::Range,
};

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::{article::Block, config};

/// How alike two blocks in the same place must be to be one that was edited: the
/// share of neighbouring characters that they have in common. Paragraphs about
/// other things share less than a fifth.
const ALIKE_IN_PLACE: f32 = 0.35;

/// How alike two blocks in different places must be to be one that was moved and
/// edited.
const ALIKE_ELSEWHERE: f32 = 0.6;

/// What a block was in the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Its index in the base.
    pub base: usize,
    /// It has changed places with blocks that both bodies have.
    pub moved: bool,
}

/// For each block of the current body, what it was in the base; none if it is
/// new.
pub fn pair_blocks(base: &[Block], current: &[Block]) -> Vec<Option<Pair>> {
    let mut pairing = Pairing {
        base: base.iter().map(Profile::of).collect(),
        current: current.iter().map(Profile::of).collect(),
        pairs: vec![None; current.len()],
        is_free: vec![true; base.len()],
        steps_left: config::COMPARE_STEPS_MAX,
    };
    for operation in capture_diff_slices(Algorithm::Myers, base, current) {
        match operation.as_tag_tuple() {
            (DiffTag::Equal, old, new) => old.zip(new).for_each(|(old, new)| pairing.join(old, new, false)),
            (DiffTag::Replace, old, new) => pairing.join_in_place(old, new),
            (DiffTag::Delete | DiffTag::Insert, ..) => {}
        }
    }
    pairing.join_moved_as_they_were(base, current);
    pairing.join_moved_and_edited();
    pairing.pairs
}

struct Pairing {
    base: Vec<Profile>,
    current: Vec<Profile>,
    pairs: Vec<Option<Pair>>,
    is_free: Vec<bool>,
    /// How many more characters may be looked at.
    steps_left: usize,
}

impl Pairing {
    fn join(&mut self, base: usize, index: usize, moved: bool) {
        self.pairs[index] = Some(Pair { base, moved });
        self.is_free[base] = false;
    }

    /// Pairs blocks that stand where others stood, in order, so that they are as
    /// alike as can be taken together.
    fn join_in_place(&mut self, old: Range<usize>, new: Range<usize>) {
        let (old, new): (Vec<usize>, Vec<usize>) = (old.collect(), new.collect());
        let Some(likeness) = self.likeness(&old, &new, ALIKE_IN_PLACE) else { return };
        let width = new.len() + 1;
        // The best that the blocks from here on can reach.
        let mut best = vec![0.0_f32; (old.len() + 1) * width];
        for row in (0..old.len()).rev() {
            for column in (0..new.len()).rev() {
                let paired = likeness[row * new.len() + column] + best[(row + 1) * width + column + 1];
                let skipped = best[(row + 1) * width + column].max(best[row * width + column + 1]);
                best[row * width + column] = paired.max(skipped);
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < old.len() && column < new.len() {
            let here = best[row * width + column];
            if here == best[(row + 1) * width + column] {
                row += 1;
            } else if here == best[row * width + column + 1] {
                column += 1;
            } else {
                self.join(old[row], new[column], false);
                (row, column) = (row + 1, column + 1);
            }
        }
    }

    /// Pairs blocks that are alike in every way but their place.
    fn join_moved_as_they_were(&mut self, base: &[Block], current: &[Block]) {
        let mut places: HashMap<&Block, VecDeque<usize>> = HashMap::new();
        for index in self.free_of_base() {
            places.entry(&base[index]).or_default().push_back(index);
        }
        for index in self.free_of_current() {
            if let Some(old) = places.get_mut(&current[index]).and_then(VecDeque::pop_front) {
                self.join(old, index, true);
            }
        }
    }

    /// Pairs what is left, the most alike first.
    fn join_moved_and_edited(&mut self) {
        let (old, new) = (self.free_of_base(), self.free_of_current());
        let Some(likeness) = self.likeness(&old, &new, ALIKE_ELSEWHERE) else { return };
        let mut candidates: Vec<usize> = (0..likeness.len()).filter(|place| likeness[*place] > 0.0).collect();
        candidates.sort_by(|one, other| likeness[*other].total_cmp(&likeness[*one]).then(one.cmp(other)));
        for place in candidates {
            let (base, index) = (old[place / new.len()], new[place % new.len()]);
            if self.is_free[base] && self.pairs[index].is_none() {
                self.join(base, index, true);
            }
        }
    }

    fn free_of_base(&self) -> Vec<usize> {
        (0..self.is_free.len()).filter(|index| self.is_free[*index]).collect()
    }

    fn free_of_current(&self) -> Vec<usize> {
        (0..self.pairs.len()).filter(|index| self.pairs[*index].is_none()).collect()
    }

    /// How alike each of `old` is to each of `new`, row by row; 0 for what is less
    /// alike than `least`. None if there is nothing to compare, or if it would
    /// take too long.
    fn likeness(&mut self, old: &[usize], new: &[usize], least: f32) -> Option<Vec<f32>> {
        let size = |profiles: &[Profile], indexes: &[usize]| -> usize {
            indexes.iter().map(|index| profiles[*index].neighbours.len() + 1).sum()
        };
        let steps = size(&self.base, old) * new.len() + size(&self.current, new) * old.len();
        if steps == 0 {
            return None;
        }
        self.steps_left = self.steps_left.checked_sub(steps)?;
        let each = old.iter().flat_map(|old| new.iter().map(move |new| (*old, *new)));
        let likeness = each.map(|(old, new)| self.base[old].likeness(&self.current[new]));
        Some(likeness.map(|likeness| if likeness < least { 0.0 } else { likeness }).collect())
    }
}

/// What a block is recognised by.
struct Profile {
    kind: Discriminant<Block>,
    /// The pairs of neighbouring characters of its text, sorted.
    neighbours: Vec<u64>,
}

impl Profile {
    fn of(block: &Block) -> Profile {
        let mut neighbours = match block {
            Block::Paragraph { text, .. } | Block::Heading { text, .. } | Block::Label { text } => {
                neighbours([text.as_str()])
            }
            Block::Quote { text, .. } => neighbours([text.as_str()]),
            Block::List { items, .. } => neighbours(items.iter().map(String::as_str)),
            Block::Table { rows } => neighbours(rows.iter().flatten().map(String::as_str)),
            // A picture stays the same one whatever is written under it.
            Block::Photo { photo } => {
                let (high, low) = photo.photo.as_u64_pair();
                vec![high, low]
            }
        };
        neighbours.sort_unstable();
        Profile { kind: discriminant(block), neighbours }
    }

    /// From 0, nothing in common, to 1: Dice's coefficient of the neighbours.
    fn likeness(&self, other: &Profile) -> f32 {
        let all = self.neighbours.len() + other.neighbours.len();
        if self.kind != other.kind || all == 0 {
            return 0.0;
        }
        let (mut one, mut two) = (self.neighbours.as_slice(), other.neighbours.as_slice());
        let mut common = 0;
        while let ([first, rest @ ..], [second, others @ ..]) = (one, two) {
            if first <= second {
                one = rest;
            }
            if second <= first {
                two = others;
            }
            common += usize::from(first == second);
        }
        (2 * common) as f32 / all as f32
    }
}

/// The pairs of neighbouring characters in texts, with what stands at the ends.
fn neighbours<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u64> {
    let mut pairs = Vec::new();
    for text in texts {
        let mut last = 0;
        for character in text.chars().map(u64::from).chain([0]) {
            pairs.push(last << 32 | character);
            last = character;
        }
    }
    pairs
}
