//! `PublicationService`: the read side.

pub mod watch;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use crate::{
    db::Db,
    error::{Error, Result},
    feed::{Channel, Feed},
    issue, newspaper,
    pb::{
        self, download_published_photo_response::Part,
        servers::publication_service_server::PublicationService,
    },
    photo::{self, download::Range, files::Files},
    publication::{missing, name, store},
    wire::{self, Answer, Check, codec::Sealed, cursor, page::Page},
};

/// The service.
#[derive(Clone)]
pub struct Service {
    db: Db,
    files: Files,
    feed: Channel,
}

impl Service {
    /// The service on this database and photo store, with the feed of the ledger.
    pub fn new(db: Db, files: Files, feed: Channel) -> Service {
        Service { db, files, feed }
    }
}

impl From<store::Summary> for pb::PublishedIssueSummary {
    fn from(summary: store::Summary) -> pb::PublishedIssueSummary {
        pb::PublishedIssueSummary {
            name: issue::name(&summary.id),
            number: summary.number,
            publish_date: Some(wire::date(summary.publish_date)),
            page_count: summary.page_count,
            size_bytes: summary.size_bytes,
            sha256: summary.sha256.to_string(),
            publication: name(summary.publication),
            publish_time: Some(wire::timestamp(summary.publish_time)),
        }
    }
}

#[tonic::async_trait]
impl PublicationService for Service {
    async fn get_published_issue(&self, request: Request<pb::GetPublishedIssueRequest>) -> Answer<Sealed> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let by_name = message.newspaper.is_empty();
        if !by_name && !message.name.is_empty() {
            check.add("newspaper", "must not be set together with name");
        }
        if by_name {
            let issue = check.issue("name", &message.name);
            if message.publish_date.is_some() {
                check.add("publish_date", "goes with newspaper, not with name");
            }
            check.finish()?;
            let mut connection = self.db.read().await?;
            let sealed = store::sealed_issue(&mut connection, &issue).await?;
            let sealed = sealed.ok_or(Error::NotPublished { kind: issue::KIND, name: message.name })?;
            return Ok(Response::new(Sealed(sealed)));
        }
        let newspaper = check.newspaper("newspaper", &message.newspaper);
        let day = check.date("publish_date", message.publish_date);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let sealed = store::sealed_issue_of_day(&mut connection, &newspaper, day).await?;
        let sealed = sealed.ok_or_else(|| {
            let day = day.map(|day| format!(" of {day}")).unwrap_or_default();
            let name = format!("an issue of {}{day}", newspaper::name(&newspaper));
            Error::NotPublished { kind: issue::KIND, name }
        })?;
        Ok(Response::new(Sealed(sealed)))
    }

    async fn list_published_issues(
        &self,
        request: Request<pb::ListPublishedIssuesRequest>,
    ) -> Answer<pb::ListPublishedIssuesResponse> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let newspaper = check.newspaper("parent", &message.parent);
        let arguments = [message.parent.as_str()];
        let page = Page::open(
            &mut check,
            "ListPublishedIssues",
            &arguments,
            message.page_size,
            &message.page_token,
        )?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let mut issues =
            store::list_issues(&mut connection, &newspaper, page.after.clone(), page.size + 1).await?;
        let next_page_token = page.close(&mut issues, |summary| store::IssueKey {
            publish_date: summary.publish_date,
            id: summary.id.issue.clone(),
        })?;
        let published_issues = issues.into_iter().map(pb::PublishedIssueSummary::from).collect();
        Ok(Response::new(pb::ListPublishedIssuesResponse { published_issues, next_page_token }))
    }

    async fn get_published_article(
        &self,
        request: Request<pb::GetPublishedArticleRequest>,
    ) -> Answer<Sealed> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let id = check.article("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let sealed = store::sealed_article(&mut connection, id).await?;
        let kind = crate::article::KIND;
        let sealed = sealed.ok_or(Error::NotPublished { kind, name: message.name })?;
        Ok(Response::new(Sealed(sealed)))
    }

    type DownloadPublishedPhotoStream =
        BoxStream<'static, Result<pb::DownloadPublishedPhotoResponse, Status>>;

    async fn download_published_photo(
        &self,
        request: Request<pb::DownloadPublishedPhotoRequest>,
    ) -> Answer<Self::DownloadPublishedPhotoStream> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let id = check.photo("name", &message.name);
        let range = Range::read(&mut check, message.offset, message.length);
        check.finish()?;
        let file = store::published_file(&mut *self.db.read().await?, id).await?;
        let file = file.ok_or(Error::NotPublished { kind: photo::KIND, name: message.name })?;
        let parts = photo::download::open(&self.files, &file, range).await?;
        let messages = parts.map(|part| {
            let part = match part? {
                photo::download::Part::Info(file) => Part::Info(file.into()),
                photo::download::Part::Chunk(bytes) => Part::Chunk(bytes),
            };
            Ok(pb::DownloadPublishedPhotoResponse { part: Some(part) })
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn list_publications(
        &self,
        request: Request<pb::ListPublicationsRequest>,
    ) -> Answer<pb::ListPublicationsResponse> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let page = Page::open(&mut check, "ListPublications", &[], message.page_size, &message.page_token)?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let mut entries = store::list(&mut connection, page.after, page.size + 1).await?;
        let next_page_token = page.close(&mut entries, |entry| entry.sequence)?;
        let publications = entries.into_iter().map(pb::Publication::from).collect();
        Ok(Response::new(pb::ListPublicationsResponse { publications, next_page_token }))
    }

    async fn get_publication(&self, request: Request<pb::GetPublicationRequest>) -> Answer<pb::Publication> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let sequence = check.publication("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let entry = store::find(&mut connection, sequence).await?.ok_or_else(|| missing(sequence))?;
        Ok(Response::new(entry.into()))
    }

    type WatchPublicationsStream = BoxStream<'static, Result<Sealed, Status>>;

    async fn watch_publications(
        &self,
        request: Request<pb::WatchPublicationsRequest>,
    ) -> Answer<Self::WatchPublicationsStream> {
        let (_, message) = wire::open(request)?;
        let mut check = Check::default();
        let start = cursor::start(&mut check, Feed::Publications, &message.cursor, message.from_now);
        let filter = watch::filter(&mut check, &message);
        check.finish()?;
        let messages = self.feed.watch(start, filter).await?;
        Ok(Response::new(messages.map(|message| Ok(Sealed(message?))).boxed()))
    }
}
