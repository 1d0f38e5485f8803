//! The photos that articles use.

use chrono::NaiveDate;

use super::{Code, Finding, is_signed, unsigned};
use crate::{
    error::Result,
    photo::{self, Channel, Photo},
};

/// Checks a photo that is to appear on a day, on these channels. `lost` says that
/// its file is not where it should be.
pub(super) fn check(
    found: &mut Vec<Finding>,
    photo: &Photo,
    channels: &[Channel],
    day: NaiveDate,
    lost: bool,
) -> Result<()> {
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
    for why in photo.words.rights.refusals(channels, day) {
        add(Code::PhotoNotCleared, &why);
    }
    let digest = photo::content_digest(&photo.words, photo.file.as_ref())?;
    if !is_signed(photo.state, &photo.reviews, digest, photo::REVIEW_STAGES) {
        let (state, reviews) = (photo.state, &photo.reviews);
        found.push(unsigned(Code::PhotoNotReviewed, name, state, reviews, photo::REVIEW_STAGES));
    }
    Ok(())
}
