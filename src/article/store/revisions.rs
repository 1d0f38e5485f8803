//! The revisions of articles in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    article::{self, Article, Content, Revision},
    error::Result,
    workflow::store::digest,
};

/// Keeps a new article's first revision, who wrote it, and what it refers to.
pub async fn keep_first(connection: &mut PgConnection, article: &Article) -> Result<()> {
    sqlx::query!(
        "with revision as (
             insert into article_revisions (article, revision, content, content_digest, author, create_time)
             values ($1, $2, $3, $4, $5, $6)
         )
         insert into authors (subject, person) values ($1, $5)",
        article.id,
        article.revision,
        Json(&article.content) as _,
        article.content_digest.as_bytes(),
        article.creator,
        article.update_time
    )
    .execute(&mut *connection)
    .await?;
    refer(connection, article).await
}

/// Writes a locked article with new content, which is a draft that nobody has signed, its
/// revision, and who wrote that, in one statement.
pub async fn save(connection: &mut PgConnection, article: &Article, author: &str) -> Result<()> {
    sqlx::query!(
        "with working_copy as (
             update articles set content = $3, content_digest = $4, revision = $2, state = 'draft',
                    return_reason = '', version = $7, update_time = $6
             where id = $1
         ), revision as (
             insert into article_revisions (article, revision, content, content_digest, author, create_time)
             values ($1, $2, $3, $4, $5, $6)
         )
         insert into authors (subject, person) values ($1, $5) on conflict do nothing",
        article.id,
        article.revision,
        Json(&article.content) as _,
        article.content_digest.as_bytes(),
        author,
        article.update_time,
        article.version
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps which reporters and photos a working copy refers to, instead of what was kept
/// before.
pub async fn refer(connection: &mut PgConnection, article: &Article) -> Result<()> {
    sqlx::query!(
        "with reporters_gone as (
             delete from article_reporters where article = $1 and reporter <> all((select $2::uuid[])::uuid[])
         ), reporters as (
             insert into article_reporters (article, reporter) select $1, unnest((select $2::uuid[])) on conflict do nothing
         ), photos_gone as (
             delete from article_photos where article = $1 and photo <> all((select $3::uuid[])::uuid[])
         )
         insert into article_photos (article, photo) select $1, unnest((select $3::uuid[])) on conflict do nothing",
        article.id,
        &article.content.reporters(),
        &article.content.photos()
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct RevisionRow {
    article: Uuid,
    newspaper: String,
    revision: i64,
    content: Json<Content>,
    content_digest: Vec<u8>,
    author: String,
    create_time: DateTime<Utc>,
}

impl RevisionRow {
    fn revision(self) -> Result<Revision> {
        Ok(Revision {
            article: self.article,
            newspaper: self.newspaper,
            number: self.revision,
            content: self.content.0,
            content_digest: digest(&self.content_digest)?,
            author: self.author,
            create_time: self.create_time,
        })
    }
}

/// One revision.
pub async fn find(connection: &mut PgConnection, id: Uuid, number: i64) -> Result<Option<Revision>> {
    let row = sqlx::query_as!(
        RevisionRow,
        r#"select r.article, a.newspaper, r.revision, r.content as "content: Json<Content>", r.content_digest,
                  r.author, r.create_time
           from article_revisions r join articles a on a.id = r.article
           where r.article = $1 and r.revision = $2"#,
        id,
        number
    )
    .fetch_optional(connection)
    .await?;
    row.map(RevisionRow::revision).transpose()
}

/// As [`find`].
///
/// # Errors
/// It is not kept any more, or never was.
pub async fn kept(connection: &mut PgConnection, id: Uuid, number: i64) -> Result<Revision> {
    if let Some(revision) = find(connection, id, number).await? {
        return Ok(revision);
    }
    let newest = newest(connection, id).await?;
    Err(article::missing_revision(id, number, newest.unwrap_or_default()))
}

/// Revisions of an article, newest first, those older than `before`.
pub async fn list(
    connection: &mut PgConnection,
    id: Uuid,
    before: Option<i64>,
    rows_max: i64,
) -> Result<Vec<Revision>> {
    let rows = sqlx::query_as!(
        RevisionRow,
        r#"select r.article, a.newspaper, r.revision, r.content as "content: Json<Content>", r.content_digest,
                  r.author, r.create_time
           from article_revisions r join articles a on a.id = r.article
           where r.article = $1 and ($2::bigint is null or r.revision < $2)
           order by r.revision desc limit $3"#,
        id,
        before,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RevisionRow::revision).collect()
}

/// Removes the oldest revisions that nobody has signed but for so many; the
/// newest one always stays. Which these are is asked once, as an array: as a
/// subquery, Postgres may ask it for every revision again, if it knows little of the
/// table.
pub async fn forget(connection: &mut PgConnection, id: Uuid, kept: i64) -> Result<()> {
    sqlx::query!(
        "delete from article_revisions where article = $1 and revision = any(array(
             select saved.revision from article_revisions saved
             where saved.article = $1 and not exists (
                 select from reviews signed
                 where signed.subject = $1 and signed.revision = saved.revision and signed.outcome = 'signed'
             ) and not exists (
                 select from publication_articles published
                 where published.article = $1 and published.revision = saved.revision
             )
             order by saved.revision desc offset $2
         ))",
        id,
        kept
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether two revisions of an article say the same: between them nobody has written
/// anything, only reporters were merged.
pub async fn say_the_same(connection: &mut PgConnection, id: Uuid, one: i64, other: i64) -> Result<bool> {
    let written = sqlx::query_scalar!(
        r#"select count(distinct coalesce(r.carried_from, g.revision)) as "count!"
           from unnest(array[$2::bigint, $3::bigint]) g (revision)
           left join article_revisions r on r.article = $1 and r.revision = g.revision"#,
        id,
        one,
        other
    );
    Ok(written.fetch_one(connection).await? == 1)
}

/// The number of the newest revision of an article, deleted or not.
pub async fn newest(connection: &mut PgConnection, id: Uuid) -> Result<Option<i64>> {
    let newest = sqlx::query_scalar!("select revision from articles where id = $1", id);
    Ok(newest.fetch_optional(connection).await?)
}
