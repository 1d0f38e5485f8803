//! An issuer's public keys, as it publishes them (JWKS, RFC 7517).

use serde_json::{Map, Value};

use super::{
    Refused,
    crypto::{Algorithm, PublicKey},
    json,
};

/// The keys of an issuer that sign tokens in a way that is taken.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Keys in the document that are of no use here.
    pub(super) others: usize,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    public: PublicKey,
}

impl KeySet {
    /// Reads a JWKS. Keys that are for something else, or that nobody here can read, are
    /// passed over, as RFC 7517 section 5 has it.
    ///
    /// # Errors
    /// It is no JWKS, or has more than `keys_max` keys, in words.
    pub(super) fn read(document: &[u8], keys_max: usize) -> Result<KeySet, String> {
        let document = json::read_object(document).map_err(|error| format!("no JWKS: {error}"))?;
        let Some(Value::Array(members)) = document.get("keys") else {
            return Err("no JWKS: it has no list of keys".to_owned());
        };
        if members.len() > keys_max {
            return Err(format!("{} keys, more than {keys_max}", members.len()));
        }
        let keys: Vec<Key> = members.iter().filter_map(|member| Key::read(member.as_object()?)).collect();
        Ok(KeySet { others: members.len() - keys.len(), keys })
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that a token names, or the only one that fits a token that names none.
    ///
    /// # Errors
    /// There is none, it is for another algorithm, or there are several.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&PublicKey, Refused> {
        let named = || self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let mut fitting = named().filter(|key| key.public.algorithm() == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(&key.public),
            (Some(_), Some(_)) => Err(Refused::KeyAmbiguous),
            (None, _) if id.is_some() && named().next().is_some() => Err(Refused::KeyUnfit),
            (None, _) => Err(Refused::KeyUnknown),
        }
    }
}

impl Key {
    fn read(jwk: &Map<String, Value>) -> Option<Key> {
        let public = PublicKey::read(jwk)?;
        let is_absent_or = |name: &str, fits: &dyn Fn(&Value) -> bool| jwk.get(name).is_none_or(fits);
        let signs = is_absent_or("use", &|value| value == "sig")
            && is_absent_or("key_ops", &|value| {
                value.as_array().is_some_and(|operations| operations.iter().any(|one| one == "verify"))
            })
            && is_absent_or("alg", &|value| {
                value.as_str().and_then(Algorithm::named) == Some(public.algorithm())
            });
        // Anyone can sign with a key whose private half is published.
        let is_private = jwk.contains_key("d");
        let id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return None,
        };
        (signs && !is_private).then_some(Key { id, public })
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::json;

    use super::*;

    fn ed25519(with: Value) -> Value {
        let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64URL_NOPAD.encode(&[7; 32])});
        let members = with.as_object().expect("an object").clone();
        jwk.as_object_mut().expect("an object").extend(members);
        jwk
    }

    fn p256(with: Value) -> Value {
        let coordinate = BASE64URL_NOPAD.encode(&[7; 32]);
        let mut jwk = ed25519(with);
        let members = json!({"kty": "EC", "crv": "P-256", "x": coordinate, "y": coordinate});
        jwk.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        jwk
    }

    fn set(keys: &[Value]) -> KeySet {
        KeySet::read(json!({"keys": keys}).to_string().as_bytes(), 10).expect("a JWKS")
    }

    #[test]
    fn a_token_gets_the_key_that_it_names() {
        let keys = set(&[ed25519(json!({"kid": "a"})), p256(json!({"kid": "b"})), ed25519(json!({}))]);
        let found = |id, algorithm| keys.find(id, algorithm).map(PublicKey::algorithm);
        assert_eq!(found(Some("a"), Algorithm::EdDsa), Ok(Algorithm::EdDsa));
        assert_eq!(found(Some("b"), Algorithm::Es256), Ok(Algorithm::Es256));
        assert_eq!(found(Some("a"), Algorithm::Es256), Err(Refused::KeyUnfit));
        assert_eq!(found(Some("b"), Algorithm::Rs256), Err(Refused::KeyUnfit));
        assert_eq!(found(Some("c"), Algorithm::EdDsa), Err(Refused::KeyUnknown));
        assert_eq!(found(Some(""), Algorithm::EdDsa), Err(Refused::KeyUnknown));
        assert_eq!(found(Some("A"), Algorithm::EdDsa), Err(Refused::KeyUnknown));
    }

    #[test]
    fn a_token_that_names_no_key_gets_the_only_one_that_fits() {
        let keys = set(&[ed25519(json!({"kid": "a"})), p256(json!({})), ed25519(json!({}))]);
        assert!(keys.find(None, Algorithm::Es256).is_ok());
        assert_eq!(keys.find(None, Algorithm::EdDsa), Err(Refused::KeyAmbiguous));
        assert_eq!(keys.find(None, Algorithm::Rs256), Err(Refused::KeyUnknown));
        let twice = set(&[ed25519(json!({"kid": "a"})), ed25519(json!({"kid": "a"}))]);
        assert_eq!(twice.find(Some("a"), Algorithm::EdDsa), Err(Refused::KeyAmbiguous));
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        let taken = [
            json!({"use": "sig"}),
            json!({"alg": "EdDSA"}),
            json!({"key_ops": ["verify"]}),
            json!({"use": "sig", "alg": "EdDSA", "key_ops": ["sign", "verify"], "x5t": "…", "more": [1]}),
        ];
        for with in taken {
            assert_eq!(set(&[ed25519(with.clone())]).len(), 1, "{with}");
        }
        let refused = [
            json!({"use": "enc"}),
            json!({"use": null}),
            json!({"use": ["sig"]}),
            json!({"alg": "ES256"}),
            json!({"alg": "HS256"}),
            json!({"alg": "none"}),
            json!({"alg": null}),
            json!({"key_ops": ["encrypt"]}),
            json!({"key_ops": []}),
            json!({"key_ops": "verify"}),
            json!({"kid": 7}),
            json!({"d": "the private half"}),
        ];
        for with in refused {
            let keys = set(&[ed25519(with.clone()), json!("no key"), p256(json!({}))]);
            assert_eq!((keys.len(), keys.others), (1, 2), "{with}");
        }
    }

    #[test]
    fn what_is_no_jwks_is_refused() {
        let key = ed25519(json!({}));
        let documents = [json!({}), json!([key]), json!({"keys": {}}), json!({"keys": null}), key.clone()];
        for document in documents {
            assert!(KeySet::read(document.to_string().as_bytes(), 10).is_err(), "{document}");
        }
        assert!(KeySet::read(br#"{"keys": [], "keys": []}"#, 10).is_err());
        assert!(KeySet::read(b"<html>", 10).is_err());
        let full = |count| json!({"keys": vec![key.clone(); count]}).to_string();
        assert!(KeySet::read(full(10).as_bytes(), 10).is_ok());
        assert!(KeySet::read(full(11).as_bytes(), 10).is_err());
    }
}
