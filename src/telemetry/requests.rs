//! Around all else: what there is to tell of each call, from its headers to the end of
//! its answer.

use std::{
    net::IpAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    metrics::{Metered, Method},
    told::Told,
    traces,
};
use crate::{
    auth::Call,
    error::{CALL_ENDED, code_name, complete},
};

/// The header of an answer that holds the id of the call, as logs and the audit
/// have it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Does the work of a call, within a span if one is wanted: counts it, logs its failure
/// in one line, and puts error info on statuses that have none.
pub async fn tell<B, W>(
    mut request: Request<Body>,
    peer: Option<IpAddr>,
    work: impl FnOnce(Request<Body>, Call) -> W,
) -> Response<Answer<B>>
where
    W: Future<Output = Response<B>>,
{
    conceal(request.headers_mut());
    let call = Call::new(peer);
    let open = Open::begin(Method::of(request.uri().path()), &call, request.headers());
    let id = HeaderValue::from_str(&call.id.to_string());
    // Where it stands: handed on, it would be moved, and moving it costs more than most
    // answers do.
    let work = pin!(work(request, call));
    let mut response = open.told.within(work).instrument(open.told.span().clone()).await;
    open.told.span().in_scope(|| complete_answer(response.headers_mut()));
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    open.answer(response)
}

/// Sees to it that nothing which prints headers prints secrets.
fn conceal(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

/// Sees to it that an answer that is an error carries error info. Errors of unary calls
/// and refusals stand in the headers.
fn complete_answer(headers: &mut HeaderMap) {
    let status = Status::from_header_map(headers);
    let lacking = status.filter(|status| status.code() != Code::Ok && status.details().is_empty());
    if let Some(status) = lacking
        && let Err(error) = complete(status).add_header(headers)
    {
        tracing::error!(%error, "a status does not fit into headers");
    }
}

/// A call from its headers to the end of its answer. One that is dropped before has
/// been given up by its client.
struct Open {
    metered: Metered,
    start: Instant,
    told: Told,
    /// Whether its span belongs to a trace.
    is_traced: bool,
    is_over: bool,
}

impl Open {
    fn begin(method: &'static Method, call: &Call, headers: &HeaderMap) -> Open {
        let (told, is_traced) = Told::begin(method, call, traces::parent(headers));
        Open { metered: method.begin(), start: Instant::now(), told, is_traced, is_over: false }
    }

    /// The answer, which ends the call when it ends.
    fn answer<B>(mut self, response: Response<B>) -> Response<Answer<B>> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.end(&status);
        }
        response.map(|body| Answer { body, open: self })
    }

    fn end(&mut self, status: &Status) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let (code, elapsed) = (code_name(status.code()), self.start.elapsed());
        self.metered.end(status.code(), elapsed);
        let reason = match status.code() {
            Code::Ok => None,
            _ => status.get_error_details().error_info().map(|info| info.reason.clone()),
        };
        let severity = Severity::of(status.code(), reason.as_deref());
        if self.is_traced {
            let span = self.told.span();
            span.set_attribute("rpc.grpc.status_code", i64::from(i32::from(status.code())));
            if matches!(severity, Severity::Error | Severity::Warning) {
                span.set_status(opentelemetry::trace::Status::error(code));
            }
        }
        if matches!(severity, Severity::Nothing) && self.told.span().is_none() {
            return;
        }
        let cause = self.told.take_cause();
        let (reason, cause, duration_ms) = (reason.as_deref(), cause.as_deref(), elapsed.as_secs_f64() * 1e3);
        let _entered = self.told.span_for_line().entered();
        match severity {
            Severity::Error => tracing::error!(code, reason, cause, duration_ms, "failed"),
            Severity::Warning => tracing::warn!(code, reason, cause, duration_ms, "failed"),
            Severity::Notice => tracing::info!(code, reason, cause, duration_ms, "refused"),
            Severity::Nothing if status.code() == Code::Ok => tracing::debug!(code, duration_ms, "answered"),
            Severity::Nothing => tracing::debug!(code, reason, cause, duration_ms, "refused"),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Of a call that has ended nothing more is told.
        if !self.is_over {
            self.end(&Status::cancelled("the client has gone"));
        }
    }
}

/// How much an ended call matters to an operator.
enum Severity {
    Error,
    Warning,
    Notice,
    Nothing,
}

impl Severity {
    fn of(code: Code, reason: Option<&str>) -> Severity {
        match code {
            // As it was asked to, the server ends what is open: thousands of watches.
            Code::Unavailable if reason == Some(CALL_ENDED) => Severity::Nothing,
            Code::Internal | Code::Unknown | Code::DataLoss => Severity::Error,
            Code::Unavailable | Code::DeadlineExceeded => Severity::Warning,
            // Somebody who is known tries what they may not.
            Code::PermissionDenied => Severity::Notice,
            // The client's faults, of which anybody can make any number.
            _ => Severity::Nothing,
        }
    }
}

/// The body of an answer, which carries the status at its end.
pub struct Answer<B> {
    body: B,
    open: Open,
}

impl<B> http_body::Body for Answer<B>
where
    B: http_body::Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Answer { body, open } = &mut *self;
        let frame = {
            let _entered = open.told.span().enter();
            open.told.within_sync(|| Pin::new(body).poll_frame(context))
        };
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    open.end(&status);
                }
            }
            Poll::Ready(Some(Err(status))) => open.end(status),
            Poll::Ready(None) => open.end(&Status::ok("")),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
