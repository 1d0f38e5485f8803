//! Filters of lists: the subset of AIP-160 that all lists share. A text becomes a
//! tree of comparisons whose fields and values are known to fit; a store turns the
//! tree into SQL.
//!
//! As in AIP-160, `OR` binds closer than `AND`, and conditions side by side are
//! joined by `AND`.

mod lexer;
mod order;
mod parser;
mod value;

pub use order::{Order, parse_order};
pub use parser::parse;

use chrono::{DateTime, NaiveDate, Utc};

/// What can be compared in a list.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in filters: that of the resource's field.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, which is compared whole.
    Text,
    /// A list of texts; `:` asks whether a text is among them.
    Texts,
    /// One of some names.
    Name(&'static [&'static str]),
    /// The name of a resource of this pattern: `newspapers/*`.
    Resource(&'static str),
    /// The names of resources of this pattern; `:` asks whether one is among them.
    Resources(&'static str),
    /// A whole number.
    Number,
    /// A day: `2026-11-23`.
    Date,
    /// A moment: `2026-11-23T08:00:00Z`, or a day, which stands for its begin in
    /// UTC.
    Time,
    /// `true` or `false`.
    Boolean,
    /// Nothing: it is asked by itself, as `mine()`.
    Function,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:`, has.
    Has,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, a name, or the full name of a resource.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A day.
    Date(NaiveDate),
    /// A moment.
    Time(DateTime<Utc>),
    /// True or false.
    Boolean(bool),
    /// Anything: `field:*`; and of a function, which has no value.
    Any,
}

/// One comparison, whose parts fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The name of the field.
    pub field: &'static str,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// Any of these.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// This.
    Comparison(Comparison),
}

impl Default for Filter {
    /// What everything meets.
    fn default() -> Filter {
        Filter::All(Vec::new())
    }
}

/// What is wrong with a filter or an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The character where it is, from 1.
    pub position: usize,
    /// What it is, and what to do.
    pub description: String,
}

impl Mistake {
    fn new(position: usize, description: impl Into<String>) -> Mistake {
        Mistake { position, description: description.into() }
    }
}
