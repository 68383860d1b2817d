//! CSV, as Pepper's clients and spreadsheets read it.

use crate::sample::{empty, finding, full, place, secret, write};
use domain::report::{Report, ReportFinding, ReportFormat::Csv};
use domain::scanning::ScannerKind;
use domain::severity::Severity;
use scanledger_domain as domain;

const HEADER: &str = "Severity,Scanner,Title,Description,File Path,Start Line,End Line,Rule ID,CWE ID,CVE ID,Confidence,Snippet\r\n";

fn rows(findings: Vec<ReportFinding>) -> Vec<Vec<String>> {
    let text = write(Csv, &Report { findings, ..empty() });
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn the_columns_are_peppers_and_lines_end_as_rfc_4180_says() {
    assert_eq!(write(Csv, &empty()), HEADER);
    let text = write(Csv, &full());
    let rest = text.strip_prefix(HEADER).unwrap();
    assert_eq!(
        rest,
        "HIGH,SCA,Command injection in lodash,Templates can run code.,package-lock.json,,,GHSA-35jh-r3h4-6jhm,CWE-94,CVE-2021-23337,1.00,\r\n\
         CRITICAL,SECRETS_PATTERN,title of GITHUB_TOKEN,,config/a dir/.env,3,4,GITHUB_TOKEN,CWE-798,,0.50,\"token = \"\"ghp_****\"\"\"\r\n\
         LOW,SAST_PATTERN,title of weak-hash,,src/main.js,7,,weak-hash,,,0.50,\r\n"
    );
}

#[test]
fn severities_and_scanners_have_peppers_words() {
    let severity = |severity| rows(vec![ReportFinding { severity, ..finding("r") }])[0][0].clone();
    assert_eq!(Severity::ALL.map(severity), ["CRITICAL", "HIGH", "MEDIUM", "MEDIUM", "LOW", "INFO"]);
    let scanner = |scanner| rows(vec![ReportFinding { scanner, ..finding("r") }])[0][1].clone();
    assert_eq!(
        ScannerKind::ALL.map(scanner),
        ["SCA", "SECRETS_PATTERN", "SAST_PATTERN", "IAC", "MALICIOUS_PKG", "ZERO_DAY", "CONTAINER", "DAST"]
    );
}

#[test]
fn no_cell_is_a_formula() {
    for start in ["=", "+", "-", "@", "\t", "\r", "\n"] {
        let evil = format!("{start}HYPERLINK(\"http://example.com\")");
        let found = ReportFinding {
            rule: evil.clone(),
            title: evil.clone(),
            description: evil.clone(),
            cwe: Some(evil.clone()),
            cve: Some(evil.clone()),
            excerpt: Some(evil.clone()),
            places: vec![place(&evil, None, None)],
            ..finding("r")
        };
        let row = rows(vec![found]).remove(0);
        for column in [2, 3, 4, 7, 8, 9, 11] {
            assert_eq!(row[column], format!("'{evil}"), "{start:?} in column {column}");
        }
    }
    assert_eq!(rows(vec![ReportFinding { title: "a=b".to_owned(), ..finding("r") }])[0][2], "a=b");
}

#[test]
fn confidence_has_two_decimals() {
    let shown = |confidence| rows(vec![ReportFinding { confidence, ..finding("r") }])[0][10].clone();
    assert_eq!(
        [0.0, 0.666, 0.995, 1.0, f32::NAN, -1.0].map(shown),
        ["0.00", "0.67", "1.00", "1.00", "0.00", "0.00"]
    );
}

#[test]
fn a_cell_with_several_lines_stays_one_cell() {
    let excerpt = Some("a,\r\n\"b\"\nc".to_owned());
    let rows = rows(vec![ReportFinding { excerpt: excerpt.clone(), ..secret() }, finding("next")]);
    assert_eq!(rows.len(), 2);
    assert_eq!(Some(&rows[0][11]), excerpt.as_ref());
}

#[test]
fn a_finding_without_a_place_has_empty_cells() {
    let rows = rows(vec![ReportFinding { places: vec![], ..finding("r") }]);
    assert_eq!(rows[0][4..7], ["", "", ""]);
}
