//! The paper that is measured: generated articles in a durable Postgres of its own,
//! and one printed issue of a newspaper beside them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use masthead::{
    admin::Role,
    db::Db,
    embedded::{self, Embedded},
    import::desk::Desk,
    installation::create_token,
    pb,
    terminal::Progress,
};
use sqlx::{Connection, PgConnection};
use tonic::Code;

use crate::{
    Outcome,
    articles::{Generator, Random},
    load::load,
    server::{Program, Server},
};

/// The newspaper of what is published here.
const NEWSPAPER: &str = "newspapers/bench-post";

/// The issue that readers pull.
pub const ISSUE: &str = "newspapers/bench-post/issues/1";

/// Characters of an article that makes a message of 2 kB.
const ARTICLE_CHARS: usize = 560;

/// Articles of an issue that makes a message of 100 kB.
const ISSUE_ARTICLES: usize = 46;

/// A paper of one size.
pub struct Paper {
    pub program: Program,
    pub articles: u64,
    pub seed: u64,
    pub generator: Generator,
    folder: PathBuf,
    postgres: Embedded,
    db: Db,
}

impl Paper {
    /// Opens the paper of this size below a folder, and generates it first if it is not
    /// there.
    pub async fn open(program: &Program, papers: &Path, articles: u64, seed: u64) -> Outcome<Paper> {
        let folder = papers.join(articles.to_string());
        fs::create_dir_all(&folder)?;
        // Postgres does not run as root, and its user must come through here.
        for folder in [papers, &folder] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
        }
        let settings = embedded::Settings::durable(&folder);
        let mut postgres = embedded::start(&settings).await?;
        let mut connection = PgConnection::connect_with(&postgres.options()).await?;
        let tracks: String =
            sqlx::query_scalar("show track_commit_timestamp").fetch_one(&mut connection).await?;
        if tracks == "off" {
            sqlx::raw_sql("alter system set track_commit_timestamp = on").execute(&mut connection).await?;
            connection.close().await?;
            postgres.stop().await?;
            postgres = embedded::start(&settings).await?;
            connection = PgConnection::connect_with(&postgres.options()).await?;
        }
        let db = Db::open(postgres.options(), 4);
        db.migrate().await?;
        let there: bool =
            sqlx::query_scalar("select exists (select from articles)").fetch_one(&mut connection).await?;
        if !there {
            let progress = Progress::begin("generating");
            let step = (articles / 20).max(1);
            load(&mut connection, seed, articles, |what, done, all| {
                if what != "articles" || done % step < 2_000 {
                    progress.step(done as usize, all as usize, what);
                }
            })
            .await?;
        }
        // After a migration, Postgres knows nothing of new indexes; and what earlier saves
        // have left behind, first of all in the index of grams, is no matter of this run.
        sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
        connection.close().await?;
        let generator = Generator::new(seed);
        Ok(Paper { program: program.clone(), articles, seed, generator, folder, postgres, db })
    }

    pub async fn close(self) -> Outcome<()> {
        self.db.close().await;
        Ok(self.postgres.stop().await?)
    }

    /// A server of it.
    pub fn serve(&self) -> Outcome<Server> {
        self.program.serve(&self.postgres.url(), &self.folder.join("service"))
    }

    pub async fn connect(&self) -> Outcome<PgConnection> {
        Ok(PgConnection::connect_with(&self.postgres.options()).await?)
    }

    /// A token of somebody in this role.
    pub async fn token(&self, role: Role) -> Outcome<String> {
        Ok(create_token(&self.db, &format!("bench {}", role.as_str()), role).await?.reveal().to_owned())
    }

    /// The desk of somebody in this role at a server.
    pub async fn desk(&self, server: &Server, role: Role) -> Outcome<Desk> {
        Ok(Desk::connect(&format!("http://{}", server.address), &self.token(role).await?).await?)
    }

    /// The name of one of the generated articles.
    pub fn article_name(&self, number: u64) -> String {
        format!("articles/{}", self.generator.article(number, self.articles).id)
    }

    /// Dice for one purpose.
    pub fn random(&self, purpose: u64) -> Random {
        Random::new(self.seed, u64::MAX - purpose)
    }

    /// The people of the newspaper that is printed, at this server.
    pub async fn press(&self, server: &Server) -> Outcome<Press> {
        let reporter = self.desk(server, Role::Reporter).await?;
        let mut publisher = self.desk(server, Role::Publisher).await?;
        let newspaper = pb::Newspaper {
            title: "晨讯报".into(),
            serial_code: "CN-99(Q)第0099号".into(),
            supervising_body: "晨讯市委宣传部".into(),
            publishing_body: "晨讯市融媒体中心".into(),
            chief_editor: "甘一鸣".into(),
            price_note: "免费阅读".into(),
            review_stages: 1,
            ..Default::default()
        };
        let create = pb::CreateNewspaperRequest {
            newspaper: Some(newspaper),
            newspaper_id: NEWSPAPER.trim_start_matches("newspapers/").into(),
            ..Default::default()
        };
        match publisher.newspapers.create_newspaper(create).await {
            Err(status) if status.code() != Code::AlreadyExists => Err(status.into()),
            _ => Ok(Press { reporter, publisher }),
        }
    }
}

/// Who writes and who publishes.
pub struct Press {
    reporter: Desk,
    publisher: Desk,
}

impl Press {
    /// A signed article with this headline and so many characters.
    pub async fn article(&mut self, headline: String, chars: usize) -> Outcome<String> {
        let sentence = "昨天，本市在江滨公园举行了一次防汛演练。";
        let text: String = sentence.chars().cycle().take(chars).collect();
        let paragraph = pb::Paragraph { text, spans: Vec::new() };
        let article = pb::Article {
            newspaper: NEWSPAPER.into(),
            headline,
            body: vec![pb::Block { kind: Some(pb::block::Kind::Paragraph(paragraph)) }],
            ..Default::default()
        };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let article = self.reporter.articles.create_article(create).await?.into_inner();
        let pb::Article { name, etag, .. } = article;
        let review = pb::ReviewArticleRequest { name: name.clone(), etag, stage: 1, ..Default::default() };
        self.publisher.articles.review_article(review).await?;
        Ok(name)
    }

    /// Publishes an article; the number of its publication.
    pub async fn publish(&mut self, article: &str) -> Outcome<i64> {
        let publish = pb::PublishArticleRequest { name: article.into(), ..Default::default() };
        let article = self.publisher.articles.publish_article(publish).await?.into_inner();
        Ok(article.latest_publication.trim_start_matches("publications/").parse()?)
    }

    /// The name of an article that makes a message of 2 kB, published.
    pub async fn printed_article(&mut self) -> Outcome<String> {
        let article = self.article("一次演练".into(), ARTICLE_CHARS).await?;
        self.publish(&article).await?;
        Ok(article)
    }

    /// Publishes [`ISSUE`], which makes a message of 100 kB, unless it is there.
    pub async fn print_issue(&mut self) -> Outcome<()> {
        let get = pb::GetPublishedIssueRequest { name: ISSUE.into(), ..Default::default() };
        match self.publisher.publications.get_published_issue(get).await {
            Err(status) if status.code() == Code::NotFound => {}
            answer => return Ok(answer.map(drop)?),
        }
        let mut articles = Vec::new();
        for number in 1..=ISSUE_ARTICLES {
            articles.push(self.article(format!("第{number}次演练"), ARTICLE_CHARS).await?);
        }
        let issue = pb::Issue {
            publish_date: Some(pb::google::r#type::Date { year: 2026, month: 11, day: 24 }),
            number: 1,
            planned_page_count: 1,
            ..Default::default()
        };
        let create = pb::CreateIssueRequest {
            parent: NEWSPAPER.into(),
            issue: Some(issue),
            issue_id: "1".into(),
            ..Default::default()
        };
        self.reporter.issues.create_issue(create).await?;
        let placements = articles.into_iter().map(|article| pb::Placement { article, ..Default::default() });
        let page = pb::Page {
            name: format!("{ISSUE}/pages/1"),
            section: "要闻".into(),
            placements: placements.collect(),
            ..Default::default()
        };
        let update = pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
        self.reporter.issues.update_page(update).await?;
        let get = pb::GetIssueRequest { name: ISSUE.into() };
        let etag = self.reporter.issues.get_issue(get).await?.into_inner().etag;
        let review = pb::ReviewIssueRequest { name: ISSUE.into(), etag, stage: 1, ..Default::default() };
        self.publisher.issues.review_issue(review).await?;
        let publish = pb::PublishIssueRequest { name: ISSUE.into(), ..Default::default() };
        self.publisher.issues.publish_issue(publish).await?;
        Ok(())
    }
}
