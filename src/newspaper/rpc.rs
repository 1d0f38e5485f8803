//! `NewspaperService`.

use tonic::{Request, Response};
use uuid::Uuid;

use crate::{
    config,
    db::{Change, Db, Transaction},
    error::{Error, Result},
    newspaper::{
        Facts, KIND, LANGUAGE_DEFAULT, Newspaper, REVIEW_STAGES_DEFAULT, REVIEW_STAGES_MAX,
        TIME_ZONE_DEFAULT, is_time_zone, missing, store,
    },
    pb::{self, servers::newspaper_service_server::NewspaperService},
    wire::{self, Answer, Check, mask, mask::Writable, operation, page::Page},
    workflow::{self, State},
};

const WRITABLE: Writable = Writable {
    message: "Newspaper",
    fields: &[
        "title",
        "serial_code",
        "supervising_body",
        "publishing_body",
        "chief_editor",
        "hotline",
        "website",
        "email",
        "time_zone",
        "language_code",
        "price_note",
        "review_stages",
    ],
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
}

impl Service {
    /// The service on this database.
    pub fn new(db: Db) -> Service {
        Service { db }
    }
}

impl From<Newspaper> for pb::Newspaper {
    fn from(newspaper: Newspaper) -> pb::Newspaper {
        pb::Newspaper {
            name: newspaper.name(),
            uid: newspaper.uid.to_string(),
            title: newspaper.facts.title,
            serial_code: newspaper.facts.serial_code,
            supervising_body: newspaper.facts.supervising_body,
            publishing_body: newspaper.facts.publishing_body,
            chief_editor: newspaper.facts.chief_editor,
            hotline: newspaper.facts.hotline,
            website: newspaper.facts.website,
            email: newspaper.facts.email,
            time_zone: newspaper.facts.time_zone,
            language_code: newspaper.facts.language_code,
            price_note: newspaper.facts.price_note,
            review_stages: newspaper.facts.review_stages,
            create_time: Some(wire::timestamp(newspaper.create_time)),
            update_time: Some(wire::timestamp(newspaper.update_time)),
            delete_time: newspaper.delete_time.map(wire::timestamp),
            etag: wire::etag(newspaper.version),
        }
    }
}

/// Reads the standing facts of a newspaper.
fn facts(check: &mut Check, newspaper: pb::Newspaper) -> Facts {
    let name_max = config::NAME_CHARS_MAX;
    let body_max = config::CREDIT_CHARS_MAX;
    Facts {
        title: check.required_line("newspaper.title", newspaper.title, name_max),
        serial_code: check.line("newspaper.serial_code", newspaper.serial_code, name_max),
        supervising_body: check.line("newspaper.supervising_body", newspaper.supervising_body, body_max),
        publishing_body: check.line("newspaper.publishing_body", newspaper.publishing_body, body_max),
        chief_editor: check.line("newspaper.chief_editor", newspaper.chief_editor, name_max),
        hotline: check.line("newspaper.hotline", newspaper.hotline, name_max),
        website: check.line("newspaper.website", newspaper.website, config::WEBSITE_CHARS_MAX),
        email: check.line("newspaper.email", newspaper.email, config::EMAIL_CHARS_MAX),
        time_zone: time_zone(check, newspaper.time_zone),
        language_code: language_code(check, newspaper.language_code),
        price_note: check.line("newspaper.price_note", newspaper.price_note, name_max),
        review_stages: review_stages(check, newspaper.review_stages),
    }
}

fn time_zone(check: &mut Check, name: String) -> String {
    if name.is_empty() {
        return TIME_ZONE_DEFAULT.to_owned();
    }
    if !is_time_zone(&name) {
        check.add("newspaper.time_zone", "is not a time zone of the IANA database such as Asia/Shanghai");
    }
    name
}

fn language_code(check: &mut Check, code: String) -> String {
    if code.is_empty() {
        return LANGUAGE_DEFAULT.to_owned();
    }
    check.language("newspaper.language_code", code)
}

fn review_stages(check: &mut Check, stages: i32) -> i32 {
    if stages == 0 {
        return REVIEW_STAGES_DEFAULT;
    }
    check.number("newspaper.review_stages", stages, 1, REVIEW_STAGES_MAX)
}

/// Writes the change of a locked newspaper, and notes it.
async fn save(
    transaction: &mut Transaction,
    mut newspaper: Newspaper,
    kind: &'static str,
) -> Result<pb::Newspaper> {
    newspaper.version += 1;
    newspaper.update_time = transaction.now();
    store::update(transaction.connection(), &newspaper).await?;
    transaction.record(Change { resource: newspaper.name(), kind, before: None, after: None });
    Ok(newspaper.into())
}

/// Lets what stands in review follow another number of stages, and notes it: what
/// enough people have signed is reviewed, what too few have is a draft again.
async fn follow_stages(transaction: &mut Transaction, newspaper: &Newspaper) -> Result<()> {
    let (stages, now) = (newspaper.facts.review_stages, transaction.now());
    let connection = transaction.connection();
    for piece in workflow::store::follow_stages(connection, &newspaper.id, stages, now).await? {
        let kind = if piece.state == State::Reviewed { "reviewed" } else { "updated" };
        let digest = Some(piece.content_digest);
        transaction.record(Change { resource: piece.name, kind, before: digest, after: digest });
    }
    Ok(())
}

#[tonic::async_trait]
impl NewspaperService for Service {
    async fn create_newspaper(&self, request: Request<pb::CreateNewspaperRequest>) -> Answer<pb::Newspaper> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CreateNewspaper", message);
        let id = check.newspaper_id(message.newspaper_id);
        let given = check.required("newspaper", message.newspaper);
        let facts = facts(&mut check, given);
        check.finish()?;
        let created = self.db.write(operation, move |transaction| {
            let (id, facts) = (id.clone(), facts.clone());
            Box::pin(async move {
                let now = transaction.now();
                let newspaper = Newspaper {
                    id,
                    uid: Uuid::now_v7(),
                    facts,
                    version: 1,
                    create_time: now,
                    update_time: now,
                    delete_time: None,
                };
                store::insert(transaction.connection(), &newspaper).await?;
                let change =
                    Change { resource: newspaper.name(), kind: "created", before: None, after: None };
                transaction.record(change);
                Ok(pb::Newspaper::from(newspaper))
            })
        });
        Ok(Response::new(created.await?))
    }

    async fn get_newspaper(&self, request: Request<pb::GetNewspaperRequest>) -> Answer<pb::Newspaper> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.newspaper("name", &message.name);
        check.finish()?;
        let mut connection = self.db.read().await?;
        let newspaper = store::find(&mut connection, &id).await?.ok_or_else(|| missing(&id))?;
        Ok(Response::new(newspaper.into()))
    }

    async fn list_newspapers(
        &self,
        request: Request<pb::ListNewspapersRequest>,
    ) -> Answer<pb::ListNewspapersResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let show_deleted = message.show_deleted.to_string();
        let arguments = [show_deleted.as_str()];
        let page =
            Page::open(&mut check, "ListNewspapers", &arguments, message.page_size, &message.page_token)?;
        check.finish()?;
        let mut connection = self.db.read().await?;
        let after = page.after.clone();
        let (scope, show_deleted) = (caller.scope.ids(), message.show_deleted);
        let mut newspapers = store::list(&mut connection, scope, after, show_deleted, page.size + 1).await?;
        let next_page_token = page.close(&mut newspapers, |newspaper| newspaper.id.clone())?;
        let newspapers = newspapers.into_iter().map(pb::Newspaper::from).collect();
        Ok(Response::new(pb::ListNewspapersResponse { newspapers, next_page_token }))
    }

    async fn update_newspaper(&self, request: Request<pb::UpdateNewspaperRequest>) -> Answer<pb::Newspaper> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdateNewspaper", message);
        let given = check.required("newspaper", message.newspaper);
        let id = check.newspaper("newspaper.name", &given.name);
        let etag = check.required_etag("newspaper.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (id, given, etag, chosen) = (id.clone(), given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), &id).await?;
                let mut newspaper = found.ok_or_else(|| missing(&id))?;
                newspaper.live()?;
                etag.meet(&newspaper.name(), newspaper.version)?;
                let merged = mask::merge(&pb::Newspaper::from(newspaper.clone()), &given, &chosen)?;
                let mut check = Check::default();
                let facts = facts(&mut check, merged);
                check.finish()?;
                if facts == newspaper.facts {
                    return Ok(newspaper.into());
                }
                let stages_before = newspaper.facts.review_stages;
                newspaper.facts = facts;
                if newspaper.facts.review_stages != stages_before {
                    follow_stages(transaction, &newspaper).await?;
                }
                save(transaction, newspaper, "updated").await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_newspaper(&self, request: Request<pb::DeleteNewspaperRequest>) -> Answer<pb::Newspaper> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeleteNewspaper", message);
        let id = check.newspaper("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let (id, etag) = (id.clone(), etag.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), &id).await?;
                let mut newspaper = found.ok_or_else(|| missing(&id))?;
                if newspaper.delete_time.is_some() {
                    return if message.allow_missing { Ok(newspaper.into()) } else { Err(missing(&id)) };
                }
                etag.meet(&newspaper.name(), newspaper.version)?;
                let by = store::users(transaction.connection(), &id).await?;
                if !by.is_empty() {
                    return Err(Error::InUse { name: newspaper.name(), by });
                }
                newspaper.delete_time = Some(transaction.now());
                save(transaction, newspaper, "deleted").await
            })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn undelete_newspaper(
        &self,
        request: Request<pb::UndeleteNewspaperRequest>,
    ) -> Answer<pb::Newspaper> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UndeleteNewspaper", message);
        let id = check.newspaper("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let (id, etag) = (id.clone(), etag.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), &id).await?;
                let mut newspaper = found.ok_or_else(|| missing(&id))?;
                if newspaper.delete_time.is_none() {
                    return Err(Error::NotDeleted { kind: KIND, name: newspaper.name() });
                }
                etag.meet(&newspaper.name(), newspaper.version)?;
                newspaper.delete_time = None;
                save(transaction, newspaper, "undeleted").await
            })
        });
        Ok(Response::new(undeleted.await?))
    }
}
