//! Readers of foreign formats into drafts. They are clients of the API, with an
//! address and a token like any other, and touch no table.

pub mod desk;
mod message;
pub mod page;
pub mod print;
pub mod submit;

use crate::calendar;

/// Reads the text of a printed page, and compares the weekday and the lunar date
/// that it states with the calendar's.
pub fn read_page(text: &str) -> page::Page {
    let mut page = page::parse(text);
    if let Some(date) = page.masthead.publish_date.as_ref().map(|date| date.value) {
        let lunar = calendar::lunar_date(date).map(|lunar| lunar.text).unwrap_or_default();
        let found = page::calendar_warnings(&page, calendar::weekday_name(date), &lunar);
        page.warnings.extend(found);
        page.warnings.sort_by_key(|warning| warning.line);
    }
    page
}
