//! The issue as a whole: its masthead, its numbers, its place among the others.

use super::{Candidate, Code, Finding};
use crate::{
    issue::{self, Issue},
    newspaper::Newspaper,
};

/// What was published before is a correction, which the public is told about.
pub(super) fn note(found: &mut Vec<Finding>, name: &str, latest: Option<i64>, note: &str) {
    if latest.is_some() && note.trim().is_empty() {
        let why = "was published before; a correction needs a note for the public";
        found.push(Finding::new(Code::CorrectionNote, name, why));
    }
}

/// What a masthead must state (出版管理条例 第二十八条 asks for the publishing
/// body and the serial code; the rest is what the paper itself prints daily).
pub(super) fn facts(found: &mut Vec<Finding>, newspaper: &Newspaper, issue: &Issue) {
    let facts = &newspaper.facts;
    let required = [
        ("serial_code", &facts.serial_code),
        ("supervising_body", &facts.supervising_body),
        ("publishing_body", &facts.publishing_body),
        ("chief_editor", &facts.chief_editor),
    ];
    for (field, _) in required.into_iter().filter(|(_, value)| value.trim().is_empty()) {
        let why = format!("has no {field}; fill it in");
        found.push(Finding::new(Code::MastheadFact, newspaper.name(), why));
    }
    if issue.facts.number == 0 && issue.is_named_by_number() {
        let why = "has no number, though its id is one; fill it in (an extra has a word as its id)";
        found.push(Finding::new(Code::MastheadFact, issue.name(), why));
    }
    if facts.price_note.trim().is_empty() && issue.facts.price_note.trim().is_empty() {
        let why = "has no price_note, nor has the newspaper; fill one in, or acknowledge PRICE_NOTE";
        found.push(Finding::new(Code::PriceNote, issue.name(), why));
    }
}

/// The number of pages, and the running number among the newspaper's issues.
pub(super) fn numbers(found: &mut Vec<Finding>, candidate: &Candidate) {
    let issue = &candidate.issue;
    let (pages, planned) = (candidate.pages.len(), issue.facts.planned_page_count);
    if i64::from(planned) != pages as i64 {
        let why = format!("has pages: {pages}, planned: {planned}; acknowledge PAGE_COUNT to publish so");
        found.push(Finding::new(Code::PageCount, issue.name(), why));
    }
    // An extra has no running number, and a correction keeps its own.
    let number = issue.facts.number;
    let is_new = number > 0 && issue.latest_publication.is_none();
    if let Some(newest) = candidate.newest_number.filter(|newest| is_new && number != newest + 1) {
        let why = format!("has number {number} after {newest}; acknowledge RUNNING_NUMBER to publish so");
        found.push(Finding::new(Code::RunningNumber, issue.name(), why));
    }
}

/// Issues of earlier days that have not appeared.
pub(super) fn earlier_issues(found: &mut Vec<Finding>, candidate: &Candidate) {
    for earlier in &candidate.unpublished {
        let why = format!("of {} was never published; publish or delete it", earlier.publish_date);
        found.push(Finding::new(Code::EarlierIssueUnpublished, issue::name(&earlier.id), why));
    }
}
