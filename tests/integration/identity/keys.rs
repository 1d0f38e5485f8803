//! Keys: fetched, changed and taken back while the server runs, and an issuer that is
//! not always there.

use std::{io::Write, time::Duration};

use chrono::Utc;
use futures::future::join_all;
use masthead::{
    admin::Role,
    auth::jwt::{Issuers, Refused},
    config::IdentitySettings,
};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{Following, issuer::Issuer, signer::Signer};

/// Waits until something is so; far longer than it should take.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_taken() {
    let signers = [Signer::rsa(), Signer::p256(), Signer::ed25519()];
    let jwks: Vec<_> = signers.iter().map(|signer| signer.jwk(signer.algorithm())).collect();
    let issuer = Issuer::start(&jwks).await;
    let following = Following::start(&issuer.settings());
    for signer in &signers {
        let token = signer.token(signer.algorithm(), &issuer.claims("林晓", "editor"));
        let identity = following.identify(&token).await.expect("a good token").expect("a token of an issuer");
        assert_eq!((identity.person.as_str(), identity.roles), ("林晓", vec![Role::Editor]));
        assert!(identity.newspapers.is_empty());
        let left = identity.expires - Utc::now();
        assert!((300..=360).contains(&left.num_seconds()), "{left}");
        // Each of the three is also found without its name, as it is the only one.
        let header = json!({"alg": signer.algorithm()}).to_string();
        let nameless = signer.signed(&header, &issuer.claims("林晓", "editor").to_string());
        assert_eq!(following.person(&nameless).await.as_deref(), Ok("林晓"), "{header}");
    }
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn what_has_another_form_is_left_to_others() {
    let issuer = Issuer::start(&[]).await;
    let following = Following::start(&issuer.settings());
    for token in ["masthead_0Pq3", "", "a.b", "a.b.c.d", "a.b.c="] {
        assert_eq!(following.identify(token).await, Ok(None), "{token:?}");
    }
    let signer = Signer::ed25519();
    let nobody = Following::start(&IdentitySettings::default());
    assert_eq!(nobody.identify(&signer.token("a", &issuer.claims("林晓", "editor"))).await, Ok(None));
}

#[tokio::test]
async fn a_new_key_is_taken_at_once() {
    let (old, new) = (Signer::rsa(), Signer::p256());
    let issuer = Issuer::start(&[old.jwk("1")]).await;
    let following = Following::start(&issuer.settings());
    let claims = issuer.claims("林晓", "editor");
    assert!(following.person(&old.token("1", &claims)).await.is_ok());
    issuer.publish(&[old.jwk("1"), new.jwk("2")]);
    assert!(following.person(&new.token("2", &claims)).await.is_ok());
    assert!(following.person(&old.token("1", &claims)).await.is_ok(), "both are good meanwhile");
    assert_eq!(issuer.asked_for_keys(), 2);
}

#[tokio::test]
async fn an_issuer_that_names_no_keys_can_change_them_too() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(&[old.nameless_jwk()]).await;
    let following = Following::start(&issuer.settings());
    let claims = issuer.claims("林晓", "editor").to_string();
    let token = |signer: &Signer| signer.signed(r#"{"alg":"EdDSA"}"#, &claims);
    assert!(following.person(&token(&old)).await.is_ok());
    issuer.publish(&[new.nameless_jwk()]);
    assert!(following.person(&token(&new)).await.is_ok());
    assert_eq!(following.person(&token(&old)).await, Err(Refused::Signature));
}

#[tokio::test]
async fn a_key_that_was_taken_back_ends_with_the_next_fetch() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let issuer = Issuer::start(&[old.jwk("1"), new.jwk("2")]).await;
    let settings = IdentitySettings { oidc_refresh_seconds: 1, ..issuer.settings() };
    let following = Following::start(&settings);
    let claims = issuer.claims("林晓", "editor");
    let old = old.token("1", &claims);
    assert!(following.person(&old).await.is_ok());
    issuer.publish(&[new.jwk("2")]);
    until("the old key is refused", async || following.person(&old).await == Err(Refused::KeyUnknown)).await;
    assert!(following.person(&new.token("2", &claims)).await.is_ok());
    issuer.publish(&[]);
    let new = new.token("2", &claims);
    until("all keys are refused", async || following.person(&new).await == Err(Refused::KeyUnknown)).await;
}

#[tokio::test]
async fn known_keys_outlast_the_issuer_but_not_for_ever() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let settings =
        IdentitySettings { oidc_refresh_seconds: 1, oidc_keys_age_seconds_max: 3, ..issuer.settings() };
    let following = Following::start(&settings);
    let token = signer.token("1", &issuer.claims("林晓", "editor"));
    assert!(following.person(&token).await.is_ok());
    issuer.set_away(true);
    // The next fetch, after a second, fails; the keys are good for two more.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(following.person(&token).await.is_ok());
    until("the keys are too old", async || following.person(&token).await == Err(Refused::KeysAway)).await;
    issuer.set_away(false);
    until("the issuer is back", async || following.person(&token).await.is_ok()).await;
}

#[tokio::test]
async fn an_issuer_may_come_after_the_server() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    issuer.set_away(true);
    let following = Following::start(&issuer.settings());
    let token = signer.token("1", &issuer.claims("林晓", "editor"));
    assert_eq!(following.person(&token).await, Err(Refused::KeysAway));
    issuer.set_away(false);
    until("its keys are known", async || following.person(&token).await.is_ok()).await;
}

#[tokio::test]
async fn a_broken_answer_takes_no_key_away() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let settings = IdentitySettings {
        oidc_document_bytes_max: 4_096,
        oidc_keys_max: 3,
        oidc_fetch_seconds_max: 1,
        ..issuer.settings()
    };
    let following = Following::start(&settings);
    let claims = issuer.claims("林晓", "editor");
    let (known, unknown) = (signer.token("1", &claims), signer.token("2", &claims));
    assert!(following.person(&known).await.is_ok());
    let path = "/realms/paper/keys";
    let (one, more) = (signer.jwk("1"), signer.jwk("2"));
    let full = |bytes: usize| {
        let bare = json!({"keys": [more], "more": ""}).to_string().len();
        json!({"keys": [more], "more": "x".repeat(bytes - bare)}).to_string()
    };
    let elsewhere = format!("location: {}/elsewhere\r\n", issuer.url);
    issuer.answer("/realms/paper/elsewhere", "200 OK", "", json!({"keys": [more]}).to_string());
    let broken = [
        ("500 Internal Server Error", "", json!({"keys": [more]}).to_string()),
        ("404 Not Found", "", String::new()),
        ("302 Found", elsewhere.as_str(), String::new()),
        ("200 OK", "", "<html>try again</html>".to_owned()),
        ("200 OK", "", "{}".to_owned()),
        ("200 OK", "", json!({"keys": [one, one, one, more]}).to_string()),
        ("200 OK", "", full(4_097)),
    ];
    for (status, headers, body) in broken {
        issuer.answer(path, status, headers, body.clone());
        assert_eq!(following.person(&unknown).await, Err(Refused::KeyUnknown), "{status} {body}");
        assert!(following.person(&known).await.is_ok(), "{status} {body}");
    }
    issuer.set_silent(true);
    assert_eq!(following.person(&unknown).await, Err(Refused::KeyUnknown), "silence");
    assert!(following.person(&known).await.is_ok(), "silence");
    issuer.set_silent(false);
    // As large as it may be.
    issuer.answer(path, "200 OK", "", full(4_096));
    until("the whole answer is taken", async || following.person(&unknown).await.is_ok()).await;
    assert_eq!(following.person(&known).await, Err(Refused::KeyUnknown), "it was taken back");
}

#[tokio::test]
async fn a_configuration_of_somebody_else_is_not_believed() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let keys = format!("{}/keys", issuer.url);
    let token = signer.token("1", &issuer.claims("林晓", "editor"));
    let others = [
        json!({"issuer": "https://id.example", "jwks_uri": keys}),
        json!({"issuer": format!("{}/", issuer.url), "jwks_uri": keys}),
        json!({"jwks_uri": keys}),
        json!({"issuer": issuer.url}),
        json!({"issuer": issuer.url, "jwks_uri": "http://keys.example/"}),
        json!({"issuer": issuer.url, "jwks_uri": "file:///etc/keys"}),
    ];
    for configuration in others {
        issuer.configure(configuration.clone());
        let following = Following::start(&issuer.settings());
        assert_eq!(following.person(&token).await, Err(Refused::KeysAway), "{configuration}");
    }
    assert_eq!(issuer.asked_for_keys(), 0);
    // It is not asked for where the keys are said to be.
    let settings = IdentitySettings { oidc_jwks_uri: Some(keys), ..issuer.settings() };
    assert!(Following::start(&settings).person(&token).await.is_ok());
}

#[tokio::test]
async fn tokens_with_unknown_keys_cannot_make_the_server_pester_the_issuer() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let settings = IdentitySettings { oidc_refresh_pause_seconds: 3_600, ..issuer.settings() };
    let following = Following::start(&settings);
    let claims = issuer.claims("林晓", "editor");
    assert!(following.person(&signer.token("1", &claims)).await.is_ok());
    for number in 0..500 {
        let garbage = signer.token(&format!("garbage-{number}"), &claims);
        assert_eq!(following.person(&garbage).await, Err(Refused::KeyUnknown));
    }
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn tokens_that_could_never_pass_cause_no_fetch() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let following = Following::start(&issuer.settings());
    assert!(following.person(&signer.token("1", &issuer.claims("林晓", "editor"))).await.is_ok());
    for (name, value) in [("iss", json!("https://id.example")), ("aud", json!("other")), ("exp", json!(1))] {
        let mut claims = issuer.claims("林晓", "editor");
        claims[name] = value;
        assert!(following.person(&signer.token("unknown", &claims)).await.is_err());
    }
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn all_who_wait_for_a_new_key_are_served_by_one_fetch() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(&[old.jwk("1")]).await;
    // Short enough that the test can sit it out, long enough for no second fetch.
    let settings = IdentitySettings { oidc_refresh_pause_seconds: 2, ..issuer.settings() };
    let following = Following::start(&settings);
    let claims = issuer.claims("林晓", "editor");
    assert!(following.person(&old.token("1", &claims)).await.is_ok());
    issuer.publish(&[old.jwk("1"), new.jwk("2")]);
    let token = new.token("2", &claims);
    assert_eq!(following.person(&token).await, Err(Refused::KeyUnknown), "too soon");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let persons = join_all((0..100).map(|_| following.person(&token))).await;
    assert!(persons.iter().all(Result::is_ok), "{persons:?}");
    assert_eq!(issuer.asked_for_keys(), 2);
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_no_fetch() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(&[old.jwk("1")]).await;
    let following = Following::start(&issuer.settings());
    let claims = issuer.claims("林晓", "editor");
    assert!(following.person(&old.token("1", &claims)).await.is_ok());
    issuer.publish(&[old.jwk("1"), new.jwk("2")]);
    issuer.set_silent(true);
    let token = new.token("2", &claims);
    let impatient = tokio::time::timeout(Duration::from_millis(50), following.person(&token));
    assert!(impatient.await.is_err(), "the issuer is silent");
    issuer.set_silent(false);
    until("the new key is known", async || following.person(&token).await.is_ok()).await;
}

#[tokio::test]
async fn an_issuer_is_believed_only_behind_a_certificate_that_is_trusted() {
    let signer = Signer::p256();
    let issuer = Issuer::start_tls(&[signer.jwk("1")]).await;
    let token = signer.token("1", &issuer.claims("林晓", "editor"));
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(issuer.certificate.as_deref().expect("TLS").as_bytes()).expect("a certificate");
    let trusting = IdentitySettings { oidc_ca: Some(file.path().to_owned()), ..issuer.settings() };
    assert!(Following::start(&trusting).person(&token).await.is_ok());
    assert_eq!(issuer.asked_for_keys(), 1);
    // As large as the file may be, and one byte larger.
    let length = file.as_file().metadata().expect("its length").len();
    file.write_all(&vec![b'\n'; 1024 * 1024 - length as usize]).expect("padding");
    assert!(Following::start(&trusting).person(&token).await.is_ok());
    file.write_all(b"\n").expect("padding");
    let error = Issuers::new(&trusting).expect_err("too large a file");
    assert!(error.contains("--oidc-ca"), "{error}");

    let mut other = NamedTempFile::new().expect("a file");
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    other.write_all(stranger.cert.pem().as_bytes()).expect("a certificate");
    let wary = IdentitySettings { oidc_ca: Some(other.path().to_owned()), ..issuer.settings() };
    assert_eq!(Following::start(&wary).person(&token).await, Err(Refused::KeysAway));
    assert_eq!(issuer.asked_for_keys(), 2);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let audience = Some("masthead".to_owned());
    let usual = || IdentitySettings {
        oidc_issuer: Some("http://127.0.0.1:1".to_owned()),
        oidc_audience: audience.clone(),
        ..Default::default()
    };
    let empty = NamedTempFile::new().expect("a file");
    let issuer = |url: &str| IdentitySettings { oidc_issuer: Some(url.to_owned()), ..usual() };
    let cases = [
        (issuer("http://id.example"), "--oidc-issuer"),
        (issuer("id.example"), "--oidc-issuer"),
        (issuer(""), "--oidc-issuer"),
        (IdentitySettings { oidc_audience: None, ..usual() }, "--oidc-audience"),
        (
            IdentitySettings { oidc_jwks_uri: Some("http://id.example/keys".to_owned()), ..usual() },
            "--oidc-jwks-uri",
        ),
        (IdentitySettings { oidc_ca: Some("no/such/file".into()), ..usual() }, "--oidc-ca"),
        (IdentitySettings { oidc_ca: Some(empty.path().to_owned()), ..usual() }, "--oidc-ca"),
        (IdentitySettings { oidc_roles_claim: String::new(), ..usual() }, "-claim"),
    ];
    assert!(Issuers::new(&usual()).is_ok());
    for (settings, flag) in cases {
        let error = Issuers::new(&settings).expect_err("settings of no use");
        assert!(error.contains(flag), "{flag}: {error}");
    }
    // Where its keys are is set, so its name is only compared with.
    let named = IdentitySettings {
        oidc_jwks_uri: Some("https://id.example/keys".to_owned()),
        oidc_ca: None,
        ..issuer("accounts.example")
    };
    let made = Issuers::new(&named);
    // A machine may trust nobody; then the way out is named.
    assert!(made.as_ref().err().is_none_or(|error| error.contains("--oidc-ca")), "{made:?}");
}
