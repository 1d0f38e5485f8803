//! The `masthead` command: arguments → settings → one subcommand.

mod command;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use masthead::{
    config::{self, DataSettings, ListenSettings, SchemaSettings, ServiceSettings, TelemetrySettings},
    demo,
    import::{
        self,
        desk::Desk,
        submit::{self, Options},
    },
    installation::{Database, Installation},
    publication::{self, chain::Fault, verify::Walk},
    server, telemetry,
    terminal::Progress,
};

/// Each call takes and gives back some dozens of pieces of memory, on any thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    Serve(Box<Serve>),
    /// Bring the database schema up to this version, and end
    ///
    /// Safe when several start at once. Ends with status 1 if the database is still
    /// away after --wait-seconds.
    Migrate(Migrate),
    /// Prove that the ledger and every snapshot are as they were published
    ///
    /// Recomputes every digest and link from what is stored, and what readers are
    /// served from it. Works beside a running server on the same data. Ends with
    /// status 0 and the hash of the last publication if all is whole: kept
    /// elsewhere, that hash proves later that nothing before it has changed. Ends
    /// with status 1 and the first fault if something is not whole, and with status
    /// 2 if that could not be told, as when the database is away.
    Verify(DataSettings),
    /// Copy the database and the photos of one moment to a folder
    ///
    /// Works beside a running server on the same data. The folder holds one backup,
    /// which this one takes the place of once it is whole; photos that are there are
    /// not copied again. Ends with status 0 if everything is there, as the digests say,
    /// and the ledger is whole; the hash of the last publication is printed.
    Backup(command::backup::Backup),
    /// Restore a backup into an empty database, and prove it
    ///
    /// Checks the backup first, then fills the database and the photo store, and at
    /// last walks the ledger and reads every photo. Ends with status 0 only if all of
    /// it is as it was when the backup was made.
    Restore(command::backup::Restore),
    /// Ask a server whether it is serving; status 0 if it is
    Health(command::health::Health),
    /// Show the whole job: a page from text to a published issue, read back
    Demo(Demo),
    /// Bring foreign material in as drafts
    #[command(subcommand)]
    Import(Import),
    /// Keep access tokens and client certificates
    #[command(subcommand)]
    Token(command::token::TokenTask),
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    listen: ListenSettings,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    schema: SchemaSettings,
    #[command(flatten)]
    service: ServiceSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

#[derive(Args)]
struct Migrate {
    #[command(flatten)]
    data: DataSettings,
    /// Seconds to wait for a database that is away
    #[arg(long, env = "MASTHEAD_MIGRATE_WAIT_SECONDS", value_name = "SECONDS",
          default_value_t = config::database::MIGRATE_WAIT_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(0..=86_400))]
    wait_seconds: u32,
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
    /// Where the server listens; https:// with TLS
    #[arg(long, env = "MASTHEAD_ADDRESS", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    address: String,
    /// Certificates in PEM of the authority that signed the server's, where it is none
    /// that this machine trusts
    #[arg(long, env = "MASTHEAD_TLS_CA", value_name = "FILE")]
    tls_ca: Option<PathBuf>,
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

fn main() -> ExitCode {
    let command = parse();
    let proves = matches!(command.task, Task::Verify(_));
    let done = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let done = runtime.block_on(run(command.task));
        // A picture or a slow disk must not keep the process.
        runtime.shutdown_timeout(config::PROCESS_END_TIME_MAX);
        done
    });
    match done {
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

/// Reads the command line and the environment. What a server was told, it can tell.
fn parse() -> Command {
    let matches = Command::command().get_matches();
    let mut command = Command::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let known = Command::command();
    if let (Task::Serve(settings), Some(("serve", given))) = (&mut command.task, matches.subcommand())
        && let Some(serve) = known.find_subcommand("serve")
    {
        settings.service.in_force = config::in_force(serve, given);
    }
    command
}

async fn run(task: Task) -> Done {
    let (usual, settings) = match &task {
        Task::Serve(settings) => (telemetry::SERVING, settings.telemetry.clone()),
        _ => (telemetry::AT_HAND, TelemetrySettings::default()),
    };
    let telemetry = telemetry::start(usual, &settings)?;
    let done = run_task(task).await;
    telemetry.end().await;
    done
}

async fn run_task(task: Task) -> Done {
    match task {
        Task::Serve(settings) => serve(*settings).await,
        Task::Migrate(settings) => migrate(settings).await,
        Task::Verify(settings) => verify(settings).await,
        Task::Backup(settings) => command::backup::backup(settings).await,
        Task::Restore(settings) => command::backup::restore(settings).await,
        Task::Health(settings) => command::health::ask(settings).await,
        Task::Demo(settings) => show(settings).await,
        Task::Import(Import::Page(settings)) => import_page(settings).await,
        Task::Token(task) => command::token::run(task).await,
    }
}

async fn serve(settings: Serve) -> Done {
    server::check_address(settings.listen.listen, &settings.service.tls)?;
    server::allow_many_files();
    let port = match settings.telemetry.metrics_listen {
        Some(address) => Some(telemetry::http::serve(address).await?),
        None => None,
    };
    if let Some(port) = &port {
        tracing::info!(address = %port.address(), "metrics and health");
    }
    let installation = Installation::open(&settings.data).await?;
    let (db, files) = (installation.db.clone(), installation.files.clone());
    let server = server::start_with(settings.listen.listen, db, files, settings.service).await?;
    if let Some(port) = &port {
        port.follow(server.readiness());
    }
    let address = server.address();
    // Whoever reads the next line may send a signal.
    let (stop, again) = (stop_signals(1)?, stop_signals(2)?);
    // It listens before its database is there, and answers that it is not.
    tracing::info!(%address, "listening");
    let prepared = async {
        installation.prepare(settings.schema.skip_migrations).await?;
        tracing::info!(%address, "serving");
        std::future::pending().await
    };
    let served = tokio::select! {
        failed = prepared => failed,
        served = server.run_until(stop, again) => served.map_err(Into::into),
        died = installation.database_died() => Err(died.into()),
    };
    tracing::info!("stopping");
    installation.close().await?;
    served
}

/// Waits until SIGTERM or Ctrl-C has come so many times.
fn stop_signals(count: usize) -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for _ in 0..count {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    })
}

async fn migrate(settings: Migrate) -> Done {
    let database = Database::open(&settings.data).await?;
    let migrated = database.migrate(Duration::from_secs(settings.wait_seconds.into())).await;
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
    let stopped = stop_signals(1)?;
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

async fn import_page(settings: ImportPage) -> Done {
    let page = import::read_page(&read_file(&settings.file)?);
    let authority = settings.tls_ca.as_deref().map(read_file).transpose()?;
    let mut desk = Desk::connect_trusting(&settings.address, &settings.token, authority).await?;
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
