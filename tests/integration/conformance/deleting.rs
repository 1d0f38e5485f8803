//! Deleting and undeleting (aip.dev/135, aip.dev/164).

use tonic::Code;
use tonic_types::StatusExt;

use super::{SUBJECTS, Stage, assert_agree, refused, subject::Subject};

/// What may differ between a resource before a deletion and after it was undone.
const TOUCHED: [&str; 3] = ["etag", "update_time", "delete_time"];

/// The subjects that can be undeleted.
fn soft() -> impl Iterator<Item = &'static Subject> {
    SUBJECTS.iter().filter(|subject| subject.can("Undelete"))
}

async fn lists(stage: &Stage, subject: &Subject, name: &str, show_deleted: bool) -> bool {
    let request = subject.request("List");
    let request = if show_deleted { request.flagged("show_deleted", true) } else { request };
    subject.list_all(&stage.line, &request).await.iter().any(|listed| listed.text("name") == name)
}

#[tokio::test]
async fn a_deleted_resource_is_hidden_from_lists_but_not_from_get() {
    let stage = Stage::open().await;
    for subject in soft() {
        let created = stage.create(subject, 1).await;
        let name = created.text("name");
        let delete = subject.request("Delete").with("name", &name);
        let deleted = stage.call(subject, "Delete", &delete).await.expect("a deletion");
        assert!(!deleted.field("delete_time").is_empty(), "{}", subject.kind);
        assert_agree(subject.kind, &deleted, &created, &stage.sample(subject, 1).set());
        assert_eq!(stage.get(subject, &name).await.expect("the deleted one"), deleted, "{}", subject.kind);
        assert!(!lists(&stage, subject, &name, false).await, "{}", subject.kind);
        assert!(lists(&stage, subject, &name, true).await, "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_deleted_page_is_gone_and_one_made_in_its_place_is_another() {
    let stage = Stage::open().await;
    let page = SUBJECTS.iter().find(|subject| subject.kind == "Page").expect("pages");
    let first = stage.create(page, 1).await;
    let name = first.text("name");
    let delete = page.request("Delete").with("name", &name);
    stage.call(page, "Delete", &delete).await.expect("a deletion");
    refused("Get", stage.get(page, &name).await, Code::NotFound, "RESOURCE_NOT_FOUND");
    assert!(!lists(&stage, page, &name, false).await);
    refused("again", stage.call(page, "Delete", &delete).await, Code::NotFound, "RESOURCE_NOT_FOUND");
    // Whoever still holds the old page must not write over the new one.
    stage.create(page, 1).await;
    let stale = page.update(&stage.sample(page, 2).with("name", &name).like(&first, "etag"));
    refused("an old etag", stage.call(page, "Update", &stale).await, Code::Aborted, "ETAG_MISMATCH");
    stage.close().await;
}

#[tokio::test]
async fn deleting_twice_is_not_found_unless_missing_is_allowed() {
    let stage = Stage::open().await;
    for subject in soft() {
        let name = stage.create(subject, 1).await.text("name");
        let delete = subject.request("Delete").with("name", &name);
        let deleted = stage.call(subject, "Delete", &delete).await.expect("a deletion");
        let before = stage.newsroom.contents().await;
        let again = stage.call(subject, "Delete", &delete).await;
        refused(subject.kind, again, Code::NotFound, "RESOURCE_NOT_FOUND");
        let allowing = delete.flagged("allow_missing", true);
        let again = stage.call(subject, "Delete", &allowing).await.expect("nothing to do");
        assert_eq!(again, deleted, "{}", subject.kind);
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn a_deletion_with_a_stale_etag_is_aborted() {
    let stage = Stage::open().await;
    for subject in &SUBJECTS {
        let first = stage.create(subject, 1).await;
        let mut current = stage.change(subject, &first, 2).await;
        let verbs = ["Delete", "Undelete"].into_iter().filter(|verb| subject.can(verb));
        for verb in verbs {
            let request = subject.request(verb).with("name", &first.text("name"));
            let stale = request.clone().with("etag", &first.text("etag"));
            let status =
                refused(verb, stage.call(subject, verb, &stale).await, Code::Aborted, "ETAG_MISMATCH");
            let details = status.get_error_details();
            let told = details.error_info().and_then(|info| info.metadata.get("etag").cloned());
            assert_eq!(told, Some(current.text("etag")), "{verb} {}", subject.kind);
            let right = request.with("etag", &current.text("etag"));
            current = stage.call(subject, verb, &right).await.expect("the current etag");
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn a_deleted_resource_cannot_be_updated() {
    let stage = Stage::open().await;
    for subject in soft() {
        let created = stage.create(subject, 1).await;
        let delete = subject.request("Delete").with("name", &created.text("name"));
        let deleted = stage.call(subject, "Delete", &delete).await.expect("a deletion");
        let before = stage.newsroom.contents().await;
        for etag in [deleted.text("etag"), created.text("etag"), "*".to_owned()] {
            let given = stage.sample(subject, 2).like(&created, "name").with("etag", &etag);
            let answer = stage.call(subject, "Update", &subject.update(&given)).await;
            let status = refused(subject.kind, answer, Code::FailedPrecondition, "RESOURCE_DELETED");
            let details = status.get_error_details();
            let named = details.resource_info().map(|info| info.resource_name.clone());
            assert_eq!(named, Some(created.text("name")));
        }
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}

#[tokio::test]
async fn undeleting_brings_back_everything() {
    let stage = Stage::open().await;
    for subject in soft() {
        let created = stage.create(subject, 1).await;
        let name = created.text("name");
        let delete = subject.request("Delete").with("name", &name);
        stage.call(subject, "Delete", &delete).await.expect("a deletion");
        let undelete = subject.request("Undelete").with("name", &name);
        let back = stage.call(subject, "Undelete", &undelete).await.expect("an undeletion");
        let kept: Vec<&str> = back.known().into_iter().filter(|field| !TOUCHED.contains(field)).collect();
        assert_agree(subject.kind, &back, &created, &kept);
        assert!(back.field("delete_time").is_empty(), "{}", subject.kind);
        assert_eq!(stage.get(subject, &name).await.expect("it again"), back, "{}", subject.kind);
        assert!(lists(&stage, subject, &name, false).await, "{}", subject.kind);
        stage.change(subject, &back, 2).await;
    }
    stage.close().await;
}

#[tokio::test]
async fn undeleting_a_live_resource_is_refused() {
    let stage = Stage::open().await;
    for subject in soft() {
        let name = stage.create(subject, 1).await.text("name");
        let before = stage.newsroom.contents().await;
        let undelete = subject.request("Undelete").with("name", &name);
        let answer = stage.call(subject, "Undelete", &undelete).await;
        refused(subject.kind, answer, Code::AlreadyExists, "RESOURCE_NOT_DELETED");
        assert_eq!(stage.newsroom.contents().await, before, "{}", subject.kind);
    }
    stage.close().await;
}
