//! Whose tokens are taken besides the service's own: those of an OpenID Connect
//! issuer.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};

use crate::admin::Role;

/// Seconds by which the clocks of the issuer and of the server may differ, unless it is
/// set otherwise.
pub const OIDC_CLOCK_SKEW_SECONDS_DEFAULT: u32 = 60;
/// Bytes of an issuer's token at most, unless it is set otherwise: 8 KiB.
pub const OIDC_TOKEN_BYTES_DEFAULT: u32 = 8 * 1024;
/// Bytes of a document of an issuer at most, unless it is set otherwise: 256 KiB.
pub const OIDC_DOCUMENT_BYTES_DEFAULT: u32 = 256 * 1024;
/// Keys of an issuer at most, unless it is set otherwise.
pub const OIDC_KEYS_DEFAULT: u32 = 100;
/// Seconds that one answer of an issuer may take, unless it is set otherwise.
pub const OIDC_FETCH_SECONDS_DEFAULT: u32 = 5;
/// Seconds after which an issuer's keys are fetched again, unless it is set otherwise.
pub const OIDC_REFRESH_SECONDS_DEFAULT: u32 = 300;
/// Seconds between two fetches of an issuer's keys that tokens cause, unless it is set
/// otherwise.
pub const OIDC_REFRESH_PAUSE_SECONDS_DEFAULT: u32 = 10;
/// Seconds that keys are used of an issuer who is away, unless it is set otherwise: a
/// day.
pub const OIDC_KEYS_AGE_SECONDS_DEFAULT: u32 = 24 * 3600;
/// Newspapers that an issuer's token is for, where it is not for all.
pub const OIDC_NEWSPAPERS_MAX: usize = 20;
/// Bytes of the file of certificates that an issuer's is held against: 1 MiB.
pub const OIDC_CA_BYTES_MAX: u64 = 1024 * 1024;
/// The claim that holds roles, unless it is set otherwise.
const ROLES_CLAIM_DEFAULT: &str = "roles";
/// The claim that names the person, unless it is set otherwise.
const PERSON_CLAIM_DEFAULT: &str = "sub";

/// A value of the roles claim, and the role that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRole {
    /// The value.
    pub value: String,
    /// The role.
    pub role: Role,
}

impl FromStr for ClaimRole {
    type Err = String;

    /// Reads `VALUE=ROLE`; the value may have equals signs of its own.
    fn from_str(text: &str) -> Result<ClaimRole, String> {
        let (value, role) =
            text.rsplit_once('=').ok_or("must be CLAIMVALUE=ROLE, such as newsroom-editors=editor")?;
        if value.is_empty() {
            return Err("names no value of the claim before the =".to_owned());
        }
        let role = Role::from_str(role, false).map_err(|_| {
            let roles = Role::ALL.map(Role::as_str).join(", ");
            format!("{role:?} is no role; the roles are {roles}")
        })?;
        Ok(ClaimRole { value: value.to_owned(), role })
    }
}

/// Whose tokens are taken besides access tokens, and what they mean here. Nobody's,
/// unless an issuer is named.
#[derive(Args, Clone, Debug)]
pub struct IdentitySettings {
    /// OpenID Connect issuer whose tokens (JWTs signed with RS256, ES256 or EdDSA) are
    /// taken as bearer tokens besides access tokens, exactly as they name it in `iss`;
    /// its keys are found by its /.well-known/openid-configuration. https, or http on
    /// loopback [default: none]
    #[arg(long, env = "MASTHEAD_OIDC_ISSUER", value_name = "URL", requires = "oidc_audience")]
    pub oidc_issuer: Option<String>,

    /// Where the issuer's keys (JWKS) are, for an issuer without
    /// /.well-known/openid-configuration
    #[arg(long, env = "MASTHEAD_OIDC_JWKS_URI", value_name = "URL", requires = "oidc_issuer")]
    pub oidc_jwks_uri: Option<String>,

    /// The audience (`aud`) that a token must be for. Give this service one of its own:
    /// with the id of a login page's client, that page's ID tokens would be taken too
    #[arg(long, env = "MASTHEAD_OIDC_AUDIENCE", value_name = "TEXT", requires = "oidc_issuer")]
    pub oidc_audience: Option<String>,

    /// Certificates (PEM) to trust for the issuer, in place of those that the machine
    /// trusts
    #[arg(long, env = "MASTHEAD_OIDC_CA", value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_ca: Option<PathBuf>,

    /// Claim with the person's roles, a text or a list of texts; dots lead into nested
    /// claims, as in realm_access.roles
    #[arg(long, env = "MASTHEAD_OIDC_ROLES_CLAIM", value_name = "CLAIM", default_value = ROLES_CLAIM_DEFAULT)]
    pub oidc_roles_claim: String,

    /// A value of the roles claim and the role that it stands for. Repeat it, or
    /// separate several with semicolons [default: each role's own name]
    #[arg(
        long = "oidc-role",
        env = "MASTHEAD_OIDC_ROLE",
        value_name = "CLAIMVALUE=ROLE",
        value_delimiter = ';'
    )]
    pub oidc_roles: Vec<ClaimRole>,

    /// Claim with the name that the person signs by, here and in the audit, such as
    /// preferred_username; it must name one person for good, and access tokens with the
    /// same name mean the same person
    #[arg(long, env = "MASTHEAD_OIDC_PERSON_CLAIM", value_name = "CLAIM", default_value = PERSON_CLAIM_DEFAULT)]
    pub oidc_person_claim: String,

    /// Claim with the ids of the newspapers that a token is for, a text or a list of
    /// texts; * is for all. A token without it is then refused [default: every token is
    /// for all]
    #[arg(long, env = "MASTHEAD_OIDC_NEWSPAPERS_CLAIM", value_name = "CLAIM", requires = "oidc_issuer")]
    pub oidc_newspapers_claim: Option<String>,

    /// Seconds by which the issuer's clock and this one may differ
    #[arg(long, env = "MASTHEAD_OIDC_CLOCK_SKEW_SECONDS", value_name = "SECONDS",
          default_value_t = OIDC_CLOCK_SKEW_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(0..=300))]
    pub oidc_clock_skew_seconds: u32,

    /// Bytes of an issuer's token, at most
    #[arg(long, env = "MASTHEAD_OIDC_TOKEN_BYTES_MAX", value_name = "BYTES",
          default_value_t = OIDC_TOKEN_BYTES_DEFAULT, value_parser = clap::value_parser!(u32).range(512..=65_536))]
    pub oidc_token_bytes_max: u32,

    /// Bytes of the issuer's configuration and of its keys, at most
    #[arg(long, env = "MASTHEAD_OIDC_DOCUMENT_BYTES_MAX", value_name = "BYTES",
          default_value_t = OIDC_DOCUMENT_BYTES_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1_024..=16_777_216))]
    pub oidc_document_bytes_max: u32,

    /// Keys of the issuer, at most
    #[arg(long, env = "MASTHEAD_OIDC_KEYS_MAX", value_name = "COUNT", default_value_t = OIDC_KEYS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub oidc_keys_max: u32,

    /// Seconds that one answer of the issuer may take
    #[arg(long, env = "MASTHEAD_OIDC_FETCH_SECONDS_MAX", value_name = "SECONDS",
          default_value_t = OIDC_FETCH_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub oidc_fetch_seconds_max: u32,

    /// Seconds after which the issuer's keys are fetched again; a key that the issuer
    /// has taken back is good for so long
    #[arg(long, env = "MASTHEAD_OIDC_REFRESH_SECONDS", value_name = "SECONDS",
          default_value_t = OIDC_REFRESH_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    pub oidc_refresh_seconds: u32,

    /// Seconds between two fetches of the issuer's keys, at least, however many tokens
    /// come with keys that nobody knows, and while the issuer is away
    #[arg(long, env = "MASTHEAD_OIDC_REFRESH_PAUSE_SECONDS", value_name = "SECONDS",
          default_value_t = OIDC_REFRESH_PAUSE_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub oidc_refresh_pause_seconds: u32,

    /// Seconds that known keys go on being used while the issuer is away
    #[arg(long, env = "MASTHEAD_OIDC_KEYS_AGE_SECONDS_MAX", value_name = "SECONDS",
          default_value_t = OIDC_KEYS_AGE_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(60..=2_592_000))]
    pub oidc_keys_age_seconds_max: u32,
}

impl Default for IdentitySettings {
    fn default() -> IdentitySettings {
        IdentitySettings {
            oidc_issuer: None,
            oidc_jwks_uri: None,
            oidc_audience: None,
            oidc_ca: None,
            oidc_roles_claim: ROLES_CLAIM_DEFAULT.to_owned(),
            oidc_roles: Vec::new(),
            oidc_person_claim: PERSON_CLAIM_DEFAULT.to_owned(),
            oidc_newspapers_claim: None,
            oidc_clock_skew_seconds: OIDC_CLOCK_SKEW_SECONDS_DEFAULT,
            oidc_token_bytes_max: OIDC_TOKEN_BYTES_DEFAULT,
            oidc_document_bytes_max: OIDC_DOCUMENT_BYTES_DEFAULT,
            oidc_keys_max: OIDC_KEYS_DEFAULT,
            oidc_fetch_seconds_max: OIDC_FETCH_SECONDS_DEFAULT,
            oidc_refresh_seconds: OIDC_REFRESH_SECONDS_DEFAULT,
            oidc_refresh_pause_seconds: OIDC_REFRESH_PAUSE_SECONDS_DEFAULT,
            oidc_keys_age_seconds_max: OIDC_KEYS_AGE_SECONDS_DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        identity: IdentitySettings,
    }

    const ISSUER: [&str; 4] = ["--oidc-issuer", "https://id.example", "--oidc-audience", "masthead"];

    fn parse(arguments: &[&str]) -> Result<IdentitySettings, clap::Error> {
        let arguments = ["serve"].iter().chain(arguments);
        Command::try_parse_from(arguments).map(|command| command.identity)
    }

    #[test]
    fn an_issuer_comes_with_an_audience_and_nothing_of_it_without_one() {
        assert_eq!(parse(&[]).expect("no issuer").oidc_issuer, None);
        assert!(parse(&ISSUER).is_ok());
        assert!(parse(&ISSUER[..2]).is_err());
        for flag in ["--oidc-audience", "--oidc-jwks-uri", "--oidc-ca", "--oidc-newspapers-claim"] {
            assert!(parse(&[flag, "https://id.example"]).is_err(), "{flag} by itself");
        }
    }

    #[test]
    fn numbers_have_limits() {
        let limits = [
            ("--oidc-clock-skew-seconds", 0, 300),
            ("--oidc-token-bytes-max", 512, 65_536),
            ("--oidc-document-bytes-max", 1_024, 16_777_216),
            ("--oidc-keys-max", 1, 1_000),
            ("--oidc-fetch-seconds-max", 1, 60),
            ("--oidc-refresh-seconds", 10, 86_400),
            ("--oidc-refresh-pause-seconds", 1, 3_600),
            ("--oidc-keys-age-seconds-max", 60, 2_592_000),
        ];
        for (flag, least, most) in limits {
            let is_taken = |value: i64| parse(&[&format!("{flag}={value}")]).is_ok();
            assert!(is_taken(least) && is_taken(most), "{flag}");
            assert!(!is_taken(least - 1) && !is_taken(most + 1), "{flag}");
        }
    }

    #[test]
    fn several_values_stand_for_roles() {
        let settings = parse(&["--oidc-role", "cn=desk,ou=a=editor;chief=publisher", "--oidc-role=b=reader"]);
        let roles = settings.expect("roles").oidc_roles;
        let named: Vec<_> = roles.iter().map(|mapped| (mapped.value.as_str(), mapped.role)).collect();
        let expected = [("cn=desk,ou=a", Role::Editor), ("chief", Role::Publisher), ("b", Role::Reader)];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_value_of_a_claim_stands_for_a_role() {
        let read = |text: &str| text.parse::<ClaimRole>().map(|read| (read.value, read.role));
        assert_eq!(read("desk=editor"), Ok(("desk".to_owned(), Role::Editor)));
        assert_eq!(read("cn=desk,ou=paper=editor"), Ok(("cn=desk,ou=paper".to_owned(), Role::Editor)));
        for text in ["", "desk", "=editor", "desk=", "desk=Editor", "desk=chief"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
