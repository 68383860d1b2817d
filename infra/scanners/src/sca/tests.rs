//! What the scanner makes of lockfiles and advisories.

mod inventory;

use super::{NOTHING_IMPORTED, ScaScanner};
use scanledger_domain::Cause;
use scanledger_domain::advisory::{AdvisoryIndex, Generation, Match};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::limits::{PLACES, TITLE_BYTES};
use scanledger_domain::scanning::{
    Control, Detection, Identity, Interrupted, Outcome, Place, ScanError, Scanner, ScannerKind,
};
use scanledger_domain::severity::Severity;
use scanledger_domain::source::{MemoryTree, SourceTree};
use std::cmp::Ordering;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tempfile::TempDir;

/// Advisories in a table: package, affected versions, and what is said about them.
#[derive(Default)]
struct Table {
    records: Vec<(Package, Vec<&'static str>, Match)>,
    is_empty: bool,
    /// Ecosystems that nothing is known of.
    missing: Vec<Ecosystem>,
    lookups: AtomicU64,
}

impl AdvisoryIndex for Table {
    fn generation(&self) -> Option<Generation> {
        (!self.is_empty).then_some(Generation(7))
    }

    fn ecosystems(&self) -> Vec<Ecosystem> {
        let known = |ecosystem: &Ecosystem| !self.is_empty && !self.missing.contains(ecosystem);
        Ecosystem::ALL.into_iter().filter(known).collect()
    }

    fn matches(&self, package: &Package, version: &str) -> Result<Vec<Match>, Cause> {
        self.lookups.fetch_add(1, Relaxed);
        if package.name == "unreadable" {
            return Err("the store is gone".into());
        }
        let affected =
            self.records.iter().filter(|(p, versions, _)| p == package && versions.contains(&version));
        Ok(affected
            .map(|(.., matched)| {
                let fixed_version = matched.fixed_version.as_ref().map(|fix| fix.replace("{}", version));
                Match { fixed_version, ..matched.clone() }
            })
            .collect())
    }

    fn compare(&self, _: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
        let numbers =
            |version: &str| -> Option<Vec<u32>> { version.split('.').map(|n| n.parse().ok()).collect() };
        Some(numbers(a)?.cmp(&numbers(b)?))
    }
}

fn matched(id: &str, group: &[&str]) -> Match {
    Match {
        id: id.to_owned(),
        group: group.iter().map(|id| (*id).to_owned()).collect(),
        summary: "Prototype pollution".to_owned(),
        details: "Details.".to_owned(),
        severity: Severity::High,
        cwe: Some("CWE-1321".to_owned()),
        fixed_version: Some("{}-fixed".to_owned()),
        references: vec!["https://example.com/advisory".to_owned()],
        informational: None,
    }
}

/// Lets a scan run; interrupts it after a number of safe points.
struct Steps {
    left: AtomicU64,
    reported: AtomicU64,
}

impl Steps {
    const fn unlimited() -> Self {
        Self::limited(u64::MAX)
    }

    const fn limited(left: u64) -> Self {
        Self { left: AtomicU64::new(left), reported: AtomicU64::new(0) }
    }
}

impl Control for Steps {
    fn safe_point(&self) -> Result<(), Interrupted> {
        self.left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| Interrupted)
    }

    fn progress(&self, files_completed: u64, _: u64) {
        self.reported.store(files_completed, Relaxed);
    }
}

fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, content) in files {
        let location = root.path().join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, content).unwrap();
    }
    root
}

fn folder(root: &TempDir) -> SourceTree {
    SourceTree::Folder(root.path().to_owned())
}

fn in_memory(files: &[(&str, &str)]) -> SourceTree {
    let (mut ranges, mut contents) = (vec![], vec![]);
    for (path, content) in files {
        let start = contents.len();
        contents.extend_from_slice(content.as_bytes());
        ranges.push(((*path).to_owned(), start..contents.len()));
    }
    SourceTree::Memory(MemoryTree::new(ranges, contents))
}

/// The outcome of files in a folder, which is that of files in memory.
fn scan_with(table: Table, files: &[(&str, &str)]) -> Outcome {
    let scanner = ScaScanner::new(Arc::new(table));
    let outcome = scanner.scan(&folder(&tree(files)), &Steps::unlimited()).unwrap();
    assert_eq!(scanner.scan(&in_memory(files), &Steps::unlimited()).unwrap(), outcome);
    outcome
}

fn scan(records: Vec<(Package, Vec<&'static str>, Match)>, files: &[(&str, &str)]) -> Outcome {
    scan_with(Table { records, ..Table::default() }, files)
}

fn npm(name: &str) -> Package {
    Package::new(Ecosystem::Npm, name)
}

fn lock(version: &str) -> String {
    format!(r#"{{"lockfileVersion": 3, "packages": {{"node_modules/lodash": {{"version": "{version}"}}}}}}"#)
}

#[test]
fn a_vulnerable_package_is_one_detection() {
    let outcome = scan(
        vec![(npm("lodash"), vec!["4.17.15"], matched("GHSA-1", &["CVE-2020-8203", "CVE-2020-9", "GHSA-1"]))],
        &[("web/package-lock.json", &lock("4.17.15"))],
    );
    assert_eq!(
        outcome.detections,
        [Detection {
            identity: Identity::Advisory {
                package: npm("lodash"),
                id: "GHSA-1".to_owned(),
                group: ["CVE-2020-8203", "CVE-2020-9", "GHSA-1"].map(str::to_owned).to_vec(),
                informational: None,
            },
            rule: "GHSA-1".to_owned(),
            title: "lodash: Prototype pollution".to_owned(),
            description: "Details.".to_owned(),
            severity: Severity::High,
            cwe: Some("CWE-1321".to_owned()),
            cve: Some("CVE-2020-8203".to_owned()),
            confidence: 1.0,
            places: vec![Place {
                path: "web/package-lock.json".to_owned(),
                line: None,
                end_line: None,
                version: Some("4.17.15".to_owned()),
            }],
            fixed_version: Some("4.17.15-fixed".to_owned()),
            excerpt: None,
            references: vec!["https://example.com/advisory".to_owned()],
        }]
    );
    assert_eq!(outcome.generation, Some(Generation(7)));
    assert_eq!(outcome.files_scanned, 1);
}

#[test]
fn versions_and_lockfiles_of_one_advisory_are_places_of_one_detection() {
    let outcome = scan(
        vec![(npm("lodash"), vec!["4.9.0", "4.17.15"], matched("GHSA-1", &["GHSA-1"]))],
        &[
            ("b/package-lock.json", &lock("4.9.0")),
            ("a/package-lock.json", &lock("4.17.15")),
            ("c/package-lock.json", &lock("4.17.15")),
            ("d/package-lock.json", &lock("4.17.21")),
        ],
    );
    let [detection] = &outcome.detections[..] else { panic!("{:?}", outcome.detections) };
    let places: Vec<_> = detection
        .places
        .iter()
        .map(|place| (place.path.as_str(), place.version.as_deref().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            ("a/package-lock.json", "4.17.15"),
            ("b/package-lock.json", "4.9.0"),
            ("c/package-lock.json", "4.17.15")
        ]
    );
    assert_eq!(detection.title, "lodash: Prototype pollution");
    assert_eq!(
        detection.fixed_version.as_deref(),
        Some("4.17.15-fixed"),
        "that of the highest version mends all"
    );
    assert_eq!(outcome.components.len(), 4);
}

#[test]
fn two_advisories_of_a_package_are_two_detections_in_a_stable_order() {
    let outcome = scan(
        vec![
            (npm("lodash"), vec!["4.17.15"], matched("GHSA-2", &["GHSA-2"])),
            (npm("lodash"), vec!["4.17.15"], matched("GHSA-1", &["GHSA-1"])),
        ],
        &[("package-lock.json", &lock("4.17.15"))],
    );
    let rules: Vec<_> = outcome.detections.iter().map(|detection| detection.rule.as_str()).collect();
    assert_eq!(rules, ["GHSA-1", "GHSA-2"]);
}

#[test]
fn the_worst_severity_of_all_versions_holds() {
    let high = matched("GHSA-1", &["GHSA-1"]);
    let low = Match { severity: Severity::Low, ..high.clone() };
    let outcome = scan(
        vec![(npm("lodash"), vec!["1.0.0"], high), (npm("lodash"), vec!["2.0.0"], low)],
        &[("a/package-lock.json", &lock("1.0.0")), ("b/package-lock.json", &lock("2.0.0"))],
    );
    assert_eq!(outcome.detections[0].severity, Severity::High);
    assert_eq!(outcome.detections[0].fixed_version.as_deref(), Some("2.0.0-fixed"));
}

#[test]
fn a_package_in_many_lockfiles_is_looked_up_once() {
    let table = Arc::new(Table::default());
    let files: Vec<_> = (0..60).map(|n| (format!("{n}/package-lock.json"), lock("1.0.0"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    ScaScanner::new(table.clone()).scan(&in_memory(&files), &Steps::unlimited()).unwrap();
    assert_eq!(table.lookups.load(Relaxed), 1);
}

#[test]
fn at_most_fifty_places_are_kept() {
    for (lockfiles, kept) in [(PLACES, PLACES), (PLACES + 1, PLACES)] {
        let files: Vec<_> =
            (0..lockfiles).map(|n| (format!("{n}/package-lock.json"), lock("1.0.0"))).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let outcome = scan(vec![(npm("lodash"), vec!["1.0.0"], matched("GHSA-1", &[]))], &files);
        assert_eq!(outcome.detections[0].places.len(), kept);
    }
}

#[test]
fn long_titles_are_cut_and_empty_ones_name_the_advisory() {
    let long = Match { summary: "ä".repeat(TITLE_BYTES), ..matched("GHSA-1", &[]) };
    let silent = Match { summary: " \n".to_owned(), details: String::new(), ..matched("GHSA-2", &[]) };
    let outcome = scan(
        vec![(npm("lodash"), vec!["1.0.0"], long), (npm("lodash"), vec!["1.0.0"], silent)],
        &[("package-lock.json", &lock("1.0.0"))],
    );
    assert!(outcome.detections[0].title.len() <= TITLE_BYTES);
    assert!(outcome.detections[0].title.ends_with('…'));
    assert_eq!(outcome.detections[1].title, "lodash: GHSA-2");
}

#[test]
fn without_advisories_components_are_listed_and_a_warning_says_so() {
    let outcome =
        scan_with(Table { is_empty: true, ..Table::default() }, &[("package-lock.json", &lock("1.0.0"))]);
    assert_eq!(outcome.components.len(), 1);
    assert_eq!(outcome.generation, None);
    assert_eq!(outcome.detections, []);
    assert_eq!(outcome.warnings, [(String::new(), NOTHING_IMPORTED.to_owned())]);
}

#[test]
fn of_an_ecosystem_without_advisories_components_are_listed_and_a_warning_says_so() {
    let locked = lock("1.0.0");
    let files = [("package-lock.json", &*locked), ("go.mod", "module m\ngo 1.20\nrequire d.e/f v1.0.0\n")];
    let npm_only = || Table { missing: vec![Ecosystem::CratesIo, Ecosystem::Go], ..Table::default() };
    let message = "no advisories of Go imported: its dependencies were listed but not matched";
    let warned = [(String::new(), message.to_owned())];
    let some = scan_with(npm_only(), &files);
    assert_eq!((some.generation, &some.unmatched[..]), (Some(Generation(7)), &[Ecosystem::Go][..]));
    assert_eq!((some.components.len(), &some.warnings[..]), (3, &warned[..]));
    let none = scan_with(npm_only(), &files[1..]);
    assert_eq!((none.generation, &none.unmatched[..]), (None, &[Ecosystem::Go][..]));
    assert_eq!(none.warnings, warned);
    let nothing_wanted = scan_with(npm_only(), &[("readme.md", "")]);
    assert_eq!((nothing_wanted.generation, nothing_wanted.warnings), (Some(Generation(7)), vec![]));
}

#[test]
fn versions_that_records_of_one_group_affect_are_one_detection() {
    // The elder version is affected by one record more, and so another one is shown for it.
    let both = matched("RUSTSEC-1", &["CVE-1", "GHSA-1", "RUSTSEC-1"]);
    let one = Match { severity: Severity::Low, ..matched("GHSA-1", &["CVE-1", "GHSA-1"]) };
    let apart = matched("GHSA-2", &["GHSA-2"]);
    let outcome = scan(
        vec![
            (npm("lodash"), vec!["1.5.0"], both),
            (npm("lodash"), vec!["2.5.0"], one),
            (npm("lodash"), vec!["2.5.0"], apart),
        ],
        &[("a/package-lock.json", &lock("1.5.0")), ("b/package-lock.json", &lock("2.5.0"))],
    );
    let rules: Vec<_> = outcome.detections.iter().map(|detection| detection.rule.as_str()).collect();
    assert_eq!(rules, ["GHSA-2", "RUSTSEC-1"]);
    let joined = &outcome.detections[1];
    assert_eq!(joined.fixed_version.as_deref(), Some("2.5.0-fixed"), "that of the highest version mends all");
    assert_eq!((joined.severity, joined.places.len()), (Severity::High, 2));
    let Identity::Advisory { id, group, .. } = &joined.identity else { panic!("{joined:?}") };
    assert_eq!((id.as_str(), group.len()), ("RUSTSEC-1", 3));
}

#[test]
fn a_scan_ends_at_the_next_safe_point_when_it_is_interrupted() {
    let root = tree(&[("a/package-lock.json", &lock("1.0.0")), ("b/package-lock.json", &lock("1.0.0"))]);
    for allowed in 0..3 {
        let control = Steps::limited(allowed);
        let result = ScaScanner::new(Arc::new(Table::default())).scan(&folder(&root), &control);
        assert!(matches!(result, Err(ScanError::Interrupted(_))));
        assert_eq!(control.reported.load(Relaxed), allowed.min(2));
    }
    assert!(ScaScanner::new(Arc::new(Table::default())).scan(&folder(&root), &Steps::limited(3)).is_ok());
}

#[test]
fn a_store_that_cannot_be_read_fails_the_scan() {
    let lockfile = lock("1.0.0").replace("lodash", "unreadable");
    let root = tree(&[("package-lock.json", &lockfile)]);
    let result = ScaScanner::new(Arc::new(Table::default())).scan(&folder(&root), &Steps::unlimited());
    assert!(matches!(result, Err(ScanError::Failed { scanner: ScannerKind::Sca, .. })));
}
