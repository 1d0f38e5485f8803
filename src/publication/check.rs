//! What must be right before anything is published. All of it is checked at
//! once, inside the publishing transaction, on rows that are locked: what a
//! caller found before proves nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::{
    article::Article,
    digest::Digest,
    error::{Obstacle, Result},
    issue::{self, Issue, Page},
    newspaper::Newspaper,
    photo::{self, Clearance, Photo},
    workflow::{Review, State},
};

/// The codes that a publisher may waive by naming them. Reviews, rights and
/// files never.
pub const WAIVABLE: [&str; 2] = ["PAGE_COUNT", "RUNNING_NUMBER"];

/// An issue that is about to be published, with everything that stands in it,
/// all locked.
#[derive(Debug)]
pub struct Candidate {
    /// The newspaper.
    pub newspaper: Newspaper,
    /// The issue.
    pub issue: Issue,
    /// Its pages by number.
    pub pages: Vec<Page>,
    /// The articles on the pages.
    pub articles: HashMap<Uuid, Article>,
    /// What the articles refer to.
    pub material: Material,
    /// The running number of the newest published issue other than this one.
    pub newest_number: Option<i32>,
    /// When it is to be published.
    pub publish_time: DateTime<Utc>,
}

/// What articles refer to.
#[derive(Debug, Default)]
pub struct Material {
    /// Display names of reporters.
    pub reporters: BTreeMap<Uuid, String>,
    /// Photos.
    pub photos: BTreeMap<Uuid, Photo>,
    /// Photos whose file should be in the photo store and is not.
    pub lost_files: HashSet<Uuid>,
}

/// Every check of an issue that fails.
///
/// # Errors
/// Only if content cannot be encoded, which does not happen.
pub fn check_issue(candidate: &Candidate, note: &str) -> Result<Vec<Obstacle>> {
    let Candidate { newspaper, issue, pages, .. } = candidate;
    let mut found = Vec::new();
    let digest = issue::content_digest(&issue.facts, pages)?;
    let stages = newspaper.facts.review_stages;
    if !is_signed(issue.state, &issue.reviews, digest, stages) {
        found.push(not_reviewed(issue.name(), issue.state, &issue.reviews, stages));
    }
    check_note(&mut found, &issue.name(), issue.latest_publication, note);
    check_masthead(&mut found, newspaper, issue);
    check_numbers(&mut found, candidate);
    check_pages(&mut found, candidate);
    for article in in_page_order(candidate) {
        check_article(&mut found, article, stages, &candidate.material, "ARTICLE_NOT_REVIEWED")?;
        check_embargo(&mut found, article, candidate.publish_time);
    }
    Ok(found)
}

/// Every check of an article that fails when it is published by itself.
///
/// # Errors
/// Only if content cannot be encoded, which does not happen.
pub fn check_lone_article(
    article: &Article,
    stages: i32,
    material: &Material,
    note: &str,
    publish_time: DateTime<Utc>,
) -> Result<Vec<Obstacle>> {
    let mut found = Vec::new();
    check_note(&mut found, &article.name(), article.latest_publication, note);
    check_article(&mut found, article, stages, material, "NOT_REVIEWED")?;
    check_embargo(&mut found, article, publish_time);
    Ok(found)
}

/// Parts failed checks into those that stand and the codes of those that the
/// publisher has waived.
pub fn waive(found: Vec<Obstacle>, acknowledge: &BTreeSet<String>) -> (Vec<Obstacle>, Vec<String>) {
    let may = |obstacle: &Obstacle| WAIVABLE.contains(&obstacle.code) && acknowledge.contains(obstacle.code);
    let (waived, standing): (Vec<_>, Vec<_>) = found.into_iter().partition(may);
    let codes: BTreeSet<String> = waived.into_iter().map(|obstacle| obstacle.code.to_owned()).collect();
    (standing, codes.into_iter().collect())
}

/// The articles of an issue as they stand on its pages, each once.
pub fn in_page_order(candidate: &Candidate) -> Vec<&Article> {
    let mut seen = HashSet::new();
    let placed = candidate.pages.iter().flat_map(|page| &page.layout.placements);
    let first = placed.filter(|placement| seen.insert(placement.article));
    first.filter_map(|placement| candidate.articles.get(&placement.article)).collect()
}

/// Whether every stage has signed exactly this content, whatever was stored
/// about it. What stands in a publication was signed by as many as were asked
/// for then.
fn is_signed(state: State, reviews: &[Review], digest: Digest, stages: i32) -> bool {
    let all = match state {
        State::Reviewed => reviews.len() as i32 >= stages,
        State::Published => !reviews.is_empty(),
        State::Draft | State::Withdrawn => false,
    };
    all && reviews.iter().all(|review| review.content_digest == digest)
}

fn obstacle(code: &'static str, subject: String, description: impl Into<String>) -> Obstacle {
    Obstacle { code, subject, description: description.into() }
}

fn unsigned(code: &'static str, subject: String, state: State, reviews: &[Review], stages: i32) -> Obstacle {
    let signed = reviews.len();
    obstacle(code, subject, format!("is {state} with {signed} of {stages} stages signed; have it reviewed"))
}

fn not_reviewed(subject: String, state: State, reviews: &[Review], stages: i32) -> Obstacle {
    unsigned("NOT_REVIEWED", subject, state, reviews, stages)
}

fn check_note(found: &mut Vec<Obstacle>, name: &str, latest: Option<i64>, note: &str) {
    if latest.is_some() && note.trim().is_empty() {
        let why = "was published before; a correction needs a note for the public";
        found.push(obstacle("CORRECTION_NOTE", name.to_owned(), why));
    }
}

/// What a masthead must state (出版管理条例 第二十八条 asks for the publishing
/// body and the serial code; the rest is what the paper itself prints daily).
fn check_masthead(found: &mut Vec<Obstacle>, newspaper: &Newspaper, issue: &Issue) {
    let facts = &newspaper.facts;
    let required = [
        ("serial_code", &facts.serial_code),
        ("supervising_body", &facts.supervising_body),
        ("publishing_body", &facts.publishing_body),
        ("chief_editor", &facts.chief_editor),
    ];
    for (field, value) in required {
        if value.is_empty() {
            found.push(obstacle("MASTHEAD_FACT", newspaper.name(), format!("has no {field}; fill it in")));
        }
    }
    if facts.price_note.is_empty() && issue.facts.price_note.is_empty() {
        let why = "neither the issue nor the newspaper has a price_note; fill one in";
        found.push(obstacle("MASTHEAD_FACT", issue.name(), why));
    }
}

fn check_numbers(found: &mut Vec<Obstacle>, candidate: &Candidate) {
    let issue = &candidate.issue;
    let (pages, planned) = (candidate.pages.len(), issue.facts.planned_page_count);
    if i64::from(planned) != pages as i64 {
        let why = format!("has pages: {pages}, planned: {planned}; acknowledge PAGE_COUNT to publish so");
        found.push(obstacle("PAGE_COUNT", issue.name(), why));
    }
    // An extra has no running number, and a correction keeps its own.
    let numbered = issue.facts.number > 0 && issue.latest_publication.is_none();
    if let Some(newest) =
        candidate.newest_number.filter(|newest| numbered && issue.facts.number != newest + 1)
    {
        let number = issue.facts.number;
        let why = format!("has number {number} after {newest}; acknowledge RUNNING_NUMBER to publish so");
        found.push(obstacle("RUNNING_NUMBER", issue.name(), why));
    }
}

fn check_pages(found: &mut Vec<Obstacle>, candidate: &Candidate) {
    let id = &candidate.issue.id;
    if candidate.pages.is_empty() {
        found.push(obstacle("PAGE_EMPTY", candidate.issue.name(), "has no pages; lay some out"));
    }
    let mut placed = HashSet::new();
    for page in &candidate.pages {
        let name = issue::page_name(id, page.number);
        if page.layout.placements.is_empty() {
            found.push(obstacle(
                "PAGE_EMPTY",
                name.clone(),
                "has no placements; place articles or delete it",
            ));
        }
        for placement in &page.layout.placements {
            if !placed.insert(placement.article) {
                let article = crate::article::name(placement.article);
                let why = format!("places {article}, which stands on the pages already");
                found.push(obstacle("ARTICLE_PLACED_TWICE", name.clone(), why));
            }
        }
    }
}

fn check_article(
    found: &mut Vec<Obstacle>,
    article: &Article,
    stages: i32,
    material: &Material,
    not_reviewed: &'static str,
) -> Result<()> {
    let name = article.name();
    if article.delete_time.is_some() {
        found.push(obstacle(
            "ARTICLE_DELETED",
            name.clone(),
            "is deleted; undelete it or take it off the page",
        ));
    }
    if !is_signed(article.state, &article.reviews, article.content.digest()?, stages) {
        found.push(unsigned(not_reviewed, name.clone(), article.state, &article.reviews, stages));
    }
    if !article.content.has_body() {
        found.push(obstacle("ARTICLE_WITHOUT_BODY", name, "has neither text nor a photo"));
    }
    for id in article.content.photos() {
        if let Some(photo) = material.photos.get(&id) {
            check_photo(found, photo, material.lost_files.contains(&id))?;
        }
    }
    Ok(())
}

fn check_embargo(found: &mut Vec<Obstacle>, article: &Article, publish_time: DateTime<Utc>) {
    if let Some(until) = article.content.embargo_time.filter(|until| *until > publish_time) {
        let until = until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let why = format!("is under embargo until {until}; publish it then");
        found.push(obstacle("ARTICLE_EMBARGOED", article.name(), why));
    }
}

fn check_photo(found: &mut Vec<Obstacle>, photo: &Photo, lost: bool) -> Result<()> {
    let name = photo.name();
    // Several articles may use one photo.
    if found.iter().any(|obstacle| obstacle.subject == name) {
        return Ok(());
    }
    let mut add = |code, why: &str| found.push(obstacle(code, name.clone(), why));
    if photo.delete_time.is_some() {
        add("PHOTO_DELETED", "is deleted; undelete it or take it out of the article");
    }
    if photo.file.is_none() {
        add("PHOTO_WITHOUT_FILE", "has no file; upload one");
    }
    if lost {
        add("PHOTO_FILE_LOST", "its file is not in the photo store; upload it again");
    }
    match photo.words.clearance {
        Clearance::Cleared => {}
        Clearance::Unknown => {
            add("PHOTO_NOT_CLEARED", "its rights are not cleared; have an editor clear them")
        }
        Clearance::DoNotUse => add("PHOTO_NOT_CLEARED", "must not be used; take it out of the article"),
    }
    let digest = photo::content_digest(&photo.words, photo.file.as_ref())?;
    if !is_signed(photo.state, &photo.reviews, digest, photo::REVIEW_STAGES) {
        found.push(unsigned("PHOTO_NOT_REVIEWED", name, photo.state, &photo.reviews, photo::REVIEW_STAGES));
    }
    Ok(())
}
