//! Measures the service beside yardsticks that anyone can judge, in one run:
//!
//! ```sh
//! cargo run --release --example bench -- reads
//! ```

#[path = "../generate/articles.rs"]
mod articles;
mod http2;
#[path = "../generate/load.rs"]
mod load;
mod paper;
mod reads;
mod report;
mod server;
mod yardstick;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Parser, ValueEnum};

use crate::{paper::Paper, report::Table, server::Program};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// Measures the service beside yardsticks, in one run: ratios hold on any machine,
/// figures only on this one.
///
/// Starts a durable Postgres of its own, fills it, starts the server and the yardstick
/// as processes of their own, drives both in turn, and prints a table. Every answer is
/// looked at; a wrong one ends the run. What is generated stays for the next run.
#[derive(Parser)]
#[command(name = "bench", max_term_width = 100)]
struct Arguments {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Print tables as they stand in the README
    #[arg(long)]
    markdown: bool,
    /// See that everything runs, in a few seconds; the figures say nothing
    #[arg(long)]
    smoke: bool,
    /// Rounds, in each of which both sides have their turn
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Seconds of a turn
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Articles of the paper
    #[arg(long, default_value_t = 100_000)]
    articles: u64,
    /// Where papers are kept [default: masthead-papers in the folder for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// What to begin the dice with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Be the yardstick, which knows the messages in this file
    #[arg(long, hide = true)]
    yardstick: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Gets, beside bare tonic that sends the same bytes
    Reads,
    /// All of these
    All,
}

/// How much work to put into it.
struct Effort {
    rounds: usize,
    time: Duration,
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
    if let Some(messages) = &arguments.yardstick {
        return yardstick::serve(messages).await;
    }
    let program = Program::build()?;
    let temporary = tempfile::tempdir()?;
    // Postgres does not run as root, and its user must come through here.
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o711))?;
    let (effort, articles, papers) = if arguments.smoke {
        let effort = Effort { rounds: 1, time: Duration::from_millis(200) };
        (effort, 1_000, temporary.path().join("papers"))
    } else {
        let effort = Effort { rounds: arguments.rounds, time: Duration::from_secs_f64(arguments.seconds) };
        let kept = || std::env::temp_dir().join("masthead-papers");
        (effort, arguments.articles, arguments.folder.clone().unwrap_or_else(kept))
    };
    let is_chosen = |what: What| [what, What::All].contains(&arguments.what);
    let print = |table: Table| table.print(arguments.markdown);

    let paper = Paper::open(&program, &papers, articles, arguments.seed).await?;
    if is_chosen(What::Reads) {
        print(reads::measure(&paper, &effort, temporary.path()).await?);
    }
    paper.close().await
}

/// Seconds since the epoch.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
