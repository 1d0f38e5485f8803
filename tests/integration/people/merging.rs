//! 合并: a duplicate gives way to the real reporter in everything that is being worked
//! on, and in nothing that is published.

use masthead::{admin::Role, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Stage, bylines, merge};
use crate::{
    newsroom::{Newsroom, PAPER, fields, mask, picture, reason, upload},
    verifying::verify,
};

impl Stage {
    async fn photo_by(&mut self, signer: &pb::Reporter) -> pb::Photo {
        let photo = pb::Photo { bylines: bylines(&[signer]), ..Default::default() };
        let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
        self.reporter.photos.create_photo(create).await.expect("a photo").into_inner()
    }

    async fn photo(&mut self, photo: &pb::Photo) -> pb::Photo {
        let get = pb::GetPhotoRequest { name: photo.name.clone() };
        self.reporter.photos.get_photo(get).await.expect("the photo").into_inner()
    }

    async fn merge_refused(&mut self, request: pb::MergeReportersRequest) -> Status {
        let before = self.room.contents().await;
        let trial = pb::MergeReportersRequest { validate_only: true, ..request.clone() };
        let tried = self.editor.reporters.merge_reporters(trial).await.expect_err("a refusal");
        let status = self.editor.reporters.merge_reporters(request).await.expect_err("a refusal");
        assert_eq!((tried.code(), tried.message()), (status.code(), status.message()));
        assert_eq!(self.room.contents().await, before, "{status:?}");
        status
    }

    async fn sign(&mut self, person: &str, article: &pb::Article, stage: i32) -> pb::Article {
        let review = pb::ReviewArticleRequest {
            name: article.name.clone(),
            etag: "*".into(),
            stage,
            remark: format!("由{person}签"),
            ..Default::default()
        };
        let mut desk = self.room.desk_of(person, Role::Editor).await;
        desk.articles.review_article(review).await.expect("a sign-off").into_inner()
    }

    async fn history(&mut self, article: &pb::Article) -> Vec<pb::Review> {
        let list = pb::ListArticleReviewsRequest { parent: article.name.clone(), ..Default::default() };
        self.reporter.articles.list_article_reviews(list).await.expect("reviews").into_inner().reviews
    }
}

/// Whom bylines refer to, and what they print.
fn signers(bylines: &[pb::Byline]) -> Vec<(&str, &str)> {
    bylines.iter().map(|byline| (byline.reporter.as_str(), byline.printed_name.as_str())).collect()
}

#[tokio::test]
async fn a_merge_moves_the_bylines_of_all_working_copies_and_prints_the_same_names() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let other = stage.person("林晓").await;
    let alone = stage.signed("一", &[&duplicate]).await;
    let beside = stage.signed("二", &[&real, &duplicate, &other]).await;
    let elsewhere = stage.signed("三", &[&real, &other]).await;
    let deleted = stage.signed("四", &[&duplicate]).await;
    let delete = pb::DeleteArticleRequest { name: deleted.name.clone(), ..Default::default() };
    stage.editor.articles.delete_article(delete).await.expect("a deletion");
    let taken = stage.photo_by(&duplicate).await;

    stage.merge(&duplicate, &real).await;
    let (r, o) = (real.name.as_str(), other.name.as_str());
    let now = stage.article(&alone).await;
    assert_eq!(signers(&now.bylines), [(r, "陳嵐")]);
    assert_eq!((now.revision, now.body.clone()), (2, alone.body.clone()));
    assert_ne!((&now.etag, &now.content_digest), (&alone.etag, &alone.content_digest));
    let get = pb::GetArticleRevisionRequest { name: format!("{}/revisions/2", alone.name) };
    let revision = stage.reporter.articles.get_article_revision(get).await.expect("a revision").into_inner();
    let snapshot = revision.snapshot.expect("its content");
    assert_eq!((revision.author.as_str(), signers(&snapshot.bylines)), ("editor", vec![(r, "陳嵐")]));
    let now = stage.article(&beside).await;
    assert_eq!(signers(&now.bylines), [(r, "陈岚"), (r, "陳嵐"), (o, "林晓")]);
    assert_eq!(stage.article(&elsewhere).await, elsewhere);
    assert_eq!(signers(&stage.photo(&taken).await.bylines), [(r, "陳嵐")]);
    // A deleted one comes back with the real reporter.
    let undelete = pb::UndeleteArticleRequest { name: deleted.name.clone(), ..Default::default() };
    stage.editor.articles.undelete_article(undelete).await.expect("an undeletion");
    assert_eq!(signers(&stage.article(&deleted).await.bylines), [(r, "陳嵐")]);
    // Whoever held an old etag is told.
    let stale = pb::UpdateArticleRequest {
        article: Some(pb::Article { headline: "改".into(), ..alone }),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    let status = stage.reporter.articles.update_article(stale).await.expect_err("a stale etag");
    assert_eq!(reason(&status), "ETAG_MISMATCH");
    // What is referred to cannot go.
    let delete = pb::DeleteReporterRequest { name: real.name.clone(), ..Default::default() };
    let status = stage.editor.reporters.delete_reporter(delete).await.expect_err("in use");
    assert_eq!(reason(&status), "RESOURCE_IN_USE");
    stage.close().await;
}

#[tokio::test]
async fn the_duplicate_stays_as_a_redirect_and_its_names_become_pen_names() {
    let mut stage = Stage::open().await;
    let given = |name: &str, pen_names: &[&str]| pb::Reporter {
        display_name: name.into(),
        pen_names: pen_names.iter().map(|name| (*name).to_owned()).collect(),
        desk: format!("{name}部"),
        ..Default::default()
    };
    let real = stage.create(given("陈岚", &["江月", "融风"])).await;
    let duplicate = stage.create(given("陳嵐", &["融风", "陈岚", "岚子"])).await;
    let trial = pb::MergeReportersRequest { validate_only: true, ..merge(&duplicate, &real) };
    let before = stage.room.contents().await;
    let tried = stage.editor.reporters.merge_reporters(trial).await.expect("a trial").into_inner();
    assert_eq!(stage.room.contents().await, before);

    let request_id = uuid::Uuid::now_v7().to_string();
    let request = pb::MergeReportersRequest {
        etag: duplicate.etag.clone(),
        request_id: request_id.clone(),
        ..merge(&duplicate, &real)
    };
    let merged = stage.editor.reporters.merge_reporters(request.clone()).await.expect("a merge").into_inner();
    assert_eq!(merged.pen_names, ["江月", "融风", "陳嵐", "岚子"]);
    assert_eq!(
        (&merged.name, &merged.display_name, &merged.desk),
        (&real.name, &real.display_name, &real.desk)
    );
    assert_eq!((&tried.pen_names, &tried.etag), (&merged.pen_names, &merged.etag));
    assert_ne!(merged.etag, real.etag);
    assert_eq!(stage.get(&real).await, merged);
    let gone = stage.get(&duplicate).await;
    assert_eq!((&gone.merged_into, &gone.display_name), (&real.name, &duplicate.display_name));
    assert!(gone.delete_time.is_some());
    assert_ne!(gone.etag, duplicate.etag);
    let again = stage.editor.reporters.merge_reporters(request).await.expect("the same answer").into_inner();
    assert_eq!(again, merged);

    let find = |query: &str| pb::SearchReportersRequest { query: query.into(), ..Default::default() };
    for query in ["岚子", "lanzi", "陳嵐"] {
        let found =
            stage.reporter.reporters.search_reporters(find(query)).await.expect("results").into_inner();
        let found: Vec<String> =
            found.results.into_iter().map(|result| result.reporter.expect("a reporter").name).collect();
        assert_eq!(found, std::slice::from_ref(&real.name), "{query}");
    }
    let listed = stage.reporter.reporters.list_reporters(pb::ListReportersRequest::default()).await;
    assert_eq!(listed.expect("a list").into_inner().reporters, [merged]);
    stage.close().await;
}

#[tokio::test]
async fn states_and_sign_offs_stay_and_are_tied_to_the_new_content() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let mut stage = Stage::of(room).await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let draft = stage.signed("草稿", &[&duplicate]).await;
    let half = stage.signed("初审", &[&duplicate]).await;
    let half = stage.sign("chushen", &half, 1).await;
    let full = stage.signed("终审", &[&duplicate]).await;
    stage.sign("chushen", &full, 1).await;
    let full = stage.sign("zhongshen", &full, 2).await;
    let photo = stage.photo_by(&duplicate).await;
    let file = upload(&photo.name, picture());
    stage.reporter.photos.upload_photo(file).await.expect("a file");
    let review =
        pb::ReviewPhotoRequest { name: photo.name.clone(), etag: "*".into(), stage: 1, ..Default::default() };
    let mut chief = stage.room.desk_of("chief", Role::Publisher).await;
    let photo = chief.photos.review_photo(review).await.expect("a sign-off").into_inner();
    let before = stage.history(&full).await;

    stage.merge(&duplicate, &real).await;
    assert_eq!(stage.article(&draft).await.state(), pb::State::Draft);
    for (was, signed) in [(&half, 1), (&full, 2)] {
        let now = stage.article(was).await;
        assert_eq!(now.state(), was.state(), "{}", was.headline);
        assert_ne!(now.content_digest, was.content_digest);
        let tied: Vec<pb::Review> = was
            .reviews
            .iter()
            .map(|review| pb::Review {
                content_digest: now.content_digest.clone(),
                revision: now.revision,
                ..review.clone()
            })
            .collect();
        assert_eq!((now.reviews.len(), &now.reviews), (signed, &tied));
    }
    let now = stage.photo(&photo).await;
    assert_eq!((now.state(), now.reviews.len()), (pb::State::Reviewed, 1));
    assert_eq!(now.reviews[0].content_digest, now.content_digest);
    assert_ne!(now.content_digest, photo.content_digest);
    assert_eq!(now.reviews[0].reviewer, "chief");

    // What was signed as it was stays in the history.
    let history = stage.history(&full).await;
    let void: Vec<pb::Review> = history.iter().filter(|review| review.void_time.is_some()).cloned().collect();
    let was: Vec<pb::Review> =
        void.iter().map(|review| pb::Review { void_time: None, ..review.clone() }).collect();
    assert_eq!((history.len(), was), (4, before));

    // Nobody has become an author: whoever merged may sign.
    let signed = stage.sign("editor", &half, 2).await;
    assert_eq!(signed.state(), pb::State::Reviewed);
    // And what was reviewed can be published.
    let publish = pb::PublishArticleRequest { name: full.name.clone(), ..Default::default() };
    chief.articles.publish_article(publish).await.expect("a publication");
    let get = pb::GetPublishedArticleRequest { name: full.name.clone(), ..Default::default() };
    let published = chief.publications.get_published_article(get).await.expect("it").into_inner();
    assert_eq!(published.reporters[0].name, real.name);
    stage.close().await;
}

#[tokio::test]
async fn the_feed_and_the_audit_tell_what_was_changed_and_from_what_to_what() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let article = stage.signed("一", &[&duplicate]).await;
    let photo = stage.photo_by(&duplicate).await;
    stage.merge(&duplicate, &real).await;
    let merged = |change: &pb::Change| change.person == "editor";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // A change is listed when no transaction is open any more that began before it.
    let changes = loop {
        let list = stage.editor.activity.list_changes(pb::ListChangesRequest::default()).await;
        let changes = list.expect("changes").into_inner().changes;
        let changes: Vec<pb::Change> = changes.into_iter().filter(merged).collect();
        if !changes.is_empty() {
            break changes;
        }
        assert!(std::time::Instant::now() < deadline, "the merge is not listed");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let changed: Vec<(String, pb::change::Kind, String)> = changes
        .into_iter()
        .map(|change| (change.resource.clone(), change.kind(), change.newspaper))
        .collect();
    use pb::change::Kind::{Deleted, Updated};
    assert_eq!(
        changed,
        [
            (article.name.clone(), Updated, PAPER.to_owned()),
            (photo.name.clone(), Updated, String::new()),
            (duplicate.name.clone(), Deleted, String::new()),
            (real.name.clone(), Updated, String::new()),
        ]
    );
    let mut past = stage.room.database.connect().await;
    let sql = "select resource, encode(digest_before, 'hex'), encode(digest_after, 'hex') from audit_events
               where method = 'MergeReporters' and person = 'editor' and digest_after is not null order by id";
    let audit: Vec<(String, String, String)> =
        sqlx::query_as(sql).fetch_all(&mut past).await.expect("an audit");
    let (article_now, photo_now) = (stage.article(&article).await, stage.photo(&photo).await);
    assert_eq!(
        audit,
        [
            (article.name, article.content_digest, article_now.content_digest),
            (photo.name, photo.content_digest, photo_now.content_digest),
        ]
    );
    stage.close().await;
}

#[tokio::test]
async fn a_byline_written_later_leads_to_the_end_of_the_chain() {
    let mut stage = Stage::open().await;
    let people = ["甲一", "乙二", "丙三", "丁四"];
    let mut chain = Vec::new();
    for name in people {
        chain.push(stage.person(name).await);
    }
    let [first, second, third, last] = chain.as_slice() else { panic!("four people") };
    let early = stage.signed("早", &[first]).await;
    stage.merge(first, second).await;
    stage.merge(second, third).await;
    stage.merge(third, last).await;
    for duplicate in [first, second, third] {
        assert_eq!(stage.get(duplicate).await.merged_into, last.name);
    }
    assert_eq!(stage.get(last).await.pen_names, ["丙三", "乙二", "甲一"]);
    let end = last.name.as_str();
    assert_eq!(signers(&stage.article(&early).await.bylines), [(end, "甲一")]);
    // Without a name to print, the real one's; all of them in one article too.
    let late = stage.signed("晚", &[first, last, third]).await;
    assert_eq!(signers(&late.bylines), [(end, "丁四"), (end, "丁四"), (end, "丁四")]);
    assert_eq!(signers(&stage.article(&late).await.bylines), signers(&late.bylines));
    let named = vec![pb::Byline {
        reporter: second.name.clone(),
        printed_name: "乙二".into(),
        role: pb::byline::Role::Reporter.into(),
    }];
    let update = pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: late.name.clone(),
            etag: "*".into(),
            bylines: named.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let updated = stage.reporter.articles.update_article(update).await.expect("an update").into_inner();
    assert_eq!(signers(&updated.bylines), [(end, "乙二")]);
    let photo = pb::Photo { bylines: named, ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    let photo = stage.reporter.photos.create_photo(create).await.expect("a photo").into_inner();
    assert_eq!(signers(&photo.bylines), [(end, "乙二")]);
    // A revision from before is gone back to with the real reporter.
    let roll_back = pb::RollbackArticleRequest {
        name: early.name.clone(),
        revision: 1,
        etag: "*".into(),
        ..Default::default()
    };
    let back = stage.reporter.articles.rollback_article(roll_back).await.expect("revision 1").into_inner();
    assert_eq!(signers(&back.bylines), [(end, "甲一")]);
    stage.close().await;
}

#[tokio::test]
async fn a_merge_that_makes_no_sense_is_refused_with_what_stands_against_it() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let (merged, deleted) = (stage.person("岚子").await, stage.person("林晓").await);
    stage.merge(&merged, &real).await;
    stage.delete(&deleted).await;
    let nobody =
        pb::Reporter { name: "reporters/00000000-0000-7000-8000-000000000000".into(), ..Default::default() };
    for (from, into, code, why, named) in [
        (&nobody, &real, Code::NotFound, "RESOURCE_NOT_FOUND", &nobody),
        (&duplicate, &nobody, Code::NotFound, "RESOURCE_NOT_FOUND", &nobody),
        (&deleted, &real, Code::FailedPrecondition, "RESOURCE_DELETED", &deleted),
        (&duplicate, &deleted, Code::FailedPrecondition, "RESOURCE_DELETED", &deleted),
        (&merged, &duplicate, Code::FailedPrecondition, "REPORTER_MERGED", &merged),
        (&merged, &real, Code::FailedPrecondition, "REPORTER_MERGED", &merged),
        (&duplicate, &merged, Code::FailedPrecondition, "REPORTER_MERGED", &merged),
        // In a circle.
        (&real, &merged, Code::FailedPrecondition, "REPORTER_MERGED", &merged),
    ] {
        let status = stage.merge_refused(merge(from, into)).await;
        assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{status:?}");
        let details = status.get_error_details();
        assert_eq!(details.resource_info().map(|info| &info.resource_name), Some(&named.name), "{status:?}");
        let told = details.error_info().and_then(|info| info.metadata.get("merged_into"));
        assert_eq!(told, (why == "REPORTER_MERGED").then_some(&real.name));
    }
    let status = stage.merge_refused(merge(&real, &real)).await;
    assert_eq!((reason(&status), fields(&status)), ("INVALID_FIELD".into(), vec!["into".into()]));
    let stale = pb::MergeReportersRequest { etag: "\"99\"".into(), ..merge(&duplicate, &real) };
    let status = stage.merge_refused(stale).await;
    assert_eq!((status.code(), reason(&status)), (Code::Aborted, "ETAG_MISMATCH".into()));
    let told = status.get_error_details().error_info().and_then(|info| info.metadata.get("etag").cloned());
    assert_eq!(told, Some(duplicate.etag.clone()));
    let pen_names = (0..20).map(|number| format!("笔名{number}")).collect();
    let full =
        stage.create(pb::Reporter { display_name: "陈".into(), pen_names, ..Default::default() }).await;
    let status = stage.merge_refused(merge(&duplicate, &full)).await;
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
    assert!(status.message().contains("21 pen names"), "{status:?}");
    stage.close().await;
}

#[tokio::test]
async fn a_merged_duplicate_does_not_come_back() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    stage.merge(&duplicate, &real).await;
    let before = stage.room.contents().await;
    let undelete = pb::UndeleteReporterRequest { name: duplicate.name.clone(), ..Default::default() };
    let undeleted = stage.editor.reporters.undelete_reporter(undelete).await;
    let renamed = pb::Reporter { display_name: "陈兰".into(), etag: "*".into(), ..duplicate.clone() };
    let update = pb::UpdateReporterRequest { reporter: Some(renamed), ..Default::default() };
    let updated = stage.editor.reporters.update_reporter(update).await;
    for status in [undeleted.expect_err("a refusal"), updated.expect_err("a refusal")] {
        assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "REPORTER_MERGED".into()));
        assert!(status.message().contains(&real.name), "{status:?}");
    }
    let delete = pb::DeleteReporterRequest { name: duplicate.name.clone(), ..Default::default() };
    let status = stage.editor.reporters.delete_reporter(delete).await.expect_err("gone already");
    assert_eq!(reason(&status), "RESOURCE_NOT_FOUND");
    assert_eq!(stage.room.contents().await, before);
    // Where the real one is deleted, a duplicate of it signs no more than itself.
    stage.delete(&real).await;
    let article = pb::Article { bylines: bylines(&[&duplicate]), ..crate::newsroom::article("题") };
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let status = stage.reporter.articles.create_article(create).await.expect_err("nobody signs");
    assert_eq!(fields(&status), ["article.bylines[0].reporter"]);
    stage.close().await;
}

/// Every table that holds what is published, as it is.
async fn sealed(room: &Newsroom) -> Vec<(String, String)> {
    let kept = ["publications", "snapshots", "published_articles", "published_issues", "redactions"];
    let more = ["publication_articles", "publication_photos", "ledger_head"];
    let contents = room.contents().await;
    let sealed: Vec<(String, String)> = contents
        .into_iter()
        .filter(|(table, _)| kept.contains(&&**table) || more.contains(&&**table))
        .collect();
    assert_eq!(sealed.len(), kept.len() + more.len());
    sealed
}

#[tokio::test]
async fn what_is_published_keeps_every_byte_and_stays_published() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let article = stage.signed("头条", &[&duplicate]).await;
    let article = stage.room.review(&article).await;
    let mut issues = Vec::new();
    for number in [1, 2] {
        let issue = stage.room.issue(number, &[&article]).await;
        let issue = stage.room.review_issue(&issue).await;
        issues.push(stage.room.publish(&issue).await);
    }
    let mut past = stage.room.database.connect().await;
    let snapshots = "select bytes from snapshots order by publication";
    let before: Vec<Vec<u8>> = sqlx::query_scalar(snapshots).fetch_all(&mut past).await.expect("snapshots");
    let tables = sealed(&stage.room).await;
    stage.merge(&duplicate, &real).await;
    let after: Vec<Vec<u8>> = sqlx::query_scalar(snapshots).fetch_all(&mut past).await.expect("snapshots");
    assert_eq!((before.len(), before), (2, after));
    assert_eq!(sealed(&stage.room).await, tables);
    let mut publisher = stage.room.desk(Role::Publisher).await;
    let get = pb::GetPublishedIssueRequest { name: issues[0].name.clone(), ..Default::default() };
    let published = publisher.publications.get_published_issue(get).await.expect("the issue").into_inner();
    assert_eq!(published.reporters[0].name, duplicate.name, "as it was printed");
    let outcome = verify(&mut publisher).await;
    assert_eq!((outcome.checked_count, outcome.fault), (2, None));

    let now = stage.article(&article).await;
    assert_eq!((now.state(), now.revision), (pb::State::Published, 2));
    // The text of the first issue is still out when the second one is taken back.
    let withdraw =
        pb::WithdrawIssueRequest { name: issues[1].name.clone(), reason: "误".into(), ..Default::default() };
    publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    assert_eq!(stage.article(&article).await.state(), pb::State::Published);
    stage.close().await;
}

#[tokio::test]
async fn as_many_working_copies_change_at_once_as_the_limit_says_and_no_more() {
    let mut stage = Stage::open().await;
    let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
    let article = stage.signed("一", &[&duplicate]).await;
    let mut past = stage.room.database.connect().await;
    // Creating as many by calls would take too long.
    let copies = "with copies as (
                      insert into articles
                      select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).*
                      from articles a, generate_series(1, 10000) n
                      returning id
                  )
                  insert into article_reporters (article, reporter)
                  select c.id, r.reporter from copies c, article_reporters r";
    sqlx::raw_sql(copies).execute(&mut past).await.expect("copies");
    let status = stage.merge_refused(merge(&duplicate, &real)).await;
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
    assert!(status.message().contains("10000"), "{status:?}");

    let rewrite = pb::UpdateArticleRequest {
        article: Some(pb::Article { bylines: bylines(&[&real]), ..article }),
        update_mask: mask(&["bylines"]),
        ..Default::default()
    };
    stage.reporter.articles.update_article(rewrite).await.expect("one less");
    stage.merge(&duplicate, &real).await;
    let left = "select count(*) from articles where content::text like '%' || $1 || '%'";
    for (reporter, expected) in [(&duplicate, 0_i64), (&real, 10_001)] {
        let id = reporter.uid.as_str();
        let found: i64 = sqlx::query_scalar(left).bind(id).fetch_one(&mut past).await.expect("a count");
        assert_eq!(found, expected);
        let kept = "select count(*) from article_reporters where reporter::text = $1";
        let kept: i64 = sqlx::query_scalar(kept).bind(id).fetch_one(&mut past).await.expect("a count");
        assert_eq!(kept, expected);
    }
    stage.close().await;
}

#[tokio::test]
async fn bylines_that_are_written_while_a_merge_runs_end_with_the_real_reporter() {
    let mut stage = Stage::open().await;
    for round in 0..6 {
        let (real, duplicate) = (stage.person("陈岚").await, stage.person("陳嵐").await);
        let existing = stage.signed("先", &[&duplicate]).await;
        let writes = (0..8).map(|number| {
            let (mut desk, name) = (stage.reporter.clone(), existing.name.clone());
            let signed = bylines(&[&duplicate]);
            async move {
                let headline = format!("{round}之{number}");
                let article = pb::Article { bylines: signed, ..crate::newsroom::article(&headline) };
                if number % 2 == 0 {
                    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
                    return desk.articles.create_article(create).await.map(|_| ());
                }
                let update = pb::UpdateArticleRequest {
                    article: Some(pb::Article { name, etag: "*".into(), ..article }),
                    update_mask: mask(&["headline", "bylines"]),
                    ..Default::default()
                };
                desk.articles.update_article(update).await.map(|_| ())
            }
        });
        let mut editor = stage.editor.clone();
        let order = merge(&duplicate, &real);
        let (written, merged) =
            tokio::join!(futures::future::join_all(writes), editor.reporters.merge_reporters(order));
        merged.expect("a merge");
        for answer in written {
            answer.expect("a saved article");
        }
        let mut past = stage.room.database.connect().await;
        let sql = "select count(*) from articles where content::text like '%' || $1 || '%'";
        for (reporter, expected) in [(&duplicate, 0_i64), (&real, 5)] {
            let found = sqlx::query_scalar(sql).bind(&reporter.uid).fetch_one(&mut past).await;
            assert_eq!(found.ok(), Some(expected), "round {round}");
        }
    }
    stage.close().await;
}
