//! A revocation holds on every server within a second, also for what is open.

use std::time::{Duration, Instant};

use masthead::{admin::Role, pb, server};
use tonic::Code;

use super::{desk, make, of};
use crate::{
    newsroom::{Newsroom, PAPER, reason},
    proxy::Proxy,
};

/// What the API promises.
const REVOKED_WITHIN: Duration = Duration::from_secs(1);

/// For a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_revocation_holds_on_every_server_and_ends_open_streams() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    // Another server on the same database, which hears of nothing but what it asks for.
    let folder = tempfile::tempdir().expect("a folder");
    let location = masthead::photo::files::Location::Folder(folder.path().join("photos"));
    let files = masthead::photo::files::Files::open(location).await.expect("a photo store");
    let db = masthead::db::Db::open(newsroom.database.options(), 8);
    let other = server::start(([127, 0, 0, 1], 0).into(), db.clone(), files).await.expect("a server");

    let made = make(&newsroom, of("林晓", pb::Role::Editor)).await;
    let kept = make(&newsroom, of("林晓", pb::Role::Editor)).await;
    let mut streams = Vec::new();
    for address in [newsroom.address(), other.address().to_string()] {
        for (secret, ends) in [(&made.secret, true), (&kept.secret, false)] {
            let mut desk = desk(&address, secret).await;
            let get = pb::GetNewspaperRequest { name: PAPER.into() };
            desk.newspapers.get_newspaper(get).await.expect("it is in force");
            let watch = pb::WatchPublicationsRequest { from_now: true, ..Default::default() };
            let stream = desk.publications.watch_publications(watch).await.expect("a watch").into_inner();
            streams.push((desk, stream, ends));
        }
    }
    let mut operator = newsroom.desk(Role::Operator).await;
    let revoke = pb::RevokeAccessTokenRequest { name: made.name.clone(), ..Default::default() };
    let revoked =
        operator.admin.revoke_access_token(revoke.clone()).await.expect("a revocation").into_inner();
    let since = Instant::now();
    assert_eq!(revoked.revoker, "operator");
    for (desk, stream, ends) in &mut streams {
        let ended = tokio::time::timeout(REVOKED_WITHIN + SLACK, async {
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a watch has no end of its own"),
                    Err(status) => return status,
                }
            }
        });
        if *ends {
            let status = ended.await.expect("the stream ends in time");
            assert_eq!((status.code(), reason(&status)), (Code::Unauthenticated, "UNAUTHENTICATED".into()));
        } else {
            ended.await.expect_err("the other credential of the same person goes on");
        }
        tokio::time::sleep_until((since + REVOKED_WITHIN).into()).await;
        let get = pb::GetNewspaperRequest { name: PAPER.into() };
        let answer = desk.newspapers.get_newspaper(get).await;
        assert_eq!(answer.is_err(), *ends, "{answer:?}");
    }
    // For good, and as often as one likes.
    let again = operator.admin.revoke_access_token(revoke).await.expect("the same").into_inner();
    assert_eq!(again, revoked);
    let list = pb::ListAccessTokensRequest { filter: "person = \"林晓\"".into(), ..Default::default() };
    let listed = operator.admin.list_access_tokens(list.clone()).await.expect("a list").into_inner();
    assert_eq!(listed.access_tokens.len(), 1);
    let list = pb::ListAccessTokensRequest { show_revoked: true, ..list };
    let listed = operator.admin.list_access_tokens(list).await.expect("a list").into_inner();
    assert_eq!(listed.access_tokens.len(), 2);
    other.stop().await.expect("a clean stop");
    db.close().await;
    newsroom.close().await;
}

#[tokio::test]
async fn a_revocation_past_the_service_counts_too() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let made = make(&newsroom, of("林晓", pb::Role::Editor)).await;
    let mut lin = desk(&newsroom.address(), &made.secret).await;
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    lin.newspapers.get_newspaper(get.clone()).await.expect("it is in force");
    let mut connection = newsroom.database.connect().await;
    sqlx::query(
        "update access_tokens set revoke_time = now(), revoker = 'somebody with psql' where person = '林晓'",
    )
    .execute(&mut connection)
    .await
    .expect("an update");
    tokio::time::sleep(REVOKED_WITHIN).await;
    let status = lin.newspapers.get_newspaper(get).await.expect_err("it is revoked");
    assert_eq!(status.code(), Code::Unauthenticated);
    newsroom.close().await;
}

#[tokio::test]
async fn a_server_that_cannot_ask_does_not_trust_what_it_remembers_for_long() {
    let proxy = Proxy::start().await;
    let database = crate::newsroom::Database::create().await;
    let options = proxy.options(&database);
    let newsroom = Newsroom::on(database, options).await;
    newsroom.newspaper(1).await;
    let made = make(&newsroom, of("林晓", pb::Role::Editor)).await;
    let mut lin = desk(&newsroom.address(), &made.secret).await;
    // It is refused by the check of the message, which asks the database nothing.
    let wrong = pb::GetNewspaperRequest { name: "no name".into() };
    let status = lin.newspapers.get_newspaper(wrong.clone()).await.expect_err("no name");
    assert_eq!(status.code(), Code::InvalidArgument);
    proxy.break_down();
    let status = lin.newspapers.get_newspaper(wrong.clone()).await.expect_err("no name");
    assert_eq!(status.code(), Code::InvalidArgument, "a known credential needs no database: {status:?}");
    tokio::time::sleep(REVOKED_WITHIN).await;
    let status = lin.newspapers.get_newspaper(wrong.clone()).await.expect_err("no trust any more");
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "DATABASE_UNAVAILABLE".into()));
    proxy.heal();
    let healed = tokio::time::timeout(Duration::from_secs(10), async {
        while lin.newspapers.get_newspaper(wrong.clone()).await.expect_err("no name").code()
            != Code::InvalidArgument
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    healed.await.expect("it knows the credential again");
    newsroom.close().await;
}
