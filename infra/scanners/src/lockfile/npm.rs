//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3 (npm documentation, package-lock.json).
//!
//! Versions 2 and 3 list every installed package by its place in `node_modules`, which is also how a name is
//! resolved: the nearest `node_modules` on the way up holds it.

use super::{Collector, LockfileError, Parsed, npm_legacy};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use scanledger_domain::limits::PATH_BYTES;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};

/// How many folders with installed packages are looked through for one name. Real trees nest a few times.
const NESTING: usize = 64;

/// Reads a lockfile of any version.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let lockfile: Lockfile = serde_json::from_str(text).map_err(LockfileError::Json)?;
    match (lockfile.lockfile_version, lockfile.packages, lockfile.dependencies) {
        (Some(version @ 4..), ..) => Err(LockfileError::UnsupportedVersion(version)),
        (_, Some(packages), _) => Ok(installed(&packages)),
        (_, None, Some(dependencies)) => Ok(npm_legacy::collect(&dependencies)),
        // A project without dependencies has a lockfile too, but it says that it is one.
        (Some(_), None, None) => Ok(Parsed::default()),
        (None, None, None) => Err(LockfileError::NothingLocked),
    }
}

#[derive(Deserialize)]
struct Lockfile {
    #[serde(rename = "lockfileVersion")]
    lockfile_version: Option<u64>,
    packages: Option<BTreeMap<String, Installed>>,
    dependencies: Option<BTreeMap<String, npm_legacy::Nested>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Installed {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<Resolved>,
    link: bool,
    dev: bool,
    optional: bool,
    #[serde(rename = "devOptional")]
    dev_optional: bool,
    dependencies: Needs,
    #[serde(rename = "devDependencies")]
    dev_dependencies: Needs,
    #[serde(rename = "optionalDependencies")]
    optional_dependencies: Needs,
    #[serde(rename = "peerDependencies")]
    peer_dependencies: Needs,
}

/// The names of what is needed; the ranges were resolved by npm already.
type Needs = BTreeMap<String, IgnoredAny>;

/// Where a package comes from; old versions of npm wrote `false` for what is bundled.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resolved {
    Url(String),
    Other(IgnoredAny),
}

impl Installed {
    const fn scope(&self) -> Scope {
        if self.optional || self.dev_optional {
            Scope::Optional
        } else if self.dev {
            Scope::Development
        } else {
            Scope::Runtime
        }
    }

    fn is_local(&self) -> bool {
        matches!(&self.resolved, Some(Resolved::Url(url)) if url.starts_with("file:"))
    }

    fn needs(&self) -> impl Iterator<Item = &str> {
        let peers = self.peer_dependencies.keys();
        self.dependencies.keys().chain(self.optional_dependencies.keys()).chain(peers).map(String::as_str)
    }
}

fn installed(packages: &BTreeMap<String, Installed>) -> Parsed {
    let mut collected = Collector::default();
    let mut folders = Folders::default();
    let mut unversioned = 0;
    for (path, installed) in packages {
        let Some((folder, key)) = split(path) else { continue };
        if installed.link || installed.is_local() || path.len() > PATH_BYTES {
            continue;
        }
        let name = installed.name.as_deref().unwrap_or(key);
        let Some(version) = &installed.version else {
            unversioned += 1;
            continue;
        };
        let package = Package::new(Ecosystem::Npm, name);
        let at = collected.add(package, version, installed.scope(), Some(false));
        folders.0.entry(folder).or_default().insert(key, at);
    }
    // Looking upwards costs the square of a path's length, so one that no file system takes is left out.
    for (path, package) in packages.iter().filter(|(path, _)| path.len() <= PATH_BYTES) {
        let above = folders.above(path);
        match split(path) {
            // The root and the members of its workspace are the project itself.
            None => {
                for name in package.needs().chain(package.dev_dependencies.keys().map(String::as_str)) {
                    if let Some(needed) = resolve(&above, name) {
                        collected.packages[needed].direct = Some(true);
                    }
                }
            }
            Some((folder, key)) => {
                let Some(needing) = folders.0.get(folder).and_then(|inside| inside.get(key).copied()) else {
                    continue;
                };
                for name in package.needs() {
                    if let Some(needed) = resolve(&above, name) {
                        collected.edge(needing, needed);
                    }
                }
            }
        }
    }
    collected.passed_over(unversioned, "packages without a version were left out");
    collected.finish()
}

/// Splits `a/node_modules/@s/b` into the folder that `node_modules` is in (`a`) and the name (`@s/b`); `None`
/// for the project itself and the members of its workspace.
fn split(path: &str) -> Option<(&str, &str)> {
    match path.rsplit_once("/node_modules/") {
        Some(parts) => Some(parts),
        None => path.strip_prefix("node_modules/").map(|name| ("", name)),
    }
}

/// Packages by the folder whose `node_modules` holds them.
#[derive(Default)]
struct Folders<'a>(HashMap<&'a str, HashMap<&'a str, usize>>);

impl<'a> Folders<'a> {
    /// What can be seen from `path`, nearest first.
    fn above(&self, path: &str) -> Vec<&HashMap<&'a str, usize>> {
        let mut above = Vec::new();
        let mut folder = path;
        loop {
            above.extend(self.0.get(folder));
            if folder.is_empty() || above.len() == NESTING {
                return above;
            }
            folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
}

fn resolve(above: &[&HashMap<&str, usize>], name: &str) -> Option<usize> {
    above.iter().find_map(|inside| inside.get(name).copied())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::{dependencies, packages};

    const VERSION_3: &str = include_str!("../../tests/lockfiles/package-lock-3.json");

    #[test]
    fn version_3_lists_what_is_installed() {
        assert_eq!(
            packages(&parse(VERSION_3)),
            [
                "@scope/tool 3.0.0 development direct",
                "bundled 0.1.0 runtime indirect",
                "either 1.0.0 optional indirect",
                "fsevents 2.3.3 optional direct",
                "inner 1.0.0 runtime indirect",
                "inner 2.0.0 runtime direct",
                "member-only 5.0.0 runtime direct",
                "outer 1.2.3 runtime direct",
                "real-name 4.0.0 runtime direct",
            ]
        );
    }

    #[test]
    fn a_name_is_resolved_to_the_nearest_folder() {
        assert_eq!(
            dependencies(&parse(VERSION_3)),
            [
                "@scope/tool@3.0.0 -> either@1.0.0",
                "@scope/tool@3.0.0 -> inner@2.0.0",
                "outer@1.2.3 -> bundled@0.1.0",
                "outer@1.2.3 -> inner@1.0.0",
            ]
        );
    }

    #[test]
    fn version_2_says_it_twice_and_is_read_once() {
        let text = r#"{
            "lockfileVersion": 2,
            "packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {"version": "1.0.0"}},
            "dependencies": {"a": {"version": "1.0.0"}, "ghost": {"version": "9.0.0"}}
        }"#;
        assert_eq!(packages(&parse(text)), ["a 1.0.0 runtime direct"]);
    }

    #[test]
    fn what_comes_from_a_local_file_is_no_component() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "node_modules/local": {"version": "1.0.0", "resolved": "file:local.tgz"},
            "node_modules/linked": {"resolved": "packages/linked", "link": true},
            "node_modules/bundled": {"version": "1.0.0", "resolved": false, "inBundle": true}
        }}"#;
        assert_eq!(packages(&parse(text)), ["bundled 1.0.0 runtime indirect"]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused() {
        assert!(matches!(parse("{"), Err(LockfileError::Json(_))));
        assert!(matches!(parse("[]"), Err(LockfileError::Json(_))));
        assert!(matches!(parse("{}"), Err(LockfileError::NothingLocked)));
        assert!(matches!(parse(r#"{"lockfileVersion": 4}"#), Err(LockfileError::UnsupportedVersion(4))));
        assert_eq!(parse(r#"{"lockfileVersion": 3}"#).unwrap().packages, []);
    }
}
