//! Finding working copies: by what they say, and in lists.

use prost::Message;
use uuid::Uuid;

use crate::{
    article::{self, Article, store},
    auth::{Principal, Scope},
    config,
    db::{
        Connection, Db,
        list::{Key, Sql},
    },
    error::Result,
    pb::{self, search_articles_response as response},
    search::{
        self, Rank,
        excerpt::excerpts,
        store::{Index, Search},
    },
    wire::{
        Check,
        page::{self, Page},
    },
};

/// Answers `SearchArticles`.
pub async fn search(
    db: &Db,
    caller: &Principal,
    message: pb::SearchArticlesRequest,
) -> Result<pb::SearchArticlesResponse> {
    let mut check = Check::by(caller);
    let arguments = [message.query.as_str(), message.filter.as_str()];
    let page: Page<Rank> =
        Page::open(&mut check, "SearchArticles", &arguments, message.page_size, &message.page_token)?;
    let query = check.query("query", message.query);
    let filtered = !message.filter.is_empty() || caller.scope != Scope::All;
    let filter = filtered.then(|| check.filter(&message.filter, &article::FIELDS));
    check.finish()?;
    let caller = caller.clone();
    let answer = db.view(move |connection| {
        Box::pin(async move {
            let push = |sql: &mut Sql| {
                if let Some(filter) = &filter {
                    sql.push(" and ");
                    store::list::push(sql, filter, &caller);
                }
            };
            let search = Search {
                index: Index::Articles,
                query: &query,
                filter: filter.is_some().then_some(&push as _),
                after: page.after,
                rows_max: page.size + 1,
            };
            let mut found = search::store::find(connection, &search).await?;
            let next_page_token = page.close(&mut found.ranks, |rank| *rank)?;
            let ids: Vec<Uuid> = found.ranks.iter().map(|rank| rank.article).collect();
            let (results, _) = fill(connection, &ids, |article| {
                let snippets = excerpts(&article.content.parts(), &query);
                let snippets = snippets.into_iter().map(pb::Snippet::from).collect();
                response::Result { article: Some(article.clone().into()), snippets }
            })
            .await?;
            let next_page_token = match found.ranks.get(results.len().wrapping_sub(1)) {
                Some(last) if results.len() < ids.len() => page.token(last)?,
                _ => next_page_token,
            };
            let total_size = i32::try_from(found.total).unwrap_or(i32::MAX);
            let total_size_estimated = found.estimated;
            Ok(pb::SearchArticlesResponse { results, next_page_token, total_size, total_size_estimated })
        })
    });
    answer.await
}

/// Answers `ListArticles`.
pub async fn list(
    db: &Db,
    caller: &Principal,
    message: pb::ListArticlesRequest,
) -> Result<pb::ListArticlesResponse> {
    let mut check = Check::by(caller);
    let show_deleted = message.show_deleted.to_string();
    let arguments = [show_deleted.as_str(), &message.filter, &message.order_by];
    let page: Page<Key> =
        Page::open(&mut check, "ListArticles", &arguments, message.page_size, &message.page_token)?;
    let filter = check.filter(&message.filter, &article::FIELDS);
    let order = check.order_by(&message.order_by, &article::ORDERS, article::ORDER);
    check.finish()?;
    let caller = caller.clone();
    // One view: a row that changes meanwhile would say a wrong place to go on from.
    let answer = db.view(move |connection| {
        Box::pin(async move {
            let show_deleted = message.show_deleted;
            let list = store::list::Question { filter: &filter, caller: &caller, order, show_deleted };
            let mut ids = store::list::ids(connection, &list, page.after.as_ref(), page.size + 1).await?;
            let rows = ids.len();
            ids.truncate(page.size as usize);
            let (articles, last) =
                fill(connection, &ids, |article| pb::Article::from(article.clone())).await?;
            let next_page_token = match last {
                Some(last) if articles.len() < rows => page.token(&store::list::key(&last, order))?,
                _ => String::new(),
            };
            Ok(pb::ListArticlesResponse { articles, next_page_token })
        })
    });
    answer.await
}

/// As many of these articles as a page holds, each as `message` makes it, and the
/// last of them. Fetched few at a time, as they can be large.
async fn fill<M: Message>(
    connection: &mut Connection,
    ids: &[Uuid],
    message: impl Fn(&Article) -> M,
) -> Result<(Vec<M>, Option<Article>)> {
    let (mut messages, mut last, mut bytes) = (Vec::with_capacity(ids.len()), None, 0);
    for ids in ids.chunks(config::PAGE_ROWS_AT_A_TIME) {
        let articles = store::find_all(connection, ids).await?;
        for article in page::in_order(ids, articles, |article| article.id) {
            let message = message(&article);
            bytes += message.encoded_len();
            if bytes > config::PAGE_MESSAGES_BYTES_MAX && !messages.is_empty() {
                return Ok((messages, last));
            }
            messages.push(message);
            last = Some(article);
        }
    }
    Ok((messages, last))
}
