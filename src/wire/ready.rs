//! Large answers that are ready to be sent, without a copy: tonic encodes every message
//! into a buffer of its own, also one that is kept as bytes.
//!
//! A handler gives its message to [`answer`]; [`send`], behind all handlers, puts it
//! where the encoded one would have been.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use tonic::{Response, Status, body::Body};

use super::codec::Sealed;

/// From how many bytes on a message is sent without a copy. Below that, a copy costs less
/// than a frame of its own.
const WHOLE_BYTES_MIN: usize = 16 * 1024;

/// Bytes before each message: whether it is compressed, and its length (gRPC over HTTP2,
/// "Length-Prefixed-Message").
const PREFIX_BYTES: usize = 5;

/// A message on its way from a handler to [`send`].
#[derive(Clone)]
struct Whole(Bytes);

/// The answer that consists of this message.
pub fn answer(message: Bytes) -> Response<Sealed> {
    if message.len() < WHOLE_BYTES_MIN {
        return Response::new(Sealed(message));
    }
    let mut response = Response::new(Sealed::default());
    response.extensions_mut().insert(Whole(message));
    response
}

/// Puts the message of [`answer`] into its response.
pub fn send(mut response: http::Response<Body>) -> http::Response<Body> {
    match response.extensions_mut().remove::<Whole>() {
        Some(Whole(message)) => response.map(|_| Body::new(Sending::Prefix(message))),
        None => response,
    }
}

/// The body of a response, by what comes next.
enum Sending {
    Prefix(Bytes),
    Message(Bytes),
    Status,
    Nothing,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let (frame, next) = match std::mem::replace(&mut *self, Sending::Nothing) {
            Sending::Prefix(message) => {
                let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
                prefix.put_u8(0);
                // No snapshot has 4 GiB: published issues are bounded long before.
                prefix.put_u32(message.len() as u32);
                (Frame::data(prefix.freeze()), Sending::Message(message))
            }
            Sending::Message(message) => (Frame::data(message), Sending::Status),
            Sending::Status => {
                let ok = HeaderValue::from_static("0");
                (Frame::trailers(HeaderMap::from_iter([(Status::GRPC_STATUS, ok)])), Sending::Nothing)
            }
            Sending::Nothing => return Poll::Ready(None),
        };
        *self = next;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Sending::Nothing)
    }
}
