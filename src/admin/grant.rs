//! Giving credentials out and taking them back, inside a transaction.

use uuid::Uuid;

use crate::{
    admin::{
        TOKEN_RANDOM_BYTES, Token,
        credential::{Credential, Grant, missing},
        store::credentials,
        token_name,
    },
    db::{Change, Transaction},
    digest::Digest,
    error::{Error, Result},
    newspaper,
};

/// A new token that nobody can guess.
///
/// # Errors
/// The system gives no random bytes.
pub fn random_token() -> Result<Token> {
    let mut bytes = [0; TOKEN_RANDOM_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the system gives no random bytes: {error}")))?;
    Ok(Token::from_random(bytes))
}

/// What a caller will show.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// A token with this digest.
    Token(Digest),
    /// A client certificate with this SHA-256.
    Certificate(Digest),
}

/// Makes a credential.
///
/// # Errors
/// It would have ended already, a newspaper is not there, or the certificate is a
/// credential already.
pub async fn create(transaction: &mut Transaction, grant: Grant, shown: Shown) -> Result<Credential> {
    if grant.expire_time.is_some_and(|end| end <= transaction.now()) {
        return Err(Error::invalid("access_token.expire_time", "has passed already"));
    }
    let (digest, certificate) = match shown {
        Shown::Token(digest) => (digest, None),
        Shown::Certificate(digest) => (digest, Some(digest)),
    };
    let connection = transaction.connection();
    let there = credentials::newspapers(connection, &grant.newspapers).await?;
    if let Some(gone) = grant.newspapers.iter().find(|id| !there.contains(id)) {
        let rule = format!("{} does not exist or is deleted", newspaper::name(gone));
        return Err(Error::invalid("access_token.newspapers", rule));
    }
    if credentials::is_known(connection, digest).await? {
        let rule = "is a credential already, maybe a revoked one; use another certificate";
        return Err(Error::invalid("access_token.certificate_sha256", rule));
    }
    let credential = Credential {
        id: Uuid::now_v7(),
        grant,
        certificate,
        creator: transaction.caller().name.clone(),
        create_time: transaction.now(),
        revoked: None,
        last_use_time: None,
    };
    credentials::insert(transaction.connection(), &credential, digest).await?;
    record(transaction, credential.id, "created");
    transaction.lets_in();
    Ok(credential)
}

/// Revokes a credential, once and for all. Of one that is revoked already nothing
/// changes.
///
/// # Errors
/// There is no such credential.
pub async fn revoke(transaction: &mut Transaction, id: Uuid) -> Result<Credential> {
    let found = credentials::lock(transaction.connection(), id).await?;
    let mut credential = found.ok_or_else(|| missing(id))?;
    if credential.revoked.is_none() {
        let (revoker, now) = (transaction.caller().name.clone(), transaction.now());
        credentials::revoke(transaction.connection(), id, &revoker, now).await?;
        credential.revoked = Some((now, revoker));
        record(transaction, id, "revoked");
    }
    Ok(credential)
}

fn record(transaction: &mut Transaction, id: Uuid, kind: &'static str) {
    transaction.record(Change { resource: token_name(id), kind, before: None, after: None });
}
