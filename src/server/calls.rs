//! The calls of one connection: each is told where it comes from, and counted while it
//! is open.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tonic::{Status, body::Body};

use super::{
    traffic::Traffic,
    way::{self, Way},
};
use crate::auth::Connection;

/// The API as one connection reaches it.
#[derive(Clone)]
pub struct Calls {
    way: Arc<Way>,
    connection: Connection,
    traffic: Arc<Traffic>,
}

impl Calls {
    /// The calls of this connection.
    pub fn new(way: Arc<Way>, connection: Connection, traffic: Arc<Traffic>) -> Calls {
        Calls { way, connection, traffic }
    }
}

impl hyper::service::Service<Request<Incoming>> for Calls {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let call = Call::begin(self.traffic.clone());
        let request = request.map(|body| Body::new(Asked { body, is_broken: false }));
        let Calls { way, connection, traffic } = self.clone();
        Box::pin(async move {
            let answer = way.go(request, connection, traffic).await;
            Ok(answer.map(|body| Answer { body, call }))
        })
    }
}

/// An open call, from its headers to the end of its answer.
struct Call {
    traffic: Arc<Traffic>,
    is_held: bool,
}

impl Call {
    fn begin(traffic: Arc<Traffic>) -> Call {
        traffic.begin_call();
        Call { traffic, is_held: false }
    }

    fn hold(&mut self, hold: bool) {
        match (self.is_held, hold) {
            (false, true) => self.traffic.hold_call(),
            (true, false) => self.traffic.release_call(),
            _ => return,
        }
        self.is_held = hold;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.hold(false);
        self.traffic.end_call();
    }
}

/// The body of a request.
///
/// Of one that breaks off nobody waits for the answer, and no fault of the server is to
/// be told of it. So it waits first: hyper then asks after the stream and drops the
/// call. Only who reads on in a task of their own learns of the end, by a code that
/// tonic 0.14.9 hands on; `CANCELLED` it would take for the end of what was to be sent.
struct Asked {
    body: Incoming,
    is_broken: bool,
}

impl http_body::Body for Asked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_broken {
            return Poll::Ready(Some(Err(Status::aborted("the call was broken off"))));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(_)) => {
                self.is_broken = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. It is asked for its next part when the client has room
/// for it.
pub struct Answer {
    body: way::Answer,
    call: Call,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Answer { body, call } = &mut *self;
        call.hold(false);
        let frame = Pin::new(body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            call.hold(frame.is_data());
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
