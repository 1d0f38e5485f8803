//! A client of HTTP/2 that costs next to nothing: frames that were made before, on
//! blocking sockets, one thread a connection. It sends the next request when an
//! answer has come, and looks at every answer: its status, its length, its bytes.
//!
//! It lets servers use no table for headers (RFC 7541 section 4.2), so that the
//! status stands in every answer as the same bytes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::load::Outcome;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes before each frame (RFC 9113 section 4.1).
const FRAME_HEAD_BYTES: usize = 9;

/// Kinds and flags of frames (RFC 9113 section 6).
mod frame {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
    pub const END_STREAM: u8 = 1;
    pub const ACK: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
}

/// The name `grpc-status` in the code of RFC 7541 appendix B, with its length before it.
const GRPC_STATUS: [u8; 9] = [0x88, 0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];

/// The value `0`, in that code and as it is.
const OK: [[u8; 2]; 2] = [[0x81, 0x07], [0x01, b'0']];

/// What we let a peer send before we say more: as much as there can be.
const WINDOW: u32 = 0x7fff_ffff;

/// What a peer lets us send at first (RFC 9113 section 6.9.2).
const FIRST_WINDOW: i64 = 65_535;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// No answer takes longer, unless something is broken.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What must come back.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This message.
    Is(Bytes),
    /// A message that begins so.
    Begins(Bytes),
}

/// A request message, and what must come back.
#[derive(Clone, Debug)]
pub struct Question {
    pub message: Bytes,
    pub answer: Answer,
}

/// How to load a server.
#[derive(Clone)]
pub struct Load {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// `/package.Service/Method`
    pub path: &'static str,
    pub token: String,
    /// Each connection takes its share of them in turn.
    pub questions: Arc<Vec<Question>>,
    pub connections: usize,
    pub in_flight: usize,
    pub time: Duration,
}

/// What came of it.
pub struct Measured {
    pub calls_per_second: f64,
    /// Microseconds from the request to the end of its answer, shortest first.
    pub times: Vec<u32>,
}

impl Measured {
    /// Milliseconds in which so many of a hundred calls were answered.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.times.len() - 1;
        f64::from(self.times[(self.times.len() * percent / 100).min(last)]) / 1e3
    }
}

impl Load {
    /// Asks for as long as it says.
    ///
    /// # Errors
    /// An answer is not as it must be, or the connection ends.
    pub fn run(&self) -> Outcome<Measured> {
        let begun = Instant::now();
        let threads: Vec<_> = (0..self.connections)
            .map(|number| {
                let load = self.clone();
                thread::spawn(move || load.drive(number, begun + load.time))
            })
            .collect();
        let mut times = Vec::new();
        for thread in threads {
            times.extend(thread.join().map_err(|_| "a connection died")??);
        }
        let seconds = begun.elapsed().as_secs_f64();
        times.sort_unstable();
        if times.is_empty() {
            return Err("no answer came".into());
        }
        Ok(Measured { calls_per_second: times.len() as f64 / seconds, times })
    }

    fn drive(&self, number: usize, end: Instant) -> Outcome<Vec<u32>> {
        let mut line = Line::open(&self.address, self.path, &self.token)?;
        let mut times = Vec::new();
        // A share of its own, so that no two connections ask for the same at once.
        let share = (self.questions.len() / self.connections).max(1);
        let first = number * share;
        let mut next = 0;
        let mut open = 0;
        while open > 0 || Instant::now() < end {
            while open < self.in_flight && Instant::now() < end {
                let question = (first + next % share) % self.questions.len();
                if !line.ask(question, &self.questions[question].message) {
                    break;
                }
                next += 1;
                open += 1;
            }
            line.flush()?;
            let questions = &self.questions;
            open -= line.read(|question, at, part| match &questions[question].answer {
                Answer::Is(whole) => whole.get(at..at + part.len()).is_some_and(|expected| expected == part),
                Answer::Begins(start) => {
                    let expected = start.get(at..).unwrap_or_default();
                    let count = expected.len().min(part.len());
                    expected[..count] == part[..count]
                }
            })?;
            for (question, bytes, micros) in line.ended.drain(..) {
                let is_whole = match &questions[question].answer {
                    Answer::Is(whole) => bytes == whole.len(),
                    Answer::Begins(start) => bytes >= start.len(),
                };
                if !is_whole {
                    return Err(format!("{}: an answer has {bytes} bytes", self.path).into());
                }
                times.push(micros);
            }
        }
        Ok(times)
    }
}

/// Asks everything once, many at a time; the answers in their order.
///
/// # Errors
/// The status of an answer is not OK, or the connection ends.
pub fn collect(address: &str, path: &'static str, token: &str, messages: &[Bytes]) -> Outcome<Vec<Bytes>> {
    const IN_FLIGHT: usize = 32;
    let mut line = Line::open(address, path, token)?;
    let mut answers = vec![Vec::new(); messages.len()];
    let (mut next, mut open) = (0, 0);
    while open > 0 || next < messages.len() {
        while open < IN_FLIGHT && next < messages.len() && line.ask(next, &messages[next]) {
            next += 1;
            open += 1;
        }
        line.flush()?;
        open -= line.read(|question, _, part| {
            answers[question].extend_from_slice(part);
            true
        })?;
        line.ended.clear();
    }
    Ok(answers.into_iter().map(Bytes::from).collect())
}

/// An open call.
struct Call {
    stream: u32,
    question: usize,
    begun: Instant,
    /// Bytes of the answer so far: of the five before its message, and of that.
    received: usize,
}

/// One connection.
struct Line {
    socket: TcpStream,
    /// What is to be sent at the next flush.
    out: Vec<u8>,
    /// What was received; whole frames are taken out of it.
    buffer: Vec<u8>,
    filled: usize,
    first_head: Option<Vec<u8>>,
    head: Vec<u8>,
    next_stream: u32,
    window: i64,
    consumed: u32,
    calls: Vec<Call>,
    /// Of calls that have ended: the question, bytes of the message, microseconds.
    ended: Vec<(usize, usize, u32)>,
}

impl Line {
    fn open(address: &str, path: &str, token: &str) -> Outcome<Line> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        let mut out = PREFACE.to_vec();
        // No table, no pushes, and all of the window.
        let settings = [(1_u16, 0_u32), (2, 0), (4, WINDOW)];
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [id.to_be_bytes().as_slice(), &value.to_be_bytes()].concat())
            .collect();
        push_frame(&mut out, frame::SETTINGS, 0, 0, &settings);
        push_frame(&mut out, frame::WINDOW_UPDATE, 0, 0, &(WINDOW - FIRST_WINDOW as u32).to_be_bytes());
        let (first_head, head) = heads(address, path, token);
        Ok(Line {
            socket,
            out,
            buffer: vec![0; 2 * READ_BYTES],
            filled: 0,
            first_head: Some(first_head),
            head,
            next_stream: 1,
            window: FIRST_WINDOW,
            consumed: 0,
            calls: Vec::new(),
            ended: Vec::new(),
        })
    }

    /// Makes a call ready to be sent; not if the peer does not want more for now.
    fn ask(&mut self, question: usize, message: &[u8]) -> bool {
        let size = 5 + message.len();
        if self.window < size as i64 {
            return false;
        }
        self.window -= size as i64;
        let stream = self.next_stream;
        self.next_stream += 2;
        let head = self.first_head.take();
        let head = head.as_ref().unwrap_or(&self.head);
        push_frame(&mut self.out, frame::HEADERS, frame::END_HEADERS, stream, head);
        push_head(&mut self.out, frame::DATA, frame::END_STREAM, stream, size);
        self.out.push(0);
        self.out.extend((message.len() as u32).to_be_bytes());
        self.out.extend_from_slice(message);
        self.calls.push(Call { stream, question, begun: Instant::now(), received: 0 });
        true
    }

    fn flush(&mut self) -> Outcome<()> {
        if !self.out.is_empty() {
            self.socket.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    /// Reads what comes; how many calls have ended. `look` is given parts of messages
    /// with their place, and says whether they are right.
    fn read(&mut self, mut look: impl FnMut(usize, usize, &[u8]) -> bool) -> Outcome<usize> {
        let count = self.socket.read(&mut self.buffer[self.filled..])?;
        if count == 0 {
            return Err("the server closed the connection".into());
        }
        self.filled += count;
        let buffer = std::mem::take(&mut self.buffer);
        let (mut at, before) = (0, self.ended.len());
        while let Some(head) = buffer[at..self.filled].first_chunk::<FRAME_HEAD_BYTES>() {
            let size = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let payload = at + FRAME_HEAD_BYTES..at + FRAME_HEAD_BYTES + size;
            if payload.end > self.filled {
                break;
            }
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & WINDOW;
            self.take(head[3], head[4], stream, &buffer[payload.clone()], &mut look)?;
            at = payload.end;
        }
        self.buffer = buffer;
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(self.ended.len() - before)
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
        look: &mut impl FnMut(usize, usize, &[u8]) -> bool,
    ) -> Outcome<()> {
        match kind {
            frame::DATA if flags & (frame::PADDED | frame::END_STREAM) == 0 => {
                self.consume(payload.len());
                let call = self.call(stream)?;
                let before = call.received;
                call.received += payload.len();
                let question = call.question;
                let message = payload.get(5_usize.saturating_sub(before)..).unwrap_or_default();
                if !look(question, before.saturating_sub(5), message) {
                    return Err("an answer says something else".into());
                }
            }
            frame::HEADERS if flags & frame::END_STREAM != 0 => {
                let is_ok = OK.iter().any(|ok| {
                    let field = [GRPC_STATUS.as_slice(), ok].concat();
                    payload.windows(field.len()).any(|part| part == field)
                });
                let call = self.call(stream)?;
                if !is_ok {
                    return Err(format!("a call was refused: {}", payload.escape_ascii()).into());
                }
                let ended = (
                    call.question,
                    call.received.saturating_sub(5),
                    call.begun.elapsed().as_micros().min(u32::MAX.into()) as u32,
                );
                self.calls.retain(|call| call.stream != stream);
                self.ended.push(ended);
            }
            frame::HEADERS if flags & frame::END_HEADERS != 0 => {}
            frame::SETTINGS if flags & frame::ACK == 0 => {
                push_frame(&mut self.out, frame::SETTINGS, frame::ACK, 0, &[]);
            }
            frame::PING if flags & frame::ACK == 0 => {
                push_frame(&mut self.out, frame::PING, frame::ACK, 0, payload);
            }
            frame::WINDOW_UPDATE if stream == 0 => {
                let more = payload.first_chunk::<4>().ok_or("a window update of no bytes")?;
                self.window += i64::from(u32::from_be_bytes(*more) & WINDOW);
            }
            frame::SETTINGS | frame::PING | frame::WINDOW_UPDATE => {}
            frame::RST_STREAM => return Err("the server reset a stream".into()),
            frame::GOAWAY => return Err("the server wants no more of this connection".into()),
            frame::CONTINUATION => return Err("headers in several frames".into()),
            other => return Err(format!("a frame of kind {other} with flags {flags}").into()),
        }
        Ok(())
    }

    /// Gives back what was received, now and then.
    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u32;
        if self.consumed > WINDOW / 4 {
            push_frame(&mut self.out, frame::WINDOW_UPDATE, 0, 0, &self.consumed.to_be_bytes());
            self.consumed = 0;
        }
    }

    fn call(&mut self, stream: u32) -> Outcome<&mut Call> {
        let call = self.calls.iter_mut().find(|call| call.stream == stream);
        call.ok_or_else(|| format!("stream {stream} is not open").into())
    }
}

fn push_head(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, size: usize) {
    out.extend(&(size as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
}

fn push_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    push_head(out, kind, flags, stream, payload.len());
    out.extend_from_slice(payload);
}

/// The headers of the first request of a connection, which names what the table then
/// has, and those of all others, which refer to it, as usual clients do (RFC 7541
/// sections 6.1 and 6.2). The token stands in each of them and in no table.
fn heads(address: &str, path: &str, token: &str) -> (Vec<u8>, Vec<u8>) {
    const POST_HTTP: [u8; 2] = [0x83, 0x86];
    let mut secret = vec![0x1f, 0x08];
    push_text(&mut secret, &format!("Bearer {token}"));
    let mut first = POST_HTTP.to_vec();
    for (name, value) in [(0x44, path), (0x41, address), (0x5f, "application/grpc")] {
        first.push(name);
        push_text(&mut first, value);
    }
    first.push(0x40);
    push_text(&mut first, "te");
    push_text(&mut first, "trailers");
    first.extend(&secret);
    // The newest entry is the 62nd.
    let mut others = POST_HTTP.to_vec();
    others.extend([0xc1, 0xc0, 0xbf, 0xbe]);
    others.extend(&secret);
    (first, others)
}

/// A text with its length before it (RFC 7541 section 5.2), which must be short.
fn push_text(out: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 127, "{text} does not fit into one byte of length");
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}
