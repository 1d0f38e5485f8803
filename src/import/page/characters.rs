//! What single characters are, as far as reading a page needs it.

/// A Chinese character.
pub(super) fn is_han(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}' | '〇')
}

/// A character that prints nothing: controls but for the tab, marks of width zero.
pub(super) fn is_unprintable(character: char) -> bool {
    (character.is_control() && !character.is_whitespace())
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The ordinary form of a full-width letter, figure, mark or space, so that a rule is written
/// once. One character stays one character.
pub(super) fn fold(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        '\u{3000}' | '\u{a0}' | '\t' => ' ',
        '∶' | '︰' => ':',
        '〜' => '~',
        '–' | '—' | '−' | '―' => '-',
        other => other,
    }
}

/// The ornaments that open a signature or a title (■ 记者 …).
pub(super) fn is_ornament(character: char) -> bool {
    matches!(
        character,
        '■' | '□'
            | '●'
            | '○'
            | '◆'
            | '◇'
            | '▲'
            | '△'
            | '▼'
            | '▽'
            | '★'
            | '☆'
            | '▪'
            | '▫'
            | '◎'
            | '※'
            | '▶'
            | '►'
            | '◀'
            | '◢'
            | '◤'
            | '◥'
            | '◣'
            | '❖'
            | '•'
    )
}

/// The text with the ornaments at its front taken off.
pub(super) fn without_ornaments(text: &str) -> &str {
    text.trim_start_matches(|character: char| is_ornament(character) || character.is_whitespace())
}

/// Whether a sentence ends here. Closing quotes and brackets, and a short remark in brackets
/// after the full stop （完）, are looked through. A colon ends a paragraph that opens a list.
pub(super) fn ends_sentence(text: &str) -> bool {
    // The last characters are enough, and a paragraph that grows line by line is asked often.
    let text = last_characters(text.trim_end(), 50);
    if ends_with_stop(text) {
        return true;
    }
    if !text.ends_with(['）', ')']) {
        return false;
    }
    text.rfind(['（', '(']).is_some_and(|open| ends_with_stop(&text[..open]))
}

/// The end of a text, at most so many characters.
pub(super) fn last_characters(text: &str, count_max: usize) -> &str {
    let start = text.char_indices().rev().take(count_max).last().map_or(text.len(), |(at, _)| at);
    &text[start..]
}

fn ends_with_stop(text: &str) -> bool {
    const CLOSERS: &[char] = &['”', '’', '」', '』', '）', ')', '》', '〉', '】', '"', '\'', ' ', '\u{3000}'];
    let text = text.trim_end_matches(CLOSERS);
    text.ends_with(['。', '！', '？', '…', '!', '?', '.', '：', ':', '．', '｡'])
}

/// Whether every quote and bracket that opens in the text also closes in it. Half a sentence
/// often has only one of the pair; a headline never.
pub(super) fn is_balanced(text: &str) -> bool {
    let mut depth = 0i32;
    for character in text.chars() {
        match character {
            '“' | '《' | '（' | '(' | '「' | '『' | '【' => depth += 1,
            '”' | '》' | '）' | ')' | '」' | '』' | '】' => depth -= 1,
            _ => continue,
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// The text with every run of white space made one ordinary space.
pub(super) fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_at_its_stop_even_inside_quotes() {
        for text in ["完了。", "“好！”", "就这样。（完）", "如下：", "《山城》。》"]
        {
            assert!(ends_sentence(text), "{text}");
        }
        for text in ["还没有完", "一、二、", "见“山城”", "（见图）", ""] {
            assert!(!ends_sentence(text), "{text}");
        }
    }

    #[test]
    fn half_a_quotation_is_not_balanced() {
        assert!(is_balanced("“山”与《水》"));
        assert!(!is_balanced("他说：“山"));
        assert!(!is_balanced("山”，他说"));
    }
}
