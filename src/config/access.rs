//! What one person may ask of a server, and whoever does not say who they are.

use clap::Args;

use super::{
    AUDIT_RETENTION_DAYS_DEFAULT, AUDIT_RETENTION_DAYS_MIN, REQUESTS_BURST_DEFAULT,
    REQUESTS_PER_SECOND_DEFAULT, STRANGER_STREAMS_DEFAULT, STRANGERS_BURST_DEFAULT,
    STRANGERS_PER_SECOND_DEFAULT, UPLOADS_PER_PERSON_DEFAULT, WATCHES_PER_PERSON_DEFAULT,
};

/// What one person may ask of a server, by whatever credentials and connections, and
/// how long it is remembered what they did; and what may be asked without a credential.
#[derive(Args, Clone, Copy, Debug)]
pub struct AccessSettings {
    /// Calls of one person in a second, at most, as they come in the long run
    #[arg(long, env = "MASTHEAD_REQUESTS_PER_SECOND_MAX", value_name = "COUNT",
          default_value_t = REQUESTS_PER_SECOND_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub requests_per_second_max: u32,

    /// Calls of one person that may come at once, after a quiet while
    #[arg(long, env = "MASTHEAD_REQUESTS_BURST_MAX", value_name = "COUNT",
          default_value_t = REQUESTS_BURST_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub requests_burst_max: u32,

    /// Watch streams that one person has open at once, at most
    #[arg(long, env = "MASTHEAD_WATCHES_PER_PERSON_MAX", value_name = "COUNT",
          default_value_t = WATCHES_PER_PERSON_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub watches_per_person_max: u32,

    /// Uploads of photos of one person that run at once, at most
    #[arg(long, env = "MASTHEAD_UPLOADS_PER_PERSON_MAX", value_name = "COUNT",
          default_value_t = UPLOADS_PER_PERSON_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub uploads_per_person_max: u32,

    /// Calls from one address (an IPv6 network of 64 bits) that show no valid
    /// credential, reflection among them, in a second, as they come in the long run.
    /// Health is not counted
    #[arg(long, env = "MASTHEAD_STRANGERS_PER_SECOND_MAX", value_name = "COUNT",
          default_value_t = STRANGERS_PER_SECOND_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub strangers_per_second_max: u32,

    /// The same that may come at once, after a quiet while
    #[arg(long, env = "MASTHEAD_STRANGERS_BURST_MAX", value_name = "COUNT",
          default_value_t = STRANGERS_BURST_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub strangers_burst_max: u32,

    /// Streams of health and reflection that are open without a credential at once, at
    /// most; from one address half of them
    #[arg(long, env = "MASTHEAD_STRANGER_STREAMS_MAX", value_name = "COUNT",
          default_value_t = STRANGER_STREAMS_DEFAULT, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub stranger_streams_max: u32,

    /// Days that the audit is kept
    #[arg(long, env = "MASTHEAD_AUDIT_RETENTION_DAYS", value_name = "DAYS",
          default_value_t = AUDIT_RETENTION_DAYS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(i64::from(AUDIT_RETENTION_DAYS_MIN)..=36_500))]
    pub audit_retention_days: u32,
}

impl Default for AccessSettings {
    fn default() -> AccessSettings {
        AccessSettings {
            requests_per_second_max: REQUESTS_PER_SECOND_DEFAULT,
            requests_burst_max: REQUESTS_BURST_DEFAULT,
            watches_per_person_max: WATCHES_PER_PERSON_DEFAULT,
            uploads_per_person_max: UPLOADS_PER_PERSON_DEFAULT,
            strangers_per_second_max: STRANGERS_PER_SECOND_DEFAULT,
            strangers_burst_max: STRANGERS_BURST_DEFAULT,
            stranger_streams_max: STRANGER_STREAMS_DEFAULT,
            audit_retention_days: AUDIT_RETENTION_DAYS_DEFAULT,
        }
    }
}
