//! The rules of the rooms, read off the source: who may name whom.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The vertical slices.
const SLICES: [&str; 7] = ["newspaper", "issue", "article", "reporter", "photo", "publication", "activity"];

/// Source files by their path below `src`, without comments.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let files = files.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a source file");
        let code =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let name = path.strip_prefix(&root).expect("a path below src").to_string_lossy().into_owned();
        (name, code)
    });
    files.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Whether the code names a word that begins like this and does not go on
/// before it.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

fn is_in(name: &str, folder: &str) -> bool {
    name.starts_with(folder) && name[folder.len()..].starts_with('/')
}

/// Whether a file holds SQL: a slice's `store.rs`, or one below its `store/`.
fn is_store(name: &str) -> bool {
    name.ends_with("/store.rs") || name.contains("/store/")
}

#[test]
fn messages_of_the_api_stay_at_its_edge() {
    let may = |name: &str| {
        let rooms = ["wire", "import", "demo", "auth", "server", "telemetry"];
        let files = ["error/status.rs", "lib.rs", "deadline/hold.rs", "publication/seal.rs"];
        rooms.iter().any(|room| is_in(name, room))
            || files.contains(&name)
            || name.ends_with("/rpc.rs")
            || name.contains("/rpc/")
            // A client, as those in import are.
            || name == "command/health.rs"
    };
    for (name, code) in sources() {
        let uses = names(&code, "pb::") || names(&code, "tonic::") || names(&code, "tonic_types::");
        assert!(!uses || may(&name), "{name} names messages of the API");
    }
}

#[test]
fn sql_stays_in_the_stores() {
    let may =
        |name: &str| is_store(name) || name == "error.rs" || is_in(name, "db") || is_in(name, "embedded");
    for (name, code) in sources() {
        assert!(!names(&code, "sqlx::") || may(&name), "{name} names sqlx");
    }
}

#[test]
fn rules_are_pure() {
    let pure = |name: &str| {
        let slice_rules = SLICES.iter().any(|slice| name == format!("{slice}/mod.rs"));
        let others = [
            "workflow/mod.rs",
            "workflow/schedule.rs",
            "byline/mod.rs",
            "article/content.rs",
            "article/correction/mod.rs",
            "article/compare.rs",
            "article/compare/pairing.rs",
            "admin/credential.rs",
            "admin/mod.rs",
            "audit/mod.rs",
            "auth/table.rs",
            "auth/jwt/claims.rs",
            "auth/jwt/crypto.rs",
            "auth/jwt/json.rs",
            "auth/jwt/keys.rs",
            "auth/jwt/token.rs",
            "feed/mod.rs",
            "feed/ring.rs",
            "photo/rights.rs",
            "filter/lexer.rs",
            "filter/mod.rs",
            "filter/order.rs",
            "filter/parser.rs",
            "filter/value.rs",
            "photo/search.rs",
            "photo/usage.rs",
            "publication/chain.rs",
            "name_reading/tones.rs",
            "reporter/search.rs",
            "reporter/statistics.rs",
            "publication/digital.rs",
            "search/excerpt.rs",
            "search/mod.rs",
            "search/query.rs",
            "wire/parts.rs",
        ];
        slice_rules
            || others.contains(&name)
            || is_in(name, "publication/check")
            || ["calendar.rs", "text.rs", "copy_check.rs", "name_reading.rs", "digest.rs"].contains(&name)
    };
    let impure =
        ["tokio::", "std::fs", "std::net", "std::env", "Utc::now", "now_v7", "getrandom", "Instant::now"];
    let mut seen = 0;
    for (name, code) in sources().into_iter().filter(|(name, _)| pure(name)) {
        seen += 1;
        let found: Vec<&str> = impure.into_iter().filter(|word| code.contains(word)).collect();
        assert!(found.is_empty(), "{name} should be pure and names {found:?}");
        assert!(!code.contains("async fn"), "{name} should be pure and waits for something");
    }
    assert_eq!(seen, 55, "every file of rules is looked at");
}

#[test]
fn slices_keep_out_of_each_others_stores_and_handlers() {
    // Publishing is where the slices meet: an issue is locked, read, published
    // and withdrawn with all that stands in it, through the stores that know how.
    let meeting_points = ["gather.rs", "publish.rs", "withdraw.rs", "schedule.rs", "clock.rs"];
    // So it is where a reporter takes the place of another in all that is signed.
    let meets = |name: &str| {
        meeting_points.iter().any(|file| name == format!("publication/{file}")) || name == "reporter/merge.rs"
    };
    for (name, code) in sources() {
        let Some(own) = SLICES.iter().find(|slice| is_in(&name, slice)) else { continue };
        if meets(&name) {
            continue;
        }
        for other in SLICES.iter().filter(|slice| *slice != own) {
            for room in ["store", "rpc"] {
                let path = format!("{other}::{room}");
                assert!(!names(&code, &path), "{name} reaches into {path}");
            }
        }
    }
}

#[test]
fn every_mutation_goes_through_the_door() {
    for (name, code) in sources() {
        let opens = ["pool.begin(", "sqlx::Transaction"].iter().any(|call| code.contains(call));
        assert!(!opens || name == "db/mod.rs", "{name} opens a transaction by itself");
        let writes = ["insert into", "update ", "delete from"]
            .iter()
            .any(|word| code.contains(&format!("\"{word}")) || code.contains(&format!("\n        \"{word}")));
        let may = is_store(&name) || name == "db/mod.rs";
        assert!(!writes || may, "{name} holds a statement that writes");
    }
}

#[test]
fn no_room_lacks_a_subject() {
    for (name, _) in sources() {
        for word in ["util", "helper", "common", "misc"] {
            assert!(
                !name.split(['/', '.']).any(|part| part.starts_with(word)),
                "{name} is a room without a subject"
            );
        }
    }
}
