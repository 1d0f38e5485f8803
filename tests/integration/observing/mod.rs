//! What operators see of a server: its log, metrics, traces, health and status. Where
//! it is about what a process writes, a process is run as operators run it.

mod collector;
mod health;
mod logs;
mod metrics;
mod papers;
mod port;
mod secrets;
mod status;
mod traces;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use masthead::{admin::Role, db::Db, import::desk::Desk, installation::create_token};
use serde_json::Value;
use sqlx::ConnectOptions;
use tempfile::TempDir;

use crate::{
    command::{data_dir, masthead},
    newsroom::Database,
    proxy::Proxy,
};

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(40);

/// Looks again and again until something is found.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `masthead serve` as a process, with metrics, on a database of its own. Killed when
/// dropped.
pub struct Process {
    child: Child,
    address: String,
    metrics: String,
    lines: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    database: Database,
    db: Db,
    data: TempDir,
}

impl Process {
    /// Starts one with these flags and settings in its environment.
    pub async fn start(flags: &[&str], settings: &[(&str, &str)]) -> Process {
        Process::start_through(None, flags, settings).await
    }

    /// The same, with a proxy before the database if there is one.
    async fn start_through(proxy: Option<&Proxy>, flags: &[&str], settings: &[(&str, &str)]) -> Process {
        // For the client of HTTP; another test may have done so.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = Database::create().await;
        let db = Db::open(database.options(), 2);
        let data = data_dir();
        let options = proxy.map_or_else(|| database.options(), |proxy| proxy.options(&database));
        let url = options.to_url_lossy().to_string();
        let mut child = masthead()
            .env("MASTHEAD_DATABASE_URL", url)
            .envs(settings.iter().copied())
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server");
        let log = BufReader::new(child.stderr.take().expect("its log")).lines();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        // Read to its end, so that the server never waits for us.
        let reading = std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                kept.lock().expect("lines").push(line);
            }
        });
        let mut process = Process {
            child,
            address: String::new(),
            metrics: String::new(),
            lines,
            reading: Some(reading),
            database,
            db,
            data,
        };
        process.metrics = process.listens("metrics and health").await;
        process.address = process.listens("serving").await;
        process
    }

    /// The address that a line with this message says.
    async fn listens(&self, message: &str) -> String {
        let found =
            eventually(message, async || self.log().into_iter().find_map(|line| address(&line, message)));
        found.await
    }

    /// The lines of the log so far.
    fn log(&self) -> Vec<String> {
        self.lines.lock().expect("lines").clone()
    }

    /// The lines of the log so far, of a server that writes JSON.
    fn json(&self) -> Vec<Value> {
        let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.log().iter().map(parse).collect()
    }

    /// The one line of a call, by its id.
    async fn line_of(&self, id: &str) -> Value {
        let its = || -> Vec<Value> {
            let lines = self.json();
            lines.into_iter().filter(|line| line["span"]["id"] == id).collect()
        };
        eventually("a line about the call", async || its().into_iter().next()).await;
        // Long enough for a second one.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut lines = its();
        assert_eq!(lines.len(), 1, "one line for a failure: {lines:#?}");
        lines.remove(0)
    }

    async fn token(&self, person: &str, role: Role) -> String {
        create_token(&self.db, person, role).await.expect("a token").reveal().to_owned()
    }

    pub async fn desk(&self, person: &str, role: Role) -> Desk {
        let token = self.token(person, role).await;
        Desk::connect(&format!("http://{}", self.address), &token).await.expect("a desk")
    }

    /// What is served under a path of the metrics port, and with which status.
    async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("http://{}{path}", self.metrics)).await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a text"))
    }

    async fn scrape(&self) -> String {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Ends it as an operator does; its whole log.
    pub fn terminate(mut self) -> Vec<String> {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(done.expect("kill").success());
        let status = self.child.wait().expect("an end");
        if let Some(reading) = self.reading.take() {
            reading.join().expect("a reader");
        }
        let log = self.log();
        assert!(status.success(), "{status}: {log:#?}");
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line with this message, in either format.
fn address(line: &str, message: &str) -> Option<String> {
    if let Ok(line) = serde_json::from_str::<Value>(line) {
        return (line["message"] == message).then(|| line["address"].as_str().expect("a text").to_owned());
    }
    let (_, rest) = line.split_once(&format!("{message} address="))?;
    Some(rest.trim().to_owned())
}
