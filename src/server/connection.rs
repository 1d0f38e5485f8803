//! One connection, from its first byte to its end.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep_until, timeout},
};

use super::{
    calls::Calls,
    io::{Begun, Guarded},
    lifetime::{Lifetime, Step},
    stop::Phase,
    tls::Identity,
    traffic::{Ending, Traffic},
    way::Way,
};
use crate::{
    auth::Connection,
    config::{self, ConnectionSettings},
    digest::Digest,
};

/// What all connections of a server have in common.
pub struct Host {
    way: Arc<Way>,
    tls: Option<Arc<Identity>>,
    http2: http2::Builder<TokioExecutor>,
    /// What connections may do.
    pub settings: ConnectionSettings,
    /// How far the server has come.
    phase: watch::Receiver<Phase>,
}

impl Host {
    /// Of a server of this API.
    pub fn new(
        way: Way,
        tls: Option<Arc<Identity>>,
        settings: ConnectionSettings,
        phase: watch::Receiver<Phase>,
    ) -> Host {
        let seconds = |count: u32| Duration::from_secs(count.into());
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(settings.streams_per_connection_max)
            // h2 takes headers that stay below it.
            .max_header_list_size(settings.header_bytes_max + 1)
            .max_pending_accept_reset_streams(settings.resets_waiting_max as usize)
            .max_local_error_reset_streams(config::RESETS_FOR_FAULTS_MAX)
            .max_send_buf_size(config::SEND_BUFFER_BYTES_MAX)
            .keep_alive_interval(seconds(settings.keepalive_seconds))
            .keep_alive_timeout(seconds(settings.keepalive_timeout_seconds));
        Host { way: Arc::new(way), tls, http2, settings, phase }
    }
}

impl Host {
    /// Waits until the server has come so far.
    pub async fn reaches(&self, phase: Phase) {
        // A server that is gone has come as far as it can.
        let _ = self.phase.clone().wait_for(|now| *now >= phase).await;
    }
}

/// Serves a connection.
pub async fn run(host: &Host, socket: TcpStream, peer: SocketAddr) {
    if let Err(error) = prepare(&socket) {
        return tracing::debug!(%peer, %error, "a connection broke at once");
    }
    let traffic = Arc::new(Traffic::new());
    let stall_max = Duration::from_secs(host.settings.send_stall_seconds.into());
    let socket = Guarded::new(socket, stall_max, traffic.clone());
    let begun = match &host.tls {
        None => match begin(host, Begun::read(socket)).await {
            Ok(io) => return serve(host, io, of(peer, None), traffic).await,
            Err(error) => Err(error),
        },
        Some(identity) => match begin(host, shake_hands(identity, socket)).await {
            Ok((io, certificate)) => return serve(host, io, of(peer, certificate), traffic).await,
            Err(error) => Err(error),
        },
    };
    if let Err::<(), io::Error>(error) = begun {
        ended("handshake");
        tracing::debug!(%peer, %error, "a connection did not begin as it should");
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    // Without it small answers wait for the client's delayed acknowledgement.
    socket.set_nodelay(true)?;
    // Without it the system takes megabytes for a client that reads slowly, and
    // takes nothing more for minutes, as if the client were frozen (tcp(7)).
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(config::SEND_UNSENT_BYTES_MAX)?;
    Ok(())
}

fn of(peer: SocketAddr, certificate: Option<Digest>) -> Connection {
    Connection { peer: Some(peer), certificate }
}

/// Bounds the time until a connection can be used, and breaks off when the server
/// stops.
async fn begin<T>(host: &Host, beginning: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let time_max = Duration::from_secs(host.settings.handshake_seconds_max.into());
    tokio::select! {
        begun = timeout(time_max, beginning) => begun?,
        () = host.reaches(Phase::Draining) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// The connection inside TLS, and the digest of the certificate that the client
/// has shown.
async fn shake_hands(
    identity: &Identity,
    socket: Guarded,
) -> io::Result<(Begun<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>, Option<Digest>)> {
    let io = identity.acceptor().accept(socket).await?;
    let (_, session) = io.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    let certificate = leaf.map(|leaf| Digest::of(leaf));
    Ok((Begun::read(io).await?, certificate))
}

async fn serve<Io>(host: &Host, io: Io, connection: Connection, traffic: Arc<Traffic>)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = connection.peer;
    let spread = peer.map_or(0, |peer| peer.port());
    let mut lifetime = Lifetime::new(&host.settings, spread);
    let calls = Calls::new(host.way.clone(), connection, traffic.clone());
    let mut http2 = pin!(host.http2.serve_connection(TokioIo::new(io), calls));
    let mut phase = host.phase.clone();
    loop {
        let step = tokio::select! {
            done = http2.as_mut() => {
                if let Err(error) = &done {
                    tracing::debug!(?peer, %error, "a connection broke");
                }
                return ended(lifetime.reason().map_or(reason(&done), |reason| reason.as_str()));
            }
            changed = phase.changed() => match (*phase.borrow_and_update(), changed) {
                (Phase::Serving, Ok(())) => Step::Wait,
                (Phase::Draining, Ok(())) => {
                    lifetime.stop(&traffic);
                    traffic.end(Ending::Standing);
                    Step::Leave
                }
                (Phase::LastAnswers, Ok(())) => Step::EndCalls,
                (Phase::Cut, _) | (_, Err(_)) => Step::Cut,
            },
            () = sleep_until(lifetime.next_look(&traffic)) => lifetime.step(&traffic),
        };
        match step {
            Step::Wait => {}
            Step::Leave => http2.as_mut().graceful_shutdown(),
            Step::EndCalls => traffic.end(Ending::All),
            Step::Cut => {
                tracing::debug!(?peer, open = traffic.open(), "a connection is cut");
                return ended(lifetime.reason().map_or("stop", |reason| reason.as_str()));
            }
        }
    }
}

/// Who ended a connection that nobody was closing.
fn reason(done: &hyper::Result<()>) -> &'static str {
    if done.is_ok() { "client" } else { "broken" }
}

fn ended(reason: &'static str) {
    metrics::counter!(super::listen::CLOSED, "reason" => reason).increment(1);
}
