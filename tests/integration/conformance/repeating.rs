//! Repeated requests (aip.dev/155), and requests that only ask whether they
//! could be made (aip.dev/163).

use masthead::admin::Role;
use tonic::Code;
use uuid::Uuid;

use super::{SUBJECTS, Stage, assert_agree, refused, subject::Subject};
use crate::{
    newsroom::fields,
    raw::{Line, Message},
};

/// Fields that differ between two runs of one request.
const OF_THE_RUN: [&str; 5] = ["name", "uid", "create_time", "update_time", "delete_time"];

fn id() -> String {
    Uuid::now_v7().to_string()
}

/// Every mutation of a subject in an order in which each is possible: the
/// method, and what makes its request once the one before is done.
async fn mutation(
    stage: &Stage,
    subject: &Subject,
    step: usize,
    current: &Message,
) -> Option<(&'static str, Message)> {
    let name = current.text("name");
    let verb = ["Create", "Update", "Delete", "Undelete"][step];
    let request = match verb {
        "Create" => return Some(subject.creation(&stage.sample(subject, 1), 1)),
        "Update" => subject.update(&stage.sample(subject, 2).like(current, "name").like(current, "etag")),
        _ if subject.can(verb) => {
            subject.request(verb).with("name", &name).with("etag", &current.text("etag"))
        }
        _ => return None,
    };
    Some((verb, request))
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_changes_nothing() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut current = Message::new(subject.kind);
        let mut made = Vec::new();
        for step in 0..4 {
            let Some((verb, request)) = mutation(&stage, subject, step, &current).await else { continue };
            let request = request.with("request_id", &id());
            let first = stage.call(subject, verb, &request).await.expect("the first call");
            current = if first.set().is_empty() { current } else { first.clone() };
            made.push((verb, request, first));
            // Also those before: what has happened since does not show in them.
            let before = stage.newsroom.contents().await;
            for (verb, request, first) in &made {
                let again = stage.call(subject, verb, request).await.expect("the repeated call");
                assert_eq!(again, *first, "{verb} {}", subject.kind);
            }
            assert_eq!(stage.newsroom.contents().await, before, "{verb} {}", subject.kind);
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn concurrent_repetitions_do_it_once_and_all_get_its_answer() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut current = Message::new(subject.kind);
        for step in 0..4 {
            let Some((verb, request)) = mutation(&stage, subject, step, &current).await else { continue };
            let request = request.with("request_id", &id());
            let calls = (0..8).map(|_| subject.call(&stage.line, verb, &request));
            let answers = futures::future::join_all(calls).await;
            let what = format!("{verb} {}", subject.kind);
            let answers: Vec<Message> = answers
                .into_iter()
                .map(|answer| answer.unwrap_or_else(|status| panic!("{what}: {status:?}")))
                .collect();
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{what}: {answers:?}");
            current = if answers[0].set().is_empty() { current } else { answers[0].clone() };
        }
        let mut connection = stage.newsroom.database.connect().await;
        let sql = "select count(*) from audit_events where request_id is not null group by request_id";
        let done: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("the audit");
        assert!(done.iter().all(|times| *times == 1), "{}: {done:?}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_request_id_is_not_for_two_requests() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let used = id();
        let (verb, request) = subject.creation(&stage.sample(subject, 1), 1);
        let request = request.with("request_id", &used);
        let created = stage.call(subject, verb, &request).await.expect("a creation");
        let update = stage.sample(subject, 2).like(&created, "name").like(&created, "etag");
        let delete = subject.request("Delete").with("name", &created.text("name"));
        let (_, other) = subject.creation(&stage.sample(subject, 2), 2);
        let (_, blank) = subject.creation(&subject.least(), 1);
        let reuses = [
            (verb, other),
            (verb, blank),
            (verb, request.flagged("validate_only", true)),
            ("Update", subject.update(&update)),
            ("Delete", delete),
        ];
        let before = stage.newsroom.contents().await;
        for (verb, reuse) in reuses {
            let answer = stage.call(subject, verb, &reuse.with("request_id", &used)).await;
            let what = format!("{verb} {}", subject.kind);
            let status = refused(&what, answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
            assert_eq!(fields(&status), ["request_id"], "{what}");
        }
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_refused_request_may_be_mended_and_sent_again_with_its_id() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let created = stage.create(subject, 1).await;
        let current = stage.change(subject, &created, 2).await;
        let given = stage.sample(subject, 3).like(&created, "name");
        let used = id();
        let stale = subject.update(&given.clone().like(&created, "etag")).with("request_id", &used);
        let answer = stage.call(subject, "Update", &stale).await;
        refused(subject.kind, answer, Code::Aborted, "ETAG_MISMATCH");
        let mended = subject.update(&given.like(&current, "etag")).with("request_id", &used);
        stage.call(subject, "Update", &mended).await.expect("the mended request");
    }
    stage.close().await;
}

#[tokio::test]
async fn two_people_may_use_one_request_id() {
    let stage = Stage::open().await;
    let other = Line::of(&stage.newsroom, "deputy", Role::Publisher).await;
    for subject in &SUBJECTS {
        let shared = id();
        let (verb, request) = subject.creation(&stage.sample(subject, 1), 1);
        let mine = subject.call(&stage.line, verb, &request.with("request_id", &shared)).await;
        let mine = mine.expect("the first person's");
        let (verb, request) = subject.creation(&stage.sample(subject, 2), 2);
        let theirs = subject.call(&other, verb, &request.with("request_id", &shared)).await;
        assert_ne!(theirs.expect("the second person's").text("name"), mine.text("name"), "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn validating_answers_as_the_real_thing_would_and_leaves_nothing() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut current = Message::new(subject.kind);
        for step in 0..4 {
            let Some((verb, request)) = mutation(&stage, subject, step, &current).await else { continue };
            let what = format!("{verb} {}", subject.kind);
            let request = request.with("request_id", &id());
            let before = stage.newsroom.contents().await;
            let asked = stage.call(subject, verb, &request.clone().flagged("validate_only", true)).await;
            let asked = asked.unwrap_or_else(|status| panic!("{what}: {status:?}"));
            assert_eq!(stage.newsroom.contents().await, before, "{what}");
            // The id is still free.
            let real = stage.call(subject, verb, &request).await.expect("the real thing");
            assert_ne!(stage.newsroom.contents().await, before, "{what}");
            assert_eq!(asked.set(), real.set(), "{what}");
            let same: Vec<&str> =
                real.known().into_iter().filter(|field| !OF_THE_RUN.contains(field)).collect();
            assert_agree(&what, &asked, &real, &same);
            current = if real.set().is_empty() { current } else { real };
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn validating_refuses_what_the_real_thing_would_refuse() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let created = stage.create(subject, 1).await;
        let current = stage.change(subject, &created, 2).await;
        let name = current.text("name");
        let stale = stage.sample(subject, 3).like(&created, "name").like(&created, "etag");
        let mut cases = vec![
            ("Update", subject.update(&stale), "ETAG_MISMATCH"),
            ("Delete", subject.request("Delete").with("name", subject.missing), "RESOURCE_NOT_FOUND"),
        ];
        if subject.can("Undelete") {
            cases.push(("Undelete", subject.request("Undelete").with("name", &name), "RESOURCE_NOT_DELETED"));
        }
        if subject.id_field().is_some() {
            let (verb, taken) = subject.creation(&stage.sample(subject, 1), 1);
            cases.push((verb, taken, "RESOURCE_EXISTS"));
        }
        let before = stage.newsroom.contents().await;
        for (verb, request, why) in cases {
            let real = stage.call(subject, verb, &request).await.expect_err("a refusal");
            let asked = stage.call(subject, verb, &request.flagged("validate_only", true)).await;
            let asked = asked.expect_err("a refusal");
            assert_eq!(crate::newsroom::reason(&asked), why, "{verb} {}", subject.kind);
            assert_eq!(asked.details(), real.details(), "{verb} {}", subject.kind);
        }
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}
