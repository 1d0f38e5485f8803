//! Working copies as callers get them, kept in memory. Whether one is still as it stands
//! is asked of the database at each get, of all articles that are asked for at that time
//! in one query. So nobody reads what was; but what has not changed is not read, taken
//! apart and encoded again.

use std::{collections::HashMap, sync::Arc};

use quick_cache::{OptionsBuilder, Weighter, sync::Cache};
use uuid::Uuid;

use crate::{
    article::{Article, Standing, store},
    config::ReadingSettings,
    db::{Connection, Db, Loader},
    error::Result,
    pb,
    telemetry::metrics,
    wire::ready::Ready,
};

/// What an entry costs beside its message, in bytes.
const ENTRY_BYTES: usize = 192;

/// Bytes of a usual working copy; a guess that only sizes tables.
const USUAL_BYTES: u64 = 2048;

/// Working copies, of which some are kept.
#[derive(Clone, Debug)]
pub struct WorkingCopies {
    loader: Loader<Uuid, WorkingCopy>,
}

/// An article as callers get it.
#[derive(Clone, Debug)]
pub struct WorkingCopy {
    /// The id of its newspaper.
    pub newspaper: Arc<str>,
    /// The encoded article.
    pub message: Ready,
    standing: Standing,
}

/// Those that are kept, if any are.
type Kept = Option<Arc<Cache<Uuid, WorkingCopy, Weight>>>;

#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<Uuid, WorkingCopy> for Weight {
    fn weight(&self, _: &Uuid, copy: &WorkingCopy) -> u64 {
        (ENTRY_BYTES + copy.newspaper.len() + copy.message.size_bytes()) as u64
    }
}

impl From<Article> for WorkingCopy {
    fn from(article: Article) -> WorkingCopy {
        let newspaper = Arc::from(article.newspaper.as_str());
        let standing = article.standing();
        WorkingCopy { newspaper, message: Ready::encode(&pb::Article::from(article)), standing }
    }
}

impl WorkingCopies {
    /// Those in this database.
    pub fn new(db: Db, settings: ReadingSettings) -> WorkingCopies {
        let kept = kept(u64::from(settings.working_cache_mib) * 1024 * 1024);
        let loader = Loader::new(db, move |connection, ids| Box::pin(load(connection, kept.clone(), ids)));
        WorkingCopies { loader }
    }

    /// One article, deleted or not; none if it is not there.
    ///
    /// # Errors
    /// The database is away, or too many wait already.
    pub async fn get(&self, id: Uuid) -> Result<Option<WorkingCopy>> {
        self.loader.get(id).await
    }
}

fn kept(bytes: u64) -> Kept {
    let options = OptionsBuilder::new()
        .estimated_items_capacity((bytes / USUAL_BYTES) as usize)
        .weight_capacity(bytes)
        .build()
        .ok();
    let options = options.filter(|_| bytes > 0)?;
    Some(Arc::new(Cache::with_options(options, Weight, Default::default(), Default::default())))
}

/// Several articles: those that are kept and still stand so, and the others as they are
/// read now. What is read in between stands under what it was read with, and so is not
/// taken for what comes after.
async fn load(connection: &mut Connection, kept: Kept, ids: Vec<Uuid>) -> Result<Vec<(Uuid, WorkingCopy)>> {
    let known = |id: &Uuid| kept.as_ref()?.get(id).map(|copy| (*id, copy));
    let mut known: HashMap<Uuid, WorkingCopy> = ids.iter().filter_map(known).collect();
    let mut unread: Vec<Uuid> = ids.into_iter().filter(|id| !known.contains_key(id)).collect();
    let mut copies = Vec::with_capacity(known.len() + unread.len());
    if !known.is_empty() {
        let asked: Vec<Uuid> = known.keys().copied().collect();
        for (id, standing) in store::standings(connection, &asked).await? {
            match known.remove(&id).filter(|copy| copy.standing == standing) {
                Some(copy) => copies.push((id, copy)),
                None => unread.push(id),
            }
        }
    }
    copies.iter().for_each(|_| metrics::Cache::Articles.count(true));
    unread.iter().for_each(|_| metrics::Cache::Articles.count(false));
    if unread.is_empty() {
        return Ok(copies);
    }
    for article in store::find_all(connection, &unread).await? {
        let (id, copy) = (article.id, WorkingCopy::from(article));
        if let Some(kept) = &kept {
            kept.insert(id, copy.clone());
        }
        copies.push((id, copy));
    }
    Ok(copies)
}
