//! The account of a page: what every line became, and what found no field.

use super::FactKind;

/// A line that found its place, in the pieces that it was taken apart into. The pieces of a line,
/// one after another, are the whole line but for spaces and control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// Its pieces, in the order of print.
    pub parts: Vec<Part>,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The characters as printed.
    pub text: String,
    /// What they became.
    pub became: Became,
}

/// What a piece of a line became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Ornaments and the words that say what follows (■记者, 主管单位:). Which field the
    /// neighbour went to is their whole meaning.
    Wording,
    /// A fact of the masthead.
    Fact(FactKind),
    /// A fact of the masthead that is printed twice: the field holds the first print.
    Repeated(FactKind),
    /// The name at this place in [`Page::staff`].
    Staff(usize),
    /// Part of the story at this place in [`Page::stories`].
    Story(usize, Field),
    /// Nothing: it is in [`Page::left_over`] too.
    LeftOver,
}

/// Which field of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The kicker.
    Kicker,
    /// The headline.
    Headline,
    /// The subheadline.
    Subheadline,
    /// The column.
    Column,
    /// The dateline.
    Dateline,
    /// The source credit.
    SourceCredit,
    /// A name among the bylines.
    Byline,
    /// The block at this place.
    Block(usize),
    /// The text of the photo at this place.
    Caption(usize),
    /// A photographer of the photo at this place.
    Photographer(usize),
    /// The credit of the photo at this place.
    PhotoCredit(usize),
}

/// What has no field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// The line, counted from 1.
    pub line: usize,
    /// The text as printed: the line, or the piece of it that found no place.
    pub text: String,
    /// Why.
    pub reason: Reason,
}

/// Why something was left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A word to the readers among the facts of the masthead.
    Notice,
    /// A fact that the service has no field for (邮发代号, 地址).
    NoField,
    /// Stands in the masthead, and is no fact that the masthead is known to have.
    UnknownFact,
    /// A second, different value of a fact.
    SecondValue,
    /// The wording of a fact or a role with nothing behind it.
    NoValue,
    /// Looks like a headline, and no text follows it.
    NoText,
    /// Text before any headline, signature or dateline.
    NoStory,
    /// Says on which other page a story goes on (下转第2版).
    Jump,
    /// No letters and no figures in it.
    NothingToRead,
}

impl Reason {
    /// The reason in words for the editor.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Notice => "a word to the readers, not a fact of the newspaper",
            Reason::NoField => "a fact that the service has no field for",
            Reason::UnknownFact => "stands in the masthead, but is no fact that is known there",
            Reason::SecondValue => "a second value of a fact that is already stated",
            Reason::NoValue => "says what follows, but nothing follows",
            Reason::NoText => "looks like a headline, a slogan or an advertisement: no text follows it",
            Reason::NoStory => "text with no headline, signature or dateline before it",
            Reason::Jump => "says on which page a story goes on; that page is not part of this text",
            Reason::NothingToRead => "no letters or figures in it",
        }
    }
}
