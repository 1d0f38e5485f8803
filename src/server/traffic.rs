//! What goes on in one connection, as its keeper looks at it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use tokio::{sync::watch, time::Instant};

/// Which calls of a connection are ended by the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// None.
    #[default]
    None,
    /// Those that have no end of their own and lose nothing by it.
    Standing,
    /// All.
    All,
}

/// The calls of a connection, and how its bytes move.
#[derive(Debug)]
pub struct Traffic {
    open: AtomicU32,
    /// Open calls whose next message waits until their client takes the last one.
    held: AtomicU32,
    /// Bytes that the system has taken for the client.
    sent: AtomicU64,
    /// When the last call ended.
    last_end: Mutex<Instant>,
    ending: watch::Sender<Ending>,
}

impl Traffic {
    /// Of a new connection.
    pub fn new() -> Traffic {
        Traffic {
            open: AtomicU32::new(0),
            held: AtomicU32::new(0),
            sent: AtomicU64::new(0),
            last_end: Mutex::new(Instant::now()),
            ending: watch::Sender::default(),
        }
    }

    /// How many calls are open.
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether every open call waits for its client.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.open()
    }

    /// Bytes that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Counts bytes that were sent.
    pub fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Since when no call is open, if none is.
    pub fn idle_since(&self) -> Option<Instant> {
        let last_end = *self.last_end.lock().unwrap_or_else(PoisonError::into_inner);
        (self.open() == 0).then_some(last_end)
    }

    /// Ends calls, those to come too.
    pub fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|now| {
            let further = *now < ending;
            *now = ending.max(*now);
            further
        });
    }

    /// To wait for the end of calls.
    pub fn endings(&self) -> watch::Receiver<Ending> {
        self.ending.subscribe()
    }

    pub(super) fn begin_call(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_call(&self) {
        // First the time, so that nobody sees a connection as idle for as long as
        // this call took.
        *self.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.open.fetch_sub(1, Ordering::Release);
    }

    pub(super) fn hold_call(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn release_call(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}
