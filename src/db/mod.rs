//! The way to Postgres: the pool, the migrator, and [`Db::write`], the one
//! door for mutations.
//!
//! A mutation runs in a task of its own, so that a client that hangs up leaves
//! no transaction behind: a cancelled `begin` of sqlx 0.9.0 can return a
//! connection with an open transaction to the pool. The task takes one
//! timestamp, answers a repeated request id with the first answer, appends the
//! change and audit rows, runs again if it lost a race, and commits; then it
//! wakes the feeds ([`wake`]).

pub mod list;
pub mod wake;

use std::{future::Future, pin::Pin, str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, Utc};
use prost::Message;
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    auth::Principal,
    config,
    digest::Digest,
    error::{Error, Result, lost_a_race},
};

/// The key of the advisory lock that one migrator at a time holds: "masthead"
/// in ASCII.
const MIGRATION_LOCK: i64 = 0x6d61_7374_6865_6164;

/// How often a waiting migrator asks for the lock.
const MIGRATION_LOCK_PAUSE: Duration = Duration::from_millis(100);

/// What stores read from.
pub type Connection = PgConnection;

/// A future that borrows the transaction it works in.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Access to the database.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    revisions_kept: u32,
    /// Holds that something was committed until [`Db::committed`] takes it.
    commits: Arc<Notify>,
}

/// Holds a lock of [`Db::try_lock`].
#[derive(Debug)]
pub struct Lock {
    connection: PgConnection,
}

/// A mutation, as its caller asked for it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Who asks.
    pub caller: Principal,
    /// The method, as `CreateArticle`.
    pub method: &'static str,
    /// What a repetition of the call is recognised by.
    pub request: Option<RequestKey>,
    /// Do everything but commit.
    pub validate_only: bool,
}

/// The id that a caller gave a request, and the digest of the request.
#[derive(Clone, Copy, Debug)]
pub struct RequestKey {
    /// The caller's id.
    pub id: Uuid,
    /// The SHA-256 over method and message.
    pub digest: Digest,
}

/// What a mutation did to one resource, for the change feed and the audit.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource's full name.
    pub resource: String,
    /// What happened, as a past participle: `created`.
    pub kind: &'static str,
    /// The content digest before, where the resource has one.
    pub before: Option<Digest>,
    /// The content digest after.
    pub after: Option<Digest>,
}

/// A mutation in its transaction.
#[derive(Debug)]
pub struct Transaction {
    open: sqlx::Transaction<'static, Postgres>,
    caller: Principal,
    now: DateTime<Utc>,
    changes: Vec<Change>,
    waived: Vec<String>,
    revisions_kept: u32,
}

impl Transaction {
    /// The connection that the transaction is open on.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.open
    }

    /// The one time of everything in this transaction, in whole microseconds as
    /// Postgres keeps it.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Who asked for the mutation.
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// How many revisions of an article that nobody has signed are kept.
    pub fn revisions_kept(&self) -> u32 {
        self.revisions_kept
    }

    /// Notes a change, to be appended to the change feed and the audit.
    pub fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Notes the codes of the checks that the caller has waived, for the audit of
    /// this mutation.
    pub fn waive(&mut self, codes: &[String]) {
        self.waived.extend_from_slice(codes);
    }
}

/// Reads a database URL.
///
/// # Errors
/// What is wrong with it, in words.
pub fn options(url: &str) -> std::result::Result<PgConnectOptions, String> {
    PgConnectOptions::from_str(url).map_err(|error| error.to_string())
}

impl Db {
    /// A pool for this database. Connects when it is first used, so that a
    /// server starts before its database does.
    pub fn open(options: PgConnectOptions, connections_max: u32) -> Db {
        let statement_ms = config::STATEMENT_TIME_MAX.as_millis().to_string();
        let options = options.application_name("masthead").options([
            ("statement_timeout", statement_ms.clone()),
            ("idle_in_transaction_session_timeout", statement_ms),
            ("timezone", "UTC".to_owned()),
            // Compiling a statement takes longer than any of these runs.
            ("jit", "off".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(config::CONNECTION_WAIT_MAX)
            .connect_lazy_with(options);
        let commits = Arc::new(Notify::new());
        Db { pool, revisions_kept: config::REVISIONS_KEPT_DEFAULT, commits }
    }

    /// The same, keeping so many revisions of an article that nobody has signed;
    /// at least one.
    pub fn keeping_revisions(self, revisions_kept: u32) -> Db {
        Db { revisions_kept: revisions_kept.max(1), ..self }
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// Runs reads that must agree with each other on one view of the database. It
    /// locks nothing and so stops nobody. As a mutation, it runs in a task of its
    /// own, which ends the transaction whatever becomes of the caller.
    pub async fn view<A, F>(&self, work: F) -> Result<A>
    where
        A: Send + 'static,
        F: for<'t> FnOnce(&'t mut Connection) -> Work<'t, A> + Send + 'static,
    {
        let pool = self.pool.clone();
        let task = tokio::spawn(tracing::Instrument::in_current_span(async move {
            let mut open = pool.begin_with("begin isolation level repeatable read, read only").await?;
            let answer = work(&mut open).await?;
            open.rollback().await?;
            Ok(answer)
        }));
        task.await.map_err(|died| Error::Internal(format!("a read died: {died}")))?
    }

    /// Whether the database answers.
    pub async fn probe(&self) -> Result<()> {
        let mut connection = self.read().await?;
        Ok(connection.ping().await?)
    }

    /// Closes the pool after its connections have been given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A lock that one holder at a time has, over all processes, until it is dropped;
    /// none while another has it.
    pub async fn try_lock(&self, key: i64) -> Result<Option<Lock>> {
        // Taken out of the pool: the lock belongs to the connection.
        let mut connection = self.read().await?.detach();
        let locked =
            sqlx::query_scalar!("select pg_try_advisory_lock($1)", key).fetch_one(&mut connection).await?;
        Ok((locked == Some(true)).then_some(Lock { connection }))
    }

    /// Brings the schema up to this program. Safe when several start at once:
    /// they try for the lock in turn, as waiting in the database would deadlock
    /// with `create index concurrently`.
    pub async fn migrate(&self) -> Result<()> {
        let Lock { mut connection } = loop {
            match self.try_lock(MIGRATION_LOCK).await? {
                Some(lock) => break lock,
                None => tokio::time::sleep(MIGRATION_LOCK_PAUSE).await,
            }
        };
        // Indexes of large tables take longer than a request may.
        sqlx::query!("select set_config('statement_timeout', '0', false)").fetch_one(&mut connection).await?;
        let mut migrator = sqlx::migrate!();
        migrator.set_locking(false);
        let migrated = migrator.run(&mut connection).await;
        connection.close().await?;
        migrated.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(cause) => Error::from(cause),
            other => Error::Internal(format!("the database cannot be migrated: {other}")),
        })
    }

    /// Runs a mutation. `work` may run more than once and must do nothing but
    /// through its transaction.
    pub async fn write<A, F>(&self, operation: Operation, work: F) -> Result<A>
    where
        A: Message + Default + Send + 'static,
        F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A> + Send + Sync + 'static,
    {
        let db = self.clone();
        let span = tracing::Span::current();
        let task = tokio::spawn(tracing::Instrument::instrument(
            async move { run_until_it_wins(&db, &operation, &work).await },
            span,
        ));
        task.await.map_err(|died| Error::Internal(format!("a write died: {died}")))?
    }

    /// Removes answers that are kept longer than they need be; how many.
    pub async fn forget_requests(&self) -> Result<u64> {
        let mut connection = self.read().await?;
        let oldest = Utc::now() - config::REQUEST_RETENTION;
        let done = sqlx::query!("delete from requests where create_time < $1", oldest)
            .execute(&mut *connection)
            .await?;
        Ok(done.rows_affected())
    }
}

async fn run_until_it_wins<A, F>(db: &Db, operation: &Operation, work: &F) -> Result<A>
where
    A: Message + Default,
    F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A>,
{
    let mut runs = 1;
    loop {
        match run_once(db, operation, work).await {
            Err(error) if lost_a_race(&error) && runs < config::TRANSACTION_RUNS_MAX => runs += 1,
            outcome => return outcome,
        }
    }
}

async fn run_once<A, F>(db: &Db, operation: &Operation, work: &F) -> Result<A>
where
    A: Message + Default,
    F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A>,
{
    let open = db.pool.begin().await?;
    let now = Utc::now().trunc_subsecs(6);
    let mut transaction = Transaction {
        open,
        caller: operation.caller.clone(),
        now,
        changes: Vec::new(),
        waived: Vec::new(),
        revisions_kept: db.revisions_kept,
    };
    if let Some(first) = first_answer(transaction.connection(), operation, now).await? {
        let answer = A::decode(first.as_slice());
        return answer.map_err(|error| Error::Internal(format!("a stored answer is damaged: {error}")));
    }
    let worked = work(&mut transaction).await;
    let Transaction { mut open, changes, waived, .. } = transaction;
    let answer = match worked {
        Ok(answer) if !operation.validate_only => answer,
        refused_or_rehearsed => {
            // Now, and not when the pool comes to it: its locks are in the way.
            let ended = open.rollback().await;
            return refused_or_rehearsed.and_then(|answer| ended.map(|()| answer).map_err(Error::from));
        }
    };
    append(&mut open, operation, now, &changes, &waived).await?;
    if let Some(request) = operation.request {
        keep_answer(&mut open, operation, request, &answer.encode_to_vec()).await?;
    }
    open.commit().await?;
    if !changes.is_empty() {
        db.commits.notify_one();
    }
    Ok(answer)
}

/// Claims the request id for this transaction; or the answer of the call that
/// had it first, after waiting for that call to end.
async fn first_answer(
    connection: &mut PgConnection,
    operation: &Operation,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    let Some(request) = operation.request else { return Ok(None) };
    let claimed = sqlx::query!(
        "insert into requests (person, request_id, method, request_digest, create_time)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        operation.caller.name,
        request.id,
        operation.method,
        request.digest.as_bytes(),
        now
    )
    .execute(&mut *connection)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(None);
    }
    let first = sqlx::query!(
        "select request_digest, answer from requests where person = $1 and request_id = $2",
        operation.caller.name,
        request.id
    )
    .fetch_optional(connection)
    .await?;
    match first {
        Some(first) if first.request_digest == request.digest.as_bytes() => Ok(first.answer),
        Some(_) => Err(Error::RequestIdReused(request.id)),
        // Swept away between the two statements: the retention is over.
        None => Err(Error::RequestIdReused(request.id)),
    }
}

async fn keep_answer(
    connection: &mut PgConnection,
    operation: &Operation,
    request: RequestKey,
    answer: &[u8],
) -> Result<()> {
    sqlx::query!(
        "update requests set answer = $3 where person = $1 and request_id = $2",
        operation.caller.name,
        request.id,
        answer
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Appends the rows of the change feed and of the audit, in one statement. The
/// newspaper of a change stands in its name, or with the article, which this
/// transaction has just had in its hands.
async fn append(
    connection: &mut PgConnection,
    operation: &Operation,
    now: DateTime<Utc>,
    changes: &[Change],
    waived: &[String],
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let resources: Vec<&str> = changes.iter().map(|change| change.resource.as_str()).collect();
    let kinds: Vec<&str> = changes.iter().map(|change| change.kind).collect();
    let before: Vec<Option<&[u8]>> = changes.iter().map(|change| digest_bytes(&change.before)).collect();
    let after: Vec<Option<&[u8]>> = changes.iter().map(|change| digest_bytes(&change.after)).collect();
    sqlx::query!(
        "with new as (
             select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
                 as n (resource, kind, before, after)
         ), feed as (
             insert into changes (resource, newspaper, kind, person, change_time)
             select resource,
                    case split_part(resource, '/', 1)
                        when 'newspapers' then split_part(resource, '/', 2)
                        when 'articles' then
                            (select a.newspaper from articles a where a.id = split_part(resource, '/', 2)::uuid)
                    end,
                    kind, $5, $6
             from new
         )
         insert into audit_events
             (event_time, person, role, method, resource, request_id, digest_before, digest_after, waived)
         select $6, $5, $7::text::role, $8, resource, $9, before, after, $10 from new",
        &resources as &[&str],
        &kinds as &[&str],
        &before as &[Option<&[u8]>],
        &after as &[Option<&[u8]>],
        operation.caller.name,
        now,
        operation.caller.role.as_str(),
        operation.method,
        operation.request.map(|request| request.id),
        waived,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn digest_bytes(digest: &Option<Digest>) -> Option<&[u8]> {
    digest.as_ref().map(Digest::as_bytes)
}
