//! Page tokens (aip.dev/158): where the page before ended, and for which
//! method and arguments. A token is opaque to clients but no secret.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    config,
    digest::Digest,
    error::{Error, Result},
    wire::Check,
};

/// How many bytes of a digest tie a key to its method and arguments. They catch
/// mistakes, not forgers, who would gain nothing.
const SEAL_BYTES: usize = 8;

/// The rows of one page: those behind `after`, at most `size`.
#[derive(Debug)]
pub struct Page<K> {
    /// How many rows to return, 1 to [`crate::config::PAGE_ROWS_MAX`].
    pub size: i64,
    /// The key of the last row of the page before.
    pub after: Option<K>,
    list: Digest,
}

impl<K: Serialize + DeserializeOwned> Page<K> {
    /// Reads the paging fields of a request of this method, whose other
    /// arguments are `arguments`.
    pub fn open(
        check: &mut Check,
        method: &str,
        arguments: &[&str],
        page_size: i32,
        page_token: &str,
    ) -> Result<Page<K>> {
        let parts = std::iter::once(method).chain(arguments.iter().copied()).map(str::as_bytes);
        let list = Digest::of_parts(parts);
        let size = check.page_size(page_size);
        let after = match page_token {
            "" => None,
            token => Some(read(token, list).ok_or(Error::InvalidPageToken)?),
        };
        Ok(Page { size, after, list })
    }

    /// Cuts rows that were fetched as one more than [`Page::size`] to the page,
    /// and makes the token of the next one, empty if there is none.
    pub fn close<R>(&self, rows: &mut Vec<R>, key: impl Fn(&R) -> K) -> Result<String> {
        if rows.len() as i64 <= self.size {
            return Ok(String::new());
        }
        rows.truncate(self.size as usize);
        let Some(last) = rows.last() else { return Ok(String::new()) };
        self.token(&key(last))
    }

    /// The token of a page that begins behind the row with this key.
    pub fn token(&self, key: &K) -> Result<String> {
        let key = serde_json::to_vec(key)?;
        Ok(BASE64URL_NOPAD.encode(&[seal(self.list, &key), key].concat()))
    }
}

/// As many rows as a client takes as one page, as messages, and the last of them; of
/// rows at least one.
pub fn fit<R, M: Message>(rows: Vec<R>, message: impl Fn(&R) -> M) -> (Vec<M>, Option<R>) {
    let (mut messages, mut last, mut bytes) = (Vec::with_capacity(rows.len()), None, 0);
    for row in rows {
        let message = message(&row);
        bytes += message.encoded_len();
        if bytes > config::PAGE_MESSAGES_BYTES_MAX && !messages.is_empty() {
            break;
        }
        messages.push(message);
        last = Some(row);
    }
    (messages, last)
}

/// Rows that were fetched by their ids, in the order of these; those that are there.
pub fn in_order<R>(ids: &[Uuid], rows: Vec<R>, id: impl Fn(&R) -> Uuid) -> Vec<R> {
    let mut rows: HashMap<Uuid, R> = rows.into_iter().map(|row| (id(&row), row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).collect()
}

fn read<K: DeserializeOwned>(token: &str, list: Digest) -> Option<K> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let (given, key) = bytes.split_at_checked(SEAL_BYTES)?;
    if given == seal(list, key) { serde_json::from_slice(key).ok() } else { None }
}

/// What shows that a key was handed out for this list.
fn seal(list: Digest, key: &[u8]) -> Vec<u8> {
    Digest::of_parts([list.as_bytes(), key]).as_bytes()[..SEAL_BYTES].to_vec()
}
