//! The servers that are measured, each a process of its own.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{Outcome, yardstick};

/// How long a server may take to end.
const END_TIME_MAX: Duration = Duration::from_secs(20);

/// In a second, how often the kernel counts the time that processes had (proc(5),
/// `stat`): the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The `masthead` command, built like this program.
#[derive(Clone)]
pub struct Program(PathBuf);

impl Program {
    /// Builds it, unless it is there and new.
    ///
    /// # Errors
    /// It does not build.
    pub fn build() -> Outcome<Program> {
        let examples = env::current_exe()?;
        let folder = examples.parent().and_then(Path::parent).ok_or("not run by cargo")?;
        let profile = match folder.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = env::var_os("CARGO").ok_or("run this with cargo: cargo run --release --example bench")?;
        let mut build = Command::new(cargo);
        // What cargo says of this program is news to build scripts that ask after it,
        // and they and all above them would be built again each time.
        let of_this =
            |name: &str| ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"].iter().any(|of| name.starts_with(of));
        for (name, _) in env::vars_os().filter(|(name, _)| of_this(&name.to_string_lossy())) {
            build.env_remove(name);
        }
        let built = build
            .args(["build", "--quiet", "--bin", "masthead", "--profile", profile, "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .status()?;
        if !built.success() {
            return Err("the server does not build".into());
        }
        Ok(Program(folder.join("masthead")))
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        // Nothing that is set here changes what is measured.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MASTHEAD_")) {
            command.env_remove(name);
        }
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
    }

    /// Serves this database to many.
    pub fn serve(&self, database_url: &str, folder: &Path) -> Outcome<Server> {
        let mut command = self.command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url, "--data-dir"])
            .arg(folder)
            // One person asks for all.
            .args(["--requests-per-second-max", "1000000", "--requests-burst-max", "1000000"])
            .args(["--watches-per-person-max", "20000", "--watch-streams-max", "20000"])
            .stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("no log")?).lines();
        let mut said = String::new();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.split_once("serving address=").map(|(_, address)| address.trim().to_owned());
            said.push_str(&line);
            said.push('\n');
            address
        });
        // Read to its end, so that the server never waits for us.
        std::thread::spawn(move || {
            let is_trouble = |line: &String| line.contains(" WARN ") || line.contains(" ERROR ");
            lines.map_while(Result::ok).filter(is_trouble).for_each(|line| eprintln!("{line}"));
        });
        let address = address.ok_or_else(|| format!("the server does not start:\n{said}"))?;
        Ok(Server { process, talk: None, address })
    }
}

/// A server in a process of its own; stopped when dropped.
pub struct Server {
    process: Child,
    talk: Option<(ChildStdin, BufReader<ChildStdout>)>,
    /// `127.0.0.1:PORT`
    pub address: String,
}

impl Server {
    /// The yardstick, which knows these messages by their names; by way of a file in
    /// this folder.
    pub fn bare(folder: &Path, messages: impl IntoIterator<Item = (String, Bytes)>) -> Outcome<Server> {
        let file = folder.join("messages");
        yardstick::write_messages(&file, messages)?;
        let mut process = Command::new(env::current_exe()?)
            .arg("--yardstick")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut address = String::new();
        output.read_line(&mut address)?;
        Ok(Server { process, talk: Some((input, output)), address: address.trim().to_owned() })
    }

    /// Has the yardstick send a message to all streams; when it began to, in seconds
    /// since the epoch.
    pub fn announce(&mut self, message: &[u8]) -> Outcome<f64> {
        let (input, output) = self.talk.as_mut().ok_or("this is not the yardstick")?;
        writeln!(input, "{}", data_encoding::HEXLOWER.encode(message))?;
        input.flush()?;
        let mut time = String::new();
        output.read_line(&mut time)?;
        Ok(time.trim().parse()?)
    }

    /// Bytes of memory that are resident (`VmRSS`), or were at most (`VmHWM`).
    pub fn memory(&self, field: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such field")?;
        let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// Makes the most memory what it takes now (proc(5), `clear_refs`).
    pub fn forget_peak(&self) -> Outcome<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5")?)
    }

    /// Seconds that processors have worked for it.
    pub fn processor_seconds(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || -> Outcome<f64> { Ok(fields.next().ok_or("no time")?.parse()?) };
        let (user, system) = (ticks()?, ticks()?);
        Ok((user + system) / TICKS_PER_SECOND)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.talk.is_some() {
            let _ = self.process.kill();
        } else {
            let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        }
        let end = Instant::now() + END_TIME_MAX;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
