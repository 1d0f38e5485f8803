//! The recent entries of a feed, at hand for all watchers.

use std::{collections::VecDeque, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    config,
    feed::{Entry, Place},
};

/// Recent entries, and how far the hub has read. At most
/// [`config::FEED_RECENT_ENTRIES_MAX`] entries of together
/// [`config::FEED_RECENT_BYTES_MAX`].
#[derive(Debug, Default)]
pub struct Ring {
    /// Counts the histories that the hub has seen: more than one only if the
    /// database was rolled back.
    history: u64,
    /// None while nobody watches, and until the hub has found its place.
    span: Option<Span>,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// Whether the server is stopping.
    ended: bool,
}

/// What the ring covers: everything behind `start`, up to `tail`.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: Place,
    tail: Place,
    /// Everything committed before is in the feed up to `tail`.
    checked: DateTime<Utc>,
}

/// What a watcher finds.
#[derive(Debug)]
pub enum Step {
    /// The next entries.
    Entries(Vec<Arc<Entry>>),
    /// It has had everything that was committed before this time.
    CaughtUp(DateTime<Utc>),
    /// What comes next, or whether its place is of this history, has to be looked
    /// up in the database.
    Behind,
    /// The hub has to be called first.
    Resting,
    /// The server is stopping.
    Ended,
}

impl Ring {
    /// The history that the hub is reading.
    pub fn history(&self) -> u64 {
        self.history
    }

    /// How far the hub has read.
    pub fn tail(&self) -> Option<Place> {
        self.span.map(|span| span.tail)
    }

    /// Everything that was committed before this time is at hand.
    pub fn checked(&self) -> Option<DateTime<Utc>> {
        self.span.map(|span| span.checked)
    }

    /// Whether this place is in the history that the hub is reading. If not, it
    /// may still be one from before what is at hand.
    pub fn knows(&self, place: Place) -> bool {
        let Some(span) = self.span else { return false };
        let next = self.entries.partition_point(|entry| entry.place.key() < place.key());
        let at = self.entries.get(next).map(|entry| entry.place);
        place == span.start || place == span.tail || at == Some(place)
    }

    /// What a watcher at this place, known to be of this history, does next.
    pub fn step(&self, at: Place, history: u64) -> Step {
        if self.ended {
            return Step::Ended;
        }
        let Some(span) = self.span else { return Step::Resting };
        if history != self.history || at.key() < span.start.key() {
            return Step::Behind;
        }
        let next = self.entries.partition_point(|entry| entry.place.key() <= at.key());
        if next == self.entries.len() {
            return Step::CaughtUp(span.checked);
        }
        Step::Entries(self.entries.iter().skip(next).take(config::WATCHER_ROWS as usize).cloned().collect())
    }

    /// Begins to cover what comes behind `place`.
    pub fn begin(&mut self, place: Place, checked: DateTime<Utc>) {
        self.rest();
        self.span = Some(Span { start: place, tail: place, checked });
    }

    /// Takes in what follows the tail. `checked` is none if more was committed
    /// that is not among it. Whether there is anything new.
    pub fn push(&mut self, entries: Vec<Entry>, checked: Option<DateTime<Utc>>) -> bool {
        let Some(span) = &mut self.span else { return false };
        span.checked = checked.unwrap_or(span.checked);
        let any = !entries.is_empty();
        for entry in entries {
            span.tail = entry.place;
            self.bytes += weight(&entry);
            self.entries.push_back(Arc::new(entry));
        }
        while self.entries.len() > config::FEED_RECENT_ENTRIES_MAX
            || self.bytes > config::FEED_RECENT_BYTES_MAX
        {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= weight(&gone);
            span.start = gone.place;
        }
        any
    }

    /// Covers nothing any more.
    pub fn rest(&mut self) {
        self.span = None;
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// The history that was read is not there any more.
    pub fn break_off(&mut self) {
        self.rest();
        self.history += 1;
    }

    /// Sends all watchers home.
    pub fn end(&mut self) {
        self.ended = true;
    }
}

fn weight(entry: &Entry) -> usize {
    size_of::<Entry>() + entry.message.len() + entry.subject.resource.len()
}
