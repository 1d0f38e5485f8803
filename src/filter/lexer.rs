//! A filter in words.

use super::{Mistake, Operator};

/// A word of a filter, and the character where it begins, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub position: usize,
    pub kind: TokenKind,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Open,
    Close,
    Minus,
    Operator(Operator),
    /// As it stands.
    Word(String),
    /// What stood in quotes.
    Quoted(String),
}

/// The words of a filter.
pub fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let characters: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { characters: &characters, at: 0, tokens: Vec::new() };
    while let Some(character) = lexer.peek() {
        lexer.token(character)?;
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    characters: &'a [char],
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn push(&mut self, position: usize, kind: TokenKind) {
        self.tokens.push(Token { position, kind });
    }

    fn token(&mut self, character: char) -> Result<(), Mistake> {
        let position = self.at + 1;
        let simple = match character {
            '(' => Some(TokenKind::Open),
            ')' => Some(TokenKind::Close),
            '-' if !self.is_behind_operator() => Some(TokenKind::Minus),
            _ => None,
        };
        if character.is_whitespace() {
            self.at += 1;
        } else if let Some(kind) = simple {
            self.at += 1;
            self.push(position, kind);
        } else if character == '"' || character == '\'' {
            self.at += 1;
            let text = self.quoted(position, character)?;
            self.push(position, TokenKind::Quoted(text));
        } else if let Some((operator, length)) = self.operator() {
            self.at += length;
            self.push(position, TokenKind::Operator(operator));
        } else {
            let word = self.word(position)?;
            self.push(position, TokenKind::Word(word));
        }
        Ok(())
    }

    /// Values may hold what begins something else elsewhere: a date, a time, a number
    /// below zero.
    fn is_behind_operator(&self) -> bool {
        matches!(self.tokens.last(), Some(Token { kind: TokenKind::Operator(_), .. }))
    }

    fn operator(&self) -> Option<(Operator, usize)> {
        let next = self.characters.get(self.at + 1).copied();
        match (self.peek()?, next) {
            ('!', Some('=')) => Some((Operator::NotEqual, 2)),
            ('<', Some('=')) => Some((Operator::LessOrEqual, 2)),
            ('>', Some('=')) => Some((Operator::GreaterOrEqual, 2)),
            ('=', _) => Some((Operator::Equal, 1)),
            ('<', _) => Some((Operator::Less, 1)),
            ('>', _) => Some((Operator::Greater, 1)),
            (':', _) => Some((Operator::Has, 1)),
            _ => None,
        }
    }

    fn word(&mut self, position: usize) -> Result<String, Mistake> {
        let is_value = self.is_behind_operator();
        let ends = |character: char| {
            let ends_field = "=!<>:\"'".contains(character);
            character.is_whitespace() || "()".contains(character) || (ends_field && !is_value)
        };
        let rest = &self.characters[self.at..];
        let word: String = rest.iter().take_while(|character| !ends(**character)).collect();
        if word.is_empty() {
            return Err(Mistake::new(position, format!("{} is not expected here", rest[0])));
        }
        self.at += word.chars().count();
        Ok(word)
    }

    fn quoted(&mut self, start: usize, quote: char) -> Result<String, Mistake> {
        let mut text = String::new();
        while let Some(character) = self.peek() {
            let position = self.at + 1;
            self.at += 1;
            match character {
                _ if character == quote => return Ok(text),
                '\\' => text.push(self.escape(position)?),
                _ => text.push(character),
            }
        }
        Err(Mistake::new(start, format!("opens a quote that nothing closes: add {quote}")))
    }

    /// What stands for another character, behind its backslash.
    fn escape(&mut self, position: usize) -> Result<char, Mistake> {
        let escaped = self.peek();
        self.at += 1;
        match escaped {
            Some(plain @ ('"' | '\'' | '\\')) => Ok(plain),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode(position),
            _ => {
                let advice = r#"is no escape: there are \" \' \\ \n \t and \u with four hex digits"#;
                Err(Mistake::new(position, advice))
            }
        }
    }

    /// A character by its code, or by the two codes of a surrogate pair.
    fn unicode(&mut self, position: usize) -> Result<char, Mistake> {
        let first = self.hex(position)?;
        let mut units = vec![first];
        let has_second = self.characters.get(self.at..self.at + 2) == Some(&['\\', 'u']);
        if (0xD800..0xDC00).contains(&first) && has_second {
            self.at += 2;
            units.push(self.hex(position)?);
        }
        match char::decode_utf16(units).collect::<Result<Vec<char>, _>>().as_deref() {
            Ok([character]) => Ok(*character),
            _ => Err(Mistake::new(position, "is half of a surrogate pair, which is no character")),
        }
    }

    fn hex(&mut self, position: usize) -> Result<u16, Mistake> {
        let digits: Option<String> = self.characters.get(self.at..self.at + 4).map(String::from_iter);
        let code = digits.filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        let code = code.and_then(|digits| u16::from_str_radix(&digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| Mistake::new(position, r"needs four hex digits behind \u"))
    }
}
