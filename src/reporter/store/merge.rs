//! What a merge of reporters changes, in Postgres: all of it set by set.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    article::{Article, Content},
    byline::Byline,
    config,
    error::Result,
    photo::Photo,
};

/// The working copies whose bylines refer to a reporter, deleted ones too.
pub struct Copies {
    /// Articles, in the order of their ids.
    pub articles: Vec<Uuid>,
    /// Photos, likewise.
    pub photos: Vec<Uuid>,
}

/// Locks the working copies whose bylines refer to a reporter; of either kind one
/// more than a merge may change at most.
pub async fn lock_copies(connection: &mut PgConnection, reporter: Uuid) -> Result<Copies> {
    let rows_max = config::MERGE_COPIES_MAX as i64 + 1;
    let articles = sqlx::query_scalar!(
        "select id from articles
         where id = any(array(select article from article_reporters where reporter = $1 order by article limit $2))
         order by id for update",
        reporter,
        rows_max
    )
    .fetch_all(&mut *connection)
    .await?;
    let photos = sqlx::query_scalar!(
        "select id from photos
         where id = any(array(select photo from photo_reporters where reporter = $1 order by photo limit $2))
         order by id for update",
        reporter,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    Ok(Copies { articles, photos })
}

/// Writes locked articles with other bylines, each as a new revision that says what
/// the one before it does.
pub async fn write_articles(
    connection: &mut PgConnection,
    articles: &[Article],
    author: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<Uuid> = articles.iter().map(|article| article.id).collect();
    let contents: Vec<Json<&Content>> = articles.iter().map(|article| Json(&article.content)).collect();
    let digests: Vec<&[u8]> = articles.iter().map(|article| article.content_digest.as_bytes()).collect();
    let revisions: Vec<i64> = articles.iter().map(|article| article.revision).collect();
    sqlx::query!(
        "with given as (
             select * from unnest($1::uuid[], $2::jsonb[], $3::bytea[], $4::bigint[])
                 g (id, content, content_digest, revision)
         ), revised as (
             update articles a
             set content = g.content, content_digest = g.content_digest, revision = g.revision,
                 version = a.version + 1, update_time = $5
             from given g where a.id = g.id
         )
         insert into article_revisions (article, revision, content, content_digest, author, create_time, carried_from)
         select g.id, g.revision, g.content, g.content_digest, $6, $5, coalesce(b.carried_from, g.revision - 1)
         from given g left join article_revisions b on b.article = g.id and b.revision = g.revision - 1",
        &ids,
        &contents as _,
        &digests as &[&[u8]],
        &revisions,
        now,
        author
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes locked photos with other bylines.
pub async fn write_photos(connection: &mut PgConnection, photos: &[Photo], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = photos.iter().map(|photo| photo.id).collect();
    let bylines: Vec<Json<&Vec<Byline>>> = photos.iter().map(|photo| Json(&photo.words.bylines)).collect();
    let digests: Vec<&[u8]> = photos.iter().map(|photo| photo.content_digest.as_bytes()).collect();
    sqlx::query!(
        "update photos p
         set bylines = g.bylines, content_digest = g.content_digest, version = p.version + 1, update_time = $4
         from unnest($1::uuid[], $2::jsonb[], $3::bytea[]) g (id, bylines, content_digest)
         where p.id = g.id",
        &ids,
        &bylines as _,
        &digests as &[&[u8]],
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps that what referred to the duplicate refers to the real one.
pub async fn move_references(connection: &mut PgConnection, duplicate: Uuid, real: Uuid) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from article_reporters where reporter = $1 returning article)
         insert into article_reporters (article, reporter) select article, $2 from gone on conflict do nothing",
        duplicate,
        real
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "with gone as (delete from photo_reporters where reporter = $1 returning photo)
         insert into photo_reporters (photo, reporter) select photo, $2 from gone on conflict do nothing",
        duplicate,
        real
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets earlier duplicates of one that is merged now lead straight to the real one;
/// who they are.
pub async fn redirect(
    connection: &mut PgConnection,
    duplicate: Uuid,
    real: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    // What they are found by stays as it is, known or not.
    let redirected = sqlx::query_scalar!(
        "update reporters
         set merged_into = $2, version = version + 1, update_time = $3,
             search_version = search_version + (search_version = version)::integer
         where merged_into = $1 returning id",
        duplicate,
        real,
        now
    );
    Ok(redirected.fetch_all(connection).await?)
}
