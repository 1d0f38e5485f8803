//! The database breaks off, at every statement in turn: what was being done is
//! done wholly or not at all, the caller is told to try again, and trying again
//! does it once.

mod clock;
mod deadlines;
mod disk;
mod lines;
mod pool;
mod publishers;
mod restart;
mod shift;
mod writers;

use std::{collections::BTreeMap, time::Duration};

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::concurrency::{traces_of_updates, until_quiet};
use crate::newsroom::{Database, Newsroom, article, mask, paragraph, reason};
use crate::proxy::{Fault, Proxy};

/// More statements than any call has.
const STATEMENTS_MAX: u32 = 100;

/// Time for a call that meets a database that is away. The limit of the server
/// for a connection is 3 s.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// A newsroom whose server reaches its database through a proxy.
async fn open() -> (Newsroom, Proxy) {
    let proxy = Proxy::start().await;
    let database = Database::create().await;
    let options = proxy.options(&database);
    let room = Newsroom::on(database, options).await;
    room.newspaper(1).await;
    (room, proxy)
}

/// Every table of the database, seen past the proxy: how many rows it has and
/// the digest of all of them.
async fn tables(connection: &mut PgConnection) -> BTreeMap<String, (i64, String)> {
    let names: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(&mut *connection)
            .await
            .expect("the tables");
    let each = names.iter().map(|name| {
        // That something was refused stands in the audit, and changes nothing else.
        let done = if name == "audit_events" { "where code = 'OK'" } else { "" };
        format!(
            "select '{name}' as name, count(*) as rows, \
             coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as digest from {name} t {done}"
        )
    });
    let all = each.collect::<Vec<_>>().join(" union all ");
    let rows = sqlx::raw_sql(AssertSqlSafe(all)).fetch_all(connection).await.expect("the digests");
    rows.iter().map(|row| (row.get("name"), (row.get("rows"), row.get("digest")))).collect()
}

/// What the rows of each table grew by between two looks, of tables that grew.
fn growth(
    before: &BTreeMap<String, (i64, String)>,
    after: &BTreeMap<String, (i64, String)>,
) -> BTreeMap<String, i64> {
    let grown = after.iter().map(|(name, (rows, _))| (name.clone(), rows - before[name].0));
    grown.filter(|(_, by)| *by != 0).collect()
}

fn expected(growth: &[(&str, i64)]) -> BTreeMap<String, i64> {
    growth.iter().map(|(name, by)| ((*name).to_owned(), *by)).collect()
}

/// The caller is told that the database is away and when to come back, and
/// nothing of the database's inside.
fn assert_try_again(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason(status), "DATABASE_UNAVAILABLE");
    let retry = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| delay > Duration::ZERO), "{status:?}");
}

/// An issue of one article with one photo, all signed.
async fn reviewed_issue(room: &Newsroom, number: i32) -> pb::Issue {
    let photo = room.photo("演练现场").await;
    let article = pb::Article {
        photos: vec![pb::PhotoUse { photo: photo.name, ..Default::default() }],
        ..article(&format!("第{number}期头条"))
    };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let mut reporter = room.desk(Role::Reporter).await;
    let article = reporter.articles.create_article(create).await.expect("an article").into_inner();
    let article = room.review(&article).await;
    room.review_issue(&room.issue(number, &[&article]).await).await
}

/// A whole publication of an issue with one article and one photo.
async fn assert_published(connection: &mut PgConnection, issue: &pb::Issue, sequence: i64) {
    let row = sqlx::query(
        "select case when h.sequence = p.sequence then h.hash = p.hash else h.sequence > p.sequence end as head, i.state::text, i.latest_publication,
                pi.publication as issue, pa.publication as article, pp.publication as photo,
                a.state::text as article_state, ph.state::text as photo_state, p.size_bytes = length(s.bytes) as sealed
         from publications p, ledger_head h, snapshots s, issues i, published_issues pi, placements pl,
              published_articles pa, articles a, article_photos ap, publication_photos pp, photos ph
         where p.sequence = $1 and p.resource = $2 and s.publication = p.sequence and i.uid = $3
           and pi.newspaper = i.newspaper and pi.id = i.id and pl.issue = i.uid and pa.article = pl.article
           and a.id = pl.article and ap.article = a.id and pp.photo = ap.photo and pp.publication = p.sequence and ph.id = ap.photo",
    )
    .bind(sequence)
    .bind(&issue.name)
    .bind(issue.uid.parse::<Uuid>().expect("a uid"))
    .fetch_one(connection)
    .await
    .expect("the publication with all its parts");
    assert!(
        row.get::<bool, _>("head") && row.get::<bool, _>("sealed"),
        "the head and the bytes are as it says"
    );
    for part in ["latest_publication", "issue", "article", "photo"] {
        assert_eq!(row.get::<i64, _>(part), sequence, "{part}");
    }
    for state in ["state", "article_state", "photo_state"] {
        assert_eq!(row.get::<String, _>(state), "published", "{state}");
    }
}

/// Publishes issue after issue with a fault at the first, second … statement,
/// until one goes through untouched. How many statements were cut at, and how
/// often the publication was there although the caller was told otherwise.
async fn sweep_publishing(cut: Fault) -> (u32, u32) {
    let (room, proxy) = open().await;
    let mut publisher = room.desk(Role::Publisher).await;
    let mut beside = room.database.connect().await;
    let everything = expected(&[
        ("audit_events", 3),
        ("changes", 3),
        ("publication_articles", 1),
        ("publication_photos", 1),
        ("publications", 1),
        ("published_article_search", 1),
        ("published_articles", 1),
        ("published_issues", 1),
        ("requests", 1),
        ("snapshots", 1),
    ]);
    let mut unheard = 0;
    for statement in 1..=STATEMENTS_MAX {
        let sequence = i64::from(statement);
        let issue = reviewed_issue(&room, statement as i32).await;
        let publish = pb::PublishIssueRequest {
            name: issue.name.clone(),
            request_id: Uuid::now_v7().to_string(),
            ..Default::default()
        };
        let before = tables(&mut beside).await;
        proxy.plan(statement, cut);
        let answer = publisher.issues.publish_issue(publish.clone()).await;
        let was_cut = proxy.call_off();
        let after = tables(&mut beside).await;
        if let Err(status) = &answer {
            assert!(was_cut, "{status:?}");
            assert_try_again(status);
        }
        if before == after {
            answer.expect_err("nothing was done");
        } else {
            assert_eq!(growth(&before, &after), everything, "{cut:?} statement {statement}");
            assert_published(&mut beside, &issue, sequence).await;
            unheard += u32::from(answer.is_err());
        }
        let again =
            publisher.issues.publish_issue(publish.clone()).await.expect("a publication").into_inner();
        assert_eq!(again.latest_publication, format!("publications/{statement}"));
        let repeated = publisher.issues.publish_issue(publish).await.expect("the same answer").into_inner();
        assert_eq!(again, repeated);
        assert_eq!(growth(&before, &tables(&mut beside).await), everything, "{cut:?} statement {statement}");
        assert_published(&mut beside, &issue, sequence).await;
        if !was_cut {
            room.close().await;
            return (statement - 1, unheard);
        }
    }
    panic!("a publication has more than {STATEMENTS_MAX} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_whose_next_statement_is_lost_did_not_happen_and_can_be_repeated() {
    let (statements, unheard) = sweep_publishing(Fault::CutBefore).await;
    println!("publishing an issue was cut before each of {statements} statements");
    assert!(statements >= 20, "{statements}: the call opens, locks, checks, writes and commits");
    assert_eq!(unheard, 0, "what was not committed is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_whose_answer_is_lost_happened_wholly_or_not_and_a_repetition_does_it_once() {
    let (statements, unheard) = sweep_publishing(Fault::CutAfter).await;
    println!("publishing an issue was cut after each of {statements} statements");
    assert!(statements >= 20, "{statements}: the call opens, locks, checks, writes and commits");
    assert_eq!(unheard, 1, "only the lost answer to the commit leaves a publication");
}

fn update(article: &pb::Article, text: &str) -> pb::UpdateArticleRequest {
    let changed = pb::Article { body: vec![paragraph(text)], ..article.clone() };
    pb::UpdateArticleRequest {
        article: Some(changed),
        update_mask: mask(&["body"]),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    }
}

async fn revisions(desk: &mut Desk, article: &pb::Article) -> Vec<pb::ArticleRevision> {
    let list = pb::ListArticleRevisionsRequest {
        parent: article.name.clone(),
        page_size: 500,
        ..Default::default()
    };
    let listed = desk.articles.list_article_revisions(list).await.expect("revisions").into_inner();
    assert!(listed.next_page_token.is_empty(), "all on one page");
    listed.article_revisions
}

async fn get(desk: &mut Desk, name: &str) -> pb::Article {
    let get = pb::GetArticleRequest { name: name.to_owned() };
    desk.articles.get_article(get).await.expect("the article").into_inner()
}

/// Saves an article with a fault at the first, second … statement, until one
/// save goes through untouched. As for [`sweep_publishing`].
async fn sweep_saving(cut: Fault) -> (u32, u32) {
    let (room, proxy) = open().await;
    let mut reporter = room.desk(Role::Reporter).await;
    let mut beside = room.database.connect().await;
    let mut current = room.article("一次演练").await;
    let everything =
        expected(&[("article_revisions", 1), ("audit_events", 1), ("changes", 1), ("requests", 1)]);
    let mut unheard = 0;
    for statement in 1..=STATEMENTS_MAX {
        let text = format!("第{statement}稿");
        let save = update(&current, &text);
        let before = tables(&mut beside).await;
        proxy.plan(statement, cut);
        let answer = reporter.articles.update_article(save.clone()).await;
        let was_cut = proxy.call_off();
        let after = tables(&mut beside).await;
        if let Err(status) = &answer {
            assert!(was_cut, "{status:?}");
            assert_try_again(status);
        }
        if before == after {
            answer.expect_err("nothing was done");
        } else {
            assert_eq!(growth(&before, &after), everything, "{cut:?} statement {statement}");
            unheard += u32::from(answer.is_err());
        }
        let saved = reporter.articles.update_article(save.clone()).await.expect("a save").into_inner();
        let repeated = reporter.articles.update_article(save).await.expect("the same answer").into_inner();
        assert_eq!(saved, repeated);
        assert_eq!(saved.revision, current.revision + 1);
        assert_eq!(growth(&before, &tables(&mut beside).await), everything, "{cut:?} statement {statement}");
        assert_eq!(get(&mut reporter, &saved.name).await, saved);
        let newest = revisions(&mut reporter, &saved).await.swap_remove(0).snapshot.expect("a snapshot");
        assert_eq!((newest.revision, &newest.content_digest), (saved.revision, &saved.content_digest));
        assert_eq!(newest.body, vec![paragraph(&text)]);
        current = saved;
        if !was_cut {
            room.close().await;
            return (statement - 1, unheard);
        }
    }
    panic!("a save has more than {STATEMENTS_MAX} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_whose_next_statement_is_lost_did_not_happen_and_can_be_repeated() {
    let (statements, unheard) = sweep_saving(Fault::CutBefore).await;
    println!("saving an article was cut before each of {statements} statements");
    assert!(statements >= 10, "{statements}: the call opens, locks, writes and commits");
    assert_eq!(unheard, 0, "what was not committed is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_whose_answer_is_lost_happened_wholly_or_not_and_a_repetition_does_it_once() {
    let (statements, unheard) = sweep_saving(Fault::CutAfter).await;
    println!("saving an article was cut after each of {statements} statements");
    assert!(statements >= 10, "{statements}: the call opens, locks, writes and commits");
    assert_eq!(unheard, 1, "only the lost answer to the commit leaves a save");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_at_any_statement_of_a_save_leaves_no_transaction_behind() {
    let (room, proxy) = open().await;
    let reporter = room.desk(Role::Reporter).await;
    let article = room.article("一次演练").await;
    let mut beside = room.database.connect().await;
    for statement in 1..=STATEMENTS_MAX {
        let save = update(&pb::Article { etag: "*".into(), ..article.clone() }, &format!("第{statement}稿"));
        proxy.plan(statement, Fault::Hold);
        let mut desk = reporter.clone();
        let mut call = tokio::spawn(async move { desk.articles.update_article(save).await });
        tokio::select! {
            () = proxy.happened() => {}
            answer = &mut call => {
                answer.expect("no panic").expect("a save without a fault");
                println!("a save was hung up on at each of {} statements", statement - 1);
                assert!(statement > 10, "{statement}: the call opens, locks, writes and commits");
                room.close().await;
                return;
            }
        }
        call.abort();
        assert!(call.await.expect_err("hung up").is_cancelled());
        // A call on the same connection tells that the server has read so far.
        for _ in 0..2 {
            get(&mut reporter.clone(), &article.name).await;
        }
        proxy.release();
        until_quiet(&mut beside).await;
        let (revisions, changes, audited) = traces_of_updates(&mut beside).await;
        assert_eq!((changes, audited), (revisions, revisions), "the save is there wholly or not");
    }
    panic!("a save has more than {STATEMENTS_MAX} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_on_a_database_that_keeps_breaking_lose_no_acknowledged_save() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 25;
    let (room, proxy) = open().await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut desk = room.desk_of(&format!("writer-{writer}"), Role::Reporter).await;
        let create =
            pb::CreateArticleRequest { article: Some(article("常写常新")), ..Default::default() };
        let article = desk.articles.create_article(create).await.expect("an article").into_inner();
        writers.push((desk, article));
    }
    let breaking = async {
        // Some cuts fall into the lookup of the token, most into a transaction.
        for statement in (1..).map(|round| 5 + round * 7 % 23) {
            let cut = if statement % 2 == 0 { Fault::CutBefore } else { Fault::CutAfter };
            proxy.plan(statement, cut);
            proxy.happened().await;
        }
    };
    let writing = futures::future::join_all(writers.into_iter().map(|(mut desk, article)| async move {
        let (mut texts, mut refusals) = (Vec::new(), 0);
        for round in 0..ROUNDS {
            let text = format!("{} 第{round}回", article.name);
            let save = update(&pb::Article { etag: "*".into(), ..article.clone() }, &text);
            loop {
                match desk.articles.update_article(save.clone()).await {
                    Ok(_) => break,
                    Err(status) => {
                        assert_try_again(&status);
                        refusals += 1;
                    }
                }
            }
            texts.push(text);
        }
        (article, texts, refusals)
    }));
    let outcomes = tokio::select! {
        outcomes = writing => outcomes,
        () = breaking => panic!("it breaks as long as they write"),
    };
    proxy.call_off();
    let mut reporter = room.desk(Role::Reporter).await;
    let mut refusals_in_all = 0;
    for (article, texts, refusals) in outcomes {
        refusals_in_all += refusals;
        let kept = revisions(&mut reporter, &article).await;
        let kept: Vec<_> =
            kept.into_iter().rev().filter_map(|kept| kept.snapshot).map(|kept| kept.body).collect();
        let first = std::iter::once(article.body);
        let saved: Vec<_> = first.chain(texts.iter().map(|text| vec![paragraph(text)])).collect();
        assert_eq!(kept, saved, "each acknowledged text is one revision, in order");
    }
    println!("{} saves met {refusals_in_all} broken connections", WRITERS * ROUNDS);
    assert!(refusals_in_all > 0, "the database did break");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_comes_back_serves_on_by_itself() {
    let (room, proxy) = open().await;
    let mut publisher = room.desk(Role::Publisher).await;
    let issue = reviewed_issue(&room, 1).await;
    let publish = pb::PublishIssueRequest {
        name: issue.name,
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    for outage in 1..=3 {
        proxy.break_down();
        let refused = tokio::time::timeout(ANSWER_TIME_MAX, publisher.issues.publish_issue(publish.clone()));
        assert_try_again(&refused.await.expect("an answer in time").expect_err("no database"));
        proxy.heal();
        let get = pb::GetIssueRequest { name: publish.name.clone() };
        let got = publisher.issues.get_issue(get).await.expect("the issue, at once").into_inner();
        assert_eq!(got.state(), pb::State::Reviewed, "after outage {outage}");
    }
    let published = publisher.issues.publish_issue(publish).await.expect("a publication").into_inner();
    assert_eq!(published.state(), pb::State::Published);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_operator_ends_are_told_as_unavailable_and_replaced() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.article("一次演练").await;
    let mut reporter = room.desk(Role::Reporter).await;
    let mut beside = room.database.connect().await;
    // Holding the article keeps the save in the middle of its transaction.
    sqlx::raw_sql("begin; select 1 from articles for update").execute(&mut beside).await.expect("a lock");
    let save = update(&article, "改了一稿");
    let mut saving = {
        let (mut reporter, save) = (reporter.clone(), save.clone());
        tokio::spawn(async move { reporter.articles.update_article(save).await })
    };
    let mut operator = room.database.connect().await;
    loop {
        let ended: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut operator)
        .await
        .expect("an answer");
        if ended > 0 {
            break;
        }
        assert!(!saving.is_finished(), "{:?}", (&mut saving).await);
    }
    assert_try_again(&saving.await.expect("no panic").expect_err("the session has ended"));
    sqlx::raw_sql("rollback").execute(&mut beside).await.expect("no lock");
    let saved = reporter.articles.update_article(save).await.expect("a save").into_inner();
    assert_eq!(saved.revision, article.revision + 1);
    room.close().await;
}
