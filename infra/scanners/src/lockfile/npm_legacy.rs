//! The nested tree of `package-lock.json` version 1 (npm 5 and 6).

use super::{Collector, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// A package and those installed below it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Nested {
    version: Option<String>,
    dev: bool,
    optional: bool,
    requires: Option<Requires>,
    dependencies: BTreeMap<String, Nested>,
}

/// The names of what is needed; `true` where npm did not write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Requires {
    Names(BTreeMap<String, IgnoredAny>),
    Unknown(IgnoredAny),
}

type Level<'a> = BTreeMap<&'a str, usize>;

/// Collects a tree. Which packages the project itself asks for is not in this version: all of them can be on
/// its first level.
pub(super) fn collect(tree: &BTreeMap<String, Nested>) -> Parsed {
    let mut collected = Collector::default();
    let mut unversioned = 0;
    level(tree, &mut Vec::new(), &mut collected, &mut unversioned);
    collected.passed_over(unversioned, "packages that do not come from the registry were left out");
    collected.finish()
}

/// The recursion is as deep as the JSON, which its reader limits to 128.
fn level<'a>(
    tree: &'a BTreeMap<String, Nested>,
    above: &mut Vec<Level<'a>>,
    collected: &mut Collector,
    unversioned: &mut usize,
) {
    let mut here = Level::new();
    for (key, nested) in tree {
        match nested.version.as_deref().and_then(|version| registry_version(key, version)) {
            Some((name, version)) => {
                let package = Package::new(Ecosystem::Npm, name);
                here.insert(key, collected.add(package, version, scope(nested), None));
            }
            None => *unversioned += 1,
        }
    }
    above.push(here);
    for (key, nested) in tree {
        level(&nested.dependencies, above, collected, unversioned);
        let Some(needing) = above.last().and_then(|here| here.get(key.as_str()).copied()) else { continue };
        let Some(Requires::Names(names)) = &nested.requires else { continue };
        // What is needed is installed below this package, beside it or above it. Below is found first.
        for name in names.keys() {
            let below = nested.dependencies.get_key_value(name).and_then(|(key, nested)| {
                let (name, version) = registry_version(key, nested.version.as_deref()?)?;
                collected.index.get(&(Package::new(Ecosystem::Npm, name), version.to_owned())).copied()
            });
            let around = || above.iter().rev().find_map(|level| level.get(name.as_str()).copied());
            if let Some(needed) = below.or_else(around) {
                collected.edge(needing, needed);
            }
        }
    }
    above.pop();
}

const fn scope(nested: &Nested) -> Scope {
    if nested.optional {
        Scope::Optional
    } else if nested.dev {
        Scope::Development
    } else {
        Scope::Runtime
    }
}

/// Name and version of a package from the registry; an alias is written `npm:name@version`.
fn registry_version<'a>(key: &'a str, version: &'a str) -> Option<(&'a str, &'a str)> {
    match version.strip_prefix("npm:") {
        Some(alias) => alias.rsplit_once('@').filter(|(name, _)| !name.is_empty()),
        // Everything else with a colon is an address: file:, git+ssh:, https:, github:.
        None => (!version.contains(':')).then_some((key, version)),
    }
}

#[cfg(test)]
mod tests {
    use crate::lockfile::npm::parse;
    use crate::lockfile::testing::{dependencies, packages};

    const VERSION_1: &str = include_str!("../../tests/lockfiles/package-lock-1.json");

    #[test]
    fn version_1_nests_packages() {
        assert_eq!(
            packages(&parse(VERSION_1)),
            [
                "@scope/tool 3.0.0 development",
                "fsevents 2.3.3 optional",
                "inner 1.0.0 runtime",
                "inner 2.0.0 runtime",
                "outer 1.2.3 runtime",
                "real-name 4.0.0 runtime",
            ]
        );
    }

    #[test]
    fn a_name_is_resolved_below_before_around() {
        assert_eq!(
            dependencies(&parse(VERSION_1)),
            ["@scope/tool@3.0.0 -> inner@2.0.0", "outer@1.2.3 -> inner@1.0.0"]
        );
    }

    #[test]
    fn packages_from_addresses_are_noted() {
        assert_eq!(
            parse(VERSION_1).unwrap().notes,
            ["2 packages that do not come from the registry were left out"]
        );
    }
}
