//! Secrets reach neither the log nor the metrics nor an error, however much is
//! logged.

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::ConnectOptions;

use super::Process;

/// Everything that everything says.
const ALL: (&str, &str) = ("RUST_LOG", "trace,masthead=trace,h2=trace,tonic=trace,hyper=trace,sqlx=trace");

#[tokio::test]
async fn no_secret_is_in_the_log_in_the_metrics_or_in_an_error() {
    let process = Process::start(&["--log-format", "json"], &[ALL]).await;
    let address = format!("http://{}", process.address);
    let token = process.token("operator", Role::Operator).await;
    let mut operator = Desk::connect(&address, &token).await.expect("a desk");
    let wanted =
        pb::AccessToken { person: "someone".into(), role: pb::Role::Reader.into(), ..Default::default() };
    let create = pb::CreateAccessTokenRequest { access_token: Some(wanted), ..Default::default() };
    let made = operator.admin.create_access_token(create).await.expect("a token").into_inner().secret;
    assert!(made.len() > 20, "a secret was made");
    let mut someone = Desk::connect(&address, &made).await.expect("a desk");
    let list = pb::ListPublicationsRequest::default();
    someone.publications.list_publications(list.clone()).await.expect("the new token's call");
    // Ones that are not in force, and not even well made.
    let guessed = "guessed-token-that-nobody-has-0123456789";
    let mut guesser = Desk::connect(&address, guessed).await.expect("a desk");
    let refused = guesser.publications.list_publications(list).await.expect_err("a refusal");
    let password = process.database.options().to_url_lossy().password().expect("a password").to_owned();
    let metrics = process.scrape().await;
    let log = process.terminate();
    assert!(log.iter().any(|line| line.contains("\"target\":\"h2::")), "HTTP/2 is logged at all");
    assert!(log.iter().any(|line| line.contains("AdminService/CreateAccessToken")), "calls are logged");
    let mut said = log;
    said.extend(metrics.lines().map(str::to_owned));
    said.push(format!("{refused:?}"));
    for (what, secret) in [
        ("a token", token.as_str()),
        ("a made token", made.as_str()),
        ("a guessed token", guessed),
        ("the database's password", password.as_str()),
    ] {
        // Bytes may be printed as such.
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        let found = said.iter().find(|line| line.contains(secret) || line.contains(bytes));
        assert!(found.is_none(), "{what} is in: {}", found.map_or("", String::as_str));
    }
}
