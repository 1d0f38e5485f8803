//! Traces: the context that callers send (W3C Trace Context) and that is handed on,
//! and spans for an OpenTelemetry collector.

use std::{borrow::Cow, sync::atomic::AtomicBool, sync::atomic::Ordering, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanKind, TraceContextExt, TraceId, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider, SpanData},
};
use tonic::transport::ClientTlsConfig;
use tracing::{Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use super::told::{SPAN, TRACED};
use crate::config::telemetry::SPAN_EXPORT_TIME_MAX;

/// The header that names the span of a caller (W3C Trace Context section 3.2).
const TRACEPARENT: &str = "traceparent";

/// The name of this program among those that a collector hears of.
const SERVICE: &str = "masthead";

/// The counter of batches of spans that were to be sent, by `outcome`: sent, failed.
pub(super) const EXPORTS: &str = "masthead_span_exports_total";

/// Whether spans are sent to a collector.
static COLLECTED: AtomicBool = AtomicBool::new(false);

/// Makes spans, and sends them to this collector if there is one. Without one there
/// are spans of calls that their callers trace, so that their context is handed on.
pub(super) fn provider(endpoint: Option<&str>) -> Result<SdkTracerProvider, String> {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version).with_service_name(SERVICE).build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = endpoint else {
        return Ok(provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build());
    };
    let wrong =
        |why: String| format!("{endpoint} is no OTLP endpoint: {why}; it looks like http://HOST:4317");
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(wrong("it has neither http:// nor https://".to_owned()));
    }
    let mut exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(SPAN_EXPORT_TIME_MAX);
    if endpoint.starts_with("https://") {
        // One of a process; whoever came first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        exporter = exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
    }
    let exporter = exporter.build().map_err(|error| wrong(error.to_string()))?;
    Ok(provider.with_batch_exporter(Told { exporter, is_failing: AtomicBool::new(false) }).build())
}

/// Makes spans of those of this program; if nobody collects them, only of those of calls
/// that their callers trace: others would cost each call more than finding its answer.
pub(super) fn layer<S>(
    provider: &SdkTracerProvider,
    is_collected: bool,
) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
{
    COLLECTED.store(is_collected, Ordering::Relaxed);
    let target = if is_collected { "masthead" } else { TRACED };
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(Targets::new().with_target(target, LevelFilter::INFO))
}

/// Whether a collector is sent the spans of calls.
pub(super) fn is_collected() -> bool {
    COLLECTED.load(Ordering::Relaxed)
}

/// The span of a caller, if these headers name one.
pub(super) fn parent(headers: &HeaderMap) -> Option<Context> {
    if !headers.contains_key(TRACEPARENT) {
        return None;
    }
    let parent = TraceContextPropagator::new().extract(&Received(headers));
    parent.span().span_context().is_valid().then_some(parent)
}

/// Makes a new span part of the trace of its parent; the id of the trace that it belongs
/// to, if it belongs to any.
pub(super) fn join(span: &Span, parent: Option<Context>) -> Option<TraceId> {
    if let Some(parent) = parent {
        // It fails only if there are no traces, as in tests.
        let _ = span.set_parent(parent);
    }
    let own: Context = span.context();
    let id = own.span().span_context().trace_id();
    (id != TraceId::INVALID).then_some(id)
}

/// Hands the trace that the current span belongs to on, in the headers of a request
/// to another service.
pub fn hand_on(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Sent(headers));
}

struct Received<'a>(&'a HeaderMap);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Sent<'a>(&'a mut HeaderMap);

impl Injector for Sent<'_> {
    fn set(&mut self, key: &str, value: String) {
        let header = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value));
        if let (Ok(name), Ok(value)) = header
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

/// An exporter that says when it begins to fail and when it works again, and
/// nothing in between.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    is_failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(spans.into_iter().map(named).collect()).await;
        let outcome = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!(EXPORTS, "outcome" => outcome).increment(1);
        match (&sent, self.is_failing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(cause = cause(error), "spans cannot be sent; they are dropped until they can");
            }
            (Ok(()), true) => tracing::info!("spans can be sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, time: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(time)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn cause(error: &OTelSdkError) -> String {
    match error {
        OTelSdkError::InternalFailure(cause) => cause.clone(),
        other => other.to_string(),
    }
}

/// The span of a call as OpenTelemetry's conventions for RPC have it.
fn named(mut span: SpanData) -> SpanData {
    if span.name != SPAN {
        return span;
    }
    span.span_kind = SpanKind::Server;
    // It says nothing that the span does not.
    span.attributes.retain(|attribute| attribute.key.as_str() != "trace_id");
    let mut called = None;
    for attribute in &mut span.attributes {
        let name = match attribute.key.as_str() {
            "method" => {
                called = Some(attribute.value.as_str().into_owned());
                continue;
            }
            "person" => "enduser.id",
            "role" => "enduser.role",
            "peer" => "client.address",
            "id" => "masthead.request_id",
            _ => continue,
        };
        attribute.key = name.into();
    }
    span.attributes.retain(|attribute| attribute.key.as_str() != "method");
    span.attributes.push(KeyValue::new("rpc.system", "grpc"));
    if let Some((service, method)) = called.as_deref().and_then(|called| called.split_once('/')) {
        span.attributes.push(KeyValue::new("rpc.service", service.to_owned()));
        span.attributes.push(KeyValue::new("rpc.method", method.to_owned()));
    }
    span.name = called.map_or(span.name, Cow::Owned);
    span
}
