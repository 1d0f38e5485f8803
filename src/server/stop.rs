//! The end of a server. First its health says so, and it serves on for as long as
//! balancers need to turn away. Then it takes no new connections and calls, sends
//! its watchers home, and waits for what is in flight. What is left at the
//! deadline is answered with `UNAVAILABLE`, and then cut off.

use std::{net::SocketAddr, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{
    Error, Feeds,
    health::{Health, Readiness},
};
use crate::{audit::recorder::Recorder, auth::Credentials, config};

/// How far the end of a server has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not at all.
    #[default]
    Serving,
    /// No new connections, and no new calls on those that are open.
    Draining,
    /// Calls are ended.
    LastAnswers,
    /// Connections are closed as they are.
    Cut,
}

/// A server that is serving, in tasks of its own. Dropped, it cuts its
/// connections.
pub struct Running {
    pub(super) address: SocketAddr,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) serving: JoinHandle<()>,
    pub(super) health: Health,
    pub(super) feeds: Feeds,
    pub(super) upkeep: Vec<JoinHandle<()>>,
    pub(super) recorder: Recorder,
    pub(super) credentials: Credentials,
    /// How long it serves on, and how long calls then have.
    pub(super) pause: Duration,
    pub(super) drain: Duration,
}

impl Running {
    /// The address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it is ready, from now on.
    pub fn readiness(&self) -> Readiness {
        self.health.readiness()
    }

    /// Serves until `signal` comes, then ends as [`Running::stop`] does; at once
    /// when `again` comes too.
    ///
    /// # Errors
    /// The server broke before or while ending.
    pub async fn run_until(
        mut self,
        signal: impl Future<Output = ()>,
        again: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        tokio::select! {
            broke = &mut self.serving => {
                end(self.upkeep).await;
                return Ok(broke?);
            }
            () = signal => {}
        }
        self.stop_unless(again).await
    }

    /// Ends within the pause and the time for calls of the settings.
    ///
    /// # Errors
    /// The server broke while ending.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop_unless(std::future::pending()).await
    }

    async fn stop_unless(mut self, hurry: impl Future<Output = ()>) -> Result<(), Error> {
        tokio::select! {
            () = self.leave() => {}
            () = hurry => tracing::warn!("told again to stop: what is in flight is cut off"),
        }
        self.phase.send_replace(Phase::Cut);
        let served = if self.serving.is_finished() { Ok(()) } else { (&mut self.serving).await };
        self.write_the_last().await;
        end(self.upkeep).await;
        Ok(served?)
    }

    /// Writes what the last calls left to be written.
    async fn write_the_last(&self) {
        let written = async { self.recorder.flush().await.and(self.credentials.note_use().await) };
        if !matches!(timeout(config::AUDIT_FLUSH_TIME_MAX, written).await, Ok(Ok(()))) {
            tracing::warn!("what the last calls left could not all be written: refusals, use of credentials");
        }
    }

    /// Ends in order, until nothing is in flight or the time is up.
    async fn leave(&mut self) {
        self.health.leave().await;
        if !self.pause.is_zero() {
            tracing::info!(seconds = self.pause.as_secs(), "serving on until balancers have turned away");
            tokio::time::sleep(self.pause).await;
        }
        self.phase.send_replace(Phase::Draining);
        self.feeds.end();
        let in_order = self.drain.saturating_sub(config::LAST_ANSWERS_TIME);
        if timeout(in_order, &mut self.serving).await.is_ok() {
            return;
        }
        tracing::warn!("some calls did not end in time and are cut off");
        self.phase.send_replace(Phase::LastAnswers);
        // Cut then, in any case.
        let _ = timeout(config::LAST_ANSWERS_TIME, &mut self.serving).await;
    }
}

/// Ends tasks, and waits until they have let go of their connections: the database may
/// be stopped next.
async fn end(tasks: Vec<JoinHandle<()>>) {
    tasks.iter().for_each(JoinHandle::abort);
    // That they were aborted is no news.
    futures::future::join_all(tasks).await;
}
