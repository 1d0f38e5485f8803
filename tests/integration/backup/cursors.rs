//! Whoever has read further than the backup went is told so, not misled.

use masthead::{admin::Role, pb};
use tonic::Code;

use super::{back_up, busy_newsroom, desk_at, done, folders, restore};
use crate::{
    feed::{LedgerWatch, Watch, from, settled},
    newsroom::{Database, Newsroom, reason},
};

#[tokio::test(flavor = "multi_thread")]
async fn cursors_from_after_the_backup_are_refused_also_when_as_much_has_happened_again() {
    let room = busy_newsroom().await;
    let (backup, photos) = folders();
    let token = room.token("编辑", Role::Editor).await;
    let old = desk_at(&room, &token).await;
    let mut watch = LedgerWatch::from(&old, "").await.expect("a watch");
    assert_eq!(watch.until_checkpoint().await.len(), 6);
    let ledger_then = watch.cursor.clone();
    done(back_up(&room, backup.path())).await;
    for number in [3, 4] {
        let (issue, _) = room.reviewed_issue(number).await;
        room.publish(&issue).await;
    }
    let mut watch = LedgerWatch::from(&old, &ledger_then).await.expect("a watch");
    assert_eq!(watch.publication().await.sequence, 7);
    let ledger_later = watch.cursor.clone();
    let (_, changes_later) = settled(&old, "").await;
    drop((watch, old));

    let database = Database::create_empty().await;
    done(restore(backup.path(), &database, &photos.path().join("photos"))).await;
    let restored = Newsroom::on_restored(database, photos).await;
    for round in 0..2 {
        let desk = desk_at(&restored, &token).await;
        let status = match LedgerWatch::from(&desk, &ledger_later).await {
            Ok(mut watch) => watch.end().await,
            Err(status) => status,
        };
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::OutOfRange, "CURSOR_FOREIGN"),
            "round {round}"
        );
        let list = pb::ListChangesRequest { cursor: changes_later.clone(), ..Default::default() };
        let status = desk.clone().activity.list_changes(list).await.expect_err("a cursor of the future");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::OutOfRange, "CURSOR_FOREIGN"),
            "round {round}"
        );
        let status = match Watch::open(&desk, from(&changes_later)).await {
            Ok(mut watch) => watch.end().await,
            Err(status) => status,
        };
        assert_eq!(reason(&status), "CURSOR_FOREIGN", "round {round}");
        // What was read before the backup is still good.
        let mut going_on = LedgerWatch::from(&desk, &ledger_then).await.expect("a watch");
        if round == 0 {
            assert_eq!(going_on.until_checkpoint().await, []);
            // The same numbers are given again, to other publications.
            for number in [3, 4] {
                let (issue, _) = restored.reviewed_issue(number).await;
                restored.publish(&issue).await;
            }
        } else {
            assert_eq!(going_on.publication().await.sequence, 7);
        }
    }
    restored.close().await;
    room.close().await;
}
