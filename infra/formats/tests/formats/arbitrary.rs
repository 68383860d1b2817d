//! Any report can be written in any format, and the official schemas agree with the outcome.

use crate::sample::write;
use crate::schema::{CYCLONEDX, SARIF, SPDX, objections};
use domain::component::{Component, Ecosystem, Package, Scope};
use domain::finding::TriageState;
use domain::id::{FindingId, ScanId};
use domain::report::{Report, ReportFinding, ReportFormat};
use domain::scan::{GapReason, ScannerGap};
use domain::scanning::{Place, ScannerKind};
use domain::severity::Severity;
use domain::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use scanledger_domain as domain;
use serde_json::Value;
use std::collections::HashSet;
use uuid::Uuid;

/// Microseconds from the year 0 to 9999, which is what formats can express.
const YEARS: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 ./@:_-]{0,20}",
        any::<String>(),
        Just(String::new()),
        Just("\u{0}\u{7f}\u{2028}\u{feff}\"\\</script>&'=%41%zz".to_owned()),
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        any::<String>().prop_map(|path| format!("https://example.com/{path}")),
        any::<String>().prop_map(|host| format!("ssh://{host}/x")),
        any::<String>().prop_map(|path| format!("git@example.com:{path}")),
    ]
}

prop_compose! {
    fn place()(path in address(), line in option::of(0..5_u32), end_line in option::of(0..5_u32), version in option::of("[12]")) -> Place {
        Place { path, line, end_line, version }
    }
}

prop_compose! {
    fn words()(
        fingerprint in text(),
        rule in prop_oneof![text(), "[ab]"],
        title in text(),
        description in text(),
        note in option::of(text()),
        cwe in option::of(prop_oneof![text(), "CWE-[0-9]{1,12}"]),
        cve in option::of(text()),
        package in option::of(prop_oneof![text(), "pkg:npm/[ab]"]),
        fixed_version in option::of(text()),
        excerpt in option::of(text()),
        references in vec(address(), 0..4),
    ) -> ReportFinding {
        ReportFinding {
            id: FindingId(Uuid::nil()),
            fingerprint, rule, title, description, note, cwe, cve, package, fixed_version, excerpt, references,
            scanner: ScannerKind::Sca,
            severity: Severity::Info,
            state: TriageState::Untriaged,
            confidence: 0.0,
            places: vec![],
            is_new: false,
        }
    }
}

prop_compose! {
    fn finding()(
        words in words(),
        id in any::<u128>(),
        scanner in select(&ScannerKind::ALL[..]),
        severity in select(&Severity::ALL[..]),
        state in select(&TriageState::ALL[..]),
        confidence in any::<f32>(),
        places in vec(place(), 0..4),
        is_new in any::<bool>(),
    ) -> ReportFinding {
        ReportFinding { id: FindingId(Uuid::from_u128(id)), scanner, severity, state, confidence, places, is_new, ..words }
    }
}

prop_compose! {
    fn component()(
        ecosystem in select(&Ecosystem::ALL[..]),
        name in prop_oneof!["[ab]", "[A-Z]/[a-z]", text()],
        version in prop_oneof!["[12]", text()],
        path in text(),
        scope in select(vec![Scope::Runtime, Scope::Development, Scope::Optional]),
        direct in any::<Option<bool>>(),
    ) -> Component {
        Component { package: Package::new(ecosystem, &name), version, path, scope, direct }
    }
}

prop_compose! {
    fn gap()(
        scanner in select(&ScannerKind::ALL[..]),
        because in select(vec![GapReason::Failed, GapReason::Skipped, GapReason::Unread]),
        unread in any::<u64>(),
    ) -> ScannerGap {
        ScannerGap { scanner, because, unread }
    }
}

prop_compose! {
    fn report()(
        project in text(),
        scan in option::of(any::<u128>()),
        branch in option::of(text()),
        commit in option::of(text()),
        repository in option::of(address()),
        created_at in YEARS,
        findings in vec(finding(), 0..6),
        components in vec(component(), 0..8),
        arrows in vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..12),
        gaps in vec(gap(), 0..3),
    ) -> Report {
        let count = components.len();
        let arrows = arrows.into_iter().filter(|_| count > 0);
        let dependencies = arrows.map(|(from, to)| (from.index(count), to.index(count))).collect();
        Report {
            project, branch, commit, repository, findings, components, dependencies, gaps,
            scan: scan.map(|id| ScanId(Uuid::from_u128(id))),
            created_at: Timestamp(created_at),
        }
    }
}

fn strings<'a>(values: &'a Value, name: &str) -> Vec<&'a str> {
    values.as_array().unwrap().iter().map(|value| value[name].as_str().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sarif_is_valid_and_complete(report in report()) {
        let document: Value = serde_json::from_str(&write(ReportFormat::Sarif, &report)).unwrap();
        prop_assert_eq!(objections(&SARIF, &document), [""; 0]);
        let results = document["runs"][0]["results"].as_array().unwrap();
        prop_assert_eq!(results.len(), report.findings.len());
        for (result, finding) in results.iter().zip(&report.findings) {
            prop_assert_eq!(&result["ruleId"], &finding.rule);
            prop_assert_eq!(result["locations"].as_array().unwrap().len(), finding.places.len());
        }
    }

    #[test]
    fn any_cyclonedx_is_valid_and_its_references_lead_somewhere(report in report()) {
        let document: Value = serde_json::from_str(&write(ReportFormat::CycloneDx, &report)).unwrap();
        prop_assert_eq!(objections(&CYCLONEDX, &document), [""; 0]);
        let mut names: HashSet<&str> = strings(&document["components"], "bom-ref").into_iter().collect();
        prop_assert_eq!(names.len(), document["components"].as_array().unwrap().len());
        prop_assert!(names.insert(document["metadata"]["component"]["bom-ref"].as_str().unwrap()));
        let entries = strings(&document["dependencies"], "ref");
        prop_assert_eq!(entries.len(), names.len());
        prop_assert_eq!(&entries.into_iter().collect::<HashSet<_>>(), &names);
        for entry in document["dependencies"].as_array().unwrap() {
            let needs = entry.get("dependsOn").map(|needs| needs.as_array().unwrap().as_slice()).unwrap_or_default();
            prop_assert!(needs.iter().all(|name| names.contains(name.as_str().unwrap()) && *name != entry["ref"]));
        }
        for vulnerability in document.get("vulnerabilities").and_then(Value::as_array).into_iter().flatten() {
            prop_assert!(strings(&vulnerability["affects"], "ref").iter().all(|name| names.contains(name)));
        }
    }

    #[test]
    fn any_spdx_is_valid_and_its_relationships_lead_somewhere(report in report()) {
        let document: Value = serde_json::from_str(&write(ReportFormat::Spdx, &report)).unwrap();
        prop_assert_eq!(objections(&SPDX, &document), [""; 0]);
        let ids = strings(&document["packages"], "SPDXID");
        let mut known: HashSet<&str> = ids.iter().copied().collect();
        prop_assert_eq!(known.len(), ids.len());
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        prop_assert!(ids.iter().all(|id| id.starts_with("SPDXRef-") && id.chars().all(valid)));
        known.insert("SPDXRef-DOCUMENT");
        for end in ["spdxElementId", "relatedSpdxElement"] {
            prop_assert!(strings(&document["relationships"], end).iter().all(|id| known.contains(id)));
        }
        let created = document["creationInfo"]["created"].as_str().unwrap();
        prop_assert!(created.len() == "2026-11-21T10:20:30Z".len() && created.ends_with('Z'), "{}", created);
    }

    #[test]
    fn any_csv_has_a_row_per_finding_and_no_formula(report in report()) {
        let text = write(ReportFormat::Csv, &report);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(rows.len(), 1 + report.findings.len());
        for cell in rows.iter().flatten() {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{:?}", cell);
        }
    }

    #[test]
    fn any_page_has_the_same_tags_whatever_the_texts_are(report in report()) {
        let page = write(ReportFormat::Html, &report);
        prop_assert!(!page.contains("<script"));
        for (open, close) in [("<tr", "</tr>"), ("<details>", "</details>"), ("<a ", "</a>"), ("<pre>", "</pre>")] {
            prop_assert_eq!(page.matches(open).count(), page.matches(close).count(), "{}", open);
        }
        prop_assert_eq!(page.matches("<details>").count(), report.findings.len());
        for link in page.split("href=\"").skip(1) {
            prop_assert!(link.starts_with("https:") || link.starts_with("http:"));
        }
    }

    #[test]
    fn the_same_report_gives_the_same_bytes(report in report()) {
        use ReportFormat::{Csv, CycloneDx, Html, Sarif, Spdx};
        for format in [Sarif, CycloneDx, Spdx, Csv, Html] {
            prop_assert_eq!(write(format, &report), write(format, &report.clone()));
        }
    }
}
