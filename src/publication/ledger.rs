//! Appending to the ledger: one entry after the other, each knowing the hash of
//! the one before.

use crate::{
    db::Transaction,
    digest::Digest,
    error::Result,
    publication::{Kind, Publication, store},
};

/// What an entry is about.
#[derive(Debug)]
pub struct Subject {
    /// What is done.
    pub kind: Kind,
    /// The name of the issue or article.
    pub resource: String,
    /// The id of its newspaper.
    pub newspaper: String,
    /// An article's revision, or how often the issue has been published.
    pub revision: i64,
    /// What is told to the public.
    pub note: String,
    /// The entry that this one replaces.
    pub supersedes: Option<i64>,
}

/// The next entry, as far as it is known before anything is sealed. Locks the
/// head of the ledger until the transaction ends.
pub async fn draft(transaction: &mut Transaction, subject: Subject) -> Result<Publication> {
    let (sequence, previous_hash) = store::lock_head(transaction.connection()).await?;
    Ok(Publication {
        sequence: sequence + 1,
        kind: subject.kind,
        resource: subject.resource,
        newspaper: subject.newspaper,
        revision: subject.revision,
        size_bytes: 0,
        sha256: Digest::ZERO,
        previous_hash,
        hash: Digest::ZERO,
        publisher: transaction.caller().name.clone(),
        publish_time: transaction.now(),
        note: subject.note,
        supersedes: subject.supersedes,
        acknowledged: Vec::new(),
        superseded_by: None,
    })
}

/// Completes an entry with what covers the sealed bytes, and appends both.
pub async fn append(transaction: &mut Transaction, entry: Publication, bytes: &[u8]) -> Result<Publication> {
    let mut entry = Publication { size_bytes: bytes.len() as i64, sha256: Digest::of(bytes), ..entry };
    entry.hash = entry.compute_hash();
    store::append(transaction.connection(), &entry, bytes).await?;
    transaction.publishes();
    Ok(entry)
}

/// Appends a tombstone, which seals nothing.
pub async fn bury(transaction: &mut Transaction, subject: Subject) -> Result<Publication> {
    let entry = draft(transaction, subject).await?;
    append(transaction, entry, &[]).await
}
