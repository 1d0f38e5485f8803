//! Many at once: no edit is lost, one of several wins and the others are told,
//! and nobody who hangs up leaves anything behind.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures::future::join_all;
use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::PgConnection;
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::newsroom::{Newsroom, codes, mask, paragraph, reason};
use crate::publishing::intact_ledger;

/// Time for the database to become quiet once nobody asks anything. Below the
/// 30 s after which Postgres itself ends a session that is idle in a
/// transaction, which would hide one that was left behind.
const QUIET_TIME_MAX: Duration = Duration::from_secs(15);

/// How often the database is asked whether it is there yet: it tells nobody.
const LOOK_PERIOD: Duration = Duration::from_millis(5);

fn update(article: &pb::Article, etag: &str, text: &str) -> pb::UpdateArticleRequest {
    let article = pb::Article {
        name: article.name.clone(),
        etag: etag.into(),
        body: vec![paragraph(text)],
        ..Default::default()
    };
    pb::UpdateArticleRequest { article: Some(article), update_mask: mask(&["body"]), ..Default::default() }
}

async fn get(desk: &mut Desk, name: &str) -> pb::Article {
    let get = pb::GetArticleRequest { name: name.to_owned() };
    desk.articles.get_article(get).await.expect("the article").into_inner()
}

async fn get_issue(desk: &mut Desk, name: &str) -> pb::Issue {
    let get = pb::GetIssueRequest { name: name.to_owned() };
    desk.issues.get_issue(get).await.expect("the issue").into_inner()
}

/// All revisions, oldest first.
async fn revisions(desk: &mut Desk, article: &str) -> Vec<pb::Article> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let list = pb::ListArticleRevisionsRequest { parent: article.to_owned(), page_size: 500, page_token };
        let page = desk.articles.list_article_revisions(list).await.expect("revisions").into_inner();
        all.extend(page.article_revisions.into_iter().filter_map(|revision| revision.snapshot));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            all.reverse();
            return all;
        }
    }
}

fn order(issue: &pb::Issue) -> pb::PublishIssueRequest {
    pb::PublishIssueRequest { name: issue.name.clone(), ..Default::default() }
}

/// Waits until so many sessions of the server wait for a lock.
pub async fn until_waiting(connection: &mut PgConnection, sessions: i64) {
    let all = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&mut *connection)
            .await
            .expect("the sessions");
            if waiting >= sessions {
                return;
            }
            sleep(LOOK_PERIOD).await;
        }
    };
    timeout(QUIET_TIME_MAX, all).await.expect("sessions that wait for a lock");
}

/// Waits until no session of the server does anything or has a transaction open.
pub async fn until_quiet(connection: &mut PgConnection) {
    let quiet = async {
        loop {
            let busy: Vec<String> = sqlx::query_scalar(
                "select coalesce(state, '') || ': ' || query from pg_stat_activity
                 where datname = current_database() and application_name ~ '^masthead [0-9a-f]{32}$' and state <> 'idle'",
            )
            .fetch_all(&mut *connection)
            .await
            .expect("the sessions");
            if busy.is_empty() {
                return;
            }
            sleep(LOOK_PERIOD).await;
        }
    };
    timeout(QUIET_TIME_MAX, quiet).await.expect("no transaction is left open");
}

async fn statement(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.expect("a statement");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_edit_of_sixteen_clients_on_one_article_is_lost() {
    const CLIENTS: usize = 16;
    const ROUNDS: usize = 50;
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.article("人人都改").await;
    let mut desks = Vec::new();
    for client in 0..CLIENTS {
        desks.push(room.desk_of(&format!("client-{client}"), Role::Editor).await);
    }
    let clients = desks.into_iter().enumerate().map(|(client, mut desk)| {
        let article = article.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0..ROUNDS {
                let read = get(&mut desk, &article.name).await;
                let text = format!("第{client}人第{round}回");
                match desk.articles.update_article(update(&article, &read.etag, &text)).await {
                    Ok(saved) => acknowledged.push((saved.into_inner(), read, text)),
                    Err(status) => {
                        assert_eq!((status.code(), reason(&status)), (Code::Aborted, "ETAG_MISMATCH".into()));
                        let details = status.get_error_details();
                        let current = &details.error_info().expect("error info").metadata["etag"];
                        assert_ne!(*current, read.etag, "it says which etag is current");
                    }
                }
            }
            acknowledged
        })
    });
    let acknowledged: Vec<_> =
        join_all(clients).await.into_iter().flat_map(|client| client.expect("no panic")).collect();
    let mut reporter = room.desk(Role::Reporter).await;
    let revisions = revisions(&mut reporter, &article.name).await;
    println!("{} rounds: {} saved, the others told", CLIENTS * ROUNDS, acknowledged.len());
    assert!(acknowledged.len() < CLIENTS * ROUNDS, "they did get in each other's way");
    assert_eq!(revisions.len(), acknowledged.len() + 1);
    for (saved, read, text) in &acknowledged {
        let kept = &revisions[saved.revision as usize - 1];
        assert_eq!(kept.body, [paragraph(text)]);
        assert_eq!(saved.revision, read.revision + 1, "it is a change of what was read");
    }
    let numbers: HashSet<i64> = acknowledged.iter().map(|(saved, ..)| saved.revision).collect();
    assert_eq!(numbers.len(), acknowledged.len(), "each is a revision of its own");
    let current = get(&mut reporter, &article.name).await;
    assert_eq!(current.revision, revisions.len() as i64);
    assert_eq!(current.body, revisions.last().expect("the newest").body);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_publishers_of_one_issue_one_publishes_and_the_others_are_told() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    for round in 1..=4 {
        let (issue, _) = room.reviewed_issue(round).await;
        let mut desks = Vec::new();
        for publisher in 0..8 {
            desks.push(room.desk_of(&format!("publisher-{publisher}"), Role::Publisher).await);
        }
        let at_once = desks.iter_mut().map(|desk| desk.issues.publish_issue(order(&issue)));
        let outcomes = join_all(at_once).await;
        let (won, told): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), told.len()), (1, 7));
        for status in told.into_iter().filter_map(Result::err) {
            assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "ILLEGAL_MOVE".into()));
            assert_eq!(status.get_error_details().error_info().expect("info").metadata["state"], "PUBLISHED");
        }
        assert_eq!(intact_ledger(&mut desks[0]).await.len(), round as usize);
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_publication_repeated_by_eight_at_once_under_one_request_id_is_one_with_one_answer() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (issue, _) = room.reviewed_issue(1).await;
    let publish = pb::PublishIssueRequest { request_id: Uuid::now_v7().to_string(), ..order(&issue) };
    let publisher = room.desk(Role::Publisher).await;
    let at_once = (0..8).map(|_| {
        let (mut desk, publish) = (publisher.clone(), publish.clone());
        async move { desk.issues.publish_issue(publish).await.expect("the one answer").into_inner() }
    });
    let answers = join_all(at_once).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(intact_ledger(&mut room.desk(Role::Reader).await).await.len(), 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_issues_published_at_once_are_eight_entries_of_one_chain() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut issues = Vec::new();
    for number in 1..=8 {
        issues.push(room.reviewed_issue(number).await.0);
    }
    let mut desks = Vec::new();
    for publisher in 0..8 {
        desks.push(room.desk_of(&format!("publisher-{publisher}"), Role::Publisher).await);
    }
    let at_once = desks.iter_mut().zip(&issues).map(|(desk, issue)| {
        let acknowledge = vec!["RUNNING_NUMBER".into()];
        desk.issues.publish_issue(pb::PublishIssueRequest { acknowledge, ..order(issue) })
    });
    let answers: Vec<_> =
        join_all(at_once).await.into_iter().map(|done| done.expect("a publication").into_inner()).collect();
    let mut reader = room.desk(Role::Reader).await;
    let ledger = intact_ledger(&mut reader).await;
    assert_eq!(ledger.len(), 8);
    for (issue, answer) in issues.iter().zip(&answers) {
        let own: Vec<_> = ledger.iter().filter(|entry| entry.resource == issue.name).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(answer.latest_publication, own[0].name);
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_issues_of_one_running_number_are_not_both_published_unseen() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (first, _) = room.reviewed_issue(1).await;
    room.publish(&first).await;
    let (second, _) = room.reviewed_issue(2).await;
    let (twin, _) = room.reviewed_issue(29).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let renumbered = pb::Issue { number: 2, etag: "*".into(), name: twin.name, ..Default::default() };
    let renumber = pb::UpdateIssueRequest { issue: Some(renumbered), ..Default::default() };
    let twin = reporter.issues.update_issue(renumber).await.expect("an issue").into_inner();
    let twin = room.review_issue(&twin).await;

    // Both are let go at the last moment before their entries are appended.
    let mut beside = room.database.connect().await;
    statement(&mut beside, "begin; select 1 from ledger_head for update").await;
    let publisher = room.desk(Role::Publisher).await;
    let both = [second, twin].map(|issue| {
        let mut desk = publisher.clone();
        tokio::spawn(async move { desk.issues.publish_issue(order(&issue)).await })
    });
    until_waiting(&mut room.database.connect().await, 2).await;
    statement(&mut beside, "rollback").await;
    let outcomes: Vec<_> = join_all(both).await.into_iter().map(|call| call.expect("no panic")).collect();
    let told: Vec<Status> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(told.len(), 1, "the second one of this number is seen");
    assert_eq!(codes(&told[0]), ["RUNNING_NUMBER"]);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_editors_lay_out_two_pages_of_one_issue_at_once() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.article("头条").await;
    let issue = room.issue(1, &[&article]).await;
    let page = |number: i32| format!("{}/pages/{number}", issue.name);
    let mut maker = room.desk_of("maker-1", Role::Editor).await;
    let second = pb::Page { name: page(2), section: "综合".into(), ..Default::default() };
    let update = pb::UpdatePageRequest { page: Some(second), allow_missing: true, ..Default::default() };
    maker.issues.update_page(update).await.expect("a second page");

    let mut editors = Vec::new();
    for number in 1..=2 {
        let mut desk = room.desk_of(&format!("maker-{number}"), Role::Editor).await;
        let get = pb::GetPageRequest { name: page(number) };
        let read = desk.issues.get_page(get).await.expect("a page").into_inner();
        editors.push((desk, read));
    }
    // Each goes on from the etag of their own page, and no one is in the way.
    let at_once = editors.into_iter().map(|(mut desk, mut current)| async move {
        for round in 0..20 {
            let changed = pb::Page { section: format!("版名{round}"), ..current };
            let update = pb::UpdatePageRequest { page: Some(changed.clone()), ..Default::default() };
            current = desk.issues.update_page(update).await.expect("their own page").into_inner();
            assert_eq!(current.section, changed.section);
        }
        current
    });
    let made = join_all(at_once).await;
    let list = pb::ListPagesRequest { parent: issue.name.clone(), ..Default::default() };
    assert_eq!(maker.issues.list_pages(list).await.expect("the pages").into_inner().pages, made);

    // On the same page, the second one is told.
    let update = |section: &str| {
        let changed = pb::Page { section: section.into(), ..made[0].clone() };
        pb::UpdatePageRequest { page: Some(changed), ..Default::default() }
    };
    let mut other = maker.clone();
    let (one, two) =
        tokio::join!(maker.issues.update_page(update("甲")), other.issues.update_page(update("乙")));
    let told = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    let [told] = told.as_slice() else { panic!("one is told: {told:?}") };
    assert_eq!((told.code(), reason(told)), (Code::Aborted, "ETAG_MISMATCH".into()));

    // The digest that a review signs covers both pages as they are now.
    let mut editor = room.desk(Role::Editor).await;
    let current = get_issue(&mut editor, &issue.name).await;
    let stored: String = sqlx::query_scalar("select encode(content_digest, 'hex') from issues")
        .fetch_one(&mut room.database.connect().await)
        .await
        .expect("the digest");
    assert_eq!(current.content_digest, stored);
    room.review(&article).await;
    let reviewed = room.review_issue(&current).await;
    let refused = room.desk(Role::Publisher).await.issues.publish_issue(order(&reviewed)).await;
    let refused = codes(&refused.expect_err("the second page is empty"));
    assert_eq!(refused, ["PAGE_COUNT", "PAGE_EMPTY"], "and what was signed is what is there");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_reviewers_of_one_stage_one_signs_and_the_other_is_told() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let mut reviewers = Vec::new();
    for reviewer in 1..=2 {
        reviewers.push(room.desk_of(&format!("reviewer-{reviewer}"), Role::Editor).await);
    }
    for etag_known in [true, false] {
        for _ in 0..10 {
            let article = room.article("等审").await;
            let etag = if etag_known { article.etag.clone() } else { "*".to_owned() };
            let review =
                pb::ReviewArticleRequest { name: article.name.clone(), etag, stage: 1, ..Default::default() };
            let at_once = reviewers.iter_mut().map(|desk| desk.articles.review_article(review.clone()));
            let (signed, told): (Vec<_>, Vec<_>) =
                join_all(at_once).await.into_iter().partition(Result::is_ok);
            assert_eq!((signed.len(), told.len()), (1, 1));
            let told = told.into_iter().find_map(Result::err).expect("a refusal");
            let expected = if etag_known { "ETAG_MISMATCH" } else { "WRONG_REVIEW_STAGE" };
            assert_eq!(reason(&told), expected);
            let current = get(&mut reviewers[0], &article.name).await;
            assert_eq!((current.reviews.len(), current.state()), (1, pb::State::Draft));
        }
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_during_publication_is_either_before_it_and_stops_it_or_after_it() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let mut reporter = room.desk(Role::Reporter).await;
    let (mut stopped, mut published) = (0, 0);
    for round in 1..=12 {
        let (issue, placed) = room.reviewed_issue(round).await;
        let publish = pb::PublishIssueRequest { acknowledge: vec!["RUNNING_NUMBER".into()], ..order(&issue) };
        let publication = publisher.issues.publish_issue(publish);
        let edit = reporter.articles.update_article(update(&placed, "*", "出版时的改动"));
        // Who begins alternates.
        let (publication, edit) = if round % 2 == 0 {
            tokio::join!(publication, edit)
        } else {
            let (edit, publication) = tokio::join!(edit, publication);
            (publication, edit)
        };
        edit.expect("an edit is always possible");
        let article = get(&mut reporter, &placed.name).await;
        assert_eq!((article.state(), article.revision), (pb::State::Draft, 2));
        match publication {
            Ok(_) => {
                published += 1;
                let get = pb::GetPublishedIssueRequest { name: issue.name, ..Default::default() };
                let sealed = publisher.publications.get_published_issue(get).await.expect("it").into_inner();
                let printed = sealed.pages[0].placements[0].article.as_ref().expect("an article");
                assert_eq!(printed.content_digest, placed.content_digest, "what was signed");
                assert_eq!(printed.body, placed.body);
            }
            Err(status) => {
                stopped += 1;
                assert_eq!(codes(&status), ["ARTICLE_NOT_REVIEWED"], "{status:?}");
            }
        }
    }
    println!(
        "of 12 publications beside an edit, {published} went before it and {stopped} were stopped by it"
    );
    assert_eq!(intact_ledger(&mut publisher).await.len(), published);
    room.close().await;
}

/// How many revisions, changes and audit entries there are of updates that were done. One
/// that was refused, as the server had no time for it, stands in the audit alone.
pub async fn traces_of_updates(connection: &mut PgConnection) -> (i64, i64, i64) {
    sqlx::query_as(
        "select (select count(*) from article_revisions where revision > 1),
                (select count(*) from changes where kind = 'updated'),
                (select count(*) from audit_events where method = 'UpdateArticle' and code = 'OK')",
    )
    .fetch_one(connection)
    .await
    .expect("the counts")
}

/// More than the pool has connections.
const USERS_AFTERWARDS: i64 = 48;

/// The pool gives out as many connections as before, and each of them works.
async fn assert_usable(room: &Newsroom, article: &pb::Article) {
    let desk = room.desk(Role::Reporter).await;
    let at_once = (0..USERS_AFTERWARDS).map(|number| {
        let (mut desk, update) = (desk.clone(), update(article, "*", &format!("最后第{number}个")));
        async move {
            desk.articles.update_article(update).await.expect("a save");
            get(&mut desk, &article.name).await;
        }
    });
    join_all(at_once).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_up_at_any_moment_leave_no_transaction_behind() {
    const CLIENTS: usize = 4;
    const WARM_UP_ROUNDS: u32 = 5;
    const ROUNDS: u32 = 80;
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut articles = Vec::new();
    for _ in 0..CLIENTS {
        articles.push(room.article("一次演练").await);
    }
    let desk = room.desk(Role::Reporter).await;
    let clients = articles.iter().cloned().map(|article| {
        let mut desk = desk.clone();
        tokio::spawn(async move {
            let start = Instant::now();
            for round in 0..WARM_UP_ROUNDS {
                let save = update(&article, "*", &format!("第{round}稿"));
                desk.articles.update_article(save).await.expect("a save");
            }
            let usual = start.elapsed() / WARM_UP_ROUNDS;
            let mut answered = 0;
            for round in 0..ROUNDS {
                // From before the token is looked up until after the commit.
                let patience = usual * 2 * round / ROUNDS;
                let save = update(&article, "*", &format!("耐心的第{round}稿"));
                if let Ok(answer) = timeout(patience, desk.articles.update_article(save)).await {
                    assert_eq!(answer.expect("a save").into_inner().name, article.name);
                    answered += 1;
                }
            }
            answered
        })
    });
    let answered: u32 = join_all(clients).await.into_iter().map(|client| client.expect("no panic")).sum();
    let hung_up = CLIENTS as u32 * ROUNDS - answered;
    println!("{hung_up} calls were hung up on, {answered} answered");
    assert!(hung_up >= CLIENTS as u32, "without any patience nobody has an answer");
    let mut beside = room.database.connect().await;
    until_quiet(&mut beside).await;
    assert_usable(&room, &articles[0]).await;
    until_quiet(&mut beside).await;
    let (revisions, changes, audited) = traces_of_updates(&mut beside).await;
    assert_eq!((changes, audited), (revisions, revisions), "each save is there wholly or not");
    // What was answered is there; what was hung up on may be.
    let known = i64::from(CLIENTS as u32 * WARM_UP_ROUNDS + answered) + USERS_AFTERWARDS;
    assert!((known..=known + i64::from(hung_up)).contains(&revisions), "{revisions}, {known} known");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_up_while_their_writes_wait_for_a_lock_leave_no_transaction_behind() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.article("一次演练").await;
    let desk = room.desk(Role::Reporter).await;
    let mut beside = room.database.connect().await;
    let mut watcher = room.database.connect().await;
    for round in 1..=10 {
        statement(&mut beside, "begin; select 1 from articles for update").await;
        let calls: Vec<_> = (0..6)
            .map(|call| {
                let mut desk = desk.clone();
                let save = update(&article, "*", &format!("第{round}回第{call}稿"));
                tokio::spawn(async move { desk.articles.update_article(save).await })
            })
            .collect();
        until_waiting(&mut watcher, 6).await;
        for call in calls {
            call.abort();
            assert!(call.await.expect_err("hung up").is_cancelled());
        }
        statement(&mut beside, "rollback").await;
        until_quiet(&mut watcher).await;
        let (revisions, changes, audited) = traces_of_updates(&mut watcher).await;
        assert_eq!((changes, audited), (revisions, revisions), "each save is there wholly or not");
    }
    assert_usable(&room, &article).await;
    room.close().await;
}
