//! What a token's claims mean here: whether it is for this service and in force, whom it
//! names, and what that person may do.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::{Identity, Refused};
use crate::{
    admin::{Role, person_mistake},
    config::{self, IdentitySettings},
    wire::name::is_newspaper_id,
};

/// What stands for all newspapers in the claim that names them.
const ALL_NEWSPAPERS: &str = "*";

/// The last second of the year 9999. Nothing is in force for longer.
const SECONDS_MAX: i64 = 253_402_300_799;

/// What the claims of a token are held against.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    issuer: String,
    audience: String,
    roles_claim: String,
    roles: Vec<(String, Role)>,
    person_claim: String,
    newspapers_claim: Option<String>,
    clock_skew: TimeDelta,
}

impl Rules {
    /// The rules that settings make for the tokens of an issuer.
    ///
    /// # Errors
    /// A setting is missing or empty, in words.
    pub(super) fn new(issuer: &str, settings: &IdentitySettings) -> Result<Rules, String> {
        let audience = settings.oidc_audience.clone().unwrap_or_default();
        if audience.is_empty() {
            return Err("--oidc-issuer needs --oidc-audience: without it, any token of the issuer, \
                        for whatever service, would be taken"
                .to_owned());
        }
        let newspapers_claim = settings.oidc_newspapers_claim.clone();
        let claims =
            [Some(&settings.oidc_roles_claim), Some(&settings.oidc_person_claim), newspapers_claim.as_ref()];
        if claims.into_iter().flatten().any(String::is_empty) {
            return Err("a claim of --oidc-…-claim has no name".to_owned());
        }
        let mapped = settings.oidc_roles.iter().map(|mapped| (mapped.value.clone(), mapped.role));
        let mut roles: Vec<(String, Role)> = mapped.collect();
        if roles.is_empty() {
            roles = Role::ALL.map(|role| (role.as_str().to_owned(), role)).into();
        }
        Ok(Rules {
            issuer: issuer.to_owned(),
            audience,
            roles_claim: settings.oidc_roles_claim.clone(),
            roles,
            person_claim: settings.oidc_person_claim.clone(),
            newspapers_claim,
            clock_skew: TimeDelta::seconds(settings.oidc_clock_skew_seconds.into()),
        })
    }

    /// Who shows a token with these claims now.
    ///
    /// # Errors
    /// The token is not this issuer's, not for this service, or not in force; or it does
    /// not say who is calling, or for which newspapers.
    pub(super) fn check(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<Identity, Refused> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(Refused::Issuer);
        }
        let audiences = claims.get("aud").and_then(texts).ok_or(Refused::Audience)?;
        if !audiences.contains(&self.audience.as_str()) {
            return Err(Refused::Audience);
        }
        let expires = time(claims, "exp")?.ok_or(Refused::Malformed("exp"))? + self.clock_skew;
        // RFC 7519 section 4.1.4: refused on that moment, not only after it.
        if now >= expires {
            return Err(Refused::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(claims, name)?.is_some_and(|begins| now + self.clock_skew < begins) {
                return Err(Refused::NotYetValid);
            }
        }
        Ok(Identity {
            person: self.person(claims)?,
            roles: self.roles(claims)?,
            newspapers: self.newspapers(claims)?,
            expires,
        })
    }

    fn person(&self, claims: &Map<String, Value>) -> Result<String, Refused> {
        let name = find(claims, &self.person_claim).and_then(Value::as_str).ok_or(Refused::Person)?;
        if person_mistake(name).is_some() {
            return Err(Refused::Person);
        }
        Ok(name.to_owned())
    }

    /// The roles that the token gives here; of the others that it names, nothing is said.
    fn roles(&self, claims: &Map<String, Value>) -> Result<Vec<Role>, Refused> {
        let Some(named) = find(claims, &self.roles_claim) else { return Ok(Vec::new()) };
        let named = texts(named).ok_or(Refused::Roles)?;
        let given = |role: &Role| {
            self.roles.iter().any(|(value, given)| given == role && named.contains(&value.as_str()))
        };
        Ok(Role::ALL.into_iter().filter(given).collect())
    }

    /// The newspapers that the token is for; none means all. Where tokens should say, one
    /// that does not is refused: issuers leave out a claim that has no value.
    fn newspapers(&self, claims: &Map<String, Value>) -> Result<Vec<String>, Refused> {
        let Some(claim) = &self.newspapers_claim else { return Ok(Vec::new()) };
        let ids = find(claims, claim).and_then(texts).ok_or(Refused::Newspapers)?;
        if ids.contains(&ALL_NEWSPAPERS) {
            return Ok(Vec::new());
        }
        let fits = !ids.is_empty()
            && ids.len() <= config::OIDC_NEWSPAPERS_MAX
            && ids.iter().all(|id| is_newspaper_id(id));
        if fits { Ok(ids.into_iter().map(str::to_owned).collect()) } else { Err(Refused::Newspapers) }
    }
}

/// A claim by its name, or by names with dots between that lead into nested claims. A
/// name that has dots of its own, as `https://paper.example/roles`, goes first.
fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (name, rest) = path.split_once('.')?;
    find(claims.get(name)?.as_object()?, rest)
}

/// A text, or a list of nothing but texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// A moment as seconds since 1970 (RFC 7519 section 2, `NumericDate`), which may have a
/// fraction.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<DateTime<Utc>>, Refused> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    // A fraction counts as the whole second before it, which no skew notices.
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
    let seconds = seconds.filter(|seconds| (0..=SECONDS_MAX).contains(seconds));
    let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map(Some).ok_or(Refused::Malformed(name))
}

#[cfg(test)]
mod tests;
