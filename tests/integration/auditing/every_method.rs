//! Every method that changes something is carried out once, and leaves a row that says
//! who did what to what, by which call.

use chrono::{TimeDelta, Utc};
use masthead::{
    admin::Role,
    auth::table::{Effect, METHODS},
    import::desk::Desk,
    pb,
};
use tonic::Response;

use super::events;
use crate::{
    newsroom::{Newsroom, PAPER, article, date, mask, upload},
    photo_files::{jpeg_of, proving, sha256},
};

/// What a row says of the content of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digests {
    /// It has none that is digested.
    None,
    /// It had none before.
    New,
    /// It has another one now.
    Changed,
    /// It is as it was.
    Kept,
    /// It is gone.
    Gone,
}

/// A method that was carried out.
#[derive(Debug)]
struct Done {
    method: &'static str,
    role: Role,
    resource: String,
    call: String,
    digests: Digests,
}

/// The people, each with one role, and what they have done.
struct House {
    room: Newsroom,
    reporter: Desk,
    editor: Desk,
    publisher: Desk,
    operator: Desk,
    done: Vec<Done>,
}

/// Has a person carry out a method; its answer. `$resource` names by the answer what the
/// row must be about.
macro_rules! carry_out {
    ($house:expr, $method:literal, $role:ident.$client:ident.$call:ident($request:expr), $resource:expr, $digests:ident) => {{
        let answer = $house.$role.$client.$call($request).await.expect($method);
        let call = call_of(&answer);
        let answer = answer.into_inner();
        let role = Role::parse(stringify!($role)).expect("a role");
        let resource = $resource(&answer);
        $house.done.push(Done { method: $method, role, resource, call, digests: Digests::$digests });
        answer
    }};
}

fn call_of<T>(answer: &Response<T>) -> String {
    answer.metadata().get("x-request-id").expect("the id of the call").to_str().expect("text").to_owned()
}

fn in_an_hour() -> Option<prost_types::Timestamp> {
    let seconds = (Utc::now() + TimeDelta::hours(1)).timestamp();
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn any() -> String {
    "*".to_owned()
}

#[tokio::test]
async fn every_method_that_changes_something_leaves_a_row_of_who_did_what_to_what() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let (reporter, editor) = (room.desk(Role::Reporter).await, room.desk(Role::Editor).await);
    let (publisher, operator) = (room.desk(Role::Publisher).await, room.desk(Role::Operator).await);
    let mut house = House { room, reporter, editor, publisher, operator, done: Vec::new() };
    newspapers(&mut house).await;
    drafts_of_issues(&mut house).await;
    drafts_of_articles(&mut house).await;
    publications(&mut house).await;
    reporters(&mut house).await;
    photos(&mut house).await;
    administration(&mut house).await;

    for (method, _, effect, _) in METHODS {
        let verb = method.split_once('/').expect("a service and a method").1;
        let is_done = house.done.iter().any(|done| done.method == verb);
        assert_eq!(is_done, *effect == Effect::Writes, "{method} is to be carried out here if it writes");
    }
    let rows = events(&house.room, "code = OK", "").await;
    for done in &house.done {
        let of_call: Vec<_> = rows.iter().filter(|row| row.call_id == done.call).collect();
        assert!(of_call.iter().all(|row| row.method == done.method), "{done:?}: {of_call:#?}");
        let row = of_call.iter().find(|row| row.resource == done.resource);
        let row = row.unwrap_or_else(|| panic!("no row of {done:?} among {of_call:#?}"));
        assert_eq!((row.person.as_str(), row.peer.as_str()), (done.role.as_str(), "127.0.0.1"), "{done:?}");
        assert_eq!(row.role(), pb::Role::from(done.role), "{done:?}");
        let (before, after) = (row.digest_before.as_str(), row.digest_after.as_str());
        let digests = match (before, after) {
            ("", "") => Digests::None,
            ("", _) => Digests::New,
            (_, "") => Digests::Gone,
            _ if before == after => Digests::Kept,
            _ => Digests::Changed,
        };
        assert_eq!(digests, done.digests, "{done:?}: {before:?}, {after:?}");
    }
    only_working_copies_are_in_the_feed(&house.room).await;
    println!("{} methods carried out, each with its row", house.done.len());
    house.room.close().await;
}

/// Who follows changes knows no uploads, files and indexes.
async fn only_working_copies_are_in_the_feed(room: &Newsroom) {
    let mut connection = room.database.connect().await;
    let sql = "select distinct split_part(resource, '/', 1) from changes
               where resource not like '%/uploads/%' order by 1";
    let kinds: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("kinds");
    assert_eq!(kinds, ["accessTokens", "articles", "newspapers", "photos", "reporters"]);
    let uploads = "select count(*) from changes where resource like '%/uploads/%'";
    let uploads: i64 = sqlx::query_scalar(uploads).fetch_one(&mut connection).await.expect("a count");
    assert_eq!(uploads, 0);
}

async fn newspapers(house: &mut House) {
    let paper = pb::Newspaper { title: "晚讯报".into(), ..Default::default() };
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(paper),
        newspaper_id: "evening-post".into(),
        ..Default::default()
    };
    let name = |paper: &pb::Newspaper| paper.name.clone();
    let paper =
        carry_out!(house, "CreateNewspaper", publisher.newspapers.create_newspaper(create), name, None);
    let changed = pb::Newspaper { chief_editor: "甘一鸣".into(), ..paper.clone() };
    let update = pb::UpdateNewspaperRequest { newspaper: Some(changed), ..Default::default() };
    carry_out!(house, "UpdateNewspaper", publisher.newspapers.update_newspaper(update), name, None);
    let delete = pb::DeleteNewspaperRequest { name: paper.name.clone(), ..Default::default() };
    carry_out!(house, "DeleteNewspaper", publisher.newspapers.delete_newspaper(delete), name, None);
    let undelete = pb::UndeleteNewspaperRequest { name: paper.name, ..Default::default() };
    carry_out!(house, "UndeleteNewspaper", operator.newspapers.undelete_newspaper(undelete), name, None);
}

async fn drafts_of_issues(house: &mut House) {
    let facts = pb::Issue { number: 7, publish_date: Some(date(2026, 10, 7)), ..Default::default() };
    let create = pb::CreateIssueRequest {
        parent: PAPER.into(),
        issue: Some(facts),
        issue_id: "7".into(),
        ..Default::default()
    };
    let name = |issue: &pb::Issue| issue.name.clone();
    let issue = carry_out!(house, "CreateIssue", reporter.issues.create_issue(create), name, New);
    let changed = pb::Issue { price_note: "一元".into(), ..issue.clone() };
    let update = pb::UpdateIssueRequest { issue: Some(changed), ..Default::default() };
    carry_out!(house, "UpdateIssue", reporter.issues.update_issue(update), name, Changed);
    let page = format!("{}/pages/1", issue.name);
    let layout = pb::Page { name: page.clone(), section: "要闻".into(), ..Default::default() };
    let update = pb::UpdatePageRequest { page: Some(layout), allow_missing: true, ..Default::default() };
    let page_name = |page: &pb::Page| page.name.clone();
    carry_out!(house, "UpdatePage", reporter.issues.update_page(update), page_name, Changed);
    let delete = pb::DeletePageRequest { name: page.clone(), ..Default::default() };
    carry_out!(house, "DeletePage", reporter.issues.delete_page(delete), |_: &()| page.clone(), Changed);
    let clone = pb::CloneIssueRequest { name: issue.name.clone(), ..Default::default() };
    let cloned = carry_out!(house, "CloneIssue", reporter.issues.clone_issue(clone), name, New);
    let review =
        pb::ReviewIssueRequest { name: issue.name.clone(), etag: any(), stage: 1, ..Default::default() };
    carry_out!(house, "ReviewIssue", editor.issues.review_issue(review), name, Kept);
    let send_back =
        pb::ReturnIssueRequest { name: issue.name, reason: "缺一个版".into(), ..Default::default() };
    carry_out!(house, "ReturnIssue", editor.issues.return_issue(send_back), name, Kept);
    let delete = pb::DeleteIssueRequest { name: cloned.name.clone(), ..Default::default() };
    carry_out!(house, "DeleteIssue", editor.issues.delete_issue(delete), name, Kept);
    let undelete = pb::UndeleteIssueRequest { name: cloned.name, ..Default::default() };
    carry_out!(house, "UndeleteIssue", editor.issues.undelete_issue(undelete), name, Kept);
}

async fn drafts_of_articles(house: &mut House) {
    let create = pb::CreateArticleRequest { article: Some(article("开渔")), ..Default::default() };
    let name = |article: &pb::Article| article.name.clone();
    let made = carry_out!(house, "CreateArticle", reporter.articles.create_article(create), name, New);
    let update = pb::UpdateArticleRequest {
        article: Some(pb::Article { headline: "休渔".into(), ..made.clone() }),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    carry_out!(house, "UpdateArticle", reporter.articles.update_article(update), name, Changed);
    let rollback = pb::RollbackArticleRequest {
        name: made.name.clone(),
        revision: 1,
        etag: any(),
        ..Default::default()
    };
    carry_out!(house, "RollbackArticle", reporter.articles.rollback_article(rollback), name, Changed);
    let delete = pb::DeleteArticleRequest { name: made.name.clone(), ..Default::default() };
    carry_out!(house, "DeleteArticle", reporter.articles.delete_article(delete), name, Kept);
    let undelete = pb::UndeleteArticleRequest { name: made.name.clone(), ..Default::default() };
    carry_out!(house, "UndeleteArticle", reporter.articles.undelete_article(undelete), name, Kept);
    let review =
        pb::ReviewArticleRequest { name: made.name.clone(), etag: any(), stage: 1, ..Default::default() };
    carry_out!(house, "ReviewArticle", editor.articles.review_article(review.clone()), name, Kept);
    let send_back =
        pb::ReturnArticleRequest {
            name: made.name.clone(), reason: "再核实".into(), ..Default::default()
        };
    carry_out!(house, "ReturnArticle", editor.articles.return_article(send_back), name, Kept);
    house.editor.articles.review_article(review).await.expect("a review");
    let schedule = pb::PublishArticleRequest {
        name: made.name.clone(),
        publish_time: in_an_hour(),
        ..Default::default()
    };
    house.publisher.articles.publish_article(schedule).await.expect("an order");
    let cancel = pb::CancelArticleScheduleRequest { name: made.name.clone(), ..Default::default() };
    carry_out!(
        house,
        "CancelArticleSchedule",
        publisher.articles.cancel_article_schedule(cancel),
        name,
        Kept
    );
    let publish = pb::PublishArticleRequest { name: made.name.clone(), ..Default::default() };
    carry_out!(house, "PublishArticle", publisher.articles.publish_article(publish), name, Kept);
    let withdraw =
        pb::WithdrawArticleRequest { name: made.name, reason: "失实".into(), ..Default::default() };
    carry_out!(house, "WithdrawArticle", publisher.articles.withdraw_article(withdraw), name, Kept);
}

async fn publications(house: &mut House) {
    let (issue, printed) = house.room.reviewed_issue(4150).await;
    let name = |issue: &pb::Issue| issue.name.clone();
    let publish = pb::PublishIssueRequest { name: issue.name.clone(), ..Default::default() };
    let schedule = pb::PublishIssueRequest { publish_time: in_an_hour(), ..publish.clone() };
    house.publisher.issues.publish_issue(schedule).await.expect("an order");
    let cancel = pb::CancelIssueScheduleRequest { name: issue.name.clone(), ..Default::default() };
    carry_out!(house, "CancelIssueSchedule", publisher.issues.cancel_issue_schedule(cancel), name, Kept);
    carry_out!(house, "PublishIssue", publisher.issues.publish_issue(publish), name, Kept);
    let article_name = |article: &pb::Article| article.name.clone();
    let owe = pb::OweCorrectionRequest {
        name: printed.name.clone(),
        etag: any(),
        reason: "错字".into(),
        ..Default::default()
    };
    carry_out!(house, "OweCorrection", editor.articles.owe_correction(owe), article_name, Kept);
    let cancel = pb::CancelOwedCorrectionRequest {
        name: printed.name,
        reason: "并无错误".into(),
        ..Default::default()
    };
    carry_out!(
        house,
        "CancelOwedCorrection",
        editor.articles.cancel_owed_correction(cancel),
        article_name,
        Kept
    );
    let withdraw =
        pb::WithdrawIssueRequest { name: issue.name, reason: "失实".into(), ..Default::default() };
    carry_out!(house, "WithdrawIssue", publisher.issues.withdraw_issue(withdraw), name, Kept);
}

async fn reporters(house: &mut House) {
    let person = |name: &str| pb::CreateReporterRequest {
        reporter: Some(pb::Reporter { display_name: name.into(), ..Default::default() }),
        ..Default::default()
    };
    let name = |reporter: &pb::Reporter| reporter.name.clone();
    let real =
        carry_out!(house, "CreateReporter", reporter.reporters.create_reporter(person("林晓")), name, None);
    let changed = pb::Reporter { desk: "要闻部".into(), ..real.clone() };
    let update = pb::UpdateReporterRequest { reporter: Some(changed), ..Default::default() };
    carry_out!(house, "UpdateReporter", editor.reporters.update_reporter(update), name, None);
    let delete = pb::DeleteReporterRequest { name: real.name.clone(), ..Default::default() };
    carry_out!(house, "DeleteReporter", editor.reporters.delete_reporter(delete), name, None);
    let undelete = pb::UndeleteReporterRequest { name: real.name.clone(), ..Default::default() };
    carry_out!(house, "UndeleteReporter", editor.reporters.undelete_reporter(undelete), name, None);
    let twice = house.reporter.reporters.create_reporter(person("林 晓")).await.expect("them").into_inner();
    let merge = pb::MergeReportersRequest {
        name: twice.name.clone(),
        etag: any(),
        into: real.name.clone(),
        ..Default::default()
    };
    let duplicate = |_: &pb::Reporter| twice.name.clone();
    carry_out!(house, "MergeReporters", editor.reporters.merge_reporters(merge), duplicate, None);
}

async fn photos(house: &mut House) {
    let create = pb::CreatePhotoRequest::default();
    let name = |photo: &pb::Photo| photo.name.clone();
    let photo = carry_out!(house, "CreatePhoto", reporter.photos.create_photo(create), name, New);
    let changed = pb::Photo { caption: "龙舟开赛".into(), ..photo.clone() };
    let update = pb::UpdatePhotoRequest { photo: Some(changed), ..Default::default() };
    carry_out!(house, "UpdatePhoto", reporter.photos.update_photo(update), name, Changed);
    let file = jpeg_of(20_000, 1);
    let start = pb::StartPhotoUploadRequest {
        parent: photo.name.clone(),
        upload: Some(pb::PhotoUpload { size_bytes: 20_000, sha256: sha256(&file), ..Default::default() }),
        ..Default::default()
    };
    let upload_name = |upload: &pb::PhotoUpload| upload.name.clone();
    let begun =
        carry_out!(house, "StartPhotoUpload", reporter.photos.start_photo_upload(start), upload_name, New);
    let cancel = pb::CancelPhotoUploadRequest { name: begun.name.clone(), ..Default::default() };
    let cancelled = |_: &()| begun.name.clone();
    carry_out!(house, "CancelPhotoUpload", reporter.photos.cancel_photo_upload(cancel), cancelled, Gone);
    let parts = upload(&photo.name, file);
    carry_out!(house, "UploadPhoto", reporter.photos.upload_photo(parts), name, Changed);
    let review =
        pb::ReviewPhotoRequest { name: photo.name.clone(), etag: any(), stage: 1, ..Default::default() };
    carry_out!(house, "ReviewPhoto", editor.photos.review_photo(review), name, Kept);
    let send_back =
        pb::ReturnPhotoRequest { name: photo.name.clone(), reason: "太暗".into(), ..Default::default() };
    carry_out!(house, "ReturnPhoto", editor.photos.return_photo(send_back), name, Kept);
    let delete = pb::DeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    carry_out!(house, "DeletePhoto", reporter.photos.delete_photo(delete.clone()), name, Kept);
    let undelete = pb::UndeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    carry_out!(house, "UndeletePhoto", reporter.photos.undelete_photo(undelete), name, Kept);
    house.reporter.photos.delete_photo(delete).await.expect("a deletion");
    let purge = pb::PurgePhotoRequest { name: photo.name.clone(), ..Default::default() };
    let purged = |_: &()| photo.name.clone();
    carry_out!(house, "PurgePhoto", publisher.photos.purge_photo(purge), purged, Gone);
}

async fn administration(house: &mut House) {
    let token =
        pb::AccessToken { person: "林晓".into(), role: pb::Role::Reader.into(), ..Default::default() };
    let create = pb::CreateAccessTokenRequest { access_token: Some(token), ..Default::default() };
    let name = |token: &pb::AccessToken| token.name.clone();
    let token =
        carry_out!(house, "CreateAccessToken", operator.admin.create_access_token(create), name, None);
    let revoke = pb::RevokeAccessTokenRequest { name: token.name, ..Default::default() };
    carry_out!(house, "RevokeAccessToken", operator.admin.revoke_access_token(revoke), name, None);

    let orphan = jpeg_of(20_000, 2);
    let place = proving::place(&orphan);
    let path = house.room.photo_folder().join(&place);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, &orphan).expect("a file");
    proving::age(&path);
    let verify = pb::VerifyPhotosRequest { remove_orphans: true };
    let removed = |_: &_| place.clone();
    let mut steps = carry_out!(house, "VerifyPhotos", operator.admin.verify_photos(verify), removed, Gone);
    while steps.message().await.expect("a walk").is_some() {}
    assert!(!path.exists(), "the orphan is removed");

    let rebuild = pb::RebuildSearchIndexRequest::default();
    let indexes = |_: &_| "searchIndexes".to_owned();
    let mut steps =
        carry_out!(house, "RebuildSearchIndex", operator.admin.rebuild_search_index(rebuild), indexes, None);
    while steps.message().await.expect("a rebuild").is_some() {}
}
