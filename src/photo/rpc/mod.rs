//! `PhotoService`.

mod upload;

use std::collections::HashMap;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::{
    admin::Role,
    auth::{Principal, roles_for},
    config,
    db::{Change, Db, Operation, Transaction},
    digest::Digest,
    error::{Error, Result},
    pb::{self, servers::photo_service_server::PhotoService},
    photo::{
        Clearance, File, KIND, Photo, REVIEW_STAGES, Words, content_digest,
        download::{self, Part, Range},
        files::Files,
        missing, store,
    },
    wire::{self, Answer, Check, byline, mask, mask::Writable, operation, page::Page},
    workflow::{self, Review, State, Subject},
};

const WRITABLE: Writable = Writable {
    message: "Photo",
    fields: &["caption", "bylines", "credit_line", "copyright_notice", "usage_terms", "rights"],
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

impl From<Photo> for pb::Photo {
    fn from(photo: Photo) -> pb::Photo {
        let clearance = match photo.words.clearance {
            Clearance::Unknown => pb::rights::Clearance::Unspecified,
            Clearance::Cleared => pb::rights::Clearance::Cleared,
            Clearance::DoNotUse => pb::rights::Clearance::DoNotUse,
        };
        pb::Photo {
            name: photo.name(),
            uid: photo.id.to_string(),
            creator: photo.creator,
            caption: photo.words.caption,
            bylines: photo.words.bylines.into_iter().map(pb::Byline::from).collect(),
            credit_line: photo.words.credit_line,
            copyright_notice: photo.words.copyright_notice,
            usage_terms: photo.words.usage_terms,
            rights: Some(pb::Rights { clearance: clearance.into(), cleared_by: photo.cleared_by }),
            file: photo.file.map(pb::PhotoFile::from),
            state: pb::State::from(photo.state).into(),
            reviews: photo.reviews.into_iter().map(pb::Review::from).collect(),
            content_digest: photo.content_digest.to_string(),
            create_time: Some(wire::timestamp(photo.create_time)),
            update_time: Some(wire::timestamp(photo.update_time)),
            delete_time: photo.delete_time.map(wire::timestamp),
            etag: wire::etag(photo.version),
            return_reason: photo.return_reason,
        }
    }
}

impl From<File> for pb::PhotoFile {
    fn from(file: File) -> pb::PhotoFile {
        pb::PhotoFile {
            sha256: file.sha256.to_string(),
            content_type: file.content_type,
            size_bytes: file.size_bytes,
            width_px: file.width_px,
            height_px: file.height_px,
        }
    }
}

impl From<File> for pb::PhotoDownloadInfo {
    fn from(file: File) -> pb::PhotoDownloadInfo {
        pb::PhotoDownloadInfo {
            sha256: file.sha256.to_string(),
            size_bytes: file.size_bytes,
            content_type: file.content_type,
        }
    }
}

/// Reads what a caller wrote about a picture.
fn words(check: &mut Check, photo: pb::Photo) -> Words {
    let rights = photo.rights.unwrap_or_default();
    Words {
        caption: check.lines("photo.caption", photo.caption, config::CAPTION_CHARS_MAX),
        bylines: byline::read(check, "photo.bylines", photo.bylines, config::PHOTO_BYLINES_MAX),
        credit_line: check.line("photo.credit_line", photo.credit_line, config::CREDIT_CHARS_MAX),
        copyright_notice: check.lines(
            "photo.copyright_notice",
            photo.copyright_notice,
            config::COPYRIGHT_CHARS_MAX,
        ),
        usage_terms: check.lines("photo.usage_terms", photo.usage_terms, config::CAPTION_CHARS_MAX),
        clearance: match check.enumeration("photo.rights.clearance", rights.clearance) {
            pb::rights::Clearance::Unspecified => Clearance::Unknown,
            pb::rights::Clearance::Cleared => Clearance::Cleared,
            pb::rights::Clearance::DoNotUse => Clearance::DoNotUse,
        },
    }
}

/// Makes sure that the reporters whom bylines refer to are there and stay, and
/// fills in printed names; who they are.
async fn resolve(transaction: &mut Transaction, words: &mut Words) -> Result<Vec<Uuid>> {
    let mut reporters: Vec<Uuid> = words.bylines.iter().filter_map(|byline| byline.reporter).collect();
    reporters.sort();
    reporters.dedup();
    let live = store::hold_reporters(transaction.connection(), &reporters).await?;
    byline::complete("photo.bylines", &mut words.bylines, &live)?;
    Ok(reporters)
}

/// Who has cleared a picture after a change of its clearance. That it may be
/// printed is for those to say who may sign it.
fn cleared_by(caller: &Principal, method: &str, before: &Photo, clearance: Clearance) -> Result<String> {
    if clearance == before.words.clearance {
        return Ok(before.cleared_by.clone());
    }
    if caller.role == Role::Reporter {
        let may = roles_for("PhotoService/ReviewPhoto").unwrap_or_default();
        let roles: Vec<&str> = may.iter().map(|role| role.as_str()).collect();
        let method = format!("PhotoService/{method} with rights");
        return Err(Error::RoleNotAllowed { method, role: caller.role.as_str(), roles: roles.join(",") });
    }
    Ok(if clearance == Clearance::Unknown { String::new() } else { caller.name.clone() })
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
    let after = Some(photo.content_digest);
    transaction.record(Change { resource: photo.name(), kind, before: Some(before), after });
    Ok(photo.into())
}

/// Writes new content of a locked photo: a draft, no sign-offs.
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
    workflow::store::void(transaction.connection(), photo.id, now).await?;
    workflow::store::add_author(transaction.connection(), photo.id, &author).await?;
    save(transaction, photo, kind, before).await
}

async fn create(transaction: &mut Transaction, mut words: Words) -> Result<pb::Photo> {
    let reporters = resolve(transaction, &mut words).await?;
    let (creator, now) = (transaction.caller().name.clone(), transaction.now());
    let mut photo = Photo {
        id: Uuid::now_v7(),
        creator: creator.clone(),
        words: Words::default(),
        cleared_by: String::new(),
        file: None,
        state: State::Draft,
        reviews: Vec::new(),
        content_digest: content_digest(&words, None)?,
        return_reason: String::new(),
        version: 1,
        create_time: now,
        update_time: now,
        delete_time: None,
    };
    photo.cleared_by = cleared_by(transaction.caller(), "CreatePhoto", &photo, words.clearance)?;
    photo.words = words;
    let connection = transaction.connection();
    store::insert(connection, &photo).await?;
    store::set_reporters(connection, photo.id, &reporters).await?;
    workflow::store::add_author(connection, photo.id, &creator).await?;
    let after = Some(photo.content_digest);
    transaction.record(Change { resource: photo.name(), kind: "created", before: None, after });
    Ok(photo.into())
}

async fn update(transaction: &mut Transaction, mut photo: Photo, merged: pb::Photo) -> Result<pb::Photo> {
    let mut check = Check::default();
    let mut words = words(&mut check, merged);
    check.finish()?;
    let reporters = resolve(transaction, &mut words).await?;
    if words == photo.words {
        return Ok(photo.into());
    }
    photo.cleared_by = cleared_by(transaction.caller(), "UpdatePhoto", &photo, words.clearance)?;
    photo.words = words;
    store::set_reporters(transaction.connection(), photo.id, &reporters).await?;
    save_content(transaction, photo, "updated").await
}

async fn set_file(transaction: &mut Transaction, id: Uuid, file: File) -> Result<pb::Photo> {
    let mut photo = lock(transaction, id, &wire::Expected::Anything).await?;
    if photo.file.as_ref() == Some(&file) {
        return Ok(photo.into());
    }
    photo.file = Some(file);
    save_content(transaction, photo, "uploaded").await
}

async fn review(
    transaction: &mut Transaction,
    mut photo: Photo,
    stage: i32,
    remark: String,
) -> Result<pb::Photo> {
    if photo.file.is_none() {
        return Err(Error::PhotoWithoutFile { name: photo.name() });
    }
    let authors = workflow::store::authors(transaction.connection(), photo.id).await?;
    let name = photo.name();
    let subject = Subject {
        name: &name,
        state: photo.state,
        stages: REVIEW_STAGES,
        reviews: &photo.reviews,
        authors: &authors,
    };
    let reviewer = transaction.caller().name.clone();
    photo.state = subject.sign(&reviewer, stage)?;
    photo.return_reason.clear();
    let content_digest = photo.content_digest;
    let review = Review { stage, reviewer, content_digest, remark, create_time: transaction.now() };
    workflow::store::sign(transaction.connection(), photo.id, &review).await?;
    photo.reviews.push(review);
    save(transaction, photo, "reviewed", content_digest).await
}

async fn send_back(transaction: &mut Transaction, mut photo: Photo, reason: String) -> Result<pb::Photo> {
    let name = photo.name();
    Subject { name: &name, state: photo.state, stages: REVIEW_STAGES, reviews: &[], authors: &[] }
        .send_back()?;
    let now = transaction.now();
    workflow::store::void(transaction.connection(), photo.id, now).await?;
    photo.state = State::Draft;
    photo.reviews.clear();
    photo.return_reason = reason;
    let digest = photo.content_digest;
    save(transaction, photo, "returned", digest).await
}

#[tonic::async_trait]
impl PhotoService for Service {
    async fn create_photo(&self, request: Request<pb::CreatePhotoRequest>) -> Answer<pb::Photo> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::default();
        let operation = operation!(check, caller, "CreatePhoto", message);
        let words = words(&mut check, message.photo.unwrap_or_default());
        check.finish()?;
        let created =
            self.db.write(operation, move |transaction| Box::pin(create(transaction, words.clone())));
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
                let by = store::users(transaction.connection(), id).await?;
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
                resolve(transaction, &mut photo.words.clone()).await?;
                photo.delete_time = None;
                let digest = photo.content_digest;
                save(transaction, photo, "undeleted", digest).await
            })
        });
        Ok(Response::new(undeleted.await?))
    }

    async fn upload_photo(&self, request: Request<Streaming<pb::UploadPhotoRequest>>) -> Answer<pb::Photo> {
        let (caller, mut messages) = wire::open(request)?;
        let start = upload::start(&mut messages).await?;
        let id = start.id;
        {
            let mut connection = self.db.read().await?;
            store::find(&mut connection, id).await?.ok_or_else(|| missing(id))?.live()?;
        }
        let file = upload::receive(&self.files, &start, &mut messages).await?;
        let operation = Operation { caller, method: "UploadPhoto", request: None, validate_only: false };
        let uploaded =
            self.db.write(operation, move |transaction| Box::pin(set_file(transaction, id, file.clone())));
        Ok(Response::new(uploaded.await?))
    }

    type DownloadPhotoStream = BoxStream<'static, Result<pb::DownloadPhotoResponse, Status>>;

    async fn download_photo(
        &self,
        request: Request<pb::DownloadPhotoRequest>,
    ) -> Answer<Self::DownloadPhotoStream> {
        use pb::download_photo_response::Part as Message;
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
                Part::Info(file) => Message::Info(file.into()),
                Part::Chunk(bytes) => Message::Chunk(bytes),
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
                review(transaction, photo, stage, remark).await
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
                send_back(transaction, photo, reason).await
            })
        });
        Ok(Response::new(returned.await?))
    }
}
