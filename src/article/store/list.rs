//! Lists of articles in Postgres.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    article::Article,
    auth::Principal,
    db::list::{self, Key, List, Sort, Sql},
    error::Result,
    filter::{Comparison, Filter, Operator, Order, Value},
};

/// Which articles, for whom, in which order.
#[derive(Debug)]
pub struct Question<'a> {
    /// What they must meet.
    pub filter: &'a Filter,
    /// Who asks: "mine" is theirs, and nothing beyond their scope is listed.
    pub caller: &'a Principal,
    /// Their order.
    pub order: Order,
    /// Deleted ones too.
    pub show_deleted: bool,
}

/// The ids of a page of articles, in order.
pub async fn ids(
    connection: &mut PgConnection,
    question: &Question<'_>,
    after: Option<&Key>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    let sort = match question.order.field {
        "update_time" => Some("update_time"),
        "event_date" => Some("coalesce(content ->> 'event_date', '')"),
        // The id begins with it.
        _ => None,
    };
    let (descending, show_deleted) = (question.order.descending, question.show_deleted);
    let page = List { table: "articles a", sort, descending, after, show_deleted, rows_max };
    list::ids(connection, &page, |sql| push(sql, question.filter, question.caller)).await
}

/// Where an article stands in this order.
pub fn key(article: &Article, order: Order) -> Key {
    let sort = match order.field {
        "update_time" => Sort::Time(article.update_time),
        "event_date" => Sort::Text(article.content.event_date.map(|day| day.to_string()).unwrap_or_default()),
        _ => Sort::Id,
    };
    Key { sort, id: article.id }
}

/// Pushes a filter on the article `a`, as this person asks, within their scope.
pub fn push(sql: &mut Sql, filter: &Filter, caller: &Principal) {
    list::push_filter(sql, filter, &|sql, comparison| push_comparison(sql, comparison, &caller.name));
    list::push_scope(sql, "a.newspaper", &caller.scope);
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison, caller: &str) {
    let Comparison { field, value, .. } = comparison;
    match *field {
        "state" => list::push_named(sql, "a.state", comparison, "::review_state"),
        "newspaper" => list::push_last_part(sql, "a.newspaper", comparison),
        "creator" => list::push_comparison(sql, "a.creator", comparison),
        "column" => list::push_comparison(sql, "(a.content ->> 'column')", comparison),
        "keyword" => push_keyword(sql, value),
        "reporter" => push_reporter(sql, value),
        "issue" => push_issue(sql, comparison),
        "event_date" => push_event_date(sql, comparison),
        "revision" => list::push_comparison(sql, "a.revision", comparison),
        "create_time" => list::push_comparison(sql, "a.create_time", comparison),
        "update_time" => list::push_comparison(sql, "a.update_time", comparison),
        "delete_time" => list::push_comparison(sql, "a.delete_time", comparison),
        "mine" => {
            sql.push("a.id in (select subject from authors where person = ");
            sql.push_bind(caller.to_owned()).push(")");
        }
        "waiting_for_my_review" => push_waiting(sql, caller),
        // Every field of the table of fields stands above, as a test shows.
        _ => {
            sql.push("false");
        }
    }
}

fn push_keyword(sql: &mut Sql, value: &Value) {
    match value {
        Value::Text(keyword) => {
            let keywords = serde_json::Value::from(vec![keyword.as_str()]);
            sql.push("a.content -> 'keywords' @> ").push_bind(keywords);
        }
        _ => {
            sql.push("a.content -> 'keywords' <> '[]'");
        }
    }
}

fn push_reporter(sql: &mut Sql, value: &Value) {
    sql.push("a.id in (select article from article_reporters");
    if *value != Value::Any {
        sql.push(" where reporter = ").push_bind(list::uuid(value));
    }
    sql.push(")");
}

/// That it is placed on a page of an issue.
fn push_issue(sql: &mut Sql, comparison: &Comparison) {
    if comparison.operator == Operator::NotEqual {
        sql.push("not ");
    }
    sql.push("a.id in (select p.article from placements p join issues i on i.uid = p.issue");
    if let Value::Text(name) = &comparison.value {
        let newspaper = name.split('/').nth(1).unwrap_or_default().to_owned();
        sql.push(" where i.newspaper = ").push_bind(newspaper);
        sql.push(" and i.id = ").push_bind(list::last_part(&comparison.value).to_owned());
    }
    sql.push(")");
}

/// Days are kept as text, whose order is that of the days.
fn push_event_date(sql: &mut Sql, comparison: &Comparison) {
    let value = match &comparison.value {
        Value::Date(day) => Value::Text(day.to_string()),
        other => other.clone(),
    };
    let comparison = Comparison { value, ..comparison.clone() };
    list::push_comparison(sql, "(a.content ->> 'event_date')", &comparison);
}

/// That this person may sign it next: a draft, of which they wrote nothing and signed
/// no stage.
fn push_waiting(sql: &mut Sql, caller: &str) {
    sql.push("a.state = 'draft' and a.delete_time is null");
    sql.push(" and not exists (select from authors w where w.subject = a.id and w.person = ");
    sql.push_bind(caller.to_owned());
    sql.push(") and not exists (select from reviews r where r.subject = a.id and r.void_time is null");
    sql.push(" and r.reviewer = ").push_bind(caller.to_owned()).push(")");
}
