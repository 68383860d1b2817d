//! Files in which people write what a project needs: moving a package to another version without touching anything
//! else (dpendx reference §3: `package.json`, `go.mod`, `requirements.txt`, `pyproject.toml`).

mod go_mod;
mod package_json;
mod python;

use crate::component::{Ecosystem, Package};

/// A kind of file that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manifest {
    /// `package.json`.
    PackageJson,
    /// `go.mod`.
    GoMod,
    /// `requirements.txt` and the like.
    Requirements,
    /// `pyproject.toml`.
    PyProject,
}

/// The files that may name a package which was found in `path`, the likeliest first: a lockfile's manifest lies beside
/// it. None for ecosystems whose manifests are not edited.
pub fn manifests_of(ecosystem: Ecosystem, path: &str) -> Vec<(Manifest, String)> {
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
    let beside = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    match ecosystem {
        Ecosystem::Npm => vec![(Manifest::PackageJson, beside("package.json"))],
        Ecosystem::Go => vec![(Manifest::GoMod, beside("go.mod"))],
        Ecosystem::PyPi if file.ends_with(".txt") || file.ends_with(".in") => {
            vec![(Manifest::Requirements, path.to_owned())]
        }
        Ecosystem::PyPi => vec![(Manifest::PyProject, beside("pyproject.toml"))],
        Ecosystem::CratesIo => vec![],
    }
}

/// The file with `package` at version `to`; `None` if it does not ask for the package, or in a way that cannot be
/// changed with certainty (ranges of several parts, other sources, hashes).
pub fn edit(manifest: Manifest, content: &str, package: &Package, to: &str) -> Option<String> {
    let spans = match manifest {
        Manifest::PackageJson => package_json::requirements(content, &package.name, to),
        Manifest::GoMod => go_mod::requirements(content, &package.name, to),
        Manifest::Requirements => python::requirements(content, &package.name, to),
        Manifest::PyProject => python::project(content, &package.name, to),
    };
    replaced(content, spans)
}

/// A part of a text, and what is to be there instead.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// The text with all edits, which are in order and do not overlap; `None` without any that changes something.
fn replaced(content: &str, edits: Vec<Edit>) -> Option<String> {
    let mut text = String::with_capacity(content.len() + 16);
    let mut done = 0;
    for edit in edits {
        text.push_str(content.get(done..edit.start)?);
        text.push_str(&edit.text);
        done = edit.end;
    }
    text.push_str(content.get(done..)?);
    (text != content).then_some(text)
}

/// Every line with where it begins, without its end.
fn lines(content: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    content.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\r', '\n']))
    })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
