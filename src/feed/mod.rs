//! Feeds: what happened, in one order that is the same for everyone, each entry
//! once, complete, and then live. There are two: the ledger of publications, and
//! the changes of working copies.
//!
//! One [`hub`] a process reads new entries, once for all watchers and over one
//! database connection, and keeps the recent ones at hand in a [`ring`], encoded
//! as they are sent. A [`watcher`] serves itself: from the ring, or from the
//! database when it is behind. It is moved on by its client's reading alone, so
//! that a slow client holds up nobody and has nothing queued.
//!
//! A reader's place is the last entry that it has passed, with a [mark] of what
//! stood there. Whoever reads on first finds that entry again; if it is not
//! there, the history is another one, and nothing is skipped in silence.
//!
//! [mark]: Place::mark

pub mod channel;
pub mod hub;
pub mod ring;
pub mod watcher;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use crate::{db::Connection, error::Result};
pub use channel::{Channel, Limits};

/// Which feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The ledger.
    Publications,
    /// The changes of working copies.
    Changes,
}

/// A place in a feed: behind one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The transaction that wrote the entry; 0 in the ledger, whose numbers alone
    /// are in commit order.
    pub transaction: i64,
    /// The entry's number, which orders entries of one transaction.
    pub number: i64,
    /// What tells the entry from any other one that stands at this place in
    /// another history.
    pub mark: [u8; 8],
}

impl Place {
    /// Before the first entry of any history.
    pub const START: Place = Place { transaction: 0, number: 0, mark: [0; 8] };

    /// What the order goes by.
    pub fn key(&self) -> (i64, i64) {
        (self.transaction, self.number)
    }
}

/// One entry of a feed, ready to be sent.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place behind it.
    pub place: Place,
    /// What filters look at.
    pub subject: Subject,
    /// The encoded message, with its cursor.
    pub message: Bytes,
}

/// What an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The id of the newspaper that it belongs to, if to any.
    pub newspaper: Option<String>,
    /// Its kind, as the API numbers them.
    pub kind: i32,
    /// The name of the resource.
    pub resource: String,
}

/// What a watcher wants to see; nothing set means everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The id of a newspaper.
    pub newspaper: Option<String>,
    /// Kinds, as the API numbers them; empty for all.
    pub kinds: Vec<i32>,
    /// The name of a resource, which lets through what is under it too.
    pub resource: Option<String>,
}

impl Filter {
    /// Whether an entry about this is wanted.
    pub fn lets_through(&self, subject: &Subject) -> bool {
        let newspaper = self.newspaper.is_none() || self.newspaper == subject.newspaper;
        let kind = self.kinds.is_empty() || self.kinds.contains(&subject.kind);
        newspaper && kind && self.resource.as_deref().is_none_or(|name| is_under(&subject.resource, name))
    }
}

fn is_under(resource: &str, name: &str) -> bool {
    resource.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a watcher begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first entry that is retained.
    Beginning,
    /// With what comes from now on.
    Now,
    /// Behind this place.
    After(Place),
}

/// Entries that follow a place.
#[derive(Clone, Debug, Default)]
pub struct Batch<T> {
    /// The entries in order. Fewer than were asked for means: all there are.
    pub entries: Vec<T>,
    /// Whether more is committed that cannot be put in order yet, as a
    /// transaction that began before it has not ended.
    pub pending: bool,
}

/// Where a feed comes from.
pub trait Source: Send + Sync {
    /// Puts the stored history in order, if it needs that, before anyone reads
    /// it over a new connection.
    fn prepare<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<()>>;

    /// The place before the first entry that is retained.
    fn oldest<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<Place>>;

    /// The place behind the newest entry.
    fn newest<'c>(&'c self, connection: &'c mut Connection) -> BoxFuture<'c, Result<Place>>;

    /// At most so many entries after a place.
    ///
    /// # Errors
    /// [`CursorForeign`](crate::error::Error::CursorForeign) or
    /// [`CursorTooOld`](crate::error::Error::CursorTooOld) if the entry of that
    /// place is not there (any more).
    fn read<'c>(
        &'c self,
        connection: &'c mut Connection,
        after: Place,
        rows_max: i64,
    ) -> BoxFuture<'c, Result<Batch<Entry>>>;

    /// The cursor of a place.
    fn cursor(&self, at: Place) -> String;

    /// The message that tells a watcher at this place that it has everything
    /// from before this time.
    fn checkpoint(&self, at: Place, time: DateTime<Utc>) -> Bytes;
}
