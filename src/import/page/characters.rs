//! What single characters are, as far as reading a page needs it.

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
    fn half_a_quotation_is_not_balanced() {
        assert!(is_balanced("“山”与《水》"));
        assert!(!is_balanced("他说：“山"));
        assert!(!is_balanced("山”，他说"));
    }
}
