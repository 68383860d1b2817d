//! `go.sum` (Go Modules Reference, "go.sum files"), for trees without a `go.mod` beside it that lists every module.
//!
//! A module of which only the hash of its `go.mod` is listed was looked at to choose versions and is not in
//! the build. Of several versions the highest one is built, as Go selects it; the others are left from before.

use super::{Collector, LockfileError, Parsed, gomod};
use semver::Version;
use std::collections::BTreeMap;

/// Reads a `go.sum`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let mut collected = Collector::default();
    let mut highest: BTreeMap<&str, (Version, &str)> = BTreeMap::new();
    let mut unreadable = 0;
    let mut readable = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            [module, version, hash] if version.starts_with('v') && hash.starts_with("h1:") => {
                readable += 1;
                if version.ends_with("/go.mod") {
                    continue;
                }
                // Go knows no version that is none of semantic versioning; who wrote one gets it listed.
                let Ok(parsed) = Version::parse(&version[1..]) else {
                    gomod::add(&mut collected, module, version, None);
                    continue;
                };
                let known = highest.entry(module).or_insert_with(|| (parsed.clone(), version));
                if parsed > known.0 {
                    *known = (parsed, version);
                }
            }
            _ => unreadable += 1,
        }
    }
    for (module, (_, version)) in highest {
        gomod::add(&mut collected, module, version, None);
    }
    if readable == 0 && unreadable > 0 {
        return Err(LockfileError::NothingLocked);
    }
    collected.passed_over(unreadable, "lines cannot be read");
    Ok(collected.finish())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::testing::packages;

    #[test]
    fn a_module_with_only_the_hash_of_its_go_mod_is_not_in_the_build() {
        assert_eq!(
            packages(&parse(include_str!("../../tests/lockfiles/go.sum"))),
            [
                "github.com/dgrijalva/jwt-go 3.2.0+incompatible runtime",
                "golang.org/x/text 0.3.3 runtime",
                "gopkg.in/yaml.v2 2.2.2 runtime",
            ]
        );
    }

    #[test]
    fn of_several_versions_the_highest_is_in_the_build() {
        let sums = "a.b/c v1.9.0 h1:x=\na.b/c v1.10.0 h1:x=\na.b/c v1.11.0/go.mod h1:x=\na.b/c v1.10.0-rc.1 h1:x=\n\
                    a.b/c/v2 v2.0.0 h1:x=\na.b/d v0.0.0-20200101000000-0123456789ab h1:x=\n\
                    a.b/d v0.0.0-20190101000000-ffffffffffff h1:x=\na.b/e v1 h1:x=\n";
        assert_eq!(
            packages(&parse(sums)),
            [
                "a.b/c 1.10.0 runtime",
                "a.b/c/v2 2.0.0 runtime",
                "a.b/d 0.0.0-20200101000000-0123456789ab runtime",
                "a.b/e 1 runtime",
            ]
        );
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted() {
        let parsed = parse("a.b/c v1.0.0 h1:x=\n<<<<<<< HEAD\n\n").unwrap();
        assert_eq!(parsed.notes, ["1 lines cannot be read"]);
        assert_eq!(parsed.packages.len(), 1);
        assert!(parse("nothing like it").is_err());
        assert!(parse("").is_ok());
    }
}
