//! The schema: bringing it up to this program, by one process at a time, and
//! whether this program can work on it as it is.
//!
//! Servers are replaced one by one, so that the release before meets a schema that
//! is newer than itself. The schema says how old a program may be
//! (`schema_support`): what the release before uses is taken away no earlier than
//! by the release after the next.

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection,
    migrate::{MigrateError, Migration, Migrator},
};

use super::{Connection, Db};
use crate::{
    config,
    error::{Error, Result},
};

/// The key of the advisory lock of whoever may change the schema: "masthead" in
/// ASCII.
const SCHEMA_LOCK: i64 = 0x6d61_7374_6865_6164;

/// How often a waiting migrator asks for the lock.
const SCHEMA_LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Where a schema stands, seen from this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is what this program brings.
    Current,
    /// It lacks this migration, and maybe more.
    Older(i64),
    /// It has this migration of a later program, beside which this one works.
    Newer(i64),
}

/// The right to change the schema, which one process at a time has, until it is
/// dropped. Everyone else who would change it waits.
#[derive(Debug)]
pub struct Schema {
    connection: PgConnection,
}

impl Db {
    /// A connection of its own, beside those that calls share, whose statements take
    /// as long as they need.
    ///
    /// # Errors
    /// The database is away.
    pub async fn own_connection(&self) -> Result<Connection> {
        let mut connection = self.connect().await?;
        sqlx::query!(
            "select set_config('statement_timeout', '0', false) as statement,
                    set_config('lock_timeout', '0', false) as lock,
                    set_config('idle_in_transaction_session_timeout', '0', false) as idle"
        )
        .fetch_one(&mut connection)
        .await?;
        Ok(connection)
    }

    /// Waits for the right to change the schema. It is tried for, as waiting in the
    /// database would deadlock with `create index concurrently`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn schema(&self) -> Result<Schema> {
        let mut connection = self.own_connection().await?;
        loop {
            let locked = sqlx::query_scalar!("select pg_try_advisory_lock($1)", SCHEMA_LOCK);
            if locked.fetch_one(&mut connection).await? == Some(true) {
                return Ok(Schema { connection });
            }
            tokio::time::sleep(SCHEMA_LOCK_PAUSE).await;
        }
    }

    /// Brings the schema up to this program. Safe when several start at once.
    ///
    /// # Errors
    /// The database is away or refuses, or it has the schema of a later program that
    /// this one cannot work on.
    pub async fn migrate(&self) -> Result<()> {
        // Who has nothing to change need not wait for those who keep it from changing.
        let mut connection = self.own_connection().await?;
        let stands = standing(&mut connection).await;
        connection.close().await?;
        if stands? == Standing::Current {
            return Ok(());
        }
        let mut schema = self.schema().await?;
        let migrated = schema.bring_up().await;
        schema.release().await?;
        migrated
    }

    /// Waits until somebody else has brought the schema up to this program.
    ///
    /// # Errors
    /// The database is away, or it has the schema of a later program that this one
    /// cannot work on.
    pub async fn await_schema(&self) -> Result<()> {
        let (mut told, mut connection) = (false, self.own_connection().await?);
        while let Standing::Older(lacking) = standing(&mut connection).await? {
            if !told {
                tracing::warn!(lacking, "the schema is of an older version; waiting for `masthead migrate`");
                told = true;
            }
            tokio::time::sleep(config::SCHEMA_WAIT_PAUSE).await;
        }
        Ok(connection.close().await?)
    }
}

impl Schema {
    /// The connection that holds the right.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Brings the schema up to this program.
    ///
    /// # Errors
    /// The database refuses, or it has the schema of a later program that this one
    /// cannot work on.
    pub async fn bring_up(&mut self) -> Result<()> {
        if let Standing::Newer(later) = standing(&mut self.connection).await? {
            tracing::warn!(later, "the schema is of a later version, beside which this one still works");
        }
        run(&mut self.connection, migrator()).await
    }

    /// Makes the schema of an earlier program, of these migrations, in an empty
    /// database.
    ///
    /// # Errors
    /// The database refuses. Migrations that this program does not know are left out.
    pub async fn make(&mut self, migrations: &[i64]) -> Result<()> {
        let all = migrator();
        let wanted = |migration: &&Migration| migrations.contains(&migration.version);
        let mut earlier = Migrator::with_migrations(all.iter().filter(wanted).cloned().collect());
        earlier.set_locking(false).set_ignore_missing(true);
        run(&mut self.connection, earlier).await
    }

    /// Gives the right up.
    ///
    /// # Errors
    /// The connection is lost; the right is given up all the same.
    pub async fn release(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }
}

/// The numbers of the migrations that this program brings.
pub fn known() -> Vec<i64> {
    migrator().iter().map(|migration| migration.version).collect()
}

/// The numbers of the migrations that a database has; none if it has no schema.
///
/// # Errors
/// The database is away.
pub async fn applied(connection: &mut Connection) -> Result<Vec<i64>> {
    let there = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "there!""#);
    if !there.fetch_one(&mut *connection).await? {
        return Ok(Vec::new());
    }
    let applied = sqlx::query_scalar!("select version from _sqlx_migrations where success order by version");
    Ok(applied.fetch_all(connection).await?)
}

/// Where the schema of a database stands.
///
/// # Errors
/// It is of a later program that this one cannot work on; the database is away.
pub async fn standing(connection: &mut Connection) -> Result<Standing> {
    let (known, applied) = (known(), applied(connection).await?);
    if let Some(later) = applied.iter().rev().find(|version| !known.contains(version)) {
        let oldest = sqlx::query_scalar!("select oldest_migration from schema_support");
        let oldest = oldest.fetch_one(connection).await?;
        let newest = known.last().copied().unwrap_or_default();
        if newest < oldest {
            return Err(Error::Schema(format!(
                "the database has the schema of a later version of masthead (migration {later}), which takes \
                 programs that know migration {oldest}; this one knows those up to {newest}: run a later version"
            )));
        }
        return Ok(Standing::Newer(*later));
    }
    let lacking = known.iter().find(|version| !applied.contains(version));
    Ok(lacking.map_or(Standing::Current, |version| Standing::Older(*version)))
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    // The lock is ours, and what is missing here was looked at.
    migrator.set_locking(false).set_ignore_missing(true);
    migrator
}

async fn run(connection: &mut PgConnection, migrator: Migrator) -> Result<()> {
    let migrated = migrator.run(connection).await;
    migrated.map_err(|error| match error {
        MigrateError::Execute(cause) => Error::from(cause),
        other => Error::Schema(format!("the database cannot be migrated: {other}")),
    })
}
