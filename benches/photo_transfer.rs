//! How long a photo file takes to come and go, beside a plain copy of the same
//! bytes over loopback TCP to disk, in the same run; and what memory the server
//! takes for a small file and for a large one.
//!
//! ```sh
//! cargo bench --bench photo_transfer -- --help
//! ```

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use futures::stream;
use masthead::{config::CHUNK_BYTES_MAX, demo::picture::stand_in, import::desk::Desk, pb};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Bytes that the plain copy reads and writes at a time.
const COPY_BYTES: usize = 256 * 1024;

/// Uploads and downloads files, each in turn with a plain copy, and prints the
/// medians and the ratios pair by pair.
///
/// The server is a process of its own, on a durable Postgres of its own, with the
/// photo store in a folder of the same disk as the plain copy. An upload ends when
/// the service has answered: the bytes are digested, looked at, synced to disk and
/// noted in Postgres. The plain copy ends when its bytes are synced to disk. A
/// download reads what was just written, as does its plain copy.
#[derive(Parser)]
#[command(name = "photo_transfer", max_term_width = 100)]
struct Arguments {
    /// Megabytes of a file
    #[arg(long, default_value_t = 50)]
    megabytes: usize,
    /// Files, one after the other
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Megabytes of the large file by which memory is measured
    #[arg(long, default_value_t = 500)]
    large_megabytes: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let server = Server::start(folder.path())?;
    let mut desk = server.desk(folder.path()).await?;
    let plain = Plain::start(folder.path().join("plain"))?;

    let mut rounds = Vec::new();
    for round in 0..=arguments.rounds {
        let bytes = file(arguments.megabytes * 1_000_000, round as u64);
        let photo = new_photo(&mut desk).await?;
        // Which of both is first changes with each round.
        let times = if round % 2 == 0 {
            let (upload, download) =
                (upload(&mut desk, &photo, &bytes).await?, download(&mut desk, &photo, bytes.len()).await?);
            [upload, plain.take(&bytes)?, download, plain.give(bytes.len())?]
        } else {
            let (take, give) = (plain.take(&bytes)?, plain.give(bytes.len())?);
            [
                upload(&mut desk, &photo, &bytes).await?,
                take,
                download(&mut desk, &photo, bytes.len()).await?,
                give,
            ]
        };
        // The first one warms up.
        if round > 0 {
            rounds.push(times);
        }
    }
    println!(
        "{} MB, {} rounds; medians, and the median of the ratios of each round",
        arguments.megabytes, arguments.rounds
    );
    for (what, own, other) in [("upload", 0, 1), ("download", 2, 3)] {
        let seconds =
            |index: usize| median(rounds.iter().map(|times: &[Duration; 4]| times[index].as_secs_f64()));
        let ratios = || rounds.iter().map(|times| times[other].as_secs_f64() / times[own].as_secs_f64());
        let speed = |seconds: f64| arguments.megabytes as f64 / seconds;
        println!(
            "{what:8}  service {:4.0} MB/s  plain copy {:4.0} MB/s  ratio {:.2} ({:.2} to {:.2})",
            speed(seconds(own)),
            speed(seconds(other)),
            median(ratios()),
            ratios().fold(f64::INFINITY, f64::min),
            ratios().fold(0.0, f64::max),
        );
    }
    for megabytes in [1, arguments.megabytes, arguments.large_megabytes] {
        let bytes = file(megabytes * 1_000_000, 1_000 + megabytes as u64);
        let photo = new_photo(&mut desk).await?;
        server.forget_peak()?;
        upload(&mut desk, &photo, &bytes).await?;
        let up = server.peak_megabytes()?;
        server.forget_peak()?;
        download(&mut desk, &photo, bytes.len()).await?;
        println!(
            "memory of the server at most: {up:.0} MB for {megabytes} MB up, {:.0} MB down",
            server.peak_megabytes()?
        );
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A JPEG of about so many bytes, like no other.
fn file(bytes: usize, seed: u64) -> Vec<u8> {
    let small = stand_in(64, 48).expect("a picture");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut file = small[..2].to_vec();
    while file.len() + small.len() < bytes {
        file.extend([0xff, 0xfe, 0xff, 0xff]);
        for _ in 0..65_533 / 8 + 1 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.extend(state.to_le_bytes());
        }
        file.truncate(file.len() - (8 - 65_533 % 8));
    }
    file.extend(&small[2..]);
    file
}

async fn new_photo(desk: &mut Desk) -> Outcome<String> {
    Ok(desk.photos.create_photo(pb::CreatePhotoRequest::default()).await?.into_inner().name)
}

async fn upload(desk: &mut Desk, name: &str, bytes: &[u8]) -> Outcome<Duration> {
    use pb::upload_photo_request::Part;
    let start = pb::UploadPhotoStart { name: name.into(), ..Default::default() };
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let chunks = (0..bytes.len()).step_by(CHUNK_BYTES_MAX);
    let chunks: Vec<Part> =
        chunks.map(|at| Part::Chunk(bytes.slice(at..bytes.len().min(at + CHUNK_BYTES_MAX)))).collect();
    let parts = std::iter::once(Part::Start(start)).chain(chunks);
    let parts = stream::iter(parts.map(|part| pb::UploadPhotoRequest { part: Some(part) }));
    let begin = Instant::now();
    desk.photos.upload_photo(parts).await?;
    Ok(begin.elapsed())
}

async fn download(desk: &mut Desk, name: &str, expected: usize) -> Outcome<Duration> {
    use pb::download_photo_response::Part;
    let begin = Instant::now();
    let ask = pb::DownloadPhotoRequest { name: name.into(), ..Default::default() };
    let mut parts = desk.photos.download_photo(ask).await?.into_inner();
    let mut received = 0;
    while let Some(message) = parts.message().await? {
        if let Some(Part::Chunk(chunk)) = message.part {
            received += chunk.len();
        }
    }
    if received == expected { Ok(begin.elapsed()) } else { Err("bytes are missing".into()) }
}

/// The service; stopped when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Outcome<Server> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_masthead"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("no log")?).lines();
        let address = lines.find_map(|line| {
            line.ok()?.split_once("serving address=").map(|(_, address)| format!("http://{}", address.trim()))
        });
        // Read to its end, so that the server never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Server { process, address: address.ok_or("the server does not start")? })
    }

    async fn desk(&self, folder: &Path) -> Outcome<Desk> {
        let token = Command::new(env!("CARGO_BIN_EXE_masthead"))
            .args(["token", "create", "--name", "photographer", "--role", "reporter", "--data-dir"])
            .arg(folder.join("data"))
            .output()?;
        Ok(Desk::connect(&self.address, String::from_utf8(token.stdout)?.trim()).await?)
    }

    /// Makes the peak of its memory what it takes now (proc(5), `clear_refs`).
    fn forget_peak(&self) -> Outcome<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5")?)
    }

    fn peak_megabytes(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
        let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

/// The plain copy: a thread that writes to a file what comes, or sends it back.
struct Plain {
    address: std::net::SocketAddr,
}

impl Plain {
    fn start(path: PathBuf) -> Outcome<Plain> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve_plain(connection, &path).expect("a copy");
            }
        });
        Ok(Plain { address })
    }

    /// Sends bytes, until they are on disk.
    fn take(&self, bytes: &[u8]) -> Outcome<Duration> {
        let begin = Instant::now();
        let mut connection = TcpStream::connect(self.address)?;
        connection.write_all(b"w")?;
        connection.write_all(bytes)?;
        connection.shutdown(std::net::Shutdown::Write)?;
        connection.read_exact(&mut [0])?;
        Ok(begin.elapsed())
    }

    /// Gets the bytes back.
    fn give(&self, expected: usize) -> Outcome<Duration> {
        let begin = Instant::now();
        let mut connection = TcpStream::connect(self.address)?;
        connection.write_all(b"r")?;
        let (mut buffer, mut received) = (vec![0; COPY_BYTES], 0);
        loop {
            match connection.read(&mut buffer)? {
                0 => break,
                some => received += some,
            }
        }
        if received == expected { Ok(begin.elapsed()) } else { Err("bytes are missing".into()) }
    }
}

fn serve_plain(mut connection: TcpStream, path: &Path) -> std::io::Result<()> {
    let mut what = [0];
    connection.read_exact(&mut what)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut copy = |from: &mut dyn Read, to: &mut dyn Write| -> std::io::Result<()> {
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(()),
                some => to.write_all(&buffer[..some])?,
            }
        }
    };
    if what == *b"r" {
        return copy(&mut fs::File::open(path)?, &mut connection);
    }
    // A new file each time, as the service has.
    let _ = fs::remove_file(path);
    let mut file = fs::File::create(path)?;
    copy(&mut connection, &mut file)?;
    file.sync_all()?;
    connection.write_all(b"k")
}
