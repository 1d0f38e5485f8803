//! HTTP/2 by hand (RFC 9113), for clients that do what no library does.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// A connection on which nothing comes for this long has failed the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every client begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Errors as frames number them.
pub const REFUSED_STREAM: u32 = 7;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// The check of health, which anyone may call.
pub const CHECK: &str = "/grpc.health.v1.Health/Check";
/// The watch of health.
pub const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The number at a place of the payload, such as that of an error.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }

    /// Whether it is the last one of its stream.
    pub fn ends(&self, stream: u32) -> bool {
        let last =
            self.kind == RST_STREAM || (matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0);
        self.stream == stream && last
    }
}

/// A frame in bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field of headers, not indexed and not compressed (RFC 7541 section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = Vec::new();
        // Of seven bits, and what is more in groups of seven (section 5.1).
        let mut rest = text.len();
        if rest < 127 {
            bytes.push(rest as u8);
        } else {
            bytes.push(127);
            rest -= 127;
            while rest >= 128 {
                bytes.push(128 | (rest % 128) as u8);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
        bytes.extend(text.as_bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

/// The headers of a call.
fn fields<'a>(path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "masthead"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    [&usual, more].concat()
}

/// What the headers of a call count, by RFC 9113 section 6.5.2.
pub fn headers_size(path: &str, more: &[(&str, &str)]) -> usize {
    fields(path, more).iter().map(|(name, value)| name.len() + value.len() + 32).sum()
}

/// The headers of a call as a frame.
pub fn headers(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = fields(path, more).iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// The one message of a call, as a frame.
pub fn message(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short message").to_be_bytes();
    frame(DATA, END_STREAM, stream, &[&[0], &length[..], bytes].concat())
}

/// A call with an empty message.
pub fn call(stream: u32, path: &str) -> Vec<u8> {
    [headers(stream, path, &[]), message(stream, b"")].concat()
}

/// A connection.
pub struct Raw {
    pub io: TcpStream,
}

impl Raw {
    /// Connects, and says nothing.
    pub async fn silent(address: SocketAddr) -> Raw {
        Raw { io: TcpStream::connect(address).await.expect("a connection") }
    }

    /// Connects from another address of this machine.
    pub async fn silent_from(local: &str, address: SocketAddr) -> Raw {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(local.parse().expect("an address"), 0)).expect("an address of loopback");
        Raw { io: socket.connect(address).await.expect("a connection") }
    }

    /// Begins as HTTP/2 does.
    pub async fn begin(&mut self) -> io::Result<()> {
        self.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await
    }

    /// Connects and begins; the connection, once the server has answered, and what
    /// its settings are.
    pub async fn open(address: SocketAddr) -> (Raw, Frame) {
        let mut raw = Raw::silent(address).await;
        raw.begin().await.expect("a beginning");
        let settings = raw.until(|frame| frame.kind == SETTINGS && frame.flags == 0).await;
        raw.send(&frame(SETTINGS, ACK, 0, &[])).await.expect("a send");
        (raw, settings)
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await
    }

    /// The next frame; none when the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.io.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.io.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            Some(Frame { kind: head[3], flags: head[4], stream, payload })
        };
        tokio::time::timeout(PATIENCE, read).await.expect("a frame in time")
    }

    /// The next frame that is wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().await.expect("the connection ended");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// All frames until the server closes the connection. It answers pings.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(next) = self.next().await {
            if next.kind == PING && next.flags == 0 {
                let _ = self.send(&frame(PING, ACK, 0, &next.payload)).await;
            }
            frames.push(next);
        }
        frames
    }

    /// Whether the server answers a check of health in a new stream.
    pub async fn is_served(&mut self, stream: u32) -> bool {
        if self.send(&call(stream, CHECK)).await.is_err() {
            return false;
        }
        while let Some(frame) = self.next().await {
            if frame.stream == stream {
                return frame.kind == HEADERS;
            }
        }
        false
    }

    /// Waits until the server closes a connection on which it says nothing.
    pub async fn is_closed_in_silence(&mut self) -> bool {
        self.next().await.is_none()
    }
}
