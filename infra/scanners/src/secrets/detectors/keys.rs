//! Private keys.

use super::{Detector, specific};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::CryptographicKey;
use scanledger_domain::secret::{DetectorFacts, SecretCategory};
use scanledger_domain::severity::Severity::{Critical, Medium};

const fn key(id: &'static str, title: &'static str, provider: &'static str) -> DetectorFacts {
    specific(id, title, provider, CryptographicKey, SecretCategory::PrivateKey)
}

/// PEM (RFC 7468), OpenPGP's armor (RFC 9580 §6.2), and PuTTY's format.
const BLOCKS: &str = concat!(
    "(?P<secret>-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-{1,4}[^-])*",
    "-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    r"|PuTTY-User-Key-File-[23]: [a-z0-9-]+\r?\n(?:[^\n]*\n){1,400}?Private-MAC: [0-9a-f]{40,64})"
);

pub(super) const LIST: &[Detector] = &[
    Detector::block(
        key("GCP_SERVICE_ACCOUNT", "Google Cloud service account key", "Google Cloud"),
        Critical,
        "acts as a service account in Google Cloud",
        &["service_account"],
        r#"(?s)"service_account".*?"private_key"\s*:\s*"(?P<secret>-----BEGIN (?:RSA )?PRIVATE KEY-----[^"]+?-----END (?:RSA )?PRIVATE KEY-----)"#,
    )
    .checked(checks::is_open_key),
    Detector::block(
        key("PRIVATE_KEY", "Private key", "Private key"),
        Critical,
        "proves an identity, decrypts or signs",
        &["PRIVATE KEY", "PuTTY-User-Key-File"],
        BLOCKS,
    )
    .checked(checks::is_open_key),
    Detector::block(
        key("ENCRYPTED_PRIVATE_KEY", "Private key with a passphrase", "Private key"),
        Medium,
        "proves an identity, decrypts or signs, once its passphrase is guessed",
        &["PRIVATE KEY", "PuTTY-User-Key-File"],
        BLOCKS,
    )
    .checked(checks::is_locked_key),
    Detector::token(
        key("AGE_SECRET_KEY", "age secret key", "age"),
        Critical,
        "decrypts every file that was encrypted for it",
        &["AGE-SECRET-KEY-1"],
        r"\b(?P<secret>AGE-SECRET-KEY-1(?P<body>[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}))\b",
    )
    .checked(checks::is_age_key),
    Detector::on_line(
        key("WIREGUARD_KEY", "WireGuard private key", "WireGuard"),
        Critical,
        "joins a machine to a private network",
        &["PrivateKey"],
        r"\bPrivateKey[ \t]*=[ \t]*(?P<secret>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)(?:\s|$)",
    )
    .entropy(4.0),
];
