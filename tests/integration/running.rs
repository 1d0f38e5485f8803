//! What operators run it with: the container and compose files say what the program
//! knows, and two servers behind the balancer of `ops/` answer on when one dies.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use masthead::{import::desk::Desk, pb};
use sqlx::ConnectOptions;
use tonic::{Code, Status};

use crate::{
    command::{Serving, data_dir, masthead},
    newsroom::Database,
    proxy::Proxy,
};

/// Flags that are announced in these files and that this version has.
fn known_settings() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for task in ["serve", "migrate", "backup"] {
        let help = masthead().args([task, "--help"]).output().expect("help").stdout;
        known.extend(settings_in(&String::from_utf8_lossy(&help)));
    }
    known
}

/// The names of settings that a text mentions.
fn settings_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !sign.is_ascii_uppercase() && !sign.is_ascii_digit() && sign != '_');
    words.filter(|word| word.starts_with("MASTHEAD_")).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
}

#[test]
fn every_setting_in_the_files_for_operators_is_one_that_the_program_has() {
    let known = known_settings();
    for file in ["Containerfile", "compose.yaml", "ops/masthead.service", "ops/masthead-backup.service"] {
        let named = settings_in(&read(file));
        assert!(!named.is_empty(), "{file}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} sets {unknown:?}");
    }
}

#[test]
fn the_compose_file_is_what_compose_reads() {
    let parsed = serde_yaml_ng::from_str::<serde_json::Value>(&read("compose.yaml")).expect("YAML");
    let services = parsed["services"].as_object().expect("services");
    for (name, service) in services {
        let server = &service["<<"];
        assert!(service["image"].is_string() || server["image"].is_string(), "{name} has an image");
        let needed = [&service["depends_on"], &server["depends_on"]];
        for needed in needed.into_iter().flat_map(|needed| match needed {
            serde_json::Value::Object(by_name) => by_name.keys().cloned().collect::<Vec<_>>(),
            serde_json::Value::Array(names) => {
                names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
            }
            _ => Vec::new(),
        }) {
            assert!(services.contains_key(&needed), "{name} depends on {needed}");
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let (from, _) = mount.as_str().expect("a mount").split_once(':').expect("from and to");
            match from.strip_prefix("./") {
                Some(file) => assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{from}"),
                None => assert!(parsed["volumes"].as_object().expect("volumes").contains_key(from), "{from}"),
            }
        }
    }
    for server in ["masthead-1", "masthead-2"] {
        let server = &services[server]["<<"];
        assert_eq!(server["read_only"], true);
        assert_ne!(server["user"], "0:0");
    }
}

#[test]
fn health_says_whether_a_server_serves() {
    let data = data_dir();
    let serving = Serving::start_with(data.path(), &[]);
    let ask = |address: &str| {
        let output =
            masthead().args(["health", "--address", address]).output().expect("a run of the command");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let begun = Instant::now();
    while ask(serving.address()) != (true, "SERVING\n".to_owned()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it serves");
    }
    assert!(!ask("http://127.0.0.1:1").0);
}

/// HAProxy with our configuration; killed when dropped.
struct Balancer {
    process: Child,
    address: String,
}

impl Balancer {
    /// Starts it in front of two servers; none where it is not installed.
    fn start(servers: [&str; 2]) -> Option<Balancer> {
        let is_here = Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_ok();
        assert!(is_here || std::env::var_os("CI").is_none(), "haproxy is not on the PATH");
        if !is_here {
            eprintln!("SKIPPED: haproxy is not on the PATH; .ci/run installs it");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
        let process = Command::new("haproxy")
            .arg("-f")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/haproxy.cfg"))
            .env("LISTEN", format!("127.0.0.1:{port}"))
            .env("SERVER_1", servers[0].trim_start_matches("http://"))
            .env("SERVER_2", servers[1].trim_start_matches("http://"))
            .stdout(Stdio::null())
            .spawn()
            .expect("a balancer");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Balancer { process, address: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A token of an editor.
fn token_of(url: &str) -> String {
    let mut create = masthead();
    create.args(["token", "create", "--name", "编辑", "--role", "editor", "--database-url", url]);
    String::from_utf8(create.output().expect("a token").stdout).expect("UTF-8").trim().to_owned()
}

async fn call(desk: &mut Desk) -> Result<(), Status> {
    desk.newspapers.list_newspapers(pb::ListNewspapersRequest::default()).await.map(drop)
}

/// Calls as a client does that tries again what did not get through; how often it had to.
async fn insist(desk: &mut Desk) -> usize {
    for tries in 0..100 {
        match call(desk).await {
            Ok(()) => return tries,
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody answers any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_behind_the_balancer_when_one_of_two_servers_dies_or_stops() {
    let database = Database::create().await;
    let (url, data) = (database.options().to_url_lossy().to_string(), [data_dir(), data_dir()]);
    let flags = ["--database-url", &url];
    let mut servers = data.iter().map(|data| Serving::start_with(data.path(), &flags));
    let (first, second) = (servers.next().expect("a server"), servers.next().expect("a server"));
    let Some(balancer) = Balancer::start([first.address(), second.address()]) else { return };
    let token = token_of(&url);
    let mut desk = Desk::connect(&balancer.address, &token).await.expect("a desk");
    insist(&mut desk).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut desk = Desk::connect(&balancer.address, &token).await.expect("a desk");
        others.push(tokio::spawn(async move {
            let mut tries_most = 0;
            for _ in 0..200 {
                tries_most = tries_most.max(insist(&mut desk).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tries_most
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // As when its machine dies.
    drop(first);
    for other in others {
        other.await.expect("a client that is answered");
    }
    // Once the balancer has seen it, nobody meets it any more.
    for _ in 0..50 {
        assert_eq!(insist(&mut desk).await, 0);
    }
    drop((second, balancer));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_balancer_sends_nobody_to_a_server_whose_database_is_away() {
    let database = Database::create().await;
    let (url, data) = (database.options().to_url_lossy().to_string(), [data_dir(), data_dir()]);
    let proxy = Proxy::start().await;
    let cut = proxy.options(&database).to_url_lossy().to_string();
    let healthy = Serving::start_with(data[0].path(), &["--database-url", &url]);
    let ill = Serving::start_with(data[1].path(), &["--database-url", &cut]);
    let Some(balancer) = Balancer::start([healthy.address(), ill.address()]) else { return };
    let reader = token_of(&url);
    let mut desk = Desk::connect(&balancer.address, &reader).await.expect("a desk");
    insist(&mut desk).await;
    proxy.break_down();
    let begun = Instant::now();
    let mut answered_in_a_row = 0;
    // Until its health says so, it may still be asked.
    while answered_in_a_row < 30 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the balancer turns away from it");
        answered_in_a_row = if call(&mut desk).await.is_ok() { answered_in_a_row + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop((healthy, ill, balancer));
    database.remove().await;
}
