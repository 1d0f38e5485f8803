//! What reporters have signed, counted in Postgres.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{error::Result, reporter::statistics::Count};

/// When the months of a statistics begin in a time zone, and the one behind them.
pub struct Calendar {
    /// The time zone, as newspapers have it.
    pub zone: Tz,
    /// When the months begin, in their order.
    pub beginnings: Vec<DateTime<Utc>>,
}

/// The time zones of all newspapers.
pub async fn zones(connection: &mut PgConnection) -> Result<Vec<Tz>> {
    let names =
        sqlx::query_scalar!("select distinct time_zone from newspapers").fetch_all(connection).await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Counts the live articles that a reporter signs, by month, the first months first.
/// Postgres may know other time zones than this program, or other rules of one: so
/// it is told when each month begins.
pub async fn count(
    connection: &mut PgConnection,
    reporter: Uuid,
    calendars: &[Calendar],
    months: usize,
) -> Result<Vec<Count>> {
    let pairs = calendars
        .iter()
        .flat_map(|calendar| calendar.beginnings.iter().map(|beginning| (calendar.zone.name(), *beginning)));
    let (zones, beginnings): (Vec<&str>, Vec<DateTime<Utc>>) = pairs.unzip();
    let rows = sqlx::query!(
        r#"with calendars as (
               select zone, array_agg(beginning order by beginning) as beginnings
               from unnest($2::text[], $3::timestamptz[]) c (zone, beginning) group by zone
           ), signed as (
               select a.id, a.create_time, c.beginnings
               from article_reporters r
               join articles a on a.id = r.article
               join newspapers n on n.id = a.newspaper
               join calendars c on c.zone = n.time_zone
               where r.reporter = $1 and a.delete_time is null
           ), published as (
               select min(p.publish_time) as publish_time, s.beginnings
               from signed s
               join publication_articles o on o.article = s.id and o.withdrawn_by is null
               join publications p on p.sequence = o.publication
               group by s.id, s.beginnings
           )
           select false as "published!", width_bucket(create_time, beginnings) as "month!",
                  count(*) as "articles!"
           from signed group by 2
           union all
           select true, width_bucket(publish_time, beginnings), count(*) from published group by 2"#,
        reporter,
        &zones as &[&str],
        &beginnings
    )
    .fetch_all(connection)
    .await?;
    let mut counts = vec![Count::default(); months];
    for row in rows {
        // Those before the first month are in bucket 0, those behind the last one in
        // the bucket behind it.
        let month = usize::try_from(row.month).ok().and_then(|bucket| bucket.checked_sub(1));
        let Some(count) = month.and_then(|month| counts.get_mut(month)) else { continue };
        if row.published {
            count.published = row.articles;
        } else {
            count.created = row.articles;
        }
    }
    Ok(counts)
}
