//! Which records match, and how those of one weakness are shown.

use super::{Statement, matches};
use crate::record::Record;
use scanledger_domain::advisory::Match;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::severity::Severity;
use serde_json::{Value, json};
use std::sync::Arc;

const HIGH: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";
const LOW: &str = "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:L";

/// A record of the crate `a` that affects what `events` say.
fn record(id: &str, aliases: &[&str], events: Value) -> Value {
    json!({"id": id, "aliases": aliases, "summary": format!("summary of {id}"), "affected": [
        {"package": {"ecosystem": "crates.io", "name": "a"}, "ranges": [{"type": "SEMVER", "events": events}]}]})
}

fn with(mut record: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    record.pointer_mut(parent).unwrap()[name] = value;
    record
}

fn scored(record: Value, vector: &str) -> Value {
    with(record, "/severity", json!([{"type": "CVSS_V3", "score": vector}]))
}

fn informational(record: Value, word: &str) -> Value {
    with(record, "/affected/0/database_specific", json!({"informational": word}))
}

fn asked_in(ecosystem: Ecosystem, records: &[Value], version: &str) -> Vec<Match> {
    let statements: Vec<_> = records
        .iter()
        .flat_map(|record| {
            let record = Record::read(record.to_string().as_bytes()).unwrap();
            let (id, text) = (Arc::<str>::from(record.id.as_str()), Arc::new(record.text));
            record
                .affected
                .into_iter()
                .map(move |(_, rules)| Statement::new(ecosystem, id.clone(), text.clone(), rules))
        })
        .collect();
    matches(ecosystem, &statements, version)
}

fn asked(records: &[Value], version: &str) -> Vec<Match> {
    asked_in(Ecosystem::CratesIo, records, version)
}

fn groups(records: &[Value], version: &str) -> Vec<(String, Vec<String>)> {
    asked(records, version).into_iter().map(|m| (m.id, m.group)).collect()
}

fn below(version: &str) -> Value {
    json!([{"introduced": "0"}, {"fixed": version}])
}

#[test]
fn records_that_share_an_alias_are_one_match_under_the_preferred_id() {
    let records = [
        record("GHSA-1", &["CVE-1"], below("2.0.0")),
        record("RUSTSEC-2", &["CVE-1"], below("2.0.0")),
        record("OSV-1", &["GHSA-1"], below("2.0.0")),
        record("RUSTSEC-9", &["CVE-9"], below("2.0.0")),
    ];
    assert_eq!(
        groups(&records, "1.0.0"),
        [
            ("RUSTSEC-2".to_owned(), ["CVE-1", "GHSA-1", "OSV-1", "RUSTSEC-2"].map(str::to_owned).to_vec()),
            ("RUSTSEC-9".to_owned(), ["CVE-9", "RUSTSEC-9"].map(str::to_owned).to_vec()),
        ]
    );
}

#[test]
fn aliases_join_through_others_in_any_order() {
    let chain = [
        record("A-1", &["CVE-1"], below("2.0.0")),
        record("B-1", &["CVE-2"], below("2.0.0")),
        record("C-1", &["CVE-3"], below("2.0.0")),
        record("D-1", &["CVE-3", "CVE-2"], below("2.0.0")),
        record("E-1", &["CVE-2", "CVE-1"], below("2.0.0")),
    ];
    for rotation in 0..chain.len() {
        let mut records = chain.to_vec();
        records.rotate_left(rotation);
        let found = groups(&records, "1.0.0");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "A-1");
    }
}

#[test]
fn related_and_upstream_ids_do_not_join() {
    let related = |id, other| {
        with(with(record(id, &[], below("2.0.0")), "/related", json!([other])), "/upstream", json!([other]))
    };
    assert_eq!(groups(&[related("A-1", "B-1"), related("B-1", "A-1")], "1.0.0").len(), 2);
}

#[test]
fn only_records_that_affect_the_version_are_joined() {
    let records =
        [record("RUSTSEC-1", &["CVE-1"], below("1.0.0")), record("GHSA-1", &["CVE-1"], below("2.0.0"))];
    assert_eq!(groups(&records, "1.5.0")[0].0, "GHSA-1");
    assert_eq!(groups(&records, "0.5.0")[0].0, "RUSTSEC-1");
    assert_eq!(groups(&records, "2.0.0"), []);
}

#[test]
fn the_severity_is_the_highest_that_is_known() {
    let unknown = record("A-1", &["CVE-1"], below("2.0.0"));
    let low = scored(record("B-1", &["CVE-1"], below("2.0.0")), LOW);
    let high = scored(record("C-1", &["CVE-1"], below("2.0.0")), HIGH);
    let severity = |records: &[&Value]| {
        asked(&records.iter().copied().cloned().collect::<Vec<_>>(), "1.0.0")[0].severity
    };
    assert_eq!(severity(&[&unknown, &low, &high]), Severity::High);
    assert_eq!(severity(&[&unknown, &low]), Severity::Low);
    assert_eq!(severity(&[&unknown]), Severity::Unknown);
}

#[test]
fn a_group_is_informational_only_if_all_of_it_is() {
    let note = informational(record("RUSTSEC-1", &["GHSA-1"], below("2.0.0")), "unsound");
    let bug = record("GHSA-1", &[], below("2.0.0"));
    let alone = &asked(std::slice::from_ref(&note), "1.0.0")[0];
    assert_eq!((alone.severity, alone.informational.as_deref()), (Severity::Info, Some("unsound")));
    // "Info" of the note is no knowledge about the vulnerability.
    let both = &asked(&[note, bug], "1.0.0")[0];
    assert_eq!(
        (both.id.as_str(), both.severity, both.informational.as_deref()),
        ("RUSTSEC-1", Severity::Unknown, None)
    );
}

#[test]
fn the_fix_is_the_smallest_above_the_version_that_no_record_of_the_group_affects() {
    let windows =
        json!([{"introduced": "0.6.3"}, {"fixed": "0.6.14"}, {"introduced": "1.0.0"}, {"fixed": "1.6.1"}]);
    let fix = |records: &[Value], version: &str| asked(records, version)[0].fixed_version.clone();
    let one = record("A-1", &["CVE-1"], windows);
    assert_eq!(fix(std::slice::from_ref(&one), "0.6.5").as_deref(), Some("0.6.14"));
    assert_eq!(fix(std::slice::from_ref(&one), "1.0.0").as_deref(), Some("1.6.1"));
    // Another record of the group says that 0.6.14 was no fix.
    let wider = record("B-1", &["CVE-1"], below("1.6.0"));
    assert_eq!(fix(&[one.clone(), wider], "0.6.5").as_deref(), Some("1.6.1"));
    // A record of another weakness has no say.
    let other = record("C-1", &["CVE-3"], below("0.7.0"));
    assert_eq!(fix(&[one, other], "0.6.5").as_deref(), Some("0.6.14"));
}

#[test]
fn without_a_fix_above_the_version_there_is_none() {
    let fix = |events| asked(&[record("A-1", &[], events)], "1.0.0")[0].fixed_version.clone();
    assert_eq!(fix(json!([{"introduced": "0"}])), None);
    assert_eq!(fix(json!([{"introduced": "0"}, {"last_affected": "1.2.0"}])), None);
    assert_eq!(fix(json!([{"introduced": "0"}, {"fixed": "0.5.0"}, {"introduced": "0.9.0"}])), None);
}

#[test]
fn fixes_are_compared_as_versions_not_as_text() {
    let events =
        json!([{"introduced": "1.0.0"}, {"fixed": "1.10.0"}, {"introduced": "1.20.0"}, {"fixed": "1.9.0"}]);
    assert_eq!(asked(&[record("A-1", &[], events)], "1.2.0")[0].fixed_version.as_deref(), Some("1.9.0"));
}

#[test]
fn a_version_that_cannot_be_read_matches_only_what_lists_it() {
    let listed = with(record("A-1", &[], below("2.0.0")), "/affected/0/versions", json!(["nightly-7"]));
    let ranged = record("B-1", &[], below("2.0.0"));
    assert_eq!(groups(&[listed.clone(), ranged.clone()], "nightly-7")[0].0, "A-1");
    assert_eq!(groups(&[listed, ranged], "nightly-8"), []);
}

#[test]
fn listed_versions_match_in_any_spelling_of_the_ecosystem() {
    let listed = json!({"id": "PYSEC-1", "affected": [
        {"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1.0", "2019-09-12"]}]});
    for version in ["1.0", "1.0.0", "v1.0", "2019-09-12"] {
        assert_eq!(asked_in(Ecosystem::PyPi, std::slice::from_ref(&listed), version).len(), 1, "{version}");
    }
    for version in ["1.0.post1", "1.0+local", "2019-09-13"] {
        assert_eq!(asked_in(Ecosystem::PyPi, std::slice::from_ref(&listed), version), [], "{version}");
    }
}

#[test]
fn the_text_of_the_shown_record_comes_first_and_gaps_are_filled_from_the_others() {
    let shown = with(record("RUSTSEC-1", &["GHSA-1"], below("2.0.0")), "/details", json!(""));
    let other = with(
        with(record("GHSA-1", &[], below("2.0.0")), "/details", json!("at length")),
        "/database_specific",
        json!({"cwe_ids": ["CWE-400", "CWE-20"]}),
    );
    let found = &asked(&[other, shown], "1.0.0")[0];
    assert_eq!(found.summary, "summary of RUSTSEC-1");
    assert_eq!(found.details, "at length");
    assert_eq!(found.cwe.as_deref(), Some("CWE-400"));
    assert_eq!(
        found.references,
        ["https://rustsec.org/advisories/RUSTSEC-1.html", "https://github.com/advisories/GHSA-1"]
    );
}

#[test]
fn two_entries_of_a_record_about_one_package_are_one_match() {
    let mut twice = record("A-1", &[], below("1.0.0"));
    let mut second = twice["affected"][0].clone();
    second["ranges"][0]["events"] = json!([{"introduced": "0.5.0"}, {"fixed": "2.0.0"}]);
    twice["affected"].as_array_mut().unwrap().push(second);
    assert_eq!(asked(std::slice::from_ref(&twice), "0.7.0").len(), 1);
    // 1.0.0 fixes the first entry only.
    assert_eq!(asked(&[twice], "0.7.0")[0].fixed_version.as_deref(), Some("2.0.0"));
}
