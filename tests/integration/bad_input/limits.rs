//! How many there may be of something, and how much a request may bring.

use masthead::{config, pb};
use pb::{block::Kind, span::Format};
use tonic::Code;

use super::{Ask, Stage, case, create_article, create_block, create_photo, create_reporter, update_page};
use crate::newsroom::{article, fields, paragraph, reason};

/// A repeated field, how many it may hold, and a request with so many.
type Count<'a> = (&'static str, usize, Box<dyn Fn(usize) -> Ask + 'a>);

fn counts(stage: &Stage) -> Vec<Count<'_>> {
    let byline = || pb::Byline { printed_name: "名".into(), ..Default::default() };
    let photo = || pb::PhotoUse { photo: stage.photo.clone(), ..Default::default() };
    let row = |cells| pb::table::Row { cells: vec!["格".into(); cells] };
    vec![
        (
            "reporter.pen_names",
            20,
            Box::new(|count| {
                let pen_names = vec!["笔名".into(); count];
                create_reporter(pb::Reporter { display_name: "名".into(), pen_names, ..Default::default() })
            }),
        ),
        (
            "photo.bylines",
            20,
            Box::new(move |count| {
                create_photo(pb::Photo { bylines: vec![byline(); count], ..Default::default() })
            }),
        ),
        (
            "photo.keywords",
            50,
            Box::new(|count| {
                create_photo(pb::Photo { keywords: vec!["词".into(); count], ..Default::default() })
            }),
        ),
        (
            "article.bylines",
            50,
            Box::new(move |count| {
                create_article(pb::Article { bylines: vec![byline(); count], ..article("题") })
            }),
        ),
        (
            "article.keywords",
            50,
            Box::new(|count| {
                create_article(pb::Article { keywords: vec!["词".into(); count], ..article("题") })
            }),
        ),
        (
            "article.body",
            2_000,
            Box::new(|count| {
                create_article(pb::Article { body: vec![paragraph("段"); count], ..article("题") })
            }),
        ),
        (
            "article.photos",
            100,
            Box::new(move |count| {
                create_article(pb::Article { photos: vec![photo(); count], ..article("题") })
            }),
        ),
        (
            "article.body[0].paragraph.spans",
            200,
            Box::new(|count| {
                let span = pb::Span { start: 0, length: 1, format: Some(Format::Bold(true)) };
                create_block(Kind::Paragraph(pb::Paragraph { text: "段".into(), spans: vec![span; count] }))
            }),
        ),
        (
            "article.body[0].list.items",
            200,
            Box::new(|count| {
                create_block(Kind::List(pb::BulletList { items: vec!["项".into(); count], ordered: true }))
            }),
        ),
        (
            "article.body[0].table.rows",
            200,
            Box::new(move |count| create_block(Kind::Table(pb::Table { rows: vec![row(1); count] }))),
        ),
        (
            "article.body[0].table.rows[0].cells",
            50,
            Box::new(move |count| create_block(Kind::Table(pb::Table { rows: vec![row(count)] }))),
        ),
        (
            "page.placements",
            100,
            Box::new(|count| {
                let placement = pb::Placement { article: stage.article.clone(), ..Default::default() };
                let placements = vec![placement; count];
                update_page(pb::Page { name: stage.name("Page"), placements, ..Default::default() })
            }),
        ),
    ]
}

#[tokio::test]
async fn there_may_be_as_many_as_the_limit_and_no_more() {
    let stage = Stage::open().await;
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for (field, max, request) in counts(&stage) {
        right.push((format!("{max} of {field}"), request(max)));
        wrong.push(case(format!("{} of {field}", max + 1), request(max + 1), &[field]));
    }
    stage.takes(right).await;
    stage.refuses(wrong).await;
    stage.close().await;
}

#[tokio::test]
async fn photos_beside_and_inside_a_text_are_counted_together() {
    let stage = Stage::open().await;
    let mut desk = stage.newsroom.desk(masthead::admin::Role::Reporter).await;
    let mut uses = Vec::new();
    for _ in 0..101 {
        let photo =
            desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo").into_inner();
        uses.push(pb::PhotoUse { photo: photo.name, ..Default::default() });
    }
    let split = |uses: &[pb::PhotoUse]| {
        let (beside, inside) = uses.split_at(50);
        let inside = inside.iter().map(|photo| pb::Block { kind: Some(Kind::Photo(photo.clone())) });
        create_article(pb::Article { photos: beside.to_vec(), body: inside.collect(), ..article("题") })
    };
    stage.takes(vec![("a hundred".into(), split(&uses[..100]))]).await;
    let field = "article.photos and photos in article.body";
    stage.refuses(vec![case("a hundred and one", split(&uses), &[field])]).await;
    stage.close().await;
}

#[tokio::test]
async fn a_body_has_so_many_characters_in_all() {
    let stage = Stage::open().await;
    let long = |last: usize| {
        let mut body = vec![paragraph(&"字".repeat(20_000)); 9];
        body.push(paragraph(&"字".repeat(last)));
        create_article(pb::Article { body, ..article("题") })
    };
    stage.takes(vec![("200,000 characters".into(), long(20_000))]).await;
    let quote = pb::Quote { text: "字".into(), attribution: "字".into() };
    let mut body = vec![paragraph(&"字".repeat(19_999)); 10];
    body.extend(vec![pb::Block { kind: Some(Kind::Quote(quote)) }; 6]);
    let longer = create_article(pb::Article { body, ..article("题") });
    stage.refuses(vec![case("200,002 characters", longer, &["article.body"])]).await;
    stage.close().await;
}

#[tokio::test]
async fn a_request_over_four_mebibytes_is_refused_whoever_asks() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    for method in
        ["ReporterService/CreateReporter", "ArticleService/BatchGetArticles", "PhotoService/UploadPhoto"]
    {
        // An unknown field of bytes; what is in it does not matter.
        let mut message = Vec::new();
        prost::encoding::bytes::encode(1000, &vec![0_u8; config::REQUEST_BYTES_MAX], &mut message);
        let status = stage.line.send(method, vec![message]).await.expect_err("a refusal");
        let refusal = (status.code(), reason(&status));
        assert_eq!(refusal, (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()), "{method}: {status:?}");
    }
    let mut largest = Vec::new();
    prost::encoding::bytes::encode(1000, &vec![0_u8; config::REQUEST_BYTES_MAX - 100], &mut largest);
    stage.line.call("ReporterService/ListReporters", largest).await.expect("a large request");
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn many_violations_are_listed_at_once() {
    let stage = Stage::open().await;
    let too_long = || "长".repeat(201);
    let everything = pb::Article {
        newspaper: "晨讯报".into(),
        kicker: too_long(),
        headline: String::new(),
        subheadline: "两\n行".into(),
        column: "列\u{202E}".into(),
        source_credit: too_long(),
        keywords: vec![String::new(), "词".into(), "词".repeat(51)],
        language_code: "?".into(),
        event_date: Some(crate::newsroom::date(2023, 2, 30)),
        body: vec![pb::Block { kind: None }, paragraph(" ")],
        ..Default::default()
    };
    let request_id = "x".into();
    let create = pb::CreateArticleRequest { article: Some(everything), request_id, ..Default::default() };
    let expected = [
        "request_id",
        "article.newspaper",
        "article.kicker",
        "article.headline",
        "article.subheadline",
        "article.column",
        "article.source_credit",
        "article.body[0]",
        "article.body[1].paragraph.text",
        "article.keywords[0]",
        "article.keywords[2]",
        "article.language_code",
        "article.event_date",
    ];
    stage
        .refuses(vec![case("everything", super::ask("ArticleService/CreateArticle", &create), &expected)])
        .await;
    stage.close().await;
}

#[tokio::test]
async fn more_violations_than_a_status_holds_are_counted_and_the_first_are_listed() {
    let stage = Stage::open().await;
    for (count, told) in [(20, "20 "), (21, "21 "), (50, "50 "), (2000, "100 ")] {
        let body = vec![pb::Block { kind: None }; count];
        let Ask { method, message } = create_article(pb::Article { body, ..article("题") });
        let status = stage.line.send(method, vec![message]).await.expect_err("a refusal");
        assert!(status.message().contains(told), "{count}: {status:?}");
        let listed: Vec<String> = (0..count.min(20)).map(|index| format!("article.body[{index}]")).collect();
        assert_eq!(fields(&status), listed, "{count}");
    }
    stage.close().await;
}
