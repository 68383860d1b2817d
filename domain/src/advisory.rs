//! Advisories: which generation of them is in force. The records themselves are in a store of their own.

use crate::Cause;
use crate::blob::BlobHash;
use crate::component::{Ecosystem, Package};
use crate::decider::Decider;
use crate::log::StreamName;
use crate::severity::Severity;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;

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

/// The place of an advisory among those that say the same, the one that is shown first: RUSTSEC, GO and PYSEC before
/// GHSA before others, then by id.
pub fn preference(id: &str) -> (u8, &str) {
    let class = match id.split_once('-').map_or("", |(prefix, _)| prefix) {
        "RUSTSEC" | "GO" | "PYSEC" => 0,
        "GHSA" => 1,
        _ => 2,
    };
    (class, id)
}

/// Joins groups that share a name, directly or through others. Of each group: the number of the first one that it is
/// joined with, which is its own if there is none before it.
pub fn joined<T: Eq + Hash>(groups: impl IntoIterator<Item = impl IntoIterator<Item = T>>) -> Vec<usize> {
    let mut leaders: Vec<usize> = Vec::new();
    let mut first_with: HashMap<T, usize> = HashMap::new();
    for (number, group) in groups.into_iter().enumerate() {
        leaders.push(number);
        for name in group {
            let other = *first_with.entry(name).or_insert(number);
            let (own, other) = (leader(&mut leaders, number), leader(&mut leaders, other));
            leaders[own.max(other)] = own.min(other);
        }
    }
    (0..leaders.len()).map(|number| leader(&mut leaders, number)).collect()
}

/// The first group of those that `number` is joined with. Shortens the way there, so that long chains stay cheap.
fn leader(leaders: &mut [usize], mut number: usize) -> usize {
    while leaders[number] != number {
        leaders[number] = leaders[leaders[number]];
        number = leaders[number];
    }
    number
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

    /// The ecosystems whose packages it knows records of, sorted; none if nothing was ever imported.
    fn ecosystems(&self) -> Vec<Ecosystem>;

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
    use super::{Advisories, Generation, Import, ImportRefusal, Imported, joined, preference};
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

    #[test]
    fn groups_that_share_a_name_are_one_also_through_others() {
        assert_eq!(joined([["a", "b"], ["c", "d"], ["b", "c"], ["e", "f"]]), [0, 0, 0, 3]);
        assert_eq!(joined([vec![], vec!["a"], vec![], vec!["a", "a"]]), [0, 1, 2, 1]);
        assert_eq!(joined(Vec::<Vec<&str>>::new()), [0; 0]);
    }

    #[test]
    fn a_long_chain_of_groups_is_one() {
        let chain = (0..200_000_u32).rev().map(|n| [n, n + 1]);
        assert_eq!(joined(chain), vec![0; 200_000]);
    }

    #[test]
    fn databases_of_an_ecosystem_are_shown_before_others() {
        let mut ids = ["OSV-1", "CVE-1", "GHSA-1", "RUSTSEC-2", "PYSEC-1", "GO-1", "GHSA-0"];
        ids.sort_by_key(|id| preference(id));
        assert_eq!(ids, ["GO-1", "PYSEC-1", "RUSTSEC-2", "GHSA-0", "GHSA-1", "CVE-1", "OSV-1"]);
    }
}
