//! 定时发布: what is scheduled goes out once at its time, if it may; and what is
//! under embargo goes out by no path before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::ConnectOptions;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    command::Serving,
    newsroom::{Newsroom, article, codes, fields, reason},
    publishing::{entry, get_article, get_issue, intact_ledger, retitled, update_article},
};

/// Time for something to happen that is due within a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

fn timestamp(time: DateTime<Utc>) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() as i32 })
}

fn time(timestamp: &Option<prost_types::Timestamp>) -> DateTime<Utc> {
    let timestamp = timestamp.as_ref().expect("a time");
    DateTime::from_timestamp(timestamp.seconds, timestamp.nanos as u32).expect("a time")
}

fn publish_article_at(name: &str, at: DateTime<Utc>) -> pb::PublishArticleRequest {
    pb::PublishArticleRequest { name: name.into(), publish_time: timestamp(at), ..Default::default() }
}

fn publish_issue_at(name: &str, at: DateTime<Utc>) -> pb::PublishIssueRequest {
    pb::PublishIssueRequest { name: name.into(), publish_time: timestamp(at), ..Default::default() }
}

async fn schedule(room: &Newsroom, name: &str, at: DateTime<Utc>) -> Result<pb::Article, Status> {
    let mut publisher = room.desk(Role::Publisher).await;
    Ok(publisher.articles.publish_article(publish_article_at(name, at)).await?.into_inner())
}

/// The article, once it is as `wanted`.
async fn once(room: &Newsroom, name: &str, wanted: impl Fn(&pb::Article) -> bool) -> pb::Article {
    let start = Instant::now();
    loop {
        let article = get_article(room, name).await;
        if wanted(&article) {
            return article;
        }
        assert!(start.elapsed() < PATIENCE, "still: {article:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn is_published(room: &Newsroom, name: &str) -> pb::Article {
    once(room, name, |article| article.state() == pb::State::Published).await
}

fn failure(article: &pb::Article) -> Option<&pb::ScheduleFailure> {
    article.schedule.as_ref()?.failure.as_ref()
}

/// How often each kind of change was made to a resource.
async fn changes(room: &Newsroom, resource: &str) -> BTreeMap<String, i64> {
    let counted = sqlx::query_as("select kind, count(*) from changes where resource = $1 group by kind");
    let rows: Vec<(String, i64)> =
        counted.bind(resource).fetch_all(&mut room.database.connect().await).await.expect("changes");
    rows.into_iter().collect()
}

#[tokio::test]
async fn a_scheduled_article_goes_out_at_its_time_in_the_name_of_who_ordered_it() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.review(&room.article("明早见报").await).await;
    let at = Utc::now() + TimeDelta::milliseconds(1_500);
    let publish =
        pb::PublishArticleRequest { note: "早报。".into(), ..publish_article_at(&article.name, at) };
    let mut publisher = room.desk_of("zhiban", Role::Publisher).await;
    let scheduled = publisher.articles.publish_article(publish).await.expect("an order").into_inner();
    assert_eq!(scheduled.state(), pb::State::Reviewed, "not out yet");
    let order = scheduled.schedule.expect("a schedule");
    assert_eq!((order.scheduler.as_str(), order.note.as_str()), ("zhiban", "早报。"));
    assert_eq!(order.time_zone, "Asia/Shanghai");
    let local = DateTime::parse_from_rfc3339(&order.local_publish_time).expect("a local time");
    assert_eq!(local.offset().local_minus_utc(), 8 * 3600);
    assert_eq!(local, time(&order.publish_time));

    let out = is_published(&room, &article.name).await;
    assert_eq!(out.schedule, None);
    let published = entry(&mut publisher, &out.latest_publication).await;
    assert_eq!((published.publisher.as_str(), published.note.as_str()), ("zhiban", "早报。"));
    assert!(time(&published.publish_time) >= time(&order.publish_time), "never early");
    let expected = [("created", 1), ("reviewed", 1), ("scheduled", 1), ("published", 1)];
    let expected: BTreeMap<String, i64> =
        expected.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
    assert_eq!(changes(&room, &article.name).await, expected);
    room.close().await;
}

#[tokio::test]
async fn a_scheduled_issue_goes_out_whole_with_what_was_acknowledged() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (first, _) = room.reviewed_issue(1).await;
    let (second, placed) = room.reviewed_issue(2).await;
    let mut publisher = room.desk(Role::Publisher).await;
    // The second is due after the first, whose number it follows.
    let soon = Utc::now() + TimeDelta::milliseconds(1_000);
    let scheduled =
        publisher.issues.publish_issue(publish_issue_at(&second.name, soon + TimeDelta::milliseconds(300)));
    let scheduled = scheduled.await.expect("an order").into_inner();
    assert!(scheduled.schedule.is_some());
    publisher.issues.publish_issue(publish_issue_at(&first.name, soon)).await.expect("an order");
    is_published(&room, &placed.name).await;
    let ledger = intact_ledger(&mut room.desk(Role::Reader).await).await;
    let order: Vec<&str> = ledger.iter().map(|entry| entry.resource.as_str()).collect();
    assert_eq!(order, [&first.name, &second.name]);
    assert_eq!(get_issue(&room, &second.name).await.schedule, None);
    room.close().await;
}

#[tokio::test]
async fn an_order_is_checked_when_it_is_given() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let draft = room.article("未审").await;
    let at = Utc::now() + TimeDelta::hours(1);
    let refused = schedule(&room, &draft.name, at).await.expect_err("not reviewed");
    assert_eq!((reason(&refused), codes(&refused)), ("NOT_PUBLISHABLE".into(), vec!["NOT_REVIEWED".into()]));
    let reviewed = room.review(&draft).await;
    for wrong in [Utc::now() - TimeDelta::seconds(1), Utc::now() + TimeDelta::days(400)] {
        let refused = schedule(&room, &reviewed.name, wrong).await.expect_err("no time to come");
        assert_eq!(fields(&refused), ["publish_time"], "{wrong}");
    }
    let broken = pb::PublishArticleRequest {
        name: reviewed.name.clone(),
        publish_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: -1 }),
        ..Default::default()
    };
    let mut publisher = room.desk(Role::Publisher).await;
    let refused = publisher.articles.publish_article(broken).await.expect_err("no time at all");
    assert_eq!(fields(&refused), ["publish_time"]);

    let before = room.contents().await;
    let rehearsed =
        pb::PublishArticleRequest { validate_only: true, ..publish_article_at(&reviewed.name, at) };
    let shown = publisher.articles.publish_article(rehearsed).await.expect("a rehearsal").into_inner();
    assert!(shown.schedule.is_some());
    assert!(room.contents().await == before, "a rehearsal changes nothing");

    let (issue, _) = room.reviewed_issue(1).await;
    let unplanned = pb::Issue { planned_page_count: 8, etag: "*".into(), ..issue };
    let update = pb::UpdateIssueRequest { issue: Some(unplanned), ..Default::default() };
    let issue =
        room.desk(Role::Reporter).await.issues.update_issue(update).await.expect("an issue").into_inner();
    let issue = room.review_issue(&issue).await;
    let refused = publisher.issues.publish_issue(publish_issue_at(&issue.name, at)).await;
    assert_eq!(codes(&refused.expect_err("pages are missing")), ["PAGE_COUNT"]);
    let waived = pb::PublishIssueRequest {
        acknowledge: vec!["PAGE_COUNT".into()],
        ..publish_issue_at(&issue.name, at)
    };
    let scheduled = publisher.issues.publish_issue(waived).await.expect("an order").into_inner();
    assert_eq!(scheduled.schedule.expect("a schedule").acknowledge, ["PAGE_COUNT"]);
    room.close().await;
}

#[tokio::test]
async fn an_order_can_be_changed_and_cancelled() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.review(&room.article("改期").await).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let cancel = || pb::CancelArticleScheduleRequest { name: article.name.clone(), ..Default::default() };
    let refused = publisher.articles.cancel_article_schedule(cancel()).await.expect_err("no order");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "NOT_SCHEDULED".into()));

    let tomorrow = Utc::now() + TimeDelta::days(1);
    schedule(&room, &article.name, tomorrow).await.expect("an order");
    let later = schedule(&room, &article.name, tomorrow + TimeDelta::hours(1)).await.expect("another time");
    let order = later.schedule.as_ref().expect("a schedule");
    assert!(time(&order.publish_time) > tomorrow);
    let stale = pb::CancelArticleScheduleRequest { etag: article.etag.clone(), ..cancel() };
    let refused = publisher.articles.cancel_article_schedule(stale).await.expect_err("it has changed");
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
    let cancelled = publisher.articles.cancel_article_schedule(cancel()).await.expect("no order any more");
    let cancelled = cancelled.into_inner();
    assert_eq!((cancelled.schedule.as_ref(), cancelled.state()), (None, pb::State::Reviewed));
    assert_eq!(cancelled.reviews, article.reviews, "its sign-offs stand");

    let (issue, _) = room.reviewed_issue(1).await;
    publisher.issues.publish_issue(publish_issue_at(&issue.name, tomorrow)).await.expect("an order");
    let cancel = || pb::CancelIssueScheduleRequest { name: issue.name.clone(), ..Default::default() };
    let cancelled = publisher.issues.cancel_issue_schedule(cancel()).await.expect("no order any more");
    assert_eq!(cancelled.into_inner().schedule, None);
    let refused = publisher.issues.cancel_issue_schedule(cancel()).await.expect_err("no order");
    assert_eq!(reason(&refused), "NOT_SCHEDULED");

    // Publishing at once ends an order too, and so does deleting.
    schedule(&room, &article.name, tomorrow).await.expect("an order");
    let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
    let out = publisher.articles.publish_article(publish).await.expect("a publication").into_inner();
    assert_eq!(out.schedule, None);
    let gone = room.review(&room.article("不用了").await).await;
    schedule(&room, &gone.name, tomorrow).await.expect("an order");
    let delete = pb::DeleteArticleRequest { name: gone.name.clone(), ..Default::default() };
    let deleted = room.desk(Role::Reporter).await.articles.delete_article(delete).await.expect("a deletion");
    assert_eq!(deleted.into_inner().schedule, None);
    room.close().await;
}

#[tokio::test]
async fn what_may_not_go_out_at_its_time_stays_in_and_says_why() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.review(&room.article("会被改动").await).await;
    let at = Utc::now() + TimeDelta::milliseconds(1_000);
    schedule(&room, &article.name, at).await.expect("an order");
    update_article(&room, retitled(&article, "改动后未审")).await;
    let failed = once(&room, &article.name, |article| failure(article).is_some()).await;
    assert_eq!(failed.state(), pb::State::Draft);
    let why = failure(&failed).expect("a failure");
    assert_eq!(why.codes, ["NOT_REVIEWED"]);
    assert!(why.description.contains("cannot be published"), "{why:?}");
    assert!(time(&why.failure_time) >= at);
    let told = changes(&room, &article.name).await;
    assert_eq!((told.get("schedule_failed"), told.get("published")), (Some(&1), None), "{told:?}");
    assert!(intact_ledger(&mut room.desk(Role::Reader).await).await.is_empty());

    // Signed again and ordered again, it goes out.
    let signed = room.review(&failed).await;
    let at = Utc::now() + TimeDelta::milliseconds(300);
    let ordered = schedule(&room, &signed.name, at).await.expect("an order");
    assert_eq!(failure(&ordered), None);
    is_published(&room, &article.name).await;
    room.close().await;
}

#[tokio::test]
async fn an_embargo_holds_on_every_path() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let until = Utc::now() + TimeDelta::seconds(3);
    let held = pb::Article { embargo_time: timestamp(until), ..article("禁发消息") };
    let create = pb::CreateArticleRequest { article: Some(held), ..Default::default() };
    let held = room.desk(Role::Reporter).await.articles.create_article(create).await.expect("an article");
    let held = room.review(&held.into_inner()).await;
    let mut publisher = room.desk(Role::Publisher).await;

    let publish = pb::PublishArticleRequest { name: held.name.clone(), ..Default::default() };
    let refused = publisher.articles.publish_article(publish).await.expect_err("under embargo");
    assert_eq!(codes(&refused), ["ARTICLE_EMBARGOED"]);
    let issue = room.review_issue(&room.issue(1, &[&held]).await).await;
    let publish = pb::PublishIssueRequest { name: issue.name.clone(), ..Default::default() };
    let refused = publisher.issues.publish_issue(publish).await.expect_err("under embargo");
    assert_eq!(codes(&refused), ["ARTICLE_EMBARGOED"]);
    let early = until - TimeDelta::milliseconds(500);
    let refused = schedule(&room, &held.name, early).await.expect_err("too early");
    assert_eq!(codes(&refused), ["ARTICLE_EMBARGOED"]);
    let refused = publisher.issues.publish_issue(publish_issue_at(&issue.name, early)).await;
    assert_eq!(codes(&refused.expect_err("too early")), ["ARTICLE_EMBARGOED"]);

    // Lifting it is a change of content, which must be signed.
    let lifted = pb::Article { name: held.name.clone(), etag: "*".into(), ..Default::default() };
    let lift = pb::UpdateArticleRequest {
        article: Some(lifted),
        update_mask: crate::newsroom::mask(&["embargo_time"]),
        validate_only: true,
        ..Default::default()
    };
    let lifted = room.desk(Role::Reporter).await.articles.update_article(lift).await.expect("an update");
    assert_eq!(lifted.into_inner().state(), pb::State::Draft);

    publisher.issues.publish_issue(publish_issue_at(&issue.name, until)).await.expect("in time");
    let out = is_published(&room, &held.name).await;
    let published = entry(&mut publisher, &out.latest_publication).await;
    assert!(time(&published.publish_time) >= until, "not before");
    // When it was held is not for readers.
    let get = pb::GetPublishedArticleRequest { name: held.name.clone(), ..Default::default() };
    let served = publisher.publications.get_published_article(get).await.expect("the article").into_inner();
    assert_eq!(served.article.expect("an article").embargo_time, None);
    room.close().await;
}

#[tokio::test]
async fn an_order_survives_that_no_server_runs_at_its_time() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.review(&room.article("停机期间").await).await;
    let at = Utc::now() + TimeDelta::milliseconds(700);
    schedule(&room, &article.name, at).await.expect("an order");
    let room = room.closed_while(async { sleep((at - Utc::now()).to_std().unwrap_or_default()).await }).await;
    is_published(&room, &article.name).await;
    assert_eq!(intact_ledger(&mut room.desk(Role::Reader).await).await.len(), 1);
    room.close().await;
}

#[tokio::test]
async fn a_repeated_order_gets_its_first_answer_after_its_time_too() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let article = room.review(&room.article("重复指令").await).await;
    let at = Utc::now() + TimeDelta::milliseconds(600);
    let publish = pb::PublishArticleRequest {
        request_id: Uuid::now_v7().to_string(),
        ..publish_article_at(&article.name, at)
    };
    let mut publisher = room.desk(Role::Publisher).await;
    let first = publisher.articles.publish_article(publish.clone()).await.expect("an order").into_inner();
    is_published(&room, &article.name).await;
    let again = publisher.articles.publish_article(publish).await.expect("the first answer").into_inner();
    assert_eq!(again, first);
    room.close().await;
}

/// What a server process tells Prometheus.
fn scrape(address: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).expect("a metrics listener");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("metrics");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_in_the_metrics_what_did_not_go_out() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let doomed = room.review(&room.article("发不出去").await).await;
    schedule(&room, &doomed.name, Utc::now() + TimeDelta::seconds(1)).await.expect("an order");
    update_article(&room, retitled(&doomed, "改动后未审")).await;
    let url = room.database.options().to_url_lossy().to_string();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let metrics = free.expect("a port").to_string();
    let room = room
        .closed_while(async {
            let data = crate::command::data_dir();
            let flags = ["--database-url", &url, "--metrics-listen", &metrics];
            let _process = Serving::start_with(data.path(), &flags);
            let failed = r#"masthead_scheduled_publications_total{kind="article",outcome="failed"} 1"#;
            let start = Instant::now();
            loop {
                let told = scrape(&metrics);
                if told.contains(failed) {
                    assert!(told.contains(r#"{kind="issue",outcome="failed"} 0"#), "{told}");
                    break;
                }
                assert!(start.elapsed() < PATIENCE, "{told}");
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    assert!(failure(&get_article(&room, &doomed.name).await).is_some());
    room.close().await;
}

/// How many articles two processes publish at their times.
const ORDERS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_publish_a_hundred_orders_once_each_and_in_time() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut names = Vec::new();
    for number in 0..ORDERS {
        names.push(room.review(&room.article(&format!("定时第{number}条")).await).await.name);
    }
    let token = room.token("zhiban", Role::Publisher).await;
    let url = room.database.options().to_url_lossy().to_string();
    let room = room
        .closed_while(async {
            let data = [crate::command::data_dir(), crate::command::data_dir()];
            let processes =
                data.each_ref().map(|data| Serving::start_with(data.path(), &["--database-url", &url]));
            let mut desks = Vec::new();
            for process in &processes {
                desks.push(Desk::connect(process.address(), &token).await.expect("a desk"));
            }
            let times = order_all(&mut desks, &names).await;
            let ledger = until_all_published(&mut desks[0]).await;
            assert_on_time(&times, &ledger);
        })
        .await;
    assert_eq!(intact_ledger(&mut room.desk(Role::Reader).await).await.len(), ORDERS);
    for name in &names {
        assert_eq!(changes(&room, name).await["published"], 1, "{name}");
    }
    room.close().await;
}

/// Orders the articles through one process and the other in turn, for times
/// within three seconds; the times by name.
async fn order_all(desks: &mut [Desk], names: &[String]) -> BTreeMap<String, DateTime<Utc>> {
    // By then all orders are given, on a busy machine too.
    let start = Utc::now() + TimeDelta::seconds(20);
    let mut times = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let at = start + TimeDelta::milliseconds(30 * index as i64);
        let desk = &mut desks[index % 2];
        desk.articles.publish_article(publish_article_at(name, at)).await.expect("an order");
        times.insert(name.clone(), at);
    }
    assert!(Utc::now() < start, "all was ordered before the first was due");
    times
}

async fn until_all_published(desk: &mut Desk) -> Vec<pb::Publication> {
    let start = Instant::now();
    loop {
        let list = pb::ListPublicationsRequest { page_size: 500, ..Default::default() };
        let ledger = desk.publications.list_publications(list).await.expect("the ledger").into_inner();
        if ledger.publications.len() >= ORDERS {
            return ledger.publications;
        }
        assert!(start.elapsed() < PATIENCE, "only {} were published", ledger.publications.len());
        sleep(Duration::from_millis(200)).await;
    }
}

/// Each once, none early, and half of them within a second of their times.
fn assert_on_time(times: &BTreeMap<String, DateTime<Utc>>, ledger: &[pb::Publication]) {
    let once: BTreeSet<&str> = ledger.iter().map(|entry| entry.resource.as_str()).collect();
    assert_eq!((once.len(), ledger.len()), (ORDERS, ORDERS), "each once");
    let mut late: Vec<TimeDelta> =
        ledger.iter().map(|entry| time(&entry.publish_time) - times[&entry.resource]).collect();
    late.sort();
    println!("late by {} at the median, by {} at most", late[ORDERS / 2], late[ORDERS - 1]);
    assert!(late[0] >= TimeDelta::microseconds(-1), "none early: {}", late[0]);
    assert!(late[ORDERS / 2] < TimeDelta::seconds(1), "the median is {} late", late[ORDERS / 2]);
}
