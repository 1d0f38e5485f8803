//! `PhotoService`.

mod message;
mod review;
mod search;
mod upload;
mod usages;

use std::collections::HashMap;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    admin::Role,
    auth::Principal,
    byline::{self, Byline, reporters},
    config,
    db::{Change, Db, Operation, Transaction},
    digest::Digest,
    error::{Error, Result},
    pb::{self, download_photo_response, servers::photo_service_server::PhotoService},
    photo::{
        Clearance, KIND, Photo, REVIEW_STAGES, Rights, Words, content_digest,
        download::{self, Part, Range},
        files::{Files, Incoming},
        missing,
        search::{Embedded, entry as search_entry},
        store,
    },
    wire::{self, Answer, Check, mask, mask::Writable, operation, page::Page},
    workflow::{self, State},
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
        "keywords",
        "place",
    ],
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
    files: Files,
}

impl Service {
    /// The service on this database and photo store.
    pub fn new(db: Db, files: Files) -> Service {
        Service { db, files }
    }
}

/// Fails if a caller may not decide about rights. Whether the paper may print a
/// picture is an editor's decision; whoever brought it has an interest in it.
fn may_clear(caller: &Principal, method: &str) -> Result<()> {
    if caller.role != Role::Reporter {
        return Ok(());
    }
    let roles = [Role::Editor, Role::Publisher].map(Role::as_str).join(",");
    let method = format!("PhotoService/{method}");
    Err(Error::RoleNotAllowed { method, role: caller.role.as_str(), roles })
}

/// Who answers for a clearance that this caller has just set.
fn cleared_by(clearance: Clearance, caller: &Principal) -> String {
    match clearance {
        Clearance::Unknown => String::new(),
        Clearance::Cleared | Clearance::DoNotUse => caller.name.clone(),
    }
}

/// Makes sure that everyone whom the bylines refer to is there and stays, and
/// fills in printed names.
async fn resolve(transaction: &mut Transaction, bylines: &mut [Byline]) -> Result<()> {
    let live = byline::store::hold_reporters(transaction.connection(), &reporters(bylines)).await?;
    wire::byline::complete("photo.bylines", bylines, &live)
}

/// Finds a live photo to work on, locked, if the caller knows its etag.
async fn lock(transaction: &mut Transaction, id: Uuid, etag: &wire::Expected) -> Result<Photo> {
    let photo = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    photo.live()?;
    etag.meet(&photo.name(), photo.version)?;
    Ok(photo)
}

/// Writes the change of a locked photo, and notes it.
async fn save(
    transaction: &mut Transaction,
    mut photo: Photo,
    kind: &'static str,
    before: Digest,
) -> Result<pb::Photo> {
    photo.version += 1;
    photo.update_time = transaction.now();
    store::update(transaction.connection(), &photo).await?;
    let (before, after) = (Some(before), Some(photo.content_digest));
    transaction.record(Change { resource: photo.name(), kind, before, after });
    Ok(photo.into())
}

/// Writes new words or a new file of a locked photo: a draft, no sign-offs.
async fn save_content(
    transaction: &mut Transaction,
    mut photo: Photo,
    kind: &'static str,
) -> Result<pb::Photo> {
    let before = photo.content_digest;
    photo.content_digest = content_digest(&photo.words, photo.file.as_ref())?;
    photo.state = State::Draft;
    photo.reviews.clear();
    photo.return_reason.clear();
    let (author, now) = (transaction.caller().name.clone(), transaction.now());
    let connection = transaction.connection();
    workflow::store::void(connection, photo.id, now).await?;
    workflow::store::add_author(connection, photo.id, &author).await?;
    store::search::write(connection, photo.id, &search_entry(&photo.words, &Embedded::default())).await?;
    save(transaction, photo, kind, before).await
}

async fn create(transaction: &mut Transaction, mut words: Words) -> Result<pb::Photo> {
    resolve(transaction, &mut words.bylines).await?;
    let now = transaction.now();
    let photo = Photo {
        id: Uuid::now_v7(),
        creator: transaction.caller().name.clone(),
        cleared_by: cleared_by(words.rights.clearance, transaction.caller()),
        content_digest: content_digest(&words, None)?,
        words,
        file: None,
        state: State::Draft,
        reviews: Vec::new(),
        return_reason: String::new(),
        version: 1,
        create_time: now,
        update_time: now,
        delete_time: None,
    };
    let connection = transaction.connection();
    store::insert(connection, &photo).await?;
    store::set_reporters(connection, photo.id, &reporters(&photo.words.bylines)).await?;
    store::search::write(connection, photo.id, &search_entry(&photo.words, &Embedded::default())).await?;
    workflow::store::add_author(connection, photo.id, &photo.creator).await?;
    let after = Some(photo.content_digest);
    transaction.record(Change { resource: photo.name(), kind: "created", before: None, after });
    Ok(photo.into())
}

async fn update(transaction: &mut Transaction, mut photo: Photo, merged: pb::Photo) -> Result<pb::Photo> {
    let mut check = Check::default();
    let mut words = message::words(&mut check, merged);
    check.finish()?;
    let decides = words.rights != photo.words.rights;
    if decides {
        may_clear(transaction.caller(), "UpdatePhoto")?;
        photo.cleared_by = cleared_by(words.rights.clearance, transaction.caller());
    }
    resolve(transaction, &mut words.bylines).await?;
    if words == photo.words {
        return Ok(photo.into());
    }
    if words.bylines != photo.words.bylines {
        store::set_reporters(transaction.connection(), photo.id, &reporters(&words.bylines)).await?;
    }
    photo.words = words;
    if decides {
        store::set_published_days(transaction.connection(), &photo).await?;
    }
    save_content(transaction, photo, "updated").await
}

/// Stores a file that has come, and gives it to its photo.
async fn finish(db: Db, caller: Principal, start: upload::Start, incoming: Incoming) -> Result<pb::Photo> {
    let id = start.photo;
    let file = start.accept(incoming).await?;
    let operation = Operation { caller, method: "UploadPhoto", request: None, validate_only: false };
    let uploaded = db.write(operation, move |transaction| {
        let file = file.clone();
        Box::pin(async move {
            let mut photo = lock(transaction, id, &wire::Expected::Anything).await?;
            if photo.file.as_ref() == Some(&file) {
                return Ok(photo.into());
            }
            // What was found out about the rights was found out about the picture
            // that is replaced now.
            if photo.file.replace(file).is_some() {
                photo.words.rights = Rights::default();
                photo.cleared_by.clear();
            }
            save_content(transaction, photo, "uploaded").await
        })
    });
    uploaded.await
}

#[tonic::async_trait]
impl PhotoService for Service {
    async fn create_photo(&self, request: Request<pb::CreatePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::default();
        let operation = operation!(check, caller, "CreatePhoto", message);
        let words = message::words(&mut check, message.photo.unwrap_or_default());
        check.finish()?;
        if words.rights != Rights::default() {
            may_clear(&caller, "CreatePhoto")?;
        }
        let created = self.db.write(operation, move |transaction| {
            let words = words.clone();
            Box::pin(create(transaction, words))
        });
        Ok(Response::new(created.await?))
    }

    async fn get_photo(&self, request: Request<pb::GetPhotoRequest>) -> Answer<pb::Photo> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let id = check.photo("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let photo = store::find(&mut connection, id).await?.ok_or_else(|| missing(id))?;
        Ok(Response::new(photo.into()))
    }

    async fn batch_get_photos(
        &self,
        request: Request<pb::BatchGetPhotosRequest>,
    ) -> Answer<pb::BatchGetPhotosResponse> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
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
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let show_deleted = message.show_deleted.to_string();
        let arguments = [show_deleted.as_str()];
        let page = Page::open(&mut check, "ListPhotos", &arguments, message.page_size, &message.page_token)?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let mut photos =
            store::list(&mut connection, page.after, message.show_deleted, page.size + 1).await?;
        let next_page_token = page.close(&mut photos, |photo| photo.id)?;
        let photos = photos.into_iter().map(pb::Photo::from).collect();
        Ok(Response::new(pb::ListPhotosResponse { photos, next_page_token }))
    }

    async fn update_photo(&self, request: Request<pb::UpdatePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::default();
        let operation = operation!(check, caller, "UpdatePhoto", message);
        let given = check.required("photo", message.photo);
        let id = check.photo("photo.name", &given.name);
        let etag = check.required_etag("photo.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (given, etag, chosen) = (given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let photo = lock(transaction, id, &etag).await?;
                let merged = mask::merge(&pb::Photo::from(photo.clone()), &given, &chosen)?;
                update(transaction, photo, merged).await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_photo(&self, request: Request<pb::DeletePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::default();
        let operation = operation!(check, caller, "DeletePhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let found = store::lock(transaction.connection(), id).await?;
                let mut photo = found.ok_or_else(|| missing(id))?;
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
        let mut check = Check::default();
        let operation = operation!(check, caller, "UndeletePhoto", message);
        let id = check.photo("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let found = store::lock(transaction.connection(), id).await?;
                let mut photo = found.ok_or_else(|| missing(id))?;
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

    async fn upload_photo(&self, request: Request<upload::Messages>) -> Answer<pb::Photo> {
        let (caller, mut messages) = wire::open(request)?;
        let start = upload::begin(&mut messages).await?;
        let id = start.photo;
        let found = store::find(&mut *self.db.read().await?, id).await?;
        found.ok_or_else(|| missing(id))?.live()?;
        let incoming = upload::receive(&mut messages, &start, self.files.incoming().await?).await?;
        // Every byte is here. In a task of its own, so that a client that hangs up
        // now leaves the work either done or undone.
        let work = finish(self.db.clone(), caller, start, incoming);
        let finished = tokio::spawn(work.instrument(tracing::Span::current())).await;
        let photo = finished.map_err(|died| Error::Internal(format!("an upload died: {died}")))?;
        Ok(Response::new(photo?))
    }

    type DownloadPhotoStream = BoxStream<'static, Result<pb::DownloadPhotoResponse, Status>>;

    async fn download_photo(
        &self,
        request: Request<pb::DownloadPhotoRequest>,
    ) -> Answer<Self::DownloadPhotoStream> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let id = check.photo("name", &message.name);
        let range = Range::read(&mut check, message.offset, message.length);
        check.finish()?;
        let photo = store::find(&mut *self.db.read().await?, id).await?.ok_or_else(|| missing(id))?;
        let file = photo.file.ok_or(Error::PhotoWithoutFile { name: message.name })?;
        let parts = download::open(&self.files, &file, range).await?;
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
        let mut check = Check::default();
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
                review::sign(transaction, photo, stage, remark).await
            })
        });
        Ok(Response::new(reviewed.await?))
    }

    async fn return_photo(&self, request: Request<pb::ReturnPhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::default();
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
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
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
        let (_, message) = wire::open(request)?;
        Ok(Response::new(search::answer(&self.db, message).await?))
    }

    async fn list_photo_usages(
        &self,
        request: Request<pb::ListPhotoUsagesRequest>,
    ) -> Answer<pb::ListPhotoUsagesResponse> {
        let (_, message) = wire::open(request)?;
        Ok(Response::new(usages::answer(&self.db, message).await?))
    }
}
