//! A proxy in front of Postgres that cuts or holds up a connection at a chosen
//! statement. It knows as much of the protocol as that takes: a startup message, and then
//! messages of a type, a length and a body (Postgres documentation, "Message
//! Flow" and "Message Formats").

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::newsroom::{Database, postgres};

/// The type of a simple query, such as `BEGIN` and `COMMIT`.
const QUERY: u8 = b'Q';

/// The type of the message that runs a prepared statement.
const EXECUTE: u8 = b'E';

/// The types of the messages of a statement that others follow: those are sent along with
/// it, in one packet, and get lost along with it.
const FOLLOWED: &[u8] = b"PBDEC";

/// What happens to a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut, and Postgres never gets the statement.
    CutBefore,
    /// Postgres runs the statement; then the connection is cut, and nobody hears
    /// of it.
    CutAfter,
    /// Postgres runs the statement, and its answer waits for [`Proxy::release`].
    Hold,
}

/// How it goes for everything that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Clear,
    /// Everything takes so much longer.
    Slow(Duration),
    /// Nothing comes through, and nobody is told.
    Black,
}

#[derive(Debug)]
struct Shared {
    weather: watch::Sender<Weather>,
    /// Connections from before the latest of these never come to life again.
    burials: watch::Sender<u64>,
    /// Statements until the one with the fault; none while no fault is planned.
    planned: watch::Sender<Option<(u32, Fault)>>,
    /// How many statements have come through.
    statements: AtomicU64,
    /// How many of them in a transaction.
    transacted: AtomicU64,
    /// How often held answers have been released: each waits for the next time.
    released: watch::Sender<u64>,
    /// While true, connections break, and new ones break at once.
    down: watch::Sender<bool>,
}

impl Shared {
    /// Waits until something may go through over a connection of that age.
    async fn pass(&self, born: u64) {
        let mut weather = self.weather.subscribe();
        let now = *weather.wait_for(|weather| *weather != Weather::Black).await.expect("a running proxy");
        if *self.burials.borrow() > born {
            std::future::pending::<()>().await;
        }
        if let Weather::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
    }

    /// Counts a statement; what is to happen to it if it is the one.
    fn count(&self) -> Option<Fault> {
        let mut now = None;
        self.planned.send_if_modified(|planned| {
            let Some((left, fault)) = planned.take() else { return false };
            if left > 1 {
                *planned = Some((left - 1, fault));
                return false;
            }
            now = Some(fault);
            true
        });
        now
    }
}

/// A running proxy; gone when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of the Postgres of the tests.
    pub async fn start() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            weather: watch::Sender::new(Weather::Clear),
            burials: watch::Sender::new(0),
            planned: watch::Sender::new(None),
            statements: AtomicU64::new(0),
            transacted: AtomicU64::new(0),
            released: watch::Sender::new(0),
            down: watch::Sender::new(false),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Proxy { port, shared, accepting }
    }

    /// How to reach a database through the proxy.
    pub fn options(&self, database: &Database) -> PgConnectOptions {
        let url = postgres().url();
        // Behind the question mark stands the socket, which leads past the proxy.
        let (over_tcp, _) = url.split_once('?').expect("a URL with a socket");
        let options: PgConnectOptions = over_tcp.parse().expect("a URL");
        let name = database.options().get_database().expect("a database").to_owned();
        options.host("127.0.0.1").port(self.port).database(&name).ssl_mode(PgSslMode::Disable)
    }

    /// How many statements have come through so far, those among them that the server
    /// sends by itself.
    pub fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::SeqCst)
    }

    /// How many of them in a transaction, with the opening and the commit.
    pub fn transacted(&self) -> u64 {
        self.shared.transacted.load(Ordering::SeqCst)
    }

    /// Plans a fault for the `statement`th statement of a transaction from now,
    /// counted over all connections from 1, with the opening and the commit. All
    /// others are let through, and so is what the server looks up by itself now
    /// and then, outside any transaction.
    pub fn plan(&self, statement: u32, fault: Fault) {
        self.shared.planned.send_replace(Some((statement, fault)));
    }

    /// Waits until the planned fault has happened.
    pub async fn happened(&self) {
        let mut planned = self.shared.planned.subscribe();
        planned.wait_for(Option::is_none).await.expect("a running proxy");
    }

    /// Calls off a planned fault; whether it had happened already.
    pub fn call_off(&self) -> bool {
        self.shared.planned.send_replace(None).is_none()
    }

    /// Lets a held answer through, after [`Proxy::happened`].
    pub fn release(&self) {
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Breaks every connection, and new ones until [`Proxy::heal`].
    pub fn break_down(&self) {
        self.shared.down.send_replace(true);
    }

    /// Holds up everything that is sent by so much, both ways.
    pub fn slow_down(&self, delay: Duration) {
        self.shared.weather.send_replace(Weather::Slow(delay));
    }

    /// Swallows everything that is sent, new connections too, and says nothing.
    pub fn swallow(&self) {
        self.shared.weather.send_replace(Weather::Black);
    }

    /// Lets everything through at once again; with `forgetting`, only over new
    /// connections, as a router does that has lost its tables.
    pub fn clear_up(&self, forgetting: bool) {
        if forgetting {
            self.shared.burials.send_modify(|times| *times += 1);
        }
        self.shared.weather.send_replace(Weather::Clear);
    }

    /// Lets connections through again.
    pub fn heal(&self) {
        self.shared.down.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut down = shared.down.subscribe();
            tokio::select! {
                // Whichever ends first takes the other with it: that is the cut.
                _ = down.wait_for(|down| *down) => {}
                _ = forward(client, &shared) => {}
            }
        });
    }
}

/// Forwards both directions until one of them ends or is cut.
async fn forward(client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let born = *shared.burials.borrow();
    shared.pass(born).await;
    let port = postgres().tcp_port().expect("a Postgres that listens on TCP");
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let hush = AtomicBool::new(false);
    // The release that a held answer waits for; 0 if none is held.
    let hold_until = AtomicU64::new(0);
    let requests = async {
        let mut from_client = BufReader::new(from_client);
        let mut is_in_transaction = false;
        // The startup message has no type.
        let mut packet = Vec::new();
        read_message(&mut from_client, &mut packet).await?;
        to_server.write_all(&packet).await?;
        packet.clear();
        loop {
            let mut message = Vec::new();
            let kind = match from_client.read_u8().await {
                Ok(kind) => kind,
                Err(ended) => {
                    // The end of a connection does not come through either.
                    shared.pass(born).await;
                    return Err(ended);
                }
            };
            message.push(kind);
            read_message(&mut from_client, &mut message).await?;
            // Looked up before the count, which tells that the fault has happened.
            let next_release = *shared.released.borrow() + 1;
            is_in_transaction |= kind == QUERY && says(&message, "begin");
            let is_statement = matches!(kind, QUERY | EXECUTE);
            shared.statements.fetch_add(u64::from(is_statement), Ordering::SeqCst);
            let counts = is_in_transaction && is_statement;
            shared.transacted.fetch_add(u64::from(counts), Ordering::SeqCst);
            let fault = if counts { shared.count() } else { None };
            is_in_transaction &= !(kind == QUERY && (says(&message, "commit") || says(&message, "rollback")));
            match fault {
                Some(Fault::CutBefore) => return Ok(()),
                Some(Fault::CutAfter) => hush.store(true, Ordering::SeqCst),
                Some(Fault::Hold) => hold_until.store(next_release, Ordering::SeqCst),
                None => {}
            }
            packet.append(&mut message);
            if !FOLLOWED.contains(&kind) {
                shared.pass(born).await;
                to_server.write_all(&packet).await?;
                packet.clear();
            }
        }
    };
    let answers = async {
        let mut bytes = [0; 16 * 1024];
        loop {
            let length = from_server.read(&mut bytes).await?;
            // A client waits for the answer to one statement before it sends the
            // next, so what comes now answers the statement with the fault.
            if length == 0 || hush.load(Ordering::SeqCst) {
                return Ok(());
            }
            let release = hold_until.swap(0, Ordering::SeqCst);
            let mut released = shared.released.subscribe();
            released.wait_for(|times| *times >= release).await.expect("a running proxy");
            shared.pass(born).await;
            to_client.write_all(&bytes[..length]).await?;
        }
    };
    tokio::select! {
        ended = requests => ended,
        ended = answers => ended,
    }
}

/// Whether a simple query begins with this word.
fn says(message: &[u8], word: &str) -> bool {
    // Behind the type and the length.
    message.get(5..5 + word.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(word.as_bytes()))
}

/// Reads the length and the body of a message, and appends both.
async fn read_message(from: &mut (impl AsyncRead + Unpin), message: &mut Vec<u8>) -> std::io::Result<()> {
    let length = from.read_u32().await?;
    message.extend_from_slice(&length.to_be_bytes());
    // The length counts itself.
    let start = message.len();
    message.resize(start + length.saturating_sub(4) as usize, 0);
    from.read_exact(&mut message[start..]).await?;
    Ok(())
}
