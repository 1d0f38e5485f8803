//! Subcommands that are more than a call.

pub mod backup;
pub mod health;
pub mod token;
