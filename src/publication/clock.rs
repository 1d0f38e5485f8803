//! The clock of the house: carries out publications whose time has come. Every
//! server process runs one, and whichever comes first to the row of an issue or
//! article publishes it, in the transaction that ends the order: exactly once,
//! with any number of processes, and again after a crash in the middle.

use std::time::Duration;

use chrono::Utc;
use uuid::Uuid;

use crate::{
    admin::Role,
    article,
    auth::Principal,
    config,
    db::{Db, Operation, Transaction},
    error::{Error, Result},
    issue,
    photo::files::Files,
    publication::{ArticleOrder, IssueOrder, publish, schedule},
    wire::{Expected, name::IssueName},
    workflow::{Failure, Schedule},
};

/// The counter of orders whose time came, by `kind` (issue, article) and
/// `outcome` (published, failed, retried).
const ORDERS: &str = "masthead_scheduled_publications_total";

/// How long after its time an order was carried out, in seconds.
const LATENESS: &str = "masthead_scheduled_publication_lateness_seconds";

/// A publication whose time has come.
#[derive(Clone, Debug)]
struct Due {
    subject: Subject,
    schedule: Schedule,
}

#[derive(Clone, Debug)]
enum Subject {
    Issue(IssueName),
    Article(Uuid),
}

/// Carries out what is due, for as long as the server runs.
pub async fn run(db: Db, files: Files) {
    describe_metrics();
    loop {
        let pause = match carry_out_all(&db, &files).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "publications that are due cannot be carried out yet");
                config::SCHEDULE_POLL_PERIOD
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Carries out everything that is due, the longest due first; how long to wait
/// before looking again.
async fn carry_out_all(db: &Db, files: &Files) -> Result<Duration> {
    let mut published = 0;
    for due in db.on_line(look_up(db)).await? {
        let name = due.subject.name();
        match carry_out(db, files, &due).await {
            Ok(true) => {
                let late = Utc::now() - due.schedule.publish_time;
                metrics::histogram!(LATENESS).record(late.as_seconds_f64());
                count(&due.subject, "published");
                tracing::info!(name, late_ms = late.num_milliseconds(), "published at its time");
                published += 1;
            }
            // Another process has it, or it has changed.
            Ok(false) => {}
            Err(error) if due.is_lost(&error) => {
                if give_up(db, &due, &error).await? {
                    tracing::warn!(name, %error, "not published at its time");
                    count(&due.subject, "failed");
                }
            }
            Err(error) => {
                count(&due.subject, "retried");
                tracing::warn!(name, %error, "not published at its time yet; it is tried again");
                if matches!(error, Error::DatabaseUnavailable(_)) {
                    return Err(error);
                }
            }
        }
    }
    if published > 0 { Ok(Duration::ZERO) } else { db.on_line(until_next(db)).await }
}

/// How long until something is due, if that is soon. What is due already and
/// could not be carried out is no reason to turn in circles.
async fn until_next(db: &Db) -> Result<Duration> {
    let mut connection = db.read().await?;
    let now = Utc::now();
    let issue = issue::store::next_due(&mut connection, now).await?;
    let article = article::store::next_due(&mut connection, now).await?;
    let next = issue.into_iter().chain(article).min();
    let until = next.map_or(config::SCHEDULE_POLL_PERIOD, |next| (next - now).to_std().unwrap_or_default());
    Ok(until.min(config::SCHEDULE_POLL_PERIOD))
}

async fn look_up(db: &Db) -> Result<Vec<Due>> {
    let now = Utc::now();
    let mut connection = db.read().await?;
    let issues = issue::store::due(&mut connection, now, config::SCHEDULE_ROWS_MAX).await?;
    let articles = article::store::due(&mut connection, now, config::SCHEDULE_ROWS_MAX).await?;
    let issues = issues.into_iter().map(|(id, schedule)| Due { subject: Subject::Issue(id), schedule });
    let articles = articles.into_iter().map(|(id, schedule)| Due { subject: Subject::Article(id), schedule });
    let mut due: Vec<Due> = issues.chain(articles).collect();
    due.sort_by_key(|due| due.schedule.publish_time);
    Ok(due)
}

/// Publishes in the name of who ordered it; whether it was ours to do.
async fn carry_out(db: &Db, files: &Files, due: &Due) -> Result<bool> {
    let (work_due, files) = (due.clone(), files.clone());
    let done = db.write(due.operation(), move |transaction| {
        let (due, files) = (work_due.clone(), files.clone());
        Box::pin(async move { publish_claimed(transaction, &files, due).await })
    });
    done.await
}

async fn publish_claimed(transaction: &mut Transaction, files: &Files, due: Due) -> Result<bool> {
    if !claim(transaction, &due.subject).await? {
        return Ok(false);
    }
    let Schedule { note, acknowledge, .. } = due.schedule;
    let etag = Expected::Anything;
    match due.subject {
        Subject::Issue(name) => {
            let order = IssueOrder { name, etag, note, acknowledge, publish_time: None };
            publish::issue(transaction, files, &order).await?;
        }
        Subject::Article(id) => {
            let order = ArticleOrder { id, etag, note, publish_time: None };
            publish::article(transaction, files, &order).await?;
        }
    }
    Ok(true)
}

/// Locks what is due, unless another process has it.
async fn claim(transaction: &mut Transaction, subject: &Subject) -> Result<bool> {
    let now = transaction.now();
    match subject {
        Subject::Issue(id) => issue::store::claim(transaction.connection(), id, now).await,
        Subject::Article(id) => article::store::claim(transaction.connection(), *id, now).await,
    }
}

/// Shows on the resource and in its feed why it was not published; not if the
/// order was changed in the meantime.
async fn give_up(db: &Db, due: &Due, error: &Error) -> Result<bool> {
    let codes = match error {
        Error::NotPublishable { obstacles, .. } => {
            obstacles.iter().map(|obstacle| obstacle.code.to_owned()).collect()
        }
        _ => Default::default(),
    };
    let failure = Failure { time: Utc::now(), description: error.to_string(), codes };
    let work_due = due.clone();
    let done = db.write(due.operation(), move |transaction| {
        let (Due { subject, schedule: order }, failure) = (work_due.clone(), failure.clone());
        Box::pin(async move {
            match subject {
                Subject::Issue(id) => schedule::fail_issue(transaction, &id, &order, failure).await,
                Subject::Article(id) => schedule::fail_article(transaction, id, &order, failure).await,
            }
        })
    });
    done.await
}

fn describe_metrics() {
    metrics::describe_counter!(ORDERS, "Scheduled publications whose time came, by kind and outcome");
    metrics::describe_histogram!(
        LATENESS,
        metrics::Unit::Seconds,
        "How late scheduled publications went out"
    );
    // So that an alert on failures has something to look at before the first.
    for kind in ["issue", "article"] {
        for outcome in ["published", "failed", "retried"] {
            metrics::counter!(ORDERS, "kind" => kind, "outcome" => outcome).increment(0);
        }
    }
    let _ = metrics::histogram!(LATENESS);
}

fn count(subject: &Subject, outcome: &'static str) {
    let kind = match subject {
        Subject::Issue(_) => "issue",
        Subject::Article(_) => "article",
    };
    metrics::counter!(ORDERS, "kind" => kind, "outcome" => outcome).increment(1);
}

impl Due {
    /// Whether trying again would end the same way. What may be a passing fault
    /// is tried again for a while, a database that is away for ever.
    fn is_lost(&self, error: &Error) -> bool {
        match error {
            Error::DatabaseUnavailable(_) | Error::Busy | Error::DeadlineExceeded => false,
            Error::Database(_) | Error::File(_) | Error::PhotoStoreFull(_) => {
                Utc::now() - self.schedule.publish_time > config::SCHEDULE_RETRY_TIME_MAX
            }
            _ => true,
        }
    }

    fn operation(&self) -> Operation {
        Operation {
            caller: Principal::local(self.schedule.scheduler.clone(), Role::Publisher),
            method: match self.subject {
                Subject::Issue(_) => "PublishIssue",
                Subject::Article(_) => "PublishArticle",
            },
            request: None,
            validate_only: false,
        }
    }
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Subject::Issue(id) => issue::name(id),
            Subject::Article(id) => article::name(*id),
        }
    }
}
