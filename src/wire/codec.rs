//! How servers read and write messages: protobuf as prost does it, with two
//! differences. A message that cannot be decoded is the caller's mistake
//! (INVALID_ARGUMENT; tonic-prost says INTERNAL), and a sealed snapshot is sent
//! as the bytes that it was stored as.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, skip_field},
};
use tonic::{
    Status,
    codec::{DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::error::Error;

/// The codec of all servers: encodes `T`, decodes `U`.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Codec(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Codec<T, U>;
    type Decoder = Codec<T, U>;

    fn encoder(&mut self) -> Self::Encoder {
        Codec::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Codec::default()
    }
}

impl<T: Message, U> Encoder for Codec<T, U> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|error| Error::Internal(format!("an answer does not fit: {error}")).into())
    }
}

impl<T, U: Message + Default> Decoder for Codec<T, U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(buffer).map(Some).map_err(|error| Error::Malformed(error.to_string()).into())
    }
}

/// The encoded bytes of a message that was sealed earlier. Stands in for that
/// message wherever a server answers with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed(pub Bytes);

impl Message for Sealed {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        // Servers never receive one.
        skip_field(wire_type, tag, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0 = Bytes::new();
    }
}
