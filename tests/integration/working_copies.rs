//! What is kept in memory of working copies is never served once it is not so any more,
//! whoever has changed what of it, at whichever server.

use std::time::Duration;

use chrono::Utc;
use masthead::{
    admin::Role,
    config::{ReadingSettings, ServiceSettings},
    import::desk::Desk,
    pb,
    photo::files::{Files, Location},
    server::{self, Running},
};
use sqlx::Executor as _;
use tonic::Code;

use crate::newsroom::{Newsroom, PAPER, article, mask};

/// A newsroom whose server keeps working copies, and another server on its database that
/// keeps none.
struct Both {
    room: Newsroom,
    plain: Running,
    /// At the one that keeps.
    keeping: Desk,
    editor: Desk,
    publisher: Desk,
}

impl Both {
    async fn open() -> Both {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        let reading = ReadingSettings { working_cache_mib: 0, ..Default::default() };
        let settings = ServiceSettings { reading, ..Default::default() };
        let files = Files::open(Location::Folder(room.photo_folder())).await.expect("a photo store");
        let plain = server::start_with(([127, 0, 0, 1], 0).into(), room.db.clone(), files, settings);
        let plain = plain.await.expect("a second server");
        let keeping = room.desk_of("kept", Role::Editor).await;
        let address = format!("http://{}", plain.address());
        let editor = Desk::connect(&address, &room.token("editor", Role::Editor).await).await;
        let publisher = Desk::connect(&address, &room.token("publisher", Role::Publisher).await).await;
        let (editor, publisher) = (editor.expect("a desk"), publisher.expect("a desk"));
        Both { room, plain, keeping, editor, publisher }
    }

    /// The article as both servers have it, which is the same.
    async fn read(&mut self, name: &str, after: &str) -> pb::Article {
        let get = || pb::GetArticleRequest { name: name.to_owned() };
        let read = self.editor.articles.get_article(get()).await.expect("it").into_inner();
        // Twice: as it is read anew, and as it is kept from then on.
        for _ in 0..2 {
            let kept = self.keeping.articles.get_article(get()).await.expect("it").into_inner();
            assert_eq!(kept, read, "after it was {after}");
        }
        read
    }

    async fn close(self) {
        self.plain.stop().await.expect("a clean stop");
        self.room.close().await;
    }
}

#[tokio::test]
async fn every_change_at_another_server_is_seen_by_the_next_get() {
    let mut both = Both::open().await;
    let written = both.room.article("桥").await;
    let name = written.name.clone();
    let mut before = both.read(&name, "written").await;
    macro_rules! then {
        ($after:literal, $client:ident.$service:ident.$method:ident($request:expr)) => {
            both.$client.$service.$method($request).await.expect($after);
            let now = both.read(&name, $after).await;
            assert_ne!(now, before, "{} changes something", $after);
            before = now;
        };
    }
    let etag = || "*".to_owned();
    let changed = pb::Article { name: name.clone(), etag: etag(), kicker: "新".into(), ..article("新桥") };
    let update = pb::UpdateArticleRequest {
        article: Some(changed.clone()),
        update_mask: mask(&["headline", "kicker"]),
        ..Default::default()
    };
    then!("updated", editor.articles.update_article(update));
    let review =
        || pb::ReviewArticleRequest { name: name.clone(), etag: etag(), stage: 1, ..Default::default() };
    then!("reviewed", publisher.articles.review_article(review()));
    let back = pb::ReturnArticleRequest { name: name.clone(), reason: "太短".into(), ..Default::default() };
    then!("returned", publisher.articles.return_article(back));
    then!("reviewed", publisher.articles.review_article(review()));
    let stages = |count| pb::UpdateNewspaperRequest {
        newspaper: Some(pb::Newspaper {
            name: PAPER.into(),
            etag: etag(),
            review_stages: count,
            ..Default::default()
        }),
        update_mask: mask(&["review_stages"]),
        ..Default::default()
    };
    then!("asked for one more stage", publisher.newspapers.update_newspaper(stages(2)));
    then!("asked for one stage less", publisher.newspapers.update_newspaper(stages(1)));
    let at = (Utc::now() + chrono::TimeDelta::days(1)).timestamp();
    let publish = |seconds: Option<i64>| pb::PublishArticleRequest {
        name: name.clone(),
        publish_time: seconds.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        ..Default::default()
    };
    then!("scheduled", publisher.articles.publish_article(publish(Some(at))));
    let cancel = pb::CancelArticleScheduleRequest { name: name.clone(), ..Default::default() };
    then!("cancelled", publisher.articles.cancel_article_schedule(cancel));
    then!("published", publisher.articles.publish_article(publish(None)));
    let withdraw =
        pb::WithdrawArticleRequest { name: name.clone(), reason: "有误".into(), ..Default::default() };
    then!("withdrawn", publisher.articles.withdraw_article(withdraw));
    let back =
        pb::RollbackArticleRequest { name: name.clone(), revision: 1, etag: etag(), ..Default::default() };
    then!("rolled back", editor.articles.rollback_article(back));
    assert_eq!(before.headline, "桥");
    both.close().await;
}

#[tokio::test]
async fn what_belongs_to_an_article_and_stands_elsewhere_is_seen_too() {
    let mut both = Both::open().await;
    let (issue, placed) = both.room.reviewed_issue(1).await;
    let name = placed.name;
    both.read(&name, "placed").await;
    let publish = pb::PublishIssueRequest { name: issue.name, ..Default::default() };
    both.publisher.issues.publish_issue(publish).await.expect("an issue");
    both.read(&name, "published with its issue").await;
    let owe =
        pb::OweCorrectionRequest { name: name.clone(), reason: "数字有误".into(), ..Default::default() };
    both.editor.articles.owe_correction(owe).await.expect("a correction");
    let owing = both.read(&name, "owed a correction").await;
    assert!(owing.owed_correction.is_some());
    let cancel =
        pb::CancelOwedCorrectionRequest { name: name.clone(), reason: "无误".into(), ..Default::default() };
    both.editor.articles.cancel_owed_correction(cancel).await.expect("no correction");
    assert_eq!(both.read(&name, "freed of it").await.owed_correction, None);
    both.close().await;
}

#[tokio::test]
async fn deleted_and_merged_people_and_articles_are_seen() {
    let mut both = Both::open().await;
    let mut names = Vec::new();
    for display_name in ["陈岚", "陈嵐"] {
        let reporter = pb::Reporter { display_name: display_name.into(), ..Default::default() };
        let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        names.push(both.editor.reporters.create_reporter(create).await.expect("one").into_inner().name);
    }
    let byline = pb::Byline { reporter: names[1].clone(), ..Default::default() };
    let signed = pb::Article { bylines: vec![byline], ..article("桥") };
    let create = pb::CreateArticleRequest { article: Some(signed), ..Default::default() };
    let name = both.editor.articles.create_article(create).await.expect("an article").into_inner().name;
    both.read(&name, "written").await;
    let merge = pb::MergeReportersRequest {
        name: names[1].clone(),
        etag: "*".into(),
        into: names[0].clone(),
        ..Default::default()
    };
    both.editor.reporters.merge_reporters(merge).await.expect("a merge");
    assert_eq!(both.read(&name, "merged").await.bylines[0].reporter, names[0]);
    let delete = pb::DeleteArticleRequest { name: name.clone(), ..Default::default() };
    both.editor.articles.delete_article(delete).await.expect("deleted");
    assert!(both.read(&name, "deleted").await.delete_time.is_some());
    let back = pb::UndeleteArticleRequest { name: name.clone(), ..Default::default() };
    both.editor.articles.undelete_article(back).await.expect("undeleted");
    assert!(both.read(&name, "undeleted").await.delete_time.is_none());
    both.close().await;
}

#[tokio::test]
async fn a_version_that_a_database_counts_again_after_it_was_rolled_back_is_another_one() {
    let mut both = Both::open().await;
    let name = both.room.article("桥").await.name;
    let kept = both.read(&name, "written").await;
    let other = "update articles set content = jsonb_set(content, '{headline}', '\"路\"'),
                        update_time = update_time + interval '1 second'";
    both.room.database.connect().await.execute(other).await.expect("another past");
    let now = both.read(&name, "written otherwise").await;
    assert_eq!((now.headline.as_str(), now.etag), ("路", kept.etag));
    both.close().await;
}

#[tokio::test]
async fn a_kept_article_that_is_gone_is_not_found() {
    let mut both = Both::open().await;
    let written = both.room.article("桥").await;
    both.read(&written.name, "written").await;
    let gone = "delete from article_search; delete from article_revisions; delete from articles";
    both.room.database.connect().await.execute(gone).await.expect("nothing left");
    let get = pb::GetArticleRequest { name: written.name };
    let status = both.keeping.articles.get_article(get).await.expect_err("it is gone");
    assert_eq!(status.code(), Code::NotFound);
    both.close().await;
}

#[tokio::test]
async fn what_is_kept_is_not_served_while_the_database_cannot_say_that_it_stands() {
    let mut both = Both::open().await;
    let name = both.room.article("桥").await.name;
    both.read(&name, "written").await;
    let mut lock = both.room.database.connect().await;
    lock.execute("begin; lock table articles in access exclusive mode").await.expect("a lock");
    let get = both.keeping.articles.get_article(pb::GetArticleRequest { name });
    tokio::time::timeout(Duration::from_millis(500), get).await.expect_err("it waits for the database");
    drop(lock);
    both.close().await;
}
