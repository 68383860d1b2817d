//! SPDX 2.3, as its schema and text want it.

use crate::sample::{component, empty, full, json, write};
use crate::schema::{SPDX, objections};
use domain::component::{Ecosystem, Scope};
use domain::report::{Report, ReportFormat::Spdx, ReportWriter as _};
use domain::time::Timestamp;
use scanledger_domain as domain;
use scanledger_formats::Formats;
use serde_json::{Value, json};
use std::collections::HashSet;

fn document(report: &Report) -> Value {
    let document = json(Spdx, report);
    assert_eq!(objections(&SPDX, &document), [""; 0]);
    document
}

fn ids(document: &Value) -> Vec<&str> {
    document["packages"].as_array().unwrap().iter().map(|one| one["SPDXID"].as_str().unwrap()).collect()
}

#[test]
fn the_document_says_what_it_is_and_who_wrote_it() {
    let document = document(&full());
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    assert_eq!(document["dataLicense"], "CC0-1.0");
    assert_eq!(document["SPDXID"], "SPDXRef-DOCUMENT");
    assert_eq!(document["name"], "shop");
    assert_eq!(
        document["creationInfo"],
        json!({ "created": "2026-11-21T10:20:30Z", "creators": ["Tool: Scanledger-1.2.3"] })
    );
}

#[test]
fn the_namespace_is_a_uri_of_its_own_for_every_content() {
    let namespace = |report: &Report| document(report)["documentNamespace"].as_str().unwrap().to_owned();
    let odd = namespace(&Report { project: "my #1/shop".to_owned(), ..full() });
    assert!(odd.starts_with("https://spdx.org/spdxdocs/my%20%231%2Fshop-"), "{odd}");
    assert!(!odd.contains('#'));
    assert_eq!(namespace(&full()), namespace(&full()));
    assert_ne!(namespace(&full()), namespace(&Report { created_at: Timestamp(0), ..full() }));
    assert_ne!(namespace(&full()), namespace(&Report { commit: None, ..full() }));
}

#[test]
fn the_root_package_is_the_project() {
    let document = document(&full());
    assert_eq!(
        document["packages"][0],
        json!({
            "SPDXID": "SPDXRef-Package-Root",
            "name": "shop",
            "versionInfo": "0123456789abcdef0123456789abcdef01234567",
            "downloadLocation": "https://example.com/shop.git",
            "filesAnalyzed": false,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": "APPLICATION",
        })
    );
}

#[test]
fn a_package_is_found_again_by_its_purl() {
    let document = document(&full());
    assert_eq!(
        document["packages"][2],
        json!({
            "SPDXID": "SPDXRef-Package-npm--babel-core-7.0.0",
            "name": "@babel/core",
            "versionInfo": "7.0.0",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": "LIBRARY",
            "sourceInfo": "found in package-lock.json",
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": "pkg:npm/%40babel/core@7.0.0",
            }],
        })
    );
}

#[test]
fn a_development_dependency_is_one_of_the_root_and_not_the_other_way_round() {
    let document = document(&full());
    let relationships: Vec<String> = document["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let end = |name: &str| one[name].as_str().unwrap().trim_start_matches("SPDXRef-").to_owned();
            format!("{} {} {}", end("spdxElementId"), end("relationshipType"), end("relatedSpdxElement"))
        })
        .collect();
    assert_eq!(
        relationships,
        [
            "DOCUMENT DESCRIBES Package-Root",
            "Package-golang-github.com-Masterminds-semver-v3-3.1.0 OPTIONAL_DEPENDENCY_OF Package-Root",
            "Package-npm--babel-core-7.0.0 DEV_DEPENDENCY_OF Package-Root",
            "Package-npm-minimist-1.2.5 DEV_DEPENDENCY_OF Package-Root",
            "Package-Root DEPENDS_ON Package-npm-lodash-4.17.20",
            "Package-npm--babel-core-7.0.0 DEPENDS_ON Package-npm-lodash-4.17.20",
            "Package-npm--babel-core-7.0.0 DEPENDS_ON Package-npm-minimist-1.2.5",
        ]
    );
}

#[test]
fn names_that_look_alike_get_identifiers_that_do_not() {
    let named = |name, version| component(Ecosystem::Npm, name, version, Scope::Runtime, None);
    let components = vec![
        named("a-b", "1"),
        named("a/b", "1"),
        named("a_b", "1"),
        named("a-b", "1-2"),
        named("ä", "1"),
        named("", ""),
    ];
    let document = document(&Report { components, ..empty() });
    let ids = ids(&document);
    assert_eq!(ids.len(), 7);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 7);
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    assert!(ids.iter().all(|id| id.strip_prefix("SPDXRef-").unwrap().chars().all(valid)), "{ids:?}");
}

#[test]
fn a_project_without_anything_still_describes_itself() {
    let document = document(&empty());
    assert_eq!(ids(&document), ["SPDXRef-Package-Root"]);
    assert_eq!(document["packages"][0]["downloadLocation"], "NOASSERTION");
    assert_eq!(document["packages"][0].get("versionInfo"), None);
    assert_eq!(document["relationships"].as_array().unwrap().len(), 1);
}

#[test]
fn a_dependency_on_nothing_cannot_be_written() {
    let report = Report { dependencies: vec![(7, 0)], ..full() };
    assert!(Formats::new().write(Spdx, &report).is_err());
}

#[test]
fn the_order_of_components_does_not_matter() {
    let mut turned = full();
    turned.components.reverse();
    turned.dependencies = turned.dependencies.iter().map(|&(from, to)| (3 - from, 3 - to)).collect();
    assert_eq!(write(Spdx, &turned), write(Spdx, &full()));
}
