//! What an import takes in, and what it says about it.

use super::{Counts, JUNE, MAY, NO_TIME, bench, counts, ids, record};
use crate::limits::{PROBLEMS, RECORD_BYTES, SOURCE_BYTES, ZIP_ENTRIES};
use crate::report::{ImportError, ImportReport};
use crate::source::Bounds;
use crate::store::import::Becoming;
use crate::store::{AdvisoryStore, Standing};
use proptest::prelude::*;
use scanledger_domain::advisory::{AdvisoryIndex, Generation};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::id::EventId;
use serde_json::json;
use std::cell::RefCell;
use std::fs;
use std::path::Path;

#[test]
fn without_an_import_there_is_no_generation_and_no_match() {
    let bench = bench();
    assert_eq!(bench.store.generation(), None);
    assert_eq!(bench.ids("left-pad", "1.0.0"), [""; 0]);
    assert_eq!(bench.import(&[]).generation, Generation(0));
}

#[test]
fn all_sources_of_an_import_are_one_generation() {
    let bench = bench();
    let folder = bench.path("folder");
    fs::create_dir_all(folder.join("deep/er")).unwrap();
    fs::write(folder.join("deep/er/B-1.json"), record("B-1", MAY, "2.0.0").to_string()).unwrap();
    fs::write(folder.join("README.md"), "no record").unwrap();
    let single = bench.path("C-1.json");
    fs::write(&single, record("C-1", MAY, "2.0.0").to_string()).unwrap();
    let zip = bench.zip(
        "all.zip",
        &[("npm/A-1.JSON", record("A-1", MAY, "2.0.0").to_string()), ("x.csv", "a,b".into())],
    );

    let report = bench.import(&[zip.clone(), folder, single]);
    assert_eq!((report.generation, report.changed()), (Generation(1), 3));
    assert_eq!(report.files[0].path, zip);
    assert_eq!(report.files[0].ecosystems, [Ecosystem::Npm]);
    assert!(report.files.iter().all(|file| Counts::of(file) == counts(&[("added", 1)]) && file.records == 1));
    assert_eq!(bench.store.generation(), Some(Generation(1)));
    assert_eq!(bench.ids("left-pad", "1.0.0"), ["A-1", "B-1", "C-1"]);
}

#[test]
fn importing_the_same_again_changes_nothing() {
    let bench = bench();
    let records = [record("A-1", MAY, "2.0.0"), record("B-1", NO_TIME, "2.0.0")];
    assert_eq!(bench.import_records(&records), (1, counts(&[("added", 2)])));
    assert_eq!(bench.import_records(&records), (1, counts(&[("unchanged", 2)])));
    let zip = bench.records(&records);
    assert_eq!(bench.import(&[zip.clone(), zip]).changed(), 0);
}

#[test]
fn the_later_record_wins() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(bench.import_records(&[record("A-1", JUNE, "1.5.0")]), (2, counts(&[("changed", 1)])));
    assert_eq!(bench.ids("left-pad", "1.7.0"), [""; 0]);
    assert_eq!(bench.import_records(&[record("A-1", MAY, "2.0.0")]), (2, counts(&[("older", 1)])));
    assert_eq!(bench.ids("left-pad", "1.7.0"), [""; 0]);
}

#[test]
fn a_later_time_alone_is_no_change_but_is_remembered() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(bench.import_records(&[record("A-1", JUNE, "2.0.0")]), (1, counts(&[("unchanged", 1)])));
    assert_eq!(bench.import_records(&[record("A-1", MAY, "1.0.0")]), (1, counts(&[("older", 1)])));
}

#[test]
fn with_equal_or_no_times_the_content_decides() {
    for time in [MAY, NO_TIME] {
        let bench = bench();
        bench.import_records(&[record("A-1", time, "2.0.0")]);
        assert_eq!(bench.import_records(&[record("A-1", time, "1.5.0")]), (2, counts(&[("changed", 1)])));
    }
}

#[test]
fn a_usable_time_wins_over_none() {
    let bench = bench();
    bench.import_records(&[record("A-1", NO_TIME, "2.0.0")]);
    assert_eq!(bench.import_records(&[record("A-1", MAY, "1.5.0")]), (2, counts(&[("changed", 1)])));
    assert_eq!(bench.import_records(&[record("A-1", NO_TIME, "2.0.0")]), (2, counts(&[("older", 1)])));
}

#[test]
fn sources_that_contradict_each_other_settle_on_the_first() {
    let bench = bench();
    let zip = |name: &str, fixed| bench.zip(name, &[("A-1.json", record("A-1", NO_TIME, fixed).to_string())]);
    let sources = [zip("a.zip", "2.0.0"), zip("b.zip", "1.5.0")];
    assert_eq!(bench.import(&sources).changed(), 1);
    assert_eq!(bench.import(&sources).changed(), 0);
    assert_eq!(bench.ids("left-pad", "1.7.0"), ["A-1"]);
}

#[test]
fn a_withdrawn_record_matches_no_more_and_may_come_back() {
    let bench = bench();
    let mut withdrawn = record("A-1", JUNE, "2.0.0");
    withdrawn["withdrawn"] = json!(JUNE);
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(bench.import_records(&[withdrawn.clone()]), (2, counts(&[("withdrawn", 1)])));
    assert_eq!(bench.ids("left-pad", "1.0.0"), [""; 0]);
    assert_eq!(bench.import_records(&[withdrawn]), (2, counts(&[("unchanged", 1)])));
    assert_eq!(
        bench.import_records(&[record("A-1", "2024-07-01T00:00:00Z", "2.0.0")]),
        (3, counts(&[("added", 1)]))
    );
    assert_eq!(bench.ids("left-pad", "1.0.0"), ["A-1"]);
}

#[test]
fn a_record_that_moves_to_another_package_leaves_the_old_one() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let mut moved = record("A-1", JUNE, "2.0.0");
    moved["affected"][0]["package"]["name"] = json!("right-pad");
    bench.import_records(&[moved]);
    assert_eq!((bench.ids("left-pad", "1.0.0").len(), bench.ids("right-pad", "1.0.0").len()), (0, 1));
}

#[test]
fn broken_records_are_counted_and_named_and_hinder_no_other() {
    let bench = bench();
    let maven = json!({"id": "M-1", "affected": [{"package": {"ecosystem": "Maven", "name": "a:b"}}]});
    let zip = bench.zip(
        "all.zip",
        &[
            ("bad.json", "{".into()),
            ("A-1.json", record("A-1", MAY, "2.0.0").to_string()),
            ("M-1.json", maven.to_string()),
        ],
    );
    let report = bench.import(&[zip]);
    let file = &report.files[0];
    assert_eq!(Counts::of(file), counts(&[("added", 1), ("skipped", 1), ("broken", 1)]));
    let names: Vec<_> = file.problems.iter().map(|p| p.file.as_str()).collect();
    assert_eq!(names, ["bad.json", "M-1.json"]);
    assert!(file.problems[0].reason.contains("EOF"), "{}", file.problems[0].reason);
}

#[test]
fn only_the_first_problems_are_listed() {
    let bench = bench();
    for extra in [0, 1] {
        let names: Vec<_> = (0..PROBLEMS + extra).map(|n| format!("{n}.json")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), String::new())).collect();
        let report = bench.import(&[bench.zip("all.zip", &files)]);
        assert_eq!(report.files[0].broken, (PROBLEMS + extra) as u64);
        assert_eq!(report.files[0].problems.len(), PROBLEMS);
    }
}

#[test]
fn a_record_beyond_its_limit_is_broken() {
    let bench = bench();
    let padded = |bytes: u64| {
        let mut text = record("A-1", MAY, "2.0.0").to_string();
        text.push_str(&" ".repeat(bytes as usize - text.len()));
        text
    };
    let over = bench.import(&[bench.zip("over.zip", &[("A-1.json", padded(RECORD_BYTES + 1))])]);
    assert_eq!(Counts::of(&over.files[0]), counts(&[("broken", 1)]));
    let at = bench.import(&[bench.zip("at.zip", &[("A-1.json", padded(RECORD_BYTES))])]);
    assert_eq!(Counts::of(&at.files[0]), counts(&[("added", 1)]));
}

#[test]
fn a_source_beyond_its_limits_fails_the_import_and_changes_nothing() {
    let bench = bench();
    let good = bench.zip("good.zip", &[("B-1.json", record("B-1", MAY, "2.0.0").to_string())]);
    let (a, c) = (record("A-1", MAY, "2.0.0").to_string(), record("C-1", MAY, "2.0.0").to_string());
    let bytes = (a.len() + c.len()) as u64;
    let two = bench.zip("two.zip", &[("A-1.json", a), ("C-1.json", c)]);
    let within =
        |bounds| bench.store.import_within(&[good.clone(), two.clone()], Becoming::Next, &|_| (), bounds);

    let entries = within(Bounds { zip_entries: 1, ..Bounds::default() }).unwrap_err();
    assert!(matches!(entries, ImportError::TooManyEntries { entries: 2, limit: 1, .. }), "{entries:?}");
    let size = within(Bounds { source_bytes: bytes - 1, ..Bounds::default() }).unwrap_err();
    assert!(matches!(size, ImportError::TooBig { .. }), "{size:?}");
    assert_eq!((bench.store.generation(), bench.ids("left-pad", "1.0.0").len()), (None, 0));

    let at_the_edge = within(Bounds { zip_entries: 2, source_bytes: bytes, ..Bounds::default() });
    assert_eq!(at_the_edge.unwrap().changed(), 3);
    let default = Bounds::default();
    assert_eq!((default.zip_entries, default.source_bytes), (ZIP_ENTRIES, SOURCE_BYTES));
}

#[test]
fn what_another_node_imported_has_its_generation_here_too() {
    let (here, there) = (bench(), bench());
    let source = there.records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(there.import(std::slice::from_ref(&source)).generation, Generation(1));
    let import = |generation, id| {
        let sources = std::slice::from_ref(&source);
        here.store.import_as(Generation(generation), event(id), sources, &|_| ()).unwrap()
    };
    assert_eq!(import(7, 'a').generation, Generation(7));
    assert_eq!(here.store.generation(), Some(Generation(7)));
    assert_eq!(import(5, 'b').generation, Generation(7), "a generation never goes back");
    assert_eq!(
        here.store.standing().unwrap(),
        Standing { generation: Generation(7), event: Some(event('a')) }
    );
}

/// An event whose id consists of this digit.
fn event(digit: char) -> EventId {
    "00000000-0000-5000-8000-000000000000".replace('0', &digit.to_string()).parse().unwrap()
}

#[test]
fn nothing_is_in_force_before_it_is_recorded() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let sources = [bench.records(&[record("A-1", JUNE, "1.5.0"), record("B-1", MAY, "2.0.0")])];
    let other = AdvisoryStore::open_read_only(&bench.path("advisories.db")).unwrap();
    let mut asked = 0;
    let report = bench.store.import_recorded(&sources, &|_| (), &mut |report| {
        asked += 1;
        assert_eq!((report.generation, report.changed()), (Generation(2), 2));
        for store in [&bench.store, &other] {
            assert_eq!(store.generation(), Some(Generation(1)));
            assert_eq!(ids(store, "left-pad", "1.7.0"), ["A-1"]);
        }
        Ok(event('a'))
    });
    assert_eq!((report.unwrap().generation, asked), (Generation(2), 1));
    assert_eq!(bench.ids("left-pad", "1.7.0"), ["B-1"]);
    let expected = Standing { generation: Generation(2), event: Some(event('a')) };
    for store in [&bench.store, &other] {
        assert_eq!((store.generation(), store.standing().unwrap()), (Some(Generation(2)), expected));
    }
}

#[test]
fn what_could_not_be_recorded_changes_nothing_and_comes_in_when_it_is_tried_again() {
    let bench = bench();
    let sources = [bench.records(&[record("A-1", MAY, "2.0.0")])];
    let refused = bench.store.import_recorded(&sources, &|_| (), &mut |_| Err("no".into())).unwrap_err();
    assert!(matches!(refused, ImportError::NotRecorded { .. }), "{refused:?}");
    let nothing = Standing { generation: Generation(0), event: None };
    assert_eq!((bench.store.standing().unwrap(), bench.ids("left-pad", "1.0.0").len()), (nothing, 0));
    let again = bench.store.import_recorded(&sources, &|_| (), &mut |_| Ok(event('a'))).unwrap();
    assert_eq!((again.generation, again.changed()), (Generation(1), 1));
}

#[test]
fn what_changes_no_record_is_not_recorded_and_leaves_no_trace() {
    let bench = bench();
    let import = |records: &[_]| {
        let sources = [bench.records(records)];
        bench.store.import_recorded(&sources, &|_| (), &mut |_| panic!("there is nothing to record")).unwrap()
    };
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    let report = import(&[record("A-1", JUNE, "2.0.0")]);
    assert_eq!((report.generation, report.changed()), (Generation(1), 0));
    // A node that heard nothing of June takes this in; so does this one.
    assert_eq!(bench.import_records(&[record("A-1", MAY, "1.5.0")]), (2, counts(&[("changed", 1)])));
}

#[test]
fn a_store_that_is_cleared_knows_nothing_and_takes_another_first_generation() {
    let bench = bench();
    bench.import_records(&[record("A-1", MAY, "2.0.0")]);
    assert_eq!(bench.ids("left-pad", "1.0.0"), ["A-1"]);
    bench.store.clear().unwrap();
    assert_eq!((bench.store.generation(), bench.ids("left-pad", "1.0.0").len()), (None, 0));
    let sources = [bench.records(&[record("B-1", MAY, "2.0.0")])];
    bench.store.import_as(Generation(1), event('a'), &sources, &|_| ()).unwrap();
    assert_eq!(bench.ids("left-pad", "1.0.0"), ["B-1"]);
}

#[test]
fn a_store_of_before_there_were_events_goes_on_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advisories.db");
    let old = super::super::writer(&path).unwrap();
    old.execute_batch(super::super::MIGRATIONS[0]).unwrap();
    old.execute("UPDATE generation SET number = 3", []).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let reader = AdvisoryStore::open_read_only(&path).unwrap();
    assert_eq!((reader.generation(), ids(&reader, "left-pad", "1.0.0").len()), (Some(Generation(3)), 0));
    let store = AdvisoryStore::open(&path).unwrap();
    assert_eq!(store.standing().unwrap(), Standing { generation: Generation(3), event: None });
}

#[test]
fn a_folder_packed_is_the_same_source() {
    let bench = bench();
    let folder = bench.path("folder");
    fs::create_dir_all(folder.join("deep")).unwrap();
    fs::write(folder.join("deep/A-1.json"), record("A-1", MAY, "2.0.0").to_string()).unwrap();
    fs::write(folder.join("notes.txt"), "no record").unwrap();
    let packed = bench.path("packed.zip");
    assert_eq!(crate::pack(&folder, &packed).unwrap(), 1);
    let (of_folder, of_packed) = (bench.import(&[folder]), super::bench().import(&[packed]));
    assert_eq!(Counts::of(&of_packed.files[0]), Counts::of(&of_folder.files[0]));
}

#[test]
fn a_source_that_cannot_be_read_fails_the_import() {
    let bench = bench();
    let missing = bench.store.import(&[bench.path("missing.zip")], &|_| ()).unwrap_err();
    assert!(matches!(missing, ImportError::Unreadable { .. }), "{missing:?}");
    fs::write(bench.path("bad.zip"), b"PK\x03\x04 and no more").unwrap();
    let bad = bench.store.import(&[bench.path("bad.zip")], &|_| ()).unwrap_err();
    assert!(matches!(bad, ImportError::Zip { .. }), "{bad:?}");
}

#[test]
fn progress_is_told_every_500_records_and_at_the_end_of_each_source() {
    let bench = bench();
    let records: Vec<_> = (0..1_001).map(|n| record(&format!("A-{n}"), MAY, "2.0.0")).collect();
    let told = RefCell::new(vec![]);
    let zip = bench.records(&records);
    let single = bench.path("B-1.json");
    fs::write(&single, record("B-1", MAY, "2.0.0").to_string()).unwrap();
    bench
        .store
        .import(&[zip, single], &|at| told.borrow_mut().push((at.source, at.sources, at.records, at.total)))
        .unwrap();
    assert_eq!(
        told.into_inner(),
        [(0, 2, 500, Some(1001)), (0, 2, 1000, Some(1001)), (0, 2, 1001, Some(1001)), (1, 2, 1, Some(1))]
    );
}

fn imported(path: &Path) -> Result<ImportReport, ImportError> {
    let bench = bench();
    bench.store.import(&[path.to_owned()], &|_| ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn importing_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), is_zip: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source");
        let bytes = if is_zip { [b"PK\x05\x06".as_slice(), &bytes].concat() } else { bytes };
        fs::write(&path, bytes).unwrap();
        let _ = imported(&path);
    }
}
