//! A backup is of one moment, whatever goes on meanwhile.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use masthead::{admin::Role, pb};
use sqlx::{Connection, PgConnection};

use super::{
    back_up, begin, busy_newsroom, check, contents, done, files, folders, photo, refused, restore,
    until_waited_for,
};
use crate::{
    newsroom::{Database, Newsroom, article, mask},
    photo_files::files_below,
};

/// Writes articles and changes them until it is told to stop.
async fn work(room: Arc<Newsroom>, person: String, ended: Arc<AtomicBool>, saved: Arc<AtomicUsize>) {
    let mut desk = room.desk_of(&person, Role::Reporter).await;
    while !ended.load(Ordering::SeqCst) {
        let create =
            pb::CreateArticleRequest { article: Some(article("边写边备份")), ..Default::default() };
        let mut written = desk.articles.create_article(create).await.expect("an article").into_inner();
        for round in 0..3 {
            let update = pb::UpdateArticleRequest {
                article: Some(pb::Article { headline: format!("改第{round}次"), ..written }),
                update_mask: mask(&["headline"]),
                ..Default::default()
            };
            written = desk.articles.update_article(update).await.expect("a change").into_inner();
            saved.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// How many rows each transaction has in the feed and in the audit.
async fn transactions(connection: &mut PgConnection) -> HashMap<String, i64> {
    let rows = "select transaction::text, count(*) from changes group by 1";
    sqlx::query_as(rows).fetch_all(connection).await.expect("changes").into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_writers_and_publishers_holds_whole_transactions_only() {
    let room = Arc::new(busy_newsroom().await);
    let (ended, saved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writers: Vec<_> = (0..4)
        .map(|writer| tokio::spawn(work(room.clone(), format!("记者{writer}"), ended.clone(), saved.clone())))
        .collect();
    let (publisher, stop) = (room.clone(), ended.clone());
    writers.push(tokio::spawn(async move {
        for number in 3.. {
            let (issue, _) = publisher.reviewed_issue(number).await;
            publisher.publish(&issue).await;
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
    }));
    while saved.load(Ordering::SeqCst) < 10 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (backup, photos) = folders();
    // The backup stops in the middle until more has been written than before.
    let mut gate = room.database.connect().await;
    let mut locked = gate.begin().await.expect("a transaction");
    sqlx::query("lock table redactions in access exclusive mode")
        .execute(&mut *locked)
        .await
        .expect("a lock");
    let mut backing_up = begin(back_up(&room, backup.path()));
    let mut looking = room.database.connect().await;
    until_waited_for(&mut looking, "redactions").await;
    let at_the_gate = saved.load(Ordering::SeqCst);
    while saved.load(Ordering::SeqCst) < at_the_gate + 20 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    locked.rollback().await.expect("an end");
    let ended_well = tokio::task::spawn_blocking(move || backing_up.wait()).await.expect("a thread");
    assert!(ended_well.expect("a backup").success());
    ended.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("a writer");
    }

    let database = Database::create_empty().await;
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let mut restored = database.connect().await;
    let (was, is) = (transactions(&mut looking).await, transactions(&mut restored).await);
    assert!(is.len() < was.len(), "more has been written since: {} of {}", is.len(), was.len());
    for (transaction, rows) in &is {
        assert_eq!(was.get(transaction), Some(rows), "transaction {transaction} is whole");
    }
    // Tables that one transaction writes agree, also those behind the gate.
    for torn in [
        "select count(*) from articles a where not exists
             (select from article_revisions r where r.article = a.id and r.revision = a.revision)",
        "select count(*) from article_revisions r where not exists
             (select from articles a where a.id = r.article and a.revision >= r.revision)",
        "select count(*) from changes c where not exists
             (select from audit_events e where e.resource = c.resource and e.event_time = c.change_time)",
        "select count(*) from publications p where not exists (select from snapshots s where s.publication = p.sequence)",
        "select (select sequence from ledger_head) - (select max(sequence) from publications)",
        "select count(*) from articles a where not exists (select from article_search s where s.article = a.id)",
        "select count(*) from issues i where i.state = 'published' and not exists
             (select from published_issues p where p.newspaper = i.newspaper and p.id = i.id)",
    ] {
        let count: i64 = sqlx::query_scalar(torn).fetch_one(&mut restored).await.expect("a count");
        assert_eq!(count, 0, "{torn}");
    }
    drop((restored, looking, gate));
    database.remove().await;
    Arc::into_inner(room).expect("nobody else").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_purged_while_a_backup_runs_is_in_neither_part_of_it() {
    let room = busy_newsroom().await;
    let doomed = photo(&room, 11).await;
    let (backup, photos) = folders();
    let mut gate = room.database.connect().await;
    let mut locked = gate.begin().await.expect("a transaction");
    sqlx::query("lock table redactions in access exclusive mode")
        .execute(&mut *locked)
        .await
        .expect("a lock");
    let mut backing_up = begin(back_up(&room, backup.path()));
    let mut looking = room.database.connect().await;
    until_waited_for(&mut looking, "redactions").await;
    // The backup looks at the time before; the file is gone when it comes for it.
    let mut publisher = room.desk(Role::Publisher).await;
    let delete = pb::DeletePhotoRequest { name: doomed.name.clone(), ..Default::default() };
    publisher.photos.delete_photo(delete).await.expect("a deletion");
    let before = files_below(&room.photo_folder().join("sha256")).len();
    let purge = pb::PurgePhotoRequest { name: doomed.name.clone(), ..Default::default() };
    publisher.photos.purge_photo(purge).await.expect("a purge");
    assert_eq!(files_below(&room.photo_folder().join("sha256")).len(), before - 1);
    locked.rollback().await.expect("an end");
    let ended_well = tokio::task::spawn_blocking(move || backing_up.wait()).await.expect("a thread");
    assert!(ended_well.expect("a backup").success());
    super::tables(backup.path());

    let database = Database::create_empty().await;
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let mut restored = database.connect().await;
    assert_eq!(contents(&mut restored).await, contents(&mut looking).await);
    drop((restored, looking, gate));
    database.remove().await;
    room.close().await;
}

/// Where the store of a newsroom keeps the file of a photo.
fn file_of(room: &Newsroom, photo: &pb::Photo) -> PathBuf {
    let digest = &photo.file.as_ref().expect("a file").sha256;
    room.photo_folder().join("sha256").join(&digest[..2]).join(&digest[2..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_the_store_has_lost_is_named_and_the_rest_is_backed_up() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    let lost = photo(&room, 12).await;
    let digest = lost.file.clone().expect("a file").sha256;
    std::fs::remove_file(file_of(&room, &lost)).expect("a loss");
    let said = refused(back_up(&room, backup.path())).await;
    assert!(said.contains("the backup is made, but 1 photos are in use") && said.contains(&digest), "{said}");

    let (database, store) = (Database::create_empty().await, photos.path().join("photos"));
    let said = refused(restore(backup.path(), &database, &store)).await;
    assert!(said.contains(&digest), "{said}");
    let nothing = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    let mut restored = database.connect().await;
    assert_eq!(sqlx::query_scalar::<_, i64>(nothing).fetch_one(&mut restored).await.expect("a count"), 0);
    let mut with_what_there_is = restore(backup.path(), &database, &store);
    with_what_there_is.arg("--without-lacking-photos");
    let said = refused(with_what_there_is).await;
    assert!(said.contains("restored, but not proven: 1 photos are missing"), "{said}");
    assert_eq!(contents(&mut restored).await, contents(&mut room.database.connect().await).await);
    assert_eq!(files(&store.join("sha256")).len(), 2);
    drop(restored);
    database.remove().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_the_store_has_lost_since_the_last_backup_stays_in_the_next() {
    let room = busy_newsroom().await;
    let (backup, _) = folders();
    let (lost, rotten) = (photo(&room, 12).await, photo(&room, 13).await);
    done(back_up(&room, backup.path())).await;
    std::fs::remove_file(file_of(&room, &lost)).expect("a loss");
    std::fs::write(file_of(&room, &rotten), b"rotten").expect("damage");
    done(back_up(&room, backup.path())).await;
    done(check(backup.path())).await;
    assert_eq!(files(&backup.path().join("photos")).len(), 4);
    room.close().await;
}
