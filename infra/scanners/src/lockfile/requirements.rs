//! `requirements.txt` and the files it includes (pip documentation, "Requirements File Format"; PEP 508).
//!
//! Only versions that are pinned say what gets installed; ranges are left out with a note. Constraint files
//! (`-c`) install nothing by themselves and are not followed.

use super::{Collector, LockfileError, Parsed};
use regex::Regex;
use scanledger_domain::component::{Ecosystem, Package, Scope};
use std::sync::LazyLock;

/// Bytes of one requirement, without its hashes; longer ones are no requirements.
const LINE_BYTES: usize = 4 * 1024;

/// Words in a path that say that its requirements are not for running the product.
const DEVELOPMENT_WORDS: [&str; 8] =
    ["dev", "develop", "development", "test", "tests", "testing", "lint", "docs"];

/// What the requirements in the file at `path` are needed for, by its name.
pub(super) fn scope_of(path: &str) -> Scope {
    let from = path
        .rsplit_once("requirements/")
        .map_or_else(|| path.rsplit('/').next().unwrap_or(path), |(_, in_folder)| in_folder);
    let is_development = from
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| DEVELOPMENT_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)));
    if is_development { Scope::Development } else { Scope::Runtime }
}

/// Reads a requirements file. Any text is one; what cannot be read of it is noted.
pub(super) fn parse(text: &str, scope: Scope) -> Result<Parsed, LockfileError> {
    let mut collected = Collector::default();
    let mut includes = Vec::new();
    let mut unpinned = 0;
    for (number, line) in logical_lines(text) {
        match Line::read(&line) {
            Line::Nothing => (),
            Line::Include(path) => includes.push(path.to_owned()),
            Line::Pinned(name, version) => {
                collected.add(Package::new(Ecosystem::PyPi, &name), &version, scope, None);
            }
            Line::Unpinned => unpinned += 1,
            Line::Unreadable => collected.notes.push(format!("line {number} cannot be read")),
        }
    }
    collected.passed_over(unpinned, "requirements are not pinned to one version and were left out");
    Ok(Parsed { includes, ..collected.finish() })
}

#[derive(Debug)]
enum Line<'a> {
    Nothing,
    Include(&'a str),
    Pinned(String, String),
    Unpinned,
    Unreadable,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        // Hashes and other options of a requirement stand behind it.
        let end = line.find(" --").unwrap_or(line.len());
        let requirement = line[..end].trim();
        if let Some(path) = included(line) {
            return Self::Include(path);
        }
        if requirement.is_empty() {
            return Self::Nothing;
        }
        if line.starts_with('-') {
            let is_editable = line.starts_with("-e") || line.starts_with("--editable");
            return if is_editable { Self::Unpinned } else { Self::Nothing };
        }
        if is_location(requirement) {
            return Self::Unpinned;
        }
        if requirement.len() > LINE_BYTES {
            return Self::Unreadable;
        }
        Self::read_requirement(requirement)
    }

    fn read_requirement(requirement: &str) -> Self {
        let Some(parts) = REQUIREMENT.captures(requirement) else { return Self::Unreadable };
        // An address in place of conditions leaves the group out.
        let Some(conditions) = parts.name("conditions") else { return Self::Unpinned };
        let conditions = conditions.as_str().trim_matches(['(', ')']);
        let mut pinned = None;
        for condition in conditions.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let Some(condition) = CONDITION.captures(condition) else { return Self::Unreadable };
            let is_pin =
                matches!(&condition["operator"], "==" | "===") && !condition["version"].ends_with(".*");
            if is_pin {
                pinned = Some(condition["version"].to_owned());
            }
        }
        pinned.map_or(Self::Unpinned, |version| Self::Pinned(parts["name"].to_owned(), version))
    }
}

/// PEP 508: a name, extras, conditions with or without parentheses or an address, a marker. Read here and not
/// with `pep508_rs`, which panics on a name that ends in a dot.
static REQUIREMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^
        (?<name> [A-Za-z0-9] (?: [A-Za-z0-9._-]* [A-Za-z0-9] )? ) \s*
        (?: \[ [^\]]* \] \s* )?
        (?: @ .* | (?<conditions> \( [^();@]* \) | [^();@]* ) \s* (?: ; .* )? )
        $",
    )
    .expect("a valid expression")
});

/// One condition on a version (PEP 440, "Version specifiers").
static CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<operator>===|==|~=|!=|<=|>=|<|>)\s*(?<version>[^\s=<>!~]+)$")
        .expect("a valid expression")
});

/// Lines with those joined that end in a backslash, without comments; with the number of their first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let (number, mut joined) = open.take().unwrap_or((number, String::new()));
        match line.strip_suffix('\\') {
            Some(part) if !line.trim_start().starts_with('#') => {
                joined.push_str(part);
                open = Some((number, joined));
            }
            _ => {
                joined.push_str(line);
                lines.push((number, without_comment(&joined).trim().to_owned()));
            }
        }
    }
    lines.extend(open.map(|(number, line)| (number, without_comment(&line).trim().to_owned())));
    lines
}

/// A comment starts with a `#` at the start of the line or after white space.
fn without_comment(line: &str) -> &str {
    let comment = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    &line[..comment.unwrap_or(line.len())]
}

fn included(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("--requirement").or_else(|| line.strip_prefix("-r"))?;
    let path = rest.trim_start_matches(['=', ' ', '\t']).trim();
    (!path.is_empty()).then_some(path)
}

/// A folder, an archive or an address in place of a name.
fn is_location(requirement: &str) -> bool {
    requirement.starts_with(['.', '/'])
        || requirement.split_once("://").is_some_and(|(before, _)| !before.contains(['@', ' ', ';', '=']))
}

#[cfg(test)]
mod tests {
    use super::{parse, scope_of};
    use crate::lockfile::testing::packages;
    use scanledger_domain::component::Scope;

    #[test]
    fn pinned_requirements_are_components() {
        let parsed = parse(include_str!("../../tests/lockfiles/requirements.txt"), Scope::Runtime);
        assert_eq!(
            packages(&parsed),
            [
                "both 1.0 runtime",
                "django 2.2.1 runtime",
                "jinja2 2.10 runtime",
                "odd 2.0.post1 runtime",
                "urllib3 1.24.1 runtime",
            ]
        );
        let parsed = parsed.unwrap();
        assert_eq!(parsed.includes, ["base.txt", "more/dev.txt"]);
        assert_eq!(
            parsed.notes,
            ["line 19 cannot be read", "6 requirements are not pinned to one version and were left out"]
        );
    }

    #[test]
    fn a_version_is_kept_as_it_is_written() {
        let version = |line: &str| parse(line, Scope::Runtime).unwrap().packages[0].version.clone();
        assert_eq!(version("a==1.0.0-rc1"), "1.0.0-rc1");
        assert_eq!(version("a (==1.0)"), "1.0");
        assert_eq!(version("a>=1, == 1.5 ;python_version<'3'"), "1.5");
        assert_eq!(version("a[x,y] === 2004d.custom"), "2004d.custom");
    }

    #[test]
    fn what_breaks_the_grammar_is_noted() {
        for line in ["a==", "X.", "a=1", "a==1 b==2", "a[x==1", "-", "a==1==2", "(a==1)"] {
            let parsed = parse(line, Scope::Runtime).unwrap();
            assert_eq!((parsed.packages.len(), parsed.notes.len()), (0, usize::from(line != "-")), "{line}");
        }
    }

    #[test]
    fn a_comment_needs_white_space_before_it() {
        assert_eq!(parse("a==1 # b==2\n#c==3\n  # d==4", Scope::Runtime).unwrap().packages.len(), 1);
        assert_eq!(
            parse("# looks continued \\\na==1", Scope::Runtime).unwrap().packages.len(),
            1,
            "a comment is not continued"
        );
    }

    #[test]
    fn the_name_of_a_file_tells_its_scope() {
        assert_eq!(scope_of("requirements.txt"), Scope::Runtime);
        assert_eq!(scope_of("tests/requirements.txt"), Scope::Runtime);
        assert_eq!(scope_of("requirements-dev.txt"), Scope::Development);
        assert_eq!(scope_of("api/requirements/test.txt"), Scope::Development);
        assert_eq!(scope_of("requirements/production.txt"), Scope::Runtime);
        assert_eq!(scope_of("requirements_device.txt"), Scope::Runtime);
    }
}
