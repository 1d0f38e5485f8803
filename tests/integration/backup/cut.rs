//! What is cut off in the middle leaves what was there before.

use sqlx::Connection;

use super::{
    back_up, begin, busy_newsroom, check, contents, done, files, folders, refused, restore, until_waited_for,
};
use crate::newsroom::Database;

/// Ends a process as a power cut does.
async fn kill(mut process: std::process::Child) {
    process.kill().expect("an end");
    tokio::task::spawn_blocking(move || process.wait()).await.expect("a thread").expect("an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_cut_off_is_never_taken_for_a_whole_one() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    let mut gate = room.database.connect().await;
    let mut looking = room.database.connect().await;
    let cut_off = async |gate: &mut sqlx::PgConnection, looking: &mut sqlx::PgConnection| {
        let mut locked = gate.begin().await.expect("a transaction");
        sqlx::query("lock table redactions in access exclusive mode")
            .execute(&mut *locked)
            .await
            .expect("a lock");
        let backing_up = begin(back_up(&room, backup.path()));
        until_waited_for(looking, "redactions").await;
        kill(backing_up).await;
        locked.rollback().await.expect("an end");
    };
    cut_off(&mut gate, &mut looking).await;
    assert!(
        !super::tables(backup.path()).join("redactions.copy").exists() && !files(backup.path()).is_empty()
    );
    let said = refused(check(backup.path())).await;
    assert!(said.contains("holds no backup"), "{said}");

    done(back_up(&room, backup.path())).await;
    let before = contents(&mut looking).await;
    let manifest = std::fs::read(backup.path().join("manifest.json")).expect("a manifest");
    room.article("之后写的").await;
    cut_off(&mut gate, &mut looking).await;
    assert_eq!(std::fs::read(backup.path().join("manifest.json")).expect("a manifest"), manifest);
    let database = Database::create_empty().await;
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let mut restored = database.connect().await;
    assert_eq!(contents(&mut restored).await, before, "the backup before is as it was");

    // The next one cleans up.
    done(back_up(&room, backup.path())).await;
    super::tables(backup.path());
    drop((restored, gate, looking));
    database.remove().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_leaves_an_empty_database_and_is_run_again() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    done(back_up(&room, backup.path())).await;
    let database = Database::create().await;
    let (mut gate, mut looking) = (database.connect().await, database.connect().await);
    let mut locked = gate.begin().await.expect("a transaction");
    // It may be read, not written.
    sqlx::query("lock table snapshots in share mode").execute(&mut *locked).await.expect("a lock");
    let restoring = begin(restore(backup.path(), &database, &photos.path().join("photos")));
    until_waited_for(&mut looking, "snapshots").await;
    let second = refused(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    assert!(second.contains("another backup or restore is at work"), "{second}");
    kill(restoring).await;
    locked.rollback().await.expect("an end");
    let rows: i64 =
        sqlx::query_scalar("select count(*) from articles").fetch_one(&mut looking).await.expect("a count");
    assert_eq!(rows, 0);
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let mut old = room.database.connect().await;
    assert_eq!(contents(&mut looking).await, contents(&mut old).await);
    drop((gate, looking, old));
    database.remove().await;
    room.close().await;
}
