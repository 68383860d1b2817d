//! The files of a source tree that scanners look at.

use ignore::WalkBuilder;
use scanledger_domain::scanning::Unread;
use scanledger_domain::source::{MemoryTree, SKIPPED_FOLDERS, SourceTree, skipped_folder};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A regular file in a tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceFile<'a> {
    /// Relative to the root, with `/`.
    pub path: Cow<'a, str>,
    /// Where its content is.
    pub location: Location<'a>,
}

/// Where the content of a file is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Location<'a> {
    /// In this file.
    Disk(PathBuf),
    /// Here.
    Memory(&'a [u8]),
}

impl SourceFile<'_> {
    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Its content, from the beginning.
    pub(crate) fn open(&self) -> io::Result<Opened<'_>> {
        Ok(match &self.location {
            Location::Disk(path) => Opened::Disk(File::open(path)?),
            Location::Memory(content) => Opened::Memory(content),
        })
    }
}

/// The content of a file.
pub(crate) enum Opened<'a> {
    /// From a disk.
    Disk(File),
    /// What is left of it.
    Memory(&'a [u8]),
}

impl Read for Opened<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            Self::Memory(left) => left.read(buffer),
        }
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read_to_end(buffer),
            Self::Memory(left) => left.read_to_end(buffer),
        }
    }
}

/// What a walk through a tree found.
#[derive(Default)]
pub(crate) struct Tree<'a> {
    /// Its files, sorted by path.
    pub files: Vec<SourceFile<'a>>,
    /// Folders that could not be read: `(path, message)`.
    pub warnings: Vec<(String, String)>,
    /// Folders that were left out because of their names.
    pub skipped_folders: u64,
}

impl Tree<'_> {
    /// What could not be read: of a folder that could not be listed nobody knows which it is, so it may be anywhere.
    pub(crate) fn unread(&self) -> Unread {
        self.warnings.iter().map(|(folder, _)| folder.as_str()).collect()
    }
}

/// Lists the regular files of `source`. Links are not followed.
pub(crate) fn walk(source: &SourceTree) -> Tree<'_> {
    let mut tree = match source {
        SourceTree::Folder(root) => walk_folder(root),
        SourceTree::Memory(tree) => walk_memory(tree),
    };
    tree.files.sort();
    tree.warnings.sort();
    tree
}

fn walk_memory(source: &MemoryTree) -> Tree<'_> {
    let mut tree = Tree::default();
    let mut skipped = BTreeSet::new();
    for (path, content) in source.files() {
        match skipped_folder(path) {
            Some(folder) => drop(skipped.insert(folder)),
            None => {
                tree.files.push(SourceFile { path: path.into(), location: Location::Memory(content) });
            }
        }
    }
    tree.skipped_folders = skipped.len() as u64;
    tree
}

fn walk_folder(root: &Path) -> Tree<'static> {
    let mut tree = Tree::default();
    let skipped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&skipped);
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_named = || SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name);
            // Depth 0 is the root, which may have any name.
            let is_skipped = is_folder && entry.depth() > 0 && is_named();
            counter.fetch_add(u64::from(is_skipped), Ordering::Relaxed);
            !is_skipped
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if let Some(path) = relative(root, entry.path()) {
                    let location = Location::Disk(entry.into_path());
                    tree.files.push(SourceFile { path: path.into(), location });
                }
            }
            Ok(_) => (),
            // The text of the error names the location on this machine, so only its kind is told.
            Err(error) => {
                let kind =
                    error.io_error().map_or("it cannot be listed".to_owned(), |e| e.kind().to_string());
                tree.warnings.push((String::new(), format!("a folder was left out: {kind}")));
            }
        }
    }
    tree.skipped_folders = skipped.load(Ordering::Relaxed);
    tree
}

fn relative(root: &Path, location: &Path) -> Option<String> {
    let mut path = String::new();
    for part in location.strip_prefix(root).ok()?.components() {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&part.as_os_str().to_string_lossy());
    }
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{SKIPPED_FOLDERS, walk};
    use scanledger_domain::source::{MemoryTree, SourceTree};
    use std::fs;
    use std::io::Read;
    use std::path::Path;
    use tempfile::TempDir;

    fn folder(root: &Path) -> SourceTree {
        SourceTree::Folder(root.to_owned())
    }

    fn found(source: &SourceTree) -> Vec<(String, String)> {
        let content = |file: &super::SourceFile<'_>| {
            let mut text = String::new();
            file.open().unwrap().take(100).read_to_string(&mut text).unwrap();
            text
        };
        walk(source).files.iter().map(|file| (file.path.to_string(), content(file))).collect()
    }

    /// What is found of files that say their own names: the same in a folder and in memory.
    fn paths(files: &[&str]) -> Vec<String> {
        let root = TempDir::new().unwrap();
        let (mut ranges, mut contents) = (vec![], vec![]);
        for file in files {
            let location = root.path().join(file);
            fs::create_dir_all(location.parent().unwrap()).unwrap();
            fs::write(location, file).unwrap();
            let start = contents.len();
            contents.extend_from_slice(file.as_bytes());
            ranges.push(((*file).to_owned(), start..contents.len()));
        }
        let on_disk = found(&folder(root.path()));
        assert_eq!(found(&SourceTree::Memory(MemoryTree::new(ranges, contents))), on_disk);
        assert!(on_disk.iter().all(|(path, content)| path == content));
        on_disk.into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn files_are_sorted_by_path() {
        assert_eq!(paths(&["b", "a/z", "a.txt", "a/b/c"]), ["a.txt", "a/b/c", "a/z", "b"]);
    }

    #[test]
    fn folders_of_dependencies_and_output_are_left_out_wherever_they_are() {
        for folder in SKIPPED_FOLDERS {
            let inside = format!("app/{folder}/file");
            assert_eq!(paths(&[&inside, "app/file"]), ["app/file"], "{folder}");
        }
    }

    #[test]
    fn folders_that_are_left_out_are_counted_and_not_what_is_in_them() {
        let files = ["vendor/a/x", "vendor/b/vendor/x", "web/dist/x", "web/src/x", "build"];
        let root = TempDir::new().unwrap();
        for file in files {
            let location = root.path().join(file);
            fs::create_dir_all(location.parent().unwrap()).unwrap();
            fs::write(location, "").unwrap();
        }
        let ranges = files.iter().map(|file| ((*file).to_owned(), 0..0)).collect();
        for source in [folder(root.path()), SourceTree::Memory(MemoryTree::new(ranges, vec![]))] {
            assert_eq!(walk(&source).skipped_folders, 2, "{source:?}");
        }
    }

    #[test]
    fn a_file_named_like_a_skipped_folder_is_kept() {
        assert_eq!(paths(&["build", "vendors/file"]), ["build", "vendors/file"]);
    }

    #[test]
    fn files_that_git_ignores_and_hidden_files_are_kept() {
        assert_eq!(paths(&[".gitignore", ".env", ".github/workflow.yml"]).len(), 3);
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        fs::write(root.path().join(".gitignore"), ".env\n").unwrap();
        fs::write(root.path().join(".env"), "").unwrap();
        assert_eq!(walk(&folder(root.path())).files.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let root = TempDir::new().unwrap();
        std::os::unix::fs::symlink("/", root.path().join("everything")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(walk(&folder(root.path())).files.len(), 1);
    }
}
