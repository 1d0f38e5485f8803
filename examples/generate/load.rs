//! Loading articles by COPY, which is how Postgres takes a million of them soonest.

use std::{error::Error, fmt::Write as _, sync::Arc};

use futures::{StreamExt, stream};
use masthead::search;
use sqlx::{Connection, PgConnection};
use tokio::task::spawn_blocking;

use super::articles::{Generated, Generator};

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The newspaper that all of them belong to.
pub const NEWSPAPER: &str = "generated";

/// Articles in one transaction.
const BATCH: u64 = 2_000;

/// Batches that are made while one is loaded.
const BATCHES_AHEAD: usize = 2;

/// Memory for making an index.
const INDEX_MEMORY: &str = "2GB";

/// The rows of a batch, as text for COPY.
#[derive(Default)]
struct Batch {
    articles: String,
    revisions: String,
    authors: String,
    reporters: String,
    search: String,
}

/// Loads so many articles into a database that has none; `progress` is told what is
/// done, how far, and of how many.
pub async fn load(
    connection: &mut PgConnection,
    seed: u64,
    count: u64,
    progress: impl Fn(&str, u64, u64),
) -> Outcome<()> {
    let generator = Generator::new(seed);
    people(connection, &generator).await?;
    let indexes = take_indexes(connection).await?;
    let generator = Arc::new(generator);
    let batches = stream::iter((0..count).step_by(BATCH as usize)).map(|first| {
        let generator = generator.clone();
        spawn_blocking(move || {
            let end = (first + BATCH).min(count);
            (end, batch(&generator, first..end, count))
        })
    });
    let mut batches = batches.buffered(BATCHES_AHEAD);
    while let Some(made) = batches.next().await {
        let (done, batch) = made?;
        copy(connection, &batch).await?;
        progress("articles", done, count);
    }
    let all = indexes.len() as u64;
    sqlx::query("select set_config('maintenance_work_mem', $1, false)")
        .bind(INDEX_MEMORY)
        .execute(&mut *connection)
        .await?;
    for (done, definition) in indexes.into_iter().enumerate() {
        progress("indexes", done as u64, all);
        sqlx::raw_sql(sqlx::AssertSqlSafe(definition)).execute(&mut *connection).await?;
    }
    progress("statistics", 0, 1);
    sqlx::raw_sql("vacuum analyze").execute(&mut *connection).await?;
    Ok(())
}

/// The newspaper, and those who write for it.
async fn people(connection: &mut PgConnection, generator: &Generator) -> Outcome<()> {
    sqlx::query(
        "insert into newspapers (id, uid, title, serial_code, supervising_body, publishing_body, chief_editor,
             hotline, website, email, time_zone, language_code, price_note, review_stages, create_time, update_time)
         values ($1, $2, '云浦日报', '', '', '', '', '', '', '', 'Asia/Shanghai', 'zh-CN', '', 3, now(), now())",
    )
    .bind(NEWSPAPER)
    .bind(uuid::Uuid::now_v7())
    .execute(&mut *connection)
    .await?;
    let (ids, names): (Vec<_>, Vec<_>) = generator.reporters.iter().cloned().unzip();
    sqlx::query(
        "insert into reporters (id, display_name, pen_names, press_card_number, desk, email, phone, pinyin,
             retired, create_time, update_time)
         select id, name, '{}', '', '', '', '', '{}', false, now(), now() from unnest($1, $2) as r (id, name)",
    )
    .bind(&ids)
    .bind(&names)
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops the indexes that are cheaper to make when all rows are there; how to make
/// them.
async fn take_indexes(connection: &mut PgConnection) -> Outcome<Vec<String>> {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select indexname::text, indexdef from pg_indexes
         where schemaname = current_schema()
           and tablename in ('articles', 'article_search', 'article_reporters')
           and not exists (select from pg_constraint where conname = indexname)
         order by indexname",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (name, _) in &indexes {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop index {name}"))).execute(&mut *connection).await?;
    }
    Ok(indexes.into_iter().map(|(_, definition)| definition).collect())
}

async fn copy(connection: &mut PgConnection, batch: &Batch) -> Outcome<()> {
    let mut transaction = connection.begin().await?;
    // The foreign keys hold by construction; checking each row takes half the time.
    sqlx::raw_sql("set local session_replication_role = replica").execute(&mut *transaction).await?;
    for (table, rows) in [
        (
            "articles (id, newspaper, creator, content, content_digest, revision, state, create_time, update_time)",
            &batch.articles,
        ),
        (
            "article_revisions (article, revision, content, content_digest, author, create_time)",
            &batch.revisions,
        ),
        ("authors (subject, person)", &batch.authors),
        ("article_reporters (article, reporter)", &batch.reporters),
        (
            "article_search (article, newspaper, day, headline, column_name, bylines, folded, grams)",
            &batch.search,
        ),
    ] {
        let mut copy = transaction.copy_in_raw(&format!("copy {table} from stdin")).await?;
        copy.send(rows.as_bytes()).await?;
        copy.finish().await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn batch(generator: &Generator, numbers: std::ops::Range<u64>, count: u64) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        batch.add(generator.article(number, count));
    }
    batch
}

impl Batch {
    fn add(&mut self, article: Generated) {
        let Generated { id, content, creator, state, create_time } = article;
        let entry = search::entry(&content.parts());
        let reporters = content.reporters();
        // Of values of these types, which always encode.
        let digest = content.digest().map(|digest| digest.to_string()).unwrap_or_default();
        let json = escape(&serde_json::to_string(&content).unwrap_or_default());
        let time = create_time.to_rfc3339();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.articles,
            "{id}\t{NEWSPAPER}\t{creator}\t{json}\t\\\\x{digest}\t1\t{state}\t{time}\t{time}"
        );
        let _ = writeln!(self.revisions, "{id}\t1\t{json}\t\\\\x{digest}\t{creator}\t{time}");
        let _ = writeln!(self.authors, "{id}\t{creator}");
        for reporter in reporters {
            let _ = writeln!(self.reporters, "{id}\t{reporter}");
        }
        let grams: Vec<String> = entry.grams.iter().map(i32::to_string).collect();
        let _ = writeln!(
            self.search,
            "{id}\t{NEWSPAPER}\t{}\t{}\t{}\t{}\t{}\t{{{}}}",
            create_time.date_naive(),
            escape(&entry.headline),
            escape(&entry.column),
            escape(&entry.bylines),
            escape(&entry.folded),
            grams.join(",")
        );
    }
}

/// A text as COPY reads it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}
