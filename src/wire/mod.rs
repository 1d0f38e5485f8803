//! What goes over the wire and back: names, etags, page tokens, cursors, field
//! masks, times, the codec, and the check that collects every violation of a request.

pub mod byline;
pub mod check;
pub mod codec;
pub mod cursor;
pub mod mask;
pub mod name;
pub mod page;
pub mod parts;
pub mod ready;
pub mod review;
mod snippet;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    auth::Principal,
    db::{Operation, RequestKey},
    digest::Digest,
    error::{Error, Result},
    pb::google::r#type::Date,
};
pub use check::Check;

/// What a handler of a unary method returns.
pub type Answer<T> = Result<Response<T>, Status>;

/// The etag of a version: a quoted string (aip.dev/154, RFC 9110 section 8.8.3).
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What a caller knows of the current etag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing, or `*`: whatever it is now.
    Anything,
    /// This one.
    Etag(String),
}

impl Expected {
    /// Fails with the current etag if it is not the expected one.
    pub fn meet(&self, name: &str, version: i64) -> Result<()> {
        let current = etag(version);
        match self {
            Expected::Etag(expected) if *expected != current => {
                Err(Error::EtagMismatch { name: name.to_owned(), current })
            }
            _ => Ok(()),
        }
    }
}

/// Takes the caller and the message out of a request.
pub fn open<T>(request: Request<T>) -> Result<(Principal, T)> {
    let (_, mut extensions, message) = request.into_parts();
    let caller = extensions.remove::<Principal>().ok_or(Error::Unauthenticated)?;
    Ok((caller, message))
}

/// Describes a mutation to the door for writes: `operation!(check, caller,
/// "CreateArticle", message)`, for a message with the fields `request_id` and
/// `validate_only`.
macro_rules! operation {
    ($check:ident, $caller:ident, $method:literal, $message:ident) => {
        $crate::wire::describe(
            &mut $check,
            &$caller,
            $method,
            &$message,
            &$message.request_id,
            $message.validate_only,
        )
    };
}
pub(crate) use operation;

/// What [`operation!`] stands for.
pub(crate) fn describe(
    check: &mut Check,
    caller: &Principal,
    method: &'static str,
    message: &impl Message,
    request_id: &str,
    validate_only: bool,
) -> Operation {
    let digest = Digest::of_parts([method.as_bytes(), &message.encode_to_vec()]);
    if validate_only {
        caller.call.rehearse();
    }
    let request = check.request_id(request_id).map(|id| RequestKey { id, digest });
    Operation { caller: caller.clone(), method, request, validate_only }
}

/// A time as protobuf has it.
pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() as i32 }
}

/// A date as protobuf has it.
pub fn date(date: NaiveDate) -> Date {
    Date { year: date.year(), month: date.month() as i32, day: date.day() as i32 }
}
