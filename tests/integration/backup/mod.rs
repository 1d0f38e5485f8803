//! Backups: all of it comes back, of one moment; damage is found; nothing is put over
//! anything; what is cut off leaves what was there before.

mod cursors;
mod cut;
mod damage;
mod moment;
mod whole;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::{ConnectOptions, PgConnection};
use tempfile::TempDir;

use crate::{
    command::{data_dir, masthead},
    newsroom::{Database, Newsroom, article, mask},
    photo_files::files_below,
};

/// What nothing here takes as long as.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command, told where the database and the photos of a test are.
fn command(task: &str, database: &Database, photos: &Path) -> Command {
    let mut command = masthead();
    command.arg(task).env_remove("MASTHEAD_PHOTO_STORE");
    command.args(["--database-url", database.options().to_url_lossy().as_str(), "--photo-store"]);
    command.arg(photos);
    command
}

fn back_up(room: &Newsroom, to: &Path) -> Command {
    let mut command = command("backup", &room.database, &room.photo_folder());
    command.arg("--to").arg(to);
    command
}

fn restore(from: &Path, database: &Database, photos: &Path) -> Command {
    let mut command = command("restore", database, photos);
    command.arg("--from").arg(from);
    command
}

fn check(from: &Path) -> Command {
    let mut command = masthead();
    command.args(["restore", "--check", "--from"]).arg(from);
    command
}

/// Runs a command without standing in the way of the server of the test.
async fn run(mut command: Command) -> (bool, String) {
    let ran = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = ran.await.expect("a thread").expect("a run of the command");
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Runs a command that must end well; what it says.
async fn done(command: Command) -> String {
    let (well, said) = run(command).await;
    assert!(well, "{said}");
    said
}

/// Runs a command that must end badly; what it says.
async fn refused(command: Command) -> String {
    let (well, said) = run(command).await;
    assert!(!well, "{said}");
    said
}

/// Begins a command that will be stopped in the middle.
fn begin(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run of the command")
}

/// Waits until somebody waits for a lock on this table.
async fn until_waited_for(connection: &mut PgConnection, table: &str) {
    let waiting = "select exists (select from pg_locks where not granted and relation = to_regclass($1)
                   and database = (select oid from pg_database where datname = current_database()))";
    let looking = async {
        while !sqlx::query_scalar::<_, bool>(waiting)
            .bind(table)
            .fetch_one(&mut *connection)
            .await
            .expect("locks")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("somebody comes to the table");
}

/// How many rows every table has and what their digest is: computed here in another
/// way than backups do.
async fn contents(connection: &mut PgConnection) -> BTreeMap<String, String> {
    let names =
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
                 and relname <> '_sqlx_migrations'";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await.expect("tables");
    assert!(names.len() > 30, "{names:?}");
    let each = names.iter().map(|name| {
        let rows = "coalesce(md5(string_agg(t::text, '' order by t::text)), '')";
        format!("select '{name}', count(*) || ' rows ' || {rows} from {name} t")
    });
    let sql = sqlx::AssertSqlSafe(each.collect::<Vec<_>>().join(" union all "));
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(connection).await.expect("contents");
    rows.into_iter().collect()
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files
        .map(|path| (path.strip_prefix(folder).expect("below").to_owned(), fs::read(&path).expect("a file")))
        .collect()
}

/// The backup's newest and only folder of tables.
fn tables(backup: &Path) -> PathBuf {
    let entries = fs::read_dir(backup).expect("a backup").map(|entry| entry.expect("an entry").path());
    let is_tables =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tables-"));
    let found: Vec<PathBuf> = entries.filter(is_tables).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// An article that shows a photo, published by itself.
async fn illustrated(room: &Newsroom, headline: &str, photo: &pb::Photo) -> pb::Article {
    let mut reporter = room.desk(Role::Reporter).await;
    let used = pb::PhotoUse { photo: photo.name.clone(), ..Default::default() };
    let article = pb::Article { photos: vec![used], ..article(headline) };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    reporter.articles.create_article(create).await.expect("an article").into_inner()
}

/// A photo with a file that no other photo has.
async fn photo(room: &Newsroom, seed: u64) -> pb::Photo {
    let photo = room.photo(&format!("第{seed}张")).await;
    let mut editor = room.desk(Role::Editor).await;
    let bytes = crate::photo_files::jpeg_of(30_000, seed);
    let upload = crate::newsroom::upload(&photo.name, bytes);
    let photo = editor.photos.upload_photo(upload).await.expect("an upload").into_inner();
    let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
    let update = pb::UpdatePhotoRequest {
        photo: Some(pb::Photo { rights: Some(rights), ..photo }),
        update_mask: mask(&["rights"]),
        ..Default::default()
    };
    let photo = editor.photos.update_photo(update).await.expect("a clearance").into_inner();
    let review =
        pb::ReviewPhotoRequest { name: photo.name, etag: photo.etag, stage: 1, ..Default::default() };
    let mut publisher = room.desk(Role::Publisher).await;
    publisher.photos.review_photo(review).await.expect("a review").into_inner()
}

/// A newsroom in which everything has happened: issues published, corrected and
/// withdrawn, an article by itself, photos in print and on the way, drafts, a reporter,
/// signs of every script, a scheduled article, an unfinished upload.
async fn busy_newsroom() -> Newsroom {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    let issue = room.publish(&issue).await;
    let (second, _) = room.reviewed_issue(2).await;
    room.publish(&second).await;
    correct(&room, &issue.name).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let withdraw =
        pb::WithdrawIssueRequest { name: second.name, reason: "失实".into(), ..Default::default() };
    publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    let shown = illustrated(&room, "渡轮复航", &photo(&room, 7).await).await;
    let shown = room.review(&shown).await;
    let publish = pb::PublishArticleRequest { name: shown.name, ..Default::default() };
    publisher.articles.publish_article(publish).await.expect("a publication");
    photo(&room, 8).await;
    // What the text form of a dump must not trip over.
    let text = "反斜杠 \\N \\. 制表\t换行 𠮷 “引号” '单' 末尾\\";
    let mut draft = article(text);
    draft.body = vec![crate::newsroom::paragraph(text)];
    draft.headline = "𠮷野家 \\. \\N".into();
    let mut reporter = room.desk(Role::Reporter).await;
    let create = pb::CreateArticleRequest { article: Some(draft), ..Default::default() };
    reporter.articles.create_article(create).await.expect("a draft");
    let person = pb::Reporter { display_name: "陈岚".into(), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    reporter.reporters.create_reporter(create).await.expect("a reporter");
    let unfinished = crate::photo_files::new_photo(&mut reporter).await;
    crate::photo_files::start(&mut reporter, &unfinished.name, b"to come").await;
    room
}

/// Publishes an issue again, with another date in its lead.
async fn correct(room: &Newsroom, issue: &str) {
    let mut reporter = room.desk(Role::Reporter).await;
    let get = pb::GetIssueRequest { name: issue.into() };
    let now = reporter.issues.get_issue(get).await.expect("an issue").into_inner();
    let update = pb::UpdateIssueRequest {
        issue: Some(pb::Issue { price_note: "零售 1 元".into(), ..now }),
        update_mask: mask(&["price_note"]),
        ..Default::default()
    };
    let changed = reporter.issues.update_issue(update).await.expect("a change").into_inner();
    let changed = room.review_issue(&changed).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let publish =
        pb::PublishIssueRequest { name: changed.name, note: "更正定价".into(), ..Default::default() };
    publisher.issues.publish_issue(publish).await.expect("a correction");
}

/// A folder for a backup, and one for a photo store.
fn folders() -> (TempDir, TempDir) {
    (data_dir(), TempDir::new().expect("a folder"))
}

/// A desk that shows a token at another server.
async fn desk_at(room: &Newsroom, token: &str) -> Desk {
    Desk::connect(&format!("http://{}", room.address()), token).await.expect("a desk")
}
