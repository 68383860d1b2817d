//! CycloneDX 1.5, as its schema and Pepper's clients want it.

use crate::sample::{component, empty, finding, full, json, vulnerability, write};
use crate::schema::{CYCLONEDX, objections};
use domain::component::{Ecosystem, Scope};
use domain::finding::TriageState;
use domain::id::ScanId;
use domain::report::{Report, ReportFinding, ReportFormat::CycloneDx, ReportWriter as _};
use domain::scanning::ScannerKind;
use domain::severity::Severity;
use scanledger_domain as domain;
use scanledger_formats::Formats;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

fn document(report: &Report) -> Value {
    let document = json(CycloneDx, report);
    assert_eq!(objections(&CYCLONEDX, &document), [""; 0]);
    document
}

fn vulnerabilities(findings: Vec<ReportFinding>) -> Vec<Value> {
    let document = document(&Report { findings, ..full() });
    document.get("vulnerabilities").map(|all| all.as_array().unwrap().clone()).unwrap_or_default()
}

fn one(finding: ReportFinding) -> Value {
    vulnerabilities(vec![finding]).remove(0)
}

#[test]
fn the_document_says_what_it_is_and_who_wrote_it() {
    let document = document(&full());
    assert_eq!(document["bomFormat"], "CycloneDX");
    assert_eq!(document["specVersion"], "1.5");
    assert_eq!(document["version"], 1);
    assert_eq!(document["metadata"]["timestamp"], "2026-11-21T10:20:30.456Z");
    assert_eq!(
        document["metadata"]["tools"],
        json!({ "components": [{ "type": "application", "name": "Scanledger", "version": "1.2.3" }] })
    );
}

#[test]
fn the_root_component_is_the_project_at_its_commit() {
    let document = document(&full());
    let property = |name, value| json!({ "name": name, "value": value });
    let (scan, commit) = ("018f0000-0000-7000-8000-000000000001", "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(
        document["metadata"]["component"],
        json!({
            "type": "application",
            "bom-ref": "pkg:generic/shop",
            "name": "shop",
            "version": commit,
            "externalReferences": [{ "type": "vcs", "url": "https://example.com/shop.git" }],
            "properties": [
                property("scanledger:scanId", scan),
                property("scanledger:commit", commit),
                property("scanledger:branch", "main"),
                property("pepper:scanId", scan),
                property("pepper:commitSha", commit),
                property("pepper:branch", "main"),
            ],
        })
    );
}

#[test]
fn a_project_without_a_commit_has_the_version_that_pepper_gives_it() {
    let document = document(&empty());
    assert_eq!(
        document["metadata"]["component"],
        json!({ "type": "application", "bom-ref": "pkg:generic/shop", "name": "shop", "version": "0.0.0" })
    );
    assert_eq!(document.get("vulnerabilities"), None);
}

#[test]
fn the_serial_number_follows_from_the_content() {
    let serial = |report: &Report| document(report)["serialNumber"].as_str().unwrap().to_owned();
    let uuid: Uuid = serial(&full()).strip_prefix("urn:uuid:").unwrap().parse().unwrap();
    assert_eq!(uuid.get_version_num(), 5);
    assert_eq!(serial(&full()), serial(&full()));
    assert_ne!(serial(&full()), serial(&Report { scan: Some(ScanId(Uuid::from_u128(9))), ..full() }));
    assert_ne!(serial(&full()), serial(&Report { components: vec![], dependencies: vec![], ..full() }));
}

#[test]
fn a_package_in_two_lockfiles_is_one_component() {
    let mut elsewhere = component(Ecosystem::Npm, "lodash", "4.17.20", Scope::Development, Some(false));
    elsewhere.path = "web/package-lock.json".to_owned();
    let here = component(Ecosystem::Npm, "lodash", "4.17.20", Scope::Runtime, Some(true));
    let document = document(&Report { components: vec![elsewhere, here], ..empty() });
    let property = |name, value| json!({ "name": name, "value": value });
    assert_eq!(
        document["components"],
        json!([{
            "type": "library",
            "bom-ref": "pkg:npm/lodash@4.17.20",
            "name": "lodash",
            "version": "4.17.20",
            "scope": "required",
            "purl": "pkg:npm/lodash@4.17.20",
            "properties": [
                property("pepper:ecosystem", "npm"),
                property("scanledger:scope", "runtime"),
                property("scanledger:direct", "true"),
                property("scanledger:lockfile", "package-lock.json"),
                property("scanledger:lockfile", "web/package-lock.json"),
            ],
        }])
    );
}

#[test]
fn what_is_not_needed_at_run_time_is_optional() {
    let document = document(&full());
    let scopes: BTreeMap<&str, &str> = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["scope"].as_str().unwrap()))
        .collect();
    assert_eq!(
        scopes,
        BTreeMap::from([
            ("lodash", "required"),
            ("@babel/core", "optional"),
            ("minimist", "optional"),
            ("github.com/Masterminds/semver/v3", "optional"),
        ])
    );
}

#[test]
fn everything_has_an_entry_in_the_graph_and_the_root_needs_what_is_direct() {
    assert_eq!(
        document(&full())["dependencies"],
        json!([
            { "ref": "pkg:generic/shop", "dependsOn": [
                "pkg:golang/github.com/masterminds/semver/v3@v3.1.0",
                "pkg:npm/%40babel/core@7.0.0",
                "pkg:npm/lodash@4.17.20",
            ] },
            { "ref": "pkg:golang/github.com/masterminds/semver/v3@v3.1.0" },
            { "ref": "pkg:npm/%40babel/core@7.0.0", "dependsOn": [
                "pkg:npm/lodash@4.17.20",
                "pkg:npm/minimist@1.2.5",
            ] },
            { "ref": "pkg:npm/lodash@4.17.20" },
            { "ref": "pkg:npm/minimist@1.2.5" },
        ])
    );
}

#[test]
fn a_dependency_on_nothing_cannot_be_written() {
    let report = Report { dependencies: vec![(0, 4)], ..full() };
    let error = Formats::new().write(CycloneDx, &report).unwrap_err();
    assert_eq!(error.0.to_string(), "a dependency names component 4, but the report has 4");
}

#[test]
fn a_vulnerability_tells_where_it_is_known_from_and_what_helps() {
    let vulnerability = one(vulnerability());
    assert_eq!(vulnerability["id"], "GHSA-35jh-r3h4-6jhm");
    assert_eq!(
        vulnerability["source"],
        json!({ "name": "OSV", "url": "https://osv.dev/vulnerability/GHSA-35jh-r3h4-6jhm" })
    );
    assert_eq!(
        vulnerability["references"],
        json!([{
            "id": "CVE-2021-23337",
            "source": { "name": "NVD", "url": "https://nvd.nist.gov/vuln/detail/CVE-2021-23337" },
        }])
    );
    assert_eq!(vulnerability["ratings"], json!([{ "severity": "high" }]));
    assert_eq!(vulnerability["cwes"], json!([94]));
    assert_eq!(vulnerability["recommendation"], "Upgrade pkg:npm/lodash to version 4.17.21 or later.");
    assert_eq!(vulnerability["advisories"], json!([{ "url": "https://example.com/advisory?id=1" }]));
    assert_eq!(vulnerability["affects"], json!([{ "ref": "pkg:npm/lodash@4.17.20" }]));
    assert_eq!(vulnerability.get("analysis"), None);
}

#[test]
fn a_vulnerability_of_no_listed_component_affects_the_project() {
    let unlisted = ReportFinding { package: Some("pkg:npm/left-pad".to_owned()), ..vulnerability() };
    assert_eq!(one(unlisted)["affects"], json!([{ "ref": "pkg:generic/shop" }]));
}

#[test]
fn only_findings_about_packages_are_vulnerabilities() {
    let of = |scanner| ReportFinding { scanner, ..finding("r") };
    let about_packages = [ScannerKind::Sca, ScannerKind::Malicious];
    for scanner in ScannerKind::ALL {
        let listed = vulnerabilities(vec![of(scanner)]).len() == 1;
        assert_eq!(listed, about_packages.contains(&scanner), "{scanner}");
    }
}

#[test]
fn an_unknown_severity_is_unknown() {
    for severity in Severity::ALL {
        let rated = one(ReportFinding { severity, ..vulnerability() });
        assert_eq!(rated["ratings"][0]["severity"], severity.as_str());
    }
}

#[test]
fn triage_becomes_analysis() {
    let cases = [
        (TriageState::Investigating, json!({ "state": "in_triage", "detail": "why" })),
        (TriageState::Confirmed, json!({ "state": "exploitable", "detail": "why" })),
        (TriageState::FalsePositive, json!({ "state": "false_positive", "detail": "why" })),
        (TriageState::NotAffected, json!({ "state": "not_affected", "detail": "why" })),
        (
            TriageState::Accepted,
            json!({ "state": "exploitable", "response": ["will_not_fix"], "detail": "why" }),
        ),
        (TriageState::Fixed, json!({ "state": "resolved", "detail": "why" })),
    ];
    for (state, analysis) in cases {
        let decided = ReportFinding { state, note: Some("why".to_owned()), ..vulnerability() };
        assert_eq!(one(decided)["analysis"], analysis, "{state}");
    }
}

#[test]
fn a_component_without_a_version_has_none_in_its_name() {
    let components = vec![component(Ecosystem::PyPi, "requests", "", Scope::Runtime, None)];
    let document = document(&Report { components, ..empty() });
    assert_eq!(document["components"][0]["purl"], "pkg:pypi/requests");
    assert_eq!(document["components"][0].get("version"), None);
}

#[test]
fn the_order_of_components_does_not_matter() {
    let mut turned = full();
    turned.components.reverse();
    turned.dependencies = turned.dependencies.iter().map(|&(from, to)| (3 - from, 3 - to)).collect();
    assert_eq!(write(CycloneDx, &turned), write(CycloneDx, &full()));
}
