//! Finding articles by what readers are served of them.

use crate::{
    article,
    auth::Principal,
    config,
    db::Db,
    error::Result,
    newspaper,
    pb::{self, search_published_articles_response as response},
    publication::{
        name,
        store::search::{Conditions, Summary, find, summaries},
    },
    search::{Rank, excerpt::excerpts},
    wire::{self, Check, page::Page},
};

/// Answers `SearchPublishedArticles`.
pub async fn answer(
    db: &Db,
    caller: &Principal,
    message: pb::SearchPublishedArticlesRequest,
) -> Result<pb::SearchPublishedArticlesResponse> {
    let mut check = Check::by(caller);
    let (page_size, page_token) = (message.page_size, message.page_token.clone());
    let asked = pb::SearchPublishedArticlesRequest { page_size: 0, page_token: String::new(), ..message };
    let arguments = format!("{asked:?}");
    let page: Page<Rank> =
        Page::open(&mut check, "SearchPublishedArticles", &[&arguments], page_size, &page_token)?;
    let conditions = Conditions {
        newspaper: check.newspaper_filter(&asked.newspaper),
        from: check.date("from_date", asked.from_date),
        until: check.date("until_date", asked.until_date),
    };
    if conditions.from.zip(conditions.until).is_some_and(|(from, until)| until < from) {
        check.add("until_date", "must not be before from_date");
    }
    let query = check.query("query", asked.query);
    check.finish()?;
    let answer = db.view(move |connection| {
        Box::pin(async move {
            let mut found = find(connection, &query, &conditions, page.after, page.size + 1).await?;
            let next_page_token = page.close(&mut found.ranks, |rank| *rank)?;
            let mut results = Vec::with_capacity(found.ranks.len());
            for ranks in found.ranks.chunks(config::PAGE_ROWS_AT_A_TIME) {
                let ids: Vec<uuid::Uuid> = ranks.iter().map(|rank| rank.article).collect();
                let mut summaries = summaries(connection, &ids).await?;
                let summaries =
                    ranks.iter().filter_map(|rank| Some((rank, summaries.remove(&rank.article)?)));
                results.extend(summaries.map(|(rank, summary)| {
                    let snippets = excerpts(&summary.content.parts(), &query);
                    let snippets = snippets.into_iter().map(pb::Snippet::from).collect();
                    response::Result { article: Some(message_of(rank, summary)), snippets }
                }));
            }
            let total_size = i32::try_from(found.total).unwrap_or(i32::MAX);
            let total_size_estimated = found.estimated;
            Ok(pb::SearchPublishedArticlesResponse {
                results,
                next_page_token,
                total_size,
                total_size_estimated,
            })
        })
    });
    answer.await
}

fn message_of(rank: &Rank, summary: Summary) -> pb::PublishedArticleSummary {
    let content = summary.content;
    pb::PublishedArticleSummary {
        name: article::name(summary.article),
        newspaper: newspaper::name(&summary.newspaper),
        day: Some(wire::date(rank.day)),
        kicker: content.kicker,
        headline: content.headline,
        subheadline: content.subheadline,
        column: content.column,
        bylines: content.bylines.into_iter().map(pb::Byline::from).collect(),
        publication: name(summary.publication),
        page: summary.page.map(|page| format!("{}/pages/{page}", summary.resource)).unwrap_or_default(),
    }
}
