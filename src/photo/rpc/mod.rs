//! `PhotoService`.

mod content;
mod message;
mod metadata;
mod purge;
mod review;
mod search;
mod upload;
mod usages;

use std::collections::HashMap;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use self::{
    content::{lock, lock_own, lock_to_write, may_clear, resolve, save},
    upload::Uploads,
};
use crate::{
    config::{self, UploadSettings},
    db::{Db, Loader, list::Key},
    error::{Error, Result},
    pb::{self, download_photo_response, servers::photo_service_server::PhotoService},
    photo::{
        FIELDS, KIND, ORDER, ORDERS, Photo, REVIEW_STAGES, Rights,
        download::{Part, Range},
        files::Files,
        missing,
        rendition::{
            Look,
            stock::{Order, Renditions},
        },
        store,
    },
    wire::{
        self, Answer, Check, mask,
        mask::Writable,
        operation,
        page::{self, Page},
    },
    workflow,
};

const WRITABLE: Writable = Writable {
    message: "Photo",
    fields: &[
        "caption",
        "bylines",
        "credit_line",
        "copyright_notice",
        "usage_terms",
        "rights",
        "crop",
        "focal_point",
        "keywords",
        "place",
    ],
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
    files: Files,
    uploads: Uploads,
    renditions: Renditions,
    photos: Loader<Uuid, Photo>,
}

impl Service {
    /// The service on this database and photo store, with these renditions.
    pub fn new(db: Db, files: Files, renditions: Renditions, settings: UploadSettings) -> Service {
        let uploads = Uploads::new(db.clone(), files.clone(), settings);
        let photos = Loader::new(db.clone(), |connection, ids| {
            Box::pin(async move {
                let found = store::find_all(connection, &ids).await?;
                Ok(found.into_iter().map(|photo| (photo.id, photo)).collect())
            })
        });
        Service { db, files, uploads, renditions, photos }
    }
}

#[tonic::async_trait]
impl PhotoService for Service {
    async fn create_photo(&self, request: Request<pb::CreatePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CreatePhoto", message);
        let words = message::words(&mut check, message.photo.unwrap_or_default());
        check.finish()?;
        if words.rights != Rights::default() {
            may_clear(&caller, "CreatePhoto")?;
        }
        let created = self.db.write(operation, move |transaction| {
            let words = words.clone();
            Box::pin(content::create(transaction, words))
        });
        Ok(Response::new(created.await?))
    }

    async fn get_photo(&self, request: Request<pb::GetPhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.photo("name", &message.name);
        check.finish()?;
        let photo = self.photos.get(id).await?.ok_or_else(|| missing(id))?;
        Ok(Response::new(photo.into()))
    }

    async fn batch_get_photos(
        &self,
        request: Request<pb::BatchGetPhotosRequest>,
    ) -> Answer<pb::BatchGetPhotosResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let ids = check.batch(message.names, Check::photo);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let found = store::find_all(&mut connection, &ids).await?;
        let found: HashMap<Uuid, Photo> = found.into_iter().map(|photo| (photo.id, photo)).collect();
        let in_order = ids.into_iter().map(|id| found.get(&id).cloned().ok_or_else(|| missing(id)));
        let photos = in_order.map(|photo| photo.map(pb::Photo::from)).collect::<Result<_>>()?;
        Ok(Response::new(pb::BatchGetPhotosResponse { photos }))
    }

    async fn list_photos(&self, request: Request<pb::ListPhotosRequest>) -> Answer<pb::ListPhotosResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let show_deleted = message.show_deleted.to_string();
        let arguments = [show_deleted.as_str(), &message.filter, &message.order_by];
        let page: Page<Key> =
            Page::open(&mut check, "ListPhotos", &arguments, message.page_size, &message.page_token)?;
        let filter = check.filter(&message.filter, &FIELDS);
        let order = check.order_by(&message.order_by, &ORDERS, ORDER);
        check.finish()?;
        // One view: a row that changes meanwhile would say a wrong place to go on from.
        let answer = self.db.view(move |connection| {
            Box::pin(async move {
                let (after, deleted) = (page.after.as_ref(), message.show_deleted);
                let ids = store::list::ids(connection, &filter, order, deleted, after, page.size + 1).await?;
                let shown = &ids[..ids.len().min(page.size as usize)];
                let found = store::find_all(connection, shown).await?;
                let found = page::in_order(shown, found, |found| found.id);
                let (photos, last) = page::fit(found, |found| pb::Photo::from(found.clone()));
                let next_page_token = match last {
                    Some(last) if photos.len() < ids.len() => page.token(&store::list::key(&last, order))?,
                    _ => String::new(),
                };
                Ok(pb::ListPhotosResponse { photos, next_page_token })
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn update_photo(&self, request: Request<pb::UpdatePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdatePhoto", message);
        let given = check.required("photo", message.photo);
        let id = check.photo("photo.name", &given.name);
        let etag = check.required_etag("photo.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (given, etag, chosen) = (given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let photo = lock_to_write(transaction, id, &etag).await?;
                let merged = mask::merge(&pb::Photo::from(photo.clone()), &given, &chosen)?;
                content::update(transaction, photo, merged).await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_photo(&self, request: Request<pb::DeletePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeletePhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let mut photo = lock_own(transaction, id).await?;
                if photo.delete_time.is_some() {
                    return if message.allow_missing { Ok(photo.into()) } else { Err(missing(id)) };
                }
                etag.meet(&photo.name(), photo.version)?;
                // A publication is no obstacle: its snapshot and its file stay.
                let by = store::usages::users(transaction.connection(), id).await?;
                if !by.is_empty() {
                    return Err(Error::InUse { name: photo.name(), by });
                }
                photo.delete_time = Some(transaction.now());
                let digest = photo.content_digest;
                save(transaction, photo, "deleted", digest).await
            })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn undelete_photo(&self, request: Request<pb::UndeletePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UndeletePhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let mut photo = lock_own(transaction, id).await?;
                if photo.delete_time.is_none() {
                    return Err(Error::NotDeleted { kind: KIND, name: photo.name() });
                }
                etag.meet(&photo.name(), photo.version)?;
                // Whom it refers to may have been deleted in the meantime.
                resolve(transaction, &mut photo.words.bylines).await?;
                photo.delete_time = None;
                let digest = photo.content_digest;
                save(transaction, photo, "undeleted", digest).await
            })
        });
        Ok(Response::new(undeleted.await?))
    }

    async fn get_photo_metadata(
        &self,
        request: Request<pb::GetPhotoMetadataRequest>,
    ) -> Answer<pb::PhotoMetadata> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.photo("name", &message.name);
        check.finish()?;
        let connection = &mut *self.db.read().await?;
        let photo = store::find(connection, id).await?.ok_or_else(|| missing(id))?;
        let name = photo.name();
        let file = photo.file.ok_or(Error::PhotoWithoutFile { name: message.name })?;
        let metadata = store::files::metadata(connection, file.sha256).await?;
        Ok(Response::new(metadata::message(name, metadata.unwrap_or_default())))
    }

    async fn purge_photo(&self, request: Request<pb::PurgePhotoRequest>) -> Answer<()> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "PurgePhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let belongings = purge::belongings(&self.db, id).await?;
        let purged = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move { purge::purge(transaction, id, &etag).await })
        });
        purged.await?;
        if !message.validate_only {
            purge::clear(&self.db, &self.files, caller, belongings).await;
        }
        Ok(Response::new(()))
    }

    async fn start_photo_upload(
        &self,
        request: Request<pb::StartPhotoUploadRequest>,
    ) -> Answer<pb::PhotoUpload> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "StartPhotoUpload", message);
        let photo = check.photo("parent", &message.parent);
        let given = check.required("upload", message.upload);
        let declared = upload::declared(&mut check, given);
        check.finish()?;
        Ok(Response::new(self.uploads.start(operation, photo, declared).await?))
    }

    async fn get_photo_upload(&self, request: Request<pb::GetPhotoUploadRequest>) -> Answer<pb::PhotoUpload> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let (photo, id) = check.upload("name", &message.name);
        check.finish()?;
        Ok(Response::new(self.uploads.get(photo, id).await?))
    }

    async fn cancel_photo_upload(&self, request: Request<pb::CancelPhotoUploadRequest>) -> Answer<()> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CancelPhotoUpload", message);
        let (photo, id) = check.upload("name", &message.name);
        check.finish()?;
        self.uploads.cancel(operation, photo, id).await?;
        Ok(Response::new(()))
    }

    async fn upload_photo(&self, request: Request<upload::Messages>) -> Answer<pb::Photo> {
        let (caller, messages) = wire::open(request)?;
        Ok(Response::new(self.uploads.upload(caller, messages).await?))
    }

    type DownloadPhotoStream = BoxStream<'static, Result<pb::DownloadPhotoResponse, Status>>;

    async fn download_photo(
        &self,
        request: Request<pb::DownloadPhotoRequest>,
    ) -> Answer<Self::DownloadPhotoStream> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.photo("name", &message.name);
        let size = self.renditions.sizes().read(&mut check, &message.rendition);
        let range = Range::read(&mut check, message.offset, message.length);
        check.finish()?;
        let photo = store::find(&mut *self.db.read().await?, id).await?.ok_or_else(|| missing(id))?;
        let look = Look::from(&photo.words);
        let original = photo.file.ok_or(Error::PhotoWithoutFile { name: message.name })?;
        let order = Order { original, look, size, caller, method: "DownloadPhoto" };
        let parts = self.renditions.download(order, range).await?;
        let messages = parts.map(|part| {
            let part = match part? {
                Part::Info(file) => download_photo_response::Part::Info(file.into()),
                Part::Chunk(bytes) => download_photo_response::Part::Chunk(bytes),
            };
            Ok(pb::DownloadPhotoResponse { part: Some(part) })
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn review_photo(&self, request: Request<pb::ReviewPhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReviewPhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.required_etag("etag", &message.etag);
        let stage = check.number("stage", message.stage, 1, REVIEW_STAGES);
        let remark = check.lines("remark", message.remark, config::REMARK_CHARS_MAX);
        check.finish()?;
        let reviewed = self.db.write(operation, move |transaction| {
            let (etag, remark) = (etag.clone(), remark.clone());
            Box::pin(async move {
                let photo = lock(transaction, id, &etag).await?;
                review::review(transaction, photo, stage, remark).await
            })
        });
        Ok(Response::new(reviewed.await?))
    }

    async fn return_photo(&self, request: Request<pb::ReturnPhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "ReturnPhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        let reason = check.required_lines("reason", message.reason, config::REMARK_CHARS_MAX);
        check.finish()?;
        let returned = self.db.write(operation, move |transaction| {
            let (etag, reason) = (etag.clone(), reason.clone());
            Box::pin(async move {
                let photo = lock(transaction, id, &etag).await?;
                review::send_back(transaction, photo, reason).await
            })
        });
        Ok(Response::new(returned.await?))
    }

    async fn list_photo_reviews(
        &self,
        request: Request<pb::ListPhotoReviewsRequest>,
    ) -> Answer<pb::ListPhotoReviewsResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.photo("parent", &message.parent);
        let arguments = [message.parent.as_str()];
        let method = "ListPhotoReviews";
        let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
        check.finish()?;
        store::find(&mut *self.db.read().await?, id).await?.ok_or_else(|| missing(id))?;
        let (reviews, next_page_token) = workflow::rpc::list_reviews(&self.db, id, &page).await?;
        Ok(Response::new(pb::ListPhotoReviewsResponse { reviews, next_page_token }))
    }

    async fn search_photos(
        &self,
        request: Request<pb::SearchPhotosRequest>,
    ) -> Answer<pb::SearchPhotosResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(search::answer(&self.db, &caller, message).await?))
    }

    async fn list_photo_usages(
        &self,
        request: Request<pb::ListPhotoUsagesRequest>,
    ) -> Answer<pb::ListPhotoUsagesResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(usages::answer(&self.db, &caller, message).await?))
    }
}
