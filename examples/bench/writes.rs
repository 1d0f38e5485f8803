//! Saves of articles with all that belongs to one, beside plain SQL that writes the
//! same rows over as many connections, prepared, with the same durability.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use masthead::{admin::Role, import::desk::Desk, pb};
use prost::Message;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    Effort, Outcome,
    http2::{Answer, Load, Question},
    load::NEWSPAPER,
    paper::Paper,
    report::{Rounds, Table},
};

/// Editors who save at once, each articles of their own.
const EDITORS: [usize; 2] = [1, 16];

/// Articles that an editor saves in turn: few enough revisions of each that none is
/// forgotten.
const ARTICLES_PER_EDITOR: usize = 20;

const PATH: &str = "/masthead.v1.ArticleService/UpdateArticle";

pub async fn measure(paper: &Paper, effort: &Effort) -> Outcome<Table> {
    let service = paper.serve()?;
    let mut desk = paper.desk(&service, Role::Editor).await?;
    let token = paper.token(Role::Editor).await?;
    let title = format!(
        "UpdateArticle with revision, change, audit and search index, in a paper of {} articles, beside \
         plain SQL that writes the same rows; medians of {} rounds",
        paper.articles, effort.rounds
    );
    let heads = ["editors", "saves/s", "SQL", "ratio (of each round)", "p50, p99 ms"];
    let mut table = Table::new(title, heads);
    for editors in EDITORS {
        let mut articles = unwritten(paper, &mut desk, editors * (ARTICLES_PER_EDITOR + 1)).await?;
        let plain_articles = articles.split_off(editors * ARTICLES_PER_EDITOR);
        let load = Load {
            address: service.address.clone(),
            path: PATH,
            token: token.clone(),
            questions: Arc::new(articles.iter().flat_map(saves).collect()),
            connections: editors,
            in_flight: 1,
            time: effort.time,
        };
        let mut plain = Plain::connect(paper, &plain_articles).await?;
        let (mut own, mut other, mut half, mut most) =
            (Rounds::default(), Rounds::default(), Rounds::default(), Rounds::default());
        load.run()?;
        plain.run(effort).await?;
        for round in 0..effort.rounds {
            // Which of both is first changes with each round.
            for turn in 0..2 {
                if (round + turn) % 2 == 1 {
                    other.push(plain.run(effort).await?);
                    continue;
                }
                let measured = load.run()?;
                own.push(measured.calls_per_second);
                half.push(measured.percentile(50));
                most.push(measured.percentile(99));
            }
        }
        table.row([
            editors.to_string(),
            format!("{:.0}", own.median()),
            format!("{:.0}", other.median()),
            own.to(&other).to_string(),
            format!("{:.2}, {:.2}", half.median(), most.median()),
        ]);
        plain.close().await?;
    }
    Ok(table)
}

/// So many articles that nobody has changed yet, the newest as on any day: each run
/// begins with others.
async fn unwritten(paper: &Paper, desk: &mut Desk, count: usize) -> Outcome<Vec<pb::Article>> {
    let sql = "select 'articles/' || id from articles where newspaper = $1 and revision = 1
               order by id desc limit $2";
    let mut connection = paper.connect().await?;
    let names: Vec<String> =
        sqlx::query_scalar(sql).bind(NEWSPAPER).bind(count as i64).fetch_all(&mut connection).await?;
    connection.close().await?;
    if names.len() < count {
        return Err("too many articles have been changed: remove the paper, and it is made anew".into());
    }
    let mut articles = Vec::with_capacity(count);
    for name in names {
        articles.push(desk.articles.get_article(pb::GetArticleRequest { name }).await?.into_inner());
    }
    Ok(articles)
}

/// Two saves of one article that each change what the other one wrote.
fn saves(article: &pb::Article) -> [Question; 2] {
    ["甲", "乙"].map(|version| {
        let changed = pb::Article {
            name: article.name.clone(),
            etag: "*".into(),
            headline: format!("{}{version}", article.headline),
            ..article.clone()
        };
        let request = pb::UpdateArticleRequest { article: Some(changed), ..Default::default() };
        let start = pb::Article { name: article.name.clone(), ..Default::default() }.encode_to_vec();
        Question { message: request.encode_to_vec().into(), answer: Answer::Begins(Bytes::from(start)) }
    })
}

/// The same rows without the service.
struct Plain {
    lines: Vec<Line>,
}

/// One connection, and the article that it writes.
struct Line {
    connection: PgConnection,
    article: Uuid,
    content: String,
    folded: String,
    grams: Vec<i32>,
}

impl Plain {
    async fn connect(paper: &Paper, articles: &[pb::Article]) -> Outcome<Plain> {
        let mut lines = Vec::new();
        for article in articles {
            let (mut connection, article) = (paper.connect().await?, article.uid.parse::<Uuid>()?);
            let sql = "select a.content::text, s.folded, s.grams
                       from articles a join article_search s on s.article = a.id where a.id = $1";
            let (content, folded, grams) =
                sqlx::query_as(sql).bind(article).fetch_one(&mut connection).await?;
            lines.push(Line { connection, article, content, folded, grams });
        }
        Ok(Plain { lines })
    }

    /// Writes for as long as that takes; transactions in a second.
    async fn run(&mut self, effort: &Effort) -> Outcome<f64> {
        let begun = Instant::now();
        let end = begun + effort.time;
        let lines = self.lines.iter_mut().map(|line| async move {
            let mut count = 0_u32;
            while Instant::now() < end {
                line.write(count).await?;
                count += 1;
            }
            Ok::<_, sqlx::Error>(count)
        });
        let counts = futures::future::try_join_all(lines).await?;
        Ok(f64::from(counts.into_iter().sum::<u32>()) / begun.elapsed().as_secs_f64())
    }

    async fn close(self) -> Outcome<()> {
        for line in self.lines {
            line.connection.close().await?;
        }
        Ok(())
    }
}

impl Line {
    /// One save: five rows in one transaction.
    async fn write(&mut self, count: u32) -> Result<(), sqlx::Error> {
        let Line { connection, article, content, folded, grams } = self;
        // As the index has them before the headline changes, and after.
        let grams: Vec<i32> =
            if count.is_multiple_of(2) { grams.clone() } else { [grams.as_slice(), &[7]].concat() };
        let mut transaction = connection.begin().await?;
        let (revision, digest): (i64, Vec<u8>) = sqlx::query_as(
            "update articles set content = $2::text::jsonb, revision = revision + 1, version = version + 1,
                    state = 'draft', update_time = now()
             where id = $1 returning revision, content_digest",
        )
        .bind(*article)
        .bind(content.as_str())
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query(
            "insert into article_revisions (article, revision, content, content_digest, author, create_time)
             values ($1, $2, $3::text::jsonb, $4, 'bench', now())",
        )
        .bind(*article)
        .bind(revision)
        .bind(content.as_str())
        .bind(&digest)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("update article_search set folded = $2, grams = $3 where article = $1")
            .bind(*article)
            .bind(folded.as_str())
            .bind(grams)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "insert into changes (resource, newspaper, kind, person, change_time)
             values ('articles/' || $1::uuid, $2, 'updated', 'bench', now())",
        )
        .bind(*article)
        .bind(NEWSPAPER)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "insert into audit_events
                 (event_time, person, role, method, resource, digest_before, digest_after, waived, call_id)
             values (now(), 'bench', 'editor', 'UpdateArticle', 'articles/' || $1::uuid, $2, $2, '{}', $3)",
        )
        .bind(*article)
        .bind(&digest)
        .bind(Uuid::now_v7())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }
}
