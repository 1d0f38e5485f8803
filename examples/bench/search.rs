//! Finding and listing in papers of several sizes: how long calls take, one after the
//! other, and what growing costs.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::PgConnection;

use crate::{Effort, Outcome, articles::Random, paper::Paper, report::Table};

/// Rows on a page.
const PAGE_ROWS: i32 = 50;

/// The page that is called late.
const LATE_PAGE: usize = 1_000;

/// Rows of a table that nothing may walk through.
const LARGE_TABLE_ROWS: i64 = 10_000;

/// How long calls of one kind took, shortest first.
type Times = Vec<Duration>;

/// What was measured of calls of one kind.
struct Kind {
    name: &'static str,
    times: Times,
    /// Rows of the page, if it is one of a list.
    rows: Option<usize>,
}

/// What was measured of one paper.
pub struct Measured {
    articles: u64,
    kinds: Vec<Kind>,
    /// Of each large table, how often it was read from beginning to end.
    scans: BTreeMap<String, i64>,
}

/// Calls a server of one paper.
pub async fn measure(paper: &Paper, effort: &Effort) -> Outcome<Measured> {
    let mut connection = paper.connect().await?;
    let server = paper.serve()?;
    let mut desk = paper.desk(&server, Role::Editor).await?;
    let mut calls = Calls { paper, calls: effort.calls, random: paper.random(2) };
    let before = scans(&mut connection).await?;
    let kinds = calls.all(&mut desk).await?;
    // What Postgres counts of a session comes some time later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut scans = scans(&mut connection).await?;
    for (table, count) in &mut scans {
        *count -= before.get(table).copied().unwrap_or_default();
    }
    scans.retain(|_, count| *count > 0);
    Ok(Measured { articles: paper.articles, kinds, scans })
}

/// The papers side by side, in the order of their sizes.
pub fn table(papers: &[Measured], effort: &Effort) -> Table {
    let mut heads = vec!["call".to_owned()];
    for (index, paper) in papers.iter().enumerate() {
        heads.push(format!("{} articles: p50, p95 ms", paper.articles));
        if index > 0 {
            heads.push("growth of p50".to_owned());
        }
    }
    let mut title = format!(
        "Calls one after the other, {} of each kind, pages of {PAGE_ROWS} (20 of a search)",
        effort.calls
    );
    for paper in papers {
        for (name, count) in &paper.scans {
            title.push_str(&format!("; {} articles: {count} sequential scans of {name}", paper.articles));
        }
    }
    let mut table = Table::new(title, heads);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    for kind in 0..papers.first().map_or(0, |paper| paper.kinds.len()) {
        let mut cells = vec![papers[0].kinds[kind].name.to_owned()];
        let mut before: Option<f64> = None;
        for paper in papers {
            let Kind { times, rows, .. } = &paper.kinds[kind];
            let (half, most) = (millis(times[times.len() / 2]), millis(times[times.len() * 95 / 100]));
            // A small paper may not have a page full of what is listed.
            let rows = rows.filter(|rows| *rows < PAGE_ROWS as usize);
            let rows = rows.map(|rows| format!(" ({rows} rows)")).unwrap_or_default();
            cells.push(format!("{half:.2}, {most:.2}{rows}"));
            cells.extend(before.map(|before| format!("{:.2}", half / before)));
            before = Some(half);
        }
        table.row(cells);
    }
    table
}

/// How often each large table has been read from beginning to end.
async fn scans(connection: &mut PgConnection) -> Outcome<BTreeMap<String, i64>> {
    let sql = "select relname::text, seq_scan from pg_stat_user_tables where n_live_tup > $1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(LARGE_TABLE_ROWS).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

/// Calls by the dice.
struct Calls<'a> {
    paper: &'a Paper,
    calls: usize,
    random: Random,
}

impl Calls<'_> {
    async fn all(&mut self, desk: &mut Desk) -> Outcome<Vec<Kind>> {
        let list = |filter: &str, order_by: &str| pb::ListArticlesRequest {
            page_size: PAGE_ROWS,
            filter: filter.into(),
            order_by: order_by.into(),
            ..Default::default()
        };
        let of_column = || list("state = PUBLISHED column = 副刊", "event_date desc");
        let waiting = || list("waiting_for_my_review()", "");
        let first_waiting = || pb::ListArticlesRequest { page_size: 1, ..waiting() };
        let changed = || list("update_time >= 2024-06-01", "update_time");
        Ok(vec![
            self.gets(desk, "get").await?,
            self.searches(desk, "search, a phrase of 6 characters", 6, 1).await?,
            self.rare_words(desk, "search, a word of one article in 1,000").await?,
            self.searches(desk, "search, 2 characters", 2, 1).await?,
            self.searches(desk, "search, 1 character", 1, 1).await?,
            self.searches(desk, "search, two words", 2, 2).await?,
            self.lists(desk, "list, page 1", list("", ""), 1).await?,
            self.lists(desk, "list, page 1,000 or the last", list("", ""), LATE_PAGE).await?,
            self.lists(desk, "list state and column, newest event, page 1", of_column(), 1).await?,
            self.lists(desk, "list state and column, page 1,000 or the last", of_column(), LATE_PAGE).await?,
            self.lists(desk, "list drafts waiting for review, page 1", waiting(), 1).await?,
            self.lists(desk, "list drafts waiting for review, the first", first_waiting(), 1).await?,
            self.lists(desk, "list changed since, page 1", changed(), 1).await?,
        ])
    }

    async fn gets(&mut self, desk: &mut Desk, name: &'static str) -> Outcome<Kind> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let number = self.random.below(self.paper.articles as usize) as u64;
            let article = self.paper.article_name(number);
            let begun = Instant::now();
            desk.articles.get_article(pb::GetArticleRequest { name: article }).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(Kind { name, times, rows: None })
    }

    /// Phrases of so many characters, out of articles by the dice.
    async fn searches(
        &mut self,
        desk: &mut Desk,
        name: &'static str,
        length: usize,
        words: usize,
    ) -> Outcome<Kind> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let number = self.random.below(self.paper.articles as usize) as u64;
            let article = self.paper.generator.article(number, self.paper.articles);
            let parts = article.content.parts();
            let text = parts.iter().map(|part| part.text).max_by_key(|text| text.len()).unwrap_or_default();
            let clauses: Vec<Vec<char>> = text
                .split(['，', '。'])
                .map(|clause| clause.chars().collect::<Vec<char>>())
                .filter(|clause| clause.len() >= length)
                .collect();
            let phrases: Vec<String> = (0..words)
                .map(|_| {
                    let clause = self.random.one(&clauses).clone();
                    let start = self.random.below(clause.len() - length + 1);
                    clause[start..start + length].iter().collect()
                })
                .collect();
            let query = phrases.join(" ");
            let request =
                pb::SearchArticlesRequest { query: query.clone(), page_size: 20, ..Default::default() };
            let begun = Instant::now();
            let found = desk.articles.search_articles(request).await?.into_inner();
            times.push(begun.elapsed());
            if found.results.is_empty() {
                return Err(format!("{query} stands in {} and is not found", article.id).into());
            }
        }
        times.sort_unstable();
        Ok(Kind { name, times, rows: None })
    }

    /// Words that stand in one article in a thousand, by the dice.
    async fn rare_words(&mut self, desk: &mut Desk, name: &'static str) -> Outcome<Kind> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let query = self.paper.generator.rare_word(&mut self.random).to_owned();
            let request = pb::SearchArticlesRequest { query, page_size: 20, ..Default::default() };
            let begun = Instant::now();
            desk.articles.search_articles(request).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(Kind { name, times, rows: None })
    }

    async fn lists(
        &mut self,
        desk: &mut Desk,
        name: &'static str,
        request: pb::ListArticlesRequest,
        page: usize,
    ) -> Outcome<Kind> {
        // On the way there, in larger steps.
        let mut page_token = String::new();
        for _ in 0..(page - 1) * PAGE_ROWS as usize / 500 {
            let step =
                pb::ListArticlesRequest { page_size: 500, page_token: page_token.clone(), ..request.clone() };
            let next = desk.articles.list_articles(step).await?.into_inner().next_page_token;
            if next.is_empty() {
                break;
            }
            page_token = next;
        }
        let mut rows = 0;
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let request = pb::ListArticlesRequest { page_token: page_token.clone(), ..request.clone() };
            let begun = Instant::now();
            let listed = desk.articles.list_articles(request).await?.into_inner();
            times.push(begun.elapsed());
            rows = listed.articles.len();
        }
        times.sort_unstable();
        Ok(Kind { name, times, rows: Some(rows) })
    }
}
