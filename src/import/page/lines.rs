//! The lines of the page: numbered, with what no editor can see taken out.

use std::borrow::Cow;

use crate::copy_check::is_unprintable;

/// A line with anything on it.
pub(super) struct Line<'a> {
    /// Counted from 1, blank lines too, as an editor's screen counts them.
    pub(super) number: usize,
    /// The line without the spaces around it and without control characters. Empty if there was
    /// nothing else on it.
    pub(super) text: Cow<'a, str>,
    /// Whether it begins with the two wide spaces that open a printed paragraph.
    pub(super) indented: bool,
    /// Whether the line before it was blank.
    pub(super) after_blank: bool,
    /// How many control characters were taken out.
    pub(super) unprintable_count: usize,
}

/// Splits a text into its lines, and drops the blank ones. Lines end with LF or CR LF.
pub(super) fn split(text: &str) -> Vec<Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut after_blank = true;
    let mut lines = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        if raw.trim().is_empty() {
            after_blank = true;
            continue;
        }
        let (clean, unprintable_count) = printable(raw);
        lines.push(Line {
            number: index + 1,
            indented: raw.starts_with("\u{3000}\u{3000}"),
            text: trimmed(clean),
            after_blank,
            unprintable_count,
        });
        after_blank = false;
    }
    lines
}

fn printable(raw: &str) -> (Cow<'_, str>, usize) {
    let count = raw.chars().filter(|character| is_unprintable(*character)).count();
    if count == 0 {
        return (Cow::Borrowed(raw), 0);
    }
    (Cow::Owned(raw.chars().filter(|character| !is_unprintable(*character)).collect()), count)
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_blank_lines_and_both_line_ends() {
        let lines = split("\u{feff}\r\n甲\r\n\n\u{3000}\u{3000}乙\t\n丙");
        let seen: Vec<_> = lines.iter().map(|line| (line.number, line.text.as_ref())).collect();
        assert_eq!(seen, [(2, "甲"), (4, "乙"), (5, "丙")]);
        assert!(lines[1].indented && lines[1].after_blank && !lines[2].after_blank);
    }

    #[test]
    fn control_characters_are_taken_out_and_counted() {
        let lines = split("甲\u{0}乙\n\u{1}\u{200b}");
        assert_eq!((lines[0].text.as_ref(), lines[0].unprintable_count), ("甲乙", 1));
        assert_eq!((lines[1].text.as_ref(), lines[1].unprintable_count), ("", 2));
    }
}
