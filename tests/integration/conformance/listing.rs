//! Lists, page by page (aip.dev/158).

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use tonic::Code;

use super::{SUBJECTS, Stage, refused, subject::Subject};
use crate::newsroom::fields;

fn names(listed: &[crate::raw::Message]) -> Vec<String> {
    listed.iter().map(|one| one.text("name")).collect()
}

/// Copies a row of the subject's table, past the service: creating as many by
/// calls would take too long.
async fn multiply(stage: &Stage, subject: &Subject, copies: i32) {
    let Subject { table, copy, .. } = subject;
    let sql = format!(
        "insert into {table} select (jsonb_populate_record(newest.t, {copy})).*
         from (select t from {table} t order by create_time desc limit 1) newest, generate_series(1, {copies}) n"
    );
    let mut connection = stage.newsroom.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("copies");
}

#[tokio::test]
async fn walking_a_list_meets_each_once_in_order() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut created = Vec::new();
        for number in 1..=5 {
            created.push(stage.create(subject, number).await.text("name"));
        }
        if subject.newest_first {
            created.reverse();
        }
        let (all, token) = subject.list(&stage.line, &subject.request("List")).await.expect("all");
        assert_eq!(token, "", "{}", subject.kind);
        // What the stage itself needs is listed too.
        let ours: Vec<String> = names(&all).into_iter().filter(|name| created.contains(name)).collect();
        assert_eq!(ours, created, "{}", subject.kind);
        for page_size in [1, 2, all.len()] {
            let request = subject.request("List").numbered("page_size", page_size as i32);
            let (first, token) = subject.list(&stage.line, &request).await.expect("a page");
            assert_eq!(first.len(), page_size, "{}", subject.kind);
            assert_eq!(
                token.is_empty(),
                page_size == all.len(),
                "{}: the last page has no token",
                subject.kind
            );
            let walked = subject.list_all(&stage.line, &request).await;
            assert_eq!(walked, all, "{} by {page_size}", subject.kind);
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn walking_a_list_that_changes_meanwhile_misses_and_repeats_nothing() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut there = Vec::new();
        for number in [10, 12, 14, 16] {
            there.push(stage.create(subject, number).await.text("name"));
        }
        let request = subject.request("List").numbered("page_size", 2);
        let (mut walked, mut token) = subject.list(&stage.line, &request).await.expect("a page");
        // The row that the token was made of goes.
        let met = walked[1].text("name");
        if there.contains(&met) {
            let delete = subject.request("Delete").with("name", &met);
            stage.call(subject, "Delete", &delete).await.expect("a deletion");
        }
        let mut number = 9;
        while !token.is_empty() {
            // Others come before, between and behind those that were there.
            stage.create(subject, number).await;
            number += 2;
            let request = request.clone().with("page_token", &token);
            let (items, next) = subject.list(&stage.line, &request).await.expect("a page");
            walked.extend(items);
            token = next;
            assert!(walked.len() < 50, "{}: the walk does not end", subject.kind);
        }
        let walked = names(&walked);
        for name in &there {
            assert!(walked.contains(name), "{}: {name} is not in {walked:?}", subject.kind);
        }
        let once: BTreeSet<&String> = walked.iter().collect();
        assert_eq!(once.len(), walked.len(), "{}: {walked:?}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_token_of_another_list_or_of_other_arguments_is_refused() {
    let stage = Stage::open().await;
    let mut tokens = Vec::new();
    for subject in &SUBJECTS {
        for number in 1..=3 {
            stage.create(subject, number).await;
        }
        let request = subject.request("List").numbered("page_size", 1);
        let (_, token) = subject.list(&stage.line, &request).await.expect("a page");
        assert!(!token.is_empty(), "{}", subject.kind);
        tokens.push(token);
    }
    for (subject, own) in SUBJECTS.iter().zip(&tokens) {
        let request = subject.request("List");
        let mut wrong: Vec<String> = tokens.iter().filter(|token| *token != own).cloned().collect();
        wrong.extend(garbled(own));
        for token in wrong {
            let answer = subject.list(&stage.line, &request.clone().with("page_token", &token)).await;
            let what = format!("{} with {token:?}", subject.kind);
            let status = refused(&what, answer, Code::InvalidArgument, "INVALID_PAGE_TOKEN");
            assert_eq!(fields(&status), ["page_token"], "{what}");
        }
        let mut others = Vec::new();
        if request.knows("show_deleted") {
            others.push(request.clone().flagged("show_deleted", true));
        }
        if subject.kind == "Issue" {
            others.push(request.clone().with("parent", "newspapers/morning-post"));
        }
        for other in others {
            let answer = subject.list(&stage.line, &other.clone().with("page_token", own)).await;
            refused(format!("{other:?}"), answer, Code::InvalidArgument, "INVALID_PAGE_TOKEN");
        }
        // Another size is not another list (aip.dev/158).
        let resized = request.clone().numbered("page_size", 7).with("page_token", own);
        subject.list(&stage.line, &resized).await.expect("a page of another size");
    }
    stage.close().await;
}

/// A token as it must not be: damaged on its way, or with another place written
/// into it by someone who knows how tokens are made.
fn garbled(token: &str) -> Vec<String> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).expect("a token");
    let head = &bytes[..8];
    let places = [
        "",
        "null",
        "{}",
        "[]",
        "-1",
        "1e400",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "[\"2026-01-01\"]",
        "[\"2026-01-01\",\"\\u0000\"]",
        "[\"-262143-01-01\",\"a\"]",
        "[\"+262142-12-31\",\"a\"]",
        "99999999999999999999",
    ];
    let forged = places.iter().map(|place| BASE64URL_NOPAD.encode(&[head, place.as_bytes()].concat()));
    let cut = token.len() - 3;
    let damaged = [
        "x".to_owned(),
        "%".to_owned(),
        "\u{0}".to_owned(),
        "报".repeat(2000),
        format!("{token}="),
        format!("A{token}"),
        token[..cut].to_owned(),
        token.to_lowercase(),
    ];
    let damaged = damaged.into_iter().filter(|damaged| damaged != token);
    damaged.chain(forged).collect()
}

#[tokio::test]
async fn a_page_size_is_never_negative_has_a_default_and_a_cap() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        stage.create(subject, 1).await;
        for page_size in [-1, i32::MIN] {
            let request = subject.request("List").numbered("page_size", page_size);
            let answer = subject.list(&stage.line, &request).await;
            let status = refused(subject.kind, answer, Code::InvalidArgument, "INVALID_FIELD");
            assert_eq!(fields(&status), ["page_size"], "{}", subject.kind);
        }
        multiply(&stage, subject, 501).await;
        for (page_size, rows) in [(0, 50), (499, 499), (500, 500), (501, 500), (i32::MAX, 500)] {
            let request = subject.request("List").numbered("page_size", page_size);
            let (listed, token) = subject.list(&stage.line, &request).await.expect("a page");
            assert_eq!(listed.len(), rows, "{} with {page_size}", subject.kind);
            assert!(!token.is_empty(), "{} with {page_size}", subject.kind);
        }
    }
    stage.close().await;
}
