//! 三审: how a working copy goes from draft to published. Articles, issues and
//! photos keep the same rules, so the rules stand here once: a sign-off is tied
//! to the exact content, a change of content voids all of them, and nobody signs
//! two stages or their own text.

pub(crate) mod own;
pub mod rpc;
mod schedule;
pub(crate) mod store;

pub use schedule::{Failure, Schedule};

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    digest::Digest,
    error::{Error, Result},
};

/// Where a working copy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being worked on, or changed since its last review.
    Draft,
    /// Every stage has signed exactly this content.
    Reviewed,
    /// This content stands in a publication.
    Published,
    /// Was published and has been taken back.
    Withdrawn,
}

impl State {
    /// The names of all, as the API has them.
    pub const NAMES: [&str; 4] = ["DRAFT", "REVIEWED", "PUBLISHED", "WITHDRAWN"];

    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Reviewed => "reviewed",
            State::Published => "published",
            State::Withdrawn => "withdrawn",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<State> {
        let states = [State::Draft, State::Reviewed, State::Published, State::Withdrawn];
        let found = states.into_iter().find(|state| state.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown state {name}")))
    }

    /// What can be done with a working copy in this state, by method.
    pub fn open_moves(self) -> &'static [&'static str] {
        match self {
            State::Draft => &["Update", "Review", "Return"],
            State::Reviewed => &["Update", "Return", "Publish"],
            State::Published => &["Update", "Withdraw"],
            State::Withdrawn => &["Update", "Return"],
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            State::Draft => "DRAFT",
            State::Reviewed => "REVIEWED",
            State::Published => "PUBLISHED",
            State::Withdrawn => "WITHDRAWN",
        })
    }
}

/// What a reviewer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The stage is signed.
    Signed,
    /// 退稿: sent back to its authors.
    Returned,
}

impl Outcome {
    /// The name that the database has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Signed => "signed",
            Outcome::Returned => "returned",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Outcome> {
        let outcomes = [Outcome::Signed, Outcome::Returned];
        let found = outcomes.into_iter().find(|outcome| outcome.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown outcome of a review {name}")))
    }
}

/// What one person decided about one exact content: the sign-off of a stage, or
/// a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The stage, counted from 1. Of a return: the one that was to sign next, 0
    /// if all had signed.
    pub stage: i32,
    /// What was decided.
    pub outcome: Outcome,
    /// Who decided.
    pub reviewer: String,
    /// On what.
    pub content_digest: Digest,
    /// The article's revision that this was; none for issues and photos.
    pub revision: Option<i64>,
    /// What the reviewer noted, or the reason of a return.
    pub remark: String,
    /// When.
    pub create_time: DateTime<Utc>,
    /// When it became void. A return is void from the beginning: it is in the
    /// way of no sign-off.
    pub void_time: Option<DateTime<Utc>>,
}

/// A working copy as its review sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The full name.
    pub name: &'a str,
    /// Where it stands.
    pub state: State,
    /// How many stages must sign.
    pub stages: i32,
    /// The sign-offs in force, by stage.
    pub reviews: &'a [Review],
    /// Everyone who wrote any of it.
    pub authors: &'a [String],
}

impl Subject<'_> {
    /// Whether this person may sign this stage now, and the state after it.
    ///
    /// # Errors
    /// An illegal move, another stage than the next one, or a reviewer who wrote
    /// part of it or signed another stage.
    pub fn sign(&self, reviewer: &str, stage: i32) -> Result<State> {
        if self.state != State::Draft {
            return Err(self.illegal("reviewed"));
        }
        let refuse = |why| Error::ReviewerNotIndependent {
            name: self.name.to_owned(),
            reviewer: reviewer.to_owned(),
            why,
        };
        if self.authors.iter().any(|author| author == reviewer) {
            return Err(refuse("its authors do not sign it"));
        }
        if self.reviews.iter().any(|review| review.reviewer == reviewer) {
            return Err(refuse("nobody signs two stages"));
        }
        let next = self.reviews.len() as i32 + 1;
        if stage != next {
            return Err(Error::WrongStage { name: self.name.to_owned(), given: stage, next });
        }
        Ok(if stage >= self.stages { State::Reviewed } else { State::Draft })
    }

    /// Whether it may be sent back to its authors now, and from which stage: the
    /// one that was to sign next, 0 if all had signed.
    ///
    /// # Errors
    /// An illegal move.
    pub fn send_back(&self) -> Result<i32> {
        match self.state {
            State::Draft => Ok(self.reviews.len() as i32 + 1),
            State::Reviewed | State::Withdrawn => Ok(0),
            State::Published => Err(self.illegal("returned")),
        }
    }

    /// The refusal of a move.
    pub fn illegal(&self, attempted: &'static str) -> Error {
        illegal_move(self.name, self.state, attempted)
    }
}

/// The refusal of a move from a state.
pub fn illegal_move(name: &str, state: State, attempted: &'static str) -> Error {
    Error::IllegalMove { name: name.to_owned(), attempted, state, open: state.open_moves() }
}
