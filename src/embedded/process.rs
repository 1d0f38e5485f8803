//! Child processes that never outlive their owner, and the account that they run under.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::{oneshot, watch};

/// How often a wait looks again. Short, because a start is made of a few such waits.
pub(super) const POLL: Duration = Duration::from_millis(10);

/// The unprivileged account that the server's programs run under when we are root, because initdb and postgres
/// refuse to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user_id: u32,
    pub(super) group_id: u32,
}

impl Account {
    /// Root's choice: the account that `cluster` already belongs to, so that a cluster keeps its account for life;
    /// else `postgres`; else `nobody`.
    pub(super) fn for_root(cluster: &Path) -> Option<Self> {
        let keeper = fs::metadata(cluster).ok().filter(|facts| facts.uid() != 0);
        if let Some(facts) = keeper {
            return Some(Self { user_id: facts.uid(), group_id: facts.gid() });
        }
        let accounts = fs::read_to_string("/etc/passwd").ok()?;
        ["postgres", "nobody"].iter().find_map(|name| Self::listed(&accounts, name))
    }

    /// The account `name` in a text of the form of `/etc/passwd`, passwd(5).
    fn listed(accounts: &str, name: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let user_id = fields.nth(1)?.parse().ok().filter(|id| *id != 0)?;
            let group_id = fields.next()?.parse().ok()?;
            Some(Self { user_id, group_id })
        })
    }

    /// The outermost folder on the way to `path` that this account may not enter, if there is one.
    pub(super) fn barred_at(self, path: &Path) -> Option<PathBuf> {
        let barred = path.ancestors().filter(|folder| {
            fs::metadata(folder).is_ok_and(|facts| facts.is_dir() && !self.may_enter(&facts))
        });
        barred.last().map(Path::to_path_buf)
    }

    fn may_enter(self, facts: &fs::Metadata) -> bool {
        let (users, groups) = (facts.uid() == self.user_id, facts.gid() == self.group_id);
        let needed = if users {
            0o100
        } else if groups {
            0o010
        } else {
            0o001
        };
        facts.mode() & needed != 0
    }
}

/// Whether this process is root.
pub(super) fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as `account` (as ourselves without one), in a folder that everyone may enter, in English.
pub(super) fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    // The messages of a failed start are read for their cause, so they must not be translated.
    command.env("LC_ALL", "C").current_dir("/");
    if let Some(account) = account {
        // The standard library drops root's supplementary groups as well whenever root sets a user.
        command.uid(account.user_id).gid(account.group_id);
    }
    command
}

/// A running child. When this value is dropped the child gets its farewell signal; when this whole process dies
/// without a word, the kernel sends the signal (on Linux).
#[derive(Debug)]
pub(super) struct Process {
    id: Pid,
    farewell: Signal,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Held while the child is reaped or signalled, so that no signal goes to a process id that was given away.
    gate: Arc<Mutex<()>>,
}

impl Process {
    /// Starts `command` in a process group of its own, out of reach of the terminal's Ctrl-C.
    pub(super) async fn spawn(mut command: Command, farewell: Signal) -> io::Result<Self> {
        command.process_group(0);
        end_with_owner(&mut command, farewell);
        let gate = Arc::new(Mutex::new(()));
        let (report, exit) = watch::channel(None);
        let (started, start) = oneshot::channel();
        let keeper_gate = Arc::clone(&gate);
        // The kernel's death signal follows the thread that spawned the child, not the process, so the child gets a
        // thread that lives as long as it does.
        thread::Builder::new().name("masthead-child".into()).spawn(move || match command.spawn() {
            Ok(child) => keep(child, started, farewell, &report, &keeper_gate),
            Err(error) => drop(started.send(Err(error))),
        })?;
        let id = start.await.map_err(io::Error::other)??;
        Ok(Self { id, farewell, exit, gate })
    }

    pub(super) fn id(&self) -> u32 {
        self.id.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn is(&self, id: Pid) -> bool {
        self.id == id
    }

    /// How the child ended, or nothing while it runs.
    pub(super) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until the child ends, at most `limit`; nothing if it still runs then.
    pub(super) async fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(limit, self.ended()).await.ok()
    }

    /// Waits until the child ends.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        ended.unwrap_or_else(unknown_status)
    }

    /// As [`Process::wait`], for a `drop`, which cannot await.
    pub(super) fn wait_blocking(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.exited().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }

    /// Sends `signal`, unless the child has ended.
    pub(super) fn signal(&self, signal: Signal) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if self.exited().is_none() {
            send(self.id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.farewell);
    }
}

/// The life of the keeper thread: tells the child's id, waits for its end, reports it.
fn keep(
    mut child: Child,
    started: oneshot::Sender<io::Result<Pid>>,
    farewell: Signal,
    report: &watch::Sender<Option<ExitStatus>>,
    gate: &Mutex<()>,
) {
    let id = Pid::from_child(&child);
    if started.send(Ok(id)).is_err() {
        // Whoever asked for the child has been cancelled, and nobody else knows of it.
        send(id, farewell);
    }
    let ended_but_kept = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(rustix::process::waitid(WaitId::Pid(id), ended_but_kept), Err(rustix::io::Errno::INTR)) {}
    let _gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.wait().unwrap_or_else(|_| unknown_status());
    report.send_replace(Some(status));
}

/// What stands for the end of a child whose status cannot be learnt: exit code 255.
fn unknown_status() -> ExitStatus {
    ExitStatus::from_raw(255 << 8)
}

fn send(id: Pid, signal: Signal) {
    if let Err(error) = rustix::process::kill_process(id, signal) {
        tracing::debug!(process = id.as_raw_nonzero().get(), %error, "a signal could not be sent");
    }
}

/// Has the kernel send `signal` to the child when the thread that spawns it ends, prctl(2) `PR_SET_PDEATHSIG`.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "only pre_exec can set the death signal: the kernel clears it when the user changes"
)]
fn end_with_owner(command: &mut Command, signal: Signal) {
    let owner = Pid::from_raw(std::process::id().cast_signed());
    let before_exec = move || {
        rustix::process::set_parent_process_death_signal(Some(signal))?;
        // An owner that died before the line above would never be noticed.
        if rustix::process::getppid() == owner { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe work is allowed: it makes two
    // plain system calls, compares two integers, and neither allocates, locks nor panics.
    unsafe { command.pre_exec(before_exec) };
}

/// Other systems have no death signal: there a killed owner's server runs on until the next start ends it.
#[cfg(not(target_os = "linux"))]
fn end_with_owner(_command: &mut Command, _signal: Signal) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_the_passwd_form_and_root_is_none() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/sh\nodd:x:0:0::/:/bin/sh\n";
        assert_eq!(Account::listed(accounts, "postgres"), Some(Account { user_id: 101, group_id: 104 }));
        assert_eq!(Account::listed(accounts, "odd"), None);
        assert_eq!(Account::listed(accounts, "post"), None);
    }
}
