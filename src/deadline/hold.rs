//! Holds calls to their time. tonic's own handling of `grpc-timeout` answers
//! without error info, and lets go of a stream as soon as it has begun.

use std::{
    collections::HashSet,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::{Frame, SizeHint};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

use super::{CURRENT, Deadline};
use crate::{
    config::{RequestSettings, requests},
    db::Db,
    error::{Error, last_frame},
};

/// The header in which a caller says how long it waits
/// (gRPC over HTTP2, "Timeout").
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The path before the methods that the limit of the server is for. Health and
/// reflection answer from memory, or watch.
const PREFIX: &str = "/masthead.v1.";

/// Holds calls to their time.
#[derive(Clone, Debug)]
pub struct Deadlines {
    db: Db,
    time_max: Duration,
    /// The paths of methods with a stream on either side.
    streams: Arc<HashSet<String>>,
}

impl Deadlines {
    /// The limits of a server on this database, which tells when its lines are
    /// dead.
    pub fn new(db: Db, settings: RequestSettings) -> Deadlines {
        Deadlines { db, time_max: settings.time_max(), streams: Arc::new(streams()) }
    }

    /// How long a call may take from now on, and whether it is a stream.
    fn time_of(&self, request: &Request<Body>) -> (Option<Duration>, bool) {
        let path = request.uri().path();
        let is_stream = !path.starts_with(PREFIX) || self.streams.contains(path);
        let given = request.headers().get(GRPC_TIMEOUT).and_then(|value| read(value.to_str().ok()?));
        let given = given.map(ahead_of);
        let cap = (!is_stream).then_some(self.time_max);
        (given.into_iter().chain(cap).min(), is_stream)
    }
}

/// The paths of all methods with a stream on either side.
fn streams() -> HashSet<String> {
    // What was compiled in can be read; reflection serves it too.
    let set = FileDescriptorSet::decode(crate::DESCRIPTOR_SET).unwrap_or_default();
    let services = set.file.iter().flat_map(|file| {
        file.service.iter().map(|service| (format!("/{}.{}", file.package(), service.name()), service))
    });
    let methods = services
        .flat_map(|(path, service)| service.method.iter().map(move |method| (path.clone(), method)))
        .filter(|(_, method)| method.client_streaming() || method.server_streaming());
    methods.map(|(path, method)| format!("{path}/{}", method.name())).collect()
}

/// Reads a timeout: at most 8 digits and a unit.
fn read(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// A little less than the time that a caller gives, so that it hears the answer.
fn ahead_of(given: Duration) -> Duration {
    given.saturating_sub((given / requests::ANSWER_TIME_PART).min(requests::ANSWER_TIME_MAX))
}

impl Deadlines {
    /// Does the work of a call in its time.
    pub async fn hold<W>(
        &self,
        request: Request<Body>,
        work: impl FnOnce(Request<Body>) -> W,
    ) -> Response<Body>
    where
        W: Future<Output = Response<Body>>,
    {
        let (time, is_stream) = self.time_of(&request);
        // Past what an instant can hold is as good as never.
        let end = time.and_then(|time| Instant::now().checked_add(time));
        let call = Deadline::new(end);
        // Where it stands, as moving it costs more than most answers do.
        let work = pin!(work(request));
        let mut work = pin!(CURRENT.scope(call.clone(), work));
        let answer = match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(answer) => answer,
            // What is watched meanwhile takes memory that answers from memory need not have.
            Poll::Pending => Box::pin(self.watch(work, &call)).await,
        };
        limited(answer, end.filter(|_| is_stream))
    }

    /// Waits for an answer as long as the call has time and its lines are not dead.
    async fn watch(
        &self,
        mut work: Pin<&mut impl Future<Output = Response<Body>>>,
        call: &Deadline,
    ) -> Response<Body> {
        let mut silence = self.db.silence();
        let mut end = pin!(passes(call.time()));
        let mut is_limited = true;
        loop {
            tokio::select! {
                biased;
                answer = &mut work => return answer,
                () = &mut end, if is_limited => {
                    if call.expire() {
                        return Status::from(Error::DeadlineExceeded).into_http();
                    }
                    // It commits, and what is committed is answered.
                    is_limited = false;
                }
                () = silence.found() => {
                    if call.holds_connection() {
                        return Status::from(crate::db::away()).into_http();
                    }
                }
            }
        }
    }
}

/// Waits for a time; for ever if there is none.
async fn passes(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// An answer whose body ends at this time.
fn limited(answer: Response<Body>, end: Option<Instant>) -> Response<Body> {
    match end {
        Some(end) => answer.map(|body| Body::new(Limited { body, sleep: Some(Box::pin(sleep_until(end))) })),
        None => answer,
    }
}

/// A stream that ends with a status when its time is over.
struct Limited {
    body: Body,
    /// None once it has ended.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Limited {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let Some(sleep) = self.sleep.as_mut() else { return Poll::Ready(None) };
        if sleep.as_mut().poll(context).is_pending() {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        self.sleep = None;
        // What the stream was at ends with it.
        self.body = Body::empty();
        Poll::Ready(Some(last_frame(Error::DeadlineExceeded)))
    }

    fn is_end_stream(&self) -> bool {
        self.sleep.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Nobody knows whether it comes to its end.
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_has_them() {
        let cases = [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("3S", Some(3_000)),
            ("40m", Some(40)),
            ("5000u", Some(5)),
            ("6000000n", Some(6)),
            ("99999999S", Some(99_999_999_000)),
            ("999999999S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("5s", None),
            ("-5S", None),
            ("5五", None),
        ];
        for (value, millis) in cases {
            assert_eq!(read(value), millis.map(Duration::from_millis), "{value}");
        }
    }
}
