//! Against cargo audit: the same vulnerable and informational packages in real lockfiles, from the same data.
//!
//! `tests/data/lockfiles/*.json` is what cargo audit found; `tests/compare-cargo-audit.sh` writes it.

use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::component::{Ecosystem, Package};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One thing cargo audit found.
#[derive(Deserialize)]
struct Expected {
    package: String,
    version: String,
    id: String,
    aliases: BTreeSet<String>,
    informational: Option<String>,
}

/// A package at a version, the ids and aliases of one weakness, and what kind of information it is if it is no vulnerability.
type Found = (String, String, BTreeSet<String>, Option<String>);

/// Ids and aliases that belong together, and what each id is.
type Group = (BTreeSet<String>, BTreeMap<String, Option<String>>);

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lockfiles").join(name)
}

/// What our index finds.
fn found(index: &dyn AdvisoryIndex, lockfile: &Path) -> BTreeSet<Found> {
    let mut found = BTreeSet::new();
    for package in cargo_lock::Lockfile::load(lockfile).expect("a lockfile").packages {
        // cargo audit looks at packages of crates.io only.
        if !package.source.as_ref().is_some_and(cargo_lock::SourceId::is_default_registry) {
            continue;
        }
        let (name, version) = (package.name.to_string(), package.version.to_string());
        for group in index.matches(&Package::new(Ecosystem::CratesIo, &name), &version).expect("matches") {
            let ids = group.group.into_iter().collect();
            found.insert((name.clone(), version.clone(), ids, group.informational));
        }
    }
    found
}

/// What cargo audit found. It lists each advisory by itself; here those that share an id or alias are joined.
fn expected(list: &Path) -> BTreeSet<Found> {
    let list: Vec<Expected> = serde_json::from_slice(&fs::read(list).expect("a list")).expect("JSON");
    let mut of_package: BTreeMap<_, Vec<Group>> = BTreeMap::new();
    for one in list {
        let groups = of_package.entry((one.package, one.version)).or_default();
        let mut kinds = BTreeMap::from([(one.id.clone(), one.informational)]);
        let mut ids = one.aliases;
        ids.insert(one.id);
        while let Some(other) = groups.iter().position(|(other, _)| !other.is_disjoint(&ids)) {
            let (other_ids, other_kinds) = groups.swap_remove(other);
            ids.extend(other_ids);
            kinds.extend(other_kinds);
        }
        groups.push((ids, kinds));
    }
    let mut expected = BTreeSet::new();
    for ((name, version), groups) in of_package {
        for (ids, kinds) in groups {
            // A group with a vulnerability is one; else the first id says what it is.
            let is_vulnerability = kinds.values().any(Option::is_none);
            let informational = kinds.into_values().next().flatten().filter(|_| !is_vulnerability);
            expected.insert((name.clone(), version.clone(), ids, informational));
        }
    }
    expected
}

#[test]
fn cargo_audit_finds_the_same_in_real_lockfiles() {
    let folder = tempfile::tempdir().unwrap();
    let store = AdvisoryStore::open(&folder.path().join("advisories.db")).unwrap();
    let report = store.import(&[data("crates.io.zip")], &|_| ()).unwrap();
    assert_eq!((report.files[0].broken, report.files[0].skipped), (0, 0));

    let mut lockfiles = 0;
    for entry in fs::read_dir(data("")).unwrap() {
        let lockfile = entry.unwrap().path();
        if lockfile.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        lockfiles += 1;
        let ours = found(&store, &lockfile);
        let theirs = expected(&lockfile.with_extension("json"));
        let only = |a: &BTreeSet<Found>, b: &BTreeSet<Found>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!(only(&ours, &theirs), [], "{}: found by us only", lockfile.display());
        assert_eq!(only(&theirs, &ours), [], "{}: found by cargo audit only", lockfile.display());
        assert!(!ours.is_empty());
    }
    assert_eq!(lockfiles, 3);
}
