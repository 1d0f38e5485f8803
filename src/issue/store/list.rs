//! Lists of issues in Postgres.

use chrono::NaiveDate;
use sqlx::{PgConnection, QueryBuilder, types::Json};
use uuid::Uuid;

use super::Row;
use crate::{
    db::list::{self, Sql},
    error::Result,
    filter::{Comparison, Filter},
    issue::Issue,
    workflow::{self, Schedule},
};

/// Which issues of a newspaper, from where on.
#[derive(Debug)]
pub struct Question<'a> {
    /// The id of the newspaper.
    pub newspaper: &'a str,
    /// What they must meet.
    pub filter: &'a Filter,
    /// The newest day first.
    pub descending: bool,
    /// The last one of the page before.
    pub after: Option<&'a (NaiveDate, String)>,
    /// Deleted ones too.
    pub show_deleted: bool,
    /// How many at most.
    pub rows_max: i64,
}

/// The issues of a page, by date.
pub async fn find(connection: &mut PgConnection, question: &Question<'_>) -> Result<Vec<Issue>> {
    let mut sql = QueryBuilder::new("select uid from issues i where i.newspaper = ");
    sql.push_bind(question.newspaper.to_owned()).push(" and ");
    list::push_filter(&mut sql, question.filter, &push_comparison);
    if !question.show_deleted {
        sql.push(" and i.delete_time is null");
    }
    let (direction, beyond) = if question.descending { (" desc", " < ") } else { ("", " > ") };
    if let Some((day, id)) = question.after {
        sql.push(" and (i.publish_date, i.id)").push(beyond).push("(").push_bind(*day);
        sql.push(", ").push_bind(id.clone()).push(")");
    }
    sql.push(" order by i.publish_date").push(direction).push(", i.id").push(direction);
    sql.push(" limit ").push_bind(question.rows_max);
    // Not kept prepared: which index is the best one depends on the values.
    let uids: Vec<Uuid> = sql.build_query_scalar().persistent(false).fetch_all(&mut *connection).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"select uid, newspaper, id, creator, number, publish_date, weather_condition, weather_wind,
                  weather_low_celsius, weather_high_celsius, price_note, planned_page_count,
                  state::text as "state!", content_digest, return_reason,
                  schedule as "schedule: Json<Schedule>", latest_publication, publication_count,
                  version, create_time, update_time, delete_time
           from issues where uid = any($1) order by array_position($1, uid)"#,
        &uids
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut reviews = workflow::store::reviews(connection, &uids).await?;
    rows.into_iter()
        .map(|row| {
            let own = reviews.remove(&row.uid).unwrap_or_default();
            row.issue(own)
        })
        .collect()
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let column = match comparison.field {
        "state" => return list::push_named(sql, "i.state", comparison, "::review_state"),
        "number" => "i.number",
        "publish_date" => "i.publish_date",
        "creator" => "i.creator",
        "create_time" => "i.create_time",
        "update_time" => "i.update_time",
        "delete_time" => "i.delete_time",
        // Every field of the table of fields stands above, as a test shows.
        _ => "null",
    };
    list::push_comparison(sql, column, comparison);
}
