//! Proving the ledger: what is whole is found whole, and any byte that is not
//! as it was written is found.

use masthead::{
    admin::Role,
    import::desk::Desk,
    pb::{
        self,
        verify_publications_response::{Outcome, Part},
    },
};
use sqlx::{ConnectOptions, PgConnection};

use crate::newsroom::Newsroom;

pub async fn verify(desk: &mut Desk) -> Outcome {
    let walk = desk.publications.verify_publications(pb::VerifyPublicationsRequest {}).await;
    let mut walk = walk.expect("a walk").into_inner();
    let mut last = None;
    while let Some(message) = walk.message().await.expect("a message") {
        assert!(!matches!(last, Some(Part::Outcome(_))), "nothing follows the outcome");
        last = message.part;
    }
    match last {
        Some(Part::Outcome(outcome)) => outcome,
        other => panic!("the walk ends with {other:?}"),
    }
}

/// Changes history as only someone with the database's own password could.
async fn tamper(connection: &mut PgConnection, statement: &'static str) {
    for sql in ["set session_replication_role = replica", statement] {
        sqlx::raw_sql(sql).execute(&mut *connection).await.expect("a statement");
    }
}

async fn newsroom_with_a_ledger() -> Newsroom {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    for number in 1..=2 {
        let (issue, _) = newsroom.reviewed_issue(number).await;
        newsroom.publish(&issue).await;
    }
    let article = newsroom.article("单独发表").await;
    newsroom.review(&article).await;
    let mut publisher = newsroom.desk(Role::Publisher).await;
    let publish = pb::PublishArticleRequest { name: article.name, ..Default::default() };
    publisher.articles.publish_article(publish).await.expect("a publication");
    // A tombstone, which seals nothing, and an issue that shows a notice.
    let list = pb::GetPublishedIssueRequest { publication: "publications/2".into(), ..Default::default() };
    let issue = publisher.publications.get_published_issue(list).await.expect("an issue").into_inner();
    let placed = issue.pages[0].placements[0].article.clone().expect("an article");
    let withdraw =
        pb::WithdrawArticleRequest { name: placed.name, reason: "失实".into(), ..Default::default() };
    publisher.articles.withdraw_article(withdraw).await.expect("a withdrawal");
    newsroom
}

#[tokio::test]
async fn a_whole_ledger_is_found_whole_to_its_head() {
    let newsroom = newsroom_with_a_ledger().await;
    let mut operator = newsroom.desk(Role::Operator).await;
    let outcome = verify(&mut operator).await;
    let get = pb::GetPublicationRequest { name: "publications/4".into() };
    let head = operator.publications.get_publication(get).await.expect("the head").into_inner();
    assert_eq!(outcome, Outcome { checked_count: 4, head_hash: head.hash, fault: None });
    newsroom.close().await;
}

#[tokio::test]
async fn an_empty_ledger_is_whole() {
    let newsroom = Newsroom::open().await;
    let outcome = verify(&mut newsroom.desk(Role::Operator).await).await;
    assert_eq!(outcome, Outcome { checked_count: 0, head_hash: "0".repeat(64), fault: None });
    newsroom.close().await;
}

#[tokio::test]
async fn any_change_of_history_is_found_where_it_was_made() {
    let changes = [
        (
            2,
            "update snapshots set bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1) where publication = 2",
        ),
        (2, "update snapshots set bytes = bytes || '\\x00' where publication = 2"),
        (2, "delete from snapshots where publication = 2"),
        (1, "update publications set note = 'x' where sequence = 1"),
        (1, "update publications set publisher = 'x' where sequence = 1"),
        (
            1,
            "update publications set publish_time = publish_time + interval '1 microsecond' where sequence = 1",
        ),
        (1, "update publications set revision = 2 where sequence = 1"),
        (1, "update publications set resource = resource || 'x' where sequence = 1"),
        (1, "update publications set kind = 'issue_corrected' where sequence = 1"),
        (1, "update publications set size_bytes = size_bytes + 1 where sequence = 1"),
        (2, "update publications set supersedes = 1 where sequence = 2"),
        (3, "update publications set newspaper = 'evening-post' where sequence = 3"),
        (
            5,
            "insert into publications select 5, kind, resource, newspaper, revision, size_bytes, sha256, hash,
                 hash, publisher, publish_time, note, supersedes, acknowledged
             from publications where sequence = 4",
        ),
        (4, "update snapshots set bytes = '\\x00' where publication = 4"),
        (3, "delete from publications where sequence = 4; update ledger_head set sequence = 3"),
        (1, "update publications set acknowledged = '{PAGE_COUNT}' where sequence = 1"),
        (
            1,
            "update publications set sha256 = set_byte(sha256, 0, get_byte(sha256, 0) # 1) where sequence = 1",
        ),
        (1, "update publications set hash = set_byte(hash, 31, get_byte(hash, 31) # 1) where sequence = 1"),
        (2, "update publications set previous_hash = set_byte(previous_hash, 0, 7) where sequence = 2"),
        (2, "delete from publications where sequence = 2"),
        (4, "delete from publications where sequence = 4"),
        (4, "update ledger_head set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)"),
        (5, "update ledger_head set sequence = 5"),
        (
            1,
            "update publications set sequence = 9 where sequence = 1;
             update publications set sequence = 1 where sequence = 2;
             update publications set sequence = 2 where sequence = 9",
        ),
        (
            1,
            "update snapshots set publication = 9 where publication = 1;
             update snapshots set publication = 1 where publication = 2;
             update snapshots set publication = 2 where publication = 9",
        ),
        // Times that no calendar of ours holds.
        (2, "update publications set publish_time = 'infinity' where sequence = 2"),
        (2, "update publications set publish_time = '280000-01-01' where sequence = 2"),
        (4, "update publications set publish_time = '-infinity' where sequence = 4"),
        // A tombstone decides what else is served; the fault is its own.
        (4, "update publications set note = 'x' where sequence = 4"),
        (
            2,
            "update redactions set bytes = set_byte(bytes, 60, get_byte(bytes, 60) # 1) where publication = 2",
        ),
        (2, "delete from redactions where publication = 2"),
        (1, "insert into redactions select 1, bytes from redactions where publication = 2"),
        (3, "insert into redactions values (3, '')"),
        (
            1,
            "update published_articles set bytes = set_byte(bytes, 60, get_byte(bytes, 60) # 1) where publication = 1",
        ),
        (
            3,
            "update published_articles set bytes = set_byte(bytes, 60, get_byte(bytes, 60) # 1) where publication = 3",
        ),
    ];
    let newsroom = newsroom_with_a_ledger().await;
    let mut operator = newsroom.desk(Role::Operator).await;
    let keep = ["publications", "snapshots", "ledger_head", "published_articles", "redactions"];
    let mut connection = newsroom.database.connect().await;
    for table in keep {
        let copy = format!("create table kept_{table} as table {table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await.expect("a copy");
    }
    for (sequence, statement) in changes {
        tamper(&mut connection, statement).await;
        let outcome = verify(&mut operator).await;
        let fault = outcome.fault.unwrap_or_else(|| panic!("not found: {statement}"));
        assert_eq!(
            fault.publication,
            format!("publications/{sequence}"),
            "{statement}: {}",
            fault.description
        );
        for table in keep {
            let restore = format!("delete from {table}; insert into {table} table kept_{table}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(restore)).execute(&mut connection).await.expect("the original");
        }
        assert_eq!(verify(&mut operator).await.fault, None, "restored");
    }
    newsroom.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_proves_the_ledger_too() {
    let newsroom = newsroom_with_a_ledger().await;
    let url = newsroom.database.options().to_url_lossy().to_string();
    let data = crate::command::data_dir();
    let verify = || {
        let arguments = ["verify", "--database-url", &url, "--data-dir"];
        crate::command::masthead().args(arguments).arg(data.path()).output().expect("a run of the command")
    };
    let whole = verify();
    let outcome = self::verify(&mut newsroom.desk(Role::Operator).await).await;
    let printed = String::from_utf8(whole.stdout).expect("UTF-8");
    assert_eq!((whole.status.code(), printed.lines().count()), (Some(0), 1), "{printed}");
    assert!(printed.starts_with("4 publications are whole"), "{printed}");
    assert!(printed.trim_end().ends_with(&outcome.head_hash), "{printed}");
    assert_eq!(String::from_utf8_lossy(&whole.stderr), "verifying …\n  1/4 publications\n");

    let mut connection = newsroom.database.connect().await;
    tamper(&mut connection, "update publications set note = '改过' where sequence = 2").await;
    let broken = verify();
    let said = String::from_utf8(broken.stderr).expect("UTF-8");
    assert_eq!(broken.status.code(), Some(1), "{said}");
    assert!(said.contains("publications/2: its hash is not the digest of its fields"), "{said}");

    // Another status where nothing was found out, as a job that runs this must
    // not take an outage for a broken ledger.
    let away = crate::command::masthead()
        .args(["verify", "--database-url", "postgres://masthead@127.0.0.1:1/none", "--data-dir"])
        .arg(data.path())
        .output()
        .expect("a run of the command");
    assert_eq!(away.status.code(), Some(2), "{}", String::from_utf8_lossy(&away.stderr));
    newsroom.close().await;
}
