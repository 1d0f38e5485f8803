//! The indexes can be made anew while the service runs.

use futures::TryStreamExt;
use masthead::{admin::Role, pb, pb::rebuild_search_index_response::Index};
use sqlx::PgConnection;
use tonic::Code;

use super::Stage;
use crate::newsroom::{Newsroom, reason};

async fn entries(connection: &mut PgConnection) -> Vec<String> {
    let sql = "select jsonb_build_array('a', article, newspaper, day, headline, column_name, bylines, folded, grams)::text
               from article_search
               union all
               select jsonb_build_array('p', article, newspaper, day, headline, column_name, bylines, folded, grams)::text
               from published_article_search
               union all
               select jsonb_build_array('f', photo, folded, grams, creators, places, keywords)::text from photo_search
               order by 1";
    sqlx::query_scalar(sql).fetch_all(connection).await.expect("entries")
}

async fn filled() -> Stage {
    let mut stage = Stage::open().await;
    stage.room.photo("龍舟").await;
    stage.headed("还在写").await;
    let deleted = stage.headed("删去").await;
    let delete = pb::DeleteArticleRequest { name: deleted.name, ..Default::default() };
    stage.editor.articles.delete_article(delete).await.expect("a deletion");
    let article = stage.headed("龙舟开赛").await;
    let article = stage.room.review(&article).await;
    let issue = stage.room.issue(7, &[&article]).await;
    let issue = stage.room.review_issue(&issue).await;
    stage.room.publish(&issue).await;
    stage
}

#[tokio::test]
async fn a_rebuild_makes_every_entry_as_it_was() {
    let stage = filled().await;
    let mut connection = stage.room.database.connect().await;
    let before = entries(&mut connection).await;
    assert_eq!(before.len(), 4);
    // All that can be lost, and what belongs to nothing.
    for damage in [
        "insert into article_search select id, newspaper, '1999-01-01', 'x', 'x', 'x', 'x', '{1}' from articles
         on conflict (article) do update set folded = 'x', grams = '{1}', day = '1999-01-01'",
        "delete from published_article_search",
        "update photo_search set folded = 'x', grams = '{x}'",
    ] {
        sqlx::query(damage).execute(&mut connection).await.expect("damage");
    }
    assert_ne!(entries(&mut connection).await, before);
    let mut operator = stage.room.desk(Role::Operator).await;
    let rebuilding = operator.admin.rebuild_search_index(pb::RebuildSearchIndexRequest {}).await;
    let steps: Vec<pb::RebuildSearchIndexResponse> =
        rebuilding.expect("a rebuild").into_inner().try_collect().await.expect("progress");
    let last_of = |index: Index| steps.iter().rfind(|step| step.index() == index).expect("a step");
    for (index, count) in [(Index::Articles, 3), (Index::PublishedArticles, 1), (Index::Photos, 1)] {
        let last = last_of(index);
        assert_eq!((last.done_count, last.total_count), (count, count));
    }
    assert_eq!(steps.iter().filter(|step| step.finished).count(), 1);
    assert!(steps.last().expect("a step").finished);
    assert_eq!(entries(&mut connection).await, before);
    stage.close().await;
}

#[tokio::test]
async fn one_rebuild_runs_at_a_time_and_a_caller_who_hangs_up_stops_it() {
    let stage = filled().await;
    let mut operator = stage.room.desk(Role::Operator).await;
    let mut other = stage.room.desk(Role::Operator).await;
    // Rows that the rebuild waits for.
    let mut connection = stage.room.database.connect().await;
    sqlx::query("begin").execute(&mut connection).await.expect("a transaction");
    sqlx::query("select id from articles for update").execute(&mut connection).await.expect("locks");
    let request = || pb::RebuildSearchIndexRequest {};
    let running = operator.admin.rebuild_search_index(request()).await.expect("a rebuild");
    let refused = other.admin.rebuild_search_index(request()).await.expect_err("a refusal");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "REBUILD_RUNNING".into()));
    drop(running);
    sqlx::query("rollback").execute(&mut connection).await.expect("the end");
    for _ in 0..200 {
        if let Ok(rebuilding) = other.admin.rebuild_search_index(request()).await {
            let steps: Vec<_> = rebuilding.into_inner().try_collect().await.expect("progress");
            assert!(steps.last().expect("a step").finished);
            return stage.close().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the lock was never given back");
}

#[tokio::test]
async fn what_was_written_before_there_was_a_search_is_found_after_the_next_start() {
    let stage = filled().await;
    let mut connection = stage.room.database.connect().await;
    let before = entries(&mut connection).await;
    let room = stage
        .room
        .closed_while(async {
            for sql in [
                "delete from article_search",
                "delete from published_article_search",
                "delete from search_indexes",
            ] {
                sqlx::query(sql).execute(&mut connection).await.expect("the past");
            }
        })
        .await;
    for _ in 0..200 {
        if entries(&mut connection).await == before {
            return Newsroom::close(room).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the entries were never made");
}
