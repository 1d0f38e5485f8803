//! Answers that are ready to be sent, as they are kept in memory: without encoding or
//! copying them again. tonic encodes every message into a buffer of its own, also one
//! that is kept as bytes.
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
use prost::Message;
use tonic::{Response, Status, body::Body};

/// Bytes before each message: whether it is compressed, and its length (gRPC over HTTP2,
/// "Length-Prefixed-Message").
const PREFIX_BYTES: usize = 5;

/// An encoded message as it goes over the wire, with what stands before it. Cloning it
/// copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready(Bytes);

impl Ready {
    /// A message that was encoded before.
    pub fn of(message: &[u8]) -> Ready {
        Ready::with(message.len(), |buffer| buffer.put_slice(message))
    }

    /// A message, encoded.
    pub fn encode(message: &impl Message) -> Ready {
        Ready::with(message.encoded_len(), |buffer| message.encode_raw(buffer))
    }

    fn with(length: usize, put: impl FnOnce(&mut BytesMut)) -> Ready {
        let mut buffer = BytesMut::with_capacity(PREFIX_BYTES + length);
        buffer.put_u8(0);
        // Nothing here has 4 GiB: articles and issues are bounded long before.
        buffer.put_u32(length as u32);
        put(&mut buffer);
        Ready(buffer.freeze())
    }

    /// The encoded message.
    pub fn message(&self) -> Bytes {
        self.0.slice(PREFIX_BYTES..)
    }

    /// Bytes that it takes in memory.
    pub fn size_bytes(&self) -> usize {
        self.0.len()
    }
}

/// The answer that consists of this message, to callers who expect a `T`.
pub fn answer<T: Default>(message: Ready) -> Response<T> {
    let mut response = Response::new(T::default());
    response.extensions_mut().insert(message);
    response
}

/// Puts the message of [`answer`] into its response.
pub fn send(mut response: http::Response<Body>) -> http::Response<Body> {
    match response.extensions_mut().remove::<Ready>() {
        Some(message) => response.map(|_| Body::new(Sending::Message(message))),
        None => response,
    }
}

/// The body of a response, by what comes next.
enum Sending {
    Message(Ready),
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
            Sending::Message(message) => (Frame::data(message.0), Sending::Status),
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
