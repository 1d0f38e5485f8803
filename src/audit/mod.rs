//! The audit: what was changed, and what somebody tried to change and was refused. A
//! mutation appends its rows in its own transaction ([`db::Db::write`](crate::db)); a
//! refusal goes through the [`recorder`], which writes many at once.

pub mod recorder;
pub(crate) mod store;
pub mod sweep;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    admin::Role,
    digest::Digest,
    error::CODES,
    filter::{Field, Kind},
};

/// What a filter of a list may ask for.
pub const FIELDS: [Field; 9] = [
    Field { name: "person", kind: Kind::Text },
    Field { name: "role", kind: Kind::Name(&Role::NAMES) },
    Field { name: "method", kind: Kind::Text },
    Field { name: "peer", kind: Kind::Text },
    Field { name: "call_id", kind: Kind::Text },
    Field { name: "request_id", kind: Kind::Text },
    Field { name: "code", kind: Kind::Name(&CODES) },
    Field { name: "reason", kind: Kind::Text },
    Field { name: "event_time", kind: Kind::Time },
];

/// One row of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number; later ones are larger.
    pub id: i64,
    /// When it was done or refused.
    pub time: DateTime<Utc>,
    /// Who, and in which role; none if the caller showed no valid credential, and no role
    /// of a person of the issuer who has none here.
    pub by: Option<(String, Option<Role>)>,
    /// The method, as `PublishIssue`.
    pub method: String,
    /// The full name of the resource; empty if a refused request named none.
    pub resource: String,
    /// Where the call came from; none for what the service does by itself.
    pub peer: Option<String>,
    /// The call.
    pub call: Option<Uuid>,
    /// The caller's own id of the request.
    pub request: Option<Uuid>,
    /// How it ended: `OK` or another of [`CODES`].
    pub code: String,
    /// Why it was refused; empty if it was not.
    pub reason: String,
    /// The content digest before, where the resource has one.
    pub before: Option<Digest>,
    /// The content digest after.
    pub after: Option<Digest>,
    /// Checks that the caller waived.
    pub waived: Vec<String>,
}

/// A mutation that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// When.
    pub time: DateTime<Utc>,
    /// Who, if that is known, and in which role, if they have one.
    pub by: Option<(String, Option<Role>)>,
    /// The method, as `PublishIssue`.
    pub method: String,
    /// What the request named; empty if nothing was read of it.
    pub resource: String,
    /// Where the call came from.
    pub peer: Option<String>,
    /// The call.
    pub call: Uuid,
    /// One of [`CODES`].
    pub code: &'static str,
    /// The reason of the error info.
    pub reason: String,
}
