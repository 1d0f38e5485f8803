//! A desk: the clients of all services, with the token of the person who sits
//! there.

use std::{fmt::Write, time::Duration};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
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
    #[error("{0} is not an address; give one such as http://127.0.0.1:50051")]
    Address(String),
    /// The token cannot stand in a header.
    #[error("the token has characters that no token has; copy it again")]
    Token,
    /// Nobody answers.
    #[error("no server answers at {address}; is it running? ({cause})")]
    Unreachable {
        /// The address.
        address: String,
        /// What the system says.
        cause: tonic::transport::Error,
    },
}

impl Desk {
    /// Connects to a server.
    ///
    /// # Errors
    /// An address that is none, a token that is none, or no server there.
    pub async fn connect(address: &str, token: &str) -> Result<Desk, ConnectError> {
        let endpoint = Endpoint::from_shared(address.to_owned());
        // Without a scheme it would be taken for a path.
        let endpoint = endpoint.ok().filter(|endpoint| endpoint.uri().scheme_str() == Some("http"));
        let endpoint = endpoint.ok_or_else(|| ConnectError::Address(address.to_owned()))?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIME_MAX).tcp_nodelay(true);
        let unreachable = |cause| ConnectError::Unreachable { address: address.to_owned(), cause };
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
