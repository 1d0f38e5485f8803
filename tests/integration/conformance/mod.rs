//! The promises that all resources keep alike (aip.dev/121 to 164), each written
//! once and driven over all of them from one table, [`SUBJECTS`]. What a resource
//! promises beyond that has tests of its own.

mod deleting;
mod listing;
mod reading;
mod repeating;
mod subject;
mod updating;

use masthead::{admin::Role, pb};
use tonic::{Code, Status};

use crate::{
    newsroom::{Newsroom, PAPER, article, date, reason},
    raw::{Line, Message},
};
use subject::{SUBJECTS, Scene, Subject};

/// A newsroom with what the samples of the table refer to, and someone who may do
/// everything.
struct Stage {
    newsroom: Newsroom,
    scene: Scene,
    line: Line,
}

impl Stage {
    async fn open() -> Stage {
        let newsroom = Newsroom::open().await;
        newsroom.newspaper(1).await;
        let mut desk = newsroom.desk_of("stagehand", Role::Publisher).await;
        let evening = pb::CreateNewspaperRequest {
            newspaper: Some(pb::Newspaper { title: "晚讯报".into(), ..Default::default() }),
            newspaper_id: "evening-post".into(),
            ..Default::default()
        };
        desk.newspapers.create_newspaper(evening).await.expect("a newspaper");
        let issue = pb::Issue { publish_date: Some(date(2026, 10, 1)), ..Default::default() };
        let issue = pb::CreateIssueRequest {
            parent: PAPER.into(),
            issue: Some(issue),
            issue_id: "9000".into(),
            ..Default::default()
        };
        desk.issues.create_issue(issue).await.expect("an issue");
        let reporter = pb::Reporter { display_name: "林知秋".into(), ..Default::default() };
        let reporter = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        let reporter = desk.reporters.create_reporter(reporter).await.expect("a reporter").into_inner();
        let photo = desk.photos.create_photo(pb::CreatePhotoRequest::default()).await;
        let article = pb::CreateArticleRequest { article: Some(article("一篇")), ..Default::default() };
        let article = desk.articles.create_article(article).await.expect("an article").into_inner();
        let scene = Scene {
            reporter: reporter.name,
            photo: photo.expect("a photo").into_inner().name,
            article: article.name,
        };
        let line = Line::of(&newsroom, "publisher", Role::Publisher).await;
        Stage { newsroom, scene, line }
    }

    async fn close(self) {
        self.newsroom.close().await;
    }

    fn sample(&self, subject: &Subject, number: i32) -> Message {
        subject.sample(&self.scene, number)
    }

    /// Has a sample created.
    async fn create(&self, subject: &Subject, number: i32) -> Message {
        let (verb, request) = subject.creation(&self.sample(subject, number), number);
        subject.call(&self.line, verb, &request).await.expect("a creation")
    }

    async fn get(&self, subject: &Subject, name: &str) -> Result<Message, Status> {
        subject.call(&self.line, "Get", &subject.request("Get").with("name", name)).await
    }

    async fn call(&self, subject: &Subject, verb: &str, request: &Message) -> Result<Message, Status> {
        subject.call(&self.line, verb, request).await
    }

    /// Changes a resource into another sample.
    async fn change(&self, subject: &Subject, current: &Message, number: i32) -> Message {
        let given = self.sample(subject, number).like(current, "name").like(current, "etag");
        self.call(subject, "Update", &subject.update(&given)).await.expect("an update")
    }
}

/// The status of a call that must fail in this way.
#[track_caller]
fn refused<T>(what: impl std::fmt::Display, answer: Result<T, Status>, code: Code, why: &str) -> Status {
    let Err(status) = answer else { panic!("{what}: was not refused") };
    assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{what}: {status:?}");
    status
}

/// Whether two messages agree in these fields.
#[track_caller]
fn assert_agree(what: impl std::fmt::Display, one: &Message, other: &Message, fields: &[&str]) {
    for field in fields {
        let (one, other) = (one.field(field).escape_ascii(), other.field(field).escape_ascii());
        assert_eq!(one.to_string(), other.to_string(), "{what}: {field}");
    }
}
