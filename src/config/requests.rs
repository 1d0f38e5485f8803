//! How long a call may take.

use std::time::Duration;

use clap::Args;

/// Seconds that a call may take.
pub const REQUEST_SECONDS_DEFAULT: u32 = 60;
/// The part of the time that a caller gives, by which a call is answered before
/// that time is over, so that the caller hears why.
pub const ANSWER_TIME_PART: u32 = 20;
/// Time by which a call is answered before the time that its caller gave, at most.
pub const ANSWER_TIME_MAX: Duration = Duration::from_millis(20);

/// How long a call may take.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSettings {
    /// Seconds that a call may take, unless its caller gives it less (grpc-timeout);
    /// streams, such as watches, uploads and downloads, take as long as their
    /// callers let them
    #[arg(long, env = "MASTHEAD_REQUEST_SECONDS_MAX", value_name = "SECONDS",
          default_value_t = REQUEST_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub request_seconds_max: u32,
}

impl Default for RequestSettings {
    fn default() -> RequestSettings {
        RequestSettings { request_seconds_max: REQUEST_SECONDS_DEFAULT }
    }
}

impl RequestSettings {
    /// The time of a call at most.
    pub fn time_max(&self) -> Duration {
        Duration::from_secs(self.request_seconds_max.into())
    }
}
