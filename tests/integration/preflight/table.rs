//! The table of checks: one in the code, and its likenesses in the API and in
//! the README.

use std::{collections::BTreeSet, fs, path::Path};

use masthead::{
    pb,
    publication::check::{Code, Severity, waivable},
};

use super::{errors, warnings};

fn names() -> BTreeSet<&'static str> {
    Code::ALL.map(|code| code.rule().name).into_iter().collect()
}

#[test]
fn the_api_has_the_codes_of_the_table() {
    let numbered = (1..100).filter_map(|number| pb::PublishCheck::try_from(number).ok());
    let api: BTreeSet<&str> = numbered.map(|check| &check.as_str_name()["PUBLISH_CHECK_".len()..]).collect();
    assert_eq!(api, names());
    assert_eq!(names().len(), Code::ALL.len(), "each once");
}

#[test]
fn the_readme_has_the_table() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("the README");
    let rows = readme.lines().skip_while(|line| !line.starts_with("| check |")).skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let table: Vec<[String; 3]> = Code::ALL
        .map(|code| {
            let rule = code.rule();
            let severity = match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let waivable = if rule.waivable { "yes" } else { "" };
            [format!("`{}`", rule.name), severity.to_owned(), waivable.to_owned()]
        })
        .into();
    let shown: Vec<[String; 3]> =
        rows.iter().map(|row| [row[0].into(), row[1].into(), row[2].into()]).collect();
    assert_eq!(shown, table);
    assert!(rows.iter().all(|row| row.len() == 4 && !row[3].is_empty()), "each says what to do");
}

#[test]
fn reviews_rights_and_files_are_never_waived() {
    assert_eq!(waivable(), ["PRICE_NOTE", "PAGE_COUNT", "RUNNING_NUMBER"]);
}

/// What is tried elsewhere: embargoes where publications at a time to come are,
/// pages that are too large where issues are published.
const ELSEWHERE: [&str; 2] = ["ARTICLE_EMBARGOED", "PAGE_TOO_LARGE"];

#[test]
fn every_check_is_tried() {
    let tried =
        [&errors::OF_ARTICLES[..], &errors::OF_PHOTOS, &errors::OF_ISSUES, &warnings::TRIED, &ELSEWHERE]
            .concat();
    assert_eq!(tried.into_iter().collect::<BTreeSet<_>>(), names());
}
