//! The time of a call passes: its work stops, what was not committed is not
//! kept, and what was is answered.

use std::time::Duration;

use masthead::{
    admin::Role,
    config::{DatabaseSettings, RequestSettings, ServiceSettings},
    db::Db,
    pb,
};
use sqlx::PgConnection;
use tonic::{Code, Request, Status};

use super::{STATEMENTS_MAX, get, revisions, update};
use crate::{
    concurrency::until_quiet,
    newsroom::{Database, Newsroom, reason},
    proxy::{Fault, Proxy},
};

/// Time for Postgres to notice that nobody listens any more; a statement may take
/// 30 s.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(10);

/// A newsroom that gives a call one second, behind a proxy.
async fn open() -> (Newsroom, Proxy) {
    let proxy = Proxy::start().await;
    let database = Database::create().await;
    let db = Db::with(proxy.options(&database), &DatabaseSettings::with_connections(8));
    let requests = RequestSettings { request_seconds_max: 1 };
    let room = Newsroom::with(database, db, ServiceSettings { requests, ..Default::default() }).await;
    room.newspaper(1).await;
    (room, proxy)
}

fn assert_over(status: &Status) {
    let said = (status.code(), reason(status));
    assert_eq!(said, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()), "{status:?}");
}

/// Waits until no statement waits for a lock any more.
async fn until_nothing_waits(beside: &mut PgConnection) {
    let look = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&mut *beside)
            .await
            .expect("the sessions");
            if waiting == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(NOTICE_TIME_MAX, look).await.expect("an end of what nobody waits for");
}

/// A session that keeps everyone from the reporters.
async fn hold_reporters(room: &Newsroom) -> PgConnection {
    let mut holder = room.database.connect().await;
    let hold = "begin; lock table reporters in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_takes_too_long_is_told_so_and_ends_in_the_database_too() {
    let (room, _proxy) = open().await;
    let mut editor = room.desk(Role::Editor).await;
    let (mut beside, _holder) = (room.database.connect().await, hold_reporters(&room).await);
    let list = pb::ListReportersRequest::default();
    assert_over(&editor.reporters.list_reporters(list.clone()).await.expect_err("nobody lets it through"));
    until_nothing_waits(&mut beside).await;
    // The caller's own time, where that is shorter: its client may be the first to say so.
    let mut hurried = Request::new(list);
    hurried.set_timeout(Duration::from_millis(300));
    let begin = std::time::Instant::now();
    editor.reporters.list_reporters(hurried).await.expect_err("nobody lets it through");
    assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
    until_nothing_waits(&mut beside).await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_no_statement_behind() {
    let (room, _proxy) = open().await;
    let editor = room.desk(Role::Editor).await;
    let (mut beside, _holder) = (room.database.connect().await, hold_reporters(&room).await);
    let calls = (0..3).map(|_| {
        let mut editor = editor.clone();
        tokio::spawn(
            async move { editor.reporters.list_reporters(pb::ListReportersRequest::default()).await },
        )
    });
    let calls: Vec<_> = calls.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    until_nothing_waits(&mut beside).await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_time_passes_at_any_statement_is_undone_or_if_it_was_committed_answered() {
    let (room, proxy) = open().await;
    let mut reporter = room.desk(Role::Reporter).await;
    let mut current = room.article("一次演练").await;
    let mut beside = room.database.connect().await;
    let mut answered_late = 0;
    for statement in 1..=STATEMENTS_MAX {
        let save = update(&current, &format!("第{statement}稿"));
        proxy.plan(statement, Fault::Hold);
        let mut writer = reporter.clone();
        let call = writer.articles.update_article(save);
        let mut call = std::pin::pin!(call);
        let answer = tokio::select! {
            answer = &mut call => answer,
            // Past the second that a call has.
            () = tokio::time::sleep(Duration::from_millis(1_500)) => {
                answered_late += 1;
                proxy.release();
                call.await
            }
        };
        let was_held = proxy.call_off();
        proxy.release();
        until_quiet(&mut beside).await;
        match answer {
            Ok(saved) => current = saved.into_inner(),
            Err(status) => assert_over(&status),
        }
        let stored = get(&mut reporter, &current.name).await;
        assert_eq!(stored, current, "statement {statement}: what was told is what is there");
        let kept = revisions(&mut reporter, &current).await.len();
        assert_eq!(kept, current.revision as usize, "statement {statement}");
        if !was_held {
            println!("a save ran out of time at each of {} statements", statement - 1);
            assert!(statement > 10, "{statement}: the call opens, locks, writes and commits");
            assert_eq!(answered_late, 1, "only the commit is waited for");
            room.close().await;
            return;
        }
    }
    panic!("a save has more than {STATEMENTS_MAX} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_last_longer_than_calls_may() {
    let (room, _proxy) = open().await;
    let mut editor = room.desk(Role::Editor).await;
    let watch = pb::WatchChangesRequest { from_now: true, ..Default::default() };
    let mut changes = editor.activity.watch_changes(watch).await.expect("a watch").into_inner();
    changes.message().await.expect("a message").expect("a checkpoint");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    room.article("一次演练").await;
    changes.message().await.expect("a message").expect("a change");
    room.close().await;
}
