//! The whole promise at once: many writers, watchers that are cut, a server that
//! is restarted, and a Postgres that is killed.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use masthead::{
    admin::Role,
    config::{FeedSettings, ServiceSettings},
    db::Db,
    embedded::Embedded,
    import::desk::Desk,
    installation::create_token,
    pb,
    photo::files::{Files, Location},
    server::{self, Running},
};
use pb::watch_changes_response::Event;
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::{Told, Watch, from, table, told};
use crate::{
    embedded::{data_dir, kill, start_in},
    newsroom::{PAPER, article, mask},
};

const WRITERS: usize = 16;
const CHANGES: usize = 5_008;
const WATCHERS: u64 = 8;

/// A server on a Postgres that is safe against crashes.
struct Press {
    postgres: Embedded,
    server: Running,
    db: Db,
}

impl Press {
    async fn start(postgres: Embedded, folder: &Path, address: SocketAddr) -> Press {
        let db = Db::open(postgres.options(), 24);
        db.migrate().await.expect("migrations");
        let files = Files::open(Location::Folder(folder.join("photos"))).await.expect("a photo store");
        // Watchers end with a checkpoint.
        let feeds = FeedSettings { watch_checkpoint_seconds: 1, ..Default::default() };
        let settings = ServiceSettings { feeds, ..Default::default() };
        let server = server::start_with(address, db.clone(), files, settings).await.expect("a server");
        Press { postgres, server, db }
    }

    /// The server stops as it does for an operator, and another one starts.
    async fn restart_server(self, folder: &Path) -> Press {
        let address = self.server.address();
        self.server.stop().await.expect("a clean stop");
        self.db.close().await;
        Press::start(self.postgres, folder, address).await
    }

    /// Postgres dies at once, and another one recovers what it left. The server
    /// runs on.
    async fn kill_postgres(self, folder: &Path) -> Press {
        kill(self.postgres.process_id());
        self.postgres.ended().await;
        drop(self.postgres);
        Press { postgres: start_in(folder).await, ..self }
    }
}

/// Whether a call may be made again after this. Calls that die with their
/// connection have a status that the server did not send.
fn is_passing(status: &Status) -> bool {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    matches!(reason, None | Some("DATABASE_UNAVAILABLE" | "CALL_ENDED"))
}

/// Makes a call until it succeeds.
async fn insist<T, F: Future<Output = Result<T, Status>>>(call: impl Fn() -> F) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(status) if is_passing(&status) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(status) => panic!("{status:?}"),
        }
    }
}

/// Creates things and changes them; each call has a request id, so that it is
/// done once however often it is sent. A reporter is quicker saved than an
/// article, so most writers keep reporters.
async fn write(desk: Desk, writer: usize, progress: Arc<watch::Sender<usize>>) {
    let mut name = String::new();
    for number in 0..CHANGES / WRITERS {
        if number.is_multiple_of(5) {
            name.clear();
        }
        let title = format!("第{number}个");
        name = if writer.is_multiple_of(4) {
            save_article(&desk, name, title).await
        } else {
            save_reporter(&desk, name, title).await
        };
        progress.send_modify(|done| *done += 1);
    }
}

/// Changes an article, or creates one if it has no name yet.
async fn save_article(desk: &Desk, name: String, headline: String) -> String {
    let request_id = Uuid::now_v7().to_string();
    let text = Some(pb::Article { name: name.clone(), etag: "*".into(), ..article(&headline) });
    let saved = insist(|| {
        let (mut desk, article, request_id) = (desk.clone(), text.clone(), request_id.clone());
        let update_mask = mask(&["headline"]);
        let create = pb::CreateArticleRequest {
            article: article.clone(),
            request_id: request_id.clone(),
            ..Default::default()
        };
        let update = pb::UpdateArticleRequest { article, update_mask, request_id, ..Default::default() };
        let is_new = name.is_empty();
        async move {
            match is_new {
                true => desk.articles.create_article(create).await,
                false => desk.articles.update_article(update).await,
            }
        }
    });
    saved.await.into_inner().name
}

/// Changes a reporter, or creates one if it has no name yet.
async fn save_reporter(desk: &Desk, name: String, display_name: String) -> String {
    let request_id = Uuid::now_v7().to_string();
    let person = pb::Reporter { name: name.clone(), etag: "*".into(), display_name, ..Default::default() };
    let saved = insist(|| {
        let (mut desk, reporter, request_id) = (desk.clone(), Some(person.clone()), request_id.clone());
        let create = pb::CreateReporterRequest {
            reporter: reporter.clone(),
            request_id: request_id.clone(),
            ..Default::default()
        };
        let update = pb::UpdateReporterRequest { reporter, request_id, ..Default::default() };
        let is_new = name.is_empty();
        async move {
            match is_new {
                true => desk.reporters.create_reporter(create).await,
                false => desk.reporters.update_reporter(update).await,
            }
        }
    });
    saved.await.into_inner().name
}

/// Watches until `all` changes are there and nothing more comes; is cut behind
/// some number of messages again and again.
async fn follow(desk: Desk, seed: u64, all: usize) -> (Vec<Told>, usize) {
    let (mut seen, mut cursor, mut cuts) = (Vec::new(), String::new(), 0);
    let mut random = seed;
    loop {
        // A linear congruential generator: the same cuts each time.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let messages_max = 1 + (random >> 33) % 400;
        cuts += 1;
        let opened = insist(|| {
            let (desk, request) = (desk.clone(), from(&cursor));
            async move { Watch::open(&desk, request).await }
        });
        let mut watch = opened.await;
        for _ in 0..messages_max {
            match watch.event().await {
                Ok(Event::Change(change)) => seen.push(told(&change)),
                Ok(Event::Checkpoint(_)) if seen.len() >= all => return (seen, cuts),
                Ok(Event::Checkpoint(_)) => {}
                Err(status) => {
                    assert!(is_passing(&status), "{status:?}");
                    break;
                }
            }
            cursor = watch.cursor.clone();
        }
    }
}

async fn desk(press: &Press, person: &str, role: Role) -> Desk {
    let token = create_token(&press.db, person, role).await.expect("a token");
    Desk::connect(&format!("http://{}", press.server.address()), token.reveal()).await.expect("a desk")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_watcher_sees_every_committed_change_once_and_in_one_order_whatever_breaks() {
    let data = data_dir();
    let folder = data.path();
    let mut press = Press::start(start_in(folder).await, folder, ([127, 0, 0, 1], 0).into()).await;
    let mut publisher = desk(&press, "publisher", Role::Publisher).await;
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(pb::Newspaper { title: "晨讯报".into(), ..Default::default() }),
        newspaper_id: PAPER.trim_start_matches("newspapers/").into(),
        ..Default::default()
    };
    publisher.newspapers.create_newspaper(create).await.expect("a newspaper");
    let mut desks = Vec::new();
    for writer in 0..WRITERS {
        desks.push(desk(&press, &format!("writer-{writer}"), Role::Editor).await);
    }
    let editor = desk(&press, "editor", Role::Editor).await;
    let mut connection = PgConnection::connect_with(&press.postgres.options()).await.expect("a connection");
    let before = table(&mut connection).await.len();

    let progress = Arc::new(watch::Sender::new(0));
    let watchers: Vec<_> =
        (0..WATCHERS).map(|seed| tokio::spawn(follow(editor.clone(), seed, before + CHANGES))).collect();
    let writers: Vec<_> = desks
        .into_iter()
        .enumerate()
        .map(|(writer, desk)| tokio::spawn(write(desk, writer, progress.clone())))
        .collect();
    for part in 1..=4 {
        let enough = |done: &usize| *done >= CHANGES * part / 5;
        progress.subscribe().wait_for(enough).await.expect("writers at work");
        press = if part % 2 == 1 {
            press.kill_postgres(folder).await
        } else {
            press.restart_server(folder).await
        };
    }
    for writer in writers {
        writer.await.expect("a writer");
    }

    let mut connection = PgConnection::connect_with(&press.postgres.options()).await.expect("a connection");
    let committed = table(&mut connection).await;
    assert_eq!(committed.len(), before + CHANGES, "each call was done once");
    let mut cuts_in_all = 0;
    for watcher in watchers {
        let (seen, cuts) = watcher.await.expect("a watcher");
        cuts_in_all += cuts;
        assert_eq!(seen.len(), committed.len());
        assert!(seen == committed, "in the order of the table");
    }
    println!("{} changes reached {WATCHERS} watchers over {cuts_in_all} streams", committed.len());
    connection.close().await.expect("a closed connection");
    press.server.stop().await.expect("a clean stop");
    press.db.close().await;
    press.postgres.stop().await.expect("a clean stop");
}
