//! The gate: every method of the proto against every role and every way of
//! having no valid token. The messages are empty, as permission comes before
//! everything that a message could say.

use std::collections::{BTreeMap, BTreeSet};

use masthead::{
    admin::Role,
    auth::table::{Effect, METHODS, rule_for},
    pb,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    newsroom::{Newsroom, PAPER, mask, reason},
    photo_files::start,
    raw::{Line, Message, methods},
};

async fn line_of_each_role(newsroom: &Newsroom) -> Vec<(Role, Line)> {
    let mut lines = Vec::new();
    for role in Role::ALL {
        lines.push((role, Line::of(newsroom, role.as_str(), role).await));
    }
    lines
}

#[test]
fn the_table_has_every_method_of_the_proto_once_and_no_other() {
    let proto: Vec<String> = methods().into_iter().map(|(method, _)| method).collect();
    let table: Vec<String> = METHODS.iter().map(|(method, ..)| (*method).to_owned()).collect();
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&table), sorted(&proto));
    assert_eq!(table.len(), proto.len(), "a method stands in the table twice");
}

#[test]
fn readers_reach_what_is_published_and_operators_change_no_copy() {
    for (method, roles, effect, _) in METHODS {
        // Proving the ledger reads all of it.
        let proves = *method == "PublicationService/VerifyPublications";
        let published = method.starts_with("PublicationService/") && !proves;
        assert_eq!(roles.contains(&Role::Reader), published, "{method}");
        let (_, verb) = method.split_once('/').expect("a service and a method");
        let reading = [
            "Get", "List", "BatchGet", "Search", "Download", "Check", "Compare", "Watch", "Stream", "Verify",
        ];
        let reads = reading.iter().any(|read| verb.starts_with(read));
        assert_eq!(*effect == Effect::Reads, reads && *method != "AdminService/VerifyPhotos", "{method}");
        if method.starts_with("AdminService/") {
            assert_eq!(*roles, [Role::Operator], "{method}");
            continue;
        }
        let keeps = method.starts_with("NewspaperService/") || *method == "PhotoService/PurgePhoto";
        assert_eq!(roles.contains(&Role::Operator), reads || keeps, "{method}");
        // Whoever is more may do all that those before may.
        let ranks = [Role::Reporter, Role::Editor, Role::Publisher].map(|role| roles.contains(&role));
        assert!(ranks.is_sorted() && ranks[2], "{method}");
        let binding = ["Review", "Return", "Publish", "Owe", "Cancel", "Merge"]
            .iter()
            .any(|move_| verb.starts_with(move_));
        // Whoever brings a file may give up bringing it.
        let binding = binding && *method != "PhotoService/CancelPhotoUpload";
        assert!(!(binding && roles.contains(&Role::Reporter)), "{method}");
    }
}

#[tokio::test]
async fn each_role_may_call_what_the_table_says_and_nothing_else() {
    let newsroom = Newsroom::open().await;
    let lines = line_of_each_role(&newsroom).await;
    for (method, _) in methods() {
        for (role, line) in &lines {
            let code =
                line.send(&method, vec![Vec::new()]).await.map_or_else(|status| status.code(), |_| Code::Ok);
            let may = rule_for(&method).is_some_and(|(roles, ..)| roles.contains(role));
            let what = format!("{method} by {}", role.as_str());
            if may {
                let wrong = [
                    Code::PermissionDenied,
                    Code::Unauthenticated,
                    Code::Unimplemented,
                    Code::Internal,
                    Code::Unknown,
                    Code::Unavailable,
                ];
                assert!(!wrong.contains(&code), "{what}: {code:?}");
            } else {
                assert_eq!(code, Code::PermissionDenied, "{what}");
            }
        }
    }
    newsroom.close().await;
}

#[tokio::test]
async fn without_a_valid_token_nothing_can_be_called() {
    let newsroom = Newsroom::open().await;
    let token = newsroom.token("publisher", Role::Publisher).await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    let shown = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer garbage".into(),
        "Bearer 报".into(),
        format!("Basic {token}"),
        format!("Token {token}"),
        token.clone(),
        format!("Bearer{token}"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {token}x"),
        format!("Bearer {}", token.to_lowercase()),
        format!("Bearer {token}, Bearer {token}"),
    ];
    let mut lines: Vec<(String, Line)> =
        shown.into_iter().map(|shown| (shown.clone(), stranger.showing(&shown))).collect();
    lines.push(("no header".into(), stranger.clone()));
    for (method, _) in methods() {
        for (shown, line) in &lines {
            let answer = line.send(&method, vec![Vec::new()]).await;
            let Err(status) = answer else { panic!("{method} let {shown:?} in") };
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (Code::Unauthenticated, "UNAUTHENTICATED".into()), "{method} with {shown:?}");
            assert!(!status.message().contains(&token), "a secret came back");
        }
    }
    // The scheme's name has no case (RFC 9110 section 11.1).
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let line = stranger.showing(&format!("{scheme} {token}"));
        line.call("ReporterService/ListReporters", Vec::new()).await.expect("a valid token");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_method_that_is_not_there_is_unimplemented_for_everyone() {
    let newsroom = Newsroom::open().await;
    let publisher = Line::of(&newsroom, "publisher", Role::Publisher).await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    let wrong = [
        "ReporterService/DropReporters",
        "ReporterService/getreporter",
        "ReporterService/GetReporter/",
        "ReporterService/",
        "ReporterService",
        "ArticleService/GetReporter",
        "NoService/Get",
        "",
    ];
    for method in wrong {
        for line in [&publisher, &stranger] {
            let status = line.send(method, vec![Vec::new()]).await.expect_err("no such method");
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (Code::Unimplemented, "NO_SUCH_METHOD".into()), "{method}");
        }
    }
    newsroom.close().await;
}

/// All that a status shows. A map has no order of its own on the wire.
fn shown(status: &Status) -> (Code, String, usize, BTreeMap<String, String>) {
    let details = status.get_error_details();
    let metadata = details.error_info().map(|info| info.metadata.clone()).unwrap_or_default();
    (status.code(), status.message().to_owned(), status.details().len(), metadata.into_iter().collect())
}

#[tokio::test]
async fn a_denied_caller_learns_nothing_about_what_exists() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let (issue, article) = newsroom.reviewed_issue(4150).await;
    newsroom.publish(&issue).await;
    let mut desk = newsroom.desk(Role::Reporter).await;
    let photo = desk.photos.create_photo(pb::CreatePhotoRequest::default()).await;
    let photo = photo.expect("a photo").into_inner();
    let reporter = pb::Reporter { display_name: "林知秋".into(), ..Default::default() };
    let reporter = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
    let reporter = desk.reporters.create_reporter(reporter).await.expect("a reporter").into_inner();
    let list = pb::ListAccessTokensRequest { page_size: 1, ..Default::default() };
    let tokens = newsroom.desk(Role::Operator).await.admin.list_access_tokens(list).await;
    let token = tokens.expect("tokens").into_inner().access_tokens.remove(0).name;
    let there = BTreeMap::from([
        ("Newspaper", PAPER.to_owned()),
        ("Page", format!("{}/pages/1", issue.name)),
        ("Issue", issue.name),
        ("ArticleRevision", format!("{}/revisions/1", article.name)),
        ("Article", article.name),
        ("Reporter", reporter.name),
        ("PhotoUpload", start(&mut desk, &photo.name, &[0]).await.name),
        ("Photo", photo.name),
        ("Publication", "publications/1".to_owned()),
        ("AccessToken", token),
    ]);
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let missing = BTreeMap::from([
        ("Newspaper", "newspapers/no-such-paper".to_owned()),
        ("Page", "newspapers/no-such-paper/issues/1/pages/1".to_owned()),
        ("Issue", "newspapers/no-such-paper/issues/1".to_owned()),
        ("ArticleRevision", format!("articles/{nowhere}/revisions/1")),
        ("Article", format!("articles/{nowhere}")),
        ("Reporter", format!("reporters/{nowhere}")),
        ("Photo", format!("photos/{nowhere}")),
        ("PhotoUpload", format!("photos/{nowhere}/uploads/{nowhere}")),
        ("Publication", "publications/77".to_owned()),
        ("AccessToken", format!("accessTokens/{nowhere}")),
    ]);
    let lines = line_of_each_role(&newsroom).await;
    let before = newsroom.contents().await;
    let mut denied = 0;
    for (role, line) in lines {
        for (method, descriptor) in methods() {
            if rule_for(&method).is_some_and(|(roles, ..)| roles.contains(&role)) {
                continue;
            }
            let mut answers = Vec::new();
            for names in [&there, &missing] {
                let message = Message::about(descriptor, |kind| names[kind].clone()).encode();
                let status = line.send(&method, vec![message]).await.expect_err("a denial");
                answers.push(shown(&status));
            }
            assert_eq!(answers[0].0, Code::PermissionDenied, "{method} by {}", role.as_str());
            assert_eq!(answers[0], answers[1], "{method} by {}", role.as_str());
            denied += 1;
        }
    }
    assert!(denied > 60, "only {denied} denials");
    assert_eq!(newsroom.contents().await, before);
    newsroom.close().await;
}

#[tokio::test]
async fn a_reporter_does_not_clear_rights_however_the_field_is_sent() {
    let newsroom = Newsroom::open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    let create = pb::CreatePhotoRequest::default();
    let photo = reporter.photos.create_photo(create).await.expect("a photo").into_inner();
    let before = newsroom.contents().await;
    let clearance =
        |clearance: pb::rights::Clearance| pb::Rights { clearance: clearance.into(), ..Default::default() };
    let channel = Some(pb::ChannelRights { excluded: true, ..Default::default() });
    for rights in [
        clearance(pb::rights::Clearance::Cleared),
        clearance(pb::rights::Clearance::DoNotUse),
        pb::Rights { print: channel, ..Default::default() },
        pb::Rights { digital: channel, ..Default::default() },
    ] {
        let rights = Some(rights);
        let cleared = pb::Photo { rights, ..photo.clone() };
        for paths in [None, mask(&["rights"]), mask(&["*"])] {
            let update = pb::UpdatePhotoRequest {
                photo: Some(cleared.clone()),
                update_mask: paths,
                ..Default::default()
            };
            let status = reporter.photos.update_photo(update).await.expect_err("a denial");
            assert_eq!((status.code(), reason(&status)), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
        }
        let create = pb::CreatePhotoRequest { photo: Some(cleared), ..Default::default() };
        let status = reporter.photos.create_photo(create).await.expect_err("a denial");
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    assert_eq!(newsroom.contents().await, before);
    newsroom.close().await;
}
