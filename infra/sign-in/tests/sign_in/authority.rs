//! Keys, and tokens signed with them (RFC 7515, RFC 7518), by a library that the crate does not use.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// A key to sign with (ES256).
pub(crate) struct Key {
    id: Option<&'static str>,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new(id: Option<&'static str>) -> Self {
        Self { id, pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    /// Its public half, uncompressed: a byte, x and y of 32 bytes each.
    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Its public half, as a key set has it.
    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.public()[1..].split_at(32);
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "x": encode(x), "y": encode(y) });
        if let Some(id) = self.id {
            jwk["kid"] = id.into();
        }
        jwk
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let mut header = json!({ "alg": "ES256", "typ": "JWT" });
        if let Some(id) = self.id {
            header["kid"] = id.into();
        }
        token(&header, claims, |text| self.pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec())
    }
}

/// A token signed with a secret that both sides know (HS256).
pub(crate) fn token_with_secret(secret: &[u8], claims: &Value) -> String {
    token(&json!({ "alg": "HS256" }), claims, |text| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    })
}

/// A token that nobody signed.
pub(crate) fn unsigned_token(claims: &Value) -> String {
    token(&json!({ "alg": "none" }), claims, |_| Vec::new())
}

/// The token with other claims under the same signature.
pub(crate) fn with_claims(token: &str, claims: &Value) -> String {
    let parts: Vec<_> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], encode(claims.to_string()), parts[2])
}

fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = sign(text.as_bytes());
    format!("{text}.{}", encode(signature))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
