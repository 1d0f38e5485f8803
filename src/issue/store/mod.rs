//! Issues, their pages and placements in Postgres.

pub mod list;

use std::{collections::HashMap, ops::RangeInclusive};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    config,
    error::{Error, Result, breaks},
    issue::{Facts, Issue, KIND, Layout, Page, Placement, Role, Weather},
    newspaper,
    wire::name::IssueName,
    workflow::{self, Review, Schedule, State, store::digest},
};

struct Row {
    uid: Uuid,
    newspaper: String,
    id: String,
    creator: String,
    number: i32,
    publish_date: NaiveDate,
    weather_condition: String,
    weather_wind: String,
    weather_low_celsius: Option<i32>,
    weather_high_celsius: Option<i32>,
    price_note: String,
    planned_page_count: i32,
    state: String,
    content_digest: Vec<u8>,
    return_reason: String,
    schedule: Option<Json<Schedule>>,
    latest_publication: Option<i64>,
    publication_count: i64,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    delete_time: Option<DateTime<Utc>>,
}

impl Row {
    fn issue(self, reviews: Vec<Review>) -> Result<Issue> {
        Ok(Issue {
            uid: self.uid,
            id: IssueName { newspaper: self.newspaper, issue: self.id },
            creator: self.creator,
            facts: Facts {
                number: self.number,
                publish_date: self.publish_date,
                weather: Weather {
                    condition: self.weather_condition,
                    wind: self.weather_wind,
                    low_celsius: self.weather_low_celsius,
                    high_celsius: self.weather_high_celsius,
                },
                price_note: self.price_note,
                planned_page_count: self.planned_page_count,
            },
            state: State::parse(&self.state)?,
            reviews,
            content_digest: digest(&self.content_digest)?,
            return_reason: self.return_reason,
            schedule: self.schedule.map(|schedule| schedule.0),
            latest_publication: self.latest_publication,
            publication_count: self.publication_count,
            version: self.version,
            create_time: self.create_time,
            update_time: self.update_time,
            delete_time: self.delete_time,
        })
    }
}

/// One issue, deleted or not.
pub async fn find(connection: &mut PgConnection, id: &IssueName) -> Result<Option<Issue>> {
    let row = sqlx::query_as!(
        Row,
        r#"select uid, newspaper, id, creator, number, publish_date, weather_condition, weather_wind,
                  weather_low_celsius, weather_high_celsius, price_note, planned_page_count,
                  state::text as "state!", content_digest, return_reason,
                  schedule as "schedule: Json<Schedule>", latest_publication, publication_count,
                  version, create_time, update_time, delete_time
           from issues where newspaper = $1 and id = $2"#,
        id.newspaper,
        id.issue
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let reviews = workflow::store::reviews_of(connection, row.uid).await?;
    row.issue(reviews).map(Some)
}

/// One issue, locked with its pages against other changes until the transaction
/// ends: who changes a page locks the issue first.
pub async fn lock(connection: &mut PgConnection, id: &IssueName) -> Result<Option<Issue>> {
    sqlx::query!(
        "select uid from issues where newspaper = $1 and id = $2 for update",
        id.newspaper,
        id.issue
    )
    .fetch_optional(&mut *connection)
    .await?;
    find(connection, id).await
}

/// Adds an issue without pages.
///
/// # Errors
/// [`Error::Exists`] if the name is taken, maybe by a deleted one.
pub async fn insert(connection: &mut PgConnection, issue: &Issue) -> Result<()> {
    let facts = &issue.facts;
    let inserted = sqlx::query!(
        "insert into issues (uid, newspaper, id, creator, number, publish_date, weather_condition,
                             weather_wind, weather_low_celsius, weather_high_celsius, price_note,
                             planned_page_count, state, content_digest, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::review_state, $14, $15,
                 $16, $17)",
        issue.uid,
        issue.id.newspaper,
        issue.id.issue,
        issue.creator,
        facts.number,
        facts.publish_date,
        facts.weather.condition,
        facts.weather.wind,
        facts.weather.low_celsius,
        facts.weather.high_celsius,
        facts.price_note,
        facts.planned_page_count,
        issue.state.as_str(),
        issue.content_digest.as_bytes(),
        issue.version,
        issue.create_time,
        issue.update_time
    )
    .execute(connection)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if breaks(&error, "issues_name") => Err(Error::Exists { kind: KIND, name: issue.name() }),
        Err(error) => Err(error.into()),
    }
}

/// Writes a changed issue, times and version included. What publishing writes
/// stays as it is.
pub async fn update(connection: &mut PgConnection, issue: &Issue) -> Result<()> {
    let facts = &issue.facts;
    sqlx::query!(
        "update issues set number = $2, publish_date = $3, weather_condition = $4, weather_wind = $5,
                weather_low_celsius = $6, weather_high_celsius = $7, price_note = $8, planned_page_count = $9,
                state = $10::text::review_state, content_digest = $11, return_reason = $12, version = $13,
                update_time = $14, delete_time = $15, schedule = $16, publish_due = $17
         where uid = $1",
        issue.uid,
        facts.number,
        facts.publish_date,
        facts.weather.condition,
        facts.weather.wind,
        facts.weather.low_celsius,
        facts.weather.high_celsius,
        facts.price_note,
        facts.planned_page_count,
        issue.state.as_str(),
        issue.content_digest.as_bytes(),
        issue.return_reason,
        issue.version,
        issue.update_time,
        issue.delete_time,
        issue.schedule.as_ref().map(Json) as _,
        issue.schedule.as_ref().and_then(Schedule::due)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an issue, as it stands, has been published.
pub async fn set_published(
    connection: &mut PgConnection,
    issue: Uuid,
    publication: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update issues set state = 'published', latest_publication = $2,
                publication_count = publication_count + 1, schedule = null, publish_due = null,
                version = version + 1, update_time = $3
         where uid = $1",
        issue,
        publication,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an issue has been withdrawn by this publication.
pub async fn set_withdrawn(
    connection: &mut PgConnection,
    issue: Uuid,
    publication: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update issues set state = 'withdrawn', latest_publication = $2, schedule = null, publish_due = null,
                version = version + 1, update_time = $3
         where uid = $1",
        issue,
        publication,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The issues whose time to be published has come, the longest due first, and
/// who ordered it.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    rows_max: i64,
) -> Result<Vec<(IssueName, Schedule)>> {
    let rows = sqlx::query!(
        r#"select newspaper, id, schedule as "schedule!: Json<Schedule>" from issues
           where publish_due <= $1 order by publish_due limit $2"#,
        now,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    let named =
        rows.into_iter().map(|row| (IssueName { newspaper: row.newspaper, issue: row.id }, row.schedule.0));
    Ok(named.collect())
}

/// When the next issue is due after `now`.
pub async fn next_due(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let next = sqlx::query_scalar!("select min(publish_due) from issues where publish_due > $1", now);
    Ok(next.fetch_one(connection).await?)
}

/// Locks an issue that is due; not if it is due no more, or if someone else has
/// it locked: they publish it, or change it and it is tried again soon.
pub async fn claim(connection: &mut PgConnection, id: &IssueName, now: DateTime<Utc>) -> Result<bool> {
    let claimed = sqlx::query_scalar!(
        "select uid from issues where newspaper = $1 and id = $2 and publish_due <= $3 for update skip locked",
        id.newspaper,
        id.issue,
        now
    );
    Ok(claimed.fetch_optional(connection).await?.is_some())
}

/// Pages of an issue by number, with their placements; those of `numbers`, at
/// most so many. One statement, so that no page is seen half changed.
pub async fn pages(
    connection: &mut PgConnection,
    issue: &IssueName,
    numbers: RangeInclusive<i32>,
    pages_max: i64,
) -> Result<Vec<Page>> {
    let rows = sqlx::query!(
        r#"select p.number, p.section, p.editor, p.version, p.create_time, p.update_time,
                  l.article as "article?", l.role::text as "role?", l.headline as "headline?",
                  l.kicker as "kicker?", l.byline as "byline?"
           from (
               select p.* from pages p join issues i on i.uid = p.issue
               where i.newspaper = $1 and i.id = $2 and p.number between $3 and $4
               order by p.number limit $5
           ) as p
           left join placements l on l.issue = p.issue and l.page = p.number
           order by p.number, l.position"#,
        issue.newspaper,
        issue.issue,
        numbers.start(),
        numbers.end(),
        pages_max
    )
    .fetch_all(connection)
    .await?;
    let mut pages: Vec<Page> = Vec::new();
    for row in rows {
        if pages.last().is_none_or(|last| last.number != row.number) {
            pages.push(Page {
                number: row.number,
                layout: Layout { section: row.section, editor: row.editor, placements: Vec::new() },
                version: row.version,
                create_time: row.create_time,
                update_time: row.update_time,
            });
        }
        let (Some(article), Some(page)) = (row.article, pages.last_mut()) else { continue };
        page.layout.placements.push(Placement {
            article,
            role: Role::parse(&row.role.unwrap_or_default())?,
            headline: row.headline.unwrap_or_default(),
            kicker: row.kicker.unwrap_or_default(),
            byline: row.byline.unwrap_or_default(),
        });
    }
    Ok(pages)
}

/// Every page of an issue, by number.
pub async fn all_pages(connection: &mut PgConnection, issue: &IssueName) -> Result<Vec<Page>> {
    pages(connection, issue, 1..=config::PAGES_MAX, config::PAGES_MAX.into()).await
}

/// One page.
pub async fn page(connection: &mut PgConnection, issue: &IssueName, number: i32) -> Result<Option<Page>> {
    Ok(pages(connection, issue, number..=number, 1).await?.pop())
}

/// Adds pages to an issue, without placements.
pub async fn insert_pages(connection: &mut PgConnection, issue: Uuid, pages: &[Page]) -> Result<()> {
    let numbers: Vec<i32> = pages.iter().map(|page| page.number).collect();
    let sections: Vec<&str> = pages.iter().map(|page| page.layout.section.as_str()).collect();
    let editors: Vec<&str> = pages.iter().map(|page| page.layout.editor.as_str()).collect();
    let versions: Vec<i64> = pages.iter().map(|page| page.version).collect();
    let create_times: Vec<DateTime<Utc>> = pages.iter().map(|page| page.create_time).collect();
    let update_times: Vec<DateTime<Utc>> = pages.iter().map(|page| page.update_time).collect();
    sqlx::query!(
        "insert into pages (issue, number, section, editor, version, create_time, update_time)
         select $1, * from unnest($2::integer[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
                                  $7::timestamptz[])",
        issue,
        &numbers,
        &sections as &[&str],
        &editors as &[&str],
        &versions,
        &create_times,
        &update_times
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a page with its placements, new or changed.
pub async fn put_page(connection: &mut PgConnection, issue: Uuid, page: &Page) -> Result<()> {
    sqlx::query!(
        "insert into pages (issue, number, section, editor, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (issue, number) do update set section = excluded.section, editor = excluded.editor,
             version = excluded.version, update_time = excluded.update_time",
        issue,
        page.number,
        page.layout.section,
        page.layout.editor,
        page.version,
        page.create_time,
        page.update_time
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from placements where issue = $1 and page = $2", issue, page.number)
        .execute(&mut *connection)
        .await?;
    insert_placements(connection, issue, page.number, &page.layout.placements).await
}

async fn insert_placements(
    connection: &mut PgConnection,
    issue: Uuid,
    page: i32,
    placements: &[Placement],
) -> Result<()> {
    let articles: Vec<Uuid> = placements.iter().map(|placement| placement.article).collect();
    let roles: Vec<&str> = placements.iter().map(|placement| placement.role.as_str()).collect();
    let headlines: Vec<&str> = placements.iter().map(|placement| placement.headline.as_str()).collect();
    let kickers: Vec<&str> = placements.iter().map(|placement| placement.kicker.as_str()).collect();
    let bylines: Vec<&str> = placements.iter().map(|placement| placement.byline.as_str()).collect();
    sqlx::query!(
        "insert into placements (issue, page, position, article, role, headline, kicker, byline)
         select $1, $2, position, article, role::placement_role, headline, kicker, byline
         from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) with ordinality
             as new (article, role, headline, kicker, byline, position)",
        issue,
        page,
        &articles,
        &roles as &[&str],
        &headlines as &[&str],
        &kickers as &[&str],
        &bylines as &[&str]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a page with its placements.
pub async fn delete_page(connection: &mut PgConnection, issue: Uuid, number: i32) -> Result<()> {
    sqlx::query!("delete from pages where issue = $1 and number = $2", issue, number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether there is a newspaper of this id, deleted or not.
pub async fn newspaper_exists(connection: &mut PgConnection, id: &str) -> Result<bool> {
    let found =
        sqlx::query_scalar!(r#"select exists (select from newspapers where id = $1) as "found!""#, id);
    Ok(found.fetch_one(connection).await?)
}

/// How many stages must sign issues of a newspaper, with a lock that keeps the
/// newspaper from being changed or deleted.
///
/// # Errors
/// The newspaper is not there, or deleted.
pub async fn hold_newspaper(connection: &mut PgConnection, id: &str) -> Result<i32> {
    let held = sqlx::query!("select review_stages, delete_time from newspapers where id = $1 for share", id);
    let held = held.fetch_optional(connection).await?.ok_or_else(|| newspaper::missing(id))?;
    match held.delete_time {
        Some(_) => Err(Error::Deleted { kind: newspaper::KIND, name: newspaper::name(id) }),
        None => Ok(held.review_stages.into()),
    }
}

/// The newspapers of articles that are about to be placed, with a lock that
/// keeps the articles from being deleted; of those that are there and live.
pub async fn hold_articles(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!(
        "select id, newspaper from articles where id = any($1) and delete_time is null order by id for share",
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.newspaper)).collect())
}
