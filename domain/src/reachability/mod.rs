//! Whether a project imports a package: what its source files name, held against the names of packages.
//!
//! An [`ImportReader`] finds import statements; [`Imports`] knows whose packages they mean. To add an ecosystem: say
//! in `names.rs` how its imports name packages, and give its files to a reader.

mod names;
mod node;
mod python;
mod rust;
#[cfg(test)]
mod tests;

use crate::Cause;
use crate::component::{Ecosystem, Package};
use crate::limits::{IMPORT_BYTES, IMPORTED_NAMES};
use crate::scanning::{Control, Interrupted};
use crate::source::SourceTree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Finds the import statements of a source tree. Runs on a thread of its own; may block.
pub trait ImportReader: Send + Sync {
    /// Whose imports it reads; packages of others are [`Reachability::Unknown`].
    fn ecosystems(&self) -> &[Ecosystem];

    /// Reads what the files of `source` import, which is unpacked, private and without links that leave it.
    ///
    /// Files that cannot be read are told in the answer, never errors.
    ///
    /// # Errors
    /// [`ImportError::Interrupted`] as soon as `control` says so, [`ImportError::Failed`] if it cannot work at all.
    fn imports(&self, source: &SourceTree, control: &dyn Control) -> Result<Imports, ImportError>;
}

/// Why imports were not read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The reader was told to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It failed.
    #[error("imports could not be read")]
    Failed(#[source] Cause),
}

/// Whether a package is imported, as far as its source files say. Imports that are computed when the program runs,
/// plugins and use through another package are not seen (dpendx reference §11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reachability {
    /// A file imports it: this is the first, by path and line.
    Imported(ImportSite),
    /// No file imports it.
    NotImported,
    /// Nobody reads imports of this ecosystem, not every file could be read, or the package is none that is
    /// imported by name.
    Unknown,
}

impl Reachability {
    /// Whether it is imported, if that is known.
    pub const fn is_imported(&self) -> Option<bool> {
        match self {
            Self::Imported(_) => Some(true),
            Self::NotImported => Some(false),
            Self::Unknown => None,
        }
    }
}

/// Where a package is imported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportSite {
    /// The file, relative to the root of the source, with `/`. Shared by all imports of a file.
    pub path: Arc<str>,
    /// From 1: the line of the imported name.
    pub line: u32,
}

/// What the files of a source tree import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imports {
    ecosystems: BTreeMap<Ecosystem, Names>,
    left_out: Vec<(String, String)>,
}

/// What the files of an ecosystem import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Names {
    /// By name as `names::imported` cuts it, the first place.
    first: BTreeMap<String, ImportSite>,
    /// Whether there are imports that are not in `first`.
    is_partial: bool,
}

impl Imports {
    /// No imports yet, of files of `ecosystems`, which are read.
    pub fn of(ecosystems: &[Ecosystem]) -> Self {
        let ecosystems = ecosystems.iter().map(|ecosystem| (*ecosystem, Names::default())).collect();
        Self { ecosystems, left_out: Vec::new() }
    }

    /// Adds one import. `written` is the name as the file has it:
    ///
    /// | ecosystem | what | example |
    /// |---|---|---|
    /// | Go | the import path | `golang.org/x/net/html` |
    /// | npm | the module specifier | `@scope/name/file.js`, `./file` |
    /// | PyPI | the module; for `from m import a` module and name, joined by a dot | `google.cloud.storage`, `.sibling` |
    /// | crates.io | the first segment of the path | `serde_json`, `r#try` |
    ///
    /// Names that mean no package (relative ones, the standard library) and those longer than [`IMPORT_BYTES`] are
    /// not kept.
    pub fn add(&mut self, ecosystem: Ecosystem, written: &str, site: &ImportSite) {
        if written.len() > IMPORT_BYTES {
            return;
        }
        let Some(name) = names::imported(ecosystem, written) else { return };
        let names = self.ecosystems.entry(ecosystem).or_default();
        if let Some(first) = names.first.get_mut(name.as_ref()) {
            if site < first {
                first.clone_from(site);
            }
        } else if names.first.len() < IMPORTED_NAMES {
            names.first.insert(name.into_owned(), site.clone());
        } else {
            names.is_partial = true;
        }
    }

    /// Says that something in `path` was not read, and why; it may hold imports of `ecosystems`. Of these, what is not
    /// found is unknown from now on.
    pub fn leave_out(&mut self, ecosystems: &[Ecosystem], path: String, reason: String) {
        for ecosystem in ecosystems {
            self.ecosystems.entry(*ecosystem).or_default().is_partial = true;
        }
        self.left_out.push((path, reason));
    }

    /// What was left out: `(path, reason)`, for the scan log.
    pub fn left_out(&self) -> &[(String, String)] {
        &self.left_out
    }

    /// Whether `package` is imported. Takes as long as there are imports from this package, not as there are imports.
    pub fn reachability(&self, package: &Package) -> Reachability {
        let Some(read) = self.ecosystems.get(&package.ecosystem) else { return Reachability::Unknown };
        let Some(wanted) = names::of_package(package) else { return Reachability::Unknown };
        let first = wanted.iter().filter_map(|name| read.first_of(package.ecosystem, name)).min();
        match first {
            Some(site) => Reachability::Imported(site.clone()),
            None if read.is_partial => Reachability::Unknown,
            None => Reachability::NotImported,
        }
    }
}

impl Names {
    /// The first import of `name` or of what lies within it.
    fn first_of(&self, ecosystem: Ecosystem, name: &str) -> Option<&ImportSite> {
        let within = format!("{name}{}", names::separator(ecosystem));
        let parts = self
            .first
            .range(within.clone()..)
            .map_while(|(imported, site)| imported.strip_prefix(&within).map(|rest| (rest, site)));
        let parts = parts.filter(|(rest, _)| names::is_within(ecosystem, rest)).map(|(_, site)| site);
        self.first.get(name).into_iter().chain(parts).min()
    }
}
