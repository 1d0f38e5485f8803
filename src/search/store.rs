//! What articles are found by, in Postgres.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    Document, Found, Kind, Rank, is_told_by_grams,
    query::{Query, Term},
};
use crate::{config, db::Connection, error::Result};

/// Adds the conditions that a search has besides its words, each behind an `and`: on
/// the article `a` of a working copy, on the row `s` of the index of published ones.
pub type Filter<'a> = &'a (dyn Fn(&mut QueryBuilder<Postgres>) + Send + Sync);

/// Where to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The working copies that are not deleted.
    Articles,
    /// What readers are served.
    PublishedArticles,
}

impl Index {
    fn table(self) -> &'static str {
        match self {
            Index::Articles => "article_search",
            Index::PublishedArticles => "published_article_search",
        }
    }
}

/// A search, and where its page begins.
pub struct Search<'a> {
    /// Where to search.
    pub index: Index,
    /// What for.
    pub query: &'a Query,
    /// What else must be met.
    pub filter: Option<Filter<'a>>,
    /// The last result of the page before.
    pub after: Option<Rank>,
    /// How many results at most.
    pub rows_max: i64,
}

/// Finds articles. If few may hold the words, the index names them, and all are
/// looked at. If many may, so do many of the newest: these are walked through, and
/// only if that does not fill the page all are looked at.
pub async fn find(connection: &mut Connection, search: &Search<'_>) -> Result<Found> {
    // The tables are large, and Postgres guesses badly how often words stand
    // together.
    sqlx::query!(
        "select set_config('enable_seqscan', 'off', true) as scans, set_config('work_mem', $1, true) as memory",
        config::SEARCH_MEMORY
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(found) = look_at_all(connection, search).await? {
        return Ok(found);
    }
    let total = estimate(connection, search).await?.max(config::SEARCH_CANDIDATES_MAX + 1);
    let mut ranks = Vec::new();
    let may_be_in_headline = search.query.anywhere().next().is_some();
    for in_headline in [true, false] {
        let missing = search.rows_max - ranks.len() as i64;
        let is_passed = search.after.is_some_and(|after| !after.in_headline) && in_headline;
        if missing > 0 && !is_passed && (may_be_in_headline || !in_headline) {
            ranks.extend(tier(connection, search, in_headline, missing).await?);
        }
    }
    Ok(Found { ranks, total, estimated: true })
}

impl Search<'_> {
    /// The rows to search; with their articles, if the filter looks at them.
    fn push_tables(&self, sql: &mut QueryBuilder<Postgres>) {
        sql.push(" from ").push(self.index.table()).push(" s");
        self.push_articles(sql);
    }

    fn push_articles(&self, sql: &mut QueryBuilder<Postgres>) {
        if self.filter.is_some() && self.index == Index::Articles {
            sql.push(" join articles a on a.id = s.article");
        }
    }

    fn push_filter(&self, sql: &mut QueryBuilder<Postgres>) {
        if let Some(filter) = self.filter {
            filter(sql);
        }
    }

    /// That the texts hold what they must, and nothing that they must not; if the
    /// index has named them, only what it has not told.
    fn push_terms(&self, sql: &mut QueryBuilder<Postgres>, has_grams: bool) {
        let is_told = |term: &&Term| has_grams && term.kind.is_none() && is_told_by_grams(&term.text);
        for term in self.query.wanted.iter().filter(|term| !is_told(term)) {
            push_term(sql, term, ") > 0");
        }
        for term in &self.query.unwanted {
            push_term(sql, term, ") = 0");
        }
    }

    /// Whether the headlines hold all that is looked for anywhere.
    fn push_in_headline(&self, sql: &mut QueryBuilder<Postgres>) {
        if self.query.anywhere().next().is_none() {
            sql.push("false");
        }
        for (index, text) in self.query.anywhere().enumerate() {
            sql.push(if index == 0 { "strpos(s.headline, " } else { " and strpos(s.headline, " });
            sql.push_bind(text.to_owned()).push(") > 0");
        }
    }

    fn push_after(&self, sql: &mut QueryBuilder<Postgres>, in_headline: bool) {
        if let Some(after) = self.after.filter(|after| after.in_headline == in_headline) {
            sql.push(" and (s.day, s.article) < (").push_bind(after.day).push(", ");
            sql.push_bind(after.article).push(")");
        }
    }

    /// All that must be met by a result that has the words in its headlines, or
    /// that has not.
    fn push_tier(&self, sql: &mut QueryBuilder<Postgres>, in_headline: bool, has_grams: bool) {
        // First, as headlines lie in the row itself.
        sql.push(if in_headline { " and (" } else { " and not (" });
        self.push_in_headline(sql);
        sql.push(")");
        self.push_terms(sql, has_grams);
    }
}

fn push_term(sql: &mut QueryBuilder<Postgres>, term: &Term, verdict: &'static str) {
    let column = match term.kind {
        None | Some(Kind::Body) => " and strpos(s.folded, ",
        Some(Kind::Headline) => " and strpos(s.headline, ",
        Some(Kind::Column) => " and strpos(s.column_name, ",
        Some(Kind::Byline) => " and strpos(s.bylines, ",
    };
    sql.push(column).push_bind(term.text.clone()).push(verdict);
}

/// The page, if not too many may hold the words.
async fn look_at_all(connection: &mut PgConnection, search: &Search<'_>) -> Result<Option<Found>> {
    let mut sql = QueryBuilder::new(
        "with candidates as materialized (
             select s.article, s.day, s.headline, s.column_name, s.bylines, s.folded",
    );
    search.push_tables(&mut sql);
    sql.push(" where s.grams @> ").push_bind(search.query.grams());
    search.push_filter(&mut sql);
    sql.push(" limit ").push_bind(config::SEARCH_CANDIDATES_MAX + 1);
    sql.push("), counted as materialized (select count(*) <= ").push_bind(config::SEARCH_CANDIDATES_MAX);
    sql.push(" as are_all from candidates), found as materialized (select s.article, s.day, ");
    search.push_in_headline(&mut sql);
    sql.push(" as in_headline from candidates s where (select are_all from counted)");
    search.push_terms(&mut sql, true);
    sql.push(
        ") select counted.are_all, (select count(*) from found) as total, page.article, page.day, page.in_headline
         from counted left join lateral (select * from found s where true",
    );
    if let Some(after) = search.after {
        sql.push(" and (s.in_headline, s.day, s.article) < (").push_bind(after.in_headline).push(", ");
        sql.push_bind(after.day).push(", ").push_bind(after.article).push(")");
    }
    sql.push(" order by s.in_headline desc, s.day desc, s.article desc limit ").push_bind(search.rows_max);
    sql.push(") page on true order by page.in_headline desc, page.day desc, page.article desc");
    // Not kept prepared: how to search depends on the words.
    let rows = sql.build().persistent(false).fetch_all(connection).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    if !first.try_get::<bool, _>("are_all")? {
        return Ok(None);
    }
    let total = first.try_get("total")?;
    // One row without an article says that nothing is found.
    let found = rows.iter().map(rank).filter_map(Result::transpose);
    Ok(Some(Found { ranks: found.collect::<Result<_>>()?, total, estimated: false }))
}

/// How many articles have the grams, as Postgres guesses.
async fn estimate(connection: &mut PgConnection, search: &Search<'_>) -> Result<i64> {
    let mut sql = QueryBuilder::new("explain (format json) select");
    search.push_tables(&mut sql);
    sql.push(" where s.grams @> ").push_bind(search.query.grams());
    search.push_filter(&mut sql);
    let plan: Json<serde_json::Value> =
        sql.build_query_scalar().persistent(false).fetch_one(connection).await?;
    Ok(plan[0]["Plan"]["Plan Rows"].as_i64().unwrap_or_default())
}

/// The next results that have the words in their headlines, or that have not.
async fn tier(
    connection: &mut PgConnection,
    search: &Search<'_>,
    in_headline: bool,
    rows_max: i64,
) -> Result<Vec<Rank>> {
    let mut sql = QueryBuilder::new("select s.article, s.day, ");
    sql.push_bind(in_headline).push(" as in_headline from (select s.*");
    newest(&mut sql, search, in_headline);
    search.push_tier(&mut sql, in_headline, false);
    sql.push(" order by s.day desc, s.article desc limit ").push_bind(rows_max);
    let found = ranks(sql, connection).await?;
    if found.len() as i64 == rows_max {
        return Ok(found);
    }
    // Kept from being walked through by day once more.
    let mut sql = QueryBuilder::new("with found as materialized (select s.article, s.day, ");
    sql.push_bind(in_headline).push(" as in_headline");
    search.push_tables(&mut sql);
    let grams = if in_headline { search.query.headline_grams() } else { search.query.grams() };
    sql.push(" where s.grams @> ").push_bind(grams);
    search.push_after(&mut sql, in_headline);
    search.push_filter(&mut sql);
    search.push_tier(&mut sql, in_headline, true);
    sql.push(") select * from found order by day desc, article desc limit ").push_bind(rows_max);
    ranks(sql, connection).await
}

/// The rows of the newest days, behind the page before.
fn newest(sql: &mut QueryBuilder<Postgres>, search: &Search<'_>, in_headline: bool) {
    sql.push(" from ").push(search.index.table()).push(" s where true");
    search.push_after(sql, in_headline);
    if search.index == Index::PublishedArticles {
        search.push_filter(sql);
    }
    sql.push(" order by s.day desc, s.article desc limit ").push_bind(config::SEARCH_NEWEST_ROWS);
    sql.push(") s");
    search.push_articles(sql);
    sql.push(" where true");
    if search.index == Index::Articles {
        search.push_filter(sql);
    }
}

async fn ranks(mut sql: QueryBuilder<Postgres>, connection: &mut PgConnection) -> Result<Vec<Rank>> {
    let rows = sql.build().persistent(false).fetch_all(connection).await?;
    rows.iter().map(rank).filter_map(Result::transpose).collect()
}

fn rank(row: &PgRow) -> Result<Option<Rank>> {
    let article: Option<Uuid> = row.try_get("article")?;
    let Some(article) = article else { return Ok(None) };
    Ok(Some(Rank { in_headline: row.try_get("in_headline")?, day: row.try_get("day")?, article }))
}

/// Documents as columns, which one statement takes however many they are.
struct Columns<'a> {
    articles: Vec<Uuid>,
    newspapers: Vec<&'a str>,
    headlines: Vec<&'a str>,
    columns: Vec<&'a str>,
    bylines: Vec<&'a str>,
    folded: Vec<&'a str>,
    /// Each as Postgres writes an array: it has no arrays of arrays of any length.
    grams: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(documents: &'a [Document]) -> Columns<'a> {
        let entries = || documents.iter().map(|document| &document.entry);
        Columns {
            articles: documents.iter().map(|document| document.article).collect(),
            newspapers: documents.iter().map(|document| document.newspaper.as_str()).collect(),
            headlines: entries().map(|entry| entry.headline.as_str()).collect(),
            columns: entries().map(|entry| entry.column.as_str()).collect(),
            bylines: entries().map(|entry| entry.bylines.as_str()).collect(),
            folded: entries().map(|entry| entry.folded.as_str()).collect(),
            grams: entries().map(|entry| array_literal(&entry.grams)).collect(),
        }
    }
}

/// Numbers as Postgres writes an array of them.
fn array_literal(numbers: &[i32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Keeps what working copies are found by, instead of what was kept before.
pub async fn write(connection: &mut PgConnection, documents: &[Document]) -> Result<()> {
    let columns = Columns::of(documents);
    sqlx::query!(
        "insert into article_search (article, newspaper, day, headline, column_name, bylines, folded, grams)
         select article, newspaper, article_search_day(article), headline, column_name, bylines, folded,
                grams::integer[]
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
              as d (article, newspaper, headline, column_name, bylines, folded, grams)
         on conflict (article) do update
         set day = excluded.day, headline = excluded.headline, column_name = excluded.column_name,
             bylines = excluded.bylines, folded = excluded.folded, grams = excluded.grams",
        &columns.articles,
        &columns.newspapers as &[&str],
        &columns.headlines as &[&str],
        &columns.columns as &[&str],
        &columns.bylines as &[&str],
        &columns.folded as &[&str],
        &columns.grams
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what a working copy is found by now that its content has changed. That does not
/// move the day by which it is ranked, which takes long to tell.
pub async fn rewrite(connection: &mut PgConnection, document: &Document) -> Result<()> {
    let entry = &document.entry;
    let written = sqlx::query!(
        "update article_search set headline = $2, column_name = $3, bylines = $4, folded = $5, grams = $6
         where article = $1",
        document.article,
        entry.headline,
        entry.column,
        entry.bylines,
        entry.folded,
        &entry.grams
    )
    .execute(&mut *connection)
    .await?;
    // It has none yet while the index is made after an upgrade.
    if written.rows_affected() == 0 {
        write(connection, std::slice::from_ref(document)).await
    } else {
        Ok(())
    }
}

/// Keeps what readers find articles by, instead of what was kept before.
pub async fn write_published(connection: &mut PgConnection, documents: &[Document]) -> Result<()> {
    let columns = Columns::of(documents);
    sqlx::query!(
        "insert into published_article_search
             (article, newspaper, day, headline, column_name, bylines, folded, grams)
         select article, newspaper, article_search_day(article), headline, column_name, bylines, folded,
                grams::integer[]
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
              as d (article, newspaper, headline, column_name, bylines, folded, grams)
         on conflict (article) do update
         set day = excluded.day, headline = excluded.headline, column_name = excluded.column_name,
             bylines = excluded.bylines, folded = excluded.folded, grams = excluded.grams",
        &columns.articles,
        &columns.newspapers as &[&str],
        &columns.headlines as &[&str],
        &columns.columns as &[&str],
        &columns.bylines as &[&str],
        &columns.folded as &[&str],
        &columns.grams
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes working copies that are deleted out of the index.
pub async fn remove(connection: &mut PgConnection, articles: &[Uuid]) -> Result<()> {
    sqlx::query!("delete from article_search where article = any($1)", articles).execute(connection).await?;
    Ok(())
}

/// Lets readers find articles by what their working copies say, which have just been
/// published as they are.
pub async fn publish(connection: &mut PgConnection, articles: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "with days as (select id, article_search_day(id) as day from unnest($1::uuid[]) as a (id)),
         working as (
             update article_search s set day = d.day from days d where s.article = d.id and s.day <> d.day
         )
         insert into published_article_search
             (article, newspaper, day, headline, column_name, bylines, folded, grams)
         select s.article, s.newspaper, d.day, s.headline, s.column_name, s.bylines, s.folded, s.grams
         from article_search s join days d on d.id = s.article
         on conflict (article) do update
         set day = excluded.day, headline = excluded.headline, column_name = excluded.column_name,
             bylines = excluded.bylines, folded = excluded.folded, grams = excluded.grams",
        articles
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ranks working copies that do not stand any more where they stood.
pub async fn set_days(connection: &mut PgConnection, articles: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "update article_search set day = article_search_day(article)
         where article = any($1) and day <> article_search_day(article)",
        articles
    )
    .execute(connection)
    .await?;
    Ok(())
}
