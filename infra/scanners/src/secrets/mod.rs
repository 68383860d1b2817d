//! Finds secrets in files, by what they look like.

mod checks;
mod detectors;
mod entropy;
mod mask;
mod placeholder;
mod search;

use crate::text::{cut, one_line};
use crate::tree::{self, SourceFile};
use mask::{Masker, mask};
use scanledger_domain::limits::{DESCRIPTION_BYTES, PATTERN_FILE_BYTES, PLACES, TITLE_BYTES};
use scanledger_domain::scanning::{
    Control, Detection, Identity, LeftOut, Outcome, Place, ScanError, Scanner, ScannerKind,
};
use scanledger_domain::secret::{DetectorFacts, SecretFinder, SecretMatch, canonical};
use scanledger_domain::source::SourceTree;
use scanledger_domain::vault::{HashPurpose, Vault};
use search::{Found, Scratch, Search};
use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// "Use of hard-coded credentials".
const CWE: &str = "CWE-798";
/// A file with a NUL in its first bytes is no text, as git decides it.
const SNIFFED_BYTES: u64 = 8 * 1024;
/// Files between two reports of progress.
const FILES_BETWEEN_REPORTS: u64 = 50;

/// Files that are full of hashes and names of packages: machines write them, nobody puts a secret there.
const SKIPPED_NAMES: [&str; 14] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    "poetry.lock",
    "Pipfile.lock",
    "uv.lock",
    "go.sum",
    "composer.lock",
    "Gemfile.lock",
    "mix.lock",
    "pubspec.lock",
    "Package.resolved",
];

/// Output of bundlers: long lines of what is elsewhere in the source.
const SKIPPED_ENDINGS: [&str; 6] = [".min.js", ".min.css", ".js.map", ".css.map", ".bundle.js", ".svg"];

/// The detectors are compiled once for the process.
static SEARCH: LazyLock<Search> =
    LazyLock::new(|| Search::try_new().expect("every detector compiles, as the tests hold"));

/// Finds secrets in a text, with the detectors that the scanner has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patterns;

impl SecretFinder for Patterns {
    fn detectors(&self) -> Vec<&'static DetectorFacts> {
        detectors::all().map(|detector| &detector.facts).collect()
    }

    fn find(&self, text: &str) -> Vec<SecretMatch> {
        let found = SEARCH.find(text.as_bytes(), &mut Scratch::default());
        found
            .into_iter()
            .map(|found| SecretMatch {
                detector: &found.detector.facts,
                severity: found.detector.severity,
                place: found.place,
            })
            .collect()
    }
}

/// Finds secrets in every text file of a tree. No secret leaves it in clear: a detection carries keyed hashes,
/// a mask, and a line in which every secret is masked.
pub struct SecretScanner {
    vault: Arc<dyn Vault>,
}

impl SecretScanner {
    /// A scanner that hashes with `vault`.
    pub fn new(vault: Arc<dyn Vault>) -> Self {
        Self { vault }
    }
}

impl Scanner for SecretScanner {
    fn kind(&self) -> ScannerKind {
        ScannerKind::Secrets
    }

    fn scan(&self, source: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError> {
        let tree = tree::walk(source);
        let files_total = tree.files.len() as u64;
        let mut outcome = Outcome {
            unread: tree.unread(),
            warnings: tree.warnings,
            left_out: LeftOut { folders: tree.skipped_folders, files: 0 },
            ..Outcome::default()
        };
        let mut scratch = Scratch::default();
        let mut text = Vec::new();
        for (files_completed, file) in (0..).zip(&tree.files) {
            control.safe_point()?;
            if files_completed % FILES_BETWEEN_REPORTS == 0 {
                control.progress(files_completed, files_total);
            }
            if is_skipped(file.name()) {
                outcome.left_out.files += 1;
                continue;
            }
            match read(file, &mut text) {
                Ok(Content::Text) => {
                    outcome.files_scanned += 1;
                    let found = SEARCH.find(&text, &mut scratch);
                    if !found.is_empty() {
                        self.report(&file.path, &text, &found, &mut outcome.detections);
                    }
                }
                Ok(Content::Binary) => (),
                Ok(Content::TooLarge) => {
                    let message = format!("larger than {PATTERN_FILE_BYTES} bytes: not searched for secrets");
                    outcome.unread.add(&*file.path);
                    outcome.warnings.push((file.path.to_string(), message));
                }
                Err(error) => {
                    let message = format!("cannot be read: {}", error.kind());
                    outcome.unread.add(&*file.path);
                    outcome.warnings.push((file.path.to_string(), message));
                }
            }
        }
        control.progress(files_total, files_total);
        Ok(outcome)
    }
}

impl SecretScanner {
    /// Adds one detection for each value in a file, in the order of first places.
    fn report(&self, path: &str, text: &[u8], found: &[Found], detections: &mut Vec<Detection>) {
        let places: Vec<Range<usize>> = found.iter().map(|found| found.place.clone()).collect();
        let masker = Masker::new(text, &places);
        let first = detections.len();
        let mut known: HashMap<&[u8], usize> = HashMap::with_capacity(found.len());
        let mut lines = Lines { text, counted: 0, line: 1 };
        for found in found {
            let value = &text[found.place.clone()];
            let place = lines.place(path, &found.place);
            match known.get(value) {
                Some(at) => {
                    let places = &mut detections[first + at].places;
                    if places.len() < PLACES && places.last() != Some(&place) {
                        places.push(place);
                    }
                }
                None => {
                    known.insert(value, detections.len() - first);
                    detections.push(self.detection(found, value, place, &masker));
                }
            }
        }
    }

    fn detection(&self, found: &Found, value: &[u8], place: Place, masker: &Masker<'_>) -> Detection {
        let detector = found.detector;
        let canonical = canonical(value);
        let name = place.path.rsplit('/').next().unwrap_or(&place.path);
        Detection {
            rule: detector.facts.id.to_owned(),
            title: cut(&one_line(&format!("{} in {name}", detector.facts.title)), TITLE_BYTES),
            description: cut(&detector.description(), DESCRIPTION_BYTES),
            severity: detector.severity,
            cwe: Some(CWE.to_owned()),
            cve: None,
            confidence: detector.confidence,
            fixed_version: None,
            excerpt: Some(masker.excerpt(&found.place)),
            references: Vec::new(),
            identity: Identity::Secret {
                path: place.path.clone(),
                hash: self.vault.hash(HashPurpose::Secret, &canonical),
                leak_hash: self.vault.hash(HashPurpose::LeakedSecret, &canonical),
                masked: mask(value),
            },
            places: vec![place],
        }
    }
}

/// Counts lines up to places that come in order, so that a text is counted once.
struct Lines<'a> {
    text: &'a [u8],
    counted: usize,
    line: u32,
}

impl Lines<'_> {
    fn place(&mut self, path: &str, place: &Range<usize>) -> Place {
        self.line += newlines(&self.text[self.counted..place.start]);
        self.counted = place.start;
        let end_line = self.line + newlines(&self.text[place.clone()]);
        Place { path: path.to_owned(), line: Some(self.line), end_line: Some(end_line), version: None }
    }
}

fn newlines(text: &[u8]) -> u32 {
    text.iter().filter(|byte| **byte == b'\n').count() as u32
}

fn is_skipped(name: &str) -> bool {
    SKIPPED_NAMES.contains(&name) || SKIPPED_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

enum Content {
    Text,
    Binary,
    TooLarge,
}

/// Reads a file into `text`, but not one that is no text or too large.
fn read(file: &SourceFile<'_>, text: &mut Vec<u8>) -> io::Result<Content> {
    text.clear();
    let mut opened = file.open()?;
    opened.by_ref().take(SNIFFED_BYTES).read_to_end(text)?;
    if text.contains(&0) {
        return Ok(Content::Binary);
    }
    // Most files end here, so the second read is for the few that do not.
    if text.len() as u64 == SNIFFED_BYTES {
        opened.take(PATTERN_FILE_BYTES + 1 - SNIFFED_BYTES).read_to_end(text)?;
    }
    Ok(if text.len() as u64 > PATTERN_FILE_BYTES { Content::TooLarge } else { Content::Text })
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
