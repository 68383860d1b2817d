//! A source tree as scanners get it: a folder, or all of it in memory.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Folders whose content is not the project's own source: dependencies, build output, caches (Pepper reference §13).
/// `.gitignore` is not applied: what is ignored by git can still be in an upload, and a secret in it is still a secret.
/// What a dependency imports does not say that the project does.
pub const SKIPPED_FOLDERS: [&str; 15] = [
    "node_modules",
    ".git",
    ".svn",
    "vendor",
    "dist",
    "build",
    "target",
    "__pycache__",
    ".tox",
    "venv",
    ".venv",
    ".next",
    "coverage",
    ".nyc_output",
    ".cache",
];

/// Whether a file, by its path relative to the root, is in a folder that is skipped.
pub fn is_in_skipped_folder(path: &str) -> bool {
    skipped_folder(path).is_some()
}

/// The outermost skipped folder that a file is in; both by their paths relative to the root.
pub fn skipped_folder(path: &str) -> Option<&str> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    let mut start = 0;
    for end in ends {
        if SKIPPED_FOLDERS.contains(&&path[start..end]) {
            return Some(&path[..end]);
        }
        start = end + 1;
    }
    None
}

/// A source tree; it does not change while somebody reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceTree {
    /// A folder without links that leave it.
    Folder(PathBuf),
    /// Files in memory: making and removing thousands of small files costs more than to search them.
    Memory(MemoryTree),
}

/// Regular files in memory, all contents in one piece.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MemoryTree {
    files: Vec<(String, Range<usize>)>,
    contents: Vec<u8>,
}

impl MemoryTree {
    /// Files by path (relative to the root, with `/`) and by where their content lies in `contents`. A range
    /// that is not in `contents` is an empty file.
    pub const fn new(files: Vec<(String, Range<usize>)>, contents: Vec<u8>) -> Self {
        Self { files, contents }
    }

    /// The same files without the folder that all of them are in; as it is if there is no such folder.
    #[must_use]
    pub fn in_only_folder(mut self) -> Self {
        let folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.len() + 1);
        let Some(length) = self.files.first().and_then(|(path, _)| folder(path)) else { return self };
        let prefix = self.files[0].0[..length].to_owned();
        if self.files.iter().all(|(path, _)| path.starts_with(&prefix)) {
            for (path, _) in &mut self.files {
                path.drain(..length);
            }
        }
        self
    }

    /// Path and content of each file, in the order in which they were given.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let content = |range: &Range<usize>| self.contents.get(range.clone()).unwrap_or_default();
        self.files.iter().map(move |(path, range)| (path.as_str(), content(range)))
    }
}

/// How much there is; what there is may be secret.
impl fmt::Debug for MemoryTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTree")
            .field("files", &self.files.len())
            .field("bytes", &self.contents.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryTree, SourceTree, is_in_skipped_folder, skipped_folder};

    #[test]
    fn files_have_their_part_of_the_contents() {
        let files = vec![("a".to_owned(), 0..3), ("b/c".to_owned(), 3..3), ("d".to_owned(), 3..5)];
        let tree = MemoryTree::new(files, b"onetw".to_vec());
        let found: Vec<_> = tree.files().collect();
        assert_eq!(found, [("a", &b"one"[..]), ("b/c", b""), ("d", b"tw")]);
    }

    #[test]
    fn a_file_beyond_the_contents_is_empty() {
        let tree = MemoryTree::new(vec![("a".to_owned(), 1..9)], b"one".to_vec());
        assert_eq!(tree.files().collect::<Vec<_>>(), [("a", &b""[..])]);
    }

    #[test]
    fn a_folder_around_everything_can_be_left_out() {
        let paths = |paths: &[&str]| {
            let files = paths.iter().map(|path| ((*path).to_owned(), 0..0)).collect();
            let tree = MemoryTree::new(files, vec![]).in_only_folder();
            tree.files().map(|(path, _)| path.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(paths(&["a-1/x", "a-1/b/y"]), ["x", "b/y"]);
        assert_eq!(paths(&["a-1/x", "a-10/y"]), ["a-1/x", "a-10/y"]);
        assert_eq!(paths(&["x", "a/y"]), ["x", "a/y"]);
        assert_eq!(paths(&[]), [""; 0]);
    }

    #[test]
    fn a_file_is_skipped_for_the_outermost_folder() {
        assert_eq!(skipped_folder("web/dist/vendor/a.js"), Some("web/dist"));
        assert_eq!(skipped_folder("vendor/a"), Some("vendor"));
        for kept in ["", "vendor", "web/dist", "vendors/a", "a/b.c", "adist/b"] {
            assert!(!is_in_skipped_folder(kept), "{kept}");
        }
    }

    #[test]
    fn what_is_written_to_logs_tells_no_content() {
        let tree = SourceTree::Memory(MemoryTree::new(vec![("key.pem".to_owned(), 0..4)], b"1234".to_vec()));
        assert_eq!(format!("{tree:?}"), "Memory(MemoryTree { files: 1, bytes: 4 })");
    }
}
