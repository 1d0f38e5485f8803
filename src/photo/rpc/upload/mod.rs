//! Uploads: files of any size in constant memory, in one call or continued after
//! breaks. What has come of an upload that can be continued is kept at the end of
//! the call, however the call ends; of any other it is removed.

mod ending;
mod messages;
mod receiving;

use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use uuid::Uuid;

pub use self::messages::Messages;
use self::{
    messages::Start,
    receiving::{Interruption, Receiving},
};
use crate::{
    auth::Principal,
    config::{UPLOADS_OPEN_MAX, UploadSettings},
    db::{Db, Operation, Trace},
    deadline::Deadline,
    error::{Error, Result},
    pb,
    photo::{
        files::{Files, Incoming, Progress},
        missing, store,
        upload::{self, Declared, Upload},
    },
    telemetry::told,
    wire::{self, Check},
    workflow::own,
};

/// The uploads of one server.
#[derive(Clone, Debug)]
pub struct Uploads {
    db: Db,
    files: Files,
    settings: UploadSettings,
    slots: Arc<Semaphore>,
}

impl From<Upload> for pb::PhotoUpload {
    fn from(upload: Upload) -> pb::PhotoUpload {
        // Both are far below what the types hold, as the limit on sizes sees to it.
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        pb::PhotoUpload {
            name: upload.name(),
            size_bytes: upload.declared.size_bytes.map(signed).unwrap_or_default(),
            sha256: upload.declared.sha256.map(|sha256| sha256.to_string()).unwrap_or_default(),
            content_type: upload.declared.content_type,
            uploader: upload.uploader,
            received_bytes: signed(upload.received_bytes),
            store_time: upload.store_time.map(wire::timestamp),
            create_time: Some(wire::timestamp(upload.create_time)),
            update_time: Some(wire::timestamp(upload.update_time)),
            expire_time: Some(wire::timestamp(upload.expire_time)),
        }
    }
}

/// Reads what an uploader says of a file that is to come in several calls.
pub fn declared(check: &mut Check, given: pb::PhotoUpload) -> Declared {
    if given.size_bytes == 0 {
        check.add("upload.size_bytes", "is required");
    }
    messages::declared(check, "upload", given.size_bytes, &given.sha256, given.content_type)
}

impl Uploads {
    /// The uploads of a server on this database and photo store.
    pub fn new(db: Db, files: Files, settings: UploadSettings) -> Uploads {
        let slots = Arc::new(Semaphore::new(settings.uploads_max as usize));
        Uploads { db, files, settings, slots }
    }

    /// Begins an upload that can be continued.
    pub async fn start(
        &self,
        operation: Operation,
        photo: Uuid,
        declared: Declared,
    ) -> Result<pb::PhotoUpload> {
        declared.allow(declared.size_bytes.unwrap_or_default(), self.settings.photo_bytes_max)?;
        let upload = self.new_upload(&operation.caller, photo, declared, true);
        let progress = self.files.begin(upload.id).await?;
        let started = self.insert(operation, &upload, &progress).await;
        // It was refused, rehearsed, or answered as the call that was first.
        if let Err(Error::NotFound { .. }) = self.find(photo, upload.id).await {
            self.discard(&upload, progress.multipart.as_deref()).await;
        }
        started
    }

    /// Where an upload stands.
    pub async fn get(&self, photo: Uuid, id: Uuid) -> Result<pb::PhotoUpload> {
        Ok(self.find(photo, id).await?.0.into())
    }

    /// Gives an upload up.
    pub async fn cancel(&self, operation: Operation, photo: Uuid, id: Uuid) -> Result<()> {
        let (is_rehearsal, found) = (operation.validate_only, self.find(photo, id).await);
        let cancelled = self.db.write(operation, move |transaction| {
            Box::pin(async move {
                let found = store::uploads::find(transaction.connection(), id).await?;
                let found = found.filter(|(upload, _)| is_of(upload, photo));
                let (upload, _) = found.ok_or_else(|| upload::missing(photo, id))?;
                let photo =
                    store::find(transaction.connection(), photo).await?.ok_or_else(|| missing(photo))?;
                own::must_own(transaction, &photo.name(), photo.id, &photo.words.bylines).await?;
                store::uploads::delete(transaction.connection(), id).await?;
                let before = upload.declared.sha256;
                transaction.leave_trace(Trace { resource: upload.name(), before, after: None });
                Ok(())
            })
        });
        cancelled.await?;
        if let (Ok((upload, progress)), false) = (found, is_rehearsal) {
            self.discard(&upload, progress.multipart.as_deref()).await;
        }
        Ok(())
    }

    /// Takes a file, or the rest of one.
    pub async fn upload(&self, caller: Principal, mut messages: Messages) -> Result<pb::Photo, Status> {
        let start = messages::begin(&caller, &mut messages).await?;
        let slot = self.slot()?;
        match start {
            Start::Whole { photo, declared } => self.whole(caller, photo, declared, messages, slot).await,
            Start::Rest { photo, upload, offset } => {
                // In a task of its own, so that what has come is kept when the client
                // hangs up and the call is dropped.
                let uploads = self.clone();
                let work = async move {
                    let _slot = slot;
                    uploads.rest(caller, photo, upload, offset, messages).await
                };
                let done = tokio::spawn(told::along(Deadline::along(work))).await;
                done.map_err(|died| Error::Internal(format!("an upload died: {died}")))?
            }
        }
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit> {
        let slot = self.slots.clone().try_acquire_owned();
        slot.map_err(|_| Error::TooManyUploads(self.settings.uploads_max))
    }

    fn new_upload(&self, caller: &Principal, photo: Uuid, declared: Declared, resumable: bool) -> Upload {
        let now = Utc::now().trunc_subsecs(6);
        Upload {
            id: Uuid::now_v7(),
            photo,
            uploader: caller.name.clone(),
            resumable,
            declared,
            received_bytes: 0,
            store_time: None,
            create_time: now,
            update_time: now,
            expire_time: self.expiry(now),
        }
    }

    /// Keeps an upload that begins, for a photo that is there.
    async fn insert(
        &self,
        operation: Operation,
        upload: &Upload,
        progress: &Progress,
    ) -> Result<pb::PhotoUpload> {
        let (upload, progress) = (upload.clone(), progress.clone());
        let inserted = self.db.write(operation, move |transaction| {
            let (upload, progress) = (upload.clone(), progress.clone());
            Box::pin(async move {
                let connection = transaction.connection();
                let photo = store::find(connection, upload.photo).await?;
                let photo = photo.ok_or_else(|| missing(upload.photo))?;
                own::must_own(transaction, &photo.name(), photo.id, &photo.words.bylines).await?;
                photo.live()?;
                let connection = transaction.connection();
                if upload.resumable
                    && store::uploads::count_open(connection, &upload.uploader).await? >= UPLOADS_OPEN_MAX
                {
                    return Err(Error::LimitExceeded(format!(
                        "{} has {UPLOADS_OPEN_MAX} uploads open, which is the limit; continue or cancel some",
                        upload.uploader
                    )));
                }
                store::uploads::insert(connection, &upload, &progress).await?;
                // Of any other the file that comes of it is told, or that it was refused.
                if upload.resumable {
                    let after = upload.declared.sha256;
                    transaction.leave_trace(Trace { resource: upload.name(), before: None, after });
                }
                Ok(upload.into())
            })
        });
        inserted.await
    }

    async fn find(&self, photo: Uuid, id: Uuid) -> Result<(Upload, Progress)> {
        let found = store::uploads::find(&mut *self.db.read().await?, id).await?;
        found.filter(|(upload, _)| is_of(upload, photo)).ok_or_else(|| upload::missing(photo, id))
    }

    /// Takes a whole file in this call, or nothing of it.
    async fn whole(
        &self,
        caller: Principal,
        photo: Uuid,
        declared: Declared,
        mut messages: Messages,
        slot: OwnedSemaphorePermit,
    ) -> Result<pb::Photo, Status> {
        declared.allow(declared.size_bytes.unwrap_or_default(), self.settings.photo_bytes_max)?;
        let upload = self.new_upload(&caller, photo, declared, false);
        let progress = self.files.begin(upload.id).await?;
        let abandoned = ending::Abandoned::new(self.clone(), upload.clone(), progress.multipart.clone());
        let operation =
            Operation { caller: caller.clone(), method: "UploadPhoto", request: None, validate_only: false };
        // It is no answer to the call, which ends without one if its time passes.
        Deadline::aside(self.insert(operation, &upload, &progress)).await?;
        let incoming = self.files.resume(upload.id, &progress, progress.writer).await?;
        let mut receiving = Receiving::new(self, &upload, incoming);
        receiving.receive(&mut messages).await.map_err(Status::from)?;
        receiving.settle().await?;
        let incoming = receiving.incoming;
        // Every byte is here. In a task of its own, so that a client that hangs up
        // now leaves the work either done or undone.
        let uploads = self.clone();
        let work = async move {
            let _slot = slot;
            let photo = uploads.finish(caller, &upload, incoming).await?;
            abandoned.end();
            Ok::<_, Error>(photo)
        };
        let finished = tokio::spawn(told::along(Deadline::along(work))).await;
        let photo = finished.map_err(|died| Error::Internal(format!("an upload died: {died}")))?;
        Ok(photo?)
    }

    /// Takes the rest of a file, or a part of the rest.
    async fn rest(
        &self,
        caller: Principal,
        photo: Uuid,
        id: Uuid,
        offset: u64,
        mut messages: Messages,
    ) -> Result<pb::Photo, Status> {
        let (upload, stood) = self.find(photo, id).await?;
        if !upload.resumable {
            return Err(upload::missing(photo, id).into());
        }
        upload.stand_at(offset)?;
        if upload.store_time.is_some() {
            return Ok(self.photo(photo).await?);
        }
        let incoming = self.take_over(&upload, &stood).await?;
        let mut receiving = Receiving::new(self, &upload, incoming);
        let outcome = receiving.receive(&mut messages).await;
        match outcome {
            Err(Interruption::File(error)) => {
                self.give_up(&upload, stood.multipart.as_deref()).await;
                return Err(error.into());
            }
            Err(Interruption::Store(error)) => return Err(error.into()),
            Ok(()) | Err(Interruption::Call(_)) => receiving.mark_all().await?,
        }
        outcome.map_err(Status::from)?;
        upload.be_whole(receiving.incoming.size_bytes())?;
        Ok(self.finish(caller, &upload, receiving.incoming).await?)
    }

    async fn photo(&self, id: Uuid) -> Result<pb::Photo> {
        let photo = store::find(&mut *self.db.read().await?, id).await?;
        Ok(photo.ok_or_else(|| missing(id))?.into())
    }

    /// Goes on with an upload as its only writer.
    async fn take_over(&self, upload: &Upload, stood: &Progress) -> Result<Incoming> {
        let writer = Uuid::now_v7();
        let incoming = match self.files.resume(upload.id, stood, writer).await {
            Ok(incoming) => incoming,
            Err(Error::UploadLost) => {
                self.give_up(upload, stood.multipart.as_deref()).await;
                return Err(Error::UploadLost);
            }
            Err(error) => return Err(error),
        };
        let connection = &mut *self.db.read().await?;
        let expiry = self.expiry(Utc::now());
        let ours = store::uploads::take_over(connection, upload.id, stood, writer, expiry).await?;
        let left_behind = if ours { stood.writer } else { writer };
        if let Err(error) = self.files.discard_writer(upload.id, left_behind).await {
            told::line(|| tracing::warn!(%error, "a part of an upload could not be removed yet"));
        }
        if ours { Ok(incoming) } else { Err(Error::UploadTakenOver) }
    }
}

fn is_of(upload: &Upload, photo: Uuid) -> bool {
    upload.photo == photo
}

impl From<Interruption> for Status {
    fn from(interruption: Interruption) -> Status {
        match interruption {
            Interruption::Call(status) => status,
            Interruption::File(error) | Interruption::Store(error) => error.into(),
        }
    }
}
