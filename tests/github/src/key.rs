//! The app's key, and what it signed, by a library of its own instead of one for tokens.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Bytes before the RSAPrivateKey (RFC 8017 §A.1.2) in the PKCS #8 of a key of 2048 bits.
const PKCS8_HEADER: usize = 26;

/// A key of 2048 bits.
pub(crate) struct AppKeyPair(KeyPair);

impl AppKeyPair {
    pub(crate) fn generate() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn pkcs8(&self) -> Vec<u8> {
        self.0.as_der().unwrap().as_ref().to_vec()
    }

    pub(crate) fn pkcs8_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8())
    }

    pub(crate) fn pkcs1_pem(&self) -> String {
        let pkcs8 = self.pkcs8();
        let pkcs1 = &pkcs8[PKCS8_HEADER..];
        let length = usize::from(pkcs1[2]) << 8 | usize::from(pkcs1[3]);
        assert!(pkcs1.starts_with(&[0x30, 0x82]) && length + 4 == pkcs1.len(), "this is no sequence");
        pem("RSA PRIVATE KEY", pkcs1)
    }

    /// Why GitHub would not take this JWT at `now`, in seconds.
    pub(crate) fn check_jwt(&self, token: &str, app: u64, now: i64) -> Result<(), &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("A JSON web token could not be decoded")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.0.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "A JSON web token could not be decoded")?;
        let (header, claims) = signed.split_once('.').ok_or("A JSON web token could not be decoded")?;
        let (header, claims) = (decode(header)?, decode(claims)?);
        if header["alg"] != "RS256" {
            return Err("the algorithm is not RS256");
        }
        let (iat, exp) =
            (claims["iat"].as_i64().ok_or("no 'iat'")?, claims["exp"].as_i64().ok_or("no 'exp'")?);
        // Text or a number.
        let issuer = &claims["iss"];
        let issuer = issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok());
        match issuer {
            issuer if issuer != Some(app) => Err("'Issuer' claim ('iss') is wrong"),
            _ if iat > now => Err("'Issued at' claim ('iat') is in the future"),
            _ if exp <= now => Err("'Expiration time' claim ('exp') is in the past"),
            _ if exp > now + 600 => Err("'Expiration time' claim ('exp') is too far in the future"),
            _ => Ok(()),
        }
    }
}

fn decode(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part is not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "a part is not JSON")
}

/// RFC 7468 §2.
fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let lines: Vec<_> = digits.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
