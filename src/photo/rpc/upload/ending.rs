//! The end of an upload: the photo gets its file, or what has come is removed.

use uuid::Uuid;

use super::{super::content::give_file, Uploads};
use crate::{
    auth::Principal,
    db::{Operation, Transaction, holding_open},
    deadline::Deadline,
    error::{Error, Result},
    pb,
    photo::{
        File,
        files::{Incoming, Received},
        intake,
        metadata::Metadata,
        release::release,
        store,
        upload::Upload,
    },
    telemetry::told,
};

/// The method that all of this answers, for the records.
const METHOD: &str = "UploadPhoto";

impl Uploads {
    /// Stores a file that is all here, and gives it to its photo.
    pub(super) async fn finish(
        &self,
        caller: Principal,
        upload: &Upload,
        incoming: Incoming,
    ) -> Result<pb::Photo> {
        let received = incoming.end().await?;
        match self.accept(caller, upload, received).await {
            Ok(photo) => {
                self.discard(upload, None).await;
                Ok(photo)
            }
            Err(error) => {
                // It would be refused again.
                if matches!(error, Error::InvalidPhotoFile(_) | Error::LimitExceeded(_)) {
                    self.give_up(upload, None).await;
                }
                Err(error)
            }
        }
    }

    async fn accept(&self, caller: Principal, upload: &Upload, received: Received) -> Result<pb::Photo> {
        let (file, metadata) = intake::examine(&received, &upload.declared).await?;
        // Before the transaction, as it may take a while in a bucket.
        received.keep().await?;
        let operation =
            Operation { caller: caller.clone(), method: METHOD, request: None, validate_only: false };
        let (uploads, upload, sha256) = (self.clone(), upload.clone(), file.sha256);
        let arrival = std::sync::Arc::new((uploads, upload, received, file, metadata));
        let given = self.db.write(operation, move |transaction| {
            let arrival = arrival.clone();
            Box::pin(async move {
                let (uploads, upload, received, file, metadata) = &*arrival;
                uploads.give(transaction, upload, received, file, metadata).await
            })
        });
        let given = given.await;
        if given.is_err() {
            // Also when it failed because the time of the call was over.
            let released = Deadline::aside(release(&self.db, &self.files, caller, METHOD, sha256)).await;
            if let Err(error) = released {
                told::line(|| {
                    tracing::warn!(%error, "a file that no photo got could not be removed; VerifyPhotos finds it");
                });
            }
        }
        given
    }

    async fn give(
        &self,
        transaction: &mut Transaction,
        upload: &Upload,
        received: &Received,
        file: &File,
        metadata: &Metadata,
    ) -> Result<pb::Photo> {
        let now = transaction.now();
        let photo = give_file(transaction, upload.photo, file, metadata).await?;
        if !store::uploads::set_stored(transaction.connection(), upload, received.writer, now).await? {
            return Err(Error::UploadTakenOver);
        }
        // The row is held now, but the file may have been let go of just before.
        let kept = async {
            if !self.files.has(file).await? {
                received.keep().await?;
            }
            Ok(())
        };
        holding_open(transaction.connection(), kept).await?;
        Ok(photo)
    }

    /// Forgets an upload and removes what has come of it. What cannot be done now
    /// is done when its time has passed.
    pub(super) async fn give_up(&self, upload: &Upload, multipart: Option<&str>) {
        if let Err(error) = self.forget(upload.id, multipart).await {
            told::line(|| tracing::warn!(%error, "an upload could not be removed yet"));
        }
    }

    async fn forget(&self, id: Uuid, multipart: Option<&str>) -> Result<()> {
        self.files.discard(id, multipart).await?;
        store::uploads::delete(&mut *self.db.read().await?, id).await
    }

    /// Removes what lies in the photo store of an upload.
    pub(super) async fn discard(&self, upload: &Upload, multipart: Option<&str>) {
        if let Err(error) = self.files.discard(upload.id, multipart).await {
            told::line(|| {
                tracing::warn!(%error, "what came of an upload could not be removed; VerifyPhotos finds it");
            });
        }
    }
}

/// An upload that nobody can continue. Dropped before its end, it is given up.
pub(super) struct Abandoned {
    upload: Option<(Uploads, Upload, Option<String>)>,
}

impl Abandoned {
    pub(super) fn new(uploads: Uploads, upload: Upload, multipart: Option<String>) -> Abandoned {
        Abandoned { upload: Some((uploads, upload, multipart)) }
    }

    /// The end: the photo has its file, and this is nobody's business any more.
    pub(super) fn end(mut self) {
        self.upload = None;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some((uploads, upload, multipart)) = self.upload.take() else { return };
        // Without a runtime the process is ending; a sweep removes it later.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { uploads.give_up(&upload, multipart.as_deref()).await });
        }
    }
}
