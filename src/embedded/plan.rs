//! The server's command line: what it takes to start the server of a cluster that exists.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use rustix::process::Signal;

use super::access::Access;
use super::binaries::Binaries;
use super::cluster::Home;
use super::process::{Process, command};
use super::{Error, Settings};

/// Only a part of the socket's name as long as there is no TCP.
const SOCKET_PORT: u16 = 5432;

/// Everything that it takes to start the server of a cluster that exists.
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) home: Home,
    binaries: Binaries,
    pub(super) access: Access,
}

impl Plan {
    pub(super) fn new(settings: Settings, home: Home, binaries: Binaries) -> Result<Self, Error> {
        let access = Access { password: home.password()?, socket_folder: home.socket_folder()? };
        Ok(Self { settings, home, binaries, access })
    }

    /// The server, its port, and where its part of the log begins.
    pub(super) async fn spawn(&self) -> Result<(Process, u16, u64), Error> {
        let port = if self.settings.tcp { free_port().map_err(self.failed())? } else { SOCKET_PORT };
        let mut postgres = command(&self.binaries.folder.join("postgres"), self.home.account);
        postgres.arg("-D").arg(self.home.cluster());
        for (name, value) in self.parameters(port) {
            let mut parameter = OsString::from(name);
            parameter.push("=");
            parameter.push(value);
            postgres.arg("-c").arg(parameter);
        }
        let log_from = self.home.log().take(&mut postgres)?;
        // A fast shutdown, should we die: an immediate one would make the next start recover.
        let process = Process::spawn(postgres, Signal::INT).await.map_err(self.failed())?;
        tracing::debug!(
            process_id = process.id(),
            major = self.binaries.major,
            "the embedded Postgres is starting"
        );
        Ok((process, port, log_from))
    }

    fn failed(&self) -> impl Fn(io::Error) -> Error {
        Error::program(&self.binaries, "postgres")
    }

    /// On the command line rather than in the cluster's files, so that a newer Masthead's settings hold for an older
    /// cluster. Modest in memory: beside the newsroom's service it is a guest.
    fn parameters(&self, port: u16) -> Vec<(&'static str, OsString)> {
        let durable = if self.settings.is_durable() { "on" } else { "off" };
        vec![
            ("listen_addresses", if self.settings.tcp { "127.0.0.1" } else { "" }.into()),
            ("port", port.to_string().into()),
            ("unix_socket_directories", list_of_one(&self.access.socket_folder)),
            ("unix_socket_permissions", "0700".into()),
            ("max_connections", self.settings.connections_max.to_string().into()),
            ("shared_buffers", "64MB".into()),
            ("jit", "off".into()),
            ("fsync", durable.into()),
            ("synchronous_commit", durable.into()),
            ("full_page_writes", durable.into()),
            ("TimeZone", "UTC".into()),
            ("log_timezone", "UTC".into()),
            ("log_checkpoints", "off".into()),
            // The text of a statement may be an unpublished article.
            ("log_min_error_statement", "panic".into()),
            ("logging_collector", "off".into()),
            ("log_destination", "stderr".into()),
        ]
    }

    pub(super) fn remove_short_socket_folder(&self) {
        if !self.access.socket_folder.starts_with(self.home.folder()) {
            // If it cannot be, the next start uses it again.
            let _ = fs::remove_dir(&self.access.socket_folder);
        }
    }
}

/// A port that the system finds free now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A parameter that is a list of folders, with one that may hold commas, spaces and quotes.
fn list_of_one(folder: &Path) -> OsString {
    format!("\"{}\"", folder.to_string_lossy().replace('"', "\"\"")).into()
}
