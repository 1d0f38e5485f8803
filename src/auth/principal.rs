//! The caller of a request, and the call itself as the audit and the logs know it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use uuid::Uuid;

use crate::{
    admin::Role,
    digest::Digest,
    error::{Error, Result},
};

/// Where a call comes from; stands in the extensions of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end of the connection, which may be a proxy.
    pub peer: Option<SocketAddr>,
    /// The SHA-256 of the certificate (DER) that the client has shown in the TLS
    /// handshake and proved to have the key of, signed by an authority of
    /// `--tls-client-ca`.
    pub certificate: Option<Digest>,
}

/// One call, as it is told apart from others in logs and in the audit.
#[derive(Clone, Debug)]
pub struct Call {
    /// The id that the answer carries in `x-request-id`.
    pub id: Uuid,
    /// Where it came from; none for what the service does by itself.
    pub peer: Option<IpAddr>,
    notes: Arc<Notes>,
}

/// What is noted of a call while it is worked on, for the audit if it is refused.
#[derive(Debug, Default)]
struct Notes {
    resource: OnceLock<String>,
    is_rehearsal: AtomicBool,
}

impl Call {
    /// A call that begins.
    pub fn new(peer: Option<IpAddr>) -> Call {
        Call { id: Uuid::now_v7(), peer, notes: Arc::default() }
    }

    /// Notes a resource that the request names; the first one is what it is about.
    pub fn name(&self, resource: &str) {
        self.notes.resource.get_or_init(|| resource.to_owned());
    }

    /// What the request is about, as far as it was read.
    pub fn resource(&self) -> &str {
        self.notes.resource.get().map_or("", String::as_str)
    }

    /// Notes that nothing is to be done, only checked.
    pub fn rehearse(&self) {
        self.notes.is_rehearsal.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is to be done.
    pub fn is_rehearsal(&self) -> bool {
        self.notes.is_rehearsal.load(Ordering::Relaxed)
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        self.id == other.id
    }
}

impl Eq for Call {}

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person that the credential stands for.
    pub name: String,
    /// The role in which the person acts in this call.
    pub role: Role,
    /// The newspapers that the credential is for.
    pub scope: Scope,
    /// The call.
    pub call: Call,
}

impl Principal {
    /// What acts by itself, or at the machine of the server: not over the API.
    pub fn local(name: impl Into<String>, role: Role) -> Principal {
        Principal { name: name.into(), role, scope: Scope::All, call: Call::new(None) }
    }

    /// Fails if the credential is not for this newspaper, given by its id.
    ///
    /// # Errors
    /// The newspaper is outside the scope.
    pub fn must_reach(&self, newspaper: &str) -> Result<()> {
        if self.scope.holds(newspaper) { Ok(()) } else { Err(self.scope.refusal(newspaper)) }
    }
}

/// What stands for all newspapers where an id of one is looked for; no id is like it.
pub const EVERY_NEWSPAPER: &str = "-";

/// The newspapers that a credential is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them, those to come too, and what belongs to none.
    #[default]
    All,
    /// These, by their ids.
    Newspapers(Vec<String>),
}

impl Scope {
    /// The scope that a list stands for, where an empty one means all.
    pub fn of(newspapers: Vec<String>) -> Scope {
        if newspapers.is_empty() { Scope::All } else { Scope::Newspapers(newspapers) }
    }

    /// Whether a newspaper, given by its id, is in it.
    pub fn holds(&self, newspaper: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Newspapers(ids) => ids.iter().any(|id| id == newspaper),
        }
    }

    /// That something about this newspaper, or about all, is outside.
    pub fn refusal(&self, newspaper: &str) -> Error {
        Error::OutsideScope { newspaper: newspaper.to_owned(), scope: self.ids().join(",") }
    }

    /// The ids, as [`Scope::of`] takes them.
    pub fn ids(&self) -> &[String] {
        match self {
            Scope::All => &[],
            Scope::Newspapers(ids) => ids,
        }
    }
}
