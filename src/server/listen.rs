//! Accepting connections, as many as there is room for.
//!
//! A connection that is one too many is accepted and closed at once. Left in the
//! system's queue, its client would wait for as long as it can and learn nothing;
//! closed, it tries another server, and operators see it in
//! `masthead_connections_refused_total`.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::{
    connection::{self, Host},
    stop::Phase,
};
use crate::{
    auth::counted,
    config::{self, ConnectionSettings},
};

/// Connections that are open.
const OPEN: &str = "masthead_connections_open";
/// Connections that were closed at once, by the limit that they were past.
const REFUSED: &str = "masthead_connections_refused_total";
/// Connections that have ended, by reason.
pub(super) const CLOSED: &str = "masthead_connections_closed_total";

/// Describes the metrics of connections.
fn describe_metrics() {
    metrics::describe_gauge!(OPEN, "Connections of clients that are open");
    metrics::describe_counter!(REFUSED, "Connections that were one too many, by the limit: all, address");
    metrics::describe_counter!(CLOSED, "Connections that have ended, by reason");
    // So that an alert has something to look at before the first.
    metrics::gauge!(OPEN).set(0);
    for limit in ["all", "address"] {
        metrics::counter!(REFUSED, "limit" => limit).increment(0);
    }
    metrics::counter!(CLOSED, "reason" => "client").increment(0);
}

/// Accepts and serves connections until the server stops, and then waits until all
/// of them have ended. Dropped, it cuts them.
pub async fn run(listener: TcpListener, host: Arc<Host>) {
    describe_metrics();
    let room = Arc::new(Room::new(&host.settings));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = host.reaches(Phase::Draining) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    if let Some(seat) = room.admit(peer.ip()) {
                        connections.spawn(serve(host.clone(), socket, peer, seat));
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted for the moment");
                    tokio::time::sleep(config::ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // From here on, the system refuses new connections.
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = host.reaches(Phase::Cut) => {}
    }
    connections.shutdown().await;
}

async fn serve(host: Arc<Host>, socket: TcpStream, peer: SocketAddr, _seat: Seat) {
    connection::run(&host, socket, peer).await;
}

/// Whether it was the client that went away, and not the system that is short of
/// something (accept(2)).
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Lets the process open as many files as it may, as each connection is one.
pub fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Room for connections.
struct Room {
    connections_max: u32,
    per_address_max: u32,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
    /// When a refusal was last logged.
    logged: Option<Instant>,
}

impl Room {
    fn new(settings: &ConnectionSettings) -> Room {
        Room {
            connections_max: settings.connections_max,
            per_address_max: settings.connections_per_address_max,
            taken: Mutex::default(),
        }
    }

    fn admit(self: &Arc<Room>, peer: IpAddr) -> Option<Seat> {
        let address = counted(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = taken.by_address.get(&address).copied().unwrap_or_default();
        if taken.all >= self.connections_max {
            taken.refuse("all", peer);
            return None;
        }
        if of_address >= self.per_address_max {
            taken.refuse("address", peer);
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, of_address + 1);
        metrics::gauge!(OPEN).increment(1.0);
        Some(Seat { room: self.clone(), address })
    }
}

impl Taken {
    fn refuse(&mut self, limit: &'static str, peer: IpAddr) {
        metrics::counter!(REFUSED, "limit" => limit).increment(1);
        let now = Instant::now();
        if self.logged.is_none_or(|time| now - time >= config::REFUSAL_LOG_PERIOD) {
            self.logged = Some(now);
            tracing::warn!(limit, %peer, open = self.all, "connections are refused: too many are open");
        }
    }
}

/// The place that a connection takes, until it is dropped.
struct Seat {
    room: Arc<Room>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
        metrics::gauge!(OPEN).decrement(1.0);
    }
}
