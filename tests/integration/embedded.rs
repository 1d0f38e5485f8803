//! The embedded Postgres: what it promises to the quick start, to the operator beside it, and after a crash.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use masthead::embedded::{Embedded, Error, Settings, attach, start};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A folder for data. As root the server runs under another account, which must be able to pass.
pub fn data_dir() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("an open folder");
    folder
}

pub async fn start_in(folder: &Path) -> Embedded {
    start(&Settings::durable(folder)).await.expect("a server")
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.expect("a connection")
}

async fn execute(options: &PgConnectOptions, statement: &'static str) {
    sqlx::query(statement).execute(&mut connect(options).await).await.expect("an executed statement");
}

async fn text(options: &PgConnectOptions, query: &'static str) -> String {
    sqlx::query_scalar(query).fetch_one(&mut connect(options).await).await.expect("an answer")
}

pub fn kill(process_id: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -KILL {process_id}")]).status();
    assert!(status.expect("a shell").success(), "process {process_id} is there to be killed");
}

/// Whether a process runs; one that is dead and waits to be reaped does not.
fn runs(process_id: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn data_are_there_after_a_clean_stop_and_a_new_start() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    execute(&server.options(), "CREATE TABLE note AS SELECT '报纸' AS content").await;
    server.stop().await.expect("a clean stop");

    let server = start_in(folder.path()).await;
    assert_eq!(text(&server.options(), "SELECT content FROM note").await, "报纸");
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn data_to_keep_are_held_durably_and_in_utf8() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    for (query, expected) in [
        ("SELECT current_setting('fsync')", "on"),
        ("SELECT current_setting('synchronous_commit')", "on"),
        ("SELECT current_setting('full_page_writes')", "on"),
        ("SELECT current_setting('data_checksums')", "on"),
        ("SELECT current_setting('server_encoding')", "UTF8"),
        ("SELECT current_setting('listen_addresses')", ""),
        ("SELECT current_database()::text", "masthead"),
    ] {
        assert_eq!(text(&server.options(), query).await, expected, "{query}");
    }
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_the_first_one_is() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    let refused = start(&Settings::durable(folder.path())).await.expect_err("one owner at a time");
    assert!(matches!(refused, Error::Owned { owner: Some(id), .. } if id == std::process::id()), "{refused}");
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_running_server_can_be_attached_to_and_a_stopped_one_cannot() {
    let folder = data_dir();
    assert!(attach(folder.path()).await.expect("an answer").is_none(), "nothing was ever started");
    let server = start_in(folder.path()).await;
    execute(&server.options(), "CREATE TABLE note AS SELECT 'seen' AS content").await;
    let options = attach(folder.path()).await.expect("an answer").expect("a running server");
    assert_eq!(text(&options, "SELECT content FROM note").await, "seen");
    server.stop().await.expect("a clean stop");
    assert!(attach(folder.path()).await.expect("an answer").is_none(), "it was stopped");
}

#[tokio::test]
async fn nobody_gets_in_without_the_password_nor_to_it() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    let refused = PgConnection::connect_with(&server.options().password("guessed"))
        .await
        .expect_err("a wrong password");
    let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
    assert_eq!(code.as_deref(), Some("28P01"), "{refused}");

    let mode = |name: &str| fs::metadata(folder.path().join(name)).expect("its facts").mode() & 0o777;
    assert_eq!(mode("postgres/password"), 0o600);
    assert_eq!(mode("postgres/socket") & 0o077, 0);
    assert_eq!(mode("postgres") & 0o007, 0);
    let url: PgConnectOptions = server.url().parse().expect("a URL");
    assert_eq!(text(&url, "SELECT current_user::text").await, "masthead");
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_the_next_start_recovers() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    execute(&server.options(), "CREATE TABLE note AS SELECT 'committed' AS content").await;
    kill(server.process_id());
    let ended =
        tokio::time::timeout(Duration::from_secs(5), server.ended()).await.expect("the end is noticed");
    assert!(matches!(ended, Error::Ended { .. }), "{ended}");
    assert!(
        attach(folder.path()).await.expect("an answer").is_none(),
        "what it left does not count as running"
    );
    server.stop().await.expect_err("it had ended before");

    let server = start_in(folder.path()).await;
    assert_eq!(text(&server.options(), "SELECT content FROM note").await, "committed");
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_dropped_server_ends_and_the_next_start_waits_for_that() {
    let folder = data_dir();
    let server = start_in(folder.path()).await;
    let first = server.process_id();
    drop(server);
    let server = start_in(folder.path()).await;
    assert!(!runs(first), "two servers on one cluster");
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn no_server_outlives_a_killed_owner_and_the_next_start_waits_for_its_end() {
    let folder = data_dir();
    let mut owner = Owner::of(folder.path(), &[]);
    let orphan = owner.server_id();
    owner.kill();
    let server = start_in(folder.path()).await;
    assert!(!runs(orphan), "two servers on one cluster");
    server.stop().await.expect("a clean stop");

    // Nobody starts another one here: the kernel alone has it end.
    let mut owner = Owner::of(folder.path(), &[]);
    let orphan = owner.server_id();
    owner.kill();
    let deadline = Instant::now() + Duration::from_secs(10);
    while runs(orphan) {
        assert!(Instant::now() < deadline, "process {orphan} still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_owner_and_its_server_killed_together_leave_nothing_that_stops_the_next_start() {
    let folder = data_dir();
    let mut owner = Owner::of(folder.path(), &[]);
    kill(owner.server_id());
    owner.kill();
    let server = start_in(folder.path()).await;
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_named_postgres_that_is_none_is_an_error_and_nothing_else_is_tried() {
    let folder = data_dir();
    let mut owner = Owner::of(folder.path(), &[("MASTHEAD_PG_BIN", "/no/such/folder")]);
    let answer = owner.said();
    owner.process.wait().expect("its end");
    assert!(
        answer.starts_with("MASTHEAD_PG_BIN names /no/such/folder, but it holds no program `initdb`"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let folder = data_dir();
    let partial = folder.path().join("postgres/cluster.partial/base");
    fs::create_dir_all(&partial).expect("a folder");
    fs::write(partial.join("1"), "half").expect("a file");
    let server = start_in(folder.path()).await;
    server.stop().await.expect("a clean stop");
    assert!(!partial.exists());
}

#[tokio::test]
async fn a_data_directory_too_deep_for_a_socket_path_works() {
    let folder = data_dir();
    let deep = folder.path().join("深".repeat(40)).join("a, \"quoted\" name");
    fs::create_dir_all(&deep).expect("a deep folder");
    let server = start_in(&deep).await;
    let socket_folder = server.options().get_socket().expect("a socket").clone();
    assert!(!socket_folder.starts_with(&deep));
    assert!(attach(&deep).await.expect("an answer").is_some());
    server.stop().await.expect("a clean stop");
    assert!(!socket_folder.exists(), "a stopped server leaves nothing behind");
}

#[tokio::test]
async fn a_throw_away_server_takes_tcp_connections_and_leaves_nothing_behind() {
    let settings = Settings { tcp: true, ..Settings::throw_away() };
    let server = start(&settings).await.expect("a server");
    let host =
        PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.tcp_port().expect("a port"));
    // The password is the last part of the URL before the host.
    let url = server.url();
    let (role, password) = url
        .trim_start_matches("postgresql://")
        .split('@')
        .next()
        .and_then(|part| part.split_once(':'))
        .expect("both");
    let tcp = host.username(role).password(password).database("postgres");
    assert_eq!(text(&tcp, "SELECT current_setting('fsync')").await, "off");
    assert_eq!(text(&tcp, "SELECT current_setting('max_connections')").await, "200");

    let socket_folder: PathBuf = server.options().get_socket().expect("a socket").clone();
    let process_id = server.process_id();
    server.stop().await.expect("a stop");
    assert!(!runs(process_id));
    assert!(!socket_folder.parent().is_some_and(Path::exists), "a stopped server leaves nothing behind");
}

#[tokio::test]
async fn a_data_directory_that_is_closed_to_the_servers_account_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("a closed folder");
    if fs::metadata(folder.path()).expect("its facts").uid() != 0 {
        return; // Only root's server runs under an account of its own.
    }
    let refused = start(&Settings::durable(folder.path().join("data"))).await.expect_err("a closed folder");
    assert!(matches!(&refused, Error::Barred { barred, .. } if barred == folder.path()), "{refused}");
}

/// This very program as another process, which runs [`own_until_killed`].
struct Owner {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Owner {
    fn of(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["embedded::own_until_killed", "--exact", "--ignored", "--nocapture"])
            .env("MASTHEAD_TEST_OWNED_FOLDER", folder)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        Self { process, output }
    }

    fn server_id(&mut self) -> u32 {
        self.said().parse().expect("the id of its server")
    }

    /// Its server's id, or why it has none.
    fn said(&mut self) -> String {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| Some(line.split_once("owner says: ")?.1.to_owned())).expect("what it says")
    }

    fn kill(&mut self) {
        self.process.kill().expect("a killed owner");
        self.process.wait().expect("its end");
    }
}

#[tokio::test]
#[ignore = "the other process of the tests that kill an owner; does nothing by itself"]
async fn own_until_killed() {
    let Some(folder) = std::env::var_os("MASTHEAD_TEST_OWNED_FOLDER") else { return };
    match start(&Settings::durable(folder)).await {
        Ok(server) => {
            println!("owner says: {}", server.process_id());
            // The end of input is the end of the test that started us, should it fail to kill us.
            let _ = std::io::stdin().lines().next();
            drop(server);
        }
        Err(error) => println!("owner says: {error}"),
    }
}
