//! Lists of reporters in Postgres.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::list::{self, Key, List, Sort, Sql},
    error::Result,
    filter::{Comparison, Filter, Order},
    reporter::Reporter,
};

/// The ids of a page of reporters, in order.
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
    let page =
        List { table: "reporters r", sort, descending: order.descending, after, show_deleted, rows_max };
    list::ids(connection, &page, |sql| list::push_filter(sql, filter, &push_comparison)).await
}

/// Where a reporter stands in this order.
pub fn key(reporter: &Reporter, order: Order) -> Key {
    let sort = if order.field == "update_time" { Sort::Time(reporter.update_time) } else { Sort::Id };
    Key { sort, id: reporter.id }
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let column = match comparison.field {
        "display_name" => "r.display_name",
        "desk" => "r.desk",
        "press_card_number" => "r.press_card_number",
        "retired" => "r.retired",
        "create_time" => "r.create_time",
        "update_time" => "r.update_time",
        "delete_time" => "r.delete_time",
        // Every field of the table of fields stands above, as a test shows.
        _ => "null",
    };
    list::push_comparison(sql, column, comparison);
}
