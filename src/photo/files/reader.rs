//! Reading a file of the store as decoders want it: bytes in any order, from a
//! thread that may wait.

use std::{
    io::{self, BufRead, Read, Seek, SeekFrom},
    sync::Arc,
};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use tokio::runtime::Handle;

/// Bytes that are fetched at a time.
const BLOCK_BYTES: u64 = 256 * 1024;

/// A file of the store. Only for threads that may block, as those of
/// `spawn_blocking`; holds one block of 256 KiB in memory.
#[derive(Debug)]
pub struct Reader {
    store: Arc<dyn ObjectStore>,
    place: Path,
    size_bytes: u64,
    position: u64,
    block: Bytes,
    block_start: u64,
    runtime: Handle,
}

impl Reader {
    pub(super) fn new(store: Arc<dyn ObjectStore>, place: Path, size_bytes: u64) -> Reader {
        let (block, runtime) = (Bytes::new(), Handle::current());
        Reader { store, place, size_bytes, position: 0, block, block_start: 0, runtime }
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.size_bytes {
            return Ok(&[]);
        }
        let block_end = self.block_start + self.block.len() as u64;
        if !(self.block_start..block_end).contains(&self.position) {
            let start = self.position - self.position % BLOCK_BYTES;
            let wanted = start..self.size_bytes.min(start + BLOCK_BYTES);
            self.block = self.runtime.block_on(self.store.get_range(&self.place, wanted))?;
            self.block_start = start;
        }
        // A file that is shorter than it was is at its end here.
        Ok(self.block.get((self.position - self.block_start) as usize..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let bytes = ready.read(into)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
