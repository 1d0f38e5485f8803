//! 署名: who signs an article or a photo, as printed. Both keep the same rules, so
//! they stand here once.

pub(crate) mod store;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// 署名: a name as printed, and the reporter that it stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Byline {
    /// The reporter; none for an outsider.
    pub reporter: Option<Uuid>,
    /// The name as printed.
    pub printed_name: String,
    /// What the person did.
    pub role: BylineRole,
}

/// Who signs with a byline that refers to a reporter: that one, or the one that it
/// was merged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The reporter.
    pub id: Uuid,
    /// The name that is usually printed.
    pub display_name: String,
}

/// What the person of a byline did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BylineRole {
    /// Not said.
    #[default]
    Unspecified,
    /// 记者.
    Reporter,
    /// 通讯员.
    Correspondent,
    /// 摄.
    Photographer,
    /// 责编.
    Editor,
    /// 校对.
    Proofreader,
}

/// The reporters whom bylines refer to, each once.
pub fn reporters(bylines: &[Byline]) -> Vec<Uuid> {
    let reporters: BTreeSet<Uuid> = bylines.iter().filter_map(|byline| byline.reporter).collect();
    reporters.into_iter().collect()
}

/// Lets one reporter take the place of another in bylines; whether any referred to
/// that one. Names stay as printed.
pub fn replace(bylines: &mut [Byline], duplicate: Uuid, real: Uuid) -> bool {
    let mut replaced = false;
    for byline in bylines.iter_mut().filter(|byline| byline.reporter == Some(duplicate)) {
        byline.reporter = Some(real);
        replaced = true;
    }
    replaced
}
