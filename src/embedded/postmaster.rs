//! What a running or crashed Postgres says of itself in its `postmaster.pid`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// The content of `postmaster.pid`, as far as it is of use (Postgres' `miscadmin.h`, `LOCK_FILE_LINE_*`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) process_id: Pid,
    pub(super) port: u16,
    pub(super) socket_folder: PathBuf,
    pub(super) ready: bool,
}

/// What became of a server that left its `postmaster.pid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Alive,
    Gone,
    /// Another process has its id now, or it is dead and nobody has reaped it.
    Reused,
}

impl Postmaster {
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
        let number = |line: usize| std::str::from_utf8(lines.get(line)?.trim_ascii()).ok();
        // The file grows while the server starts: what is not there yet is not ready.
        Some(Self {
            process_id: number(0)?.parse().ok().and_then(Pid::from_raw)?,
            port: number(3).and_then(|port| port.parse().ok()).unwrap_or(0),
            socket_folder: OsString::from_vec(lines.get(4).copied().unwrap_or_default().to_vec()).into(),
            ready: number(7) == Some("ready"),
        })
    }

    /// The server names its data directory in its arguments, which everyone may read; a zombie has none.
    pub(super) fn state(&self, cluster: &Path) -> State {
        let process_id = self.process_id;
        match fs::read(format!("/proc/{}/cmdline", process_id.as_raw_nonzero())) {
            Ok(line) if line.split(|byte| *byte == 0).any(|word| word == cluster.as_os_str().as_bytes()) => {
                State::Alive
            }
            Ok(_) => State::Reused,
            // No such process, or no /proc on this system.
            Err(_) if rustix::process::test_kill_process(process_id).is_ok() => State::Alive,
            Err(_) => State::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postmaster_file_is_read_whole_or_half_written() {
        let whole = b"4711\n/d/cluster\n1700000000\n5432\n/d/socket\n\n  123  4\nready   \n";
        let whole = Postmaster::read(whole).expect("a postmaster");
        assert_eq!((whole.port, whole.ready), (5432, true));
        assert_eq!(whole.socket_folder, Path::new("/d/socket"));
        let half = Postmaster::read(b"4711\n/d/cluster\n").expect("a postmaster");
        assert_eq!((half.process_id.as_raw_nonzero().get(), half.ready), (4711, false));
        assert_eq!(Postmaster::read(b""), None);
    }

    #[test]
    fn an_id_that_another_process_has_now_is_told_from_a_running_server() {
        let ours = std::process::id();
        let found = Postmaster::read(format!("{ours}\n").as_bytes()).expect("a postmaster");
        assert_eq!(found.state(Path::new("/no/such/cluster")), State::Reused);
    }
}
