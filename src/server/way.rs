//! The way of a call from its headers to the handler, and of the answer back: past what
//! tells of it, what ends it when the server stops, its deadline, the gate. Plain
//! functions within each other, and not layers of boxes: a call that is answered from
//! memory would spend more time on these than on its answer.

use std::{convert::Infallible, pin::pin, sync::Arc};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::{body::Body, server::NamedService, service::Routes};
use tower::{Service, ServiceExt};

use super::{endings, traffic::Traffic};
use crate::{
    activity, admin, article,
    auth::{Connection, Gate},
    config,
    deadline::hold::Deadlines,
    issue, newspaper,
    pb::servers::{
        activity_service_server::ActivityServiceServer, admin_service_server::AdminServiceServer,
        article_service_server::ArticleServiceServer, issue_service_server::IssueServiceServer,
        newspaper_service_server::NewspaperServiceServer, photo_service_server::PhotoServiceServer,
        publication_service_server::PublicationServiceServer, reporter_service_server::ReporterServiceServer,
    },
    photo, publication, reporter,
    telemetry::requests,
    wire,
};

/// The body of an answer.
pub type Answer = requests::Answer<endings::Answer>;

/// The way of all calls.
pub struct Way {
    pub deadlines: Deadlines,
    pub gate: Gate,
    pub services: Services,
}

impl Way {
    /// Answers a call.
    pub async fn go(
        &self,
        request: Request<Body>,
        connection: Connection,
        traffic: Arc<Traffic>,
    ) -> Response<Answer> {
        let Connection { peer, certificate } = connection;
        let work = async |request: Request<Body>, call| {
            let at = endings::of_path(request.uri().path());
            let work = self.deadlines.hold(request, |request| {
                self.gate.guard(request, call, certificate, |request| self.services.answer(request))
            });
            endings::unless_ended(at, traffic, pin!(work)).await
        };
        requests::tell(request, peer.map(|peer| peer.ip()), work).await
    }
}

/// Makes [`Handlers`] and [`Services`].
macro_rules! services {
    ($($field:ident: $server:ident<$handlers:ty>,)*) => {
        /// The handlers of every service of the API, and what is served beside it.
        pub struct Handlers {
            $(pub $field: $handlers,)*
            /// Health and reflection.
            pub beside: Routes,
        }

        /// Every service of the API, each with the same limit on messages.
        pub struct Services {
            $($field: $server<$handlers>,)*
            beside: Routes,
        }

        impl From<Handlers> for Services {
            fn from(handlers: Handlers) -> Services {
                let bytes_max = config::REQUEST_BYTES_MAX;
                Services {
                    $($field: $server::new(handlers.$field).max_decoding_message_size(bytes_max),)*
                    beside: handlers.beside.prepare(),
                }
            }
        }

        impl Services {
            /// The answer of the handler that a path names.
            async fn answer(&self, request: Request<Body>) -> Response<Body> {
                let service = request.uri().path().split('/').nth(1).unwrap_or_default();
                let handled: BoxFuture<'static, Result<Response<Body>, Infallible>> =
                    $(if service == <$server<$handlers> as NamedService>::NAME {
                        self.$field.clone().call(request)
                    } else)* {
                        Box::pin(self.beside.clone().oneshot(request))
                    };
                match handled.await {
                    Ok(answer) => wire::ready::send(answer),
                    Err(never) => match never {},
                }
            }
        }
    };
}

services! {
    newspapers: NewspaperServiceServer<newspaper::rpc::Service>,
    issues: IssueServiceServer<issue::rpc::Service>,
    articles: ArticleServiceServer<article::rpc::Service>,
    reporters: ReporterServiceServer<reporter::rpc::Service>,
    photos: PhotoServiceServer<photo::rpc::Service>,
    publications: PublicationServiceServer<publication::rpc::Service>,
    activity: ActivityServiceServer<activity::rpc::Service>,
    admin: AdminServiceServer<admin::rpc::Service>,
}
