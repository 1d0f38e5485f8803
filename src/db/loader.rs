//! Gets of one row each, answered many at a time.
//!
//! A query for fifty rows costs little more than a query for one. So whoever wants a row
//! while others are being read waits for those, and is then read together with everyone
//! else who came meanwhile; whoever comes alone is read at once. An answer is always of
//! a query that began after it was asked for, so that who has written reads what was
//! written.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{Connection, Db, Work, away};
use crate::{
    config::database::{LOADER_QUERIES_MAX, LOADER_ROWS_MAX, LOADER_WAITING_MAX},
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
    /// Tasks that read, or are about to.
    readers: usize,
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
            queue: Arc::new(Mutex::new(Queue { waiting: Vec::new(), readers: 0 })),
        }
    }

    /// The row with this key, as it stands or as it was later; none if there is none.
    /// Whoever stops waiting stops nobody else.
    ///
    /// # Errors
    /// The database is away, or too many wait already.
    pub async fn get(&self, key: K) -> Result<Option<V>> {
        let (answer, answered) = oneshot::channel();
        let is_needed = {
            let mut queue = self.queue();
            if queue.waiting.len() >= LOADER_WAITING_MAX {
                return Err(Error::Busy);
            }
            queue.waiting.push(Asked { key, answer });
            let is_needed = queue.readers < LOADER_QUERIES_MAX;
            queue.readers += usize::from(is_needed);
            is_needed
        };
        if is_needed {
            // Not in the task of the caller, who may go away at any moment.
            tokio::spawn(Reader { loader: self.clone(), is_over: false }.run());
        }
        answered.await.unwrap_or_else(|_| Err(Error::Internal("a reader of rows died".to_owned())))
    }

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

/// Reads for all who wait, until nobody does.
struct Reader<K, V> {
    loader: Loader<K, V>,
    is_over: bool,
}

impl<K, V> Reader<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    async fn run(mut self) {
        loop {
            let mut connection = match self.loader.db.read().await {
                Ok(connection) => connection,
                Err(error) => return self.give_up(&error),
            };
            loop {
                let Some(batch) = self.next() else { return };
                if self.answer(&mut connection, batch).await == Line::Lost {
                    break;
                }
            }
        }
    }

    /// Those who wait, without those who have gone away meanwhile; none if nobody does,
    /// and then this reader is no more.
    fn next(&mut self) -> Option<Vec<Asked<K, V>>> {
        let mut queue = self.loader.queue();
        queue.waiting.retain(|asked| !asked.answer.is_closed());
        if queue.waiting.is_empty() {
            queue.readers -= 1;
            self.is_over = true;
            return None;
        }
        let count = queue.waiting.len().min(LOADER_ROWS_MAX);
        Some(queue.waiting.drain(..count).collect())
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
        self.loader.db.on_line((self.loader.fetch)(connection, keys)).await
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
        let mut queue = self.loader.queue.lock().unwrap_or_else(PoisonError::into_inner);
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
