//! How readers choose an issue, and what they get of it.

use bytes::Bytes;
use chrono::NaiveDate;

use crate::{
    config,
    db::Db,
    error::{Error, Result},
    issue, newspaper, pb,
    publication::{missing, name, seal, store},
    wire::{Check, name::IssueName, parts},
};

/// Which publication of an issue a reader asks for, and how much of it.
pub struct Question {
    chosen: Chosen,
    view: pb::PublishedIssueView,
}

enum Chosen {
    /// The newest of an issue.
    Newest(IssueName),
    /// The newest of a newspaper, of one day or of the latest.
    OfDay(String, Option<NaiveDate>),
    /// The one of a newspaper with a running number, of one day or of any.
    OfNumber(String, i32, Option<NaiveDate>),
    /// A certain one.
    Publication(i64),
}

/// What a reader gets.
pub struct Answer {
    asked: String,
    message: Bytes,
}

impl From<pb::StreamPublishedIssueRequest> for pb::GetPublishedIssueRequest {
    fn from(request: pb::StreamPublishedIssueRequest) -> pb::GetPublishedIssueRequest {
        let pb::StreamPublishedIssueRequest { name, newspaper, publish_date, publication, number, view } =
            request;
        pb::GetPublishedIssueRequest { name, newspaper, publish_date, publication, number, view }
    }
}

impl Question {
    pub fn read(check: &mut Check, message: pb::GetPublishedIssueRequest) -> Question {
        let view = match message.view {
            0 => pb::PublishedIssueView::Full,
            view => check.enumeration("view", view),
        };
        Question { view, chosen: Chosen::read(check, message) }
    }

    /// # Errors
    /// There is no such publication, or it was withdrawn.
    pub async fn answer(self, db: &Db) -> Result<Answer> {
        let (asked, message) = self.chosen.find(db).await?;
        let message = match self.view {
            pb::PublishedIssueView::Basic => seal::without_bodies(&message)?.into(),
            pb::PublishedIssueView::Full | pb::PublishedIssueView::Unspecified => message,
        };
        Ok(Answer { asked, message })
    }
}

impl Answer {
    /// The whole message.
    ///
    /// # Errors
    /// It is larger than clients usually take.
    pub fn whole(self) -> Result<Bytes> {
        let (size, limit) = (self.message.len(), config::WHOLE_ISSUE_BYTES_MAX);
        if size > limit {
            return Err(Error::SnapshotTooLarge { name: self.asked, size, limit });
        }
        Ok(self.message)
    }

    /// The message page by page.
    ///
    /// # Errors
    /// What is stored is damaged.
    pub fn in_parts(self) -> Result<Vec<Bytes>> {
        parts::cut(&self.message, config::CHUNK_BYTES_MAX)
    }
}

impl Chosen {
    fn read(check: &mut Check, message: pb::GetPublishedIssueRequest) -> Chosen {
        let alone = "must not be set together with another way to name an issue";
        if !message.newspaper.is_empty() && !message.name.is_empty() {
            check.add("newspaper", alone);
        }
        let otherwise = !message.name.is_empty() || !message.newspaper.is_empty();
        if otherwise && !message.publication.is_empty() {
            check.add("publication", alone);
        }
        if message.newspaper.is_empty() {
            let chosen = if message.publication.is_empty() {
                Chosen::Newest(check.issue("name", &message.name))
            } else {
                Chosen::Publication(check.publication("publication", &message.publication))
            };
            if message.publish_date.is_some() {
                check.add("publish_date", "goes with newspaper only");
            }
            if message.number != 0 {
                check.add("number", "goes with newspaper only");
            }
            return chosen;
        }
        let newspaper = check.newspaper("newspaper", &message.newspaper);
        let day = check.date("publish_date", message.publish_date);
        match message.number {
            0 => Chosen::OfDay(newspaper, day),
            number => {
                let number = check.number("number", number, 1, config::ISSUE_NUMBER_MAX);
                Chosen::OfNumber(newspaper, number, day)
            }
        }
    }

    /// What was asked for, in words, and the bytes that are served of it. The
    /// connection is given back before the client takes them.
    async fn find(self, db: &Db) -> Result<(String, Bytes)> {
        let mut connection = db.read().await?;
        let of_day = |day: Option<NaiveDate>| day.map(|day| format!(" of {day}")).unwrap_or_default();
        let (served, asked) = match self {
            Chosen::Newest(id) => {
                (store::served::sealed_issue(&mut connection, &id).await?, issue::name(&id))
            }
            Chosen::OfDay(newspaper, day) => {
                let asked = format!("an issue of {}{}", newspaper::name(&newspaper), of_day(day));
                (store::served::sealed_issue_of_day(&mut connection, &newspaper, day).await?, asked)
            }
            Chosen::OfNumber(newspaper, number, day) => {
                let asked = format!("issue {number} of {}{}", newspaper::name(&newspaper), of_day(day));
                let found = store::served::sealed_issue_of_number(&mut connection, &newspaper, number, day);
                (found.await?, asked)
            }
            Chosen::Publication(sequence) => {
                let entry = store::find(&mut connection, sequence).await?;
                let entry = entry.ok_or_else(|| missing(sequence))?;
                if !entry.kind.is_of_issue() {
                    let rule = format!("{} is of {}, not of an issue", name(sequence), entry.resource);
                    return Err(Error::invalid("publication", rule));
                }
                (store::served::served_or_tombstone(&mut connection, sequence).await?, entry.resource)
            }
        };
        let served = served.ok_or_else(|| Error::NotPublished { kind: issue::KIND, name: asked.clone() })?;
        let message = served.message(issue::KIND, &asked)?;
        Ok((asked, message))
    }
}
