//! SARIF 2.1.0, as conventions of the standard and of GitHub's ingestion ask for it.

use crate::sample::{empty, finding, full, json, place};
use crate::schema::{SARIF, objections};
use domain::finding::TriageState;
use domain::id::FindingId;
use domain::report::{Report, ReportFinding, ReportFormat::Sarif};
use domain::scan::{GapReason, ScannerGap};
use domain::scanning::ScannerKind;
use domain::severity::Severity;
use scanledger_domain as domain;
use serde_json::{Value, json};
use uuid::Uuid;

fn run(findings: Vec<ReportFinding>) -> Value {
    let document = json(Sarif, &Report { findings, ..empty() });
    assert_eq!(objections(&SARIF, &document), [""; 0]);
    document["runs"][0].clone()
}

fn result(finding: ReportFinding) -> Value {
    run(vec![finding])["results"][0].clone()
}

#[test]
fn the_run_names_tool_source_and_time() {
    let document = json(Sarif, &full());
    assert_eq!(objections(&SARIF, &document), [""; 0]);
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "Scanledger");
    assert_eq!(run["tool"]["driver"]["version"], "1.2.3");
    assert_eq!(
        run["invocations"],
        json!([{ "executionSuccessful": true, "endTimeUtc": "2026-11-21T10:20:30.456Z" }])
    );
    assert_eq!(
        run["versionControlProvenance"],
        json!([{
            "repositoryUri": "https://example.com/shop.git",
            "revisionId": "0123456789abcdef0123456789abcdef01234567",
            "branch": "main",
            "mappedTo": { "uriBaseId": "%SRCROOT%" },
        }])
    );
    assert_eq!(run["automationDetails"]["id"], "scanledger/shop/018f0000-0000-7000-8000-000000000001");
    assert_eq!(run["properties"]["branch"], "main");
}

#[test]
fn a_run_says_what_it_did_not_do() {
    let invocation = |gaps: &[(ScannerKind, GapReason, u64)]| {
        let gap = |&(scanner, because, unread)| ScannerGap { scanner, because, unread };
        let document = json(Sarif, &Report { gaps: gaps.iter().map(gap).collect(), ..empty() });
        assert_eq!(objections(&SARIF, &document), [""; 0]);
        document["runs"][0]["invocations"][0].clone()
    };
    let failed = invocation(&[(ScannerKind::Sca, GapReason::Failed, 0)]);
    assert_eq!(failed["executionSuccessful"], false);
    assert_eq!(
        failed["toolExecutionNotifications"],
        json!([{ "level": "error", "message": { "text": "the sca scanner failed" } }])
    );
    assert_eq!(invocation(&[(ScannerKind::Sca, GapReason::Skipped, 0)])["executionSuccessful"], false);
    let unread = invocation(&[(ScannerKind::Secrets, GapReason::Unread, 2)]);
    assert_eq!(unread["executionSuccessful"], true);
    assert_eq!(unread["toolExecutionNotifications"][0]["level"], "warning");
}

#[test]
fn what_is_not_known_is_left_out() {
    let run = run(vec![]);
    assert_eq!(run.get("versionControlProvenance"), None);
    assert_eq!(run["automationDetails"]["id"], "scanledger/shop/");
    assert_eq!(run["properties"], json!({ "project": "shop" }));
    assert_eq!(run["results"], json!([]));
}

#[test]
fn a_severity_becomes_a_level_and_a_score_that_github_sorts_into_the_same_band() {
    let cases = [
        (Severity::Critical, "error", 9.0..=10.0),
        (Severity::High, "error", 7.0..=8.9),
        (Severity::Medium, "warning", 4.0..=6.9),
        (Severity::Unknown, "warning", 4.0..=6.9),
        (Severity::Low, "note", 0.1..=3.9),
        (Severity::Info, "note", 0.0..=0.0),
    ];
    for (severity, level, band) in cases {
        let run = run(vec![ReportFinding { severity, ..finding("r") }]);
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!(run["results"][0]["level"], level, "{severity}");
        assert_eq!(rule["defaultConfiguration"]["level"], level, "{severity}");
        let score: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
        assert!(band.contains(&score), "{severity}: {score}");
    }
}

#[test]
fn a_rule_is_listed_once_and_as_bad_as_its_worst_finding() {
    let of = |rule, severity| ReportFinding { severity, ..finding(rule) };
    let run = run(vec![
        of("a", Severity::Low),
        of("b", Severity::Low),
        of("a", Severity::Critical),
        of("a", Severity::Info),
    ]);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<&Value> = rules.iter().map(|rule| &rule["id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(rules[0]["properties"]["security-severity"], "9.5");
    let results = run["results"].as_array().unwrap();
    let indexes: Vec<&Value> = results.iter().map(|result| &result["ruleIndex"]).collect();
    assert_eq!(indexes, [0, 1, 0, 0]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], rules[index]["id"]);
    }
}

#[test]
fn a_rule_tells_weaknesses_help_and_precision() {
    let run = run(full().findings);
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(rule["properties"]["tags"], json!(["security", "sca", "external/cwe/cwe-094"]));
    assert_eq!(rule["properties"]["precision"], "very-high");
    assert_eq!(rule["properties"]["problem.severity"], "error");
    assert_eq!(rule["helpUri"], "https://example.com/advisory?id=1");
    assert_eq!(rule["help"]["text"], "Templates can run code.\nsee below\nhttps://example.com/advisory?id=1");
    assert_eq!(rule["shortDescription"]["text"], "Command injection in lodash");
}

#[test]
fn a_rule_has_at_most_as_many_tags_as_github_keeps() {
    let findings = (1..40).map(|number| ReportFinding { cwe: Some(format!("CWE-{number}")), ..finding("r") });
    let run = run(findings.collect());
    assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["tags"].as_array().unwrap().len(), 20);
}

#[test]
fn every_place_is_a_location_and_only_a_line_makes_a_region() {
    let result = result(ReportFinding {
        places: vec![
            place("a dir/x#1.js", Some(3), Some(5)),
            place("b.js", Some(3), Some(2)),
            place("c.js", Some(0), None),
            place("d.js", None, Some(4)),
            place("", Some(1), None),
        ],
        excerpt: Some("let x".to_owned()),
        ..finding("r")
    });
    let file = |uri| json!({ "uri": uri, "uriBaseId": "%SRCROOT%" });
    assert_eq!(
        result["locations"],
        json!([
            { "physicalLocation": {
                "artifactLocation": file("a%20dir/x%231.js"),
                "region": { "startLine": 3, "endLine": 5, "snippet": { "text": "let x" } },
            } },
            { "physicalLocation": { "artifactLocation": file("b.js"), "region": { "startLine": 3 } } },
            { "physicalLocation": { "artifactLocation": file("c.js") } },
            { "physicalLocation": { "artifactLocation": file("d.js") } },
            {},
        ])
    );
}

#[test]
fn an_excerpt_without_a_line_and_the_affected_version_are_properties() {
    let mut at = place("go.mod", None, None);
    at.version = Some("1.0.0".to_owned());
    let result =
        result(ReportFinding { places: vec![at], excerpt: Some("require x".to_owned()), ..finding("r") });
    assert_eq!(result["properties"]["excerpt"], "require x");
    assert_eq!(result["locations"][0]["properties"], json!({ "version": "1.0.0" }));
}

#[test]
fn a_running_application_is_found_at_its_address() {
    let at = |path| {
        let found = ReportFinding {
            scanner: ScannerKind::Dast,
            places: vec![place(path, None, None)],
            ..finding("r")
        };
        result(found)["locations"][0]["physicalLocation"]["artifactLocation"].clone()
    };
    assert_eq!(at("https://example.com/login?a=b"), json!({ "uri": "https://example.com/login?a=b" }));
    assert_eq!(at("/login"), json!({ "uri": "login", "uriBaseId": "%SRCROOT%" }));
}

#[test]
fn decisions_that_set_a_finding_aside_are_suppressions() {
    for state in TriageState::ALL {
        let note = Some("why".to_owned());
        let result = result(ReportFinding { state, note, ..finding("r") });
        let suppressed =
            matches!(state, TriageState::FalsePositive | TriageState::NotAffected | TriageState::Accepted);
        let expected = match suppressed {
            true => json!([{ "kind": "external", "status": "accepted", "justification": "why" }]),
            false => json!([]),
        };
        assert_eq!(result["suppressions"], expected, "{state}");
        assert_eq!(result["properties"]["state"], state.as_str());
    }
}

#[test]
fn a_result_is_recognised_by_its_fingerprint_and_compared_with_what_was_there() {
    let old = result(finding("r"));
    assert_eq!(
        old["partialFingerprints"],
        json!({
            "scanledger/v1": "0123456789abcdeffedcba9876543210",
            "primaryLocationLineHash": "0123456789abcdef:1",
        })
    );
    assert_eq!(old["correlationGuid"], json!(finding("r").id));
    assert_eq!(old.get("baselineState"), None, "what is no scan of a branch is compared with nothing");
    let new = ReportFinding { is_new: true, ..finding("s") };
    let document = json(Sarif, &Report { findings: vec![finding("r"), new], ..full() });
    assert_eq!(objections(&SARIF, &document), [""; 0]);
    let results = &document["runs"][0]["results"];
    assert_eq!(
        (&results[0]["baselineState"], &results[1]["baselineState"]),
        (&json!("unchanged"), &json!("new"))
    );
}

#[test]
fn an_id_that_is_no_guid_to_sarif_is_a_property_only() {
    let id = FindingId(Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0001));
    let result = result(ReportFinding { id, ..finding("r") });
    assert_eq!(result.get("correlationGuid"), None);
    assert_eq!(result["properties"]["finding"], json!(id));
}

#[test]
fn the_message_says_title_and_description_once() {
    let text = |description: &str| {
        let found = ReportFinding { description: description.to_owned(), ..finding("r") };
        result(found)["message"]["text"].clone()
    };
    assert_eq!(text(""), "title of r");
    assert_eq!(text("title of r"), "title of r");
    assert_eq!(text("More \"words\"."), "title of r\n\nMore \"words\".");
}

#[test]
fn a_confidence_that_is_no_number_is_none() {
    let result = result(ReportFinding { confidence: f32::NAN, ..finding("r") });
    assert_eq!(result["properties"]["confidence"], 0.0);
}
