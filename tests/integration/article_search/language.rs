//! What queries find, and how it is shown.

use masthead::pb;
use tonic::Code;

use super::{Stage, words};
use crate::newsroom::{article, fields, mask, paragraph, reason};

fn byline(name: &str) -> pb::Byline {
    pb::Byline { printed_name: name.into(), ..Default::default() }
}

#[tokio::test]
async fn a_word_is_found_in_every_text_of_an_article_from_one_character_up() {
    let mut stage = Stage::open().await;
    let block = |kind| pb::Block { kind: Some(kind) };
    use pb::block::Kind;
    let photo = stage.room.photo("龙舟").await;
    let used = |caption: &str, credit: &str| pb::PhotoUse {
        photo: photo.name.clone(),
        caption: caption.into(),
        credit_line: credit.into(),
    };
    let cell = |text: &str| pb::table::Row { cells: vec![text.into()] };
    let whole = pb::Article {
        kicker: "甲引题".into(),
        subheadline: "乙副题".into(),
        column: "丙栏目".into(),
        dateline: "丁电头".into(),
        bylines: vec![byline("戊署名")],
        source_credit: "己来源".into(),
        body: vec![
            paragraph("庚正文"),
            block(Kind::Heading(pb::Heading { text: "辛小标题".into(), level: 1 })),
            block(Kind::Label(pb::Label { text: "壬标签".into() })),
            block(Kind::Quote(pb::Quote { text: "癸引文".into(), attribution: "子出处".into() })),
            block(Kind::List(pb::BulletList { items: vec!["丑条目".into()], ordered: false })),
            block(Kind::Table(pb::Table { rows: vec![cell("寅表格")] })),
            block(Kind::Photo(used("卯图说", "辰图源"))),
        ],
        photos: vec![used("巳图说", "午图源")],
        keywords: vec!["未关键词".into()],
        place: "申地点".into(),
        ..article("酉主题")
    };
    stage.create(whole).await;
    stage.headed("无关").await;
    for one in "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉".chars() {
        assert_eq!(stage.finds(&one.to_string()).await, ["酉主题"], "{one}");
    }
    // Nothing stands across two texts.
    assert_eq!(stage.finds("题酉").await, Vec::<String>::new());
    assert_eq!(stage.finds("正文辛").await, Vec::<String>::new());
    stage.close().await;
}

#[tokio::test]
async fn case_width_and_kind_of_characters_make_no_difference() {
    let mut stage = Stage::open().await;
    stage.headed("第五屆龍舟賽ＡＩ直播").await;
    stage.headed("第五届龙舟赛ai直播").await;
    for query in ["龙舟", "龍舟", "第五届龙舟赛AI直播", "ａｉ直播", "龍", "Ai"] {
        assert_eq!(stage.finds(query).await.len(), 2, "{query}");
    }
    stage.close().await;
}

#[tokio::test]
async fn all_words_must_be_there_and_excluded_ones_must_not() {
    let mut stage = Stage::open().await;
    stage.create(pb::Article { body: vec![paragraph("大雨，延期")], ..article("龙舟开赛") }).await;
    stage.create(pb::Article { body: vec![paragraph("晴，融城 开赛")], ..article("龙舟启航") }).await;
    stage.create(pb::Article { bylines: vec![byline("龙舟")], ..article("晴天见闻") }).await;
    assert_eq!(stage.finds("龙舟 开赛").await, ["龙舟开赛", "龙舟启航"]);
    assert_eq!(stage.finds("开赛 -延期").await, ["龙舟启航"]);
    assert_eq!(stage.finds("龙舟 -headline:龙舟").await, ["晴天见闻"]);
    assert_eq!(stage.finds("\"融城 开赛\"").await, ["龙舟启航"]);
    assert_eq!(stage.finds("“晴，融城”").await, ["龙舟启航"]);
    assert_eq!(stage.finds("\"融城开赛\"").await, Vec::<String>::new());
    assert_eq!(stage.finds("headline:开赛").await, ["龙舟开赛"]);
    assert_eq!(stage.finds("byline:龙舟").await, ["晴天见闻"]);
    assert_eq!(stage.finds("晴 byline:龙舟").await, ["晴天见闻"]);
    assert_eq!(stage.finds("column:龙舟").await, Vec::<String>::new());
    // The characters are there, and not next to each other.
    assert_eq!(stage.finds("舟龙").await, Vec::<String>::new());
    assert_eq!(stage.finds("龙舟开赛启航").await, Vec::<String>::new());
    stage.close().await;
}

#[tokio::test]
async fn what_was_saved_is_found_and_what_was_deleted_is_not() {
    let mut stage = Stage::open().await;
    let created = stage.headed("初稿").await;
    let update = pb::UpdateArticleRequest {
        article: Some(pb::Article {
            name: created.name.clone(),
            headline: "定稿".into(),
            etag: created.etag,
            ..Default::default()
        }),
        update_mask: mask(&["headline"]),
        ..Default::default()
    };
    stage.editor.articles.update_article(update).await.expect("an update");
    assert_eq!(stage.finds("初稿").await, Vec::<String>::new());
    assert_eq!(stage.finds("定稿").await, ["定稿"]);
    let rollback = pb::RollbackArticleRequest {
        name: created.name.clone(),
        revision: 1,
        etag: "*".into(),
        ..Default::default()
    };
    stage.editor.articles.rollback_article(rollback).await.expect("a rollback");
    assert_eq!(stage.finds("初稿").await, ["初稿"]);
    let delete = pb::DeleteArticleRequest { name: created.name.clone(), ..Default::default() };
    stage.editor.articles.delete_article(delete).await.expect("a deletion");
    assert_eq!(stage.finds("初稿").await, Vec::<String>::new());
    let undelete = pb::UndeleteArticleRequest { name: created.name, ..Default::default() };
    stage.editor.articles.undelete_article(undelete).await.expect("an undeletion");
    assert_eq!(stage.finds("初稿").await, ["初稿"]);
    stage.close().await;
}

#[tokio::test]
async fn headline_hits_come_first_then_the_newest() {
    let mut stage = Stage::open().await;
    for (headline, body) in [("一龙舟", ""), ("二", "龙舟"), ("三龙舟", "龙舟"), ("四", "龙舟"), ("五", "")]
    {
        stage.create(pb::Article { body: vec![paragraph(&format!("文{body}"))], ..article(headline) }).await;
    }
    assert_eq!(stage.finds("龙舟").await, ["三龙舟", "一龙舟", "四", "二"]);
    // One word in the headline and one in the text is no headline hit.
    assert_eq!(stage.finds("龙舟 文").await, ["四", "三龙舟", "二", "一龙舟"]);
    stage.close().await;
}

#[tokio::test]
async fn snippets_show_where_it_stands_in_characters() {
    let mut stage = Stage::open().await;
    let text = format!("{}😀龍舟競渡，{}", "前".repeat(30), "龍舟".repeat(60));
    let whole = pb::Article {
        column: "<b>龙舟</b>".into(),
        body: vec![paragraph("无"), paragraph(&text), paragraph("龙舟")],
        ..article("今日龙舟ＡＩ")
    };
    stage.create(whole).await;
    let answer = stage.ask(words("龙舟")).await;
    let snippets = &answer.results[0].snippets;
    let found: Vec<(&str, i32)> =
        snippets.iter().map(|snippet| (snippet.field.as_str(), snippet.start)).collect();
    assert_eq!(found, [("headline", 0), ("column", 0), ("body[1].paragraph.text", 11)]);
    assert_eq!(snippets[1].text, "<b>龙舟</b>");
    assert_eq!(snippets[2].text.chars().count(), 80);
    for snippet in snippets {
        for place in &snippet.highlights {
            let shown: String =
                snippet.text.chars().skip(place.start as usize).take(place.length as usize).collect();
            assert!(shown.replace(['龍', '龙'], "").replace('舟', "").is_empty(), "{shown}");
        }
    }
    assert_eq!(snippets[2].highlights[0], pb::snippet::Highlight { start: 20, length: 2 });
    stage.close().await;
}

#[tokio::test]
async fn pages_follow_each_other_whatever_is_written_between() {
    let mut stage = Stage::open().await;
    for number in 0..7 {
        stage.headed(&format!("龙舟{number}")).await;
    }
    let mut token = String::new();
    let mut seen = Vec::new();
    for page in 0.. {
        let answer =
            stage.ask(pb::SearchArticlesRequest { page_size: 2, page_token: token, ..words("龙舟") }).await;
        assert_eq!(answer.total_size, 7 + page);
        seen.extend(answer.results.into_iter().map(|result| result.article.expect("an article").headline));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
        // Newer than all that come.
        stage.headed(&format!("龙舟新{page}")).await;
    }
    assert_eq!(seen, ["龙舟6", "龙舟5", "龙舟4", "龙舟3", "龙舟2", "龙舟1", "龙舟0"]);
    let first = stage.ask(pb::SearchArticlesRequest { page_size: 2, ..words("龙舟") }).await;
    let other = pb::SearchArticlesRequest { page_token: first.next_page_token, ..words("龙") };
    let refused = stage.editor.articles.search_articles(other).await.expect_err("a refusal");
    assert_eq!(reason(&refused), "INVALID_PAGE_TOKEN");
    stage.close().await;
}

#[tokio::test]
async fn a_page_of_large_articles_ends_before_it_is_too_large_for_a_client() {
    let mut stage = Stage::open().await;
    let body: Vec<pb::Block> = (0..100).map(|_| paragraph(&"𠀀".repeat(1_900))).collect();
    for number in 0..5 {
        stage.create(pb::Article { body: body.clone(), ..article(&format!("长文{number}")) }).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let answer = stage.ask(pb::SearchArticlesRequest { page_token: token, ..words("长文") }).await;
        assert!((1..=4).contains(&answer.results.len()), "{}", answer.results.len());
        seen.extend(answer.results.into_iter().map(|result| result.article.expect("an article").headline));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["长文4", "长文3", "长文2", "长文1", "长文0"]);
    stage.close().await;
}

#[tokio::test]
async fn bad_queries_are_refused_with_their_place() {
    let mut stage = Stage::open().await;
    stage.headed("龙舟").await;
    for (query, says) in [
        (String::new(), "at character 1: has nothing to look for"),
        ("，。！——".into(), "at character 1: has nothing to look for"),
        ("\"\" -".into(), "at character 1: has nothing to look for"),
        ("-龙舟".into(), "at character 1: says only what must not be there"),
        ("龙舟 \"开赛".into(), "at character 4: opens a quote that nothing closes: add \""),
        ("龙舟 “开赛".into(), "at character 4: opens a quote that nothing closes: add ”"),
        ("题 titel:龙舟".into(), "at character 3: titel is no field"),
        ("龙".repeat(10_000), "has 10000 characters, more than 200"),
        ("\"".repeat(10_000), "has 10000 characters, more than 200"),
        ("龙\u{0}舟".into(), "U+0000"),
        ("龙\u{FFFE}舟".into(), "U+FFFE"),
    ] {
        let status = stage.refused(&query).await;
        assert_eq!((status.code(), reason(&status)), (Code::InvalidArgument, "INVALID_FIELD".into()));
        assert_eq!(fields(&status), ["query"]);
        assert!(status.message().contains(says), "{query:.20}: {status:?}");
    }
    // Two hundred words are a query like any other.
    assert_eq!(stage.finds(&"龙 ".repeat(100)).await, ["龙舟"]);
    stage.close().await;
}
