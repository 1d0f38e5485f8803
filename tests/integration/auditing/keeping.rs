//! What a mutation leaves, how it is found, and that it stays.

use masthead::{
    admin::Role,
    config::{AccessSettings, ServiceSettings},
    pb,
};
use uuid::Uuid;

use super::events;
use crate::newsroom::{Newsroom, PAPER, article, reason};

#[tokio::test]
async fn a_mutation_leaves_who_what_when_and_from_where() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let mut reporter = newsroom.desk_of("林晓", Role::Reporter).await;
    let request_id = Uuid::now_v7().to_string();
    let create = pb::CreateArticleRequest {
        article: Some(article("开渔")),
        request_id: request_id.clone(),
        ..Default::default()
    };
    let answer = reporter.articles.create_article(create.clone()).await.expect("an article");
    let call =
        answer.metadata().get("x-request-id").expect("the id of the call").to_str().expect("text").to_owned();
    let made = answer.into_inner();
    // Neither a repetition nor a rehearsal nor a read leaves a row.
    reporter.articles.create_article(create).await.expect("the same");
    let rehearsal = pb::CreateArticleRequest {
        article: Some(article("彩排")),
        validate_only: true,
        ..Default::default()
    };
    reporter.articles.create_article(rehearsal).await.expect("a rehearsal");
    let wrong = pb::CreateArticleRequest { validate_only: true, ..Default::default() };
    reporter.articles.create_article(wrong).await.expect_err("nothing is in it");
    let get = pb::GetArticleRequest { name: made.name.clone() };
    reporter.articles.get_article(get).await.expect("it");
    let signed = newsroom.review(&made).await;

    let rows = events(&newsroom, "", &made.name).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let created = &rows[1];
    assert_eq!(created.person, "林晓");
    assert_eq!(created.role(), pb::Role::Reporter);
    assert_eq!(created.method, "CreateArticle");
    assert_eq!(created.peer, "127.0.0.1");
    assert_eq!((created.call_id.as_str(), created.request_id.as_str()), (call.as_str(), request_id.as_str()));
    assert_eq!((created.code.as_str(), created.reason.as_str()), ("OK", ""));
    assert_eq!((created.digest_before.as_str(), &created.digest_after), ("", &made.content_digest));
    assert_eq!(created.event_time, made.create_time);
    let reviewed = &rows[0];
    assert_eq!((reviewed.person.as_str(), reviewed.method.as_str()), ("editor", "ReviewArticle"));
    assert_eq!(reviewed.digest_after, signed.content_digest);
    newsroom.close().await;
}

#[tokio::test]
async fn rows_are_found_by_what_is_asked_and_page_by_page() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let (issue, _) = newsroom.reviewed_issue(4150).await;
    newsroom.publish(&issue).await;
    let published = events(&newsroom, "method = \"PublishIssue\"", "").await;
    assert!(published.len() >= 2 && published.iter().all(|row| row.role() == pb::Role::Publisher));
    let under = events(&newsroom, "", PAPER).await;
    assert!(under.iter().all(|row| row.resource == PAPER || row.resource.starts_with(&format!("{PAPER}/"))));
    assert!(under.iter().any(|row| row.resource == issue.name), "what is under it too");
    let of_role = events(&newsroom, "role = EDITOR AND code = OK", "").await;
    assert!(!of_role.is_empty() && of_role.iter().all(|row| row.person == "editor"));
    assert!(events(&newsroom, "event_time < \"2020-01-01T00:00:00Z\"", "").await.is_empty());
    let call = published[0].call_id.clone();
    let of_call = events(&newsroom, &format!("call_id = \"{call}\""), "").await;
    assert_eq!(of_call.len(), published.len(), "one call, a row for each resource");

    let mut operator = newsroom.desk(Role::Operator).await;
    let all = events(&newsroom, "event_time >= \"2020-01-01T00:00:00Z\"", "").await;
    let newest: i64 = all[0].name.trim_start_matches("auditEvents/").parse().expect("a number");
    let (mut page_token, mut seen) = (String::new(), Vec::new());
    loop {
        let list = pb::ListAuditEventsRequest { page_size: 3, page_token, ..Default::default() };
        let listed = operator.admin.list_audit_events(list).await.expect("a page").into_inner();
        seen.extend(listed.audit_events.into_iter().map(|row| row.name));
        page_token = listed.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    // The tokens of the desks that listed came later.
    let older =
        |name: &String| name.trim_start_matches("auditEvents/").parse::<i64>().expect("a number") <= newest;
    let seen: Vec<String> = seen.into_iter().filter(older).collect();
    assert_eq!(seen, all.into_iter().map(|row| row.name).collect::<Vec<_>>());
    let wrong = pb::ListAuditEventsRequest { filter: "secret = 1".into(), ..Default::default() };
    let status = operator.admin.list_audit_events(wrong).await.expect_err("no such field");
    assert_eq!(reason(&status), "INVALID_FIELD");
    newsroom.close().await;
}

#[tokio::test]
async fn the_database_lets_nobody_change_or_remove_a_row() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    // The role of the service itself.
    let mut connection = newsroom.db.read().await.expect("a connection");
    for statement in [
        "update audit_events set person = 'nobody'",
        "delete from audit_events",
        "delete from audit_events where id = 1",
        "truncate audit_events",
    ] {
        let refused = sqlx::query(statement).execute(&mut *connection).await;
        let refused = refused.expect_err(statement).to_string();
        assert!(refused.contains("audit_events"), "{statement}: {refused}");
    }
    drop(connection);
    assert!(!events(&newsroom, "method = \"CreateNewspaper\"", "").await.is_empty());
    newsroom.close().await;
}

#[tokio::test]
async fn rows_past_their_retention_are_removed_and_younger_ones_are_not() {
    let access = AccessSettings { audit_retention_days: 200, ..AccessSettings::default() };
    let settings = ServiceSettings { access, ..Default::default() };
    let database = crate::newsroom::Database::create().await;
    let mut connection = database.connect().await;
    sqlx::query(
        "insert into audit_events (event_time, person, role, method, resource)
         select now() - make_interval(days => age), 'somebody', 'editor', 'UpdateArticle', 'articles/' || age
         from unnest(array[1, 183, 199, 201, 1000]) age",
    )
    .execute(&mut connection)
    .await
    .expect("rows");
    let newsroom = Newsroom::on_with(database, settings).await;
    let left = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let sql = "select resource from audit_events where person = 'somebody' order by id";
            let left: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("rows");
            if left.len() < 5 {
                return left;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    assert_eq!(left.await.expect("a sweep"), ["articles/1", "articles/183", "articles/199"]);
    newsroom.close().await;
}
