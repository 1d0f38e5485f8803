//! The parts of a parsed page as messages of the API.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};

use crate::{
    import::page::{Block, Byline, Caption, Fact, Masthead, Page, Passage, Role, Story, StoryRole},
    pb,
};

/// The names of reporters by the names that are printed.
pub type Reporters = HashMap<String, String>;

/// The newspaper that a masthead describes.
pub fn newspaper(masthead: &Masthead) -> pb::Newspaper {
    pb::Newspaper {
        title: text(masthead.title.as_ref()),
        serial_code: text(masthead.serial_code.as_ref()),
        supervising_body: text(masthead.supervising_body.as_ref()),
        publishing_body: text(masthead.publishing_body.as_ref()),
        chief_editor: text(masthead.chief_editor.as_ref()),
        hotline: text(masthead.hotline.as_ref()),
        website: masthead.websites.iter().map(|site| site.value.as_str()).collect::<Vec<_>>().join(" "),
        email: text(masthead.mailbox.as_ref()),
        price_note: text(masthead.price_note.as_ref()),
        ..pb::Newspaper::default()
    }
}

/// The issue that a masthead describes.
pub fn issue(masthead: &Masthead, date: NaiveDate) -> pb::Issue {
    let temperature = masthead.temperature.as_ref().map(|range| range.value);
    let weather = pb::Weather {
        condition: text(masthead.weather.as_ref()),
        wind: text(masthead.wind.as_ref()),
        low_celsius: temperature.map(|range| range.low_celsius),
        high_celsius: temperature.map(|range| range.high_celsius),
    };
    pb::Issue {
        number: number(masthead.issue_number.as_ref()),
        publish_date: Some(date_message(date)),
        weather: Some(weather),
        price_note: text(masthead.price_note.as_ref()),
        planned_page_count: number(masthead.page_count.as_ref()),
        ..pb::Issue::default()
    }
}

/// A date as the API has it.
pub fn date_message(date: NaiveDate) -> pb::google::r#type::Date {
    crate::wire::date(date)
}

/// The page's own facts; its placements come later.
pub fn page(name: String, page: &Page) -> pb::Page {
    let editors = page.staff.iter().filter(|person| person.role == Role::Editor);
    pb::Page {
        name,
        section: text(page.section.as_ref()),
        editor: editors.map(|person| person.printed_name.as_str()).collect::<Vec<_>>().join(" "),
        ..pb::Page::default()
    }
}

/// A story as an article; `photos` are the names of its photos.
pub fn article(newspaper: &str, story: &Story, reporters: &Reporters, photos: &[String]) -> pb::Article {
    pb::Article {
        newspaper: newspaper.to_owned(),
        kicker: passage(story.kicker.as_ref()),
        headline: story.working_headline(),
        subheadline: passage(story.subheadline.as_ref()),
        column: passage(story.column.as_ref()),
        dateline: passage(story.dateline.as_ref()),
        bylines: story.bylines.iter().map(|byline| byline_message(byline, reporters)).collect(),
        source_credit: source(&passage(story.source_credit.as_ref())),
        body: story.blocks.iter().map(block).collect(),
        photos: photos
            .iter()
            .map(|photo| pb::PhotoUse { photo: photo.clone(), ..pb::PhotoUse::default() })
            .collect(),
        ..pb::Article::default()
    }
}

/// A caption as a photo.
pub fn photo(caption: &Caption, reporters: &Reporters) -> pb::Photo {
    let names: Vec<&str> = caption.photographers.iter().map(|byline| byline.printed_name.as_str()).collect();
    let signed = if names.is_empty() { String::new() } else { format!("{} 摄", names.join(" ")) };
    pb::Photo {
        caption: caption.text.clone(),
        bylines: caption.photographers.iter().map(|byline| byline_message(byline, reporters)).collect(),
        credit_line: caption.credit.clone().unwrap_or(signed),
        ..pb::Photo::default()
    }
}

/// A story's place on its page.
pub fn placement(article: String, story: &Story) -> pb::Placement {
    let role = match story.role {
        StoryRole::Lead => pb::placement::Role::Lead,
        StoryRole::Secondary => pb::placement::Role::Secondary,
        StoryRole::Brief => pb::placement::Role::Brief,
        StoryRole::PhotoStory => pb::placement::Role::PhotoStory,
    };
    pb::Placement { article, role: role.into(), ..pb::Placement::default() }
}

fn block(block: &Block) -> pb::Block {
    let text = block.passage().text.clone();
    let kind = match block {
        Block::Paragraph(_) => pb::block::Kind::Paragraph(pb::Paragraph { text, spans: Vec::new() }),
        Block::Heading(_) => pb::block::Kind::Heading(pb::Heading { text, level: 1 }),
        Block::Label(_) => pb::block::Kind::Label(pb::Label { text }),
    };
    pb::Block { kind: Some(kind) }
}

fn byline_message(byline: &Byline, reporters: &Reporters) -> pb::Byline {
    let role = match byline.role {
        Role::Reporter => pb::byline::Role::Reporter,
        Role::Correspondent => pb::byline::Role::Correspondent,
        Role::Photographer => pb::byline::Role::Photographer,
        Role::Editor | Role::Layout => pb::byline::Role::Editor,
        Role::Proofreader => pb::byline::Role::Proofreader,
    };
    pb::Byline {
        reporter: reporters.get(&byline.name).cloned().unwrap_or_default(),
        printed_name: byline.printed_name.clone(),
        role: role.into(),
    }
}

/// The source itself, out of 据《福州日报》.
fn source(printed: &str) -> String {
    let bare = printed.trim().trim_start_matches('据').trim();
    bare.strip_prefix('《').and_then(|rest| rest.strip_suffix('》')).unwrap_or(bare).to_owned()
}

fn text(fact: Option<&Fact<String>>) -> String {
    fact.map(|fact| fact.value.clone()).unwrap_or_default()
}

fn number(fact: Option<&Fact<u32>>) -> i32 {
    fact.and_then(|fact| i32::try_from(fact.value).ok()).unwrap_or_default()
}

fn passage(passage: Option<&Passage>) -> String {
    passage.map(|passage| passage.text.clone()).unwrap_or_default()
}

/// The day of a date message, for people.
pub fn day(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}
