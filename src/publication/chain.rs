//! Whether the ledger is whole: every digest and every link, recomputed from
//! what is stored. Pure: entries come in by sequence, the first fault goes out.

use crate::{digest::Digest, publication::Publication};

/// The first thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The sequence number of the entry.
    pub sequence: i64,
    /// What is wrong with it.
    pub description: String,
}

/// The ledger as far as it has been walked.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// The sequence number of the last entry.
    pub sequence: i64,
    /// The hash of the last entry.
    pub hash: Digest,
}

impl Chain {
    /// Before the first entry.
    pub const START: Chain = Chain { sequence: 0, hash: Digest::ZERO };

    /// Goes on to the next entry, with the sealed bytes that are stored for it.
    ///
    /// # Errors
    /// The entry or its bytes are not what was written.
    pub fn follow(self, entry: &Publication, bytes: Option<&[u8]>) -> Result<Chain, Fault> {
        let next = self.sequence + 1;
        let fault = |description: &str| Fault { sequence: next, description: description.to_owned() };
        if entry.sequence != next {
            return Err(fault("the entry is missing"));
        }
        if entry.previous_hash != self.hash {
            return Err(fault("its previous_hash is not the hash of the entry before"));
        }
        if entry.compute_hash() != entry.hash {
            return Err(fault("its hash is not the digest of its fields"));
        }
        match bytes {
            None => Err(fault("its snapshot is missing")),
            Some(bytes) if Digest::of(bytes) != entry.sha256 => {
                Err(fault("its snapshot has another digest than the entry says"))
            }
            Some(bytes) if bytes.len() as i64 != entry.size_bytes => {
                Err(fault("its snapshot has another length than the entry says"))
            }
            Some(_) => Ok(Chain { sequence: entry.sequence, hash: entry.hash }),
        }
    }

    /// Ends at the head as it is stored; `last` is the highest number that an
    /// entry has.
    ///
    /// # Errors
    /// The ledger does not end where the head says.
    pub fn end(self, head: Chain, last: i64) -> Result<(), Fault> {
        let fault =
            |sequence, description: &str| Err(Fault { sequence, description: description.to_owned() });
        if self.sequence < head.sequence {
            return fault(self.sequence + 1, "the entry is missing");
        }
        if last > head.sequence {
            return fault(head.sequence + 1, "the entry lies behind the head of the ledger");
        }
        if self.hash != head.hash {
            return fault(self.sequence, "the head of the ledger has another hash than the last entry");
        }
        Ok(())
    }
}
