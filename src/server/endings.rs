//! Ends calls when the server stops, with a status that says so, within what counts and
//! logs that status like any other.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use super::traffic::{Ending, Traffic};
use crate::error::Error;

/// Streams that have no end of their own and that nobody misses: of health and of
/// reflection.
const STANDING: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// With which calls the server ends a call of this path.
pub fn of_path(path: &str) -> Ending {
    let is_standing = STANDING.iter().any(|service| path.starts_with(service));
    if is_standing { Ending::Standing } else { Ending::All }
}

/// Does the work of a call, unless the [`Traffic`] of its connection is ended first.
pub async fn unless_ended(
    at: Ending,
    traffic: Arc<Traffic>,
    work: impl Future<Output = Response<Body>>,
) -> Response<Answer> {
    let mut end = End { traffic, at, coming: None };
    // What is there goes first, also because most answers are there at once.
    let response = tokio::select! {
        biased;
        response = work => response,
        () = poll_fn(|context| end.poll(context)) => stopping().into_http(),
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

fn stopping() -> Status {
    Error::Stopping { cursor: None }.into()
}

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
        let frame = Pin::new(&mut answer.body).poll_frame(context);
        // What is there goes first: that the server leaves, to those who watch its
        // health. tonic's frames end where messages do, so that the status may follow any.
        if frame.is_pending() && answer.end.poll(context).is_ready() {
            answer.is_over = true;
            let mut trailers = HeaderMap::new();
            return Poll::Ready(Some(
                stopping().add_header(&mut trailers).map(|()| Frame::trailers(trailers)),
            ));
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
