//! `uv.lock` (uv documentation, "Locking and syncing").
//!
//! The project and the members of its workspace are packages in it whose source is a folder; what they ask for
//! is direct, and what can be reached from there tells the scope.

use super::{Collector, LockfileError, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};

/// Reads a `uv.lock`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let lockfile: Lockfile = toml::from_str(text).map_err(LockfileError::Toml)?;
    match lockfile.version {
        None => return Err(LockfileError::NothingLocked),
        Some(1) => (),
        Some(version) => return Err(LockfileError::UnsupportedVersion(version)),
    }
    let entries = Entries::of(&lockfile.package);
    let scopes = entries.scopes();
    let mut collected = Collector::default();
    let mut elsewhere = 0;
    let mut indexes = vec![None; lockfile.package.len()];
    for (at, entry) in lockfile.package.iter().enumerate() {
        match (&entry.version, entry.source.registry.is_some()) {
            (Some(version), true) => {
                let package = Package::new(Ecosystem::PyPi, &entry.name);
                // What nothing leads to is there for an environment of its own; it counts as needed.
                let scope = scopes[at].unwrap_or(Scope::Runtime);
                indexes[at] = Some(collected.add(package, version, scope, Some(false)));
            }
            _ if entry.is_own() => (),
            _ => elsewhere += 1,
        }
    }
    for (at, entry) in lockfile.package.iter().enumerate() {
        for needed in entries.needed_by(entry).filter_map(|needed| indexes[needed]) {
            match indexes[at] {
                Some(needing) => collected.edge(needing, needed),
                None if entry.is_own() => collected.packages[needed].direct = Some(true),
                None => (),
            }
        }
    }
    collected.passed_over(elsewhere, "packages that do not come from an index were left out");
    Ok(collected.finish())
}

#[derive(Deserialize)]
struct Lockfile {
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: Option<String>,
    source: Source,
    #[serde(default)]
    dependencies: Vec<Need>,
    #[serde(default, rename = "optional-dependencies")]
    optional_dependencies: BTreeMap<String, Vec<Need>>,
    #[serde(default, rename = "dev-dependencies")]
    dev_dependencies: BTreeMap<String, Vec<Need>>,
}

/// Exactly one is there; git, url and path are those that are not named here.
#[derive(Deserialize)]
struct Source {
    registry: Option<IgnoredAny>,
    #[serde(rename = "virtual")]
    virtual_folder: Option<IgnoredAny>,
    editable: Option<IgnoredAny>,
    directory: Option<IgnoredAny>,
}

/// The version is there where the name alone is ambiguous.
#[derive(Deserialize)]
struct Need {
    name: String,
    version: Option<String>,
}

impl Entry {
    const fn is_own(&self) -> bool {
        self.source.virtual_folder.is_some()
            || self.source.editable.is_some()
            || self.source.directory.is_some()
    }

    fn all_needs(&self) -> impl Iterator<Item = &Need> {
        let optional = self.optional_dependencies.values().flatten();
        self.dependencies.iter().chain(optional).chain(self.dev_dependencies.values().flatten())
    }
}

/// The entries of a lockfile, to be found by name and version.
struct Entries<'a> {
    all: &'a [Entry],
    by_name: HashMap<&'a str, usize>,
    by_version: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Entries<'a> {
    fn of(all: &'a [Entry]) -> Self {
        let mut entries = Self { all, by_name: HashMap::new(), by_version: HashMap::new() };
        for (at, entry) in all.iter().enumerate() {
            entries.by_name.insert(&entry.name, at);
            if let Some(version) = &entry.version {
                entries.by_version.insert((&entry.name, version), at);
            }
        }
        entries
    }

    fn find(&self, need: &Need) -> Option<usize> {
        match &need.version {
            Some(version) => self.by_version.get(&(need.name.as_str(), version.as_str())).copied(),
            None => self.by_name.get(need.name.as_str()).copied(),
        }
    }

    fn needed_by<'b>(&'b self, entry: &'b Entry) -> impl Iterator<Item = usize> + 'b {
        entry.all_needs().filter_map(|need| self.find(need))
    }

    /// The scope of every entry that the project leads to: the first of run time, optional and development
    /// from which it can be reached.
    fn scopes(&self) -> Vec<Option<Scope>> {
        let mut scopes = vec![None; self.all.len()];
        let own = || self.all.iter().filter(|entry| entry.is_own());
        let runtime = own().flat_map(|entry| &entry.dependencies);
        self.spread(runtime, Scope::Runtime, &mut scopes);
        let optional = own().flat_map(|entry| entry.optional_dependencies.values().flatten());
        self.spread(optional, Scope::Optional, &mut scopes);
        let development = own().flat_map(|entry| entry.dev_dependencies.values().flatten());
        self.spread(development, Scope::Development, &mut scopes);
        scopes
    }

    fn spread<'b>(&self, from: impl Iterator<Item = &'b Need>, scope: Scope, scopes: &mut [Option<Scope>]) {
        let mut reached: Vec<usize> = from.filter_map(|need| self.find(need)).collect();
        while let Some(at) = reached.pop() {
            if scopes[at].is_none() {
                scopes[at] = Some(scope);
                let entry = &self.all[at];
                // Extras that somebody asked for are needed with the package.
                let extras = entry.optional_dependencies.values().flatten();
                reached.extend(entry.dependencies.iter().chain(extras).filter_map(|need| self.find(need)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::{dependencies, packages};

    const LOCKFILE: &str = include_str!("../../tests/lockfiles/uv.lock");

    #[test]
    fn scope_is_where_the_project_reaches_it_from() {
        let parsed = parse(LOCKFILE);
        assert_eq!(
            packages(&parsed),
            [
                "colorama 0.4.6 development indirect",
                "jinja2 2.10 runtime direct",
                "markupsafe 1.1.1 runtime indirect",
                "mysqlclient 2.1.0 optional direct",
                "numpy 1.26.0 runtime direct",
                "numpy 2.0.0 runtime direct",
                "pytest 5.0.0 development direct",
            ]
        );
        assert_eq!(parsed.unwrap().notes, ["1 packages that do not come from an index were left out"]);
    }

    #[test]
    fn dependencies_are_edges() {
        assert_eq!(
            dependencies(&parse(LOCKFILE)),
            ["jinja2@2.10 -> markupsafe@1.1.1", "pytest@5.0.0 -> colorama@0.4.6"]
        );
    }

    #[test]
    fn what_is_no_lockfile_is_refused() {
        assert!(matches!(parse(""), Err(LockfileError::NothingLocked)));
        assert!(matches!(parse("version = 2"), Err(LockfileError::UnsupportedVersion(2))));
        assert!(matches!(parse("version = 1\n[[package]]\nname = \"a\""), Err(LockfileError::Toml(_))));
    }
}
