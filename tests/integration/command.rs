//! The `masthead` command, run as people run it.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use masthead::{import::desk::Desk, pb};
use tempfile::TempDir;

/// The program as the tests have built it, or the one that `MASTHEAD_TEST_PROGRAM` names,
/// such as one that is optimised.
pub fn masthead() -> Command {
    let program = std::env::var_os("MASTHEAD_TEST_PROGRAM");
    let mut command = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_masthead").into()));
    for setting in
        ["MASTHEAD_LISTEN", "MASTHEAD_DATA_DIR", "MASTHEAD_DATABASE_URL", "MASTHEAD_TOKEN", "RUST_LOG"]
    {
        command.env_remove(setting);
    }
    command
}

pub fn run(command: &mut Command) -> Output {
    command.output().expect("a run of the command")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A folder for data that the embedded Postgres can pass as another user.
pub fn data_dir() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("an open folder");
    folder
}

/// A token for a person who is called as the role is.
pub fn token(data: &Path, role: &str) -> String {
    let mut create = masthead();
    create.args(["token", "create", "--name", role, "--role", role, "--data-dir"]).arg(data);
    text(&run(&mut create).stdout).trim().to_owned()
}

/// The text of the real front page, which is not part of the repository.
fn real_page() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/input/fuqing-qiaoxiang-2023-04-21.txt");
    if !path.exists() {
        eprintln!("SKIPPED: the text of the real front page is not at {}", path.display());
        return None;
    }
    Some(path)
}

/// A serving process; killed when dropped.
pub struct Serving {
    process: Child,
    address: String,
    log: JoinHandle<String>,
}

impl Serving {
    fn start(data: &Path) -> Serving {
        Serving::start_with(data, &[])
    }

    /// Starts one with more flags.
    pub fn start_with(data: &Path, flags: &[&str]) -> Serving {
        Serving::start_in(data, flags, &[])
    }

    /// Starts one with more flags and settings in its environment.
    pub fn start_in(data: &Path, flags: &[&str], settings: &[(&str, &str)]) -> Serving {
        Serving::listening("127.0.0.1:0", data, flags, settings)
    }

    /// Starts one that listens at an address.
    pub fn listening(address: &str, data: &Path, flags: &[&str], settings: &[(&str, &str)]) -> Serving {
        let mut command = masthead();
        command.envs(settings.iter().copied()).args(["serve", "--listen", address, "--data-dir"]);
        command.arg(data).args(flags);
        Serving::of(command)
    }

    /// Starts one by a command that becomes it.
    pub fn of(mut command: Command) -> Serving {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("a server");
        let lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let (give, take) = std::sync::mpsc::channel();
        // The log is read to its end, so that the server never waits for us.
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            for line in lines.map_while(Result::ok) {
                log = log + &line + "\n";
                if let Some((_, address)) = line.split_once("serving address=") {
                    let _ = give.send(format!("http://{}", address.trim()));
                }
            }
            log
        });
        let address = take.recv().expect("the server says where it listens");
        Serving { process, address, log }
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once; what it has logged.
    pub fn killed(mut self) -> String {
        self.process.kill().expect("an end");
        self.process.wait().expect("an end");
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        log.join().expect("its log")
    }

    /// Sends it SIGTERM.
    pub fn signal(&self) {
        let done = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(done.expect("kill").success());
    }

    /// Ends it as an operator does, which must be a clean end; all that it logged.
    pub fn terminate(self) -> String {
        self.signal();
        self.ended()
    }

    /// Waits for its end, which must be a clean one; its log.
    pub fn ended(mut self) -> String {
        let status = self.process.wait().expect("an end");
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        let log = log.join().expect("its log");
        assert!(status.success(), "SIGTERM is a clean end, not {status}: {log}");
        log
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // What a test that fails could not see from outside. What the server has started
        // itself may hold the log open for longer.
        let end = Instant::now() + Duration::from_secs(2);
        while std::thread::panicking() && !self.log.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        if std::thread::panicking() && self.log.is_finished() {
            let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
            let log = log.join().unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server logged at last:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

#[test]
fn the_demo_does_the_whole_job_on_its_own_page() {
    let output = run(masthead().args(["demo", "--exit", "--listen", "127.0.0.1:0"]));
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    for expected in [
        "Nothing is left over",
        "青 屿 日 报",
        "2023年4月21日  星期五  农历癸卯年三月初二",
        "■记者 林知远 陈小满",
        "图为小朋友在传承人的指导下学习制作漆扇。",
        "许望舒 沈行舟 摄",
        "publications/1",
        "acknowledged PAGE_COUNT",
    ] {
        assert!(printed.contains(expected), "{expected} is not in:\n{printed}");
    }
    assert!(said.contains("stand-in picture"), "{said}");
    assert!(said.contains("preflight finds 1 thing") && said.contains("error PAGE_COUNT"), "{said}");
    assert!(!printed.contains('\u{1b}'), "colours only on a terminal");
}

#[test]
fn the_demo_does_the_whole_job_on_the_real_front_page() {
    let Some(page) = real_page() else { return };
    let output = run(masthead().args(["demo", "--exit", "--listen", "127.0.0.1:0", "--page"]).arg(page));
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for expected in [
        "福 清 僑 鄉 報",
        "总编辑: 吴凌峰  CN-35(Q)第0001号  第4150期  今日4版",
        "新闻热线: 85501111",
        "■据《福州日报》",
        "高晶晶 洪婷婷 摄",
        "acknowledged PAGE_COUNT",
    ] {
        assert!(printed.contains(expected), "{expected} is not in:\n{printed}");
    }
}

#[test]
fn a_demo_that_keeps_its_data_can_be_shown_again() {
    let data = data_dir();
    let show = || {
        let output = run(masthead()
            .args(["demo", "--exit", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path()));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(show().contains("publications/1"));
    let again = show();
    assert!(again.contains("Nothing was created"), "{again}");
    assert!(again.contains("publications/1"), "{again}");
}

#[tokio::test]
async fn a_first_start_leaves_an_operators_token_that_only_its_owner_can_read() {
    let data = data_dir();
    let server = Serving::start(data.path());
    let path = data.path().join("operator.token");
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&path).expect("a token");
    let mut desk = Desk::connect(&server.address, &token).await.expect("a desk");
    desk.newspapers.list_newspapers(pb::ListNewspapersRequest::default()).await.expect("an operator's call");
    // A client that does not take part in the end would be waited for.
    drop(desk);
    let first_log = server.terminate();

    let before = fs::read_to_string(&path).expect("a token");
    let server = Serving::start(data.path());
    assert_eq!(fs::read_to_string(&path).expect("a token"), before, "a second start makes no other token");
    for log in [first_log, server.terminate()] {
        assert!(!log.contains("WARN"), "nothing is amiss: {log}");
    }
}

#[tokio::test]
async fn tokens_are_made_beside_a_running_server_and_printed_alone() {
    let data = data_dir();
    let server = Serving::start(data.path());
    let output = run(masthead()
        .args(["token", "create", "--name", "林晓", "--role", "reader", "--data-dir"])
        .arg(data.path()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let token = text(&output.stdout);
    assert_eq!(token.lines().count(), 1);
    let mut desk = Desk::connect(&server.address, &token).await.expect("a desk");
    let list = pb::ListPublicationsRequest::default();
    desk.publications.list_publications(list).await.expect("a reader's call");
    let refused = desk.articles.list_articles(pb::ListArticlesRequest::default()).await;
    assert_eq!(refused.expect_err("a refusal").code(), tonic::Code::PermissionDenied);
    server.terminate();
}

#[test]
fn a_page_is_imported_once_however_often_it_is_sent() {
    let data = data_dir();
    let server = Serving::start(data.path());
    let output = run(masthead()
        .args(["token", "create", "--name", "周砚", "--role", "publisher", "--data-dir"])
        .arg(data.path()));
    let token = text(&output.stdout).trim().to_owned();
    let import = || {
        let output = run(masthead()
            .args(["import", "page", "examples/front-page.txt", "--address", &server.address])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("MASTHEAD_TOKEN", &token));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(import().contains("resources were created, all of them drafts"));
    assert!(import().contains("Nothing was created"));
    server.terminate();
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let cases: [(&[&str], &str); 5] = [
        (&["import", "page", "/nowhere.txt", "--token", "x"], "/nowhere.txt cannot be read"),
        (
            &["import", "page", "Cargo.toml", "--token", "x", "--address", "nonsense"],
            "http://127.0.0.1:50051",
        ),
        (
            &["import", "page", "Cargo.toml", "--token", "x", "--address", "http://127.0.0.1:1"],
            "is it running?",
        ),
        (&["migrate", "--database-url", "nonsense"], "postgres://USER"),
        (&["serve", "--revisions-kept", "0"], "0 is not in 1.."),
    ];
    for (arguments, expected) in cases {
        let output = run(masthead().args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")));
        let said = text(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains(expected), "{arguments:?} says {said}");
        assert!(output.stdout.is_empty(), "results only on standard output");
    }
}

#[test]
fn every_flag_of_serve_is_explained_with_its_default() {
    let help = text(&run(masthead().args(["serve", "--help"])).stdout);
    for word in [
        "--listen",
        "MASTHEAD_LISTEN",
        "127.0.0.1:50051",
        "--data-dir",
        "MASTHEAD_DATA_DIR",
        "--database-url",
        "--metrics-listen",
        "--revisions-kept",
        "[default: 500]",
        "--tls-certificate",
        "--insecure-listen",
        "MASTHEAD_CONNECTIONS_MAX",
        "[default: 10000]",
        "--drain-seconds",
    ] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
}
