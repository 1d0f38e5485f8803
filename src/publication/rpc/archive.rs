//! Reading published issues as an archive: by days, by month, from one to the next,
//! and of the same day in other years.

use chrono::{Datelike, Months, NaiveDate};

use crate::{
    auth::Principal,
    calendar,
    db::Db,
    error::Result,
    issue,
    pb::{self, google::r#type::Date},
    publication::{
        Tombstone, name,
        rpc::gone,
        store::{
            self,
            archive::{self, IssueKey, Summary},
        },
    },
    wire::{self, Check, page::Page},
};

/// A year that has every day.
const LEAP_YEAR: i32 = 2000;

/// Answers `ListPublishedIssues`.
pub async fn list(
    db: &Db,
    caller: &Principal,
    message: pb::ListPublishedIssuesRequest,
) -> Result<pb::ListPublishedIssuesResponse> {
    let mut check = Check::by(caller);
    let newspaper = check.newspaper("parent", &message.parent);
    let from = check.date("from_date", message.from_date).unwrap_or(calendar::DATE_FIRST);
    let until = check.date("until_date", message.until_date).unwrap_or(calendar::DATE_LAST);
    if until < from {
        check.add("until_date", "must not be before from_date");
    }
    let oldest_first = is_oldest_first(&mut check, &message.order_by);
    let arguments = format!("{newspaper} {from} {until} {oldest_first}");
    let page: Page<IssueKey> =
        Page::open(&mut check, "ListPublishedIssues", &[&arguments], message.page_size, &message.page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    let mut issues = if oldest_first {
        let after = page.after.clone().unwrap_or_else(|| IssueKey::before(from));
        archive::oldest_first(&mut connection, &newspaper, &after, until, page.size + 1).await?
    } else {
        let before = page.after.clone().unwrap_or_else(|| behind(until));
        archive::newest_first(&mut connection, &newspaper, &before, from, page.size + 1).await?
    };
    let next_page_token = page.close(&mut issues, |summary| summary.key.clone())?;
    let published_issues = issues.into_iter().map(pb::PublishedIssueSummary::from).collect();
    Ok(pb::ListPublishedIssuesResponse { published_issues, next_page_token })
}

/// Answers `GetIssueCalendar`.
pub async fn calendar(
    db: &Db,
    caller: &Principal,
    message: pb::GetIssueCalendarRequest,
) -> Result<pb::IssueCalendar> {
    let mut check = Check::by(caller);
    let newspaper = check.newspaper("parent", &message.parent);
    let years = calendar::DATE_FIRST.year()..=calendar::DATE_LAST.year();
    let year = check.number("year", message.year, *years.start(), *years.end());
    let month = check.number("month", message.month, 1, 12);
    check.finish()?;
    let first = NaiveDate::from_ymd_opt(year, month.unsigned_abs(), 1).unwrap_or(calendar::DATE_FIRST);
    let last = (first + Months::new(1)).pred_opt().unwrap_or(first);
    let found = db.view(move |connection| {
        Box::pin(async move {
            let days = archive::days(connection, &newspaper, first, last).await?;
            Ok((days, archive::span(connection, &newspaper).await?))
        })
    });
    let (days, span) = found.await?;
    Ok(pb::IssueCalendar {
        days: days.into_iter().map(pb::issue_calendar::Day::from).collect(),
        earliest_date: span.map(|(earliest, _)| wire::date(earliest)),
        latest_date: span.map(|(_, latest)| wire::date(latest)),
    })
}

/// Answers `GetAdjacentIssues`.
pub async fn adjacent(
    db: &Db,
    caller: &Principal,
    message: pb::GetAdjacentIssuesRequest,
) -> Result<pb::AdjacentIssues> {
    let mut check = Check::by(caller);
    let id = check.issue("name", &message.name);
    check.finish()?;
    let neighbours = db.view(move |connection| {
        Box::pin(async move {
            let refuse = |tombstone| gone(issue::KIND, issue::name(&id), tombstone);
            let found = archive::standing(connection, &id).await?.ok_or_else(|| refuse(None))?;
            if let Some(sequence) = found.withdrawn_by {
                let entry = store::find(connection, sequence).await?;
                return Err(refuse(entry.as_ref().map(Tombstone::from)));
            }
            let (newspaper, key) = (&id.newspaper, &found.key);
            let before =
                archive::newest_first(connection, newspaper, key, calendar::DATE_FIRST, 1).await?.pop();
            let after =
                archive::oldest_first(connection, newspaper, key, calendar::DATE_LAST, 1).await?.pop();
            Ok((before, after))
        })
    });
    let (previous, next) = neighbours.await?;
    Ok(pb::AdjacentIssues {
        previous: previous.map(pb::PublishedIssueSummary::from),
        next: next.map(pb::PublishedIssueSummary::from),
    })
}

/// Answers `ListIssuesOnThisDay`.
pub async fn on_this_day(
    db: &Db,
    caller: &Principal,
    message: pb::ListIssuesOnThisDayRequest,
) -> Result<pb::ListIssuesOnThisDayResponse> {
    let mut check = Check::by(caller);
    let newspaper = check.newspaper("parent", &message.parent);
    let day = day_of_year(&mut check, message.date);
    let arguments = format!("{newspaper} {day:?}");
    let page: Page<IssueKey> =
        Page::open(&mut check, "ListIssuesOnThisDay", &[&arguments], message.page_size, &message.page_token)?;
    check.finish()?;
    let before = page.after.clone().unwrap_or_else(|| behind(calendar::DATE_LAST));
    let mut connection = db.read().await?;
    let (month_day, except) = day;
    let found = archive::of_month_day(&mut connection, &newspaper, month_day, except, &before, page.size + 1);
    let mut issues = found.await?;
    let next_page_token = page.close(&mut issues, |summary| summary.key.clone())?;
    let published_issues = issues.into_iter().map(pb::PublishedIssueSummary::from).collect();
    Ok(pb::ListIssuesOnThisDayResponse { published_issues, next_page_token })
}

/// The place behind all issues of a day.
fn behind(day: NaiveDate) -> IssueKey {
    IssueKey::before(day.succ_opt().unwrap_or(day))
}

/// The order of a list (aip.dev/132).
fn is_oldest_first(check: &mut Check, order_by: &str) -> bool {
    let mut words = order_by.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) | (Some("publish_date"), Some("desc"), None) => false,
        (Some("publish_date"), None, _) => true,
        _ => {
            check.add("order_by", "must be `publish_date` or `publish_date desc`");
            false
        }
    }
}

/// A day that comes every year, as month and day in one number, and the day itself
/// if a year is given with it.
fn day_of_year(check: &mut Check, date: Option<Date>) -> (i16, Option<NaiveDate>) {
    let Some(date) = date else {
        check.add("date", "is required");
        return (0, None);
    };
    if date.year != 0 {
        let day = check.date("date", Some(date));
        return (day.map(month_day).unwrap_or_default(), day);
    }
    let found = u32::try_from(date.month).ok().zip(u32::try_from(date.day).ok());
    let found = found.and_then(|(month, day)| NaiveDate::from_ymd_opt(LEAP_YEAR, month, day));
    if found.is_none() {
        check.add("date", format!("month {} has no day {}", date.month, date.day));
    }
    (found.map(month_day).unwrap_or_default(), None)
}

/// Month and day as one number: 421 is 21 April.
fn month_day(day: NaiveDate) -> i16 {
    day.month() as i16 * 100 + day.day() as i16
}

impl From<Summary> for pb::PublishedIssueSummary {
    fn from(summary: Summary) -> pb::PublishedIssueSummary {
        let day = summary.key.publish_date;
        pb::PublishedIssueSummary {
            name: issue::name(&summary.id()),
            number: summary.number,
            publish_date: Some(wire::date(day)),
            weekday: calendar::weekday_name(day).to_owned(),
            page_count: summary.page_count,
            size_bytes: summary.size_bytes,
            sha256: summary.sha256.to_string(),
            publication: name(summary.publication),
            publish_time: Some(wire::timestamp(summary.publish_time)),
        }
    }
}

impl From<archive::Day> for pb::issue_calendar::Day {
    fn from(day: archive::Day) -> pb::issue_calendar::Day {
        pb::issue_calendar::Day {
            date: Some(wire::date(day.date)),
            weekday: calendar::weekday_name(day.date).to_owned(),
            published_issues: day.issues.into_iter().map(pb::PublishedIssueSummary::from).collect(),
            issue_count: i32::try_from(day.issue_count).unwrap_or(i32::MAX),
        }
    }
}
