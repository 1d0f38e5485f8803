//! Tokens that nobody should get past us with.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use masthead::{auth::jwt::Refused, config::IdentitySettings};
use ring::hmac;
use serde_json::{Value, json};

use super::{
    Following,
    issuer::Issuer,
    signer::{Signer, unsigned},
};

/// An issuer with a key of each kind, and who follows it.
struct Scene {
    issuer: Issuer,
    rsa: Signer,
    p256: Signer,
    ed25519: Signer,
    following: Following,
}

impl Scene {
    async fn open() -> Scene {
        let (rsa, p256, ed25519) = (Signer::rsa(), Signer::p256(), Signer::ed25519());
        let issuer = Issuer::start(&[rsa.jwk("rsa"), p256.jwk("p256"), ed25519.jwk("ed25519")]).await;
        // What an attacker shows must not depend on what is fetched meanwhile.
        let settings = IdentitySettings { oidc_refresh_pause_seconds: 3_600, ..issuer.settings() };
        let following = Following::start(&settings);
        let scene = Scene { issuer, rsa, p256, ed25519, following };
        for (id, signer) in scene.signers() {
            assert_eq!(scene.refusal(&signer.token(id, &scene.claims())).await, None, "{id}");
        }
        scene
    }

    fn signers(&self) -> [(&'static str, &Signer); 3] {
        [("rsa", &self.rsa), ("p256", &self.p256), ("ed25519", &self.ed25519)]
    }

    fn claims(&self) -> Value {
        self.issuer.claims("林晓", "publisher")
    }

    /// Claims that pass, as JSON.
    fn text(&self) -> String {
        self.claims().to_string()
    }

    /// Why a token is refused that has the form of one.
    async fn refusal(&self, token: &str) -> Option<Refused> {
        match self.following.identify(token).await {
            Ok(identity) => {
                assert!(identity.is_some(), "it should have the form of a token: {token}");
                None
            }
            Err(refused) => Some(refused),
        }
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let scene = Scene::open().await;
    for algorithm in ["none", "None", "NONE", "nOnE"] {
        for header in [json!({"alg": algorithm}), json!({"alg": algorithm, "kid": "rsa", "typ": "JWT"})] {
            let message = unsigned(&header.to_string(), &scene.text());
            assert_eq!(scene.refusal(&format!("{message}.")).await, Some(Refused::Algorithm), "{header}");
            assert_eq!(scene.refusal(&format!("{message}.AAAA")).await, Some(Refused::Algorithm), "{header}");
        }
    }
    for (id, signer) in scene.signers() {
        let header = json!({"alg": signer.algorithm(), "kid": id}).to_string();
        let message = unsigned(&header, &scene.text());
        assert_eq!(scene.refusal(&format!("{message}.")).await, Some(Refused::Signature), "{id}");
        let zeros = BASE64URL_NOPAD.encode(&vec![0; signer.signature(b"").len()]);
        assert_eq!(scene.refusal(&format!("{message}.{zeros}")).await, Some(Refused::Signature), "{id}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let scene = Scene::open().await;
    for (id, signer) in scene.signers() {
        let jwk = signer.jwk(id);
        let part = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
        let secrets = [
            jwk.to_string().into_bytes(),
            part("n").into_bytes(),
            part("x").into_bytes(),
            BASE64URL_NOPAD.decode(part("n").as_bytes()).expect("a number"),
            BASE64URL_NOPAD.decode(part("x").as_bytes()).expect("a number"),
        ];
        for secret in secrets {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            // With the name of the attacker's algorithm, and with that of the key's.
            for algorithm in ["HS256", signer.algorithm()] {
                let header = json!({"alg": algorithm, "kid": id, "typ": "JWT"}).to_string();
                let message = unsigned(&header, &scene.text());
                let signature = BASE64URL_NOPAD.encode(hmac::sign(&secret, message.as_bytes()).as_ref());
                let expected = if algorithm == "HS256" { Refused::Algorithm } else { Refused::Signature };
                assert_eq!(
                    scene.refusal(&format!("{message}.{signature}")).await,
                    Some(expected),
                    "{header}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_key_checks_only_its_own_algorithm() {
    let scene = Scene::open().await;
    for (id, _) in scene.signers() {
        for (other, signer) in scene.signers().into_iter().filter(|(other, _)| *other != id) {
            // Well signed by another key of the issuer, with the name of this one.
            let token = signer.token(id, &scene.claims());
            assert_eq!(scene.refusal(&token).await, Some(Refused::KeyUnfit), "{other} as {id}");
        }
    }
    let others = ["RS384", "RS512", "PS256", "ES384", "ES256K", "EdDSA25519", "Ed25519", "HS512", "dir", ""];
    for algorithm in others {
        let header = json!({"alg": algorithm, "kid": "rsa"}).to_string();
        let token = scene.rsa.signed(&header, &scene.text());
        assert_eq!(scene.refusal(&token).await, Some(Refused::Algorithm), "{algorithm}");
    }
}

#[tokio::test]
async fn a_token_brings_no_key_of_its_own() {
    let scene = Scene::open().await;
    let (attacker, elsewhere) = (Signer::ed25519(), Signer::ed25519());
    let evil = Issuer::start(&[attacker.jwk("ed25519")]).await;
    let keys = format!("{}/keys", evil.url);
    let headers = [
        json!({"alg": "EdDSA", "kid": "ed25519", "jwk": attacker.jwk("ed25519")}),
        json!({"alg": "EdDSA", "jwk": attacker.nameless_jwk()}),
        json!({"alg": "EdDSA", "kid": "ed25519", "jku": keys}),
        json!({"alg": "EdDSA", "kid": "ed25519", "x5u": keys, "x5c": ["AAAA"]}),
        json!({"alg": "EdDSA", "kid": "ed25519"}),
    ];
    for header in headers {
        let token = attacker.signed(&header.to_string(), &scene.text());
        assert_eq!(scene.refusal(&token).await, Some(Refused::Signature), "{header}");
    }
    let ids = [
        keys.as_str(),
        "../../etc/passwd",
        "/dev/null",
        "rsa' or '1'='1",
        "rsa\0",
        " rsa",
        "RSA",
        "",
        "*",
        "|touch file",
    ];
    for id in ids {
        let token = elsewhere.token(id, &scene.claims());
        assert_eq!(scene.refusal(&token).await, Some(Refused::KeyUnknown), "{id}");
    }
    assert_eq!(evil.asked_for_keys(), 0);
}

#[tokio::test]
async fn a_key_for_something_else_signs_nothing() {
    let signer = Signer::rsa();
    let changed = |name: &str, value: Value| {
        let mut jwk = signer.jwk("1");
        jwk[name] = value;
        jwk
    };
    let keys = [
        changed("use", json!("enc")),
        changed("alg", json!("RSA-OAEP")),
        changed("alg", json!("PS256")),
        changed("key_ops", json!(["encrypt", "wrapKey"])),
        changed("d", json!("AQAB")),
        changed("n", json!("AQAB")),
    ];
    for jwk in keys {
        let issuer = Issuer::start(std::slice::from_ref(&jwk)).await;
        let following = Following::start(&issuer.settings());
        let claims = issuer.claims("林晓", "editor");
        assert_eq!(following.person(&signer.token("1", &claims)).await, Err(Refused::KeyUnknown), "{jwk}");
        let nameless = signer.signed(r#"{"alg":"RS256"}"#, &claims.to_string());
        assert_eq!(following.person(&nameless).await, Err(Refused::KeyUnknown), "{jwk}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_a_single_key() {
    let signers = [Signer::p256(), Signer::p256()];
    let issuer = Issuer::start(&[signers[0].jwk("1"), signers[1].jwk("2")]).await;
    let following = Following::start(&issuer.settings());
    let claims = issuer.claims("林晓", "editor").to_string();
    for signer in &signers {
        let token = signer.signed(r#"{"alg":"ES256"}"#, &claims);
        assert_eq!(following.person(&token).await, Err(Refused::KeyAmbiguous));
    }
}

#[tokio::test]
async fn a_token_is_for_us_and_for_now() {
    let scene = Scene::open().await;
    let now = chrono::Utc::now().timestamp();
    let cases = [
        ("iss", json!(format!("{}/", scene.issuer.url)), Refused::Issuer),
        ("iss", json!("https://id.example"), Refused::Issuer),
        ("iss", json!([scene.issuer.url]), Refused::Issuer),
        ("aud", json!("account"), Refused::Audience),
        ("aud", json!(["account", "other"]), Refused::Audience),
        ("exp", json!(now - 61), Refused::Expired),
        ("exp", json!("4102444800"), Refused::Malformed("exp")),
        ("exp", Value::Null, Refused::Malformed("exp")),
        ("nbf", json!(now + 3_600), Refused::NotYetValid),
        ("iat", json!(now + 3_600), Refused::NotYetValid),
        ("sub", json!("林\u{202e}晓"), Refused::Person),
        ("roles", json!({"publisher": true}), Refused::Roles),
    ];
    for (name, value, expected) in cases {
        let mut claims = scene.claims();
        claims[name] = value.clone();
        for (id, signer) in scene.signers() {
            let refusal = scene.refusal(&signer.token(id, &claims)).await;
            assert_eq!(refusal, Some(expected), "{name} {value} {id}");
        }
    }
}

#[tokio::test]
async fn the_skew_of_clocks_has_an_end() {
    let scene = Scene::open().await;
    let exp = 1_900_000_000;
    let mut claims = scene.claims();
    claims["iat"] = json!(exp - 300);
    claims["nbf"] = json!(exp - 300);
    claims["exp"] = json!(exp);
    let token = scene.p256.token("p256", &claims);
    let at = |seconds: i64| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    let cases = [
        (exp - 361, Err(Refused::NotYetValid)),
        (exp - 360, Ok(())),
        (exp - 150, Ok(())),
        (exp + 59, Ok(())),
        (exp + 60, Err(Refused::Expired)),
    ];
    for (seconds, expected) in cases {
        let found = scene.following.issuers.identify(&token, at(seconds)).await;
        assert_eq!(found.map(|identity| assert!(identity.is_some())), expected, "{}", seconds - exp);
    }
}

#[tokio::test]
async fn a_strange_header_is_refused() {
    let scene = Scene::open().await;
    let claims = scene.text();
    let cases = [
        (r#"{"alg":"EdDSA","kid":"ed25519","crit":["exp"],"exp":1}"#, Refused::Critical),
        (r#"{"alg":"EdDSA","kid":"ed25519","crit":[]}"#, Refused::Critical),
        (r#"{"alg":"EdDSA","kid":"ed25519","crit":["b64"],"b64":false}"#, Refused::Critical),
        (r#"{"alg":"EdDSA","kid":"ed25519","typ":"logout+jwt"}"#, Refused::Type),
        (r#"{"alg":"EdDSA","kid":"ed25519","typ":"dpop+jwt"}"#, Refused::Type),
        (r#"{"alg":"none","alg":"EdDSA","kid":"ed25519"}"#, Refused::Malformed("header")),
        (r#"{"alg":"EdDSA","kid":"ed25519","kid":"ed25519"}"#, Refused::Malformed("header")),
        (r#"{"alg":"EdDSA","kid":"ed25519","\u0061lg":"EdDSA"}"#, Refused::Malformed("header")),
        (r#"{"alg":"EdDSA","kid":["ed25519"]}"#, Refused::Malformed("kid")),
        (r#"{"alg":"EdDSA","kid":"ed25519"}{}"#, Refused::Malformed("header")),
        (r#"["EdDSA"]"#, Refused::Malformed("header")),
        (r#"{"kid":"ed25519"}"#, Refused::Malformed("alg")),
    ];
    for (header, expected) in cases {
        let token = scene.ed25519.signed(header, &claims);
        assert_eq!(scene.refusal(&token).await, Some(expected), "{header}");
    }
    let plain = scene.ed25519.signed(r#"{"alg":"EdDSA","kid":"ed25519","typ":"at+jwt"}"#, &claims);
    assert_eq!(scene.refusal(&plain).await, None);
}

#[tokio::test]
async fn claims_that_say_two_things_are_refused() {
    let scene = Scene::open().await;
    let text = scene.text();
    let text = text.trim_end_matches('}');
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let cases = [
        format!(r#"{text},"sub":"chief"}}"#),
        format!(r#"{text},"\u0073ub":"chief"}}"#),
        format!(r#"{text},"roles":["operator"]}}"#),
        format!(r#"{text},"more":{{"a":1,"a":2}}}}"#),
        format!(r#"{text},"more":{deep}}}"#),
        format!("[{text}}}]"),
        text.to_string(),
        String::new(),
        "null".to_owned(),
    ];
    for claims in cases {
        let token = scene.ed25519.signed(r#"{"alg":"EdDSA","kid":"ed25519"}"#, &claims);
        // No claims at all, and it is no token by its form.
        match scene.following.identify(&token).await {
            Ok(None) => assert!(claims.is_empty(), "{claims}"),
            refused => assert_eq!(refused, Err(Refused::Malformed("claims")), "{claims}"),
        }
    }
}

#[tokio::test]
async fn a_token_has_a_length_at_most() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(&[signer.jwk("1")]).await;
    let token = |fill: usize| {
        let mut claims = issuer.claims("林晓", "editor");
        claims["fill"] = json!("x".repeat(fill));
        signer.token("1", &claims)
    };
    let length = token(400).len();
    let limited = |bytes: usize| {
        let bytes = u32::try_from(bytes).expect("a length");
        Following::start(&IdentitySettings { oidc_token_bytes_max: bytes, ..issuer.settings() })
    };
    assert!(limited(length).person(&token(400)).await.is_ok());
    assert_eq!(limited(length - 1).person(&token(400)).await, Err(Refused::TooLong));
    let usual = Following::start(&issuer.settings());
    assert_eq!(usual.person(&token(1024 * 1024)).await, Err(Refused::TooLong));
    assert_eq!(usual.person(&format!("{}.{}.{}", "A".repeat(9_000), "A", "A")).await, Err(Refused::TooLong));
}

#[tokio::test]
async fn garbage_in_the_form_of_a_token_is_refused() {
    let scene = Scene::open().await;
    let token = scene.rsa.token("rsa", &scene.claims());
    let parts: Vec<&str> = token.split('.').collect();
    let cases = [
        "a.b.c".to_owned(),
        "AAAA.AAAA.AAAA".to_owned(),
        "___.---.___".to_owned(),
        format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[0], parts[2]),
        format!("{}.{}.{}", parts[2], parts[1], parts[0]),
        format!("{}A.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}A.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}A", parts[0], parts[1], parts[2]),
    ];
    for token in cases {
        assert!(scene.refusal(&token).await.is_some(), "{token}");
    }
}

/// Numbers that come out the same in each run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Changes a few bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>, alphabet: &[u8]) {
        for _ in 0..=self.below(3) {
            let (at, byte) = (self.below(bytes.len() + 1), alphabet[self.below(alphabet.len())]);
            match self.below(4) {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
    }

    /// A token that nobody has signed, from some that somebody has.
    fn mutant(&mut self, tokens: &[&str]) -> String {
        const SPELLING: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
        const JSON: &[u8] = b"{}[]\":,\\0123456789.eE+-ntfuabcdRSE \xff";
        let mut parts: Vec<Vec<u8>> =
            self.pick(tokens).split('.').map(|part| part.as_bytes().to_vec()).collect();
        let at = self.below(3);
        match self.below(4) {
            // One part of another token.
            0 => {
                let other = self.pick(tokens).split('.').nth(at).expect("a part");
                parts[at] = other.as_bytes().to_vec();
            }
            // Other letters.
            1 => self.damage(&mut parts[at], SPELLING),
            // Other bytes below the letters.
            2 => {
                let mut bytes = BASE64URL_NOPAD.decode(&parts[at]).expect("a part");
                self.damage(&mut bytes, JSON);
                parts[at] = BASE64URL_NOPAD.encode(&bytes).into_bytes();
            }
            // Another word in header or claims.
            _ => {
                let at = at % 2;
                let text = BASE64URL_NOPAD.decode(&parts[at]).expect("a part");
                let words = [
                    "RS256",
                    "ES256",
                    "EdDSA",
                    "none",
                    "HS256",
                    "rsa",
                    "p256",
                    "ed25519",
                    "publisher",
                    "JWT",
                ];
                let (from, to) = (self.pick(&words), self.pick(&words));
                let text = String::from_utf8(text).expect("JSON").replace(from, to);
                parts[at] = BASE64URL_NOPAD.encode(text.as_bytes()).into_bytes();
            }
        }
        String::from_utf8_lossy(&parts.join(&b'.')).into_owned()
    }
}

#[tokio::test]
async fn twenty_thousand_damaged_tokens_never_pass() {
    let scene = Scene::open().await;
    let tokens: Vec<String> = scene
        .signers()
        .into_iter()
        .flat_map(|(id, signer)| {
            ["reader", "publisher"].map(|role| signer.token(id, &scene.issuer.claims("林晓", role)))
        })
        .collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut dice = Dice(0x6d61_7374_6865_6164);
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    let mut tried = 0;
    while tried < 20_000 {
        let mutant = dice.mutant(&tokens);
        if tokens.contains(&mutant.as_str()) {
            continue;
        }
        tried += 1;
        match scene.following.identify(&mutant).await {
            Ok(None) => *met.entry("no token by its form".to_owned()).or_default() += 1,
            Err(refused) => *met.entry(refused.to_string()).or_default() += 1,
            Ok(Some(identity)) => panic!("{identity:?} by {mutant}"),
        }
    }
    // The damage reaches every step, and is not stopped by the first one.
    let deep =
        [Refused::Signature, Refused::KeyUnknown, Refused::KeyUnfit, Refused::Algorithm, Refused::Audience];
    for refused in deep {
        assert!(met.get(&refused.to_string()).is_some_and(|count| *count >= 20), "{refused}: {met:?}");
    }
    for (id, signer) in scene.signers() {
        assert_eq!(scene.refusal(&signer.token(id, &scene.claims())).await, None, "{id} is still taken");
    }
}
