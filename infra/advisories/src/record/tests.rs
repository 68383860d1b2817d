//! What is kept of a record.

use super::{Record, Unusable};
use crate::limits::{DETAILS_BYTES, ID_BYTES, REFERENCES};
use proptest::prelude::*;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::limits::{TITLE_BYTES, URL_CHARS};
use scanledger_domain::severity::Severity;
use serde_json::{Value, json};

fn read(record: Value) -> Record {
    Record::read(record.to_string().as_bytes()).unwrap()
}

/// A record about `left-pad` with more fields.
fn with(fields: Value) -> Value {
    let mut record =
        json!({"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}}]});
    for (name, value) in fields.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn affected(fields: Value) -> Value {
    let mut entry = json!({"package": {"ecosystem": "npm", "name": "left-pad"}});
    for (name, value) in fields.as_object().unwrap() {
        entry[name] = value.clone();
    }
    json!({"affected": [entry]})
}

const LOW: &str = "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:L";
const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";

#[test]
fn the_severity_of_a_package_wins_over_that_of_the_record() {
    let vector = |score| json!([{"type": "CVSS_V3", "score": score}]);
    let mut record = with(affected(json!({"severity": vector(LOW)})));
    record["severity"] = vector(CRITICAL);
    assert_eq!(read(record).affected[0].1.severity, Severity::Low);
    assert_eq!(read(with(json!({"severity": vector(CRITICAL)}))).affected[0].1.severity, Severity::Critical);
}

#[test]
fn the_databases_word_counts_where_no_vector_does() {
    let word = json!({"database_specific": {"severity": "MODERATE"}});
    assert_eq!(read(with(word.clone())).affected[0].1.severity, Severity::Medium);
    assert_eq!(read(with(affected(word.clone()))).affected[0].1.severity, Severity::Medium);
    let mut both = with(word);
    both["severity"] = json!([{"type": "CVSS_V3", "score": CRITICAL}]);
    assert_eq!(read(both).affected[0].1.severity, Severity::Critical);
    assert_eq!(read(with(json!({}))).affected[0].1.severity, Severity::Unknown);
}

#[test]
fn an_informational_record_is_info_whatever_its_vector_says() {
    // RUSTSEC-2020-0036 is "unmaintained" and has a critical vector.
    let mut record = with(affected(json!({"database_specific": {"informational": "unmaintained"}})));
    record["severity"] = json!([{"type": "CVSS_V3", "score": CRITICAL}]);
    let rules = &read(record).affected[0].1;
    assert_eq!((rules.severity, rules.informational.as_deref()), (Severity::Info, Some("unmaintained")));

    let vulnerability = with(affected(json!({"database_specific": {"informational": null}})));
    assert_eq!(read(vulnerability).affected[0].1.informational, None);
}

#[test]
fn git_ranges_are_ignored() {
    let record = with(affected(json!({"ranges": [
        {"type": "GIT", "repo": "https://a.example", "events": [{"introduced": "0"}]},
        {"type": "SEMVER", "events": [{"introduced": "1.0.0"}]}]})));
    assert_eq!(read(record).affected[0].1.ranges.len(), 1);
}

#[test]
fn listed_versions_are_kept_if_no_range_covers_them() {
    let record = with(affected(json!({
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.1.0"}]}],
        "versions": ["1.0.5", "0.9.0", "nightly"]})));
    assert_eq!(read(record).affected[0].1.versions, ["0.9.0", "nightly"]);
}

#[test]
fn names_are_normalised_and_releases_of_an_ecosystem_ignored() {
    let record = json!({"id": "X-1", "affected": [
        {"package": {"ecosystem": "PyPI", "name": "Foo_Bar"}}, {"package": {"ecosystem": "Maven", "name": "a:b"}},
        {"package": {"ecosystem": "npm:20", "name": "b"}}, {"ranges": []}]});
    let record = read(record);
    let names: Vec<_> = record.affected.iter().map(|(package, _)| package.name.as_str()).collect();
    assert_eq!(names, ["foo-bar", "b"]);
    assert_eq!(record.ecosystems, [Ecosystem::Npm, Ecosystem::PyPi]);
}

#[test]
fn a_record_of_other_ecosystems_is_not_broken_but_unusable() {
    let maven = json!({"id": "X-1", "affected": [{"package": {"ecosystem": "Maven", "name": "a:b"}}]});
    assert_eq!(Record::read(maven.to_string().as_bytes()).unwrap_err(), Unusable::OtherEcosystem);
}

#[test]
fn an_id_is_one_word_of_limited_length() {
    let id = |id: &str| Record::read(with(json!({"id": id})).to_string().as_bytes()).map(|record| record.id);
    assert!(id(&"X".repeat(ID_BYTES)).is_ok());
    for bad in [String::new(), "a b".to_owned(), "a\n".to_owned(), "X".repeat(ID_BYTES + 1)] {
        assert!(matches!(id(&bad), Err(Unusable::Broken(_))), "{bad:?}");
    }
}

#[test]
fn a_withdrawn_record_affects_nothing() {
    let record = read(with(json!({"withdrawn": "2024-01-01T00:00:00Z"})));
    assert!(record.withdrawn && record.affected.is_empty());
    assert!(!read(with(json!({"withdrawn": null}))).withdrawn);
}

#[test]
fn a_time_before_1970_is_no_time() {
    assert_eq!(read(with(json!({"modified": "0001-01-01T00:00:00Z"}))).modified, None);
    assert_eq!(read(with(json!({"modified": "yesterday"}))).modified, None);
    assert_eq!(read(with(json!({"modified": "1970-01-01T00:00:01.5+00:00"}))).modified, Some(1_500_000));
}

#[test]
fn the_summary_is_one_line_and_comes_from_the_details_if_there_is_none() {
    let summary = |fields| read(with(fields)).text.summary;
    assert_eq!(summary(json!({"summary": " a\n b "})), "a b");
    assert_eq!(summary(json!({"details": "\n## Impact of it\nmore"})), "Impact of it");
    assert_eq!(summary(json!({"summary": "x".repeat(TITLE_BYTES)})).len(), TITLE_BYTES);
    assert_eq!(summary(json!({"summary": "ä".repeat(TITLE_BYTES)})).len(), TITLE_BYTES);
    assert_eq!(summary(json!({"summary": format!("x{}", "ä".repeat(TITLE_BYTES))})).len(), TITLE_BYTES - 1);
}

#[test]
fn details_are_cut_at_their_limit() {
    let details = |n| read(with(json!({"details": "x".repeat(n)}))).text.details.len();
    assert_eq!((details(DETAILS_BYTES), details(DETAILS_BYTES + 1)), (DETAILS_BYTES, DETAILS_BYTES));
}

#[test]
fn references_begin_with_the_records_own_page_and_its_advisories() {
    let page = |id: &str| read(with(json!({"id": id}))).text.references.remove(0);
    assert_eq!(page("RUSTSEC-2021-0003"), "https://rustsec.org/advisories/RUSTSEC-2021-0003.html");
    assert_eq!(page("GO-2024-2687"), "https://pkg.go.dev/vuln/GO-2024-2687");
    assert_eq!(page("GHSA-35jh-r3h4-6jhm"), "https://github.com/advisories/GHSA-35jh-r3h4-6jhm");
    assert_eq!(page("PYSEC-2021-19"), "https://osv.dev/vulnerability/PYSEC-2021-19");

    let url = |kind: &str, url: &str| json!({"type": kind, "url": url});
    let long = |n: usize| format!("https://{}", "x".repeat(n - 8));
    let record = with(json!({"references": [
        url("WEB", "https://w.example/1"), url("WEB", "javascript:alert(1)"), url("WEB", &long(URL_CHARS + 1)),
        url("ADVISORY", "https://a.example/"), url("WEB", &long(URL_CHARS)), url("WEB", "https://w.example/1"),
        url("WEB", "https://w.example/2"), url("WEB", "https://w.example/3")]}));
    let references = read(record).text.references;
    assert_eq!(references.len(), REFERENCES);
    assert_eq!(
        references[1..],
        ["https://a.example/", "https://w.example/1", &long(URL_CHARS), "https://w.example/2"]
    );
}

#[test]
fn the_digest_follows_what_is_kept_and_nothing_else() {
    let digest = |fields| read(with(fields)).digest();
    assert_eq!(digest(json!({})), digest(json!({"modified": "2020-01-01T00:00:00Z", "credits": []})));
    assert_ne!(digest(json!({})), digest(json!({"summary": "new"})));
    assert_ne!(digest(json!({})), digest(json!({"withdrawn": "2020-01-01T00:00:00Z"})));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("1.0.0")),
        Just(json!("SEMVER")),
        Just(json!("npm")),
    ];
    let name = prop_oneof![
        Just("events"),
        Just("type"),
        Just("introduced"),
        Just("fixed"),
        Just("limit"),
        Just("last_affected"),
        Just("package"),
        Just("ecosystem"),
        Just("name"),
        Just("ranges"),
        Just("versions"),
        Just("severity"),
        Just("score"),
        Just("cwe_ids"),
        Just("url"),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reading_any_json_as_a_record_never_panics(
        affected in any_json(), severity in any_json(), references in any_json(), specific in any_json()
    ) {
        let record = json!({"id": "X-1", "affected": [affected.clone()], "severity": severity.clone(),
            "references": references, "database_specific": specific});
        let _ = Record::read(record.to_string().as_bytes());
        let package = json!({"ecosystem": "npm", "name": "a"});
        let record = json!({"id": "X-1", "affected": [{"package": package, "ranges": [affected], "severity": severity}]});
        let _ = Record::read(record.to_string().as_bytes());
    }

    #[test]
    fn reading_any_bytes_as_a_record_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Record::read(&bytes);
    }
}
