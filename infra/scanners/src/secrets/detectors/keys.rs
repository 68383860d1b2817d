//! Private keys.

use super::Detector;
use scanledger_domain::severity::Severity::Critical;

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        "GCP_SERVICE_ACCOUNT",
        "Google Cloud service account key",
        Critical,
        "acts as a service account in Google Cloud",
        &["service_account"],
        r#"(?s)"service_account".*?"private_key"\s*:\s*"(?P<secret>-----BEGIN (?:RSA )?PRIVATE KEY-----[^"]+?-----END (?:RSA )?PRIVATE KEY-----)"#,
    )
    .block()
    .checked(has_key_material),
    Detector::token(
        "PRIVATE_KEY",
        "Private key",
        Critical,
        "proves an identity, decrypts or signs",
        &["PRIVATE KEY"],
        r"(?s)(?P<secret>-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.*?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)",
    )
    .block()
    .checked(has_key_material),
    Detector::token(
        "AGE_SECRET_KEY",
        "age secret key",
        Critical,
        "decrypts every file that was encrypted for it",
        &["AGE-SECRET-KEY-1"],
        r"\b(?P<secret>AGE-SECRET-KEY-1(?P<body>[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}))\b",
    ),
];

/// The smallest key in use, Ed25519, has 64 characters of base64; documentation has fewer, or dots.
const KEY_CHARACTERS: usize = 48;

/// Whether there is a key between the markers.
fn has_key_material(block: &[u8]) -> bool {
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'=');
    let Some(body) = between_markers(block) else { return false };
    let has_ellipsis = body.windows(3).any(|three| three == b"...");
    let mut seen = [false; 256];
    for byte in body.iter().filter(is_base64) {
        seen[usize::from(*byte)] = true;
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    !has_ellipsis && distinct >= 16 && body.iter().filter(is_base64).count() >= KEY_CHARACTERS
}

fn between_markers(block: &[u8]) -> Option<&[u8]> {
    let marker = |from: usize| block[from..].windows(5).position(|five| five == b"-----").map(|at| from + at);
    let start = marker(5)? + 5;
    let end = marker(start)?;
    block.get(start..end)
}
