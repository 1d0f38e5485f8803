//! How to connect to the embedded server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};

use super::cluster::ROLE;

/// A local server that says it is ready answers within milliseconds; one that hangs must not have us hang.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The codes are from the appendix on error codes of the Postgres documentation.
pub(super) const INVALID_CATALOG_NAME: &str = "3D000";
pub(super) const CANNOT_CONNECT_NOW: &str = "57P03";

/// What it takes to connect.
pub(super) struct Access {
    pub(super) password: String,
    pub(super) socket_folder: PathBuf,
}

impl Access {
    pub(super) fn options(&self, port: u16, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("localhost")
            .port(port)
            .socket(&self.socket_folder)
            .username(ROLE)
            .password(&self.password)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    pub(super) fn url(&self, port: u16, database: &str) -> String {
        let folder = percent_encoded(&self.socket_folder.to_string_lossy());
        format!("postgresql://{ROLE}:{}@localhost:{port}/{database}?host={folder}", self.password)
    }
}

/// Connects once, to see that it can be done.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let attempt = async { PgConnection::connect_with(options).await?.close().await };
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(CONNECT_LIMIT, attempt).await.unwrap_or_else(late)
}

/// Whether the server itself answered, with this code.
pub(super) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|found| found == code)
}

/// RFC 3986, section 2: all but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_carries_any_socket_folder_to_sqlx() {
        let access = Access { password: "0af".into(), socket_folder: "/tmp/报 社&?/socket".into() };
        let options: PgConnectOptions = access.url(5432, "masthead").parse().expect("a URL");
        assert_eq!(options.get_socket(), Some(&access.socket_folder));
        assert_eq!(options.get_database(), Some("masthead"));
    }
}
