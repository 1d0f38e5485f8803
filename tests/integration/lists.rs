//! Lists with filters and orders.

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::Code;

use crate::newsroom::{Newsroom, PAPER, article, date, fields, mask, paragraph, reason};

struct Stage {
    room: Newsroom,
    writer: Desk,
    editor: Desk,
}

impl Stage {
    async fn open() -> Stage {
        Stage::with_stages(1).await
    }

    async fn with_stages(review_stages: i32) -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(review_stages).await;
        let (writer, editor) = (room.desk_of("writer", Role::Editor).await, room.desk(Role::Editor).await);
        Stage { room, writer, editor }
    }

    async fn create(&mut self, article: pb::Article) -> pb::Article {
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        self.writer.articles.create_article(create).await.expect("an article").into_inner()
    }

    async fn ask(&mut self, request: pb::ListArticlesRequest) -> pb::ListArticlesResponse {
        self.writer.articles.list_articles(request).await.expect("a list").into_inner()
    }

    /// The headlines of what a filter leaves.
    async fn leaves(&mut self, filter: &str) -> Vec<String> {
        let answer = self.ask(filtered(filter)).await;
        answer.articles.into_iter().map(|article| article.headline).collect()
    }

    async fn close(self) {
        self.room.close().await;
    }
}

fn filtered(filter: &str) -> pb::ListArticlesRequest {
    pb::ListArticlesRequest { filter: filter.into(), ..Default::default() }
}

async fn retitle(desk: &mut Desk, name: &str, headline: &str) -> pb::Article {
    let article =
        pb::Article { name: name.into(), headline: headline.into(), etag: "*".into(), ..Default::default() };
    let update = pb::UpdateArticleRequest {
        article: Some(article),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    desk.articles.update_article(update).await.expect("an update").into_inner()
}

#[tokio::test]
async fn articles_are_filtered_by_every_field() {
    let mut stage = Stage::open().await;
    let reporter = pb::Reporter { display_name: "林晓".into(), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
    let reporter = stage.writer.reporters.create_reporter(create).await.expect("a reporter").into_inner();
    let byline = pb::Byline { reporter: reporter.name.clone(), ..Default::default() };
    let one = stage
        .create(pb::Article {
            column: "要闻".into(),
            keywords: vec!["龙舟".into(), "a\"b*".into()],
            bylines: vec![byline],
            event_date: Some(date(2026, 6, 19)),
            ..article("一")
        })
        .await;
    let two = stage.create(pb::Article { column: "副刊".into(), ..article("二") }).await;
    let three = stage.room.article("三").await;
    let three = stage.room.review(&three).await;
    retitle(&mut stage.writer, &two.name, "二改").await;
    stage.room.issue(7, &[&three]).await;
    let issue = format!("{PAPER}/issues/7");
    let after_one = prost_time(&two);
    for (filter, left) in [
        ("".to_owned(), vec!["一", "二改", "三"]),
        ("state = REVIEWED".into(), vec!["三"]),
        ("state != REVIEWED".into(), vec!["一", "二改"]),
        ("NOT (NOT state = REVIEWED)".into(), vec!["三"]),
        ("-(-(-column:*))".into(), vec!["三"]),
        (format!("newspaper = {PAPER}"), vec!["一", "二改", "三"]),
        ("newspaper = newspapers/other".into(), vec![]),
        ("creator = writer".into(), vec!["一", "二改"]),
        ("column = 要闻 OR column = \"副刊\"".into(), vec!["一", "二改"]),
        ("NOT column:*".into(), vec!["三"]),
        ("-column = 要闻".into(), vec!["二改", "三"]),
        ("keyword:龙舟".into(), vec!["一"]),
        (r#"keyword:"a\"b*""#.into(), vec!["一"]),
        ("keyword:*".into(), vec!["一"]),
        ("keyword:龙".into(), vec![]),
        (format!("reporter:{}", reporter.name), vec!["一"]),
        ("reporter:*".into(), vec!["一"]),
        (format!("issue = {issue}"), vec!["三"]),
        (format!("issue != {issue}"), vec!["一", "二改"]),
        ("event_date = 2026-06-19".into(), vec!["一"]),
        ("event_date > 2026-06-19".into(), vec![]),
        ("event_date != 2026-06-20".into(), vec!["一", "二改", "三"]),
        ("NOT event_date < 2026-06-20".into(), vec!["二改", "三"]),
        ("revision >= 2".into(), vec!["二改"]),
        (format!("create_time >= {after_one}"), vec!["二改", "三"]),
        (format!("update_time < {after_one}"), vec!["一"]),
        ("delete_time:*".into(), vec![]),
        ("mine()".into(), vec!["一", "二改"]),
        ("waiting_for_my_review()".into(), vec![]),
        // Closer than what is joined by AND.
        ("revision = 1 AND column = 副刊 OR state = REVIEWED".into(), vec!["三"]),
        ("(revision = 1 column = 要闻) OR revision = 2".into(), vec!["一", "二改"]),
    ] {
        assert_eq!(stage.leaves(&filter).await, left, "{filter}");
    }
    let delete = pb::DeleteArticleRequest { name: one.name, ..Default::default() };
    stage.writer.articles.delete_article(delete).await.expect("a deletion");
    let deleted = pb::ListArticlesRequest { show_deleted: true, ..filtered("delete_time:*") };
    assert_eq!(stage.ask(deleted).await.articles.len(), 1);
    stage.close().await;
}

fn prost_time(article: &pb::Article) -> String {
    let time = article.create_time.expect("a time");
    let time = chrono::DateTime::from_timestamp(time.seconds, time.nanos as u32).expect("a time");
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[tokio::test]
async fn what_waits_for_me_is_what_i_may_sign() {
    let mut stage = Stage::with_stages(2).await;
    let theirs = stage.create(article("别人写的")).await;
    let mine = pb::CreateArticleRequest { article: Some(article("我写的")), ..Default::default() };
    stage.editor.articles.create_article(mine).await.expect("an article");
    let touched = stage.create(article("我改过")).await;
    retitle(&mut stage.editor, &touched.name, "我改过的").await;
    let waiting = || filtered("waiting_for_my_review()");
    let headlines = |answer: pb::ListArticlesResponse| -> Vec<String> {
        answer.articles.into_iter().map(|article| article.headline).collect()
    };
    let listed = stage.editor.articles.list_articles(waiting()).await.expect("a list").into_inner();
    assert_eq!(headlines(listed), ["别人写的"]);
    let review =
        pb::ReviewArticleRequest { name: theirs.name, etag: "*".into(), stage: 1, ..Default::default() };
    stage.editor.articles.review_article(review).await.expect("a review");
    let listed = stage.editor.articles.list_articles(waiting()).await.expect("a list").into_inner();
    assert_eq!(headlines(listed), Vec::<String>::new());
    let mut other = stage.room.desk_of("other", Role::Editor).await;
    let listed = other.articles.list_articles(waiting()).await.expect("a list").into_inner();
    assert_eq!(headlines(listed), ["别人写的", "我写的", "我改过的"]);
    let search =
        pb::SearchArticlesRequest { query: "我".into(), filter: "mine()".into(), ..Default::default() };
    let found = stage.editor.articles.search_articles(search).await.expect("results").into_inner();
    let found: Vec<String> =
        found.results.into_iter().map(|result| result.article.expect("an article").headline).collect();
    assert_eq!(found, ["我改过的", "我写的"]);
    stage.close().await;
}

#[tokio::test]
async fn pages_in_any_order_are_whole_whatever_is_written_between() {
    let mut stage = Stage::open().await;
    for number in 0..9 {
        // Days that are equal, and none.
        let event_date = (number % 3 != 0).then(|| date(2026, 6, 10 + number % 2));
        stage.create(pb::Article { event_date, ..article(&number.to_string()) }).await;
    }
    for (order_by, wanted) in [
        ("", "012345678"),
        ("create_time", "012345678"),
        ("create_time desc", "876543210"),
        ("event_date", "036248157"),
        ("event_date desc", "751842630"),
        ("update_time desc", "876543210"),
    ] {
        let (mut seen, mut page_token) = (String::new(), String::new());
        loop {
            let request = pb::ListArticlesRequest {
                page_size: 2,
                page_token,
                order_by: order_by.into(),
                filter: "column != 后来".into(),
                ..Default::default()
            };
            let page = stage.ask(request).await;
            assert!(page.articles.len() <= 2);
            seen.extend(page.articles.into_iter().map(|article| article.headline));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            stage.create(pb::Article { column: "后来".into(), ..article("x") }).await;
        }
        assert_eq!(seen, wanted, "{order_by}");
    }
    let first = stage.ask(pb::ListArticlesRequest { page_size: 2, ..filtered("state = DRAFT") }).await;
    for other in [
        filtered("state = REVIEWED"),
        pb::ListArticlesRequest { order_by: "create_time desc".into(), ..filtered("state = DRAFT") },
    ] {
        let other = pb::ListArticlesRequest { page_token: first.next_page_token.clone(), ..other };
        let refused = stage.writer.articles.list_articles(other).await.expect_err("a refusal");
        assert_eq!(reason(&refused), "INVALID_PAGE_TOKEN");
    }
    stage.close().await;
}

#[tokio::test]
async fn mistakes_in_filters_and_orders_are_refused_with_their_place() {
    let mut stage = Stage::open().await;
    let nested = format!("{}state = DRAFT{}", "(".repeat(1_000), ")".repeat(1_000));
    let deeper = format!("{}{}", "(".repeat(950), ")".repeat(950));
    for (filter, says) in [
        ("state = nonsense".to_owned(), "at character 9: must be one of DRAFT, REVIEWED"),
        ("龙舟".into(), "at character 1: words alone are not searched for"),
        ("column = \"要".into(), "at character 10: opens a quote"),
        (r#"column = "\ud800""#.into(), "at character 11: is half of a surrogate pair"),
        ("event_date > abc".into(), "at character 14: must be a day"),
        ("reporter:reporters/1".into(), "at character 10: must be a name"),
        ("event_date > -0001-01-01".into(), "at character 14: must be a day"),
        ("update_time > -262143-01-01".into(), "at character 15: must be a time"),
        ("update_time > +262142-01-01T00:00:00Z".into(), "at character 15: must be a time"),
        (nested, "has 2013 characters, more than 2000"),
        (deeper, "at character 33: opens more than 32 parentheses"),
        ("-".repeat(1_999), "at character 2: lacks a condition"),
    ] {
        let refused = stage.writer.articles.list_articles(filtered(&filter)).await.expect_err("a refusal");
        assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELD".into()));
        assert_eq!(fields(&refused), ["filter"]);
        assert!(refused.message().contains(says), "{filter:.40}: {}", refused.message());
    }
    let request = pb::ListArticlesRequest { order_by: "headline".into(), ..Default::default() };
    let refused = stage.writer.articles.list_articles(request).await.expect_err("a refusal");
    assert_eq!(fields(&refused), ["order_by"]);
    assert!(refused.message().contains("must be one of create_time, update_time, event_date"));
    stage.close().await;
}

#[tokio::test]
async fn a_page_of_large_articles_ends_before_it_is_too_large_for_a_client() {
    let mut stage = Stage::open().await;
    let body: Vec<pb::Block> = (0..100).map(|_| paragraph(&"𠀀".repeat(1_900))).collect();
    for number in 0..6 {
        stage.create(pb::Article { body: body.clone(), ..article(&number.to_string()) }).await;
    }
    let (mut seen, mut page_token) = (String::new(), String::new());
    loop {
        let page = stage.ask(pb::ListArticlesRequest { page_token, ..Default::default() }).await;
        assert!((1..=4).contains(&page.articles.len()), "{}", page.articles.len());
        seen.extend(page.articles.into_iter().map(|article| article.headline));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, "012345");
    stage.close().await;
}

#[tokio::test]
async fn issues_photos_and_reporters_are_filtered_alike() {
    let mut stage = Stage::open().await;
    for number in [1, 2, 3] {
        stage.room.issue(number, &[]).await;
    }
    let issues = |filter: &str, order_by: &str| pb::ListIssuesRequest {
        parent: PAPER.into(),
        filter: filter.into(),
        order_by: order_by.into(),
        page_size: 1,
        ..Default::default()
    };
    for (filter, order_by, wanted) in [
        ("", "", 3),
        ("number >= 2 state = DRAFT", "", 2),
        ("number = 2 OR number = 1", "publish_date", 2),
        ("publish_date < 1990-01-01", "", 0),
        ("NOT delete_time:* creator:*", "", 3),
        ("create_time > 2020-01-01 update_time > 2020-01-01T00:00:00Z", "", 3),
    ] {
        let (mut numbers, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListIssuesRequest { page_token, ..issues(filter, order_by) };
            let page = stage.writer.issues.list_issues(request).await.expect("a list").into_inner();
            numbers.extend(page.issues.into_iter().map(|issue| issue.number));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(numbers.len(), wanted, "{filter}: {numbers:?}");
    }
    let photo = pb::Photo { caption: "甲".into(), keywords: vec!["龙舟".into()], ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    stage.writer.photos.create_photo(create).await.expect("a photo");
    stage.room.photo("乙").await;
    for (filter, wanted) in [
        ("state = DRAFT clearance = UNKNOWN creator = writer keyword:龙舟", 1),
        ("content_type:*", 1),
        ("NOT content_type = image/jpeg", 1),
        ("keyword:* OR reporter:*", 1),
        ("create_time > 2020-01-01 update_time > 2020-01-01 NOT delete_time:*", 2),
        ("reporter:reporters/01a20964-a374-760a-b740-a517ae5e7369", 0),
    ] {
        let request = pb::ListPhotosRequest { filter: filter.into(), ..Default::default() };
        let listed = stage.writer.photos.list_photos(request).await.expect("a list").into_inner();
        assert_eq!(listed.photos.len(), wanted, "{filter}");
    }
    for (name, desk, retired) in [("林晓", "要闻部", false), ("陈岚", "摄影部", true)] {
        let reporter =
            pb::Reporter { display_name: name.into(), desk: desk.into(), retired, ..Default::default() };
        let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        stage.writer.reporters.create_reporter(create).await.expect("a reporter");
    }
    for (filter, wanted) in [
        ("desk = 要闻部", vec!["林晓"]),
        ("retired = true", vec!["陈岚"]),
        ("retired != true display_name = 林晓", vec!["林晓"]),
        ("press_card_number:*", vec![]),
        ("create_time > 2020-01-01 update_time > 2020-01-01 NOT delete_time:*", vec!["陈岚", "林晓"]),
    ] {
        let order_by = "update_time desc".into();
        let request = pb::ListReportersRequest { filter: filter.into(), order_by, ..Default::default() };
        let listed = stage.writer.reporters.list_reporters(request).await.expect("a list").into_inner();
        let names: Vec<String> = listed.reporters.into_iter().map(|one| one.display_name).collect();
        assert_eq!(names, wanted, "{filter}");
    }
    stage.close().await;
}
