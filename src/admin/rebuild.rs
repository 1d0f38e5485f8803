//! Making the search indexes anew, entry by entry, while the service runs: every
//! batch is a short transaction that holds what it reads, so that a change made
//! meanwhile is neither lost nor overwritten with what was before it.

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use uuid::Uuid;

use crate::{
    admin::{Role, store},
    article,
    auth::Principal,
    config,
    db::{Connection, Db, Lock, Operation, Trace, Transaction},
    error::{Error, Result},
    photo, publication, search,
};

/// The method that a rebuild answers, for the records.
const METHOD: &str = "RebuildSearchIndex";

/// What all search indexes are called together, for the records.
const INDEXES: &str = "searchIndexes";

/// The key of the lock that one rebuild at a time holds: "mh search" in ASCII, as
/// far as it goes.
const LOCK: i64 = 0x6d68_2073_6561_7263;

/// What is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The working copies of articles.
    Articles,
    /// What readers are served.
    PublishedArticles,
    /// The photos.
    Photos,
}

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The index that is being rebuilt.
    pub index: Index,
    /// Entries of it that have been made.
    pub done: i64,
    /// Entries that there were to make.
    pub total: i64,
    /// Whether everything is rebuilt.
    pub finished: bool,
}

/// A rebuild, and where it stands.
pub struct Rebuild {
    db: Db,
    caller: Principal,
    totals: [i64; 3],
    index: Option<Index>,
    after: Option<Uuid>,
    done: i64,
    _lock: Lock,
}

/// Begins a rebuild that somebody asks for, which stands in the audit.
///
/// # Errors
/// Another one is running.
pub async fn begin(db: Db, caller: Principal) -> Result<Rebuild> {
    let operation = Operation { caller: caller.clone(), method: METHOD, request: None, validate_only: false };
    let rebuild = open(db.clone(), caller).await?;
    let begun = db.write(operation, |transaction| {
        Box::pin(async {
            transaction.leave_trace(Trace { resource: INDEXES.to_owned(), before: None, after: None });
            Ok(())
        })
    });
    begun.await?;
    Ok(rebuild)
}

async fn open(db: Db, caller: Principal) -> Result<Rebuild> {
    let Some(lock) = db.try_lock(LOCK).await? else { return Err(Error::RebuildRunning) };
    let totals = store::search::counts(&mut *db.read().await?).await?;
    Ok(Rebuild { db, caller, totals, index: Some(Index::Articles), after: None, done: 0, _lock: lock })
}

/// All of a rebuild, batch by batch.
pub fn steps(rebuild: Rebuild) -> BoxStream<'static, Result<Progress>> {
    let steps = futures::stream::try_unfold(rebuild, |mut rebuild| async move {
        let db = rebuild.db.clone();
        Ok::<_, Error>(db.on_line(rebuild.go_on()).await?.map(|progress| (progress, rebuild)))
    });
    steps.boxed()
}

/// Rebuilds the indexes if entries are made in another way than they were, which is
/// also so after a migration. Tried until it is done.
pub async fn run(db: Db) {
    loop {
        match bring_up_to_date(&db).await {
            Ok(()) => return,
            // Another process does it, or the database is away.
            Err(error) => tracing::debug!(%error, "the search indexes are not up to date yet"),
        }
        tokio::time::sleep(config::REBUILD_PAUSE).await;
    }
}

async fn bring_up_to_date(db: &Db) -> Result<()> {
    if store::search::is_current(&mut *db.read().await?, search::ENTRIES_VERSION).await? {
        return Ok(());
    }
    let caller = Principal::local("search-index", Role::Operator);
    let last = steps(open(db.clone(), caller).await?).try_fold(0, |done, step| async move {
        if step.done > 0 && step.done % config::REBUILD_LOG_ROWS == 0 {
            tracing::info!(index = ?step.index, done = step.done, total = step.total, "rebuilding");
        }
        Ok(done.max(step.done))
    });
    if last.await? > 0 {
        tracing::info!("the search indexes are up to date");
    }
    Ok(())
}

impl Rebuild {
    /// Goes on by a batch; none at the end.
    async fn go_on(&mut self) -> Result<Option<Progress>> {
        let Some(index) = self.index else { return Ok(None) };
        let ids = self.next(index).await?;
        if let Some(last) = ids.last() {
            self.after = Some(*last);
            self.done += ids.len() as i64;
            self.make(index, ids).await?;
            return Ok(Some(self.progress(index)));
        }
        let progress = self.progress(index);
        (self.after, self.done) = (None, 0);
        self.index = match index {
            Index::Articles => Some(Index::PublishedArticles),
            Index::PublishedArticles => Some(Index::Photos),
            Index::Photos => None,
        };
        let finished = self.index.is_none();
        if finished {
            store::search::set_current(&mut *self.db.read().await?, search::ENTRIES_VERSION).await?;
        }
        Ok(Some(Progress { finished, ..progress }))
    }

    fn progress(&self, index: Index) -> Progress {
        Progress { index, done: self.done, total: self.totals[index as usize], finished: false }
    }

    /// What is to be indexed next.
    async fn next(&self, index: Index) -> Result<Vec<Uuid>> {
        let mut connection = self.db.read().await?;
        match index {
            Index::Articles => {
                store::search::articles(&mut connection, self.after, config::REBUILD_ROWS).await
            }
            Index::PublishedArticles => {
                store::search::published(&mut connection, self.after, config::REBUILD_ROWS).await
            }
            Index::Photos => store::search::photos(&mut connection, self.after, config::REBUILD_ROWS).await,
        }
    }

    /// Makes the entries of these.
    async fn make(&self, index: Index, ids: Vec<Uuid>) -> Result<()> {
        let caller = self.caller.clone();
        let operation = Operation { caller, method: METHOD, request: None, validate_only: false };
        let made = self.db.write(operation, move |transaction: &mut Transaction| {
            let ids = ids.clone();
            Box::pin(async move { make(transaction.connection(), index, &ids).await })
        });
        made.await
    }
}

async fn make(connection: &mut Connection, index: Index, ids: &[Uuid]) -> Result<()> {
    match index {
        Index::Articles => {
            let (live, deleted): (Vec<_>, Vec<_>) = article::store::lock_all(connection, ids)
                .await?
                .into_iter()
                .partition(|article| article.delete_time.is_none());
            let deleted: Vec<Uuid> = deleted.iter().map(|article| article.id).collect();
            search::store::remove(connection, &deleted).await?;
            let documents: Vec<_> = live.iter().map(article::Article::search_document).collect();
            search::store::write(connection, &documents).await
        }
        Index::PublishedArticles => {
            // Whoever publishes or withdraws an article holds it.
            article::store::lock_all(connection, ids).await?;
            let published = publication::store::search::summaries(connection, ids).await?;
            let documents = published.into_values().map(|published| search::Document {
                article: published.article,
                newspaper: published.newspaper,
                entry: published.content.search_entry(),
            });
            search::store::write_published(connection, &Vec::from_iter(documents)).await
        }
        Index::Photos => {
            let photos = photo::store::lock_all(connection, ids).await?;
            let entries: Vec<_> =
                photos.iter().map(|photo| (photo.id, photo::search::entry_of(photo))).collect();
            photo::store::search::write(connection, &entries).await
        }
    }
}
