//! Reports to write.

use domain::component::{Component, Ecosystem, Package, Scope};
use domain::finding::TriageState;
use domain::id::{FindingId, ScanId};
use domain::report::{Report, ReportFinding, ReportFormat, ReportWriter as _};
use domain::scanning::{Place, ScannerKind};
use domain::severity::Severity;
use domain::time::Timestamp;
use scanledger_domain as domain;
use scanledger_formats::Formats;
use serde_json::Value;
use uuid::Uuid;

/// The document of `report` as text.
pub fn write(format: ReportFormat, report: &Report) -> String {
    String::from_utf8(Formats::with_version("1.2.3").write(format, report).unwrap()).unwrap()
}

/// The document of `report` as JSON.
pub fn json(format: ReportFormat, report: &Report) -> Value {
    serde_json::from_str(&write(format, report)).unwrap()
}

/// A report without findings and components.
pub fn empty() -> Report {
    Report {
        project: "shop".to_owned(),
        scan: None,
        branch: None,
        commit: None,
        repository: None,
        created_at: Timestamp::parse_rfc3339("2026-11-21T10:20:30.456Z").unwrap(),
        findings: vec![],
        components: vec![],
        dependencies: vec![],
        gaps: vec![],
    }
}

/// A report with something of everything.
pub fn full() -> Report {
    Report {
        scan: Some(ScanId(Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0001))),
        branch: Some("main".to_owned()),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        repository: Some("https://ana:token@example.com/shop.git".to_owned()),
        findings: vec![vulnerability(), secret(), weakness()],
        components: vec![
            component(Ecosystem::Npm, "lodash", "4.17.20", Scope::Runtime, Some(true)),
            component(Ecosystem::Npm, "@babel/core", "7.0.0", Scope::Development, Some(true)),
            component(Ecosystem::Npm, "minimist", "1.2.5", Scope::Development, Some(false)),
            component(
                Ecosystem::Go,
                "github.com/Masterminds/semver/v3",
                "3.1.0",
                Scope::Optional,
                Some(true),
            ),
        ],
        dependencies: vec![(1, 2), (1, 0)],
        ..empty()
    }
}

/// A component out of `package-lock.json`.
pub fn component(
    ecosystem: Ecosystem,
    name: &str,
    version: &str,
    scope: Scope,
    direct: Option<bool>,
) -> Component {
    Component {
        package: Package::new(ecosystem, name),
        version: version.to_owned(),
        path: "package-lock.json".to_owned(),
        scope,
        direct,
    }
}

/// A finding with nothing optional, at `src/main.js:7`.
pub fn finding(rule: &str) -> ReportFinding {
    ReportFinding {
        id: FindingId(Uuid::new_v5(&Uuid::NAMESPACE_OID, rule.as_bytes())),
        fingerprint: "0123456789abcdeffedcba9876543210".to_owned(),
        scanner: ScannerKind::Sast,
        rule: rule.to_owned(),
        title: format!("title of {rule}"),
        description: String::new(),
        severity: Severity::Medium,
        state: TriageState::Untriaged,
        note: None,
        cwe: None,
        cve: None,
        confidence: 0.5,
        places: vec![place("src/main.js", Some(7), None)],
        package: None,
        fixed_version: None,
        excerpt: None,
        references: vec![],
        is_new: false,
    }
}

/// A place, over several lines or none.
pub fn place(path: &str, line: Option<u32>, end_line: Option<u32>) -> Place {
    Place { path: path.to_owned(), line, end_line, version: None }
}

/// A vulnerable package.
pub fn vulnerability() -> ReportFinding {
    ReportFinding {
        scanner: ScannerKind::Sca,
        title: "Command injection in lodash".to_owned(),
        description: "Templates can run code.".to_owned(),
        severity: Severity::High,
        cwe: Some("CWE-94".to_owned()),
        cve: Some("CVE-2021-23337".to_owned()),
        confidence: 1.0,
        places: vec![Place { version: Some("4.17.20".to_owned()), ..place("package-lock.json", None, None) }],
        package: Some("pkg:npm/lodash".to_owned()),
        fixed_version: Some("4.17.21".to_owned()),
        references: vec!["see below".to_owned(), "https://example.com/advisory?id=1".to_owned()],
        is_new: true,
        ..finding("GHSA-35jh-r3h4-6jhm")
    }
}

/// A secret that somebody decided to live with.
pub fn secret() -> ReportFinding {
    ReportFinding {
        scanner: ScannerKind::Secrets,
        severity: Severity::Critical,
        state: TriageState::Accepted,
        note: Some("revoked \"last\" year".to_owned()),
        cwe: Some("CWE-798".to_owned()),
        excerpt: Some("token = \"ghp_****\"".to_owned()),
        places: vec![place("config/a dir/.env", Some(3), Some(4)), place("config/b.env", Some(9), None)],
        ..finding("GITHUB_TOKEN")
    }
}

/// Bad code.
pub fn weakness() -> ReportFinding {
    ReportFinding { severity: Severity::Low, ..finding("weak-hash") }
}
