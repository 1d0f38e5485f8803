//! The outermost layer: what there is to tell of each call, from its headers to the
//! end of its answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    cause::Cause,
    metrics::{Metered, Method},
    traces,
};
use crate::{
    auth::{Call, Connection},
    error::{CALL_ENDED, code_name, complete},
};

/// The header of an answer that holds the id of the call, as logs and the audit
/// have it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of the span of a call.
pub(super) const SPAN: &str = "request";

/// The target of the spans of calls whose callers trace them. It lies below that of the
/// others, so that whatever chooses those for the log chooses these.
pub(super) const TRACED: &str = "masthead::telemetry::requests::traced";

/// Puts a span around each request, counts it, logs its failure in one line, and
/// puts error info on statuses that have none.
#[derive(Clone, Copy, Debug)]
pub struct Requests;

impl<S> Layer<S> for Requests {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner }
    }
}

/// A service in spans.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        conceal(request.headers_mut());
        let peer = request.extensions().get::<Connection>().and_then(|connection| connection.peer);
        let call = Call::new(peer.map(|address| address.ip()));
        let id = HeaderValue::from_str(&call.id.to_string());
        let open = Open::begin(Method::of(request.uri().path()), &call, request.headers());
        request.extensions_mut().insert(call);
        // The service that was polled ready is the one to call.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let (span, cause) = (open.span.clone(), open.cause.clone());
        let work = async move {
            let mut response = complete_response(cause.within(inner.call(request)).await?);
            if let Ok(id) = id {
                response.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(open.answer(response))
        };
        Box::pin(work.instrument(span))
    }
}

/// Sees to it that nothing which prints headers prints secrets.
fn conceal(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

/// Sees to it that a response that is an error carries error info. Errors of
/// unary calls and refusals stand in the headers.
fn complete_response(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            complete(status).into_http()
        }
        _ => response,
    }
}

/// A call from its headers to the end of its answer. One that is dropped before has
/// been given up by its client.
struct Open {
    metered: Metered,
    start: Instant,
    span: Span,
    /// Whether the span belongs to a trace.
    is_traced: bool,
    cause: Cause,
    is_over: bool,
}

impl Open {
    fn begin(method: &'static Method, call: &Call, headers: &HeaderMap) -> Open {
        macro_rules! span {
            ($target:expr) => {
                tracing::info_span!(
                    target: $target,
                    SPAN,
                    method = method.name(),
                    id = %call.id,
                    peer = call.peer.map(tracing::field::display),
                    person = Empty,
                    role = Empty,
                    trace_id = Empty
                )
            };
        }
        let parent = traces::parent(headers);
        let span = if parent.is_some() { span!(TRACED) } else { span!(module_path!()) };
        let trace = traces::join(&span, parent);
        if let Some(trace) = trace {
            span.record("trace_id", tracing::field::display(trace));
        }
        let (metered, is_traced) = (method.begin(), trace.is_some());
        Open { metered, start: Instant::now(), span, is_traced, cause: Cause::default(), is_over: false }
    }

    /// The answer, which ends the call when it ends.
    fn answer(mut self, response: Response<Body>) -> Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.end(&status);
        }
        response.map(|body| Body::new(Answer { body, open: self }))
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
            self.span.set_attribute("rpc.grpc.status_code", i64::from(i32::from(status.code())));
            if matches!(severity, Severity::Error | Severity::Warning) {
                self.span.set_status(opentelemetry::trace::Status::error(code));
            }
        }
        let cause = self.cause.take();
        let (reason, cause, duration_ms) = (reason.as_deref(), cause.as_deref(), elapsed.as_secs_f64() * 1e3);
        let _entered = self.span.enter();
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
struct Answer {
    body: Body,
    open: Open,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Answer { body, open } = &mut *self;
        let frame = {
            let _entered = open.span.enter();
            open.cause.within_sync(|| Pin::new(body).poll_frame(context))
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
