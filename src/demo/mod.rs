//! The demo: the main job from text to a published issue, done as a newsroom
//! does it, by four people with a token each, through the API and nothing else.

mod front_page;
mod newsroom;
pub mod picture;

use std::{
    env, fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process,
};

use console::style;

use crate::{
    admin::Role,
    config::{self, DataSettings, DatabaseSettings},
    import::{self, desk::ConnectError, desk::Desk, submit},
    installation::{self, Installation, create_token},
    server::{self, Running},
};

/// The page that is imported if no other is given.
const SAMPLE_PAGE: &str = include_str!("../../examples/front-page.txt");

/// Where a server listens unless told otherwise.
const USUAL_PORT: u16 = 50051;

/// Connections to the database; a demo has few callers.
const DATABASE_CONNECTIONS_MAX: u32 = 8;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database or the data folder cannot be used.
    #[error(transparent)]
    Installation(#[from] installation::Error),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Service(#[from] crate::error::Error),
    /// The server does not start.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// The server cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The page cannot be imported.
    #[error(transparent)]
    Import(#[from] submit::Error),
    /// A call of the workflow was refused.
    #[error("{doing}: {}", import::desk::explain(.status))]
    Refused {
        /// What was being done.
        doing: String,
        /// What the server says.
        status: Box<tonic::Status>,
    },
    /// The stand-in picture could not be drawn.
    #[error("the stand-in picture cannot be drawn: {0}")]
    Picture(#[from] image::ImageError),
    /// What came back is not what was published.
    #[error("what the reader received is not what was published: {0}")]
    Altered(String),
    /// The temporary data folder cannot be removed.
    #[error("{path} cannot be removed: {cause}")]
    Remove {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// A running demo.
pub struct Demo {
    installation: Installation,
    server: Running,
    people: People,
    /// The data folder, if it goes at the end.
    temporary: Option<PathBuf>,
}

/// The tokens of the four people of the demo.
struct People {
    reporter: String,
    editor: String,
    publisher: String,
    reader: String,
}

impl Demo {
    /// Starts a database, a server, and makes a token for each person.
    ///
    /// # Errors
    /// The database or the server does not start.
    pub async fn open(listen: Option<SocketAddr>, data_dir: Option<PathBuf>) -> Result<Demo, Error> {
        let temporary = match data_dir {
            Some(_) => None,
            None => Some(env::temp_dir().join(format!("masthead-demo-{}", process::id()))),
        };
        let settings = DataSettings {
            data_dir: data_dir.or_else(|| temporary.clone()),
            photo_store: None,
            database_url: None,
            database: DatabaseSettings::with_connections(DATABASE_CONNECTIONS_MAX),
            revisions_kept: config::REVISIONS_KEPT_DEFAULT,
        };
        say("starting Postgres");
        let installation = Installation::open(&settings).await?;
        say("bringing the schema up to date");
        installation.prepare(false).await?;
        let server = serve(&installation, listen).await?;
        say(&format!("serving on {}", server.address()));
        let people = People {
            reporter: token(&installation, "demo-reporter", Role::Reporter).await?,
            editor: token(&installation, "demo-editor", Role::Editor).await?,
            publisher: token(&installation, "demo-publisher", Role::Publisher).await?,
            reader: token(&installation, "demo-reader", Role::Reader).await?,
        };
        Ok(Demo { installation, server, people, temporary })
    }

    /// Does the main job with a page, the built-in one if none is given, and
    /// prints what came of it.
    ///
    /// # Errors
    /// Some call was refused, or what came back is not what was published.
    pub async fn show(&self, page: Option<&str>) -> Result<(), Error> {
        let address = self.address();
        let page = import::read_page(page.unwrap_or(SAMPLE_PAGE));
        let mut newsroom = newsroom::Newsroom {
            reporter: Desk::connect(&address, &self.people.reporter).await?,
            editor: Desk::connect(&address, &self.people.editor).await?,
            publisher: Desk::connect(&address, &self.people.publisher).await?,
        };
        let outcome = newsroom.import(&page).await?;
        import::print::report(&page, &outcome);
        println!();
        newsroom.prepare_photos(&outcome).await?;
        newsroom.review(&outcome).await?;
        newsroom.publish(&outcome).await?;
        let mut reader = Desk::connect(&address, &self.people.reader).await?;
        let pulled = newsroom::pull(&mut reader, &outcome.issue).await?;
        front_page::print(&pulled);
        Ok(())
    }

    /// Prints some calls to try, with what they need.
    pub fn print_calls(&self) {
        let address = self.server.address();
        let token = &self.people.reader;
        println!("{}", style("Try it").bold());
        println!("  grpcurl -plaintext {address} list");
        println!("  grpcurl -plaintext -H 'authorization: Bearer {token}' \\");
        println!("    -d '{{\"page_size\": 10}}' {address} masthead.v1.PublicationService/ListPublications");
        let token = &self.people.editor;
        println!("  grpcurl -plaintext -H 'authorization: Bearer {token}' \\");
        println!("    -d '{{\"page_size\": 3}}' {address} masthead.v1.ArticleService/ListArticles");
        println!("  grpcurl -plaintext -H 'authorization: Bearer {token}' \\");
        println!("    -d '{{\"from_now\": true}}' {address} masthead.v1.ActivityService/WatchChanges");
        println!("Ctrl-C ends the demo.");
    }

    /// Stops the server and the database, and removes what was temporary.
    ///
    /// # Errors
    /// Something does not stop or cannot be removed.
    pub async fn close(self) -> Result<(), Error> {
        self.server.stop().await?;
        self.installation.close().await?;
        if let Some(path) = self.temporary {
            fs::remove_dir_all(&path).map_err(|cause| Error::Remove { path, cause })?;
        }
        Ok(())
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

/// Serves where it is told to; else on the usual port, or a free one if that is
/// taken.
async fn serve(installation: &Installation, listen: Option<SocketAddr>) -> Result<Running, Error> {
    let start = |address| server::start(address, installation.db.clone(), installation.files.clone());
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    match start(listen.unwrap_or(usual)).await {
        Err(server::Error::Listen { cause, .. })
            if listen.is_none() && cause.kind() == io::ErrorKind::AddrInUse =>
        {
            Ok(start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
        }
        started => Ok(started?),
    }
}

async fn token(installation: &Installation, person: &str, role: Role) -> Result<String, Error> {
    Ok(create_token(&installation.db, person, role).await?.reveal().to_owned())
}

/// Tells what is being done, apart from the results.
fn say(what: &str) {
    eprintln!("{} {what}", style("·").for_stderr().cyan());
}
