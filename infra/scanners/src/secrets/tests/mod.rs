//! What is told of what is found, and of which files.

mod detectors;

use super::detectors::all;
use super::samples::{Fill, sample};
use super::search::{Scratch, Search};
use super::{Patterns, SecretScanner};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::{ProptestConfig, any, proptest};
use scanledger_domain::id::SubjectId;
use scanledger_domain::limits::{EXCERPT_BYTES, PATTERN_FILE_BYTES, PLACES};
use scanledger_domain::scanning::{
    Control, Detection, Identity, Interrupted, LeftOut, Outcome, ScanError, Scanner,
};
use scanledger_domain::secret::SecretFinder;
use scanledger_domain::source::{MemoryTree, SourceTree};
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use sha2::{Sha256, Sha384};
use std::fs;
use std::sync::{Arc, LazyLock, Mutex};
use tempfile::TempDir;

/// Hashes with a key that everybody knows; there is nothing to seal here.
struct KnownKey;

impl Vault for KnownKey {
    fn seal(&self, _: SubjectId, _: &str) -> Result<Sealed, VaultError> {
        unreachable!("a scanner seals nothing")
    }

    fn open(&self, _: &Sealed) -> Result<Option<String>, VaultError> {
        unreachable!("a scanner opens nothing")
    }

    fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
        match purpose {
            HashPurpose::Secret => {
                let mut mac = Hmac::<Sha384>::new_from_slice(b"secret").unwrap();
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
            HashPurpose::LeakedSecret | HashPurpose::Claim | HashPurpose::Token | HashPurpose::Check => {
                let mut mac = Hmac::<Sha256>::new_from_slice(b"leaked").unwrap();
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }
}

/// Lets a scan run for a number of files and remembers what it reported.
struct Steps {
    left: Mutex<u64>,
    reports: Mutex<Vec<(u64, u64)>>,
}

impl Steps {
    const fn limited(files: u64) -> Self {
        Self { left: Mutex::new(files), reports: Mutex::new(Vec::new()) }
    }
}

impl Control for Steps {
    fn safe_point(&self) -> Result<(), Interrupted> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(Interrupted)?;
        Ok(())
    }

    fn progress(&self, files_completed: u64, files_total: u64) {
        self.reports.lock().unwrap().push((files_completed, files_total));
    }
}

fn tree<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> TempDir {
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

fn in_memory<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> SourceTree {
    let (mut ranges, mut contents) = (vec![], vec![]);
    for (path, content) in files {
        let start = contents.len();
        contents.extend_from_slice(content);
        ranges.push((path.to_owned(), start..contents.len()));
    }
    SourceTree::Memory(MemoryTree::new(ranges, contents))
}

/// The outcome of files in a folder, which is that of files in memory.
fn scan<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Outcome {
    let files: Vec<_> = files.into_iter().collect();
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let outcome = scanner.scan(&folder(&tree(files.clone())), &Steps::limited(u64::MAX)).unwrap();
    assert_eq!(scanner.scan(&in_memory(files), &Steps::limited(u64::MAX)).unwrap(), outcome);
    outcome
}

fn scan_text(text: &str) -> Vec<Detection> {
    scan([("app/settings.py", text.as_bytes())]).detections
}

fn masked(detection: &Detection) -> &str {
    match &detection.identity {
        Identity::Secret { masked, .. } => masked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_on_several_lines_of_a_file_is_one_detection_with_several_places() {
    let sample = sample("GITHUB_TOKEN", &mut Fill::random("twice"));
    let text = format!("{}\n# nothing\n{}{}", sample.text(), sample.text(), sample.text());
    let detections = scan_text(&text);
    assert_eq!(detections.len(), 1);
    let lines: Vec<_> = detections[0].places.iter().map(|place| (place.line, place.end_line)).collect();
    assert_eq!(lines, [(Some(1), Some(1)), (Some(4), Some(4)), (Some(5), Some(5))]);
}

#[test]
fn at_most_fifty_places_are_kept() {
    let line = sample("GITHUB_TOKEN", &mut Fill::random("often")).text();
    assert_eq!(scan_text(&line.repeat(PLACES))[0].places.len(), PLACES);
    assert_eq!(scan_text(&line.repeat(PLACES + 1))[0].places.len(), PLACES);
}

#[test]
fn the_same_secret_in_two_files_is_two_detections() {
    let text = sample("GITHUB_TOKEN", &mut Fill::random("two files")).text();
    let outcome = scan([("b.txt", text.as_bytes()), ("a.txt", text.as_bytes())]);
    let paths: Vec<_> = outcome.detections.iter().map(|d| d.places[0].path.as_str()).collect();
    assert_eq!(paths, ["a.txt", "b.txt"]);
    assert_eq!(outcome.files_scanned, 2);
}

#[test]
fn the_specific_detector_wins_over_the_generic_one() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("specific")).secret;
    let detections = scan_text(&format!("api_key = \"{token}\"\npassword = \"{token}\""));
    let rules: Vec<_> = detections.iter().map(|d| (d.rule.as_str(), d.places.len())).collect();
    assert_eq!(rules, [("GITHUB_TOKEN", 2)]);
}

#[test]
fn a_line_with_two_secrets_shows_neither() {
    let id = sample("AWS_ACCESS_KEY", &mut Fill::random("id")).secret;
    let key = sample("AWS_SECRET_KEY", &mut Fill::random("key")).secret;
    let detections = scan_text(&format!("AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={key}\n"));
    assert_eq!(detections.len(), 2);
    for detection in detections {
        let excerpt = detection.excerpt.unwrap();
        assert!(!excerpt.contains(&id[4..16]) && !excerpt.contains(&key[4..36]), "{excerpt}");
        assert!(excerpt.starts_with(&format!("AWS_ACCESS_KEY_ID={}****", &id[..4])), "{excerpt}");
    }
}

#[test]
fn lock_files_bundles_and_binaries_are_not_searched() {
    let text = sample("GITHUB_TOKEN", &mut Fill::random("skipped")).text();
    let binary = [b"\x7fELF\0".as_slice(), text.as_bytes()].concat();
    let files = [
        ("package-lock.json", text.as_bytes()),
        ("web/app.min.js", text.as_bytes()),
        ("program", &binary),
        ("node_modules/a/index.js", text.as_bytes()),
    ];
    let outcome = scan(files);
    assert_eq!((outcome.detections.len(), outcome.files_scanned, outcome.warnings.len()), (0, 0, 0));
    assert_eq!(outcome.left_out, LeftOut { folders: 1, files: 2 });
    assert_eq!(outcome.left_out, LeftOut { folders: 1, files: 2 });
}

#[test]
fn a_file_may_have_exactly_as_many_bytes_as_the_limit() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("edge")).text();
    let mut text = vec![b' '; PATTERN_FILE_BYTES as usize - token.len()];
    text.extend_from_slice(token.as_bytes());
    assert_eq!(scan([("file", &text[..])]).detections.len(), 1);
    text.push(b'\n');
    let outcome = scan([("file", &text[..])]);
    assert_eq!(outcome.detections, []);
    assert_eq!(
        outcome.warnings,
        [("file".to_owned(), "larger than 1048576 bytes: not searched for secrets".to_owned())]
    );
    assert_eq!(outcome.unread, ["file"].into_iter().collect());
}

#[test]
fn a_secret_anywhere_in_a_long_line_is_found() {
    let sample = sample("GITHUB_TOKEN", &mut Fill::random("long line"));
    for filler in ["x", "secret ", "token="] {
        let noise = filler.repeat(200_000 / filler.len());
        let detections = scan_text(&format!("{noise} {} {noise}", sample.secret));
        assert_eq!(detections.len(), 1, "{filler}");
        assert!(detections[0].excerpt.as_ref().unwrap().len() <= EXCERPT_BYTES);
    }
}

#[test]
fn text_in_an_old_encoding_is_searched_too() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("latin")).text();
    let text = [b"# Gr\xfc\xdfe\n".as_slice(), token.as_bytes()].concat();
    assert_eq!(scan([("settings", &text[..])]).detections.len(), 1);
}

#[test]
fn progress_is_told_every_fifty_files_and_at_the_end() {
    let names: Vec<String> = (0..101).map(|n| format!("{n:03}")).collect();
    let root = tree(names.iter().map(|name| (name.as_str(), &b"x"[..])));
    let control = Steps::limited(101);
    SecretScanner::new(Arc::new(KnownKey)).scan(&folder(&root), &control).unwrap();
    assert_eq!(*control.reports.lock().unwrap(), [(0, 101), (50, 101), (100, 101), (101, 101)]);
}

#[test]
fn a_scan_ends_at_the_next_file_when_it_is_interrupted() {
    let root = tree([("a", &b"x"[..]), ("b", b"x")]);
    let result = SecretScanner::new(Arc::new(KnownKey)).scan(&folder(&root), &Steps::limited(1));
    assert!(matches!(result, Err(ScanError::Interrupted(_))));
}

#[test]
fn two_scans_of_a_tree_give_the_same_outcome() {
    let text: String = all()
        .map(|detector| sample(detector.facts.id, &mut Fill::random(detector.facts.id)).text())
        .collect();
    let files = [("b/x", text.as_bytes()), ("a", text.as_bytes())];
    assert_eq!(scan(files), scan(files));
}

#[test]
fn the_sample_project_has_the_secrets_that_were_planted_and_no_others() {
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/shop");
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let outcome = scanner.scan(&SourceTree::Folder(shop.into()), &Steps::limited(u64::MAX)).unwrap();
    let found: Vec<_> = outcome
        .detections
        .iter()
        .map(|found| (found.places[0].path.as_str(), found.places[0].line.unwrap(), found.rule.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("catalog/search.py", 7, "GENERIC_API_KEY"),
            ("config/deploy_key.pem", 1, "PRIVATE_KEY"),
            ("config/production.env", 2, "DATABASE_URL"),
            ("config/production.env", 3, "ENV_PASSWORD"),
            ("docs/runbook.md", 7, "GENERIC_API_KEY"),
            ("web/src/session.js", 7, "GENERIC_SECRET"),
        ]
    );
    let hash = |at: usize| match &outcome.detections[at].identity {
        Identity::Secret { hash, .. } => hash.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(hash(0), hash(4), "the same key stands in two files");
    assert_eq!(outcome.warnings, []);
}

/// The budget: 20 µs for each finding, files and hashes included. Only meaningful with optimisation.
#[test]
fn ten_thousand_secrets_in_a_thousand_files_are_found() {
    let mut fill = Fill::random("many");
    let ids: Vec<&str> = all().map(|detector| detector.facts.id).collect();
    let files: Vec<(String, String)> = (0..1_000)
        .map(|file| {
            let secrets = (0..10).map(|n| {
                let id = ids[(file * 10 + n) % ids.len()];
                let code = "def handler(request):\n    return render(request, 'shop.html')\n".repeat(3);
                format!("{code}{}", sample(id, &mut fill).text())
            });
            (format!("{:02}/{file:04}.py", file % 40), secrets.collect())
        })
        .collect();
    let source = in_memory(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())));
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let control = Steps::limited(u64::MAX);
    let found = scanner.scan(&source, &control).unwrap().detections.len();
    assert!((9_900..=10_100).contains(&found), "{found}");
}

static SEARCH: LazyLock<Search> = LazyLock::new(|| Search::try_new().unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_detector_panics_on_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        SEARCH.find(&text, &mut Scratch::default());
    }

    #[test]
    fn places_in_a_text_are_sorted_apart_and_between_characters(
        parts in proptest::collection::vec(("\\PC{0,20}[\\n ]?", any::<usize>(), "\\PC{0,20}"), 0..8),
    ) {
        let ids: Vec<&str> = all().map(|detector| detector.facts.id).collect();
        let mut fill = Fill::random("places");
        let text: String = parts
            .iter()
            .map(|(before, at, after)| {
                let sample = sample(ids[at % ids.len()], &mut fill);
                format!("{before}{}{}{}{after}", sample.before, sample.secret, sample.after)
            })
            .collect();
        let found = Patterns.find(&text);
        assert!(found.windows(2).all(|two| two[0].place.end <= two[1].place.start));
        assert!(found.iter().all(|found| text.get(found.place.clone()).is_some_and(|secret| !secret.is_empty())));
    }

    #[test]
    fn a_password_that_is_cut_at_the_limit_is_cut_between_characters(
        shift in 0..8_usize, character in "[ä€😀]",
    ) {
        let password = format!("{}7!{}", "x".repeat(shift), character.repeat(60));
        let text = format!("Server=db.internal;Password={password}");
        let found = Patterns.find(&text);
        assert!(found.iter().all(|found| text.get(found.place.clone()).is_some()), "{found:?}");
    }

    #[test]
    fn found_places_are_sorted_and_apart(
        parts in proptest::collection::vec(("[ -~\\n]{0,30}", any::<usize>()), 0..12),
    ) {
        let ids: Vec<&str> = all().map(|detector| detector.facts.id).collect();
        let mut fill = Fill::random("mixed");
        let text: String = parts
            .iter()
            .map(|(noise, at)| format!("{noise}{}", sample(ids[at % ids.len()], &mut fill).text()))
            .collect();
        let found = SEARCH.find(text.as_bytes(), &mut Scratch::default());
        assert!(found.windows(2).all(|two| two[0].place.end <= two[1].place.start));
        assert!(found.iter().all(|found| found.place.end <= text.len() && !found.place.is_empty()));
    }

    #[test]
    fn no_excerpt_shows_a_secret_of_the_file(
        parts in proptest::collection::vec(("[ -~]{0,20}", any::<usize>()), 1..8),
    ) {
        let ids: Vec<&str> = all().map(|detector| detector.facts.id).collect();
        let mut fill = Fill::random("excerpts");
        let text: String = parts
            .iter()
            .map(|(noise, at)| format!("{noise}{}", sample(ids[at % ids.len()], &mut fill).text()))
            .collect();
        let found = SEARCH.find(text.as_bytes(), &mut Scratch::default());
        let detections = scan_text(&text);
        for detection in &detections {
            let excerpt = detection.excerpt.as_ref().unwrap();
            assert!(excerpt.len() <= EXCERPT_BYTES);
            for secret in found.iter().map(|found| &text[found.place.clone()]).filter(|secret| secret.len() > 8) {
                assert!(!excerpt.contains(secret), "{} shows {secret}", detection.rule);
                assert!(!masked(detection).contains(secret));
            }
        }
    }
}
