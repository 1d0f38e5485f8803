//! Spans, tables and other blocks, and what a resource refers to.

use masthead::pb;
use pb::{block::Kind, span::Format};

use super::{Stage, case, create_article, create_block, create_photo, update_page};
use crate::newsroom::article;

fn span(start: i32, length: i32, format: Format) -> pb::Span {
    pb::Span { start, length, format: Some(format) }
}

#[tokio::test]
async fn a_span_lies_within_its_text_and_crosses_no_other() {
    let stage = Stage::open().await;
    // Five characters of four bytes each.
    let formatted = |spans: Vec<pb::Span>| {
        create_block(Kind::Paragraph(pb::Paragraph { text: "𠮷𠮷𠮷𠮷𠮷".into(), spans }))
    };
    let bold = |start, length| span(start, length, Format::Bold(true));
    let link = |url: &str| formatted(vec![span(0, 1, Format::LinkUrl(url.into()))]);
    let (all, one) = ("article.body[0].paragraph.spans", "article.body[0].paragraph.spans[0]");
    let url = "article.body[0].paragraph.spans[0].link_url";
    let mut wrong = vec![
        case("crossing", formatted(vec![bold(0, 3), bold(2, 3)]), &[all]),
        case("crossing, in another order", formatted(vec![bold(2, 3), bold(0, 3)]), &[all]),
        case("crossing inside", formatted(vec![bold(0, 5), bold(0, 3), bold(1, 1), bold(2, 2)]), &[all]),
        case("no format", formatted(vec![pb::Span { start: 0, length: 1, format: None }]), &[one]),
        case("not bold", formatted(vec![span(0, 1, Format::Bold(false))]), &[one]),
        case("not italic", formatted(vec![span(0, 1, Format::Italic(false))]), &[one]),
    ];
    for (start, length) in
        [(-1, 2), (0, 0), (0, -1), (0, 6), (5, 1), (4, 2), (i32::MAX, i32::MAX), (i32::MIN, 1), (0, i32::MAX)]
    {
        wrong.push(case(format!("{start}+{length}"), formatted(vec![bold(start, length)]), &[one]));
    }
    let links = [
        "x",
        "//a.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example",
        "HTTP ://a",
        "https://a.example/ b",
    ];
    for target in links {
        wrong.push(case(target, link(target), &[url]));
    }
    let longest = format!("https://a.example/{}", "a".repeat(2_000 - 18));
    wrong.push(case("a long link", link(&format!("{longest}a")), &[url]));
    wrong.push(case("a hidden link", link("https://a.example/\u{202E}"), &[url]));
    stage.refuses(wrong).await;
    stage
        .takes(vec![
            ("the whole text".into(), formatted(vec![bold(0, 5)])),
            ("side by side".into(), formatted(vec![bold(0, 2), bold(2, 3)])),
            ("nested".into(), formatted(vec![bold(0, 5), bold(0, 3), bold(1, 2), bold(3, 2)])),
            ("twice the same".into(), formatted(vec![bold(1, 2), span(1, 2, Format::Italic(true))])),
            ("the longest link".into(), link(&longest)),
            ("a mailbox".into(), link("mailto:desk@paper.example")),
        ])
        .await;
    stage.close().await;
}

#[tokio::test]
async fn a_block_is_of_a_kind_and_whole() {
    let stage = Stage::open().await;
    let row =
        |cells: &[&str]| pb::table::Row { cells: cells.iter().map(|cell| (*cell).to_owned()).collect() };
    let table = |rows: Vec<pb::table::Row>| create_block(Kind::Table(pb::Table { rows }));
    let rows = "article.body[0].table.rows";
    let blank = create_article(pb::Article { body: vec![pb::Block { kind: None }], ..article("题") });
    stage
        .refuses(vec![
            case("no kind", blank, &["article.body[0]"]),
            case("no rows", table(Vec::new()), &[rows]),
            case("rows without cells", table(vec![row(&[]), row(&[])]), &[rows]),
            case(
                "a short row",
                table(vec![row(&["a", "b"]), row(&["a"])]),
                &["article.body[0].table.rows[1].cells"],
            ),
            case(
                "a short and a long row",
                table(vec![row(&["a", "b"]), row(&[]), row(&["a", "b"]), row(&["a", "b", "c"])]),
                &["article.body[0].table.rows[1].cells", "article.body[0].table.rows[3].cells"],
            ),
            case(
                "no items",
                create_block(Kind::List(pb::BulletList::default())),
                &["article.body[0].list.items"],
            ),
            case(
                "no photo",
                create_block(Kind::Photo(pb::PhotoUse::default())),
                &["article.body[0].photo.photo"],
            ),
        ])
        .await;
    stage.close().await;
}

#[tokio::test]
async fn what_a_resource_refers_to_must_be_there() {
    let stage = Stage::open().await;
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let bylines = |reporter: &str| vec![pb::Byline { reporter: reporter.into(), ..Default::default() }];
    let signed =
        |reporter: &str| create_article(pb::Article { bylines: bylines(reporter), ..article("题") });
    let taken = |reporter: &str| create_photo(pb::Photo { bylines: bylines(reporter), ..Default::default() });
    let pictured = |photo: &str| {
        let photos = vec![pb::PhotoUse { photo: photo.into(), ..Default::default() }];
        create_article(pb::Article { photos, ..article("题") })
    };
    let placed = |article: &str| {
        let placements = vec![pb::Placement { article: article.into(), ..Default::default() }];
        update_page(pb::Page { name: stage.name("Page"), placements, ..Default::default() })
    };
    let of = |newspaper: &str| create_article(pb::Article { newspaper: newspaper.into(), ..article("题") });
    stage
        .refuses(vec![
            case("reporter", signed(&format!("reporters/{nowhere}")), &["article.bylines[0].reporter"]),
            case("reporter that is none", signed("林"), &["article.bylines[0].reporter"]),
            case(
                "reporter of a photo",
                taken(&format!("reporters/{nowhere}")),
                &["photo.bylines[0].reporter"],
            ),
            case("photo", pictured(&format!("photos/{nowhere}")), &["article.photos"]),
            case("photo that is none", pictured("一张"), &["article.photos[0].photo"]),
            case("article", placed(&format!("articles/{nowhere}")), &["page.placements[0].article"]),
            case("article that is none", placed("一篇"), &["page.placements[0].article"]),
            case("newspaper", of("newspapers/no-such-paper"), &["article.newspaper"]),
            case("newspaper that is none", of("晨讯报"), &["article.newspaper"]),
        ])
        .await;
    stage.close().await;
}
