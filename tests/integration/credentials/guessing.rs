//! Whoever guesses tokens holds up nobody who has one.

use std::time::Duration;

use futures::{StreamExt, stream};
use masthead::{
    admin::{
        Role,
        credential::Grant,
        grant::{Shown, random_token},
    },
    config::{CREDENTIAL_LOOKUPS_MAX, database::HOUSE_CONNECTIONS},
    installation::create_credential,
    pb,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::desk;
use crate::{
    newsroom::{Database, Newsroom, PAPER, reason},
    proxy::Proxy,
    raw::Line,
};

/// What many people try at once, and more than there are connections for it.
const GUESSES: usize = 40;

async fn guess(line: &Line, token: &str) -> Status {
    let line = line.showing(&format!("Bearer {token}"));
    line.send("NewspaperService/ListNewspapers", vec![Vec::new()]).await.expect_err("a guess")
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_wait_for_the_database_leave_its_connections_to_others() {
    const { assert!(CREDENTIAL_LOOKUPS_MAX < HOUSE_CONNECTIONS as usize) };
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut known = newsroom.desk_of("甲", Role::Reporter).await;
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    known.newspapers.get_newspaper(get.clone()).await.expect("a known credential");
    // Nothing is found in the table until this is over.
    let mut holder = newsroom.database.connect().await;
    let hold = "begin; lock table access_tokens in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    let stranger = Line::of_a_stranger(&newsroom).await;
    let guesser = stranger.clone();
    let guesses = stream::iter(0..GUESSES).map(move |number| {
        let stranger = guesser.clone();
        async move { guess(&stranger, &format!("guess-{number}")).await }
    });
    let guesses = tokio::spawn(guesses.buffer_unordered(GUESSES).collect::<Vec<_>>());
    // For longer than a server trusts what it cannot ask the database about.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        known.newspapers.get_newspaper(get.clone()).await.expect("whoever is known is served");
    }
    // Who is behind the others in the row is told so, and when to come back.
    for status in guesses.await.expect("answers") {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let details = status.get_error_details();
        assert!(details.retry_info().is_some_and(|info| info.retry_delay.is_some()), "{status:?}");
    }
    drop(holder);
    assert_eq!(guess(&stranger, "guess").await.code(), Code::Unauthenticated);
    newsroom.close().await;
}

#[tokio::test]
async fn a_token_that_is_none_is_not_looked_up_at_each_call() {
    const CALLS: u64 = 300;
    let (proxy, database) = (Proxy::start().await, Database::create().await);
    let options = proxy.options(&database);
    let newsroom = Newsroom::on(database, options).await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    let before = proxy.statements();
    for _ in 0..CALLS {
        assert_eq!(guess(&stranger, "an-old-token").await.code(), Code::Unauthenticated);
    }
    let same = proxy.statements() - before;
    let before = proxy.statements();
    for number in 0..CALLS {
        assert_eq!(guess(&stranger, &format!("guess-{number}")).await.code(), Code::Unauthenticated);
    }
    let others = proxy.statements() - before;
    println!("{same} statements for {CALLS} calls with one token, {others} with as many tokens");
    assert!(others >= CALLS && same < others / 2, "{same} statements, {others} for others");
    newsroom.close().await;
}

#[tokio::test]
async fn a_token_that_was_shown_in_vain_works_as_soon_as_it_is_let_in() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let stranger = Line::of_a_stranger(&newsroom).await;
    for _ in 0..5 {
        let token = random_token().expect("a token");
        for _ in 0..2 {
            let status = guess(&stranger, token.reveal()).await;
            assert_eq!((status.code(), reason(&status)), (Code::Unauthenticated, "UNAUTHENTICATED".into()));
        }
        let grant = Grant::unlimited("甲", Role::Editor);
        create_credential(&newsroom.db, grant, Shown::Token(token.digest())).await.expect("a credential");
        let mut editor = desk(&newsroom.address(), token.reveal()).await;
        let list = pb::ListNewspapersRequest::default();
        editor.newspapers.list_newspapers(list).await.expect("it is in force");
    }
    newsroom.close().await;
}
