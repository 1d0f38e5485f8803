//! What the README, the dashboard and the alerts say of metrics is so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use masthead::{admin::Role, pb};
use serde_json::Value;

use super::{Process, eventually, metrics::families};

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Everything that a server exports once it has been called.
async fn exported() -> BTreeMap<String, (String, String)> {
    let process = Process::start(&[], &[]).await;
    let mut editor = process.desk("editor", Role::Editor).await;
    editor.reporters.list_reporters(pb::ListReportersRequest::default()).await.expect("an answer");
    let text = eventually("the first look at the database", async || {
        let text = process.scrape().await;
        text.contains("masthead_ledger_head ").then_some(text)
    })
    .await;
    process.terminate();
    families(&text)
}

/// The metrics that an expression of Prometheus names.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let ours = words.filter(|word| word.starts_with("masthead_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

fn assert_exported(exported: &BTreeMap<String, (String, String)>, name: &str, place: &str) {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
    let is_there = match base.and_then(|base| exported.get(base)) {
        Some((kind, _)) => kind == "histogram",
        None => exported.get(name).is_some_and(|(kind, _)| kind != "histogram"),
    };
    assert!(is_there, "{place} names {name}, which is not exported");
}

/// The expressions in a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" => found.push(text.clone()),
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_readme_the_dashboard_and_the_alerts_know_the_metrics_as_they_are() {
    let exported = exported().await;
    let readme = file("README.md");
    let rows = readme.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let kind = cells.next()?.to_owned();
        (name.starts_with("masthead_") || name.starts_with("process_")).then_some((name, kind))
    });
    let described: BTreeMap<String, String> = rows.collect();
    let kinds: BTreeMap<String, String> =
        exported.iter().map(|(name, (kind, _))| (name.clone(), kind.clone())).collect();
    assert_eq!(described, kinds, "the table of the README and what is exported");

    let dashboard: Value = serde_json::from_str(&file("ops/grafana-dashboard.json")).expect("JSON");
    let mut shown = Vec::new();
    expressions(&dashboard, &mut shown);
    assert!(shown.len() > 15, "the dashboard shows {} things", shown.len());
    let shown: BTreeSet<String> = shown.iter().flat_map(|expression| named(expression)).collect();
    shown.iter().for_each(|name| assert_exported(&exported, name, "the dashboard"));
    let panels: Vec<&Value> = dashboard["panels"].as_array().expect("panels").iter().collect();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");

    let alerts = file("ops/alerts.yaml");
    let alerted: BTreeSet<String> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("expr:")).flat_map(named).collect();
    assert!(alerted.len() > 5, "{alerted:?}");
    alerted.iter().for_each(|name| assert_exported(&exported, name, "an alert"));
}
