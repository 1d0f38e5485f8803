//! Lists of photos in Postgres.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::list::{self, Key, List, Sort, Sql},
    error::Result,
    filter::{Comparison, Filter, Order, Value},
    photo::Photo,
};

/// The ids of a page of photos, in order.
pub async fn ids(
    connection: &mut PgConnection,
    filter: &Filter,
    order: Order,
    show_deleted: bool,
    after: Option<&Key>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    // The id begins with the time that it was made at.
    let sort = (order.field == "update_time").then_some("update_time");
    let page = List { table: "photos p", sort, descending: order.descending, after, show_deleted, rows_max };
    list::ids(connection, &page, |sql| list::push_filter(sql, filter, &push_comparison)).await
}

/// Where a photo stands in this order.
pub fn key(photo: &Photo, order: Order) -> Key {
    let sort = if order.field == "update_time" { Sort::Time(photo.update_time) } else { Sort::Id };
    Key { sort, id: photo.id }
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let Comparison { field, value, .. } = comparison;
    match *field {
        "state" => list::push_named(sql, "p.state", comparison, "::review_state"),
        "clearance" => list::push_named(sql, "p.clearance", comparison, "::clearance"),
        "creator" => list::push_comparison(sql, "p.creator", comparison),
        "content_type" => list::push_comparison(sql, "p.file_content_type", comparison),
        "keyword" => match value {
            Value::Text(keyword) => {
                sql.push("p.keywords @> ").push_bind(vec![keyword.clone()]);
            }
            _ => {
                sql.push("p.keywords <> '{}'");
            }
        },
        "reporter" => {
            sql.push("p.id in (select photo from photo_reporters");
            if *value != Value::Any {
                sql.push(" where reporter = ").push_bind(list::uuid(value));
            }
            sql.push(")");
        }
        "create_time" => list::push_comparison(sql, "p.create_time", comparison),
        "update_time" => list::push_comparison(sql, "p.update_time", comparison),
        "delete_time" => list::push_comparison(sql, "p.delete_time", comparison),
        // Every field of the table of fields stands above, as a test shows.
        _ => {
            sql.push("false");
        }
    }
}
