//! Gets of single rows are read together, and nobody is given another one's answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use masthead::{admin::Role, db::Db, import::desk::Desk, pb};
use sqlx::{Executor as _, PgConnection};
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::newsroom::{Database, Newsroom};

/// Queries that may read one table at once.
const QUERIES_MAX: i64 = 2;

async fn get(mut desk: Desk, name: String) -> Result<pb::Article, Status> {
    Ok(desk.articles.get_article(pb::GetArticleRequest { name }).await?.into_inner())
}

/// Readers who get one article again and again.
struct Crowd {
    stop: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn gather(desk: &Desk, article: &str, size: usize) -> Crowd {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = |_| {
            let (desk, name, stop) = (desk.clone(), article.to_owned(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    get(desk.clone(), name.clone()).await.expect("an article");
                }
            })
        };
        Crowd { readers: (0..size).map(reader).collect(), stop }
    }

    /// Ends their reading, in which none may have met an error.
    async fn go_home(self) {
        self.stop.store(true, Ordering::SeqCst);
        for reader in self.readers {
            reader.await.expect("a reader that met no error");
        }
    }
}

/// How many queries stand before a locked table.
async fn waiting(connection: &mut PgConnection) -> i64 {
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'
                     and query like '%from articles a where id = any(%'";
    sqlx::query_scalar(waiting).fetch_one(connection).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_that_come_together_are_read_together_and_answered_apart() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut articles = Vec::new();
    for number in 0..8 {
        articles.push(room.article(&format!("第{number}篇")).await);
    }
    let desk = room.desk(Role::Reporter).await;
    let mut beside = room.database.connect().await;
    let mut lock = room.database.connect().await;
    lock.execute("begin; lock table articles in access exclusive mode").await.expect("a lock");
    let ask = |name: &str| tokio::spawn(get(desk.clone(), name.to_owned()));
    // Those who have come first go away while their query stands.
    let gone: Vec<_> = (0..2).map(|number| ask(&articles[number].name)).collect();
    let stands = async {
        while waiting(&mut beside).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), stands).await.expect("a query that stands");
    let missing = format!("articles/{}", Uuid::now_v7());
    let nobody = ask(&missing);
    let asked: Vec<_> = (0..80).map(|index| (index % 8, ask(&articles[index % 8].name))).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let queries = waiting(&mut beside).await;
    assert_eq!(queries, QUERIES_MAX, "83 gets, some of them behind a query that hangs");
    gone.iter().for_each(JoinHandle::abort);
    drop(lock);
    for (number, answer) in asked {
        assert_eq!(answer.await.expect("a task").expect("an article"), articles[number]);
    }
    let refusal = nobody.await.expect("a task").expect_err("no article");
    assert_eq!(refusal.code(), Code::NotFound);
    assert!(refusal.message().contains(&missing), "{refusal:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_written_reads_it_however_many_read_the_same() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第0稿").await;
    let desk = room.desk(Role::Reporter).await;
    let crowd = Crowd::gather(&desk, &first.name, 8);
    let mut writer = desk.clone();
    for round in 1..=50 {
        let headline = format!("第{round}稿");
        let article = pb::Article {
            name: first.name.clone(),
            etag: "*".into(),
            headline: headline.clone(),
            ..Default::default()
        };
        let update = pb::UpdateArticleRequest {
            article: Some(article),
            update_mask: Some(prost_types::FieldMask { paths: vec!["headline".into()] }),
            ..Default::default()
        };
        writer.articles.update_article(update).await.expect("a save");
        let read = get(desk.clone(), first.name.clone()).await.expect("an article");
        assert_eq!(read.headline, headline);
    }
    crowd.go_home().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_that_never_cease_leave_connections_to_others() {
    let database = Database::create().await;
    // Of two connections reads have one.
    let db = Db::open(database.options(), 2);
    let room = Newsroom::serving(database, db).await;
    room.newspaper(1).await;
    let article = room.article("读不完的稿").await;
    let desk = room.desk(Role::Reporter).await;
    let crowd = Crowd::gather(&desk, &article.name, 2);
    let mut lister = desk.clone();
    for _ in 0..3 {
        let list = lister.articles.list_articles(pb::ListArticlesRequest::default()).await;
        assert_eq!(list.expect("a list").into_inner().articles.len(), 1);
    }
    crowd.go_home().await;
    room.close().await;
}
