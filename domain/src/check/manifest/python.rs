//! Requirements of Python projects (PEP 508), in lists of their own and in `pyproject.toml` (PEP 621, PEP 735, Poetry).

use super::{Edit, lines};
use crate::check::version::is_plain;
use crate::component::{Ecosystem, Package};

/// Where `requirements.txt` asks for a package.
pub(super) fn requirements(content: &str, name: &str, to: &str) -> Vec<Edit> {
    lines(content)
        .filter_map(|(start, line)| {
            // A version that has hashes needs other hashes too.
            let is_plain = !line.contains("--hash") && !line.trim_end().ends_with('\\');
            if is_plain { requirement(start, line.split(" #").next()?, name, to) } else { None }
        })
        .collect()
}

/// Where `pyproject.toml` asks for a package.
pub(super) fn project(content: &str, name: &str, to: &str) -> Vec<Edit> {
    let mut table = "";
    let mut edits = Vec::new();
    for (start, line) in lines(content) {
        let trimmed = line.trim();
        if trimmed.starts_with('[')
            && !trimmed.starts_with("[\"")
            && trimmed.ends_with(']')
            && !line.starts_with(' ')
        {
            table = trimmed.trim_matches(['[', ']']);
        } else if is_of_poetry(table) {
            edits.extend(poetry(start, line, name, to));
        } else if matches!(table, "project" | "project.optional-dependencies" | "dependency-groups") {
            for (at, text) in strings(line) {
                edits.extend(requirement(start + at, text, name, to));
            }
        }
    }
    edits
}

fn is_of_poetry(table: &str) -> bool {
    let group = table.strip_prefix("tool.poetry.").and_then(|rest| rest.strip_suffix("dependencies"));
    group.is_some_and(|group| matches!(group, "" | "dev-") || group.starts_with("group."))
}

/// `name = "^1.2"` or `name = { version = "^1.2", … }`.
fn poetry(start: usize, line: &str, name: &str, to: &str) -> Option<Edit> {
    let (key, value) = line.split_once('=')?;
    if !is_package(key.trim().trim_matches('"'), name) {
        return None;
    }
    let offset = key.len() + 1;
    let (from, value) = match value.trim_start().starts_with('{') {
        true => {
            let at = value.find("version")?;
            (at, &value[at..])
        }
        false => (0, value),
    };
    let (at, range) = strings(value).next()?;
    let version = range.trim_start_matches(['^', '~', '>', '=', ' ']);
    let operator = &range[..range.len() - version.len()];
    let is_known = matches!(operator.trim_end(), "" | "^" | "~" | ">=" | "==" | "~=");
    let start = start + offset + from + at;
    (is_known && is_plain(version)).then(|| Edit {
        start,
        end: start + range.len(),
        text: format!("{operator}{to}"),
    })
}

/// The version in a requirement with one clause: `name[extra]==1.0; python_version > "3"`.
fn requirement(start: usize, text: &str, name: &str, to: &str) -> Option<Edit> {
    let clauses = text.split(';').next()?;
    let named = clauses.trim_start();
    let end = named.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(named.len());
    if !is_package(&named[..end], name) {
        return None;
    }
    let mut rest = named[end..].trim_start();
    if rest.starts_with('[') {
        rest = rest[rest.find(']')? + 1..].trim_start();
    }
    let operator = ["===", "==", ">=", "~="].into_iter().find(|operator| rest.starts_with(operator))?;
    let version = rest[operator.len()..].trim();
    if !is_plain(version) {
        return None;
    }
    // `version` is a part of `text`, so it is where it is in memory.
    let at = start + (version.as_ptr() as usize - text.as_ptr() as usize);
    Some(Edit { start: at, end: at + version.len(), text: to.to_owned() })
}

fn is_package(written: &str, name: &str) -> bool {
    !written.is_empty() && Package::new(Ecosystem::PyPi, written).name == name
}

/// The strings of a line, with where their content begins; without what a comment says.
fn strings(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &line[at..];
        let open = rest.find(['"', '\'', '#'])?;
        let quote = char::from(rest.as_bytes()[open]);
        if quote == '#' {
            return None;
        }
        let start = at + open + 1;
        let length = line[start..].find(quote)?;
        at = start + length + 1;
        Some((start, &line[start..start + length]))
    })
}
