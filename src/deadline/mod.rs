//! How long a call may take: what its caller gives it (`grpc-timeout`), and what
//! the server gives any call. Reads are dropped when the time is over, and their
//! connections with them. A write that has not begun to commit is rolled back;
//! one that has is waited for, so that whoever is told of a deadline knows that
//! nothing was kept.

pub mod hold;

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, Ordering},
};

use tokio::time::Instant;

tokio::task_local! {
    static CURRENT: Arc<Deadline>;
}

/// Nothing has been decided.
const RUNNING: u8 = 0;
/// A write commits: the call is waited for.
const COMMITTING: u8 = 1;
/// The time is over: no write may commit.
const OVER: u8 = 2;

/// The time of one call, and what the call is doing about it.
#[derive(Debug)]
pub struct Deadline {
    time: Option<Instant>,
    state: AtomicU8,
    /// Connections that the call has in its hands.
    held: AtomicU32,
}

/// A connection in the hands of a call.
#[derive(Debug)]
pub struct Hold(Arc<Deadline>);

impl Deadline {
    /// A call that ends at this time; at none if its caller waits.
    fn new(time: Option<Instant>) -> Arc<Deadline> {
        Arc::new(Deadline { time, state: AtomicU8::new(RUNNING), held: AtomicU32::new(0) })
    }

    /// That of the call which is being worked on here; none in what the server
    /// does by itself.
    pub fn current() -> Option<Arc<Deadline>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Work of the call that is being worked on here, for a task of its own: it goes on
    /// when the call is dropped, but commits nothing after its time.
    pub fn along<F: Future>(work: F) -> impl Future<Output = F::Output> {
        let call = Deadline::current().unwrap_or_else(|| Deadline::new(None));
        CURRENT.scope(call, work)
    }

    /// Work beside the call that is being worked on here: it may commit before the call
    /// does, or after its time, to undo what was done for it.
    pub fn aside<F: Future>(work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(Deadline::new(None), work)
    }

    /// When the call ends, if its time is limited.
    pub fn time(&self) -> Option<Instant> {
        self.time
    }

    /// Asks to commit: whether there is still time. From then on the call is
    /// waited for.
    pub fn begin_commit(&self) -> bool {
        self.decide(COMMITTING)
    }

    /// Ends the time: whether the call is not committing.
    fn expire(&self) -> bool {
        self.decide(OVER)
    }

    /// Whether its time has passed, so that nothing of it was kept.
    pub fn is_over(&self) -> bool {
        self.state.load(Ordering::SeqCst) == OVER
    }

    fn decide(&self, state: u8) -> bool {
        match self.state.compare_exchange(RUNNING, state, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => true,
            Err(decided) => decided == state,
        }
    }

    /// Whether the call has a connection in its hands.
    fn holds_connection(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }
}

impl Hold {
    /// Notes that a call has a connection, until this is dropped.
    pub fn new(call: Arc<Deadline>) -> Hold {
        call.held.fetch_add(1, Ordering::SeqCst);
        Hold(call)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}
