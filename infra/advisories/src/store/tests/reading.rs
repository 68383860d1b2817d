//! Matching while generations come and go.

use super::{MAY, bench, ids, record};
use crate::limits::CACHE_BYTES;
use crate::report::ImportError;
use crate::store::{AdvisoryStore, SCHEMA, StoreError, writer};
use scanledger_domain::advisory::{AdvisoryIndex, Generation};
use scanledger_domain::component::{Ecosystem, Package};
use serde_json::json;
use std::cmp::Ordering;
use std::fs;

#[test]
fn a_reader_in_another_place_sees_a_new_generation_and_may_not_import() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let reader = AdvisoryStore::open_read_only(&bench.path("advisories.db")).unwrap();
    assert_eq!(
        (reader.generation(), ids(&reader, "left-pad", "1.0.0")),
        (Some(Generation(1)), vec!["A-1".to_owned()])
    );
    bench.import_records(&[record("B-1", MAY, "2.0.0")]);
    assert_eq!(reader.generation(), Some(Generation(2)));
    assert_eq!(ids(&reader, "left-pad", "1.0.0"), ["A-1", "B-1"]);
    assert!(matches!(reader.import(&[], &|_| ()), Err(ImportError::ReadOnly)));
}

#[test]
fn an_import_runs_beside_an_open_read_and_is_seen_whole_or_not_at_all() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let other = writer(&bench.path("advisories.db")).unwrap();
    let reading = other.unchecked_transaction().unwrap();
    let generation =
        || reading.query_row("SELECT number FROM generation", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(generation(), 1);
    assert_eq!(bench.import_records(&[record("B-1", MAY, "2.0.0")]).0, 2);
    assert_eq!(generation(), 1);
    assert_eq!(bench.ids("left-pad", "1.0.0"), ["A-1", "B-1"]);
}

#[test]
fn matches_are_of_one_generation_while_imports_go_on() {
    let bench = bench();
    // In generation n every record fixes n.0.0, so a version between two generations shows a mixture.
    let generation = |n: u64| {
        let time = format!("2024-01-01T00:00:{n:02}Z");
        let records: Vec<_> =
            (0..20).map(|id| record(&format!("A-{id}"), &time, &format!("{n}.0.0"))).collect();
        bench.records_in(&format!("{n}.zip"), &records)
    };
    let zips: Vec<_> = (1..=20).map(generation).collect();
    bench.import(&zips[..1]);
    let package = Package::new(Ecosystem::Npm, "left-pad");
    std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            zips.iter().for_each(|zip| drop(bench.store.import(std::slice::from_ref(zip), &|_| ())))
        });
        while !importing.is_finished() {
            let fixes: Vec<_> = bench
                .store
                .matches(&package, "0.5.0")
                .unwrap()
                .into_iter()
                .map(|m| m.fixed_version)
                .collect();
            assert_eq!(fixes.len(), 20);
            assert!(fixes.windows(2).all(|pair| pair[0] == pair[1]), "{fixes:?}");
        }
    });
    assert_eq!(bench.store.generation(), Some(Generation(20)));
}

#[test]
fn the_store_knows_which_ecosystems_it_has() {
    let bench = bench();
    assert_eq!(bench.store.ecosystems(), []);
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(bench.store.ecosystems(), [Ecosystem::Npm]);
    let mut rust = record("B-1", MAY, "2.0.0");
    rust["affected"][0]["package"]["ecosystem"] = json!("crates.io");
    bench.import_records(&[rust]);
    assert_eq!(bench.store.ecosystems(), [Ecosystem::CratesIo, Ecosystem::Npm]);
}

#[test]
fn a_file_of_another_schema_is_refused() {
    let bench = bench();
    let path = bench.path("other.db");
    writer(&path).unwrap().pragma_update(None, "user_version", SCHEMA + 1).unwrap();
    assert!(matches!(AdvisoryStore::open(&path), Err(StoreError::Schema { .. })));
    assert!(matches!(AdvisoryStore::open_read_only(&path), Err(StoreError::Schema { .. })));
    assert!(matches!(
        AdvisoryStore::open_read_only(&bench.path("missing.db")),
        Err(StoreError::Failed { .. })
    ));
    fs::write(bench.path("text.db"), "no database".repeat(100)).unwrap();
    assert!(matches!(AdvisoryStore::open(&bench.path("text.db")), Err(StoreError::Failed { .. })));
}

#[test]
fn an_existing_file_is_opened_as_it_is() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let again = AdvisoryStore::open(&bench.path("advisories.db")).unwrap();
    assert_eq!((again.generation(), ids(&again, "left-pad", "1.0.0").len()), (Some(Generation(1)), 1));
}

#[test]
fn records_beyond_the_cache_are_matched_all_the_same() {
    let bench = bench();
    let details = "x".repeat(crate::limits::DETAILS_BYTES);
    let wanted = CACHE_BYTES as usize / details.len() + 8;
    let records: Vec<_> = (0..wanted)
        .map(|n| {
            let mut record = record(&format!("A-{n}"), MAY, "2.0.0");
            record["details"] = json!(details);
            record["affected"][0]["package"]["name"] = json!(format!("p{n}"));
            record
        })
        .collect();
    bench.import_records(&records);
    for _ in 0..2 {
        for n in 0..wanted {
            assert_eq!(bench.ids(&format!("p{n}"), "1.0.0"), [format!("A-{n}")]);
        }
    }
    assert!(bench.store.reader.known().cached_bytes() <= CACHE_BYTES);
}

#[test]
fn versions_are_compared_as_their_ecosystem_does() {
    let store = bench().store;
    assert_eq!(store.compare(Ecosystem::PyPi, "1.0", "1.0.0"), Some(Ordering::Equal));
    assert_eq!(store.compare(Ecosystem::Npm, "1.10.0", "1.9.0"), Some(Ordering::Greater));
    assert_eq!(store.compare(Ecosystem::Go, "go1.21rc2", "1.21.0"), Some(Ordering::Less));
    assert_eq!(store.compare(Ecosystem::CratesIo, "1.0.0", "latest"), None);
}
