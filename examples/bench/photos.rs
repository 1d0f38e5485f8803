//! Photo files that come and go, beside a plain copy of the same bytes over loopback
//! TCP to the same disk; and what memory the server takes for a small file and for a
//! large one.
//!
//! An upload ends when the service has answered: the bytes are digested, looked at,
//! synced to disk and noted in Postgres. The plain copy ends when its bytes are synced. A
//! download reads what was just written, as does its plain copy.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::stream;
use masthead::{admin::Role, config::CHUNK_BYTES_MAX, demo::picture::stand_in, import::desk::Desk, pb};

use crate::{
    Effort, Outcome,
    paper::Paper,
    report::{Rounds, Table},
};

/// Bytes that the plain copy reads and writes at a time.
const COPY_BYTES: usize = 256 * 1024;

pub async fn measure(paper: &Paper, effort: &Effort, folder: &Path) -> Outcome<[Table; 2]> {
    let server = paper.serve()?;
    let mut desk = paper.desk(&server, Role::Reporter).await?;
    let plain = Plain::start(folder.join("plain"))?;
    let [megabytes, large] = effort.photo_megabytes;
    let mut sides = [const { [Rounds::new(), Rounds::new()] }; 2];
    // The first round warms up.
    for round in 0..=effort.rounds {
        let bytes = file(megabytes * 1_000_000, round as u64);
        let photo = new_photo(&mut desk).await?;
        // Which of both is first changes with each round.
        for turn in 0..2 {
            let (up, down) = if (round + turn) % 2 == 0 {
                (upload(&mut desk, &photo, &bytes).await?, download(&mut desk, &photo, bytes.len()).await?)
            } else {
                (plain.take(&bytes)?, plain.give(bytes.len())?)
            };
            if round > 0 {
                let [up_rounds, down_rounds] = &mut sides[(round + turn) % 2];
                up_rounds.push(megabytes as f64 / up.as_secs_f64());
                down_rounds.push(megabytes as f64 / down.as_secs_f64());
            }
        }
    }
    let title = format!(
        "Files of {megabytes} MB, beside a plain copy over loopback TCP to the same disk; medians of {} rounds",
        effort.rounds
    );
    let mut speed = Table::new(title, ["", "MB/s", "plain copy", "ratio (of each round)"]);
    let [own, other] = &sides;
    for (what, index) in [("upload", 0), ("download", 1)] {
        speed.row([
            what.to_owned(),
            format!("{:.0}", own[index].median()),
            format!("{:.0}", other[index].median()),
            own[index].to(&other[index]).to_string(),
        ]);
    }
    let mut memory = Table::new("Most memory of the server, in MB", ["file", "up", "down"]);
    for megabytes in [1, megabytes, large] {
        let bytes = file(megabytes * 1_000_000, 1_000 + megabytes as u64);
        let photo = new_photo(&mut desk).await?;
        let mut cells = vec![format!("{megabytes} MB")];
        server.forget_peak()?;
        upload(&mut desk, &photo, &bytes).await?;
        cells.push(format!("{:.0}", server.memory("VmHWM:")? / 1e6));
        server.forget_peak()?;
        download(&mut desk, &photo, bytes.len()).await?;
        cells.push(format!("{:.0}", server.memory("VmHWM:")? / 1e6));
        memory.row(cells);
    }
    Ok([speed, memory])
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
