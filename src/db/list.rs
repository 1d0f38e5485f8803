//! Lists with filters and orders, and filters as SQL. Only values are bound; every
//! name comes out of the program.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    auth::Scope,
    error::Result,
    filter::{Comparison, Filter, Operator, Value},
};

/// SQL that is being written.
pub type Sql = QueryBuilder<Postgres>;

/// Where a page begins: behind the row with these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// What the list is sorted by.
    pub sort: Sort,
    /// The id, which tells rows apart that are equal there.
    pub id: Uuid,
}

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sort {
    /// Its id alone, which begins with the time that it was made at.
    Id,
    /// A moment.
    Time(DateTime<Utc>),
    /// A text, or a day as text.
    Text(String),
}

/// One page of a list of what has UUIDs.
#[derive(Debug)]
pub struct List<'a> {
    /// The table, with the name that the filter has for its rows.
    pub table: &'static str,
    /// What it is sorted by; none for the id alone.
    pub sort: Option<&'static str>,
    /// The largest first.
    pub descending: bool,
    /// Where the page begins.
    pub after: Option<&'a Key>,
    /// Deleted ones too.
    pub show_deleted: bool,
    /// How many rows at most.
    pub rows_max: i64,
}

/// The ids of a page, in order; `filter` pushes a condition.
pub async fn ids(
    connection: &mut PgConnection,
    list: &List<'_>,
    filter: impl Fn(&mut Sql),
) -> Result<Vec<Uuid>> {
    let mut sql = QueryBuilder::new("select id from ");
    sql.push(list.table).push(" where ");
    filter(&mut sql);
    if !list.show_deleted {
        sql.push(" and delete_time is null");
    }
    let direction = if list.descending { " desc" } else { "" };
    let beyond = if list.descending { " < " } else { " > " };
    if let Some(key) = list.after {
        match (list.sort, &key.sort) {
            (Some(sort), Sort::Time(time)) => {
                sql.push(" and (").push(sort).push(", id)").push(beyond).push("(").push_bind(*time);
                sql.push(", ").push_bind(key.id).push(")");
            }
            (Some(sort), Sort::Text(text)) => {
                sql.push(" and (").push(sort).push(", id)").push(beyond).push("(").push_bind(text.clone());
                sql.push(", ").push_bind(key.id).push(")");
            }
            _ => {
                sql.push(" and id").push(beyond).push_bind(key.id);
            }
        }
    }
    sql.push(" order by ");
    if let Some(sort) = list.sort {
        sql.push(sort).push(direction).push(", ");
    }
    sql.push("id").push(direction).push(" limit ").push_bind(list.rows_max);
    // Not kept prepared: which index is the best one depends on the values.
    Ok(sql.build_query_scalar().persistent(false).fetch_all(connection).await?)
}

/// Pushes a filter as one condition; `comparison` pushes each of its comparisons.
pub fn push_filter(sql: &mut Sql, filter: &Filter, comparison: &dyn Fn(&mut Sql, &Comparison)) {
    match filter {
        Filter::All(all) => push_joined(sql, all, " and ", "true", comparison),
        Filter::Any(any) => push_joined(sql, any, " or ", "false", comparison),
        Filter::Not(inner) => {
            push_filter(sql, inner, comparison);
            // What compares with nothing is not met, and so its opposite is.
            sql.push(" is not true");
        }
        Filter::Comparison(leaf) => {
            sql.push("(");
            comparison(sql, leaf);
            sql.push(")");
        }
    }
}

/// Pushes one more condition: that a newspaper's id is within a scope.
pub fn push_scope(sql: &mut Sql, newspaper: &'static str, scope: &Scope) {
    if let Scope::Newspapers(ids) = scope {
        sql.push(" and ").push(newspaper).push(" = any(").push_bind(ids.clone()).push(")");
    }
}

fn push_joined(
    sql: &mut Sql,
    filters: &[Filter],
    between: &str,
    empty: &str,
    comparison: &dyn Fn(&mut Sql, &Comparison),
) {
    sql.push("(");
    if filters.is_empty() {
        sql.push(empty);
    }
    for (index, filter) in filters.iter().enumerate() {
        if index > 0 {
            sql.push(between);
        }
        push_filter(sql, filter, comparison);
    }
    sql.push(")");
}

/// Pushes the comparison of a column with the value.
pub fn push_comparison(sql: &mut Sql, column: &str, comparison: &Comparison) {
    push_cast(sql, column, comparison, "");
}

/// As [`push_comparison`], of an enumerated column of this type: its values are the
/// names in small letters.
pub fn push_named(sql: &mut Sql, column: &str, comparison: &Comparison, cast: &str) {
    let value = match &comparison.value {
        Value::Text(name) => Value::Text(name.to_lowercase()),
        other => other.clone(),
    };
    push_cast(sql, column, &Comparison { value, ..comparison.clone() }, cast);
}

/// As [`push_comparison`], of a column that has the last part of a resource's name.
pub fn push_last_part(sql: &mut Sql, column: &str, comparison: &Comparison) {
    let value = Value::Text(last_part(&comparison.value).to_owned());
    let comparison = Comparison { value, ..comparison.clone() };
    push_comparison(sql, column, &comparison);
}

fn push_cast(sql: &mut Sql, column: &str, comparison: &Comparison, cast: &str) {
    if comparison.value == Value::Any {
        sql.push("nullif(").push(column).push("::text, '') is not null");
        return;
    }
    sql.push(column).push(match comparison.operator {
        Operator::Equal | Operator::Has => " = ",
        // Also where there is nothing.
        Operator::NotEqual => " is distinct from ",
        Operator::Less => " < ",
        Operator::LessOrEqual => " <= ",
        Operator::Greater => " > ",
        Operator::GreaterOrEqual => " >= ",
    });
    match &comparison.value {
        Value::Text(text) => sql.push_bind(text.clone()),
        Value::Number(number) => sql.push_bind(*number),
        Value::Date(day) => sql.push_bind(*day),
        Value::Time(time) => sql.push_bind(*time),
        Value::Boolean(truth) => sql.push_bind(*truth),
        Value::Any => sql.push("null"),
    };
    sql.push(cast);
}

/// The last part of the name that a comparison has as its value.
pub fn last_part(value: &Value) -> &str {
    match value {
        Value::Text(name) => name.rsplit('/').next().unwrap_or_default(),
        _ => "",
    }
}

/// The UUID at the end of the name that a comparison has as its value. A filter holds
/// only names that have one where one belongs.
pub fn uuid(value: &Value) -> Uuid {
    Uuid::try_parse(last_part(value)).unwrap_or_default()
}
