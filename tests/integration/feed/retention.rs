//! What happens to a cursor when its history is swept, rolled back, or brought
//! into another cluster.

use masthead::{
    admin::Role,
    config::{FeedSettings, ServiceSettings},
    db::Db,
    import::desk::Desk,
    pb,
    photo::files::{Files, Location},
    server,
};
use sqlx::PgConnection;
use tonic::Code;

use super::{LedgerWatch, Watch, append, from, now, open, settled, table, told, write};
use crate::newsroom::{Newsroom, reason};

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.expect("a statement");
}

async fn count(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("a count")
}

/// Cursors behind each change so far, that of the beginning first.
async fn cursors(newsroom: &Newsroom, desk: &Desk) -> Vec<String> {
    let mut watch = Watch::open(desk, from("")).await.expect("a watch");
    let mut cursors = vec![String::new()];
    for _ in table(&mut newsroom.database.connect().await).await {
        watch.change().await;
        cursors.push(watch.cursor.clone());
    }
    cursors
}

/// Runs another server on the database for a moment: it sweeps when it starts.
async fn sweep(newsroom: &Newsroom, done: impl AsyncFn() -> bool) {
    let db = Db::open(newsroom.database.options(), 3);
    let files = Files::open(Location::Folder(newsroom.photo_folder())).await.expect("a photo store");
    let feeds = FeedSettings { change_retention_days: 30, ..Default::default() };
    let settings = ServiceSettings { feeds, ..Default::default() };
    let address = ([127, 0, 0, 1], 0).into();
    let server = server::start_with(address, db.clone(), files, settings).await.expect("a server");
    while !done().await {
        tokio::task::yield_now().await;
    }
    server.stop().await.expect("a clean stop");
    db.close().await;
}

#[tokio::test]
async fn a_cursor_from_before_the_retained_history_is_too_old_and_one_at_its_edge_is_not() {
    let (newsroom, editor) = open().await;
    let mut beside = newsroom.database.connect().await;
    append(&mut beside, "newspapers/old", 1_500).await;
    let old = count(&mut beside, "select count(*) from changes").await as usize;
    execute(&mut beside, "update changes set change_time = now() - interval '31 days'").await;
    write(&mut newsroom.desk(Role::Reporter).await, "新篇").await;
    let cursors = cursors(&newsroom, &editor).await;
    sweep(&newsroom, async || {
        let mut beside = newsroom.database.connect().await;
        count(&mut beside, "select count(*) from changes where change_time < now() - interval '30 days'")
            .await
            == 0
    })
    .await;

    let kept = table(&mut beside).await;
    assert_eq!(kept.len() + old, cursors.len() - 1, "what is young stays");
    for cursor in &cursors[1..old] {
        let status = Watch::open(&editor, from(cursor)).await.map(drop).expect_err("a refusal");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "CURSOR_TOO_OLD"));
    }
    let listing = pb::ListChangesRequest { cursor: cursors[1].clone(), ..Default::default() };
    let status = editor.clone().activity.list_changes(listing).await.expect_err("a refusal");
    assert_eq!(reason(&status), "CURSOR_TOO_OLD");
    let (_, end) = settled(&editor, "").await;
    // Behind the edge, nothing is missing; and the beginning is what is left.
    for cursor in [&cursors[0], &cursors[old]] {
        let mut watch = Watch::open(&editor, from(cursor)).await.expect("a watch");
        let rest: Vec<_> = watch.until(&end).await.iter().map(told).collect();
        assert_eq!(rest, kept);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_history_that_was_swept_away_to_the_end_is_gone_on_from() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let mut beside = newsroom.database.connect().await;
    execute(&mut beside, "update changes set change_time = now() - interval '31 days'").await;
    let (_, edge) = settled(&editor, "").await;
    sweep(&newsroom, async || {
        count(&mut newsroom.database.connect().await, "select count(*) from changes").await == 0
    })
    .await;
    let mut watch = Watch::open(&editor, from(&edge)).await.expect("a watch");
    watch.checkpoint().await;
    let mut now = now(&editor).await;
    assert_eq!(now.cursor, edge);
    let name = write(&mut reporter, "一篇").await;
    assert_eq!(watch.change().await.resource, name);
    assert_eq!(now.change().await.resource, name);
    newsroom.close().await;
}

#[tokio::test]
async fn watchers_ahead_of_a_rolled_back_database_are_ended_and_not_led_astray() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let mut watch = now(&editor).await;
    let kept = watch.cursor.clone();
    write(&mut reporter, "一篇").await;
    watch.change().await;
    let lost = watch.cursor.clone();
    // The last change never happened, and another one took its place.
    let mut beside = newsroom.database.connect().await;
    execute(
        &mut beside,
        "update changes set resource = 'photos/other', change_time = change_time - interval '1 second'
         where id = (select max(id) from changes)",
    )
    .await;
    let status = watch.end().await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "CURSOR_FOREIGN"));
    let status = Watch::open(&editor, from(&lost)).await.map(drop).expect_err("a refusal");
    assert_eq!(reason(&status), "CURSOR_FOREIGN");
    let mut watch = Watch::open(&editor, from(&kept)).await.expect("a watch");
    assert_eq!(watch.change().await.resource, "photos/other");
    newsroom.close().await;
}

async fn publish(newsroom: &Newsroom, issue: &pb::Issue) {
    let acknowledge = vec!["RUNNING_NUMBER".into()];
    let publish = pb::PublishIssueRequest { name: issue.name.clone(), acknowledge, ..Default::default() };
    newsroom.desk(Role::Publisher).await.issues.publish_issue(publish).await.expect("a publication");
}

#[tokio::test]
async fn watchers_of_a_rolled_back_ledger_are_ended_and_the_rest_of_it_is_good() {
    let (newsroom, _) = open().await;
    let reader = newsroom.desk(Role::Reader).await;
    let mut watch = LedgerWatch::from(&reader, "").await.expect("a watch");
    let mut cursors = Vec::new();
    for number in [1, 3] {
        let (issue, _) = newsroom.reviewed_issue(number).await;
        publish(&newsroom, &issue).await;
        watch.publication().await;
        cursors.push(watch.cursor.clone());
    }
    let mut beside = newsroom.database.connect().await;
    execute(
        &mut beside,
        "begin; set local session_replication_role = replica;
         delete from published_issues where publication = 2;
         delete from snapshots where publication = 2;
         delete from publications where sequence = 2;
         update ledger_head set sequence = 1, hash = (select hash from publications where sequence = 1);
         commit",
    )
    .await;
    let status = watch.end().await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "CURSOR_FOREIGN"));
    let mut watch = LedgerWatch::from(&reader, &cursors[0]).await.expect("a watch");
    let (issue, _) = newsroom.reviewed_issue(2).await;
    publish(&newsroom, &issue).await;
    let published = watch.publication().await;
    assert_eq!((published.sequence, published.resource), (2, issue.name));
    // The number is there again, the entry is another one.
    let status = LedgerWatch::from(&reader, &cursors[1]).await.map(drop).expect_err("a refusal");
    assert_eq!(reason(&status), "CURSOR_FOREIGN");
    newsroom.close().await;
}

#[tokio::test]
async fn changes_that_come_from_another_cluster_hold_up_nobody() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    write(&mut reporter, "旧机器上的一篇").await;
    let cursors = cursors(&newsroom, &editor).await;
    let mut watch = Watch::open(&editor, from(&cursors[1])).await.expect("a watch");
    watch.change().await;
    let mut beside = newsroom.database.connect().await;
    // As a dump brings them: ids of transactions that are not reached here for long.
    execute(
        &mut beside,
        "update changes set transaction = (transaction::text::bigint + 1000000000000)::text::xid8 where id > 2",
    )
    .await;
    execute(
        &mut beside,
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'masthead feed' and datname = current_database()",
    )
    .await;
    let status = watch.end().await;
    assert_eq!(reason(&status), "CURSOR_FOREIGN");
    let name = write(&mut reporter, "新机器上的一篇").await;
    let mut watch = Watch::open(&editor, from("")).await.expect("a watch");
    let by_number: Vec<String> = sqlx::query_scalar("select resource from changes order by id")
        .fetch_all(&mut beside)
        .await
        .expect("rows");
    for expected in by_number {
        assert_eq!(watch.change().await.resource, expected);
        if expected == name {
            break;
        }
    }
    let status = Watch::open(&editor, from(&cursors[1])).await.map(drop).expect_err("a refusal");
    assert_eq!(reason(&status), "CURSOR_FOREIGN");
    newsroom.close().await;
}
