//! Who brings the schema up.

use clap::Args;
use clap::builder::BoolishValueParser;

/// Who brings the schema of the database up to this version.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct SchemaSettings {
    /// Do not bring the schema up, but wait until `masthead migrate` has done so
    #[arg(long, env = "MASTHEAD_SKIP_MIGRATIONS", value_parser = BoolishValueParser::new())]
    pub skip_migrations: bool,
}
