//! Writing what comes to the photo store, and noting now and then how far it is.

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tonic::Status;

use super::{
    Uploads,
    messages::{Messages, next_chunk},
};
use crate::{
    error::{Error, Result},
    photo::{
        files::{Incoming, Progress},
        store,
        upload::Upload,
    },
};

/// Why no more comes, before the end.
pub(super) enum Interruption {
    /// The call ended or broke a rule. What has come stands.
    Call(Status),
    /// The file is larger than it may be, and so no good whatever else comes.
    File(Error),
    /// What has come since the last mark could not be stored.
    Store(Error),
}

/// An upload that is running.
pub(super) struct Receiving<'a> {
    uploads: &'a Uploads,
    upload: &'a Upload,
    /// The file.
    pub incoming: Incoming,
    /// The mark that is being stored while more comes.
    marking: Option<JoinHandle<Result<Progress>>>,
}

impl<'a> Receiving<'a> {
    pub(super) fn new(uploads: &'a Uploads, upload: &'a Upload, incoming: Incoming) -> Receiving<'a> {
        Receiving { uploads, upload, incoming, marking: None }
    }

    /// Takes all messages up to the last one.
    pub(super) async fn receive(&mut self, messages: &mut Messages) -> Result<(), Interruption> {
        while let Some(mut chunk) = next_chunk(messages).await.map_err(Interruption::Call)? {
            let size_bytes = self.incoming.size_bytes() + chunk.len() as u64;
            let limit_bytes = self.uploads.settings.photo_bytes_max;
            self.upload.declared.allow(size_bytes, limit_bytes).map_err(Interruption::File)?;
            while !chunk.is_empty() {
                if self.incoming.room() == 0 {
                    self.mark().await.map_err(Interruption::Store)?;
                }
                let piece = chunk.split_to(chunk.len().min(self.incoming.room()));
                self.incoming.write(piece).await.map_err(Interruption::Store)?;
            }
        }
        Ok(())
    }

    /// Stores where the file stands, in the background.
    async fn mark(&mut self) -> Result<()> {
        self.settle().await?;
        let mark = self.incoming.mark();
        let (uploads, upload) = (self.uploads.clone(), self.upload.clone());
        self.marking = Some(tokio::spawn(async move {
            let progress = mark.store().await?;
            // Nobody could go on with it, so nobody needs to know.
            if upload.resumable {
                uploads.save(&upload, &progress).await?;
            }
            Ok(progress)
        }));
        Ok(())
    }

    /// Waits until the last mark is stored.
    pub(super) async fn settle(&mut self) -> Result<()> {
        if let Some(marking) = self.marking.take() {
            let died = |died| Error::Internal(format!("storing a mark died: {died}"));
            let progress = marking.await.map_err(died)??;
            self.incoming.confirm(&progress);
        }
        Ok(())
    }

    /// Stores where the file stands, to its last byte.
    pub(super) async fn mark_all(&mut self) -> Result<()> {
        self.mark().await?;
        self.settle().await
    }
}

impl Uploads {
    /// Keeps how far an upload is, unless a newer call has taken it over.
    async fn save(&self, upload: &Upload, progress: &Progress) -> Result<()> {
        let now = Utc::now();
        let connection = &mut *self.db.read().await?;
        if store::uploads::save(connection, upload.id, progress, now, self.expiry(now)).await? {
            Ok(())
        } else {
            Err(Error::UploadTakenOver)
        }
    }

    /// When an upload is given up that is alive now.
    pub(super) fn expiry(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + chrono::TimeDelta::hours(self.settings.upload_retention_hours.into())
    }
}
