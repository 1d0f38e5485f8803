//! What the frames of a connection cost the server. Frames that bring no call and
//! no part of a message take a sender nothing but nine bytes, and a server the time
//! of everyone else: floods of pings, settings, empty data, calls that are taken
//! back (CVE-2019-9512, -9515, -9518, CVE-2023-44487). So do headers, which have to
//! be taken apart before they can be refused. They are taken in at a pace;
//! a client that sends them faster is left waiting, and nobody else.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{
    FRAMES_AHEAD_TIME_MAX, HEADER_BYTES_PER_SECOND, IDLE_FRAMES_PER_SECOND, SMALL_FRAME_BYTES_MAX,
    SMALL_FRAMES_PER_SECOND, SMALL_HEADER_BYTES_MAX,
};

/// Bytes before what a frame brings: length, type, flags, stream (RFC 9113 section
/// 4.1).
const HEAD_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Counts the frames of a connection as its bytes come.
#[derive(Debug)]
pub struct Meter {
    /// What has come of the head of a frame.
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    /// How much is still to come of what the last frame brings.
    rest_bytes: usize,
    /// The time for which all frames so far would have been on time.
    due: Instant,
}

impl Meter {
    /// For a connection that has begun now.
    pub fn new(now: Instant) -> Meter {
        Meter { head: [0; HEAD_BYTES], head_bytes: 0, rest_bytes: 0, due: now }
    }

    /// Counts what has come now; until when no more is to be read, if it came too
    /// fast.
    pub fn take(&mut self, mut bytes: &[u8], now: Instant) -> Option<Instant> {
        self.due = self.due.max(now);
        while !bytes.is_empty() {
            if self.rest_bytes > 0 {
                let passed = self.rest_bytes.min(bytes.len());
                self.rest_bytes -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let taken = (HEAD_BYTES - self.head_bytes).min(bytes.len());
            let (part, later) = bytes.split_at(taken);
            self.head[self.head_bytes..][..taken].copy_from_slice(part);
            self.head_bytes += taken;
            bytes = later;
            if self.head_bytes == HEAD_BYTES {
                self.head_bytes = 0;
                let [high, middle, low, kind, flags, ..] = self.head;
                let length = u32::from_be_bytes([0, high, middle, low]);
                self.rest_bytes = length as usize;
                self.due += cost(kind, flags, length);
            }
        }
        let free = now + FRAMES_AHEAD_TIME_MAX;
        (self.due > free).then(|| now + (self.due - free))
    }
}

/// The time that a frame takes up.
fn cost(kind: u8, flags: u8, length: u32) -> Duration {
    let idle = Duration::from_secs(1) / IDLE_FRAMES_PER_SECOND;
    let small = Duration::from_secs(1) / SMALL_FRAMES_PER_SECOND;
    match kind {
        // Limits of their own count calls, and small headers cost less than their call.
        HEADERS if flags & END_HEADERS != 0 && length <= SMALL_HEADER_BYTES_MAX => Duration::ZERO,
        HEADERS => Duration::from_secs(1) * length / HEADER_BYTES_PER_SECOND,
        DATA if flags & END_STREAM != 0 || length > SMALL_FRAME_BYTES_MAX => Duration::ZERO,
        DATA if length > 0 => small,
        WINDOW_UPDATE => small,
        _ => idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    /// The head of a frame of data of 1,000 bytes, and of an empty one.
    const LARGE: [u8; HEAD_BYTES] = [0, 3, 0xE8, DATA, 0, 0, 0, 0, 1];
    const EMPTY: [u8; HEAD_BYTES] = [0, 0, 0, DATA, 0, 0, 0, 0, 1];
    const LAST: [u8; HEAD_BYTES] = [0, 0, 0, DATA, END_STREAM, 0, 0, 0, 1];

    /// How many may come at once of what may come so often in a second.
    fn ahead(per_second: u32) -> usize {
        (f64::from(per_second) * FRAMES_AHEAD_TIME_MAX.as_secs_f64()) as usize
    }

    #[test]
    fn some_pings_may_come_at_once_and_the_next_one_is_late() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        assert_eq!(meter.take(&PING.repeat(ahead(IDLE_FRAMES_PER_SECOND)), now), None);
        let one = Duration::from_secs(1) / IDLE_FRAMES_PER_SECOND;
        assert_eq!(meter.take(&PING, now), Some(now + one));
        // Once it has been waited for, there is room for one more.
        assert_eq!(meter.take(&PING, now + 2 * one), None);
    }

    #[test]
    fn frames_are_counted_however_their_bytes_come() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        let mut late = None;
        for byte in EMPTY.repeat(ahead(IDLE_FRAMES_PER_SECOND) + 1) {
            assert_eq!(late, None);
            late = meter.take(&[byte], now);
        }
        assert!(late.is_some());
    }

    #[test]
    fn some_headers_and_wider_windows_may_come_at_once() {
        let now = Instant::now();
        let window: [u8; 13] = [0, 0, 4, WINDOW_UPDATE, 0, 0, 0, 0, 0, 0, 0, 0x40, 0];
        let headers = [&[0, 4, 0, HEADERS, 4, 0, 0, 0, 1][..], &[0; 1024]].concat();
        for (frame, per_second) in
            [(window.to_vec(), SMALL_FRAMES_PER_SECOND), (headers, HEADER_BYTES_PER_SECOND / 1024)]
        {
            let mut meter = Meter::new(now);
            assert_eq!(meter.take(&frame.repeat(ahead(per_second)), now), None);
            assert!(meter.take(&frame, now).is_some());
        }
    }

    #[test]
    fn small_headers_are_never_late_unless_more_of_them_is_to_come() {
        let now = Instant::now();
        let headers = |bytes: u32, flags| {
            let length = bytes.to_be_bytes();
            [&[length[1], length[2], length[3], HEADERS, flags, 0, 0, 0, 1][..], &vec![0; bytes as usize]]
                .concat()
        };
        // Five seconds' worth of bytes.
        let count = 5 * HEADER_BYTES_PER_SECOND / SMALL_HEADER_BYTES_MAX;
        for (bytes, flags, is_late) in [
            (SMALL_HEADER_BYTES_MAX, END_HEADERS, false),
            (SMALL_HEADER_BYTES_MAX, 0, true),
            (SMALL_HEADER_BYTES_MAX + 1, END_HEADERS, true),
        ] {
            let late = Meter::new(now).take(&headers(bytes, flags).repeat(count as usize), now);
            assert_eq!(late.is_some(), is_late, "{bytes} bytes, flags {flags}");
        }
    }

    #[test]
    fn messages_and_their_ends_are_never_late() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        let mut call = LARGE.to_vec();
        // What looks like pings inside a message is none.
        call.extend(PING.repeat(100).into_iter().take(1_000));
        call.extend(LAST);
        assert_eq!(meter.take(&call.repeat(100_000 / call.len()), now), None);
        for _ in 0..10_000 {
            assert_eq!(meter.take(&call, now), None);
        }
    }
}
