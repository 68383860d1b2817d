//! `go.mod` (Go Modules Reference, "go.mod files").
//!
//! From Go 1.17 on it lists every module that is needed to build; before, only what the project itself asks for, and
//! the `go.sum` beside it has the rest. Advisories name the standard library `stdlib`, in the version of the toolchain.

use super::{Collector, LockfileError, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Reads a `go.mod`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let file = GoMod::read(text);
    if !file.names_a_module && file.required.is_empty() {
        return Err(LockfileError::NothingLocked);
    }
    let mut collected = Collector::default();
    collected.notes.clone_from(&file.notes);
    for ((module, version), is_direct) in &file.required {
        if file.excluded.contains(&(*module, *version)) {
            collected.notes.push(format!("{module} {version} is excluded and was left out"));
            continue;
        }
        // A replacement of one version goes before that of all versions.
        let replaced =
            file.replaced.get(&(*module, Some(*version))).or_else(|| file.replaced.get(&(*module, None)));
        let (module, version) = match replaced {
            Some(Replacement::Folder) => continue,
            Some(Replacement::Module(module, version)) => (*module, *version),
            None => (*module, *version),
        };
        add(&mut collected, module, version, Some(*is_direct));
    }
    if let Some(version) = file.toolchain.or(file.go) {
        collected.add(Package::new(Ecosystem::Go, "stdlib"), version, Scope::Runtime, Some(true));
    }
    if file.go.is_none_or(lists_only_direct_modules) {
        let note =
            "before Go 1.17 a go.mod lists only what the project itself asks for; the rest is in its go.sum";
        collected.notes.push(note.to_owned());
    }
    Ok(collected.finish())
}

/// Whether the text of a `go.mod` is from Go 1.17 or later, and so lists all that is needed.
pub(crate) fn lists_every_module(text: &str) -> bool {
    GoMod::read(text).go.is_some_and(|go| !lists_only_direct_modules(go))
}

/// Adds a module; versions are kept without their `v`.
pub(super) fn add(collected: &mut Collector, module: &str, version: &str, direct: Option<bool>) -> usize {
    let version = version.strip_prefix('v').unwrap_or(version);
    collected.add(Package::new(Ecosystem::Go, module), version, Scope::Runtime, direct)
}

fn lists_only_direct_modules(go: &str) -> bool {
    let mut numbers = go.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (1, 17)
}

#[derive(Default)]
struct GoMod<'a> {
    names_a_module: bool,
    go: Option<&'a str>,
    toolchain: Option<&'a str>,
    /// Whether it is direct, by module and version.
    required: BTreeMap<(&'a str, &'a str), bool>,
    excluded: BTreeSet<(&'a str, &'a str)>,
    /// What stands in, by module and version; no version means every version.
    replaced: BTreeMap<(&'a str, Option<&'a str>), Replacement<'a>>,
    notes: Vec<String>,
}

enum Replacement<'a> {
    Folder,
    Module(&'a str, &'a str),
}

impl<'a> GoMod<'a> {
    fn read(text: &'a str) -> Self {
        let mut file = Self::default();
        let mut block = None;
        for (number, line) in (1..).zip(text.lines()) {
            let (code, comment) = line.split_once("//").unwrap_or((line, ""));
            let mut words = words(code);
            if words.is_empty() {
                continue;
            }
            if words == [")"] {
                block = None;
                continue;
            }
            let directive = match block {
                Some(directive) => directive,
                None => words.remove(0),
            };
            if block.is_none() && words == ["("] {
                block = Some(directive);
                continue;
            }
            if !file.take(directive, &words, is_indirect(comment)) {
                file.notes.push(format!("line {number} cannot be read"));
            }
        }
        file
    }

    /// Takes in one line; answers whether it was understood.
    fn take(&mut self, directive: &str, words: &[&'a str], is_indirect: bool) -> bool {
        match (directive, words) {
            ("module", [_]) => self.names_a_module = true,
            ("go", [version]) => self.go = Some(version),
            ("toolchain", ["default"]) => (),
            ("toolchain", [name]) => {
                // `go1.21.3-bigcorp` is a build of 1.21.3 by somebody else.
                let version = name.strip_prefix("go").map(|name| name.split('-').next().unwrap_or(name));
                self.toolchain = version;
                return version.is_some();
            }
            ("require", [module, version]) => {
                let is_direct = self.required.entry((module, version)).or_default();
                *is_direct |= !is_indirect;
            }
            ("exclude", [module, version]) => {
                self.excluded.insert((module, version));
            }
            ("replace", [old, "=>", new @ ..]) => return self.replace((old, None), new),
            ("replace", [old, version, "=>", new @ ..]) => return self.replace((old, Some(version)), new),
            ("require" | "exclude" | "replace" | "go" | "toolchain" | "module", _) => return false,
            // What the project withdraws of itself, its tools and settings say nothing about what it needs;
            // neither do directives that are still to be invented.
            _ => (),
        }
        true
    }

    fn replace(&mut self, old: (&'a str, Option<&'a str>), new: &[&'a str]) -> bool {
        let replacement = match new {
            [_] => Replacement::Folder,
            [module, version] => Replacement::Module(module, version),
            _ => return false,
        };
        self.replaced.insert(old, replacement);
        true
    }
}

/// The words of a line, without the quotes that Go allows around them.
fn words(code: &str) -> Vec<&str> {
    code.split_ascii_whitespace().map(|word| word.trim_matches(['"', '`'])).collect()
}

fn is_indirect(comment: &str) -> bool {
    let comment = comment.trim_start();
    comment.strip_prefix("indirect").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';', '\t']))
}

#[cfg(test)]
mod tests {
    use super::{lists_every_module, parse};
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::packages;

    #[test]
    fn required_modules_are_components_as_they_are_replaced() {
        assert_eq!(
            packages(&parse(include_str!("../../tests/lockfiles/go.mod"))),
            [
                "example.com/fork 1.9.0 runtime direct",
                "github.com/dgrijalva/jwt-go 3.2.0+incompatible runtime direct",
                "github.com/pinned/module 1.1.0 runtime indirect",
                "golang.org/x/text 0.3.3 runtime indirect",
                "gopkg.in/yaml.v2 2.2.2 runtime direct",
                "stdlib 1.21.3 runtime direct",
            ]
        );
    }

    #[test]
    fn the_standard_library_has_the_version_of_the_toolchain_else_of_the_language() {
        let stdlib = |text: &str| packages(&parse(&format!("module m\n{text}")));
        assert_eq!(stdlib("go 1.21"), ["stdlib 1.21 runtime direct"]);
        assert_eq!(stdlib("go 1.21.0\ntoolchain go1.22.1"), ["stdlib 1.22.1 runtime direct"]);
        assert_eq!(stdlib("go 1.21.0\ntoolchain default"), ["stdlib 1.21.0 runtime direct"]);
        assert_eq!(stdlib("toolchain go1.21.3-bigcorp"), ["stdlib 1.21.3 runtime direct"]);
        assert!(stdlib("").is_empty());
    }

    #[test]
    fn an_excluded_version_is_left_out_with_a_note() {
        let parsed = parse("module m\ngo 1.20\nrequire a.b/c v1.0.0\nexclude a.b/c v1.0.0").unwrap();
        assert_eq!(parsed.packages.len(), 1);
        assert_eq!(parsed.notes, ["a.b/c v1.0.0 is excluded and was left out"]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_noted_and_the_rest_goes_on() {
        let parsed = parse("module m\ngo 1.20\nrequire a.b/c\nrequire a.b/d v1.0.0\nfuture thing x").unwrap();
        assert_eq!(parsed.notes, ["line 3 cannot be read"]);
        assert_eq!(parsed.packages.len(), 2);
    }

    #[test]
    fn an_old_file_says_that_it_lists_less() {
        assert_eq!(parse("module m\ngo 1.16").unwrap().notes.len(), 1);
        assert_eq!(parse("module m\ngo 1.17").unwrap().notes.len(), 0);
        for (go, lists_every) in [
            ("", false),
            ("go 1.16", false),
            ("go 1.17", true),
            ("go 1.9", false),
            ("go 1.21.3", true),
            ("go 2", true),
        ] {
            assert_eq!(lists_every_module(&format!("module m\n{go}\n")), lists_every, "{go}");
        }
    }

    #[test]
    fn what_is_no_go_mod_is_refused() {
        assert!(matches!(parse("hello world"), Err(LockfileError::NothingLocked)));
    }
}
