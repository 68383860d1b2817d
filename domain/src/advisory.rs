//! Advisories: which generation of them is in force. The records themselves are in a store of their own.

use crate::Cause;
use crate::blob::BlobHash;
use crate::component::{Ecosystem, Package};
use crate::decider::Decider;
use crate::log::StreamName;
use crate::severity::Severity;
use crate::stored_events;
use serde::{Deserialize, Serialize};

/// Counts imports of advisories, from 1. A branch is never matched with an older one than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Generation(pub u64);

/// What of one source file was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its bytes, so that every node matches the same data.
    #[serde(rename = "blob")]
    pub blob: BlobHash,
    /// The ecosystems its records are about.
    #[serde(rename = "ecosystems")]
    pub ecosystems: Vec<Ecosystem>,
    /// How many records it holds.
    #[serde(rename = "records")]
    pub records: u64,
}

/// `advisories.imported`: a new generation of advisories is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Its number.
    #[serde(rename = "generation")]
    pub generation: Generation,
    /// What came in.
    #[serde(rename = "files")]
    pub files: Vec<ImportedFile>,
    /// Records added, changed and withdrawn by it.
    #[serde(rename = "changed")]
    pub changed: u64,
}

stored_events! {
    /// What happened to the advisories of this installation.
    pub enum AdvisoryEvent {
        /// Records were imported.
        Imported(Imported) = ("advisories.imported", 1),
    }
}

/// Takes note of an import.
#[derive(Debug, Clone)]
pub struct Import {
    /// What came in.
    pub files: Vec<ImportedFile>,
    /// How many records it added, changed or withdrew.
    pub changed: u64,
    /// The generation the store reached with it.
    pub generation: Generation,
}

/// Why an import is not taken note of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// The store reports a generation that is in force already, or an older one.
    #[error("generation {} is not newer than {}", .offered.0, .current.0)]
    NotNewer {
        /// What was offered.
        offered: Generation,
        /// What is in force.
        current: Generation,
    },
}

/// A group of records (joined by aliases) that says that a version of a package is vulnerable.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The id shown: RUSTSEC, GO and PYSEC before GHSA before others.
    pub id: String,
    /// Every id and alias of the records of the group, `id` included, sorted.
    pub group: Vec<String>,
    /// One line.
    pub summary: String,
    /// What the record says at length; plain text or Markdown; may be empty.
    pub details: String,
    /// The highest of the group; `Info` for informational advisories.
    pub severity: Severity,
    /// `CWE-79`, if a record says so.
    pub cwe: Option<String>,
    /// The smallest fixed version above the one that was asked about.
    pub fixed_version: Option<String>,
    /// Addresses to read more, the record's own first; at most 5.
    pub references: Vec<String>,
    /// `unmaintained`, `unsound` or `notice`, if it is no vulnerability.
    pub informational: Option<String>,
}

/// What can be matched against: the advisories in force, as a scanner sees them.
pub trait AdvisoryIndex: Send + Sync {
    /// The generation in force; `None` if nothing was ever imported.
    fn generation(&self) -> Option<Generation>;

    /// Every group that affects `version` of `package`, ordered by id. Withdrawn records never match.
    ///
    /// A version that cannot be read matches only records that list it literally.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn matches(&self, package: &Package, version: &str) -> Result<Vec<Match>, Cause>;

    /// Orders two versions of an ecosystem; `None` if one of them cannot be read.
    fn compare(&self, ecosystem: Ecosystem, a: &str, b: &str) -> Option<std::cmp::Ordering>;
}

/// The rules of advisory imports.
#[derive(Debug)]
pub struct Advisories;

/// The one stream of advisory imports.
pub fn advisories_stream() -> StreamName {
    StreamName::stored("advisories")
}

impl Decider for Advisories {
    type State = Generation;
    type Command = Import;
    type Event = AdvisoryEvent;
    type Refusal = ImportRefusal;

    fn initial() -> Generation {
        Generation(0)
    }

    fn evolve(_: Generation, event: &AdvisoryEvent) -> Generation {
        match event {
            AdvisoryEvent::Imported(imported) => imported.generation,
        }
    }

    fn decide(state: &Generation, command: Import) -> Result<Vec<AdvisoryEvent>, ImportRefusal> {
        if command.changed == 0 && command.generation <= *state {
            return Ok(vec![]);
        }
        if command.generation <= *state {
            return Err(ImportRefusal::NotNewer { offered: command.generation, current: *state });
        }
        Ok(vec![
            Imported { generation: command.generation, files: command.files, changed: command.changed }
                .into(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::{Advisories, Generation, Import, ImportRefusal, Imported};
    use crate::decider::given;

    fn imported(generation: u64) -> super::AdvisoryEvent {
        Imported { generation: Generation(generation), files: vec![], changed: 3 }.into()
    }

    fn import(generation: u64, changed: u64) -> Import {
        Import { files: vec![], changed, generation: Generation(generation) }
    }

    #[test]
    fn an_import_that_changes_records_starts_a_generation() {
        given::<Advisories>([imported(1)]).when(import(2, 3)).then([imported(2)]);
    }

    #[test]
    fn an_import_that_changes_nothing_is_no_event() {
        given::<Advisories>([imported(1)]).when(import(1, 0)).then_nothing();
    }

    #[test]
    fn a_generation_never_goes_back() {
        given::<Advisories>([imported(2)])
            .when(import(2, 1))
            .then_refused(ImportRefusal::NotNewer { offered: Generation(2), current: Generation(2) });
    }
}
