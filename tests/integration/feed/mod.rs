//! The feeds: ordered, unique, complete, live, resumable; what a cursor is good
//! for; what watching costs.

mod cursors;
mod filters;
mod late;
mod ledger;
mod processes;
mod retention;
mod streams;
mod truth;

use std::time::Duration;

use masthead::{admin::Role, import::desk::Desk, pb};
use pb::{watch_changes_response::Event, watch_publications_response::Event as Published};
use sqlx::PgConnection;
use tonic::{Status, Streaming};

use crate::newsroom::{Newsroom, article};

/// A watch that brings nothing for this long has failed. No promise is as slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open watch of changes.
pub struct Watch {
    stream: Streaming<pb::WatchChangesResponse>,
    /// Of the last message.
    pub cursor: String,
}

/// Watches from a cursor; empty for the beginning.
pub fn from(cursor: &str) -> pb::WatchChangesRequest {
    pb::WatchChangesRequest { cursor: cursor.into(), ..Default::default() }
}

/// Watches from now, in the newest place there is: other tests work on the same
/// Postgres, and a change waits for transactions that began before it.
pub async fn now(desk: &Desk) -> Watch {
    settled(desk, "").await;
    let mut watch = Watch::open(desk, from_now()).await.expect("a watch");
    watch.checkpoint().await;
    watch
}

/// All changes behind a cursor, once every one that is committed can be read; and
/// the cursor behind them.
pub async fn settled(desk: &Desk, cursor: &str) -> (Vec<pb::Change>, String) {
    let (mut changes, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let request = pb::ListChangesRequest { cursor, page_size: 500, ..Default::default() };
        let page = list(desk, request).await;
        changes.extend(page.changes);
        cursor = page.next_cursor;
        if page.caught_up {
            return (changes, cursor);
        }
    }
}

/// Watches from now.
pub fn from_now() -> pb::WatchChangesRequest {
    pb::WatchChangesRequest { from_now: true, ..Default::default() }
}

impl Watch {
    /// Opens one.
    pub async fn open(desk: &Desk, request: pb::WatchChangesRequest) -> Result<Watch, Status> {
        let cursor = request.cursor.clone();
        let stream = desk.clone().activity.watch_changes(request).await?.into_inner();
        Ok(Watch { stream, cursor })
    }

    /// The next message.
    pub async fn event(&mut self) -> Result<Event, Status> {
        let message = tokio::time::timeout(PATIENCE, self.stream.message()).await;
        let message = message.expect("a message in time")?.expect("a watch does not end by itself");
        self.cursor = message.cursor;
        Ok(message.event.expect("an event"))
    }

    /// The next change.
    pub async fn change(&mut self) -> pb::Change {
        loop {
            if let Event::Change(change) = self.event().await.expect("a message") {
                return change;
            }
        }
    }

    /// So many next changes.
    pub async fn changes(&mut self, count: usize) -> Vec<pb::Change> {
        let mut changes = Vec::new();
        while changes.len() < count {
            changes.push(self.change().await);
        }
        changes
    }

    /// The next message, which is a checkpoint.
    pub async fn checkpoint(&mut self) -> pb::Checkpoint {
        match self.event().await.expect("a message") {
            Event::Checkpoint(checkpoint) => checkpoint,
            Event::Change(change) => panic!("not a checkpoint: {change:?}"),
        }
    }

    /// Changes until it is at this cursor.
    pub async fn until(&mut self, cursor: &str) -> Vec<pb::Change> {
        let mut changes = Vec::new();
        while self.cursor != cursor {
            if let Event::Change(change) = self.event().await.expect("a message") {
                changes.push(change);
            }
        }
        changes
    }

    /// The error that ends it.
    pub async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.event().await {
                return status;
            }
        }
    }
}

/// An open watch of publications.
pub struct LedgerWatch {
    stream: Streaming<pb::WatchPublicationsResponse>,
    /// Of the last message.
    pub cursor: String,
}

impl LedgerWatch {
    /// Opens one.
    pub async fn open(desk: &Desk, request: pb::WatchPublicationsRequest) -> Result<LedgerWatch, Status> {
        let cursor = request.cursor.clone();
        let stream = desk.clone().publications.watch_publications(request).await?.into_inner();
        Ok(LedgerWatch { stream, cursor })
    }

    /// Opens one from a cursor; empty for the beginning.
    pub async fn from(desk: &Desk, cursor: &str) -> Result<LedgerWatch, Status> {
        let request = pb::WatchPublicationsRequest { cursor: cursor.into(), ..Default::default() };
        LedgerWatch::open(desk, request).await
    }

    /// The next message.
    pub async fn event(&mut self) -> Result<Published, Status> {
        let message = tokio::time::timeout(PATIENCE, self.stream.message()).await;
        let message = message.expect("a message in time")?.expect("a watch does not end by itself");
        self.cursor = message.cursor;
        Ok(message.event.expect("an event"))
    }

    /// The next entry.
    pub async fn publication(&mut self) -> pb::Publication {
        loop {
            if let Published::Publication(publication) = self.event().await.expect("a message") {
                return publication;
            }
        }
    }

    /// Entries up to the next checkpoint.
    pub async fn until_checkpoint(&mut self) -> Vec<pb::Publication> {
        let mut publications = Vec::new();
        while let Published::Publication(publication) = self.event().await.expect("a message") {
            publications.push(publication);
        }
        publications
    }

    /// The error that ends it.
    pub async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.event().await {
                return status;
            }
        }
    }
}

/// What a change says that can be told from its row: resource, kind and person.
pub type Told = (String, String, String);

/// The same of a message.
pub fn told(change: &pb::Change) -> Told {
    let kind = change.kind().as_str_name().trim_start_matches("KIND_").to_lowercase();
    (change.resource.clone(), kind, change.person.clone())
}

/// The table, in the order of the feed.
pub async fn table(connection: &mut PgConnection) -> Vec<Told> {
    let rows = "select resource, kind, person from changes order by transaction, id";
    sqlx::query_as(rows).fetch_all(connection).await.expect("the table")
}

/// Appends changes past the service: nobody is told of them.
pub async fn append(connection: &mut PgConnection, resource: &str, count: i32) {
    let rows = "insert into changes (resource, newspaper, kind, person, change_time)
                select $1, split_part($1, '/', 2), 'updated', 'nobody', now() from generate_series(1, $2)";
    sqlx::query(rows).bind(resource).bind(count).execute(connection).await.expect("rows");
}

/// Has the reporter write an article; its name.
pub async fn write(desk: &mut Desk, headline: &str) -> String {
    let create = pb::CreateArticleRequest { article: Some(article(headline)), ..Default::default() };
    desk.articles.create_article(create).await.expect("an article").into_inner().name
}

/// Lists all changes.
pub async fn list(desk: &Desk, request: pb::ListChangesRequest) -> pb::ListChangesResponse {
    desk.clone().activity.list_changes(request).await.expect("a list").into_inner()
}

/// A newsroom with a newspaper, and an editor who watches.
async fn open() -> (Newsroom, Desk) {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let editor = newsroom.desk(Role::Editor).await;
    (newsroom, editor)
}
