//! The schemas are really applied: a document with one thing wrong does not pass.

use crate::sample::{full, json};
use crate::schema::{CYCLONEDX, SARIF, SPDX, objections};
use domain::report::ReportFormat;
use jsonschema::Validator;
use scanledger_domain as domain;
use serde_json::{Value, json};

fn rejects(schema: &Validator, format: ReportFormat, path: &str, wrong: Value) {
    let mut document = json(format, &full());
    assert_eq!(objections(schema, &document), [""; 0]);
    *document.pointer_mut(path).unwrap_or_else(|| panic!("{path} is not in the document")) = wrong;
    assert!(!objections(schema, &document).is_empty(), "{path} may be anything");
}

#[test]
fn a_wrong_sarif_does_not_pass() {
    let cases = [
        ("/version", json!("2.0.0")),
        ("/runs/0/results/1/locations/0/physicalLocation/region/startLine", json!(0)),
        ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", json!("a b")),
        ("/runs/0/results/0/level", json!("high")),
        ("/runs/0/results/0/correlationGuid", json!("1")),
        ("/runs/0/results/1/suppressions/0/kind", json!("somewhere")),
        ("/runs/0/versionControlProvenance/0/repositoryUri", json!("not a uri")),
        ("/runs/0/invocations/0/endTimeUtc", json!("yesterday")),
        ("/runs/0/tool/driver/name", json!(null)),
        ("/runs/0/results/0/message", json!({ "txt": "" })),
    ];
    for (path, wrong) in cases {
        rejects(&SARIF, ReportFormat::Sarif, path, wrong);
    }
}

#[test]
fn a_wrong_cyclonedx_does_not_pass() {
    let cases = [
        ("/bomFormat", json!("Other")),
        ("/serialNumber", json!("urn:uuid:1")),
        ("/metadata/timestamp", json!("yesterday")),
        ("/components/0/scope", json!("runtime")),
        (
            "/components/0",
            json!({ "name": "x", "type": "library", "licenses": [{ "license": { "id": "No-Such-Licence" } }] }),
        ),
        ("/dependencies/0", json!({ "dependsOn": [] })),
        ("/vulnerabilities/0/ratings/0/severity", json!("HIGH")),
        ("/vulnerabilities/0/advisories/0/url", json!("a b")),
        ("/vulnerabilities/0/cwes/0", json!(0)),
    ];
    for (path, wrong) in cases {
        rejects(&CYCLONEDX, ReportFormat::CycloneDx, path, wrong);
    }
    let mut signed = json(ReportFormat::CycloneDx, &full());
    signed["signature"] = json!({ "algorithm": "RS256" });
    assert!(
        !objections(&CYCLONEDX, &signed).is_empty(),
        "the referenced schema of signatures is not applied"
    );
}

#[test]
fn a_wrong_spdx_does_not_pass() {
    let cases = [
        ("/spdxVersion", json!(2.3)),
        ("/creationInfo", json!({ "created": "2026-11-21T10:20:30Z" })),
        ("/packages/0", json!({ "SPDXID": "SPDXRef-x", "name": "x" })),
        ("/packages/1/externalRefs/0/referenceCategory", json!("PURL")),
        ("/packages/1/primaryPackagePurpose", json!("THING")),
        ("/relationships/0/relationshipType", json!("NEEDS")),
        ("/packages/1", json!({ "SPDXID": "x", "name": "x", "downloadLocation": "NONE", "extra": 1 })),
    ];
    for (path, wrong) in cases {
        rejects(&SPDX, ReportFormat::Spdx, path, wrong);
    }
}
