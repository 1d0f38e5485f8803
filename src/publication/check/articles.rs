//! The articles of an issue, or one by itself.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::{Code, Finding, Material, copy, is_signed, photos, unsigned};
use crate::{article::Article, byline::Byline, error::Result, photo::Channel, reporter, workflow::State};

/// What an article is held against.
pub(super) struct Reference<'a> {
    /// How many stages must have signed.
    pub stages: i32,
    /// Where photos will appear.
    pub channels: &'a [Channel],
    /// The day for which rights must be granted, and to which dates in the text
    /// refer.
    pub day: NaiveDate,
    /// The moment of publishing.
    pub publish_time: DateTime<Utc>,
    /// What articles refer to.
    pub material: &'a Material,
}

/// Checks an article with all that it uses. `not_reviewed` is the code for one
/// that is not signed.
pub(super) fn check(
    found: &mut Vec<Finding>,
    article: &Article,
    reference: &Reference,
    not_reviewed: Code,
) -> Result<()> {
    let name = article.name();
    let mut add = |code, why: &str| found.push(Finding::new(code, name.clone(), why));
    if article.delete_time.is_some() {
        add(Code::ArticleDeleted, "is deleted; undelete it or take it off the page");
    }
    if article.content.headline.trim().is_empty() {
        add(Code::ArticleWithoutHeadline, "has no headline; write one");
    }
    if !article.content.has_body() {
        add(Code::ArticleWithoutBody, "has neither text nor a photo; write it or take it off the page");
    }
    if let Some(until) = article.content.embargo_time.filter(|until| *until > reference.publish_time) {
        let until = until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        add(Code::ArticleEmbargoed, &format!("is under embargo until {until}; publish it then"));
    }
    let signed = is_signed(article.state, &article.reviews, article.content.digest()?, reference.stages);
    if article.state == State::Withdrawn {
        let why = "was withdrawn; take it off the page, or change it and have it reviewed again";
        add(Code::ArticleWithdrawn, why);
    } else if !signed {
        let (state, reviews) = (article.state, &article.reviews);
        found.push(unsigned(not_reviewed, name.clone(), state, reviews, reference.stages));
    }
    retired_bylines(found, &name, &article.content.bylines, reference.material);
    for id in article.content.photos() {
        let Some(photo) = reference.material.photos.get(&id) else { continue };
        let name = photo.name();
        // Several articles may use one photo.
        if found.iter().any(|finding| finding.resource == name) {
            continue;
        }
        let lost = reference.material.lost_files.contains(&id);
        photos::check(found, photo, reference.channels, reference.day, lost)?;
        retired_bylines(found, &name, &photo.words.bylines, reference.material);
        copy::photo(found, photo, reference.day);
    }
    Ok(())
}

fn retired_bylines(found: &mut Vec<Finding>, resource: &str, bylines: &[Byline], material: &Material) {
    for byline in bylines {
        let Some(id) = byline.reporter.filter(|id| material.retired.contains(id)) else { continue };
        let (printed, name) = (&byline.printed_name, reporter::name(id));
        let why = format!("is signed by {printed} ({name}), who has retired; make sure that this is meant");
        found.push(Finding::new(Code::BylineRetired, resource, why));
    }
}
