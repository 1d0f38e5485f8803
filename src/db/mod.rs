//! The way to Postgres: the pool, the migrator, and [`Db::write`], the one
//! door for mutations.
//!
//! A mutation runs in a task of its own, so that one that is about to commit does
//! so, whatever becomes of the client. The task takes one timestamp, answers a
//! repeated request id with the first answer, appends the change and audit rows,
//! runs again if it lost a race, and commits; then it wakes the feeds ([`wake`]).
//! It is rolled back if its [`Deadline`] passes before that.
//!
//! Statements of gets and saves have their lists from sub-selects, such as
//! `any((select $1::uuid[])::uuid[])`. With a list in sight, Postgres thinks that a plan
//! for just this one is better, and makes one at each call, which takes several times as
//! long as the rows do (Postgres documentation, "PREPARE").

mod connections;
pub mod list;
mod loader;
mod migrate;
mod pause;
mod pool;
mod records;
pub mod schema;
mod silence;
pub mod wake;

use std::{
    future::Future,
    pin::Pin,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, SubsecRound, Utc};
use prost::Message;
use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

pub(crate) use self::pool::away;
pub use self::{
    connections::Connections,
    loader::Loader,
    migrate::Lock,
    pause::holding_open,
    pool::Lease,
    records::{Change, Trace},
    silence::{Probe, Silence},
};
use self::{
    pool::{Pools, Purpose},
    records::Records,
};
use crate::{
    auth::Principal,
    config::{self, DatabaseSettings},
    deadline::Deadline,
    digest::Digest,
    error::{Error, Result, lost_a_race},
    telemetry::told,
};

/// What stores read from.
pub type Connection = PgConnection;

/// A future that borrows the transaction it works in.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Access to the database.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Arc<Pools>,
    /// Whether it takes connections of the house.
    is_house: bool,
    revisions_kept: u32,
    /// Holds that something was committed until [`Db::committed`] takes it.
    commits: Arc<Notify>,
    /// How often a transaction of this process has changed what readers are served.
    publications: Arc<AtomicU64>,
    /// How often a transaction of this process has made a credential.
    admissions: Arc<AtomicU64>,
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

/// A mutation in its transaction.
#[derive(Debug)]
pub struct Transaction {
    open: Lease,
    caller: Principal,
    now: DateTime<Utc>,
    records: Records,
    revisions_kept: u32,
    effects: Effects,
}

/// What a mutation changes that this process remembers.
#[derive(Clone, Copy, Debug, Default)]
struct Effects {
    /// What readers are served.
    publishes: bool,
    /// Who is let in.
    lets_in: bool,
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
        self.records.changes.push(change);
    }

    /// Notes what was done to something that the change feed does not tell of, for the
    /// audit alone.
    pub fn leave_trace(&mut self, trace: Trace) {
        self.records.traces.push(trace);
    }

    /// Notes that readers are served something else from now on.
    pub fn publishes(&mut self) {
        self.effects.publishes = true;
    }

    /// Notes that somebody is let in from now on.
    pub fn lets_in(&mut self) {
        self.effects.lets_in = true;
    }

    /// Notes the codes of the checks that the caller has waived, for the audit of
    /// this mutation.
    pub fn waive(&mut self, codes: &[String]) {
        self.records.waived.extend_from_slice(codes);
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
    /// Access to this database with the usual settings and so many connections for
    /// calls. Connects when it is first used, so that a server starts before its
    /// database does.
    pub fn open(options: PgConnectOptions, connections_max: u32) -> Db {
        Db::with(options, &DatabaseSettings::with_connections(connections_max))
    }

    /// Access to this database with these settings.
    pub fn with(options: PgConnectOptions, settings: &DatabaseSettings) -> Db {
        let pools = Arc::new(Pools::new(pool::session(options, settings), settings));
        Db {
            pools,
            is_house: false,
            revisions_kept: config::REVISIONS_KEPT_DEFAULT,
            commits: Arc::default(),
            publications: Arc::default(),
            admissions: Arc::default(),
        }
    }

    /// The same for what a server does by itself and at its entrance, over
    /// connections that calls cannot take away.
    pub fn house(&self) -> Db {
        Db { is_house: true, ..self.clone() }
    }

    /// The same, keeping so many revisions of an article that nobody has signed;
    /// at least one.
    pub fn keeping_revisions(self, revisions_kept: u32) -> Db {
        Db { revisions_kept: revisions_kept.max(1), ..self }
    }

    /// How often this process has changed what readers are served; it has risen before
    /// whoever did so has their answer.
    pub fn publications(&self) -> u64 {
        self.publications.load(Ordering::SeqCst)
    }

    /// How often this process has made a credential; it has risen before whoever did so
    /// has their answer.
    pub fn admissions(&self) -> u64 {
        self.admissions.load(Ordering::SeqCst)
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// The database is away, or no connection has become free in time.
    pub async fn read(&self) -> Result<Lease> {
        self.lease(Purpose::Read).await
    }

    async fn lease(&self, purpose: Purpose) -> Result<Lease> {
        if self.is_house { self.pools.for_house().await } else { self.pools.for_call(purpose).await }
    }

    /// Runs reads that must agree with each other on one view of the database. It
    /// locks nothing and so stops nobody.
    pub async fn view<A, F>(&self, work: F) -> Result<A>
    where
        F: for<'t> FnOnce(&'t mut Connection) -> Work<'t, A>,
    {
        let mut lease = self.read().await?;
        lease.begin("begin isolation level repeatable read, read only").await?;
        let answer = work(&mut lease).await;
        lease.rollback().await?;
        answer
    }

    /// Closes all connections after they have been given back.
    pub async fn close(&self) {
        self.pools.close().await;
    }

    /// Runs a mutation. `work` may run more than once, may be given up at any point,
    /// and must do nothing but through its transaction.
    ///
    /// # Errors
    /// Those of the work; the time of the call is over; the database is away.
    pub async fn write<A, F>(&self, operation: Operation, work: F) -> Result<A>
    where
        A: Message + Default + Send + 'static,
        F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A> + Send + Sync + 'static,
    {
        // Not in the task: whoever is gone before it is their turn waits for nothing.
        let lease = self.lease(Purpose::Write).await?;
        let db = self.clone();
        let call = Deadline::current();
        let task = tokio::spawn(told::along(async move {
            db.on_line(run_until_it_wins(&db, lease, &operation, &work, call.as_deref())).await
        }));
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

async fn run_until_it_wins<A, F>(
    db: &Db,
    mut lease: Lease,
    operation: &Operation,
    work: &F,
    call: Option<&Deadline>,
) -> Result<A>
where
    A: Message + Default,
    F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A>,
{
    let mut runs = 1;
    loop {
        match run_once(db, lease, operation, work, call).await {
            Err(error) if lost_a_race(&error) && runs < config::TRANSACTION_RUNS_MAX => runs += 1,
            outcome => return outcome,
        }
        lease = in_time(call.and_then(Deadline::time), db.lease(Purpose::Write)).await?;
    }
}

/// What a mutation has come to when it has been worked on.
enum Worked<A> {
    /// All that is left is to commit; whether the feeds will have something, and what this
    /// process remembers otherwise.
    Done { open: Lease, answer: A, has_changes: bool, effects: Effects },
    /// It was done before, or only rehearsed.
    Before(A),
}

async fn run_once<A, F>(
    db: &Db,
    lease: Lease,
    operation: &Operation,
    work: &F,
    call: Option<&Deadline>,
) -> Result<A>
where
    A: Message + Default,
    F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A>,
{
    let worked = in_time(call.and_then(Deadline::time), work_once(db, lease, operation, work)).await?;
    let (open, answer, has_changes, effects) = match worked {
        Worked::Done { open, answer, has_changes, effects } => (open, answer, has_changes, effects),
        Worked::Before(answer) => return Ok(answer),
    };
    if call.is_some_and(|call| !call.begin_commit()) {
        open.rollback().await?;
        return Err(Error::DeadlineExceeded);
    }
    let committed = open.commit().await;
    // Even if nobody knows whether it was committed.
    if effects.publishes {
        db.publications.fetch_add(1, Ordering::SeqCst);
    }
    if effects.lets_in {
        db.admissions.fetch_add(1, Ordering::SeqCst);
    }
    committed?;
    if has_changes {
        db.commits.notify_one();
    }
    Ok(answer)
}

/// Gives work up at a time.
async fn in_time<T>(end: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match end {
        Some(end) => timeout_at(end, work).await.unwrap_or(Err(Error::DeadlineExceeded)),
        None => work.await,
    }
}

async fn work_once<A, F>(db: &Db, mut open: Lease, operation: &Operation, work: &F) -> Result<Worked<A>>
where
    A: Message + Default,
    F: for<'t> Fn(&'t mut Transaction) -> Work<'t, A>,
{
    open.begin("begin").await?;
    let now = Utc::now().trunc_subsecs(6);
    let mut transaction = Transaction {
        open,
        caller: operation.caller.clone(),
        now,
        records: Records::default(),
        revisions_kept: db.revisions_kept,
        effects: Effects::default(),
    };
    let worked = match first_answer(transaction.connection(), operation, now).await {
        Ok(None) => work(&mut transaction).await,
        Ok(Some(first)) => {
            transaction.open.rollback().await?;
            let answer = A::decode(first.as_slice());
            let answer =
                answer.map_err(|error| Error::Internal(format!("a stored answer is damaged: {error}")));
            return answer.map(Worked::Before);
        }
        Err(error) => Err(error),
    };
    let Transaction { mut open, records, effects, .. } = transaction;
    let answer = match worked {
        Ok(answer) if !operation.validate_only => answer,
        refused_or_rehearsed => {
            // Now, and not when the pool comes to it: its locks are in the way.
            let ended = open.rollback().await;
            return refused_or_rehearsed.and_then(|answer| ended.map(|()| Worked::Before(answer)));
        }
    };
    records::append(&mut open, operation, now, &records).await?;
    if let Some(request) = operation.request {
        keep_answer(&mut open, operation, request, &answer.encode_to_vec()).await?;
    }
    Ok(Worked::Done { open, answer, has_changes: !records.changes.is_empty(), effects })
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
