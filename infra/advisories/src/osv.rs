//! The parts of an OSV record that are used, read leniently: a field of the wrong shape that matching can do
//! without is dropped, unknown fields are ignored, `null` is the same as absent.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An OSV record (<https://ossf.github.io/osv-schema/>).
#[derive(Debug, Deserialize)]
pub(crate) struct OsvRecord {
    pub id: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub modified: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub withdrawn: Option<String>,
    #[serde(default, deserialize_with = "those_that_fit")]
    pub aliases: Vec<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub summary: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub details: Option<String>,
    #[serde(default, deserialize_with = "those_that_fit")]
    pub severity: Vec<OsvSeverity>,
    #[serde(default)]
    pub affected: Option<Vec<OsvAffected>>,
    #[serde(default, deserialize_with = "those_that_fit")]
    pub references: Vec<OsvReference>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub database_specific: Option<DatabaseSpecific>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OsvSeverity {
    /// A CVSS vector for the types that are used.
    pub score: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OsvReference {
    #[serde(rename = "type", default, deserialize_with = "if_it_fits")]
    pub kind: Option<String>,
    pub url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OsvAffected {
    /// Absent in records about git commits only.
    #[serde(default)]
    pub package: Option<OsvPackage>,
    #[serde(default, deserialize_with = "those_that_fit")]
    pub severity: Vec<OsvSeverity>,
    #[serde(default)]
    pub ranges: Option<Vec<OsvRange>>,
    #[serde(default)]
    pub versions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub ecosystem_specific: Option<DatabaseSpecific>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub database_specific: Option<DatabaseSpecific>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OsvPackage {
    pub ecosystem: String,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OsvRange {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub events: Option<Vec<OsvEvent>>,
}

/// One of the fields; a record that fills several means several events.
#[derive(Debug, Deserialize)]
pub(crate) struct OsvEvent {
    #[serde(default)]
    pub introduced: Option<String>,
    #[serde(default)]
    pub fixed: Option<String>,
    #[serde(default)]
    pub last_affected: Option<String>,
    #[serde(default)]
    pub limit: Option<String>,
}

/// What databases add of their own: GHSA its severity word and CWEs, RustSec its kind of information.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DatabaseSpecific {
    #[serde(default, deserialize_with = "if_it_fits")]
    pub severity: Option<String>,
    #[serde(default, deserialize_with = "those_that_fit")]
    pub cwe_ids: Vec<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub informational: Option<String>,
}

fn if_it_fits<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str::<Option<T>>(raw.get()).ok().flatten())
}

fn those_that_fit<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    let items =
        serde_json::from_str::<Option<Vec<&'de RawValue>>>(raw.get()).ok().flatten().unwrap_or_default();
    Ok(items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::OsvRecord;
    use proptest::prelude::*;

    #[test]
    fn fields_of_the_wrong_shape_are_dropped_if_matching_can_do_without() {
        let record: OsvRecord = serde_json::from_str(
            r#"{"id": "X-1", "modified": 7, "aliases": ["CVE-1", 3, null], "summary": {"en": "no"},
                "severity": null, "references": [{"url": 5}, {"url": "https://a.example/", "type": []}],
                "database_specific": "none", "affected": null, "unknown": [[[]]]}"#,
        )
        .unwrap();
        assert_eq!(record.aliases, ["CVE-1"]);
        assert_eq!(record.references.len(), 1);
        assert!(record.modified.is_none() && record.summary.is_none() && record.affected.is_none());
    }

    #[test]
    fn what_decides_a_match_must_have_its_shape() {
        for record in [
            r#"{}"#,
            r#"{"id": 1}"#,
            r#"{"id": "X-1", "affected": {}}"#,
            r#"{"id": "X-1", "affected": [{"package": {"name": "a"}}]}"#,
            r#"{"id": "X-1", "affected": [{"ranges": [{"type": "SEMVER", "events": [{"fixed": 1}]}]}]}"#,
        ] {
            assert!(serde_json::from_str::<OsvRecord>(record).is_err(), "{record}");
        }
    }

    proptest! {
        #[test]
        fn reading_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::from_slice::<OsvRecord>(&bytes);
        }
    }
}
