//! What an import says about itself.

use scanledger_domain::advisory::Generation;
use scanledger_domain::component::Ecosystem;
use std::path::{Path, PathBuf};

/// How far an import is. Reported at least every [`PROGRESS_RECORDS`](crate::limits::PROGRESS_RECORDS)
/// records and at the end of each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress<'a> {
    /// The source that is being read.
    pub path: &'a Path,
    /// Which one it is, from 0.
    pub source: usize,
    /// How many there are.
    pub sources: usize,
    /// Records of this source looked at so far, broken ones included.
    pub records: u64,
    /// How many it has, where that is known beforehand.
    pub total: Option<u64>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// The generation in force now: a new one if a record changed, else the old one;
    /// `Generation(0)` if nothing was ever imported.
    pub generation: Generation,
    /// One entry per source, in the order they were given.
    pub files: Vec<FileReport>,
}

impl ImportReport {
    /// Records added, changed and withdrawn.
    pub fn changed(&self) -> u64 {
        self.files.iter().map(|file| file.added + file.changed + file.withdrawn).sum()
    }

    /// Whether the import started a new generation.
    pub fn is_new_generation(&self) -> bool {
        self.changed() > 0
    }
}

/// What an import did with one source. Every record is counted in exactly one of `added`, `changed`,
/// `withdrawn`, `unchanged`, `older`, `skipped` and `broken`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The source as it was given.
    pub path: PathBuf,
    /// The ecosystems its records are about, sorted.
    pub ecosystems: Vec<Ecosystem>,
    /// Records that could be read and are about a known ecosystem.
    pub records: u64,
    /// Records that were not known, or were withdrawn until now.
    pub added: u64,
    /// Records that say something else than before.
    pub changed: u64,
    /// Records that are withdrawn now, and were not or were unknown before.
    pub withdrawn: u64,
    /// Records that are in the store just so.
    pub unchanged: u64,
    /// Records of which the store has a later one.
    pub older: u64,
    /// Records about no package of a known ecosystem.
    pub skipped: u64,
    /// Records that could not be read.
    pub broken: u64,
    /// Why records are broken or skipped; the first [`PROBLEMS`](crate::limits::PROBLEMS).
    pub problems: Vec<Problem>,
}

/// Why one record was not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as its zip or folder names it.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An import failed as a whole, and changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The source, or the file in it.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The source looks like a zip but is none.
    #[error("{} is no readable zip", .path.display())]
    Zip {
        /// The source.
        path: PathBuf,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },
    /// The zip has too many entries.
    #[error("{} has {entries} entries, more than {limit}", .path.display())]
    TooManyEntries {
        /// The source.
        path: PathBuf,
        /// How many it has.
        entries: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The records of the source are too big together.
    #[error("the records of {} are more than {limit} bytes together", .path.display())]
    TooBig {
        /// The source.
        path: PathBuf,
        /// Bytes it may have.
        limit: u64,
    },
    /// What should take note of the import before it is in force did not.
    #[error("the import could not be recorded, and is not in force")]
    NotRecorded {
        /// Why.
        #[source]
        source: scanledger_domain::Cause,
    },
    /// The store was opened for reading only.
    #[error("the advisories were opened for reading only")]
    ReadOnly,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}
