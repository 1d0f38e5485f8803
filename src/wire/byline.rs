//! Bylines, which articles and photos both carry.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    byline::{Byline, BylineRole, Signer},
    config,
    error::Result,
    pb, reporter,
    wire::Check,
};

/// Reads the bylines of a resource; `field` is their path.
pub fn read(check: &mut Check, field: &str, bylines: Vec<pb::Byline>, count_max: usize) -> Vec<Byline> {
    if !check.count(field, bylines.len(), count_max) {
        return Vec::new();
    }
    bylines
        .into_iter()
        .enumerate()
        .map(|(index, byline)| one(check, &format!("{field}[{index}]"), byline))
        .collect()
}

fn one(check: &mut Check, field: &str, byline: pb::Byline) -> Byline {
    let reporter = match byline.reporter.as_str() {
        "" => None,
        name => Some(check.reporter(&format!("{field}.reporter"), name)),
    };
    let printed = format!("{field}.printed_name");
    let printed_name = match reporter {
        // The display name will stand in for it.
        Some(_) => check.line(&printed, byline.printed_name, config::NAME_CHARS_MAX),
        None => check.required_line(&printed, byline.printed_name, config::NAME_CHARS_MAX),
    };
    let role = match check.enumeration(&format!("{field}.role"), byline.role) {
        pb::byline::Role::Unspecified => BylineRole::Unspecified,
        pb::byline::Role::Reporter => BylineRole::Reporter,
        pb::byline::Role::Correspondent => BylineRole::Correspondent,
        pb::byline::Role::Photographer => BylineRole::Photographer,
        pb::byline::Role::Editor => BylineRole::Editor,
        pb::byline::Role::Proofreader => BylineRole::Proofreader,
    };
    Byline { reporter, printed_name, role }
}

/// Puts whoever signs into bylines, in place of duplicates that were merged, and
/// the display name where a byline has no printed name; but not into those that stand as
/// they are.
///
/// # Errors
/// A byline refers to a reporter for whom none of `signers` signs: one who does not
/// exist or is deleted.
pub fn complete(
    field: &str,
    bylines: &mut [Byline],
    signers: &HashMap<Uuid, Signer>,
    stands: impl Fn(&Byline) -> bool,
) -> Result<()> {
    let mut check = Check::default();
    for (index, byline) in bylines.iter_mut().enumerate() {
        let Some(id) = byline.reporter.filter(|_| !stands(byline)) else { continue };
        let Some(signer) = signers.get(&id) else {
            let gone = format!("{} does not exist or is deleted", reporter::name(id));
            check.add(format!("{field}[{index}].reporter"), gone);
            continue;
        };
        byline.reporter = Some(signer.id);
        if byline.printed_name.is_empty() {
            byline.printed_name.clone_from(&signer.display_name);
        }
    }
    check.finish()
}

impl From<Byline> for pb::Byline {
    fn from(byline: Byline) -> pb::Byline {
        let role = match byline.role {
            BylineRole::Unspecified => pb::byline::Role::Unspecified,
            BylineRole::Reporter => pb::byline::Role::Reporter,
            BylineRole::Correspondent => pb::byline::Role::Correspondent,
            BylineRole::Photographer => pb::byline::Role::Photographer,
            BylineRole::Editor => pb::byline::Role::Editor,
            BylineRole::Proofreader => pb::byline::Role::Proofreader,
        };
        pb::Byline {
            reporter: byline.reporter.map(reporter::name).unwrap_or_default(),
            printed_name: byline.printed_name,
            role: role.into(),
        }
    }
}
