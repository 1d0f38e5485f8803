//! How long a connection lives: until it is idle or old, and how it then ends.

use std::time::Duration;

use tokio::time::Instant;

use super::traffic::Traffic;
use crate::config::{self, ConnectionSettings};

/// Pause between two looks at a connection that is being closed.
const CLOSING_LOOK_PERIOD: Duration = Duration::from_secs(1);

/// Why a connection is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has used it for a while.
    Idle,
    /// It is old.
    Age,
    /// The server is stopping.
    Stop,
}

impl Reason {
    /// As metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Idle => "idle",
            Reason::Age => "age",
            Reason::Stop => "stop",
        }
    }
}

/// What is to be done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    Wait,
    /// Tell its client to make no new calls.
    Leave,
    /// End its calls.
    EndCalls,
    /// Close it as it is.
    Cut,
}

/// One connection's times.
#[derive(Debug)]
pub struct Lifetime {
    idle_time_max: Duration,
    grace: Duration,
    /// When it is old.
    old: Instant,
    closing: Option<Closing>,
}

/// A connection that takes no new calls.
#[derive(Debug)]
struct Closing {
    reason: Reason,
    /// When its calls are ended; none where the server decides that for all
    /// connections together.
    end_calls: Option<Instant>,
    cut: Option<Instant>,
    /// Since when nothing has moved, and how much had been sent then.
    quiet_since: Instant,
    sent: u64,
}

impl Lifetime {
    /// Of a connection that begins. `spread` tells connections apart that began
    /// together.
    pub fn new(settings: &ConnectionSettings, spread: u16) -> Lifetime {
        let age = Duration::from_secs(settings.connection_age_seconds.into());
        // 90 to 110 hundredths.
        let age = age * (90 + u32::from(spread % 21)) / 100;
        Lifetime {
            idle_time_max: Duration::from_secs(settings.connection_idle_seconds.into()),
            grace: Duration::from_secs(settings.connection_grace_seconds.into()),
            old: Instant::now() + age,
            closing: None,
        }
    }

    /// Why it is being closed, if it is.
    pub fn reason(&self) -> Option<Reason> {
        self.closing.as_ref().map(|closing| closing.reason)
    }

    /// The server stops, and says by itself when calls are ended.
    pub fn stop(&mut self, traffic: &Traffic) {
        self.close(Reason::Stop, None, traffic);
    }

    fn close(&mut self, reason: Reason, end_calls: Option<Instant>, traffic: &Traffic) {
        let quiet_since = Instant::now();
        self.closing = Some(Closing { reason, end_calls, cut: None, quiet_since, sent: traffic.sent() });
    }

    /// When to look again.
    pub fn next_look(&self, traffic: &Traffic) -> Instant {
        let now = Instant::now();
        match &self.closing {
            None => self.old.min(traffic.idle_since().unwrap_or(now) + self.idle_time_max),
            Some(_) => now + CLOSING_LOOK_PERIOD,
        }
    }

    /// What is due.
    pub fn step(&mut self, traffic: &Traffic) -> Step {
        let now = Instant::now();
        let Some(closing) = &mut self.closing else {
            let idle = traffic.idle_since().is_some_and(|since| now >= since + self.idle_time_max);
            if !idle && now < self.old {
                return Step::Wait;
            }
            let reason = if idle { Reason::Idle } else { Reason::Age };
            self.close(reason, Some(now + self.grace), traffic);
            return Step::Leave;
        };
        // An old connection may have calls that wait for their client; a server
        // that stops does not wait for the client with them.
        let is_done = traffic.open() == 0 || (closing.reason == Reason::Stop && traffic.is_held());
        if !is_done || traffic.sent() != closing.sent {
            (closing.quiet_since, closing.sent) = (now, traffic.sent());
        }
        let is_quiet = now >= closing.quiet_since + config::CLOSING_QUIET_TIME_MAX;
        if is_quiet || closing.cut.is_some_and(|time| now >= time) {
            return Step::Cut;
        }
        if closing.cut.is_none() && closing.end_calls.is_some_and(|time| now >= time) {
            closing.cut = Some(now + config::LAST_ANSWERS_TIME);
            return Step::EndCalls;
        }
        Step::Wait
    }
}
