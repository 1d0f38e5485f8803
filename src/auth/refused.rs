//! Calls that were refused, at the gate or behind it, on their way into the audit.

use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use http::{HeaderMap, Response};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;

use super::{
    Call,
    table::{self, Effect},
};
use crate::{
    admin::Role,
    audit::{Refusal, recorder::Recorder},
    deadline::Deadline,
    error::{Error, code_name},
};

/// Who made a call, and in which role: none for a person of the issuer who has none here.
pub type By = Option<(String, Option<Role>)>;

/// A call that the gate does not let through, and who made it, if that is known.
pub struct Refused {
    /// Who, in which role.
    pub by: By,
    /// What they are told.
    pub status: Status,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused { by: None, status: error.into() }
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Refused {
        Refused { by: None, status }
    }
}

/// Sees to it that a mutation which is refused gets into the audit; also when its time
/// passes, as it is dropped then and has no answer of its own.
pub struct Trail<'a> {
    recorder: &'a Recorder,
    path: &'a str,
    call: Call,
    deadline: Option<Arc<Deadline>>,
    /// Who makes the call, once that is known.
    pub by: By,
    is_answered: bool,
}

impl<'a> Trail<'a> {
    /// That of a call which begins.
    pub fn new(recorder: &'a Recorder, path: &'a str, call: Call) -> Trail<'a> {
        Trail { recorder, path, call, deadline: Deadline::current(), by: None, is_answered: false }
    }

    /// Ends it with the answer. What fails in the middle of a stream of answers has been
    /// let through.
    pub fn answered(mut self, answer: &Response<Body>) {
        self.is_answered = true;
        self.record(answer.headers());
    }

    /// Records a refused mutation, and nothing of what was only to be checked.
    fn record(&mut self, headers: &HeaderMap) {
        if let Some(refusal) = refusal(self.path, &self.call, self.by.take(), headers) {
            self.recorder.record(refusal);
        }
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        if self.is_answered || !self.deadline.as_ref().is_some_and(|call| call.is_over()) {
            return;
        }
        let mut headers = HeaderMap::new();
        // Only a message that no header can hold fails; ours is plain.
        if Status::from(Error::DeadlineExceeded).add_header(&mut headers).is_ok() {
            self.record(&headers);
        }
    }
}

fn refusal(path: &str, call: &Call, by: By, headers: &HeaderMap) -> Option<Refusal> {
    // First, as most calls are answered.
    let status = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok)?;
    let method = path.strip_prefix("/masthead.v1.")?;
    let (_, effect, _) = table::rule_for(method)?;
    if effect != Effect::Writes || call.is_rehearsal() {
        return None;
    }
    let (_, verb) = method.split_once('/')?;
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
    Some(Refusal {
        time: Utc::now().trunc_subsecs(6),
        by,
        method: verb.to_owned(),
        resource: call.resource().to_owned(),
        peer: call.peer.map(|peer| peer.to_string()),
        call: call.id,
        code: code_name(status.code()),
        reason: reason.unwrap_or_default(),
    })
}
