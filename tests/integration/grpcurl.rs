//! What an operator does with grpcurl, with the real one.

use std::process::Command;

use masthead::admin::Role;
use serde_json::{Value, json};

use crate::newsroom::{Newsroom, PAPER};

/// Whether grpcurl is here. Where everything must hold, it has to be.
fn is_here() -> bool {
    let here = Command::new("grpcurl").arg("-version").output().is_ok();
    assert!(here || std::env::var_os("CI").is_none(), "grpcurl is not on the PATH");
    if !here {
        eprintln!("SKIPPED: grpcurl is not on the PATH");
    }
    here
}

/// Runs grpcurl; what it prints, and whether it succeeded.
async fn grpcurl(arguments: &[&str]) -> (bool, String) {
    let output = tokio::process::Command::new("grpcurl").args(arguments).output().await.expect("grpcurl");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).expect("UTF-8"))
}

/// A person at a terminal.
struct Terminal {
    address: String,
    header: String,
}

impl Terminal {
    async fn of(newsroom: &Newsroom, role: Role) -> Terminal {
        let token = newsroom.token(role.as_str(), role).await;
        Terminal { address: newsroom.address(), header: format!("authorization: Bearer {token}") }
    }

    async fn try_call(&self, method: &str, message: &Value) -> (bool, String) {
        let message = message.to_string();
        let method = format!("masthead.v1.{method}");
        grpcurl(&["-plaintext", "-H", &self.header, "-d", &message, &self.address, &method]).await
    }

    async fn call(&self, method: &str, message: Value) -> Value {
        let (done, printed) = self.try_call(method, &message).await;
        assert!(done, "{method}: {printed}");
        serde_json::from_str(&printed).expect("JSON")
    }
}

#[tokio::test]
async fn the_api_is_found_by_reflection_and_described_with_its_comments() {
    if !is_here() {
        return;
    }
    let newsroom = Newsroom::open().await;
    let address = newsroom.address();
    let (done, listed) = grpcurl(&["-plaintext", &address, "list"]).await;
    assert!(done, "{listed}");
    for service in [
        "ActivityService",
        "ArticleService",
        "IssueService",
        "NewspaperService",
        "PhotoService",
        "PublicationService",
    ] {
        assert!(listed.contains(&format!("masthead.v1.{service}")), "{listed}");
    }
    for known in ["grpc.health.v1.Health", "grpc.reflection.v1"] {
        assert!(listed.contains(known), "{listed}");
    }
    let (done, described) =
        grpcurl(&["-plaintext", &address, "describe", "masthead.v1.IssueService.PublishIssue"]).await;
    assert!(done, "{described}");
    assert!(described.contains("All or nothing"), "{described}");
    assert!(described.contains("/v1/{name=newspapers/*/issues/*}:publish"), "{described}");
    let (done, health) = grpcurl(&["-plaintext", &address, "grpc.health.v1.Health/Check"]).await;
    assert!(done && health.contains("SERVING"), "{health}");
    newsroom.close().await;
}

#[tokio::test]
async fn an_issue_is_reviewed_published_and_pulled_from_a_terminal() {
    if !is_here() {
        return;
    }
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let article = newsroom.article("演练昨天举行").await;
    let issue = newsroom.issue(7, &[&article]).await;
    let editor = Terminal::of(&newsroom, Role::Editor).await;
    let publisher = Terminal::of(&newsroom, Role::Publisher).await;
    let reader = Terminal::of(&newsroom, Role::Reader).await;

    let got = editor.call("ArticleService/GetArticle", json!({"name": article.name})).await;
    assert_eq!(got["headline"], "演练昨天举行");
    let sign = json!({"name": article.name, "etag": got["etag"], "stage": 1});
    let signed = editor.call("ArticleService/ReviewArticle", sign).await;
    assert_eq!(signed["state"], "STATE_REVIEWED");
    let sign = json!({"name": issue.name, "etag": "*", "stage": 1});
    editor.call("IssueService/ReviewIssue", sign).await;
    let published = publisher.call("IssueService/PublishIssue", json!({"name": issue.name})).await;
    assert_eq!(published["latestPublication"], "publications/1");
    let pulled = reader.call("PublicationService/GetPublishedIssue", json!({"newspaper": PAPER})).await;
    assert_eq!(pulled["pages"][0]["placements"][0]["article"]["headline"], "演练昨天举行");
    newsroom.close().await;
}

#[tokio::test]
async fn the_details_of_errors_can_be_read() {
    if !is_here() {
        return;
    }
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let article = newsroom.article("演练昨天举行").await;
    let issue = newsroom.issue(7, &[&article]).await;
    let publisher = Terminal::of(&newsroom, Role::Publisher).await;
    let refusals = [
        ("IssueService/PublishIssue", json!({"name": issue.name}), "ARTICLE_NOT_REVIEWED"),
        ("ArticleService/GetArticle", json!({"name": "articles/1"}), "is not a name of the form"),
        (
            "ArticleService/UpdateArticle",
            json!({"article": {"name": article.name, "etag": "\"9\""}}),
            "ETAG_MISMATCH",
        ),
        ("IssueService/GetIssue", json!({"name": "newspapers/x/issues/1"}), "RESOURCE_NOT_FOUND"),
    ];
    for (method, message, expected) in refusals {
        let (done, printed) = publisher.try_call(method, &message).await;
        assert!(!done, "{method} is refused");
        assert!(printed.contains(expected), "{method}: {printed}");
        assert!(printed.contains("masthead"), "{method}: {printed}");
        assert!(!printed.contains("not recognized"), "{method}: {printed}");
    }
    let reader = Terminal::of(&newsroom, Role::Reader).await;
    let (_, printed) = reader.try_call("ArticleService/GetArticle", &json!({"name": article.name})).await;
    assert!(printed.contains("PermissionDenied") && printed.contains("ROLE_NOT_ALLOWED"), "{printed}");
    newsroom.close().await;
}
