//! The server to compare with: bare tonic that sends the same bytes from memory, to
//! whoever asks. It runs in a process of its own, which is this program again.

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    path::Path,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes};
use futures::{StreamExt, future::BoxFuture, stream, stream::BoxStream};
use http::{Request, Response};
use masthead::pb::GetArticleRequest;
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    Status,
    body::Body,
    codec::{Codec, EncodeBuf, Encoder},
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
    transport::server::TcpIncoming,
};
use tonic_prost::ProstDecoder;

use crate::{Outcome, now};

/// Messages that are sent to every stream, as they come.
type Announced = watch::Receiver<Bytes>;

/// Answers each get with the message that is kept for its name, and sends each stream
/// what is announced.
#[derive(Clone)]
struct Bare {
    messages: Arc<HashMap<String, Bytes>>,
    announced: Announced,
}

/// All methods of which the first field of the request is a name.
impl NamedService for Bare {
    const NAME: &'static str = "masthead.v1.PublicationService";
}

/// The same under the other name.
#[derive(Clone)]
struct BareArticles(Bare);

impl NamedService for BareArticles {
    const NAME: &'static str = "masthead.v1.ArticleService";
}

impl tower::Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let bare = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Plain);
            Ok(if request.uri().path().contains("/Watch") {
                grpc.server_streaming(bare, request).await
            } else {
                grpc.unary(bare, request).await
            })
        })
    }
}

impl tower::Service<Request<Body>> for BareArticles {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        tower::Service::call(&mut self.0, request)
    }
}

impl UnaryService<GetArticleRequest> for Bare {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<GetArticleRequest>) -> Self::Future {
        let message = self.messages.get(&request.get_ref().name).cloned();
        Box::pin(async move {
            message.map(tonic::Response::new).ok_or_else(|| Status::not_found("no message of this name"))
        })
    }
}

impl ServerStreamingService<GetArticleRequest> for Bare {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: tonic::Request<GetArticleRequest>) -> Self::Future {
        let mut announced = self.announced.clone();
        // The first message, as the service's streams begin with one too.
        announced.mark_changed();
        let messages = stream::unfold(announced, |mut announced| async {
            announced.changed().await.ok()?;
            let message = announced.borrow_and_update().clone();
            Some((Ok(message), announced))
        });
        Box::pin(async { Ok(tonic::Response::new(messages.boxed())) })
    }
}

/// Takes requests as every tonic server does, and sends ready bytes.
#[derive(Clone, Copy)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = GetArticleRequest;
    type Encoder = Plain;
    type Decoder = ProstDecoder<GetArticleRequest>;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::default()
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

/// Writes the messages that a yardstick is to know to a file.
pub fn write_messages(file: &Path, messages: impl IntoIterator<Item = (String, Bytes)>) -> Outcome<()> {
    let mut bytes = Vec::new();
    for (name, message) in messages {
        for part in [name.as_bytes(), &message] {
            bytes.extend((part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    Ok(fs::write(file, bytes)?)
}

fn read_messages(file: &Path) -> Outcome<HashMap<String, Bytes>> {
    let mut rest = Bytes::from(fs::read(file)?);
    let mut messages = HashMap::new();
    while !rest.is_empty() {
        let mut part = || {
            let size = rest.split_to(4);
            let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]);
            rest.split_to(size as usize)
        };
        let name = String::from_utf8(part().to_vec())?;
        // A buffer of its own, as a server has that did not read it from a file.
        messages.insert(name, Bytes::copy_from_slice(&part()));
    }
    Ok(messages)
}

/// Serves until standard input ends: what stands in the file, and to streams each line
/// of hex that comes. Prints its address, and for each line when it was handed over.
pub async fn serve(file: &Path) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (announce, announced) = watch::channel(Bytes::new());
    let bare = Bare { messages: Arc::new(read_messages(file)?), announced };
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server =
        tonic::transport::Server::builder().add_service(BareArticles(bare.clone())).add_service(bare);
    tokio::spawn(server.serve_with_incoming(incoming));
    println!("{address}");
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            let message = data_encoding::HEXLOWER.decode(line?.as_bytes())?;
            println!("{}", now());
            announce.send_replace(message.into());
        }
        Ok(())
    })
    .await?
}
