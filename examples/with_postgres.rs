//! Runs a command beside a throw-away Postgres that has the schema of
//! `migrations/`, with its URL in `DATABASE_URL`:
//!
//! ```sh
//! cargo run --example with_postgres -- psql '$DATABASE_URL'
//! ```
//!
//! `.ci/sqlx` uses it to write the checked queries in `.sqlx/`.

use std::{env, error::Error, path::Path, process::ExitCode};

use masthead::embedded::{self, Settings};
use sqlx::{Connection, PgConnection, migrate::Migrator};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let Some(program) = arguments.next() else {
        return Err("usage: with_postgres COMMAND [ARGUMENT ...]".into());
    };
    let postgres = embedded::start(&Settings::throw_away()).await?;
    let mut connection = PgConnection::connect_with(&postgres.options()).await?;
    // Read now, not when this was compiled: the schema may be newer.
    Migrator::new(Path::new("migrations")).await?.run(&mut connection).await?;
    connection.close().await?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", postgres.url())
        .env_remove("SQLX_OFFLINE")
        .status()
        .await?;
    postgres.stop().await?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
