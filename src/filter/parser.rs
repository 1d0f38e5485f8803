//! The grammar of filters.

use super::{
    Comparison, Field, Filter, Kind, Mistake, Operator, Value,
    lexer::{Token, TokenKind, tokens},
    value,
};
use crate::config;

/// Reads a filter over these fields; an empty one is met by everything.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str, fields: &[Field]) -> Result<Filter, Mistake> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::default());
    }
    let end = text.chars().count() + 1;
    let mut parser = Parser { tokens: &tokens, at: 0, end, fields, depth: 0, comparisons: 0 };
    let filter = parser.expression()?;
    match parser.peek() {
        None => Ok(filter),
        Some(Token { position, .. }) => Err(Mistake::new(*position, "closes what nothing opened")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The place behind the last character.
    end: usize,
    fields: &'a [Field],
    depth: usize,
    comparisons: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn position(&self) -> usize {
        self.peek().map_or(self.end, |token| token.position)
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == TokenKind::Word(word.to_owned()));
        self.at += usize::from(found);
        found
    }

    /// Conditions that must all be met.
    fn expression(&mut self) -> Result<Filter, Mistake> {
        let mut all = vec![self.factor()?];
        while self.peek().is_some_and(|token| token.kind != TokenKind::Close) {
            self.skip_word("AND");
            all.push(self.factor()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) })
    }

    /// Conditions of which any must be met.
    fn factor(&mut self) -> Result<Filter, Mistake> {
        let mut any = vec![self.term()?];
        while self.skip_word("OR") {
            any.push(self.term()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
    }

    fn term(&mut self) -> Result<Filter, Mistake> {
        let is_minus = self.peek().is_some_and(|token| token.kind == TokenKind::Minus);
        self.at += usize::from(is_minus);
        if is_minus || self.skip_word("NOT") {
            return Ok(Filter::Not(Box::new(self.simple()?)));
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Filter, Mistake> {
        let position = self.position();
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Open) => {
                self.at += 1;
                self.depth += 1;
                if self.depth > config::FILTER_DEPTH_MAX {
                    let max = config::FILTER_DEPTH_MAX;
                    return Err(Mistake::new(
                        position,
                        format!("opens more than {max} parentheses in each other"),
                    ));
                }
                let inner = self.expression()?;
                if self.peek().is_none() {
                    return Err(Mistake::new(position, "opens a parenthesis that nothing closes"));
                }
                self.at += 1;
                self.depth -= 1;
                Ok(inner)
            }
            Some(TokenKind::Word(word)) => {
                self.at += 1;
                self.comparison(position, word)
            }
            Some(TokenKind::Quoted(_)) => Err(Mistake::new(position, self.bare())),
            _ => Err(Mistake::new(position, "lacks a condition here, as field = value")),
        }
    }

    fn comparison(&mut self, position: usize, name: &str) -> Result<Filter, Mistake> {
        self.comparisons += 1;
        if self.comparisons > config::FILTER_COMPARISONS_MAX {
            let max = config::FILTER_COMPARISONS_MAX;
            return Err(Mistake::new(position, format!("is one comparison more than {max}")));
        }
        if ["AND", "OR", "NOT"].contains(&name) {
            return Err(Mistake::new(position, format!("{name} lacks a condition beside it")));
        }
        let next = self.peek().map(|token| &token.kind);
        let is_call = next == Some(&TokenKind::Open);
        let field =
            self.fields.iter().find(|field| field.name == name && (field.kind == Kind::Function) == is_call);
        let Some(field) = field else {
            let is_compared = matches!(next, Some(TokenKind::Operator(_)));
            let advice = if is_compared || is_call { self.unknown(name) } else { self.bare() };
            return Err(Mistake::new(position, advice));
        };
        let (operator, value) = if is_call { self.call()? } else { self.operands(field)? };
        Ok(Filter::Comparison(Comparison { field: field.name, operator, value }))
    }

    /// The parentheses behind the name of a function.
    fn call(&mut self) -> Result<(Operator, Value), Mistake> {
        self.at += 1;
        if self.peek().is_none_or(|token| token.kind != TokenKind::Close) {
            return Err(Mistake::new(self.position(), "functions here take nothing: close the parenthesis"));
        }
        self.at += 1;
        Ok((Operator::Equal, Value::Any))
    }

    fn operands(&mut self, field: &Field) -> Result<(Operator, Value), Mistake> {
        let position = self.position();
        let Some(TokenKind::Operator(operator)) = self.peek().map(|token| &token.kind) else {
            return Err(Mistake::new(position, format!("{} lacks a comparison, as {0} = value", field.name)));
        };
        self.at += 1;
        let value_position = self.position();
        let (text, is_quoted) = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Word(word)) => (word, false),
            Some(TokenKind::Quoted(text)) => (text, true),
            _ => return Err(Mistake::new(value_position, format!("{} lacks a value", field.name))),
        };
        self.at += 1;
        if text == "*" && !is_quoted && *operator == Operator::Has {
            return Ok((Operator::Has, Value::Any));
        }
        value::check_operator(field, *operator).map_err(|why| Mistake::new(position, why))?;
        let value = value::read(field, text, is_quoted).map_err(|why| Mistake::new(value_position, why))?;
        Ok((*operator, value))
    }

    fn unknown(&self, name: &str) -> String {
        format!("{name} cannot be filtered by: there are {}", self.names())
    }

    fn bare(&self) -> String {
        format!("words alone are not searched for: compare one of {}", self.names())
    }

    fn names(&self) -> String {
        let names = self.fields.iter().map(|field| match field.kind {
            Kind::Function => format!("{}()", field.name),
            _ => field.name.to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 8] = [
        Field { name: "state", kind: Kind::Name(&["DRAFT", "REVIEWED"]) },
        Field { name: "column", kind: Kind::Text },
        Field { name: "keyword", kind: Kind::Texts },
        Field { name: "number", kind: Kind::Number },
        Field { name: "day", kind: Kind::Date },
        Field { name: "update_time", kind: Kind::Time },
        Field { name: "newspaper", kind: Kind::Resource("newspapers/*") },
        Field { name: "mine", kind: Kind::Function },
    ];

    fn number(operator: Operator, value: i64) -> Filter {
        Filter::Comparison(Comparison { field: "number", operator, value: Value::Number(value) })
    }

    fn is(value: i64) -> Filter {
        number(Operator::Equal, value)
    }

    #[test]
    fn or_binds_closer_than_and() {
        let written = parse("number=1 AND number=2 OR number=3 number=4", &FIELDS);
        assert_eq!(written, Ok(Filter::All(vec![is(1), Filter::Any(vec![is(2), is(3)]), is(4)])));
        let written = parse("(number=1 AND number=2) OR NOT (number=3) -number = -4", &FIELDS).unwrap();
        let not = |filter| Filter::Not(Box::new(filter));
        let first = Filter::Any(vec![Filter::All(vec![is(1), is(2)]), not(is(3))]);
        assert_eq!(written, Filter::All(vec![first, not(is(-4))]));
        assert_eq!(parse("  ", &FIELDS), Ok(Filter::default()));
    }

    #[test]
    fn values_are_read_as_their_fields_are() {
        let value = |text: &str| match parse(text, &FIELDS) {
            Ok(Filter::Comparison(comparison)) => comparison.value,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(value(r#"column = "a\"b\u9F99\uD83D\uDE00""#), Value::Text("a\"b龙😀".into()));
        assert_eq!(value("column = 要闻"), Value::Text("要闻".into()));
        assert_eq!(value("column:*"), Value::Any);
        assert_eq!(value("keyword:'*'"), Value::Text("*".into()));
        assert_eq!(value("state != DRAFT"), Value::Text("DRAFT".into()));
        assert_eq!(value("day >= 2026-11-23"), Value::Date("2026-11-23".parse().unwrap()));
        let time = |text: &str| Value::Time(text.parse().unwrap());
        assert_eq!(value("update_time>2026-11-23T08:00:00+08:00"), time("2026-11-23T00:00:00Z"));
        assert_eq!(value("update_time > '2026-11-23'"), time("2026-11-23T00:00:00Z"));
        assert_eq!(value("newspaper = newspapers/a"), Value::Text("newspapers/a".into()));
        assert_eq!(value("mine()"), Value::Any);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, position, says) in [
            ("龙舟", 1, "words alone are not searched for"),
            ("number=1 \"龙舟\"", 10, "words alone"),
            ("title = 1", 1, "title cannot be filtered by: there are state, column"),
            ("mine", 1, "words alone"),
            ("column()", 1, "column cannot be filtered by"),
            ("mine(1)", 6, "functions here take nothing"),
            ("state = nonsense", 9, "DRAFT, REVIEWED"),
            ("state < DRAFT", 7, "= and !="),
            ("column:要", 7, "="),
            ("number = x", 10, "whole number"),
            ("day = 2026-02-30", 7, "2026-11-23"),
            ("update_time > yesterday", 15, "2026-11-23T08:00:00Z"),
            ("newspaper = a", 13, "newspapers/"),
            ("column = a*", 10, "quotes"),
            ("number =", 9, "lacks a value"),
            ("number", 7, "lacks a comparison"),
            ("number (1)", 1, "cannot be filtered by"),
            ("(number=1", 1, "nothing closes"),
            ("number=1)", 9, "nothing opened"),
            ("number=1 AND", 13, "lacks a condition"),
            ("OR number=1", 1, "lacks a condition"),
            ("column = \"a", 10, "nothing closes"),
            (r#"column = "a\q""#, 12, "is no escape"),
            (r#"column = "\uD800""#, 11, "half of a surrogate pair"),
            (r#"column = "\uDC00\uD800""#, 11, "half of a surrogate pair"),
            (r#"column = "\u12""#, 11, "four hex digits"),
            ("!number", 1, "not expected"),
            ("()", 2, "lacks a condition"),
        ] {
            let mistake = parse(text, &FIELDS).expect_err(text);
            assert_eq!(mistake.position, position, "{text}: {mistake:?}");
            assert!(mistake.description.contains(says), "{text}: {mistake:?}");
        }
    }

    #[test]
    fn depth_and_number_of_comparisons_are_bounded() {
        let nested = |depth: usize| format!("{}number=1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(parse(&nested(config::FILTER_DEPTH_MAX), &FIELDS), Ok(is(1)));
        for depth in [config::FILTER_DEPTH_MAX + 1, 1_000, 100_000] {
            let mistake = parse(&nested(depth), &FIELDS).unwrap_err();
            assert_eq!(mistake.position, config::FILTER_DEPTH_MAX + 1);
        }
        let many = |count: usize| vec!["number=1"; count].join(" OR ");
        assert!(parse(&many(config::FILTER_COMPARISONS_MAX), &FIELDS).is_ok());
        assert!(parse(&many(config::FILTER_COMPARISONS_MAX + 1), &FIELDS).is_err());
        assert!(parse(&"-".repeat(10_000), &FIELDS).is_err());
        assert!(parse(&"NOT ".repeat(10_000), &FIELDS).is_err());
    }
}
