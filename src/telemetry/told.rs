//! What the log is to tell of a call: who called what, and what was behind its failure.
//! Work of a call finds it by the task that it runs in ([`Told::within`], [`along`]).

use std::{
    net::IpAddr,
    panic::{self, PanicHookInfo},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use opentelemetry::Context;
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use super::{metrics::Method, traces};
use crate::{admin::Role, auth::Call};

tokio::task_local! {
    static TOLD: Told;
}

/// The name of the span of a call.
pub(super) const SPAN: &str = "request";

/// The target of the spans of calls, and of the lines that tell how they have ended.
const TARGET: &str = "masthead::telemetry::requests";

/// The target of the spans of calls whose callers trace them. It lies below that of the
/// others, so that whatever chooses those for the log chooses these.
pub(super) const TRACED: &str = "masthead::telemetry::requests::traced";

/// What there is to tell of one call.
#[derive(Clone, Debug)]
pub struct Told(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    method: &'static Method,
    id: Uuid,
    peer: Option<IpAddr>,
    /// None if nobody wants one of a call that goes well.
    span: Span,
    caller: OnceLock<(String, Role)>,
    cause: Mutex<Option<String>>,
}

impl Told {
    /// A call that begins, within the trace of its caller if it has one; and whether it
    /// belongs to a trace.
    pub(super) fn begin(method: &'static Method, call: &Call, parent: Option<Context>) -> (Told, bool) {
        let mut facts = Facts {
            method,
            id: call.id,
            peer: call.peer,
            span: Span::none(),
            caller: OnceLock::new(),
            cause: Mutex::default(),
        };
        if parent.is_none() && !wants_every_span() {
            return (Told(Arc::new(facts)), false);
        }
        facts.span = facts.new_span(parent.is_some());
        let trace = traces::join(&facts.span, parent);
        if let Some(trace) = trace {
            facts.span.record("trace_id", tracing::field::display(trace));
        }
        (Told(Arc::new(facts)), trace.is_some())
    }

    /// The span of the call, if it is wanted.
    pub(super) fn span(&self) -> &Span {
        &self.0.span
    }

    /// A span to write a line in: that of the call, or one with what is known by now.
    pub(super) fn span_for_line(&self) -> Span {
        if self.0.span.is_none() { self.0.new_span(false) } else { self.0.span.clone() }
    }

    /// Does work of the call, within which it is found.
    pub(super) fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        TOLD.scope(self.clone(), work)
    }

    /// Does work of the call at once.
    pub(super) fn within_sync<T>(&self, work: impl FnOnce() -> T) -> T {
        TOLD.sync_scope(self.clone(), work)
    }

    fn set_cause(&self, cause: String) {
        *self.0.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    /// The cause of its failure that was noted last.
    pub(super) fn take_cause(&self) -> Option<String> {
        self.0.cause.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Facts {
    fn new_span(&self, is_traced: bool) -> Span {
        macro_rules! span {
            ($target:expr) => {
                tracing::info_span!(
                    target: $target,
                    SPAN,
                    method = self.method.name(),
                    id = %self.id,
                    peer = self.peer.map(tracing::field::display),
                    person = Empty,
                    role = Empty,
                    trace_id = Empty
                )
            };
        }
        let span = if is_traced { span!(TRACED) } else { span!(TARGET) };
        if let Some((person, role)) = self.caller.get() {
            record(&span, person, *role);
        }
        span
    }
}

/// Whether every call has a span from its beginning: a collector wants it, or the log has
/// lines of calls that go well. Other calls have one as soon as there is a line to write,
/// as making it costs more than finding most answers.
fn wants_every_span() -> bool {
    traces::is_collected() || tracing::enabled!(target: TARGET, tracing::Level::DEBUG)
}

/// Notes who makes the call that this is work of.
pub fn caller(person: &str, role: Role) {
    // Work of no call, as in tests, is told of nobody.
    let _ = TOLD.try_with(|told| {
        record(&told.0.span, person, role);
        told.0.caller.set((person.to_owned(), role))
    });
}

fn record(span: &Span, person: &str, role: Role) {
    span.record("person", person);
    span.record("role", role.as_str());
}

/// Has the panics of calls noted as the causes of their failures. They are printed as ever
/// too: the work of a call may outlive it, and then nobody tells of its failure.
pub(super) fn note_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Others are of no call.
        let _ = TOLD.try_with(|told| told.set_cause(cause_of(panic)));
        usual(panic);
    }));
}

/// Where the panic was and why.
fn cause_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "a place unknown".to_owned(), ToString::to_string);
    let why = panic.payload_as_str().unwrap_or("no reason given");
    format!("panicked at {place}: {why}")
}

/// Notes the cause of a failure, which its caller may not see, for the boundary of the
/// call that this is work of. If it is work of none, nobody would ever tell: then it is
/// logged here.
pub fn note(cause: String) {
    let heard = TOLD.try_with(|told| told.set_cause(cause.clone()));
    if heard.is_err() {
        tracing::error!(cause, "failed outside of a call");
    }
}

/// Writes a line of the log about the call that this is work of.
pub fn line<T>(write: impl FnOnce() -> T) -> T {
    TOLD.try_with(Told::span_for_line).unwrap_or_else(|_| Span::none()).in_scope(write)
}

/// Work of the call that is being worked on here, for a task of its own.
pub fn along<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let told = TOLD.try_with(Told::clone).ok();
    let work = async move {
        match told {
            Some(told) => told.within(work).await,
            None => work.await,
        }
    };
    work.instrument(Span::current())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_cause_that_is_told_of_its_call() {
        note_panics();
        let call = Call::new(None);
        let (told, _) = Told::begin(Method::of("/masthead.v1.ArticleService/GetArticle"), &call, None);
        told.within_sync(|| panic::catch_unwind(|| panic!("a mistake"))).expect_err("a panic");
        let cause = told.take_cause().expect("a cause");
        assert!(cause.starts_with("panicked at src/telemetry/told.rs:"), "{cause}");
        assert!(cause.ends_with(": a mistake"), "{cause}");
    }
}
