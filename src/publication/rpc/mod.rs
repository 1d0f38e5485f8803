//! `PublicationService`: the read side.

mod archive;
mod question;
mod search;
pub mod watch;

use bytes::Bytes;
use chrono::Utc;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use self::question::Question;
use crate::{
    article,
    auth::{Principal, Scope},
    db::Db,
    error::{Error, Result},
    feed::{Channel, Feed},
    pb::{
        self, download_published_photo_response::Part,
        servers::publication_service_server::PublicationService,
    },
    photo::{
        self,
        download::Range,
        rendition::stock::{Order, Renditions},
    },
    publication::{
        Served, Tombstone,
        cache::{Found, Key, Published},
        digital::PublishedPhoto,
        missing, name, seal, store, verify,
    },
    wire::{
        self, Answer, Check,
        codec::Sealed,
        cursor,
        page::Page,
        ready::{self, Ready},
    },
};

/// The service.
#[derive(Clone)]
pub struct Service {
    db: Db,
    published: Published,
    renditions: Renditions,
    feed: Channel,
}

impl Service {
    /// The service on this database, with what is kept of it, these renditions and
    /// the feed of the ledger.
    pub fn new(db: Db, published: Published, renditions: Renditions, feed: Channel) -> Service {
        Service { db, published, renditions, feed }
    }
}

impl Service {
    /// The message of an article: as it was last published, or as a certain
    /// publication has it, its own or an issue's that held it.
    async fn article(&self, caller: &Principal, id: Uuid, publication: Option<i64>) -> Result<Ready> {
        let found = self.published.get(Key::Article(id, publication), || self.find_article(id, publication));
        let found = found.await?;
        if let Some(newspaper) = &found.newspaper {
            caller.must_reach(newspaper)?;
        }
        match found.served {
            Some(served) => served.message(article::KIND, &found.what),
            None => Err(match publication {
                // Which may be no publication at all.
                Some(sequence) if !self.has_publication(sequence).await? => missing(sequence),
                _ => Error::NotPublished { kind: article::KIND, name: article::name(id) },
            }),
        }
    }

    async fn find_article(&self, id: Uuid, publication: Option<i64>) -> Result<Found> {
        let mut connection = self.db.read().await?;
        let newspaper = store::served::newspaper_of_article(&mut connection, id).await?;
        let found = match publication {
            None => store::served::sealed_article(&mut connection, id).await?,
            Some(sequence) => {
                let served = store::served::served(&mut connection, sequence).await?.unwrap_or_default();
                match store::find(&mut connection, sequence).await? {
                    Some(entry) if entry.kind.is_of_issue() => {
                        seal::article_in(&served, id)?.map(Bytes::from)
                    }
                    Some(entry) => {
                        Some(served).filter(|bytes| !bytes.is_empty() && entry.resource == article::name(id))
                    }
                    None => None,
                }
            }
        };
        let served = match found {
            Some(bytes) => Some(Served::Message(Ready::of(&bytes))),
            None => {
                let tombstone = store::served::tombstone_of_article(&mut connection, id, publication).await?;
                tombstone.map(Served::Nothing)
            }
        };
        Ok(Found { newspaper: newspaper.map(Into::into), what: article::name(id).into(), served })
    }

    async fn has_publication(&self, sequence: i64) -> Result<bool> {
        Ok(store::find(&mut *self.db.read().await?, sequence).await?.is_some())
    }

    /// A photo, as it was last published, if its digital rights are granted now. A
    /// download that has begun is not cut off.
    async fn published_photo(&self, caller: &Principal, id: Uuid) -> Result<PublishedPhoto> {
        let mut connection = self.db.read().await?;
        if let Scope::Newspapers(_) = caller.scope {
            let newspapers = store::served::newspapers_of_photo(&mut connection, id).await?;
            let reached = newspapers.iter().any(|newspaper| caller.scope.holds(newspaper));
            if let (false, Some(newspaper)) = (reached, newspapers.first()) {
                return Err(caller.scope.refusal(newspaper));
            }
        }
        if let Some(published) = store::served::published_photo(&mut connection, id).await? {
            return published.serve(&photo::name(id), Utc::now());
        }
        let tombstone = store::served::tombstone_of_photo(&mut connection, id).await?;
        Err(gone(photo::KIND, photo::name(id), tombstone))
    }
}

/// The name of a publication that may be left out; its sequence number.
fn optional_publication(check: &mut Check, value: &str) -> Option<i64> {
    (!value.is_empty()).then(|| check.publication("publication", value))
}

/// The answer to those who ask for what is not served.
fn gone(kind: &'static str, name: String, tombstone: Option<Tombstone>) -> Error {
    match tombstone {
        Some(tombstone) => tombstone.refusal(kind, &name),
        None => Error::NotPublished { kind, name },
    }
}

#[tonic::async_trait]
impl PublicationService for Service {
    async fn get_published_issue(&self, request: Request<pb::GetPublishedIssueRequest>) -> Answer<Sealed> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let question = Question::read(&mut check, message);
        check.finish()?;
        Ok(ready::answer(question.answer(&self.db, &self.published, &caller).await?.whole()?))
    }

    type StreamPublishedIssueStream = BoxStream<'static, Result<Sealed, Status>>;

    async fn stream_published_issue(
        &self,
        request: Request<pb::StreamPublishedIssueRequest>,
    ) -> Answer<Self::StreamPublishedIssueStream> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let question = Question::read(&mut check, message.into());
        check.finish()?;
        let parts = question.answer(&self.db, &self.published, &caller).await?.in_parts()?;
        Ok(Response::new(stream::iter(parts.into_iter().map(|part| Ok(Sealed(part)))).boxed()))
    }

    async fn list_published_issues(
        &self,
        request: Request<pb::ListPublishedIssuesRequest>,
    ) -> Answer<pb::ListPublishedIssuesResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(archive::list(&self.db, &caller, message).await?))
    }

    async fn get_issue_calendar(
        &self,
        request: Request<pb::GetIssueCalendarRequest>,
    ) -> Answer<pb::IssueCalendar> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(archive::calendar(&self.db, &caller, message).await?))
    }

    async fn get_adjacent_issues(
        &self,
        request: Request<pb::GetAdjacentIssuesRequest>,
    ) -> Answer<pb::AdjacentIssues> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(archive::adjacent(&self.db, &caller, message).await?))
    }

    async fn list_issues_on_this_day(
        &self,
        request: Request<pb::ListIssuesOnThisDayRequest>,
    ) -> Answer<pb::ListIssuesOnThisDayResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(archive::on_this_day(&self.db, &caller, message).await?))
    }

    async fn get_published_article(
        &self,
        request: Request<pb::GetPublishedArticleRequest>,
    ) -> Answer<Sealed> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.article("name", &message.name);
        let publication = optional_publication(&mut check, &message.publication);
        check.finish()?;
        Ok(ready::answer(self.article(&caller, id, publication).await?))
    }

    async fn search_published_articles(
        &self,
        request: Request<pb::SearchPublishedArticlesRequest>,
    ) -> Answer<pb::SearchPublishedArticlesResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(search::answer(&self.db, &caller, message).await?))
    }

    type DownloadPublishedPhotoStream =
        BoxStream<'static, Result<pb::DownloadPublishedPhotoResponse, Status>>;

    async fn download_published_photo(
        &self,
        request: Request<pb::DownloadPublishedPhotoRequest>,
    ) -> Answer<Self::DownloadPublishedPhotoStream> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.photo("name", &message.name);
        let size = self.renditions.sizes().read(&mut check, &message.rendition);
        let range = Range::read(&mut check, message.offset, message.length);
        check.finish()?;
        let PublishedPhoto { file: original, look, .. } = self.published_photo(&caller, id).await?;
        let order = Order { original, look, size, caller, method: "DownloadPublishedPhoto" };
        let parts = self.renditions.download(order, range).await?;
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
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let page = Page::open(&mut check, "ListPublications", &[], message.page_size, &message.page_token)?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let mut entries = store::list(&mut connection, caller.scope.ids(), page.after, page.size + 1).await?;
        let next_page_token = page.close(&mut entries, |entry| entry.sequence)?;
        let publications = entries.into_iter().map(pb::Publication::from).collect();
        Ok(Response::new(pb::ListPublicationsResponse { publications, next_page_token }))
    }

    async fn get_publication(&self, request: Request<pb::GetPublicationRequest>) -> Answer<pb::Publication> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let sequence = check.publication("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let entry = store::find(&mut connection, sequence).await?.ok_or_else(|| missing(sequence))?;
        caller.must_reach(&entry.newspaper)?;
        Ok(Response::new(entry.into()))
    }

    type WatchPublicationsStream = BoxStream<'static, Result<Sealed, Status>>;

    async fn watch_publications(
        &self,
        request: Request<pb::WatchPublicationsRequest>,
    ) -> Answer<Self::WatchPublicationsStream> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let start = cursor::start(&mut check, Feed::Publications, &message.cursor, message.from_now);
        let filter = watch::filter(&mut check, &message);
        check.finish()?;
        let messages = self.feed.watch(start, filter).await?;
        Ok(Response::new(messages.map(|message| Ok(Sealed(message?))).boxed()))
    }

    type VerifyPublicationsStream = BoxStream<'static, Result<pb::VerifyPublicationsResponse, Status>>;

    async fn verify_publications(
        &self,
        request: Request<pb::VerifyPublicationsRequest>,
    ) -> Answer<Self::VerifyPublicationsStream> {
        wire::open(request)?;
        let db = self.db.clone();
        let begun = verify::begin(&db).await?;
        let walk = stream::try_unfold((db, begun), |(db, walk)| async move {
            if walk.end.is_some() {
                return Ok(None);
            }
            let walk = db.on_line(walk.go_on(&db)).await?;
            Ok::<_, Status>(Some((pb::VerifyPublicationsResponse::from(&walk), (db, walk))))
        });
        Ok(Response::new(walk.boxed()))
    }
}

impl From<&verify::Walk> for pb::VerifyPublicationsResponse {
    fn from(walk: &verify::Walk) -> pb::VerifyPublicationsResponse {
        use pb::verify_publications_response::{Fault, Outcome, Part, Progress};
        let checked_count = walk.chain.sequence;
        let part = match &walk.end {
            None => Part::Progress(Progress { checked_count, total_count: walk.head.sequence }),
            Some(fault) => Part::Outcome(Outcome {
                checked_count,
                head_hash: walk.chain.hash.to_string(),
                fault: fault.as_ref().map(|fault| Fault {
                    publication: name(fault.sequence),
                    description: fault.description.clone(),
                }),
            }),
        };
        pb::VerifyPublicationsResponse { part: Some(part) }
    }
}
