//! Texts: how long they may be, and which characters they may hold.

use masthead::pb;
use pb::block::Kind;

use super::{
    Ask, Case, Stage, ask, case, create_article, create_block, create_issue, create_newspaper, create_photo,
    create_reporter, update_page,
};
use crate::newsroom::{article, date};

/// A text field: its path, how many characters it may have, whether it may have
/// several lines, whether it must not be empty, and a request that has the text
/// there.
struct Text {
    field: &'static str,
    characters_max: usize,
    lines: bool,
    required: bool,
    request: Box<dyn Fn(String) -> Ask>,
}

fn line(field: &'static str, characters_max: usize, request: impl Fn(String) -> Ask + 'static) -> Text {
    Text { field, characters_max, lines: false, required: false, request: Box::new(request) }
}

impl Text {
    fn lines(self) -> Text {
        Text { lines: true, ..self }
    }

    fn required(self) -> Text {
        Text { required: true, ..self }
    }
}

/// A line of a table below: a text field of a message that a function wraps into
/// its request.
macro_rules! of {
    ($create:ident, $message:ident, $path:literal, $field:ident, $max:literal) => {
        line($path, $max, |text| $create(pb::$message { $field: text, ..Default::default() }))
    };
}

fn newspaper_texts() -> Vec<Text> {
    vec![
        line("newspaper.title", 100, |text| {
            let newspaper = pb::Newspaper { title: text, ..Default::default() };
            let newspaper_id = "another".into();
            let create =
                pb::CreateNewspaperRequest { newspaper: Some(newspaper), newspaper_id, ..Default::default() };
            ask("NewspaperService/CreateNewspaper", &create)
        })
        .required(),
        of!(create_newspaper, Newspaper, "newspaper.serial_code", serial_code, 100),
        of!(create_newspaper, Newspaper, "newspaper.supervising_body", supervising_body, 200),
        of!(create_newspaper, Newspaper, "newspaper.publishing_body", publishing_body, 200),
        of!(create_newspaper, Newspaper, "newspaper.chief_editor", chief_editor, 100),
        of!(create_newspaper, Newspaper, "newspaper.hotline", hotline, 100),
        of!(create_newspaper, Newspaper, "newspaper.website", website, 500),
        of!(create_newspaper, Newspaper, "newspaper.email", email, 320),
        of!(create_newspaper, Newspaper, "newspaper.price_note", price_note, 100),
    ]
}

fn named(reporter: pb::Reporter) -> Ask {
    create_reporter(pb::Reporter { display_name: "名".into(), ..reporter })
}

fn search_reporters(request: pb::SearchReportersRequest) -> Ask {
    ask("ReporterService/SearchReporters", &request)
}

fn reporter_texts() -> Vec<Text> {
    vec![
        of!(create_reporter, Reporter, "reporter.display_name", display_name, 100).required(),
        line("reporter.pen_names[0]", 100, |text| {
            named(pb::Reporter { pen_names: vec![text], ..Default::default() })
        })
        .required(),
        of!(named, Reporter, "reporter.press_card_number", press_card_number, 50),
        of!(named, Reporter, "reporter.desk", desk, 100),
        of!(named, Reporter, "reporter.email", email, 320),
        of!(named, Reporter, "reporter.phone", phone, 50),
        of!(search_reporters, SearchReportersRequest, "query", query, 200).lines(),
    ]
}

fn dated(issue: pb::Issue) -> Ask {
    create_issue(pb::Issue { publish_date: Some(date(2026, 11, 1)), ..issue })
}

fn weathered(weather: pb::Weather) -> Ask {
    dated(pb::Issue { weather: Some(weather), ..Default::default() })
}

fn issue_texts(stage: &Stage) -> Vec<Text> {
    let page = stage.name("Page");
    let on_page = move |page_: pb::Page| update_page(pb::Page { name: page.clone(), ..page_ });
    let (section, editor, placing) = (on_page.clone(), on_page.clone(), on_page);
    let name = stage.article.clone();
    let placed = move |placement: pb::Placement| {
        let placement = pb::Placement { article: name.clone(), ..placement };
        placing(pb::Page { placements: vec![placement], ..Default::default() })
    };
    let (headline, kicker, byline) = (placed.clone(), placed.clone(), placed);
    vec![
        of!(dated, Issue, "issue.price_note", price_note, 100),
        of!(weathered, Weather, "issue.weather.condition", condition, 100),
        of!(weathered, Weather, "issue.weather.wind", wind, 100),
        line("page.section", 100, move |text| section(pb::Page { section: text, ..Default::default() })),
        line("page.editor", 100, move |text| editor(pb::Page { editor: text, ..Default::default() })),
        line("page.placements[0].headline", 200, move |text| {
            headline(pb::Placement { headline: text, ..Default::default() })
        }),
        line("page.placements[0].kicker", 200, move |text| {
            kicker(pb::Placement { kicker: text, ..Default::default() })
        }),
        line("page.placements[0].byline", 200, move |text| {
            byline(pb::Placement { byline: text, ..Default::default() })
        }),
    ]
}

fn headed(given: pb::Article) -> Ask {
    create_article(pb::Article { headline: "题".into(), newspaper: article("").newspaper, ..given })
}

fn outsider(printed_name: String) -> Vec<pb::Byline> {
    vec![pb::Byline { printed_name, ..Default::default() }]
}

fn article_texts() -> Vec<Text> {
    vec![
        of!(headed, Article, "article.kicker", kicker, 200),
        line("article.headline", 200, |text| create_article(article(&text))).required(),
        of!(headed, Article, "article.subheadline", subheadline, 200),
        of!(headed, Article, "article.column", column, 100),
        of!(headed, Article, "article.dateline", dateline, 100),
        of!(headed, Article, "article.source_credit", source_credit, 200),
        of!(headed, Article, "article.place", place, 200),
        line("article.keywords[0]", 50, |text| {
            headed(pb::Article { keywords: vec![text], ..Default::default() })
        })
        .required(),
        line("article.bylines[0].printed_name", 100, |text| {
            headed(pb::Article { bylines: outsider(text), ..Default::default() })
        })
        .required(),
    ]
}

fn body_texts(stage: &Stage) -> Vec<Text> {
    let photo = stage.photo.clone();
    let photo_use = move |caption: String, credit_line: String| pb::PhotoUse {
        photo: photo.clone(),
        caption,
        credit_line,
    };
    let uses = [0; 4].map(|_| photo_use.clone());
    let [in_body, credited_in_body, beside, credited_beside] = uses;
    vec![
        line("article.body[0].paragraph.text", 20_000, |text| {
            create_block(Kind::Paragraph(pb::Paragraph { text, spans: Vec::new() }))
        })
        .lines()
        .required(),
        line("article.body[0].heading.text", 200, |text| {
            create_block(Kind::Heading(pb::Heading { text, level: 1 }))
        })
        .required(),
        line("article.body[0].label.text", 100, |text| create_block(Kind::Label(pb::Label { text })))
            .required(),
        line("article.body[0].quote.text", 5_000, |text| {
            create_block(Kind::Quote(pb::Quote { text, attribution: String::new() }))
        })
        .lines()
        .required(),
        line("article.body[0].quote.attribution", 200, |attribution| {
            create_block(Kind::Quote(pb::Quote { text: "引".into(), attribution }))
        }),
        line("article.body[0].list.items[0]", 2_000, |text| {
            create_block(Kind::List(pb::BulletList { items: vec![text], ordered: false }))
        })
        .required(),
        line("article.body[0].table.rows[0].cells[0]", 500, |text| {
            create_block(Kind::Table(pb::Table { rows: vec![pb::table::Row { cells: vec![text] }] }))
        })
        .lines(),
        line("article.body[0].photo.caption", 2_000, move |text| {
            create_block(Kind::Photo(in_body(text, String::new())))
        })
        .lines(),
        line("article.body[0].photo.credit_line", 200, move |text| {
            create_block(Kind::Photo(credited_in_body(String::new(), text)))
        }),
        line("article.photos[0].caption", 2_000, move |text| {
            headed(pb::Article { photos: vec![beside(text, String::new())], ..Default::default() })
        })
        .lines(),
        line("article.photos[0].credit_line", 200, move |text| {
            headed(pb::Article { photos: vec![credited_beside(String::new(), text)], ..Default::default() })
        }),
    ]
}

fn search_articles(request: pb::SearchArticlesRequest) -> Ask {
    ask("ArticleService/SearchArticles", &request)
}

fn search_published(request: pb::SearchPublishedArticlesRequest) -> Ask {
    ask("PublicationService/SearchPublishedArticles", &request)
}

fn search_photos(request: pb::SearchPhotosRequest) -> Ask {
    ask("PhotoService/SearchPhotos", &request)
}

fn photo_texts() -> Vec<Text> {
    vec![
        of!(create_photo, Photo, "photo.caption", caption, 2_000).lines(),
        of!(create_photo, Photo, "photo.credit_line", credit_line, 200),
        of!(create_photo, Photo, "photo.copyright_notice", copyright_notice, 500).lines(),
        of!(create_photo, Photo, "photo.usage_terms", usage_terms, 2_000).lines(),
        of!(create_photo, Photo, "photo.place", place, 200),
        line("photo.keywords[0]", 50, |text| {
            create_photo(pb::Photo { keywords: vec![text], ..Default::default() })
        })
        .required(),
        of!(search_photos, SearchPhotosRequest, "query", query, 200).lines(),
        of!(search_articles, SearchArticlesRequest, "query", query, 200).lines().required(),
        of!(search_published, SearchPublishedArticlesRequest, "query", query, 200).lines().required(),
        of!(search_photos, SearchPhotosRequest, "creator", creator, 200),
        of!(search_photos, SearchPhotosRequest, "place", place, 200),
        of!(search_photos, SearchPhotosRequest, "keyword", keyword, 50),
        line("photo.bylines[0].printed_name", 100, |text| {
            create_photo(pb::Photo { bylines: outsider(text), ..Default::default() })
        })
        .required(),
    ]
}

/// What is said in reviews, returns and publications.
fn remarks(stage: &Stage) -> Vec<Text> {
    let names = || [stage.article.clone(), stage.issue.clone(), stage.photo.clone()];
    let [returned_article, returned_issue, returned_photo] = names();
    let [article, issue, _] = names();
    let (noted_article, noted_issue, checked_issue) = (article, issue.clone(), issue);
    vec![
        line("reason", 1_000, move |reason| {
            let name = returned_article.clone();
            ask(
                "ArticleService/ReturnArticle",
                &pb::ReturnArticleRequest { name, reason, ..Default::default() },
            )
        })
        .lines()
        .required(),
        line("reason", 1_000, move |reason| {
            let name = returned_issue.clone();
            ask("IssueService/ReturnIssue", &pb::ReturnIssueRequest { name, reason, ..Default::default() })
        })
        .lines()
        .required(),
        line("reason", 1_000, move |reason| {
            let name = returned_photo.clone();
            ask("PhotoService/ReturnPhoto", &pb::ReturnPhotoRequest { name, reason, ..Default::default() })
        })
        .lines()
        .required(),
        line("note", 1_000, move |note| {
            let name = noted_article.clone();
            ask(
                "ArticleService/PublishArticle",
                &pb::PublishArticleRequest { name, note, ..Default::default() },
            )
        })
        .lines(),
        line("note", 1_000, move |note| {
            let name = noted_issue.clone();
            ask("IssueService/PublishIssue", &pb::PublishIssueRequest { name, note, ..Default::default() })
        })
        .lines(),
        line("note", 1_000, move |note| {
            let name = checked_issue.clone();
            ask("IssueService/CheckIssue", &pb::CheckIssueRequest { name, note, ..Default::default() })
        })
        .lines(),
    ]
}

fn all(stage: &Stage) -> Vec<Text> {
    let groups = [
        newspaper_texts(),
        reporter_texts(),
        issue_texts(stage),
        article_texts(),
        body_texts(stage),
        photo_texts(),
        remarks(stage),
    ];
    groups.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_text_may_be_as_long_as_its_limit_counted_in_characters_and_no_longer() {
    let stage = Stage::open().await;
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for text in all(&stage) {
        // Of four bytes each, as much as the database will ever have to hold.
        right.push((text.field.to_owned(), (text.request)("𠮷".repeat(text.characters_max))));
        for character in ["a", "𠮷"] {
            let longer = (text.request)(character.repeat(text.characters_max + 1));
            wrong.push(case(format!("{} of {character}", text.field), longer, &[text.field]));
        }
    }
    stage.takes(right).await;
    stage.refuses(wrong).await;
    stage.close().await;
}

#[tokio::test]
async fn no_text_holds_characters_that_hide_or_break_something() {
    let stage = Stage::open().await;
    let mut wrong: Vec<Case> = Vec::new();
    let mut right = Vec::new();
    for text in all(&stage) {
        for content in ["前\0后", "\u{FEFF}后", "前\u{202E}", "前\r\n后"] {
            // A line feed has a violation of its own where it must not stand.
            let content = if text.lines { content.to_owned() } else { content.replace('\n', "") };
            wrong.push(case(
                format!("{} with {content:?}", text.field),
                (text.request)(content),
                &[text.field],
            ));
        }
        for content in ["前\n后", "前\t后"] {
            let what = format!("{} with {content:?}", text.field);
            match text.lines {
                true => right.push((what, (text.request)(content.into()))),
                false => wrong.push(case(what, (text.request)(content.into()), &[text.field])),
            }
        }
    }
    stage.takes(right).await;
    stage.refuses(wrong).await;
    stage.close().await;
}

#[tokio::test]
async fn a_character_that_hides_or_breaks_something_is_found_wherever_it_stands() {
    let stage = Stage::open().await;
    let never = [
        '\0',
        '\u{1}',
        '\u{7}',
        '\u{8}',
        '\u{B}',
        '\u{C}',
        '\r',
        '\u{1B}',
        '\u{7F}',
        '\u{85}',
        '\u{2028}',
        '\u{2029}',
        '\u{202A}',
        '\u{202E}',
        '\u{2066}',
        '\u{2069}',
        '\u{FEFF}',
        '\u{FDD0}',
        '\u{FFFE}',
        '\u{10FFFF}',
    ];
    let mut wrong = Vec::new();
    for character in never {
        for content in [format!("前{character}后"), format!("前{character}"), format!("{character}后")] {
            let headline = create_article(article(&content));
            wrong.push(case(format!("{content:?}"), headline, &["article.headline"]));
        }
    }
    stage.refuses(wrong).await;
    // Joiners, variation selectors and what else names and emoji need.
    let content = "葛\u{E0100}👨\u{200D}👩 ①“”";
    stage.takes(vec![(content.into(), create_article(article(content)))]).await;
    stage.close().await;
}

#[tokio::test]
async fn a_text_that_is_needed_is_neither_empty_nor_blank() {
    let stage = Stage::open().await;
    let mut wrong = Vec::new();
    for text in all(&stage).into_iter().filter(|text| text.required) {
        for blank in ["", " ", "\u{3000}\u{A0}"] {
            wrong.push(case(
                format!("{} of {blank:?}", text.field),
                (text.request)(blank.into()),
                &[text.field],
            ));
        }
    }
    stage.refuses(wrong).await;
    stage.close().await;
}
