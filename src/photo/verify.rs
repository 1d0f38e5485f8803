//! Walking the photo store: every file that is known is read and its digest
//! compared, then everything that lies there is looked up. Files that come
//! meanwhile do not disturb it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::{
    auth::Principal,
    config,
    db::Db,
    digest::Digest,
    error::{Error, Result},
    photo::{
        files::{Files, Place, StoredFile},
        release::{clear_away, release},
        rendition,
        store::{self, files::Known},
    },
};

/// The method that the walk answers, for the records.
const METHOD: &str = "VerifyPhotos";

/// What can be wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is used, and not there.
    Missing,
    /// Its bytes are not those that were stored.
    Altered,
    /// It is there, and nothing refers to it.
    Orphaned,
}

/// A file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub wrong: Wrong,
    /// Where it lies, or should.
    pub place: String,
    /// Some of what refers to it.
    pub used_by: Vec<String>,
    /// What was found and expected, for people.
    pub description: String,
    /// Whether it has been removed.
    pub removed: bool,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were known when the walk began.
    pub total: i64,
    /// Files that have been read.
    pub checked: i64,
    /// Bytes that have been read.
    pub checked_bytes: u64,
    /// Files that are used and not there.
    pub missing: i64,
    /// Files with other bytes than were stored.
    pub altered: i64,
    /// Files that nothing refers to.
    pub orphaned: i64,
    /// Orphans that were removed.
    pub removed: i64,
}

/// What a walk brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// How far it has come.
    Progress(Tally),
    /// A file that is not as it should be.
    Finding(Finding),
    /// The end.
    Outcome(Tally),
}

/// A walk, and where it stands.
pub struct Walk {
    db: Db,
    files: Files,
    caller: Principal,
    remove_orphans: bool,
    tally: Tally,
    start_time: DateTime<Utc>,
    stage: Stage,
}

enum Stage {
    /// Reading the known files, behind this one.
    Reading(Option<Digest>),
    /// Looking up what lies in the store.
    Listing(BoxStream<'static, Result<Vec<StoredFile>>>),
    Ended,
}

/// Begins a walk.
///
/// # Errors
/// The database is away.
pub async fn begin(db: Db, files: Files, caller: Principal, remove_orphans: bool) -> Result<Walk> {
    let total = store::files::count(&mut *db.read().await?).await?;
    let tally = Tally { total, ..Tally::default() };
    let (start_time, stage) = (Utc::now(), Stage::Reading(None));
    Ok(Walk { db, files, caller, remove_orphans, tally, start_time, stage })
}

/// All of a walk, step by step.
pub fn steps(walk: Walk) -> BoxStream<'static, Result<Step>> {
    let batches = futures::stream::try_unfold(walk, |mut walk| async move {
        let db = walk.db.clone();
        let steps = db.on_line(walk.go_on()).await?;
        Ok::<_, Error>(steps.map(|steps| (futures::stream::iter(steps).map(Ok), walk)))
    });
    batches.try_flatten().boxed()
}

impl Walk {
    /// Goes on by some files; none at the end.
    async fn go_on(&mut self) -> Result<Option<Vec<Step>>> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Reading(after) => Ok(Some(self.read_one(after).await?)),
            Stage::Listing(mut listing) => {
                let Some(batch) = listing.next().await.transpose()? else {
                    return Ok(Some(vec![Step::Outcome(self.tally)]));
                };
                self.stage = Stage::Listing(listing);
                Ok(Some(self.look_up(batch).await?))
            }
            Stage::Ended => Ok(None),
        }
    }

    /// Reads the next known file.
    async fn read_one(&mut self, after: Option<Digest>) -> Result<Vec<Step>> {
        let known = store::files::list(&mut *self.db.read().await?, after, 1).await?.pop();
        let Some(known) = known else {
            let listing = self.files.list().try_chunks(config::VERIFY_FILES_AT_A_TIME);
            self.stage = Stage::Listing(listing.map_err(|stopped| stopped.1).boxed());
            return Ok(vec![Step::Progress(self.tally)]);
        };
        self.stage = Stage::Reading(Some(known.sha256));
        // One that nothing refers to is found when the store is listed.
        let finding = if known.used { self.prove(&known).await? } else { None };
        self.tally.checked += 1;
        let is_time = self.tally.checked % config::VERIFY_FILES_PROGRESS == 0;
        let progress = is_time.then_some(Step::Progress(self.tally));
        Ok(finding.map(Step::Finding).into_iter().chain(progress).collect())
    }

    /// Reads a file; what is wrong with it.
    async fn prove(&mut self, known: &Known) -> Result<Option<Finding>> {
        let size_bytes = self.files.size_bytes(known.sha256).await?;
        let (wrong, description) = match size_bytes {
            None => (Wrong::Missing, "it is not there".to_owned()),
            Some(size) if i64::try_from(size) != Ok(known.size_bytes) => {
                (Wrong::Altered, format!("it has {size} bytes, not {}", known.size_bytes))
            }
            Some(size) => {
                let found = digest(&self.files, known.sha256, size).await?;
                self.tally.checked_bytes += size;
                if found == known.sha256 {
                    return Ok(None);
                }
                (Wrong::Altered, format!("its bytes have the SHA-256 {found}"))
            }
        };
        let connection = &mut *self.db.read().await?;
        let used_by = store::files::users(connection, known.sha256, config::FILE_USERS_MAX).await?;
        if used_by.is_empty() {
            // It was let go of since it was listed.
            return Ok(None);
        }
        match wrong {
            Wrong::Missing => self.tally.missing += 1,
            _ => self.tally.altered += 1,
        }
        let place = Place::Original(known.sha256).to_string();
        Ok(Some(Finding { wrong, place, used_by, description, removed: false }))
    }

    /// Looks up some of what lies in the store; the orphans among it.
    async fn look_up(&mut self, batch: Vec<StoredFile>) -> Result<Vec<Step>> {
        let connection = &mut *self.db.read().await?;
        let originals: Vec<Digest> = batch.iter().filter_map(|file| file.place.original()).collect();
        let incoming: Vec<Uuid> = batch.iter().filter_map(|file| file.place.incoming()).collect();
        let used: HashSet<Digest> = store::files::used(connection, &originals).await?.into_iter().collect();
        let renditions: Vec<Digest> = batch.iter().filter_map(|file| file.place.rendition()).collect();
        let noted: HashSet<Digest> =
            rendition::store::known(connection, &renditions).await?.into_iter().collect();
        let known: HashSet<Uuid> = store::uploads::known(connection, &incoming).await?.into_iter().collect();
        let mut steps = Vec::new();
        for file in batch {
            let is_needed = match &file.place {
                Place::Original(digest) => used.contains(digest),
                Place::Rendition(key) => noted.contains(key),
                Place::Incoming(upload) => known.contains(upload),
                Place::Foreign(_) => false,
            };
            let age = self.start_time - file.write_time;
            if !is_needed && age.to_std().is_ok_and(|age| age >= config::ORPHAN_AGE_MIN) {
                steps.extend(self.orphan(file).await?.map(Step::Finding));
            }
        }
        Ok(steps)
    }

    /// Reports a file that nothing refers to, and removes it if that is wanted;
    /// none if something has begun to refer to it.
    async fn orphan(&mut self, file: StoredFile) -> Result<Option<Finding>> {
        let (removed, why) = match &file.place {
            Place::Original(sha256) => {
                let why = "no photo and no publication refers to it";
                if !self.remove_orphans {
                    (false, why)
                } else if release(&self.db, &self.files, self.caller.clone(), METHOD, *sha256).await? {
                    (true, why)
                } else {
                    return Ok(None);
                }
            }
            Place::Rendition(_) => (self.remove_orphans, "it is a rendition of no original"),
            Place::Incoming(_) => (self.remove_orphans, "it belongs to no upload"),
            Place::Foreign(_) => (false, "the service has not put it there"),
        };
        if removed && file.place.original().is_none() {
            let (caller, place) = (self.caller.clone(), file.place.clone());
            clear_away(&self.db, &self.files, caller, METHOD, place).await?;
        }
        self.tally.orphaned += 1;
        self.tally.removed += i64::from(removed);
        Ok(Some(Finding {
            wrong: Wrong::Orphaned,
            place: file.place.to_string(),
            used_by: Vec::new(),
            description: format!("{why}; it has {} bytes", file.size_bytes),
            removed,
        }))
    }
}

/// The digest of what lies where a file is stored.
async fn digest(files: &Files, sha256: Digest, size_bytes: u64) -> Result<Digest> {
    let digested = files.read(sha256, 0..size_bytes).try_fold(Sha256::new(), |hasher, piece| async {
        let digesting = spawn_blocking(move || hasher.chain_update(&piece));
        digesting.await.map_err(|died| Error::Internal(format!("a digest died: {died}")))
    });
    Ok(Digest::from_bytes(&digested.await?.finalize()).unwrap_or(Digest::ZERO))
}
