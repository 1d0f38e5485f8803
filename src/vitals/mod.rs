//! What a server knows of itself: its connections, feeds and watchers, and what its
//! database holds of the ledger and of orders to publish. Operators ask for it with
//! `GetServiceStatus`; [`sampler`] keeps the gauges for Prometheus up to date with it.

pub mod sampler;
pub mod store;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    admin,
    config::Setting,
    db::{Connections, Db, schema},
    error::Result,
    feed::Channel,
    photo::files::Files,
    search,
    server::health::{Readiness, State},
};
pub use store::Stored;

/// Where what a server knows of itself is found.
#[derive(Clone)]
pub struct Vitals {
    db: Db,
    files: Files,
    /// The feeds, by the names that metrics have for them.
    feeds: [(&'static str, Channel); 2],
    readiness: Readiness,
    settings: Arc<[Setting]>,
    start_time: DateTime<Utc>,
}

/// One feed of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name: `publications` or `changes`.
    pub name: &'static str,
    /// Watch streams that are open.
    pub watchers: usize,
    /// How long ago the feed was last found complete; none while nobody watches it.
    pub lag: Option<TimeDelta>,
}

impl Vitals {
    /// Of a server that starts now, with the feed of publications and that of changes.
    pub fn new(
        db: Db,
        files: Files,
        (publications, changes): (Channel, Channel),
        readiness: Readiness,
        settings: Vec<Setting>,
    ) -> Vitals {
        let feeds = [("publications", publications), ("changes", changes)];
        Vitals { db, files, feeds, readiness, settings: settings.into(), start_time: Utc::now() }
    }

    /// What the probes have found.
    pub fn state(&self) -> State {
        *self.readiness.borrow()
    }

    /// The connections to the database.
    pub fn connections(&self) -> Connections {
        self.db.connections()
    }

    /// The feeds.
    pub fn feeds(&self) -> [Feed; 2] {
        let now = Utc::now();
        self.feeds.each_ref().map(|(name, channel)| Feed {
            name,
            watchers: channel.watchers(),
            lag: channel.complete_until().map(|time| (now - time).max(TimeDelta::zero())),
        })
    }

    /// What stands in the database.
    ///
    /// # Errors
    /// The database is away.
    pub async fn stored(&self) -> Result<Stored> {
        store::stored(&mut *self.db.read().await?).await
    }

    /// Orders to publish that have failed, of issues and of articles. Looks through
    /// all of them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn failed_orders(&self) -> Result<[i64; 2]> {
        store::failed_orders(&mut *self.db.read().await?).await
    }

    /// Whether the search indexes hold everything as this version makes entries.
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_search_current(&self) -> Result<bool> {
        admin::store::search::is_current(&mut *self.db.read().await?, search::ENTRIES_VERSION).await
    }

    /// The numbers of the newest migration that the database has had, and of the
    /// newest that this program knows.
    ///
    /// # Errors
    /// The database is away.
    pub async fn schema_versions(&self) -> Result<(i64, i64)> {
        let had = store::schema_version(&mut *self.db.read().await?).await?;
        Ok((had, schema::known().last().copied().unwrap_or_default()))
    }

    /// Where photos are stored: `folder` or `bucket`.
    pub fn photo_store(&self) -> &'static str {
        self.files.kind()
    }

    /// The settings that the server was started with, as far as they are known.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// When the server started.
    pub fn start_time(&self) -> DateTime<Utc> {
        self.start_time
    }
}
