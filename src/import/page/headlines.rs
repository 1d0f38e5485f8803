//! The last step of a story: its title lines become kicker, headline and subheadline, the lead
//! headline goes to its story, and the page's play is named.

use super::characters::{single_spaced, without_ornaments};
use super::draft::{Draft, add, share_photographers};
use super::kinds::Item;
use super::lead::{kinship, lead_line_count};
use super::ledger::Ledger;
use super::titles::{self, said_length};
use super::{Became, Block, Field, StoryRole, Warning, WarningKind};
use crate::copy_check::ends_sentence;

/// A story of fewer characters than this is a brief (简讯).
const BRIEF_CHARACTERS: usize = 200;

/// Settles the headlines and the play of all stories.
pub(super) fn settle(items: &[Item], drafts: &mut [Draft], warnings: &mut Vec<Warning>, ledger: &mut Ledger) {
    let lead = give_lead_headline(items, drafts, warnings);
    for draft in drafts.iter_mut() {
        set_titles(items, draft, warnings, ledger);
        draft.story.role = role(draft);
        let is_photo_story = draft.is_photo_story();
        share_photographers(&mut draft.story, is_photo_story);
    }
    let first = drafts.iter().position(|draft| draft.story.role != StoryRole::PhotoStory);
    if let Some(lead) = lead.or(first) {
        drafts[lead].story.role = StoryRole::Lead;
    }
}

fn role(draft: &Draft) -> StoryRole {
    let is_signed_by_reporter =
        draft.story.bylines.iter().any(|byline| byline.role != super::Role::Photographer);
    if draft.is_photo_story() && !is_signed_by_reporter {
        StoryRole::PhotoStory
    } else if draft.character_count() < BRIEF_CHARACTERS {
        StoryRole::Brief
    } else {
        StoryRole::Secondary
    }
}

/// Moves the lead headline from above the first story to the story that has none; see `lead` for
/// how the two are told apart. Answers the place of the lead story.
fn give_lead_headline(items: &[Item], drafts: &mut [Draft], warnings: &mut Vec<Warning>) -> Option<usize> {
    let titles: Vec<&str> = drafts.first()?.titles.iter().map(|at| items[*at].text.as_ref()).collect();
    let top = titles.first()?;
    if titles.len() < 2 {
        return None;
    }
    let texts =
        drafts.iter().enumerate().skip(1).filter(|(_, draft)| draft.titles.is_empty() && draft.has_body());
    let (story, _, text) = texts
        .map(|(place, draft)| {
            let text = draft.text();
            (place, kinship(top, &text), text)
        })
        .reduce(|best, other| if other.1 > best.1 { other } else { best })?;
    let count = lead_line_count(&titles, &drafts[0].text(), &text);
    let moved: Vec<usize> = drafts[0].titles.drain(..count).collect();
    let line = items[*moved.first()?].number;
    drafts[0].first_line = items[*drafts[0].titles.first()?].number;
    warnings.push(Warning {
        line,
        kind: WarningKind::LeadHeadline,
        message: format!(
            "taken as the lead headline, printed at the top, of the story that begins on line {} \
             without one: {top}",
            drafts[story].first_line
        ),
    });
    drafts[story].titles = moved;
    Some(story)
}

fn set_titles(items: &[Item], draft: &mut Draft, warnings: &mut Vec<Warning>, ledger: &mut Ledger) {
    if draft.titles.is_empty() {
        let opening = draft.story.working_headline();
        warnings.push(Warning {
            line: draft.first_line,
            kind: WarningKind::NoHeadline,
            message: format!("no headline found for the story that opens: {opening}"),
        });
        return;
    }
    let lines: Vec<&str> = draft.titles.iter().map(|at| without_ornaments(&items[*at].text)).collect();
    let choice = titles::choose(&lines);
    if choice.is_close {
        let item = &items[draft.titles[choice.headline]];
        warnings.push(Warning {
            line: item.number,
            kind: WarningKind::HeadlineChoice,
            message: format!("taken as the headline of {} title lines: {}", lines.len(), item.text),
        });
    }
    for (place, at) in draft.titles.clone().into_iter().enumerate() {
        let item = &items[at];
        let ornaments = item.text.len() - lines[place].len();
        let front = ornaments + said_length(lines[place]);
        let words = single_spaced(&item.text[front..]);
        let field = match place.cmp(&choice.headline) {
            std::cmp::Ordering::Less => Field::Kicker,
            std::cmp::Ordering::Equal => Field::Headline,
            std::cmp::Ordering::Greater => Field::Subheadline,
        };
        ledger.place(item.number, &item.text[..front], Became::Wording);
        ledger.place(item.number, &item.text[front..], draft.became(field));
        let story = &mut draft.story;
        match field {
            Field::Kicker => add(&mut story.kicker, &words, item.number),
            Field::Headline => add(&mut story.headline, &words, item.number),
            _ => add(&mut story.subheadline, &words, item.number),
        }
    }
}

/// Whether a paragraph is one that another block follows although its sentence has not ended.
pub(super) fn broken_paragraphs(blocks: &[Block]) -> impl Iterator<Item = &super::Passage> {
    blocks.windows(2).filter_map(|pair| match &pair[0] {
        Block::Paragraph(passage) if !ends_sentence(&passage.text) => Some(passage),
        _ => None,
    })
}
