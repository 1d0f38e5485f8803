//! A server in a process of its own, so that its memory and its open files can be
//! measured, and a neighbour: someone who works there while others attack.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use masthead::{admin::Role, pb};
use prost::Message as _;
use sqlx::ConnectOptions;
use tempfile::TempDir;

use crate::{
    command::{Serving, data_dir, masthead},
    newsroom::Newsroom,
    raw::Line,
};

/// Flags that let an attack through to what it is aimed at; those that this
/// `masthead` knows are given.
const OPEN_DOORS: [(&str, &str); 7] = [
    ("--connections-max", "15000"),
    ("--connections-per-address-max", "15000"),
    ("--requests-per-second-max", "1000000"),
    ("--requests-burst-max", "1000000"),
    ("--watches-per-person-max", "100000"),
    ("--handshake-seconds-max", "60"),
    ("--watch-checkpoint-seconds", "1"),
];

/// Calls of the neighbour in one round: a hundredth of them is more than one or two that
/// the machine held up.
const CALLS: usize = 350;

/// Rounds without and with the attack, in turns.
const ROUNDS: usize = 3;

/// How many times as long as without the attack a neighbour's p99 may be, asserted only if
/// this says so: a machine that others use, too, cannot tell.
const SLOWDOWN_MAX: &str = "MASTHEAD_SLOWDOWN_MAX";

/// The processor that attackers run on, if they are to have one of their own: elsewhere
/// they bring it. Then the tests are started on the others (`taskset`).
const ATTACKERS_CPU: &str = "MASTHEAD_ATTACKERS_CPU";

/// The longest that a neighbour's call may take, on a busy machine and without
/// optimisation.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// How long it may take until what an attack held is given back.
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(20);

/// A server under attack, beside a peaceful one on the same database and photo
/// store.
pub struct Host {
    /// The peaceful one.
    pub newsroom: Newsroom,
    serving: Serving,
    _data: TempDir,
}

impl Host {
    /// Starts one with more flags.
    pub async fn open(flags: &[&str]) -> Host {
        let newsroom = Newsroom::open().await;
        newsroom.newspaper(1).await;
        let data = data_dir();
        let url = newsroom.database.options().to_url_lossy().to_string();
        let store = newsroom.photo_folder();
        let mut all = vec!["--database-url", &url, "--photo-store", store.to_str().expect("a path")];
        let help = help();
        let doors = OPEN_DOORS.iter().filter(|(flag, _)| help.contains(flag));
        all.extend(doors.flat_map(|(flag, value)| [*flag, *value]));
        all.extend(flags);
        let serving = Serving::start_with(data.path(), &all);
        Host { newsroom, serving, _data: data }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.serving.address().trim_start_matches("http://").to_owned()
    }

    /// The line of a person to the server under attack.
    pub async fn line(&self, person: &str, role: Role) -> Line {
        let token = self.newsroom.token(person, role).await;
        Line::at(&self.address()).await.showing(&format!("Bearer {token}"))
    }

    /// Memory of the process now, in MiB.
    pub fn memory_mib(&self) -> u64 {
        self.memory_of("VmRSS:")
    }

    /// The most memory that it has had, in MiB.
    pub fn memory_mib_peak(&self) -> u64 {
        self.memory_of("VmHWM:")
    }

    fn memory_of(&self, what: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("a running server");
        let line = status.lines().find(|line| line.starts_with(what)).expect("its memory");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number") / 1024
    }

    /// The time of processors that the process has taken, in hundredths of a second
    /// (proc(5), `utime` and `stime`).
    fn worked_ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).expect("a running server");
        let (_, fields) = stat.rsplit_once(") ").expect("a name before the rest");
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    /// Open files and sockets of the process now.
    pub fn open_files(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("a running server").count()
    }

    fn proc(&self, of: &str) -> PathBuf {
        format!("/proc/{}/{of}", self.serving.id()).into()
    }

    /// Waits until no more files are open than `files`, give or take a few.
    pub async fn gives_back(&self, files: usize) {
        let start = Instant::now();
        // Connections to the database come and go.
        while self.open_files() > files + 24 {
            let open = self.open_files();
            assert!(start.elapsed() < RECOVERY_TIME_MAX, "{open} files are open, {files} were before");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it, which must be a clean end of a server that nothing has broken, and whose log
    /// nobody has filled.
    pub async fn close(self) {
        // Left over in a transaction that nobody goes on with.
        let open = "select count(*) from pg_stat_activity where datname = current_database()
                    and state like 'idle in transaction%' and state_change < now() - interval '2 seconds'";
        let mut connection = self.newsroom.database.connect().await;
        let open: i64 = sqlx::query_scalar(open).fetch_one(&mut connection).await.expect("a count");
        assert_eq!(open, 0, "transactions were left open");
        drop(connection);
        self.serving.signal();
        let log = self.serving.ended();
        for line in log.lines() {
            // The last is h2's, of what clients do wrong: they would fill the log with it.
            let broken = ["panicked", "ERROR", "recv_reset"].iter().find(|word| line.contains(**word));
            assert_eq!(broken, None, "the log says: {line}");
        }
        self.newsroom.close().await;
    }
}

fn help() -> &'static str {
    static HELP: OnceLock<String> = OnceLock::new();
    HELP.get_or_init(|| {
        let output = masthead().args(["serve", "--help"]).output().expect("the help");
        String::from_utf8(output.stdout).expect("UTF-8")
    })
}

/// Someone who reads an article again and again.
pub struct Neighbour {
    line: Line,
    article: String,
}

impl Neighbour {
    /// One with an article of their own.
    pub async fn of(host: &Host) -> Neighbour {
        let article = host.newsroom.article("邻居").await.name;
        Neighbour { line: host.line("neighbour", Role::Reporter).await, article }
    }

    /// The name of the article.
    pub fn article(&self) -> &str {
        &self.article
    }

    /// Reads so many times, each of which must be answered in time; the time that
    /// all but a hundredth stayed under.
    pub async fn p99(&self) -> Duration {
        let request = pb::GetArticleRequest { name: self.article.clone() }.encode_to_vec();
        let mut times = Vec::new();
        for _ in 0..CALLS {
            let start = Instant::now();
            let call = self.line.call("ArticleService/GetArticle", request.clone());
            let answer = tokio::time::timeout(ANSWER_TIME_MAX, call).await;
            answer.expect("an answer in time").expect("an article");
            times.push(start.elapsed());
        }
        times.sort();
        times[CALLS * 99 / 100 - 1]
    }
}

/// Lets a host be attacked in turns, while a neighbour works: each turn runs
/// `attack` in a thread of its own until it is told to end, or holds what the
/// attack answers. What the neighbour saw is printed; memory must stay below
/// `memory_mib_max`, and all files must be given back.
pub async fn besiege<A, F, H>(host: &Host, name: &str, memory_mib_max: u64, attack: A)
where
    A: Fn(Besieger) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = H>,
    H: Send + 'static,
{
    let neighbour = Neighbour::of(host).await;
    neighbour.p99().await;
    let (files, memory) = (host.open_files(), host.memory_mib());
    let (mut quiet, mut besieged) = (Vec::new(), Vec::new());
    let (mut worked, mut time) = (0, Duration::ZERO);
    for _ in 0..ROUNDS {
        quiet.push(neighbour.p99().await);
        let siege = Siege::begin(host, &neighbour, attack.clone()).await;
        let (before, start) = (host.worked_ticks(), Instant::now());
        besieged.push(neighbour.p99().await);
        worked += host.worked_ticks() - before;
        time += start.elapsed();
        siege.end().await;
        host.gives_back(files).await;
    }
    quiet.sort();
    besieged.sort();
    let (quiet, besieged) = (quiet[ROUNDS / 2].as_secs_f64(), besieged[ROUNDS / 2].as_secs_f64());
    let (slowdown, memory_max) = (besieged / quiet, host.memory_mib_peak());
    eprintln!(
        "{name}: p99 {:.1} ms before, {:.1} ms during ({slowdown:.1}x); the server worked {:.0} % of a \
         processor meanwhile; memory {memory} MiB before, {memory_max} MiB at most, {} MiB after",
        quiet * 1e3,
        besieged * 1e3,
        worked as f64 / time.as_secs_f64(),
        host.memory_mib(),
    );
    assert!(memory_max <= memory_mib_max, "{name}: {memory_max} MiB");
    if let Ok(most) = env::var(SLOWDOWN_MAX) {
        let most: f64 = most.parse().expect("a number");
        assert!(slowdown <= most, "{name}: a neighbour's p99 is {slowdown:.1} times as long");
    }
    neighbour.p99().await;
}

/// What an attack knows.
#[derive(Clone)]
pub struct Besieger {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// A valid `authorization` header of a reporter.
    pub authorization: String,
    /// An article that is there.
    pub article: String,
    ready: tokio::sync::watch::Sender<bool>,
    end: tokio::sync::watch::Receiver<bool>,
}

impl Besieger {
    /// Says that the attack has begun; the neighbour's time is taken from now on.
    pub fn begun(&self) {
        self.ready.send_replace(true);
    }

    /// Whether the attack is to go on.
    pub fn goes_on(&self) -> bool {
        !*self.end.borrow()
    }

    /// Waits for the end.
    pub async fn wait(&self) {
        let mut end = self.end.clone();
        // A dropped sender is an end too.
        let _ = end.wait_for(|end| *end).await;
    }
}

/// Has this thread run on the processor of attackers, if they have one.
fn go_apart() {
    let Ok(processor) = env::var(ATTACKERS_CPU) else { return };
    let thread = fs::read_link("/proc/thread-self").expect("a thread");
    let id = thread.file_name().expect("its number");
    let done = Command::new("taskset").args(["--cpu-list", "--pid", &processor]).arg(id).output();
    let done = done.expect("taskset of util-linux");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

struct Siege {
    end: tokio::sync::watch::Sender<bool>,
    attacking: thread::JoinHandle<()>,
}

impl Siege {
    async fn begin<A, F, H>(host: &Host, neighbour: &Neighbour, attack: A) -> Siege
    where
        A: Fn(Besieger) -> F + Send + Sync + 'static,
        F: Future<Output = H>,
        H: Send + 'static,
    {
        let token = host.newsroom.token("besieger", Role::Reporter).await;
        let (end, ended) = tokio::sync::watch::channel(false);
        let (ready, mut begun) = tokio::sync::watch::channel(false);
        let besieger = Besieger {
            address: host.address(),
            authorization: format!("Bearer {token}"),
            article: neighbour.article().to_owned(),
            ready,
            end: ended,
        };
        // In a thread of its own, so that the neighbour's time is the server's.
        let attacking = thread::spawn(move || {
            go_apart();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let held = attack(besieger.clone()).await;
                besieger.wait().await;
                drop(held);
            });
        });
        begun.wait_for(|begun| *begun).await.expect("an attack");
        Siege { end, attacking }
    }

    async fn end(self) {
        self.end.send_replace(true);
        let attacking = self.attacking;
        let ended = tokio::task::spawn_blocking(move || attacking.join());
        ended.await.expect("a thread").expect("an attack without a fault of its own");
    }
}
