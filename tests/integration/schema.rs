//! Bringing the schema up: once, however many try at a time; and how a server gets on
//! with the schema of another version.

use std::{fs, path::Path, process::Stdio, time::Duration};

use masthead::admin::Role;
use sqlx::{ConnectOptions, PgConnection};
use tempfile::TempDir;

use crate::{
    command::{Serving, data_dir, masthead},
    newsroom::{Database, Newsroom},
};

/// The newest migration that the first release brought.
const FIRST_RELEASE: i64 = 28;

/// What takes something away from programs that know the schema as it was, or demands
/// of them what they do not give.
const TAKING: [&str; 10] = [
    "drop table",
    "drop column",
    "drop function",
    "drop type",
    "drop view",
    "rename to",
    "rename column",
    "rename value",
    "set not null",
    "alter column",
];

fn url(database: &Database) -> String {
    database.options().to_url_lossy().to_string()
}

/// Gives a database the mark of a migration of a later version.
async fn mark(connection: &mut PgConnection, version: i64) {
    let row = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
               values ($1, 'of a later version', true, '', 0)";
    sqlx::query(row).bind(version).execute(connection).await.expect("a mark");
}

#[test]
fn eight_processes_that_migrate_one_empty_database_at_once_all_succeed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(Database::create_empty());
    let processes: Vec<_> = (0..8)
        .map(|_| {
            let mut command = masthead();
            command.args(["migrate", "--database-url", &url(&database)]).stderr(Stdio::piped());
            command.spawn().expect("a process")
        })
        .collect();
    for process in processes {
        let output = process.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    runtime.block_on(async {
        let mut connection = database.connect().await;
        let applied: Vec<i64> =
            sqlx::query_scalar("select version from _sqlx_migrations where success order by 1")
                .fetch_all(&mut connection)
                .await
                .expect("migrations");
        assert_eq!(applied, masthead::db::schema::known(), "each once");
        drop(connection);
        database.remove().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_works_beside_the_release_after_it_on_its_schema() {
    let database = Database::create().await;
    let mut connection = database.connect().await;
    // What a release may do to the one before it.
    sqlx::raw_sql(
        "alter table articles add column rating integer not null default 0;
         alter table publications add column channel text;
         alter table changes add column batch bigint;
         create table ratings (article uuid primary key references articles (id), stars smallint not null);
         create index articles_by_rating on articles (rating, id)",
    )
    .execute(&mut connection)
    .await
    .expect("a later schema");
    mark(&mut connection, 9_001).await;
    let data = data_dir();
    let serving = Serving::start_with(data.path(), &["--database-url", &url(&database)]);
    let said = serving.killed();
    assert!(said.contains("later=9001"), "it says so: {said}");
    assert_eq!(said.matches("9001").count(), 1, "once: {said}");

    let room = Newsroom::on_restored(database, TempDir::new().expect("a folder")).await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    room.photo("照片").await;
    let mut operator = room.desk(Role::Operator).await;
    assert_eq!(crate::verifying::verify(&mut operator).await.checked_count, 1);
    drop((operator, connection));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_a_schema_that_is_too_new_for_it() {
    let database = Database::create().await;
    let mut connection = database.connect().await;
    mark(&mut connection, 9_001).await;
    sqlx::query("update schema_support set oldest_migration = 9000")
        .execute(&mut connection)
        .await
        .expect("a row");
    let data = data_dir();
    for task in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"], &["serve", "--skip-migrations"]] {
        let mut command = masthead();
        command.args(task).args(["--database-url", &url(&database), "--data-dir"]).arg(data.path());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
        let output = output.expect("a run of the command");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("migration 9001") && said.contains("run a later version"), "{task:?}: {said}");
    }
    drop(connection);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_skips_migrations_waits_until_somebody_has_migrated() {
    let database = Database::create_empty().await;
    let (data, at) = (data_dir(), url(&database));
    let (folder, flags) = (data.path().to_owned(), at.clone());
    let starting = tokio::task::spawn_blocking(move || {
        Serving::start_with(&folder, &["--database-url", &flags, "--skip-migrations"])
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!starting.is_finished(), "it does not serve yet");
    let mut connection = database.connect().await;
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut connection).await.expect("a count"), 0);
    let migrated =
        masthead().args(["migrate", "--database-url", &at]).output().expect("a run of the command");
    assert!(migrated.status.success());
    let said = starting.await.expect("a server").killed();
    assert!(said.contains("waiting for `masthead migrate`"), "{said}");
    drop(connection);
    database.remove().await;
}

/// Whether a migration may stand beside servers of the release before.
fn takes_away_unannounced(migration: &str) -> Option<&'static str> {
    let code: Vec<&str> = migration.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let announced = code.contains("update schema_support set oldest_migration");
    TAKING.into_iter().find(|words| code.contains(words)).filter(|_| !announced)
}

#[test]
fn a_migration_that_takes_something_away_says_which_programs_it_takes_it_from() {
    assert_eq!(takes_away_unannounced("alter table articles\n  drop  column kicker;"), Some("drop column"));
    assert_eq!(takes_away_unannounced("-- no drop table here\nalter table a add column b text;"), None);
    let announced = "alter table a drop column b; update schema_support set oldest_migration = 40;";
    assert_eq!(takes_away_unannounced(announced), None);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("migrations") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let number: i64 = name.split('_').next().expect("a number").parse().expect("a number");
        seen += 1;
        if number > FIRST_RELEASE {
            let found = takes_away_unannounced(&fs::read_to_string(&path).expect("a migration"));
            assert_eq!(found, None, "{name}: see 0027_schema_support.sql");
        }
    }
    assert_eq!(seen, masthead::db::schema::known().len());
}
