//! Who may call: access tokens and client certificates, and the roles that they
//! carry. Each stands for one person of the newsroom, which is how a sign-off knows
//! who signs. A token is shown once and kept only as its digest. And what operators
//! do to keep the service well.

pub mod credential;
pub mod grant;
pub mod rebuild;
pub mod rpc;
pub(crate) mod store;

use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use crate::{
    config,
    digest::Digest,
    error::{Error, Result},
    text::find_control_character,
};

/// What marks a token as one of ours, for people and secret scanners.
const TOKEN_PREFIX: &str = "masthead_";

/// Random bytes of a token. 32 bytes cannot be guessed, so their plain digest
/// can be kept without salt or stretching.
pub const TOKEN_RANDOM_BYTES: usize = 32;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Reads what is published, and nothing else.
    Reader,
    /// Writes articles, takes photos, lays out drafts.
    Reporter,
    /// Does what a reporter does, and signs and returns.
    Editor,
    /// Does what an editor does, and publishes and keeps newspapers.
    Publisher,
    /// Runs the service: reads everything, keeps newspapers, publishes nothing.
    Operator,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [Role::Reader, Role::Reporter, Role::Editor, Role::Publisher, Role::Operator];

    /// Their names as the API has them, without the prefix.
    pub const NAMES: [&str; 5] = ["READER", "REPORTER", "EDITOR", "PUBLISHER", "OPERATOR"];

    /// The name, in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Reporter => "reporter",
            Role::Editor => "editor",
            Role::Publisher => "publisher",
            Role::Operator => "operator",
        }
    }

    /// Reads the name that the database has for it.
    pub fn parse(name: &str) -> Result<Role> {
        let found = Role::ALL.into_iter().find(|role| role.as_str() == name);
        found.ok_or_else(|| Error::Internal(format!("unknown role {name}")))
    }
}

/// A secret that a caller shows. Never logged: it has no `Debug` or `Display`.
pub struct Token(String);

impl Token {
    /// A token of these random bytes.
    pub fn from_random(bytes: [u8; TOKEN_RANDOM_BYTES]) -> Token {
        Token(format!("{TOKEN_PREFIX}{}", BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The text to hand to the person.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        token_digest(&self.0)
    }
}

/// What is kept of a token that a caller shows.
pub fn token_digest(token: &str) -> Digest {
    Digest::of(token.as_bytes())
}

/// The full resource name of an access token.
pub fn token_name(id: Uuid) -> String {
    format!("accessTokens/{id}")
}

/// What is wrong with the name of a person that a credential is to stand for.
pub fn person_mistake(name: &str) -> Option<String> {
    let too_long = name.chars().count() > config::NAME_CHARS_MAX;
    let plain = find_control_character(name).is_none() && !name.contains(['\n', '\t']);
    let wrong = name.trim().is_empty() || name.trim() != name || too_long || !plain;
    let max = config::NAME_CHARS_MAX;
    wrong.then(|| format!("must be one line of 1 to {max} characters without spaces around it"))
}
