//! What was found, as messages.

use crate::{
    pb::{self, snippet},
    search::excerpt::{Excerpt, Highlight},
};

/// A count of characters. No text has 2^31 of them.
fn characters(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl From<Excerpt> for pb::Snippet {
    fn from(excerpt: Excerpt) -> pb::Snippet {
        let highlights = excerpt.highlights.into_iter().map(|Highlight { start, length }| {
            snippet::Highlight { start: characters(start), length: characters(length) }
        });
        pb::Snippet {
            field: excerpt.field,
            start: characters(excerpt.start),
            text: excerpt.text,
            highlights: highlights.collect(),
        }
    }
}
