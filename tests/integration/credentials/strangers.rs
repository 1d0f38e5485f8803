//! What may be asked of a server without a credential, at the limit and one past it, and
//! that it holds up nobody else at the same address.

use std::{net::IpAddr, time::Duration};

use masthead::{
    admin::Role,
    config::{AccessSettings, ServiceSettings},
    pb,
};
use tonic::{
    Code, Request, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt;

use super::{make, of};
use crate::{
    newsroom::{Newsroom, PAPER, reason},
    raw::Line,
};

/// Checks of health that balancers make while others misbehave.
const CHECKS: usize = 50;

async fn newsroom(access: AccessSettings) -> Newsroom {
    let newsroom = Newsroom::with_settings(ServiceSettings { access, ..Default::default() }).await;
    newsroom.newspaper(1).await;
    newsroom
}

/// A connection from an address of this machine.
async fn channel(newsroom: &Newsroom, from: &str) -> Channel {
    let from: IpAddr = from.parse().expect("an address");
    let endpoint = Endpoint::from_shared(format!("http://{}", newsroom.address())).expect("an address");
    endpoint.local_address(Some(from)).connect().await.expect("a connection")
}

async fn watch(channel: &Channel) -> Result<Streaming<HealthCheckResponse>, Status> {
    let mut watching =
        HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await?.into_inner();
    watching.message().await?.expect("what is so now");
    Ok(watching)
}

/// Asks which services there are, showing a token if there is one.
async fn reflect(channel: &Channel, token: Option<&str>) -> Result<(), Status> {
    let list = MessageRequest::ListServices(String::new());
    let ask = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut request = Request::new(futures::stream::iter([ask]));
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
    }
    let mut client = ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(request).await?.into_inner();
    while answers.message().await?.is_some() {}
    Ok(())
}

async fn check(channel: &Channel) {
    for _ in 0..CHECKS {
        let checked = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
        checked.expect("health is always told");
    }
}

fn assert_come_back(status: &Status) -> Duration {
    assert_eq!((status.code(), reason(status)), (Code::ResourceExhausted, "TOO_MANY_REQUESTS".into()));
    let details = status.get_error_details();
    details.retry_info().and_then(|info| info.retry_delay).expect("when to come back")
}

/// How a call with a token that is none ends.
async fn guess(line: &Line, number: usize) -> Status {
    let line = line.showing(&format!("Bearer guess-{number}"));
    line.send("NewspaperService/ListNewspapers", vec![Vec::new()]).await.expect_err("a guess")
}

#[tokio::test]
async fn an_address_guesses_so_often_and_then_comes_back_with_time() {
    const BURST: usize = 5;
    let access =
        AccessSettings { strangers_per_second_max: 1, strangers_burst_max: 5, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    let begun = std::time::Instant::now();
    let mut refused = None;
    // At most one more for each second that it takes.
    for number in 0..BURST + 60 {
        let status = guess(&stranger, number).await;
        if status.code() == Code::ResourceExhausted {
            refused = Some((number, status));
            break;
        }
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    }
    let (taken, status) = refused.expect("one past the burst");
    let more = begun.elapsed().as_secs() as usize + 1;
    assert!((BURST..=BURST + more).contains(&taken), "{taken} of {BURST} and {more}");
    let wait = assert_come_back(&status);
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    // No token at all is no other thing.
    let bare = stranger.send("NewspaperService/ListNewspapers", vec![Vec::new()]).await.expect_err("nothing");
    let other = channel(&newsroom, "127.0.0.2").await;
    reflect(&other, None).await.expect("other addresses have their own");
    tokio::time::sleep(assert_come_back(&bare)).await;
    assert_eq!(guess(&stranger, 1_000).await.code(), Code::Unauthenticated);
    newsroom.close().await;
}

#[tokio::test]
async fn whoever_is_known_and_whoever_checks_health_is_served_beside_a_guesser() {
    let access =
        AccessSettings { strangers_per_second_max: 1, strangers_burst_max: 1, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    let token = newsroom.token("甲", Role::Editor).await;
    let mut known = super::desk(&newsroom.address(), &token).await;
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    known.newspapers.get_newspaper(get.clone()).await.expect("a good credential");
    let other = make(&newsroom, of("乙", pb::Role::Reader)).await;
    let mut operator = newsroom.desk(Role::Operator).await;
    operator
        .admin
        .get_service_status(pb::GetServiceStatusRequest::default())
        .await
        .expect("a known operator");

    let stranger = Line::of_a_stranger(&newsroom).await;
    let here = channel(&newsroom, "127.0.0.1").await;
    let until_refused = async || {
        let refused = async {
            for number in 0.. {
                if guess(&stranger, number).await.code() == Code::ResourceExhausted {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refused).await.expect("a refusal");
    };
    until_refused().await;
    known.newspapers.get_newspaper(get.clone()).await.expect("whoever is known is served");
    check(&here).await;
    watch(&here).await.expect("health can be watched");
    until_refused().await;
    assert_come_back(&reflect(&here, None).await.expect_err("reflection costs something"));
    reflect(&here, Some(&token)).await.expect("not for whoever proves who they are");

    // When credentials change the server forgets them all, but not who was known.
    let revoke = pb::RevokeAccessTokenRequest { name: other.name, ..Default::default() };
    operator.admin.revoke_access_token(revoke).await.expect("a revocation");
    for _ in 0..10 {
        until_refused().await;
        known.newspapers.get_newspaper(get.clone()).await.expect("whoever was known is served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    newsroom.close().await;
}

#[tokio::test]
async fn streams_without_a_credential_are_counted_while_they_are_open() {
    let access = AccessSettings { stranger_streams_max: 4, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    let token = newsroom.token("甲", Role::Reader).await;
    let here = channel(&newsroom, "127.0.0.1").await;
    let mut held = vec![watch(&here).await.expect("the first"), watch(&here).await.expect("the second")];
    assert_come_back(&watch(&here).await.expect_err("more than half of them from one address"));
    assert_come_back(&reflect(&here, None).await.expect_err("reflection is a stream too"));
    check(&here).await;
    let next = channel(&newsroom, "127.0.0.2").await;
    held.extend([watch(&next).await.expect("the third"), watch(&next).await.expect("the fourth")]);
    let third = channel(&newsroom, "127.0.0.3").await;
    assert_come_back(&watch(&third).await.expect_err("all places are taken"));
    reflect(&third, Some(&token)).await.expect("not for whoever proves who they are");
    held.clear();
    let again = tokio::time::timeout(Duration::from_secs(10), async {
        while watch(&here).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    again.await.expect("the places are free again");
    newsroom.close().await;
}
