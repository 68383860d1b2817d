//! What is kept of findings that clients upload, and what is not.

use super::{FindingIn, Known, Odd, SentFinding, detection, first_sentence, severity};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::{Columns, Transitivity};
use scanledger_domain::limits::{DESCRIPTION_BYTES, PATH_BYTES, TITLE_BYTES};
use scanledger_domain::policy::Rule;
use scanledger_domain::scanning::{Detection, Identity, ScannerKind, Uploaded};
use scanledger_domain::secret::{
    DetectorFacts, DetectorNature, SecretCategory, SecretFamily, SecretFinder, SecretMatch,
};
use scanledger_domain::severity::Severity;
use serde_json::{Value, json};

static FACTS: DetectorFacts = DetectorFacts {
    id: "HUNTER",
    title: "Hunter's password",
    provider: "Hunter",
    nature: DetectorNature::Specific,
    family: SecretFamily::Credentials,
    category: SecretCategory::Other,
};

/// Finds one word.
struct Hunter;

impl SecretFinder for Hunter {
    fn detectors(&self) -> Vec<&'static DetectorFacts> {
        vec![&FACTS]
    }

    fn find(&self, text: &str) -> Vec<SecretMatch> {
        let found = text.match_indices("hunter2hunter2").map(|(start, word)| SecretMatch {
            detector: &FACTS,
            severity: Severity::High,
            place: start..start + word.len(),
        });
        found.collect()
    }
}

fn finding(change: Value) -> FindingIn {
    let mut finding = json!({
        "check_id": "acme.no-eval", "path": "src/a.py", "line": 3, "column": 5, "end_line": 3, "end_column": 12,
        "message": "No eval. It runs what it is given.", "severity": 2, "syntactic_id": "ab".repeat(16),
        "match_based_id": format!("{}_0", "4f".repeat(64)), "metadata": { "cwe": ["CWE-95: Eval Injection"] },
    });
    let fields = finding.as_object_mut().unwrap();
    fields.extend(change.as_object().unwrap().clone());
    serde_json::from_value(finding).unwrap()
}

fn of(change: Value) -> Detection {
    detection(finding(change), &Known::new(), &Hunter).unwrap()
}

fn uploaded(detection: &Detection) -> &Uploaded {
    match &detection.identity {
        Identity::Upload(uploaded) => uploaded,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_finding_keeps_its_name_and_its_place() {
    let found = of(json!({}));
    assert_eq!((found.title.as_str(), found.severity), ("No eval", Severity::High));
    assert_eq!(found.cwe.as_deref(), Some("CWE-95"));
    assert_eq!((found.places[0].line, found.places[0].path.as_str()), (Some(3), "src/a.py"));
    let upload = uploaded(&found);
    assert_eq!(upload.columns, Some(Columns { start: 5, end: 12 }));
    assert_eq!((upload.scanner, upload.facts.path.as_str()), (ScannerKind::Sast, "src/a.py"));
    assert!(upload.facts.match_based_id.ends_with("_0"));
}

#[test]
fn severities_are_numbers() {
    let of = [0, 1, 2, 3, 4].map(severity);
    assert_eq!(of, [Severity::Low, Severity::Medium, Severity::High, Severity::Critical, Severity::Info]);
}

#[test]
fn a_vulnerable_package_is_one_of_ours_where_its_ecosystem_is_known() {
    let sca = |ecosystem: &str| {
        json!({
            "metadata": {
                "sca-vuln-database-identifier": "CVE-2021-1", "ghsa": "GHSA-1", "sca-fix-versions": [{ "requests": "2.20.0" }],
            },
            "sca_info": { "reachable": true, "dependency_match": { "lockfile": "requirements.txt", "found_dependency": {
                "package": "requests", "version": "2.19.0", "ecosystem": ecosystem, "transitivity": "direct",
            } } },
        })
    };
    let found = of(sca("pypi"));
    let upload = uploaded(&found);
    assert_eq!((upload.scanner, found.fixed_version.as_deref()), (ScannerKind::Sca, Some("2.20.0")));
    assert_eq!(upload.package, Some(Package::new(Ecosystem::PyPi, "requests")));
    assert_eq!(upload.advisories, ["CVE-2021-1", "GHSA-1"]);
    assert_eq!(found.cve.as_deref(), Some("CVE-2021-1"));
    let package = upload.facts.package.as_ref().unwrap();
    assert_eq!((package.transitivity, package.reachable), (Transitivity::Direct, true));
    assert_eq!(uploaded(&of(sca("swiftpm"))).package, None);
}

#[test]
fn nothing_that_may_be_a_secret_is_repeated() {
    let secret = ["hunter2", "hunter2"].concat();
    let said = json!({ "message": format!("Password {secret} or \"pw\" is in the code") });
    assert_eq!(of(said.clone()).description, "Password hu****r2 or … is in the code");
    let mut product = said;
    product["metadata"] = json!({ "product": "secrets" });
    let found = of(product);
    assert_eq!(uploaded(&found).scanner, ScannerKind::Secrets);
    assert_eq!(found.description, "acme.no-eval found a secret.");
}

#[test]
fn the_words_of_a_known_rule_count() {
    let definition = json!({
        "id": "acme.no-eval", "message": "Never run $X.", "severity": "ERROR", "languages": ["python"],
        "pattern": "eval($X)", "metadata": { "confidence": "HIGH", "references": ["https://example.org/a", "javascript:1"] },
    });
    let rule = Rule::try_new(definition).unwrap();
    let known = Known::from([("acme.no-eval", &rule)]);
    let found = detection(finding(json!({ "message": "Never run secret." })), &known, &Hunter).unwrap();
    assert_eq!((found.description.as_str(), found.confidence), ("Never run $X.", 0.9));
    assert_eq!(found.references, ["https://example.org/a"]);
}

#[test]
fn texts_are_cut_and_a_finding_whose_names_will_not_do_is_odd() {
    let found = of(json!({ "message": "é".repeat(DESCRIPTION_BYTES) }));
    assert_eq!((found.title.len(), found.description.len()), (TITLE_BYTES, DESCRIPTION_BYTES));
    for (field, bad) in [
        ("match_based_id", json!("")),
        ("match_based_id", json!("a b")),
        ("match_based_id", json!("a".repeat(161))),
        ("check_id", json!("a\n")),
        ("path", json!("")),
        ("path", json!("a".repeat(PATH_BYTES + 1))),
    ] {
        let finding = finding(json!({ field: bad }));
        let path = finding.path.clone();
        let Odd { problem, left } = detection(finding, &Known::new(), &Hunter).unwrap_err();
        assert!(problem.starts_with(field), "{problem}");
        assert_eq!(left.path, Some(path));
    }
    assert_eq!(of(json!({ "path": "a".repeat(PATH_BYTES) })).places.len(), 1);
}

#[test]
fn a_title_is_the_first_sentence() {
    assert_eq!(first_sentence("One. Two."), "One");
    assert_eq!(first_sentence("Version 1.2 is old.\nMore."), "Version 1.2 is old");
}

#[test]
fn what_cannot_be_read_says_where_it_is_if_it_can() {
    for (sent, rule, path) in [
        (json!({ "check_id": "a", "path": "a.py", "severity": "high" }), Some("a"), Some("a.py")),
        (json!({ "check_id": 1, "path": ["a.py"] }), None, None),
        (json!({}), None, None),
    ] {
        let sent: SentFinding = serde_json::from_value(sent).unwrap();
        let Odd { left, .. } = sent.read(&Known::new(), &Hunter).unwrap_err();
        assert_eq!((left.rule.as_deref(), left.path.as_deref()), (rule, path));
    }
    assert!(serde_json::from_value::<SentFinding>(json!(1)).is_err());
}
