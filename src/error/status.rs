//! The only conversion of an error to a gRPC status.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use chrono::SecondsFormat;
use http::HeaderMap;
use http_body::Frame;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::Error;
use crate::{photo, reporter, telemetry::told};

/// The reason of calls that end before they are answered: their client has gone, or the
/// server stops.
pub const CALL_ENDED: &str = "CALL_ENDED";

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "masthead";

/// The names of the gRPC codes, by their numbers.
pub const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// How many violations a status lists at most; with the limits below it stays
/// under [`STATUS_BYTES_MAX`].
const VIOLATIONS_MAX: usize = 20;

/// How long a text in a status may be, in bytes.
const TEXT_BYTES_MAX: usize = 300;

/// The most bytes that message and details of a status take together. Larger
/// headers reach some clients as "h2 protocol error".
const STATUS_BYTES_MAX: usize = 4096;

/// How long a caller should wait before it tries an unavailable database or a
/// full queue again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The name of a code, as gRPC has it.
pub fn code_name(code: Code) -> &'static str {
    CODES.get(code as usize).copied().unwrap_or("UNKNOWN")
}

/// The end of an answer that had begun when it failed. tonic's frames end where messages
/// do, so that a status may follow any.
///
/// # Errors
/// The status, if it does not fit into trailers.
pub fn last_frame(error: Error) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    Status::from(error).add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}

impl Error {
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
            | Error::Withdrawn { .. }
            | Error::UploadLost
            | Error::DigitalRightsEnded { .. } => Code::NotFound,
            Error::Exists { .. } | Error::NotDeleted { .. } => Code::AlreadyExists,
            Error::EtagMismatch { .. } | Error::UploadOffset { .. } | Error::UploadTakenOver => Code::Aborted,
            Error::Deleted { .. }
            | Error::NotDeletedYet { .. }
            | Error::ReporterMerged { .. }
            | Error::InUse { .. }
            | Error::IllegalMove { .. }
            | Error::ReviewerNotIndependent { .. }
            | Error::WrongStage { .. }
            | Error::NoBaseRevision { .. }
            | Error::NotPublishable { .. }
            | Error::NotScheduled { .. }
            | Error::CorrectionNotOwed { .. }
            | Error::PhotoWithoutFile { .. }
            | Error::UploadIncomplete { .. }
            | Error::NoRendition { .. }
            | Error::RenditionFailed(_)
            | Error::RebuildRunning => Code::FailedPrecondition,
            Error::Unauthenticated => Code::Unauthenticated,
            Error::RoleNotAllowed { .. } | Error::NotOwnWork { .. } | Error::OutsideScope { .. } => {
                Code::PermissionDenied
            }
            Error::LimitExceeded(_)
            | Error::TooManyRequests { .. }
            | Error::TooManyStrangers { .. }
            | Error::TooManyUploads(_)
            | Error::RenditionQueueFull
            | Error::PhotoStoreFull(_) => Code::ResourceExhausted,
            Error::SnapshotTooLarge { .. }
            | Error::RangeNotSatisfiable { .. }
            | Error::CursorForeign
            | Error::CursorTooOld => Code::OutOfRange,
            Error::DatabaseUnavailable(_) | Error::Busy | Error::Stopping { .. } => Code::Unavailable,
            Error::DeadlineExceeded => Code::DeadlineExceeded,
            Error::Database(_) | Error::File(_) | Error::Internal(_) | Error::Panicked => Code::Internal,
            // No call meets it: a server that finds it does not serve.
            Error::Schema(_) => Code::Internal,
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
            Error::DigitalRightsEnded { .. } => "DIGITAL_RIGHTS_ENDED",
            Error::NotScheduled { .. } => "NOT_SCHEDULED",
            Error::Exists { .. } => "RESOURCE_EXISTS",
            Error::NotDeleted { .. } | Error::NotDeletedYet { .. } => "RESOURCE_NOT_DELETED",
            Error::EtagMismatch { .. } => "ETAG_MISMATCH",
            Error::Deleted { .. } => "RESOURCE_DELETED",
            Error::ReporterMerged { .. } => "REPORTER_MERGED",
            Error::InUse { .. } => "RESOURCE_IN_USE",
            Error::IllegalMove { .. } => "ILLEGAL_MOVE",
            Error::ReviewerNotIndependent { .. } => "REVIEWER_NOT_INDEPENDENT",
            Error::WrongStage { .. } => "WRONG_REVIEW_STAGE",
            Error::NotPublishable { .. } => "NOT_PUBLISHABLE",
            Error::CorrectionNotOwed { .. } => "CORRECTION_NOT_OWED",
            Error::Unauthenticated => "UNAUTHENTICATED",
            Error::RoleNotAllowed { .. } => "ROLE_NOT_ALLOWED",
            Error::NotOwnWork { .. } => "NOT_OWN_WORK",
            Error::OutsideScope { .. } => "OUTSIDE_SCOPE",
            Error::TooManyRequests { .. } | Error::TooManyStrangers { .. } => "TOO_MANY_REQUESTS",
            Error::PhotoWithoutFile { .. } => "PHOTO_WITHOUT_FILE",
            Error::InvalidPhotoFile(_) => "INVALID_PHOTO_FILE",
            Error::NoRendition { .. } => "NO_RENDITION",
            Error::RenditionFailed(_) => "RENDITION_FAILED",
            Error::RebuildRunning => "REBUILD_RUNNING",
            Error::RenditionQueueFull => "RENDITION_QUEUE_FULL",
            Error::LimitExceeded(_) | Error::PhotoStoreFull(_) => "LIMIT_EXCEEDED",
            Error::RangeNotSatisfiable { .. } => "RANGE_NOT_SATISFIABLE",
            Error::UploadOffset { .. } => "UPLOAD_OFFSET_MISMATCH",
            Error::UploadIncomplete { .. } => "UPLOAD_INCOMPLETE",
            Error::UploadTakenOver => "UPLOAD_TAKEN_OVER",
            Error::UploadLost => "UPLOAD_LOST",
            Error::TooManyUploads(_) => "TOO_MANY_UPLOADS",
            Error::CursorForeign => "CURSOR_FOREIGN",
            Error::CursorTooOld => "CURSOR_TOO_OLD",
            Error::Stopping { .. } => CALL_ENDED,
            Error::DatabaseUnavailable(_) => "DATABASE_UNAVAILABLE",
            Error::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Error::Busy => "RESOURCE_BUSY",
            Error::Database(_) | Error::File(_) | Error::Internal(_) | Error::Panicked => "INTERNAL",
            Error::Schema(_) => "INTERNAL",
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
            Error::UploadOffset { received, .. } | Error::UploadIncomplete { received, .. } => {
                vec![("received_bytes", received.to_string())]
            }
            Error::Withdrawn { tombstone, .. } => vec![
                ("publication", crate::publication::name(tombstone.publication)),
                ("withdraw_time", tombstone.time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                ("withdraw_reason", tombstone.reason.clone()),
            ],
            Error::DigitalRightsEnded { days, .. } => {
                let days = days.unwrap_or_default();
                let named = [("start_date", days.start_date), ("end_date", days.end_date)];
                named.into_iter().filter_map(|(key, day)| Some((key, day?.to_string()))).collect()
            }
            Error::RoleNotAllowed { role, roles, .. } => {
                vec![("role", (*role).to_owned()), ("roles", roles.clone())]
            }
            Error::TooManyRequests { limit, .. } | Error::TooManyStrangers { limit, .. } => {
                vec![("limit", limit.clone())]
            }
            Error::OutsideScope { newspaper, scope } => {
                vec![("newspaper", newspaper.clone()), ("scope", scope.clone())]
            }
            Error::ReporterMerged { into, .. } => vec![("merged_into", into.clone())],
            Error::Stopping { cursor: Some(cursor) } => vec![("cursor", cursor.clone())],
            Error::NoRendition { content_type } => vec![("content_type", content_type.clone())],
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
            | Error::NotDeletedYet { kind, name }
            | Error::Deleted { kind, name } => {
                details.set_resource_info(*kind, clip(name), "", clip(&self.to_string()));
            }
            Error::DigitalRightsEnded { name, .. } => {
                details.set_resource_info(photo::KIND, clip(name), "", clip(&self.to_string()));
            }
            Error::ReporterMerged { name, .. } => {
                details.set_resource_info(reporter::KIND, clip(name), "", clip(&self.to_string()));
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
            Error::DatabaseUnavailable(_)
            | Error::Busy
            | Error::Stopping { .. }
            | Error::TooManyUploads(_)
            | Error::RenditionQueueFull => {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            Error::TooManyRequests { wait, .. } | Error::TooManyStrangers { wait, .. } => {
                details.set_retry_info(Some(*wait));
            }
            _ => {}
        }
        details
    }

    /// What is behind a failure that is not the caller's, for operators alone.
    fn cause(&self) -> Option<String> {
        match self {
            Error::DatabaseUnavailable(cause) => Some(format!("the database is away: {cause}")),
            Error::Database(cause) => Some(format!("the database refused a statement: {cause}")),
            Error::PhotoStoreFull(cause) => Some(format!("the photo store is full: {cause}")),
            Error::File(cause) => Some(format!("the photo store failed: {cause}")),
            Error::Internal(cause) => Some(cause.clone()),
            _ => None,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        if let Some(cause) = error.cause() {
            told::note(cause);
        }
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

/// How tonic's statuses begin that tell of a body which is not framed as gRPC
/// demands: a unary call without a message, a message that is cut off, a flag that
/// is none, compression that was not announced. It calls them internal (as gRPC's
/// own protocol does of the last), but it is the client that is broken.
const BROKEN_FRAMES: [&str; 4] =
    ["Missing request message", "Unexpected EOF decoding stream", "protocol error:", "Error decompressing"];

/// The beginning of a text, at most [`TEXT_BYTES_MAX`] bytes, cut between
/// characters.
fn clip(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8());
    format!("{}…", &text[..end])
}

/// A status that did not come from [`Error`] (tonic makes some by itself), with
/// the error info that every status carries.
pub fn complete(status: Status) -> Status {
    if status.code() == Code::Ok || !status.details().is_empty() {
        return status;
    }
    let (code, reason) = match status.code() {
        Code::Internal if BROKEN_FRAMES.iter().any(|begin| status.message().starts_with(begin)) => {
            (Code::InvalidArgument, "MALFORMED_MESSAGE")
        }
        Code::Unimplemented => (Code::Unimplemented, "NO_SUCH_METHOD"),
        // The health service does not know the service that was asked for.
        Code::NotFound => (Code::NotFound, "RESOURCE_NOT_FOUND"),
        // tonic's answer to a message over the limit.
        Code::OutOfRange => (Code::ResourceExhausted, "LIMIT_EXCEEDED"),
        Code::ResourceExhausted => (Code::ResourceExhausted, "LIMIT_EXCEEDED"),
        Code::Cancelled => (Code::Cancelled, CALL_ENDED),
        Code::DeadlineExceeded => (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        code => (code, "INTERNAL"),
    };
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, clip(status.message()), details)
}
