//! What readers are served from memory is what the ledger says, on every server.

use std::time::{Duration, Instant};

use masthead::{
    admin::Role,
    config::{self, ReadingSettings, ServiceSettings},
    db::Db,
    import::desk::Desk,
    pb,
    photo::files::{Files, Location},
    server,
};
use sqlx::{Executor as _, PgConnection};
use tonic::{Code, Status};

use crate::newsroom::{Database, Newsroom, PAPER, reason};

/// What the API promises.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(1);

/// For a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(1);

/// A newsroom that has published an issue with one article; their names.
async fn published() -> (Newsroom, String, String) {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, article) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    // By then the server has seen that the ledger has moved.
    tokio::time::sleep(2 * config::PUBLISHED_POLL_PERIOD).await;
    (room, issue.name, article.name)
}

async fn article(desk: &mut Desk, name: &str) -> Result<pb::PublishedArticle, Status> {
    let get = pb::GetPublishedArticleRequest { name: name.to_owned(), ..Default::default() };
    Ok(desk.publications.get_published_article(get).await?.into_inner())
}

async fn latest_issue(desk: &mut Desk) -> Result<pb::PublishedIssue, Status> {
    let get = pb::GetPublishedIssueRequest { newspaper: PAPER.into(), ..Default::default() };
    Ok(desk.publications.get_published_issue(get).await?.into_inner())
}

/// Locks what readers are served from, so that nobody can read it, until the
/// connection is closed.
async fn locked(room: &Newsroom) -> PgConnection {
    let mut connection = room.database.connect().await;
    let lock = "begin; lock table articles, published_articles, published_issues, snapshots
                in access exclusive mode";
    connection.execute(lock).await.expect("a lock");
    connection
}

/// How many wait to read an article for readers.
async fn waiting(connection: &mut PgConnection) -> i64 {
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'
                     and query like 'select newspaper from articles %'";
    sqlx::query_scalar(waiting).fetch_one(connection).await.expect("a count")
}

async fn until_one_waits(database: &Database) {
    let mut beside = database.connect().await;
    while waiting(&mut beside).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_was_read_is_served_again_without_the_database() {
    let (room, issue, name) = published().await;
    let mut reader = room.desk(Role::Reader).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let first =
        (article(&mut reader, &name).await.expect("it"), latest_issue(&mut reader).await.expect("it"));
    assert_eq!(first.1.name, issue);
    let lock = locked(&room).await;
    let again = async { (article(&mut reader, &name).await, latest_issue(&mut reader).await) };
    let (again, latest) = tokio::time::timeout(Duration::from_secs(2), again).await.expect("answers at once");
    assert_eq!((again.expect("it"), latest.expect("it")), first);
    // Another view of what is kept, and another caller.
    let brief = pb::GetPublishedIssueRequest {
        newspaper: PAPER.into(),
        view: pb::PublishedIssueView::Basic.into(),
        ..Default::default()
    };
    publisher.publications.get_published_issue(brief).await.expect("it");
    drop(lock);
    room.close().await;
}

#[tokio::test]
async fn without_memory_for_it_everything_is_read_from_the_database() {
    let reading = ReadingSettings { published_cache_mib: 0, ..Default::default() };
    let room = Newsroom::with_settings(ServiceSettings { reading, ..Default::default() }).await;
    room.newspaper(1).await;
    let (issue, story) = room.reviewed_issue(1).await;
    room.publish(&issue).await;
    let mut reader = room.desk(Role::Reader).await;
    let first = article(&mut reader, &story.name).await.expect("it");
    let lock = locked(&room).await;
    let again = tokio::time::timeout(Duration::from_millis(500), article(&mut reader, &story.name)).await;
    again.expect_err("it waits for the database");
    drop(lock);
    assert_eq!(article(&mut reader, &story.name).await.expect("it"), first);
    room.close().await;
}

#[tokio::test]
async fn a_withdrawal_holds_at_once_where_it_was_made_and_within_a_second_elsewhere() {
    let (room, issue, name) = published().await;
    // Another server on the same database, whose memory hears of nothing but what it
    // asks for.
    let folder = tempfile::tempdir().expect("a folder");
    let files = Files::open(Location::Folder(folder.path().join("photos"))).await.expect("a photo store");
    let db = Db::open(room.database.options(), 8);
    let other = server::start(([127, 0, 0, 1], 0).into(), db.clone(), files).await.expect("a server");
    let token = room.token("reader", Role::Reader).await;
    let mut here = room.desk(Role::Reader).await;
    let mut there = Desk::connect(&format!("http://{}", other.address()), &token).await.expect("a desk");
    let mut publisher = room.desk(Role::Publisher).await;
    for round in 1..=3 {
        for desk in [&mut here, &mut there] {
            for _ in 0..3 {
                article(desk, &name).await.expect("it is published");
                latest_issue(desk).await.expect("it is published");
            }
        }
        let withdraw = pb::WithdrawIssueRequest {
            name: issue.clone(),
            reason: "本报道失实".into(),
            ..Default::default()
        };
        publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
        let since = Instant::now();
        for outcome in [article(&mut here, &name).await.map(drop), latest_issue(&mut here).await.map(drop)] {
            let refusal = outcome.expect_err("it was withdrawn here");
            assert_eq!(reason(&refusal), "WITHDRAWN", "round {round}");
        }
        while article(&mut there, &name).await.is_ok() || latest_issue(&mut there).await.is_ok() {
            let passed = since.elapsed();
            assert!(passed < WITHDRAWN_WITHIN + SLACK, "served {passed:?} after it was withdrawn");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep_until((since + WITHDRAWN_WITHIN).into()).await;
        let refusal = latest_issue(&mut there).await.expect_err("it stays withdrawn");
        assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "WITHDRAWN".into()));
        let restored = pb::PublishIssueRequest { name: issue.clone(), ..Default::default() };
        if publisher.issues.publish_issue(restored).await.is_err() {
            // Once withdrawn it goes through review again.
            break;
        }
        let mut published = latest_issue(&mut there).await;
        while published.is_err() {
            assert!(since.elapsed() < 10 * WITHDRAWN_WITHIN, "it is published again");
            published = latest_issue(&mut there).await;
        }
    }
    other.stop().await.expect("a clean end");
    db.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_for_the_same_one_asks_the_database() {
    let (room, _, name) = published().await;
    let reader = room.desk(Role::Reader).await;
    let lock = locked(&room).await;
    let ask = || {
        let (mut reader, name) = (reader.clone(), name.clone());
        tokio::spawn(async move { article(&mut reader, &name).await })
    };
    // The first one goes away while it is being fetched for all.
    let first = ask();
    until_one_waits(&room.database).await;
    let others: Vec<_> = (0..50).map(|_| ask()).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut beside = room.database.connect().await;
    assert_eq!(waiting(&mut beside).await, 1, "they wait for one query");
    first.abort();
    drop(lock);
    for other in others {
        let found = other.await.expect("a task").expect("the article");
        assert_eq!(found.name, name);
    }
    room.close().await;
}

#[tokio::test]
async fn what_others_have_read_is_not_for_callers_of_other_newspapers() {
    let (room, _, name) = published().await;
    let mut operator = room.desk(Role::Operator).await;
    let other = pb::Newspaper { title: "晚报".into(), ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(other),
        newspaper_id: "evening-post".into(),
        ..Default::default()
    };
    operator.newspapers.create_newspaper(create).await.expect("a newspaper");
    let scoped = pb::AccessToken {
        person: "外人".into(),
        role: pb::Role::Reader.into(),
        newspapers: vec!["newspapers/evening-post".into()],
        ..Default::default()
    };
    let create = pb::CreateAccessTokenRequest { access_token: Some(scoped), ..Default::default() };
    let token = operator.admin.create_access_token(create).await.expect("a credential").into_inner();
    let mut stranger =
        Desk::connect(&format!("http://{}", room.address()), &token.secret).await.expect("a desk");
    let mut reader = room.desk(Role::Reader).await;
    for _ in 0..2 {
        let refusal = article(&mut stranger, &name).await.expect_err("another newspaper");
        assert_eq!(reason(&refusal), "OUTSIDE_SCOPE");
        article(&mut reader, &name).await.expect("it");
    }
    room.close().await;
}
