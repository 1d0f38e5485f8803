//! Names of resources, and ids that callers choose.

use std::collections::BTreeSet;

use masthead::pb;
use tonic::Code;

use super::{Ask, Stage, ask, case};
use crate::{
    newsroom::{PAPER, date, fields, reason},
    raw::{Message, kind_of, methods, named_field, parent_of},
};

/// Names that are like a good one, and none.
fn malformed(kind: &str, good: &str) -> Vec<String> {
    let (parent, id) = good.rsplit_once('/').expect("a name");
    let (collection, rest) = good.split_once('/').expect("a name");
    let mut names: Vec<String> = vec![
        // These go to every method.
        String::new(),
        collection.into(),
        format!("{parent}/"),
        format!("{parent}/-"),
        format!("{good}/"),
        format!("/{good}"),
        format!("{good} "),
        format!("{good}\0"),
        format!("authors/{rest}"),
        // And these to one of each kind.
        " ".into(),
        "/".into(),
        parent.into(),
        format!("{parent}/*"),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}\u{202E}"),
        format!("{good}/more"),
        format!("{good}/pages/1/pages/1"),
        format!("//library/{good}"),
        format!("https://library/{good}"),
        good.replacen('/', "//", 1),
        good.replacen('/', "%2F", 1),
        format!("{}/{rest}", collection.to_uppercase()),
        format!("{parent}/{}", "a".repeat(5000)),
        format!("{parent}/'; drop table articles; --"),
        format!("{parent}/../{id}"),
    ];
    let ids: Vec<String> = match kind {
        "Article" | "Reporter" | "Photo" | "PhotoUpload" | "AccessToken" => {
            vec![
                id.to_uppercase(),
                id.replace('-', ""),
                format!("{{{id}}}"),
                format!("urn:uuid:{id}"),
                "1".into(),
            ]
        }
        "Page" => {
            ["0", "1000", "01", "-1", "+1", "1.0", "１", "1e2", "first", "4294967297"].map(Into::into).into()
        }
        "ArticleRevision" | "Publication" => {
            ["0", "01", "-1", "+1", "latest", "9223372036854775808"].map(Into::into).into()
        }
        "Newspaper" => {
            vec!["Morning".into(), "1st".into(), "a_b".into(), "-a".into(), "a-".into(), "a".repeat(64)]
        }
        _ => vec!["A".into(), "a_b".into(), "-1".into(), "1-".into(), "第一期".into(), "1".repeat(64)],
    };
    names.extend(ids.into_iter().map(|id| format!("{parent}/{id}")));
    names
}

#[tokio::test]
async fn every_method_refuses_names_that_are_none() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    // The names of one kind are read in one place, so that one method of each
    // kind meets them all and the others a few.
    let mut met = BTreeSet::new();
    for (name, method) in methods() {
        let Some(field) = named_field(method) else { continue };
        let kind = if field == "parent" { parent_of(method) } else { kind_of(method) };
        let few = if met.insert(kind) { usize::MAX } else { 9 };
        for wrong in malformed(kind, &stage.name(kind)).into_iter().take(few) {
            let message = Message::about(method, |_| wrong.clone());
            // A repeated field has the empty name too, and so an item.
            let message = match (field.as_str(), wrong.as_str()) {
                ("names[0]", "") => {
                    Message::read(method.input_type().trim_start_matches(".masthead.v1."), &[10, 0])
                }
                _ => message,
            };
            let what = format!("{name} of {wrong:?}");
            let answer = stage.line_for(&name).send(&name, vec![message.encode()]).await;
            let Err(status) = answer else { panic!("{what} was taken") };
            let refusal = (status.code(), reason(&status));
            assert_eq!(refusal, (Code::InvalidArgument, "INVALID_FIELD".into()), "{what}: {status:?}");
            assert!(fields(&status).contains(&field), "{what}: {status:?}");
        }
    }
    assert_eq!(met.len(), 10, "{met:?}");
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

fn new_newspaper(newspaper_id: &str) -> Ask {
    let create = pb::CreateNewspaperRequest {
        newspaper: Some(pb::Newspaper { title: "报".into(), ..Default::default() }),
        newspaper_id: newspaper_id.into(),
        ..Default::default()
    };
    ask("NewspaperService/CreateNewspaper", &create)
}

fn new_issue(issue_id: &str) -> Ask {
    let issue = pb::Issue { publish_date: Some(date(2026, 11, 1)), ..Default::default() };
    let create = pb::CreateIssueRequest {
        parent: PAPER.into(),
        issue: Some(issue),
        issue_id: issue_id.into(),
        ..Default::default()
    };
    ask("IssueService/CreateIssue", &create)
}

#[tokio::test]
async fn chosen_ids_keep_the_rules_of_ids() {
    let stage = Stage::open().await;
    let longest = format!("a{}", "0".repeat(62));
    let too_long = format!("{longest}0");
    let wrong = [
        "",
        " ",
        "-",
        "-a",
        "a-",
        "A",
        "aB",
        "a_b",
        "a.b",
        "a/b",
        "a b",
        "a\n",
        "a\0",
        "é",
        "报",
        "a%",
        "*",
        too_long.as_str(),
    ];
    let mut cases = Vec::new();
    for id in wrong {
        cases.push(case(format!("newspaper {id:?}"), new_newspaper(id), &["newspaper_id"]));
        cases.push(case(format!("issue {id:?}"), new_issue(id), &["issue_id"]));
        if !id.is_empty() {
            let clone = pb::CloneIssueRequest {
                name: stage.issue.clone(),
                issue_id: id.into(),
                ..Default::default()
            };
            cases.push(case(format!("clone {id:?}"), ask("IssueService/CloneIssue", &clone), &["issue_id"]));
        }
    }
    // A newspaper is a word, not a number.
    cases.push(case("newspaper 1a", new_newspaper("1a"), &["newspaper_id"]));
    stage.refuses(cases).await;
    let right = ["a", "a1", "a-b", "a--b", longest.as_str()];
    stage.takes(right.iter().map(|id| ((*id).to_owned(), new_newspaper(id))).collect()).await;
    let right = ["1", "0", "4151", "extra-1", "007", longest.as_str()];
    stage.takes(right.iter().map(|id| ((*id).to_owned(), new_issue(id))).collect()).await;
    stage.close().await;
}

#[tokio::test]
async fn a_batch_names_one_to_five_hundred() {
    let stage = Stage::open().await;
    let batch = |method, name: &str, count| {
        // The requests of both methods are alike.
        ask(method, &pb::BatchGetArticlesRequest { names: vec![name.to_owned(); count] })
    };
    let methods =
        [("ArticleService/BatchGetArticles", &stage.article), ("PhotoService/BatchGetPhotos", &stage.photo)];
    for (method, name) in methods {
        stage
            .refuses(vec![
                case(format!("{method} of none"), batch(method, name, 0), &["names"]),
                case(format!("{method} of 501"), batch(method, name, 501), &["names"]),
            ])
            .await;
        stage.takes(vec![(format!("{method} of 500"), batch(method, name, 500))]).await;
    }
    stage.close().await;
}
