//! `poetry.lock` (Poetry documentation, "The lock file"), with categories (to 1.4), without (1.5 to 1.8) and
//! with groups (from 2.0).

use super::{Collector, LockfileError, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};

/// The group that a project needs when it runs.
const MAIN: &str = "main";

/// Reads a `poetry.lock`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let lockfile: Lockfile = toml::from_str(text).map_err(LockfileError::Toml)?;
    if lockfile.package.is_none() && lockfile.metadata.is_none() {
        return Err(LockfileError::NothingLocked);
    }
    let packages = lockfile.package.unwrap_or_default();
    let mut collected = Collector::default();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    let mut elsewhere = 0;
    let mut indexes = Vec::with_capacity(packages.len());
    for entry in &packages {
        if entry.source.as_ref().is_some_and(|source| source.kind != "legacy") {
            elsewhere += 1;
            indexes.push(None);
            continue;
        }
        let package = Package::new(Ecosystem::PyPi, &entry.name);
        let name = package.name.clone();
        let at = collected.add(package, &entry.version, entry.scope(), None);
        by_name.entry(name).or_default().push(at);
        indexes.push(Some(at));
    }
    for (entry, at) in packages.iter().zip(indexes) {
        let Some(needing) = at else { continue };
        for name in entry.dependencies.keys() {
            // Several versions of a package are for different environments; each of them can be the one.
            for needed in by_name.get(&Ecosystem::PyPi.normalize(name)).into_iter().flatten().take(VERSIONS) {
                collected.edge(needing, *needed);
            }
        }
    }
    collected.passed_over(elsewhere, "packages that do not come from an index were left out");
    Ok(collected.finish())
}

/// Versions of one package that an edge leads to at most; real files hold two or three.
const VERSIONS: usize = 16;

#[derive(Deserialize)]
struct Lockfile {
    package: Option<Vec<Entry>>,
    metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    category: Option<String>,
    groups: Option<Vec<String>>,
    #[serde(default)]
    optional: bool,
    source: Option<Source>,
    #[serde(default)]
    dependencies: BTreeMap<String, IgnoredAny>,
}

/// Where a package comes from, if not from PyPI; `legacy` is another index.
#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
}

impl Entry {
    fn scope(&self) -> Scope {
        let by_category = self.category.as_deref().is_none_or(|category| category == MAIN);
        let by_group = self.groups.as_ref().is_none_or(|groups| groups.iter().any(|group| group == MAIN));
        if !by_category || !by_group {
            Scope::Development
        } else if self.optional {
            Scope::Optional
        } else {
            Scope::Runtime
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::{dependencies, packages};

    const WITH_CATEGORIES: &str = include_str!("../../tests/lockfiles/poetry-1.lock");
    const WITH_GROUPS: &str = include_str!("../../tests/lockfiles/poetry-2.lock");

    #[test]
    fn scope_comes_from_categories_in_old_files() {
        assert_eq!(
            packages(&parse(WITH_CATEGORIES)),
            ["jinja2 2.10 runtime", "markupsafe 1.1.1 runtime", "pytest 5.0.0 development"]
        );
        assert_eq!(dependencies(&parse(WITH_CATEGORIES)), ["jinja2@2.10 -> markupsafe@1.1.1"]);
    }

    #[test]
    fn scope_comes_from_groups_in_new_files() {
        let parsed = parse(WITH_GROUPS);
        assert_eq!(
            packages(&parsed),
            [
                "jinja2 2.10 runtime",
                "markupsafe 1.1.1 runtime",
                "markupsafe 2.0.1 runtime",
                "mysqlclient 2.1.0 optional",
                "pytest 5.0.0 development",
            ]
        );
        assert_eq!(
            parsed.as_ref().unwrap().notes,
            ["1 packages that do not come from an index were left out"]
        );
        assert_eq!(
            dependencies(&parsed),
            ["jinja2@2.10 -> markupsafe@1.1.1", "jinja2@2.10 -> markupsafe@2.0.1"]
        );
    }

    #[test]
    fn what_is_no_lockfile_is_refused() {
        assert!(matches!(parse("a = 1"), Err(LockfileError::NothingLocked)));
        assert!(matches!(parse("[[package]]\nname = 1"), Err(LockfileError::Toml(_))));
    }
}
