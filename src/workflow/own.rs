//! Whose work it is. A reporter changes their own articles, photos and issues: those that
//! they made or wrote in, and those that they sign.

use uuid::Uuid;

use crate::{
    admin::Role,
    byline::{self, Byline},
    db::Transaction,
    error::{Error, Result},
    workflow::store,
};

/// Fails if the caller is a reporter and this is the work of others. Every other role
/// that may change it at all may change anybody's.
///
/// # Errors
/// It is not the caller's own.
pub async fn must_own(
    transaction: &mut Transaction,
    name: &str,
    subject: Uuid,
    bylines: &[Byline],
) -> Result<()> {
    let caller = transaction.caller().clone();
    if caller.role != Role::Reporter || bylines.iter().any(|byline| byline.printed_name == caller.name) {
        return Ok(());
    }
    let connection = transaction.connection();
    let authors = store::authors(connection, subject).await?;
    let signers = byline::reporters(bylines);
    let owns = authors.contains(&caller.name)
        || byline::store::any_is_called(connection, &signers, &caller.name).await?;
    if owns { Ok(()) } else { Err(Error::NotOwnWork { name: name.to_owned(), person: caller.name }) }
}
