//! The settings that a command was started with, for its operators to see.

use clap::{Arg, ArgMatches, Command};

/// What stands in place of what must not be seen.
const HIDDEN: &str = "(hidden)";

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its flag, as `--listen`.
    pub flag: String,
    /// Its value, as it would be given; of a secret, that there is one.
    pub value: String,
    /// Whether it was given, by flag or environment.
    pub is_given: bool,
}

/// The settings of a subcommand that have a value, by flag. Values whose help hides
/// them (`hide_env_values`) are secrets, and so are names and passwords in URLs.
pub fn in_force(subcommand: &Command, matches: &ArgMatches) -> Vec<Setting> {
    let mut settings: Vec<Setting> =
        subcommand.get_arguments().filter_map(|argument| setting(argument, matches)).collect();
    settings.sort_by(|one, other| one.flag.cmp(&other.flag));
    settings
}

fn setting(argument: &Arg, matches: &ArgMatches) -> Option<Setting> {
    let (id, flag) = (argument.get_id().as_str(), argument.get_long()?);
    let source =
        matches.try_contains_id(id).ok().filter(|has| *has).and_then(|_| matches.value_source(id))?;
    let values: Vec<String> = matches
        .get_raw(id)?
        .map(|value| shown(&value.to_string_lossy(), argument.is_hide_env_values_set()))
        .collect();
    let is_given = source != clap::parser::ValueSource::DefaultValue;
    Some(Setting { flag: format!("--{flag}"), value: values.join(","), is_given })
}

fn shown(value: &str, is_secret: bool) -> String {
    if is_secret {
        return HIDDEN.to_owned();
    }
    match value.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            match authority.rsplit_once('@') {
                Some((user, _)) => format!("{scheme}://{HIDDEN}{}", &rest[user.len()..]),
                None => value.to_owned(),
            }
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_in_urls_are_hidden() {
        assert_eq!(shown("http://u:p@collector:4317/x@y", false), "http://(hidden)@collector:4317/x@y");
        assert_eq!(shown("http://collector:4317/x@y", false), "http://collector:4317/x@y");
        assert_eq!(shown("s3://paper/photos", false), "s3://paper/photos");
        assert_eq!(shown("anything", true), "(hidden)");
    }
}
