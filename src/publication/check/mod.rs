//! What must be right before anything is published, and what somebody should
//! look at before. PublishIssue asks inside its transaction, on rows that are
//! locked; CheckIssue asks the same of one view of the database, and what it
//! answered proves nothing later.

mod articles;
mod copy;
pub(super) mod corrections;
mod masthead;
mod pages;
mod photos;
mod rule;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

pub use rule::{Code, Rule, Severity, waivable};

use crate::{
    article::{Article, correction::OwedCorrection},
    digest::Digest,
    error::{Obstacle, Result},
    issue::{self, Issue, Page},
    newspaper::Newspaper,
    photo::{Channel, Photo},
    wire::name::IssueName,
    workflow::{Review, State},
};

/// An issue that is about to be published, with everything that stands in it
/// and what its checks must know besides.
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
    /// The moment of publishing.
    pub publish_time: DateTime<Utc>,
    /// The running number of the newest published issue other than this one.
    pub newest_number: Option<i32>,
    /// Some issues of earlier days that were never published, newest first.
    pub unpublished: Vec<Unpublished>,
    /// The corrections that are owed for issues of earlier days, oldest first.
    pub owed: Vec<OwedCorrection>,
    /// Articles on the pages that correct others and are in print already as they
    /// stand.
    pub reprints: HashSet<Uuid>,
}

/// An issue that was never published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// The ids in the name.
    pub id: IssueName,
    /// The day it was to appear.
    pub publish_date: NaiveDate,
}

/// What articles refer to.
#[derive(Debug, Default)]
pub struct Material {
    /// Display names of reporters.
    pub reporters: BTreeMap<Uuid, String>,
    /// Reporters who have retired.
    pub retired: HashSet<Uuid>,
    /// Photos.
    pub photos: BTreeMap<Uuid, Photo>,
    /// Photos whose file should be in the photo store and is not.
    pub lost_files: HashSet<Uuid>,
}

/// Something that a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub code: Code,
    /// The name of the resource that it concerns.
    pub resource: String,
    /// What is wrong with it and what to do, to be read behind the name.
    pub description: String,
}

impl Finding {
    fn new(code: Code, resource: impl Into<String>, description: impl Into<String>) -> Finding {
        Finding { code, resource: resource.into(), description: description.into() }
    }

    /// Whether it blocks publishing.
    pub fn is_error(&self) -> bool {
        self.code.rule().severity == Severity::Error
    }

    /// Whether it may be waived and is among what a publisher has named.
    pub fn is_waived(&self, acknowledge: &BTreeSet<String>) -> bool {
        let rule = self.code.rule();
        rule.waivable && acknowledge.contains(rule.name)
    }
}

/// A page that readers could not receive as one message of a stream.
pub fn page_too_large(page: String, size: usize, size_max: usize) -> Finding {
    let why = format!("has {size} bytes when sealed, more than {size_max}; move articles to another page");
    Finding::new(Code::PageTooLarge, page, why)
}

impl From<Finding> for Obstacle {
    fn from(finding: Finding) -> Obstacle {
        let Finding { code, resource, description } = finding;
        Obstacle { code: code.rule().name, subject: resource, description }
    }
}

/// Everything that is found in an issue: first what blocks it, then the
/// warnings, each from the masthead to the last page.
///
/// # Errors
/// Only if content cannot be encoded, which does not happen.
pub fn check_issue(candidate: &Candidate, note: &str) -> Result<Vec<Finding>> {
    let Candidate { newspaper, issue, pages, material, .. } = candidate;
    let mut found = Vec::new();
    let digest = issue::content_digest(&issue.facts, pages)?;
    let stages = newspaper.facts.review_stages;
    if !is_signed(issue.state, &issue.reviews, digest, stages) {
        found.push(unsigned(Code::NotReviewed, issue.name(), issue.state, &issue.reviews, stages));
    }
    masthead::note(&mut found, &issue.name(), issue.latest_publication, note);
    masthead::facts(&mut found, newspaper, issue);
    masthead::numbers(&mut found, candidate);
    masthead::earlier_issues(&mut found, candidate);
    corrections::check(&mut found, candidate);
    pages::check(&mut found, candidate);
    for article in in_page_order(candidate) {
        let (day, publish_time) = (issue.facts.publish_date, candidate.publish_time);
        let channels = &[Channel::Print, Channel::Digital];
        let reference = articles::Reference { stages, channels, day, publish_time, material };
        articles::check(&mut found, article, &reference, Code::ArticleNotReviewed)?;
        copy::article(&mut found, article, issue.facts.publish_date);
    }
    // Stable: within each the order stays.
    found.sort_by_key(|finding| !finding.is_error());
    Ok(found)
}

/// Everything that blocks an article from being published by itself.
///
/// # Errors
/// Only if content cannot be encoded, which does not happen.
pub fn check_lone_article(
    article: &Article,
    newspaper: &Newspaper,
    material: &Material,
    publish_time: DateTime<Utc>,
    note: &str,
) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    masthead::note(&mut found, &article.name(), article.latest_publication, note);
    let day = newspaper.day(publish_time);
    let (stages, channels) = (newspaper.facts.review_stages, &[Channel::Digital]);
    let reference = articles::Reference { stages, channels, day, publish_time, material };
    articles::check(&mut found, article, &reference, Code::NotReviewed)?;
    found.retain(Finding::is_error);
    Ok(found)
}

/// Parts what was found into the errors that stand and the codes of those that
/// the publisher has waived, sorted.
pub fn waive(found: Vec<Finding>, acknowledge: &BTreeSet<String>) -> (Vec<Obstacle>, Vec<String>) {
    let errors = found.into_iter().filter(Finding::is_error);
    let (waived, standing): (Vec<_>, Vec<_>) = errors.partition(|finding| finding.is_waived(acknowledge));
    let codes: BTreeSet<&str> = waived.iter().map(|finding| finding.code.rule().name).collect();
    let standing = standing.into_iter().map(Obstacle::from).collect();
    (standing, codes.into_iter().map(str::to_owned).collect())
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

fn unsigned(code: Code, resource: String, state: State, reviews: &[Review], stages: i32) -> Finding {
    let signed = reviews.len();
    let why = format!("is {state} with {signed} of {stages} stages signed; have it reviewed");
    Finding::new(code, resource, why)
}
