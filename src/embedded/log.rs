//! The log of initdb and the server, which never grows without bound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;

/// Past this the log is moved aside, so that the two logs together stay below twice this (and what one minute adds).
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How much of the log's end goes into an error.
const TAIL_BYTES: u64 = 4 * 1024;
const TAIL_LINES: usize = 8;

/// The file `server.log`, and beside it `server.log.old`.
#[derive(Debug, Clone)]
pub(super) struct Log(pub(super) PathBuf);

impl Log {
    /// Takes in what `command` says, and tells where in the log that will begin.
    pub(super) fn take(&self, command: &mut Command) -> Result<u64, Error> {
        self.bound();
        let open = || {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?;
            Ok((file.metadata()?.len(), file.try_clone()?, file))
        };
        let (length, output, errors) = open().map_err(Error::folder(&self.0))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        Ok(length)
    }

    /// Moves a log that has grown too large aside. By a copy, since the server keeps its log open; a few lines may be
    /// lost on the way.
    pub(super) fn bound(&self) {
        if fs::metadata(&self.0).is_ok_and(|facts| facts.len() > BYTES_MAX) {
            let moved = fs::copy(&self.0, self.0.with_extension("log.old"))
                .and_then(|_| OpenOptions::new().write(true).truncate(true).open(&self.0));
            if let Err(error) = moved {
                tracing::warn!(log = %self.0.display(), %error, "the log of the embedded Postgres cannot be shortened");
            }
        }
    }

    /// The last of what was written after the first `from` bytes.
    pub(super) fn since(&self, from: u64) -> String {
        last_lines(&self.0, from)
    }
}

/// The last lines of a log, of what was written to it after the first `from` bytes.
pub(super) fn last_lines(log: &Path, from: u64) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        // A log that was shortened meanwhile is all new.
        let from = if from > length { 0 } else { from };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        io::Result::Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = tail.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_begins_after_what_was_there_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log(folder.path().join("server.log"));
        fs::write(&log.0, "old\nnew one\n\nnew two\n").expect("a log");
        assert_eq!(log.since(4), "new one | new two");
        assert_eq!(log.since(400), "old | new one | new two");
        assert_eq!(last_lines(&folder.path().join("none"), 0), "");
    }

    #[test]
    fn a_log_that_grew_too_large_is_moved_aside_while_its_writer_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log(folder.path().join("server.log"));
        let mut writer = OpenOptions::new().append(true).create(true).open(&log.0).expect("a log");
        io::copy(&mut io::repeat(b'x').take(BYTES_MAX + 1), &mut writer).expect("a full log");
        log.bound();
        io::copy(&mut b"next".as_slice(), &mut writer).expect("a line");
        assert_eq!(fs::read(&log.0).expect("a log"), b"next");
        let old = fs::metadata(folder.path().join("server.log.old")).expect("an old log");
        assert_eq!(old.len(), BYTES_MAX + 1);
    }
}
