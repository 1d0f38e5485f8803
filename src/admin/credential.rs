//! Credentials: what a caller shows to be known as a person with a role. An access
//! token is a secret; a client certificate is proved in the TLS handshake. Both are
//! for all newspapers or for some, until a time or for good, and can be revoked.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    admin::{Role, token_name},
    digest::Digest,
    error::Error,
    filter::{Field, Kind, Order},
};

/// The resource type of a credential.
pub const KIND: &str = "masthead/AccessToken";

/// What a filter of a list may ask for.
pub const FIELDS: [Field; 8] = [
    Field { name: "person", kind: Kind::Text },
    Field { name: "role", kind: Kind::Name(&Role::NAMES) },
    Field { name: "newspaper", kind: Kind::Resources("newspapers/*") },
    Field { name: "creator", kind: Kind::Text },
    Field { name: "create_time", kind: Kind::Time },
    Field { name: "expire_time", kind: Kind::Time },
    Field { name: "revoke_time", kind: Kind::Time },
    Field { name: "last_use_time", kind: Kind::Time },
];

/// What lists can be sorted by.
pub const ORDERS: [&str; 1] = ["create_time"];

/// How they are sorted if nobody says how.
pub const ORDER: Order = Order { field: "create_time", descending: true };

/// A credential, as it is kept: without the secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Its id.
    pub id: Uuid,
    /// What it says.
    pub grant: Grant,
    /// The SHA-256 of the client certificate (DER); none for a token, of which even
    /// that is nobody's business.
    pub certificate: Option<Digest>,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it was revoked, and by whom.
    pub revoked: Option<(DateTime<Utc>, String)>,
    /// When it was last used, to the minute.
    pub last_use_time: Option<DateTime<Utc>>,
}

/// What a credential says of the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The person.
    pub person: String,
    /// The role.
    pub role: Role,
    /// The ids of the newspapers that it is for; empty for all.
    pub newspapers: Vec<String>,
    /// What operators know it by.
    pub note: String,
    /// When it ends; none if only when it is revoked.
    pub expire_time: Option<DateTime<Utc>>,
}

impl Grant {
    /// For all newspapers, until it is revoked.
    pub fn unlimited(person: &str, role: Role) -> Grant {
        let (person, note) = (person.to_owned(), String::new());
        Grant { person, role, newspapers: Vec::new(), note, expire_time: None }
    }
}

impl Credential {
    /// The full resource name.
    pub fn name(&self) -> String {
        token_name(self.id)
    }
}

/// That there is no such credential.
pub fn missing(id: Uuid) -> Error {
    Error::NotFound { kind: KIND, name: token_name(id) }
}
