//! 更正: what the paper owes for errors in earlier issues.

use super::{Candidate, Code, Finding};
use crate::{article, article::correction::OwedCorrection, issue};

/// Owed corrections that this issue does not bring, or not where they belong.
pub(super) fn check(found: &mut Vec<Finding>, candidate: &Candidate) {
    for owed in &candidate.owed {
        let OwedCorrection { page, publish_date, reason, .. } = owed;
        let finding = match placed_on(candidate, owed) {
            Some(placed) if placed == *page => continue,
            Some(placed) => {
                let of = article::name(owed.article);
                let why = format!(
                    "places the correction of {of}, which stood on page {page} on {publish_date}; put it on \
                     page {page}"
                );
                (issue::page_name(&candidate.issue.id, placed), why)
            }
            None => {
                let why = format!(
                    "owes a correction since {publish_date}: “{reason}”; place an article that corrects it on \
                     page {page}, or cancel it"
                );
                (article::name(owed.article), why)
            }
        };
        found.push(Finding::new(Code::CorrectionOwed, finding.0, finding.1));
    }
}

/// What is owed no more once this issue is published.
pub(in crate::publication) fn settled(candidate: &Candidate) -> impl Iterator<Item = &OwedCorrection> {
    candidate.owed.iter().filter(|owed| placed_on(candidate, owed).is_some())
}

/// The number of a page on which a correction stands: the page where the error
/// stood, if there is one. What is already in print as it stands has corrected
/// what was found before it, and not this.
fn placed_on(candidate: &Candidate, owed: &OwedCorrection) -> Option<i32> {
    let corrects = |id| {
        let article = candidate.articles.get(&id);
        article.is_some_and(|article| article.content.corrects == Some(owed.article))
            && !candidate.reprints.contains(&id)
    };
    let places = candidate.pages.iter().filter(|page| {
        let mut placements = page.layout.placements.iter();
        placements.any(|placement| corrects(placement.article))
    });
    let numbers: Vec<i32> = places.map(|page| page.number).collect();
    numbers.iter().find(|number| **number == owed.page).or(numbers.first()).copied()
}
