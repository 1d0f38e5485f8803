//! Updates: etags (aip.dev/154) and masks (aip.dev/134).

use std::collections::HashSet;

use tonic::Code;
use tonic_types::StatusExt;

use super::{SUBJECTS, Stage, assert_agree, refused};
use crate::newsroom::fields;

#[tokio::test]
async fn every_change_brings_a_new_etag_and_a_new_update_time() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let first = stage.create(subject, 1).await;
        let mut versions = vec![first.clone()];
        // To and fro between two contents.
        for number in [2, 1, 2, 1] {
            versions.push(stage.change(subject, &versions[versions.len() - 1], number).await);
        }
        let verbs = ["Delete", "Undelete"].into_iter().filter(|_| subject.can("Undelete"));
        for verb in verbs {
            let request = subject.request(verb).with("name", &first.text("name"));
            versions.push(stage.call(subject, verb, &request).await.expect("a change"));
        }
        let last = stage.get(subject, &first.text("name")).await.expect("the changed one");
        assert_eq!(Some(&last), versions.last(), "{}", subject.kind);
        for version in &versions {
            let etag = version.text("etag");
            assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
            assert_eq!(version.field("create_time"), first.field("create_time"), "{}", subject.kind);
        }
        for field in ["etag", "update_time"] {
            let distinct: HashSet<&[u8]> = versions.iter().map(|version| version.field(field)).collect();
            assert_eq!(distinct.len(), versions.len(), "{}: a {field} came back", subject.kind);
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn an_update_needs_the_current_etag_or_a_star() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let first = stage.create(subject, 1).await;
        let second = stage.change(subject, &first, 2).await;
        let given = stage.sample(subject, 3).like(&first, "name");
        let before = stage.newsroom.contents().await;

        let answer = stage.call(subject, "Update", &subject.update(&given)).await;
        let status = refused(subject.kind, answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [format!("{}.etag", subject.field())]);
        let unquoted = subject.update(&given.clone().with("etag", "2"));
        let answer = stage.call(subject, "Update", &unquoted).await;
        let status = refused(subject.kind, answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [format!("{}.etag", subject.field())]);

        let stale = subject.update(&given.clone().like(&first, "etag"));
        let answer = stage.call(subject, "Update", &stale).await;
        let status = refused(subject.kind, answer, Code::Aborted, "ETAG_MISMATCH");
        let details = status.get_error_details();
        let told = details.error_info().and_then(|info| info.metadata.get("etag").cloned());
        assert_eq!(told, Some(second.text("etag")), "{}", subject.kind);
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);

        let star = subject.update(&given.clone().with("etag", "*"));
        let third = stage.call(subject, "Update", &star).await.expect("an update of whatever it is now");
        assert_agree(subject.kind, &given, &third, &given.set());
    }
    stage.close().await;
}

#[tokio::test]
async fn of_concurrent_updates_with_one_etag_one_wins_and_the_others_are_told() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let first = stage.create(subject, 1).await;
        let updates = (2..8).map(|number| {
            let given = stage.sample(subject, number).like(&first, "name").like(&first, "etag");
            let (line, update) = (&stage.line, subject.update(&given));
            async move { subject.call(line, "Update", &update).await }
        });
        let answers = futures::future::join_all(updates).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5), "{}", subject.kind);
        for answer in lost {
            refused(subject.kind, answer, Code::Aborted, "ETAG_MISMATCH");
        }
        let now = stage.get(subject, &first.text("name")).await.expect("what won");
        assert_eq!(Some(now), won.into_iter().next().and_then(Result::ok), "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_mask_takes_the_named_field_and_no_other() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut current = stage.create(subject, 1).await;
        let given = stage.sample(subject, 2).like(&current, "name").with("etag", "*");
        let writable = stage.sample(subject, 1).set();
        for field in &writable {
            let request = subject.update(&given).masked(&[field]);
            let updated = stage.call(subject, "Update", &request).await.expect("an update");
            let what = format!("{} with mask {field}", subject.kind);
            assert_agree(&what, &updated, &given, &[field]);
            let others: Vec<&str> = writable.iter().filter(|other| *other != field).copied().collect();
            assert_agree(&what, &updated, &current, &others);
            current = updated;
        }
        assert_agree(subject.kind, &current, &given, &writable);
    }
    stage.close().await;
}

#[tokio::test]
async fn without_a_mask_the_fields_that_are_set_are_taken() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let mut current = stage.create(subject, 1).await;
        let sample = stage.sample(subject, 2);
        for field in sample.set() {
            let given = subject.least().like(&current, "name").with("etag", "*");
            // Only this field, not even what creation needs.
            let given = given.set().iter().fold(given.clone(), |message, other| match *other {
                "name" | "etag" => message,
                other => message.without(other),
            });
            let request = subject.update(&given.like(&sample, field));
            let updated = stage.call(subject, "Update", &request).await.expect("an update");
            let what = format!("{} with only {field}", subject.kind);
            assert_agree(&what, &updated, &sample, &[field]);
            let others: Vec<&str> = sample.set().into_iter().filter(|other| *other != field).collect();
            assert_agree(&what, &updated, &current, &others);
            current = updated;
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn a_star_replaces_all_writable_fields() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let (verb, request) = subject.creation(&subject.least(), 1);
        let bare = stage.call(subject, verb, &request).await.expect("a creation");
        let full = stage.create(subject, 2).await;
        let given = subject.least().like(&full, "name").like(&full, "etag");
        let request = subject.update(&given).masked(&["*"]);
        let updated = stage.call(subject, "Update", &request).await.expect("an update");
        // What is not given is as if it had never been.
        assert_agree(subject.kind, &updated, &bare, &stage.sample(subject, 1).set());
    }
    stage.close().await;
}

#[tokio::test]
async fn a_named_field_without_a_value_is_cleared_unless_it_is_needed() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let (verb, request) = subject.creation(&subject.least(), 1);
        let bare = stage.call(subject, verb, &request).await.expect("a creation");
        let full = stage.create(subject, 2).await;
        let blank = subject.request("Get").with("name", &full.text("name")).text("name");
        let blank = crate::raw::Message::new(subject.kind).with("name", &blank).with("etag", "*");
        for field in stage.sample(subject, 1).set() {
            let request = subject.update(&blank).masked(&[field]);
            let answer = stage.call(subject, "Update", &request).await;
            let what = format!("{} without {field}", subject.kind);
            if subject.least().set().contains(&field) {
                let status = refused(&what, answer, Code::InvalidArgument, "INVALID_FIELD");
                assert_eq!(fields(&status), [format!("{}.{field}", subject.field())], "{what}");
            } else {
                assert_agree(&what, &answer.expect("an update"), &bare, &[field]);
            }
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn a_mask_with_an_unknown_path_is_refused() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let created = stage.create(subject, 1).await;
        let given = stage.sample(subject, 2).like(&created, "name").like(&created, "etag");
        let known = stage.sample(subject, 1).set()[0];
        let nested = format!("{known}.text");
        let prefixed = format!("{}.{known}", subject.field());
        let before = stage.newsroom.contents().await;
        let wrong =
            ["no_such_field", "", " ", "*", nested.as_str(), prefixed.as_str(), "Name", "\u{0}", "etag\n"];
        for path in wrong {
            let request = subject.update(&given).masked(&[known, path]);
            let answer = stage.call(subject, "Update", &request).await;
            let what = format!("{} with mask {path:?}", subject.kind);
            let status = refused(&what, answer, Code::InvalidArgument, "INVALID_FIELD");
            assert_eq!(fields(&status), ["update_mask.paths[1]"], "{what}");
        }
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn an_update_of_nothing_changes_nothing() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let created = stage.create(subject, 1).await;
        let other = stage.change(subject, &stage.create(subject, 2).await, 3).await;
        let writable = stage.sample(subject, 1).set();
        let before = stage.newsroom.contents().await;

        let same = subject.update(&created);
        let blank = crate::raw::Message::new(subject.kind).like(&created, "name").with("etag", "*");
        // Output-only fields of another one, which an update must not take.
        let meddled = created.known().into_iter().filter(|field| !writable.contains(field));
        let meddled: Vec<&str> =
            meddled.filter(|field| !["name", "etag", "rights"].contains(field)).collect();
        let given = meddled.iter().fold(created.clone(), |message, field| message.like(&other, field));
        let updates = [
            ("the same without a mask", same.clone()),
            ("the same with a star", same.clone().masked(&["*"])),
            ("the same with every field named", same.masked(&writable)),
            ("nothing without a mask", subject.update(&blank)),
            ("output-only fields without a mask", subject.update(&given)),
            ("output-only fields by name", subject.update(&given).masked(&meddled)),
            ("name and etag", subject.update(&given).masked(&["name", "etag"])),
        ];
        for (what, update) in updates {
            let what = format!("{}: {what}", subject.kind);
            let answer = stage.call(subject, "Update", &update).await;
            let answer = answer.unwrap_or_else(|status| panic!("{what}: {status:?}"));
            assert_eq!(answer, created, "{what}");
            assert_eq!(stage.newsroom.contents().await, before, "{what}");
        }
    }
    stage.close().await;
}
