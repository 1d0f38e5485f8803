//! Preflight: the checks of publishing without publishing. Everything is read
//! on one view of the database, so that no finding comes of somebody's edit in
//! between, and nobody's edit waits for it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    config,
    db::Db,
    error::Result,
    issue,
    photo::files::Files,
    publication::{
        check::{self, Candidate, Finding},
        gather::{self, Access},
        seal, store,
    },
    wire::name::IssueName,
};

/// What a publication would be asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// The issue.
    pub name: IssueName,
    /// When it is to be published.
    pub publish_time: DateTime<Utc>,
    /// What would be told to the public.
    pub note: String,
    /// Codes of checks that would be waived.
    pub acknowledge: BTreeSet<String>,
}

/// What the checks say.
#[derive(Clone, Debug)]
pub struct Answer {
    /// All findings, errors first.
    pub findings: Vec<Finding>,
    /// Whether no error stands that is not waived.
    pub publishable: bool,
}

/// Asks the checks about an issue.
///
/// # Errors
/// The issue is missing or deleted.
pub async fn issue(db: &Db, files: Files, question: Question) -> Result<Answer> {
    db.view(move |connection| {
        Box::pin(async move {
            let Question { name, publish_time, note, acknowledge } = question;
            let mut candidate = gather::issue(connection, &files, &name, Access::Look, publish_time).await?;
            candidate.newest_number = store::newest_number(connection, &name).await?;
            let findings = self::check(&candidate, &note)?;
            let (standing, _) = check::waive(findings.clone(), &acknowledge);
            Ok(Answer { findings, publishable: standing.is_empty() })
        })
    })
    .await
}

/// Everything that is found in an issue, as PublishIssue finds it too: errors
/// first.
pub(super) fn check(candidate: &Candidate, note: &str) -> Result<Vec<Finding>> {
    let most = config::PAGE_BYTES_MAX;
    let large = seal::pages_over(candidate, most)
        .into_iter()
        .map(|(page, size)| check::page_too_large(issue::page_name(&candidate.issue.id, page), size, most));
    let mut found = large.collect::<Vec<_>>();
    found.extend(check::check_issue(candidate, note)?);
    Ok(found)
}
