//! The one error type of the service, and its only conversion to a gRPC
//! status. Every status carries `google.rpc.ErrorInfo` (aip.dev/193) with a
//! reason of `masthead.v1.ErrorReason`; none holds SQL, paths or a chain of
//! causes. What the caller may not see is logged here, once.

use std::{collections::HashMap, time::Duration};

use chrono::SecondsFormat;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{publication::Tombstone, workflow::State};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "masthead";

/// How many violations a status lists at most; with the limits below it stays
/// under [`STATUS_BYTES_MAX`].
const VIOLATIONS_MAX: usize = 20;

/// How long a text in a status may be, in bytes.
const TEXT_BYTES_MAX: usize = 300;

/// The most bytes that message and details of a status take together. Larger
/// headers reach some clients as "h2 protocol error".
const STATUS_BYTES_MAX: usize = 4096;

/// How long a caller should wait before it tries an unavailable database again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field of a request that breaks its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field: `article.bylines[0].printed_name`.
    pub field: String,
    /// What is wrong and what would be right.
    pub description: String,
}

/// One reason why a state of affairs forbids a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// A stable code.
    pub code: &'static str,
    /// The name of the resource in the way.
    pub subject: String,
    /// What is wrong and what to do.
    pub description: String,
}

/// Everything that can go wrong on the way of a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields break their rules; all violations at once.
    #[error("{}", summary("the request has", .0))]
    Invalid(Vec<Violation>),
    /// The message is not protobuf of its type, or has text that is not UTF-8.
    #[error("the message cannot be decoded: {0}")]
    Malformed(String),
    /// The page token belongs to another method or other arguments.
    #[error("page_token was not made by this method for these arguments; start again without one")]
    InvalidPageToken,
    /// The request id was used for another request.
    #[error("request_id {0} was used before for another request; choose a new one")]
    RequestIdReused(uuid::Uuid),
    /// There is no such resource.
    #[error("{name} does not exist")]
    NotFound {
        /// The resource type: `masthead/Article`.
        kind: &'static str,
        /// The full name.
        name: String,
    },
    /// There was such a resource, and it is not kept any more.
    #[error("{name} is not kept any more; of revisions that nobody has signed, only the newest are")]
    NotKept {
        /// The resource type.
        kind: &'static str,
        /// The full name.
        name: String,
    },
    /// There is nothing to compare a revision with.
    #[error("{name} cannot be compared: {why}")]
    NoBaseRevision {
        /// The full name of the article or revision.
        name: String,
        /// What is missing.
        why: &'static str,
    },
    /// Nothing of this name is published.
    #[error("{name} has not been published")]
    NotPublished {
        /// The resource type.
        kind: &'static str,
        /// The full name, or what was asked for.
        name: String,
    },
    /// It was published and has been withdrawn.
    #[error("{name} has been withdrawn: {}", .tombstone.reason)]
    Withdrawn {
        /// The resource type.
        kind: &'static str,
        /// The full name, or what was asked for.
        name: String,
        /// What withdrew it.
        tombstone: Tombstone,
    },
    /// It is larger than one message may be.
    #[error("{name} has {size} bytes, more than {limit} in one message; ask StreamPublishedIssue for it")]
    SnapshotTooLarge {
        /// The full name, or what was asked for.
        name: String,
        /// Its length in bytes.
        size: usize,
        /// What one message may have, in bytes.
        limit: usize,
    },
    /// There is no order to publish it later.
    #[error("{name} is not scheduled to be published")]
    NotScheduled {
        /// The full name.
        name: String,
    },
    /// The name is taken.
    #[error("{name} exists already, maybe deleted; choose another id")]
    Exists {
        /// The resource type.
        kind: &'static str,
        /// The full name.
        name: String,
    },
    /// Undelete of something that is not deleted.
    #[error("{name} is not deleted")]
    NotDeleted {
        /// The resource type.
        kind: &'static str,
        /// The full name.
        name: String,
    },
    /// Somebody else changed the resource since the caller read it.
    #[error("{name} has changed since you read it; its etag is now {current}")]
    EtagMismatch {
        /// The full name.
        name: String,
        /// The etag as it is now.
        current: String,
    },
    /// The resource is deleted.
    #[error("{name} is deleted; undelete it first")]
    Deleted {
        /// The resource type.
        kind: &'static str,
        /// The full name.
        name: String,
    },
    /// Others refer to the resource.
    #[error("{name} is in use: {}", list(.by))]
    InUse {
        /// The full name.
        name: String,
        /// The names of some that refer to it.
        by: Vec<String>,
    },
    /// The workflow does not allow the move.
    #[error("{name} is {state} and cannot be {attempted}; {}", moves(.open))]
    IllegalMove {
        /// The full name.
        name: String,
        /// What was tried, as a past participle: `reviewed`.
        attempted: &'static str,
        /// Where it stands.
        state: State,
        /// The moves that are possible.
        open: &'static [&'static str],
    },
    /// The reviewer wrote part of it or signed another stage.
    #[error("{reviewer} cannot sign {name}: {why}; another person must sign")]
    ReviewerNotIndependent {
        /// The full name.
        name: String,
        /// Who tried to sign.
        reviewer: String,
        /// The rule that stands against it.
        why: &'static str,
    },
    /// Not the next stage.
    #[error("stage {given} of {name} cannot be signed now; the next stage is {next}")]
    WrongStage {
        /// The full name.
        name: String,
        /// The stage asked for.
        given: i32,
        /// The stage that is next.
        next: i32,
    },
    /// Some checks before publishing failed; all of them at once.
    #[error("{name} cannot be published: {}", codes(.obstacles))]
    NotPublishable {
        /// The full name.
        name: String,
        /// Every failed check.
        obstacles: Vec<Obstacle>,
    },
    /// No correction of an article is or can be owed.
    #[error("{name} {why}")]
    CorrectionNotOwed {
        /// The full name.
        name: String,
        /// Why not, to be read behind the name.
        why: &'static str,
    },
    /// No valid token.
    #[error("the call needs a valid access token in the header `authorization: Bearer TOKEN`")]
    Unauthenticated,
    /// The role may not call the method.
    #[error("role {role} may not call {method}; roles that may: {roles}")]
    RoleNotAllowed {
        /// The method, as `Service/Method`.
        method: String,
        /// The caller's role.
        role: &'static str,
        /// The roles that may.
        roles: String,
    },
    /// A download of a photo that has no file.
    #[error("{name} has no file yet; upload one")]
    PhotoWithoutFile {
        /// The full name.
        name: String,
    },
    /// The bytes are not what was declared, or no supported picture.
    #[error("the file cannot be accepted: {0}")]
    InvalidPhotoFile(String),
    /// A limit is passed.
    #[error("{0}")]
    LimitExceeded(String),
    /// The byte range is outside the file.
    #[error("offset {offset} lies behind the end of the file, which has {size} bytes")]
    RangeNotSatisfiable {
        /// The first byte asked for.
        offset: i64,
        /// The length of the file in bytes.
        size: i64,
    },
    /// The cursor is of another history.
    #[error("the cursor is of another database or of a history that was rolled back; begin again without it")]
    CursorForeign,
    /// What follows the cursor has been removed because of its age.
    #[error("what follows the cursor is no longer retained; read again what you follow, and go on from_now")]
    CursorTooOld,
    /// A watch ends because the server does.
    #[error("the server is stopping; go on from the last cursor at one that runs")]
    Stopping,
    /// The database cannot be reached or is overloaded.
    #[error("the database is not available; try again")]
    DatabaseUnavailable(#[source] sqlx::Error),
    /// The database refused a statement.
    #[error("an internal error occurred; the server's log has the details")]
    Database(#[source] sqlx::Error),
    /// A file of the photo store cannot be read or written.
    #[error("an internal error occurred; the server's log has the details")]
    File(#[source] std::io::Error),
    /// Stored data are not what this program wrote, or a task died.
    #[error("an internal error occurred; the server's log has the details")]
    Internal(String),
}

impl Error {
    /// One violation.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Error {
        Error::Invalid(vec![Violation { field: field.into(), description: description.into() }])
    }

    fn code(&self) -> Code {
        match self {
            Error::Invalid(_)
            | Error::Malformed(_)
            | Error::InvalidPageToken
            | Error::RequestIdReused(_)
            | Error::InvalidPhotoFile(_) => Code::InvalidArgument,
            Error::NotFound { .. }
            | Error::NotKept { .. }
            | Error::NotPublished { .. }
            | Error::Withdrawn { .. } => Code::NotFound,
            Error::Exists { .. } | Error::NotDeleted { .. } => Code::AlreadyExists,
            Error::EtagMismatch { .. } => Code::Aborted,
            Error::Deleted { .. }
            | Error::InUse { .. }
            | Error::IllegalMove { .. }
            | Error::ReviewerNotIndependent { .. }
            | Error::WrongStage { .. }
            | Error::NoBaseRevision { .. }
            | Error::NotPublishable { .. }
            | Error::NotScheduled { .. }
            | Error::CorrectionNotOwed { .. }
            | Error::PhotoWithoutFile { .. } => Code::FailedPrecondition,
            Error::Unauthenticated => Code::Unauthenticated,
            Error::RoleNotAllowed { .. } => Code::PermissionDenied,
            Error::LimitExceeded(_) => Code::ResourceExhausted,
            Error::SnapshotTooLarge { .. }
            | Error::RangeNotSatisfiable { .. }
            | Error::CursorForeign
            | Error::CursorTooOld => Code::OutOfRange,
            Error::DatabaseUnavailable(_) | Error::Stopping => Code::Unavailable,
            Error::Database(_) | Error::File(_) | Error::Internal(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "INVALID_FIELD",
            Error::Malformed(_) => "MALFORMED_MESSAGE",
            Error::InvalidPageToken => "INVALID_PAGE_TOKEN",
            Error::RequestIdReused(_) => "REQUEST_ID_REUSED",
            Error::NotFound { .. } | Error::NotKept { .. } => "RESOURCE_NOT_FOUND",
            Error::NoBaseRevision { .. } => "NO_BASE_REVISION",
            Error::NotPublished { .. } => "NOT_PUBLISHED",
            Error::SnapshotTooLarge { .. } => "SNAPSHOT_TOO_LARGE",
            Error::Withdrawn { .. } => "WITHDRAWN",
            Error::NotScheduled { .. } => "NOT_SCHEDULED",
            Error::Exists { .. } => "RESOURCE_EXISTS",
            Error::NotDeleted { .. } => "RESOURCE_NOT_DELETED",
            Error::EtagMismatch { .. } => "ETAG_MISMATCH",
            Error::Deleted { .. } => "RESOURCE_DELETED",
            Error::InUse { .. } => "RESOURCE_IN_USE",
            Error::IllegalMove { .. } => "ILLEGAL_MOVE",
            Error::ReviewerNotIndependent { .. } => "REVIEWER_NOT_INDEPENDENT",
            Error::WrongStage { .. } => "WRONG_REVIEW_STAGE",
            Error::NotPublishable { .. } => "NOT_PUBLISHABLE",
            Error::CorrectionNotOwed { .. } => "CORRECTION_NOT_OWED",
            Error::Unauthenticated => "UNAUTHENTICATED",
            Error::RoleNotAllowed { .. } => "ROLE_NOT_ALLOWED",
            Error::PhotoWithoutFile { .. } => "PHOTO_WITHOUT_FILE",
            Error::InvalidPhotoFile(_) => "INVALID_PHOTO_FILE",
            Error::LimitExceeded(_) => "LIMIT_EXCEEDED",
            Error::RangeNotSatisfiable { .. } => "RANGE_NOT_SATISFIABLE",
            Error::CursorForeign => "CURSOR_FOREIGN",
            Error::CursorTooOld => "CURSOR_TOO_OLD",
            Error::Stopping => "CALL_ENDED",
            Error::DatabaseUnavailable(_) => "DATABASE_UNAVAILABLE",
            Error::Database(_) | Error::File(_) | Error::Internal(_) => "INTERNAL",
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Error::EtagMismatch { current, .. } => vec![("etag", current.clone())],
            Error::IllegalMove { state, open, .. } => {
                vec![("state", state.to_string()), ("open_moves", open.join(","))]
            }
            Error::WrongStage { next, .. } => vec![("next_stage", next.to_string())],
            Error::SnapshotTooLarge { size, limit, .. } => {
                vec![("size_bytes", size.to_string()), ("limit_bytes", limit.to_string())]
            }
            Error::Withdrawn { tombstone, .. } => vec![
                ("publication", crate::publication::name(tombstone.publication)),
                ("withdraw_time", tombstone.time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                ("withdraw_reason", tombstone.reason.clone()),
            ],
            Error::RoleNotAllowed { role, roles, .. } => {
                vec![("role", (*role).to_owned()), ("roles", roles.clone())]
            }
            _ => Vec::new(),
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), clip(&value))).collect()
    }

    /// The details of the status, with at most so many violations.
    fn details(&self, violations_max: usize) -> ErrorDetails {
        let mut details = ErrorDetails::new();
        details.set_error_info(self.reason(), DOMAIN, self.metadata());
        match self {
            Error::Invalid(violations) => {
                for violation in violations.iter().take(violations_max) {
                    details.add_bad_request_violation(clip(&violation.field), clip(&violation.description));
                }
            }
            Error::InvalidPageToken => {
                details.add_bad_request_violation("page_token", self.to_string());
            }
            Error::RequestIdReused(_) => {
                details.add_bad_request_violation("request_id", self.to_string());
            }
            Error::NotFound { kind, name }
            | Error::NotKept { kind, name }
            | Error::NotPublished { kind, name }
            | Error::Withdrawn { kind, name, .. }
            | Error::Exists { kind, name }
            | Error::NotDeleted { kind, name }
            | Error::Deleted { kind, name } => {
                details.set_resource_info(*kind, clip(name), "", clip(&self.to_string()));
            }
            Error::InUse { by, .. } => {
                for user in by.iter().take(violations_max) {
                    details.add_precondition_failure_violation("IN_USE", clip(user), "refers to it");
                }
            }
            Error::NotPublishable { obstacles, .. } => {
                for obstacle in obstacles.iter().take(violations_max) {
                    details.add_precondition_failure_violation(
                        obstacle.code,
                        clip(&obstacle.subject),
                        clip(&obstacle.description),
                    );
                }
            }
            Error::DatabaseUnavailable(_) | Error::Stopping => {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            _ => {}
        }
        details
    }

    fn log(&self) {
        match self {
            Error::DatabaseUnavailable(cause) => tracing::warn!(%cause, "database unavailable"),
            Error::Database(cause) => tracing::error!(%cause, "database refused a statement"),
            Error::File(cause) => tracing::error!(%cause, "photo store failed"),
            Error::Internal(cause) => tracing::error!(%cause, "internal error"),
            _ => {}
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        error.log();
        let message = clip(&error.to_string());
        let mut violations_max = VIOLATIONS_MAX;
        loop {
            let status =
                Status::with_error_details(error.code(), message.clone(), error.details(violations_max));
            if violations_max <= 1 || message.len() + status.details().len() <= STATUS_BYTES_MAX {
                return status;
            }
            violations_max /= 2;
        }
    }
}

/// SQLSTATEs after which the same call may succeed a moment later: connection
/// failures (class 08), resources (53), operator intervention (57P), and a
/// server in recovery (25006, a read-only transaction after a failover).
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") || code == "25006"
        }),
        _ => false,
    }
}

/// Whether a transaction lost against another one and can simply run again:
/// serialization failure and deadlock.
pub(crate) fn lost_a_race(error: &Error) -> bool {
    let Error::Database(sqlx::Error::Database(refusal)) = error else { return false };
    refusal.code().is_some_and(|code| code == "40001" || code == "40P01")
}

/// Whether the database refused because of this constraint.
pub(crate) fn breaks(error: &sqlx::Error, constraint: &str) -> bool {
    matches!(error, sqlx::Error::Database(refusal) if refusal.constraint() == Some(constraint))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        if is_passing(&error) { Error::DatabaseUnavailable(error) } else { Error::Database(error) }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Internal(format!("stored JSON is not what was written: {error}"))
    }
}

/// The beginning of a text, at most [`TEXT_BYTES_MAX`] bytes, cut between
/// characters.
fn clip(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8());
    format!("{}…", &text[..end])
}

fn summary(lead: &str, violations: &[Violation]) -> String {
    match violations {
        [] => format!("{lead} invalid fields"),
        [one] => format!("{}: {}", one.field, one.description),
        [first, ..] => {
            format!(
                "{lead} {} invalid fields; the first: {}: {}",
                violations.len(),
                first.field,
                first.description
            )
        }
    }
}

fn list(names: &[String]) -> String {
    names.join(", ")
}

fn moves(open: &[&str]) -> String {
    if open.is_empty() { "no move is open".to_owned() } else { format!("open moves: {}", open.join(", ")) }
}

fn codes(obstacles: &[Obstacle]) -> String {
    let mut codes: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.code).collect();
    codes.dedup();
    codes.join(", ")
}

/// A status that did not come from [`Error`] (tonic makes some by itself), with
/// the error info that every status carries.
pub fn complete(status: Status) -> Status {
    if status.code() == Code::Ok || !status.details().is_empty() {
        return status;
    }
    let (code, reason) = match status.code() {
        // tonic's answer to a unary call without a message.
        Code::Internal if status.message().starts_with("Missing request message") => {
            (Code::InvalidArgument, "MALFORMED_MESSAGE")
        }
        Code::Unimplemented => (Code::Unimplemented, "NO_SUCH_METHOD"),
        // The health service does not know the service that was asked for.
        Code::NotFound => (Code::NotFound, "RESOURCE_NOT_FOUND"),
        // tonic's answer to a message over the limit.
        Code::OutOfRange => (Code::ResourceExhausted, "LIMIT_EXCEEDED"),
        Code::ResourceExhausted => (Code::ResourceExhausted, "LIMIT_EXCEEDED"),
        Code::Cancelled | Code::DeadlineExceeded => (status.code(), "CALL_ENDED"),
        code => (code, "INTERNAL"),
    };
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, clip(status.message()), details)
}
