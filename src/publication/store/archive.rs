//! Published issues as an archive, in Postgres: in their order, by month, and by
//! the day of the year. Withdrawn ones are left out.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::{config, digest::Digest, error::Result, wire::name::IssueName, workflow::store::digest};

/// Where an issue stands among the published ones of its newspaper: by day; of one
/// day by running number, those without one behind; then by id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueKey {
    /// The day it appeared.
    pub publish_date: NaiveDate,
    /// Its place in the order of the day, from 1; several may have the same.
    pub day_order: i32,
    /// The issue's id.
    pub id: String,
}

impl IssueKey {
    /// The place before all issues of a day.
    pub fn before(publish_date: NaiveDate) -> IssueKey {
        IssueKey { publish_date, day_order: 0, id: String::new() }
    }
}

/// A published issue in a list.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The id of the newspaper.
    pub newspaper: String,
    /// The issue's id, and where it stands.
    pub key: IssueKey,
    /// The running number.
    pub number: i32,
    /// How many pages it has.
    pub page_count: i32,
    /// The newest publication of it.
    pub publication: i64,
    /// The length of its sealed bytes.
    pub size_bytes: i64,
    /// The digest of its sealed bytes.
    pub sha256: Digest,
    /// When it was published.
    pub publish_time: DateTime<Utc>,
}

impl Summary {
    /// The ids in the name.
    pub fn id(&self) -> IssueName {
        IssueName { newspaper: self.newspaper.clone(), issue: self.key.id.clone() }
    }
}

struct SummaryRow {
    newspaper: String,
    id: String,
    number: i32,
    publish_date: NaiveDate,
    day_order: i32,
    page_count: i32,
    publication: i64,
    size_bytes: i64,
    sha256: Vec<u8>,
    publish_time: DateTime<Utc>,
}

impl TryFrom<SummaryRow> for Summary {
    type Error = crate::error::Error;

    fn try_from(row: SummaryRow) -> Result<Summary> {
        Ok(Summary {
            newspaper: row.newspaper,
            key: IssueKey { publish_date: row.publish_date, day_order: row.day_order, id: row.id },
            number: row.number,
            page_count: row.page_count,
            publication: row.publication,
            size_bytes: row.size_bytes,
            sha256: digest(&row.sha256)?,
            publish_time: row.publish_time,
        })
    }
}

/// The published issues that are not withdrawn, as lists show them, with these
/// conditions.
macro_rules! summaries {
    ($connection:ident, $conditions:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            SummaryRow,
            "select i.newspaper, i.id, i.number, i.publish_date, i.day_order, i.page_count, i.publication,
                    p.size_bytes, p.sha256, p.publish_time
             from published_issues i join publications p on p.sequence = i.publication
             where not i.withdrawn and " + $conditions,
            $($argument),+
        )
        .fetch_all($connection)
        .await?
        .into_iter()
        .map(Summary::try_from)
        .collect()
    };
}

/// The published issues of a newspaper behind a place, up to and with a day, oldest
/// first.
pub async fn oldest_first(
    connection: &mut PgConnection,
    newspaper: &str,
    after: &IssueKey,
    last_day: NaiveDate,
    rows_max: i64,
) -> Result<Vec<Summary>> {
    summaries!(
        connection,
        r#"i.newspaper = $1 and i.publish_date <= $5
             and (i.publish_date, i.day_order, i.id collate "C") > ($2, $3, $4)
           order by i.publish_date, i.day_order, i.id collate "C" limit $6"#,
        newspaper,
        after.publish_date,
        after.day_order,
        after.id,
        last_day,
        rows_max
    )
}

/// The published issues of a newspaper before a place, back to and with a day,
/// newest first.
pub async fn newest_first(
    connection: &mut PgConnection,
    newspaper: &str,
    before: &IssueKey,
    first_day: NaiveDate,
    rows_max: i64,
) -> Result<Vec<Summary>> {
    summaries!(
        connection,
        r#"i.newspaper = $1 and i.publish_date >= $5
             and (i.publish_date, i.day_order, i.id collate "C") < ($2, $3, $4)
           order by i.publish_date desc, i.day_order desc, i.id collate "C" desc limit $6"#,
        newspaper,
        before.publish_date,
        before.day_order,
        before.id,
        first_day,
        rows_max
    )
}

/// The published issues of a newspaper before a place that bear the same month and
/// day (421 is 21 April), except those of one day, newest first.
pub async fn of_month_day(
    connection: &mut PgConnection,
    newspaper: &str,
    month_day: i16,
    except: Option<NaiveDate>,
    before: &IssueKey,
    rows_max: i64,
) -> Result<Vec<Summary>> {
    summaries!(
        connection,
        r#"i.newspaper = $1 and i.month_day = $2 and i.publish_date is distinct from $3
             and (i.publish_date, i.day_order, i.id collate "C") < ($4, $5, $6)
           order by i.publish_date desc, i.day_order desc, i.id collate "C" desc limit $7"#,
        newspaper,
        month_day,
        except,
        before.publish_date,
        before.day_order,
        before.id,
        rows_max
    )
}

/// A day with its published issues.
#[derive(Debug)]
pub struct Day {
    /// The day.
    pub date: NaiveDate,
    /// The issues in their order, at most [`config::CALENDAR_ISSUES_OF_DAY_MAX`].
    pub issues: Vec<Summary>,
    /// How many it has.
    pub issue_count: i64,
}

/// The days from one to another that have published issues of a newspaper, with
/// these issues.
pub async fn days(
    connection: &mut PgConnection,
    newspaper: &str,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<Day>> {
    let rows = sqlx::query!(
        r#"select i.newspaper, i.id, i.number, i.publish_date, i.day_order, i.page_count, i.publication,
                  i.of_day as "of_day!", p.size_bytes, p.sha256, p.publish_time
           from (select *, count(*) over (partition by publish_date) as of_day,
                        row_number() over (partition by publish_date order by day_order, id collate "C") as nth
                 from published_issues
                 where newspaper = $1 and publish_date between $2 and $3 and not withdrawn) i
           join publications p on p.sequence = i.publication
           where i.nth <= $4
           order by i.publish_date, i.nth"#,
        newspaper,
        first,
        last,
        config::CALENDAR_ISSUES_OF_DAY_MAX
    )
    .fetch_all(connection)
    .await?;
    let mut days: Vec<Day> = Vec::new();
    for row in rows {
        let issue = Summary {
            newspaper: row.newspaper,
            key: IssueKey { publish_date: row.publish_date, day_order: row.day_order, id: row.id },
            number: row.number,
            page_count: row.page_count,
            publication: row.publication,
            size_bytes: row.size_bytes,
            sha256: digest(&row.sha256)?,
            publish_time: row.publish_time,
        };
        match days.last_mut() {
            Some(day) if day.date == row.publish_date => day.issues.push(issue),
            _ => days.push(Day { date: row.publish_date, issues: vec![issue], issue_count: row.of_day }),
        }
    }
    Ok(days)
}

/// The first and the last day that have published issues of a newspaper.
pub async fn span(connection: &mut PgConnection, newspaper: &str) -> Result<Option<(NaiveDate, NaiveDate)>> {
    let days = sqlx::query!(
        "select min(publish_date) as first, max(publish_date) as last
         from published_issues where newspaper = $1 and not withdrawn",
        newspaper
    );
    let days = days.fetch_one(connection).await?;
    Ok(days.first.zip(days.last))
}

/// A published issue among the others.
#[derive(Debug)]
pub struct Standing {
    /// Where it stands.
    pub key: IssueKey,
    /// The entry of the ledger that withdrew it.
    pub withdrawn_by: Option<i64>,
}

/// Where a published issue stands, withdrawn or not.
pub async fn standing(connection: &mut PgConnection, issue: &IssueName) -> Result<Option<Standing>> {
    let row = sqlx::query!(
        "select publish_date, day_order, publication, withdrawn from published_issues
         where newspaper = $1 and id = $2",
        issue.newspaper,
        issue.issue
    );
    let row = row.fetch_optional(connection).await?;
    Ok(row.map(|row| Standing {
        key: IssueKey { publish_date: row.publish_date, day_order: row.day_order, id: issue.issue.clone() },
        withdrawn_by: row.withdrawn.then_some(row.publication),
    }))
}
