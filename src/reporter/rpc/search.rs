//! Finding reporters.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    auth::Principal,
    config,
    db::Db,
    error::Result,
    pb::{self, search_reporters_response as response},
    reporter::{
        Reporter,
        search::{Order, Place, Query, key},
        store,
    },
    wire::{Check, page::Page},
};

/// Answers `SearchReporters`.
pub async fn answer(
    db: &Db,
    caller: &Principal,
    message: pb::SearchReportersRequest,
) -> Result<pb::SearchReportersResponse> {
    let mut check = Check::by(caller);
    let (page_size, page_token) = (message.page_size, message.page_token.clone());
    let query = read(&mut check, message);
    let arguments = format!("{query:?}");
    let page: Page<Place> = Page::open(&mut check, "SearchReporters", &[&arguments], page_size, &page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    let count = store::search::count(&mut connection, &query, config::SEARCH_COUNT_MAX).await?;
    let mut found = store::search::find(&mut connection, &query, page.after.as_ref(), page.size + 1).await?;
    let next_page_token = page.close(&mut found, Place::clone)?;
    let ids: Vec<Uuid> = found.into_iter().map(|(_, _, id)| id).collect();
    let reporters = store::find_all(&mut connection, &ids).await?;
    let mut reporters: HashMap<Uuid, Reporter> =
        reporters.into_iter().map(|reporter| (reporter.id, reporter)).collect();
    let reporters = ids.iter().filter_map(|id| reporters.remove(id));
    let results = reporters.map(|reporter| response::Result { reporter: Some(reporter.into()) }).collect();
    Ok(pb::SearchReportersResponse { results, next_page_token, total_size: count as i32 })
}

fn read(check: &mut Check, message: pb::SearchReportersRequest) -> Query {
    let order = match message.order_by.as_str() {
        "" | "pinyin" => Order::Pinyin,
        "display_name" => Order::DisplayName,
        _ => {
            check.add("order_by", "must be `pinyin` or `display_name`");
            Order::Pinyin
        }
    };
    let text = check.lines("query", message.query, config::QUERY_CHARS_MAX);
    let key = key(&text);
    if key.is_empty() && !text.trim().is_empty() {
        check.add("query", "has no letter, digit or Chinese character that a name could begin with");
    }
    let (show_deleted, show_retired) = (message.show_deleted, message.show_retired);
    Query { key, order, show_deleted, show_retired }
}
