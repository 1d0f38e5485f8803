//! The `masthead` command: arguments → settings → one subcommand.

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use masthead::{
    admin::Role,
    config::{self, DataSettings, FeedSettings, ListenSettings, RenditionSettings},
    demo,
    import::{
        self,
        desk::Desk,
        submit::{self, Options},
    },
    installation::{Database, Installation, create_token},
    publication::{self, chain::Fault, verify::Walk},
    server, telemetry,
    terminal::Progress,
};

/// The content service of a newspaper newsroom: issues, articles, reporters and
/// photos, from draft through review to one sealed publication.
///
/// Begin with `masthead demo`.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Serve the API until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Bring the database schema up to this version, and end
    Migrate(DataSettings),
    /// Prove that the ledger and every snapshot are as they were published
    ///
    /// Recomputes every digest and link from what is stored, and what readers are
    /// served from it. Works beside a running server on the same data. Ends with
    /// status 0 and the hash of the last publication if all is whole: kept
    /// elsewhere, that hash proves later that nothing before it has changed. Ends
    /// with status 1 and the first fault if something is not whole, and with status
    /// 2 if that could not be told, as when the database is away.
    Verify(DataSettings),
    /// Show the whole job: a page from text to a published issue, read back
    Demo(Demo),
    /// Bring foreign material in as drafts
    #[command(subcommand)]
    Import(Import),
    /// Keep access tokens
    #[command(subcommand)]
    Token(TokenTask),
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    listen: ListenSettings,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    feeds: FeedSettings,
    #[command(flatten)]
    renditions: RenditionSettings,
}

#[derive(Args)]
struct Demo {
    /// Text of a printed page to import instead of the built-in sample
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// End after the print-out instead of serving on
    #[arg(long)]
    exit: bool,
    /// Address and port to serve on; by default port 50051, or a free one if it is taken
    #[arg(long, env = "MASTHEAD_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// Folder to keep the data in; by default a temporary one that is removed at the end
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Import {
    /// Read the text of a printed page into an issue, its articles and photos
    ///
    /// Needs a running server and a token of a reporter, editor or publisher (a
    /// publisher's if the newspaper is new). Prints what became what, by line, and
    /// every line that found no place. Safe to repeat.
    Page(ImportPage),
}

#[derive(Args)]
struct ImportPage {
    /// The text of one page, in UTF-8, at most 4 MiB
    file: PathBuf,
    /// Where the server listens
    #[arg(long, env = "MASTHEAD_ADDRESS", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    address: String,
    /// The access token to work with; safer in the environment than in the command line
    #[arg(long, env = "MASTHEAD_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: String,
    /// Id of the newspaper, such as fuqing-qiaoxiang [default: its title in pinyin]
    #[arg(long, value_name = "ID")]
    newspaper: Option<String>,
    /// Id of the issue [default: its running number, else its date]
    #[arg(long, value_name = "ID")]
    issue: Option<String>,
    /// Date of the issue, for a page that does not state it
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<chrono::NaiveDate>,
}

#[derive(Subcommand)]
enum TokenTask {
    /// Make a token for a person and print it, alone, on standard output
    ///
    /// Works beside a running server on the same data folder. The token is shown
    /// this once and kept only as a digest.
    Create(TokenCreate),
}

#[derive(Args)]
struct TokenCreate {
    /// The person it stands for; signs reviews and publications. At most 100 characters
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it allows
    #[arg(long, value_name = "ROLE", value_enum)]
    role: Role,
    #[command(flatten)]
    data: DataSettings,
}

type Done = Result<(), Box<dyn Error>>;

/// The status of a proof that came to no end; 1 means that something is broken.
const STATUS_NOT_PROVED: u8 = 2;

/// What `verify` found.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: {}; keep this database as it is, and compare it with a backup from before",
    publication::name(.0.sequence),
    .0.description
)]
struct Broken(Fault);

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    let serves = matches!(command.task, Task::Serve(_));
    let proves = matches!(command.task, Task::Verify(_));
    telemetry::start(if serves { telemetry::SERVING } else { telemetry::AT_HAND });
    match run(command.task).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error}", console::style("error:").for_stderr().red().bold());
            if proves && !error.is::<Broken>() {
                ExitCode::from(STATUS_NOT_PROVED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run(task: Task) -> Done {
    match task {
        Task::Serve(settings) => serve(settings).await,
        Task::Migrate(settings) => migrate(settings).await,
        Task::Verify(settings) => verify(settings).await,
        Task::Demo(settings) => show(settings).await,
        Task::Import(Import::Page(settings)) => import_page(settings).await,
        Task::Token(TokenTask::Create(settings)) => token_create(settings).await,
    }
}

async fn serve(settings: Serve) -> Done {
    if let Some(address) = settings.listen.metrics_listen {
        telemetry::serve_metrics(address)?;
    }
    let installation = Installation::open(&settings.data).await?;
    installation.db.migrate().await?;
    if let Some(path) = installation.first_token().await? {
        tracing::info!(file = %path.display(), "wrote the first operator's token");
    }
    let (db, files) = (installation.db.clone(), installation.files.clone());
    let how = server::Settings { feeds: settings.feeds, renditions: settings.renditions };
    let server = server::start_with(settings.listen.listen, db, files, how).await?;
    tracing::info!(address = %server.address(), "serving");
    let served = tokio::select! {
        served = server.run_until(stop_signal()?) => served.map_err(Into::into),
        died = installation.database_died() => Err(died.into()),
    };
    tracing::info!("stopping");
    installation.close().await?;
    served
}

/// Waits for SIGTERM or Ctrl-C.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn migrate(settings: DataSettings) -> Done {
    let database = Database::open(&settings).await?;
    let migrated = database.db.migrate().await;
    database.close().await?;
    migrated?;
    eprintln!("the schema is up to date");
    Ok(())
}

async fn verify(settings: DataSettings) -> Done {
    let database = Database::open(&settings).await?;
    let walked = walk(&database.db).await;
    database.close().await?;
    let Walk { chain, end, .. } = walked?;
    println!("{} publications are whole; the hash of the last one is {}", chain.sequence, chain.hash);
    end.flatten().map_or(Ok(()), |fault| Err(Broken(fault).into()))
}

async fn walk(db: &masthead::db::Db) -> Result<Walk, masthead::error::Error> {
    let progress = Progress::begin("verifying");
    let mut walk = publication::verify::begin(db).await?;
    while walk.end.is_none() {
        let (done, all) = (walk.chain.sequence, walk.head.sequence);
        if done < all {
            progress.step(done as usize, all as usize, "publications");
        }
        walk = walk.go_on(db).await?;
    }
    Ok(walk)
}

async fn show(settings: Demo) -> Done {
    let page = settings.page.as_deref().map(read_file).transpose()?;
    let demo = demo::Demo::open(settings.listen, settings.data_dir).await?;
    let mut shown = Ok(());
    let stopped = stop_signal()?;
    let whole = async {
        shown = demo.show(page.as_deref()).await;
        if shown.is_ok() && !settings.exit {
            demo.print_calls();
            std::future::pending().await
        }
    };
    tokio::select! {
        () = whole => {}
        () = stopped => {}
    }
    demo.close().await?;
    shown.map_err(Into::into)
}

async fn token_create(settings: TokenCreate) -> Done {
    let database = Database::open(&settings.data).await?;
    let created = create_token(&database.db, &settings.name, settings.role).await;
    database.close().await?;
    println!("{}", created?.reveal());
    Ok(())
}

async fn import_page(settings: ImportPage) -> Done {
    let page = import::read_page(&read_file(&settings.file)?);
    let mut desk = Desk::connect(&settings.address, &settings.token).await?;
    let options =
        Options { newspaper_id: settings.newspaper, issue_id: settings.issue, publish_date: settings.date };
    let outcome = {
        let progress = Progress::begin("importing");
        submit::submit(&mut desk, &page, &options, &mut |done, all, what| progress.step(done, all, what))
            .await?
    };
    import::print::report(&page, &outcome);
    Ok(())
}

fn read_file(path: &std::path::Path) -> Result<String, Box<dyn Error>> {
    let name = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("{name} cannot be read: {error}"))?.len();
    if size > config::PAGE_FILE_BYTES_MAX {
        let max = config::PAGE_FILE_BYTES_MAX;
        return Err(format!("{name} has {size} bytes, more than {max}; a page of text is smaller").into());
    }
    let bytes = std::fs::read(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| format!("{name} is not UTF-8; convert it first, for example with iconv -f GBK").into())
}
