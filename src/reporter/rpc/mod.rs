//! `ReporterService`.

mod search;
mod statistics;

use tonic::{Request, Response};
use uuid::Uuid;

use crate::{
    config,
    db::{Change, Db, Loader, Transaction, list::Key},
    error::{Error, Result},
    pb::{self, servers::reporter_service_server::ReporterService},
    reporter::{self, Details, FIELDS, ORDER, ORDERS, Reporter, merge, missing, store},
    wire::{
        self, Answer, Check, mask,
        mask::Writable,
        operation,
        page::{self, Page},
    },
};

const WRITABLE: Writable = Writable {
    message: "Reporter",
    fields: &["display_name", "pen_names", "press_card_number", "desk", "email", "phone", "retired"],
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    db: Db,
    reporters: Loader<Uuid, Reporter>,
}

impl Service {
    /// The service on this database.
    pub fn new(db: Db) -> Service {
        let reporters = Loader::new(db.clone(), |connection, ids| {
            Box::pin(async move {
                let found = store::find_all(connection, &ids).await?;
                Ok(found.into_iter().map(|reporter| (reporter.id, reporter)).collect())
            })
        });
        Service { db, reporters }
    }
}

impl From<Reporter> for pb::Reporter {
    fn from(reporter: Reporter) -> pb::Reporter {
        pb::Reporter {
            name: reporter.name(),
            uid: reporter.id.to_string(),
            pinyin: reporter.pinyin(),
            display_name: reporter.details.display_name,
            pen_names: reporter.details.pen_names,
            press_card_number: reporter.details.press_card_number,
            desk: reporter.details.desk,
            email: reporter.details.email,
            phone: reporter.details.phone,
            retired: reporter.details.retired,
            create_time: Some(wire::timestamp(reporter.create_time)),
            update_time: Some(wire::timestamp(reporter.update_time)),
            delete_time: reporter.delete_time.map(wire::timestamp),
            etag: wire::etag(reporter.version),
            merged_into: reporter.merged_into.map(reporter::name).unwrap_or_default(),
        }
    }
}

/// Reads what a caller wrote down of a person.
fn details(check: &mut Check, reporter: pb::Reporter) -> Details {
    Details {
        display_name: check.required_line(
            "reporter.display_name",
            reporter.display_name,
            config::NAME_CHARS_MAX,
        ),
        pen_names: check.list_of_lines(
            "reporter.pen_names",
            reporter.pen_names,
            config::PEN_NAMES_MAX,
            config::NAME_CHARS_MAX,
        ),
        press_card_number: check.line(
            "reporter.press_card_number",
            reporter.press_card_number,
            config::NUMBER_CHARS_MAX,
        ),
        desk: check.line("reporter.desk", reporter.desk, config::NAME_CHARS_MAX),
        email: check.line("reporter.email", reporter.email, config::EMAIL_CHARS_MAX),
        phone: check.line("reporter.phone", reporter.phone, config::NUMBER_CHARS_MAX),
        retired: reporter.retired,
    }
}

/// Writes the change of a locked reporter, and notes it.
async fn save(
    transaction: &mut Transaction,
    mut reporter: Reporter,
    kind: &'static str,
) -> Result<pb::Reporter> {
    reporter.version += 1;
    reporter.update_time = transaction.now();
    store::update(transaction.connection(), &reporter).await?;
    transaction.record(Change { resource: reporter.name(), kind, before: None, after: None });
    Ok(reporter.into())
}

#[tonic::async_trait]
impl ReporterService for Service {
    async fn create_reporter(&self, request: Request<pb::CreateReporterRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "CreateReporter", message);
        let given = check.required("reporter", message.reporter);
        let details = details(&mut check, given);
        check.finish()?;
        let created = self.db.write(operation, move |transaction| {
            let details = details.clone();
            Box::pin(async move {
                let now = transaction.now();
                let id = Uuid::now_v7();
                let reporter = Reporter {
                    id,
                    details,
                    version: 1,
                    create_time: now,
                    update_time: now,
                    delete_time: None,
                    merged_into: None,
                };
                store::insert(transaction.connection(), &reporter).await?;
                let change = Change { resource: reporter.name(), kind: "created", before: None, after: None };
                transaction.record(change);
                Ok(pb::Reporter::from(reporter))
            })
        });
        Ok(Response::new(created.await?))
    }

    async fn get_reporter(&self, request: Request<pb::GetReporterRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let id = check.reporter("name", &message.name);
        check.finish()?;
        let reporter = self.reporters.get(id).await?.ok_or_else(|| missing(id))?;
        Ok(Response::new(reporter.into()))
    }

    async fn list_reporters(
        &self,
        request: Request<pb::ListReportersRequest>,
    ) -> Answer<pb::ListReportersResponse> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let show_deleted = message.show_deleted.to_string();
        let arguments = [show_deleted.as_str(), &message.filter, &message.order_by];
        let page: Page<Key> =
            Page::open(&mut check, "ListReporters", &arguments, message.page_size, &message.page_token)?;
        let filter = check.filter(&message.filter, &FIELDS);
        let order = check.order_by(&message.order_by, &ORDERS, ORDER);
        check.finish()?;
        // One view: a row that changes meanwhile would say a wrong place to go on from.
        let answer = self.db.view(move |connection| {
            Box::pin(async move {
                let (after, deleted) = (page.after.as_ref(), message.show_deleted);
                let ids = store::list::ids(connection, &filter, order, deleted, after, page.size + 1).await?;
                let shown = &ids[..ids.len().min(page.size as usize)];
                let found = store::find_all(connection, shown).await?;
                let found = page::in_order(shown, found, |found| found.id);
                let (reporters, last) = page::fit(found, |found| pb::Reporter::from(found.clone()));
                let next_page_token = match last {
                    Some(last) if reporters.len() < ids.len() => {
                        page.token(&store::list::key(&last, order))?
                    }
                    _ => String::new(),
                };
                Ok(pb::ListReportersResponse { reporters, next_page_token })
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn update_reporter(&self, request: Request<pb::UpdateReporterRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UpdateReporter", message);
        let given = check.required("reporter", message.reporter);
        let id = check.reporter("reporter.name", &given.name);
        let etag = check.required_etag("reporter.etag", &given.etag);
        let chosen = mask::selected(&mut check, message.update_mask.as_ref(), &given, &WRITABLE);
        check.finish()?;
        let updated = self.db.write(operation, move |transaction| {
            let (given, etag, chosen) = (given.clone(), etag.clone(), chosen.clone());
            Box::pin(async move {
                let found = store::lock(transaction.connection(), id).await?;
                let mut reporter = found.ok_or_else(|| missing(id))?;
                reporter.live()?;
                etag.meet(&reporter.name(), reporter.version)?;
                let merged = mask::merge(&pb::Reporter::from(reporter.clone()), &given, &chosen)?;
                let mut check = Check::default();
                let details = details(&mut check, merged);
                check.finish()?;
                if details == reporter.details {
                    return Ok(reporter.into());
                }
                reporter.details = details;
                save(transaction, reporter, "updated").await
            })
        });
        Ok(Response::new(updated.await?))
    }

    async fn delete_reporter(&self, request: Request<pb::DeleteReporterRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "DeleteReporter", message);
        let id = check.reporter("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let deleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let found = store::lock(transaction.connection(), id).await?;
                let mut reporter = found.ok_or_else(|| missing(id))?;
                if reporter.delete_time.is_some() {
                    return if message.allow_missing { Ok(reporter.into()) } else { Err(missing(id)) };
                }
                etag.meet(&reporter.name(), reporter.version)?;
                let by = store::users(transaction.connection(), id).await?;
                if !by.is_empty() {
                    return Err(Error::InUse { name: reporter.name(), by });
                }
                reporter.delete_time = Some(transaction.now());
                save(transaction, reporter, "deleted").await
            })
        });
        Ok(Response::new(deleted.await?))
    }

    async fn undelete_reporter(&self, request: Request<pb::UndeleteReporterRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "UndeleteReporter", message);
        let id = check.reporter("name", &message.name);
        let etag = check.etag("etag", &message.etag);
        check.finish()?;
        let undeleted = self.db.write(operation, move |transaction| {
            let etag = etag.clone();
            Box::pin(async move {
                let found = store::lock(transaction.connection(), id).await?;
                let mut reporter = found.ok_or_else(|| missing(id))?;
                reporter.unmerged()?;
                if reporter.delete_time.is_none() {
                    return Err(Error::NotDeleted { kind: crate::reporter::KIND, name: reporter.name() });
                }
                etag.meet(&reporter.name(), reporter.version)?;
                reporter.delete_time = None;
                save(transaction, reporter, "undeleted").await
            })
        });
        Ok(Response::new(undeleted.await?))
    }

    async fn search_reporters(
        &self,
        request: Request<pb::SearchReportersRequest>,
    ) -> Answer<pb::SearchReportersResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(search::answer(&self.db, &caller, message).await?))
    }

    async fn merge_reporters(&self, request: Request<pb::MergeReportersRequest>) -> Answer<pb::Reporter> {
        let (caller, message) = wire::open(request)?;
        let mut check = Check::by(&caller);
        let operation = operation!(check, caller, "MergeReporters", message);
        let duplicate = check.reporter("name", &message.name);
        let etag = check.required_etag("etag", &message.etag);
        let real = check.reporter("into", &message.into);
        if message.into == message.name && !message.name.is_empty() {
            check.add("into", "is the duplicate itself");
        }
        check.finish()?;
        let order = merge::Order { duplicate, real, etag };
        let merged = self.db.write(operation, move |transaction| {
            let order = order.clone();
            Box::pin(async move { Ok(merge::merge(transaction, &order).await?.into()) })
        });
        Ok(Response::new(merged.await?))
    }

    async fn get_reporter_statistics(
        &self,
        request: Request<pb::GetReporterStatisticsRequest>,
    ) -> Answer<pb::ReporterStatistics> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(statistics::answer(&self.db, &caller, message).await?))
    }
}
