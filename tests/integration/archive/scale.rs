//! An archive of decades costs what a small one costs.

use masthead::{admin::Role, pb};
use sqlx::PgConnection;

use super::Press;
use crate::newsroom::{Newsroom, PAPER, date};

/// How often the table was scanned, how often one of its indexes, and how many
/// entries of these were read.
async fn reads(connection: &mut PgConnection) -> (i64, i64, i64) {
    sqlx::query_as(
        "select t.seq_scan, t.idx_scan, (select sum(i.idx_tup_read)::bigint from pg_stat_user_indexes i
                                         where i.relname = 'published_issues')
         from pg_stat_user_tables t where t.relname = 'published_issues'",
    )
    .fetch_one(connection)
    .await
    .expect("the counters")
}

/// Forty years of two papers, past the service, and counters that begin anew.
async fn fill(connection: &mut PgConnection) {
    let others = "select count(*) from pg_stat_activity
                  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut *connection).await.expect("the sessions") > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for sql in [
        "insert into published_issues (newspaper, id, publication, number, publish_date, page_count)
         select paper, n + 1, publication, n + 1, publish_date + n, 8
         from published_issues, generate_series(1, 14999) n,
              unnest(array['morning-post', 'evening-post']) paper",
        "analyze published_issues",
        "select pg_stat_force_next_flush()",
        "select pg_stat_reset()",
    ] {
        sqlx::raw_sql(sql).execute(&mut *connection).await.expect("a statement");
    }
}

#[tokio::test]
async fn no_question_to_the_archive_walks_through_all_of_it() {
    let mut press = Press::open().await;
    press.print(PAPER, "1", 1, (1985, 1, 1)).await;
    let mut beside = press.room.database.connect().await;
    // Without the server, whose connections tell only later that they scanned the
    // table while it had one row, as Postgres sends its counters on seldom.
    press.room = press.room.closed_while(fill(&mut beside)).await;
    press.reader = press.room.desk(Role::Reader).await;

    let middle = (2005, 4, 21);
    let list = pb::ListPublishedIssuesRequest { parent: PAPER.into(), page_size: 20, ..Default::default() };
    // More calls than Postgres takes to settle for a plan that fits all arguments.
    let calls = 8;
    for _ in 0..calls {
        for order_by in ["publish_date", "publish_date desc"] {
            let list = pb::ListPublishedIssuesRequest {
                from_date: Some(date(1995, 1, 1)),
                until_date: Some(date(2015, 1, 1)),
                order_by: order_by.into(),
                ..list.clone()
            };
            let page = press.reader.publications.list_published_issues(list.clone()).await.expect("a page");
            let page = page.into_inner();
            assert_eq!(page.published_issues.len(), 20);
            let list = pb::ListPublishedIssuesRequest { page_token: page.next_page_token, ..list };
            press.reader.publications.list_published_issues(list).await.expect("a page behind it");
        }
        assert_eq!(press.calendar(PAPER, middle.0, middle.1).await.days.len(), 30);
        assert_eq!(press.on_this_day(PAPER, middle, 10).await.len(), 40);
        let (before, after) = press.neighbours(&format!("{PAPER}/issues/7000")).await.expect("neighbours");
        assert_eq!((before.as_str(), after.as_str()), ("6999", "7001"));
        // The bytes are those of the one issue that was published.
        assert_eq!(press.by_number(PAPER, 7000, None).await.expect("an issue"), "1");
    }

    // The server's own connections tell what they read when they end.
    let mut counted = (0, 0, 0);
    let Press { room, .. } = press;
    let room: Newsroom = room
        .closed_while(async {
            for _ in 0..100 {
                counted = reads(&mut beside).await;
                if counted.1 >= calls * 9 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        })
        .await;
    let (scans, index_scans, entries) = counted;
    assert!(index_scans >= calls * 9, "{index_scans} index scans were told of");
    assert_eq!(scans, 0, "the table was scanned");
    // Of 30,000 rows.
    assert!(entries < calls * 600, "{entries} entries read by {calls} rounds");
    drop(beside);
    room.close().await;
}
