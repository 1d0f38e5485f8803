//! Issues, pages and findings, to and from their messages.

use std::collections::BTreeSet;

use crate::{
    article,
    calendar::{self, LunarDate},
    config,
    issue::{Facts, Issue, Layout, Page, Placement, Role, Weather, page_name},
    pb,
    publication::{
        self,
        check::{Finding, Severity},
        preflight::Answer,
    },
    wire::{self, Check, name::IssueName},
};

impl From<Issue> for pb::Issue {
    fn from(issue: Issue) -> pb::Issue {
        let date = issue.facts.publish_date;
        pb::Issue {
            name: issue.name(),
            uid: issue.uid.to_string(),
            number: issue.facts.number,
            publish_date: Some(wire::date(date)),
            weekday: calendar::weekday_name(date).to_owned(),
            lunar_date: calendar::lunar_date(date).map(pb::LunarDate::from),
            weather: (issue.facts.weather != Weather::default()).then(|| issue.facts.weather.into()),
            price_note: issue.facts.price_note,
            planned_page_count: issue.facts.planned_page_count,
            state: pb::State::from(issue.state).into(),
            reviews: issue.reviews.into_iter().map(pb::Review::from).collect(),
            latest_publication: issue.latest_publication.map(publication::name).unwrap_or_default(),
            content_digest: issue.content_digest.to_string(),
            creator: issue.creator,
            create_time: Some(wire::timestamp(issue.create_time)),
            update_time: Some(wire::timestamp(issue.update_time)),
            delete_time: issue.delete_time.map(wire::timestamp),
            etag: wire::etag(issue.version),
            return_reason: issue.return_reason,
            schedule: issue.schedule.map(pb::Schedule::from),
        }
    }
}

impl From<LunarDate> for pb::LunarDate {
    fn from(date: LunarDate) -> pb::LunarDate {
        pb::LunarDate {
            year_name: date.year_name,
            month: date.month as i32,
            leap_month: date.leap_month,
            day: date.day as i32,
            text: date.text,
        }
    }
}

impl From<Weather> for pb::Weather {
    fn from(weather: Weather) -> pb::Weather {
        pb::Weather {
            condition: weather.condition,
            wind: weather.wind,
            low_celsius: weather.low_celsius,
            high_celsius: weather.high_celsius,
        }
    }
}

impl From<(&IssueName, Page)> for pb::Page {
    fn from((issue, page): (&IssueName, Page)) -> pb::Page {
        pb::Page {
            name: page_name(issue, page.number),
            section: page.layout.section,
            editor: page.layout.editor,
            placements: page.layout.placements.into_iter().map(pb::Placement::from).collect(),
            etag: wire::etag(page.version),
            create_time: Some(wire::timestamp(page.create_time)),
            update_time: Some(wire::timestamp(page.update_time)),
        }
    }
}

impl From<Placement> for pb::Placement {
    fn from(placement: Placement) -> pb::Placement {
        let role = match placement.role {
            Role::Unspecified => pb::placement::Role::Unspecified,
            Role::Lead => pb::placement::Role::Lead,
            Role::Secondary => pb::placement::Role::Secondary,
            Role::Brief => pb::placement::Role::Brief,
            Role::PhotoStory => pb::placement::Role::PhotoStory,
        };
        pb::Placement {
            article: article::name(placement.article),
            role: role.into(),
            headline: placement.headline,
            kicker: placement.kicker,
            byline: placement.byline,
        }
    }
}

/// Reads the facts of the day.
pub fn facts(check: &mut Check, issue: pb::Issue) -> Facts {
    Facts {
        number: check.number("issue.number", issue.number, 0, config::ISSUE_NUMBER_MAX),
        publish_date: check.required_date("issue.publish_date", issue.publish_date),
        weather: issue.weather.map(|given| weather(check, given)).unwrap_or_default(),
        price_note: check.line("issue.price_note", issue.price_note, config::NAME_CHARS_MAX),
        planned_page_count: check.number(
            "issue.planned_page_count",
            issue.planned_page_count,
            0,
            config::PAGES_MAX,
        ),
    }
}

fn weather(check: &mut Check, weather: pb::Weather) -> Weather {
    let (low, high) = (weather.low_celsius, weather.high_celsius);
    if low.zip(high).is_some_and(|(low, high)| low > high) {
        check.add("issue.weather.high_celsius", "is below low_celsius");
    }
    let mut celsius = |field, value: Option<i32>| {
        value.map(|value| check.number(field, value, config::CELSIUS_MIN, config::CELSIUS_MAX))
    };
    let low_celsius = celsius("issue.weather.low_celsius", low);
    let high_celsius = celsius("issue.weather.high_celsius", high);
    Weather {
        condition: check.line("issue.weather.condition", weather.condition, config::NAME_CHARS_MAX),
        wind: check.line("issue.weather.wind", weather.wind, config::NAME_CHARS_MAX),
        low_celsius,
        high_celsius,
    }
}

/// Reads what is on a page.
pub fn layout(check: &mut Check, page: pb::Page) -> Layout {
    let section = check.line("page.section", page.section, config::NAME_CHARS_MAX);
    let editor = check.line("page.editor", page.editor, config::NAME_CHARS_MAX);
    if !check.count("page.placements", page.placements.len(), config::PLACEMENTS_MAX) {
        return Layout::default();
    }
    let placements = page.placements.into_iter().enumerate();
    let placements = placements
        .map(|(index, given)| placement(check, &format!("page.placements[{index}]"), given))
        .collect();
    Layout { section, editor, placements }
}

fn placement(check: &mut Check, field: &str, placement: pb::Placement) -> Placement {
    let role = match check.enumeration(&format!("{field}.role"), placement.role) {
        pb::placement::Role::Unspecified => Role::Unspecified,
        pb::placement::Role::Lead => Role::Lead,
        pb::placement::Role::Secondary => Role::Secondary,
        pb::placement::Role::Brief => Role::Brief,
        pb::placement::Role::PhotoStory => Role::PhotoStory,
    };
    let headline_max = config::HEADLINE_CHARS_MAX;
    Placement {
        article: check.article(&format!("{field}.article"), &placement.article),
        role,
        headline: check.line(&format!("{field}.headline"), placement.headline, headline_max),
        kicker: check.line(&format!("{field}.kicker"), placement.kicker, headline_max),
        byline: check.line(&format!("{field}.byline"), placement.byline, config::CREDIT_CHARS_MAX),
    }
}

/// What preflight answers, with what the caller waived in it.
pub fn preflight(answer: Answer, acknowledge: &BTreeSet<String>) -> pb::CheckIssueResponse {
    let total_size = i32::try_from(answer.findings.len()).unwrap_or(i32::MAX);
    let first = answer.findings.into_iter().take(config::FINDINGS_MAX);
    let findings = first.map(|found| finding(found, acknowledge)).collect();
    pb::CheckIssueResponse { findings, total_size, publishable: answer.publishable }
}

fn finding(found: Finding, acknowledge: &BTreeSet<String>) -> pb::Finding {
    let rule = found.code.rule();
    let code = pb::PublishCheck::from_str_name(&format!("PUBLISH_CHECK_{}", rule.name));
    let severity = match rule.severity {
        Severity::Error => pb::finding::Severity::Error,
        Severity::Warning => pb::finding::Severity::Warning,
    };
    pb::Finding {
        severity: severity.into(),
        code: code.unwrap_or_default().into(),
        waivable: rule.waivable,
        waived: found.is_waived(acknowledge),
        resource: found.resource,
        description: found.description,
    }
}
