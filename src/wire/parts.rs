//! Cutting a sealed issue into messages that any client can receive. Each part
//! is a message of the same type with some of its fields; one behind the other
//! they are the sealed bytes again, so that nothing is decoded and what arrives
//! can be held against the ledger.

use std::ops::Range;

use bytes::Bytes;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use crate::error::{Error, Result};

/// The number of the field `pages` of `PublishedIssue`.
const PAGES: u32 = 4;

/// Cuts an encoded `PublishedIssue`: what stands before the pages, each page by
/// itself, and what follows them, in parts of `bytes_max` where fields allow it.
///
/// # Errors
/// The bytes are no encoded message: what is stored is damaged.
pub fn cut(sealed: &Bytes, bytes_max: usize) -> Result<Vec<Bytes>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut page_before = false;
    for (number, field) in fields(sealed)? {
        let is_page = number == PAGES;
        match parts.last_mut() {
            Some(part) if !is_page && !page_before && field.end - part.start <= bytes_max => {
                part.end = field.end
            }
            _ => parts.push(field),
        }
        page_before = is_page;
    }
    Ok(parts.into_iter().map(|part| sealed.slice(part)).collect())
}

/// The fields of an encoded message: their numbers, and where they stand.
fn fields(message: &[u8]) -> Result<Vec<(u32, Range<usize>)>> {
    let damaged = |error| Error::Internal(format!("a sealed issue is damaged: {error}"));
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let start = message.len() - rest.len();
        let (number, wire_type) = decode_key(&mut rest).map_err(damaged)?;
        skip_field(wire_type, number, &mut rest, DecodeContext::default()).map_err(damaged)?;
        fields.push((number, start..message.len() - rest.len()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::pb;

    fn issue(pages: usize, reporters: usize) -> Bytes {
        let page = |index: usize| pb::PublishedPage {
            page: Some(pb::Page { name: format!("pages/{index}"), ..Default::default() }),
            placements: Vec::new(),
        };
        let reporter = |index: usize| pb::PublishedReporter {
            name: format!("reporters/{index}"),
            display_name: "甘一鸣".repeat(10),
        };
        let issue = pb::PublishedIssue {
            name: "newspapers/a/issues/1".into(),
            issue: Some(pb::Issue { number: 1, ..Default::default() }),
            pages: (0..pages).map(page).collect(),
            reporters: (0..reporters).map(reporter).collect(),
            publication: Some(pb::Publication { sequence: 1, ..Default::default() }),
            ..Default::default()
        };
        issue.encode_to_vec().into()
    }

    #[test]
    fn the_parts_are_the_whole_one_behind_the_other() {
        for (pages, reporters) in [(0, 0), (1, 0), (3, 5), (40, 200)] {
            let whole = issue(pages, reporters);
            let parts = cut(&whole, 1_000).expect("parts");
            assert_eq!(parts.concat(), whole, "{pages} pages");
            let merged = parts.iter().fold(pb::PublishedIssue::default(), |mut merged, part| {
                merged.merge(part.as_ref()).expect("a part");
                merged
            });
            assert_eq!(merged.encode_to_vec(), whole);
        }
    }

    #[test]
    fn each_page_is_a_part_and_the_rest_is_cut_at_the_limit() {
        let parts = cut(&issue(3, 200), 1_000).expect("parts");
        let read = |part: &Bytes| pb::PublishedIssue::decode(part.as_ref()).expect("a part");
        assert_eq!(parts[..4].iter().map(|part| read(part).pages.len()).collect::<Vec<_>>(), [0, 1, 1, 1]);
        assert!(parts[4..].len() > 10 && parts[4..].iter().all(|part| part.len() <= 1_000));
        // A field that is longer than the limit stays whole.
        assert_eq!(cut(&issue(0, 3), 1).expect("parts").len(), 2 + 3 + 1);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let whole = issue(2, 2);
        assert!(cut(&whole.slice(..whole.len() - 1), 1_000).is_err());
        assert!(cut(&Bytes::from_static(&[0xff; 20]), 1_000).is_err());
        assert!(cut(&Bytes::new(), 1_000).expect("nothing").is_empty());
    }
}
