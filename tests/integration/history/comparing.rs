//! What changed between two revisions.

use masthead::{admin::Role, pb};
use pb::{
    block::Kind as Kinds,
    block_change::Kind::{Added, Changed, Removed, Unchanged},
    text_piece::Kind::{Deleted, Equal, Inserted},
};
use tonic::{Code, Status};

use super::{retitle, revision_name, save, sign};
use crate::newsroom::{Newsroom, date, fields, paragraph, reason};

const FIRST: &str = "本报讯 昨天，本市举行了一次防汛演练，六百人参加。";
const SECOND: &str = "演练分为水上搜救、伤员转运和堤坝加固三个科目，历时两个小时。";
const THIRD: &str = "市民代表在现场观看了全过程，对组织工作表示满意。";

async fn compare(room: &Newsroom, request: pb::CompareArticleRevisionsRequest) -> Result<Diff, Status> {
    let mut editor = room.desk(Role::Editor).await;
    editor.articles.compare_article_revisions(request).await.map(tonic::Response::into_inner)
}

type Diff = pb::CompareArticleRevisionsResponse;

/// The newest revision against the one before.
fn newest(article: &pb::Article) -> pb::CompareArticleRevisionsRequest {
    pb::CompareArticleRevisionsRequest { name: article.name.clone(), ..Default::default() }
}

fn between(article: &pb::Article, base: i64, revision: i64) -> pb::CompareArticleRevisionsRequest {
    pb::CompareArticleRevisionsRequest { base_revision: base, revision, ..newest(article) }
}

fn since_mine(article: &pb::Article) -> pb::CompareArticleRevisionsRequest {
    pb::CompareArticleRevisionsRequest { since_my_review: true, ..newest(article) }
}

/// An article whose body was changed from `old` to `new`, and what changed.
async fn rewritten(room: &Newsroom, old: Vec<pb::Block>, new: Vec<pb::Block>) -> Diff {
    let written = save(room, pb::Article { body: old, ..room.article("一次演练").await }, &["body"]).await;
    let changed = save(room, pb::Article { body: new, ..written.clone() }, &["body"]).await;
    let diff = compare(room, newest(&changed)).await.expect("a comparison");
    assert!(diff.field_changes.is_empty(), "{diff:?}");
    assert_rebuilds(&diff, &written.body, &changed.body);
    diff
}

fn texts(texts: &[&str]) -> Vec<pb::Block> {
    texts.iter().map(|text| paragraph(text)).collect()
}

/// Kind, places and moves of the blocks.
fn outline(diff: &Diff) -> Vec<(pb::block_change::Kind, Option<i32>, Option<i32>, bool)> {
    let changes = diff.block_changes.iter();
    changes.map(|change| (change.kind(), change.base_index, change.index, change.moved)).collect()
}

fn pieces(pieces: &[pb::TextPiece]) -> Vec<(pb::text_piece::Kind, &str)> {
    pieces.iter().map(|piece| (piece.kind(), piece.text.as_str())).collect()
}

/// The text without the pieces that are only in the other one.
fn side(pieces: &[pb::TextPiece], left_out: pb::text_piece::Kind) -> String {
    pieces.iter().filter(|piece| piece.kind() != left_out).map(|piece| piece.text.as_str()).collect()
}

fn text_of(block: &pb::Block) -> Option<String> {
    match block.kind.as_ref().expect("a kind") {
        Kinds::Paragraph(paragraph) => Some(paragraph.text.clone()),
        Kinds::Heading(heading) => Some(heading.text.clone()),
        Kinds::Label(label) => Some(label.text.clone()),
        Kinds::Quote(quote) => Some(quote.text.clone()),
        Kinds::List(list) => Some(list.items.join("\n")),
        Kinds::Table(_) | Kinds::Photo(_) => None,
    }
}

/// Whoever has one body can make the other from the changes, and back; no block is
/// told of twice or left out.
fn assert_rebuilds(diff: &Diff, base: &[pb::Block], current: &[pb::Block]) {
    let (mut old, mut new) = (vec![None; base.len()], vec![None; current.len()]);
    for change in &diff.block_changes {
        let base_at = change.base_index.map(|index| index as usize);
        let at = change.index.map(|index| index as usize);
        match change.kind() {
            Unchanged => {
                assert_eq!(base[base_at.expect("a place")], current[at.expect("a place")]);
                assert_eq!((&change.base_block, &change.block, change.pieces.len()), (&None, &None, 0));
                old[base_at.expect("a place")] = Some(base[base_at.expect("a place")].clone());
                new[at.expect("a place")] = Some(current[at.expect("a place")].clone());
                continue;
            }
            Changed => {
                let (before, after) = (change.base_block.as_ref(), change.block.as_ref());
                assert_ne!(before, after);
                let told = (side(&change.pieces, Inserted), side(&change.pieces, Deleted));
                let text = |block: Option<&pb::Block>| text_of(block.expect("a block")).unwrap_or_default();
                assert_eq!(told, (text(before), text(after)));
            }
            Added => assert_eq!((base_at, &change.base_block, change.pieces.len()), (None, &None, 0)),
            Removed => assert_eq!((at, &change.block, change.pieces.len()), (None, &None, 0)),
            kind => panic!("{kind:?}"),
        }
        if let Some(base_at) = base_at {
            assert!(old[base_at].is_none(), "block {base_at} of the base twice");
            old[base_at].clone_from(&change.base_block);
        }
        if let Some(at) = at {
            assert!(new[at].is_none(), "block {at} twice");
            new[at].clone_from(&change.block);
        }
    }
    assert_eq!(old.into_iter().map(|block| block.expect("every block")).collect::<Vec<_>>(), base);
    assert_eq!(new.into_iter().map(|block| block.expect("every block")).collect::<Vec<_>>(), current);
    let places: Vec<i32> = diff.block_changes.iter().filter_map(|change| change.index).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn an_edited_word_is_shown_by_its_characters_in_a_changed_paragraph() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let edited = FIRST.replace("六百", "近千");
    let diff = rewritten(&room, texts(&[FIRST, SECOND, THIRD]), texts(&[&edited, SECOND, THIRD])).await;
    let expected = [(Changed, 0), (Unchanged, 1), (Unchanged, 2)];
    let expected = expected.map(|(kind, index)| (kind, Some(index), Some(index), false));
    assert_eq!(outline(&diff), expected);
    let told = pieces(&diff.block_changes[0].pieces);
    let before = "本报讯 昨天，本市举行了一次防汛演练，";
    assert_eq!(told, [(Equal, before), (Deleted, "六百"), (Inserted, "近千"), (Equal, "人参加。")]);
    room.close().await;
}

#[tokio::test]
async fn a_removed_block_is_told_of_where_it_stood_and_an_added_one_where_it_stands() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let label = |text: &str| pb::Block { kind: Some(Kinds::Label(pb::Label { text: text.into() })) };
    let old = [texts(&[FIRST, SECOND]), vec![label("链接")], texts(&[THIRD])].concat();
    let new =
        [texts(&[FIRST]), vec![label("经典案例")], texts(&["气象部门预计，下周雨势减弱。", THIRD])].concat();
    let diff = rewritten(&room, old, new).await;
    let expected = [
        (Unchanged, Some(0), Some(0), false),
        (Removed, Some(1), None, false),
        (Removed, Some(2), None, false),
        (Added, None, Some(1), false),
        (Added, None, Some(2), false),
        (Unchanged, Some(3), Some(3), false),
    ];
    assert_eq!(outline(&diff), expected);
    let emptied = rewritten(&room, texts(&[FIRST, SECOND]), Vec::new()).await;
    assert_eq!(outline(&emptied), [0, 1].map(|index| (Removed, Some(index), None, false)));
    let filled = rewritten(&room, Vec::new(), texts(&[FIRST, SECOND])).await;
    assert_eq!(outline(&filled), [0, 1].map(|index| (Added, None, Some(index), false)));
    room.close().await;
}

#[tokio::test]
async fn a_moved_block_is_the_same_block_in_another_place_edited_or_not() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let fourth = "气象部门预计，下周雨势减弱，防汛形势好转。";
    let old = texts(&[FIRST, SECOND, THIRD, fourth]);
    let diff = rewritten(&room, old.clone(), texts(&[SECOND, THIRD, fourth, FIRST])).await;
    let expected = [
        (Unchanged, Some(1), Some(0), false),
        (Unchanged, Some(2), Some(1), false),
        (Unchanged, Some(3), Some(2), false),
        (Unchanged, Some(0), Some(3), true),
    ];
    assert_eq!(outline(&diff), expected);

    let edited = FIRST.replace("昨天", "前天");
    let diff = rewritten(&room, old, texts(&[SECOND, THIRD, fourth, &edited])).await;
    assert_eq!(outline(&diff)[3], (Changed, Some(0), Some(3), true));
    let told = pieces(&diff.block_changes[3].pieces);
    assert_eq!(told[1..3], [(Deleted, "昨"), (Inserted, "前")]);
    room.close().await;
}

#[tokio::test]
async fn of_several_rewritten_paragraphs_each_is_matched_to_what_it_became() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    // A new one before them, and each of them edited.
    let new = [
        "一场大雨之后，河水上涨。",
        &FIRST.replace("一次", "今年首次"),
        "演练分为水上搜救、伤员转运和堤坝加固三个科目，",
        &THIRD.replace("市民代表", "二十名市民代表"),
    ];
    let diff = rewritten(&room, texts(&[FIRST, SECOND, THIRD]), texts(&new)).await;
    let expected = [
        (Added, None, Some(0), false),
        (Changed, Some(0), Some(1), false),
        (Changed, Some(1), Some(2), false),
        (Changed, Some(2), Some(3), false),
    ];
    assert_eq!(outline(&diff), expected);
    // A paragraph on another matter is not an edit of the one that stood there.
    let other = "县图书馆新馆开放，藏书十二万册。";
    let diff = rewritten(&room, texts(&[FIRST, SECOND]), texts(&[FIRST, other])).await;
    assert_eq!(outline(&diff)[1..], [(Removed, Some(1), None, false), (Added, None, Some(1), false)]);
    room.close().await;
}

#[tokio::test]
async fn formatting_and_attributes_alone_make_a_block_changed() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let block = |kind| vec![pb::Block { kind: Some(kind) }];
    let bold = pb::Span { start: 0, length: 3, format: Some(pb::span::Format::Bold(true)) };
    let text = |spans| block(Kinds::Paragraph(pb::Paragraph { text: FIRST.into(), spans }));
    let heading = |level| block(Kinds::Heading(pb::Heading { text: "三个科目".into(), level }));
    let quote = |who: &str| block(Kinds::Quote(pb::Quote { text: "很好".into(), attribution: who.into() }));
    let list =
        |ordered| block(Kinds::List(pb::BulletList { items: vec!["甲".into(), "乙".into()], ordered }));
    let pairs = [
        (text(Vec::new()), text(vec![bold]), FIRST),
        (heading(1), heading(2), "三个科目"),
        (quote("某人"), quote("另一个人"), "很好"),
        (list(false), list(true), "甲\n乙"),
    ];
    for (old, new, text) in pairs {
        let diff = rewritten(&room, old, new).await;
        assert_eq!(outline(&diff), [(Changed, Some(0), Some(0), false)]);
        assert_eq!(pieces(&diff.block_changes[0].pieces), [(Equal, text)]);
    }
    room.close().await;
}

#[tokio::test]
async fn lists_are_compared_by_characters_and_tables_and_photos_shown_whole() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let photo = room.photo("演练现场").await.name;
    let block = |kind| vec![pb::Block { kind: Some(kind) }];
    let list = |second: &str| {
        let items = vec!["水上搜救".into(), second.into(), "堤坝加固".into()];
        block(Kinds::List(pb::BulletList { items, ordered: true }))
    };
    let diff = rewritten(&room, list("伤员转运"), list("伤员急救")).await;
    let told = pieces(&diff.block_changes[0].pieces);
    let expected = [(Equal, "水上搜救\n伤员"), (Deleted, "转运"), (Inserted, "急救"), (Equal, "\n堤坝加固")];
    assert_eq!(told, expected);

    let table = |last: &str| {
        let row = |cells: [&str; 2]| pb::table::Row { cells: cells.map(Into::into).to_vec() };
        block(Kinds::Table(pb::Table { rows: vec![row(["科目", "人数"]), row(["水上搜救", last])] }))
    };
    let pictured = |caption: &str| {
        let photo = photo.clone();
        block(Kinds::Photo(pb::PhotoUse { photo, caption: caption.into(), ..Default::default() }))
    };
    // However different what is written under it, it is the same picture.
    for (old, new) in [(table("一百"), table("两百")), (pictured("全景"), pictured("救生艇返航"))]
    {
        let diff = rewritten(&room, old, new).await;
        assert_eq!(outline(&diff), [(Changed, Some(0), Some(0), false)]);
        assert!(diff.block_changes[0].pieces.is_empty());
    }
    room.close().await;
}

#[tokio::test]
async fn a_character_as_people_see_it_is_never_cut() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let cases = [
        // A family of three by joiners, another child.
        ("合影留念👨‍👩‍👧了", "合影留念👨‍👩‍👦了", "👨‍👩‍👧", "👨‍👩‍👦"),
        // An ideograph, and its variant by a selector.
        ("葛姓居民多年来住在这里", "葛\u{E0100}姓居民多年来住在这里", "葛", "葛\u{E0100}"),
        // Outside the basic plane.
        ("他叫𠮷田，住在河边", "他叫𠮾田，住在河边", "𠮷", "𠮾"),
        ("cafe 开在河边的街上", "cafe\u{301} 开在河边的街上", "e", "e\u{301}"),
    ];
    for (old, new, gone, come) in cases {
        let diff = rewritten(&room, texts(&[old]), texts(&[new])).await;
        let told = pieces(&diff.block_changes[0].pieces);
        let changed: Vec<_> = told.into_iter().filter(|(kind, _)| *kind != Equal).collect();
        assert_eq!(changed, [(Deleted, gone), (Inserted, come)]);
    }
    room.close().await;
}

#[tokio::test]
async fn a_single_character_between_longer_changes_is_told_of_with_them() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = retitle(&room, &room.article("题").await, "要坚持不懈抓好防汛工作").await;
    let cases = [
        (
            "必须毫不动摇抓好防汛工作",
            vec![(Deleted, "要坚持不懈"), (Inserted, "必须毫不动摇"), (Equal, "抓好防汛工作")],
        ),
        // Between short ones it is what stayed.
        (
            "要支持不断抓好防汛工作",
            vec![
                (Equal, "要"),
                (Deleted, "坚"),
                (Inserted, "支"),
                (Equal, "持不"),
                (Deleted, "懈"),
                (Inserted, "断"),
                (Equal, "抓好防汛工作"),
            ],
        ),
    ];
    for (headline, expected) in cases {
        let changed = retitle(&room, &first, headline).await;
        let diff = compare(&room, between(&changed, first.revision, 0)).await.expect("a comparison");
        assert_eq!(pieces(&diff.field_changes[0].pieces), expected);
    }
    room.close().await;
}

#[tokio::test]
async fn changed_fields_are_told_as_pieces_or_as_values_before_and_after() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let outsider = |name: &str| pb::Byline { printed_name: name.into(), role: 2, ..Default::default() };
    let old = pb::Article {
        kicker: "防汛在行动".into(),
        headline: "六百人参加演练".into(),
        dateline: "本报讯".into(),
        bylines: vec![outsider("许知远山")],
        keywords: vec!["防汛".into()],
        place: "城南".into(),
        event_date: Some(date(2026, 6, 1)),
        embargo_time: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
        ..room.article("一次演练").await
    };
    let paths =
        ["kicker", "headline", "dateline", "bylines", "keywords", "place", "event_date", "embargo_time"];
    let old = save(&room, old, &paths).await;
    let new = pb::Article {
        headline: "近千人参加演练".into(),
        subheadline: "历时两个小时".into(),
        dateline: String::new(),
        bylines: vec![outsider("许知远山"), outsider("甘小雨")],
        keywords: vec!["演练".into(), "防汛".into()],
        event_date: None,
        embargo_time: None,
        ..old.clone()
    };
    let new = save(&room, new, &["*"]).await;
    let diff = compare(&room, newest(&new)).await.expect("a comparison");
    assert_eq!(diff.base_revision, revision_name(&new, new.revision - 1));
    assert_eq!(diff.revision, revision_name(&new, new.revision));
    let told: Vec<&str> = diff.field_changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(
        told,
        ["headline", "subheadline", "dateline", "bylines", "keywords", "event_date", "embargo_time"]
    );
    let change = |field: &str| diff.field_changes.iter().find(|change| change.field == field).expect("it");
    let headline = [(Deleted, "六百"), (Inserted, "近千"), (Equal, "人参加演练")];
    assert_eq!(pieces(&change("headline").pieces), headline);
    assert_eq!(pieces(&change("subheadline").pieces), [(Inserted, "历时两个小时")]);
    assert_eq!(pieces(&change("dateline").pieces), [(Deleted, "本报讯")]);
    assert_eq!((&change("headline").base_value, &change("headline").value), (&None, &None));
    let values = |field: &str| {
        let change = change(field);
        assert!(change.pieces.is_empty(), "{change:?}");
        (change.base_value.clone().expect("a value"), change.value.clone().expect("a value"))
    };
    let value = pb::FieldValue::default;
    let of_bylines = |article: &pb::Article| pb::FieldValue { bylines: article.bylines.clone(), ..value() };
    assert_eq!(values("bylines"), (of_bylines(&old), of_bylines(&new)));
    let of_keywords =
        |article: &pb::Article| pb::FieldValue { keywords: article.keywords.clone(), ..value() };
    assert_eq!(values("keywords"), (of_keywords(&old), of_keywords(&new)));
    assert_eq!(
        values("embargo_time"),
        (pb::FieldValue { embargo_time: old.embargo_time, ..value() }, value())
    );
    assert_eq!(values("event_date"), (pb::FieldValue { event_date: old.event_date, ..value() }, value()));
    room.close().await;
}

#[tokio::test]
async fn any_two_revisions_can_be_compared_and_by_default_the_newest_with_the_one_before() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let first = room.article("第一稿").await;
    let second = retitle(&room, &first, "第二稿").await;
    let third = retitle(&room, &second, "第三稿").await;
    let told = |diff: &Diff| {
        let headline = diff.field_changes.iter().map(|change| pieces(&change.pieces)).next();
        let changed = headline.map(|told| (told[1].1.to_owned(), told[2].1.to_owned()));
        (diff.base_revision.clone(), diff.revision.clone(), changed)
    };
    let expected = |base, revision, changed: Option<(&str, &str)>| {
        let changed = changed.map(|(old, new)| (old.to_owned(), new.to_owned()));
        (revision_name(&third, base), revision_name(&third, revision), changed)
    };
    let cases = [
        (newest(&third), expected(2, 3, Some(("二", "三")))),
        (between(&third, 0, 2), expected(1, 2, Some(("一", "二")))),
        (between(&third, 1, 0), expected(1, 3, Some(("一", "三")))),
        (between(&third, 3, 1), expected(3, 1, Some(("三", "一")))),
        (between(&third, 2, 2), expected(2, 2, None)),
    ];
    for (request, expected) in cases {
        let diff = compare(&room, request.clone()).await.expect("a comparison");
        assert_eq!(told(&diff), expected, "{request:?}");
        assert_eq!(outline(&diff), [(Unchanged, Some(0), Some(0), false)]);
    }

    let refused = compare(&room, between(&third, 0, 1)).await.expect_err("nothing before it");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "NO_BASE_REVISION".into()));
    for (base, revision) in [(1, 4), (4, 1), (i64::MAX, 1)] {
        let missing = compare(&room, between(&third, base, revision)).await.expect_err("no such revision");
        assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    }
    let nowhere =
        pb::Article { name: "articles/00000000-0000-7000-8000-000000000000".into(), ..third.clone() };
    let missing = compare(&room, newest(&nowhere)).await.expect_err("no such article");
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    let negative = compare(&room, between(&third, -1, i64::MIN)).await.expect_err("no numbers");
    assert_eq!(fields(&negative), ["base_revision", "revision"]);
    let both = pb::CompareArticleRevisionsRequest { base_revision: 1, ..since_mine(&third) };
    let both = compare(&room, both).await.expect_err("two bases");
    assert_eq!(fields(&both), ["base_revision"]);
    room.close().await;
}

#[tokio::test]
async fn a_reviewer_sees_what_changed_since_their_own_newest_sign_off() {
    let room = Newsroom::open().await;
    room.newspaper(2).await;
    let mine = async |article: &pb::Article| compare(&room, since_mine(article)).await;
    let first = room.article("第一稿").await;
    let refused = mine(&first).await.expect_err("no sign-off yet");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "NO_BASE_REVISION".into()));

    let second = retitle(&room, &first, "第二稿").await;
    let second = sign(&room, "editor", &second, 1).await;
    let diff = mine(&second).await.expect("nothing since");
    assert_eq!((diff.base_revision.as_str(), diff.field_changes.len()), (diff.revision.as_str(), 0));
    sign(&room, "another-editor", &second, 2).await;

    // The change has voided it, and another has come on top.
    let third = retitle(&room, &second, "第三稿").await;
    let fourth = retitle(&room, &third, "第四稿").await;
    let diff = mine(&fourth).await.expect("a comparison");
    assert_eq!(diff.base_revision, revision_name(&first, 2));
    let told = pieces(&diff.field_changes[0].pieces);
    assert_eq!(told, [(Equal, "第"), (Deleted, "二"), (Inserted, "四"), (Equal, "稿")]);

    // The sign-off of another person is not mine; a newer one of mine is.
    sign(&room, "another-editor", &fourth, 1).await;
    assert_eq!(mine(&fourth).await.expect("a comparison").base_revision, revision_name(&first, 2));
    sign(&room, "editor", &fourth, 2).await;
    // The same text again as in revision 2: what was signed last counts.
    let fifth = retitle(&room, &fourth, "第二稿").await;
    assert_eq!(mine(&fifth).await.expect("a comparison").base_revision, revision_name(&first, 4));
    let older = pb::CompareArticleRevisionsRequest { revision: 1, ..since_mine(&fifth) };
    let diff = compare(&room, older).await.expect("a comparison");
    assert_eq!((diff.base_revision, diff.revision), (revision_name(&first, 4), revision_name(&first, 1)));
    room.close().await;
}

#[tokio::test]
async fn the_largest_articles_are_compared_whole() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let written = |seed: u32, count: usize, length: usize| -> Vec<pb::Block> {
        let mut random = Random(u64::from(seed));
        (0..count).map(|_| paragraph(&random.text(length))).collect()
    };
    // Nothing in common, in many blocks; and few blocks with everything in common
    // but one character in a hundred.
    rewritten(&room, written(1, 2_000, 100), written(2, 2_000, 100)).await;
    let old = written(3, 10, 20_000);
    let new = old.iter().map(|block| {
        let text: Vec<char> = text_of(block).expect("a text").chars().collect();
        let edited = text.iter().enumerate().map(|(at, own)| if at % 100 == 50 { '改' } else { *own });
        paragraph(&edited.collect::<String>())
    });
    let diff = rewritten(&room, old.clone(), new.collect()).await;
    assert!(diff.block_changes.iter().all(|change| change.kind() == Changed && !change.moved));
    room.close().await;
}

#[tokio::test]
async fn whatever_was_done_to_a_body_both_can_be_made_from_what_is_told() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut random = Random(7);
    let mut body: Vec<pb::Block> = (0..12).map(|_| paragraph(&random.text(30))).collect();
    for _ in 0..25 {
        let old = body.clone();
        for _ in 0..1 + random.below(5) {
            let (at, to) = (random.below(body.len()), random.below(body.len()));
            let edited = format!("{}{}", random.text(2), text_of(&body[at]).expect("a text"));
            match random.below(5) {
                0 => body.insert(at, paragraph(&random.text(30))),
                1 if body.len() > 3 => drop(body.remove(at)),
                2 => body.swap(at, to),
                3 => body.insert(to, body[at].clone()),
                _ => body[at] = paragraph(&edited),
            }
        }
        // Two saves of one body are one revision.
        if body != old {
            rewritten(&room, old, body.clone()).await;
        }
    }
    room.close().await;
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn text(&mut self, length: usize) -> String {
        let letter = |n: usize| char::from_u32(0x4E00 + n as u32).expect("an ideograph");
        (0..length).map(|_| letter(self.below(3_000))).collect()
    }
}
