//! `go.sum` (Go Modules Reference, "go.sum files"), for trees without a `go.mod` beside it.
//!
//! A module of which only the hash of its `go.mod` is listed was looked at to choose versions and is not in
//! the build.

use super::{Collector, LockfileError, Parsed, gomod};

/// Reads a `go.sum`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let mut collected = Collector::default();
    let mut unreadable = 0;
    let mut readable = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            [module, version, hash] if version.starts_with('v') && hash.starts_with("h1:") => {
                readable += 1;
                if !version.ends_with("/go.mod") {
                    gomod::add(&mut collected, module, version, None);
                }
            }
            _ => unreadable += 1,
        }
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
    fn lines_that_cannot_be_read_are_counted() {
        let parsed = parse("a.b/c v1.0.0 h1:x=\n<<<<<<< HEAD\n\n").unwrap();
        assert_eq!(parsed.notes, ["1 lines cannot be read"]);
        assert_eq!(parsed.packages.len(), 1);
        assert!(parse("nothing like it").is_err());
        assert!(parse("").is_ok());
    }
}
