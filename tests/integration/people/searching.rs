//! Finding reporters by names and by how they are typed, in the order asked for.

use masthead::pb;
use sqlx::PgConnection;

use super::Stage;
use crate::newsroom::{mask, reason};

fn query(text: &str) -> pb::SearchReportersRequest {
    pb::SearchReportersRequest { query: text.into(), ..Default::default() }
}

impl Stage {
    async fn ask(&mut self, request: pb::SearchReportersRequest) -> pb::SearchReportersResponse {
        self.reporter.reporters.search_reporters(request).await.expect("an answer").into_inner()
    }

    /// The display names of who is found, in their order.
    async fn finds(&mut self, request: pb::SearchReportersRequest) -> Vec<String> {
        let answer = self.ask(request).await;
        assert_eq!(answer.total_size as usize, answer.results.len(), "all on one page");
        names(answer)
    }

    /// The same, page by page.
    async fn walks(&mut self, request: pb::SearchReportersRequest, page_size: i32) -> Vec<String> {
        let mut request = pb::SearchReportersRequest { page_size, ..request };
        let mut walked = Vec::new();
        loop {
            let answer = self.ask(request.clone()).await;
            assert!(answer.results.len() <= page_size as usize);
            request.page_token = answer.next_page_token.clone();
            walked.extend(names(answer));
            if request.page_token.is_empty() {
                return walked;
            }
        }
    }

    async fn rename(&mut self, reporter: &pb::Reporter, display_name: &str, pen_names: &[&str]) {
        let reporter = pb::Reporter {
            name: reporter.name.clone(),
            etag: "*".into(),
            display_name: display_name.into(),
            pen_names: pen_names.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        let update = pb::UpdateReporterRequest {
            reporter: Some(reporter),
            update_mask: mask(&["display_name", "pen_names"]),
            ..Default::default()
        };
        self.editor.reporters.update_reporter(update).await.expect("a new name");
    }
}

fn names(answer: pb::SearchReportersResponse) -> Vec<String> {
    answer.results.into_iter().map(|result| result.reporter.expect("a reporter").display_name).collect()
}

#[tokio::test]
async fn a_reporter_is_found_by_the_beginning_of_every_way_to_write_the_name() {
    let mut stage = Stage::open().await;
    for (name, pen_names) in [
        ("陈岚", &["江月"][..]),
        ("陳嵐", &[]),
        ("程澜", &[]),
        ("曹磊", &[]),
        ("吕芳", &[]),
        ("单小明", &[]),
        ("René O’Brien", &[]),
    ] {
        let pen_names = pen_names.iter().map(|name| (*name).to_owned()).collect();
        stage.create(pb::Reporter { display_name: name.into(), pen_names, ..Default::default() }).await;
    }
    let both = &["陈岚", "陳嵐"][..];
    for (typed, found) in [
        ("陈岚", both),
        ("陳嵐", both),
        ("陈", both),
        (" 陈　岚 ", both),
        ("chén lán", both),
        ("chénlán", both),
        ("Chén", &["陈岚", "陳嵐", "程澜"]),
        ("che\u{301}n la\u{301}n", both),
        ("chenlan", both),
        ("CHEN LAN", both),
        ("ｃｈｅｎ ｌ", both),
        ("chen l", both),
        ("chèn", &[]),
        ("chen ling", &[]),
        ("岚", &[]),
        ("cl", &["曹磊", "陈岚", "陳嵐", "程澜"]),
        ("che", &["陈岚", "陳嵐", "程澜"]),
        ("江", &["陈岚"]),
        ("jiang y", &["陈岚"]),
        ("jiāng", &["陈岚"]),
        ("jy", &["陈岚"]),
        ("lv", &["吕芳"]),
        ("lü", &["吕芳"]),
        ("lyu f", &["吕芳"]),
        ("lǚ", &["吕芳"]),
        ("shan", &["单小明"]),
        ("dan xiao", &["单小明"]),
        ("rene o'b", &["René O’Brien"]),
        ("RENÉ", &["René O’Brien"]),
        // A mark is passed over, and no pattern.
        ("c%", &["曹磊", "陈岚", "陳嵐", "程澜"]),
        ("_c", &["曹磊", "陈岚", "陳嵐", "程澜"]),
        ("zz", &[]),
    ] {
        assert_eq!(stage.finds(query(typed)).await, found, "{typed:?}");
    }
    stage.close().await;
}

#[tokio::test]
async fn a_search_goes_by_the_names_as_they_are_now() {
    let mut stage = Stage::open().await;
    let person = stage.person("陈岚").await;
    stage.rename(&person, "林晓", &["融风"]).await;
    for (typed, found) in [("陈", 0), ("cl", 0), ("lín", 1), ("lx", 1), ("rongf", 1)] {
        assert_eq!(stage.finds(query(typed)).await.len(), found, "{typed}");
    }
    stage.rename(&person, "林晓", &[]).await;
    assert_eq!(stage.finds(query("融")).await, Vec::<String>::new());
    let trial = pb::CreateReporterRequest {
        reporter: Some(pb::Reporter { display_name: "林知秋".into(), ..Default::default() }),
        validate_only: true,
        ..Default::default()
    };
    stage.reporter.reporters.create_reporter(trial).await.expect("a trial");
    assert_eq!(stage.finds(query("林")).await, ["林晓"]);
    stage.close().await;
}

#[tokio::test]
async fn deleted_and_retired_reporters_are_found_where_they_are_asked_for() {
    let mut stage = Stage::open().await;
    stage.person("陈安").await;
    let deleted = stage.person("陈岚").await;
    stage.delete(&deleted).await;
    stage.create(pb::Reporter { display_name: "陈舟".into(), retired: true, ..Default::default() }).await;
    for text in ["", "chen"] {
        for (show_deleted, show_retired, found) in [
            (false, false, &["陈安"][..]),
            (true, false, &["陈安", "陈岚"]),
            (false, true, &["陈安", "陈舟"]),
            (true, true, &["陈安", "陈岚", "陈舟"]),
        ] {
            let request = pb::SearchReportersRequest { show_deleted, show_retired, ..query(text) };
            assert_eq!(stage.finds(request).await, found, "{text:?} {show_deleted} {show_retired}");
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn results_come_in_the_chinese_order_or_by_code_point_page_by_page() {
    let mut stage = Stage::open().await;
    let sorted = [
        "Anna Lim",
        "曹磊",
        "陈安",
        "陈岚",
        "陈岚",
        "陳嵐",
        "程安",
        "李一",
        "林晓",
        "刘路",
        "吕芳",
        "乱石",
        "单小明",
        "张二",
        "张一",
    ];
    let sorted: Vec<String> = sorted.map(str::to_owned).into();
    let mut by_code_point = sorted.clone();
    by_code_point.sort();
    assert_ne!(by_code_point, sorted);
    for step in [7, 4, 11, 0, 14, 9, 2, 13, 5, 1, 12, 3, 10, 8, 6] {
        stage.person(&sorted[step]).await;
    }
    let by_name = |text: &str| pb::SearchReportersRequest { order_by: "display_name".into(), ..query(text) };
    assert_eq!(stage.finds(query("")).await, sorted);
    assert_eq!(stage.finds(by_name("")).await, by_code_point);
    let explicit = pb::SearchReportersRequest { order_by: "pinyin".into(), ..query("") };
    assert_eq!(stage.finds(explicit).await, sorted);
    let only = |names: &[String], first: char| -> Vec<String> {
        let plain = |name: &&String| {
            let letters = masthead::name_reading::pinyin_keys(name);
            letters.iter().any(|key| key.starts_with(first))
        };
        names.iter().filter(plain).cloned().collect()
    };
    for page_size in [1, 2, 5, 15, 16] {
        assert_eq!(stage.walks(query(""), page_size).await, sorted, "by {page_size}");
        assert_eq!(stage.walks(by_name(""), page_size).await, by_code_point, "by {page_size}");
        assert_eq!(stage.walks(query("l"), page_size).await, only(&sorted, 'l'), "by {page_size}");
        assert_eq!(stage.walks(by_name("c"), page_size).await, only(&by_code_point, 'c'), "by {page_size}");
    }
    // What comes meanwhile neither repeats nor hides what was there.
    let first = stage.ask(pb::SearchReportersRequest { page_size: 5, ..query("") }).await;
    stage.person("阿一").await;
    stage.person("朱一").await;
    let page_token = first.next_page_token.clone();
    let rest = pb::SearchReportersRequest { page_token: page_token.clone(), ..query("") };
    let rest = names(stage.ask(rest).await);
    assert_eq!(rest[..10], sorted[5..]);
    assert_eq!(rest[10..], ["朱一"]);
    for other in [query("c"), by_name(""), pb::SearchReportersRequest { show_retired: true, ..query("") }] {
        let other = pb::SearchReportersRequest { page_token: page_token.clone(), ..other };
        let refused = stage.reporter.reporters.search_reporters(other).await.expect_err("another search");
        assert_eq!(reason(&refused), "INVALID_PAGE_TOKEN");
    }
    stage.close().await;
}

async fn run(past: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(past).await.expect("a statement");
}

async fn keys(past: &mut PgConnection) -> Vec<String> {
    let sql = "select r.pinyin_order || ' ' || string_agg(k.key, ' ' order by k.key)
               from reporters r left join reporter_keys k on k.reporter = r.id group by r.id order by r.id";
    sqlx::query_scalar(sql).fetch_all(past).await.expect("keys")
}

#[tokio::test]
async fn reporters_from_before_there_was_a_search_are_found_soon_after_a_start() {
    let mut stage = Stage::open().await;
    for number in 0..12 {
        stage.person(&format!("陈岚{number}")).await;
    }
    let renamed = stage.person("林晓").await;
    stage.rename(&renamed, "林晓", &["江月"]).await;
    let mut past = stage.room.database.connect().await;
    let written = keys(&mut past).await;
    assert!(written.iter().all(|keys| keys.contains(' ')), "{written:?}");
    let Stage { room, .. } = stage;
    let room = room
        .closed_while(async {
            // As it is after the migration, and after a server of an older version has
            // changed a name.
            run(&mut past, "delete from reporter_keys").await;
            run(&mut past, "update reporters set search_version = 0, pinyin_order = ''").await;
            // More of them than are looked at in one go.
            run(
                &mut past,
                "insert into reporters (id, display_name, pen_names, press_card_number, desk, email, phone, pinyin,
                                        retired, create_time, update_time)
                 select gen_random_uuid(), '周' || n, '{}', '', '', '', '', '{}', false, now(), now()
                 from generate_series(1, 1200) n",
            )
            .await;
        })
        .await;
    let mut stage = Stage::of(room).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while stage.ask(query("zhou")).await.total_size < 1000 || stage.finds(query("cl")).await.len() < 12 {
        assert!(std::time::Instant::now() < deadline, "they are not found");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    run(&mut past, "delete from reporters where display_name like '周%'").await;
    assert_eq!(keys(&mut past).await, written);
    stage.close().await;
}

/// How many rows of reporters and of their keys were read by looking at all of them.
async fn rows_read_in_sequence(past: &mut PgConnection) -> i64 {
    let sql = "select sum(seq_tup_read)::bigint from pg_stat_user_tables
               where relname in ('reporters', 'reporter_keys')";
    sqlx::query_scalar(sql).fetch_one(past).await.expect("what was read")
}

#[tokio::test]
async fn no_search_among_many_reporters_looks_at_all_of_them() {
    let mut stage = Stage::open().await;
    let mut past = stage.room.database.connect().await;
    // As many as a group of newspapers has had in decades; some names begin alike.
    run(
        &mut past,
        "with made as (
             insert into reporters (id, display_name, pen_names, press_card_number, desk, email, phone, pinyin,
                                    retired, version, search_version, pinyin_order, create_time, update_time,
                                    delete_time)
             select gen_random_uuid(), chr(20000 + n % 5000) || n, '{}', '', '', '', '', '{}',
                    n % 9 = 0, 1, 1, substr(md5((n % 3000)::text), 1, 6) || ' ' || n, now(), now(),
                    case when n % 11 = 0 then now() end
             from generate_series(1, 100000) n
             returning id, display_name, pinyin_order
         )
         insert into reporter_keys (reporter, key)
         select id, display_name from made
         union all select id, replace(pinyin_order, ' ', '') from made
         union all select id, substr(pinyin_order, 1, 2) || substr(id::text, 1, 2) from made",
    )
    .await;
    run(&mut past, "vacuum analyze reporters").await;
    run(&mut past, "vacuum analyze reporter_keys").await;
    run(&mut past, "select pg_stat_force_next_flush()").await;
    // In a statement of its own, as only what is idle flushes.
    let before = rows_read_in_sequence(&mut past).await;
    for order_by in ["pinyin", "display_name"] {
        for text in ["", "a", "ab", "abc1", "3f", "丠", "丠丠", "zz"] {
            for (show_deleted, show_retired) in [(false, false), (true, true)] {
                let order_by = order_by.to_owned();
                let request =
                    pb::SearchReportersRequest { order_by, show_deleted, show_retired, ..query(text) };
                // As often as it takes for a plan that is kept.
                for _ in 0..7 {
                    let first = stage.ask(request.clone()).await;
                    if !first.next_page_token.is_empty() {
                        let page_token = first.next_page_token;
                        stage.ask(pb::SearchReportersRequest { page_token, ..request.clone() }).await;
                    }
                }
            }
        }
    }
    let found = stage.ask(query("a")).await;
    assert_eq!((found.results.len(), found.total_size), (50, 1000), "there is something to look at");
    // Connections tell what they have read when they end.
    let Stage { room, .. } = stage;
    let room = room.closed_while(async {}).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let looked_up = "select sum(idx_scan)::bigint from pg_stat_user_indexes where indexrelname in
                     ('reporter_keys_key', 'reporters_by_pinyin', 'reporters_by_name')";
    loop {
        let scans: i64 = sqlx::query_scalar(looked_up).fetch_one(&mut past).await.expect("lookups");
        if scans > 100 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nothing was looked up: {scans}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(rows_read_in_sequence(&mut past).await, before);
    room.close().await;
}
