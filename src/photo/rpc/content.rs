//! What changes a photo: its words and its file.

use uuid::Uuid;

use super::message;
use crate::{
    admin::Role,
    auth::Principal,
    byline::{self, Byline, reporters},
    db::{Change, Connection, Transaction},
    digest::Digest,
    error::{Error, Result},
    pb,
    photo::{
        Clearance, File, Photo, Rights, Words, content_digest, metadata::Metadata, missing, search, store,
    },
    wire::{self, Check},
    workflow::{self, State},
};

/// Fails if a caller may not decide about rights. Whether the paper may print a
/// picture is an editor's decision; whoever brought it has an interest in it.
pub(super) fn may_clear(caller: &Principal, method: &str) -> Result<()> {
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
pub(super) async fn resolve(transaction: &mut Transaction, bylines: &mut [Byline]) -> Result<()> {
    let live = byline::store::hold_reporters(transaction.connection(), &reporters(bylines)).await?;
    wire::byline::complete("photo.bylines", bylines, &live, |_| false)
}

/// Locks a photo that the caller may change, deleted or not: a reporter only their own.
pub(super) async fn lock_own(transaction: &mut Transaction, id: Uuid) -> Result<Photo> {
    let photo = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    workflow::own::must_own(transaction, &photo.name(), id, &photo.words.bylines).await?;
    Ok(photo)
}

/// Finds a live photo to change, locked, if the caller knows its etag.
pub(super) async fn lock_to_write(
    transaction: &mut Transaction,
    id: Uuid,
    etag: &wire::Expected,
) -> Result<Photo> {
    let photo = lock_own(transaction, id).await?;
    photo.live()?;
    etag.meet(&photo.name(), photo.version)?;
    Ok(photo)
}

/// Finds a live photo to work on, locked, if the caller knows its etag.
pub(super) async fn lock(transaction: &mut Transaction, id: Uuid, etag: &wire::Expected) -> Result<Photo> {
    let photo = store::lock(transaction.connection(), id).await?.ok_or_else(|| missing(id))?;
    photo.live()?;
    etag.meet(&photo.name(), photo.version)?;
    Ok(photo)
}

/// Keeps what a photo is found by.
async fn find_by(connection: &mut Connection, photo: &Photo) -> Result<()> {
    store::search::write(connection, &[(photo.id, search::entry_of(photo))]).await
}

/// Writes the change of a locked photo, and notes it.
pub(super) async fn save(
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
    find_by(connection, &photo).await?;
    save(transaction, photo, kind, before).await
}

/// Adds a photo with these words.
pub(super) async fn create(transaction: &mut Transaction, mut words: Words) -> Result<pb::Photo> {
    resolve(transaction, &mut words.bylines).await?;
    let now = transaction.now();
    let photo = Photo {
        id: Uuid::now_v7(),
        creator: transaction.caller().name.clone(),
        cleared_by: cleared_by(words.rights.clearance, transaction.caller()),
        content_digest: content_digest(&words, None)?,
        words,
        file: None,
        embedded: None,
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
    workflow::store::add_author(connection, photo.id, &photo.creator).await?;
    find_by(connection, &photo).await?;
    let after = Some(photo.content_digest);
    transaction.record(Change { resource: photo.name(), kind: "created", before: None, after });
    Ok(photo.into())
}

/// Writes the words that an editor has merged into a locked photo.
pub(super) async fn update(
    transaction: &mut Transaction,
    mut photo: Photo,
    merged: pb::Photo,
) -> Result<pb::Photo> {
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

/// Gives a photo a file that is stored, or is about to be.
pub(super) async fn give_file(
    transaction: &mut Transaction,
    id: Uuid,
    file: &File,
    metadata: &Metadata,
) -> Result<pb::Photo> {
    let mut photo = lock_to_write(transaction, id, &wire::Expected::Anything).await?;
    let now = transaction.now();
    store::files::hold(transaction.connection(), file, metadata, now).await?;
    photo.embedded = Some(metadata.embedded.clone());
    if photo.file.as_ref() == Some(file) {
        find_by(transaction.connection(), &photo).await?;
        return Ok(photo.into());
    }
    // What was found out about the rights was found out about the picture that is
    // replaced now.
    if photo.file.replace(file.clone()).is_some() {
        photo.words.rights = Rights::default();
        photo.cleared_by.clear();
        // So was how it is cut.
        (photo.words.crop, photo.words.focal_point) = (None, None);
    }
    photo.words.fill(&metadata.embedded);
    save_content(transaction, photo, "uploaded").await
}
