//! `scan`.

use crate::api::Api;
use crate::database::Database;
use crate::shell::{Place, advisories, sample};
use scanledger_domain::source::SKIPPED_FOLDERS;
use serde_json::Value;
use std::collections::BTreeSet;

fn scan(place: &Place, more: &[&str]) -> crate::shell::Ran {
    place.run(&[&["scan", &sample("shop")], more].concat())
}

#[test]
fn without_advisories_secrets_are_found_and_the_rest_is_said_to_be_missing() {
    let place = Place::new();
    let ran = scan(&place, &[]);
    assert!(ran.out.contains("PRIVATE_KEY") && ran.out.contains("6 findings"), "{}", ran.out);
    let warning = ran.fails(3);
    assert!(
        warning.contains("there are no advisories in") && warning.contains("advisories import"),
        "{warning}"
    );
    assert!(!place.data().exists(), "a scan makes no data folder");
}

#[test]
fn a_scan_matches_dependencies_with_the_advisories_of_the_folder() {
    let place = Place::new();
    place.import().done();
    let ran = scan(&place, &[]);
    assert!(ran.out.contains("GHSA-35jh-r3h4-6jhm") && ran.out.contains("4.17.15 → 4.17.21"), "{}", ran.out);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let out = ran.done();
    assert!(out.contains("\n40 findings (3 critical, 8 high, "), "{out}");
    let order = ["CRITICAL", "HIGH", "MEDIUM", "UNKNOWN", "LOW", "INFO"];
    let words: Vec<_> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let ranks: Vec<_> =
        words.iter().filter_map(|word| order.iter().position(|known| known == word)).collect();
    assert!(ranks.len() == 40 && ranks.is_sorted(), "{out}");
    assert!(out.contains("(unsound) smallvec: "), "{out}");
}

#[test]
fn an_ecosystem_without_advisories_is_named_and_is_not_without_findings() {
    let place = Place::new();
    place.run(&["advisories", "import", &advisories("npm")]).done();
    let rust = place.beside("rust");
    std::fs::create_dir(&rust).unwrap();
    std::fs::copy(sample("shop/pricing/Cargo.lock"), rust.join("Cargo.lock")).unwrap();
    let ran = place.run(&["scan", "rust"]);
    assert!(ran.out.starts_with("no findings in 1 file "), "{}", ran.out);
    let warning = ran.fails(3);
    assert!(warning.contains("there are no advisories of crates.io in"), "{warning}");
    let ran = scan(&place, &[]);
    assert!(ran.out.contains("4.17.15 → 4.17.21"), "what can be matched is: {}", ran.out);
    let warning = ran.fails(3);
    assert!(warning.contains("no advisories of crates.io, Go, PyPI in"), "{warning}");
    assert_eq!(warning.lines().count(), 1, "{warning}");
}

#[test]
fn advisories_that_cannot_be_looked_for_are_not_taken_for_missing() {
    let place = Place::new();
    std::fs::write(place.beside("note.txt"), "no folder").unwrap();
    let complaint = scan(&place, &["--data", "note.txt"]).fails(4);
    assert!(complaint.contains("while looking for") && complaint.contains("note.txt"), "{complaint}");
}

#[test]
fn what_is_left_out_is_counted_and_the_help_says_what_it_is() {
    let place = Place::new();
    place.import().done();
    let folder = place.beside("web");
    for path in ["node_modules/a/index.js", "dist/b/c.js", "app.min.js", "main.js"] {
        std::fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.join(path), "let a;\n").unwrap();
    }
    let out = place.run(&["scan", "web"]).done();
    assert!(
        out.starts_with("no findings in 1 file ") && out.ends_with(" s; 2 folders and 1 file left out\n"),
        "{out}"
    );
    std::fs::remove_dir_all(folder.join("dist")).unwrap();
    std::fs::remove_file(folder.join("app.min.js")).unwrap();
    assert!(place.run(&["scan", "web"]).done().ends_with(" s; 1 folder left out\n"));
    std::fs::remove_dir_all(folder.join("node_modules")).unwrap();
    assert!(place.run(&["scan", "web"]).done().ends_with(" s\n"));
    let help = place.run(&["scan", "--help"]).done();
    let words: Vec<_> = help.split([' ', ',', '\n']).collect();
    for folder in SKIPPED_FOLDERS {
        assert!(words.contains(&folder), "{folder} is not in {help}");
    }
}

#[test]
fn a_finding_as_bad_as_the_threshold_decides_the_exit_code() {
    let place = Place::new();
    assert_eq!(
        scan(&place, &["--fail-on", "critical"]).code,
        Some(1),
        "a verdict counts more than what is missing"
    );
    place.import().done();
    assert_eq!(scan(&place, &["--fail-on", "HIGH"]).code, Some(1));
    let clean = place.beside("clean");
    std::fs::create_dir(&clean).unwrap();
    std::fs::write(clean.join("main.py"), "print('hello')\n").unwrap();
    let ran = place.run(&["scan", "clean", "--fail-on", "info"]);
    assert!(ran.done().starts_with("no findings in 1 file "));
    assert!(scan(&place, &["--fail-on", "bad"]).fails(2).contains("possible values"));
}

#[test]
fn findings_come_out_as_json() {
    let place = Place::new();
    place.import().done();
    let findings = scan(&place, &["--format", "json"]).json();
    let findings = findings.as_array().unwrap();
    assert_eq!(findings.len(), 40);
    let lodash = findings.iter().find(|finding| finding["rule"] == "GHSA-35jh-r3h4-6jhm").unwrap();
    assert_eq!(lodash["package"], "pkg:npm/lodash");
    assert_eq!(lodash["severity"], "HIGH");
    assert_eq!(lodash["places"][0]["version"], "4.17.15");
    assert!(lodash["advisories"].as_array().unwrap().contains(&Value::from("CVE-2021-23337")));
    let unsound = findings.iter().find(|finding| finding["informational"] == "unsound").unwrap();
    assert_eq!(unsound["severity"], "INFO");
}

#[test]
fn the_same_source_has_the_same_findings_in_a_folder_and_in_an_archive() {
    let place = Place::set_up();
    place.import().done();
    let status = std::process::Command::new("tar")
        .args(["-czf", &place.beside("shop.tar.gz").display().to_string(), "-C", &sample("shop"), "."])
        .status();
    assert!(status.unwrap().success());
    let ids = |findings: &Value| -> Vec<String> {
        findings.as_array().unwrap().iter().map(|finding| finding["id"].to_string()).collect()
    };
    let folder = scan(&place, &["--format", "json"]).json();
    let archive = place.run(&["scan", "shop.tar.gz", "--format", "json"]).json();
    assert_eq!(ids(&folder), ids(&archive));
}

#[test]
fn reports_are_what_their_formats_say() {
    let place = Place::new();
    let unmatched: Value = serde_json::from_str(&scan(&place, &["--format", "sarif"]).out).unwrap();
    assert_eq!(unmatched["runs"][0]["invocations"][0]["executionSuccessful"], false);
    place.import().done();
    let sarif = scan(&place, &["--format", "sarif"]).json();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], true);
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 40);
    assert!(results.iter().all(|result| result.get("baselineState").is_none()), "there was no scan before");
    let cyclonedx = scan(&place, &["--format", "cyclonedx"]).json();
    assert_eq!((&cyclonedx["bomFormat"], &cyclonedx["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let spdx = scan(&place, &["--format", "spdx"]).json();
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
}

#[test]
fn a_report_goes_into_a_file() {
    let place = Place::new();
    place.import().done();
    let ran = scan(&place, &["--format", "sarif", "--output", "out.sarif"]);
    assert!(ran.out.is_empty() && ran.err.contains("40 findings"), "{}", ran.err);
    let written = std::fs::read(place.beside("out.sarif")).unwrap();
    assert!(serde_json::from_slice::<Value>(&written).is_ok());
}

#[test]
fn what_is_neither_folder_nor_archive_is_refused() {
    let place = Place::new();
    std::fs::write(place.beside("note.txt"), "hello").unwrap();
    assert!(place.run(&["scan", "note.txt"]).fails(4).contains("note.txt"));
    assert!(place.run(&["scan", "nowhere"]).fails(4).contains("nowhere"));
}

#[test]
fn names_of_files_cannot_steer_a_terminal() {
    let place = Place::new();
    let folder = place.beside("evil");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(sample("shop/config/deploy_key.pem"), folder.join("a\u{1b}[2Jb.pem")).unwrap();
    let ran = place.run(&["scan", "evil"]);
    assert!(ran.out.contains("PRIVATE_KEY") && !ran.out.contains('\u{1b}'), "{:?}", ran.out);
}

/// What secrets are recognised by, in a list of findings.
fn secrets(findings: &Value) -> BTreeSet<String> {
    let findings = findings.as_array().expect("findings are a list").iter();
    let secrets = findings
        .filter(|finding| finding["package"].is_null() && finding["metadata"]["packageName"].is_null());
    secrets
        .map(|finding| finding["fingerprint"].as_str().expect("a fingerprint is text").to_owned())
        .collect()
}

/// Checks that a server and a local scan, both of `place`, know the same secrets, and answers by what.
fn known_here_and_there(place: &Place) -> BTreeSet<String> {
    let archive = place.beside("shop.tar.gz");
    let status = std::process::Command::new("tar")
        .args(["-czf", &archive.display().to_string(), "-C", &sample("shop"), "."])
        .status();
    assert!(status.expect("there is a tar").success());
    place.import().done();
    let here = secrets(&scan(place, &["--format", "json"]).json());
    let api = Api::start(place);
    let scanned = api.scanned(&archive);
    let path = format!("/api/scans/{}/findings?limit=500", scanned["id"].as_str().expect("an id is text"));
    let there = secrets(&api.get(&path)["findings"]);
    assert_eq!(here, there);
    assert_eq!(here.len(), 6);
    here
}

#[test]
fn secrets_are_recognised_as_the_server_of_the_folder_does_and_nobody_else() {
    let (one, other) = (known_here_and_there(&Place::set_up()), known_here_and_there(&Place::set_up()));
    assert!(one.is_disjoint(&other));
}

#[test]
fn secrets_are_recognised_as_the_servers_of_a_shared_log_do() {
    let database = Database::create();
    let place = Place::set_up_on(&database.url);
    let known = known_here_and_there(&place);
    // Another node, which has the key of the installation and nothing else.
    let node = place.beside("node");
    let key = place.data().join("server.key");
    let there = [
        ["--data", node.to_str().unwrap()],
        ["--key-file", key.to_str().unwrap()],
        ["--log", database.url.as_str()],
    ];
    let ran = scan(&place, &[&there.concat()[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(3), "the node has no advisories: {}", ran.err);
    assert_eq!(secrets(&serde_json::from_str(&ran.out).unwrap()), known);
    // Without the key it would know none of them again.
    let refused = scan(&place, &["--data", node.to_str().unwrap()]).fails(4);
    assert!(refused.contains("key is not here"), "{refused}");
    let empty = Database::create();
    let refused = scan(&place, &["--log", &empty.url]).fails(4);
    assert!(refused.contains("no state store in this database"), "{refused}");
}
