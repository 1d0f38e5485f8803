//! Waiting in the middle of a transaction for something else than the database. Postgres
//! ends a transaction that says nothing for a while (`idle_in_transaction_session_timeout`),
//! as its server may be gone, and what it has locked would stay so.

use std::{future::Future, pin::pin};

use sqlx::Connection as _;
use tokio::time::sleep;

use crate::{config::database, db::Connection, error::Result};

/// Does work beside the open transaction of this connection, and has the transaction say
/// meanwhile that somebody is there.
///
/// # Errors
/// Those of the work; the transaction is gone.
pub async fn holding_open<T>(
    connection: &mut Connection,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep(database::SIGN_OF_LIFE_PERIOD) => connection.ping().await?,
        }
    }
}
