//! Collects every violation of a request, so that a caller can mend them all at
//! once (aip.dev/193).

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use prost_types::Timestamp;
use uuid::Uuid;

use crate::{
    auth::{Call, EVERY_NEWSPAPER, Principal, Scope},
    calendar, config,
    digest::Digest,
    error::{Error, Result, Violation},
    filter::{self, Filter, Order},
    pb::google::r#type::Date,
    search::query::{self, Query},
    text::find_control_character,
    wire::{
        Expected,
        name::{self, IssueName, PageName},
    },
};

/// The violations of one request. Each method looks at one value and hands on
/// what it read; after a violation that is a stand-in, which [`Check::finish`]
/// keeps from being used.
///
/// Permission comes first: if the caller's credential is not for a newspaper that
/// the request names, [`Check::finish`] says that, whatever else is wrong.
#[derive(Debug, Default)]
pub struct Check {
    violations: Vec<Violation>,
    scope: Scope,
    call: Option<Call>,
    outside: Option<String>,
}

impl Check {
    /// The check of a request of this caller.
    pub fn by(caller: &Principal) -> Check {
        Check { scope: caller.scope.clone(), call: Some(caller.call.clone()), ..Check::default() }
    }

    /// Notes a violation. After [`config::VIOLATIONS_MAX`] the rest is not kept.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.violations.len() < config::VIOLATIONS_MAX {
            self.violations.push(Violation { field: field.into(), description: description.into() });
        }
    }

    /// Ends the check: an error if anything was noted.
    pub fn finish(self) -> Result<()> {
        if let Some(newspaper) = &self.outside {
            return Err(self.scope.refusal(newspaper));
        }
        if self.violations.is_empty() { Ok(()) } else { Err(Error::Invalid(self.violations)) }
    }

    /// A message that must be there.
    pub fn required<T: Default>(&mut self, field: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.add(field, "is required");
            T::default()
        })
    }

    /// One line of text of at most so many characters; may be empty.
    pub fn line(&mut self, field: &str, value: String, characters_max: usize) -> String {
        if value.contains(['\n', '\t']) {
            self.add(field, "must be one line, without line feeds and tabs");
        }
        self.lines(field, value, characters_max)
    }

    /// As [`Check::line`], but not empty or blank.
    pub fn required_line(&mut self, field: &str, value: String, characters_max: usize) -> String {
        if value.trim().is_empty() {
            self.add(field, "is required");
        }
        self.line(field, value, characters_max)
    }

    /// Text of at most so many characters, in which line feeds and tabs may
    /// stand; may be empty.
    pub fn lines(&mut self, field: &str, value: String, characters_max: usize) -> String {
        // A character has at most four bytes, so that most texts need no count.
        if value.len() > characters_max {
            let characters = value.chars().count();
            if characters > characters_max {
                self.add(field, format!("has {characters} characters, more than {characters_max}"));
            }
        }
        if let Some(character) = find_control_character(&value) {
            self.add(field, format!("has the character U+{:04X}, which no text may hold", character as u32));
        }
        value
    }

    /// As [`Check::lines`], but not empty or blank.
    pub fn required_lines(&mut self, field: &str, value: String, characters_max: usize) -> String {
        if value.trim().is_empty() {
            self.add(field, "is required");
        }
        self.lines(field, value, characters_max)
    }

    /// A list of at most so many items; false if there are more, which then
    /// need no further look.
    pub fn count(&mut self, field: &str, count: usize, count_max: usize) -> bool {
        if count > count_max {
            self.add(field, format!("has {count} items, more than {count_max}"));
        }
        count <= count_max
    }

    /// A list of lines that are not empty.
    pub fn list_of_lines(
        &mut self,
        field: &str,
        values: Vec<String>,
        count_max: usize,
        characters_max: usize,
    ) -> Vec<String> {
        if !self.count(field, values.len(), count_max) {
            return Vec::new();
        }
        let lines = values.into_iter().enumerate();
        lines
            .map(|(index, value)| self.required_line(&format!("{field}[{index}]"), value, characters_max))
            .collect()
    }

    /// A language tag of the form of BCP 47 (RFC 5646 section 2.1); may be empty.
    pub fn language(&mut self, field: &str, value: String) -> String {
        let is_subtag = |subtag: &str| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let begins_with_language = value.bytes().take(2).all(|byte| byte.is_ascii_alphabetic());
        let fits = begins_with_language && value.split('-').all(is_subtag);
        if !value.is_empty() && !fits {
            self.add(field, "is not a language tag such as zh-Hans");
        }
        self.line(field, value, config::LANGUAGE_CHARS_MAX)
    }

    /// A number within bounds.
    pub fn number(&mut self, field: &str, value: i32, low: i32, high: i32) -> i32 {
        if !(low..=high).contains(&value) {
            self.add(field, format!("is {value}; must be {low} to {high}"));
        }
        value
    }

    /// A date that exists; unset is `None`.
    pub fn date(&mut self, field: &str, value: Option<Date>) -> Option<NaiveDate> {
        let value = value?;
        let month_and_day = u32::try_from(value.month).ok().zip(u32::try_from(value.day).ok());
        let date = month_and_day.and_then(|(month, day)| NaiveDate::from_ymd_opt(value.year, month, day));
        let within = date.filter(|date| (calendar::DATE_FIRST..=calendar::DATE_LAST).contains(date));
        if within.is_none() {
            self.add(
                field,
                format!(
                    "{}-{}-{} is not a date from {} to {}",
                    value.year,
                    value.month,
                    value.day,
                    calendar::DATE_FIRST,
                    calendar::DATE_LAST
                ),
            );
        }
        within
    }

    /// A date that must be set.
    pub fn required_date(&mut self, field: &str, value: Option<Date>) -> NaiveDate {
        if value.is_none() {
            self.add(field, "is required");
        }
        self.date(field, value).unwrap_or(calendar::DATE_FIRST)
    }

    /// A time of the years that dates may have, in whole microseconds as Postgres
    /// keeps it; unset is `None`.
    pub fn time(&mut self, field: &str, value: Option<Timestamp>) -> Option<DateTime<Utc>> {
        let value = value?;
        let nanos = u32::try_from(value.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
        let time = nanos.and_then(|nanos| DateTime::from_timestamp(value.seconds, nanos));
        let years = calendar::DATE_FIRST..=calendar::DATE_LAST;
        let within = time.filter(|time| years.contains(&time.date_naive()));
        if within.is_none() {
            let (first, last) = (calendar::DATE_FIRST, calendar::DATE_LAST);
            self.add(field, format!("is not a time from {first} to {last}"));
        }
        within.map(|time| time.trunc_subsecs(6))
    }

    /// Notes that the request is about a newspaper, given by its id.
    fn reach(&mut self, newspaper: &str) {
        // A name that cannot be read is a violation already.
        if self.outside.is_none() && !newspaper.is_empty() && !self.scope.holds(newspaper) {
            self.outside = Some(newspaper.to_owned());
        }
    }

    /// The name of a newspaper; its id.
    pub fn newspaper(&mut self, field: &str, value: &str) -> String {
        let id: String = self.name(field, value, "newspapers/{newspaper}", name::newspaper(value));
        self.reach(&id);
        id
    }

    /// The name of an issue.
    pub fn issue(&mut self, field: &str, value: &str) -> IssueName {
        let pattern = "newspapers/{newspaper}/issues/{issue}";
        let issue: IssueName = self.name(field, value, pattern, name::issue(value));
        self.reach(&issue.newspaper);
        issue
    }

    /// The name of a page.
    pub fn page(&mut self, field: &str, value: &str) -> PageName {
        let pattern = "newspapers/{newspaper}/issues/{issue}/pages/{page}";
        let page: PageName = self.name(field, value, pattern, name::page(value));
        self.reach(&page.issue.newspaper);
        page
    }

    /// The name of an article; its UUID.
    pub fn article(&mut self, field: &str, value: &str) -> Uuid {
        self.name(field, value, "articles/{uuid}", name::with_uuid(value, "articles"))
    }

    /// The name of a revision; the article's UUID and the number.
    pub fn revision(&mut self, field: &str, value: &str) -> (Uuid, i64) {
        self.name(field, value, "articles/{uuid}/revisions/{number}", name::revision(value))
    }

    /// The number of a revision; 0 is `None`.
    pub fn revision_number(&mut self, field: &str, value: i64) -> Option<i64> {
        if value < 0 {
            self.add(field, "must not be negative");
        }
        Some(value).filter(|number| *number != 0)
    }

    /// The number of a revision that must be given.
    pub fn required_revision_number(&mut self, field: &str, value: i64) -> i64 {
        let number = self.revision_number(field, value);
        if number.is_none() {
            self.add(field, "is required: the number of a revision");
        }
        number.unwrap_or_default()
    }

    /// The name of a reporter; its UUID.
    pub fn reporter(&mut self, field: &str, value: &str) -> Uuid {
        self.name(field, value, "reporters/{uuid}", name::with_uuid(value, "reporters"))
    }

    /// The name of a photo; its UUID.
    pub fn photo(&mut self, field: &str, value: &str) -> Uuid {
        self.name(field, value, "photos/{uuid}", name::with_uuid(value, "photos"))
    }

    /// The name of an upload; the photo's UUID and its own.
    pub fn upload(&mut self, field: &str, value: &str) -> (Uuid, Uuid) {
        self.name(field, value, "photos/{uuid}/uploads/{uuid}", name::upload(value))
    }

    /// The name of an access token; its UUID.
    pub fn access_token(&mut self, field: &str, value: &str) -> Uuid {
        self.name(field, value, "accessTokens/{uuid}", name::with_uuid(value, "accessTokens"))
    }

    /// The names of newspapers, each once; their ids.
    pub fn newspapers(&mut self, field: &str, values: &[String], count_max: usize) -> Vec<String> {
        if !self.count(field, values.len(), count_max) {
            return Vec::new();
        }
        let ids = values.iter().enumerate();
        let ids: BTreeSet<String> =
            ids.map(|(index, value)| self.newspaper(&format!("{field}[{index}]"), value)).collect();
        ids.into_iter().collect()
    }

    /// The name of a publication; its sequence number.
    pub fn publication(&mut self, field: &str, value: &str) -> i64 {
        self.name(field, value, "publications/{number}", name::publication(value))
    }

    /// The newspaper of a filter; empty is `None`, or the only one that the
    /// credential is for. One that is for several has to name one of them.
    pub fn newspaper_filter(&mut self, value: &str) -> Option<String> {
        if !value.is_empty() {
            return Some(self.newspaper("newspaper", value));
        }
        match self.scope.ids() {
            [] => None,
            [only] => Some(only.clone()),
            _ => {
                self.reach(EVERY_NEWSPAPER);
                None
            }
        }
    }

    /// The resource of a filter, of a form that `fits`; empty is `None`.
    pub fn resource_filter(&mut self, value: &str, forms: &str, fits: bool) -> Option<String> {
        if !value.is_empty() && !fits {
            self.add("resource", format!("is not the name of {forms}"));
        }
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The names of a batch call, each read by `one`; duplicates are allowed.
    pub fn batch<T>(&mut self, names: Vec<String>, one: impl Fn(&mut Check, &str, &str) -> T) -> Vec<T> {
        if names.is_empty() {
            self.add("names", "is required");
        }
        if !self.count("names", names.len(), config::BATCH_NAMES_MAX) {
            return Vec::new();
        }
        let names = names.iter().enumerate();
        names.map(|(index, name)| one(self, &format!("names[{index}]"), name)).collect()
    }

    fn name<T: Default>(&mut self, field: &str, value: &str, pattern: &str, read: Option<T>) -> T {
        if value.is_empty() {
            self.add(field, format!("is required: {pattern}"));
        } else if read.is_none() {
            self.add(field, format!("is not a name of the form {pattern}"));
        } else if let Some(call) = &self.call {
            call.name(value);
        }
        read.unwrap_or_default()
    }

    /// An id that the caller chose for a newspaper.
    pub fn newspaper_id(&mut self, value: String) -> String {
        self.id("newspaper_id", &value, name::is_newspaper_id(&value), "beginning with a letter");
        self.reach(&value);
        value
    }

    /// An id that the caller chose for an issue.
    pub fn issue_id(&mut self, value: String) -> String {
        self.id("issue_id", &value, name::is_issue_id(&value), "not beginning with a hyphen");
        value
    }

    fn id(&mut self, field: &str, value: &str, fits: bool, beginning: &str) {
        if value.is_empty() {
            self.add(field, "is required");
        } else if !fits {
            let rule = "must be 1 to 63 lower-case ASCII letters, digits and hyphens";
            self.add(field, format!("{rule}, {beginning}, not ending with a hyphen"));
        }
    }

    /// An etag that may be left out.
    pub fn etag(&mut self, field: &str, value: &str) -> Expected {
        match value {
            "" | "*" => Expected::Anything,
            quoted if quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"') => {
                Expected::Etag(quoted.to_owned())
            }
            _ => {
                self.add(field, "must be an etag as it was read, with its quotes, or `*`");
                Expected::Anything
            }
        }
    }

    /// An etag that must be given; `*` for whatever it is now.
    pub fn required_etag(&mut self, field: &str, value: &str) -> Expected {
        if value.is_empty() {
            self.add(field, "is required: the etag that you read, or `*` for whatever it is now");
        }
        self.etag(field, value)
    }

    /// A request id (aip.dev/155): a UUID, or empty.
    pub fn request_id(&mut self, value: &str) -> Option<Uuid> {
        if value.is_empty() {
            return None;
        }
        let uuid = Uuid::try_parse(value).ok().filter(|uuid| !uuid.is_nil());
        if uuid.is_none() {
            self.add("request_id", "must be a UUID that is not all zeros");
        }
        uuid
    }

    /// What is searched for.
    pub fn query(&mut self, field: &str, value: String) -> Query {
        let value = self.lines(field, value, config::QUERY_CHARS_MAX);
        // Of a text that is too long, one violation is enough.
        if value.chars().nth(config::QUERY_CHARS_MAX).is_some() {
            return Query::default();
        }
        query::parse(&value).unwrap_or_else(|query::Mistake { position, description }| {
            self.add(field, format!("at character {position}: {description}"));
            Query::default()
        })
    }

    /// The filter of a list over these fields.
    pub fn filter(&mut self, value: &str, fields: &[filter::Field]) -> Filter {
        if value.chars().count() > config::FILTER_CHARS_MAX {
            let max = config::FILTER_CHARS_MAX;
            self.add("filter", format!("has {} characters, more than {max}", value.chars().count()));
            return Filter::default();
        }
        filter::parse(value, fields).unwrap_or_else(|mistake| {
            self.add("filter", format!("at character {}: {}", mistake.position, mistake.description));
            Filter::default()
        })
    }

    /// The order of a list: by one of these fields, the first of which is the usual
    /// one.
    pub fn order_by(&mut self, value: &str, fields: &[&'static str], usual: Order) -> Order {
        if value.chars().count() > config::ORDER_CHARS_MAX {
            self.add("order_by", format!("has more than {} characters", config::ORDER_CHARS_MAX));
            return usual;
        }
        filter::parse_order(value, fields, usual).unwrap_or_else(|mistake| {
            self.add("order_by", format!("at character {}: {}", mistake.position, mistake.description));
            usual
        })
    }

    /// A page size (aip.dev/158): the default for 0, capped, never negative.
    pub fn page_size(&mut self, value: i32) -> i64 {
        if value < 0 {
            self.add("page_size", "must not be negative");
        }
        match i64::from(value) {
            0 => config::PAGE_ROWS_DEFAULT,
            size => size.clamp(1, config::PAGE_ROWS_MAX),
        }
    }

    /// A SHA-256 in hex; empty is `None`.
    pub fn digest(&mut self, field: &str, value: &str) -> Option<Digest> {
        let digest = Digest::from_hex(value);
        if digest.is_none() && !value.is_empty() {
            self.add(field, "must be 64 hex digits");
        }
        digest
    }

    /// The kinds that a filter lets through, as they are numbered; empty for all.
    pub fn kinds<T: TryFrom<i32> + Default>(&mut self, values: &[i32]) -> Vec<i32> {
        if !self.count("kinds", values.len(), config::FILTER_KINDS_MAX) {
            return Vec::new();
        }
        for (index, value) in values.iter().enumerate() {
            let field = format!("kinds[{index}]");
            match value {
                0 => self.add(field, "is required: leave the list empty for all kinds"),
                value => drop(self.enumeration::<T>(&field, *value)),
            }
        }
        values.to_vec()
    }

    /// The name of an enum value for a number that a caller sent.
    pub fn enumeration<T: TryFrom<i32> + Default>(&mut self, field: &str, value: i32) -> T {
        T::try_from(value).unwrap_or_else(|_| {
            self.add(field, format!("{value} is not a value of this enum"));
            T::default()
        })
    }
}
