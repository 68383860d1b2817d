//! Checksums and structure of tokens.

use super::base64;
use serde_json::{Map, Value};

/// GitHub's and npm's digits, in order.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of a checksum, and of what it is of.
const CHECKSUM: usize = 6;
const RANDOM: usize = 30;
/// Bech32's digits, in order (BIP 173), in capitals as age writes them.
const BECH32: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
/// What stands before age's data and is under its checksum.
const AGE: &str = "age-secret-key-";

/// GitHub's checksum (github.blog, "Behind GitHub's new authentication token formats"): CRC32 of the random
/// part in base62. Tokens of another length than today's have none that is documented.
pub fn is_github_token(token: &[u8]) -> bool {
    token.len() != 40 || ends_with_checksum(&token[4..])
}

/// npm took over GitHub's checksum with its prefix (github.blog, "Announcing npm's new access token format").
pub fn is_npm_token(token: &[u8]) -> bool {
    token.len() == 40 && ends_with_checksum(&token[4..])
}

fn ends_with_checksum(body: &[u8]) -> bool {
    body.len() == RANDOM + CHECKSUM && base62_checksum(&body[..RANDOM]) == body[RANDOM..]
}

/// CRC32 in six digits of base62.
pub fn base62_checksum(random: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(random) as usize;
    let mut digits = [BASE62[0]; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % BASE62.len()];
        rest /= BASE62.len();
    }
    digits
}

/// `glsa_`, 32 random characters, `_`, and their checksum.
pub fn is_grafana_token(token: &[u8]) -> bool {
    let Some(at) = token.iter().rposition(|byte| *byte == b'_') else { return false };
    grafana_checksum(&token[..at]).as_bytes() == &token[at + 1..]
}

/// CRC32 of everything before it, the last byte first, in hexadecimal digits.
pub fn grafana_checksum(rest: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(rest).swap_bytes())
}

/// An age identity is Bech32 with its checksum (age-encryption.org/v1, BIP 173).
pub fn is_age_key(key: &[u8]) -> bool {
    let Some(digits) = key.get(AGE.len() + 1..).and_then(bech32_digits) else { return false };
    polymod(&digits) == 1
}

/// The six digits that make age's data valid.
#[cfg(test)]
pub fn bech32_checksum(data: &[u8]) -> String {
    let mut digits = bech32_digits(data).unwrap_or_default();
    digits.extend([0; 6]);
    let checksum = polymod(&digits) ^ 1;
    (0..6).map(|at| char::from(BECH32[(checksum >> (5 * (5 - at))) as usize & 31])).collect()
}

fn bech32_digits(data: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| BECH32.iter().position(|digit| digit == byte).map(|at| at as u8);
    data.iter().map(digit).collect()
}

/// BIP 173's checksum over age's prefix and `digits`.
fn polymod(digits: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let prefix = AGE.bytes().map(|byte| byte >> 5).chain([0]).chain(AGE.bytes().map(|byte| byte & 31));
    prefix.chain(digits.iter().copied()).fold(1, |sum, digit| {
        let top = sum >> 25;
        let next = (sum & 0x01ff_ffff) << 5 ^ u32::from(digit);
        let is_set = |bit: &usize| top >> bit & 1 == 1;
        (0..GENERATOR.len()).filter(is_set).fold(next, |next, bit| next ^ GENERATOR[bit])
    })
}

/// Two objects of JSON, the first of which names an algorithm (RFC 7519 §3, RFC 7515 §4.1.1). The subject that
/// jwt.io shows to everybody is nobody's.
pub fn is_jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let mut object = || parts.next().and_then(json);
    let is_nobody = |payload: &Map<String, Value>| payload.get("sub").is_some_and(|sub| sub == "1234567890");
    object().is_some_and(|header| header.contains_key("alg"))
        && object().is_some_and(|payload| !is_nobody(&payload))
}

/// `sk.`, whose it is as JSON, `.`, a signature.
pub fn is_mapbox_token(token: &[u8]) -> bool {
    token.split(|byte| *byte == b'.').nth(1).and_then(json).is_some()
}

/// `glc_` and JSON that names the organization.
pub fn is_grafana_cloud_token(token: &[u8]) -> bool {
    token.get(4..).and_then(json).is_some()
}

/// `sntrys_`, JSON that names the organization, `_`, a secret. Tokens of people have only a secret.
pub fn is_sentry_token(token: &[u8]) -> bool {
    let Some(rest) = token.strip_prefix(b"sntrys_") else { return true };
    rest.split(|byte| *byte == b'_').next().and_then(json).is_some()
}

/// `ops_` and JSON with what the service account signs in with.
pub fn is_onepassword_token(token: &[u8]) -> bool {
    token.get(4..).and_then(json).is_some()
}

/// A macaroon of version 2 whose location is an index of packages (`pypitoken`, "Token format").
pub fn is_pypi_token(token: &[u8]) -> bool {
    // Six groups of base64 reach behind either location.
    let Some(start) = token.get(5..29).and_then(base64) else { return false };
    let [2, 1, length, rest @ ..] = start.as_slice() else { return false };
    rest.get(..usize::from(*length)).is_some_and(|at| at == b"pypi.org" || at == b"test.pypi.org")
}

/// A Discord token begins with the number of whose it is.
pub fn is_discord_token(token: &[u8]) -> bool {
    let number = token.split(|byte| *byte == b'.').next().and_then(base64);
    number.is_some_and(|number| (17..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit))
}

/// Base64 of `tok:` and more.
pub fn is_intercom_token(token: &[u8]) -> bool {
    base64(token).is_some_and(|text| text.starts_with(b"tok:") && text.is_ascii())
}

/// Base64 of `reftkn:01:` and more.
pub fn is_jfrog_reference(token: &[u8]) -> bool {
    base64(token).is_some_and(|text| text.starts_with(b"reftkn:01:"))
}

/// `ABSK` and base64 of `BedrockAPIKey-` and more.
pub fn is_bedrock_key(key: &[u8]) -> bool {
    key.get(4..).and_then(base64).is_some_and(|text| text.starts_with(b"BedrockAPIKey-"))
}

/// Base64 of `user:password`, as `docker login` writes it.
pub fn is_basic_auth(value: &[u8]) -> bool {
    base64(value).is_some_and(|pair| {
        pair.iter().all(|byte| byte.is_ascii_graphic())
            && pair.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && pair.len() > at + 6)
    })
}

fn json(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(&base64(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{base62_checksum, bech32_checksum, grafana_checksum, is_age_key};

    #[test]
    fn checksums_are_those_of_published_examples() {
        // Parts of examples that their makers published; none of them opens anything.
        assert_eq!(&base62_checksum(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
        let glsa = ["glsa_", "yscW25imSKJIuav8zF37RZmnbiDvB05G"].concat();
        assert_eq!(grafana_checksum(glsa.as_bytes()), "fcaaf58a");
    }

    #[test]
    fn one_changed_character_breaks_the_checksum_of_an_age_key() {
        let data = "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPY";
        let key = format!("AGE-SECRET-KEY-1{data}{}", bech32_checksum(data.as_bytes()));
        assert!(is_age_key(key.as_bytes()));
        assert!(!is_age_key(key.replacen("GFPYY", "GFPYX", 1).as_bytes()));
    }
}
