//! Which of the lines above a story is its headline.
//!
//! Printed, the size of the type says it. In plain text an editor still knows, because the three
//! kinds of lines are worded differently: a headline is short, often in two balanced halves with a
//! gap between them; a subheadline tells more, with figures, commas, a subject; a kicker names the
//! occasion or the series.

use crate::text::is_han;

/// The reading of a group of title lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The place of the headline. Lines before it are the kicker, lines behind it the subheadline.
    pub(super) headline: usize,
    /// Whether another line was nearly as likely.
    pub(super) is_close: bool,
}

/// Chooses the headline among title lines, from top to bottom.
pub(super) fn choose(titles: &[&str]) -> Choice {
    if let Some(headline) = titles.iter().position(|title| said_kind(title) == Some(Said::Headline)) {
        return Choice { headline, is_close: false };
    }
    let shortest = titles.iter().map(|title| han_count(title)).min().unwrap_or(0);
    let scores: Vec<i32> = titles
        .iter()
        .enumerate()
        .map(|(place, title)| likeness(title, shortest) + place_bonus(place, titles.len()))
        .collect();
    let mut headline = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[headline] {
            headline = place;
        }
    }
    let best = scores.get(headline).copied().unwrap_or(0);
    let is_close = scores.iter().enumerate().any(|(place, score)| place != headline && best - score < 2);
    Choice { headline, is_close }
}

/// Of three lines the middle one is the headline as a rule, of two the first.
fn place_bonus(place: usize, count: usize) -> i32 {
    match (place, count) {
        (1, 3..) => 2,
        (0, 2) => 1,
        _ => 0,
    }
}

#[derive(PartialEq)]
enum Said {
    Kicker,
    Headline,
    Subheadline,
}

/// Some copy says itself what a line is (引题：…).
fn said_kind(title: &str) -> Option<Said> {
    let kinds = [
        ("引题", Said::Kicker),
        ("肩题", Said::Kicker),
        ("主标题", Said::Headline),
        ("主题", Said::Headline),
        ("副标题", Said::Subheadline),
        ("副题", Said::Subheadline),
    ];
    kinds.into_iter().find_map(|(word, kind)| {
        title.strip_prefix(word)?.trim_start().starts_with(['：', ':']).then_some(kind)
    })
}

/// How long the wording is that says what a line is, in bytes (引题：).
pub(super) fn said_length(title: &str) -> usize {
    match said_kind(title) {
        Some(_) => {
            title.find(['：', ':']).map_or(0, |at| at + title[at..].chars().next().map_or(0, char::len_utf8))
        }
        None => 0,
    }
}

/// Whether a line by its wording alone must be a kicker: a slogan, a series, an open end.
pub(super) fn is_worded_as_kicker(title: &str) -> bool {
    let parts: Vec<usize> = title.split_whitespace().map(han_count).collect();
    said_kind(title) == Some(Said::Kicker)
        || is_slogan(&parts)
        || names_series(title)
        || title.ends_with(['：', ':', '…'])
}

/// 学习 思考 实践: three or more very short parts.
fn is_slogan(parts: &[usize]) -> bool {
    parts.len() >= 3 && parts.iter().all(|part| *part <= 4)
}

/// How much a line is worded like a headline.
fn likeness(title: &str, shortest: usize) -> i32 {
    let mut score = 0;
    let parts: Vec<usize> = title.split_whitespace().map(han_count).collect();
    let is_slogan = is_slogan(&parts);
    let is_balanced = matches!(parts.len(), 2 | 3) && parts.iter().all(|part| *part >= 3);
    score += if is_slogan { -3 } else { 0 };
    score += if is_balanced && !is_slogan { 3 } else { 0 };
    score -= if title.contains(['，', '；', ',', '、']) { 2 } else { 0 };
    score -= if title.chars().any(char::is_numeric) { 1 } else { 0 };
    score -= if title.starts_with(['—', '-', '―', '─']) { 6 } else { 0 };
    score -= if title.ends_with(['：', ':', '…', '—']) { 6 } else { 0 };
    score -= if names_series(title) { 4 } else { 0 };
    score -= match han_count(title) {
        length if length * 2 > shortest * 3 => 2,
        length if length > shortest + 2 => 1,
        _ => 0,
    };
    score -= if matches!(said_kind(title), Some(Said::Kicker | Said::Subheadline)) { 9 } else { 0 };
    score
}

/// The names of series and columns, which stand above headlines.
fn names_series(title: &str) -> bool {
    const ENDS: [&str; 16] = [
        "在行动",
        "进行时",
        "系列报道",
        "走基层",
        "巡礼",
        "看变化",
        "特别报道",
        "专题",
        "追踪",
        "之窗",
        "在一线",
        "在身边",
        "综述",
        "侧记",
        "纪实",
        "观察",
    ];
    let bare = title.trim_end_matches(|each: char| !is_han(each));
    ENDS.iter().any(|end| bare.ends_with(end)) && !title.starts_with(['—', '-']) && han_count(title) <= 16
}

fn han_count(text: &str) -> usize {
    text.chars().filter(|each| is_han(*each) || each.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headline<'a>(titles: &[&'a str]) -> &'a str {
        titles[choose(titles).headline]
    }

    #[test]
    fn the_headline_is_chosen_by_its_wording() {
        for (titles, expected) in [
            (&["山城茶园项目开工", "位于青溪镇，总投资2.3亿元"][..], "山城茶园项目开工"),
            (&["县一季度重点项目推进会召开", "铆足干劲 奋战开局"], "铆足干劲 奋战开局"),
            (&["乡村振兴在行动", "一颗枇杷鼓起村民钱袋子"], "一颗枇杷鼓起村民钱袋子"),
            (&["春耕正当时", "农技员进村", "——青溪镇见闻"], "农技员进村"),
            (&["茶香满山城", "——青溪镇春茶开采见闻"], "茶香满山城"),
            (&["引题：春耕时节", "主题：农技员下田"], "主题：农技员下田"),
            (&["只有一行"], "只有一行"),
        ] {
            assert_eq!(headline(titles), expected, "{titles:?}");
        }
    }
}
