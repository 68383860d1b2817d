//! The seam for scanners: what one is given, what it answers, and how it is interrupted.
//!
//! To add a scanner: implement [`Scanner`] in `infra/scanners`, and list it in that crate's `all()`.

use crate::Cause;
use crate::advisory::Generation;
use crate::component::{Component, Ecosystem, Package};
use crate::finding::{Columns, UploadFacts};
use crate::severity::Severity;
use crate::source::SourceTree;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A kind of scanner. What a scan covered is told in these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ScannerKind {
    /// Known vulnerabilities of dependencies.
    #[serde(rename = "sca")]
    Sca = 0,
    /// Secrets in files, by pattern.
    #[serde(rename = "secrets")]
    Secrets = 1,
    /// Weaknesses in source code, by pattern.
    #[serde(rename = "sast")]
    Sast = 2,
    /// Infrastructure as code.
    #[serde(rename = "iac")]
    Iac = 3,
    /// Malicious packages.
    #[serde(rename = "malicious")]
    Malicious = 4,
    /// Zero-day patterns.
    #[serde(rename = "zero_day")]
    ZeroDay = 5,
    /// Container images.
    #[serde(rename = "container")]
    Container = 6,
    /// Running applications.
    #[serde(rename = "dast")]
    Dast = 7,
}

/// A word or number that names no scanner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a scanner kind")]
pub struct NotAScanner;

impl ScannerKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Sca,
        Self::Secrets,
        Self::Sast,
        Self::Iac,
        Self::Malicious,
        Self::ZeroDay,
        Self::Container,
        Self::Dast,
    ];

    /// The number under which read models keep it.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a number that read models keep.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The lower-case word, as in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sca => "sca",
            Self::Secrets => "secrets",
            Self::Sast => "sast",
            Self::Iac => "iac",
            Self::Malicious => "malicious",
            Self::ZeroDay => "zero_day",
            Self::Container => "container",
            Self::Dast => "dast",
        }
    }
}

impl fmt::Display for ScannerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ScannerKind {
    type Err = NotAScanner;
    fn from_str(text: &str) -> Result<Self, NotAScanner> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(NotAScanner)
    }
}

/// Finds things in a source tree. Runs on a thread of its own; may block.
pub trait Scanner: Send + Sync {
    /// What kind it is; at most one scanner of a kind runs in a scan.
    fn kind(&self) -> ScannerKind;

    /// Scans `source`, which is unpacked, private and without links that leave it.
    ///
    /// Broken files are warnings in the outcome, never errors. Results are in a stable order: the same tree
    /// gives the same outcome.
    ///
    /// # Errors
    /// [`ScanError::Interrupted`] as soon as `control` says so, [`ScanError::Failed`] if it cannot work at all.
    fn scan(&self, source: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError>;
}

/// How a running scanner talks with whoever started it.
pub trait Control: Send + Sync {
    /// Called between files; blocks while the scan is paused.
    ///
    /// # Errors
    /// [`Interrupted`] when the scan is to end now.
    fn safe_point(&self) -> Result<(), Interrupted>;

    /// How far the scanner is.
    fn progress(&self, files_completed: u64, files_total: u64);
}

/// The scan is to end now: stopped, cancelled, superseded or the process is shutting down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scan was interrupted")]
pub struct Interrupted;

/// Why a scanner gave no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It was told to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It has nothing to work with; the scan goes on without it and says so.
    #[error("skipped: {reason}")]
    Skipped {
        /// Why, for the user: "no advisories imported".
        reason: String,
    },
    /// It failed.
    #[error("the {scanner} scanner failed")]
    Failed {
        /// Which.
        scanner: ScannerKind,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// What a scanner found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Findings, at most one per identity.
    pub detections: Vec<Detection>,
    /// Components, if the scanner knows them; at most one per package, version and path.
    pub components: Vec<Component>,
    /// Which component needs which, as indexes into `components`.
    pub dependencies: Vec<(usize, usize)>,
    /// What went wrong with single files, for the scan log: `(path, message)`.
    pub warnings: Vec<(String, String)>,
    /// What it should have looked at and could not read; each has a warning. What was found there before may still be
    /// there.
    pub unread: Unread,
    /// Files looked at.
    pub files_scanned: u64,
    /// What was passed over because it is not the project's own.
    pub left_out: LeftOut,
    /// What was matched against, for scanners that match against advisories; `None` if nothing was.
    pub generation: Option<Generation>,
    /// The ecosystems of components that have no advisories where others have some; sorted.
    pub unmatched: Vec<Ecosystem>,
}

/// What a scanner passes over because of its name: see [`SKIPPED_FOLDERS`](crate::source::SKIPPED_FOLDERS).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Folders of dependencies and output, whatever is in them.
    pub folders: u64,
    /// Files outside of these that the scanner would have read.
    pub files: u64,
}

impl LeftOut {
    /// Whether nothing was passed over.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// What two scanners of one source passed over: the folders are the same ones.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { folders: self.folders.max(other.folders), files: self.files.max(other.files) }
    }
}

/// Files and folders of a source that could not be read, relative to its root, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unread(BTreeSet<String>);

impl Unread {
    /// Adds a file, or a folder with everything in it; the empty path is the whole source.
    pub fn add(&mut self, path: impl Into<String>) {
        self.0.insert(path.into());
    }

    /// Adds what else could not be read.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many files and folders it names.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether the file at `path`, or a folder that it lies in, could not be read. One look-up for each folder.
    pub fn contains(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        ["", path].into_iter().chain(folders).any(|path| self.0.contains(path))
    }
}

impl<S: Into<String>> FromIterator<S> for Unread {
    fn from_iter<I: IntoIterator<Item = S>>(paths: I) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

/// One thing found, before it is known whether it was there before.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// What makes it the same finding next time.
    pub identity: Identity,
    /// Stable id of the rule, detector or advisory (`RUSTSEC-2020-0001`, `GITHUB_TOKEN`).
    pub rule: String,
    /// One line; at most [`crate::limits::TITLE_BYTES`].
    pub title: String,
    /// A paragraph of plain text; at most [`crate::limits::DESCRIPTION_BYTES`].
    pub description: String,
    /// How bad.
    pub severity: Severity,
    /// `CWE-79`.
    pub cwe: Option<String>,
    /// `CVE-2020-1234`, the first if there are several.
    pub cve: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// Where; at least one, in a stable order; at most [`crate::limits::PLACES`].
    pub places: Vec<Place>,
    /// The version that mends it, for packages: the smallest fixed version above the worst affected place.
    pub fixed_version: Option<String>,
    /// The code around the first place, secrets already masked; at most [`crate::limits::EXCERPT_BYTES`].
    pub excerpt: Option<String>,
    /// Addresses to read more; at most 5.
    pub references: Vec<String>,
}

/// A place where a finding was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Relative to the root of the source, with `/`.
    #[serde(rename = "path")]
    pub path: String,
    /// From 1.
    #[serde(rename = "line", skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// From 1, inclusive.
    #[serde(rename = "endLine", skip_serializing_if = "Option::is_none", default)]
    pub end_line: Option<u32>,
    /// The affected version, for packages.
    #[serde(rename = "version", skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

/// What makes a detection the same finding next time, before it is hashed into a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A vulnerable package: one finding for each package and group of aliases.
    Advisory {
        /// The package.
        package: Package,
        /// The id shown: RUSTSEC, GO and PYSEC before GHSA before others.
        id: String,
        /// Every id of the group, `id` included, sorted.
        group: Vec<String>,
        /// For informational advisories: `unmaintained`, `unsound`, `notice`.
        informational: Option<String>,
    },
    /// A secret in a file.
    Secret {
        /// The file.
        path: String,
        /// Keyed hash of the secret: HMAC-SHA-384 under [`crate::vault::HashPurpose::Secret`].
        hash: Vec<u8>,
        /// Keyed hash of the secret: HMAC-SHA-256 under [`crate::vault::HashPurpose::LeakedSecret`].
        leak_hash: Vec<u8>,
        /// What of it may be shown.
        masked: String,
    },
    /// A place in source code.
    Code {
        /// The file.
        path: String,
        /// The matched text with white space folded.
        context: String,
        /// Which of the identical matches in the file, from 0.
        index: u32,
    },
    /// Something that a client found and named itself.
    Upload(Box<Uploaded>),
}

/// Something that a client found and named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The kind of scanner that finds such things.
    pub scanner: ScannerKind,
    /// What is kept of it. Its name in there, `match_based_id`, is what makes it the same finding next time.
    pub facts: UploadFacts,
    /// Where it begins and ends on its lines.
    pub columns: Option<Columns>,
    /// The package, for vulnerable dependencies of an ecosystem that is known here.
    pub package: Option<Package>,
    /// Advisories about it, for vulnerable dependencies.
    pub advisories: Vec<String>,
}

impl Identity {
    /// The kind of scanner that finds such things.
    pub fn scanner(&self) -> ScannerKind {
        match self {
            Self::Advisory { .. } => ScannerKind::Sca,
            Self::Secret { .. } => ScannerKind::Secrets,
            Self::Code { .. } => ScannerKind::Sast,
            Self::Upload(uploaded) => uploaded.scanner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unread;

    #[test]
    fn what_could_not_be_read_is_a_file_or_a_folder_with_all_that_is_in_it() {
        let unread: Unread = ["a/b", "c.lock"].into_iter().collect();
        for (path, is_unread) in [
            ("c.lock", true),
            ("a/b", true),
            ("a/b/c/d", true),
            ("a", false),
            ("a/bc", false),
            ("x/c.lock", false),
        ] {
            assert_eq!(unread.contains(path), is_unread, "{path}");
        }
        let everything: Unread = [""].into_iter().collect();
        assert!(everything.contains("a") && everything.contains("a/b") && everything.contains(""));
        assert!(!Unread::default().contains("a") && !Unread::default().contains(""));
    }
}
