//! Fills a database with articles that nobody wrote, to measure with:
//!
//! ```sh
//! cargo run --release --example generate -- --articles 100000 --data-dir /tmp/generated
//! ```

mod articles;
mod load;

use std::{process::ExitCode, str::FromStr, time::Instant};

use clap::Parser;
use masthead::{config::DataSettings, embedded, installation::Installation, terminal::Progress};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::load::{Outcome, load};

/// Fills a database that has no articles with generated ones: 40 years of a paper,
/// made of real words in the frequencies of a real language. The same seed makes the
/// same articles.
#[derive(Parser)]
struct Arguments {
    /// Articles to make
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    articles: u64,
    /// What to begin the dice with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    data: DataSettings,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Outcome<()> {
    let Arguments { articles, seed, data } = arguments;
    let installation = Installation::open(&data).await?;
    let outcome = fill(&installation, &data, articles, seed).await;
    installation.close().await?;
    outcome
}

async fn fill(installation: &Installation, data: &DataSettings, articles: u64, seed: u64) -> Outcome<()> {
    installation.db.migrate().await?;
    let options = match &data.database_url {
        Some(url) => PgConnectOptions::from_str(url)?,
        None => embedded::attach(&data.folder()).await?.ok_or("the embedded Postgres has gone")?,
    };
    let mut connection = PgConnection::connect_with(&options).await?;
    let any: bool =
        sqlx::query_scalar("select exists (select from articles)").fetch_one(&mut connection).await?;
    if any {
        return Err("the database has articles: give another --data-dir or --database-url".into());
    }
    let progress = Progress::begin("generating");
    let begun = Instant::now();
    let step = (articles / 100).max(1);
    load(&mut connection, seed, articles, |what, done, all| {
        if what != "articles" || done % step < 2_000 || done == all {
            progress.step(done as usize, all as usize, what);
        }
    })
    .await?;
    drop(progress);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{articles} articles in {seconds:.0} s, {:.0} a second", articles as f64 / seconds);
    println!("{:>10} {:<28} {:>10}", "", "table", "indexes");
    let sizes: Vec<(String, i64, i64)> = sqlx::query_as(
        "select relname::text, pg_table_size(oid), pg_indexes_size(oid) from pg_class
         where relname in ('articles', 'article_revisions', 'article_search')
           and relnamespace = current_schema()::regnamespace
         order by relname",
    )
    .fetch_all(&mut connection)
    .await?;
    for (table, bytes, index_bytes) in sizes {
        println!("{:>7} MB {table:<28} {:>7} MB", bytes / 1_000_000, index_bytes / 1_000_000);
    }
    connection.close().await?;
    Ok(())
}
