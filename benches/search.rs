//! Finding and listing in papers of several sizes: how long calls take, and what
//! growing costs. Each paper is generated if it is not there yet, which takes about
//! half an hour for a million articles, and stays for the next run.
//!
//! ```sh
//! cargo bench --bench search -- --folder /var/tmp/papers --articles 1000,100000,1000000
//! ```

#[path = "../examples/generate/articles.rs"]
mod articles;
#[path = "../examples/generate/load.rs"]
mod load;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Parser;
use masthead::{
    admin::Role,
    config::DataSettings,
    embedded,
    import::desk::Desk,
    installation::{Installation, create_token},
    pb, server,
    terminal::Progress,
};
use sqlx::{Connection, PgConnection};

use crate::{
    articles::{Generator, Random},
    load::{Outcome, load},
};

/// Measures searches, lists and gets over papers of several sizes.
#[derive(Parser)]
struct Arguments {
    /// Sizes of papers, in articles
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    articles: Vec<u64>,
    /// Where the papers are kept
    #[arg(long, default_value = "/var/tmp/masthead-papers")]
    folder: PathBuf,
    /// What to begin the dice with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Calls of each kind
    #[arg(long, default_value_t = 200)]
    calls: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// Reads where the data are, as the command does.
#[derive(Parser)]
struct Place {
    #[command(flatten)]
    data: DataSettings,
}

/// Rows on a page.
const PAGE_ROWS: i32 = 50;

/// The page that is called late.
const LATE_PAGE: usize = 1_000;

/// How long calls of one kind took, shortest first.
type Times = Vec<Duration>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let mut measured: BTreeMap<usize, Vec<(u64, Times)>> = BTreeMap::new();
    let mut kinds = Vec::new();
    for articles in &arguments.articles {
        for (index, (kind, times)) in measure(&arguments, *articles).await?.into_iter().enumerate() {
            if kinds.len() == index {
                kinds.push(kind);
            }
            measured.entry(index).or_default().push((*articles, times));
        }
    }
    println!("{:<44} {:>9} {:>10} {:>10} {:>8}", "", "articles", "p50", "p95", "growth");
    for (index, sizes) in measured {
        let mut before: Option<Duration> = None;
        for (articles, times) in sizes {
            let (half, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
            let growth = before.map(|before| format!("{:.2}", half.as_secs_f64() / before.as_secs_f64()));
            println!(
                "{:<44} {articles:>9} {:>7.2} ms {:>7.2} ms {:>8}",
                kinds[index],
                half.as_secs_f64() * 1e3,
                most.as_secs_f64() * 1e3,
                growth.unwrap_or_default()
            );
            before = Some(half);
        }
    }
    Ok(())
}

/// Calls a server over one paper.
async fn measure(arguments: &Arguments, articles: u64) -> Outcome<Vec<(&'static str, Times)>> {
    let folder = arguments.folder.join(articles.to_string());
    let place = Place::parse_from(["masthead", "--data-dir", &folder.to_string_lossy()]);
    let installation = Installation::open(&place.data).await?;
    let outcome = call(&installation, &folder, arguments, articles).await;
    installation.close().await?;
    outcome
}

async fn call(
    installation: &Installation,
    folder: &Path,
    arguments: &Arguments,
    articles: u64,
) -> Outcome<Vec<(&'static str, Times)>> {
    installation.db.migrate().await?;
    let options = embedded::attach(folder).await?.ok_or("the embedded Postgres has gone")?;
    let mut connection = PgConnection::connect_with(&options).await?;
    let there: i64 = sqlx::query_scalar("select count(*) from articles").fetch_one(&mut connection).await?;
    if there == 0 {
        let progress = Progress::begin("generating");
        load(&mut connection, arguments.seed, articles, |what, done, all| {
            progress.step(done as usize, all as usize, what);
        })
        .await?;
    }
    // After a migration, Postgres knows nothing of new indexes.
    sqlx::raw_sql("analyze").execute(&mut connection).await?;
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = server::start(address, installation.db.clone(), installation.files.clone()).await?;
    let token = create_token(&installation.db, "bench", Role::Editor).await?;
    let address = format!("http://{}", server.address());
    let mut desk = Desk::connect(&address, token.reveal()).await?;
    let paper = Paper {
        generator: Generator::new(arguments.seed),
        articles,
        calls: arguments.calls,
        random: Random::new(arguments.seed, 7),
    };
    let before = scans(&mut connection).await?;
    let times = paper.all(&mut desk).await?;
    // What Postgres counts of a session comes some time later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (table, scans) in scans(&mut connection).await? {
        let more = scans - before.get(&table).copied().unwrap_or_default();
        if more > 0 && articles >= 100_000 {
            println!("{articles} articles: {more} sequential scans of {table}");
        }
    }
    connection.close().await?;
    server.stop().await?;
    Ok(times)
}

/// How often each large table has been read from beginning to end.
async fn scans(connection: &mut PgConnection) -> Outcome<BTreeMap<String, i64>> {
    let sql = "select relname::text, seq_scan from pg_stat_user_tables where n_live_tup > 10000";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

struct Paper {
    generator: Generator,
    articles: u64,
    calls: usize,
    random: Random,
}

impl Paper {
    async fn all(mut self, desk: &mut Desk) -> Outcome<Vec<(&'static str, Times)>> {
        let list = |filter: &str, order_by: &str| pb::ListArticlesRequest {
            page_size: PAGE_ROWS,
            filter: filter.into(),
            order_by: order_by.into(),
            ..Default::default()
        };
        Ok(vec![
            ("get", self.gets(desk).await?),
            ("search, a phrase of 6 characters", self.searches(desk, 6, 1).await?),
            ("search, a word of one article in 1,000", self.rare_words(desk).await?),
            ("search, 2 characters", self.searches(desk, 2, 1).await?),
            ("search, 1 character", self.searches(desk, 1, 1).await?),
            ("search, two words", self.searches(desk, 2, 2).await?),
            ("list, page 1", self.lists(desk, list("", ""), 1).await?),
            ("list, page 1,000 or the last", self.lists(desk, list("", ""), LATE_PAGE).await?),
            (
                "list state and column, newest event, page 1",
                self.lists(desk, list("state = PUBLISHED column = 副刊", "event_date desc"), 1).await?,
            ),
            (
                "list state and column, page 1,000 or the last",
                self.lists(desk, list("state = PUBLISHED column = 副刊", "event_date desc"), LATE_PAGE)
                    .await?,
            ),
            (
                "list drafts waiting for review, page 1",
                self.lists(desk, list("waiting_for_my_review()", ""), 1).await?,
            ),
            (
                "list changed since, page 1",
                self.lists(desk, list("update_time >= 2024-06-01", "update_time"), 1).await?,
            ),
        ])
    }

    async fn gets(&mut self, desk: &mut Desk) -> Outcome<Times> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let number = self.random.below(self.articles as usize) as u64;
            let name = format!("articles/{}", self.generator.article(number, self.articles).id);
            let begun = Instant::now();
            desk.articles.get_article(pb::GetArticleRequest { name }).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }

    /// Phrases of so many characters, out of articles by the dice.
    async fn searches(&mut self, desk: &mut Desk, length: usize, words: usize) -> Outcome<Times> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let number = self.random.below(self.articles as usize) as u64;
            let article = self.generator.article(number, self.articles);
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
        Ok(times)
    }

    /// Words that stand in one article in a thousand, by the dice.
    async fn rare_words(&mut self, desk: &mut Desk) -> Outcome<Times> {
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let query = self.generator.rare_word(&mut self.random).to_owned();
            let request = pb::SearchArticlesRequest { query, page_size: 20, ..Default::default() };
            let begun = Instant::now();
            desk.articles.search_articles(request).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }

    async fn lists(
        &mut self,
        desk: &mut Desk,
        request: pb::ListArticlesRequest,
        page: usize,
    ) -> Outcome<Times> {
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
        let mut times = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            let request = pb::ListArticlesRequest { page_token: page_token.clone(), ..request.clone() };
            let begun = Instant::now();
            desk.articles.list_articles(request).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }
}
