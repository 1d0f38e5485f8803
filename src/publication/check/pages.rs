//! The pages of an issue: what stands on them, and how.

use std::collections::HashSet;

use super::{Candidate, Code, Finding, copy};
use crate::{
    article, config,
    issue::{self, Page, Placement, Role},
    text::printed_width,
};

/// Checks every page by itself, and all of them together.
pub(super) fn check(found: &mut Vec<Finding>, candidate: &Candidate) {
    if candidate.pages.is_empty() {
        found.push(Finding::new(Code::PageEmpty, candidate.issue.name(), "has no pages; lay some out"));
    }
    let mut placed = HashSet::new();
    for page in &candidate.pages {
        let name = issue::page_name(&candidate.issue.id, page.number);
        weight(found, page, &name);
        for placement in &page.layout.placements {
            if !placed.insert(placement.article) {
                let article = article::name(placement.article);
                let why = format!("places {article}, which stands on the pages already; take it off");
                found.push(Finding::new(Code::ArticlePlacedTwice, name.clone(), why));
            }
            headline(found, candidate, placement, &name);
            copy::placement(found, placement, &name, candidate.issue.facts.publish_date);
        }
    }
}

/// Whether there is anything on a page, and something that leads it.
fn weight(found: &mut Vec<Finding>, page: &Page, name: &str) {
    let placements = &page.layout.placements;
    if placements.is_empty() {
        let why = "has no placements; place articles or delete it";
        found.push(Finding::new(Code::PageEmpty, name, why));
    } else if !placements.iter().any(|placement| placement.role == Role::Lead) {
        let why = "has no lead; give one of its placements the role LEAD";
        found.push(Finding::new(Code::PageWithoutLead, name, why));
    }
}

/// Whether a headline, as it is printed here, fits its place.
fn headline(found: &mut Vec<Finding>, candidate: &Candidate, placement: &Placement, page: &str) {
    let Some(article) = candidate.articles.get(&placement.article) else { return };
    let (resource, text) = match placement.headline.as_str() {
        "" => (article.name(), &article.content.headline),
        _ => (page.to_owned(), &placement.headline),
    };
    let (weight, limit) = fitting_headline(placement.role);
    let characters = printed_width(text).div_ceil(2);
    if characters > limit {
        let why = format!(
            "has a headline of {characters} characters, and {weight} takes {limit}: “{text}”; shorten it, or \
             print a shorter one on the page"
        );
        found.push(Finding::new(Code::HeadlineLength, resource, why));
    }
}

/// How a place is called, and the characters of the headline that fits it.
fn fitting_headline(role: Role) -> (&'static str, usize) {
    match role {
        Role::Unspecified => ("a story", config::HEADLINE_FIT_CHARS),
        Role::Lead => ("a lead", config::LEAD_HEADLINE_FIT_CHARS),
        Role::Secondary => ("a secondary story", config::SECONDARY_HEADLINE_FIT_CHARS),
        Role::Brief => ("a brief", config::BRIEF_HEADLINE_FIT_CHARS),
        Role::PhotoStory => ("a photo story", config::PHOTO_STORY_HEADLINE_FIT_CHARS),
    }
}
