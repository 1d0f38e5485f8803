//! Reading the audit.

use crate::{
    audit::{
        Event, FIELDS,
        store::{self, Question},
    },
    auth::Principal,
    config,
    db::Db,
    error::Result,
    pb,
    wire::{
        self, Check,
        page::{self, Page},
    },
};

impl From<Event> for pb::AuditEvent {
    fn from(event: Event) -> pb::AuditEvent {
        let text = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let (person, role) = event.by.unzip();
        pb::AuditEvent {
            name: format!("auditEvents/{}", event.id),
            event_time: Some(wire::timestamp(event.time)),
            person: person.unwrap_or_default(),
            role: role.flatten().map(pb::Role::from).unwrap_or_default().into(),
            method: event.method,
            resource: event.resource,
            peer: event.peer.unwrap_or_default(),
            call_id: text(event.call),
            request_id: text(event.request),
            code: event.code,
            reason: event.reason,
            digest_before: event.before.map(|digest| digest.to_string()).unwrap_or_default(),
            digest_after: event.after.map(|digest| digest.to_string()).unwrap_or_default(),
            waived: event.waived,
        }
    }
}

/// Answers `ListAuditEvents`.
pub async fn list(
    db: &Db,
    caller: &Principal,
    message: pb::ListAuditEventsRequest,
) -> Result<pb::ListAuditEventsResponse> {
    let mut check = Check::by(caller);
    let arguments = [message.filter.as_str(), &message.resource];
    let page: Page<i64> =
        Page::open(&mut check, "ListAuditEvents", &arguments, message.page_size, &message.page_token)?;
    let filter = check.filter(&message.filter, &FIELDS);
    // Whatever there was ever a name for; it may be gone.
    let resource = check.line("resource", message.resource, config::RESOURCE_CHARS_MAX);
    if resource.contains(['%', '_', '\\']) {
        check.add("resource", "is not the name of anything");
    }
    check.finish()?;
    let question = Question {
        filter: &filter,
        resource: Some(resource.as_str()).filter(|name| !name.is_empty()),
        before: page.after,
        rows_max: page.size + 1,
    };
    let found = store::list(&mut *db.read().await?, &question).await?;
    let (rows, shown) = (found.len(), found.into_iter().take(page.size as usize).collect());
    let (audit_events, last) = page::fit(shown, |event: &Event| pb::AuditEvent::from(event.clone()));
    let next_page_token = match last {
        Some(last) if audit_events.len() < rows => page.token(&last.id)?,
        _ => String::new(),
    };
    Ok(pb::ListAuditEventsResponse { audit_events, next_page_token })
}
