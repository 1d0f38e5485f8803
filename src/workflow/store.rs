//! Reviews and authors in Postgres, by the uid of their subject.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    digest::Digest,
    error::{Error, Result},
    workflow::{Outcome, Review, State},
};

struct Row {
    id: Uuid,
    subject: Uuid,
    stage: i16,
    outcome: String,
    reviewer: String,
    content_digest: Vec<u8>,
    revision: Option<i64>,
    remark: String,
    create_time: DateTime<Utc>,
    void_time: Option<DateTime<Utc>>,
}

impl Row {
    fn review(self) -> Result<Review> {
        Ok(Review {
            stage: self.stage.into(),
            outcome: Outcome::parse(&self.outcome)?,
            reviewer: self.reviewer,
            content_digest: digest(&self.content_digest)?,
            revision: self.revision,
            remark: self.remark,
            create_time: self.create_time,
            void_time: self.void_time,
        })
    }
}

/// The sign-offs in force of several subjects, each subject's by stage.
pub async fn reviews(connection: &mut PgConnection, subjects: &[Uuid]) -> Result<HashMap<Uuid, Vec<Review>>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, subject, stage, outcome::text as "outcome!", reviewer, content_digest, revision, remark,
                  create_time, void_time
           from reviews where subject = any((select $1::uuid[])::uuid[]) and void_time is null order by subject, stage"#,
        subjects
    )
    .fetch_all(connection)
    .await?;
    let mut reviews: HashMap<Uuid, Vec<Review>> = HashMap::new();
    for row in rows {
        reviews.entry(row.subject).or_default().push(row.review()?);
    }
    Ok(reviews)
}

/// The sign-offs in force of one subject, by stage.
pub async fn reviews_of(connection: &mut PgConnection, subject: Uuid) -> Result<Vec<Review>> {
    Ok(reviews(connection, &[subject]).await?.remove(&subject).unwrap_or_default())
}

/// Where a review stands in the history of its subject: its time, and its id
/// within that.
pub type Place = (DateTime<Utc>, Uuid);

/// Every sign-off and return of one subject, newest first, those before `before`.
pub async fn history(
    connection: &mut PgConnection,
    subject: Uuid,
    before: Option<Place>,
    rows_max: i64,
) -> Result<Vec<(Place, Review)>> {
    let (before_time, before_id) = before.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select id, subject, stage, outcome::text as "outcome!", reviewer, content_digest, revision, remark,
                  create_time, void_time
           from reviews
           where subject = $1 and ($2::timestamptz is null or (create_time, id) < ($2, $3::uuid))
           order by create_time desc, id desc limit $4"#,
        subject,
        before_time,
        before_id,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok(((row.create_time, row.id), row.review()?))).collect()
}

/// The newest revision of an article that this person has signed, whether the
/// sign-off is in force or void.
pub async fn newest_signed_revision(
    connection: &mut PgConnection,
    article: Uuid,
    reviewer: &str,
) -> Result<Option<i64>> {
    let newest = sqlx::query_scalar!(
        "select max(revision) from reviews where subject = $1 and reviewer = $2 and outcome = 'signed'",
        article,
        reviewer
    );
    Ok(newest.fetch_one(connection).await?)
}

/// Adds a sign-off or a return.
pub async fn add(connection: &mut PgConnection, subject: Uuid, review: &Review) -> Result<()> {
    sqlx::query!(
        "insert into reviews (id, subject, stage, outcome, reviewer, content_digest, revision, remark,
                              create_time, void_time)
         values ($1, $2, $3, $4::text::review_outcome, $5, $6, $7, $8, $9, $10)",
        Uuid::now_v7(),
        subject,
        review.stage as i16,
        review.outcome.as_str(),
        review.reviewer,
        review.content_digest.as_bytes(),
        review.revision,
        review.remark,
        review.create_time,
        review.void_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Voids every sign-off in force of a subject; they stay as history.
pub async fn void(connection: &mut PgConnection, subject: Uuid, now: DateTime<Utc>) -> Result<()> {
    void_all(connection, &[subject], now).await
}

/// Voids every sign-off in force of several subjects.
pub async fn void_all(connection: &mut PgConnection, subjects: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update reviews set void_time = $2 where subject = any($1) and void_time is null",
        subjects,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts these sign-offs in force instead of those that were, which become void and
/// stay as history: what was signed says the same under another digest.
pub async fn carry_over(
    connection: &mut PgConnection,
    carried: &[(Uuid, Review)],
    now: DateTime<Utc>,
) -> Result<()> {
    let subjects: Vec<Uuid> = carried.iter().map(|(subject, _)| *subject).collect();
    void_all(connection, &subjects, now).await?;
    let reviews = || carried.iter().map(|(_, review)| review);
    let ids: Vec<Uuid> = carried.iter().map(|_| Uuid::now_v7()).collect();
    let stages: Vec<i16> = reviews().map(|review| review.stage as i16).collect();
    let reviewers: Vec<&str> = reviews().map(|review| review.reviewer.as_str()).collect();
    let digests: Vec<&[u8]> = reviews().map(|review| review.content_digest.as_bytes()).collect();
    let revisions: Vec<Option<i64>> = reviews().map(|review| review.revision).collect();
    let remarks: Vec<&str> = reviews().map(|review| review.remark.as_str()).collect();
    let times: Vec<DateTime<Utc>> = reviews().map(|review| review.create_time).collect();
    sqlx::query!(
        "insert into reviews (id, subject, stage, outcome, reviewer, content_digest, revision, remark, create_time)
         select id, subject, stage, 'signed', reviewer, content_digest, revision, remark, create_time
         from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::bytea[], $6::bigint[], $7::text[],
                     $8::timestamptz[])
             c (id, subject, stage, reviewer, content_digest, revision, remark, create_time)",
        &ids,
        &subjects,
        &stages,
        &reviewers as &[&str],
        &digests as &[&[u8]],
        &revisions as &[Option<i64>],
        &remarks as &[&str],
        &times
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A working copy whose state has followed its newspaper's number of stages.
#[derive(Debug)]
pub struct Followed {
    /// The full name.
    pub name: String,
    /// Where it stands now.
    pub state: State,
    /// The content, which is as it was.
    pub content_digest: Digest,
}

/// Lets the issues and articles of a newspaper, which must be locked, follow
/// its number of review stages: a draft that as many stages have signed is
/// reviewed, and what fewer have signed is a draft again, with the sign-offs
/// that it has. What is published was signed by as many as were asked for then.
pub async fn follow_stages(
    connection: &mut PgConnection,
    newspaper: &str,
    stages: i32,
    now: DateTime<Utc>,
) -> Result<Vec<Followed>> {
    lock_signed(connection, newspaper).await?;
    let rows = sqlx::query!(
        r#"with signed as (
               select subject, count(*) as stages from reviews where void_time is null group by subject
           ), of_issues as (
               update issues i set state = (case i.state when 'draft' then 'reviewed' else 'draft' end)::review_state,
                      version = i.version + 1, update_time = $3
               from signed s
               where i.newspaper = $1 and s.subject = i.uid and i.state in ('draft', 'reviewed')
                 and (i.state = 'reviewed') <> (s.stages >= $2)
               returning 'newspapers/' || i.newspaper || '/issues/' || i.id as name, i.state, i.content_digest
           ), of_articles as (
               update articles a set state = (case a.state when 'draft' then 'reviewed' else 'draft' end)::review_state,
                      version = a.version + 1, update_time = $3
               from signed s
               where a.newspaper = $1 and s.subject = a.id and a.state in ('draft', 'reviewed')
                 and (a.state = 'reviewed') <> (s.stages >= $2)
               returning 'articles/' || a.id as name, a.state, a.content_digest
           )
           select name as "name!", state::text as "state!", content_digest as "content_digest!"
           from (select * from of_issues union all select * from of_articles) as followed order by name"#,
        newspaper,
        i64::from(stages),
        now
    )
    .fetch_all(connection)
    .await?;
    let followed = rows.into_iter().map(|row| {
        let content_digest = digest(&row.content_digest)?;
        Ok(Followed { name: row.name, state: State::parse(&row.state)?, content_digest })
    });
    followed.collect()
}

/// Locks every issue and article of a newspaper that has a sign-off in force,
/// so that none is voided between counting them and writing the state.
async fn lock_signed(connection: &mut PgConnection, newspaper: &str) -> Result<()> {
    sqlx::query!(
        "select uid from issues where newspaper = $1 and state in ('draft', 'reviewed')
           and uid in (select subject from reviews where void_time is null) order by uid for update",
        newspaper
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "select id from articles where newspaper = $1 and state in ('draft', 'reviewed')
           and id in (select subject from reviews where void_time is null) order by id for update",
        newspaper
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Everyone who wrote any of the content.
pub async fn authors(connection: &mut PgConnection, subject: Uuid) -> Result<Vec<String>> {
    let authors = sqlx::query_scalar!("select person from authors where subject = $1", subject);
    Ok(authors.fetch_all(connection).await?)
}

/// Notes that someone wrote some of the content.
pub async fn add_author(connection: &mut PgConnection, subject: Uuid, person: &str) -> Result<()> {
    sqlx::query!(
        "insert into authors (subject, person) values ($1, $2) on conflict do nothing",
        subject,
        person
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A digest as the database has it.
pub fn digest(bytes: &[u8]) -> Result<Digest> {
    Digest::from_bytes(bytes).ok_or_else(|| Error::Internal("a stored digest is not 32 bytes".to_owned()))
}

/// Removes all that is known of a subject that is removed for good.
pub async fn forget(connection: &mut PgConnection, subject: Uuid) -> Result<()> {
    sqlx::query!("delete from reviews where subject = $1", subject).execute(&mut *connection).await?;
    sqlx::query!("delete from authors where subject = $1", subject).execute(connection).await?;
    Ok(())
}
