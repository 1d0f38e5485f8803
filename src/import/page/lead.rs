//! The lead headline, printed at the top and far from its story.
//!
//! A page is scanned in columns, so the headline of the lead story (头条) may come out right under
//! the masthead, while its text stands columns away and opens with a signature or a source credit
//! and no headline of its own. In the text the lead headline then looks like the kicker of
//! whatever story comes first. It is told from a kicker by this: a kicker introduces its own
//! story, so it shares words with it; the lead headline shares more words with the story that has
//! no headline. Without such a story on the page, there is nothing to decide.

use super::titles::is_worded_as_kicker;
use crate::text::is_han;

/// Which part of a title's neighbouring pairs of characters also stand in the text, 0 to 1.
/// Chinese has no spaces between words, and a pair of characters is nearly a word.
pub(super) fn kinship(title: &str, text: &str) -> f64 {
    let characters: Vec<char> = title.chars().take(60).collect();
    let pairs: Vec<String> = characters
        .windows(2)
        .filter(|pair| pair.iter().all(|each| is_han(*each)))
        .map(|pair| pair.iter().collect())
        .collect();
    if pairs.is_empty() {
        return 0.0;
    }
    let shared = pairs.iter().filter(|pair| text.contains(pair.as_str())).count();
    shared as f64 / pairs.len() as f64
}

/// A lead headline has a kicker and a subheadline at most.
const LEAD_LINES_MAX: usize = 3;

/// How many of the first story's title lines are the lead headline of another story, whose text
/// is given. The first story keeps at least one line for itself.
pub(super) fn lead_line_count(titles: &[&str], own_text: &str, other_text: &str) -> usize {
    titles[..titles.len().saturating_sub(1)]
        .iter()
        .enumerate()
        .take(LEAD_LINES_MAX)
        .take_while(|(place, title)| {
            let (own, other) = (kinship(title, own_text), kinship(title, other_text));
            // At a tie the topmost line is given away, unless it is worded as a kicker: the
            // other story lacks a headline, while this one still has one.
            let may_tie = *place == 0 && !is_worded_as_kicker(title);
            other > own || (may_tie && other == own)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_kin_to_the_text_that_speaks_of_it() {
        let text = "今年以来，山城县把茶园变成了花园。";
        assert!(kinship("茶园变花园", text) > kinship("水库开工建设", text));
        assert_eq!(kinship("A B", text), 0.0);
    }

    #[test]
    fn a_kicker_stays_with_its_own_story() {
        let (own, other) = ("春耕时节，农技员下田指导。", "水库大坝封顶。");
        assert_eq!(lead_line_count(&["春耕时节", "农技员下田"], own, other), 0);
        assert_eq!(lead_line_count(&["水库大坝封顶", "春耕时节", "农技员下田"], own, other), 1);
        assert_eq!(lead_line_count(&["水库大坝封顶"], own, other), 0);
    }
}
