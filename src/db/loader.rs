//! Gets of one row each, answered many at a time.
//!
//! A query for fifty rows costs little more than a query for one. So whoever wants a row
//! while others are being read waits for those, and is then read together with everyone
//! else who came meanwhile; whoever comes alone is read at once, and nobody waits for long
//! behind a query that hangs. An answer is always of a query that began after it was asked
//! for, so that who has written reads what was written. The connection is kept a moment
//! after that, as to give it back and to take it again costs more than to read.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use tokio::{sync::oneshot, time::timeout};

use super::{Connection, Db, Work, away};
use crate::{
    config::database::{
        LOADER_LINGER_TIME, LOADER_QUERIES_MAX, LOADER_QUERY_TIME_USUAL, LOADER_ROWS_MAX, LOADER_WAITING_MAX,
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
    /// Tasks that read, or are about to, or linger.
    readers: usize,
    /// Those of them whose query takes long.
    slow: usize,
    /// The one that lingers, to be told that somebody waits.
    lingering: Option<oneshot::Sender<()>>,
}

impl<K, V> Queue<K, V> {
    /// Sees to it that somebody reads for those who wait: whether another reader is to be
    /// made for them.
    fn call_reader(&mut self) -> bool {
        if let Some(lingering) = self.lingering.take() {
            // Who is leaving just now finds out that somebody waits.
            let _ = lingering.send(());
        }
        let is_needed = self.readers == self.slow && self.readers < LOADER_QUERIES_MAX;
        self.readers += usize::from(is_needed);
        is_needed
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
        Loader {
            db,
            fetch: Arc::new(fetch),
            queue: Arc::new(Mutex::new(Queue { waiting: Vec::new(), readers: 0, slow: 0, lingering: None })),
        }
    }

    /// The row with this key, as it stands or as it was later; none if there is none.
    /// Whoever stops waiting stops nobody else.
    ///
    /// # Errors
    /// The database is away, or too many wait already.
    pub async fn get(&self, key: K) -> Result<Option<V>> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.queue();
            if queue.waiting.len() >= LOADER_WAITING_MAX {
                return Err(Error::Busy);
            }
            queue.waiting.push(Asked { key, answer });
            self.call_reader(&mut queue);
        }
        answered.await.unwrap_or_else(|_| Err(Error::Internal("a reader of rows died".to_owned())))
    }

    fn call_reader(&self, queue: &mut Queue<K, V>) {
        if queue.call_reader() {
            // Not in the task of the caller, who may go away at any moment.
            tokio::spawn(Reader { loader: self.clone(), is_over: false }.run());
        }
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
    /// Leaves it to the other one, who came when this one took long.
    Leave,
}

/// That the query of a reader takes long: others read beside it meanwhile.
struct Slow<K, V>(Loader<K, V>);

impl<K, V> Slow<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    fn begin(loader: &Loader<K, V>) -> Slow<K, V> {
        let mut queue = loader.queue();
        queue.slow += 1;
        if !queue.waiting.is_empty() {
            loader.call_reader(&mut queue);
        }
        Slow(loader.clone())
    }
}

impl<K, V> Drop for Slow<K, V> {
    fn drop(&mut self) {
        self.0.queue().slow -= 1;
    }
}

/// Reads for all who wait, until nobody has come for a while.
struct Reader<K, V> {
    loader: Loader<K, V>,
    is_over: bool,
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
                loop {
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
                    if self.answer(&mut connection, batch).await == Line::Lost {
                        break;
                    }
                }
            }
        })
    }

    fn next(&mut self) -> Next<K, V> {
        let mut queue = self.loader.queue();
        if queue.readers > queue.slow + 1 {
            queue.readers -= 1;
            self.is_over = true;
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
        self.is_over = queue.waiting.is_empty();
        if self.is_over {
            queue.lingering = None;
            queue.readers -= 1;
        }
        self.is_over
    }

    async fn answer(&self, connection: &mut Connection, batch: Vec<Asked<K, V>>) -> Line {
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
                let mut line = Line::Open;
                for (key, answers) in asked {
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

    async fn fetch(&self, connection: &mut Connection, keys: Vec<K>) -> Result<Vec<(K, V)>> {
        let mut fetching = pin!(self.loader.db.on_line((self.loader.fetch)(connection, keys)));
        if let Ok(fetched) = timeout(LOADER_QUERY_TIME_USUAL, &mut fetching).await {
            return fetched;
        }
        let _slow = Slow::begin(&self.loader);
        fetching.await
    }

    /// Tells everyone that there is no connection.
    fn give_up(mut self, error: &Error) {
        let waiting = {
            let mut queue = self.loader.queue();
            queue.readers -= 1;
            std::mem::take(&mut queue.waiting)
        };
        self.is_over = true;
        waiting.into_iter().for_each(|asked| tell(vec![asked.answer], Err(again(error))));
    }
}

impl<K, V> Drop for Reader<K, V> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // It died. Nobody may wait for a reader that does not come.
        let mut queue = self.loader.queue();
        queue.readers -= 1;
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
