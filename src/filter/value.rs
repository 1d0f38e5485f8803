//! The values of filters, as their fields are.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SubsecRound, Utc};

use uuid::Uuid;

use super::{Field, Kind, Operator, Value};
use crate::text::find_control_character;

/// The years of days and times, as those of `google.protobuf.Timestamp`.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Whether a field can be compared like this.
///
/// # Errors
/// Why not.
pub fn check_operator(field: &Field, operator: Operator) -> Result<(), String> {
    use Operator::{Equal, Has, NotEqual};
    let (fits, they) = match field.kind {
        Kind::Text | Kind::Name(_) | Kind::Resource(_) | Kind::Boolean => {
            (matches!(operator, Equal | NotEqual), "= and !=, and :* for any")
        }
        Kind::Texts | Kind::Resources(_) => (operator == Has, ":"),
        Kind::Number | Kind::Date | Kind::Time => (operator != Has, "=, !=, <, <=, > and >=, and :* for any"),
        Kind::Function => (false, "nothing"),
    };
    if fits { Ok(()) } else { Err(format!("{} is compared by {they}", field.name)) }
}

/// Reads a value.
///
/// # Errors
/// What is wrong with it.
pub fn read(field: &Field, text: &str, is_quoted: bool) -> Result<Value, String> {
    if let Some(character) = find_control_character(text) {
        return Err(format!("has the character U+{:04X}, which no text holds", character as u32));
    }
    match field.kind {
        Kind::Text | Kind::Texts => {
            if text.contains('*') && !is_quoted {
                return Err("is compared as it stands: put it in quotes if it holds a *".to_owned());
            }
            Ok(Value::Text(text.to_owned()))
        }
        Kind::Name(names) if names.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Name(names) => Err(format!("must be one of {}", names.join(", "))),
        Kind::Resource(collection) | Kind::Resources(collection) => resource(collection, text),
        Kind::Number => text.parse().map(Value::Number).map_err(|_| "must be a whole number".to_owned()),
        Kind::Date => match day(text) {
            Some(day) => Ok(Value::Date(day)),
            None => Err("must be a day, as 2026-11-23".to_owned()),
        },
        Kind::Time => time(text),
        Kind::Boolean => text.parse().map(Value::Boolean).map_err(|_| "must be true or false".to_owned()),
        Kind::Function => Err("is not compared".to_owned()),
    }
}

/// A name as its pattern has it; where there is a UUID in names, it must be one.
fn resource(pattern: &str, text: &str) -> Result<Value, String> {
    let parts: Vec<(&str, &str)> = pattern.split('/').zip(text.split('/')).collect();
    let is_whole = pattern.split('/').count() == text.split('/').count();
    let fits = |(wanted, given): &(&str, &str)| match *wanted {
        "*" => !given.is_empty() && (pattern.starts_with("newspapers/") || Uuid::try_parse(given).is_ok()),
        word => word == *given,
    };
    if is_whole && parts.iter().all(fits) {
        Ok(Value::Text(text.to_owned()))
    } else {
        Err(format!("must be a name, as {}", pattern.replace('*', "…")))
    }
}

/// A day of the years that the API can tell. Postgres has no room for all that chrono
/// reads, and days that are compared as text need four digits.
fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|day: &NaiveDate| YEARS.contains(&day.year()))
}

fn time(text: &str) -> Result<Value, String> {
    let begin = || day(text).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = text.parse().ok().filter(|time: &DateTime<Utc>| YEARS.contains(&time.year()));
    match time.or_else(begin) {
        // As Postgres keeps it.
        Some(time) => Ok(Value::Time(time.trunc_subsecs(6))),
        None => Err("must be a time, as 2026-11-23T08:00:00Z, or a day".to_owned()),
    }
}
