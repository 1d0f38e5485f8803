//! The server: layers, all services, reflection, health, and a clean end. The
//! only file that names every service.

use std::{future::Future, net::SocketAddr};

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    activity, admin, article,
    auth::Gate,
    config::{self, FeedSettings, ServiceSettings},
    db::Db,
    feed::{self, Channel, Limits},
    issue, newspaper,
    pb::servers::{
        activity_service_server::ActivityServiceServer, admin_service_server::AdminServiceServer,
        article_service_server::ArticleServiceServer, issue_service_server::IssueServiceServer,
        newspaper_service_server::NewspaperServiceServer, photo_service_server::PhotoServiceServer,
        publication_service_server::PublicationServiceServer, reporter_service_server::ReporterServiceServer,
    },
    photo::{self, files::Files, rendition::stock::Renditions},
    publication, reporter,
    telemetry::Requests,
};

/// What can keep a server from serving.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}: {cause}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The descriptors that were compiled in are damaged.
    #[error("the built-in descriptors cannot be served by reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listening socket broke.
    #[error("the server broke: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// The serving task died.
    #[error("the server died: {0}")]
    Died(#[from] tokio::task::JoinError),
}

/// A server that is serving, in tasks of its own.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    upkeep: Vec<JoinHandle<()>>,
}

/// The feeds of a server.
#[derive(Clone)]
struct Feeds {
    publications: Channel,
    changes: Channel,
}

impl Feeds {
    fn new(db: &Db, settings: &FeedSettings) -> Feeds {
        let limits = Limits::new(settings);
        Feeds {
            publications: Channel::new(db.clone(), publication::rpc::watch::Ledger, limits.clone()),
            changes: Channel::new(db.clone(), activity::rpc::History, limits),
        }
    }

    fn end(&self) {
        self.publications.end();
        self.changes.end();
    }
}

/// Starts to serve, with the usual settings. Port 0 takes a free port;
/// [`Running::address`] says which.
///
/// # Errors
/// The address cannot be listened on.
pub async fn start(address: SocketAddr, db: Db, files: Files) -> Result<Running, Error> {
    start_with(address, db, files, ServiceSettings::default()).await
}

/// Starts to serve, as [`start`] does, with these settings.
///
/// # Errors
/// The address cannot be listened on.
pub async fn start_with(
    address: SocketAddr,
    db: Db,
    files: Files,
    settings: ServiceSettings,
) -> Result<Running, Error> {
    let listener = TcpListener::bind(address).await.map_err(|cause| Error::Listen { address, cause })?;
    let address = listener.local_addr().map_err(|cause| Error::Listen { address, cause })?;
    let (health, health_service) = tonic_health::server::health_reporter();
    // Nothing is well before the database has answered.
    report(&health, false).await;
    let feeds = Feeds::new(&db, &settings.feeds);
    let renditions = Renditions::new(db.clone(), files.clone(), &settings.renditions);
    let photos = photo::rpc::Service::new(db.clone(), files.clone(), renditions.clone(), settings.uploads);
    let routes = services(&db, &files, photos, renditions, &feeds).add_service(health_service);
    let routes = routes.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    let upkeep = vec![
        tokio::spawn(report_health(health, db.clone())),
        tokio::spawn(sweep_requests(db.clone())),
        tokio::spawn(publication::clock::run(db.clone(), files.clone())),
        tokio::spawn(activity::sweep::run(db.clone(), settings.feeds.change_retention_days)),
        tokio::spawn(reporter::upkeep::run(db.clone())),
        tokio::spawn(photo::sweep::run(db.clone(), files.clone())),
        tokio::spawn(admin::rebuild::run(db.clone())),
        tokio::spawn(feed::hub::run(db.clone(), vec![feeds.publications.clone(), feeds.changes.clone()])),
    ];
    // Without it small answers wait for the client's delayed acknowledgement.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (stop, stopped) = oneshot::channel();
    // A dropped sender is a stop too. Watches have no end of their own.
    let stopped = async move {
        stopped.await.unwrap_or_default();
        feeds.end();
    };
    let serving = tokio::spawn(
        Server::builder()
            .layer(Requests)
            .layer(Gate::new(db))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stopped),
    );
    Ok(Running { address, stop, serving, upkeep })
}

impl Running {
    /// The address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `signal` comes, then ends: no new calls, and calls in flight
    /// have [`config::DRAIN_TIME_MAX`].
    ///
    /// # Errors
    /// The server broke before or while ending.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> Result<(), Error> {
        tokio::select! {
            ended = &mut self.serving => {
                end(self.upkeep).await;
                return Ok(ended??);
            }
            () = signal => {}
        }
        self.stop().await
    }

    /// Ends: no new calls, and calls in flight have [`config::DRAIN_TIME_MAX`].
    ///
    /// # Errors
    /// The server broke while ending.
    pub async fn stop(mut self) -> Result<(), Error> {
        let _ = self.stop.send(());
        let ended = tokio::time::timeout(config::DRAIN_TIME_MAX, &mut self.serving).await;
        end(self.upkeep).await;
        match ended {
            Ok(ended) => Ok(ended??),
            Err(_) => {
                tracing::warn!("some calls did not end in time and were cut off");
                self.serving.abort();
                Ok(())
            }
        }
    }
}

/// Ends tasks, and waits until they have let go of their connections: the database may
/// be stopped next.
async fn end(tasks: Vec<JoinHandle<()>>) {
    tasks.iter().for_each(JoinHandle::abort);
    // That they were aborted is no news.
    futures::future::join_all(tasks).await;
}

/// Every service of the API, each with the same limit on messages.
fn services(
    db: &Db,
    files: &Files,
    photos: photo::rpc::Service,
    renditions: Renditions,
    feeds: &Feeds,
) -> Routes {
    macro_rules! limited {
        ($server:ident, $service:expr) => {
            $server::new($service).max_decoding_message_size(config::REQUEST_BYTES_MAX)
        };
    }
    let (db, files) = (|| db.clone(), || files.clone());
    Routes::default()
        .add_service(limited!(NewspaperServiceServer, newspaper::rpc::Service::new(db())))
        .add_service(limited!(IssueServiceServer, issue::rpc::Service::new(db(), files())))
        .add_service(limited!(ArticleServiceServer, article::rpc::Service::new(db(), files())))
        .add_service(limited!(ReporterServiceServer, reporter::rpc::Service::new(db())))
        .add_service(limited!(PhotoServiceServer, photos))
        .add_service(limited!(
            PublicationServiceServer,
            publication::rpc::Service::new(db(), renditions, feeds.publications.clone())
        ))
        .add_service(limited!(
            ActivityServiceServer,
            activity::rpc::Service::new(db(), feeds.changes.clone())
        ))
        .add_service(limited!(AdminServiceServer, admin::rpc::Service::new(db(), files())))
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(crate::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Keeps the health service up to date with what a probe of the database says.
async fn report_health(health: HealthReporter, db: Db) {
    let mut was_healthy = None;
    loop {
        let probe = tokio::time::timeout(config::CONNECTION_WAIT_MAX, db.probe()).await;
        let healthy = matches!(probe, Ok(Ok(())));
        if was_healthy != Some(healthy) {
            was_healthy = Some(healthy);
            tracing::info!(healthy, "database probe");
            report(&health, healthy).await;
        }
        tokio::time::sleep(config::HEALTH_PROBE_PERIOD).await;
    }
}

/// Says of the server and of each service whether it is well.
async fn report(health: &HealthReporter, healthy: bool) {
    let status = if healthy { ServingStatus::Serving } else { ServingStatus::NotServing };
    health.set_service_status("", status).await;
    for service in service_names() {
        health.set_service_status(service, status).await;
    }
}

/// The full names of the services of the API, as the method table has them.
fn service_names() -> Vec<String> {
    let services = crate::auth::METHODS.iter().filter_map(|(method, _)| method.split_once('/'));
    let mut names: Vec<String> = services.map(|(service, _)| format!("masthead.v1.{service}")).collect();
    names.dedup();
    names
}

/// Forgets answers to repeated requests when nobody may ask for them any more.
async fn sweep_requests(db: Db) {
    loop {
        if let Err(error) = db.forget_requests().await {
            tracing::warn!(%error, "old request ids could not be removed");
        }
        tokio::time::sleep(config::REQUEST_SWEEP_PERIOD).await;
    }
}
