//! Finding photos.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    auth::Principal,
    config,
    db::Db,
    error::Result,
    pb::{self, search_photos_response as response},
    photo::{
        Channel, Photo,
        search::{Query, keyword_of, words_of},
        store,
    },
    wire::{Check, page::Page},
};

/// Answers `SearchPhotos`.
pub async fn answer(
    db: &Db,
    caller: &Principal,
    message: pb::SearchPhotosRequest,
) -> Result<pb::SearchPhotosResponse> {
    let mut check = Check::by(caller);
    let (page_size, page_token) = (message.page_size, message.page_token.clone());
    let asked = pb::SearchPhotosRequest { page_size: 0, page_token: String::new(), ..message };
    let arguments = format!("{asked:?}");
    let page = Page::open(&mut check, "SearchPhotos", &[&arguments], page_size, &page_token)?;
    let query = read(&mut check, asked);
    check.finish()?;
    let mut connection = db.read().await?;
    let count = store::search::count(&mut connection, &query, config::SEARCH_COUNT_MAX).await?;
    let mut found = store::search::find(&mut connection, &query, page.after, page.size + 1).await?;
    let next_page_token = page.close(&mut found, |id| *id)?;
    let photos = store::find_all(&mut connection, &found).await?;
    let mut photos: HashMap<Uuid, Photo> = photos.into_iter().map(|photo| (photo.id, photo)).collect();
    let photos = found.iter().filter_map(|id| photos.remove(id));
    let results = photos.map(|photo| response::Result { photo: Some(photo.into()) }).collect();
    Ok(pb::SearchPhotosResponse { results, next_page_token, total_size: count as i32 })
}

fn read(check: &mut Check, message: pb::SearchPhotosRequest) -> Query {
    let chars_max = config::QUERY_CHARS_MAX;
    let words = words_of(&check.lines("query", message.query, chars_max));
    let creator = words_of(&check.line("creator", message.creator, chars_max));
    let place = words_of(&check.line("place", message.place, chars_max));
    let keyword = keyword_of(&check.line("keyword", message.keyword, config::KEYWORD_CHARS_MAX));
    let captured_from = check.date("captured_from", message.captured_from);
    let captured_until = check.date("captured_until", message.captured_until);
    if captured_from.zip(captured_until).is_some_and(|(from, until)| until < from) {
        check.add("captured_until", "must not be before captured_from");
    }
    let clearance = message.clearance.map(|value| {
        let clearance: pb::rights::Clearance = check.enumeration("clearance", value);
        clearance.into()
    });
    let channels = channels(check, message.granted_channel);
    if message.granted_date.is_none() && message.granted_channel != 0 {
        check.add("granted_channel", "goes with granted_date only");
    }
    let granted = check.date("granted_date", message.granted_date).map(|day| (day, channels));
    let show_deleted = message.show_deleted;
    Query { words, creator, place, keyword, captured_from, captured_until, clearance, granted, show_deleted }
}

fn channels(check: &mut Check, value: i32) -> Vec<Channel> {
    match check.enumeration("granted_channel", value) {
        pb::PhotoChannel::Unspecified => vec![Channel::Print, Channel::Digital],
        pb::PhotoChannel::Print => vec![Channel::Print],
        pb::PhotoChannel::Digital => vec![Channel::Digital],
    }
}
