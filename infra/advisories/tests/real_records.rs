//! One real record of each database, from its file to the match that is shown.

use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::{AdvisoryIndex, Match};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::severity::Severity;
use std::path::Path;
use tempfile::TempDir;

fn store() -> (TempDir, AdvisoryStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = AdvisoryStore::open(&folder.path().join("advisories.db")).expect("a store");
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/records");
    let report = store.import(&[records], &|_| ()).expect("an import");
    assert_eq!((report.files[0].added, report.files[0].broken, report.files[0].skipped), (5, 0, 0));
    assert_eq!(
        report.files[0].ecosystems,
        [Ecosystem::CratesIo, Ecosystem::Go, Ecosystem::Npm, Ecosystem::PyPi]
    );
    (folder, store)
}

#[track_caller]
fn matches(store: &AdvisoryStore, ecosystem: Ecosystem, name: &str, version: &str) -> Vec<Match> {
    store.matches(&Package::new(ecosystem, name), version).expect("matches")
}

/// Id, severity and fix of what affects a version.
#[track_caller]
fn check(
    store: &AdvisoryStore,
    asked: (Ecosystem, &str, &str),
    expected: Option<(&str, Severity, Option<&str>)>,
) {
    let found = matches(store, asked.0, asked.1, asked.2);
    let found: Vec<_> =
        found.iter().map(|m| (m.id.as_str(), m.severity, m.fixed_version.as_deref())).collect();
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{asked:?}");
}

#[test]
fn each_ecosystem_matches_by_its_own_rules() {
    let (_folder, store) = store();
    let lodash = Some(("GHSA-35jh-r3h4-6jhm", Severity::High, Some("4.17.21")));
    check(&store, (Ecosystem::Npm, "lodash", "4.17.20"), lodash);
    check(&store, (Ecosystem::Npm, "lodash-es", "v4.17.20"), lodash);
    check(&store, (Ecosystem::Npm, "lodash", "4.17.21"), None);
    check(&store, (Ecosystem::PyPi, "lodash", "4.17.20"), None);

    let smallvec = |fix| Some(("RUSTSEC-2021-0003", Severity::Critical, Some(fix)));
    check(&store, (Ecosystem::CratesIo, "smallvec", "0.6.13"), smallvec("0.6.14"));
    check(&store, (Ecosystem::CratesIo, "smallvec", "1.6.0"), smallvec("1.6.1"));
    check(&store, (Ecosystem::CratesIo, "smallvec", "0.6.14"), None);

    let lxml = Some(("PYSEC-2021-19", Severity::Unknown, Some("4.6.3")));
    check(&store, (Ecosystem::PyPi, "LXML", "4.6.2"), lxml);
    check(&store, (Ecosystem::PyPi, "lxml", "1.0.beta"), lxml);
    check(&store, (Ecosystem::PyPi, "lxml", "4.6.3"), None);

    let http2 = |fix| Some(("GO-2024-2687", Severity::Unknown, Some(fix)));
    check(&store, (Ecosystem::Go, "stdlib", "go1.20.3"), http2("1.21.9"));
    check(&store, (Ecosystem::Go, "stdlib", "1.22rc2"), http2("1.22.2"));
    check(&store, (Ecosystem::Go, "stdlib", "1.21.9"), None);
    check(&store, (Ecosystem::Go, "golang.org/x/net", "v0.22.0"), http2("0.23.0"));
    check(&store, (Ecosystem::Go, "golang.org/x/net", "0.0.0-20220127200216-cd36cc0744dd"), http2("0.23.0"));
}

#[test]
fn an_unmaintained_crate_is_information_though_its_record_has_a_critical_vector() {
    let (_folder, store) = store();
    let found = matches(&store, Ecosystem::CratesIo, "failure", "0.1.8");
    assert_eq!(
        (found[0].severity, found[0].informational.as_deref()),
        (Severity::Info, Some("unmaintained"))
    );
    assert_eq!(found[0].fixed_version, None);
}

#[test]
fn a_match_says_what_its_record_says() {
    let (_folder, store) = store();
    let found = matches(&store, Ecosystem::Npm, "lodash", "4.17.20").remove(0);
    assert_eq!(found.group, ["CVE-2021-23337", "GHSA-35jh-r3h4-6jhm"]);
    assert_eq!(found.summary, "Command injection in lodash template");
    assert_eq!(found.cwe.as_deref(), Some("CWE-77"));
    assert_eq!(
        found.references,
        [
            "https://github.com/advisories/GHSA-35jh-r3h4-6jhm",
            "https://nvd.nist.gov/vuln/detail/CVE-2021-23337"
        ]
    );
    let lxml = matches(&store, Ecosystem::PyPi, "lxml", "4.6.2").remove(0);
    assert!(lxml.summary.starts_with("An XSS vulnerability was discovered in python-lxml's clean module"));
}
