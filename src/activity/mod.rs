//! What goes on in the newsroom: every change of a working copy, who made it and
//! when, in one order that is the same for everyone. A change is appended in the
//! transaction that makes it (the door for writes does that), and kept for a
//! time that the operator sets.
//!
//! Transactions end in another order than they begin. The order of changes is
//! that of their transactions' ids, and a change shows once every transaction
//! that began before has ended: so one that commits late still comes in its
//! place, and nobody has read past it.

pub mod rpc;
pub(crate) mod store;
pub mod sweep;

use chrono::{DateTime, Utc};

use crate::feed::Place;

/// A change of a working copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The transaction that made it.
    pub transaction: i64,
    /// The number of its row.
    pub id: i64,
    /// The full name of what changed.
    pub resource: String,
    /// The id of its newspaper, if it belongs to one.
    pub newspaper: Option<String>,
    /// What happened, as a past participle: `created`.
    pub kind: String,
    /// Who did it.
    pub person: String,
    /// When.
    pub change_time: DateTime<Utc>,
}

impl Change {
    /// The place behind this change in the feed.
    pub fn place(&self) -> Place {
        place(self.transaction, self.id, self.change_time)
    }
}

/// The place in the feed behind the change of this row. Its time marks it: no
/// other history has a change of the same transaction, number and microsecond.
pub fn place(transaction: i64, id: i64, change_time: DateTime<Utc>) -> Place {
    Place { transaction, number: id, mark: change_time.timestamp_micros().to_be_bytes() }
}
