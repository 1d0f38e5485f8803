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
mod photos;
mod reads;
mod report;
mod search;
mod server;
mod start;
mod watch;
mod writes;
mod yardstick;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Parser, ValueEnum};

use crate::{load::Outcome, paper::Paper, report::Table, server::Program};

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
    /// Sizes of papers, in articles; all but searching is measured in the last
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    articles: Vec<u64>,
    /// Open streams that a publication goes to
    #[arg(long, value_delimiter = ',', default_value = "2000,10000")]
    streams: Vec<usize>,
    /// Calls of each kind of searching and listing
    #[arg(long, default_value_t = 200)]
    calls: usize,
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
    /// Saves of articles, beside plain SQL that writes the same rows
    Writes,
    /// One publication to many open streams, beside bare tonic
    Watch,
    /// Finding and listing, in papers of several sizes
    Search,
    /// Photo files, beside a plain copy
    Photos,
    /// How soon a server serves, and what memory it takes
    Start,
    /// All of these
    All,
}

/// How much work to put into it.
struct Effort {
    rounds: usize,
    time: Duration,
    streams: Vec<usize>,
    calls: usize,
    /// Of a usual file, and of a large one.
    photo_megabytes: [usize; 2],
}

impl Effort {
    fn of(arguments: &Arguments) -> Effort {
        if arguments.smoke {
            return Effort {
                rounds: 1,
                time: Duration::from_millis(100),
                streams: vec![100],
                calls: 3,
                photo_megabytes: [1, 2],
            };
        }
        Effort {
            rounds: arguments.rounds,
            time: Duration::from_secs_f64(arguments.seconds),
            streams: arguments.streams.clone(),
            calls: arguments.calls,
            photo_megabytes: [50, 500],
        }
    }
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
    let temporary = tempfile::tempdir()?;
    // Postgres does not run as root, and its user must come through here.
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o711))?;
    let effort = Effort::of(&arguments);
    let papers = match arguments.folder {
        Some(folder) => folder,
        None if arguments.smoke => temporary.path().join("papers"),
        None => std::env::temp_dir().join("masthead-papers"),
    };
    let sizes = if arguments.smoke { &[1_000][..] } else { &arguments.articles };
    let (largest, smaller) = sizes.split_last().ok_or("give a number of articles")?;
    let is_chosen = |what: What| [what, What::All].contains(&arguments.what);
    let print = |table: &Table| table.print(arguments.markdown);
    let folder = temporary.path();
    let program = Program::build()?;

    let mut searched = Vec::new();
    if is_chosen(What::Search) {
        for size in smaller {
            let paper = Paper::open(&program, &papers, *size, arguments.seed).await?;
            searched.push(search::measure(&paper, &effort).await?);
            paper.close().await?;
        }
    }
    let paper = Paper::open(&program, &papers, *largest, arguments.seed).await?;
    if is_chosen(What::Search) {
        searched.push(search::measure(&paper, &effort).await?);
        print(&search::table(&searched, &effort));
    }
    if is_chosen(What::Reads) {
        print(&reads::measure(&paper, &effort, folder).await?);
    }
    if is_chosen(What::Writes) {
        print(&writes::measure(&paper, &effort).await?);
    }
    if is_chosen(What::Watch) {
        print(&watch::measure(&paper, &effort, folder).await?);
    }
    if is_chosen(What::Photos) {
        photos::measure(&paper, &effort, folder).await?.iter().for_each(print);
    }
    if is_chosen(What::Start) {
        print(&start::measure(&paper, &effort, folder).await?);
    }
    paper.close().await
}

/// Seconds since the epoch.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
