//! The layer that ends calls when the server stops, with a status that says so. It
//! stands within the outermost layer, which counts and logs that status like any other.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::traffic::{Ending, Traffic};
use crate::error::Error;

/// Streams that have no end of their own and that nobody misses: of health and of
/// reflection.
const STANDING: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// Ends calls when the [`Traffic`] of their connection, in the extensions of the request,
/// says so.
#[derive(Clone, Copy, Debug)]
pub struct Endings;

impl<S> Layer<S> for Endings {
    type Service = Ended<S>;

    fn layer(&self, inner: S) -> Ended<S> {
        Ended { inner }
    }
}

/// A service whose calls the server can end.
#[derive(Clone, Debug)]
pub struct Ended<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Ended<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Send,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut ended = ended(&request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            // What is there goes first, also because most answers are there at once.
            let response = tokio::select! {
                biased;
                response = answer => response?,
                () = &mut ended => return Ok(stopping().into_http()),
            };
            Ok(response.map(|body| Body::new(Answer { body, ended, is_over: false })))
        })
    }
}

/// Waits until the server ends this call.
fn ended(request: &Request<Body>) -> BoxFuture<'static, ()> {
    let Some(traffic) = request.extensions().get::<Arc<Traffic>>() else {
        return Box::pin(std::future::pending());
    };
    let mut endings = traffic.endings();
    let is_standing = STANDING.iter().any(|service| request.uri().path().starts_with(service));
    let at = if is_standing { Ending::Standing } else { Ending::All };
    Box::pin(async move {
        if endings.wait_for(|ending| *ending >= at).await.is_err() {
            // The connection is gone, and with it whoever waits for this.
            std::future::pending().await
        }
    })
}

fn stopping() -> Status {
    Error::Stopping { cursor: None }.into()
}

/// The body of an answer that the server can end.
struct Answer {
    body: Body,
    ended: BoxFuture<'static, ()>,
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
        if frame.is_pending() && answer.ended.as_mut().poll(context).is_ready() {
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
