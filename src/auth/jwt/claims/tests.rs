use serde_json::json;

use super::*;
use crate::config::ClaimRole;

const NOW: i64 = 1_800_000_000;

fn settings() -> IdentitySettings {
    IdentitySettings { oidc_audience: Some("masthead".to_owned()), ..Default::default() }
}

fn rules(settings: &IdentitySettings) -> Rules {
    Rules::new("https://id.example", settings).expect("rules")
}

/// Claims that pass, with these changes; null takes one away.
fn claims(changes: Value) -> Map<String, Value> {
    let usual = json!({
        "iss": "https://id.example", "aud": "masthead", "sub": "lin-xiao", "roles": ["editor"],
        "iat": NOW, "nbf": NOW, "exp": NOW + 300,
    });
    let mut claims = usual.as_object().expect("an object").clone();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

fn check(changes: Value) -> Result<Identity, Refused> {
    rules(&settings()).check(&claims(changes), at(NOW))
}

#[test]
fn a_token_says_who_is_calling() {
    let identity = Identity {
        person: "lin-xiao".to_owned(),
        roles: vec![Role::Editor],
        newspapers: vec![],
        expires: at(NOW + 360),
    };
    assert_eq!(check(json!({})), Ok(identity.clone()));
    assert_eq!(check(json!({"iat": null, "nbf": null})), Ok(identity.clone()));
    assert_eq!(check(json!({"aud": ["account", "masthead"]})), Ok(identity));
}

#[test]
fn another_issuer_is_refused() {
    let others = [
        json!(null),
        json!("https://id.example/"),
        json!("https://ID.example"),
        json!("https://id.example.evil.example"),
        json!(""),
        json!(["https://id.example"]),
        json!({"iss": "https://id.example"}),
    ];
    for issuer in others {
        assert_eq!(check(json!({"iss": issuer})), Err(Refused::Issuer), "{issuer}");
    }
}

#[test]
fn another_audience_is_refused() {
    let others = [
        json!(null),
        json!("masthead "),
        json!("Masthead"),
        json!("mast"),
        json!(""),
        json!([]),
        json!(["account"]),
        json!(["masthead", 7]),
        json!([["masthead"]]),
        json!({"masthead": true}),
    ];
    for audience in others {
        assert_eq!(check(json!({"aud": audience})), Err(Refused::Audience), "{audience}");
    }
}

#[test]
fn a_token_ends_when_the_skew_after_its_expiry_is_over() {
    let rules = rules(&settings());
    let claims = claims(json!({"exp": NOW}));
    assert!(rules.check(&claims, at(NOW + 59)).is_ok());
    let last = at(NOW + 60) - TimeDelta::milliseconds(1);
    assert_eq!(rules.check(&claims, last).map(|identity| identity.expires), Ok(at(NOW + 60)));
    assert_eq!(rules.check(&claims, at(NOW + 60)), Err(Refused::Expired));
    assert_eq!(rules.check(&claims, at(NOW + 100_000)), Err(Refused::Expired));
}

#[test]
fn a_token_begins_the_skew_before_it_says() {
    for name in ["nbf", "iat"] {
        let mut changes = json!({"exp": NOW + 1000});
        changes[name] = json!(NOW + 60);
        assert!(check(changes.clone()).is_ok(), "{name}");
        changes[name] = json!(NOW + 61);
        assert_eq!(check(changes), Err(Refused::NotYetValid), "{name}");
    }
}

#[test]
fn without_a_skew_the_clocks_must_agree() {
    let rules = rules(&IdentitySettings { oidc_clock_skew_seconds: 0, ..settings() });
    let usual = claims(json!({}));
    assert!(rules.check(&usual, at(NOW)).is_ok());
    assert_eq!(rules.check(&usual, at(NOW - 1)), Err(Refused::NotYetValid));
    assert!(rules.check(&usual, at(NOW + 299)).is_ok());
    assert_eq!(rules.check(&usual, at(NOW + 300)), Err(Refused::Expired));
}

#[test]
fn times_are_numbers_that_a_calendar_has() {
    assert!(check(json!({"exp": NOW as f64 + 300.5})).is_ok());
    assert!(check(json!({"exp": SECONDS_MAX})).is_ok());
    assert_eq!(check(json!({"exp": null})), Err(Refused::Malformed("exp")));
    let others = [
        json!("1900000000"),
        json!(true),
        json!([NOW]),
        json!(-1),
        json!(SECONDS_MAX + 1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(-0.5),
    ];
    for value in others {
        for name in ["exp", "nbf", "iat"] {
            let mut changes = json!({});
            changes[name] = value.clone();
            assert_eq!(check(changes), Err(Refused::Malformed(name)), "{name}: {value}");
        }
    }
}

#[test]
fn the_person_is_a_name_that_can_sign() {
    let person = |name: Value| check(json!({"sub": name})).map(|identity| identity.person);
    assert_eq!(person(json!("林晓")), Ok("林晓".to_owned()));
    let longest = "林".repeat(config::NAME_CHARS_MAX);
    assert_eq!(person(json!(longest)), Ok(longest.clone()));
    let others = [
        json!(null),
        json!(""),
        json!(" 林晓"),
        json!("林\n晓"),
        json!("林\u{202e}晓"),
        json!(format!("{longest}晓")),
        json!(7),
        json!(["林晓"]),
    ];
    for name in others {
        assert_eq!(person(name.clone()), Err(Refused::Person), "{name}");
    }
}

#[test]
fn roles_come_from_a_claim() {
    let roles = |value: Value| check(json!({"roles": value})).map(|identity| identity.roles);
    assert_eq!(roles(json!("publisher")), Ok(vec![Role::Publisher]));
    let all = json!(["operator", "reader", "offline_access", "reader", "editor"]);
    assert_eq!(roles(all), Ok(vec![Role::Reader, Role::Editor, Role::Operator]));
    // Such a person is known and may do nothing.
    for nothing in [json!(null), json!([]), json!(""), json!("Editor"), json!("editor publisher")] {
        assert_eq!(roles(nothing.clone()), Ok(vec![]), "{nothing}");
    }
    for other in [json!(7), json!(["editor", 7]), json!({"editor": true}), json!(true)] {
        assert_eq!(roles(other.clone()), Err(Refused::Roles), "{other}");
    }
}

#[test]
fn values_of_the_claim_can_stand_for_roles() {
    let stands_for = |value: &str, role| ClaimRole { value: value.to_owned(), role };
    let mapped = vec![
        stands_for("desk", Role::Editor),
        stands_for("chief", Role::Publisher),
        stands_for("chief", Role::Operator),
    ];
    let rules = rules(&IdentitySettings { oidc_roles: mapped, ..settings() });
    let roles =
        |value: Value| rules.check(&claims(json!({"roles": value})), at(NOW)).map(|identity| identity.roles);
    assert_eq!(roles(json!("desk")), Ok(vec![Role::Editor]));
    assert_eq!(roles(json!(["chief"])), Ok(vec![Role::Publisher, Role::Operator]));
    assert_eq!(roles(json!(["publisher", "operator"])), Ok(vec![]), "the roles' own names mean nothing now");
}

#[test]
fn claims_may_be_nested_and_may_have_dots_in_their_names() {
    let rules = rules(&IdentitySettings {
        oidc_roles_claim: "resource_access.masthead.roles".to_owned(),
        oidc_person_claim: "https://paper.example/name".to_owned(),
        ..settings()
    });
    let with = json!({
        "resource_access": {"masthead": {"roles": ["reporter"]}},
        "https://paper.example/name": "林晓",
    });
    let identity = rules.check(&claims(with), at(NOW)).expect("an identity");
    assert_eq!((identity.person.as_str(), identity.roles), ("林晓", vec![Role::Reporter]));
    for elsewhere in
        [json!({"masthead": {"roles": []}}), json!({"masthead": "reporter"}), json!(["masthead"])]
    {
        let with = json!({"resource_access": elsewhere, "https://paper.example/name": "林晓"});
        assert_eq!(
            rules.check(&claims(with), at(NOW)).map(|identity| identity.roles),
            Ok(vec![]),
            "{elsewhere}"
        );
    }
}

#[test]
fn a_token_can_be_for_some_newspapers() {
    let named = IdentitySettings { oidc_newspapers_claim: Some("papers".to_owned()), ..settings() };
    let rules = rules(&named);
    let newspapers = |value: Value| {
        rules.check(&claims(json!({"papers": value})), at(NOW)).map(|identity| identity.newspapers)
    };
    assert_eq!(newspapers(json!("morning-post")), Ok(vec!["morning-post".to_owned()]));
    assert_eq!(newspapers(json!(["b", "a"])), Ok(vec!["b".to_owned(), "a".to_owned()]));
    assert_eq!(newspapers(json!("*")), Ok(vec![]), "all");
    let ids = |count: usize| json!((0..count).map(|id| format!("paper-{id}")).collect::<Vec<_>>());
    assert_eq!(newspapers(ids(20)).map(|ids| ids.len()), Ok(20));
    let others = [
        json!(null),
        json!([]),
        json!(""),
        json!("-"),
        json!(["morning-post", "-"]),
        json!("newspapers/morning-post"),
        json!(["morning-post", 7]),
        json!({"morning-post": true}),
        ids(21),
    ];
    for value in others {
        assert_eq!(newspapers(value.clone()), Err(Refused::Newspapers), "{value}");
    }
    assert_eq!(
        check(json!({"papers": ["a"]})).map(|identity| identity.newspapers),
        Ok(vec![]),
        "not asked for"
    );
}

#[test]
fn there_are_no_rules_without_an_audience() {
    for audience in [None, Some(String::new())] {
        let settings = IdentitySettings { oidc_audience: audience, ..Default::default() };
        assert!(Rules::new("https://id.example", &settings).is_err());
    }
    let nameless = IdentitySettings { oidc_person_claim: String::new(), ..settings() };
    assert!(Rules::new("https://id.example", &nameless).is_err());
}
