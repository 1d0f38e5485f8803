//! A desk: the clients of all services, with the token of the person who sits
//! there.

use std::{fmt::Write, time::Duration};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;

use crate::pb::{
    activity_service_client::ActivityServiceClient, admin_service_client::AdminServiceClient,
    article_service_client::ArticleServiceClient, issue_service_client::IssueServiceClient,
    newspaper_service_client::NewspaperServiceClient, photo_service_client::PhotoServiceClient,
    publication_service_client::PublicationServiceClient, reporter_service_client::ReporterServiceClient,
};

/// Time to reach the server at most.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes of one answer at most: a published issue may be large.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A channel that shows a token with each call.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Adds the `authorization` header.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The clients of one person.
#[derive(Clone)]
pub struct Desk {
    /// `NewspaperService`
    pub newspapers: NewspaperServiceClient<Authorized>,
    /// `IssueService`
    pub issues: IssueServiceClient<Authorized>,
    /// `ArticleService`
    pub articles: ArticleServiceClient<Authorized>,
    /// `ReporterService`
    pub reporters: ReporterServiceClient<Authorized>,
    /// `PhotoService`
    pub photos: PhotoServiceClient<Authorized>,
    /// `PublicationService`
    pub publications: PublicationServiceClient<Authorized>,
    /// `ActivityService`
    pub activity: ActivityServiceClient<Authorized>,
    /// `AdminService`
    pub admin: AdminServiceClient<Authorized>,
}

/// What can go wrong before the first call.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no URL.
    #[error(
        "{0} is not an address; give one such as http://127.0.0.1:50051 or https://masthead.example:50051"
    )]
    Address(String),
    /// The token cannot stand in a header.
    #[error("the token has characters that no token has; copy it again")]
    Token,
    /// The certificates of the authority are none.
    #[error("the certificates of the authority cannot be used: {0}")]
    Authority(tonic::transport::Error),
    /// Nobody answers, or whoever does is not trusted.
    #[error("no server answers at {address}; is it running{}? ({cause})", also(.address))]
    Unreachable {
        /// The address.
        address: String,
        /// What the system says.
        cause: String,
    },
}

impl Desk {
    /// Connects to a server; over TLS to one of an authority that this machine trusts.
    ///
    /// # Errors
    /// An address that is none, a token that is none, or no server there.
    pub async fn connect(address: &str, token: &str) -> Result<Desk, ConnectError> {
        Desk::connect_trusting(address, token, None).await
    }

    /// Connects to a server whose certificate an authority has signed; `authority`
    /// is its own certificate in PEM.
    ///
    /// # Errors
    /// As of [`Desk::connect`], or an authority that is none.
    pub async fn connect_trusting(
        address: &str,
        token: &str,
        authority: Option<String>,
    ) -> Result<Desk, ConnectError> {
        let endpoint = Endpoint::from_shared(address.to_owned());
        // Without a scheme it would be taken for a path.
        let has_scheme = |endpoint: &Endpoint| matches!(endpoint.uri().scheme_str(), Some("http" | "https"));
        let endpoint = endpoint.ok().filter(has_scheme);
        let mut endpoint = endpoint.ok_or_else(|| ConnectError::Address(address.to_owned()))?;
        if endpoint.uri().scheme_str() == Some("https") {
            let trust = match authority {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint.tls_config(trust).map_err(ConnectError::Authority)?;
        }
        let endpoint = endpoint.connect_timeout(CONNECT_TIME_MAX).tcp_nodelay(true);
        let unreachable =
            |error| ConnectError::Unreachable { address: address.to_owned(), cause: chain(&error) };
        let channel = endpoint.connect().await.map_err(unreachable)?;
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {}", token.trim()).parse().map_err(|_| ConnectError::Token)?;
        // Keeps it out of the debug output of requests.
        value.set_sensitive(true);
        Ok(Desk::on(InterceptedService::new(channel, Bearer(value))))
    }

    fn on(channel: Authorized) -> Desk {
        Desk {
            newspapers: NewspaperServiceClient::new(channel.clone()),
            issues: IssueServiceClient::new(channel.clone()),
            articles: ArticleServiceClient::new(channel.clone()),
            reporters: ReporterServiceClient::new(channel.clone()),
            photos: PhotoServiceClient::new(channel.clone()),
            publications: PublicationServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            activity: ActivityServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel),
        }
    }
}

/// What else may be the matter.
fn also(address: &str) -> &'static str {
    if address.starts_with("https") { ", and its authority given with --tls-ca" } else { "" }
}

/// An error and what caused it: tonic's own says no more than "transport error".
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.last().unwrap_or(error).to_string()
}

/// An error of the API in words for a person, with every violation that it
/// lists on a line of its own.
pub fn explain(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = status.message().to_owned();
    if let Some(info) = details.error_info() {
        let _ = write!(text, " [{}]", info.reason);
    }
    let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    for violation in fields {
        let _ = write!(text, "\n  {}: {}", violation.field, violation.description);
    }
    let checks =
        details.precondition_failure().map(|failure| failure.violations.as_slice()).unwrap_or_default();
    for violation in checks {
        let _ = write!(text, "\n  {}: {} {}", violation.r#type, violation.subject, violation.description);
    }
    text
}
