//! Reading the history of an article: its revisions, what changed between two of
//! them, and its reviews.

use uuid::Uuid;

use crate::{
    article::{
        Content, Revision,
        compare::{BlockChange, FieldChange, Piece, Tag, compare},
        missing, name, revision_name, store,
    },
    auth::{Principal, Scope},
    db::{Connection, Db},
    error::{Error, Result},
    newspaper, pb,
    wire::{self, Check, page::Page},
    workflow,
};

impl From<Revision> for pb::ArticleRevision {
    fn from(revision: Revision) -> pb::ArticleRevision {
        let snapshot = pb::Article {
            name: name(revision.article),
            uid: revision.article.to_string(),
            newspaper: newspaper::name(&revision.newspaper),
            revision: revision.number,
            content_digest: revision.content_digest.to_string(),
            ..pb::Article::from(revision.content)
        };
        pb::ArticleRevision {
            name: revision_name(revision.article, revision.number),
            snapshot: Some(snapshot),
            author: revision.author,
            create_time: Some(wire::timestamp(revision.create_time)),
        }
    }
}

/// Fails if the caller's credential is not for the newspaper of an article. Whether
/// there is such an article, others tell.
async fn reach(connection: &mut Connection, caller: &Principal, id: Uuid) -> Result<()> {
    if caller.scope == Scope::All {
        return Ok(());
    }
    let newspaper = store::newspaper_of(connection, id).await?;
    newspaper.map_or(Ok(()), |newspaper| caller.must_reach(&newspaper))
}

pub async fn list(
    db: &Db,
    caller: &Principal,
    message: pb::ListArticleRevisionsRequest,
) -> Result<pb::ListArticleRevisionsResponse> {
    let mut check = Check::by(caller);
    let id = check.article("parent", &message.parent);
    let arguments = [message.parent.as_str()];
    let method = "ListArticleRevisions";
    let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    reach(&mut connection, caller, id).await?;
    let mut revisions = store::revisions::list(&mut connection, id, page.after, page.size + 1).await?;
    // Every article keeps its newest revision, so that none means no article.
    if revisions.is_empty() && page.after.is_none() {
        return Err(missing(id));
    }
    let next_page_token = page.close(&mut revisions, |revision| revision.number)?;
    let article_revisions = revisions.into_iter().map(pb::ArticleRevision::from).collect();
    Ok(pb::ListArticleRevisionsResponse { article_revisions, next_page_token })
}

pub async fn get(
    db: &Db,
    caller: &Principal,
    message: pb::GetArticleRevisionRequest,
) -> Result<pb::ArticleRevision> {
    let mut check = Check::by(caller);
    let (id, number) = check.revision("name", &message.name);
    check.finish()?;
    let revision = store::revisions::kept(&mut *db.read().await?, id, number).await?;
    caller.must_reach(&revision.newspaper)?;
    Ok(revision.into())
}

pub async fn list_reviews(
    db: &Db,
    caller: &Principal,
    message: pb::ListArticleReviewsRequest,
) -> Result<pb::ListArticleReviewsResponse> {
    let mut check = Check::by(caller);
    let id = check.article("parent", &message.parent);
    let arguments = [message.parent.as_str()];
    let method = "ListArticleReviews";
    let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    reach(&mut connection, caller, id).await?;
    store::revisions::newest(&mut connection, id).await?.ok_or_else(|| missing(id))?;
    drop(connection);
    let (reviews, next_page_token) = workflow::rpc::list_reviews(db, id, &page).await?;
    Ok(pb::ListArticleReviewsResponse { reviews, next_page_token })
}

/// Which two revisions are compared.
struct Chosen {
    article: Uuid,
    base: Base,
    /// The newest one, if none is named.
    revision: Option<i64>,
}

/// With what a revision is compared.
enum Base {
    /// The one before it that is kept.
    Before,
    /// This one.
    Number(i64),
    /// The newest one that the caller has signed.
    MyReview,
}

fn read_choice(caller: &Principal, message: &pb::CompareArticleRevisionsRequest) -> Result<Chosen> {
    let mut check = Check::by(caller);
    let article = check.article("name", &message.name);
    let base = match check.revision_number("base_revision", message.base_revision) {
        Some(_) if message.since_my_review => {
            check.add("base_revision", "must be 0 with since_my_review, which chooses the base");
            Base::MyReview
        }
        Some(number) => Base::Number(number),
        None if message.since_my_review => Base::MyReview,
        None => Base::Before,
    };
    let revision = check.revision_number("revision", message.revision);
    check.finish()?;
    Ok(Chosen { article, base, revision })
}

pub async fn compare_revisions(
    db: &Db,
    caller: &Principal,
    message: pb::CompareArticleRevisionsRequest,
) -> Result<pb::CompareArticleRevisionsResponse> {
    let Chosen { article: id, base, revision } = read_choice(caller, &message)?;
    let mut connection = db.read().await?;
    reach(&mut connection, caller, id).await?;
    let newest = store::revisions::newest(&mut connection, id).await?.ok_or_else(|| missing(id))?;
    let revision = store::revisions::kept(&mut connection, id, revision.unwrap_or(newest)).await?;
    let base = match base {
        Base::Number(number) => store::revisions::kept(&mut connection, id, number).await?,
        Base::Before => {
            let before = store::revisions::list(&mut connection, id, Some(revision.number), 1).await?.pop();
            let name = revision_name(id, revision.number);
            before.ok_or(Error::NoBaseRevision { name, why: "no revision before it is kept" })?
        }
        Base::MyReview => {
            let signed = workflow::store::newest_signed_revision(&mut connection, id, &caller.name).await?;
            let why = "you have signed no revision of it";
            let number = signed.ok_or(Error::NoBaseRevision { name: name(id), why })?;
            store::revisions::kept(&mut connection, id, number).await?
        }
    };
    drop(connection);
    // Two long articles can take a while.
    let compared = tokio::task::spawn_blocking(move || answer(base, revision)).await;
    compared.map_err(|died| Error::Internal(format!("a comparison died: {died}")))
}

fn answer(base: Revision, revision: Revision) -> pb::CompareArticleRevisionsResponse {
    let (old, new) = (&base.content, &revision.content);
    let comparison = compare(old, new);
    let field_changes = comparison.fields.into_iter().map(|change| field_change(change, old, new));
    let block_changes = comparison.blocks.into_iter().map(|change| block_change(change, old, new));
    pb::CompareArticleRevisionsResponse {
        base_revision: revision_name(base.article, base.number),
        revision: revision_name(revision.article, revision.number),
        field_changes: field_changes.collect(),
        block_changes: block_changes.collect(),
    }
}

fn field_change(change: FieldChange, base: &Content, current: &Content) -> pb::FieldChange {
    pb::FieldChange {
        field: change.field.to_owned(),
        base_value: field_value(change.field, base),
        value: field_value(change.field, current),
        pieces: change.pieces.into_iter().map(pb::TextPiece::from).collect(),
    }
}

/// The value of a field that is no text.
fn field_value(field: &str, content: &Content) -> Option<pb::FieldValue> {
    let mut value = pb::FieldValue::default();
    match field {
        "bylines" => value.bylines = content.bylines.iter().cloned().map(pb::Byline::from).collect(),
        "photos" => value.photos = content.photos.iter().cloned().map(pb::PhotoUse::from).collect(),
        "keywords" => value.keywords.clone_from(&content.keywords),
        "event_date" => value.event_date = content.event_date.map(wire::date),
        "embargo_time" => value.embargo_time = content.embargo_time.map(wire::timestamp),
        "corrects" => value.corrects = content.corrects.map(name).unwrap_or_default(),
        _ => return None,
    }
    Some(value)
}

fn block_change(change: BlockChange, base: &Content, current: &Content) -> pb::BlockChange {
    use pb::block_change::Kind;
    let old = |index: usize| Some(pb::Block::from(base.body[index].clone()));
    let new = |index: usize| Some(pb::Block::from(current.body[index].clone()));
    let number = |index: usize| Some(index as i32);
    match change {
        BlockChange::Kept { base, index, moved, edit } => pb::BlockChange {
            kind: if edit.is_some() { Kind::Changed } else { Kind::Unchanged }.into(),
            base_index: number(base),
            index: number(index),
            moved,
            base_block: edit.as_ref().and_then(|_| old(base)),
            block: edit.as_ref().and_then(|_| new(index)),
            pieces: edit.into_iter().flat_map(|edit| edit.pieces).map(pb::TextPiece::from).collect(),
        },
        BlockChange::Added { index } => pb::BlockChange {
            kind: Kind::Added.into(),
            index: number(index),
            block: new(index),
            ..Default::default()
        },
        BlockChange::Removed { base } => pb::BlockChange {
            kind: Kind::Removed.into(),
            base_index: number(base),
            base_block: old(base),
            ..Default::default()
        },
    }
}

impl From<Piece> for pb::TextPiece {
    fn from(piece: Piece) -> pb::TextPiece {
        use pb::text_piece::Kind;
        let kind = match piece.tag {
            Tag::Equal => Kind::Equal,
            Tag::Deleted => Kind::Deleted,
            Tag::Inserted => Kind::Inserted,
        };
        pb::TextPiece { kind: kind.into(), text: piece.text }
    }
}
