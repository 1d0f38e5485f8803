//! Creating and reading.

use tonic::Code;
use tonic_types::StatusExt;

use super::{SUBJECTS, Stage, assert_agree, refused};

#[tokio::test]
async fn a_missing_name_is_not_found_and_named() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        for verb in ["Get", "Update", "Delete", "Undelete"].into_iter().filter(|verb| subject.can(verb)) {
            let given = stage.sample(subject, 1).with("name", subject.missing).with("etag", "*");
            let request = match verb {
                "Update" => subject.update(&given),
                _ => subject.request(verb).with("name", subject.missing),
            };
            let what = subject.method(verb);
            let answer = stage.call(subject, verb, &request).await;
            let status = refused(&what, answer, Code::NotFound, "RESOURCE_NOT_FOUND");
            let details = status.get_error_details();
            let resource = details.resource_info().unwrap_or_else(|| panic!("{what}: {status:?}"));
            assert_eq!(resource.resource_type, format!("masthead/{}", subject.kind), "{what}");
            assert_eq!(resource.resource_name, subject.missing, "{what}");
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn what_is_created_is_read_back_as_it_was_given() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let given = stage.sample(subject, 1);
        let created = stage.create(subject, 1).await;
        assert_agree(subject.kind, &given, &created, &given.set());
        let name = created.text("name");
        let got = stage.get(subject, &name).await.expect("what was created");
        assert_eq!(got, created, "{}", subject.kind);
        let listed = subject.list_all(&stage.line, &subject.request("List")).await;
        let listed = listed.into_iter().find(|one| one.text("name") == name);
        assert_eq!(listed, Some(created), "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn what_creation_needs_is_enough_and_the_rest_stays_empty_or_has_a_default() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let (verb, request) = subject.creation(&subject.least(), 1);
        let created = stage.call(subject, verb, &request).await.expect("a creation");
        assert_agree(subject.kind, &subject.least(), &created, &subject.least().set());
        for field in ["name", "etag", "create_time", "update_time"] {
            assert!(!created.field(field).is_empty(), "{}: {field}", subject.kind);
        }
        assert_eq!(created.items("create_time"), created.items("update_time"), "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn name_and_output_only_fields_are_ignored_at_creation() {
    let stage = Stage::open().await;
    for subject in SUBJECTS.iter().filter(|subject| subject.can("Create")) {
        let other = stage.create(subject, 1).await;
        let given = stage.sample(subject, 2);
        let meddled = ["name", "uid", "etag", "create_time", "update_time"];
        let request = meddled.iter().fold(given.clone(), |message, field| message.like(&other, field));
        let (verb, request) = subject.creation(&request, 2);
        let created = stage.call(subject, verb, &request).await.expect("a creation");
        assert_agree(subject.kind, &given, &created, &given.set());
        for field in ["name", "uid", "create_time"] {
            assert_ne!(created.field(field), other.field(field), "{}: {field}", subject.kind);
        }
        assert_eq!(stage.get(subject, &other.text("name")).await.expect("the other"), other);
    }
    stage.close().await;
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_also_if_a_deleted_one_has_it() {
    let stage = Stage::open().await;
    for subject in SUBJECTS.iter().filter(|subject| subject.id_field().is_some()) {
        let taken = stage.create(subject, 1).await;
        let (verb, request) = subject.creation(&stage.sample(subject, 2), 1);
        for state in ["live", "deleted"] {
            let before = stage.newsroom.contents().await;
            let answer = stage.call(subject, verb, &request).await;
            let what = format!("{state} {}", subject.kind);
            let status = refused(&what, answer, Code::AlreadyExists, "RESOURCE_EXISTS");
            let details = status.get_error_details();
            let resource = details.resource_info().map(|info| info.resource_name.clone());
            assert_eq!(resource, Some(taken.text("name")), "{what}");
            assert_eq!(stage.newsroom.contents().await, before, "{what}");
            if state == "live" {
                let delete = subject.request("Delete").with("name", &taken.text("name"));
                stage.call(subject, "Delete", &delete).await.expect("a deletion");
            }
        }
    }
    stage.close().await;
}
