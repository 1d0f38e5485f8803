//! Bearer tokens of an OpenID Connect issuer: signed statements (JWT, RFC 7519) that
//! name a person, roles, and newspapers. The issuer's public keys are fetched and
//! followed while the server runs; a token is checked without asking anyone.
//!
//! A token is read strictly. What it says of its algorithm and its key never chooses
//! more than one of the keys that the issuer publishes for just that; a key, a
//! certificate or an address in a token is never looked at.

mod claims;
mod crypto;
mod json;
mod keys;
mod known;
mod source;
mod token;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{admin::Role, config::IdentitySettings};
use claims::Rules;
use keys::KeySet;
use known::Known;
use source::Source;
use token::Token;

/// Whom a token names, and what it lets them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person.
    pub person: String,
    /// The roles, each once; none for a person who may do nothing here.
    pub roles: Vec<Role>,
    /// The ids of the newspapers that the token is for; none means all.
    pub newspapers: Vec<String>,
    /// From when on the token is refused, with the skew that clocks are allowed.
    pub expires: DateTime<Utc>,
}

/// Why a token was refused: for the log, as a caller is told no more than that it was.
/// Nothing of the token is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has more bytes than are taken.
    #[error("the token is too long")]
    TooLong,
    /// This part of it cannot be read.
    #[error("the token's {0} cannot be read")]
    Malformed(&'static str),
    /// It is signed in another way than the three that are taken, or not at all.
    #[error("the token is signed with an algorithm that is not taken")]
    Algorithm,
    /// It asks for an extension, of which none is known.
    #[error("the token has critical extensions")]
    Critical,
    /// It is there for something else than calls.
    #[error("the token is of another type")]
    Type,
    /// The issuer publishes no such key.
    #[error("the token's key is not the issuer's")]
    KeyUnknown,
    /// The key is for another algorithm.
    #[error("the token's key is for another algorithm")]
    KeyUnfit,
    /// Several keys could be meant.
    #[error("the token's key could be one of several")]
    KeyAmbiguous,
    /// No keys could be fetched, or not for too long.
    #[error("the issuer's keys are not known; its log line says why")]
    KeysAway,
    /// Somebody else signed it.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is another issuer's.
    #[error("the token is another issuer's")]
    Issuer,
    /// It is for another service.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It names no person who could sign.
    #[error("the token's person is missing or no plain name")]
    Person,
    /// The claim for roles is neither a text nor a list of texts.
    #[error("the token's roles cannot be read")]
    Roles,
    /// It does not say for which newspapers it is.
    #[error("the token's newspapers are missing or no ids")]
    Newspapers,
}

/// The issuers whose tokens are taken: one, or none. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Issuers {
    issuer: Option<Arc<Issuer>>,
}

#[derive(Debug)]
struct Issuer {
    rules: Rules,
    token_bytes_max: usize,
    known: Known,
}

impl Issuers {
    /// Those that settings name. Asks nobody yet: an issuer that is away keeps no server
    /// from starting.
    ///
    /// # Errors
    /// The settings cannot be used, in words.
    pub fn new(settings: &IdentitySettings) -> Result<Issuers, String> {
        let Some(name) = &settings.oidc_issuer else { return Ok(Issuers { issuer: None }) };
        let issuer = Issuer {
            rules: Rules::new(name, settings)?,
            token_bytes_max: settings.oidc_token_bytes_max as usize,
            known: Known::new(Source::new(name, settings)?, settings),
        };
        Ok(Issuers { issuer: Some(Arc::new(issuer)) })
    }

    /// Who shows this token now; `None` if it is no token of an issuer by its form, or
    /// if there is no issuer. Waits for the issuer only where a key is not known that
    /// could be new.
    ///
    /// # Errors
    /// Why the token is refused.
    pub async fn identify(&self, token: &str, now: DateTime<Utc>) -> Result<Option<Identity>, Refused> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let Some(parts) = token::parts(token) else { return Ok(None) };
        // Apart, as it would make calls with other tokens as large.
        Box::pin(issuer.identify(token, parts, now)).await.map(Some)
    }

    /// Follows the issuer's keys until it is aborted; ends at once where there is no
    /// issuer. Without it, no keys are known.
    pub async fn run(self) {
        if let Some(issuer) = &self.issuer {
            issuer.known.follow().await;
        }
    }
}

impl Issuer {
    async fn identify(&self, token: &str, parts: [&str; 3], now: DateTime<Utc>) -> Result<Identity, Refused> {
        if token.len() > self.token_bytes_max {
            return Err(Refused::TooLong);
        }
        let token = Token::read(token, parts)?;
        // Before the signature, so that tokens that could never pass cost neither that nor
        // a fetch of keys. Nothing of it is used unless the signature is right, too.
        let identity = self.rules.check(&token.claims, now)?;
        self.check_signature(&token).await?;
        Ok(identity)
    }

    async fn check_signature(&self, token: &Token<'_>) -> Result<(), Refused> {
        let checked = self.known.keys().and_then(|keys| check(&keys, token));
        let could_be_new = match checked {
            Err(Refused::KeysAway | Refused::KeyUnknown) => true,
            // An issuer that does not name its keys changes them unseen.
            Err(Refused::Signature) => token.key_id.is_none(),
            _ => false,
        };
        if could_be_new && self.known.wait_for_newer().await {
            return self.known.keys().and_then(|keys| check(&keys, token));
        }
        checked
    }
}

fn check(keys: &KeySet, token: &Token<'_>) -> Result<(), Refused> {
    let key = keys.find(token.key_id.as_deref(), token.algorithm)?;
    if key.has_signed(token.signed, &token.signature) { Ok(()) } else { Err(Refused::Signature) }
}
