//! Metrics for Prometheus: the recorder of the process, and what calls count.
//!
//! Labels have few values, which this program knows beforehand: a method that is
//! none counts as `unknown`, whatever its caller has written. What a part of the
//! service alone knows it counts itself, where it happens; what can only be looked
//! at, [`vitals`](crate::vitals) looks at from time to time.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use tonic::Code;

use super::traces;
use crate::{auth::table::METHODS, error::code_name};

/// The counter of calls that have ended, by `service`, `method` and `code`.
const REQUESTS: &str = "masthead_requests_total";

/// How long calls took, streams to their end, by `service` and `method`, in seconds.
const DURATION: &str = "masthead_request_duration_seconds";

/// How many calls are open, streams among them.
const IN_FLIGHT: &str = "masthead_requests_in_flight";

/// The counter of what was looked for in memory first, by `cache` and `outcome`.
const CACHE: &str = "masthead_cache_requests_total";

/// The counter of bytes of photos that have come in.
const UPLOADED: &str = "masthead_upload_bytes_total";

/// Always 1; says by `version` what runs.
const BUILD: &str = "masthead_build_info";

/// The bounds of histograms of durations, in seconds.
const SECONDS_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3600.0];

/// Bytes of what readers are served that are kept in memory.
const PUBLISHED_KEPT: &str = "masthead_published_cache_bytes";

/// What stands for services and methods that there are not.
const UNKNOWN: &str = "unknown";

/// The services beside those of the API, and their methods.
const BESIDE: [(&str, &str); 4] = [
    ("grpc.health.v1.Health", "Check"),
    ("grpc.health.v1.Health", "Watch"),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
];

/// What is kept in memory, and counts how often it was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Working copies of articles.
    Articles,
    /// Access tokens and client certificates.
    Credentials,
    /// Published issues and articles.
    Published,
    /// Renditions of photos, made before.
    Renditions,
}

/// A recorder for this process, and what renders it. A second one, as in tests,
/// records nothing. It has to be there before the first call: what counts calls is
/// looked up once.
pub fn record() -> Result<PrometheusHandle, String> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS);
    let recorder = builder.map_err(|error| error.to_string())?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!(REQUESTS, "Calls that have ended, by service, method and code");
    metrics::describe_histogram!(DURATION, Unit::Seconds, "How long calls took, streams to their end");
    metrics::describe_gauge!(IN_FLIGHT, "Calls that are open, streams among them");
    metrics::describe_counter!(CACHE, "What was looked for in memory first, by cache and outcome");
    metrics::describe_gauge!(PUBLISHED_KEPT, Unit::Bytes, "Published issues and articles in memory");
    metrics::describe_counter!(UPLOADED, Unit::Bytes, "Bytes of photos that have come in");
    metrics::describe_gauge!(BUILD, "Always 1; the version that runs");
    metrics::describe_counter!(traces::EXPORTS, "Batches of spans for the collector, by outcome");
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
    // So that an alert has something to look at before the first.
    metrics::gauge!(IN_FLIGHT).set(0);
    metrics::counter!(UPLOADED).increment(0);
    metrics::gauge!(PUBLISHED_KEPT).set(0);
    for outcome in ["sent", "failed"] {
        metrics::counter!(traces::EXPORTS, "outcome" => outcome).increment(0);
    }
    for cache in [Cache::Articles, Cache::Credentials, Cache::Published, Cache::Renditions] {
        for outcome in ["hit", "miss"] {
            metrics::counter!(CACHE, "cache" => cache.name(), "outcome" => outcome).increment(0);
        }
    }
}

impl Cache {
    /// Counts that something was looked for, and whether it was there.
    pub fn count(self, hit: bool) {
        static COUNTERS: [[OnceLock<Counter>; 2]; 4] = [const { [const { OnceLock::new() }; 2] }; 4];
        let counter = &COUNTERS[self as usize][usize::from(hit)];
        let outcome = if hit { "hit" } else { "miss" };
        let counter =
            counter.get_or_init(|| metrics::counter!(CACHE, "cache" => self.name(), "outcome" => outcome));
        counter.increment(1);
    }

    fn name(self) -> &'static str {
        match self {
            Cache::Articles => "articles",
            Cache::Credentials => "credentials",
            Cache::Published => "published",
            Cache::Renditions => "renditions",
        }
    }
}

/// Tells how many bytes of what readers are served are kept in memory.
pub fn published_kept(bytes: u64) {
    metrics::gauge!(PUBLISHED_KEPT).set(bytes as f64);
}

/// Counts bytes of a photo that have come in.
pub fn count_upload(bytes: u64) {
    metrics::counter!(UPLOADED).increment(bytes);
}

/// Codes that a call can end with (gRPC, "Status codes").
const CODES: usize = 17;

/// A method as metrics name it.
///
/// What counts it is looked up once: by its labels, that takes longer than to count.
#[derive(Debug)]
pub struct Method {
    name: String,
    service: SharedString,
    method: SharedString,
    durations: OnceLock<Histogram>,
    ended: [OnceLock<Counter>; CODES],
}

impl Method {
    /// The method of a path, `/package.Service/Method`.
    pub fn of(path: &str) -> &'static Method {
        static METHODS: OnceLock<Methods> = OnceLock::new();
        let methods = METHODS.get_or_init(Methods::new);
        methods.known.get(path.strip_prefix('/').unwrap_or(path)).unwrap_or(&methods.unknown)
    }

    fn new(service: &str, method: &str) -> Method {
        let shared = |text: &str| SharedString::from_shared(Arc::from(text));
        Method {
            name: format!("{service}/{method}"),
            service: shared(service),
            method: shared(method),
            durations: OnceLock::new(),
            ended: [const { OnceLock::new() }; CODES],
        }
    }

    fn durations(&self) -> &Histogram {
        self.durations.get_or_init(|| {
            metrics::histogram!(DURATION, "service" => self.service.clone(), "method" => self.method.clone())
        })
    }

    fn ended(&self, code: Code) -> &Counter {
        self.ended[code as usize].get_or_init(|| {
            let (service, method) = (self.service.clone(), self.method.clone());
            let code = code_name(code);
            metrics::counter!(REQUESTS, "service" => service, "method" => method, "code" => code)
        })
    }

    /// `package.Service/Method`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts a call that begins.
    pub fn begin(&'static self) -> Metered {
        in_flight().increment(1);
        Metered { method: self }
    }
}

struct Methods {
    known: HashMap<String, Method>,
    unknown: Method,
}

impl Methods {
    fn new() -> Methods {
        let own = METHODS.iter().filter_map(|(name, ..)| {
            let (service, method) = name.split_once('/')?;
            Some(Method::new(&format!("masthead.v1.{service}"), method))
        });
        let beside = BESIDE.iter().map(|(service, method)| Method::new(service, method));
        let known = own.chain(beside).map(|method| (method.name.clone(), method)).collect();
        let unknown = Method { name: UNKNOWN.to_owned(), ..Method::new(UNKNOWN, UNKNOWN) };
        Methods { known, unknown }
    }
}

/// A call that is open and counted as such.
#[derive(Debug)]
pub struct Metered {
    method: &'static Method,
}

impl Metered {
    /// Counts that it has ended with this code after this time.
    pub fn end(&self, code: Code, elapsed: Duration) {
        self.method.durations().record(elapsed);
        self.method.ended(code).increment(1);
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        in_flight().decrement(1);
    }
}

fn in_flight() -> &'static Gauge {
    static OPEN: OnceLock<Gauge> = OnceLock::new();
    OPEN.get_or_init(|| metrics::gauge!(IN_FLIGHT))
}
