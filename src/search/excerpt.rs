//! Excerpts of what was found, with the places to highlight. Lengths and places
//! are counted in characters (Unicode code points) of the text as it was written.

use super::{Kind, Part, query::Query};
use crate::{config, text::fold_character};

/// A piece of a text that holds what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The field of the article.
    pub field: String,
    /// Where in the field's text it begins.
    pub start: usize,
    /// The piece.
    pub text: String,
    /// The places in it to highlight, in order and apart.
    pub highlights: Vec<Highlight>,
}

/// A place in an excerpt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Where it begins in the excerpt.
    pub start: usize,
    /// How long it is.
    pub length: usize,
}

/// Up to [`config::EXCERPTS_MAX`] excerpts: headlines first, then in the order of
/// the article, each part once.
pub fn excerpts(parts: &[Part], query: &Query) -> Vec<Excerpt> {
    let (headlines, others): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.kind == Kind::Headline);
    let found = headlines.into_iter().chain(others).filter_map(|part| excerpt(part, query));
    found.take(config::EXCERPTS_MAX).collect()
}

fn excerpt(part: &Part, query: &Query) -> Option<Excerpt> {
    let folded = Folded::new(part.text);
    let mut hits: Vec<(usize, usize)> =
        query.shown_in(part.kind).into_iter().flat_map(|text| folded.find(text)).collect();
    hits.sort_unstable();
    let first = hits.first()?.0;
    let start = first.saturating_sub(config::EXCERPT_LEAD_CHARS);
    let length = part.text.chars().count() - start;
    let end = start + length.min(config::EXCERPT_CHARS_MAX);
    let mut highlights: Vec<Highlight> = Vec::new();
    for (from, to) in hits {
        let (from, to) = (from - start, to.min(end).saturating_sub(start));
        match highlights.last_mut() {
            _ if from >= to => {}
            // Next to each other or overlapping: one place.
            Some(last) if from <= last.start + last.length => {
                last.length = last.length.max(to - last.start);
            }
            _ => highlights.push(Highlight { start: from, length: to - from }),
        }
    }
    let text = part.text.chars().skip(start).take(end - start).collect();
    Some(Excerpt { field: part.field.clone(), start, text, highlights })
}

/// A folded text that knows where its characters come from.
struct Folded {
    characters: Vec<char>,
    /// The place of each character in the text as it was written.
    places: Vec<usize>,
}

impl Folded {
    fn new(text: &str) -> Folded {
        let mut folded = Folded { characters: Vec::new(), places: Vec::new() };
        for (place, character) in text.chars().map(fold_character).enumerate() {
            if character != ' ' || folded.characters.last().is_some_and(|last| *last != ' ') {
                folded.characters.push(character);
                folded.places.push(place);
            }
        }
        folded
    }

    /// Where a folded text stands, as begin and end in the text as it was written.
    fn find<'a>(&'a self, text: &str) -> impl Iterator<Item = (usize, usize)> + 'a {
        let wanted: Vec<char> = text.chars().collect();
        let windows = self.characters.windows(wanted.len().max(1)).enumerate();
        windows.filter_map(move |(at, window)| {
            let last = at + wanted.len().checked_sub(1)?;
            (window == wanted).then(|| (self.places[at], self.places[last] + 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::parse;

    fn one(text: &str, query: &str) -> Excerpt {
        let part = Part { kind: Kind::Body, field: "body[0]".into(), text };
        excerpt(&part, &parse(query).unwrap()).unwrap()
    }

    fn highlighted(excerpt: &Excerpt) -> Vec<String> {
        let places = excerpt.highlights.iter();
        places.map(|at| excerpt.text.chars().skip(at.start).take(at.length).collect()).collect()
    }

    #[test]
    fn highlights_show_the_text_as_it_was_written() {
        let excerpt = one("昨日，第五屆龍舟\u{3000}\n賽ＡＩ開賽😀龍舟", "龙舟 \"龙舟 赛\" ai开赛😀");
        assert_eq!(highlighted(&excerpt), ["龍舟\u{3000}\n賽ＡＩ開賽😀龍舟"]);
        assert_eq!(highlighted(&one("一aa二aaa", "aa")), ["aa", "aaa"]);
    }

    #[test]
    fn an_excerpt_of_a_long_text_stands_around_the_first_hit() {
        let text = format!("{}龙舟{}龙舟", "前".repeat(500), "后".repeat(500));
        let excerpt = one(&text, "龙舟");
        assert_eq!(excerpt.start, 500 - config::EXCERPT_LEAD_CHARS);
        assert_eq!(excerpt.text.chars().count(), config::EXCERPT_CHARS_MAX);
        assert_eq!(excerpt.highlights, [Highlight { start: config::EXCERPT_LEAD_CHARS, length: 2 }]);
    }

    #[test]
    fn headlines_come_first_and_fields_show_only_in_their_parts() {
        let part = |kind, field: &str, text| Part { kind, field: field.into(), text };
        let parts = [
            part(Kind::Byline, "bylines[0]", "陈岚"),
            part(Kind::Body, "body[0]", "陈岚到场"),
            part(Kind::Headline, "headline", "陈岚获奖"),
        ];
        let fields = |query: &str| -> Vec<String> {
            excerpts(&parts, &parse(query).unwrap()).into_iter().map(|excerpt| excerpt.field).collect()
        };
        assert_eq!(fields("陈岚"), ["headline", "bylines[0]", "body[0]"]);
        assert_eq!(fields("byline:陈岚"), ["bylines[0]"]);
    }
}
