//! Cursors of feeds: the place that a message of a feed ends at. Opaque to
//! clients, but no secret. What ties a cursor to one history is the place itself
//! ([`Place`]); what stands here tells a cursor from anything else.

use data_encoding::BASE64URL_NOPAD;

use crate::{
    digest::Digest,
    feed::{Feed, Place, Start},
    wire::Check,
};

/// The form of a cursor.
const VERSION: u8 = 1;

/// How many bytes of a digest stand at the end, against cursors that were cut or
/// mistyped.
const SEAL_BYTES: usize = 4;

/// Writes the cursor of a place.
pub fn write(feed: Feed, place: Place) -> String {
    let mut bytes = vec![VERSION, tag(feed)];
    bytes.extend(place.transaction.to_be_bytes());
    bytes.extend(place.number.to_be_bytes());
    bytes.extend(place.mark);
    let seal = seal(&bytes);
    bytes.extend(seal);
    BASE64URL_NOPAD.encode(&bytes)
}

/// Reads the fields `cursor` and `from_now` of a request.
pub fn start(check: &mut Check, feed: Feed, cursor: &str, from_now: bool) -> Start {
    if cursor.is_empty() {
        return if from_now { Start::Now } else { Start::Beginning };
    }
    if from_now {
        check.add("from_now", "must not be set together with cursor");
    }
    match read(cursor) {
        Some((of, place)) if of == tag(feed) => return Start::After(place),
        Some(_) => {
            check.add("cursor", "is of another feed; publications and changes have cursors of their own")
        }
        None => check.add("cursor", "is none; give one as it was received, or leave it out"),
    }
    Start::Beginning
}

fn tag(feed: Feed) -> u8 {
    match feed {
        Feed::Publications => b'p',
        Feed::Changes => b'c',
    }
}

/// The tag of the feed, and the place, which is one that an entry can have.
fn read(cursor: &str) -> Option<(u8, Place)> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
    let (bytes, given) = bytes.split_last_chunk::<SEAL_BYTES>()?;
    if *given != seal(bytes) {
        return None;
    }
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let (transaction, rest) = rest.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let place = Place {
        transaction: i64::from_be_bytes(*transaction),
        number: i64::from_be_bytes(*number),
        mark: rest.try_into().ok()?,
    };
    let is_place = place.transaction >= 0 && place.number >= 0;
    (head[0] == VERSION && is_place).then_some((head[1], place))
}

fn seal(bytes: &[u8]) -> [u8; SEAL_BYTES] {
    let digest = Digest::of_parts([b"cursor".as_slice(), bytes]);
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&digest.as_bytes()[..SEAL_BYTES]);
    seal
}
