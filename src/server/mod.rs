//! The server: connections, the way of each call, all services, reflection, health.
//!
//! [`listen`] accepts connections, and [`connection`] serves each: through [`tls`]
//! and [`io`] to hyper's HTTP/2, and its [`calls`] on their [`way`] to the services.
//! hyper is driven here and not by tonic, whose server does not let go of a connection:
//! neither to close it because it is idle, nor to cut it when the server must end.
//! Before that [`endings`] ends the calls of it.
//! [`lifetime`] says when a connection ends by what its [`traffic`] is, [`stop`]
//! how the server does.

mod calls;
mod connection;
mod endings;
mod frames;
pub mod health;
mod io;
mod lifetime;
mod listen;
mod stop;
mod tls;
mod traffic;
mod upkeep;
mod way;

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::watch};
use tonic::service::Routes;

use connection::Host;
use stop::Phase;
use upkeep::keep;
use way::{Handlers, Way};

use crate::{
    activity, admin, article,
    audit::{self, recorder::Recorder},
    auth::{Credentials, Gate, jwt::Issuers},
    config::{self, FeedSettings, ServiceSettings, TlsSettings},
    db::Db,
    deadline::hold::Deadlines,
    feed::{self, Channel, Limits},
    issue, newspaper,
    photo::{self, files::Files, rendition::stock::Renditions},
    publication::{self, cache::Published},
    reporter,
    vitals::{self, Vitals},
};

pub use listen::allow_many_files;
pub use stop::Running;

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
    /// The settings of the issuer cannot be used.
    #[error("{0}")]
    Identity(String),
    /// The descriptors that were compiled in are damaged.
    #[error("the built-in descriptors cannot be served by reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Anyone in the network could read along.
    #[error(
        "{address} can be reached from elsewhere, and without TLS tokens and drafts would pass in the clear; \
         give --tls-certificate and --tls-key, or listen on loopback as on 127.0.0.1:50051, or allow it with \
         --insecure-listen where something else ends TLS"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The files for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The serving task died.
    #[error("the server died: {0}")]
    Died(#[from] tokio::task::JoinError),
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

/// Whether a server may listen here: on loopback, with TLS, or if it is told to.
///
/// # Errors
/// It may not.
pub fn check_address(address: SocketAddr, tls: &TlsSettings) -> Result<(), Error> {
    let is_safe = tls.tls_certificate.is_some() || address.ip().to_canonical().is_loopback();
    if is_safe || tls.insecure_listen { Ok(()) } else { Err(Error::Exposed { address }) }
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
/// The address cannot or may not be listened on, or the files for TLS cannot be
/// used.
pub async fn start_with(
    address: SocketAddr,
    db: Db,
    files: Files,
    settings: ServiceSettings,
) -> Result<Running, Error> {
    check_address(address, &settings.tls)?;
    let identity = tls::Identity::load(&settings.tls).await?.map(Arc::new);
    let listener = TcpListener::bind(address).await.map_err(|cause| Error::Listen { address, cause })?;
    let address = listener.local_addr().map_err(|cause| Error::Listen { address, cause })?;
    let (health, health_service) = health::start(db.clone(), files.clone()).await;
    let feeds = Feeds::new(&db, &settings.feeds);
    let renditions = Renditions::new(db.clone(), files.clone(), &settings.renditions);
    let published = Published::new(db.house(), settings.reading);
    let photos = photo::rpc::Service::new(db.clone(), files.clone(), renditions.clone(), settings.uploads);
    let watched = (feeds.publications.clone(), feeds.changes.clone());
    let vitals = Vitals::new(db.clone(), files.clone(), watched, health.readiness(), settings.in_force);
    let beside = Routes::new(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    let publications = feeds.publications.clone();
    let handlers = Handlers {
        newspapers: newspaper::rpc::Service::new(db.clone()),
        issues: issue::rpc::Service::new(db.clone(), files.clone()),
        articles: article::rpc::Service::new(db.clone(), files.clone(), settings.reading),
        reporters: reporter::rpc::Service::new(db.clone()),
        photos,
        publications: publication::rpc::Service::new(db.clone(), published.clone(), renditions, publications),
        activity: activity::rpc::Service::new(db.clone(), feeds.changes.clone()),
        admin: admin::rpc::Service::new(db.clone(), files.clone(), vitals.clone()),
        beside,
    };
    let credentials = Credentials::new(db.house());
    let recorder = Recorder::new(db.house());
    let issuers = Issuers::new(&settings.identity).map_err(Error::Identity)?;
    let schedule = (db.house(), files.clone());
    let mut upkeep = vec![
        keep("credentials", &credentials, Credentials::run),
        keep("keys of the issuer", &issuers, Issuers::run),
        keep("what is published", &published, Published::run),
        keep("audit of refusals", &recorder, Recorder::run),
        keep("old audit", &db, move |db| audit::sweep::run(db, settings.access.audit_retention_days)),
        keep("figures", &vitals, vitals::sampler::run),
        keep("answers to repeated requests", &db, sweep_requests),
        keep("schedule of publications", &schedule, |(db, files)| publication::clock::run(db, files)),
        keep("old changes", &db, move |db| activity::sweep::run(db, settings.feeds.change_retention_days)),
        keep("statistics of reporters", &db, reporter::upkeep::run),
        keep("files of photos", &(db.clone(), files), |(db, files)| photo::sweep::run(db, files)),
        keep("search indexes", &db, admin::rebuild::run),
        keep("feeds", &(db.clone(), feeds.clone()), |(db, feeds)| {
            feed::hub::run(db, vec![feeds.publications, feeds.changes])
        }),
    ];
    if let Some(identity) = &identity {
        upkeep.push(keep("certificate", identity, |identity| async move { identity.keep_up().await }));
    }
    let gate = Gate::new(credentials.clone(), issuers, recorder.clone(), settings.access);
    let deadlines = Deadlines::new(db.clone(), settings.requests);
    let way = Way { deadlines, gate, services: handlers.into() };
    let (phase, phases) = watch::channel(Phase::default());
    let host = Arc::new(Host::new(way, identity, settings.connections, phases));
    let serving = tokio::spawn(listen::run(listener, host));
    let (pause, drain) = (settings.stop.pause(address), settings.stop.drain());
    Ok(Running { address, phase, serving, health, feeds, upkeep, recorder, credentials, pause, drain })
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(crate::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Forgets answers to repeated requests when nobody may ask for them any more.
async fn sweep_requests(db: Db) {
    loop {
        if let Err(error) = db.on_line(db.forget_requests()).await {
            tracing::warn!(%error, "old request ids could not be removed");
        }
        tokio::time::sleep(config::REQUEST_SWEEP_PERIOD).await;
    }
}
