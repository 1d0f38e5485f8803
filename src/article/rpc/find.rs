//! Finding working copies by what they say.

use std::collections::HashMap;

use prost::Message;
use uuid::Uuid;

use crate::{
    article::{Article, store},
    config,
    db::{Connection, Db},
    error::Result,
    pb::{self, search_articles_response as response},
    search::{
        Rank,
        excerpt::excerpts,
        query::Query,
        store::{Index, Search},
    },
    wire::{Check, page::Page},
};

/// Answers `SearchArticles`.
pub async fn answer(db: &Db, message: pb::SearchArticlesRequest) -> Result<pb::SearchArticlesResponse> {
    let mut check = Check::default();
    let arguments = [message.query.as_str()];
    let page: Page<Rank> =
        Page::open(&mut check, "SearchArticles", &arguments, message.page_size, &message.page_token)?;
    let query = check.query("query", message.query);
    check.finish()?;
    let answer = db.view(move |connection| {
        Box::pin(async move {
            let search = Search {
                index: Index::Articles,
                query: &query,
                filter: None,
                after: page.after,
                rows_max: page.size + 1,
            };
            let mut found = crate::search::store::find(connection, &search).await?;
            let next_page_token = page.close(&mut found.ranks, |rank| *rank)?;
            let results = results(connection, &query, &found.ranks).await?;
            let next_page_token = match found.ranks.get(results.len().wrapping_sub(1)) {
                // Cut short by the size of its articles.
                Some(last) if results.len() < found.ranks.len() => page.token(last)?,
                _ => next_page_token,
            };
            let total_size = i32::try_from(found.total).unwrap_or(i32::MAX);
            let total_size_estimated = found.estimated;
            Ok(pb::SearchArticlesResponse { results, next_page_token, total_size, total_size_estimated })
        })
    });
    answer.await
}

/// As many of the results as a page holds.
async fn results(
    connection: &mut Connection,
    query: &Query,
    ranks: &[Rank],
) -> Result<Vec<response::Result>> {
    let mut results = Vec::with_capacity(ranks.len());
    let mut bytes = 0;
    for ranks in ranks.chunks(config::SEARCH_ARTICLES_AT_A_TIME) {
        let ids: Vec<Uuid> = ranks.iter().map(|rank| rank.article).collect();
        let articles = store::find_all(connection, &ids).await?;
        let mut articles: HashMap<Uuid, Article> =
            articles.into_iter().map(|article| (article.id, article)).collect();
        for article in ids.iter().filter_map(|id| articles.remove(id)) {
            let snippets = excerpts(&article.content.parts(), query);
            let snippets = snippets.into_iter().map(pb::Snippet::from).collect();
            let result = response::Result { article: Some(article.into()), snippets };
            bytes += result.encoded_len();
            if bytes > config::SEARCH_PAGE_BYTES_MAX && !results.is_empty() {
                return Ok(results);
            }
            results.push(result);
        }
    }
    Ok(results)
}
