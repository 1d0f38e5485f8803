//! Credentials: made, used, bounded to newspapers and days, revoked everywhere at once;
//! and how much one person may ask.

mod command;
mod guessing;
mod keeping;
mod quotas;
mod revoking;
mod strangers;

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::Newsroom;

/// Has the operator make a credential; with its secret.
async fn make(newsroom: &Newsroom, token: pb::AccessToken) -> pb::AccessToken {
    let mut operator = newsroom.desk(Role::Operator).await;
    let create = pb::CreateAccessTokenRequest { access_token: Some(token), ..Default::default() };
    operator.admin.create_access_token(create).await.expect("a credential").into_inner()
}

/// The desk of whoever shows this secret.
pub async fn desk(address: &str, secret: &str) -> Desk {
    Desk::connect(&format!("http://{address}"), secret).await.expect("a desk")
}

/// A credential for a person in a role.
fn of(person: &str, role: pb::Role) -> pb::AccessToken {
    pb::AccessToken { person: person.into(), role: role.into(), ..Default::default() }
}
