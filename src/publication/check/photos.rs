//! The photos that articles use.

use chrono::NaiveDate;

use super::{Code, Finding, is_signed, unsigned};
use crate::{
    error::Result,
    photo::{self, Clearance, Photo},
};

/// Checks a photo that is to be printed on a day. `lost` says that its file is
/// not where it should be.
pub(super) fn check(found: &mut Vec<Finding>, photo: &Photo, day: NaiveDate, lost: bool) -> Result<()> {
    let name = photo.name();
    let mut add = |code, why: &str| found.push(Finding::new(code, name.clone(), why));
    if photo.delete_time.is_some() {
        add(Code::PhotoDeleted, "is deleted; undelete it or take it out of the article");
    }
    if photo.file.is_none() {
        add(Code::PhotoWithoutFile, "has no file; upload one");
    }
    if lost {
        add(Code::PhotoFileLost, "has lost its file, which is not in the photo store; upload it again");
    }
    if let Some(why) = rights_missing(photo, day) {
        add(Code::PhotoNotCleared, &why);
    }
    let digest = photo::content_digest(&photo.words, photo.file.as_ref())?;
    if !is_signed(photo.state, &photo.reviews, digest, photo::REVIEW_STAGES) {
        let (state, reviews) = (photo.state, &photo.reviews);
        found.push(unsigned(Code::PhotoNotReviewed, name, state, reviews, photo::REVIEW_STAGES));
    }
    Ok(())
}

/// Why a photo may not be printed on a day.
fn rights_missing(photo: &Photo, day: NaiveDate) -> Option<String> {
    let words = &photo.words;
    match words.clearance {
        Clearance::Unknown => Some("is not cleared of rights; have an editor clear them".to_owned()),
        Clearance::DoNotUse => Some("must not be used; take it out of the article".to_owned()),
        Clearance::Cleared if words.license.covers(day) => None,
        Clearance::Cleared => {
            let license = words.license;
            Some(format!("is licensed {license}, not for {day}; renew the licence or take the photo out"))
        }
    }
}
