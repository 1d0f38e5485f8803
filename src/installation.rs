//! What a server stands on: the data folder, the database (the embedded one or
//! one that is given), and the photo store.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{
    admin::{self, Role, TOKEN_RANDOM_BYTES, Token},
    auth::Principal,
    config::DataSettings,
    db::{self, Change, Db, Operation},
    embedded::{self, Embedded},
    photo::files::Files,
};

/// The file that the first start writes an operator's token to.
const OPERATOR_TOKEN_FILE: &str = "operator.token";

/// The person whom the first token stands for.
const FIRST_OPERATOR: &str = "operator";

/// Why an installation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The embedded Postgres does not run.
    #[error(transparent)]
    Embedded(#[from] embedded::Error),
    /// The database URL is none.
    #[error(
        "the database URL cannot be read: {0}; it looks like postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    DatabaseUrl(String),
    /// The database or the photo store refused.
    #[error("{}", cause(.0))]
    Service(#[from] crate::error::Error),
    /// A file cannot be written.
    #[error("{path} cannot be written: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// What happened, for an operator at a terminal: unlike the clients of the API,
/// they may see the cause.
fn cause(error: &crate::error::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// A data folder, a database and a photo store, ready for use.
#[derive(Debug)]
pub struct Installation {
    /// The database.
    pub db: Db,
    /// The photo store.
    pub files: Files,
    data_dir: PathBuf,
    embedded: Option<Embedded>,
}

impl Installation {
    /// Opens an installation; starts the embedded Postgres if no database is
    /// given. Does not migrate.
    ///
    /// # Errors
    /// The embedded Postgres does not start, or the data folder cannot be used.
    pub async fn open(settings: &DataSettings) -> Result<Installation> {
        let data_dir = settings.folder();
        let (embedded, options) = match &settings.database_url {
            Some(url) => (None, db::options(url).map_err(Error::DatabaseUrl)?),
            None => {
                let embedded = embedded::start(&embedded::Settings::durable(&data_dir)).await?;
                let options = embedded.options();
                (Some(embedded), options)
            }
        };
        let db =
            Db::open(options, settings.database_connections_max).keeping_revisions(settings.revisions_kept);
        let files = Files::open(settings.photo_store()).await?;
        Ok(Installation { db, files, data_dir, embedded })
    }

    /// Waits until the embedded Postgres dies by itself; for ever if there is
    /// none.
    pub async fn database_died(&self) -> embedded::Error {
        match &self.embedded {
            Some(embedded) => embedded.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Writes an operator's token to the data folder if no token has been made
    /// yet; the file.
    ///
    /// # Errors
    /// The file or the database cannot be written.
    pub async fn first_token(&self) -> Result<Option<PathBuf>> {
        if admin::store::any_token(&mut *self.db.read().await?).await? {
            return Ok(None);
        }
        let token = random_token()?;
        let path = self.data_dir.join(OPERATOR_TOKEN_FILE);
        // The file first: a token in the database that nobody knows is lost.
        write_private(&path, token.reveal()).map_err(|cause| Error::File { path: path.clone(), cause })?;
        keep_token(&self.db, &token, FIRST_OPERATOR, Role::Operator).await?;
        Ok(Some(path))
    }

    /// Closes the database, and stops it if it is the embedded one.
    ///
    /// # Errors
    /// The embedded Postgres does not stop.
    pub async fn close(self) -> Result<()> {
        self.db.close().await;
        match self.embedded {
            Some(embedded) => Ok(embedded.stop().await?),
            None => Ok(()),
        }
    }
}

/// The database of an installation, whether a server is running on it or not.
#[derive(Debug)]
pub struct Database {
    /// The database.
    pub db: Db,
    embedded: Option<Embedded>,
}

impl Database {
    /// Opens the database that is given, or the embedded one: beside a running
    /// server, else by starting it.
    ///
    /// # Errors
    /// The embedded Postgres does not start.
    pub async fn open(settings: &DataSettings) -> Result<Database> {
        let data_dir = settings.folder();
        let (embedded, options) = match &settings.database_url {
            Some(url) => (None, db::options(url).map_err(Error::DatabaseUrl)?),
            None => match embedded::attach(&data_dir).await? {
                Some(options) => (None, options),
                None => {
                    let embedded = embedded::start(&embedded::Settings::durable(&data_dir)).await?;
                    let options = embedded.options();
                    (Some(embedded), options)
                }
            },
        };
        Ok(Database { db: Db::open(options, settings.database_connections_max), embedded })
    }

    /// Closes the database, and stops it if it was started for this.
    ///
    /// # Errors
    /// The embedded Postgres does not stop.
    pub async fn close(self) -> Result<()> {
        self.db.close().await;
        match self.embedded {
            Some(embedded) => Ok(embedded.stop().await?),
            None => Ok(()),
        }
    }
}

/// Makes a token for a person.
///
/// # Errors
/// The name is none, or the database cannot be written.
pub async fn create_token(db: &Db, person: &str, role: Role) -> Result<Token> {
    admin::check_person(person)?;
    let token = random_token()?;
    keep_token(db, &token, person, role).await?;
    Ok(token)
}

async fn keep_token(db: &Db, token: &Token, person: &str, role: Role) -> Result<()> {
    // Whoever runs the command on the machine of the server is its operator.
    let caller = Principal { name: FIRST_OPERATOR.to_owned(), role: Role::Operator };
    let operation = Operation { caller, method: "CreateAccessToken", request: None, validate_only: false };
    let (digest, person) = (token.digest(), person.to_owned());
    let kept = db.write(operation, move |transaction| {
        let person = person.clone();
        Box::pin(async move {
            let now = transaction.now();
            let id = admin::store::insert_token(transaction.connection(), digest, &person, role, now).await?;
            transaction.record(Change {
                resource: admin::token_name(id),
                kind: "created",
                before: None,
                after: None,
            });
            Ok(())
        })
    });
    Ok(kept.await?)
}

fn random_token() -> Result<Token> {
    let mut bytes = [0; TOKEN_RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(Token::from_random(bytes))
}

/// Writes a line to a file that only its owner may read, from its first byte.
fn write_private(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}
