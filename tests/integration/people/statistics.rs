//! 发稿统计: what a reporter has signed, by month.

use masthead::{admin::Role, pb};
use sqlx::PgConnection;
use tonic::Code;

use super::Stage;
use crate::newsroom::{date, reason};

impl Stage {
    /// What is counted of these months: created and published.
    async fn counts(
        &mut self,
        reporter: &pb::Reporter,
        from: (i32, i32),
        until: (i32, i32),
    ) -> Vec<(i32, i32, i32, i32)> {
        let request = pb::GetReporterStatisticsRequest {
            name: reporter.name.clone(),
            from: Some(date(from.0, from.1, 0)),
            until: Some(date(until.0, until.1, 0)),
        };
        self.statistics(request).await
    }

    async fn statistics(&mut self, request: pb::GetReporterStatisticsRequest) -> Vec<(i32, i32, i32, i32)> {
        let name = request.name.clone();
        let answer = self.reporter.reporters.get_reporter_statistics(request).await;
        let answer = answer.expect("a statistics").into_inner();
        assert_eq!(answer.name, name);
        let months = answer.months.into_iter().map(|counted| {
            let month = counted.month.expect("a month");
            assert_eq!(month.day, 0);
            (month.year, month.month, counted.created_articles, counted.published_articles)
        });
        months.collect()
    }
}

/// Sets when an article was created, past the service.
async fn created(past: &mut PgConnection, article: &pb::Article, time: &str) {
    let sql = "update articles set create_time = $2::timestamptz where 'articles/' || id = $1";
    let done = sqlx::query(sql).bind(&article.name).bind(time).execute(past).await.expect("a time");
    assert_eq!(done.rows_affected(), 1);
}

/// Sets when the publications so far that have no set time yet were made, past the
/// service and the guard of the ledger.
async fn published(past: &mut PgConnection, time: &str) {
    let guard = "alter table publications disable trigger publications_append_only";
    sqlx::raw_sql(guard).execute(&mut *past).await.expect("a table without its guard");
    let sql = "update publications set publish_time = $1::timestamptz
               where publish_time > now() - interval '1 hour'";
    let done = sqlx::query(sql).bind(time).execute(past).await.expect("a time");
    assert!(done.rows_affected() > 0);
}

#[tokio::test]
async fn articles_are_counted_in_the_month_of_the_newspaper_in_which_they_were_created() {
    let mut stage = Stage::open().await;
    let mut past = stage.room.database.connect().await;
    let (person, other) = (stage.person("陈岚").await, stage.person("林晓").await);
    let mut publisher = stage.room.desk(Role::Publisher).await;
    let overseas = pb::CreateNewspaperRequest {
        newspaper: Some(pb::Newspaper {
            title: "侨报".into(),
            time_zone: "America/New_York".into(),
            ..Default::default()
        }),
        newspaper_id: "overseas-post".into(),
        ..Default::default()
    };
    publisher.newspapers.create_newspaper(overseas).await.expect("a newspaper");
    for (time, signers) in [
        ("2026-08-31T15:59:59Z", vec![&person]),
        ("2026-08-31T16:00:00Z", vec![&person]),
        ("2026-09-30T15:59:59.999999Z", vec![&other, &person]),
        ("2026-09-30T16:00:00Z", vec![&person, &person]),
        ("2026-09-15T00:00:00Z", vec![&other]),
        ("2026-11-30T16:00:00Z", vec![&person]),
    ] {
        let article = stage.signed(time, &signers).await;
        created(&mut past, &article, time).await;
    }
    // In New York it is still September.
    let article = pb::Article {
        newspaper: "newspapers/overseas-post".into(),
        bylines: super::bylines(&[&person]),
        ..crate::newsroom::article("海外")
    };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let article = stage.reporter.articles.create_article(create).await.expect("an article").into_inner();
    created(&mut past, &article, "2026-10-01T03:59:59Z").await;
    // What was deleted is not counted.
    let deleted = stage.signed("删", &[&person]).await;
    created(&mut past, &deleted, "2026-09-15T00:00:00Z").await;
    let delete = pb::DeleteArticleRequest { name: deleted.name.clone(), ..Default::default() };
    stage.editor.articles.delete_article(delete).await.expect("a deletion");

    let all = [(2026, 8, 1, 0), (2026, 9, 3, 0), (2026, 10, 1, 0), (2026, 11, 0, 0), (2026, 12, 1, 0)];
    assert_eq!(stage.counts(&person, (2026, 8), (2026, 12)).await, all);
    assert_eq!(stage.counts(&person, (2026, 9), (2026, 10)).await, all[1..3]);
    assert_eq!(stage.counts(&person, (2026, 11), (2026, 11)).await, all[3..4]);
    assert_eq!(stage.counts(&other, (2026, 9), (2026, 9)).await, [(2026, 9, 2, 0)]);
    let years = stage.counts(&person, (1977, 1), (2026, 12)).await;
    assert_eq!((years.len(), years[0], &years[595..]), (600, (1977, 1, 0, 0), &all[..]));
    stage.close().await;
}

#[tokio::test]
async fn articles_are_counted_once_in_the_month_in_which_they_were_published_first() {
    let mut stage = Stage::open().await;
    let mut past = stage.room.database.connect().await;
    let (person, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let mut publisher = stage.room.desk(Role::Publisher).await;
    let mut articles = Vec::new();
    for (headline, signer) in [("一", &person), ("二", &person), ("三", &duplicate)] {
        let article = stage.signed(headline, &[signer]).await;
        created(&mut past, &article, "2026-01-10T00:00:00Z").await;
        articles.push(stage.room.review(&article).await);
    }
    stage.signed("未发", &[&person]).await;
    let publish = |article: &pb::Article| pb::PublishArticleRequest {
        name: article.name.clone(),
        ..Default::default()
    };
    publisher.articles.publish_article(publish(&articles[0])).await.expect("a publication");
    published(&mut past, "2026-02-28T15:59:59Z").await;
    publisher.articles.publish_article(publish(&articles[1])).await.expect("a publication");
    publisher.articles.publish_article(publish(&articles[2])).await.expect("a publication");
    published(&mut past, "2026-02-28T16:00:00Z").await;
    // Out again, in an issue.
    let issue = stage.room.issue(7, &[&articles[0], &articles[1]]).await;
    let issue = stage.room.review_issue(&issue).await;
    stage.room.publish(&issue).await;
    published(&mut past, "2026-04-10T00:00:00Z").await;

    let range = ((2026, 1), (2026, 4));
    let mine = [(2026, 1, 2, 0), (2026, 2, 0, 1), (2026, 3, 0, 1), (2026, 4, 0, 0)];
    assert_eq!(stage.counts(&person, range.0, range.1).await, mine);
    // With the duplicate's, once it is known for one.
    stage.merge(&duplicate, &person).await;
    let both = [(2026, 1, 3, 0), (2026, 2, 0, 1), (2026, 3, 0, 2), (2026, 4, 0, 0)];
    assert_eq!(stage.counts(&person, range.0, range.1).await, both);
    let none = [(2026, 1, 0, 0), (2026, 2, 0, 0), (2026, 3, 0, 0), (2026, 4, 0, 0)];
    assert_eq!(stage.counts(&duplicate, range.0, range.1).await, none);
    // What is withdrawn was not published.
    let withdraw = pb::WithdrawArticleRequest {
        name: articles[1].name.clone(),
        reason: "误".into(),
        ..Default::default()
    };
    publisher.articles.withdraw_article(withdraw).await.expect("a withdrawal");
    let left = [(2026, 1, 3, 0), (2026, 2, 0, 1), (2026, 3, 0, 1), (2026, 4, 0, 0)];
    assert_eq!(stage.counts(&person, range.0, range.1).await, left);
    stage.close().await;
}

#[tokio::test]
async fn without_months_the_last_two_years_are_counted() {
    let mut stage = Stage::open().await;
    let person = stage.person("陈岚").await;
    stage.signed("今", &[&person]).await;
    let ask = |from, until| pb::GetReporterStatisticsRequest { name: person.name.clone(), from, until };
    let months = stage.statistics(ask(None, None)).await;
    assert_eq!(months.len(), 24);
    let number = |month: &(i32, i32, i32, i32)| month.0 * 12 + month.1 - 1;
    assert!(months.windows(2).all(|pair| number(&pair[0]) + 1 == number(&pair[1])), "{months:?}");
    let last = months[23];
    assert_eq!((last.2, months.iter().map(|month| month.2).sum::<i32>()), (1, 1), "the current month");
    let (first, last) = (date(months[22].0, months[22].1, 0), date(last.0, last.1, 0));
    assert_eq!(stage.statistics(ask(Some(first), None)).await, months[22..]);
    assert_eq!(stage.statistics(ask(None, Some(last))).await, months);
    let nobody = pb::GetReporterStatisticsRequest {
        name: "reporters/00000000-0000-7000-8000-000000000000".into(),
        ..Default::default()
    };
    let status = stage.reporter.reporters.get_reporter_statistics(nobody).await.expect_err("nobody");
    assert_eq!((status.code(), reason(&status)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    stage.close().await;
}
