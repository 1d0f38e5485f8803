//! Articles in Postgres.

pub mod list;
pub mod revisions;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    article::{Article, Content, Standing, correction::OwedCorrection},
    digest::Digest,
    error::Result,
    workflow::{self, Review, Schedule, State, store::digest},
};

struct Row {
    id: Uuid,
    newspaper: String,
    creator: String,
    content: Json<Content>,
    content_digest: Vec<u8>,
    revision: i64,
    state: String,
    return_reason: String,
    schedule: Option<Json<Schedule>>,
    latest_publication: Option<i64>,
    owed: Option<Json<OwedCorrection>>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    delete_time: Option<DateTime<Utc>>,
    has_reviews: bool,
}

impl Row {
    fn article(self, reviews: Vec<Review>) -> Result<Article> {
        Ok(Article {
            id: self.id,
            newspaper: self.newspaper,
            creator: self.creator,
            content: self.content.0,
            content_digest: digest(&self.content_digest)?,
            revision: self.revision,
            state: State::parse(&self.state)?,
            reviews,
            return_reason: self.return_reason,
            schedule: self.schedule.map(|schedule| schedule.0),
            latest_publication: self.latest_publication,
            owed: self.owed.map(|owed| owed.0),
            version: self.version,
            create_time: self.create_time,
            update_time: self.update_time,
            delete_time: self.delete_time,
        })
    }
}

/// Adds the sign-offs in force, with one query for all rows that have any.
async fn with_reviews(connection: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Article>> {
    let ids: Vec<Uuid> = rows.iter().filter(|row| row.has_reviews).map(|row| row.id).collect();
    let mut reviews = match ids.as_slice() {
        [] => HashMap::new(),
        ids => workflow::store::reviews(connection, ids).await?,
    };
    rows.into_iter()
        .map(|row| {
            let own = reviews.remove(&row.id).unwrap_or_default();
            row.article(own)
        })
        .collect()
}

/// Several articles, deleted or not, in no order; those that are there.
pub async fn find_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Article>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, newspaper, creator, content as "content: Json<Content>", content_digest, revision,
                  state::text as "state!", return_reason, schedule as "schedule: Json<Schedule>",
                  latest_publication,
                  (select to_jsonb(o) from owed_corrections o
                   where o.article = a.id and cancel_time is null and settled_by is null)
                      as "owed: Json<OwedCorrection>",
                  version, create_time, update_time, delete_time,
                  exists (select from reviews r where r.subject = a.id and r.void_time is null)
                      as "has_reviews!"
           from articles a where id = any((select $1::uuid[])::uuid[])"#,
        ids
    )
    .fetch_all(&mut *connection)
    .await?;
    with_reviews(connection, rows).await
}

/// How several articles stand, deleted or not; those that are there.
pub async fn standings(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<(Uuid, Standing)>> {
    let rows = sqlx::query!(
        "select id, version, update_time from articles where id = any((select $1::uuid[])::uuid[])",
        ids
    );
    let rows = rows.fetch_all(connection).await?.into_iter();
    Ok(rows.map(|row| (row.id, Standing { version: row.version, update_time: row.update_time })).collect())
}

/// One article, deleted or not.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Article>> {
    Ok(find_all(connection, &[id]).await?.pop())
}

/// One article, locked against other changes until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Article>> {
    sqlx::query!("select id from articles where id = $1 for update", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// Several articles, locked in the order of their ids; those that are there.
pub async fn lock_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Article>> {
    sqlx::query!("select id from articles where id = any($1) order by id for update", ids)
        .fetch_all(&mut *connection)
        .await?;
    find_all(connection, ids).await
}

/// Adds an article, without its revision.
pub async fn insert(connection: &mut PgConnection, article: &Article) -> Result<()> {
    sqlx::query!(
        "insert into articles (id, newspaper, creator, content, content_digest, revision, state, version,
                               create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7::text::review_state, $8, $9, $10)",
        article.id,
        article.newspaper,
        article.creator,
        Json(&article.content) as _,
        article.content_digest.as_bytes(),
        article.revision,
        article.state.as_str(),
        article.version,
        article.create_time,
        article.update_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a changed article, times and version included.
pub async fn update(connection: &mut PgConnection, article: &Article) -> Result<()> {
    sqlx::query!(
        "update articles set content = $2, content_digest = $3, revision = $4, state = $5::text::review_state,
                return_reason = $6, version = $7, update_time = $8, delete_time = $9, schedule = $10,
                publish_due = $11
         where id = $1",
        article.id,
        Json(&article.content) as _,
        article.content_digest.as_bytes(),
        article.revision,
        article.state.as_str(),
        article.return_reason,
        article.version,
        article.update_time,
        article.delete_time,
        article.schedule.as_ref().map(Json) as _,
        article.schedule.as_ref().and_then(Schedule::due)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the content of articles stands in a publication.
pub async fn set_published(
    connection: &mut PgConnection,
    ids: &[Uuid],
    publication: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update articles set state = 'published', latest_publication = $2, schedule = null, publish_due = null,
                version = version + 1, update_time = $3
         where id = any($1)",
        ids,
        publication,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that articles have been withdrawn, each by the publication beside it.
pub async fn set_withdrawn(
    connection: &mut PgConnection,
    ids: &[Uuid],
    publications: &[i64],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update articles set state = 'withdrawn', latest_publication = w.publication, schedule = null,
                publish_due = null, version = version + 1, update_time = $3
         from unnest($1::uuid[], $2::bigint[]) as w (id, publication)
         where articles.id = w.id",
        ids,
        publications,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the newest publication of an article is an earlier one again.
pub async fn set_restored(
    connection: &mut PgConnection,
    id: Uuid,
    publication: i64,
    state: State,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update articles set state = $2::text::review_state, latest_publication = $3, version = version + 1,
                update_time = $4
         where id = $1",
        id,
        state.as_str(),
        publication,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The articles whose time to be published has come, the longest due first, and
/// who ordered it.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    rows_max: i64,
) -> Result<Vec<(Uuid, Schedule)>> {
    let rows = sqlx::query!(
        r#"select id, schedule as "schedule!: Json<Schedule>" from articles
           where publish_due <= $1 order by publish_due limit $2"#,
        now,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.schedule.0)).collect())
}

/// When the next article is due after `now`.
pub async fn next_due(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let next = sqlx::query_scalar!("select min(publish_due) from articles where publish_due > $1", now);
    Ok(next.fetch_one(connection).await?)
}

/// Locks an article that is due; not if it is due no more, or if someone else
/// has it locked: they publish it, or change it and it is tried again soon.
pub async fn claim(connection: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let claimed = sqlx::query_scalar!(
        "select id from articles where id = $1 and publish_due <= $2 for update skip locked",
        id,
        now
    );
    Ok(claimed.fetch_optional(connection).await?.is_some())
}

/// Notes that something about locked articles has changed that is kept
/// elsewhere; their ids and content digests.
pub async fn touch(
    connection: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, Digest)>> {
    let rows = sqlx::query!(
        "update articles set version = version + 1, update_time = $2 where id = any($1)
         returning id, content_digest",
        ids,
        now
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, digest(&row.content_digest)?))).collect()
}

/// The id of the newspaper of an article, deleted or not.
pub async fn newspaper_of(connection: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    let newspaper = sqlx::query_scalar!("select newspaper from articles where id = $1", id);
    Ok(newspaper.fetch_optional(connection).await?)
}

/// How many stages must sign articles of a newspaper, with a lock that keeps
/// the newspaper from being deleted; none if it is not there or deleted.
pub async fn hold_newspaper(connection: &mut PgConnection, id: &str) -> Result<Option<i32>> {
    let stages = sqlx::query_scalar!(
        "select review_stages from newspapers where id = $1 and delete_time is null for share",
        id
    );
    Ok(stages.fetch_optional(connection).await?.map(i32::from))
}

/// The newspaper of an article that another one is about to correct, with a lock
/// that keeps it from being deleted; none if it is not there or deleted.
pub async fn hold_corrected(connection: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    let newspaper = sqlx::query_scalar!(
        "select newspaper from articles where id = $1 and delete_time is null for share",
        id
    );
    Ok(newspaper.fetch_optional(connection).await?)
}

/// The names of some live articles that correct one.
pub async fn corrections_of(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select 'articles/' || id as "name!" from articles
           where content ? 'corrects' and content ->> 'corrects' = $1 and delete_time is null
           order by id limit 5"#,
        id.to_string()
    );
    Ok(names.fetch_all(connection).await?)
}

/// Photos that are about to be used, with a lock that keeps them from being
/// deleted; those that are there and live.
pub async fn hold_photos(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let live = sqlx::query_scalar!(
        "select id from photos where id = any($1) and delete_time is null order by id for share",
        ids
    );
    Ok(live.fetch_all(connection).await?.into_iter().collect())
}

/// The names of some pages of live issues that an article stands on.
pub async fn pages_with(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select distinct 'newspapers/' || i.newspaper || '/issues/' || i.id || '/pages/' || p.page as "name!"
           from placements p join issues i on i.uid = p.issue
           where p.article = $1 and i.delete_time is null limit 5"#,
        id
    );
    Ok(names.fetch_all(connection).await?)
}
