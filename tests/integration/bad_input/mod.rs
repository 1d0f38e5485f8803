//! What must not come in does not, is refused with the field that is wrong, and
//! leaves nothing behind.

mod archive;
mod bodies;
mod limits;
mod messages;
mod names;
mod texts;
mod values;

use masthead::{admin::Role, pb};
use tonic::Code;

use crate::{
    newsroom::{Newsroom, PAPER, fields, reason},
    raw::{Line, Message, methods},
};

/// A newsroom with one thing of each kind, and someone who may do everything.
struct Stage {
    newsroom: Newsroom,
    line: Line,
    operator: Line,
    article: String,
    issue: String,
    reporter: String,
    photo: String,
    upload: String,
}

/// A request by its method.
struct Ask {
    method: &'static str,
    message: Vec<u8>,
}

/// A request that must be refused because of these fields and no others.
struct Case {
    what: String,
    ask: Ask,
    fields: Vec<String>,
}

fn ask(method: &'static str, message: &impl prost::Message) -> Ask {
    Ask { method, message: message.encode_to_vec() }
}

fn case(what: impl Into<String>, ask: Ask, fields: &[&str]) -> Case {
    Case { what: what.into(), ask, fields: fields.iter().map(|field| (*field).to_owned()).collect() }
}

impl Ask {
    /// The same, but only to be checked.
    fn only_checked(self) -> Ask {
        let (_, method) = methods().into_iter().find(|(name, _)| name == self.method).expect("a method");
        let request = method.input_type().trim_start_matches(".masthead.v1.");
        let request = Message::read(request, &self.message);
        // What changes nothing has no such field.
        let message = if request.knows("validate_only") {
            request.flagged("validate_only", true).encode()
        } else {
            self.message
        };
        Ask { method: self.method, message }
    }
}

impl Stage {
    async fn open() -> Stage {
        let newsroom = Newsroom::open().await;
        newsroom.newspaper(1).await;
        let (issue, article) = newsroom.reviewed_issue(4150).await;
        let mut desk = newsroom.desk(Role::Reporter).await;
        let reporter = pb::Reporter { display_name: "林知秋".into(), ..Default::default() };
        let reporter = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        let reporter = desk.reporters.create_reporter(reporter).await.expect("a reporter").into_inner();
        let photo = desk.photos.create_photo(pb::CreatePhotoRequest::default()).await;
        let photo = photo.expect("a photo").into_inner();
        let begin = pb::StartPhotoUploadRequest {
            parent: photo.name.clone(),
            upload: Some(pb::PhotoUpload { size_bytes: 1000, ..Default::default() }),
            ..Default::default()
        };
        let upload = desk.photos.start_photo_upload(begin).await.expect("an upload").into_inner();
        let line = Line::of(&newsroom, "chief", Role::Publisher).await;
        let operator = Line::of(&newsroom, "operator", Role::Operator).await;
        Stage {
            newsroom,
            line,
            operator,
            article: article.name,
            issue: issue.name,
            reporter: reporter.name,
            photo: photo.name,
            upload: upload.name,
        }
    }

    /// The line of someone who may call a method.
    fn line_for(&self, method: &str) -> &Line {
        if method.starts_with("AdminService/") { &self.operator } else { &self.line }
    }

    async fn close(self) {
        self.newsroom.close().await;
    }

    /// The name of the thing of this kind.
    fn name(&self, kind: &str) -> String {
        match kind {
            "Newspaper" => PAPER.to_owned(),
            "Issue" => self.issue.clone(),
            "Page" => format!("{}/pages/1", self.issue),
            "Article" => self.article.clone(),
            "ArticleRevision" => format!("{}/revisions/1", self.article),
            "Reporter" => self.reporter.clone(),
            "Photo" => self.photo.clone(),
            "PhotoUpload" => self.upload.clone(),
            "Publication" => "publications/1".to_owned(),
            "AccessToken" => "accessTokens/0192f1f0-aaaa-7000-8000-00000000000a".to_owned(),
            _ => panic!("no {kind}"),
        }
    }

    /// Sends requests that must be refused; nothing of them may stay.
    async fn refuses(&self, cases: Vec<Case>) {
        let before = self.newsroom.contents().await;
        for Case { what, ask, fields: expected } in cases {
            let answer = self.line_for(ask.method).send(ask.method, vec![ask.message]).await;
            let Err(status) = answer else { panic!("{what}: {} took it", ask.method) };
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (Code::InvalidArgument, "INVALID_FIELD".into()), "{what}: {status:?}");
            assert_eq!(fields(&status), expected, "{what}: {status:?}");
        }
        assert_eq!(self.newsroom.contents().await, before);
    }

    /// Sends requests that are just within the rules, to be checked only.
    async fn takes(&self, asks: Vec<(String, Ask)>) {
        for (what, ask) in asks {
            let ask = ask.only_checked();
            let answer = self.line_for(ask.method).send(ask.method, vec![ask.message]).await;
            assert!(answer.is_ok(), "{what}: {answer:?}");
        }
    }
}

fn create_newspaper(newspaper: pb::Newspaper) -> Ask {
    let newspaper = pb::Newspaper {
        title: if newspaper.title.is_empty() { "报".into() } else { newspaper.title },
        ..newspaper
    };
    let newspaper_id = "another".into();
    let create =
        pb::CreateNewspaperRequest { newspaper: Some(newspaper), newspaper_id, ..Default::default() };
    ask("NewspaperService/CreateNewspaper", &create)
}

fn create_reporter(reporter: pb::Reporter) -> Ask {
    let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
    ask("ReporterService/CreateReporter", &create)
}

fn create_issue(issue: pb::Issue) -> Ask {
    let issue_id = "another".into();
    let create =
        pb::CreateIssueRequest { parent: PAPER.into(), issue: Some(issue), issue_id, ..Default::default() };
    ask("IssueService/CreateIssue", &create)
}

fn create_article(article: pb::Article) -> Ask {
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    ask("ArticleService/CreateArticle", &create)
}

/// Creates an article with this one block.
fn create_block(kind: pb::block::Kind) -> Ask {
    let body = vec![pb::Block { kind: Some(kind) }];
    create_article(pb::Article { body, ..crate::newsroom::article("题") })
}

fn create_photo(photo: pb::Photo) -> Ask {
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    ask("PhotoService/CreatePhoto", &create)
}

fn update_page(page: pb::Page) -> Ask {
    let update = pb::UpdatePageRequest {
        page: Some(pb::Page { etag: "*".into(), ..page }),
        allow_missing: true,
        ..Default::default()
    };
    ask("IssueService/UpdatePage", &update)
}
