//! Damage of every kind is found before anything is restored, and nothing is put over
//! what is there.

use std::{fs, path::Path};

use masthead::admin::Role;

use super::{
    back_up, busy_newsroom, check, command, contents, done, files, folders, refused, restore, tables,
};
use crate::{
    command::data_dir,
    newsroom::{Database, Newsroom},
    photo_files::files_below,
};

type Harm = fn(&Path);

/// Changes one byte in the middle of a file.
fn bend(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("damage");
}

/// Cuts off the second half of a file.
fn cut(path: &Path) {
    let bytes = fs::read(path).expect("a file");
    fs::write(path, &bytes[..bytes.len() / 2]).expect("damage");
}

fn photo(backup: &Path) -> std::path::PathBuf {
    files_below(&backup.join("photos")).pop().expect("a photo")
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        fs::create_dir_all(to.join(&path).parent().expect("a folder")).expect("a folder");
        fs::write(to.join(path), bytes).expect("a copy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_every_kind_is_found() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    done(back_up(&room, backup.path())).await;
    let said = done(check(backup.path())).await;
    assert!(said.contains("whole: "), "{said}");
    let harms: [(&str, Harm, &str); 13] = [
        ("a photo is altered", |backup| bend(&photo(backup)), "1 photos are missing or not what was written"),
        ("a photo is cut", |backup| cut(&photo(backup)), "1 photos are missing or not what was written"),
        (
            "a photo is missing",
            |backup| fs::remove_file(photo(backup)).expect("damage"),
            "1 photos are missing or not what was written",
        ),
        (
            "a table is altered",
            |backup| bend(&tables(backup).join("articles.copy")),
            "articles.copy is missing or not",
        ),
        (
            "a table is cut",
            |backup| cut(&tables(backup).join("snapshots.copy")),
            "snapshots.copy is missing or not",
        ),
        (
            "a table is cut between rows",
            |backup| {
                let path = tables(backup).join("article_revisions.copy");
                let text = fs::read_to_string(&path).expect("rows");
                let end = text.trim_end().rfind('\n').expect("two rows") + 1;
                fs::write(&path, &text[..end]).expect("damage");
            },
            "article_revisions.copy is missing or not",
        ),
        (
            "a table is emptied",
            |backup| fs::write(tables(backup).join("publications.copy"), "").expect("damage"),
            "publications.copy is missing or not",
        ),
        (
            "a table is missing",
            |backup| fs::remove_file(tables(backup).join("audit_events.copy")).expect("damage"),
            "audit_events.copy is missing or not",
        ),
        (
            "all tables are missing",
            |backup| fs::remove_dir_all(tables(backup)).expect("damage"),
            "is missing or not what was written",
        ),
        ("the manifest is cut", |backup| cut(&backup.join("manifest.json")), "manifest.json cannot be read"),
        (
            "the manifest is emptied",
            |backup| fs::write(backup.join("manifest.json"), "").expect("damage"),
            "manifest.json cannot be read",
        ),
        (
            "the manifest says something else",
            |backup| {
                let path = backup.join("manifest.json");
                let text = fs::read_to_string(&path).expect("a manifest");
                let other = text.replacen("\"sequence\": 6", "\"sequence\": 5", 1);
                assert_ne!(text, other);
                fs::write(path, other).expect("damage");
            },
            "manifest.json is not what was written",
        ),
        (
            "the manifest is missing",
            |backup| fs::remove_file(backup.join("manifest.json")).expect("damage"),
            "holds no backup",
        ),
    ];
    let database = Database::create_empty().await;
    for (what, harm, expected) in harms {
        let damaged = data_dir();
        copy(backup.path(), damaged.path());
        harm(damaged.path());
        let said = refused(check(damaged.path())).await;
        assert!(said.contains(expected), "{what}: {said}");
        let said = refused(restore(damaged.path(), &database, &photos.path().join("photos"))).await;
        assert!(said.contains(expected), "{what}: {said}");
    }
    let nothing = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    let mut connection = database.connect().await;
    assert_eq!(sqlx::query_scalar::<_, i64>(nothing).fetch_one(&mut connection).await.expect("a count"), 0);
    drop(connection);
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    database.remove().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_never_goes_over_what_is_there() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    done(back_up(&room, backup.path())).await;
    let store = photos.path().join("photos");
    let mut connection = room.database.connect().await;
    let before = contents(&mut connection).await;
    let said = refused(restore(backup.path(), &room.database, &room.photo_folder())).await;
    assert!(
        said.contains("the database is not empty") && said.contains("give a new, empty database"),
        "{said}"
    );
    assert_eq!(contents(&mut connection).await, before);
    drop(connection);

    // One that a server has been started on has a token.
    let fresh = Newsroom::open().await;
    fresh.token("运维", Role::Operator).await;
    let said = refused(restore(backup.path(), &fresh.database, &store)).await;
    assert!(said.contains("access_tokens has rows") || said.contains("has rows"), "{said}");

    let other = Database::create_empty().await;
    let mut connection = other.connect().await;
    sqlx::query("create table cats (name text)").execute(&mut connection).await.expect("a table");
    let said = refused(restore(backup.path(), &other, &store)).await;
    assert!(said.contains("a table cats of something else"), "{said}");
    drop(connection);
    assert!(files_below(&store).is_empty(), "no photo is stored for a restore that is refused");

    // The schema alone is in nobody's way.
    let migrated = Database::create().await;
    done(restore(backup.path(), &migrated, &store)).await;
    other.remove().await;
    migrated.remove().await;
    fresh.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_never_goes_over_that_of_another_newsroom_or_other_files() {
    let (room, other) = (busy_newsroom().await, busy_newsroom().await);
    let (backup, foreign) = folders();
    done(back_up(&room, backup.path())).await;
    let before = files(backup.path());
    let said = refused(back_up(&other, backup.path())).await;
    assert!(said.contains("a backup of another history"), "{said}");
    assert_eq!(files(backup.path()), before);
    fs::write(foreign.path().join("letters.txt"), "dear").expect("a file");
    let said = refused(back_up(&room, foreign.path())).await;
    assert!(said.contains("letters.txt, which is of no backup"), "{said}");
    // What has no schema is not worth a backup, and takes no place.
    let empty = Database::create_empty().await;
    let mut nothing = command("backup", &empty, &room.photo_folder());
    nothing.arg("--to").arg(backup.path());
    let said = refused(nothing).await;
    assert!(said.contains("there is nothing to back up"), "{said}");
    assert_eq!(files(backup.path()), before);
    empty.remove().await;
    other.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_ledger_takes_no_place_of_a_whole_one() {
    let room = busy_newsroom().await;
    let (backup, _) = folders();
    done(back_up(&room, backup.path())).await;
    let before = fs::read(backup.path().join("manifest.json")).expect("a manifest");
    let mut connection = room.database.connect().await;
    for sql in [
        "set session_replication_role = replica",
        "update snapshots set bytes = '\\x00' where publication = 2",
    ] {
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("a statement");
    }
    let said = refused(back_up(&room, backup.path())).await;
    assert!(said.contains("publications/2: its snapshot has another digest"), "{said}");
    assert_eq!(fs::read(backup.path().join("manifest.json")).expect("a manifest"), before);
    done(check(backup.path())).await;
    drop(connection);
    room.close().await;
}
