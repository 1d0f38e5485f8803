//! Where articles stand, and taking them back out, in Postgres.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{error::Result, publication::Tombstone, wire::name::IssueName};

/// One article in one publication that still holds it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The publication.
    pub publication: i64,
    /// The article.
    pub article: Uuid,
    /// The revision that stands there.
    pub revision: i64,
    /// What was published: an issue, or the article itself.
    pub resource: String,
}

impl Standing {
    /// Whether it stands in an issue, not by itself.
    pub fn is_in_issue(&self) -> bool {
        self.resource.starts_with("newspapers/")
    }
}

/// Whether readers find an issue.
pub async fn is_published(connection: &mut PgConnection, issue: &IssueName) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select publication from published_issues where newspaper = $1 and id = $2 and not withdrawn",
        issue.newspaper,
        issue.issue
    );
    Ok(found.fetch_optional(connection).await?.is_some())
}

/// Where articles stand and are not withdrawn, the newest publications first.
pub async fn standing(connection: &mut PgConnection, articles: &[Uuid]) -> Result<Vec<Standing>> {
    let rows = sqlx::query_as!(
        Standing,
        "select a.publication, a.article, a.revision, p.resource
         from publication_articles a join publications p on p.sequence = a.publication
         where a.article = any($1) and a.withdrawn_by is null order by a.publication desc",
        articles
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The articles that stand in any publication of a resource.
pub async fn articles_in(connection: &mut PgConnection, resource: &str) -> Result<Vec<Uuid>> {
    let articles = sqlx::query_scalar!(
        "select distinct a.article from publication_articles a join publications p on p.sequence = a.publication
         where p.resource = $1 and a.withdrawn_by is null",
        resource
    );
    Ok(articles.fetch_all(connection).await?)
}

/// Takes articles out of every publication that holds them: readers find them
/// no more.
pub async fn take_back(connection: &mut PgConnection, articles: &[Uuid], tombstones: &[i64]) -> Result<()> {
    sqlx::query!(
        "with gone as (select * from unnest($1::uuid[], $2::bigint[]) as g (article, tombstone)),
         unserved as (delete from published_articles where article = any($1))
         update publication_articles a set withdrawn_by = g.tombstone
         from gone g where a.article = g.article and a.withdrawn_by is null",
        articles,
        tombstones
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes back every publication of an issue, whole.
pub async fn take_back_issue(
    connection: &mut PgConnection,
    issue: &IssueName,
    resource: &str,
    tombstone: i64,
) -> Result<()> {
    sqlx::query!(
        "with own as (select sequence from publications where resource = $1),
         emptied as (
             insert into redactions (publication, bytes) select sequence, '' from own
             on conflict (publication) do update set bytes = ''
         )
         update publication_articles set withdrawn_by = $2
         where publication in (select sequence from own) and withdrawn_by is null",
        resource,
        tombstone
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update published_issues set publication = $3, withdrawn = true where newspaper = $1 and id = $2",
        issue.newspaper,
        issue.issue,
        tombstone
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Serves these bytes instead of the sealed ones of a publication from now on.
pub async fn redact(connection: &mut PgConnection, publication: i64, bytes: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into redactions (publication, bytes) values ($1, $2)
         on conflict (publication) do update set bytes = excluded.bytes",
        publication,
        bytes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What readers are served instead of the sealed bytes of a publication.
#[derive(Debug)]
pub struct Redaction {
    /// The bytes; none if they are served the sealed ones.
    pub bytes: Option<Vec<u8>>,
    /// The first entry behind the publication that took back each of the names
    /// that were asked for, by sequence number.
    pub gone: Vec<(String, Tombstone)>,
}

/// What readers are served instead of the sealed bytes of a publication that
/// holds what has these names.
pub async fn redaction(
    connection: &mut PgConnection,
    publication: i64,
    names: &[String],
) -> Result<Redaction> {
    // Both of one moment: something may be withdrawn meanwhile. The tombstones
    // themselves never change.
    let found = sqlx::query!(
        r#"select (select bytes from redactions where publication = $1),
                  array(select min(sequence) from publications
                        where sequence > $1 and resource = any($2)
                          and kind in ('issue_withdrawn', 'article_withdrawn')
                        group by resource) as "tombstones!""#,
        publication,
        names
    )
    .fetch_one(&mut *connection)
    .await?;
    let rows = sqlx::query!(
        r#"select sequence, resource, note,
                  greatest('0001-01-01Z', least('9999-12-31Z', publish_time)) as "publish_time!"
           from publications where sequence = any($1) order by sequence"#,
        &found.tombstones
    );
    let gone = rows.fetch_all(connection).await?.into_iter().map(|row| {
        let tombstone = Tombstone { publication: row.sequence, reason: row.note, time: row.publish_time };
        (row.resource, tombstone)
    });
    Ok(Redaction { bytes: found.bytes, gone: gone.collect() })
}

/// Lets readers find an article as an earlier publication has it.
pub async fn restore_article(
    connection: &mut PgConnection,
    article: Uuid,
    publication: i64,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query!(
        "insert into published_articles (article, publication, bytes) values ($1, $2, $3)
         on conflict (article) do update set publication = excluded.publication, bytes = excluded.bytes",
        article,
        publication,
        bytes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The photos that articles brought into publications.
pub async fn photos_of(connection: &mut PgConnection, articles: &[Uuid]) -> Result<Vec<Uuid>> {
    let photos = sqlx::query_scalar!(
        "select distinct photo from publication_photos where article = any($1)",
        articles
    );
    Ok(photos.fetch_all(connection).await?)
}

/// Those of some photos that stand in a publication.
pub async fn photos_standing(connection: &mut PgConnection, photos: &[Uuid]) -> Result<HashSet<Uuid>> {
    let standing = sqlx::query_scalar!(
        "select distinct photo from publication_photos join publication_articles using (publication, article)
         where photo = any($1) and withdrawn_by is null",
        photos
    );
    Ok(standing.fetch_all(connection).await?.into_iter().collect())
}
