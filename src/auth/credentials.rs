//! The credentials that a server knows, so that a call with one of them asks the
//! database nothing, and a revocation holds within a second all the same.
//!
//! What is remembered is trusted for [`config::CREDENTIAL_TRUST_TIME_MAX`] since the
//! server last began to ask whether credentials have changed. It asks every
//! [`config::CREDENTIAL_POLL_PERIOD`]; when they have, it forgets everything, and ends
//! the streams of those that are no longer in force. When the database is away, the
//! trust runs out, and each call has to look the credential up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::{
    admin::{credential::Credential, store::credentials},
    config,
    db::Db,
    digest::Digest,
    error::{Error, Result},
    telemetry::metrics::Cache,
};

/// The credentials that a server knows.
#[derive(Clone, Debug)]
pub struct Credentials {
    db: Db,
    known: Arc<Mutex<Known>>,
    lookups: Arc<Semaphore>,
}

/// What a caller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shown {
    /// The digest of the token, or of the client certificate.
    pub digest: Digest,
    /// Whether it is a certificate.
    pub certificate: bool,
}

/// A credential that was in force when it was looked up.
#[derive(Clone, Debug)]
pub struct Found {
    /// The credential.
    pub credential: Arc<Credential>,
    /// How often the server had forgotten everything before.
    generation: u64,
}

/// A stream that ends when its credential does.
#[derive(Debug)]
pub struct Hold {
    ended: watch::Receiver<bool>,
    /// What [`Credentials::run`] ends it by; there for as long as any stream is.
    _signal: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Counts how often everything was forgotten.
    generation: u64,
    /// The count of changes in the database when it was last asked for.
    changes: Option<i64>,
    /// Until when what is remembered is trusted.
    trusted_until: Option<Instant>,
    credentials: HashMap<Shown, Arc<Credential>>,
    held: HashMap<Uuid, Weak<watch::Sender<bool>>>,
    used: HashMap<Uuid, DateTime<Utc>>,
}

impl Credentials {
    /// Those in this database.
    pub fn new(db: Db) -> Credentials {
        let lookups = Arc::new(Semaphore::new(config::CREDENTIAL_LOOKUPS_MAX));
        Credentials { db, known: Arc::default(), lookups }
    }

    /// The credential that is shown, if it is in force.
    ///
    /// # Errors
    /// It is none, was revoked or has ended; or it is not remembered, and the database
    /// is away.
    pub async fn find(&self, shown: Shown) -> Result<Found> {
        let now = Utc::now();
        let remembered = self.remembered(&shown);
        Cache::Credentials.count(remembered.is_ok());
        let found = match remembered {
            Ok(found) => found,
            Err(generation) => self.look_up(shown, generation).await?,
        };
        let grant = &found.credential.grant;
        if grant.expire_time.is_some_and(|end| end <= now) {
            return Err(Error::Unauthenticated);
        }
        self.known().used.insert(found.credential.id, now);
        Ok(found)
    }

    /// What is remembered and trusted, or the generation to look it up in.
    fn remembered(&self, shown: &Shown) -> std::result::Result<Found, u64> {
        let known = self.known();
        let generation = known.generation;
        if known.trusted_until.is_none_or(|end| end <= Instant::now()) {
            return Err(generation);
        }
        let credential = known.credentials.get(shown).cloned();
        credential.map(|credential| Found { credential, generation }).ok_or(generation)
    }

    async fn look_up(&self, shown: Shown, generation: u64) -> Result<Found> {
        let turn = self.lookups.acquire().await;
        let found = credentials::shown(&mut *self.db.read().await?, shown.digest, shown.certificate).await?;
        drop(turn);
        let credential = Arc::new(found.ok_or(Error::Unauthenticated)?);
        let mut known = self.known();
        // What was read before everything was forgotten may be what had to be.
        if known.generation == generation {
            if known.credentials.len() >= config::CREDENTIALS_KNOWN_MAX {
                known.credentials.clear();
            }
            known.credentials.insert(shown, credential.clone());
        }
        Ok(Found { credential, generation })
    }

    /// Keeps a stream for as long as the credential is in force.
    ///
    /// # Errors
    /// It was revoked meanwhile; or that cannot be told, as the database is away.
    pub async fn hold(&self, found: &Found) -> Result<Hold> {
        let id = found.credential.id;
        let (signal, is_new_to_it) = {
            let mut known = self.known();
            let signal = known.held.get(&id).and_then(Weak::upgrade);
            let signal = signal.unwrap_or_else(|| Arc::new(watch::Sender::new(false)));
            known.held.insert(id, Arc::downgrade(&signal));
            (signal, known.generation == found.generation)
        };
        // Otherwise the change that ends it may have been looked at before it was held.
        if !is_new_to_it && credentials::in_force(&mut *self.db.read().await?, &[id]).await?.is_empty() {
            return Err(Error::Unauthenticated);
        }
        Ok(Hold { ended: signal.subscribe(), _signal: signal })
    }

    /// Keeps what is remembered true, until it is aborted.
    pub async fn run(self) {
        let mut is_away = false;
        let mut noted = Instant::now();
        loop {
            match self.refresh().await {
                Ok(()) => is_away = false,
                Err(error) if is_away => tracing::debug!(%error, "credentials still cannot be followed"),
                Err(error) => {
                    is_away = true;
                    tracing::warn!(%error, "changes of credentials cannot be followed; each call looks its own up");
                }
            }
            if noted.elapsed() >= config::CREDENTIAL_USE_PERIOD {
                noted = Instant::now();
                if let Err(error) = self.note_use().await {
                    tracing::warn!(%error, "it could not be written down when credentials were used");
                }
            }
            tokio::time::sleep(config::CREDENTIAL_POLL_PERIOD).await;
        }
    }

    async fn refresh(&self) -> Result<()> {
        let begun = Instant::now();
        let mut connection = self.db.read().await?;
        let changes = credentials::changes(&mut connection).await?;
        let held: Vec<Uuid> = {
            let mut known = self.known();
            known.trusted_until = Some(begun + config::CREDENTIAL_TRUST_TIME_MAX);
            if known.changes == Some(changes) {
                return Ok(());
            }
            known.changes = Some(changes);
            known.generation += 1;
            known.credentials.clear();
            known.held.retain(|_, signal| signal.strong_count() > 0);
            known.held.keys().copied().collect()
        };
        if held.is_empty() {
            return Ok(());
        }
        let in_force = match credentials::in_force(&mut connection, &held).await {
            Ok(in_force) => in_force,
            Err(error) => {
                // So that the next round asks again.
                self.known().changes = None;
                return Err(error);
            }
        };
        let known = self.known();
        let ended = held.iter().filter(|id| !in_force.contains(id)).filter_map(|id| known.held.get(id));
        for signal in ended.filter_map(Weak::upgrade) {
            signal.send_replace(true);
        }
        Ok(())
    }

    /// Writes down when credentials were last used.
    ///
    /// # Errors
    /// The database is away; then it is told the next time.
    pub async fn note_use(&self) -> Result<()> {
        let used = std::mem::take(&mut self.known().used);
        if used.is_empty() {
            return Ok(());
        }
        let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) =
            used.iter().map(|(id, time)| (*id, *time)).unzip();
        let written = match self.db.read().await {
            Ok(mut connection) => credentials::note_use(&mut connection, &ids, &times).await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            let mut known = self.known();
            for (id, time) in used {
                known.used.entry(id).or_insert(time);
            }
        }
        written
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in there is half done when a thread panics.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Waits until the credential is revoked.
    pub async fn ended(&mut self) {
        // The sender lives as long as this does.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}
