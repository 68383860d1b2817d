//! Files that are unpacked into memory, as long as they are few and small.

use crate::limits::UnpackLimits;
use scanledger_domain::source::MemoryTree;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Files in memory, and one that is being written.
pub(crate) struct Memory<'a> {
    limits: &'a UnpackLimits,
    files: BTreeMap<PathBuf, Range<usize>>,
    contents: Vec<u8>,
    /// Where the content of the file at work begins.
    begun: usize,
    /// Bytes of the paths of files and folders.
    paths: u64,
}

impl<'a> Memory<'a> {
    pub(crate) const fn new(limits: &'a UnpackLimits) -> Self {
        Self { limits, files: BTreeMap::new(), contents: Vec::new(), begun: 0, paths: 0 }
    }

    /// Whether there is a file `path`.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// Takes note of a folder; `false` if there is no room.
    pub(crate) fn folder(&mut self, path: &Path) -> bool {
        self.note(path)
    }

    /// Begins a file; `false` if there is no room for one more.
    pub(crate) fn begin(&mut self, path: &Path) -> bool {
        self.begun = self.contents.len();
        self.has(path) || (self.files.len() < self.limits.memory_files && self.note(path))
    }

    /// Adds to the file at work; `false`, and nothing is added, if there is no room.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        let has_room = self.has_room(bytes.len());
        if has_room {
            self.contents.extend_from_slice(bytes);
        }
        has_room
    }

    /// The content of the file at work.
    pub(crate) fn at_work(&self) -> &[u8] {
        &self.contents[self.begun..]
    }

    /// The file at work is whole, and replaces an earlier one of the same path. Answers whether there was none.
    pub(crate) fn end(&mut self, path: &Path) -> bool {
        self.files.insert(path.to_owned(), self.begun..self.contents.len()).is_none()
    }

    /// Path and content of each whole file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, range)| (path.as_path(), &self.contents[range.clone()]))
    }

    /// What scanners read.
    pub(crate) fn into_tree(self) -> MemoryTree {
        let files = self.files.into_iter().map(|(path, range)| (shown(&path), range));
        MemoryTree::new(files.collect(), self.contents)
    }

    fn note(&mut self, path: &Path) -> bool {
        let bytes = path.as_os_str().len();
        let has_room = self.has_room(bytes);
        if has_room {
            self.paths += bytes as u64;
        }
        has_room
    }

    fn has_room(&self, more: usize) -> bool {
        (self.contents.len() as u64) + self.paths + (more as u64) <= self.limits.memory_bytes
    }
}

/// A path with `/`, whatever the system writes.
fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
