//! Values at the edges of everything.

use fastrand::Rng;

/// Picks one.
pub fn one<'a, T>(random: &mut Rng, of: &'a [T]) -> &'a T {
    &of[random.usize(..of.len())]
}

/// Whether something of this chance, in percent, happens.
pub fn chance(random: &mut Rng, percent: u32) -> bool {
    random.u32(..100) < percent
}

/// A number at an edge.
pub fn number(random: &mut Rng) -> u64 {
    const EDGES: [i64; 28] = [
        0,
        1,
        -1,
        2,
        3,
        28,
        30,
        31,
        32,
        99,
        127,
        128,
        500,
        501,
        999,
        1_000,
        32_767,
        65_536,
        1_000_000_000,
        i32::MAX as i64,
        i32::MIN as i64,
        u32::MAX as i64,
        i64::MAX,
        i64::MIN,
        // The last second of the year 9999, and the one after it.
        253_402_300_799,
        253_402_300_800,
        -62_135_596_801,
        // The last second that chrono knows.
        8_210_266_876_799,
    ];
    if chance(random, 80) { *one(random, &EDGES) as u64 } else { random.u64(..) }
}

/// The bits of a floating-point number at an edge.
pub fn float(random: &mut Rng) -> f64 {
    const EDGES: [f64; 14] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        180.000_001,
        90.5,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    *one(random, &EDGES)
}

/// Year, month and day, mostly of no day.
pub fn date(random: &mut Rng) -> (i32, i32, i32) {
    const EDGES: [(i32, i32, i32); 20] = [
        (2026, 2, 30),
        (2024, 2, 29),
        (2023, 2, 29),
        (0, 0, 0),
        (0, 1, 1),
        (0, 2, 29),
        (-1, 12, 31),
        (1, 1, 1),
        (9999, 12, 31),
        (10_000, 1, 1),
        // The last years that chrono and Postgres know.
        (262_142, 12, 31),
        (262_143, 1, 1),
        (-262_143, 1, 1),
        (-4_713, 1, 1),
        (294_277, 1, 1),
        (5_874_898, 1, 1),
        (1_000_000_000, 1, 1),
        (i32::MAX, i32::MAX, i32::MAX),
        (i32::MIN, i32::MIN, i32::MIN),
        (2026, 11, 0),
    ];
    *one(random, &EDGES)
}

/// An odd text.
pub fn text(random: &mut Rng) -> String {
    const ODD: [&str; 40] = [
        "",
        " ",
        "\u{3000}",
        "\0",
        "报\0社",
        "\u{feff}报",
        "\u{202e}社报\u{202c}",
        "👨‍👩‍👧‍👦",
        "🇨🇳",
        "𠮷野家",
        "e\u{301}\u{301}\u{301}",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{e000}",
        "\u{7f}\u{80}\u{9f}",
        "\r\n\t\u{b}\u{c}",
        "\u{2028}\u{2029}",
        "%",
        "_",
        "\\",
        "'",
        "\"",
        "'; drop table articles; --",
        "$1",
        "{}",
        "null",
        "*",
        "-",
        ".",
        "..",
        "../../../etc/passwd",
        "/",
        "//",
        "newspapers/",
        "newspapers/*",
        "articles/00000000-0000-0000-0000-000000000000",
        "articles/not-a-uuid",
        "ﬀŉǰΐΰ",
        "İıſK",
    ];
    let odd = *one(random, &ODD);
    match random.u32(..20) {
        0 => odd.repeat(random.usize(1..300)),
        1 => "长".repeat(random.usize(1..70_000)),
        2 => "a".repeat(*one(random, &[35, 36, 63, 64, 100, 101, 200, 201, 2_000, 2_001, 100_000])),
        3 => "e\u{301}".repeat(random.usize(1..3_000)),
        4 => std::iter::repeat_with(|| random.char(..)).take(30).collect(),
        _ => odd.to_owned(),
    }
}

/// A filter, an order or a query, odd or not.
pub fn expression(random: &mut Rng) -> String {
    const ODD: [&str; 40] = [
        "state = DRAFT",
        "state != PUBLISHED AND create_time > \"2026-01-01T00:00:00Z\"",
        "mine()",
        "waiting_for_my_review()",
        "headline:\"报\"",
        "headline = *",
        "delete_time:*",
        "keywords:\"演练\" OR place = \"市\"",
        "NOT state = DRAFT",
        "-state = DRAFT",
        "number > 99999999999999999999",
        "number > -9223372036854775809",
        "number = 1e999",
        "publish_date >= \"2026-02-30\"",
        "publish_date = \"0000-01-01\"",
        "publish_date > \"294277-01-01\"",
        "publish_date < \"-4714-11-23\"",
        "publish_date = \"+262142-12-31\"",
        "create_time > \"9999-12-31T23:59:60Z\"",
        "create_time > \"2026-01-01T00:00:00+99:99\"",
        "create_time > \"0000-00-00T00:00:00Z\"",
        "newspaper = \"newspapers/\"",
        "newspaper = \"newspapers/x\" newspaper = \"newspapers/y\"",
        "\"unterminated",
        "'",
        "a.b.c.d = 1",
        "= = =",
        "AND AND OR",
        "()",
        ")(",
        "state = \"\0\"",
        "headline = \"\\u0000\"",
        "headline = \"%_\\\\\"",
        "publish_date desc",
        "publish_date desc, number",
        "number asc,,",
        "name, name",
        "，。！？",
        "\"演 练\" -市",
        "* * *",
    ];
    let odd = *one(random, &ODD);
    match random.u32(..20) {
        0 => format!("{}{odd}{}", "(".repeat(random.usize(1..60)), ")".repeat(random.usize(1..60))),
        1 => vec![odd; random.usize(1..80)].join(" AND "),
        2 => vec![odd; random.usize(1..80)].join(" OR "),
        3 => "NOT ".repeat(random.usize(1..700)) + odd,
        4 => "-".repeat(random.usize(1..2_001)),
        5 => text(random),
        _ => odd.to_owned(),
    }
}
