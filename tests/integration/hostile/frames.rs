//! HTTP/2 by hand (RFC 9113), with which a client can send what no library would.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What every HTTP/2 connection begins with (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The code of a stream that its client no longer wants (section 7).
pub const CANCEL: u32 = 8;

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small payload").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field of a block of headers, as a literal that no table keeps (RFC 7541
/// section 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        length(text.len(), &mut field);
        field.extend(text.as_bytes());
    }
    field
}

/// An integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn length(length: usize, field: &mut Vec<u8>) {
    let Some(mut rest) = length.checked_sub(127) else {
        return field.push(length as u8);
    };
    field.push(127);
    while rest >= 128 {
        field.push(rest as u8 | 128);
        rest /= 128;
    }
    field.push(rest as u8);
}

/// The headers of a call.
pub fn call(method: &str, authorization: &str) -> Vec<u8> {
    let path = format!("/masthead.v1.{method}");
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "masthead"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("authorization", authorization),
    ];
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// A message as gRPC frames it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).expect("a small message").to_be_bytes());
    framed.extend(message);
    framed
}

/// A connection.
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Connects, and says nothing.
    pub async fn silent(address: &str) -> Wire {
        Wire { stream: TcpStream::connect(address).await.expect("a connection") }
    }

    /// Connects, and begins HTTP/2 with these settings.
    pub async fn with_settings(address: &str, settings: &[(u16, u32)]) -> Wire {
        let mut wire = Wire::silent(address).await;
        let settings = settings
            .iter()
            .flat_map(|(name, value)| [name.to_be_bytes().as_slice(), &value.to_be_bytes()].concat());
        let settings: Vec<u8> = settings.collect();
        wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()).await;
        wire
    }

    /// Connects, and begins HTTP/2.
    pub async fn open(address: &str) -> Wire {
        Wire::with_settings(address, &[]).await
    }

    /// Sends bytes; whether the server still takes them.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends bytes unless the server leaves them lying for a moment; whether it
    /// still takes any at all.
    pub async fn push(&mut self, bytes: &[u8]) -> bool {
        let pause = std::time::Duration::from_millis(200);
        !matches!(tokio::time::timeout(pause, self.stream.write_all(bytes)).await, Ok(Err(_)))
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Waits until so many bytes have come, which they must soon, and leaves them lying.
    pub async fn holds(&self, bytes: usize) {
        let (start, mut buffer) = (std::time::Instant::now(), vec![0; bytes]);
        loop {
            let held = self.stream.peek(&mut buffer).await.expect("a connection");
            if held >= bytes {
                return;
            }
            // That no more will come is not told as long as some of it lies there.
            let is_waited_for = held > 0 && start.elapsed() < std::time::Duration::from_secs(30);
            assert!(is_waited_for, "{held} bytes have come of {bytes}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Takes a little of what has come, and lets the server send as much again.
    pub async fn sip(&mut self) {
        let mut bytes = [0; 256];
        if let Ok(taken @ 1..) = self.stream.try_read(&mut bytes) {
            self.push(&frame(WINDOW_UPDATE, 0, 0, &(taken as u32).to_be_bytes())).await;
        }
    }

    /// Throws away what has come.
    pub fn drain(&mut self) {
        let mut bytes = [0; 16 * 1024];
        while matches!(self.stream.try_read(&mut bytes), Ok(1..)) {}
    }

    /// Reads until the connection ends, which it must soon; all that came.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), read).await;
        // A reset is an end too.
        let _ = ended.expect("the server ends the connection");
        bytes
    }
}
