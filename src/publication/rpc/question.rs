//! How readers choose an issue, and what they get of it.

use bytes::Bytes;
use chrono::NaiveDate;

use crate::{
    auth::Principal,
    config,
    db::Db,
    error::{Error, Result},
    issue, newspaper, pb,
    publication::{
        cache::{ChosenIssue, Found, Key, Published},
        missing, name, seal, store,
    },
    wire::{Check, parts, ready::Ready},
};

/// Which publication of an issue a reader asks for, and how much of it.
pub struct Question {
    chosen: ChosenIssue,
    view: pb::PublishedIssueView,
}

/// What a reader gets.
pub struct Answer {
    asked: String,
    message: Ready,
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
        Question { view, chosen: chosen(check, message) }
    }

    /// # Errors
    /// There is no such publication, or it was withdrawn.
    pub async fn answer(self, db: &Db, published: &Published, caller: &Principal) -> Result<Answer> {
        let key = Key::Issue(self.chosen.clone());
        let found = published.get(key, || find(db, self.chosen.clone())).await?;
        if let Some(newspaper) = &found.newspaper {
            caller.must_reach(newspaper)?;
        }
        let asked = found.what.to_string();
        let message = match (found.served, self.chosen) {
            (Some(served), _) => served.message(issue::KIND, &asked)?,
            (None, ChosenIssue::Publication(sequence)) => {
                let rule = format!("{} is of {asked}, not of an issue", name(sequence));
                return Err(Error::invalid("publication", rule));
            }
            (None, _) => return Err(Error::NotPublished { kind: issue::KIND, name: asked }),
        };
        let message = match self.view {
            pb::PublishedIssueView::Basic => Ready::of(&seal::without_bodies(&message.message())?),
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
    pub fn whole(self) -> Result<Ready> {
        let (size, limit) = (self.message.message().len(), config::WHOLE_ISSUE_BYTES_MAX);
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
        parts::cut(&self.message.message(), config::CHUNK_BYTES_MAX)
    }
}

/// Reads which publication of an issue is asked for.
fn chosen(check: &mut Check, message: pb::GetPublishedIssueRequest) -> ChosenIssue {
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
            ChosenIssue::Newest(check.issue("name", &message.name))
        } else {
            ChosenIssue::Publication(check.publication("publication", &message.publication))
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
        0 => ChosenIssue::OfDay(newspaper, day),
        number => {
            let number = check.number("number", number, 1, config::ISSUE_NUMBER_MAX);
            ChosenIssue::OfNumber(newspaper, number, day)
        }
    }
}

/// What is served of an issue. The connection is given back before the client takes it.
async fn find(db: &Db, chosen: ChosenIssue) -> Result<Found> {
    let of_day = |day: Option<NaiveDate>| day.map(|day| format!(" of {day}")).unwrap_or_default();
    let mut connection = db.read().await?;
    let connection = &mut *connection;
    let (what, newspaper, served) = match chosen {
        ChosenIssue::Newest(id) => {
            let served = store::served::sealed_issue(connection, &id).await?;
            (issue::name(&id), id.newspaper, served)
        }
        ChosenIssue::OfDay(newspaper, day) => {
            let served = store::served::sealed_issue_of_day(connection, &newspaper, day).await?;
            (format!("an issue of {}{}", newspaper::name(&newspaper), of_day(day)), newspaper, served)
        }
        ChosenIssue::OfNumber(newspaper, number, day) => {
            let served = store::served::sealed_issue_of_number(connection, &newspaper, number, day).await?;
            (format!("issue {number} of {}{}", newspaper::name(&newspaper), of_day(day)), newspaper, served)
        }
        ChosenIssue::Publication(sequence) => {
            let entry = store::find(connection, sequence).await?.ok_or_else(|| missing(sequence))?;
            let served = if entry.kind.is_of_issue() {
                store::served::served_or_tombstone(connection, sequence).await?
            } else {
                None
            };
            (entry.resource, entry.newspaper, served)
        }
    };
    Ok(Found { newspaper: Some(newspaper.into()), what: what.into(), served })
}
