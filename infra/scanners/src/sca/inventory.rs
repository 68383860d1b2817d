//! The components of a tree: what all of its lockfiles say.

use crate::lockfile::{self, LockfileKind, Parsed};
use crate::tree::{self, SourceFile};
use scanledger_domain::component::{Component, Ecosystem, Package};
use scanledger_domain::limits::LOCKFILE_BYTES;
use scanledger_domain::scanning::{Control, Interrupted, Unread};
use scanledger_domain::source::SourceTree;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;

/// Notes of one lockfile that are kept as warnings; a broken file can have one for each of its lines.
const NOTES: usize = 20;

/// Everything that the lockfiles of a tree say.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Sorted by path of the lockfile, then by package and version.
    pub components: Vec<Component>,
    pub dependencies: Vec<(usize, usize)>,
    pub warnings: Vec<(String, String)>,
    /// Lockfiles that could not be read.
    pub unread: Unread,
    pub files_scanned: u64,
    pub skipped_folders: u64,
}

impl Inventory {
    /// Reads every lockfile of `source`.
    pub(super) fn read(source: &SourceTree, control: &dyn Control) -> Result<Self, Interrupted> {
        let tree = tree::walk(source);
        let files: BTreeMap<&str, &SourceFile<'_>> =
            tree.files.iter().map(|file| (&*file.path, file)).collect();
        let mut waiting: VecDeque<(&SourceFile<'_>, LockfileKind)> = files
            .values()
            .filter_map(|file| LockfileKind::of(&file.path).map(|kind| (*file, kind)))
            .filter(|(file, kind)| !is_covered(file, *kind, &files))
            .collect();
        let mut known: BTreeSet<&str> = waiting.iter().map(|(file, _)| &*file.path).collect();
        let mut inventory = Self {
            unread: tree.unread(),
            warnings: tree.warnings,
            skipped_folders: tree.skipped_folders,
            ..Self::default()
        };
        let mut parsed_files = BTreeMap::new();
        while let Some((file, kind)) = waiting.pop_front() {
            control.safe_point()?;
            match parse(file, kind) {
                Ok(parsed) => {
                    for include in &parsed.includes {
                        match resolve(&file.path, include).and_then(|path| files.get(path.as_str())) {
                            Some(included) if known.insert(&included.path) => {
                                waiting.push_back((included, kind))
                            }
                            Some(_) => (),
                            None => inventory
                                .warn(file, format!("the included file {include} is not in the source")),
                        }
                    }
                    for note in parsed.notes.iter().take(NOTES) {
                        inventory.warn(file, note.clone());
                    }
                    parsed_files.insert(&file.path, parsed);
                }
                Err(message) => {
                    // Which further files it includes is not known either, and they may have any name.
                    let includes = kind == LockfileKind::Requirements;
                    inventory.unread.add(if includes { "" } else { &*file.path });
                    inventory.warn(file, message);
                }
            }
            inventory.files_scanned += 1;
            control.progress(inventory.files_scanned, inventory.files_scanned + waiting.len() as u64);
        }
        for (path, parsed) in parsed_files {
            inventory.add(path, parsed);
        }
        inventory.warnings.sort();
        Ok(inventory)
    }

    /// Every package and version once, sorted, with the lockfiles that name it.
    pub(super) fn lookups(&self) -> Vec<(&Package, &str, Vec<&str>)> {
        let mut lookups: BTreeMap<(&Package, &str), Vec<&str>> = BTreeMap::new();
        for component in &self.components {
            lookups.entry((&component.package, &component.version)).or_default().push(&component.path);
        }
        lookups.into_iter().map(|((package, version), paths)| (package, version, paths)).collect()
    }

    /// The ecosystems of the components.
    pub(super) fn ecosystems(&self) -> BTreeSet<Ecosystem> {
        self.components.iter().map(|component| component.package.ecosystem).collect()
    }

    fn add(&mut self, path: &str, parsed: Parsed) {
        let first = self.components.len();
        self.components.extend(parsed.packages.into_iter().map(|locked| Component {
            package: locked.package,
            version: locked.version,
            path: path.to_owned(),
            scope: locked.scope,
            direct: locked.direct,
        }));
        self.dependencies.extend(parsed.dependencies.iter().map(|(from, to)| (first + from, first + to)));
    }

    fn warn(&mut self, file: &SourceFile<'_>, message: String) {
        self.warnings.push((file.path.to_string(), message));
    }
}

/// A `go.sum` says nothing that the `go.mod` beside it does not say better, if that lists every module.
fn is_covered(file: &SourceFile<'_>, kind: LockfileKind, files: &BTreeMap<&str, &SourceFile<'_>>) -> bool {
    let beside = || resolve(&file.path, "go.mod").and_then(|path| files.get(path.as_str()));
    kind == LockfileKind::GoSum
        && beside()
            .and_then(|file| read(file, LOCKFILE_BYTES).ok())
            .is_some_and(|text| lockfile::lists_every_module(&text))
}

fn parse(file: &SourceFile<'_>, kind: LockfileKind) -> Result<Parsed, String> {
    let text = read(file, LOCKFILE_BYTES)?;
    kind.parse(&file.path, &text).map_err(|error| format!("the lockfile cannot be read: {error}"))
}

fn read(file: &SourceFile<'_>, limit: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.open()
        .and_then(|opened| opened.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("the lockfile cannot be opened: {}", error.kind()))?;
    if bytes.len() as u64 > limit {
        return Err(format!("the lockfile is larger than {limit} bytes and was left out"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the lockfile is not valid UTF-8".to_owned())?;
    // Editors on Windows put a mark in front that no parser expects.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The path that `include`, written in the file at `path`, means; `None` if it leaves the tree.
fn resolve(path: &str, include: &str) -> Option<String> {
    if include.starts_with('/') || include.contains("://") {
        return None;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in include.split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{read, resolve};
    use crate::tree::{Location, SourceFile};

    fn file(content: &str) -> SourceFile<'_> {
        SourceFile { path: "go.sum".into(), location: Location::Memory(content.as_bytes()) }
    }

    #[test]
    fn an_include_is_relative_to_its_file_and_stays_in_the_tree() {
        assert_eq!(resolve("requirements.txt", "base.txt").as_deref(), Some("base.txt"));
        assert_eq!(resolve("api/dev.txt", "./more/../base.txt").as_deref(), Some("api/base.txt"));
        assert_eq!(resolve("api/dev.txt", "../base.txt").as_deref(), Some("base.txt"));
        assert_eq!(resolve("api/dev.txt", "../../etc/passwd"), None);
        assert_eq!(resolve("dev.txt", "/etc/passwd"), None);
        assert_eq!(resolve("dev.txt", "https://example.com/a.txt"), None);
    }

    #[test]
    fn a_lockfile_may_have_exactly_as_many_bytes_as_the_limit() {
        assert_eq!(read(&file("12345"), 5).unwrap(), "12345");
        assert_eq!(
            read(&file("12345"), 4).unwrap_err(),
            "the lockfile is larger than 4 bytes and was left out"
        );
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(read(&file("\u{feff}{}"), 100).unwrap(), "{}");
    }
}
