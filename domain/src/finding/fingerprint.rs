//! What makes a finding the same finding next time, on every branch and for ever.

use crate::id::{FindingId, ProjectId};
use crate::scanning::Identity;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The first 128 bits of SHA-256 over the parts of an identity; 32 hex digits in JSON.
///
/// It holds nothing that moves: no line number, no version, no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// Text that is not 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: expected 32 hexadecimal digits")]
pub struct NotAFingerprint;

/// The fingerprint of an identity, with `rule` where the identity needs it.
pub fn fingerprint(identity: &Identity, rule: &str) -> Fingerprint {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(identity.scanner().as_str().as_bytes());
    match identity {
        Identity::Advisory { package, id, .. } => {
            part(package.purl().as_bytes());
            part(id.as_bytes());
        }
        Identity::Secret { path, hash, .. } => {
            part(path.as_bytes());
            part(hash);
        }
        Identity::Code { path, context, index } => {
            part(rule.as_bytes());
            part(path.as_bytes());
            part(context.as_bytes());
            part(&index.to_be_bytes());
        }
        Identity::Upload(uploaded) => {
            part(b"match_based_id");
            part(uploaded.facts.match_based_id.as_bytes());
        }
    }
    let digest = hash.finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    Fingerprint(first)
}

/// The id of the finding with `fingerprint` in `project`: `UUIDv5(project, fingerprint)`.
pub fn finding_id(project: ProjectId, fingerprint: Fingerprint) -> FindingId {
    FindingId(Uuid::new_v5(&project.0, &fingerprint.0))
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAFingerprint)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, NotAFingerprint, finding_id, fingerprint};
    use crate::component::{Ecosystem, Package};
    use crate::id::ProjectId;
    use crate::scanning::Identity;
    use uuid::Uuid;

    fn advisory(package: &str, id: &str, group: &[&str]) -> Identity {
        Identity::Advisory {
            package: Package::new(Ecosystem::Npm, package),
            id: id.to_owned(),
            group: group.iter().map(|&id| id.to_owned()).collect(),
            informational: None,
        }
    }

    fn secret(path: &str, hash: &[u8]) -> Identity {
        Identity::Secret {
            path: path.to_owned(),
            hash: hash.to_vec(),
            leak_hash: vec![1],
            masked: "ab…".to_owned(),
        }
    }

    #[test]
    fn an_advisory_that_gains_an_alias_keeps_its_fingerprint() {
        assert_eq!(
            fingerprint(&advisory("lodash", "GHSA-1", &["GHSA-1"]), "GHSA-1"),
            fingerprint(&advisory("lodash", "GHSA-1", &["CVE-1", "GHSA-1"]), "GHSA-1"),
        );
    }

    #[test]
    fn packages_files_and_secrets_tell_findings_apart() {
        let all = [
            fingerprint(&advisory("lodash", "GHSA-1", &[]), ""),
            fingerprint(&advisory("minimist", "GHSA-1", &[]), ""),
            fingerprint(&advisory("lodash", "GHSA-2", &[]), ""),
            fingerprint(&secret("a", b"bc"), ""),
            fingerprint(&secret("ab", b"c"), ""),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn the_same_secret_under_another_detector_is_the_same_finding() {
        assert_eq!(
            fingerprint(&secret("a", b"x"), "GENERIC"),
            fingerprint(&secret("a", b"x"), "GITHUB_TOKEN")
        );
    }

    #[test]
    fn projects_tell_findings_apart() {
        let print = fingerprint(&secret("a", b"x"), "");
        assert_ne!(
            finding_id(ProjectId(Uuid::from_u128(1)), print),
            finding_id(ProjectId(Uuid::from_u128(2)), print)
        );
    }

    #[test]
    fn fingerprints_and_ids_never_change() {
        // Computed from the definition in another language: decisions hang on them for ever.
        let babel = fingerprint(&advisory("@babel/core", "GHSA-1", &["GHSA-1"]), "GHSA-1");
        assert_eq!(babel.to_string(), "654c47f73b52a7dd15a0ffc73b1dff1e");
        assert_eq!(fingerprint(&secret("a", b"bc"), "").to_string(), "c644661b863a55b29d5a2ff2ed9dd04f");
        let code = Identity::Code { path: "src/a.js".to_owned(), context: "eval(x)".to_owned(), index: 1 };
        assert_eq!(fingerprint(&code, "eval").to_string(), "676096831ac725cc23e01a8c733e0a5e");
        let id = finding_id(ProjectId(Uuid::from_u128(1)), babel);
        assert_eq!(id.to_string(), "20f22e64-e778-5241-8291-f6544ac8fc8a");
    }

    #[test]
    fn rule_and_number_of_the_match_tell_code_apart() {
        let code = |index| Identity::Code { path: "a".to_owned(), context: "x".to_owned(), index };
        assert_ne!(fingerprint(&code(0), "eval"), fingerprint(&code(1), "eval"));
        assert_ne!(fingerprint(&code(0), "eval"), fingerprint(&code(0), "exec"));
    }

    #[test]
    fn a_fingerprint_is_32_hex_digits() {
        let print = fingerprint(&secret("a", b"x"), "");
        assert_eq!(print.to_string().parse(), Ok(print));
        assert_eq!(
            serde_json::from_str::<Fingerprint>(&serde_json::to_string(&print).unwrap()).unwrap(),
            print
        );
        for bad in ["", "ab", &"g".repeat(32), &"a".repeat(33)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(NotAFingerprint));
        }
    }
}
