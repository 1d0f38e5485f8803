//! Ends calls that do not come to an end of their own: when the server stops, and when
//! their work panics, with a status that says so, within what counts and logs that status
//! like any other. Of a panic nobody would hear otherwise: hyper takes back the stream, as
//! if its client had.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use super::traffic::{Ending, Traffic};
use crate::error::{Error, last_frame};

/// Streams that have no end of their own and that nobody misses: of health and of
/// reflection.
const STANDING: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// With which calls the server ends a call of this path.
pub fn of_path(path: &str) -> Ending {
    let is_standing = STANDING.iter().any(|service| path.starts_with(service));
    if is_standing { Ending::Standing } else { Ending::All }
}

/// Does the work of a call, unless the [`Traffic`] of its connection is ended first. What
/// calls share must stand a panic: nothing in there may be half done.
pub async fn unless_ended(
    at: Ending,
    traffic: Arc<Traffic>,
    mut work: Pin<&mut impl Future<Output = Response<Body>>>,
) -> Response<Answer> {
    let mut end = End { traffic, at, coming: None };
    let work = poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Status::from(Error::Panicked).into_http()))
    });
    // What is there goes first, also because most answers are there at once.
    let response = tokio::select! {
        biased;
        response = work => response,
        () = poll_fn(|context| end.poll(context)) => Status::from(STOPPING).into_http(),
    };
    response.map(|body| Answer { body, end, is_over: false })
}

/// The end of a call by the server.
struct End {
    traffic: Arc<Traffic>,
    at: Ending,
    /// Made when it is first waited for, as most calls never do.
    coming: Option<BoxFuture<'static, ()>>,
}

impl End {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let coming = self.coming.get_or_insert_with(|| {
            let (mut endings, at) = (self.traffic.endings(), self.at);
            Box::pin(async move {
                if endings.wait_for(|ending| *ending >= at).await.is_err() {
                    // The connection is gone, and with it whoever waits for this.
                    std::future::pending().await
                }
            })
        });
        coming.as_mut().poll(context)
    }
}

const STOPPING: Error = Error::Stopping { cursor: None };

/// The body of an answer that the server can end.
pub struct Answer {
    body: Body,
    end: End,
    is_over: bool,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let answer = &mut *self;
        if answer.is_over {
            return Poll::Ready(None);
        }
        let body = Pin::new(&mut answer.body);
        let Ok(frame) = catch_unwind(AssertUnwindSafe(|| body.poll_frame(context))) else {
            answer.is_over = true;
            return Poll::Ready(Some(last_frame(Error::Panicked)));
        };
        // What is there goes first: that the server leaves, to those who watch its health.
        if frame.is_pending() && answer.end.poll(context).is_ready() {
            answer.is_over = true;
            return Poll::Ready(Some(last_frame(STOPPING)));
        }
        answer.is_over = matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tonic::Code;

    use super::*;

    async fn answer(work: impl Future<Output = Response<Body>>) -> Response<Answer> {
        unless_ended(Ending::All, Arc::new(Traffic::new()), pin!(work)).await
    }

    #[tokio::test]
    async fn work_that_panics_is_answered() {
        let response = answer(async { panic!("a mistake") }).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!((status.code(), status.message().contains("mistake")), (Code::Internal, false));
    }

    /// Sends one message, then panics.
    struct Panics {
        has_sent: bool,
    }

    impl http_body::Body for Panics {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            assert!(!std::mem::replace(&mut self.has_sent, true), "a mistake");
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"message")))))
        }
    }

    #[tokio::test]
    async fn a_stream_that_panics_ends_with_a_status_behind_what_was_sent() {
        let mut body =
            answer(async { Response::new(Body::new(Panics { has_sent: false })) }).await.into_body();
        let mut next =
            async || poll_fn(|context| http_body::Body::poll_frame(Pin::new(&mut body), context)).await;
        let sent = next().await.expect("a message").expect("a message");
        assert_eq!(sent.into_data().ok(), Some(Bytes::from_static(b"message")));
        let last = next().await.expect("an end").expect("an end");
        let status = last.trailers_ref().and_then(Status::from_header_map).expect("a status");
        assert_eq!(status.code(), Code::Internal);
        assert!(next().await.is_none());
    }
}
