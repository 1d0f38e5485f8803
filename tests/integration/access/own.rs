//! Whose work it is: a reporter changes what they made, wrote in or sign, in each of the
//! ways in which one can, and nothing beside it.

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::{Code, Status};

use crate::newsroom::{Newsroom, PAPER, article, date, mask, reason};

/// The reporter whose work it is or is not.
const PERSON: &str = "林晓";

/// A byline that prints this.
fn byline(printed_name: &str, reporter: &str) -> pb::Byline {
    let role = pb::byline::Role::Reporter.into();
    pb::Byline { reporter: reporter.into(), printed_name: printed_name.into(), role }
}

/// Somebody who may sign.
async fn signer(editor: &mut Desk, display_name: &str, pen_names: &[&str]) -> String {
    let pen_names = pen_names.iter().map(|name| (*name).to_owned()).collect();
    let person = pb::Reporter { display_name: display_name.into(), pen_names, ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    editor.reporters.create_reporter(create).await.expect("a reporter").into_inner().name
}

/// Each way in which a byline is somebody's or is not, by what it says; whether it is that
/// of [`PERSON`].
async fn bylines(editor: &mut Desk) -> Vec<(&'static str, pb::Byline, bool)> {
    let of_the_name = signer(editor, PERSON, &[]).await;
    let of_the_pen_name = signer(editor, "林某", &["小溪", PERSON]).await;
    let of_another = signer(editor, "林晓东", &["晓"]).await;
    vec![
        ("the printed name", byline(PERSON, ""), true),
        ("a printed name that begins like it", byline("林晓东", ""), false),
        ("a printed name of another", byline("陈岚", ""), false),
        ("the name of the reporter", byline("本报记者", &of_the_name), true),
        ("a pen name of the reporter", byline("本报记者", &of_the_pen_name), true),
        ("the printed name of another reporter", byline(PERSON, &of_another), true),
        ("another reporter", byline("本报记者", &of_another), false),
    ]
}

/// Checks how a change was taken.
fn assert_taken<T: std::fmt::Debug>(what: &str, taken: Result<T, Status>, is_own: bool) {
    match (taken, is_own) {
        (Ok(_), true) => {}
        (Err(status), false) => {
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (Code::PermissionDenied, "NOT_OWN_WORK".to_owned()), "{what}: {status:?}");
        }
        (taken, _) => panic!("{what}: {taken:?}"),
    }
}

#[tokio::test]
async fn an_article_is_the_work_of_whoever_signs_it_in_any_of_the_ways() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut editor = newsroom.desk(Role::Editor).await;
    let mut reporter = newsroom.desk_of(PERSON, Role::Reporter).await;
    for (what, byline, is_own) in bylines(&mut editor).await {
        let draft = pb::Article { bylines: vec![byline], ..article("龙舟开赛") };
        let create = pb::CreateArticleRequest { article: Some(draft), ..Default::default() };
        let made = editor.articles.create_article(create).await.expect(what).into_inner();
        let update = pb::UpdateArticleRequest {
            article: Some(pb::Article { headline: "龙舟延期".into(), ..made.clone() }),
            update_mask: mask(&["headline"]),
            ..Default::default()
        };
        assert_taken(what, reporter.articles.update_article(update).await, is_own);
        // Whoever has written in it goes on, whoever signs.
        let byline = vec![self::byline("陈岚", "")];
        let other = pb::Article { name: made.name.clone(), etag: "*".into(), bylines: byline, ..article("") };
        let update = pb::UpdateArticleRequest {
            article: Some(other),
            update_mask: mask(&["bylines"]),
            ..Default::default()
        };
        editor.articles.update_article(update).await.expect(what);
        let delete = pb::DeleteArticleRequest { name: made.name, ..Default::default() };
        assert_taken(what, reporter.articles.delete_article(delete).await, is_own);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_photo_is_the_work_of_whoever_signs_it_in_any_of_the_ways() {
    let newsroom = Newsroom::open().await;
    let mut editor = newsroom.desk(Role::Editor).await;
    let mut reporter = newsroom.desk_of(PERSON, Role::Reporter).await;
    for (what, byline, is_own) in bylines(&mut editor).await {
        let draft = pb::Photo { bylines: vec![byline], ..Default::default() };
        let create = pb::CreatePhotoRequest { photo: Some(draft), ..Default::default() };
        let made = editor.photos.create_photo(create).await.expect(what).into_inner();
        let start = pb::StartPhotoUploadRequest {
            parent: made.name.clone(),
            upload: Some(pb::PhotoUpload { size_bytes: 10, ..Default::default() }),
            ..Default::default()
        };
        assert_taken(what, reporter.photos.start_photo_upload(start).await, is_own);
        let update = pb::UpdatePhotoRequest {
            photo: Some(pb::Photo { caption: "龙舟".into(), ..made }),
            update_mask: mask(&["caption"]),
            ..Default::default()
        };
        assert_taken(what, reporter.photos.update_photo(update).await, is_own);
    }
    newsroom.close().await;
}

#[tokio::test]
async fn an_issue_and_its_pages_are_the_work_of_whoever_made_it_or_has_worked_on_it() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut maker = newsroom.desk_of(PERSON, Role::Reporter).await;
    let mut other = newsroom.desk_of("陈岚", Role::Reporter).await;
    let mut editor = newsroom.desk_of("陈岚", Role::Editor).await;
    let facts = pb::Issue { number: 7, publish_date: Some(date(2026, 10, 7)), ..Default::default() };
    let create = pb::CreateIssueRequest {
        parent: PAPER.into(),
        issue: Some(facts),
        issue_id: "7".into(),
        ..Default::default()
    };
    let issue = maker.issues.create_issue(create).await.expect("an issue").into_inner();
    let price = |note: &str| pb::UpdateIssueRequest {
        issue: Some(pb::Issue { price_note: note.into(), etag: "*".into(), ..issue.clone() }),
        update_mask: mask(&["price_note"]),
        ..Default::default()
    };
    let page = |number: i32, section: &str| pb::UpdatePageRequest {
        page: Some(pb::Page {
            name: format!("{}/pages/{number}", issue.name),
            etag: "*".into(),
            section: section.into(),
            ..Default::default()
        }),
        allow_missing: true,
        ..Default::default()
    };
    let delete = |number: i32| pb::DeletePageRequest {
        name: format!("{}/pages/{number}", issue.name),
        ..Default::default()
    };
    maker.issues.update_page(page(1, "要闻")).await.expect("their own");
    for is_own in [false, true] {
        let what = format!("own: {is_own}");
        assert_taken(&what, other.issues.update_issue(price(&what)).await, is_own);
        assert_taken(&what, other.issues.update_page(page(1, &what)).await, is_own);
        assert_taken(&what, other.issues.update_page(page(2, &what)).await, is_own);
        assert_taken(&what, other.issues.delete_page(delete(1)).await, is_own);
        // In another role the same person works on it, and so it becomes theirs too.
        editor.issues.update_issue(price("一元")).await.expect("an editor may");
    }
    maker.issues.update_issue(price("两元")).await.expect("it stays their own");
    maker.issues.delete_page(delete(2)).await.expect("and so do its pages");
    // What follows it is the work of whoever makes that.
    let mut third = newsroom.desk_of("甘一鸣", Role::Reporter).await;
    let clone = pb::CloneIssueRequest { name: issue.name.clone(), ..Default::default() };
    let next = third.issues.clone_issue(clone).await.expect("the next issue").into_inner();
    let update = pb::UpdateIssueRequest {
        issue: Some(pb::Issue { price_note: "一元".into(), ..next }),
        update_mask: mask(&["price_note"]),
        ..Default::default()
    };
    third.issues.update_issue(update).await.expect("their own");
    newsroom.close().await;
}
