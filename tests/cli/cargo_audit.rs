//! `advisories import` and `scan` against cargo audit: the same vulnerable and informational packages in real
//! lockfiles, from the same advisories.
//!
//! The lockfiles, the advisories and what cargo audit said are beside the tests of the crate that keeps advisories;
//! `infra/advisories/tests/compare-cargo-audit.sh` writes them.

use crate::shell::Place;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A package at a version, the ids and aliases of one weakness, and what kind of notice it is if it is no vulnerability.
type Found = (String, String, BTreeSet<String>, Option<String>);

/// One thing that cargo audit found.
#[derive(Deserialize)]
struct Audited {
    package: String,
    version: String,
    id: String,
    aliases: BTreeSet<String>,
    informational: Option<String>,
}

/// One finding of `scan --format json`.
#[derive(Deserialize)]
struct Scanned {
    scanner: String,
    package: Option<String>,
    advisories: BTreeSet<String>,
    informational: Option<String>,
    severity: String,
    places: Vec<ScannedPlace>,
}

#[derive(Deserialize)]
struct ScannedPlace {
    version: Option<String>,
}

fn lockfiles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/advisories/tests/data/lockfiles")
}

/// What the command finds in a folder that has nothing but this lockfile.
fn found(place: &Place, lockfile: &Path) -> BTreeSet<Found> {
    let name = lockfile.file_stem().and_then(|name| name.to_str()).expect("lockfiles have names");
    std::fs::create_dir(place.beside(name)).expect("a folder can be made");
    std::fs::copy(lockfile, place.beside(name).join("Cargo.lock")).expect("a lockfile can be copied");
    let printed = place.run(&["scan", name, "--format", "json"]).done();
    let findings: Vec<Scanned> = serde_json::from_str(&printed).expect("findings are JSON");
    let mut found = BTreeSet::new();
    for finding in findings.into_iter().filter(|finding| finding.scanner == "SCA") {
        let package = finding.package.as_deref().and_then(|purl| purl.strip_prefix("pkg:cargo/"));
        let package = package.expect("packages of a Cargo.lock are Rust's").to_owned();
        assert_eq!(finding.informational.is_some(), finding.severity == "INFO", "{package}");
        for place in finding.places {
            let version = place.version.expect("a vulnerable package has a version");
            let kind = finding.informational.clone();
            found.insert((package.clone(), version, finding.advisories.clone(), kind));
        }
    }
    found
}

/// What cargo audit found. It lists each advisory by itself; here those that share an id or alias are joined. A
/// vulnerability among them makes all of it one, else the first id says what it is.
fn expected(list: &Path) -> BTreeSet<Found> {
    let list = std::fs::read(list).expect("what cargo audit found is there");
    let list: Vec<Audited> = serde_json::from_slice(&list).expect("what cargo audit found is JSON");
    let mut groups: Vec<(Audited, BTreeMap<String, Option<String>>)> = vec![];
    for mut one in list {
        one.aliases.insert(one.id.clone());
        let mut kinds = BTreeMap::from([(one.id.clone(), one.informational.clone())]);
        while let Some(other) = groups.iter().position(|(other, _)| {
            (&other.package, &other.version) == (&one.package, &one.version)
                && !other.aliases.is_disjoint(&one.aliases)
        }) {
            let (other, other_kinds) = groups.swap_remove(other);
            one.aliases.extend(other.aliases);
            kinds.extend(other_kinds);
        }
        groups.push((one, kinds));
    }
    let joined = groups.into_iter().map(|(one, kinds)| {
        let is_vulnerability = kinds.values().any(Option::is_none);
        let kind = kinds.into_values().next().flatten().filter(|_| !is_vulnerability);
        (one.package, one.version, one.aliases, kind)
    });
    joined.collect()
}

#[test]
fn a_scan_finds_what_cargo_audit_finds_in_real_lockfiles() {
    let place = Place::new();
    let advisories = lockfiles().join("crates.io.zip");
    let imported = place.run(&["advisories", "import", "--json", advisories.to_str().unwrap()]).json();
    assert_eq!((&imported["files"][0]["broken"], &imported["files"][0]["skipped"]), (&0.into(), &0.into()));

    let mut compared = 0;
    for entry in std::fs::read_dir(lockfiles()).unwrap() {
        let lockfile = entry.unwrap().path();
        if lockfile.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let (ours, theirs) = (found(&place, &lockfile), expected(&lockfile.with_extension("json")));
        let only = |a: &BTreeSet<Found>, b: &BTreeSet<Found>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!(only(&ours, &theirs), [], "{}: found by us only", lockfile.display());
        assert_eq!(only(&theirs, &ours), [], "{}: found by cargo audit only", lockfile.display());
        assert!(!ours.is_empty() && ours.iter().any(|(_, _, _, kind)| kind.is_some()), "{ours:?}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}
