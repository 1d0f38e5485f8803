//! `masthead token`: making, listing and revoking credentials at the machine of the
//! server.

use std::{error::Error, path::PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use masthead::{
    admin::{
        Role,
        credential::{Credential, Grant},
        grant::{self, Shown},
    },
    config::{self, DataSettings},
    digest::Digest,
    installation::{Database, create_credential, credentials, revoke_credential},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use uuid::Uuid;

/// What to do with credentials.
#[derive(Subcommand)]
pub enum TokenTask {
    /// Make a token for a person and print it, alone, on standard output
    ///
    /// Works beside a running server on the same data folder. The token is shown
    /// this once and kept only as a digest. With --certificate no token is made: the
    /// holder of the certificate is let in.
    Create(Create),
    /// List tokens and certificates, the newest first, with who uses them and when
    List(List),
    /// Revoke a token or certificate by its name; no server takes it a second later
    Revoke(Revoke),
}

/// `token create`.
#[derive(Args)]
pub struct Create {
    /// The person it stands for; signs reviews and publications. At most 100 characters
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it allows
    #[arg(long, value_name = "ROLE", value_enum)]
    role: Role,
    /// Id of a newspaper that it is for; repeat it for several [default: all newspapers]
    #[arg(long = "newspaper", value_name = "ID")]
    newspapers: Vec<String>,
    /// The first day (UTC) on which it is no longer valid [default: until it is revoked]
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<NaiveDate>,
    /// What you will know it by, such as the program that uses it. At most 200 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Let in the holder of this client certificate (PEM) instead of making a token
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    data: DataSettings,
}

/// `token list`.
#[derive(Args)]
pub struct List {
    /// Revoked ones too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data: DataSettings,
}

/// `token revoke`.
#[derive(Args)]
pub struct Revoke {
    /// Its name as `token list` has it: accessTokens/UUID, or the UUID alone
    name: String,
    #[command(flatten)]
    data: DataSettings,
}

type Done = Result<(), Box<dyn Error>>;

/// Does it.
///
/// # Errors
/// What is in the way, in words.
pub async fn run(task: TokenTask) -> Done {
    match task {
        TokenTask::Create(settings) => create(settings).await,
        TokenTask::List(settings) => list(settings).await,
        TokenTask::Revoke(settings) => revoke(settings).await,
    }
}

async fn create(settings: Create) -> Done {
    let Create { name: person, role, newspapers, expires, note, certificate, data } = settings;
    if newspapers.len() > config::CREDENTIAL_NEWSPAPERS_MAX {
        return Err(format!("at most {} newspapers can be named", config::CREDENTIAL_NEWSPAPERS_MAX).into());
    }
    if role == Role::Operator && !newspapers.is_empty() {
        return Err("an operator serves all newspapers; leave --newspaper out".into());
    }
    if note.chars().count() > config::CREDENTIAL_NOTE_CHARS_MAX {
        return Err(format!("--note has more than {} characters", config::CREDENTIAL_NOTE_CHARS_MAX).into());
    }
    let expire_time = expires.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let grant = Grant { person, role, newspapers, note, expire_time };
    let token = grant::random_token()?;
    let shown = match &certificate {
        Some(file) => Shown::Certificate(certificate_digest(file)?),
        None => Shown::Token(token.digest()),
    };
    let database = Database::open(&data).await?;
    let created = create_credential(&database.db, grant, shown).await;
    database.close().await?;
    let name = created?;
    match certificate {
        Some(file) => println!("{name}: whoever proves to hold {} is let in", file.display()),
        None => println!("{}", token.reveal()),
    }
    Ok(())
}

fn certificate_digest(file: &std::path::Path) -> Result<Digest, String> {
    let certificate = CertificateDer::from_pem_file(file);
    let certificate =
        certificate.map_err(|error| format!("{} is no certificate: {error}", file.display()))?;
    Ok(Digest::of(&certificate))
}

async fn list(settings: List) -> Done {
    let database = Database::open(&settings.data).await?;
    let found = credentials(&database.db, settings.all).await;
    database.close().await?;
    let found = found?;
    for credential in &found {
        println!("{}", line(credential, Utc::now()));
    }
    if found.is_empty() {
        eprintln!("there are none; make one with `masthead token create`");
    }
    Ok(())
}

/// A credential on one line, as `key=value` where that is not plain.
fn line(credential: &Credential, now: DateTime<Utc>) -> String {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let Grant { person, role, newspapers, note, expire_time } = &credential.grant;
    let standing = match (&credential.revoked, expire_time) {
        (Some((when, by)), _) => format!("revoked={} by={by}", time(*when)),
        (None, Some(end)) if *end <= now => format!("expired={}", time(*end)),
        (None, Some(end)) => format!("expires={}", time(*end)),
        (None, None) => "valid".to_owned(),
    };
    let mut parts = vec![credential.name(), role.as_str().to_owned(), person.clone(), standing];
    parts.push(
        credential.last_use_time.map_or("never used".to_owned(), |last| format!("used={}", time(last))),
    );
    if !newspapers.is_empty() {
        parts.push(format!("newspapers={}", newspapers.join(",")));
    }
    if let Some(digest) = credential.certificate {
        parts.push(format!("certificate={digest}"));
    }
    if !note.is_empty() {
        parts.push(format!("note={note}"));
    }
    parts.join("  ")
}

async fn revoke(settings: Revoke) -> Done {
    let id = settings.name.strip_prefix("accessTokens/").unwrap_or(&settings.name);
    let id = Uuid::try_parse(id)
        .map_err(|_| format!("{} is not a name as `masthead token list` prints them", settings.name))?;
    let database = Database::open(&settings.data).await?;
    let revoked = revoke_credential(&database.db, id).await;
    database.close().await?;
    revoked?;
    eprintln!("revoked; within a second no server takes it any more");
    Ok(())
}
