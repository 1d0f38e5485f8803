//! The credentials that a server knows, so that a call with one of them asks the
//! database nothing, and a revocation holds within a second all the same.
//!
//! What is remembered is trusted for [`config::CREDENTIAL_TRUST_TIME_MAX`] since the
//! server last began to ask whether credentials have changed. It asks every
//! [`config::CREDENTIAL_POLL_PERIOD`]; when they have, it forgets everything, and ends
//! the streams of those that are no longer in force. When the database is away, the
//! trust runs out, and each call has to look the credential up.
//!
//! Looking up is bounded, so that whoever guesses takes neither the connections of the
//! house nor the time of those who have a credential: a few at once, so many that wait for
//! so long, and a token that is none is not asked for again at once. Certificates that are
//! none are: unlike a token they are shown before somebody lets them in.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    admin::{credential::Credential, store::credentials},
    config,
    db::{Db, away},
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

/// What a server remembers of what is shown.
#[derive(Clone, Debug)]
pub enum Recalled {
    /// It is in force.
    Known(Found),
    /// It was none a moment ago.
    Vain,
    /// Nothing that is trusted.
    Unknown {
        /// How often the server had forgotten everything before.
        generation: u64,
        /// Whether it was in force when it was last looked up.
        is_familiar: bool,
    },
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
    /// What was known when everything was last forgotten.
    familiar: HashSet<Shown>,
    vain: Vain,
    /// What waits to be looked up: those who show the same wait for each other.
    waiting: HashMap<Shown, Arc<tokio::sync::Mutex<()>>>,
    held: HashMap<Uuid, Weak<watch::Sender<bool>>>,
    used: HashMap<Uuid, DateTime<Utc>>,
}

/// Tokens that are none, since when.
#[derive(Debug, Default)]
struct Vain {
    tokens: HashMap<Digest, Instant>,
    /// How many credentials this process had made.
    admissions: u64,
}

impl Vain {
    /// Whether this was none a moment ago, and nobody was let in since.
    fn holds(&mut self, shown: &Shown, admissions: u64) -> bool {
        if self.admissions != admissions {
            self.tokens.clear();
            self.admissions = admissions;
        }
        let since = self.tokens.get(&shown.digest).filter(|_| !shown.certificate);
        since.is_some_and(|since| since.elapsed() < config::CREDENTIAL_VAIN_TIME_MAX)
    }

    /// Remembers what was looked up in vain when so many had been let in.
    fn remember(&mut self, shown: Shown, admissions: u64) {
        if shown.certificate || self.admissions != admissions {
            return;
        }
        if self.tokens.len() >= config::CREDENTIALS_VAIN_MAX {
            self.tokens.retain(|_, since| since.elapsed() < config::CREDENTIAL_VAIN_TIME_MAX);
        }
        if self.tokens.len() < config::CREDENTIALS_VAIN_MAX {
            self.tokens.insert(shown.digest, Instant::now());
        }
    }
}

impl Known {
    /// Notes that a credential is used now, unless it has ended.
    fn note_use(&mut self, credential: &Credential) {
        let now = Utc::now();
        if !has_ended(credential, now) {
            self.used.insert(credential.id, now);
        }
    }
}

fn has_ended(credential: &Credential, now: DateTime<Utc>) -> bool {
    credential.grant.expire_time.is_some_and(|end| end <= now)
}

/// A place among those who wait for a look-up; given back when dropped.
struct Waiting<'a> {
    credentials: &'a Credentials,
    shown: Shown,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut known = self.credentials.known();
        // This one and the one in the table.
        if Arc::strong_count(&self.turn) == 2 {
            known.waiting.remove(&self.shown);
        }
    }
}

impl Credentials {
    /// Those in this database.
    pub fn new(db: Db) -> Credentials {
        let lookups = Arc::new(Semaphore::new(config::CREDENTIAL_LOOKUPS_MAX));
        Credentials { db, known: Arc::default(), lookups }
    }

    /// What is remembered of what is shown.
    pub fn recall(&self, shown: &Shown) -> Recalled {
        let admissions = self.db.admissions();
        let mut known = self.known();
        let generation = known.generation;
        let is_trusted = known.trusted_until.is_some_and(|end| end > Instant::now());
        match known.credentials.get(shown).cloned() {
            Some(credential) if is_trusted => {
                // While it is at hand: every call comes by here.
                known.note_use(&credential);
                Recalled::Known(Found { credential, generation })
            }
            None if is_trusted && known.vain.holds(shown, admissions) => Recalled::Vain,
            credential => {
                let is_familiar = credential.is_some() || known.familiar.contains(shown);
                Recalled::Unknown { generation, is_familiar }
            }
        }
    }

    /// The credential that is shown, if it is in force; what is remembered of it is
    /// `recalled`.
    ///
    /// # Errors
    /// It is none, was revoked or has ended; or it is not remembered, and the database
    /// is away, or too many others are looked up.
    pub async fn find(&self, shown: Shown, recalled: Recalled) -> Result<Found> {
        Cache::Credentials.count(!matches!(recalled, Recalled::Unknown { .. }));
        let found = match recalled {
            Recalled::Known(found) => found,
            Recalled::Vain => return Err(Error::Unauthenticated),
            Recalled::Unknown { is_familiar, .. } => {
                // Apart, as it would make every call as large as a query is.
                let found = Box::pin(self.look_up(shown, is_familiar)).await?;
                self.known().note_use(&found.credential);
                found
            }
        };
        if has_ended(&found.credential, Utc::now()) { Err(Error::Unauthenticated) } else { Ok(found) }
    }

    async fn look_up(&self, shown: Shown, is_familiar: bool) -> Result<Found> {
        let waiting = self.wait(shown, is_familiar)?;
        let turn = async {
            let alone = waiting.turn.lock().await;
            // It is never closed.
            (alone, self.lookups.acquire().await)
        };
        let _turn = timeout(config::CREDENTIAL_LOOKUP_WAIT_MAX, turn).await.map_err(|_| away())?;
        // Somebody else who shows the same may have had their turn before.
        let generation = match self.recall(&shown) {
            Recalled::Known(found) => return Ok(found),
            Recalled::Vain => return Err(Error::Unauthenticated),
            Recalled::Unknown { generation, .. } => generation,
        };
        let admissions = self.db.admissions();
        let found = credentials::shown(&mut *self.db.read().await?, shown.digest, shown.certificate).await?;
        let mut known = self.known();
        // What was read before everything was forgotten may be what had to be.
        let is_current = known.generation == generation;
        let Some(credential) = found.map(Arc::new) else {
            if is_current {
                known.vain.remember(shown, admissions);
            }
            return Err(Error::Unauthenticated);
        };
        if is_current {
            if known.credentials.len() >= config::CREDENTIALS_KNOWN_MAX {
                known.credentials.clear();
            }
            known.credentials.insert(shown, credential.clone());
        }
        Ok(Found { credential, generation })
    }

    /// Takes a place among those who wait for a look-up. Those who show the same have one
    /// together, and those whose credential was in force a moment ago find one always.
    fn wait(&self, shown: Shown, is_familiar: bool) -> Result<Waiting<'_>> {
        let mut known = self.known();
        let is_one_more = !known.waiting.contains_key(&shown);
        if is_one_more && !is_familiar && known.waiting.len() >= config::CREDENTIAL_LOOKUPS_WAITING_MAX {
            return Err(away());
        }
        let turn = known.waiting.entry(shown).or_default().clone();
        Ok(Waiting { credentials: self, shown, turn })
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
            known.familiar = std::mem::take(&mut known.credentials).into_keys().collect();
            known.vain.tokens.clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> Shown {
        Shown { digest: Digest::of(number.to_string().as_bytes()), certificate: false }
    }

    fn credentials() -> Credentials {
        // Nobody connects.
        let options = crate::db::options("postgres://nobody@127.0.0.1:1/nothing").expect("a URL");
        Credentials::new(Db::open(options, 2))
    }

    #[tokio::test]
    async fn so_many_wait_for_a_look_up_and_one_more_is_sent_away() {
        let credentials = credentials();
        let number = config::CREDENTIAL_LOOKUPS_WAITING_MAX;
        let mut waiting: Vec<_> =
            (0..number).map(|number| credentials.wait(token(number), false).expect("a place")).collect();
        assert!(credentials.wait(token(number), false).is_err(), "one too many");
        drop(credentials.wait(token(0), false).expect("who shows the same has the same place"));
        drop(credentials.wait(token(number), true).expect("whoever was known finds one"));
        assert_eq!(credentials.known().waiting.len(), number);
        waiting.pop();
        waiting.push(credentials.wait(token(number), false).expect("a place that was given back"));
        drop(waiting);
        assert!(credentials.known().waiting.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn tokens_that_are_none_are_remembered_until_somebody_is_let_in_and_certificates_never() {
        let mut vain = Vain::default();
        assert!(!vain.holds(&token(1), 0));
        vain.remember(token(1), 0);
        assert!(vain.holds(&token(1), 0) && !vain.holds(&token(2), 0));
        let certificate = Shown { certificate: true, ..token(3) };
        vain.remember(certificate, 0);
        assert!(!vain.holds(&certificate, 0));
        assert!(!vain.holds(&token(1), 1), "somebody was let in");
        vain.remember(token(1), 0);
        assert!(!vain.holds(&token(1), 1), "it was looked up before");
        for number in 0..=config::CREDENTIALS_VAIN_MAX {
            vain.remember(token(number), 1);
        }
        assert_eq!(vain.tokens.len(), config::CREDENTIALS_VAIN_MAX, "bounded in number");
    }
}
