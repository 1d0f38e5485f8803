//! The people of the demo at work.

use std::collections::BTreeSet;

use prost::Message;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use crate::{
    config,
    demo::{Error, picture, say},
    digest::Digest,
    import::{
        desk::Desk,
        page::Page,
        submit::{self, Options, Outcome},
    },
    pb,
    terminal::Progress,
};

/// Width and height of the stand-in picture in pixels.
const PICTURE_PX: (u32, u32) = (1200, 800);

/// The desks of those who make the paper.
pub struct Newsroom {
    pub reporter: Desk,
    pub editor: Desk,
    pub publisher: Desk,
}

impl Newsroom {
    /// The publisher keeps the newspaper, the reporter brings in the page.
    pub async fn import(&mut self, page: &Page) -> Result<Outcome, Error> {
        let options = Options::default();
        submit::import_newspaper(&mut self.publisher, page, &options, &mut Outcome::default()).await?;
        let progress = Progress::begin("importing");
        let mut step = |done: usize, all: usize, what: &str| progress.step(done, all, what);
        Ok(submit::submit(&mut self.reporter, page, &options, &mut step).await?)
    }

    /// The reporter uploads the pictures, the editor clears and signs them.
    pub async fn prepare_photos(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let names: BTreeSet<&String> = outcome.stories.iter().flat_map(|story| &story.photos).collect();
        for name in names {
            let get = pb::GetPhotoRequest { name: name.clone() };
            let mut photo = done("reading a photo", self.editor.photos.get_photo(get).await)?;
            if photo.file.is_none() {
                let bytes = picture::stand_in(PICTURE_PX.0, PICTURE_PX.1)?;
                say(&format!("the page brings no file for “{}”", first_characters(&photo.caption, 24)));
                say("the reporter uploads a stand-in picture that this program has drawn");
                photo =
                    done("uploading a photo", self.reporter.photos.upload_photo(upload(name, bytes)).await)?;
            }
            if photo.state() == pb::State::Draft {
                self.clear_and_sign(photo).await?;
            }
        }
        Ok(())
    }

    async fn clear_and_sign(&mut self, photo: pb::Photo) -> Result<(), Error> {
        say("the editor clears the rights and another person signs the photo");
        let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..pb::Rights::default() };
        let cleared =
            pb::Photo { name: photo.name, etag: photo.etag, rights: Some(rights), ..pb::Photo::default() };
        let update = pb::UpdatePhotoRequest { photo: Some(cleared), ..pb::UpdatePhotoRequest::default() };
        let photo = done("clearing a photo", self.editor.photos.update_photo(update).await)?;
        let review = pb::ReviewPhotoRequest {
            name: photo.name,
            etag: photo.etag,
            stage: 1,
            ..pb::ReviewPhotoRequest::default()
        };
        done("signing a photo", self.publisher.photos.review_photo(review).await)?;
        Ok(())
    }

    /// The editor signs every article, and then the issue. If the newspaper asks
    /// for a second stage, the publisher signs that.
    pub async fn review(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let progress = Progress::begin("reviewing");
        let all = outcome.stories.len() + 1;
        for (index, story) in outcome.stories.iter().enumerate() {
            progress.step(index, all, &story.headline);
            self.review_article(&story.article).await?;
        }
        progress.step(all - 1, all, "the issue");
        let get = pb::GetIssueRequest { name: outcome.issue.clone() };
        let mut issue = done("reading the issue", self.editor.issues.get_issue(get).await)?;
        for desk in [&mut self.editor, &mut self.publisher] {
            if issue.state() != pb::State::Draft {
                break;
            }
            let stage = issue.reviews.len() as i32 + 1;
            let review = pb::ReviewIssueRequest {
                name: issue.name,
                etag: issue.etag,
                stage,
                ..pb::ReviewIssueRequest::default()
            };
            issue = done("signing the issue", desk.issues.review_issue(review).await)?;
        }
        Ok(())
    }

    async fn review_article(&mut self, name: &str) -> Result<(), Error> {
        let get = pb::GetArticleRequest { name: name.to_owned() };
        let mut article = done("reading an article", self.editor.articles.get_article(get).await)?;
        for desk in [&mut self.editor, &mut self.publisher] {
            if article.state() != pb::State::Draft {
                break;
            }
            let stage = article.reviews.len() as i32 + 1;
            let review = pb::ReviewArticleRequest {
                name: article.name,
                etag: article.etag,
                stage,
                ..pb::ReviewArticleRequest::default()
            };
            article = done("signing an article", desk.articles.review_article(review).await)?;
        }
        Ok(())
    }

    /// The publisher asks what preflight finds, and publishes; what may be waived
    /// is waived by name, as a person would after reading it.
    pub async fn publish(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let acknowledge = self.preflight(&outcome.issue).await?;
        let order = pb::PublishIssueRequest {
            name: outcome.issue.clone(),
            acknowledge,
            ..pb::PublishIssueRequest::default()
        };
        match self.publisher.issues.publish_issue(order).await {
            Ok(_) => Ok(()),
            Err(refusal) if is_published_already(&refusal) => {
                say("the issue was published before and has not changed since");
                Ok(())
            }
            Err(refusal) => Err(refused("publishing the issue", refusal)),
        }
    }

    /// Tells what preflight finds; the codes that the publisher may waive.
    async fn preflight(&mut self, issue: &str) -> Result<Vec<String>, Error> {
        let check = pb::CheckIssueRequest { name: issue.to_owned(), ..pb::CheckIssueRequest::default() };
        let answer = done("checking the issue", self.publisher.issues.check_issue(check).await)?;
        say(&format!("preflight finds {}", count(answer.total_size, "thing", "things")));
        let mut codes = BTreeSet::new();
        for finding in &answer.findings {
            let code = finding.code().as_str_name().trim_start_matches("PUBLISH_CHECK_");
            let severity = match finding.severity() {
                pb::finding::Severity::Warning => "warning",
                _ => "error",
            };
            say(&format!("  {severity} {code}: {} {}", finding.resource, finding.description));
            if finding.waivable {
                codes.insert(code.to_owned());
            }
        }
        if !codes.is_empty() {
            say(&format!("the publisher acknowledges {}", Vec::from_iter(codes.iter().cloned()).join(", ")));
        }
        Ok(codes.into_iter().collect())
    }
}

fn count(number: i32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn is_published_already(refusal: &Status) -> bool {
    let details = refusal.get_error_details();
    let state = details.error_info().and_then(|info| info.metadata.get("state"));
    refusal.code() == Code::FailedPrecondition && state.is_some_and(|state| state == "PUBLISHED")
}

fn upload(name: &str, bytes: Vec<u8>) -> impl futures::Stream<Item = pb::UploadPhotoRequest> + use<> {
    use pb::upload_photo_request::Part;
    let start = pb::UploadPhotoStart {
        name: name.to_owned(),
        size_bytes: bytes.len() as i64,
        sha256: Digest::of(&bytes).to_string(),
        content_type: "image/jpeg".to_owned(),
        ..Default::default()
    };
    let mut parts = vec![Part::Start(start)];
    parts.extend(bytes.chunks(config::CHUNK_BYTES_MAX).map(|chunk| Part::Chunk(chunk.to_vec().into())));
    futures::stream::iter(parts.into_iter().map(|part| pb::UploadPhotoRequest { part: Some(part) }))
}

/// What a reader has pulled and checked.
pub struct Pulled {
    pub issue: pb::PublishedIssue,
    pub entry: pb::Publication,
    /// For each photo its size in bytes, its file having been received whole.
    pub photo_bytes: Vec<usize>,
}

/// Pulls an issue as a consumer does: the snapshot, its ledger entry, its
/// photos; and checks every digest.
pub async fn pull(reader: &mut Desk, name: &str) -> Result<Pulled, Error> {
    let get =
        pb::GetPublishedIssueRequest { name: name.to_owned(), ..pb::GetPublishedIssueRequest::default() };
    let issue = done("pulling the issue", reader.publications.get_published_issue(get).await)?;
    let entry = issue.publication.clone().unwrap_or_default();
    let get = pb::GetPublicationRequest { name: entry.name };
    let entry = done("reading the ledger", reader.publications.get_publication(get).await)?;
    let digest = Digest::of(&issue.encode_to_vec()).to_string();
    if digest != entry.sha256 {
        return Err(Error::Altered(format!(
            "the issue has digest {digest}, the ledger says {}",
            entry.sha256
        )));
    }
    let mut photo_bytes = Vec::new();
    for photo in &issue.photos {
        photo_bytes.push(pull_photo(reader, photo).await?);
    }
    Ok(Pulled { issue, entry, photo_bytes })
}

async fn pull_photo(reader: &mut Desk, photo: &pb::PublishedPhoto) -> Result<usize, Error> {
    use pb::download_published_photo_response::Part;
    let get = pb::DownloadPublishedPhotoRequest { name: photo.name.clone(), ..Default::default() };
    let mut stream = done("pulling a photo", reader.publications.download_published_photo(get).await)?;
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await.map_err(|status| refused("pulling a photo", status))? {
        if let Some(Part::Chunk(chunk)) = message.part {
            bytes.extend_from_slice(&chunk);
        }
    }
    let expected = photo.file.as_ref().map(|file| file.sha256.clone()).unwrap_or_default();
    if Digest::of(&bytes).to_string() != expected {
        return Err(Error::Altered(format!("{} is not the file that was published", photo.name)));
    }
    Ok(bytes.len())
}

fn first_characters(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

fn done<T>(doing: &str, answer: Result<Response<T>, Status>) -> Result<T, Error> {
    answer.map(Response::into_inner).map_err(|status| refused(doing, status))
}

fn refused(doing: &str, status: Status) -> Error {
    Error::Refused { doing: doing.to_owned(), status: Box::new(status) }
}
