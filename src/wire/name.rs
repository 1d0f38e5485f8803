//! Resource names (aip.dev/122), taken apart.

use uuid::Uuid;

/// The highest page number.
pub const PAGE_NUMBER_MAX: i32 = 999;

/// `newspapers/{newspaper}/issues/{issue}`, in its two ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IssueName {
    /// The newspaper's id.
    pub newspaper: String,
    /// The issue's id.
    pub issue: String,
}

/// `newspapers/{newspaper}/issues/{issue}/pages/{page}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageName {
    /// The issue that has the page.
    pub issue: IssueName,
    /// The page number.
    pub page: i32,
}

/// Whether a caller may choose this id for a newspaper: 1 to 63 lower-case
/// ASCII letters, digits and hyphens, a letter first, no hyphen last
/// (aip.dev/122).
pub fn is_newspaper_id(id: &str) -> bool {
    is_issue_id(id) && id.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Whether a caller may choose this id for an issue: as for newspapers, but it
/// may begin with a digit, as running numbers do.
pub fn is_issue_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&id.len()) && id.bytes().all(allowed) && !id.starts_with('-') && !id.ends_with('-')
}

/// The id in `newspapers/{newspaper}`.
pub fn newspaper(name: &str) -> Option<String> {
    let id = name.strip_prefix("newspapers/")?;
    is_newspaper_id(id).then(|| id.to_owned())
}

/// The ids in an issue's name.
pub fn issue(name: &str) -> Option<IssueName> {
    let (parent, id) = name.split_once("/issues/")?;
    is_issue_id(id).then_some(())?;
    Some(IssueName { newspaper: newspaper(parent)?, issue: id.to_owned() })
}

/// The ids in a page's name.
pub fn page(name: &str) -> Option<PageName> {
    let (parent, number) = name.split_once("/pages/")?;
    let page = i32::try_from(number_from_one(number)?).ok().filter(|page| *page <= PAGE_NUMBER_MAX)?;
    Some(PageName { issue: issue(parent)?, page })
}

/// The UUID in `{collection}/{uuid}`, in the one form that names are written in.
pub fn with_uuid(name: &str, collection: &str) -> Option<Uuid> {
    let id = name.strip_prefix(collection)?.strip_prefix('/')?;
    let uuid = Uuid::try_parse(id).ok()?;
    (uuid.hyphenated().to_string() == id).then_some(uuid)
}

/// The photo and the upload in `photos/{photo}/uploads/{upload}`.
pub fn upload(name: &str) -> Option<(Uuid, Uuid)> {
    let (parent, id) = name.split_once("/uploads/")?;
    Some((with_uuid(parent, "photos")?, with_uuid(&format!("uploads/{id}"), "uploads")?))
}

/// The article and the number in `articles/{article}/revisions/{revision}`.
pub fn revision(name: &str) -> Option<(Uuid, i64)> {
    let (parent, number) = name.split_once("/revisions/")?;
    Some((with_uuid(parent, "articles")?, number_from_one(number)?))
}

/// The sequence number in `publications/{publication}`.
pub fn publication(name: &str) -> Option<i64> {
    number_from_one(name.strip_prefix("publications/")?)
}

/// A decimal number from 1 without leading zeros or signs, so that each thing
/// has one name.
fn number_from_one(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}
