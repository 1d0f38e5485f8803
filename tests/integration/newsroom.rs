//! A newsroom for one test: a server on a free port with a database of its own,
//! on a throw-away Postgres that all tests share, and desks for its people.

use std::{collections::BTreeMap, sync::OnceLock};

use masthead::{
    admin::Role,
    config::{FeedSettings, IdentitySettings, RenditionSettings, ServiceSettings, UploadSettings},
    db::Db,
    embedded::{self, Embedded},
    import::desk::Desk,
    installation::create_token,
    pb,
    photo::files::{Files, Location},
    server::{self, Running},
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

/// Connections of one server; tests run beside each other.
const CONNECTIONS_MAX: u32 = 12;

/// The database that every other one is copied from.
const TEMPLATE: &str = "masthead_template";

/// The newspaper that tests use.
pub const PAPER: &str = "newspapers/morning-post";

/// The shared Postgres, with a migrated template. It runs in a thread of its
/// own, as it ends with the thread that started it.
pub fn postgres() -> &'static Embedded {
    static POSTGRES: OnceLock<Embedded> = OnceLock::new();
    POSTGRES.get_or_init(|| {
        let (give, take) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let postgres = runtime.block_on(async {
                let settings = embedded::Settings { tcp: true, ..embedded::Settings::throw_away() };
                let postgres = embedded::start(&settings).await.expect("a throw-away Postgres");
                let mut connection = maintenance(postgres.options()).await;
                statement(&mut connection, format!("create database {TEMPLATE}")).await;
                let template = Db::open(postgres.options_for(TEMPLATE), 2);
                template.migrate().await.expect("migrations");
                template.close().await;
                postgres
            });
            give.send(postgres).expect("a waiting test");
            runtime.block_on(std::future::pending::<()>());
        });
        take.recv().expect("a started Postgres")
    })
}

/// The database that others are made from, of the same Postgres.
async fn maintenance(options: PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(&options.database("postgres")).await.expect("the maintenance database")
}

async fn statement(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.expect("a statement");
}

/// A database of its own, with the schema.
pub struct Database {
    options: PgConnectOptions,
}

impl Database {
    /// Makes one.
    pub async fn create() -> Database {
        let name = format!("test_{}", Uuid::now_v7().simple());
        // The first call starts Postgres and blocks while it does.
        let postgres = tokio::task::spawn_blocking(postgres).await.expect("a throw-away Postgres");
        let mut connection = maintenance(postgres.options()).await;
        statement(&mut connection, format!("create database {name} template {TEMPLATE}")).await;
        Database { options: postgres.options_for(&name) }
    }

    /// Makes one with nothing in it, not even the schema.
    pub async fn create_empty() -> Database {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let postgres = tokio::task::spawn_blocking(postgres).await.expect("a throw-away Postgres");
        let mut connection = maintenance(postgres.options()).await;
        statement(&mut connection, format!("create database {name} template template0")).await;
        Database { options: postgres.options_for(&name) }
    }

    /// That of a Postgres of the test's own, without a schema.
    pub fn of(postgres: &Embedded) -> Database {
        Database { options: postgres.options() }
    }

    /// How to reach it.
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// A connection past the service, to look at tables or to damage them.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.expect("the test's database")
    }

    /// Drops it.
    pub async fn remove(self) {
        let name = self.options.get_database().expect("a name").to_owned();
        let mut connection = maintenance(self.options).await;
        statement(&mut connection, format!("drop database {name} with (force)")).await;
    }
}

async fn serve(db: &Db, photos: &TempDir, settings: ServiceSettings) -> Running {
    let files = Files::open(Location::Folder(photos.path().join("photos"))).await.expect("a photo store");
    server::start_with(([127, 0, 0, 1], 0).into(), db.clone(), files, settings).await.expect("a server")
}

/// A server with its database, photo store and people.
pub struct Newsroom {
    /// The database, for looking past the service.
    pub database: Database,
    /// The service's own access to it.
    pub db: Db,
    server: Running,
    photos: TempDir,
}

impl Newsroom {
    /// Opens one on a new database.
    pub async fn open() -> Newsroom {
        let database = Database::create().await;
        let options = database.options();
        Newsroom::on(database, options).await
    }

    /// Opens one whose server reaches the database by `options`, such as through
    /// a proxy.
    pub async fn on(database: Database, options: PgConnectOptions) -> Newsroom {
        Newsroom::serving(database, Db::open(options, CONNECTIONS_MAX)).await
    }

    /// Opens one whose server has these settings.
    pub async fn with_settings(settings: ServiceSettings) -> Newsroom {
        Newsroom::on_with(Database::create().await, settings).await
    }

    /// Opens one on a database, whose server has these settings.
    pub async fn on_with(database: Database, settings: ServiceSettings) -> Newsroom {
        let db = Db::open(database.options(), CONNECTIONS_MAX);
        Newsroom::with(database, db, settings).await
    }

    /// Opens one with feeds of these settings.
    pub async fn with_feeds(feeds: FeedSettings) -> Newsroom {
        Newsroom::with_settings(ServiceSettings { feeds, ..Default::default() }).await
    }

    /// Opens one whose uploads have these settings.
    pub async fn with_uploads(uploads: UploadSettings) -> Newsroom {
        Newsroom::with_settings(ServiceSettings { uploads, ..Default::default() }).await
    }

    /// Opens one with renditions of these settings.
    pub async fn with_renditions(renditions: RenditionSettings) -> Newsroom {
        Newsroom::with_settings(ServiceSettings { renditions, ..Default::default() }).await
    }

    /// Opens one that takes tokens of an issuer besides access tokens.
    pub async fn with_identity(identity: IdentitySettings) -> Newsroom {
        Newsroom::with_settings(ServiceSettings { identity, ..Default::default() }).await
    }

    /// Opens one that keeps so many revisions that nobody has signed.
    pub async fn keeping_revisions(revisions_kept: u32) -> Newsroom {
        let database = Database::create().await;
        let db = Db::open(database.options(), CONNECTIONS_MAX).keeping_revisions(revisions_kept);
        Newsroom::serving(database, db).await
    }

    /// Opens one whose server has this access to the database.
    pub async fn serving(database: Database, db: Db) -> Newsroom {
        Newsroom::with(database, db, ServiceSettings::default()).await
    }

    /// Opens one whose server has this access to the database and these settings.
    pub async fn with(database: Database, db: Db, settings: ServiceSettings) -> Newsroom {
        let photos = TempDir::new().expect("a temporary folder");
        let server = serve(&db, &photos, settings).await;
        Newsroom { database, db, server, photos }
    }

    /// Why another server with these settings does not start on the same database.
    pub async fn second_server(&self, settings: ServiceSettings) -> String {
        let files = Files::open(Location::Folder(self.photo_folder())).await.expect("a photo store");
        let started = server::start_with(([127, 0, 0, 1], 0).into(), self.db.clone(), files, settings).await;
        started.map(drop).expect_err("a server that does not start").to_string()
    }

    /// Opens one on what is there already; the photo store is the folder `photos` in
    /// that folder.
    pub async fn on_restored(database: Database, photos: TempDir) -> Newsroom {
        let db = Db::open(database.options(), CONNECTIONS_MAX);
        let server = serve(&db, &photos, ServiceSettings::default()).await;
        Newsroom { database, db, server, photos }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// The folder of the photo store.
    pub fn photo_folder(&self) -> std::path::PathBuf {
        self.photos.path().join("photos")
    }

    /// A new token.
    pub async fn token(&self, person: &str, role: Role) -> String {
        create_token(&self.db, person, role).await.expect("a token").reveal().to_owned()
    }

    /// The desk of a person.
    pub async fn desk_of(&self, person: &str, role: Role) -> Desk {
        let token = self.token(person, role).await;
        Desk::connect(&format!("http://{}", self.address()), &token).await.expect("a desk")
    }

    /// The desk of a person who is called as the role is.
    pub async fn desk(&self, role: Role) -> Desk {
        self.desk_of(role.as_str(), role).await
    }

    /// What is in every table but that of the tokens: how many rows, and a digest
    /// of them.
    pub async fn contents(&self) -> BTreeMap<String, String> {
        let names = "select relname::text from pg_class
                     where relnamespace = 'public'::regnamespace and relkind = 'r'
                       and relname not in ('_sqlx_migrations', 'access_tokens')";
        // The service's own pool, as making a connection takes longer than this.
        let mut connection = self.db.read().await.expect("a connection");
        let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await.expect("tables");
        let each = names.iter().map(|name| {
            let rows = "coalesce(md5(string_agg(t::text, '' order by t::text)), '')";
            // That something was refused stands in the audit, and changes nothing else.
            let done = if name == "audit_events" { "where code = 'OK'" } else { "" };
            format!("select '{name}', count(*) || ' rows ' || {rows} from {name} t {done}")
        });
        let sql = sqlx::AssertSqlSafe(each.collect::<Vec<_>>().join(" union all "));
        let rows: Vec<(String, String)> =
            sqlx::query_as(sql).fetch_all(&mut *connection).await.expect("contents");
        rows.into_iter().collect()
    }

    /// The same newsroom after its server has stopped, something has happened, and
    /// another server has started.
    pub async fn closed_while(self, happening: impl Future<Output = ()>) -> Newsroom {
        self.server.stop().await.expect("a clean stop");
        self.db.close().await;
        happening.await;
        let db = Db::open(self.database.options(), CONNECTIONS_MAX);
        let server = serve(&db, &self.photos, ServiceSettings::default()).await;
        Newsroom { db, server, ..self }
    }

    /// Stops the server and removes the database.
    pub async fn close(self) {
        self.server.stop().await.expect("a clean stop");
        self.db.close().await;
        self.database.remove().await;
    }

    /// Makes [`PAPER`], with a full masthead and so many review stages.
    pub async fn newspaper(&self, review_stages: i32) -> pb::Newspaper {
        let newspaper = pb::Newspaper {
            title: "晨讯报".into(),
            serial_code: "CN-99(Q)第0099号".into(),
            supervising_body: "晨讯市委宣传部".into(),
            publishing_body: "晨讯市融媒体中心".into(),
            chief_editor: "甘一鸣".into(),
            price_note: "免费阅读".into(),
            review_stages,
            ..Default::default()
        };
        let create = pb::CreateNewspaperRequest {
            newspaper: Some(newspaper),
            newspaper_id: "morning-post".into(),
            ..Default::default()
        };
        let mut publisher = self.desk(Role::Publisher).await;
        publisher.newspapers.create_newspaper(create).await.expect("a newspaper").into_inner()
    }

    /// Has the reporter write an article for [`PAPER`].
    pub async fn article(&self, headline: &str) -> pb::Article {
        let mut reporter = self.desk(Role::Reporter).await;
        let create = pb::CreateArticleRequest { article: Some(article(headline)), ..Default::default() };
        reporter.articles.create_article(create).await.expect("an article").into_inner()
    }

    /// Has an article signed in its first stage by the editor.
    pub async fn review(&self, article: &pb::Article) -> pb::Article {
        let mut editor = self.desk(Role::Editor).await;
        let review = pb::ReviewArticleRequest {
            name: article.name.clone(),
            etag: article.etag.clone(),
            stage: 1,
            ..Default::default()
        };
        editor.articles.review_article(review).await.expect("a review").into_inner()
    }

    /// Makes an issue of [`PAPER`] with one page, on which the articles stand.
    pub async fn issue(&self, number: i32, articles: &[&pb::Article]) -> pb::Issue {
        let mut reporter = self.desk(Role::Reporter).await;
        let issue = pb::Issue {
            number,
            publish_date: Some(date(2026, 11, 1 + number % 28)),
            planned_page_count: 1,
            ..Default::default()
        };
        let create = pb::CreateIssueRequest {
            parent: PAPER.into(),
            issue: Some(issue),
            issue_id: number.to_string(),
            ..Default::default()
        };
        let issue = reporter.issues.create_issue(create).await.expect("an issue").into_inner();
        let placements = articles
            .iter()
            .map(|article| pb::Placement { article: article.name.clone(), ..Default::default() });
        let page = pb::Page {
            name: format!("{}/pages/1", issue.name),
            section: "要闻".into(),
            placements: placements.collect(),
            ..Default::default()
        };
        let update = pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
        reporter.issues.update_page(update).await.expect("a page");
        let get = pb::GetIssueRequest { name: issue.name };
        reporter.issues.get_issue(get).await.expect("the issue").into_inner()
    }

    /// Has an issue signed in its first stage by the editor.
    pub async fn review_issue(&self, issue: &pb::Issue) -> pb::Issue {
        let mut editor = self.desk(Role::Editor).await;
        let review = pb::ReviewIssueRequest {
            name: issue.name.clone(),
            etag: issue.etag.clone(),
            stage: 1,
            ..Default::default()
        };
        editor.issues.review_issue(review).await.expect("a review").into_inner()
    }

    /// An issue of one reviewed article, itself reviewed.
    pub async fn reviewed_issue(&self, number: i32) -> (pb::Issue, pb::Article) {
        let article = self.article(&format!("第{number}期头条")).await;
        let article = self.review(&article).await;
        let issue = self.issue(number, &[&article]).await;
        (self.review_issue(&issue).await, article)
    }

    /// Has the publisher publish an issue.
    pub async fn publish(&self, issue: &pb::Issue) -> pb::Issue {
        let mut publisher = self.desk(Role::Publisher).await;
        let publish = pb::PublishIssueRequest { name: issue.name.clone(), ..Default::default() };
        publisher.issues.publish_issue(publish).await.expect("a publication").into_inner()
    }

    /// Makes a photo with a file, cleared and signed.
    pub async fn photo(&self, caption: &str) -> pb::Photo {
        let mut reporter = self.desk(Role::Reporter).await;
        let mut editor = self.desk(Role::Editor).await;
        let photo = pb::Photo { caption: caption.into(), ..Default::default() };
        let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
        let photo = reporter.photos.create_photo(create).await.expect("a photo").into_inner();
        let parts = upload(&photo.name, picture());
        let photo = reporter.photos.upload_photo(parts).await.expect("an upload").into_inner();
        let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
        let cleared = pb::Photo { rights: Some(rights), ..photo };
        let update = pb::UpdatePhotoRequest {
            photo: Some(cleared),
            update_mask: mask(&["rights"]),
            ..Default::default()
        };
        let photo = editor.photos.update_photo(update).await.expect("a clearance").into_inner();
        let review =
            pb::ReviewPhotoRequest { name: photo.name, etag: photo.etag, stage: 1, ..Default::default() };
        let mut publisher = self.desk(Role::Publisher).await;
        publisher.photos.review_photo(review).await.expect("a review").into_inner()
    }
}

/// An article for [`PAPER`] with one paragraph.
pub fn article(headline: &str) -> pb::Article {
    pb::Article {
        newspaper: PAPER.into(),
        headline: headline.into(),
        body: vec![paragraph("昨天，本市举行了一次演练。")],
        ..Default::default()
    }
}

/// A paragraph without formatting.
pub fn paragraph(text: &str) -> pb::Block {
    let paragraph = pb::Paragraph { text: text.into(), spans: Vec::new() };
    pb::Block { kind: Some(pb::block::Kind::Paragraph(paragraph)) }
}

/// A date message.
pub fn date(year: i32, month: i32, day: i32) -> pb::google::r#type::Date {
    pb::google::r#type::Date { year, month, day }
}

/// An update mask.
pub fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

/// A small picture.
pub fn picture() -> Vec<u8> {
    masthead::demo::picture::stand_in(48, 32).expect("a picture")
}

/// The messages of an upload that declares nothing.
pub fn upload(name: &str, bytes: Vec<u8>) -> impl futures::Stream<Item = pb::UploadPhotoRequest> + use<> {
    use pb::upload_photo_request::Part;
    let start = pb::UploadPhotoStart { name: name.into(), ..Default::default() };
    let chunks: Vec<Part> = bytes.chunks(64 * 1024).map(|chunk| Part::Chunk(chunk.to_vec().into())).collect();
    let parts = std::iter::once(Part::Start(start)).chain(chunks);
    futures::stream::iter(parts.map(|part| pb::UploadPhotoRequest { part: Some(part) }).collect::<Vec<_>>())
}

/// The reason in a status's error info; every status has one, in our domain.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "masthead", "{status:?}");
    info.reason.clone()
}

/// The fields that a status complains of.
pub fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

/// The codes of the checks that a status reports.
pub fn codes(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.precondition_failure().map(|failure| failure.violations.clone());
    let mut codes: Vec<String> =
        violations.unwrap_or_default().into_iter().map(|violation| violation.r#type).collect();
    codes.sort();
    codes.dedup();
    codes
}
