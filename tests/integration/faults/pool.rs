//! A pool that is full, and who gets through all the same.

use std::time::Duration;

use masthead::{admin::Role, config::DatabaseSettings, db::Db, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{assert_try_again, get, update};
use crate::newsroom::{Database, Newsroom, reason};

/// Calls at once: more than there are connections.
const CALLS: usize = 8;

/// Four connections, of which reads and writes may have three each.
fn few() -> DatabaseSettings {
    DatabaseSettings { wait_ms: 500, lock_seconds_max: 3, ..DatabaseSettings::with_connections(4) }
}

async fn open(settings: DatabaseSettings) -> Newsroom {
    let database = Database::create().await;
    let db = Db::with(database.options(), &settings);
    let room = Newsroom::serving(database, db).await;
    room.newspaper(1).await;
    room
}

/// Whether this many statements wait for a lock, looked at from beside.
async fn until_waiting(beside: &mut sqlx::PgConnection, expected: i64) {
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *beside)
        .await
        .expect("the sessions");
        if waiting == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn assert_busy(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::Unavailable, "RESOURCE_BUSY"), "{status:?}");
    let retry = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| delay > Duration::ZERO), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_stuck_leave_connections_to_reads_and_are_told_to_come_again() {
    let room = open(few()).await;
    let article = room.article("一次演练").await;
    let other = room.article("另一篇").await;
    let mut reporter = room.desk(Role::Reporter).await;
    let (mut holder, mut beside) = (room.database.connect().await, room.database.connect().await);
    sqlx::raw_sql("begin; select 1 from articles for update").execute(&mut holder).await.expect("a lock");
    let writes = (0..CALLS).map(|write| {
        let (mut desk, save) = (reporter.clone(), update(&article, &format!("第{write}稿")));
        tokio::spawn(async move { desk.articles.update_article(save).await })
    });
    let writes: Vec<_> = writes.collect();
    until_waiting(&mut beside, 3).await;
    for _ in 0..20 {
        assert_eq!(get(&mut reporter, &other.name).await, other, "reads go on");
    }
    let (mut busy, mut full) = (0, 0);
    for write in writes {
        let refusal = write.await.expect("no panic").expect_err("the article is held");
        if reason(&refusal) == "RESOURCE_BUSY" {
            assert_busy(&refusal);
            busy += 1;
        } else {
            assert_try_again(&refusal);
            full += 1;
        }
    }
    assert_eq!((busy, full), (3, CALLS - 3), "as many as may write wait for the lock, the others for them");
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("no lock");
    let saved = reporter.articles.update_article(update(&article, "改了一稿")).await.expect("a save");
    assert_eq!(saved.into_inner().revision, article.revision + 1, "none of the others was kept");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_stuck_leave_connections_to_writes() {
    let room = open(DatabaseSettings { lock_seconds_max: 30, ..few() }).await;
    let article = room.article("一次演练").await;
    let mut reporter = room.desk(Role::Reporter).await;
    let (mut holder, mut beside) = (room.database.connect().await, room.database.connect().await);
    let hold = "begin; lock table reporters in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    let reads = (0..CALLS).map(|_| {
        let mut desk = reporter.clone();
        tokio::spawn(async move { desk.reporters.list_reporters(pb::ListReportersRequest::default()).await })
    });
    let reads: Vec<_> = reads.collect();
    until_waiting(&mut beside, 3).await;
    let mut current = article;
    for round in 0..5 {
        let save = update(&current, &format!("第{round}稿"));
        current = reporter.articles.update_article(save).await.expect("writes go on").into_inner();
    }
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("no lock");
    let mut full = 0;
    for read in reads {
        if let Err(refusal) = read.await.expect("no panic") {
            assert_try_again(&refusal);
            full += 1;
        }
    }
    assert!(full <= CALLS - 3, "{full}: those that waited for the lock are answered");
    room.close().await;
}
