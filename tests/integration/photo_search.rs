//! Finding photos: everything that holds what is asked for and nothing else.

use std::collections::BTreeSet;

use masthead::{
    admin::Role,
    import::desk::Desk,
    pb::{self, rights::Clearance},
};
use sqlx::PgConnection;

use crate::newsroom::{Newsroom, date, fields, mask, reason};

struct Stage {
    room: Newsroom,
    editor: Desk,
}

impl Stage {
    async fn open() -> Stage {
        let room = Newsroom::open().await;
        let editor = room.desk(Role::Editor).await;
        Stage { room, editor }
    }

    async fn close(self) {
        self.room.close().await;
    }

    async fn create(&mut self, photo: pb::Photo) -> pb::Photo {
        let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
        self.editor.photos.create_photo(create).await.expect("a photo").into_inner()
    }

    async fn captioned(&mut self, caption: &str) -> pb::Photo {
        self.create(pb::Photo { caption: caption.into(), ..Default::default() }).await
    }

    async fn ask(&mut self, request: pb::SearchPhotosRequest) -> pb::SearchPhotosResponse {
        self.editor.photos.search_photos(request).await.expect("results").into_inner()
    }

    /// The names of what is found, all pages of this size.
    async fn walk(&mut self, request: pb::SearchPhotosRequest, page_size: i32) -> Vec<String> {
        let (mut names, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = self.ask(pb::SearchPhotosRequest { page_size, page_token, ..request.clone() }).await;
            assert!(page.results.len() <= page_size as usize);
            names.extend(page.results.into_iter().map(|result| result.photo.expect("a photo").name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                assert_eq!(page.total_size as usize, names.len(), "{request:?}");
                return names;
            }
        }
    }

    async fn finds(&mut self, request: pb::SearchPhotosRequest) -> BTreeSet<String> {
        let names = self.walk(request, 500).await;
        let once: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(once.len(), names.len());
        once
    }

    async fn finds_words(&mut self, query: &str) -> BTreeSet<String> {
        self.finds(words(query)).await
    }
}

fn words(query: &str) -> pb::SearchPhotosRequest {
    pb::SearchPhotosRequest { query: query.into(), ..Default::default() }
}

fn names<'a>(photos: impl IntoIterator<Item = &'a pb::Photo>) -> BTreeSet<String> {
    photos.into_iter().map(|photo| photo.name.clone()).collect()
}

/// Numbers that are the same in each run (Knuth's linear congruential generator,
/// MMIX).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

/// Few characters, so that their pairs meet in many orders.
const PIECES: [&str; 22] = [
    "龙",
    "舟",
    "赛",
    "龙舟",
    "端午",
    "节",
    "市",
    "民",
    "观",
    "看",
    "，",
    "。",
    " ",
    "　",
    "\n",
    "AI",
    "ａｉ",
    "5G",
    "Café",
    "２０２６",
    "𠮷",
    "ΑΣ",
];

/// What these pieces are once case, width and the kind of space are gone.
fn plain(text: &str) -> String {
    let mut plain = text.to_owned();
    for (given, same) in [
        ("　", " "),
        ("\n", " "),
        ("AI", "ai"),
        ("ａI", "ai"),
        ("CAFÉ", "café"),
        ("ａｉ", "ai"),
        ("5G", "5g"),
        ("Café", "café"),
        ("２０２６", "2026"),
        ("ΑΣ", "ασ"),
        ("，", ","),
    ] {
        plain = plain.replace(given, same);
    }
    plain
}

#[tokio::test]
async fn a_search_finds_every_caption_that_holds_all_words_and_no_other() {
    let mut stage = Stage::open().await;
    let mut dice = Dice(2026);
    let mut captions = Vec::new();
    for _ in 0..300 {
        let length = 1 + dice.roll(12);
        let caption: String = (0..length).map(|_| dice.pick(&PIECES)).collect();
        let photo = stage.captioned(&caption).await;
        captions.push((photo.name, plain(&caption)));
    }
    let mut queries: Vec<String> =
        ["龙", "舟龙", "龙舟赛", "ａI", "CAFÉ", "afé", "2", "2026", "𠮷", "σα", "观看，"]
            .map(str::to_owned)
            .into();
    for _ in 0..150 {
        let pieces = 1 + dice.roll(3);
        let word: String = (0..pieces).map(|_| dice.pick(&PIECES)).collect();
        queries.push(word);
    }
    let (mut found_some, mut found_none) = (0, 0);
    for query in queries {
        let asked = plain(&query);
        let all = |caption: &str| asked.split_whitespace().all(|word| caption.contains(word));
        let truth: BTreeSet<String> =
            captions.iter().filter(|(_, caption)| all(caption)).map(|(name, _)| name.clone()).collect();
        assert_eq!(stage.finds_words(&query).await, truth, "{query:?}");
        *(if truth.is_empty() { &mut found_none } else { &mut found_some }) += 1;
    }
    assert!(found_some > 50 && found_none > 5, "{found_some} {found_none}");
    stage.close().await;
}

#[tokio::test]
async fn the_pairs_of_a_word_apart_from_each_other_are_not_the_word() {
    let mut stage = Stage::open().await;
    let apart = stage.captioned("龙舟 舟赛").await;
    let word = stage.captioned("第五届龙舟赛").await;
    assert_eq!(stage.finds_words("龙舟赛").await, names([&word]));
    assert_eq!(stage.finds_words("舟赛 龙舟").await, names([&apart, &word]));
    // A word is in one text: fields and their ends do not make one.
    stage.create(pb::Photo { caption: "端".into(), place: "午".into(), ..Default::default() }).await;
    assert_eq!(stage.finds_words("端午").await, BTreeSet::new());
    // What a pattern would take as a sign is a character.
    let percent = stage.captioned("增长5%_\\").await;
    for sign in ["%", "_", "\\", "5%_"] {
        assert_eq!(stage.finds_words(sign).await, names([&percent]), "{sign}");
    }
    stage.close().await;
}

#[tokio::test]
async fn every_text_that_tells_of_a_picture_is_searched_and_terms_are_not() {
    let mut stage = Stage::open().await;
    let byline = |name: &str| vec![pb::Byline { printed_name: name.into(), ..Default::default() }];
    let caption = stage.captioned("甲乙丙").await;
    let creator = stage.create(pb::Photo { bylines: byline("甲乙丁"), ..Default::default() }).await;
    let credit = stage.create(pb::Photo { credit_line: "甲乙戊".into(), ..Default::default() }).await;
    let place = stage.create(pb::Photo { place: "甲乙己".into(), ..Default::default() }).await;
    let keywords = vec!["甲乙庚".into(), "Ｄｒａｇｏｎ　Boat".into()];
    let keyword = stage.create(pb::Photo { keywords, ..Default::default() }).await;
    let terms =
        pb::Photo { usage_terms: "甲乙".into(), copyright_notice: "甲乙".into(), ..Default::default() };
    stage.create(terms).await;
    let all = [&caption, &creator, &credit, &place, &keyword];
    assert_eq!(stage.finds_words("甲乙").await, names(all));
    for (word, photo) in ["丙", "丁", "戊", "己", "庚"].into_iter().zip(all) {
        assert_eq!(stage.finds_words(word).await, names([photo]), "{word}");
    }
    let with = |creator: &str, place: &str, keyword: &str| pb::SearchPhotosRequest {
        creator: creator.into(),
        place: place.into(),
        keyword: keyword.into(),
        ..Default::default()
    };
    assert_eq!(stage.finds(with("乙", "", "")).await, names([&creator]));
    assert_eq!(stage.finds(with("丙", "", "")).await, BTreeSet::new());
    assert_eq!(stage.finds(with("", "甲 己", "")).await, names([&place]));
    // A keyword is asked for whole.
    assert_eq!(stage.finds(with("", "", "甲乙")).await, BTreeSet::new());
    for whole in ["甲乙庚", "dragon  boat", " DRAGON BOAT "] {
        assert_eq!(stage.finds(with("", "", whole)).await, names([&keyword]), "{whole}");
    }
    assert_eq!(stage.finds(with("丁", "己", "")).await, BTreeSet::new(), "all of it must be met");
    stage.close().await;
}

#[tokio::test]
async fn a_search_goes_by_the_words_as_they_are_now() {
    let mut stage = Stage::open().await;
    let photo = stage.captioned("龙舟").await;
    let change = |caption: &str| pb::UpdatePhotoRequest {
        photo: Some(pb::Photo {
            name: photo.name.clone(),
            etag: "*".into(),
            caption: caption.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let trial = pb::UpdatePhotoRequest { validate_only: true, ..change("灯会") };
    stage.editor.photos.update_photo(trial).await.expect("a trial");
    assert_eq!(stage.finds_words("灯会").await, BTreeSet::new());
    stage.editor.photos.update_photo(change("灯会")).await.expect("a change");
    assert_eq!(stage.finds_words("龙舟").await, BTreeSet::new());
    assert_eq!(stage.finds_words("灯会").await, names([&photo]));

    let delete = pb::DeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    stage.editor.photos.delete_photo(delete).await.expect("a deletion");
    assert_eq!(stage.finds_words("灯会").await, BTreeSet::new());
    let deleted = pb::SearchPhotosRequest { show_deleted: true, ..words("灯会") };
    assert_eq!(stage.finds(deleted).await, names([&photo]));
    let undelete = pb::UndeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    stage.editor.photos.undelete_photo(undelete).await.expect("the photo");
    assert_eq!(stage.finds_words("灯会").await, names([&photo]));
    stage.close().await;
}

#[tokio::test]
async fn results_come_newest_first_page_by_page_and_are_counted() {
    let mut stage = Stage::open().await;
    let mut newest_first = Vec::new();
    for number in 0..7 {
        newest_first.insert(0, stage.captioned(&format!("龙舟{number}")).await.name);
        stage.captioned("灯会").await;
    }
    for page_size in 1..=8 {
        assert_eq!(stage.walk(words("龙舟"), page_size).await, newest_first, "by {page_size}");
    }
    assert_eq!(stage.walk(words(""), 3).await.len(), 14);
    // What comes meanwhile is newer, and so on no later page.
    let first = stage.ask(pb::SearchPhotosRequest { page_size: 3, ..words("龙舟") }).await;
    stage.captioned("龙舟").await;
    let page_token = first.next_page_token.clone();
    let rest = pb::SearchPhotosRequest { page_size: 500, page_token, ..words("龙舟") };
    let rest = stage.ask(rest).await;
    let rest: Vec<String> =
        rest.results.into_iter().map(|result| result.photo.expect("a photo").name).collect();
    assert_eq!(rest, newest_first[3..]);
    for other in [words("龙"), pb::SearchPhotosRequest { show_deleted: true, ..words("龙舟") }] {
        let other = pb::SearchPhotosRequest { page_token: first.next_page_token.clone(), ..other };
        let refused = stage.editor.photos.search_photos(other).await.expect_err("another search");
        assert_eq!(
            (reason(&refused), fields(&refused)),
            ("INVALID_PAGE_TOKEN".into(), vec!["page_token".into()])
        );
    }
    stage.close().await;
}

#[tokio::test]
async fn photos_are_found_by_what_may_be_done_with_them() {
    let mut stage = Stage::open().await;
    let days = |start: i32, end: i32| {
        let day = |day: i32| (day > 0).then(|| date(2026, 11, day));
        (day(start), day(end))
    };
    let with = |clearance: Clearance| pb::Rights { clearance: clearance.into(), ..Default::default() };
    let licensed = |start, end| {
        let (license_start_date, license_end_date) = days(start, end);
        pb::Rights { license_start_date, license_end_date, ..with(Clearance::Cleared) }
    };
    let only = |start, end| {
        let (license_start_date, license_end_date) = days(start, end);
        Some(pb::ChannelRights { license_start_date, license_end_date, excluded: false })
    };
    let excluded = Some(pb::ChannelRights { excluded: true, ..Default::default() });
    let mut photos = Vec::new();
    for rights in [
        with(Clearance::Unspecified),
        with(Clearance::DoNotUse),
        with(Clearance::Cleared),
        licensed(10, 20),
        licensed(0, 15),
        licensed(16, 0),
        pb::Rights { print: excluded, ..with(Clearance::Cleared) },
        pb::Rights { digital: excluded, ..with(Clearance::Cleared) },
        pb::Rights { digital: only(15, 15), ..licensed(10, 20) },
        pb::Rights { print: only(1, 30), digital: only(0, 9), ..licensed(10, 20) },
    ] {
        photos.push(stage.create(pb::Photo { rights: Some(rights), ..Default::default() }).await);
    }
    let chosen = |indexes: &[usize]| names(indexes.iter().map(|index| &photos[*index]));
    for (clearance, indexes) in [
        (Clearance::Unspecified, &[0][..]),
        (Clearance::DoNotUse, &[1]),
        (Clearance::Cleared, &[2, 3, 4, 5, 6, 7, 8, 9]),
    ] {
        let request = pb::SearchPhotosRequest { clearance: Some(clearance.into()), ..Default::default() };
        assert_eq!(stage.finds(request).await, chosen(indexes), "{clearance:?}");
    }
    let (any, print, digital) =
        (pb::PhotoChannel::Unspecified, pb::PhotoChannel::Print, pb::PhotoChannel::Digital);
    for (day, channel, indexes) in [
        (15, any, &[2, 3, 4, 8][..]),
        (15, print, &[2, 3, 4, 7, 8, 9]),
        (15, digital, &[2, 3, 4, 6, 8]),
        (16, any, &[2, 3, 5]),
        (10, digital, &[2, 3, 4, 6]),
        (20, print, &[2, 3, 5, 7, 8, 9]),
        (21, print, &[2, 5, 7]),
        (9, digital, &[2, 4, 6]),
    ] {
        let request = pb::SearchPhotosRequest {
            granted_date: Some(date(2026, 11, day)),
            granted_channel: channel.into(),
            ..Default::default()
        };
        assert_eq!(stage.finds(request).await, chosen(indexes), "{day} {channel:?}");
    }
    stage.close().await;
}

#[tokio::test]
async fn photos_are_found_by_the_day_they_were_taken() {
    let mut stage = Stage::open().await;
    let mut past = stage.room.database.connect().await;
    let mut photos = Vec::new();
    for number in 1..=3 {
        let photo = stage.captioned("龙舟").await;
        let sql = "update photo_search set capture_date = $2::date where photo::text = $1";
        let id = photo.name.trim_start_matches("photos/").to_owned();
        let done = sqlx::query(sql).bind(id).bind(format!("2026-11-0{number}")).execute(&mut past).await;
        assert_eq!(done.expect("a day").rows_affected(), 1);
        photos.push(photo);
    }
    stage.captioned("龙舟").await;
    let day = |day: i32| (day > 0).then(|| date(2026, 11, day));
    for (from, until, indexes) in [(2, 0, 1..3), (0, 2, 0..2), (2, 2, 1..2), (4, 0, 0..0), (1, 3, 0..3)] {
        let request =
            pb::SearchPhotosRequest {
                captured_from: day(from), captured_until: day(until), ..words("龙舟")
            };
        assert_eq!(stage.finds(request).await, names(&photos[indexes]), "{from} {until}");
    }
    stage.close().await;
}

/// What is kept of every photo to find it by.
async fn entries(past: &mut PgConnection) -> Vec<String> {
    let sql = "select jsonb_build_array(photo, folded, grams, creators, places, keywords, capture_date)::text
               from photo_search order by photo";
    sqlx::query_scalar(sql).fetch_all(past).await.expect("entries")
}

#[tokio::test]
async fn photos_from_before_there_was_a_search_are_found_alike() {
    let mut stage = Stage::open().await;
    let byline = |name: &str| pb::Byline { printed_name: name.into(), ..Default::default() };
    // Every letter that has a small form, and every kind of space.
    let large: Vec<char> = ('\0'..=char::MAX).filter(|letter| letter.to_lowercase().ne([*letter])).collect();
    for letters in large.chunks(700) {
        stage.captioned(&letters.iter().collect::<String>()).await;
    }
    stage.captioned("一\t二 三\u{A0}四\u{1680}五\u{2003}六\u{202F}七\u{205F}八\u{3000}九\n十").await;
    stage.captioned(&('\u{FF01}'..='\u{FF5E}').collect::<String>()).await;
    stage.captioned("İstanbul \\ ' \u{20000}\u{2FFFD} ｱ").await;
    stage.captioned("").await;
    stage.captioned(&"龙舟竞渡，AI 5G。".repeat(150)).await;
    stage
        .create(pb::Photo {
            caption: "说明\n第二行".into(),
            bylines: vec![byline("林 Ａ"), byline("陈b")],
            credit_line: "新华社 发".into(),
            place: "融　城".into(),
            keywords: vec!["龙舟".into(), "Dragon  Boat".into(), "dragon boat".into(), "端午".into()],
            ..Default::default()
        })
        .await;
    let mut past = stage.room.database.connect().await;
    let written = entries(&mut past).await;
    assert!(written.len() > 7);
    sqlx::raw_sql("drop table photo_search").execute(&mut past).await.expect("no table");
    let migration = include_str!("../../migrations/0020_photo_search.sql");
    sqlx::raw_sql(migration).execute(&mut past).await.expect("the migration");
    assert_eq!(entries(&mut past).await, written);
    stage.close().await;
}

#[tokio::test]
async fn keywords_are_kept_once_and_without_spaces_around_them() {
    let mut stage = Stage::open().await;
    let keywords = [" 龙舟", "龙舟　", "Dragon Boat", "龙舟", "dragon boat"].map(str::to_owned);
    let photo = stage.create(pb::Photo { keywords: keywords.into(), ..Default::default() }).await;
    assert_eq!(photo.keywords, ["龙舟", "Dragon Boat", "dragon boat"]);
    let update = |keywords: &[&str]| pb::UpdatePhotoRequest {
        photo: Some(pb::Photo {
            name: photo.name.clone(),
            etag: "*".into(),
            keywords: keywords.iter().map(|keyword| (*keyword).to_owned()).collect(),
            place: "融城".into(),
            ..Default::default()
        }),
        update_mask: mask(&["keywords"]),
        ..Default::default()
    };
    let same = update(&["龙舟 ", "Dragon Boat", "dragon boat", "龙舟"]);
    let same = stage.editor.photos.update_photo(same).await.expect("an idle save").into_inner();
    assert_eq!(same, photo);
    let none = stage.editor.photos.update_photo(update(&[])).await.expect("none").into_inner();
    assert_eq!((none.keywords.len(), none.place.as_str()), (0, ""), "only what the mask names");
    assert_ne!(none.content_digest, photo.content_digest);
    stage.close().await;
}
