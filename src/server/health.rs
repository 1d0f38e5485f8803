//! Whether the server lives and is ready, for balancers and whoever restarts it.
//! gRPC's health service answers for these names, and tells whoever watches them:
//!
//! | name | serving while |
//! |---|---|
//! | `liveness` | the process answers at all; until its end |
//! | empty, `readiness`, each `masthead.v1` service | the database answers, and the server is not stopping |
//! | `masthead.v1.PhotoService` | that, and the photo store is there |

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tonic_health::{
    ServingStatus,
    pb::health_server::{self, HealthServer},
    server::HealthReporter,
};

use super::upkeep::keep;
use crate::{
    auth::table::METHODS,
    config::telemetry::{PHOTO_STORE_PROBE_PERIOD, PHOTO_STORE_PROBE_TIME_MAX},
    db::Db,
    photo::files::Files,
};

/// The name that serves until the process ends.
const LIVENESS: &str = "liveness";

/// A name for readiness beside the empty one, which says what it is.
const READINESS: &str = "readiness";

/// The service that needs the photo store.
const PHOTO_SERVICE: &str = "masthead.v1.PhotoService";

/// What the probes have found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the database answers.
    pub has_database: bool,
    /// Whether the photo store is there and can be written.
    pub has_photo_store: bool,
    /// Whether the server is about to end.
    pub is_stopping: bool,
}

/// Follows what the probes find.
pub type Readiness = watch::Receiver<State>;

impl State {
    /// What keeps the server from being ready, in words.
    pub fn obstacle(&self) -> Option<&'static str> {
        match self {
            State { is_stopping: true, .. } => Some("the server is stopping"),
            State { has_database: false, .. } => Some("the database does not answer"),
            _ => None,
        }
    }

    fn is_ready(&self) -> bool {
        self.obstacle().is_none()
    }
}

/// What a server says of its health. Dropped, it says no more.
#[derive(Debug)]
pub struct Health {
    reporter: HealthReporter,
    state: watch::Sender<State>,
    probes: [JoinHandle<()>; 2],
    telling: JoinHandle<()>,
}

/// Begins to probe the database and the photo store; with the service that tells of
/// it. Nothing is ready before the database has answered.
pub async fn start(db: Db, files: Files) -> (Health, HealthServer<impl health_server::Health>) {
    let (reporter, service) = tonic_health::server::health_reporter();
    // Photos are there until they are missed.
    let state = watch::Sender::new(State { has_photo_store: true, ..State::default() });
    tell(&reporter, State { has_photo_store: true, ..State::default() }).await;
    reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    let probes = [
        keep("probe of the database", &(db, state.clone()), |(db, state)| probe_database(db, state)),
        keep("probe of the photo store", &(files, state.clone()), |(files, state)| {
            probe_photo_store(files, state)
        }),
    ];
    let telling =
        keep("health", &(reporter.clone(), state.subscribe()), |(reporter, state)| follow(reporter, state));
    (Health { reporter, state, probes, telling }, service)
}

impl Health {
    /// Follows it from here.
    pub fn readiness(&self) -> Readiness {
        self.state.subscribe()
    }

    /// Says from now on that nothing is served here; those who watch have been told.
    pub async fn leave(&self) {
        self.state.send_modify(|state| state.is_stopping = true);
        let now = *self.state.borrow();
        tell(&self.reporter, now).await;
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.probes.iter().for_each(JoinHandle::abort);
        self.telling.abort();
    }
}

async fn probe_database(db: Db, state: watch::Sender<State>) {
    let (mut told, mut answers) = (false, false);
    let mut probe = db.probe();
    loop {
        probe.rest(answers).await;
        answers = probe.look().await;
        if note(&state, |state| &mut state.has_database, answers) || !told {
            match answers {
                true => tracing::info!("the database answers: ready"),
                false if !told => tracing::info!("the database has not answered yet: not ready"),
                false => tracing::warn!("the database does not answer: not ready"),
            }
            told = true;
        }
    }
}

async fn probe_photo_store(files: Files, state: watch::Sender<State>) {
    loop {
        let probe = timeout(PHOTO_STORE_PROBE_TIME_MAX, files.probe()).await;
        let is_there = matches!(probe, Ok(Ok(())));
        if note(&state, |state| &mut state.has_photo_store, is_there) {
            match is_there {
                true => tracing::info!("the photo store is there again"),
                false => tracing::warn!(?probe, "the photo store is not there: photos are not served"),
            }
        }
        sleep(PHOTO_STORE_PROBE_PERIOD).await;
    }
}

/// Notes what a probe has found; whether that is new.
fn note(state: &watch::Sender<State>, part: fn(&mut State) -> &mut bool, found: bool) -> bool {
    state.send_if_modified(|state| std::mem::replace(part(state), found) != found)
}

async fn follow(reporter: HealthReporter, mut state: Readiness) {
    loop {
        let now = *state.borrow_and_update();
        tell(&reporter, now).await;
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Says of the server and of each service whether it is well.
async fn tell(reporter: &HealthReporter, state: State) {
    let status = |is_well| if is_well { ServingStatus::Serving } else { ServingStatus::NotServing };
    for name in ["", READINESS] {
        reporter.set_service_status(name, status(state.is_ready())).await;
    }
    for service in service_names() {
        let has_all = service != PHOTO_SERVICE || state.has_photo_store;
        reporter.set_service_status(service, status(state.is_ready() && has_all)).await;
    }
}

/// The full names of the services of the API, as the method table has them.
fn service_names() -> Vec<String> {
    let services = METHODS.iter().filter_map(|(method, ..)| method.split_once('/'));
    let mut names: Vec<String> = services.map(|(service, _)| format!("masthead.v1.{service}")).collect();
    names.dedup();
    names
}
