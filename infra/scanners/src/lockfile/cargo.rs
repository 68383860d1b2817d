//! `Cargo.lock`, versions 1 to 4 (The Cargo Book, "Cargo.toml vs Cargo.lock").
//!
//! Read with `toml` and not with the `cargo-lock` crate: that one looks up every dependency by walking through
//! all packages, so a crafted file of a few megabytes keeps it busy for hours.

use super::{Collector, LockfileError, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use serde::Deserialize;
use std::collections::HashMap;

/// The two names of the crates.io index. Packages from elsewhere are other packages, whatever their name.
const CRATES_IO: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// Reads a `Cargo.lock`. It does not tell development dependencies apart, so everything counts as run time.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let lockfile: Lockfile = toml::from_str(text).map_err(LockfileError::Toml)?;
    if lockfile.version.is_none() && lockfile.package.is_empty() && lockfile.root.is_none() {
        return Err(LockfileError::NothingLocked);
    }
    if let Some(version @ 5..) = lockfile.version {
        return Err(LockfileError::UnsupportedVersion(version));
    }
    let packages: Vec<Entry> = lockfile.package.into_iter().chain(lockfile.root).collect();
    let mut collected = Collector::default();
    let mut elsewhere = 0;
    let mut by_name: HashMap<&str, Vec<(&Entry, usize)>> = HashMap::new();
    for package in &packages {
        match package.source.as_deref() {
            Some(source) if CRATES_IO.contains(&source) => {
                let name = Package::new(Ecosystem::CratesIo, &package.name);
                let at = collected.add(name, &package.version, Scope::Runtime, Some(false));
                by_name.entry(&package.name).or_default().push((package, at));
            }
            Some(_) => elsewhere += 1,
            None => (),
        }
    }
    for package in &packages {
        let needing = by_name.get(package.name.as_str()).and_then(|same_name| {
            same_name.iter().find(|(other, _)| std::ptr::eq(*other, package)).map(|(_, at)| *at)
        });
        for needed in package.dependencies.iter().filter_map(|text| resolve(text, &by_name)) {
            match needing {
                Some(needing) => collected.edge(needing, needed),
                None if package.source.is_none() => collected.packages[needed].direct = Some(true),
                None => (),
            }
        }
    }
    collected.passed_over(elsewhere, "packages from git or other registries are not matched with advisories");
    Ok(collected.finish())
}

#[derive(Deserialize)]
struct Lockfile {
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Entry>,
    /// Before 2018 the project itself was apart from the packages.
    root: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    source: Option<String>,
    /// `name`, `name version` or `name version (source)`: as much as makes it unambiguous.
    #[serde(default)]
    dependencies: Vec<String>,
}

fn resolve(text: &str, by_name: &HashMap<&str, Vec<(&Entry, usize)>>) -> Option<usize> {
    let mut words = text.split(' ');
    let candidates = by_name.get(words.next()?)?;
    let version = words.next();
    let source = words.next().map(|source| source.trim_matches(['(', ')']));
    if source.is_some_and(|source| !CRATES_IO.contains(&source)) {
        return None;
    }
    candidates
        .iter()
        .find(|(package, _)| version.is_none_or(|version| package.version == version))
        .map(|(_, at)| *at)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::{dependencies, packages};

    const LOCKFILE: &str = include_str!("../../tests/lockfiles/Cargo.lock");

    #[test]
    fn only_packages_of_crates_io_are_components() {
        let parsed = parse(LOCKFILE);
        assert_eq!(
            packages(&parsed),
            [
                "libc 0.2.150 runtime indirect",
                "rand 0.7.3 runtime direct",
                "rand 0.8.5 runtime direct",
                "time 0.1.43 runtime direct",
                "winapi 0.3.9 runtime indirect",
            ]
        );
        assert_eq!(
            parsed.unwrap().notes,
            ["2 packages from git or other registries are not matched with advisories"]
        );
    }

    #[test]
    fn a_dependency_is_named_with_as_much_as_it_takes() {
        assert_eq!(
            dependencies(&parse(LOCKFILE)),
            ["rand@0.7.3 -> libc@0.2.150", "time@0.1.43 -> libc@0.2.150", "time@0.1.43 -> winapi@0.3.9"]
        );
    }

    #[test]
    fn the_first_version_names_everything_in_full() {
        let text = r#"
            [root]
            name = "app"
            version = "0.1.0"
            dependencies = ["time 0.1.43 (registry+https://github.com/rust-lang/crates.io-index)"]
            [[package]]
            name = "time"
            version = "0.1.43"
            source = "registry+https://github.com/rust-lang/crates.io-index"
            [metadata]
            "checksum time 0.1.43 (registry+https://github.com/rust-lang/crates.io-index)" = "ca8a"
        "#;
        assert_eq!(packages(&parse(text)), ["time 0.1.43 runtime direct"]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused() {
        assert!(matches!(parse("[[package]"), Err(LockfileError::Toml(_))));
        assert!(matches!(parse("[[package]]\nname = \"a\""), Err(LockfileError::Toml(_))));
        assert!(matches!(parse("<<<<<<< HEAD\nversion = 3"), Err(LockfileError::Toml(_))));
        assert!(matches!(parse(""), Err(LockfileError::NothingLocked)));
        assert!(matches!(parse("version = 5"), Err(LockfileError::UnsupportedVersion(5))));
    }
}
