//! Secrets reach neither the log nor the metrics nor an error, however much is
//! logged.

use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::ConnectOptions;

use super::Process;
use crate::identity::{issuer::Issuer, signer::Signer};

/// Everything that everything says.
const ALL: (&str, &str) = ("RUST_LOG", "trace,masthead=trace,h2=trace,tonic=trace,hyper=trace,sqlx=trace");

#[tokio::test]
async fn no_secret_is_in_the_log_in_the_metrics_or_in_an_error() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let audience = crate::identity::issuer::AUDIENCE;
    let flags = ["--log-format", "json", "--oidc-issuer", &issuer.url, "--oidc-audience", audience];
    let s3_secret = "s3-secret-that-only-the-test-has-0123456789";
    let s3_session = "s3-session-that-only-the-test-has-0123456789";
    let settings = [
        ALL,
        ("MASTHEAD_PHOTO_STORE", "s3://paper/photos"),
        ("AWS_ACCESS_KEY_ID", "desk"),
        ("AWS_SECRET_ACCESS_KEY", s3_secret),
        ("AWS_SESSION_TOKEN", s3_session),
        ("AWS_REGION", "us-east-1"),
        // There is nothing but the issuer, which has no such thing.
        ("AWS_ENDPOINT_URL", issuer.url.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let process = Process::start(&flags, &settings).await;
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
    // One that the issuer has signed, and one that somebody else has.
    let issued = signer.token("1", &issuer.claims("someone else", "reporter"));
    let mut issued_desk = Desk::connect(&address, &issued).await.expect("a desk");
    let photo = issued_desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo");
    let start = pb::StartPhotoUploadRequest {
        parent: photo.into_inner().name,
        upload: Some(pb::PhotoUpload { size_bytes: 10, ..Default::default() }),
        ..Default::default()
    };
    let not_kept = issued_desk.photos.start_photo_upload(start).await.expect_err("there is no bucket");
    let forged = Signer::ed25519().token("1", &issuer.claims("someone else", "operator"));
    let mut forger = Desk::connect(&address, &forged).await.expect("a desk");
    let list = pb::ListPublicationsRequest::default();
    let not_taken = forger.publications.list_publications(list).await.expect_err("a refusal");
    let password = process.database.options().to_url_lossy().password().expect("a password").to_owned();
    let metrics = process.scrape().await;
    let log = process.terminate();
    assert!(log.iter().any(|line| line.contains("\"target\":\"h2::")), "HTTP/2 is logged at all");
    assert!(log.iter().any(|line| line.contains("AdminService/CreateAccessToken")), "calls are logged");
    let mut said = log;
    said.extend(metrics.lines().map(str::to_owned));
    assert!(said.iter().any(|line| line.contains("object_store")), "requests to the bucket are logged");
    said.extend([refused, not_kept, not_taken].map(|status| format!("{status:?}")));
    for (what, secret) in [
        ("a token", token.as_str()),
        ("a made token", made.as_str()),
        ("a guessed token", guessed),
        ("the database's password", password.as_str()),
        ("a token of the issuer", issued.as_str()),
        ("its signature", issued.rsplit('.').next().expect("a signature")),
        ("a forged token", forged.as_str()),
        ("the secret key of the bucket", s3_secret),
        ("the session token of the bucket", s3_session),
    ] {
        // Bytes may be printed as such.
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        let found = said.iter().find(|line| line.contains(secret) || line.contains(bytes));
        assert!(found.is_none(), "{what} is in: {}", found.map_or("", String::as_str));
    }
}
