//! Calls that were refused, at the gate or behind it, on their way into the audit.

use chrono::{SubsecRound, Utc};
use http::Response;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;

use super::{
    Call,
    table::{self, Effect},
};
use crate::{
    admin::Role,
    audit::Refusal,
    error::{Error, code_name},
};

/// A call that the gate does not let through, and who made it, if that is known.
pub struct Refused {
    /// Who, in which role.
    pub by: Option<(String, Role)>,
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

/// What the audit is to have of an answer: a refused mutation, and nothing of what was
/// only to be checked. What fails in the middle of a stream of answers has been let
/// through.
pub fn of_answer(
    path: &str,
    call: Option<Call>,
    by: Option<(String, Role)>,
    answer: &Response<Body>,
) -> Option<Refusal> {
    let method = path.strip_prefix("/masthead.v1.")?;
    let (_, effect, _) = table::rule_for(method)?;
    let call = call.filter(|call| effect == Effect::Writes && !call.is_rehearsal())?;
    let status = Status::from_header_map(answer.headers()).filter(|status| status.code() != Code::Ok)?;
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
