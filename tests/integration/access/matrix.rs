//! Who may do what: every method × every role × one's own work, that of others, and
//! that of another newspaper, asked over the wire, against the table in the code; and
//! the table as the README shows it.

use std::collections::BTreeMap;

use masthead::{
    admin::{
        Role,
        credential::Grant,
        grant::{Shown, random_token},
    },
    auth::table::{METHODS, Object, rule_for},
    installation::create_credential,
    pb,
};
use prost_types::MethodDescriptorProto;
use tonic::{Code, Status};

use crate::{
    newsroom::{Newsroom, PAPER, article, date, reason, upload},
    raw::{Line, Message, methods},
};

/// A newspaper for which nobody in the test has a credential.
const OTHER: &str = "newspapers/evening-post";

/// Whose thing a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// The caller's own, in the newspaper of the credential.
    Own,
    /// Somebody else's in the same newspaper.
    Foreign,
    /// In another newspaper.
    Elsewhere,
}

/// The names of one thing of each kind.
type Names = BTreeMap<&'static str, String>;

/// The line of a person whose credential is for [`PAPER`] only; an operator's is for all.
async fn line_for_the_paper(newsroom: &Newsroom, person: &str, role: Role) -> Line {
    let token = random_token().expect("a token");
    let id = PAPER.trim_start_matches("newspapers/").to_owned();
    let newspapers = if role == Role::Operator { Vec::new() } else { vec![id] };
    let grant = Grant { newspapers, ..Grant::unlimited(person, role) };
    create_credential(&newsroom.db, grant, Shown::Token(token.digest())).await.expect("a credential");
    let line = Line::of_a_stranger(newsroom).await;
    line.showing(&format!("Bearer {}", token.reveal()))
}

/// One published thing of each kind in a newspaper, made by this person.
async fn things(newsroom: &Newsroom, paper: &str, maker: &str, number: i32) -> Names {
    let mut maker_desk = newsroom.desk_of(maker, Role::Reporter).await;
    let mut editor = newsroom.desk_of("a foreign editor", Role::Editor).await;
    let mut publisher = newsroom.desk_of("a foreign publisher", Role::Publisher).await;

    let photo = pb::CreatePhotoRequest { photo: Some(pb::Photo::default()), ..Default::default() };
    let photo = maker_desk.photos.create_photo(photo).await.expect("a photo").into_inner();
    let file = masthead::demo::picture::stand_in(24 + number.unsigned_abs() % 50, 24).expect("a picture");
    maker_desk.photos.upload_photo(upload(&photo.name, file)).await.expect("an upload");
    let start = pb::StartPhotoUploadRequest {
        parent: photo.name.clone(),
        upload: Some(pb::PhotoUpload { size_bytes: 100, ..Default::default() }),
        ..Default::default()
    };
    let upload = maker_desk.photos.start_photo_upload(start).await.expect("an upload").into_inner();
    let cleared = pb::Photo {
        name: photo.name.clone(),
        etag: "*".into(),
        rights: Some(pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() }),
        ..Default::default()
    };
    let update = pb::UpdatePhotoRequest { photo: Some(cleared), ..Default::default() };
    editor.photos.update_photo(update).await.expect("a clearance");
    let review =
        pb::ReviewPhotoRequest { name: photo.name.clone(), etag: "*".into(), stage: 1, ..Default::default() };
    publisher.photos.review_photo(review).await.expect("a review");

    let draft = pb::Article {
        newspaper: paper.into(),
        photos: vec![pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }],
        ..article("矩阵")
    };
    let create = pb::CreateArticleRequest { article: Some(draft), ..Default::default() };
    let article = maker_desk.articles.create_article(create).await.expect("an article").into_inner();
    let review = pb::ReviewArticleRequest {
        name: article.name.clone(),
        etag: "*".into(),
        stage: 1,
        ..Default::default()
    };
    editor.articles.review_article(review).await.expect("a review");
    let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
    let published = publisher.articles.publish_article(publish).await.expect("a publication").into_inner();

    let issue = pb::Issue { number, publish_date: Some(date(2026, 11, 23)), ..Default::default() };
    let create = pb::CreateIssueRequest {
        parent: paper.into(),
        issue: Some(issue),
        issue_id: number.to_string(),
        ..Default::default()
    };
    let issue = maker_desk.issues.create_issue(create).await.expect("an issue").into_inner();
    let page = pb::Page { name: format!("{}/pages/1", issue.name), ..Default::default() };
    let update =
        pb::UpdatePageRequest { page: Some(page.clone()), allow_missing: true, ..Default::default() };
    maker_desk.issues.update_page(update).await.expect("a page");

    let person = pb::Reporter { display_name: format!("甲{number}"), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    let reporter = maker_desk.reporters.create_reporter(create).await.expect("a reporter").into_inner();

    BTreeMap::from([
        ("Newspaper", paper.to_owned()),
        ("Issue", issue.name),
        ("Page", page.name),
        ("Article", article.name.clone()),
        ("ArticleRevision", format!("{}/revisions/1", article.name)),
        ("Photo", photo.name),
        ("PhotoUpload", upload.name),
        ("Reporter", reporter.name),
        ("Publication", published.latest_publication),
        ("Change", String::new()),
        ("AuditEvent", String::new()),
        ("AccessToken", "accessTokens/00000000-0000-7000-8000-000000000000".to_owned()),
    ])
}

/// A request of a method about these things that would be carried out, but leaves no
/// trace where that can be asked for.
fn request(method: &MethodDescriptorProto, names: &Names) -> Vec<u8> {
    let mut message = Message::about(method, |kind| names[kind].clone());
    let texts = [
        ("etag", "*"),
        ("reason", "试"),
        ("query", "矩阵"),
        ("newspaper_id", "a-new-paper"),
        ("issue_id", "9999"),
    ];
    for (field, text) in texts {
        if message.knows(field) {
            message = message.with(field, text);
        }
    }
    for (field, number) in [("stage", 1), ("year", 2026), ("month", 11)] {
        if message.knows(field) {
            message = message.numbered(field, number);
        }
    }
    if method.name() == "RollbackArticle" {
        message = message.numbered("revision", 1);
    }
    if message.knows("validate_only") {
        message = message.flagged("validate_only", true);
    }
    let newspaper = &names["Newspaper"];
    // What lists and feeds can be narrowed to, where that is no name.
    let is_text = |field: &str| {
        let known = message.fields().iter().find(|known| known.name() == field);
        known.is_some_and(|known| known.r#type() == prost_types::field_descriptor_proto::Type::String)
    };
    if is_text("newspaper") && !message.knows("name") {
        message = message.with("newspaper", newspaper);
    }
    match method.name() {
        "CreateArticle" => {
            let article = Message::new("Article").with("newspaper", newspaper).with("headline", "新稿");
            message = message.holding("article", &article);
        }
        "CreateNewspaper" => {
            let id = newspaper.trim_start_matches("newspapers/");
            let title = Message::new("Newspaper").with("title", "新报");
            message = message.with("newspaper_id", id).holding("newspaper", &title);
        }
        "CreateReporter" => {
            message = message.holding("reporter", &Message::new("Reporter").with("display_name", "乙"));
        }
        "CreateAccessToken" => {
            let token = Message::new("AccessToken").with("person", "乙").numbered("role", 1);
            message = message.holding("access_token", &token);
        }
        "CreateIssue" | "CloneIssue" => {
            let day = Message::new("Date").numbered("year", 2026).numbered("month", 12).numbered("day", 1);
            let issue = Message::new("Issue").holding("publish_date", &day);
            message = if message.knows("issue") { message.holding("issue", &issue) } else { message };
        }
        "ListIssuesOnThisDay" => {
            let day = Message::new("Date").numbered("month", 11).numbered("day", 23);
            message = message.holding("date", &day);
        }
        "StartPhotoUpload" => {
            let size = pb::PhotoUpload { size_bytes: 10, ..Default::default() };
            let size = Message::read("PhotoUpload", &prost::Message::encode_to_vec(&size));
            message = message.holding("upload", &size);
        }
        "UploadPhoto" => {
            let start = Message::new("UploadPhotoStart").with("name", &names["Photo"]);
            message = message.holding("start", &start);
        }
        "MergeReporters" => message = message.with("into", "reporters/00000000-0000-7000-8000-000000000000"),
        _ => {}
    }
    message.encode()
}

/// Why permission is refused, if it is.
fn refusal(answer: &Result<Vec<bytes::Bytes>, Status>) -> Option<String> {
    answer.as_ref().err().filter(|status| status.code() == Code::PermissionDenied).map(reason)
}

fn expected(method: &str, role: Role, whose: Whose) -> Option<&'static str> {
    let (roles, _, object) = rule_for(method).expect("a rule");
    if !roles.contains(&role) {
        return Some("ROLE_NOT_ALLOWED");
    }
    let bounded = role != Role::Operator;
    match (object, whose) {
        (Object::Everything, _) if bounded => Some("OUTSIDE_SCOPE"),
        (Object::OfNewspaper | Object::Own, Whose::Elsewhere) if bounded => Some("OUTSIDE_SCOPE"),
        (Object::Own | Object::OwnShared, Whose::Foreign | Whose::Elsewhere) if role == Role::Reporter => {
            Some("NOT_OWN_WORK")
        }
        _ => None,
    }
}

#[tokio::test]
async fn every_method_is_open_to_whom_the_table_says_for_what_it_says() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let other = pb::CreateNewspaperRequest {
        newspaper: Some(pb::Newspaper { title: "晚讯报".into(), review_stages: 1, ..Default::default() }),
        newspaper_id: "evening-post".into(),
        ..Default::default()
    };
    newsroom.desk(Role::Publisher).await.newspapers.create_newspaper(other).await.expect("a newspaper");
    for role in Role::ALL {
        let person = format!("matrix {}", role.as_str());
        let line = line_for_the_paper(&newsroom, &person, role).await;
        let number = 100 * (1 + role as i32);
        let mine = things(&newsroom, PAPER, &person, number).await;
        let foreign = things(&newsroom, PAPER, "somebody else", number + 1).await;
        let elsewhere = things(&newsroom, OTHER, "somebody else", number + 2).await;
        for (method, descriptor) in methods() {
            for (whose, names) in
                [(Whose::Own, &mine), (Whose::Foreign, &foreign), (Whose::Elsewhere, &elsewhere)]
            {
                // Every reader may narrow a list of what is not narrowed.
                let answer = line.send(&method, vec![request(descriptor, names)]).await;
                let what = format!("{method} by {} of {whose:?}", role.as_str());
                let wanted = match (method.as_str(), expected(&method, role, whose)) {
                    // Not about a newspaper: they show what is within the scope.
                    (
                        "NewspaperService/ListNewspapers" | "ArticleService/ListArticles",
                        Some("OUTSIDE_SCOPE"),
                    )
                    | ("ArticleService/SearchArticles", Some("OUTSIDE_SCOPE"))
                    | ("PublicationService/ListPublications", Some("OUTSIDE_SCOPE")) => None,
                    (_, wanted) => wanted,
                };
                assert_eq!(refusal(&answer).as_deref(), wanted, "{what}: {answer:?}");
                // What is let through is understood: otherwise it would say nothing here.
                if let (None, Err(status)) = (wanted, &answer) {
                    let understood = [Code::FailedPrecondition, Code::AlreadyExists, Code::NotFound];
                    let upload = method == "PhotoService/UploadPhoto";
                    assert!(understood.contains(&status.code()) || upload, "{what}: {status:?}");
                }
            }
        }
    }
    newsroom.close().await;
}

/// The table as the README shows it: methods of one service with the same rules stand
/// on one line.
fn readme_table() -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for (method, roles, _, object) in METHODS {
        let (service, verb) = method.split_once('/').expect("a service and a method");
        let cells = Role::ALL.map(|role| match (roles.contains(&role), object) {
            (false, _) => "–",
            (true, Object::Own | Object::OwnShared) if role == Role::Reporter => "own",
            (true, _) => "yes",
        });
        let reach = match object {
            Object::OfNewspaper | Object::Own => "of its newspapers",
            Object::Shared | Object::OwnShared => "any",
            Object::Everything => "all newspapers only",
        };
        let row = format!("{} | {} | {reach} |", service.trim_end_matches("Service"), cells.join(" | "));
        match lines.iter_mut().find(|(same, _)| *same == row) {
            Some((_, verbs)) => verbs.push(verb),
            None => lines.push((row, vec![verb])),
        }
    }
    let mut table = String::from(
        "| methods | service | reader | reporter | editor | publisher | operator | credential |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (row, verbs) in lines {
        table.push_str(&format!("| {} | {row}\n", verbs.join(", ")));
    }
    table
}

#[test]
fn the_readme_shows_the_table_of_roles_as_it_is() {
    let readme = include_str!("../../../README.md");
    let table = readme_table();
    assert!(readme.contains(&table), "put this into README.md, section Roles:\n\n{table}");
}
