//! Walking the ledger: entry by entry from the first to the head that it had
//! when the walk began, with what readers are served from each. Entries that are
//! appended meanwhile do not disturb it.

use uuid::Uuid;

use crate::{
    article, config,
    db::{Connection, Db},
    error::Result,
    publication::{
        Publication,
        chain::{Chain, Fault},
        seal, store,
    },
};

/// How far a walk has come, or how it has ended.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The ledger as far as it has been found whole.
    pub chain: Chain,
    /// The head when the walk began.
    pub head: Chain,
    /// How it has ended; none while it goes on.
    pub end: Option<Option<Fault>>,
    /// The highest number that an entry had when the walk began.
    last: i64,
    /// The first publication that readers are served otherwise than the ledger
    /// allows. Told at the end, as it is judged by later entries: a fault in one
    /// of those comes first.
    misserved: Option<Fault>,
}

/// Begins a walk.
///
/// # Errors
/// The database is away.
pub async fn begin(db: &Db) -> Result<Walk> {
    let (head, last) = store::head(&mut *db.read().await?).await?;
    Ok(Walk { chain: Chain::START, head, end: None, last, misserved: None })
}

impl Walk {
    /// Goes on by some entries.
    ///
    /// # Errors
    /// The database is away, or what is stored cannot be read at all.
    pub async fn go_on(mut self, db: &Db) -> Result<Walk> {
        let wanted = (self.head.sequence - self.chain.sequence).min(config::VERIFY_ENTRIES_AT_A_TIME);
        let mut connection = db.read().await?;
        let entries = match wanted {
            0 => Vec::new(),
            _ => store::list(&mut connection, &[], Some(self.chain.sequence), wanted).await?,
        };
        let misfiled = store::misfiled(&mut connection, self.chain.sequence, wanted).await?;
        for entry in &entries {
            if let Some(fault) = self.look_at(&mut connection, entry).await? {
                return Ok(self.ended(Some(fault)));
            }
            if misfiled == Some(entry.sequence) {
                let description = "it is filed under another newspaper than what it is of".to_owned();
                return Ok(self.ended(Some(Fault { sequence: entry.sequence, description })));
            }
        }
        if (entries.len() as i64) < wanted || self.chain.sequence >= self.head.sequence {
            let fault = self.chain.end(self.head, self.last).err();
            return Ok(self.ended(fault));
        }
        Ok(self)
    }

    /// Follows the chain to an entry, and looks at what readers are served from it.
    async fn look_at(&mut self, connection: &mut Connection, entry: &Publication) -> Result<Option<Fault>> {
        let sealed = store::snapshot(connection, entry.sequence).await?;
        let chain = match self.chain.follow(entry, sealed.as_deref()) {
            Ok(chain) => chain,
            Err(fault) => return Ok(Some(fault)),
        };
        let sealed = sealed.unwrap_or_default();
        let served = store::served::articles_served(connection, entry.sequence).await?;
        if let Some(fault) = fault_of_articles(entry, &sealed, &served)? {
            return Ok(Some(fault));
        }
        if self.misserved.is_none() {
            self.misserved = fault_of_redaction(connection, entry, &sealed).await?;
        }
        self.chain = chain;
        Ok(None)
    }

    fn ended(self, fault: Option<Fault>) -> Walk {
        let end = fault.or_else(|| self.misserved.clone());
        Walk { end: Some(end), ..self }
    }
}

fn fault_of_articles(
    entry: &Publication,
    sealed: &[u8],
    served: &[(Uuid, Vec<u8>)],
) -> Result<Option<Fault>> {
    let astray = seal::articles_astray(entry.kind, sealed, served)?;
    Ok(astray.first().map(|id| {
        let name = article::name(*id);
        let description = format!("readers are served other bytes of {name} than were published");
        Fault { sequence: entry.sequence, description }
    }))
}

/// Whether readers are served the sealed bytes without what was withdrawn: that,
/// and nothing but that, is missing.
async fn fault_of_redaction(
    connection: &mut Connection,
    entry: &Publication,
    sealed: &[u8],
) -> Result<Option<Fault>> {
    let names = seal::contents(entry, sealed)?;
    let redaction = store::withdrawal::redaction(connection, entry.sequence, &names).await?;
    if redaction.bytes.is_none() && redaction.gone.is_empty() {
        return Ok(None);
    }
    let served = redaction.bytes.as_deref().unwrap_or(sealed);
    let is_right = served == seal::what_stands(entry, sealed, &redaction.gone)?;
    let description = "readers are served something else than what was published less what was withdrawn";
    Ok((!is_right).then(|| Fault { sequence: entry.sequence, description: description.to_owned() }))
}
