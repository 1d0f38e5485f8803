//! Tokens of an issuer at the gate, over the wire.

use masthead::{import::desk::Desk, pb};
use serde_json::json;
use tonic::Code;

use super::{issuer::Issuer, signer::Signer};
use crate::newsroom::{Newsroom, PAPER, reason};

async fn desk(newsroom: &Newsroom, token: &str) -> Desk {
    Desk::connect(&format!("http://{}", newsroom.address()), token).await.expect("a desk")
}

async fn list(desk: &mut Desk) -> Result<pb::ListNewspapersResponse, tonic::Status> {
    let list = desk.newspapers.list_newspapers(pb::ListNewspapersRequest::default()).await;
    list.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_token_of_the_issuer_is_taken_beside_access_tokens() {
    let signer = Signer::p256();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let newsroom = Newsroom::with_identity(issuer.settings()).await;
    newsroom.newspaper(1).await;
    let token = signer.token("1", &issuer.claims("林晓", "reporter"));
    let mut reporter = desk(&newsroom, &token).await;
    assert_eq!(list(&mut reporter).await.expect("a list").newspapers.len(), 1);
    let article =
        pb::Article { newspaper: PAPER.into(), headline: "龙舟开赛".into(), ..Default::default() };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let article = reporter.articles.create_article(create).await.expect("an article").into_inner();
    assert_eq!(article.creator, "林晓");
    // The same person by an access token.
    let mut same = newsroom.desk_of("林晓", masthead::admin::Role::Editor).await;
    let review =
        pb::ReviewArticleRequest { name: article.name, etag: article.etag, stage: 1, ..Default::default() };
    let status = same.articles.review_article(review).await.expect_err("nobody signs their own");
    assert_eq!(reason(&status), "REVIEWER_NOT_INDEPENDENT");
    newsroom.close().await;
}

#[tokio::test]
async fn a_token_that_is_refused_says_no_more_than_that() {
    let (signer, stranger) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let newsroom = Newsroom::with_identity(issuer.settings()).await;
    let mut expired = issuer.claims("林晓", "operator");
    expired["exp"] = json!(1_700_000_000);
    let tokens = [
        stranger.token("1", &issuer.claims("林晓", "operator")),
        stranger.token("2", &issuer.claims("林晓", "operator")),
        signer.token("1", &expired),
        "a.b.c".to_owned(),
    ];
    for token in tokens {
        let status = list(&mut desk(&newsroom, &token).await).await.expect_err("a refusal");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "UNAUTHENTICATED"));
        assert!(!format!("{status:?}").contains(&token));
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_person_without_a_role_is_known_and_may_do_nothing() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let newsroom = Newsroom::with_identity(issuer.settings()).await;
    let token = signer.token("1", &issuer.claims("林晓", "offline_access"));
    let status = list(&mut desk(&newsroom, &token).await).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::PermissionDenied);
    newsroom.close().await;
}

#[tokio::test]
async fn a_token_for_one_newspaper_opens_no_other() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let mut settings = issuer.settings();
    settings.oidc_newspapers_claim = Some("papers".to_owned());
    let newsroom = Newsroom::with_identity(settings).await;
    newsroom.newspaper(1).await;
    let get = || pb::GetNewspaperRequest { name: PAPER.into() };
    for (papers, may) in
        [(json!(["morning-post"]), true), (json!(["evening-post"]), false), (json!("*"), true)]
    {
        let mut claims = issuer.claims("林晓", "reporter");
        claims["papers"] = papers.clone();
        let mut desk = desk(&newsroom, &signer.token("1", &claims)).await;
        let code = desk.newspapers.get_newspaper(get()).await.err().map(|status| status.code());
        assert_eq!(code, (!may).then_some(Code::PermissionDenied), "{papers}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_person_without_a_role_stands_in_the_audit_by_their_name() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let newsroom = Newsroom::with_identity(issuer.settings()).await;
    let token = signer.token("1", &issuer.claims("林晓", "offline_access"));
    let create = pb::CreateArticleRequest::default();
    let refused = desk(&newsroom, &token).await.articles.create_article(create).await;
    assert_eq!(refused.expect_err("a refusal").code(), Code::PermissionDenied);
    // A stop writes the last refusals.
    let newsroom = newsroom.closed_while(async {}).await;
    let mut operator = newsroom.desk(masthead::admin::Role::Operator).await;
    let list = pb::ListAuditEventsRequest { filter: "person = \"林晓\"".into(), ..Default::default() };
    let rows = operator.admin.list_audit_events(list).await.expect("the audit").into_inner().audit_events;
    let [row] = rows.as_slice() else { panic!("one row: {rows:#?}") };
    let said = (row.method.as_str(), row.code.as_str(), row.reason.as_str());
    assert_eq!(said, ("CreateArticle", "PERMISSION_DENIED", "ROLE_NOT_ALLOWED"));
    assert_eq!(row.role(), pb::Role::Unspecified, "they have none");
    newsroom.close().await;
}
