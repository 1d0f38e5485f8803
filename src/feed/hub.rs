//! The one task of a process that reads new entries, over the one connection
//! that hears of commits elsewhere; it also tells other processes of commits
//! here. It opens a new connection by itself when the database was away.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    config,
    db::{Db, wake::Line},
    error::{Error, Result},
    feed::Channel,
};

/// Pauses between tries to reach the database: the first, and the longest.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Pause before the first other look at what is committed but cannot be put in
/// order yet. It doubles up to [`config::FEED_POLL_PERIOD`].
const PENDING_PAUSE: Duration = Duration::from_millis(5);

/// Time of one look at the database, after which the connection counts as lost.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);

/// Fills the feeds for as long as the process lives.
pub async fn run(db: Db, feeds: Vec<Channel>) {
    let (first, longest) = RECONNECT_PAUSES;
    let mut pause = first;
    loop {
        match timeout(LOOK_TIME_MAX, db.listen()).await.unwrap_or_else(|_| Err(too_slow())) {
            Ok(line) => {
                pause = first;
                let mut silence = db.silence();
                let error = tokio::select! {
                    error = fill(line, &db, &feeds) => error,
                    () = silence.found() => too_slow(),
                };
                tracing::warn!(%error, "the feeds have lost their database connection");
            }
            Err(error) => tracing::debug!(%error, "the feeds cannot reach the database"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Fills the feeds until the connection is lost.
async fn fill(mut line: Line, db: &Db, feeds: &[Channel]) -> Error {
    let mut told = Instant::now();
    if let Err(error) = begin(&mut line, feeds).await {
        return error;
    }
    let mut pause = Duration::ZERO;
    loop {
        let round = async {
            let reason = wait(&mut line, db, feeds, pause).await?;
            if reason == Reason::OwnCommit {
                // Commits of the meantime share the notification.
                sleep_until(told + config::NOTIFY_PAUSE).await;
                timeout(LOOK_TIME_MAX, line.tell()).await.map_err(|_| too_slow())??;
                told = Instant::now();
            }
            let pending = timeout(LOOK_TIME_MAX, look(&mut line, feeds)).await.map_err(|_| too_slow())??;
            Ok((pending, reason))
        };
        pause = match round.await {
            Ok((false, _)) => config::FEED_POLL_PERIOD,
            Ok((true, Reason::Time)) => (pause * 2).clamp(PENDING_PAUSE, config::FEED_POLL_PERIOD),
            Ok((true, _)) => PENDING_PAUSE,
            Err(error) => return error,
        };
    }
}

/// Why the hub looks at the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    OwnCommit,
    Hint,
    Time,
}

async fn begin(line: &mut Line, feeds: &[Channel]) -> Result<()> {
    for feed in feeds {
        feed.source.prepare(line.connection().await?).await?;
    }
    Ok(())
}

/// Waits for a reason to look.
async fn wait(line: &mut Line, db: &Db, feeds: &[Channel], pause: Duration) -> Result<Reason> {
    // The feeds share their limits, and so the call.
    let call = async {
        match feeds.first() {
            Some(feed) => feed.limits.call.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        heard = line.heard() => heard.map(|()| Reason::Hint),
        () = db.committed() => Ok(Reason::OwnCommit),
        () = call => Ok(Reason::Hint),
        () = sleep(pause) => Ok(Reason::Time),
    }
}

/// Brings the feeds up to date; whether any of them has more that cannot be read
/// yet.
async fn look(line: &mut Line, feeds: &[Channel]) -> Result<bool> {
    let mut pending = false;
    for feed in feeds {
        pending |= feed.advance(line.connection().await?).await?;
    }
    Ok(pending)
}

fn too_slow() -> Error {
    Error::Internal("the database did not answer in time".to_owned())
}
