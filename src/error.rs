//! The one error type of the service, and its only conversion to a gRPC
//! status. Every status carries `google.rpc.ErrorInfo` (aip.dev/193) with a
//! reason of `masthead.v1.ErrorReason`; none holds SQL, paths or a chain of
//! causes. What the caller may not see goes to the one line that the boundary logs
//! of a failed call.

mod status;

pub use status::{CALL_ENDED, CODES, DOMAIN, code_name, complete, last_frame};

use crate::{photo::License, publication::Tombstone, workflow::State};

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
    /// It is published, and its digital rights are not granted for today.
    #[error("{name} is not served to readers: its digital rights are granted {}", digital_days(.days))]
    DigitalRightsEnded {
        /// The full name of the photo.
        name: String,
        /// The days for which they are granted; none if they were taken back.
        days: Option<License>,
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
    /// Purge of something that is not deleted.
    #[error("{name} is not deleted; only what is deleted can be purged")]
    NotDeletedYet {
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
    /// The reporter is a duplicate that was merged into another one.
    #[error("{name} was merged into {into}, for good; use {into} instead")]
    ReporterMerged {
        /// The full name.
        name: String,
        /// The full name of the other one.
        into: String,
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
    /// The person asks for more than one may.
    #[error("this is more than one person may ask of a server: {limit}")]
    TooManyRequests {
        /// What one may ask.
        limit: String,
        /// When to come back.
        wait: std::time::Duration,
    },
    /// Somebody who shows no valid credential asks for more than those may.
    #[error("this server takes no more without a valid credential for the moment: {limit}")]
    TooManyStrangers {
        /// What may be asked.
        limit: String,
        /// When to come back.
        wait: std::time::Duration,
    },
    /// A reporter tried to change the work of others.
    #[error("{name} is not the work of {person}, who neither wrote in it nor signs it; ask an editor")]
    NotOwnWork {
        /// The full name.
        name: String,
        /// Who tried.
        person: String,
    },
    /// The credential is not for this newspaper.
    #[error("the credential is for other newspapers than newspapers/{newspaper}: {scope}")]
    OutsideScope {
        /// The id of the newspaper, or `-` for what belongs to all of them.
        newspaper: String,
        /// The ids of those that it is for.
        scope: String,
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
    /// Originals of this type have no renditions.
    #[error("photos of type {content_type} have no renditions; download the original")]
    NoRendition {
        /// The media type.
        content_type: String,
    },
    /// The original is damaged, or too large to be decoded.
    #[error("no rendition can be made of this photo: {0}")]
    RenditionFailed(String),
    /// Too many renditions are waiting to be made.
    #[error("too many renditions are waiting to be made; try again")]
    RenditionQueueFull,
    /// A rebuild of the search indexes is running already.
    #[error("the search indexes are being rebuilt already; wait until that has ended")]
    RebuildRunning,
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
    /// The upload stands elsewhere than the caller thinks.
    #[error("{name} stands at byte {received}, not {given}; continue from there")]
    UploadOffset {
        /// The full name of the upload.
        name: String,
        /// The place that was given.
        given: u64,
        /// How many bytes have come.
        received: u64,
    },
    /// The call ended before the file was whole.
    #[error("{name} has {received} of {size} bytes, which are kept; continue behind them")]
    UploadIncomplete {
        /// The full name of the upload.
        name: String,
        /// How many bytes have come.
        received: u64,
        /// How many the file has.
        size: u64,
    },
    /// A newer call continues the upload.
    #[error("a newer call continues this upload")]
    UploadTakenOver,
    /// The photo store no longer has what had come.
    #[error("what had come of this upload is lost; start a new one")]
    UploadLost,
    /// Too many uploads run at once.
    #[error("{0} uploads are running, as many as this server takes at once; try again later")]
    TooManyUploads(u32),
    /// The cursor is of another history.
    #[error("the cursor is of another database or of a history that was rolled back; begin again without it")]
    CursorForeign,
    /// What follows the cursor has been removed because of its age.
    #[error("what follows the cursor is no longer retained; read again what you follow, and go on from_now")]
    CursorTooOld,
    /// A call ends because the server or its connection does.
    #[error("the server is stopping or closes an old connection; connect again and go on from there")]
    Stopping {
        /// Where a watch goes on.
        cursor: Option<String>,
    },
    /// The time of the call is over, or a statement took longer than it may.
    #[error("the call did not end in its time and was given up; ask for less, or give it longer")]
    DeadlineExceeded,
    /// Another transaction held something for longer than this one waits.
    #[error("another write holds what this one needs; try again")]
    Busy,
    /// The photo store has no room.
    #[error("the photo store is full; nothing was kept; tell the operator, and try again later")]
    PhotoStoreFull(#[source] std::io::Error),
    /// The database cannot be reached or is overloaded.
    #[error("the database is not available; try again")]
    DatabaseUnavailable(#[source] sqlx::Error),
    /// The database refused a statement.
    #[error("an internal error occurred; the server's log has the details")]
    Database(#[source] sqlx::Error),
    /// A file of the photo store cannot be read or written.
    #[error("an internal error occurred; the server's log has the details")]
    File(#[source] std::io::Error),
    /// This program and the schema of the database do not go together.
    #[error("{0}")]
    Schema(String),
    /// Stored data are not what this program wrote, or a task died.
    #[error("an internal error occurred; the server's log has the details")]
    Internal(String),
    /// The work of a call panicked. Why has been noted where it did.
    #[error("an internal error occurred; the server's log has the details")]
    Panicked,
}

impl Error {
    /// One violation.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Error {
        Error::Invalid(vec![Violation { field: field.into(), description: description.into() }])
    }
}

/// SQLSTATEs after which the same call may succeed a moment later: connection
/// failures (class 08), resources (53), operator intervention (57P), a server in
/// recovery (25006, a read-only transaction after a failover), and transactions
/// that Postgres ended because of their age (25P03, 25P04).
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            code.starts_with("08")
                || code.starts_with("53")
                || code.starts_with("57P")
                || ["25006", "25P03", "25P04"].contains(&&*code)
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
        let code = error.as_database_error().and_then(|refusal| refusal.code());
        match code.as_deref() {
            // A statement that ran into its limit, or was cancelled by an operator.
            Some("57014") => Error::DeadlineExceeded,
            Some("55P03") => Error::Busy,
            _ if is_passing(&error) => Error::DatabaseUnavailable(error),
            _ => Error::Database(error),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Error::PhotoStoreFull(error),
            _ => Error::File(error),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Internal(format!("stored JSON is not what was written: {error}"))
    }
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

fn digital_days(days: &Option<License>) -> String {
    days.map_or_else(|| "for no day any more".to_owned(), |days| format!("{days} only"))
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
