//! Gets of one row each, answered many at a time.
//!
//! A query for fifty rows costs little more than a query for one. So whoever wants a row
//! while others are being read waits for those, and is then read together with everyone
//! else who came meanwhile; whoever comes alone is read at once, and nobody waits for long
//! behind one query that hangs. An answer is always of a query that began after it was
//! asked for, so that who has written reads what was written. The connection is kept a
//! moment after that, as to give it back and to take it again costs more than to read.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures::future::BoxFuture;
use tokio::{sync::oneshot, time::timeout};

use super::{Connection, Db, Work, away};
use crate::{
    config::database::{
        LOADER_CONNECTION_TIME_MAX, LOADER_LINGER_TIME, LOADER_QUERIES_MAX, LOADER_QUERY_TIME_USUAL,
        LOADER_ROWS_MAX, LOADER_WAITING_MAX,
    },
    error::{Error, Result},
};

/// Reads rows by their keys; those that are there, in no order.
pub type Fetch<K, V> = dyn for<'c> Fn(&'c mut Connection, Vec<K>) -> Work<'c, Vec<(K, V)>> + Send + Sync;

/// Answers gets of one table.
pub struct Loader<K, V> {
    db: Db,
    fetch: Arc<Fetch<K, V>>,
    queue: Arc<Mutex<Queue<K, V>>>,
}

struct Queue<K, V> {
    waiting: Vec<Asked<K, V>>,
    /// Readers that wait for a connection.
    connecting: usize,
    /// Those that read, or linger.
    reading: usize,
    /// Those whose query takes long.
    slow: usize,
    /// The one that lingers, to be told that somebody waits.
    lingering: Option<oneshot::Sender<()>>,
}

/// What a reader is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Reading,
    Slow,
    Over,
}

impl<K, V> Queue<K, V> {
    /// Calls the reader that lingers for those who wait; whether one is to be made for them.
    fn lacks_reader(&mut self) -> bool {
        if let Some(lingering) = self.lingering.take() {
            // Who is leaving just now finds out that somebody waits.
            let _ = lingering.send(());
        }
        let is_lacking = self.connecting + self.reading == 0 && self.slow < LOADER_QUERIES_MAX;
        self.connecting += usize::from(is_lacking);
        is_lacking
    }

    /// Counts a reader where it is now.
    fn turn(&mut self, stage: &mut Stage, next: Stage) {
        for (stage, step) in [(*stage, -1), (next, 1)] {
            let count = match stage {
                Stage::Connecting => &mut self.connecting,
                Stage::Reading => &mut self.reading,
                Stage::Slow => &mut self.slow,
                Stage::Over => continue,
            };
            *count = count.saturating_add_signed(step);
        }
        *stage = next;
    }
}

/// Somebody who waits for a row.
struct Asked<K, V> {
    key: K,
    answer: oneshot::Sender<Result<Option<V>>>,
}

impl<K, V> Clone for Loader<K, V> {
    fn clone(&self) -> Loader<K, V> {
        Loader { db: self.db.clone(), fetch: self.fetch.clone(), queue: self.queue.clone() }
    }
}

impl<K, V> fmt::Debug for Loader<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Loader").finish_non_exhaustive()
    }
}

impl<K, V> Loader<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Reads from this database.
    pub fn new<F>(db: Db, fetch: F) -> Loader<K, V>
    where
        F: for<'c> Fn(&'c mut Connection, Vec<K>) -> Work<'c, Vec<(K, V)>> + Send + Sync + 'static,
    {
        let queue = Queue { waiting: Vec::new(), connecting: 0, reading: 0, slow: 0, lingering: None };
        Loader { db, fetch: Arc::new(fetch), queue: Arc::new(Mutex::new(queue)) }
    }

    /// The row with this key, as it stands or as it was later; none if there is none.
    /// Whoever stops waiting stops nobody else.
    ///
    /// # Errors
    /// The database is away, or too many wait already.
    pub async fn get(&self, key: K) -> Result<Option<V>> {
        let (answer, answered) = oneshot::channel();
        let lacks_reader = {
            let mut queue = self.queue();
            if queue.waiting.len() >= LOADER_WAITING_MAX {
                return Err(Error::Busy);
            }
            queue.waiting.push(Asked { key, answer });
            queue.lacks_reader()
        };
        if lacks_reader {
            self.begin_reader();
        }
        answered.await.unwrap_or_else(|_| Err(Error::Internal("a reader of rows died".to_owned())))
    }

    /// Makes a reader. Not while the queue is locked: a runtime that ends drops it at once.
    fn begin_reader(&self) {
        // Not in the task of the caller, who may go away at any moment.
        tokio::spawn(Reader { loader: self.clone(), stage: Stage::Connecting }.run());
    }
}

impl<K, V> Loader<K, V> {
    fn queue(&self) -> MutexGuard<'_, Queue<K, V>> {
        // Nothing in there is half done when a thread panics.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open,
    Lost,
}

/// What a reader does next.
enum Next<K, V> {
    /// Reads for those who wait, without those who have gone away meanwhile.
    Read(Vec<Asked<K, V>>),
    /// Waits for somebody to come, as nobody waits.
    Linger(oneshot::Receiver<()>),
    /// Leaves, as another one reads: one of them took long, and takes long no more.
    Leave,
}

/// Reads for all who wait, until nobody has come for a while.
struct Reader<K, V> {
    loader: Loader<K, V>,
    stage: Stage,
}

impl<K, V> Reader<K, V> {
    fn turn(&mut self, next: Stage) {
        self.loader.queue().turn(&mut self.stage, next);
    }
}

impl<K, V> Reader<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    fn run(mut self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let mut connection = match self.loader.db.read().await {
                    Ok(connection) => connection,
                    Err(error) => return self.give_up(&error),
                };
                self.turn(Stage::Reading);
                // Then it is the turn of others, who wait for a connection too.
                let end = Instant::now() + LOADER_CONNECTION_TIME_MAX;
                while Instant::now() < end {
                    let batch = match self.next() {
                        Next::Read(batch) => batch,
                        Next::Linger(called) => {
                            if timeout(LOADER_LINGER_TIME, called).await.is_err() && self.leaves() {
                                return;
                            }
                            continue;
                        }
                        Next::Leave => return,
                    };
                    let line = self.answer(&mut connection, batch).await;
                    self.turn(Stage::Reading);
                    if line == Line::Lost {
                        break;
                    }
                }
                self.turn(Stage::Connecting);
            }
        })
    }

    fn next(&mut self) -> Next<K, V> {
        let mut queue = self.loader.queue();
        if queue.reading > 1 {
            queue.turn(&mut self.stage, Stage::Over);
            return Next::Leave;
        }
        queue.waiting.retain(|asked| !asked.answer.is_closed());
        if queue.waiting.is_empty() {
            let (call, called) = oneshot::channel();
            queue.lingering = Some(call);
            return Next::Linger(called);
        }
        let count = queue.waiting.len().min(LOADER_ROWS_MAX);
        Next::Read(queue.waiting.drain(..count).collect())
    }

    /// Ends this reader, whom nobody has called, unless somebody has come just now.
    fn leaves(&mut self) -> bool {
        let mut queue = self.loader.queue();
        if !queue.waiting.is_empty() {
            return false;
        }
        queue.lingering = None;
        queue.turn(&mut self.stage, Stage::Over);
        true
    }

    /// Lets another one read beside this one, which takes long.
    fn slow_down(&mut self) {
        let lacks_reader = {
            let mut queue = self.loader.queue();
            queue.turn(&mut self.stage, Stage::Slow);
            !queue.waiting.is_empty() && queue.lacks_reader()
        };
        if lacks_reader {
            self.loader.begin_reader();
        }
    }

    async fn answer(&mut self, connection: &mut Connection, batch: Vec<Asked<K, V>>) -> Line {
        let mut asked: HashMap<K, Vec<oneshot::Sender<_>>> = HashMap::with_capacity(batch.len());
        for Asked { key, answer } in batch {
            asked.entry(key).or_default().push(answer);
        }
        match self.fetch(connection, asked.keys().cloned().collect()).await {
            Ok(rows) => {
                for (key, row) in rows {
                    tell(asked.remove(&key).unwrap_or_default(), Ok(Some(row)));
                }
                asked.into_values().for_each(|answers| tell(answers, Ok(None)));
                Line::Open
            }
            Err(error @ Error::DatabaseUnavailable(_)) => {
                asked.into_values().for_each(|answers| tell(answers, Err(again(&error))));
                Line::Lost
            }
            // It may be the fault of one of them, which is not that of the others.
            Err(_) => {
                self.slow_down();
                let mut line = Line::Open;
                for (key, mut answers) in asked {
                    answers.retain(|answer| !answer.is_closed());
                    if answers.is_empty() {
                        continue;
                    }
                    let found = self.fetch(connection, vec![key]).await;
                    if matches!(found, Err(Error::DatabaseUnavailable(_))) {
                        line = Line::Lost;
                    }
                    tell(answers, found.map(|rows| rows.into_iter().next().map(|(_, row)| row)));
                }
                line
            }
        }
    }

    async fn fetch(&mut self, connection: &mut Connection, keys: Vec<K>) -> Result<Vec<(K, V)>> {
        let Loader { db, fetch, .. } = self.loader.clone();
        let mut fetching = pin!(db.on_line(fetch(connection, keys)));
        if self.stage == Stage::Reading {
            if let Ok(fetched) = timeout(LOADER_QUERY_TIME_USUAL, &mut fetching).await {
                return fetched;
            }
            self.slow_down();
        }
        fetching.await
    }

    /// Tells everyone that there is no connection, unless another one has one.
    fn give_up(mut self, error: &Error) {
        let waiting = {
            let mut queue = self.loader.queue();
            queue.turn(&mut self.stage, Stage::Over);
            if queue.reading > 0 { Vec::new() } else { std::mem::take(&mut queue.waiting) }
        };
        waiting.into_iter().for_each(|asked| tell(vec![asked.answer], Err(again(error))));
    }
}

impl<K, V> Drop for Reader<K, V> {
    fn drop(&mut self) {
        if self.stage == Stage::Over {
            return;
        }
        // It died. Nobody may wait for a reader that does not come.
        let mut queue = self.loader.queue();
        queue.turn(&mut self.stage, Stage::Over);
        queue.waiting.clear();
    }
}

/// Tells all who asked for one row.
fn tell<V: Clone>(mut answers: Vec<oneshot::Sender<Result<Option<V>>>>, found: Result<Option<V>>) {
    let Some(last) = answers.pop() else { return };
    for answer in answers {
        let found = match &found {
            Ok(row) => Ok(row.clone()),
            Err(error) => Err(again(error)),
        };
        // Whoever has gone away hears nothing.
        let _ = answer.send(found);
    }
    let _ = last.send(found);
}

/// The same error for one more.
fn again(error: &Error) -> Error {
    match error {
        Error::DatabaseUnavailable(_) => away(),
        Error::Busy => Error::Busy,
        other => Error::Internal(other.to_string()),
    }
}
