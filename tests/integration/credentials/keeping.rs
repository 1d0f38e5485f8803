//! What operators make and see.

use std::time::Duration;

use chrono::Utc;
use masthead::{admin::Role, pb};
use tonic::Code;

use super::{desk, make, of};
use crate::newsroom::{Newsroom, PAPER, reason};

#[tokio::test]
async fn a_made_token_opens_what_it_says_and_its_secret_is_seen_once() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let made =
        make(&newsroom, pb::AccessToken { note: "排版程序".into(), ..of("林晓", pb::Role::Editor) }).await;
    assert!(made.secret.starts_with("masthead_") && made.secret.len() > 50);
    assert_eq!((made.person.as_str(), made.creator.as_str()), ("林晓", "operator"));
    let mut operator = newsroom.desk(Role::Operator).await;
    let get = pb::GetAccessTokenRequest { name: made.name.clone() };
    let got = operator.admin.get_access_token(get).await.expect("it").into_inner();
    assert_eq!(got, pb::AccessToken { secret: String::new(), ..made.clone() });
    let mut lin = desk(&newsroom.address(), &made.secret).await;
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    lin.newspapers.get_newspaper(get).await.expect("an editor reads");
    // Nothing that is kept holds the secret.
    let mut connection = newsroom.database.connect().await;
    for table in ["access_tokens", "requests", "audit_events", "changes"] {
        let all = sqlx::AssertSqlSafe(format!("select count(*) from {table} t where t::text like $1"));
        let secret = made.secret.trim_start_matches("masthead_");
        let found: i64 = sqlx::query_scalar(all)
            .bind(format!("%{secret}%"))
            .fetch_one(&mut connection)
            .await
            .expect("a look");
        assert_eq!(found, 0, "{table}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn what_a_credential_may_not_say_is_named_all_at_once() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut operator = newsroom.desk(Role::Operator).await;
    let before = newsroom.contents().await;
    let wrong = pb::AccessToken {
        person: " 两行\n名 ".into(),
        newspapers: vec!["morning-post".into()],
        note: "字".repeat(201),
        certificate_sha256: "abc".into(),
        ..Default::default()
    };
    let create = pb::CreateAccessTokenRequest { access_token: Some(wrong), ..Default::default() };
    let status = operator.admin.create_access_token(create).await.expect_err("a refusal");
    let details = tonic_types::StatusExt::get_error_details(&status);
    let fields: Vec<&str> = details
        .bad_request()
        .expect("violations")
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    let expected = ["role", "person", "newspapers[0]", "note", "certificate_sha256"];
    assert_eq!(fields, expected.map(|field| format!("access_token.{field}")));
    let passed = prost_types::Timestamp { seconds: Utc::now().timestamp() - 1, nanos: 0 };
    let newspapers = vec![PAPER.to_owned()];
    let nobodys = vec!["newspapers/no-such-paper".to_owned()];
    let each = [
        ("expire_time", pb::AccessToken { expire_time: Some(passed), ..of("甲", pb::Role::Editor) }),
        ("newspapers", pb::AccessToken { newspapers, ..of("甲", pb::Role::Operator) }),
        ("newspapers", pb::AccessToken { newspapers: nobodys, ..of("甲", pb::Role::Editor) }),
    ];
    for (field, token) in each {
        let create = pb::CreateAccessTokenRequest { access_token: Some(token), ..Default::default() };
        let status = operator.admin.create_access_token(create).await.expect_err("a refusal");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(field), "{status:?}");
    }
    let rehearsed =
        pb::CreateAccessTokenRequest { access_token: Some(of("甲", pb::Role::Editor)), validate_only: true };
    let rehearsed = operator.admin.create_access_token(rehearsed).await.expect("a rehearsal").into_inner();
    assert_eq!(rehearsed.secret, "");
    assert_eq!(newsroom.contents().await, before);
    newsroom.close().await;
}

#[tokio::test]
async fn a_credential_ends_at_its_time() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let soon = Utc::now() + chrono::TimeDelta::milliseconds(1500);
    let token = pb::AccessToken {
        expire_time: Some(prost_types::Timestamp {
            seconds: soon.timestamp(),
            nanos: soon.timestamp_subsec_nanos() as i32,
        }),
        ..of("林晓", pb::Role::Editor)
    };
    let made = make(&newsroom, token).await;
    let mut lin = desk(&newsroom.address(), &made.secret).await;
    let watch = pb::WatchChangesRequest { from_now: true, ..Default::default() };
    let mut changes = lin.activity.watch_changes(watch).await.expect("a watch").into_inner();
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    lin.newspapers.get_newspaper(get.clone()).await.expect("it is in force");
    // The open stream ends with it, by itself.
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Err(status) = changes.message().await {
                return status;
            }
        }
    });
    let ended = ended.await.expect("an end of the stream");
    assert_eq!((ended.code(), reason(&ended)), (Code::Unauthenticated, "UNAUTHENTICATED".into()));
    assert!(Utc::now() >= soon, "not before its time");
    let status = lin.newspapers.get_newspaper(get).await.expect_err("it has ended");
    assert_eq!(status.code(), Code::Unauthenticated);
    newsroom.close().await;
}

#[tokio::test]
async fn lists_show_who_has_what_and_when_it_was_used() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let scoped = pb::AccessToken { newspapers: vec![PAPER.into()], ..of("甲", pb::Role::Publisher) };
    let first = make(&newsroom, scoped).await;
    let second = make(&newsroom, of("乙", pb::Role::Reader)).await;
    let mut operator = newsroom.desk(Role::Operator).await;
    for (filter, expected) in [
        ("person = \"甲\"", vec![&first.name]),
        ("person = \"乙\" OR person = \"甲\"", vec![&second.name, &first.name]),
        ("newspaper:\"newspapers/morning-post\"", vec![&first.name]),
        ("role = PUBLISHER AND newspaper:*", vec![&first.name]),
        ("person = \"甲\" AND last_use_time:*", vec![]),
    ] {
        let list = pb::ListAccessTokensRequest { filter: filter.into(), ..Default::default() };
        let listed = operator.admin.list_access_tokens(list).await.expect("a list").into_inner();
        let names: Vec<&String> = listed.access_tokens.iter().map(|token| &token.name).collect();
        assert_eq!(names, expected, "{filter}");
        assert!(listed.access_tokens.iter().all(|token| token.secret.is_empty()));
    }
    // Page by page, the newest first, each once.
    let (mut page_token, mut seen) = (String::new(), Vec::new());
    loop {
        let list = pb::ListAccessTokensRequest { page_size: 1, page_token, ..Default::default() };
        let listed = operator.admin.list_access_tokens(list).await.expect("a page").into_inner();
        seen.extend(listed.access_tokens.into_iter().map(|token| token.name));
        page_token = listed.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(seen.is_sorted_by(|newer, older| newer > older) && seen.contains(&first.name), "{seen:?}");
    newsroom.close().await;
}

#[tokio::test]
async fn it_is_seen_when_a_credential_was_last_used_and_which_never_was() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let used = make(&newsroom, of("甲", pb::Role::Reader)).await;
    let idle = make(&newsroom, of("乙", pb::Role::Reader)).await;
    assert_eq!(used.last_use_time, None);
    let before = Utc::now().timestamp();
    let list = pb::ListPublicationsRequest::default();
    desk(&newsroom.address(), &used.secret).await.publications.list_publications(list).await.expect("a use");
    let after = Utc::now().timestamp();
    // It is kept to the minute, and when a server stops.
    let newsroom = newsroom.closed_while(async {}).await;
    let mut operator = newsroom.desk(Role::Operator).await;
    let mut get = async |name: &String| {
        let get = pb::GetAccessTokenRequest { name: name.clone() };
        operator.admin.get_access_token(get).await.expect("it").into_inner().last_use_time
    };
    let time = get(&used.name).await.expect("a time of use").seconds;
    assert!((before..=after).contains(&time), "{time} in {before} to {after}");
    assert_eq!(get(&idle.name).await, None);
    let list = pb::ListAccessTokensRequest { filter: "last_use_time:*".into(), ..Default::default() };
    let listed = operator.admin.list_access_tokens(list).await.expect("a list").into_inner().access_tokens;
    let names: Vec<&String> = listed.iter().map(|token| &token.name).collect();
    assert!(names.contains(&&used.name) && !names.contains(&&idle.name), "{names:?}");
    newsroom.close().await;
}

#[tokio::test]
async fn only_operators_keep_credentials() {
    let newsroom = Newsroom::open().await;
    for role in [Role::Reader, Role::Reporter, Role::Editor, Role::Publisher] {
        let mut other = newsroom.desk(role).await;
        let list = other.admin.list_access_tokens(pb::ListAccessTokensRequest::default()).await;
        assert_eq!(list.expect_err("a refusal").code(), Code::PermissionDenied);
    }
    newsroom.close().await;
}
