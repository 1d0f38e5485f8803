//! The embedded server's folder, `<data dir>/postgres`, and what is kept in it.
//!
//! | name | what it is |
//! |---|---|
//! | `cluster/` | Postgres' own data directory; `cluster.partial/` while it is being made |
//! | `password` | the password of the one database role, made once |
//! | `lock` | held by the owner as long as it lives, with its process id for the error of a second one |
//! | `socket/` | the server's Unix socket, unless its path would be too long for one |
//! | `server.log` | what initdb and the server say; `server.log.old` is what was in it before it grew too large |
//!
//! Nobody but us and the account that the server runs under gets into the folder, so the socket needs no protection
//! of its own. As root we own the folder itself and the account owns only `cluster/` and `socket/`: the account must
//! not be able to plant a link where root writes.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::Instant;

use super::Error;
use super::binaries::Binaries;
use super::log::Log;
use super::postmaster::{Postmaster, State};
use super::process::{Account, POLL, Process, command, we_are_root};

/// The one role of the cluster, its superuser.
pub(super) const ROLE: &str = "masthead";

/// `sun_path` of unix(7) has 108 bytes on Linux and 104 elsewhere, with the closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// initdb takes about a second; a machine on which it takes longer than this has a fault.
const INITDB_LIMIT: Duration = Duration::from_mins(2);

/// How long a second owner tries before it is refused.
const LOCK_LIMIT: Duration = Duration::from_millis(500);

/// The sign of the one owner, flock(2). The kernel takes it from a process that dies, so no crash leaves it behind.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child that another thread has forked at this moment still holds it until its
    /// exec.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The folder, and whom it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Home {
    folder: PathBuf,
    pub(super) account: Option<Account>,
}

impl Home {
    /// Makes the folder if it is missing, and sees to it that the server's account can get in.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, Error> {
        let cluster = data_dir.join("postgres/cluster");
        let for_root = || Account::for_root(&cluster).ok_or(Error::NoAccount);
        let account = we_are_root().then(for_root).transpose()?;
        let failed = Error::folder(data_dir);
        check_way(account, &std::path::absolute(data_dir).map_err(&failed)?)?;
        // Root's data directory must let the server's account pass; nobody else's has to let anyone in.
        create_folder(data_dir, if account.is_some() { 0o711 } else { 0o700 }).map_err(&failed)?;
        let data_dir = data_dir.canonicalize().map_err(&failed)?;
        // Once more, for where links on the way lead to.
        check_way(account, &data_dir)?;
        let home = Self { folder: data_dir.join("postgres"), account };
        home.open_to_account().map_err(Error::folder(&home.folder))?;
        Ok(home)
    }

    /// Root's folder is open to the account's group, everyone else's to nobody.
    fn open_to_account(&self) -> io::Result<()> {
        create_folder(&self.folder, 0o700)?;
        let Some(account) = self.account else { return Ok(()) };
        lchown(&self.folder, Some(0), Some(account.group_id))?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o710))
    }

    /// The folder as another process has prepared it; nothing if there is none.
    pub(super) fn existing(data_dir: &Path) -> Option<Self> {
        let folder = data_dir.canonicalize().ok()?.join("postgres");
        folder.is_dir().then_some(Self { folder, account: None })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    pub(super) fn log(&self) -> Log {
        Log(self.folder.join("server.log"))
    }

    /// Makes this process the owner for as long as it holds the lock. An owner that was killed just now may take a
    /// moment to go, so a taken lock is tried for a moment.
    pub(super) async fn lock(&self) -> Result<Lock, Error> {
        let path = self.folder.join("lock");
        let failed = Error::folder(&path);
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut lock = Lock(opened.map_err(&failed)?);
        let deadline = Instant::now() + LOCK_LIMIT;
        loop {
            match lock.0.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                    let owner = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                    return Err(Error::Owned { folder: self.folder.clone(), owner });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
            }
        }
        lock.0.set_len(0).and_then(|()| writeln!(lock.0, "{}", std::process::id())).map_err(&failed)?;
        Ok(lock)
    }

    /// The major version that made the cluster, or nothing if there is no cluster yet.
    pub(super) fn major(&self) -> Result<Option<u32>, Error> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::folder(&path)(error)),
        }
    }

    /// Makes the cluster, under another name until it is whole, so that a crash here leaves nothing half-made.
    pub(super) async fn initialise(&self, binaries: &Binaries, durable: bool) -> Result<(), Error> {
        let partial = self.folder.join("cluster.partial");
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::folder(&partial))?;
        }
        self.claim(&partial).map_err(Error::folder(&partial))?;
        let password = self.make_password()?;
        let mut initdb = command(&binaries.folder.join("initdb"), self.account);
        initdb.arg("--pgdata").arg(&partial).arg("--pwfile").arg(password);
        // The C locale is the one that every build of every version has, and orders text the same everywhere.
        initdb.args([
            "--username",
            ROLE,
            "--encoding=UTF8",
            "--no-locale",
            "--data-checksums",
            "--no-instructions",
        ]);
        // SCRAM costs a debug build 60 ms a connection; tests make many, and their password is worth nothing.
        initdb.args(if durable {
            ["--auth=scram-sha-256"].as_slice()
        } else {
            &["--auth=password", "--no-sync"]
        });
        let log_from = self.log().take(&mut initdb)?;
        let process =
            Process::spawn(initdb, Signal::TERM).await.map_err(Error::program(binaries, "initdb"))?;
        let status = process.wait(INITDB_LIMIT).await;
        if !status.is_some_and(|status| status.success()) {
            return Err(Error::Initdb { log: self.log().since(log_from) });
        }
        let cluster = self.cluster();
        let renamed = fs::rename(&partial, &cluster).and_then(|()| File::open(&self.folder)?.sync_all());
        renamed.map_err(Error::folder(&cluster))
    }

    /// Writes a new random password where initdb can read it. There is no cluster yet that an old one belongs to.
    fn make_password(&self) -> Result<PathBuf, Error> {
        let path = self.folder.join("password");
        let write = || {
            let partial = self.folder.join("password.partial");
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            writeln!(file, "{}", random_hex::<24>()?)?;
            file.sync_all()?;
            give(&partial, self.account)?;
            fs::rename(&partial, &path)
        };
        write().map_err(Error::folder(&path))?;
        Ok(path)
    }

    pub(super) fn password(&self) -> Result<String, Error> {
        let path = self.folder.join("password");
        let text = fs::read_to_string(&path).map_err(Error::folder(&path))?;
        Ok(text.trim().to_owned())
    }

    /// The folder of the socket, made if it is missing.
    pub(super) fn socket_folder(&self) -> Result<PathBuf, Error> {
        let folder = self.folder.join("socket");
        let fits =
            folder.to_str().is_some_and(|path| path.len() + "/.s.PGSQL.65535".len() <= SOCKET_PATH_BYTES_MAX);
        let folder = if fits { folder } else { self.short_socket_folder() };
        self.claim(&folder).map_err(Error::folder(&folder))?;
        Ok(folder)
    }

    /// A place in the system's temporary folder that is the same for every start, so that crashes leave one at most.
    fn short_socket_folder(&self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        self.folder.hash(&mut hasher);
        std::env::temp_dir().join(format!("masthead-{:016x}", hasher.finish()))
    }

    /// Makes a private folder, or accepts one that is already there only if it is exactly that: anyone may put
    /// something of that name into the temporary folder.
    fn claim(&self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let facts = fs::symlink_metadata(folder)?;
        let owner = self.account.map(|account| account.user_id);
        let ours = facts.uid() == rustix::process::geteuid().as_raw() || Some(facts.uid()) == owner;
        if !facts.is_dir() || !ours || facts.mode() & 0o077 != 0 {
            return Err(io::Error::other("something else of this name is in the way, remove it"));
        }
        give(folder, self.account)
    }

    fn postmaster_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// What Postgres says of itself in its `postmaster.pid`; nothing if no server runs, or one has only begun to.
    pub(super) fn postmaster(&self) -> Result<Option<Postmaster>, Error> {
        let path = self.postmaster_file();
        match fs::read(&path) {
            Ok(content) => Ok(Postmaster::read(&content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::folder(&path)(error)),
        }
    }

    /// Removes the socket of a server that was killed, and the socket's lock file, which would have Postgres refuse to
    /// start while any process has the id of that server. Only for the owner, once no server runs.
    pub(super) fn clear_socket_folder(folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(b".s.PGSQL.") {
                // If it cannot be removed, Postgres will say so.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Waits for the server of an owner that was killed to end, and sends it off if nobody has.
    pub(super) async fn await_predecessor(&self, deadline: Instant) -> Result<(), Error> {
        let mut sent_off = false;
        while let Some(found) = self.postmaster()? {
            match found.state(&self.cluster()) {
                State::Gone => break,
                State::Reused => return self.disown(found.process_id),
                State::Alive if Instant::now() > deadline => {
                    return Err(Error::Predecessor { process_id: found.process_id.as_raw_nonzero().get() });
                }
                State::Alive if !sent_off => {
                    sent_off = true;
                    let process_id = found.process_id.as_raw_nonzero().get();
                    tracing::info!(
                        process_id,
                        "the Postgres of an owner that was killed still runs: waiting for its end"
                    );
                    // It may have ended by now, which is as good.
                    let _ = rustix::process::kill_process(found.process_id, Signal::INT);
                }
                State::Alive => tokio::time::sleep(POLL).await,
            }
        }
        Ok(())
    }

    /// Postgres refuses to start while any process has the id in its `postmaster.pid`. That file cannot just be
    /// removed, for it also leads Postgres to shared memory that is still in use. The id of its own parent, however,
    /// Postgres takes for stale, so ours goes in.
    fn disown(&self, stale: Pid) -> Result<(), Error> {
        let path = self.postmaster_file();
        tracing::info!(process_id = stale.as_raw_nonzero().get(), "the last Postgres was killed: recovering");
        let rewrite = || {
            let content = fs::read(&path)?;
            let rest = content.iter().position(|byte| *byte == b'\n').unwrap_or(content.len());
            let mut fresh = std::process::id().to_string().into_bytes();
            fresh.extend_from_slice(&content[rest..]);
            let partial = self.cluster().join("postmaster.pid.partial");
            let _ = fs::remove_file(&partial);
            // A new file: an existing one could be a link by which the account has root write elsewhere.
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?.write_all(&fresh)?;
            give(&partial, self.account)?;
            fs::rename(&partial, &path)
        };
        rewrite().map_err(Error::folder(&path))
    }
}

fn check_way(account: Option<Account>, data_dir: &Path) -> Result<(), Error> {
    match account.and_then(|account| account.barred_at(data_dir)) {
        Some(barred) => Err(Error::Barred { data_dir: data_dir.to_path_buf(), barred }),
        None => Ok(()),
    }
}

/// Makes `folder` with everything above it, with `mode` whatever the umask is; leaves an existing one as it is.
pub(super) fn create_folder(folder: &Path, mode: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

/// `bytes` random bytes from the kernel, as hexadecimal digits.
pub(super) fn random_hex<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

fn give(path: &Path, account: Option<Account>) -> io::Result<()> {
    match account {
        Some(account) => lchown(path, Some(account.user_id), Some(account.group_id)),
        None => Ok(()),
    }
}
