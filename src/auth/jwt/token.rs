//! A signed token taken apart: a JWS in its compact form (RFC 7515 section 7.1) around
//! claims (RFC 7519).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::{Refused, crypto::Algorithm, json};

/// The types of tokens that are taken, without `application/` before them: JWT (RFC 7519
/// section 5.1), and access tokens of RFC 9068. Others, such as tokens about a log-out,
/// are not there to call anything with.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// A token whose signature nobody has checked yet.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// How it says that it is signed.
    pub(super) algorithm: Algorithm,
    /// The key that it says it is signed with.
    pub(super) key_id: Option<String>,
    /// What it says.
    pub(super) claims: Map<String, Value>,
    /// What is signed.
    pub(super) signed: &'a [u8],
    /// The signature.
    pub(super) signature: Vec<u8>,
}

/// The three parts of a text that has the form of such a token, whatever is in them. The
/// last may be empty, as it is where nothing is signed.
pub(super) fn parts(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let is_base64url =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let has_form = parts.next().is_none() && three.into_iter().all(is_base64url);
    (has_form && !three[0].is_empty() && !three[1].is_empty()).then_some(three)
}

impl<'a> Token<'a> {
    /// Reads a text of these parts.
    ///
    /// # Errors
    /// It is damaged, or of a kind that is not taken.
    pub(super) fn read(text: &'a str, parts: [&'a str; 3]) -> Result<Token<'a>, Refused> {
        let [header, claims, signature] = parts;
        let signed = &text.as_bytes()[..header.len() + 1 + claims.len()];
        let header = object(header).ok_or(Refused::Malformed("header"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Refused::Malformed("alg"))?;
        let algorithm = Algorithm::named(algorithm).ok_or(Refused::Algorithm)?;
        if header.contains_key("crit") {
            return Err(Refused::Critical);
        }
        check_type(header.get("typ"))?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Refused::Malformed("kid")),
        };
        let claims = object(claims).ok_or(Refused::Malformed("claims"))?;
        let signature = decoded(signature).ok_or(Refused::Malformed("signature"))?;
        Ok(Token { algorithm, key_id, claims, signed, signature })
    }
}

fn check_type(value: Option<&Value>) -> Result<(), Refused> {
    let Some(value) = value else { return Ok(()) };
    // Media types have no case, and `application/` may be left out (RFC 7515 section
    // 4.1.9).
    let name = value.as_str().ok_or(Refused::Malformed("typ"))?.to_ascii_lowercase();
    let name = name.strip_prefix("application/").unwrap_or(&name);
    if TYPES.contains(&name) { Ok(()) } else { Err(Refused::Type) }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    json::read_object(&decoded(part)?).ok()
}

/// The bytes of a part, which have only one spelling.
fn decoded(part: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(part.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(header: &Value) -> Option<Refused> {
        let part = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let text = format!("{}.{}.AAAA", part(header.to_string()), part("{}".to_owned()));
        Token::read(&text, parts(&text).expect("the form of a token")).err()
    }

    #[test]
    fn only_three_parts_of_base64url_are_a_token() {
        for text in ["a.b.c", "a.b.", "ab-_9.AZ.x"] {
            assert!(parts(text).is_some(), "{text}");
        }
        for text in ["", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "..", "a.b.c=", "a.b.c ", "a+.b.c", "a.文.c"]
        {
            assert!(parts(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_header_says_what_kind_of_token_it_is() {
        let taken = [
            json!({"alg": "RS256"}),
            json!({"alg": "ES256", "typ": "JWT", "kid": "a"}),
            json!({"alg": "EdDSA", "typ": "at+jwt"}),
            json!({"alg": "EdDSA", "typ": "application/AT+JWT", "x5t": "…", "jku": "https://elsewhere"}),
        ];
        for header in taken {
            assert_eq!(refused(&header), None, "{header}");
        }
        let others = [
            (json!({"alg": "none"}), Refused::Algorithm),
            (json!({"alg": "NONE"}), Refused::Algorithm),
            (json!({"alg": "HS256"}), Refused::Algorithm),
            (json!({"alg": "RS512"}), Refused::Algorithm),
            (json!({"alg": ""}), Refused::Algorithm),
            (json!({}), Refused::Malformed("alg")),
            (json!({"alg": null}), Refused::Malformed("alg")),
            (json!({"alg": ["RS256"]}), Refused::Malformed("alg")),
            (json!({"alg": "RS256", "crit": ["exp"]}), Refused::Critical),
            (json!({"alg": "RS256", "crit": []}), Refused::Critical),
            (json!({"alg": "RS256", "crit": null}), Refused::Critical),
            (json!({"alg": "RS256", "crit": ["b64"], "b64": false}), Refused::Critical),
            (json!({"alg": "RS256", "typ": "logout+jwt"}), Refused::Type),
            (json!({"alg": "RS256", "typ": "dpop+jwt"}), Refused::Type),
            (json!({"alg": "RS256", "typ": ""}), Refused::Type),
            (json!({"alg": "RS256", "typ": "application/application/jwt"}), Refused::Type),
            (json!({"alg": "RS256", "typ": null}), Refused::Malformed("typ")),
            (json!({"alg": "RS256", "kid": 1}), Refused::Malformed("kid")),
            (json!({"alg": "RS256", "kid": null}), Refused::Malformed("kid")),
            (json!(["RS256"]), Refused::Malformed("header")),
        ];
        for (header, refusal) in others {
            assert_eq!(refused(&header), Some(refusal), "{header}");
        }
    }

    #[test]
    fn a_part_has_one_spelling() {
        assert_eq!(decoded("AA"), Some(vec![0]));
        // The last four bits are of no use, and so must be zero.
        for part in ["AB", "A", "AA==", "AAA=", "AA\n", "A A"] {
            assert_eq!(decoded(part), None, "{part}");
        }
    }
}
