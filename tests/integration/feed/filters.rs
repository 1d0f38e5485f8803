//! Filters let through what they name, and their checkpoints move on.

use masthead::{admin::Role, pb};
use pb::change::Kind;

use super::{LedgerWatch, Watch, append, from, list, now, open, settled, told, write};
use crate::newsroom::{Newsroom, PAPER, article, mask, picture, upload};

/// Does everything once that changes something; what the feed must say of it.
async fn work(newsroom: &Newsroom) -> Vec<(String, Kind)> {
    let mut desk = newsroom.desk_of("chief", Role::Publisher).await;
    let (issue, article) = newsroom.reviewed_issue(1).await;
    newsroom.publish(&issue).await;
    let page = format!("{}/pages/1", issue.name);
    let photo =
        desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo").into_inner();
    desk.photos.upload_photo(upload(&photo.name, picture())).await.expect("an upload");
    let draft = newsroom.article("草稿").await;
    let returned = newsroom.review(&draft).await;
    let back = pb::ReturnArticleRequest {
        name: returned.name,
        etag: returned.etag,
        reason: "再核".into(),
        ..Default::default()
    };
    desk.articles.return_article(back).await.expect("a return");
    let deletion =
        pb::DeleteArticleRequest { name: draft.name.clone(), etag: "*".into(), ..Default::default() };
    desk.articles.delete_article(deletion).await.expect("a deletion");
    let undeletion = pb::UndeleteArticleRequest { name: draft.name.clone(), ..Default::default() };
    desk.articles.undelete_article(undeletion).await.expect("an undeletion");
    [
        (article.name.clone(), Kind::Created),
        (article.name.clone(), Kind::Reviewed),
        (issue.name.clone(), Kind::Created),
        (page, Kind::Created),
        (issue.name.clone(), Kind::Reviewed),
        (article.name, Kind::Published),
        (issue.name, Kind::Published),
        (photo.name.clone(), Kind::Created),
        (photo.name, Kind::Uploaded),
        (draft.name.clone(), Kind::Created),
        (draft.name.clone(), Kind::Reviewed),
        (draft.name.clone(), Kind::Returned),
        (draft.name.clone(), Kind::Deleted),
        (draft.name, Kind::Undeleted),
    ]
    .into()
}

fn seen(changes: &[pb::Change]) -> Vec<(String, Kind)> {
    changes.iter().map(|change| (change.resource.clone(), change.kind())).collect()
}

#[tokio::test]
async fn filters_let_through_what_they_name_and_nothing_else() {
    let (newsroom, editor) = open().await;
    let watch = now(&editor).await;
    let begin = watch.cursor.clone();
    let done = work(&newsroom).await;
    // Making a token, as the test's desks do, is a change too.
    let (all, end) = settled(&editor, &begin).await;
    let all: Vec<pb::Change> =
        all.into_iter().filter(|change| !change.resource.starts_with("accessTokens/")).collect();
    assert_eq!(seen(&all), done);
    for change in &all {
        let of_paper = !change.resource.starts_with("photos/");
        assert_eq!(change.newspaper, if of_paper { PAPER } else { "" }, "{change:?}");
        assert!(change.change_time.is_some() && !change.person.is_empty(), "{change:?}");
    }
    let (article, issue) = (all[0].resource.clone(), format!("{PAPER}/issues/1"));
    let wanted = |newspaper: &str, kinds: &[Kind], resource: &str| pb::WatchChangesRequest {
        cursor: begin.clone(),
        newspaper: newspaper.into(),
        kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        resource: resource.into(),
        ..Default::default()
    };
    let cases = [
        wanted(PAPER, &[], ""),
        wanted("newspapers/no-such-paper", &[], ""),
        wanted("", &[Kind::Published], ""),
        wanted("", &[Kind::Deleted, Kind::Undeleted], ""),
        wanted("", &[Kind::Withdrawn], ""),
        wanted("", &[], &article),
        wanted("", &[], &issue),
        wanted("", &[], &format!("{issue}/pages/1")),
        wanted("", &[], PAPER),
        wanted("", &[], &format!("{PAPER}/issues/10")),
        wanted(PAPER, &[Kind::Reviewed], &issue),
    ];
    for request in cases {
        let fits = |change: &&pb::Change| {
            let under = format!("{}/", request.resource);
            (request.newspaper.is_empty() || change.newspaper == request.newspaper)
                && (request.kinds.is_empty() || request.kinds.contains(&change.kind))
                && (request.resource.is_empty()
                    || change.resource == request.resource
                    || change.resource.starts_with(&under))
        };
        let expected: Vec<pb::Change> = all.iter().filter(fits).cloned().collect();
        let mut watch = Watch::open(&editor, request.clone()).await.expect("a watch");
        assert_eq!(watch.until(&end).await, expected, "{request:?}");
        let listing = pb::ListChangesRequest {
            cursor: request.cursor.clone(),
            newspaper: request.newspaper.clone(),
            kinds: request.kinds.clone(),
            resource: request.resource.clone(),
            page_size: 500,
        };
        let listed = list(&editor, listing).await;
        assert_eq!((listed.changes, listed.caught_up), (expected, true), "{request:?}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn the_ledger_is_filtered_by_newspaper_kind_and_resource() {
    let (newsroom, _) = open().await;
    let reader = newsroom.desk(Role::Reader).await;
    let mut publisher = newsroom.desk(Role::Publisher).await;
    let mut resources = Vec::new();
    for number in 1..=2 {
        let (issue, _) = newsroom.reviewed_issue(number).await;
        resources.push(newsroom.publish(&issue).await.name);
    }
    let alone = newsroom.review(&newsroom.article("网上先发").await).await;
    let publish = pb::PublishArticleRequest { name: alone.name.clone(), ..Default::default() };
    publisher.articles.publish_article(publish).await.expect("a publication");
    resources.push(alone.name.clone());
    let by_article = pb::publication::Kind::ArticlePublished;
    let request = |newspaper: &str, kinds: Vec<i32>, resource: &str| pb::WatchPublicationsRequest {
        newspaper: newspaper.into(),
        kinds,
        resource: resource.into(),
        ..Default::default()
    };
    let cases = [
        (request("", vec![], ""), resources.clone()),
        (request(PAPER, vec![], ""), resources.clone()),
        (request("newspapers/other", vec![], ""), vec![]),
        (request("", vec![by_article.into()], ""), vec![alone.name.clone()]),
        (request("", vec![], &resources[1]), vec![resources[1].clone()]),
        (request("", vec![], &alone.name), vec![alone.name.clone()]),
    ];
    for (request, expected) in cases {
        let mut watch = LedgerWatch::open(&reader, request.clone()).await.expect("a watch");
        let got: Vec<String> =
            watch.until_checkpoint().await.into_iter().map(|publication| publication.resource).collect();
        assert_eq!(got, expected, "{request:?}");
    }
    newsroom.close().await;
}

#[tokio::test]
async fn a_watch_that_lets_nothing_through_is_told_how_far_it_is() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    append(&mut newsroom.database.connect().await, "newspapers/other", 3_500).await;
    settled(&editor, "").await;
    let request = pb::WatchChangesRequest { kinds: vec![Kind::Deleted.into()], ..Default::default() };
    let mut watch = Watch::open(&editor, request).await.expect("a watch");
    let mut cursors = Vec::new();
    // One after each thousand, and one at the end.
    for _ in 0..4 {
        watch.checkpoint().await;
        cursors.push(watch.cursor.clone());
    }
    cursors.dedup();
    assert_eq!(cursors.len(), 4, "each is further on");
    // What was filtered out may be had with other filters.
    let name = write(&mut reporter, "一篇").await;
    let mut rest = Watch::open(&editor, from(&cursors[3])).await.expect("a watch");
    assert_eq!(rest.change().await.resource, name);
    newsroom.close().await;
}

#[tokio::test]
async fn a_change_of_a_kind_that_is_not_known_yet_is_shown_without_one() {
    let (newsroom, editor) = open().await;
    let mut watch = now(&editor).await;
    let row = "insert into changes (resource, kind, person, change_time) values ('photos/x', 'embroidered', 'a', now())";
    sqlx::query(row).execute(&mut newsroom.database.connect().await).await.expect("a row");
    let change = watch.change().await;
    assert_eq!((change.resource.as_str(), change.kind()), ("photos/x", Kind::Unspecified));
    newsroom.close().await;
}

#[tokio::test]
async fn a_list_goes_page_by_page_through_the_whole_table() {
    let (newsroom, editor) = open().await;
    let mut reporter = newsroom.desk(Role::Reporter).await;
    for number in 0..7 {
        let name = write(&mut reporter, &format!("第{number}篇")).await;
        let changed = pb::Article { name, etag: "*".into(), ..article("改题") };
        let update = pb::UpdateArticleRequest {
            article: Some(changed),
            update_mask: mask(&["headline"]),
            ..Default::default()
        };
        reporter.articles.update_article(update).await.expect("an update");
    }
    settled(&editor, "").await;
    let mut cursor = String::new();
    let mut all = Vec::new();
    loop {
        let page = list(&editor, pb::ListChangesRequest { cursor, page_size: 3, ..Default::default() }).await;
        assert!(page.caught_up || page.changes.len() == 3, "{page:?}");
        all.extend(page.changes.iter().map(told));
        cursor = page.next_cursor;
        if page.caught_up {
            break;
        }
    }
    assert_eq!(all, super::table(&mut newsroom.database.connect().await).await);
    // The last cursor is a place to go on from, with either method.
    let name = write(&mut reporter, "又一篇").await;
    let mut watch = Watch::open(&editor, from(&cursor)).await.expect("a watch");
    assert_eq!(watch.change().await.resource, name);
    newsroom.close().await;
}
