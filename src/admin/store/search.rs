//! What the search indexes are made of, in Postgres.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// Working copies of articles by id, those behind `after`.
pub async fn articles(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from articles where id > $1
         order by id limit $2",
        after.unwrap_or_default(),
        rows_max
    );
    Ok(ids.fetch_all(connection).await?)
}

/// Published articles by id, those behind `after`.
pub async fn published(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select article from published_articles where article > $1
         order by article limit $2",
        after.unwrap_or_default(),
        rows_max
    );
    Ok(ids.fetch_all(connection).await?)
}

/// Photos by id, those behind `after`.
pub async fn photos(connection: &mut PgConnection, after: Option<Uuid>, rows_max: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from photos where id > $1
         order by id limit $2",
        after.unwrap_or_default(),
        rows_max
    );
    Ok(ids.fetch_all(connection).await?)
}

/// How many there are of each: working copies, published articles, photos.
pub async fn counts(connection: &mut PgConnection) -> Result<[i64; 3]> {
    let counts = sqlx::query!(
        r#"select (select count(*) from articles) as "articles!",
                  (select count(*) from published_articles) as "published!",
                  (select count(*) from photos) as "photos!""#
    );
    let counts = counts.fetch_one(connection).await?;
    Ok([counts.articles, counts.published, counts.photos])
}

/// Whether all entries were made in this way.
pub async fn is_current(connection: &mut PgConnection, entries_version: i32) -> Result<bool> {
    let current = sqlx::query_scalar!(
        r#"select exists (select from search_indexes where entries_version = $1) as "current!""#,
        entries_version
    );
    Ok(current.fetch_one(connection).await?)
}

/// Notes that all entries were made in this way.
pub async fn set_current(connection: &mut PgConnection, entries_version: i32) -> Result<()> {
    sqlx::query!(
        "insert into search_indexes (entries_version) values ($1)
         on conflict (only_row) do update set entries_version = $1",
        entries_version
    )
    .execute(connection)
    .await?;
    Ok(())
}
