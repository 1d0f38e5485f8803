//! A client certificate that was let in stands for its person, without a token.

use masthead::{
    admin::{Role, credential::Grant, grant::Shown},
    config::{ServiceSettings, TlsSettings},
    digest::Digest,
    installation::{create_credential, revoke_credential},
    pb::{self, article_service_client::ArticleServiceClient},
};
use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{Authority, Certified, TlsFiles};
use crate::newsroom::{Newsroom, article};

async fn channel(newsroom: &Newsroom, servers: &Authority, client: Option<&Certified>) -> Channel {
    let mut tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(servers.pem())).domain_name("localhost");
    if let Some(client) = client {
        tls = tls.identity(Identity::from_pem(&client.certificate, &client.key));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", newsroom.address())).expect("an address");
    endpoint.tls_config(tls).expect("TLS").connect().await.expect("a connection")
}

#[tokio::test]
async fn a_certificate_that_was_let_in_acts_as_its_person_until_it_is_revoked() {
    let (servers, people) = (Authority::new("servers"), Authority::new("people"));
    let files = TlsFiles::new(&servers.certify("server"));
    files.put("people.pem", &people.pem());
    let tls = TlsSettings { tls_client_ca: Some(files.path("people.pem").into()), ..files.settings() };
    let newsroom = Newsroom::with_settings(ServiceSettings { tls, ..Default::default() }).await;
    let (known, unknown) = (people.certify("林晓"), people.certify("nobody"));
    let shown = Shown::Certificate(Digest::of(&known.der));
    let made = create_credential(&newsroom.db, Grant::unlimited("林晓", Role::Publisher), shown).await;
    let id = made.expect("a credential").trim_start_matches("accessTokens/").parse().expect("an id");

    let line = channel(&newsroom, &servers, Some(&known)).await;
    let newspaper = pb::Newspaper { title: "晨讯报".into(), review_stages: 1, ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(newspaper),
        newspaper_id: "morning-post".into(),
        ..Default::default()
    };
    let mut newspapers = pb::newspaper_service_client::NewspaperServiceClient::new(line.clone());
    newspapers.create_newspaper(create).await.expect("a publisher's call");
    let mut articles = ArticleServiceClient::new(line);
    let create = pb::CreateArticleRequest { article: Some(article("开渔")), ..Default::default() };
    let written = articles.create_article(create.clone()).await.expect("an article").into_inner();
    assert_eq!(written.creator, "林晓");

    // One of the same authority that nobody let in, and no certificate at all.
    for client in [Some(&unknown), None] {
        let mut articles = ArticleServiceClient::new(channel(&newsroom, &servers, client).await);
        let status = articles.create_article(create.clone()).await.expect_err("nobody is known by it");
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    // A token comes first: a wrong one is not made good by the certificate.
    let mut request = tonic::Request::new(create.clone());
    request.metadata_mut().insert("authorization", "Bearer masthead_wrong".parse().expect("a header"));
    let status = articles.create_article(request).await.expect_err("a wrong token");
    assert_eq!(status.code(), Code::Unauthenticated);

    revoke_credential(&newsroom.db, id).await.expect("a revocation");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let status = articles.create_article(create).await.expect_err("it is revoked");
    assert_eq!(status.code(), Code::Unauthenticated);
    newsroom.close().await;
}
