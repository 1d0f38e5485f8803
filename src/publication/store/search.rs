//! Finding what readers are served, in Postgres.

use std::collections::HashMap;

use chrono::NaiveDate;
use sqlx::{PgConnection, Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use crate::{
    article::Content,
    error::Result,
    search::{
        Found, Rank,
        query::Query,
        store::{self, Index, Search},
    },
};

/// What must be met besides the words.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The id of the newspaper; none for any.
    pub newspaper: Option<String>,
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub until: Option<NaiveDate>,
}

/// A published article as a list shows it.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The article.
    pub article: Uuid,
    /// The id of its newspaper.
    pub newspaper: String,
    /// The newest publication that holds it.
    pub publication: i64,
    /// The issue or article that was published.
    pub resource: String,
    /// The page of the issue.
    pub page: Option<i32>,
    /// What it says there.
    pub content: Content,
}

/// Finds published articles.
pub async fn find(
    connection: &mut PgConnection,
    query: &Query,
    conditions: &Conditions,
    after: Option<Rank>,
    rows_max: i64,
) -> Result<Found> {
    let push = |sql: &mut QueryBuilder<Postgres>| {
        if let Some(newspaper) = &conditions.newspaper {
            sql.push(" and s.newspaper = ").push_bind(newspaper.clone());
        }
        if let Some(day) = conditions.from {
            sql.push(" and s.day >= ").push_bind(day);
        }
        if let Some(day) = conditions.until {
            sql.push(" and s.day <= ").push_bind(day);
        }
    };
    let index = Index::PublishedArticles;
    store::find(connection, &Search { index, query, filter: Some(&push), after, rows_max }).await
}

/// Published articles as lists show them.
pub async fn summaries(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Summary>> {
    let rows = sqlx::query!(
        r#"select s.article, p.newspaper, s.publication, p.resource, stands.page,
                  r.content as "content: Json<Content>"
           from published_articles s
           join publications p on p.sequence = s.publication
           join publication_articles stands on stands.publication = s.publication and stands.article = s.article
           join article_revisions r on r.article = s.article and r.revision = stands.revision
           where s.article = any($1)"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    let summaries = rows.into_iter().map(|row| Summary {
        article: row.article,
        newspaper: row.newspaper,
        publication: row.publication,
        resource: row.resource,
        page: row.page,
        content: row.content.0,
    });
    Ok(summaries.map(|summary| (summary.article, summary)).collect())
}
