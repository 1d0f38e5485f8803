//! The three ways in which an issuer may sign, on ring. A key knows its own: what a
//! token says of its algorithm never chooses how its signature is checked.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};

/// The lengths of an RSA modulus that are taken, in bits; those that ring has.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Bytes of a coordinate of a point on the curve P-256, and of a key of Ed25519.
const COORDINATE_BYTES: usize = 32;

/// A way to sign (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// EdDSA, of which only Ed25519 is taken.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this name, which has no other spelling.
    pub(super) fn named(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// A key to check signatures with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A point on Ed25519, as RFC 8032 encodes it.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Reads the material of a JWK (RFC 7518 section 6, RFC 8037 section 2). `None` if
    /// it is of a kind that is not taken, or damaged.
    pub(super) fn read(jwk: &Map<String, Value>) -> Option<PublicKey> {
        let text = |name: &str| jwk.get(name)?.as_str();
        let number = |name: &str| BASE64URL_NOPAD.decode(text(name)?.as_bytes()).ok();
        let coordinate = |name: &str| number(name).filter(|bytes| bytes.len() == COORDINATE_BYTES);
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (modulus, exponent) = (without_zeros(&number("n")?), without_zeros(&number("e")?));
                let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
                RSA_BITS.contains(&bits).then_some(PublicKey::Rsa { modulus, exponent })
            }
            ("EC", Some("P-256")) => {
                // SEC 1 section 2.3.3.
                let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
                Some(PublicKey::P256(point))
            }
            ("OKP", Some("Ed25519")) => Some(PublicKey::Ed25519(coordinate("x")?)),
            _ => None,
        }
    }

    /// The one algorithm that the key is for.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Rsa { .. } => Algorithm::Rs256,
            PublicKey::P256(_) => Algorithm::Es256,
            PublicKey::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether the holder of the private key signed this message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match self {
            PublicKey::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            PublicKey::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        };
        checked.is_ok()
    }
}

/// Some issuers write a zero in front, which RFC 7518 section 2 forbids and which
/// changes no number.
fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037 appendix A.
    const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(jwk: Value) -> Option<PublicKey> {
        PublicKey::read(jwk.as_object().expect("an object"))
    }

    #[test]
    fn a_published_signature_is_recognised() {
        let key = read(json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519_X})).expect("a key");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).expect("a signature");
        assert!(key.has_signed(message, &signature));
        assert!(!key.has_signed(&message[1..], &signature));
        assert!(!key.has_signed(message, &signature[1..]));
        assert!(!key.has_signed(message, b""));
    }

    #[test]
    fn only_whole_keys_of_the_three_kinds_are_read() {
        let coordinate = BASE64URL_NOPAD.encode(&[7; 32]);
        let number = |bytes: usize| BASE64URL_NOPAD.encode(&vec![0xff; bytes]);
        let taken = [
            json!({"kty": "EC", "crv": "P-256", "x": coordinate, "y": coordinate}),
            json!({"kty": "RSA", "n": number(256), "e": "AQAB"}),
            json!({"kty": "RSA", "n": number(1024), "e": "AQAB"}),
        ];
        for jwk in taken {
            assert!(read(jwk.clone()).is_some(), "{jwk}");
        }
        let refused = [
            json!({}),
            json!({"kty": "oct", "k": coordinate}),
            json!({"kty": "EC", "crv": "P-384", "x": number(48), "y": number(48)}),
            json!({"kty": "EC", "crv": "secp256k1", "x": coordinate, "y": coordinate}),
            json!({"kty": "EC", "crv": "P-256", "x": coordinate}),
            json!({"kty": "EC", "crv": "P-256", "x": coordinate, "y": number(31)}),
            json!({"kty": "EC", "x": coordinate, "y": coordinate}),
            json!({"kty": "RSA", "n": number(255), "e": "AQAB"}),
            json!({"kty": "RSA", "n": number(1025), "e": "AQAB"}),
            json!({"kty": "RSA", "n": "", "e": "AQAB"}),
            json!({"kty": "RSA", "n": number(256)}),
            json!({"kty": "RSA", "n": "not base64url!", "e": "AQAB"}),
            json!({"kty": "OKP", "crv": "Ed448", "x": number(57)}),
            json!({"kty": "OKP", "crv": "X25519", "x": coordinate}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": 7}),
            json!({"kty": "ec", "crv": "P-256", "x": coordinate, "y": coordinate}),
        ];
        for jwk in refused {
            assert!(read(jwk.clone()).is_none(), "{jwk}");
        }
    }

    #[test]
    fn a_zero_in_front_of_a_number_changes_no_key() {
        let plain = json!({"kty": "RSA", "n": BASE64URL_NOPAD.encode(&[0xff; 256]), "e": "AQAB"});
        let padded = [vec![0], vec![0xff; 256]].concat();
        let padded = json!({"kty": "RSA", "n": BASE64URL_NOPAD.encode(&padded), "e": "AAEAAQ"});
        assert_eq!(read(plain), read(padded));
    }

    #[test]
    fn algorithms_have_one_spelling() {
        for name in ["none", "None", "", "HS256", "rs256", "RS256 ", "RS384", "PS256", "ES384", "Ed25519"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }
}
