//! The language of queries: words, phrases in quotes, exclusions, fields.

use std::{collections::BTreeSet, iter::Peekable};

use super::{Kind, fold_line, telling_grams};
use crate::text::half_width;

/// What somebody looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What all must be there; at least one.
    pub wanted: Vec<Term>,
    /// What must not be there.
    pub unwanted: Vec<Term>,
}

/// A text to be found as it stands, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// In which texts; none for anywhere.
    pub kind: Option<Kind>,
    /// The text.
    pub text: String,
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The character where it is, from 1.
    pub position: usize,
    /// What it is, and what to do.
    pub description: String,
}

impl Query {
    /// The grams that an article must have to be found, sorted.
    pub fn grams(&self) -> Vec<i32> {
        let grams = self.wanted.iter().flat_map(|term| telling_grams(term.kind, &term.text));
        let grams: BTreeSet<i32> = grams.collect();
        grams.into_iter().collect()
    }

    /// The grams that an article must have to be found by its headlines.
    pub fn headline_grams(&self) -> Vec<i32> {
        let in_headline = self.anywhere().flat_map(|text| telling_grams(Some(Kind::Headline), text));
        let grams: BTreeSet<i32> = self.grams().into_iter().chain(in_headline).collect();
        grams.into_iter().collect()
    }

    /// The texts that are looked for anywhere.
    pub fn anywhere(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().filter(|term| term.kind.is_none()).map(|term| term.text.as_str())
    }

    /// The texts that are highlighted in a part of this kind.
    pub fn shown_in(&self, kind: Kind) -> Vec<&str> {
        let terms = self.wanted.iter().filter(|term| term.kind.is_none_or(|own| own == kind));
        terms.map(|term| term.text.as_str()).collect()
    }
}

/// Reads a query.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str) -> Result<Query, Mistake> {
    let mut query = Query::default();
    let mut rest = text.chars().enumerate().map(|(index, character)| (index + 1, character)).peekable();
    while let Some((position, character)) = rest.peek().copied() {
        if character.is_whitespace() {
            rest.next();
            continue;
        }
        let excluded = half_width(character) == '-';
        if excluded {
            rest.next();
        }
        let term = term(&mut rest, position)?;
        // What is only marks is held by nearly everything.
        if !term.text.contains(char::is_alphanumeric) {
            continue;
        }
        let terms = if excluded { &mut query.unwanted } else { &mut query.wanted };
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    if query.wanted.is_empty() {
        return Err(nothing_wanted(&query));
    }
    Ok(query)
}

fn nothing_wanted(query: &Query) -> Mistake {
    let description = if query.unwanted.is_empty() {
        "has nothing to look for: it needs a letter, a digit or a Chinese character"
    } else {
        "says only what must not be there: add a word that must"
    };
    Mistake { position: 1, description: description.to_owned() }
}

/// One term, up to the space or the quote that ends it.
fn term(rest: &mut Peekable<impl Iterator<Item = (usize, char)>>, start: usize) -> Result<Term, Mistake> {
    let mut kind = None;
    let mut word = String::new();
    let mut position = start;
    while let Some((at, character)) = rest.peek().copied() {
        if let Some(end) = closing_quote(character).filter(|_| word.is_empty()) {
            rest.next();
            return Ok(Term { kind, text: fold_line(&phrase(rest, at, end)?) });
        }
        if character.is_whitespace() {
            break;
        }
        rest.next();
        let is_field = half_width(character) == ':' && kind.is_none() && is_field_word(&word);
        if is_field && rest.peek().is_some_and(|(_, next)| !next.is_whitespace()) {
            kind = Some(field(&word, position)?);
            word.clear();
            position = at + 1;
            continue;
        }
        word.push(character);
    }
    Ok(Term { kind, text: fold_line(&word) })
}

/// A phrase up to its closing quote.
fn phrase(
    rest: &mut impl Iterator<Item = (usize, char)>,
    start: usize,
    end: char,
) -> Result<String, Mistake> {
    let mut phrase = String::new();
    for (_, character) in rest {
        if character == end {
            return Ok(phrase);
        }
        phrase.push(character);
    }
    Err(Mistake { position: start, description: format!("opens a quote that nothing closes: add {end}") })
}

fn closing_quote(opening: char) -> Option<char> {
    match opening {
        '"' => Some('"'),
        '＂' => Some('＂'),
        '“' => Some('”'),
        _ => None,
    }
}

fn is_field_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|character| half_width(character).is_ascii_alphabetic())
}

fn field(word: &str, position: usize) -> Result<Kind, Mistake> {
    match fold_line(word).as_str() {
        "headline" => Ok(Kind::Headline),
        "byline" => Ok(Kind::Byline),
        "column" => Ok(Kind::Column),
        _ => Err(Mistake {
            position,
            description: format!(
                "{word} is no field: there are headline, byline and column; to look for the text {word}: \
                 itself, put it in quotes"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(text: &str) -> Term {
        Term { kind: None, text: text.to_owned() }
    }

    #[test]
    fn words_phrases_exclusions_and_fields_are_told_apart() {
        let query =
            parse("龍舟  “融城 開賽” -下雨 -\"Rain  Stops\" headline:端午 －byline：“陈 岚” column:\"要闻\"")
                .unwrap();
        assert_eq!(
            query.wanted,
            [
                any("龙舟"),
                any("融城 开赛"),
                Term { kind: Some(Kind::Headline), text: "端午".into() },
                Term { kind: Some(Kind::Column), text: "要闻".into() },
            ]
        );
        let byline = Term { kind: Some(Kind::Byline), text: "陈 岚".into() };
        assert_eq!(query.unwanted, [any("下雨"), any("rain stops"), byline]);
    }

    #[test]
    fn marks_inside_a_word_stay_and_words_of_marks_alone_go() {
        assert_eq!(parse("C++ ， 12:30 ——").unwrap().wanted, [any("c++"), any("12:30")]);
        assert_eq!(parse("福清：龙舟").unwrap().wanted, [any("福清:龙舟")]);
        assert_eq!(parse("第2-3版 a\"b").unwrap().wanted, [any("第2-3版"), any("a\"b")]);
        assert_eq!(parse("龙舟 龍舟").unwrap().wanted, [any("龙舟")]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, position) in [
            ("", 1),
            ("  ，。！ -", 1),
            ("\"\"", 1),
            ("-龙舟", 1),
            ("龙舟 \"赛", 4),
            ("龙舟 “赛\"", 4),
            ("a -b titel:龙舟", 6),
        ] {
            assert_eq!(parse(text).map_err(|mistake| mistake.position), Err(position), "{text}");
        }
    }
}
