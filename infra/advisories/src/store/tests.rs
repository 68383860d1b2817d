//! The store against a real file.

mod import;
mod reading;

use super::AdvisoryStore;
use crate::report::{FileReport, ImportReport};
use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::component::{Ecosystem, Package};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A store in a folder of its own.
struct Bench {
    folder: TempDir,
    store: AdvisoryStore,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = AdvisoryStore::open(&folder.path().join("advisories.db")).unwrap();
    Bench { folder, store }
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn zip(&self, name: &str, files: &[(&str, String)]) -> PathBuf {
        let path = self.path(name);
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn records(&self, records: &[Value]) -> PathBuf {
        self.records_in("all.zip", records)
    }

    fn records_in(&self, zip: &str, records: &[Value]) -> PathBuf {
        let names: Vec<_> = records.iter().map(|r| format!("{}.json", r["id"].as_str().unwrap())).collect();
        let files: Vec<_> =
            names.iter().map(String::as_str).zip(records.iter().map(Value::to_string)).collect();
        self.zip(zip, &files)
    }

    #[track_caller]
    fn import(&self, sources: &[PathBuf]) -> ImportReport {
        self.store.import(sources, &|_| ()).unwrap()
    }

    #[track_caller]
    fn import_records(&self, records: &[Value]) -> (u64, Counts) {
        let report = self.import(&[self.records(records)]);
        (report.generation.0, Counts::of(&report.files[0]))
    }

    fn ids(&self, name: &str, version: &str) -> Vec<String> {
        ids(&self.store, name, version)
    }
}

fn ids(store: &AdvisoryStore, name: &str, version: &str) -> Vec<String> {
    let package = Package::new(Ecosystem::Npm, name);
    store.matches(&package, version).unwrap().into_iter().map(|m| m.id).collect()
}

/// The counts that are not zero, by their first letters.
#[derive(Debug, Default, PartialEq)]
struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    fn of(file: &FileReport) -> Self {
        let all = [
            ("added", file.added),
            ("changed", file.changed),
            ("withdrawn", file.withdrawn),
            ("unchanged", file.unchanged),
            ("older", file.older),
            ("skipped", file.skipped),
            ("broken", file.broken),
        ];
        Self(all.into_iter().filter(|(_, n)| *n > 0).collect())
    }
}

fn counts(expected: &[(&'static str, u64)]) -> Counts {
    Counts(expected.to_vec())
}

fn record(id: &str, modified: &str, fixed: &str) -> Value {
    json!({"id": id, "modified": modified, "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

const MAY: &str = "2024-05-01T00:00:00Z";
const JUNE: &str = "2024-06-01T00:00:00Z";
const NO_TIME: &str = "0001-01-01T00:00:00Z";
