//! Counting what a reporter has signed.

use chrono::{Datelike, Months, NaiveDate, Utc};

use crate::{
    auth::Principal,
    calendar, config,
    db::Db,
    error::Result,
    pb::{self, google::r#type::Date, reporter_statistics::Month},
    reporter::{
        missing,
        statistics::{beginnings, current, length, month_of, months},
        store::{self, statistics::Calendar},
    },
    wire::Check,
};

/// Answers `GetReporterStatistics`.
pub async fn answer(
    db: &Db,
    caller: &Principal,
    message: pb::GetReporterStatisticsRequest,
) -> Result<pb::ReporterStatistics> {
    let mut check = Check::by(caller);
    let id = check.reporter("name", &message.name);
    let from = month(&mut check, "from", message.from);
    let until = month(&mut check, "until", message.until);
    check.finish()?;
    let mut connection = db.read().await?;
    store::find(&mut connection, id).await?.ok_or_else(|| missing(id))?;
    let zones = store::statistics::zones(&mut connection).await?;
    let (from, count) = range(from, until, current(Utc::now(), &zones))?;
    let calendars =
        zones.into_iter().map(|zone| Calendar { zone, beginnings: beginnings(from, count, zone) });
    let calendars: Vec<Calendar> = calendars.collect();
    let counts = store::statistics::count(&mut connection, id, &calendars, count).await?;
    let months = months(from, count).into_iter().zip(counts).map(|(month, count)| Month {
        month: Some(Date { year: month.year(), month: month.month() as i32, day: 0 }),
        created_articles: count.created as i32,
        published_articles: count.published as i32,
    });
    Ok(pb::ReporterStatistics { name: message.name, months: months.collect() })
}

/// A month of the years that dates may have; unset is `None`.
fn month(check: &mut Check, field: &str, value: Option<Date>) -> Option<NaiveDate> {
    let Date { year, month, day } = value?;
    if day != 0 {
        check.add(field, "is a day; give a year and a month, with the day 0");
        return None;
    }
    check.date(field, Some(Date { year, month, day: 1 }))
}

/// The first month and how many there are, of those that were asked for.
fn range(
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    current: NaiveDate,
) -> Result<(NaiveDate, usize)> {
    let until = until.unwrap_or(current);
    let before = Months::new(config::STATISTICS_MONTHS_DEFAULT as u32 - 1);
    let earliest = month_of(calendar::DATE_FIRST);
    let from = from.unwrap_or_else(|| until.checked_sub_months(before).unwrap_or(earliest).max(earliest));
    let (count, count_max) = (length(from, until), config::STATISTICS_MONTHS_MAX);
    let mut check = Check::default();
    if count == 0 {
        check.add("until", "must not be before from");
    } else if count > count_max {
        check.add("from", format!("lies {count} months back, more than {count_max}, both ends counted"));
    }
    check.finish()?;
    Ok((from, count))
}
