//! Writes refusals down, many at once, so that a flood of refused calls costs little.
//! What cannot be kept is counted and said, never silently lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    audit::{Refusal, store},
    config,
    db::Db,
    error::Result,
};

/// Counts refusals that the audit does not have.
pub const LOST: &str = "masthead_audit_events_lost_total";

/// The code of a refusal for asking too often or for too much.
const EXHAUSTED: &str = "RESOURCE_EXHAUSTED";

/// Writes refusals down.
#[derive(Clone, Debug)]
pub struct Recorder {
    db: Db,
    queue: Arc<Mutex<Queue>>,
    filled: Arc<Notify>,
    /// Held while a batch is on its way, so that nobody takes the queue for written.
    writing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Refusal>,
    /// Rows of this second that are bounded, by whose they are; of strangers together.
    bounded: HashMap<Option<String>, u32>,
    second: Instant,
    lost: u64,
}

impl Recorder {
    /// Into this database.
    pub fn new(db: Db) -> Recorder {
        metrics::describe_counter!(LOST, "Refused mutations that the audit could not keep");
        // So that an alert has something to look at before the first.
        metrics::counter!(LOST).increment(0);
        let queue =
            Queue { waiting: VecDeque::new(), bounded: HashMap::new(), second: Instant::now(), lost: 0 };
        Recorder {
            db,
            queue: Arc::new(Mutex::new(queue)),
            filled: Arc::new(Notify::new()),
            writing: Arc::default(),
        }
    }

    /// Has a refusal written down soon. Of callers without a valid credential only
    /// [`config::AUDIT_STRANGERS_PER_SECOND`] are, so that nobody fills the disk who may
    /// do nothing else; of a person who asks for too much
    /// [`config::AUDIT_EXHAUSTED_PER_PERSON_PER_SECOND`], as nothing holds those up.
    pub fn record(&self, refusal: Refusal) {
        let mut queue = self.queue();
        if !queue.has_room_for(&refusal) || queue.waiting.len() >= config::AUDIT_QUEUE_MAX {
            queue.lost += 1;
            metrics::counter!(LOST).increment(1);
        } else {
            queue.waiting.push_back(refusal);
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Writes, for as long as the process lives.
    pub async fn run(self) {
        loop {
            self.filled.notified().await;
            while let Err(error) = self.flush().await {
                let waiting = self.queue().waiting.len();
                tracing::warn!(%error, waiting, "refusals could not be written into the audit yet");
                tokio::time::sleep(config::AUDIT_RETRY_PAUSE).await;
            }
            // So that many come together.
            tokio::time::sleep(config::AUDIT_WRITE_PAUSE).await;
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The database is away; what waits goes on waiting.
    pub async fn flush(&self) -> Result<()> {
        let _writing = self.writing.lock().await;
        let lost = std::mem::take(&mut self.queue().lost);
        if lost > 0 {
            tracing::warn!(lost, "refused calls that the audit does not have: there were too many");
        }
        loop {
            let batch: Vec<Refusal> = {
                let mut queue = self.queue();
                let count = queue.waiting.len().min(config::AUDIT_ROWS_AT_A_TIME);
                queue.waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let written = match self.db.read().await {
                Ok(mut connection) => store::append(&mut connection, &batch).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                let mut queue = self.queue();
                for refusal in batch.into_iter().rev() {
                    queue.waiting.push_front(refusal);
                }
                return Err(error);
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in there is half done when a thread panics.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Counts a refusal; whether it is within what is kept of its kind in a second.
    fn has_room_for(&mut self, refusal: &Refusal) -> bool {
        let rows_max = match &refusal.by {
            None => config::AUDIT_STRANGERS_PER_SECOND,
            Some(_) if refusal.code == EXHAUSTED => config::AUDIT_EXHAUSTED_PER_PERSON_PER_SECOND,
            Some(_) => return true,
        };
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.bounded.clear();
            self.second = Instant::now();
        }
        let person = refusal.by.as_ref().map(|(person, _)| person.clone());
        let rows = self.bounded.entry(person).or_default();
        *rows += 1;
        *rows <= rows_max
    }
}
