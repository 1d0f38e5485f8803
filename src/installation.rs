//! What a server stands on: the data folder, the database (the embedded one or
//! one that is given), and the photo store.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    admin::{
        self, Role, Token,
        credential::{self, Credential, Grant},
        grant::{self, Shown},
        store,
    },
    auth::Principal,
    config::{self, DataSettings},
    db::{self, Db, Operation},
    embedded::{self, Embedded},
    filter::Filter,
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
    /// The database has been waited for in vain.
    #[error(
        "the database did not answer within {seconds} s: {cause}; start it, or correct --database-url \
         (MASTHEAD_DATABASE_URL), and run this again"
    )]
    Away {
        /// How long it was waited for.
        seconds: u64,
        /// What was heard last.
        cause: String,
    },
    /// A file cannot be written.
    #[error("{path} cannot be written: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
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
    /// given. Its database is closed to callers until [`Installation::prepare`] has
    /// been through.
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
        let db = Db::with(options, &settings.database).keeping_revisions(settings.revisions_kept).closed();
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

    /// Brings the schema up to date, however long the database is away, opens the
    /// database to callers, and writes an operator's token to the data folder if
    /// none has been made yet.
    ///
    /// # Errors
    /// The schema cannot be brought up to date, the database refuses, or the file
    /// cannot be written.
    pub async fn prepare(&self, skip_migrations: bool) -> Result<()> {
        loop {
            self.db.prepare(skip_migrations).await?;
            match self.first_token().await {
                Ok(Some(path)) => {
                    tracing::info!(file = %path.display(), "wrote the first operator's token");
                    return Ok(());
                }
                Ok(None) => return Ok(()),
                // It has gone away again.
                Err(Error::Service(crate::error::Error::DatabaseUnavailable(cause))) => {
                    tracing::warn!(%cause, "the first token cannot be looked for yet");
                    tokio::time::sleep(config::database::PREPARE_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes an operator's token to the data folder if no token has been made
    /// yet; the file.
    async fn first_token(&self) -> Result<Option<PathBuf>> {
        if store::credentials::any(&mut *self.db.read().await?).await? {
            return Ok(None);
        }
        let token = grant::random_token()?;
        let path = self.data_dir.join(OPERATOR_TOKEN_FILE);
        // The file first: a token in the database that nobody knows is lost.
        write_private(&path, token.reveal()).map_err(|cause| Error::File { path: path.clone(), cause })?;
        let grant = Grant::unlimited(FIRST_OPERATOR, Role::Operator);
        create_credential(&self.db, grant, Shown::Token(token.digest())).await?;
        Ok(Some(path))
    }

    /// Closes the database, and stops it if it is the embedded one. What does not
    /// end within [`config::DATABASE_CLOSE_TIME_MAX`] is left to Postgres, which
    /// undoes it.
    ///
    /// # Errors
    /// The embedded Postgres does not stop.
    pub async fn close(self) -> Result<()> {
        if tokio::time::timeout(config::DATABASE_CLOSE_TIME_MAX, self.db.close()).await.is_err() {
            tracing::warn!("some statements did not end in time and are given up");
        }
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
        Ok(Database { db: Db::with(options, &settings.database), embedded })
    }

    /// Brings the schema up to date; waits for a database that is away.
    ///
    /// # Errors
    /// The database is still away after that time, or the schema cannot be brought
    /// up to date.
    pub async fn migrate(&self, wait: Duration) -> Result<()> {
        match self.db.migrate_within(wait).await {
            Err(crate::error::Error::DatabaseUnavailable(cause)) => {
                Err(Error::Away { seconds: wait.as_secs(), cause: cause.to_string() })
            }
            migrated => Ok(migrated?),
        }
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

/// Makes a token for a person, for all newspapers and until it is revoked.
///
/// # Errors
/// The name is none, or the database cannot be written.
pub async fn create_token(db: &Db, person: &str, role: Role) -> Result<Token> {
    let token = grant::random_token()?;
    create_credential(db, Grant::unlimited(person, role), Shown::Token(token.digest())).await?;
    Ok(token)
}

/// Makes a credential; its name.
///
/// # Errors
/// It says what none may say, or the database cannot be written.
pub async fn create_credential(db: &Db, grant: Grant, shown: Shown) -> Result<String> {
    if let Some(mistake) = admin::person_mistake(&grant.person) {
        return Err(crate::error::Error::invalid("name", mistake).into());
    }
    let created = db.write(local_operation("CreateAccessToken"), move |transaction| {
        let grant = grant.clone();
        Box::pin(async move { Ok(grant::create(transaction, grant, shown).await?.name()) })
    });
    Ok(created.await?)
}

/// All credentials, the newest first; revoked ones only if they are asked for.
///
/// # Errors
/// The database cannot be read.
pub async fn credentials(db: &Db, show_revoked: bool) -> Result<Vec<Credential>> {
    let mut connection = db.read().await?;
    let everything = Filter::default();
    let (order, rows_max) = (credential::ORDER, i64::from(u32::MAX));
    let ids =
        store::credentials::ids(&mut connection, &everything, order, show_revoked, None, rows_max).await?;
    let mut found = store::credentials::find_all(&mut connection, &ids).await?;
    found.sort_by_key(|credential| std::cmp::Reverse(credential.id));
    Ok(found)
}

/// Revokes a credential.
///
/// # Errors
/// There is none with this id, or the database cannot be written.
pub async fn revoke_credential(db: &Db, id: Uuid) -> Result<()> {
    let revoked = db.write(local_operation("RevokeAccessToken"), move |transaction| {
        Box::pin(async move { grant::revoke(transaction, id).await.map(drop) })
    });
    Ok(revoked.await?)
}

/// What whoever runs the command on the machine of the server does: they are its
/// operator.
fn local_operation(method: &'static str) -> Operation {
    let caller = Principal::local(FIRST_OPERATOR, Role::Operator);
    Operation { caller, method, request: None, validate_only: false }
}

/// Writes a line to a file that only its owner may read, from its first byte.
fn write_private(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}
