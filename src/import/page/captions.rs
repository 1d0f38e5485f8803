//! Captions (图为…) and the credit of a photo at their end.

use std::ops::Range;

use super::Role;
use super::signatures::{self, Signature, Trust};

/// What says who made a photo.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Credit {
    /// 甲 乙 摄.
    Photographers(Signature),
    /// 资料图片, 某某公司供图: where it lies, in bytes.
    Words(Range<usize>),
}

/// Where the caption begins in a text, in bytes: at a sentence that points at the picture. What
/// stands before it is the story.
pub(super) fn start(text: &str) -> Option<usize> {
    if points_at_picture(text) {
        return Some(0);
    }
    text.match_indices('图').find_map(|(at, _)| {
        let front = sentence_front(text, at);
        (front > 0 && points_at_picture(&text[front..])).then_some(front)
    })
}

/// The front of the sentence around a place, if it is at most a few characters away; else the
/// place itself, where no sentence begins.
fn sentence_front(text: &str, at: usize) -> usize {
    let mut front = at;
    for (place, character) in text[..at].char_indices().rev().take(5) {
        if matches!(character, '。' | '！' | '？' | '”' | ' ' | '\u{3000}') {
            return front;
        }
        front = place;
    }
    0
}

/// 图为, 图①, 图1：, 左图为, 上图：, ▲图为, （左图）.
fn points_at_picture(text: &str) -> bool {
    const SIDES: &[char] = &[
        '上', '下', '左', '右', '题', '本', '中', '▲', '△', '▼', '↑', '↓', '←', '→', '◀', '▶', '■', '●',
        '小', '大', ' ',
    ];
    let Some(after) = text.trim_start_matches(SIDES).strip_prefix('图') else {
        return false;
    };
    let bare = after.trim_start_matches(|each: char| {
        matches!(each, '①'..='⑳' | '一'..='一' | '二' | '三' | '四' | '片') || each.is_numeric()
    });
    if ["为：", "为:", "为"].iter().any(|word| bare.starts_with(word)) {
        return true;
    }
    let is_numbered = bare.len() < after.len() || !text.starts_with('图');
    is_numbered && bare.starts_with(['：', ':', '，', '、'])
}

/// The credit at the end of a caption, and where the caption's own words end, in bytes.
pub(super) fn credit_at_end(text: &str) -> Option<(usize, Credit)> {
    let trimmed = text.trim_end();
    let bare = trimmed.trim_end_matches(['）', ')', '。']);
    if !["摄", "摄影", "图", "图片", "摄影报道", "发", "提供"].iter().any(|end| bare.ends_with(end))
    {
        return None;
    }
    tail_fronts(bare).into_iter().find_map(|front| {
        let words_end = text[..front].trim_end_matches(['（', '(', ' ', '\u{3000}', '\t']).len();
        let credit = credit(&text[front..bare.len()])?.moved(front);
        (words_end > 0).then_some((words_end, credit))
    })
}

/// Where the tail that holds a credit may begin, the longest tail first: behind the last full stop
/// or opening bracket, or at one of the last spaces.
fn tail_fronts(text: &str) -> Vec<usize> {
    let window = text.char_indices().rev().take(60).last().map_or(0, |(at, _)| at);
    let mut fronts = Vec::new();
    for (at, character) in text[window..].char_indices() {
        let after = window + at + character.len_utf8();
        if matches!(character, '。' | '！' | '？' | '（' | '(' | '”') {
            fronts.clear();
            fronts.push(after);
        } else if character.is_whitespace() {
            fronts.push(after);
        }
    }
    fronts
}

/// A text that is a photo credit from its first to its last character, brackets around it or not.
pub(super) fn credit(text: &str) -> Option<Credit> {
    const AROUND: &[char] = &['（', '）', '(', ')', ' ', '\u{3000}', '\t'];
    let lead = text.len() - text.trim_start_matches(AROUND).len();
    let text = text.trim_matches(AROUND);
    if let Some(names) = signatures::read(text, Trust::Marked)
        && names.is_all(Role::Photographer)
        && has_likely_names(&names)
    {
        return Some(Credit::Photographers(names.moved(lead)));
    }
    let is_short = text.chars().count() <= 20 && !text.contains(['，', '。', '：', '《']);
    let is_credit = ["供图", "资料图片", "资料图", "新华社发"].iter().any(|end| text.ends_with(end))
        || (text.contains("图片") && text.ends_with("提供"));
    (is_short && is_credit).then(|| Credit::Words(lead..lead + text.len()))
}

/// Words that end in 摄 or 图 could be the end of a sentence; names with a usual surname are not.
fn has_likely_names(names: &Signature) -> bool {
    !names.wording.is_empty()
        && names.people.iter().all(|person| {
            super::surnames::opens_with_surname(&person.name)
                || person.name.contains('·')
                || names.wording.len() > 1
        })
}

impl Credit {
    fn moved(self, by: usize) -> Credit {
        match self {
            Credit::Photographers(names) => Credit::Photographers(names.moved(by)),
            Credit::Words(place) => Credit::Words(place.start + by..place.end + by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_begin_where_a_sentence_points_at_the_picture() {
        assert_eq!(start("图为茶农采茶。"), Some(0));
        assert_eq!(start("▲上图为茶农采茶。"), Some(0));
        assert_eq!(start("图①：茶农采茶。"), Some(0));
        assert_eq!(start("春茶开采。图为茶园。"), Some("春茶开采。".len()));
        assert_eq!(start("他按图为新房画线。"), None);
        assert_eq!(start("图书馆开放。"), None);
    }

    #[test]
    fn a_caption_ends_in_its_credit() {
        for (text, words) in [
            ("图为茶园。（林晓 摄）", "图为茶园。"),
            ("图为茶园。林晓 王一 摄", "图为茶园。"),
            ("图为茶园 本报记者 林晓 摄", "图为茶园"),
            ("图为茶园。（茶园供图）", "图为茶园。"),
            ("图为茶园。资料图片", "图为茶园。"),
        ] {
            assert_eq!(credit_at_end(text).map(|(end, _)| &text[..end]), Some(words), "{text}");
        }
        assert_eq!(credit_at_end("图为游客在拍摄"), None);
        assert_eq!(credit_at_end("图为茶园。"), None);
    }
}
