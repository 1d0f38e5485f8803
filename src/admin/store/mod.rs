//! What operators keep, in Postgres.

pub mod credentials;
pub mod search;
