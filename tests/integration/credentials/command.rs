//! `masthead token` at the machine of the server.

use std::process::{Command, Output};

use sqlx::ConnectOptions;

use crate::newsroom::{Newsroom, PAPER};

fn masthead(newsroom: &Newsroom, arguments: &[&str]) -> Output {
    let url = newsroom.database.options().to_url_lossy().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_masthead"));
    command.args(arguments).env("MASTHEAD_DATABASE_URL", url).output().expect("the command")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text").trim().to_owned()
}

#[tokio::test]
async fn an_operator_makes_lists_and_revokes_at_the_terminal() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let id = PAPER.trim_start_matches("newspapers/");
    let create = [
        "token",
        "create",
        "--name",
        "林晓",
        "--role",
        "publisher",
        "--newspaper",
        id,
        "--expires",
        "2999-01-01",
        "--note",
        "发布程序",
    ];
    let secret = said(&masthead(&newsroom, &create));
    assert!(secret.starts_with("masthead_") && !secret.contains(char::is_whitespace), "the token alone");
    let listed = said(&masthead(&newsroom, &["token", "list"]));
    let line = listed.lines().find(|line| line.contains("林晓")).expect("a line");
    for part in ["publisher", "expires=2999-01-01T00:00:00Z", "newspapers=morning-post", "note=发布程序"]
    {
        assert!(line.contains(part), "{line}");
    }
    assert!(!listed.contains(&secret), "secrets are not listed");
    let name = line.split_whitespace().next().expect("a name");
    said(&masthead(&newsroom, &["token", "revoke", name]));
    let listed = said(&masthead(&newsroom, &["token", "list"]));
    assert!(!listed.contains("林晓"), "{listed}");
    let listed = said(&masthead(&newsroom, &["token", "list", "--all"]));
    assert!(listed.lines().any(|line| line.contains("林晓") && line.contains("revoked=")), "{listed}");
    for (arguments, hint) in [
        (&["token", "revoke", "nobody"][..], "masthead token list"),
        (&["token", "revoke", "00000000-0000-7000-8000-000000000000"], "does not exist"),
        (&["token", "create", "--name", "甲", "--role", "operator", "--newspaper", id], "all newspapers"),
        (&["token", "create", "--name", "甲", "--role", "editor", "--newspaper", "nope"], "does not exist"),
        (&["token", "create", "--name", "甲", "--role", "editor", "--expires", "2020-01-01"], "passed"),
    ] {
        let refused = masthead(&newsroom, arguments);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && words.contains(hint), "{arguments:?}: {words}");
    }
    newsroom.close().await;
}
